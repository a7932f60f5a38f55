"""A held position is managed by its plan, its bars and the last price alone; a long stop never moves down.

No regime, candidate file, decision or gate is an input (L3): one position state gives one exit, whatever the
day thinks of new entries. ``manage`` follows strategy.md 6.1; structure stands in ``strategies.swings``.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from schemas.base import down, up
from schemas.book import PositionPlan
from schemas.reasons.scan import ExitEventType
from strategies.config import ExitConfig
from strategies.swings import Bar, Swing, daily_swing_low, intraday_higher_low

_BAR: Final = timedelta(seconds=300)


class Phase(StrEnum):
    """Part of the session, from its actual open and close."""

    OPEN_NOISE = "OPEN_NOISE"
    EARLY_TREND = "EARLY_TREND"
    NORMAL = "NORMAL"
    CLOSE_PROTECT = "CLOSE_PROTECT"
    OUTSIDE = "OUTSIDE"


class StopBasis(StrEnum):
    """What a stop rests on."""

    PLANNED = "planned"
    INTRADAY_HL = "intraday_hl"
    DAILY_SWING_LOW = "daily_swing_low"
    BREAKEVEN = "breakeven"
    TRAIL = "trail"
    SPLIT_AWAITED = "split_awaited"
    """Placed on the basis after a split that is not booked yet: the booking leaves its price as it is."""


SOURCES: Final = {
    Phase.OPEN_NOISE: (StopBasis.DAILY_SWING_LOW,),
    Phase.EARLY_TREND: (StopBasis.DAILY_SWING_LOW, StopBasis.INTRADAY_HL),
    Phase.NORMAL: (StopBasis.INTRADAY_HL, StopBasis.DAILY_SWING_LOW),
    Phase.CLOSE_PROTECT: (),
    Phase.OUTSIDE: (),
}
"""Structural sources of a phase, in the order in which they are tried."""
assert set(SOURCES) == set(Phase), "a phase without a row"


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedPosition:
    """State of one long position, as the journal folds to it. USD; ``quantity`` is whole shares held."""

    position_id: str
    symbol: str
    quantity: Decimal
    average_entry: Decimal
    entered_at: datetime
    """Instant of the first fill."""
    plan: PositionPlan
    stop: Decimal | None = None
    """The stop in force; ``None``: none is placed yet."""
    stop_basis: StopBasis = StopBasis.PLANNED
    high_water: Decimal | None = None
    r1_touched: bool = False
    r2_touched: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketView:
    """What the market shows of one symbol at one instant.

    ``highs``: highs of the closed bars begun after the first fill. ``daily``: completed daily bars, oldest
    first. ``intraday``: closed 5-minute bars of the last 3 sessions, oldest first. ``sessions_held``: number
    of sessions since the one of the entry, which counts 0. On daily bars the close is seen with phase NORMAL
    and ``last`` = that close.
    """

    now: datetime
    phase: Phase
    last: Decimal | None
    highs: tuple[Decimal, ...] = ()
    daily: tuple[Bar, ...] = ()
    intraday: tuple[Bar, ...] = ()
    sessions_held: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitEvent:
    """One thing that happened to the stop or the shares; the writer of the journal adds ids and sequence."""

    event_type: ExitEventType
    stop_before: Decimal | None
    stop_after: Decimal | None
    basis: StopBasis
    price: Decimal | None = None
    """The proposal that was judged, or the price that triggered."""
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """Shares to be sold now, and why: TRIM_R1, TRIM_R2, EXIT_STOP or EXIT_TIME."""

    reason: ExitEventType
    quantity: Decimal
    trigger: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitPlanResult:
    """What is to hold after this cycle. ``stop`` is never ``None`` and never below the stop before."""

    stop: Decimal
    basis: StopBasis
    not_before: datetime | None
    """Earliest instant at which a refused intraday proposal may be asked again."""
    trims: tuple[Sale, ...]
    exits: tuple[Sale, ...]
    r1_touched: bool
    r2_touched: bool
    high_water: Decimal | None
    events: tuple[ExitEvent, ...]


def phase_at(now: datetime, open_at: datetime, close_at: datetime) -> Phase:
    """The phase of *now* in a session from *open_at* to *close_at* (early closes are just earlier)."""
    if not open_at <= now < close_at:
        return Phase.OUTSIDE
    if now < open_at + timedelta(minutes=15):
        return Phase.OPEN_NOISE
    if now >= close_at - timedelta(minutes=30):
        return Phase.CLOSE_PROTECT
    return Phase.EARLY_TREND if now < open_at + timedelta(minutes=60) else Phase.NORMAL


def manage(position: ManagedPosition, view: MarketView, config: ExitConfig) -> ExitPlanResult:
    """Stop, trims and exits of one position for one cycle (strategy.md 6.1): a pure function.

    Errors: AssertionError for a position without shares or prices, a caller's bug.
    """
    assert position.quantity > 0, "nothing is held"
    assert position.average_entry > 0, "shares without a price"
    stop_now = position.plan.initial_stop if position.stop is None else position.stop
    leave = _leave(position, view, stop_now)
    if leave is not None:
        event = ExitEvent(
            event_type=leave.reason,
            stop_before=position.stop,
            stop_after=stop_now,
            basis=position.stop_basis,
            price=leave.trigger,
            quantity=leave.quantity,
        )
        return ExitPlanResult(
            stop=stop_now,
            basis=position.stop_basis,
            not_before=None,
            trims=(),
            exits=(leave,),
            r1_touched=position.r1_touched,
            r2_touched=position.r2_touched,
            high_water=_high_water(position, view),
            events=(event,),
        )
    targets = _targets(position, view)
    structure = _structure(position, view, config)
    stop, basis, change = _ratchet(position, view, config, targets, structure)
    trims = tuple(
        ExitEvent(
            event_type=sale.reason,
            stop_before=position.stop,
            stop_after=stop,
            basis=basis,
            price=sale.trigger,
            quantity=sale.quantity,
        )
        for sale in targets.trims
    )
    assert position.stop is None or stop >= position.stop, "a long stop moved down"
    return ExitPlanResult(
        stop=stop,
        basis=basis,
        not_before=structure.not_before,
        trims=targets.trims,
        exits=(),
        r1_touched=targets.r1_touched,
        r2_touched=targets.r2_touched,
        high_water=targets.high_water,
        events=(*trims, *structure.refusals, change),
    )


def _leave(position: ManagedPosition, view: MarketView, stop: Decimal) -> Sale | None:
    if view.last is not None and view.last <= stop:
        return Sale(reason=ExitEventType.EXIT_STOP, quantity=position.quantity, trigger=view.last)
    limit = position.plan.time_stop_sessions
    if limit is not None and view.sessions_held > limit and not position.r1_touched:
        return Sale(reason=ExitEventType.EXIT_TIME, quantity=position.quantity, trigger=view.last)
    return None


def _high_water(position: ManagedPosition, view: MarketView) -> Decimal | None:
    """The highest trigger price since the first fill: closed bars' highs, and the last price as a point."""
    seen = [price for price in (position.high_water, view.last, *view.highs) if price is not None]
    return max(seen, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Targets:
    trims: tuple[Sale, ...]
    r1_touched: bool
    r2_touched: bool
    high_water: Decimal | None


def _targets(position: ManagedPosition, view: MarketView) -> _Targets:
    plan = position.plan
    high_water = _high_water(position, view)
    top = max((p for p in (view.last, *view.highs) if p is not None), default=None)
    r1, r2, held = position.r1_touched, position.r2_touched, position.quantity
    trims: list[Sale] = []
    # Outside the session nothing can be sold: the touch is left for the first cycle that can act on it.
    if top is not None and view.phase is not Phase.OUTSIDE:
        for reason, price, fraction in (
            (ExitEventType.TRIM_R1, plan.r1, plan.r1_fraction),
            (ExitEventType.TRIM_R2, plan.r2, plan.r2_fraction),
        ):
            is_first = reason is ExitEventType.TRIM_R1
            is_due = not r1 if is_first else r1 and not r2
            if not is_due or top < price:
                continue
            r1, r2 = True, r2 or not is_first
            shares = (held * fraction).to_integral_value(rounding="ROUND_FLOOR")
            if shares > 0:
                trims.append(Sale(reason=reason, quantity=shares, trigger=price))
                held -= shares
    assert held >= 0, "a trim would sell more than is held"
    return _Targets(trims=tuple(trims), r1_touched=r1, r2_touched=r2, high_water=high_water)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Structure:
    proposal: Swing | None
    basis: StopBasis
    not_before: datetime | None
    refusals: tuple[ExitEvent, ...]


def _structure(position: ManagedPosition, view: MarketView, config: ExitConfig) -> _Structure:
    """The first structural proposal that passes the guardrails, and an event for each that did not."""
    refusals: list[ExitEvent] = []
    not_before: datetime | None = None
    sources = SOURCES[view.phase]
    if view.phase is Phase.OPEN_NOISE and position.stop is not None:
        sources = ()  # the open's noise may give a naked position a stop, but never ratchets one
    for basis in sources:
        is_intraday = basis is StopBasis.INTRADAY_HL
        if is_intraday:
            swing = intraday_higher_low(view.intraday, config)
        else:
            swing = daily_swing_low(view.daily, config)

        def refuse(code: ExitEventType, price: Decimal | None, basis: StopBasis = basis) -> None:
            refusals.append(
                ExitEvent(
                    event_type=code,
                    stop_before=position.stop,
                    stop_after=position.stop,
                    basis=basis,
                    price=price,
                )
            )

        if swing.invalidated is not None:
            refuse(ExitEventType.STOP_INVALIDATED, swing.invalidated)
        proposal = swing.proposal
        if proposal is None:
            continue
        if is_intraday and _is_early(position, view, config):
            not_before = _not_before(position, config)
            refuse(ExitEventType.STOP_TOO_EARLY, proposal)
        elif view.last is None or proposal >= view.last or proposal <= 0:
            refuse(ExitEventType.STOP_NOT_BELOW_MARKET, proposal)
        elif _is_too_close(position, view.last, proposal, config):
            refuse(ExitEventType.STOP_TOO_CLOSE, proposal)
        else:
            return _Structure(proposal=swing, basis=basis, not_before=not_before, refusals=tuple(refusals))
    return _Structure(
        proposal=None, basis=position.stop_basis, not_before=not_before, refusals=tuple(refusals)
    )


def _is_early(position: ManagedPosition, view: MarketView, config: ExitConfig) -> bool:
    since = [bar for bar in view.intraday if bar.start_at is not None and bar.start_at >= position.entered_at]
    is_young = view.now - position.entered_at < timedelta(seconds=config.early_s)
    return is_young or len(since) < config.early_bars


def _not_before(position: ManagedPosition, config: ExitConfig) -> datetime:
    """When both clauses can first be met: the bars counted are those that begin after the first fill."""
    entered = position.entered_at
    begun = timedelta(seconds=entered.timestamp() % _BAR.total_seconds())
    next_bar = entered if not begun else entered - begun + _BAR
    return max(entered + timedelta(seconds=config.early_s), next_bar + config.early_bars * _BAR)


def _is_too_close(position: ManagedPosition, last: Decimal, proposal: Decimal, config: ExitConfig) -> bool:
    reference = position.average_entry if proposal < position.average_entry else last
    return bool(reference - proposal < config.stop_distance_min * reference)


def _ratchet(
    position: ManagedPosition,
    view: MarketView,
    config: ExitConfig,
    targets: _Targets,
    structure: _Structure,
) -> tuple[Decimal, StopBasis, ExitEvent]:
    """The highest of the stop in force and every admitted stop; the planned stop when there is neither."""
    stop, basis = position.stop, position.stop_basis
    admitted: list[tuple[Decimal, StopBasis]] = []
    if structure.proposal is not None and structure.proposal.proposal is not None:
        admitted.append((structure.proposal.proposal, structure.basis))
    if targets.r1_touched:
        admitted += _below(up(position.average_entry), StopBasis.BREAKEVEN, view.last)
    if targets.r2_touched and targets.high_water is not None:
        trail = _trail(position.plan, targets.high_water, config)
        admitted += _below(trail, StopBasis.TRAIL, view.last)
    for price, source in admitted:
        if stop is None or price > stop:
            stop, basis = price, source
    if stop is None:
        stop, basis = position.plan.initial_stop, StopBasis.PLANNED
    if position.stop is None:
        code = ExitEventType.STOP_INITIAL
    else:
        code = ExitEventType.STOP_RATCHET if stop > position.stop else ExitEventType.STOP_HELD
    return stop, basis, ExitEvent(event_type=code, stop_before=position.stop, stop_after=stop, basis=basis)


def _below(price: Decimal, basis: StopBasis, last: Decimal | None) -> list[tuple[Decimal, StopBasis]]:
    # A stop at or above the market would be a market order in disguise.
    return [(price, basis)] if last is not None and 0 < price < last else []


def _trail(plan: PositionPlan, high_water: Decimal, config: ExitConfig) -> Decimal:
    give = max(plan.trail_fraction * (plan.r2 - plan.level), config.stop_distance_min * high_water)
    return down(high_water - give)
