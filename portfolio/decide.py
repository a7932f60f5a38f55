"""Every intent is decided once, best first, against the exposure that those before it left.

strategy.md 7.1 and 7.2. All findings are reported, not the first alone; a batch finding blocks every intent,
and a blocked intent takes no room. Sizes are made in ``sizing``, worst cases in ``exposure``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from portfolio import exposure as exposures
from portfolio.batch import (
    DecisionInputs,
    batch_findings,
    blocking,
    candidates_fault,
    is_drawn_down,
    sizing_equity,
)
from portfolio.exposure import Exposure
from portfolio.limits import PortfolioConfig
from portfolio.modulation import asked, effective
from portfolio.sizing import Sized, Wish, gross_max, size, wish_of
from schemas.book import ENDED, BookState, Leg
from schemas.candidates import Candidates, Side, TradeIntent
from schemas.decisions import Batch, Decision, Decisions, LimitsUse, Modulation, Verdict
from schemas.header import Finding
from schemas.ids import decision_id
from schemas.reasons.ledger import ReadFaultCode
from schemas.reasons.portfolio import CapCode, DecisionInfo, IntentCode, ModulationCode
from schemas.reasons.scan import IntentCode as ValidityCode
from schemas.strategy_registry import REGISTRY
from strategies.validity import validate_intent

_UNREGISTERED: Final = 1_000_000
"""Priority of a strategy without a registry row: behind all others, where its validity code blocks it."""
_EXPLAINS: Final = frozenset({*map(str, CapCode), *map(str, ModulationCode), *map(str, DecisionInfo)})
"""Codes that block only by way of a quantity of 0, or not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    """What all intents of a batch share."""

    inputs: DecisionInputs
    config: PortfolioConfig
    batch: tuple[Finding, ...]
    equity: Decimal | None
    book: BookState | None
    adv_shares20: dict[str, Decimal]
    modulation: Modulation | None


def run(inputs: DecisionInputs, config: PortfolioConfig) -> Decisions:
    """Decide every intent of the session; none is decided on an input that could not be read."""
    batch = batch_findings(inputs, config)
    usable = (
        candidates_fault(inputs.candidates, inputs.book_id, inputs.session_date, inputs.data_session) is None
    )
    candidates = inputs.candidates if usable and isinstance(inputs.candidates, Candidates) else None
    base = _Base(
        inputs=inputs,
        config=config,
        batch=batch,
        equity=sizing_equity(inputs.snapshot, inputs.account),
        book=None if isinstance(inputs.book, ReadFaultCode) else inputs.book,
        adv_shares20={} if candidates is None else adv_shares20(candidates),
        modulation=asked(
            inputs.regime,
            inputs.data_session,
            config.limits,
            guarded=is_drawn_down(inputs.snapshot, config),
        ),
    )
    before = exposure = _opening(base)
    verdicts: list[Decision] = []
    taken: set[tuple[str, Side]] = set()
    for sequence, intent in enumerate(arbitrated(() if candidates is None else candidates.intents), start=1):
        decision = _decide(intent, sequence, base, exposure, taken)
        if decision.q2 > 0 and exposure is not None and decision.sizing is not None:
            taken.add((intent.symbol, intent.side))
            exposure = exposure.after(
                intent_id=intent.intent_id,
                strategy_id=intent.strategy_id,
                symbol=intent.symbol,
                quantity=int(decision.q2),
                price=decision.sizing.price,
            )
        verdicts.append(decision)
    return Decisions(
        data_session=inputs.data_session,
        batch=_batch(base, verdicts),
        verdicts=tuple(verdicts),
        limits_before=_use(before, base),
        limits_after=_use(exposure, base),
        modulation=base.modulation,
    )


def arbitrated(intents: Iterable[TradeIntent]) -> tuple[TradeIntent, ...]:
    """*intents* in the order of deciding: static priority, then rank; signals are never compared."""

    def key(intent: TradeIntent) -> tuple[int, str, int, str, str]:
        meta = REGISTRY.get(intent.strategy_id)
        priority = _UNREGISTERED if meta is None else meta.priority
        return (priority, intent.strategy_id, intent.rank, intent.symbol, intent.intent_id)

    return tuple(sorted(intents, key=key))


def adv_shares20(candidates: Candidates) -> dict[str, Decimal]:
    """Mean shares a day per symbol, as the candidates carry it."""
    return {row.symbol: row.adv_shares20 for row in candidates.candidates}


def _opening(base: _Base) -> Exposure | None:
    if base.book is None:
        return None
    account = base.inputs.account
    return exposures.measure(
        base.book,
        base.inputs.marks,
        base.inputs.session_date,
        cash=None if isinstance(account, ReadFaultCode) else account.cash,
    )


