"""A position is covered by one stop that never loosens, for as many shares as are not being sold otherwise.

Placing, raising and resizing are one question: which stop should stand? (execution.md 8.1 to 8.3). Nothing
here asks a gate. Where the one stop cannot be replaced now, a second covers what it does not, until it can.
"""

from collections.abc import Sequence
from dataclasses import replace as replaced_by
from decimal import Decimal
from typing import Final

from execution_v2.client_id import epoch_of
from execution_v2.desk import Desk
from execution_v2.orders import sale
from execution_v2.replace import ABORTS, begun, ended, has_room, replace
from execution_v2.risk_class import Reduction, reducible, reduction
from execution_v2.router import Decision, Desired, Route, RouteInputs, route
from execution_v2.send import cancel, reduce
from execution_v2.transitions import UNKNOWN, WORKING
from schemas.base import down, tick
from schemas.book import ENDED, Leg, Order, OrderState, Position, RiskClass
from schemas.events import RouterDecided, RouterFacts, StopEvent
from schemas.reasons.execution import BrokerCode, OrderCause, RouteCode, StopCode
from schemas.reasons.scan import ExitEventType

REFUSALS_MAX: Final = 2
"""An initial or renewed stop refused so often cannot stand (execution.md 8.6)."""
THROUGH_MAX: Final = 3
"""Stops of a position that a cycle sends although each was refused as through the market; its exit goes on."""
OPPOSITE_TRIES_MAX: Final = 6
"""While a buy of ours may still work the broker refuses its stop: tried so often in a cycle (8.1) ..."""
OPPOSITE_PAUSE_S: Final = 5.0
"""... and so far apart."""


def resting_price(position: Position) -> Decimal | None:
    """Where its stop belongs when nothing new is known: the last that stood, else the plan's."""
    if position.stop_price is not None:
        return Decimal(position.stop_price)
    return None if position.plan is None else Decimal(position.plan.initial_stop)


def set_stop(desk: Desk, position_id: str, price: Decimal, quantity: Decimal, basis: str) -> bool:
    """Let one stop at *price*, or where it stands if that is tighter, cover *quantity* shares; 0 means none.

    Returns: False when the broker will not let a stop stand, so that the position has to be left. An order in
    an unknown state is left for its look-up: a second stop could sell the shares twice.
    """
    position = desk.fold.positions.get(position_id)
    if position is None:
        return True
    working = [_on_our_basis(desk, o) for o in desk.fold.orders_of(position_id, Leg.STOP)]
    working = [o for o in working if o.state is not OrderState.CREATED and o.state not in ENDED]
    if any(o.state in UNKNOWN for o in working):
        for order in working:
            desk.carry(order.ord_id)
        return True
    if len(working) > 1 and _share(desk, working, quantity):
        left = quantity - _rest(working)
        if left:
            _supplement(desk, position_id, _tightest_first(working)[0], left)
        return True
    stands = _one(desk, working)
    if not quantity:
        if stands is not None:
            cancel(desk, stands, OrderCause.FOR_EXIT)
        return True
    if stands is None:
        return _place(desk, position_id, down(price), quantity, basis)
    _adjust(desk, position, stands, down(price), quantity, basis)
    return True


def _on_our_basis(desk: Desk, order: Order) -> Order:
    """A stop that fires at a price of before a split, for shares of before it, is no protection: it is ended."""
    shown = desk.shown.get(order.order_id or "")
    is_wrong = shown is not None and shown.stop != order.stop
    if desk.passes_time and is_wrong and order.state is OrderState.PARTIAL:
        return cancel(desk, order, OrderCause.FOR_EXIT)
    return order


def clear_flat(desk: Desk) -> None:
    """End own stops of positions that are no more."""
    for order in tuple(desk.fold.orders.values()):
        if order.leg is Leg.STOP and order.state in WORKING and order.position_id not in desk.fold.positions:
            cancel(desk, order, OrderCause.POSITION_FLAT)


def _one(desk: Desk, working: Sequence[Order]) -> Order | None:
    """Of several stops the tightest stays: two could differ in price, and one is enough."""
    by_price = _tightest_first(working)
    for order in by_price[1:]:
        cancel(desk, order, OrderCause.FOR_EXIT)
    return by_price[0] if by_price else None


def _share(desk: Desk, working: Sequence[Order], quantity: Decimal) -> bool:
    """Whether several stops share *quantity*, and the first cannot take the others' shares over yet."""
    return _rest(working) <= quantity and not _can_replace(desk, _tightest_first(working)[0])


def _rest(working: Sequence[Order]) -> Decimal:
    return sum((o.quantity - o.filled for o in working), Decimal(0))


