"""An exit asks a position, its bars and the price, and nobody's leave; a trim is made once, whatever happens.

Execution.md 8.6. Of what ``strategies.exits.manage`` answers, the open acts on full exits alone (strategy.md
10.1 step 2), the close on targets and stops (steps 4 and 5). On intraday bars every cycle sells what is due, and
ratchets after the entries. Where a person wants all of it sold in an EMERGENCY, nothing else is asked; while a split
is suspected, the plan is not asked either, and the stop stands.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from execution_v2.desk import Desk
from execution_v2.leave import leave, stand, step_price
from execution_v2.lifecycle import flattens
from execution_v2.orders import sale
from execution_v2.protect import held as stop_held
from execution_v2.risk_class import reduction
from execution_v2.send import cancel, reduce
from execution_v2.sight import Sight, fresh_last, is_halted, is_open
from execution_v2.transitions import WORKING
from execution_v2.window import watch
from schemas.base import SessionDate
from schemas.book import Leg, Order, OrderState, Position, PositionPlan
from schemas.cycle import CycleKind
from schemas.events import PositionMarked
from schemas.observations import BarFacts, IntradayBarFacts
from schemas.reasons.execution import OrderCause, StopCode
from schemas.reasons.scan import ExitEventType
from schemas.reasons.sync import SyncStatus
from strategies.exits import (
    ExitPlanResult,
    ManagedPosition,
    MarketView,
    Phase,
    Sale,
    StopBasis,
    manage,
    phase_at,
)
from strategies.swings import Bar

_TARGETS: Final = (ExitEventType.TRIM_R1, ExitEventType.TRIM_R2)


def work(desk: Desk, position_id: str, last: Decimal | None, bar: BarFacts | None) -> None:
    """Carry out what the position's own plan asks for in this cycle.

    *last*: price of the moment; None leaves everything as it is. *bar*: the day's finished bar, at the close.
    """
    if desk.inputs.kind is CycleKind.CLOSE:
        _mark_sold_targets(desk, position_id)
        if bar is None:
            return  # nothing traded: the stop stays where it is
    position = desk.fold.positions.get(position_id)
    if position is None or last is None:
        return
    if flattens(desk.fold.lifecycle):
        leave(desk, position_id, ExitEventType.EXIT_OPERATOR_FLATTEN, last)
        return
    if position.plan is None or _awaits_split(desk, position):
        return
    result = _manage(desk, position, position.plan, last, bar)
    if result.exits:
        leave(desk, position_id, result.exits[0].reason, last)
    elif bar is not None:
        _trim_and_ratchet(desk, position, result, last)


def sell_due(desk: Desk, position_id: str, sight: Sight) -> None:
    """INTRADAY: leave a position that its plan or a person leaves now; make the trims that are due, with their stop."""
    position = desk.fold.positions.get(position_id)
    if position is None:
        return
    last = fresh_last(desk, sight, position.symbol)
    if flattens(desk.fold.lifecycle):
        leave(desk, position_id, ExitEventType.EXIT_OPERATOR_FLATTEN, last)
        return
    if position.plan is None or _awaits_split(desk, position):
        return
    result = manage(_state(position, position.plan), _view(desk, position, sight, last), desk.config.exits)
    if result.exits:
        leave(desk, position_id, result.exits[0].reason, last)
    elif result.trims and (not is_open(desk) or is_halted(desk, position.symbol)):
        desk.carry(position_id)  # the stop keeps all of it meanwhile
    elif result.trims or (result.r1_touched, result.r2_touched) != (position.r1_touched, position.r2_touched):
        if not result.trims:
            _note_below_one(desk, position)
        _trim_and_ratchet(desk, position, result, last)


def ratchet(desk: Desk, position_id: str, sight: Sight) -> None:
    """INTRADAY: the stop where the position's bars now put it, for all that is held."""
    position = desk.fold.positions.get(position_id)
    if position is None or position.plan is None or not is_open(desk) or _is_of_two_bases(desk, position):
        return
    last = fresh_last(desk, sight, position.symbol)
    result = manage(_state(position, position.plan), _view(desk, position, sight, last), desk.config.exits)
    if result.exits:
        return  # it was asked for above, and is carried
    stand(desk, position_id, result.stop, desk.coverable(position), result.basis, last)
    held = desk.fold.positions.get(position_id)
    if held is not None:
        _mark(desk, held, result.high_water, held.r1_touched, held.r2_touched)


def _is_of_two_bases(desk: Desk, position: Position) -> bool:
    """Whether a split is suspected and not booked: prices may be on the new basis, plan and stop on the old."""
    known = desk.fold.quarantined.get(position.symbol)
    return known is not None and known.code == SyncStatus.SPLIT_SUSPECTED


