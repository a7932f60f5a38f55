"""One intent is judged by everything that stands against it, all of it reported, and sized to what is left.

strategy.md 7.2 for a single intent at a single moment of the batch. Nothing here moves the batch on.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from portfolio.batch import DecisionInputs
from portfolio.conflicts import (
    Clash,
    Standing,
    Taken,
    blocking_clashes,
    risk_in,
    sharing_clashes,
    standing_findings,
)
from portfolio.correlation import Correlations
from portfolio.limits import PortfolioConfig
from portfolio.modulation import effective
from portfolio.moment import Moment, Sectors
from portfolio.sizing import Sized, Wish, of_equity, risk_max, size, wish_of
from portfolio.sleeves import Sharing, cap_findings, gross_left, is_shadow
from schemas.candidates import TradeIntent
from schemas.decisions import Conflict, Decision, Modulation, Verdict
from schemas.header import Finding
from schemas.ids import decision_id
from schemas.reasons.portfolio import CapCode, DecisionInfo, IntentCode, ModulationCode
from schemas.reasons.scan import IntentCode as ValidityCode
from strategies.validity import validate_intent

_EXPLAINS: Final = frozenset({*map(str, CapCode), *map(str, ModulationCode), *map(str, DecisionInfo)})
"""Codes that block only by way of a quantity of 0, or not at all."""
_NOTHING: Final = Standing()


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """What is known of a symbol's company.

    Attributes:
        sectors: None: there is no table of sectors, and no cap on one.
        correlations: None: nobody asks how symbols move together.
    """

    sectors: Sectors | None = None
    correlations: Correlations | None = None


NO_PEERS: Final = Peers()


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What all intents of a batch share.

    Attributes:
        batch: findings about the batch, with those of B7 and B8.
        equity: E in USD; None: not known, and nothing has a size.
        standing: what the book has, by symbol.
        pnl: profit of the session by sleeve_id, USD; None: not known.
    """

    inputs: DecisionInputs
    config: PortfolioConfig
    sharing: Sharing
    batch: tuple[Finding, ...]
    equity: Decimal | None
    standing: Mapping[str, Standing]
    pnl: Mapping[str, Decimal | None]
    adv_shares20: Mapping[str, Decimal]
    peers: Peers
    modulation: Modulation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an intent stands in the order of deciding, and whose clone it is."""

    sequence: int
    shadow_of: str | None = None


def decide_one(intent: TradeIntent, place: Place, base: Base, moment: Moment | None) -> Decision:
    """The decision on one intent at *moment*; reasons in table order, batch first. None: the book is unknown."""
    taken = () if moment is None else moment.taken.get(intent.symbol, ())
    standing = base.standing.get(intent.symbol, _NOTHING)
    clashes = tuple(blocking_clashes(intent, standing, taken, overlap=base.sharing.allow_symbol_overlap))
    shared = sharing_clashes(intent, standing, taken) if base.sharing.allow_symbol_overlap else ()
    wish = wish_of(intent, base.adv_shares20.get(intent.symbol), base.config)
    sized = None
    if base.equity is not None and moment is not None and wish.is_sizable:
        sized = size_at(
            wish,
            intent.strategy_id,
            moment,
            equity=base.equity,
            config=base.config,
            sharing=base.sharing,
            peers=base.peers,
            modulation=base.modulation,
            shared_risk=_risk_left(base, standing, taken) if shared else {},
        )
    reasons = [*base.batch, *_reasons(intent, wish, base, moment, standing, clashes)]
    reasons += () if sized is None else sized.findings
    allowed = _allowed(sized, reasons, base.config)
    wanted = 0 if sized is None else sized.q0
    verdict = Verdict.BLOCK if allowed == 0 else Verdict.ALLOW if allowed == wanted else Verdict.RESIZE
    assert verdict is Verdict.ALLOW or reasons, "less than was asked, and no reason for it"
    granted = 0 if is_shadow(intent.strategy_id) else allowed
    conflicts = (
        *(row.record(intent, None if sized is None else sized.q2, granted) for row in clashes),
        *(row.record(intent, None if sized is None else sized.before_overlap, granted) for row in shared),
    )
    sector = None if base.peers.sectors is None else base.peers.sectors.get(intent.symbol)
    return _record(intent, place, verdict, allowed, reasons, sized=sized, sector=sector, conflicts=conflicts)


def faulted(intent: TradeIntent, place: Place, base: Base, kind: str, detail: str) -> Decision:
    """The record of an intent whose deciding failed: blocked, with what was raised and where."""
    error = Finding(code=IntentCode.ARBITER_ERROR, subject=intent.symbol, observed=kind, detail=detail)
    return _record(intent, place, Verdict.BLOCK, 0, [*base.batch, error])


def _record(
    intent: TradeIntent,
    place: Place,
    verdict: Verdict,
    allowed: int,
    reasons: list[Finding],
    *,
    sized: Sized | None = None,
    sector: str | None = None,
    conflicts: tuple[Conflict, ...] = (),
) -> Decision:
    """What is written of a decision. Of a shadow's, verdict and quantity are what would have been."""
    is_real = not is_shadow(intent.strategy_id)
    granted = allowed if is_real else 0
    if not is_real:
        reasons = [Finding(code=IntentCode.SHADOW_STRATEGY, subject=intent.strategy_id), *reasons]
    elif verdict is Verdict.ALLOW:
        reasons = [*reasons, Finding(code=DecisionInfo.ALLOW_WITHIN_LIMITS, subject=intent.symbol)]
    sizing = None if sized is None else sized.sizing
    return Decision(
        decision_id=decision_id(intent.book_id, intent.session_date, intent.intent_id),
        intent_id=intent.intent_id,
        strategy_id=intent.strategy_id,
        sleeve_id=intent.sleeve_id,
        symbol=intent.symbol,
        side=intent.side,
        rank=intent.rank,
        sequence=place.sequence,
        verdict=verdict if is_real else Verdict.BLOCK,
        q0=None if sized is None else Decimal(sized.q0),
        q1=None if sized is None else Decimal(sized.q1),
        q2=Decimal(granted),
        sizing=sizing,
        notional=Decimal(0) if sizing is None else granted * sizing.price,
        risk=Decimal(0) if sizing is None else granted * sizing.unit_risk,
        reasons=tuple(reasons),
        room=() if sized is None else tuple(room.record(granted) for room in sized.rooms),
        sector=sector,
        conflicts=conflicts,
        shadow_of=place.shadow_of,
        shadow_verdict=None if is_real else verdict,
        shadow_q2=None if is_real else Decimal(allowed),
    )


