"""What a batch found in use, and left, is written down by book, by sleeve and by strategy, and adds up."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from portfolio.arbiter import Base
from portfolio.batch import blocking
from portfolio.modulation import effective
from portfolio.moment import Moment
from portfolio.sizing import gross_max
from portfolio.sleeves import Sharing, Use, use_by_strategy
from schemas.decisions import (
    Batch,
    Decision,
    LimitsUse,
    Share,
    SleeveCaps,
    Sleeves,
    SleeveShare,
    SleeveUse,
    StrategyUse,
    Verdict,
)

_NONE = Use(positions=0, gross=Decimal(0))


def batch_record(base: Base, verdicts: Sequence[Decision]) -> Batch:
    """What holds for all of *verdicts*, and how many there are of each."""
    real = [row for row in verdicts if row.shadow_verdict is None]
    count = {verdict: sum(row.verdict is verdict for row in real) for verdict in Verdict}
    return Batch(
        codes=tuple(dict.fromkeys(row.code for row in blocking(base.batch))),
        findings=base.batch,
        equity=base.equity,
        allowed=count[Verdict.ALLOW],
        resized=count[Verdict.RESIZE],
        blocked=count[Verdict.BLOCK],
        shadows=len(verdicts) - len(real),
    )


def limits_record(moment: Moment | None, base: Base) -> LimitsUse | None:
    """The book's limits, modulated where E2 is on, and their use at *moment*; None if the book is unknown."""
    if moment is None:
        return None
    config, exposure = effective(base.config, base.modulation), moment.exposure
    limits = config.limits
    return LimitsUse(
        positions=len(exposure.slots),
        positions_max=limits.positions_max,
        entries=len(exposure.entry_intents),
        entries_max=limits.entries_per_day_max,
        gross=exposure.gross,
        gross_max=None if base.equity is None else gross_max(max(0, int(base.equity.scaleb(6))), config),
        net=exposure.net,
        cash=exposure.cash,
        cash_reserved=exposure.cash_reserved,
    )


def sleeves_record(base: Base, before: Moment | None, after: Moment | None) -> Sleeves:
    """The sleeves as configured, and every one's use before and after the batch."""
    sharing = base.sharing
    return Sleeves(
        configuration=tuple(
            SleeveCaps(strategy_id=strategy_id, **dict(caps))
            for strategy_id, caps in sorted(sharing.sleeves.items())
        ),
        allow_unsleeved=sharing.allow_unsleeved,
        allow_symbol_overlap=sharing.allow_symbol_overlap,
        uses=() if before is None or after is None else _uses(base, before.sleeves, after.sleeves),
        strategies=() if before is None or after is None else _strategies(sharing, before, after),
    )


def _uses(base: Base, before: Mapping[str, Use], after: Mapping[str, Use]) -> tuple[SleeveUse, ...]:
    rows = []
    for sleeve_id in sorted({*before, *after}):
        caps, pnl = base.sharing.caps_of(sleeve_id), base.pnl.get(sleeve_id)
        most = None if caps is None else caps.max_daily_loss
        rows.append(
            SleeveUse(
                sleeve_id=sleeve_id,
                pnl=pnl,
                loss_left=None if most is None or pnl is None else most + pnl,
                before=_share(base.sharing, sleeve_id, before.get(sleeve_id, _NONE)),
                after=_share(base.sharing, sleeve_id, after.get(sleeve_id, _NONE)),
            )
        )
    return tuple(rows)


def _share(sharing: Sharing, sleeve_id: str, use: Use) -> SleeveShare:
    caps = sharing.caps_of(sleeve_id)
    slots = None if caps is None else caps.max_concurrent_positions
    gross = None if caps is None else caps.max_gross_exposure
    return SleeveShare(
        positions=use.positions,
        gross=use.gross,
        positions_left=None if slots is None else slots - use.positions,
        gross_left=None if gross is None or use.gross is None else gross - use.gross,
    )


def _strategies(sharing: Sharing, before: Moment, after: Moment) -> tuple[StrategyUse, ...]:
    first, last = use_by_strategy(before.exposure), use_by_strategy(after.exposure)
    return tuple(
        StrategyUse(
            strategy_id=strategy_id,
            sleeve_id=sharing.sleeve_of(strategy_id),
            before=_plain(first.get(strategy_id, _NONE)),
            after=_plain(last.get(strategy_id, _NONE)),
        )
        for strategy_id in sorted({*first, *last})
    )


def _plain(use: Use) -> Share:
    return Share(positions=use.positions, gross=use.gross)