def _awaits_split(desk: Desk, position: Position) -> bool:
    """As before, and told: what the plan asks for waits, and its stop stands, for what both sides hold.

    A halved price is no stop-out, and a tenfold one no target: each would sell what nobody meant to sell.
    """
    if not _is_of_two_bases(desk, position):
        return False
    shares, stop, basis = desk.coverable(position), position.stop_price, position.stop_basis
    desk.note(("stop.held", stop_held(position, shares, stop, basis, StopCode.SPLIT_AWAITED)))
    desk.carry(position.position_id)
    return True


def _note_below_one(desk: Desk, position: Position) -> None:
    stop, basis = position.stop_price, position.stop_basis
    desk.note(("stop.held", stop_held(position, position.quantity, stop, basis, StopCode.TRIM_BELOW_ONE)))


def _trim_and_ratchet(desk: Desk, position: Position, result: ExitPlanResult, last: Decimal | None) -> None:
    name = position.position_id
    # One PATCH makes room for every trim of the bar and ratchets the rest.
    kept = position.quantity - sum((_due(desk, name, one) for one in result.trims), Decimal(0))
    stand(desk, name, result.stop, kept, result.basis, last)
    done = all(_trim(desk, name, one, last) for one in result.trims)
    held = desk.fold.positions.get(name)
    if held is None:
        return
    stand(desk, name, result.stop, desk.coverable(held), result.basis, last)
    held = desk.fold.positions.get(name)
    if held is not None and done:
        _mark(desk, held, result.high_water, result.r1_touched, result.r2_touched)
    elif held is not None:
        _mark(desk, held, result.high_water, held.r1_touched, held.r2_touched)


def _trim(desk: Desk, position_id: str, one: Sale, last: Decimal | None) -> bool:
    """Sell one target's shares; whether any went. What did not is carried with the position."""
    position = desk.fold.positions.get(position_id)
    if position is None:
        return False
    if desk.passes_time:
        return _trim_now(desk, position, one, last)
    wish = sale(desk, position, Leg.TRIM, one.quantity, one.reason, limit=one.trigger, arrival_price=last)
    made = reduction(wish, desk.fold.positions.values(), desk.fold.orders.values())
    if made is None:
        desk.carry(position_id)
        return False
    order = reduce(desk, made)
    if order.state in (OrderState.LIVE, OrderState.PARTIAL):
        order = cancel(desk, order, OrderCause.CARRIED)
    if not order.filled:
        desk.carry(position_id)
        return False
    _mark_sold_targets(desk, position_id)
    return True


def _due(desk: Desk, position_id: str, one: Sale) -> Decimal:
    """Shares of one target that are still to be sold; none, if the process died between its sale and its mark."""
    if not desk.passes_time:
        return one.quantity
    begun = [order for order in _trims_of(desk, position_id) if order.reason == one.reason]
    wanted = max((order.quantity for order in begun), default=one.quantity)
    return wanted - sum((order.filled for order in begun), Decimal(0))


def _trim_now(desk: Desk, position: Position, one: Sale, last: Decimal | None) -> bool:
    """Sell what is left of one target at the market of the moment; whether all of it went."""
    name = position.position_id
    left = _due(desk, name, one)
    if left >= 1:
        limit = step_price(desk, position.symbol, 0)
        wish = sale(desk, position, Leg.TRIM, left, one.reason, limit=limit, arrival_price=last)
        made = reduction(wish, desk.fold.positions.values(), desk.fold.orders.values())
        if made is None:
            desk.carry(name)
            return False
        order = watch(desk, reduce(desk, made), desk.config.execution.trim_wait_s)
        if order.state in WORKING:
            order = cancel(desk, order, OrderCause.CARRIED)
        left -= order.filled
    if left >= 1:
        desk.carry(name)
        # What a session could not sell of a target is let go with it: tomorrow nobody would know how much that was.
        if desk.at >= desk.inputs.close_at - _LAST:
            _mark_sold_targets(desk, name)
        return False
    held = desk.fold.positions.get(name)
    if held is not None:
        is_second = one.reason is ExitEventType.TRIM_R2
        _mark(desk, held, held.high_water, True, held.r2_touched or is_second)
    return True


_LAST: Final = timedelta(minutes=10)
"""A session's last cycles."""


def _mark_sold_targets(desk: Desk, position_id: str) -> None:
    """A target whose shares were sold is touched, also if the process died between sale and mark."""
    for target in _TARGETS:
        held = desk.fold.positions.get(position_id)
        if held is None:
            return
        if any(o.reason == target and o.filled for o in _trims_of(desk, position_id)):
            is_second = target is ExitEventType.TRIM_R2
            _mark(desk, held, held.high_water, True, held.r2_touched or is_second)