def size_at(
    wish: Wish,
    strategy_id: str,
    moment: Moment,
    *,
    equity: Decimal,
    config: PortfolioConfig,
    sharing: Sharing,
    peers: Peers,
    modulation: Modulation | None,
    shared_risk: Mapping[CapCode, Decimal | None],
) -> Sized:
    """The size of *wish* for *strategy_id* with all that *moment* has in use.

    *shared_risk*: what S3_OVERLAP_RISK has left, where the symbol is shared; else empty.
    """
    left = {**gross_left(strategy_id, sharing, moment.sleeves), **shared_risk}
    if peers.sectors is not None:
        cap = of_equity(max(0, int(equity.scaleb(6))), config.limits.sector_pct_max)
        used = moment.sector_use(peers.sectors.get(wish.symbol))
        left[CapCode.LIMIT_SECTOR] = None if used is None else cap - used
    rho = None
    if config.correlation_penalty and peers.correlations is not None:
        others = moment.symbols
        if wish.symbol in others:
            others = tuple(symbol for symbol in others if symbol != wish.symbol)
        rho = peers.correlations.mean_abs(wish.symbol, others)
    return size(
        wish,
        equity=equity,
        exposure=moment.exposure,
        config=config,
        modulation=modulation,
        left=left,
        correlation=rho,
    )


def _reasons(
    intent: TradeIntent,
    wish: Wish,
    base: Base,
    moment: Moment | None,
    standing: Standing,
    clashes: tuple[Clash, ...],
) -> Iterator[Finding]:
    """I1 to I10: everything but the size that stands against *intent*."""
    invalid = validate_intent(intent, base.inputs.now)
    yield from invalid
    if not wish.is_sizable and not invalid:
        # Valid at its own prices and yet not at the book's sizing price: still no size, and said so.
        yield Finding(code=ValidityCode.INVALID_LEVELS, subject=intent.symbol, observed=str(wish.price))
    yield from standing_findings(intent, standing)
    for clash in clashes:
        yield Finding(
            code=clash.rule, subject=intent.symbol, observed=clash.winner, detail=clash.winner_strategy_id
        )
    if intent.symbol in base.inputs.unsettled:
        differs = base.inputs.unsettled[intent.symbol]
        yield Finding(code=IntentCode.QUANTITIES_UNSETTLED, subject=intent.symbol, detail=differs)
    stated = base.sharing.sleeves.get(intent.strategy_id)
    if stated is not None and stated.sleeve_id != intent.sleeve_id and not is_shadow(intent.strategy_id):
        yield Finding(
            code=IntentCode.S2_SLEEVE_MISMATCH,
            subject=intent.symbol,
            observed=intent.sleeve_id,
            threshold=stated.sleeve_id,
        )
    if moment is None:
        return
    yield from cap_findings(intent.strategy_id, intent.symbol, base.sharing, moment.sleeves, base.pnl)
    yield from _counts(intent, moment, effective(base.config, base.modulation))


def _counts(intent: TradeIntent, moment: Moment, config: PortfolioConfig) -> Iterator[Finding]:
    """I9 and I10: slots of the book and entries of the session."""
    exposure, limits = moment.exposure, config.limits
    rows = (
        (IntentCode.LIMIT_MAX_OPEN_POSITIONS, len(exposure.slots), limits.positions_max),
        (IntentCode.LIMIT_MAX_NEW_ENTRIES_PER_DAY, len(exposure.entry_intents), limits.entries_per_day_max),
    )
    for code, used, limit in rows:
        if used >= limit:
            yield Finding(code=code, subject=intent.symbol, observed=used, threshold=limit)


def _risk_left(base: Base, standing: Standing, taken: tuple[Taken, ...]) -> dict[CapCode, Decimal | None]:
    """What the risk of one trade leaves in a symbol that strategies share, USD."""
    assert base.equity is not None, "asked of a wish that has a size"
    most = risk_max(max(0, int(base.equity.scaleb(6))), base.config)
    open_risk = risk_in(standing, taken)
    return {CapCode.S3_OVERLAP_RISK: None if open_risk is None else most - open_risk}


def _allowed(sized: Sized | None, reasons: Iterable[Finding], config: PortfolioConfig) -> int:
    if sized is None or any(row.code not in _EXPLAINS for row in reasons):
        return 0
    return sized.q2 if sized.q2 == sized.q0 or config.resize_enabled else 0