def _tightest_first(working: Sequence[Order]) -> list[Order]:
    return sorted(working, key=lambda o: (o.stop or Decimal(0), o.quantity, o.ord_id), reverse=True)


def _can_replace(desk: Desk, order: Order) -> bool:
    return order.state is OrderState.LIVE and is_ready(desk, order) and has_room(desk, order.symbol)


def is_ready(desk: Desk, order: Order) -> bool:
    """Whether the venue shows the order open, as far as this cycle was told."""
    shown = desk.shown.get(order.order_id or "")
    return shown is None or shown.status == "open"


def _place(desk: Desk, position_id: str, price: Decimal, quantity: Decimal, basis: str) -> bool:
    if _through(desk, position_id) >= THROUGH_MAX:
        return False
    refused = 0
    for _ in range(OPPOSITE_TRIES_MAX):
        position = desk.fold.positions.get(position_id)
        if position is None or not desk.has_time(RiskClass.REDUCE):
            break
        wish = sale(desk, position, Leg.STOP, quantity, ExitEventType.STOP_INITIAL, stop=price, basis=basis)
        made = _bounded(desk, wish, None)
        if made is None:
            return True  # every share is claimed by a sale that works or may work
        asked = RouteInputs(desired=_desired(made.order))
        decided(desk, position, asked, route(asked))
        order = reduce(desk, made)
        if order.state is not OrderState.REJECTED:
            return True
        reason = refusal(desk, "order.rejected", "ord_id", order.ord_id)
        if reason == BrokerCode.OPPOSITE_SIDE_ORDER:
            desk.pause(OPPOSITE_PAUSE_S)
            continue
        refused += 1
        if reason == BrokerCode.STOP_THROUGH_MARKET or refused == REFUSALS_MAX:
            return False
    desk.carry(position_id)
    return True


def _through(desk: Desk, position_id: str) -> int:
    """How often in this cycle the broker refused a stop of the position as through the market."""
    if not desk.passes_time:
        return 0
    refused = [
        record.data["ord_id"]
        for record in desk.told("order.rejected")
        if record.data["reason"] == BrokerCode.STOP_THROUGH_MARKET
    ]
    return sum(desk.known(str(name)).position_id == position_id for name in refused)


def _adjust(
    desk: Desk, position: Position, order: Order, price: Decimal, quantity: Decimal, basis: str
) -> None:
    """Bring the stop that stands to *price* and *quantity*, as the router lets it."""
    stands = order.stop
    assert stands is not None, "a stop without its price"
    wish = Desired(
        leg=Leg.STOP,
        side=order.side,
        order_type=order.order_type,
        time_in_force=order.time_in_force,
        quantity=quantity,
        stop=price,
    )
    others = (o for o in desk.fold.orders.values() if o.symbol == order.symbol and o.ord_id != order.ord_id)
    asked = RouteInputs(
        desired=wish,
        existing=order,
        bound=reducible(order.symbol, desk.fold.positions.values(), others),
        renews=_renews(desk, order),
        is_ready=is_ready(desk, order),
        has_budget=has_room(desk, order.symbol),
    )
    decision = route(asked)
    if decision.route is Route.REPLACE and decision.desired is not None:
        decided(desk, position, asked, decision)
        exchange(desk, position, order, decision.desired, basis)
    elif (abort := ABORTS.get(decision.reason)) is not None and decision.reason in _TOLD:
        ended(desk, begun(desk), order, None, abort)
    known = desk.fold.order(order.ord_id)
    if known is not None and known.state is OrderState.LIVE and quantity > known.quantity:
        _supplement(desk, position.position_id, known, quantity - known.quantity)


_TOLD: Final = frozenset({RouteCode.BUDGET_SPENT, RouteCode.REPLACE_NOT_READY})
"""A wish that will be asked again; that nothing had to change is not worth a line."""


def _renews(desk: Desk, order: Order) -> bool:
    """Whether the stop is to be issued again as it is: old, another host's, or of before a split at the broker."""
    if not desk.passes_time:
        return False
    age = (desk.inputs.session_date - order.session_date).days
    shown = desk.shown.get(order.order_id or "")
    differs = shown is not None and (shown.quantity, shown.stop) != (order.quantity, order.stop)
    return age > desk.config.execution.stop_age_days_max or differs or is_of_before(desk, order)


def is_of_before(desk: Desk, order: Order) -> bool:
    """Whether the order was sent before the book was taken over: only its heir tells the old host to be silent."""
    epoch = epoch_of(desk.prefix, order.client_order_id)
    return epoch is not None and epoch < desk.fold.epoch