def _decide(
    intent: TradeIntent,
    sequence: int,
    base: _Base,
    exposure: Exposure | None,
    taken: set[tuple[str, Side]],
) -> Decision:
    """The decision on one intent against *exposure*; reasons in table order, batch first."""
    wish = wish_of(intent, base.adv_shares20.get(intent.symbol), base.config)
    sized = _size(wish, base, exposure)
    reasons = [*base.batch, *validate_intent(intent, base.inputs.now)]
    if not wish.is_sizable and len(reasons) == len(base.batch):
        # Valid at its own prices and yet not at the book's sizing price: still no size, and said so.
        reasons.append(
            Finding(code=ValidityCode.INVALID_LEVELS, subject=intent.symbol, observed=str(wish.price))
        )
    reasons += _standing(intent, base.book, taken)
    if intent.symbol in base.inputs.unsettled:
        differs = base.inputs.unsettled[intent.symbol]
        reasons.append(Finding(code=IntentCode.QUANTITIES_UNSETTLED, subject=intent.symbol, detail=differs))
    reasons += _counts(intent, exposure, effective(base.config, base.modulation))
    reasons += () if sized is None else sized.findings

    wanted = 0 if sized is None else sized.q0
    allowed = 0 if sized is None or any(row.code not in _EXPLAINS for row in reasons) else sized.q2
    if 0 < allowed < wanted and not base.config.resize_enabled:
        allowed = 0
    verdict = Verdict.BLOCK if allowed == 0 else Verdict.ALLOW if allowed == wanted else Verdict.RESIZE
    if verdict is Verdict.ALLOW:
        reasons.append(Finding(code=DecisionInfo.ALLOW_WITHIN_LIMITS, subject=intent.symbol))
    assert verdict is Verdict.ALLOW or reasons, "less than was asked, and no reason for it"
    sizing = None if sized is None else sized.sizing
    return Decision(
        decision_id=decision_id(intent.book_id, intent.session_date, intent.intent_id),
        intent_id=intent.intent_id,
        strategy_id=intent.strategy_id,
        sleeve_id=intent.sleeve_id,
        symbol=intent.symbol,
        side=intent.side,
        rank=intent.rank,
        sequence=sequence,
        verdict=verdict,
        q0=None if sized is None else Decimal(sized.q0),
        q1=None if sized is None else Decimal(sized.q1),
        q2=Decimal(allowed),
        sizing=sizing,
        notional=Decimal(0) if sizing is None else allowed * sizing.price,
        risk=Decimal(0) if sizing is None else allowed * sizing.unit_risk,
        reasons=tuple(reasons),
        room=() if sized is None else tuple(room.record(allowed) for room in sized.rooms),
    )


def _size(wish: Wish, base: _Base, exposure: Exposure | None) -> Sized | None:
    if base.equity is None or exposure is None or not wish.is_sizable:
        return None
    return size(wish, equity=base.equity, exposure=exposure, config=base.config, modulation=base.modulation)


def _standing(intent: TradeIntent, book: BookState | None, taken: set[tuple[str, Side]]) -> Iterable[Finding]:
    """I3 to I5: what the book holds, works or has just been allowed in the symbol."""
    symbol = intent.symbol
    if book is not None:
        for position in book.positions:
            if position.symbol == symbol and position.strategy_id == intent.strategy_id:
                yield Finding(
                    code=IntentCode.SYMBOL_ALREADY_HELD, subject=symbol, observed=position.position_id
                )
        for order in book.orders:
            if order.symbol == symbol and order.leg is Leg.ENTRY and order.state not in ENDED:
                yield Finding(code=IntentCode.OPEN_ORDER_EXISTS, subject=symbol, observed=order.ord_id)
    if (symbol, intent.side) in taken:
        yield Finding(code=IntentCode.SYMBOL_CONFLICT, subject=symbol, observed=intent.side)


def _counts(intent: TradeIntent, exposure: Exposure | None, config: PortfolioConfig) -> Iterable[Finding]:
    """I9 and I10: slots of the book and entries of the session."""
    if exposure is None:
        return
    rows = (
        (IntentCode.LIMIT_MAX_OPEN_POSITIONS, len(exposure.slots), config.limits.positions_max),
        (
            IntentCode.LIMIT_MAX_NEW_ENTRIES_PER_DAY,
            len(exposure.entry_intents),
            config.limits.entries_per_day_max,
        ),
    )
    for code, used, limit in rows:
        if used >= limit:
            yield Finding(code=code, subject=intent.symbol, observed=used, threshold=limit)


def _batch(base: _Base, verdicts: list[Decision]) -> Batch:
    count = {verdict: sum(row.verdict is verdict for row in verdicts) for verdict in Verdict}
    return Batch(
        codes=tuple(dict.fromkeys(row.code for row in blocking(base.batch))),
        findings=base.batch,
        equity=base.equity,
        allowed=count[Verdict.ALLOW],
        resized=count[Verdict.RESIZE],
        blocked=count[Verdict.BLOCK],
    )


def _use(exposure: Exposure | None, base: _Base) -> LimitsUse | None:
    if exposure is None:
        return None
    config = effective(base.config, base.modulation)
    limits = config.limits
    return LimitsUse(
        positions=len(exposure.slots),
        positions_max=limits.positions_max,
        entries=len(exposure.entry_intents),
        entries_max=limits.entries_per_day_max,
        gross=exposure.gross,
        gross_max=None if base.equity is None else gross_max(max(0, int(base.equity.scaleb(6))), config),
        cash=exposure.cash,
        cash_reserved=exposure.cash_reserved,
    )