def _trims_of(desk: Desk, position_id: str) -> Sequence[Order]:
    orders = (*desk.fold.orders.values(), *desk.fold.ended.values())
    return [o for o in orders if o.position_id == position_id and o.leg is Leg.TRIM]


def _mark(desk: Desk, held: Position, high_water: Decimal | None, r1_touched: bool, r2_touched: bool) -> None:
    """Record path facts of a position, if they changed."""
    if (held.high_water, held.r1_touched, held.r2_touched) == (high_water, r1_touched, r2_touched):
        return
    marked = PositionMarked(
        position_id=held.position_id,
        strategy_id=held.strategy_id,
        sleeve_id=held.sleeve_id,
        symbol=held.symbol,
        high_water=high_water,
        r1_touched=r1_touched,
        r2_touched=r2_touched,
    )
    desk.note(("position.marked", marked))


def _manage(
    desk: Desk, position: Position, plan: PositionPlan, last: Decimal, bar: BarFacts | None
) -> ExitPlanResult:
    inputs = desk.inputs
    days = [*inputs.history.get(position.symbol, ()), *((bar,) if bar is not None else ())]
    view = MarketView(
        now=desk.at,
        # On daily bars the close is judged as the normal session, on the whole bar (strategy.md 10.1 step 5).
        phase=Phase.NORMAL if bar is not None else phase_at(desk.at, inputs.open_at, inputs.close_at),
        last=last,
        highs=() if bar is None else (bar.high,),
        daily=tuple(Bar(low=day.low, high=day.high) for day in days),
        sessions_held=_sessions_held(desk, position),
    )
    return manage(_state(position, plan), view, desk.config.exits)


def _view(desk: Desk, position: Position, sight: Sight, last: Decimal | None) -> MarketView:
    """The moment on intraday bars: highs of bars begun after the first fill, structure of three sessions."""
    inputs = desk.inputs
    bars = sight.based.get(position.symbol)
    if bars is None:  # asked twice in a cycle, of what does not change in it
        days = inputs.history.get(position.symbol, ())
        bars = tuple(same_basis(sight.bars.get(position.symbol, ()), days, inputs.open_at))
        sight.based[position.symbol] = bars
        sight.daily[position.symbol] = tuple(Bar(low=day.low, high=day.high) for day in days)
        sight.intraday[position.symbol] = tuple(
            Bar(low=row.low, high=row.high, start_at=row.start_at) for row in bars
        )
    return MarketView(
        now=desk.at,
        phase=phase_at(desk.at, inputs.open_at, inputs.close_at),
        last=last,
        highs=tuple(row.high for row in bars if row.start_at >= position.entered_at),
        daily=sight.daily[position.symbol],
        intraday=sight.intraday[position.symbol],
        sessions_held=_sessions_held(desk, position),
    )


def same_basis(
    bars: Sequence[IntradayBarFacts], days: Sequence[BarFacts], open_at: datetime
) -> Sequence[IntradayBarFacts]:
    """Those of *bars* whose prices are of today's basis: today's own, and those inside their adjusted day's range.

    Bars come as traded. One of before a split lies far outside its day as the history now tells it; without
    that day nobody can say.
    """
    ranges = {day.session_date: (day.low * _LOWER, day.high * _UPPER) for day in days[-_RECENT:]}

    def fits(bar: IntradayBarFacts) -> bool:
        if bar.start_at >= open_at:
            return True
        known = ranges.get(SessionDate(bar.start_at.date()))
        return known is not None and known[0] <= bar.low and bar.high <= known[1]

    return [bar for bar in bars if fits(bar)]


_RECENT: Final = 10
"""Days among which those of the bars are; a cycle sees bars of three sessions."""
_LOWER: Final = Decimal("0.98")
_UPPER: Final = Decimal("1.02")
"""How far a bar may lie outside its day: two feeds differ by less, a split by more."""


def _sessions_held(desk: Desk, position: Position) -> int:
    return sum(1 for session in desk.inputs.sessions if session > position.entry_session)


def _state(position: Position, plan: PositionPlan) -> ManagedPosition:
    return ManagedPosition(
        position_id=position.position_id,
        symbol=position.symbol,
        quantity=position.quantity,
        average_entry=position.average_entry,
        entered_at=position.entered_at,
        plan=plan,
        stop=position.stop_price,
        stop_basis=StopBasis(position.stop_basis) if position.stop_basis else StopBasis.PLANNED,
        high_water=position.high_water,
        r1_touched=position.r1_touched,
        r2_touched=position.r2_touched,
    )