def exchange(desk: Desk, position: Position, order: Order, wanted: Desired, basis: str) -> str | None:
    """Replace a stop by *wanted*, no looser; returns why the broker refused, None if it did not."""
    stands = order.stop
    assert stands is not None, "a stop without its price"
    reason = _exchanged(desk, position, order, wanted, basis)
    is_like = (wanted.quantity, wanted.stop) == (order.quantity, stands)
    held_now = desk.fold.positions.get(position.position_id)
    if reason == BrokerCode.BROKER_REJECTED and is_like and held_now and has_room(desk, order.symbol):
        # A broker may refuse to replace an order by its like; one tick up it is another, and tighter (I14).
        tighter = replaced_by(wanted, stop=stands + tick(stands))
        reason = _exchanged(desk, held_now, desk.known(order.ord_id), tighter, order.basis or basis)
    if reason is not None:
        desk.note(("stop.held", held(position, order.quantity, stands, order.basis, reason)))
    return reason


def _exchanged(desk: Desk, position: Position, order: Order, wanted: Desired, basis: str) -> str | None:
    stands, price = order.stop, wanted.stop
    assert stands is not None, "a stop without its price"
    assert price is not None, "a wish for a stop without its price"
    is_tighter = price > stands
    wish = sale(
        desk,
        position,
        Leg.STOP,
        wanted.quantity,
        ExitEventType.STOP_RATCHET if is_tighter else StopCode.STOP_RESIZED,
        stop=max(price, stands),
        basis=basis if is_tighter else order.basis,
        replaces=order.ord_id,
    )
    made = _bounded(desk, wish, order)
    if made is None:
        return None
    assert made.order.stop is not None, "a stop without its price"
    assert made.order.stop >= stands, "a long stop would move down (I14)"
    replace(desk, order, made)
    return refusal(desk, "order.replace_rejected", "successor_ord_id", made.order.ord_id)


def _supplement(desk: Desk, position_id: str, stands: Order, quantity: Decimal) -> None:
    """Shares that the stop does not cover get one of their own at its price, until it can take them over (8.2)."""
    position = desk.fold.positions.get(position_id)
    if not desk.passes_time or position is None or stands.stop is None:
        return
    wish = sale(
        desk,
        position,
        Leg.STOP,
        quantity,
        ExitEventType.STOP_INITIAL,
        stop=stands.stop,
        basis=stands.basis,
    )
    made = _bounded(desk, wish, None)
    if made is not None and reduce(desk, made).state is OrderState.REJECTED:
        desk.carry(position_id)


def decided(desk: Desk, position: Position, asked: RouteInputs, decision: Decision) -> None:
    """Tell what the router wants done, and on what facts; on daily bars the orders themselves tell it."""
    wish = asked.desired
    if not desk.passes_time or decision.route is Route.NOOP or decision.desired is None or wish is None:
        return
    told = RouterDecided(
        position_id=position.position_id,
        strategy_id=position.strategy_id,
        sleeve_id=position.sleeve_id,
        symbol=position.symbol,
        leg=decision.desired.leg,
        decision=decision.route,
        reason=decision.reason,
        risk_class=RiskClass.REDUCE,
        facts=RouterFacts(
            side=wish.side,
            order_type=wish.order_type,
            time_in_force=wish.time_in_force,
            quantity=wish.quantity,
            limit=wish.limit,
            stop=wish.stop,
            existing=None if asked.existing is None else asked.existing.ord_id,
            bound=asked.bound,
            is_halted=asked.is_halted,
            renews=asked.renews,
            is_ready=asked.is_ready,
            has_budget=asked.has_budget,
        ),
    )
    desk.note(("router.decided", told))


def held(
    position: Position, quantity: Decimal, stop: Decimal | None, basis: str | None, reason: str
) -> StopEvent:
    """The stop stays as it is, and why."""
    return StopEvent(
        position_id=position.position_id,
        strategy_id=position.strategy_id,
        sleeve_id=position.sleeve_id,
        symbol=position.symbol,
        quantity=quantity,
        stop_before=stop,
        stop_after=stop,
        basis=basis,
        reason=reason,
    )


def refusal(desk: Desk, event: str, key: str, ord_id: str) -> str | None:
    """Why the broker refused that order in this cycle, if it did."""
    reasons = [str(r.data["reason"]) for r in desk.told(event) if r.data[key] == ord_id]
    return reasons[-1] if reasons else None


def _desired(order: Order) -> Desired:
    return Desired(
        leg=order.leg,
        side=order.side,
        order_type=order.order_type,
        time_in_force=order.time_in_force,
        quantity=order.quantity,
        limit=order.limit,
        stop=order.stop,
    )


def _bounded(desk: Desk, wish: Order, instead_of: Order | None) -> Reduction | None:
    positions, orders = desk.fold.positions.values(), desk.fold.orders.values()
    return reduction(wish, positions, orders, instead_of=instead_of)
