"""A position is covered by one stop that never loosens, for as many shares as are not being sold otherwise.

Placing, raising and resizing are one question: which stop should stand? (execution.md 8.1 to 8.3). Nothing
here asks a gate.
"""

from decimal import Decimal
from typing import Final

from execution_v2.desk import Desk
from execution_v2.orders import sale
from execution_v2.replace import replace
from execution_v2.risk_class import Reduction, reduction
from execution_v2.send import cancel, reduce
from execution_v2.transitions import UNKNOWN
from schemas.base import down
from schemas.book import Leg, Order, OrderState, Position
from schemas.events import StopEvent
from schemas.reasons.execution import BrokerCode, OrderCause, StopCode
from schemas.reasons.scan import ExitEventType

REFUSALS_MAX: Final = 2
"""An initial or renewed stop refused so often cannot stand (execution.md 8.6)."""
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
    working = [o for o in desk.fold.orders_of(position_id, Leg.STOP) if o.state is not OrderState.CREATED]
    if any(o.state in UNKNOWN for o in working):
        for order in working:
            desk.carry(order.ord_id)
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


def clear_flat(desk: Desk) -> None:
    """End own stops of positions that are no more."""
    for order in tuple(desk.fold.orders.values()):
        is_working = order.state in (OrderState.LIVE, OrderState.PARTIAL)
        if order.leg is Leg.STOP and is_working and order.position_id not in desk.fold.positions:
            cancel(desk, order, OrderCause.POSITION_FLAT)


def _one(desk: Desk, working: list[Order]) -> Order | None:
    """Of several stops the tightest stays: two could differ in price, and one is enough."""
    by_price = sorted(working, key=lambda o: (o.stop or Decimal(0), o.ord_id), reverse=True)
    for order in by_price[1:]:
        cancel(desk, order, OrderCause.FOR_EXIT)
    return by_price[0] if by_price else None


def _place(desk: Desk, position_id: str, price: Decimal, quantity: Decimal, basis: str) -> bool:
    refused = 0
    for _ in range(OPPOSITE_TRIES_MAX):
        position = desk.fold.positions[position_id]
        wish = sale(desk, position, Leg.STOP, quantity, ExitEventType.STOP_INITIAL, stop=price, basis=basis)
        made = _bounded(desk, wish, None)
        if made is None:
            return True  # every share is claimed by a sale that works or may work
        order = reduce(desk, made)
        if order.state is not OrderState.REJECTED:
            return True
        reason = _refusal(desk, "order.rejected", "ord_id", order.ord_id)
        if reason == BrokerCode.OPPOSITE_SIDE_ORDER:
            desk.pause(OPPOSITE_PAUSE_S)
            continue
        refused += 1
        if reason == BrokerCode.STOP_THROUGH_MARKET or refused == REFUSALS_MAX:
            return False
    desk.carry(position_id)
    return True


def _adjust(
    desk: Desk, position: Position, order: Order, price: Decimal, quantity: Decimal, basis: str
) -> None:
    stands = order.stop
    assert stands is not None, "a stop without its price"
    is_tighter = price > stands
    if order.state is OrderState.PARTIAL or (not is_tighter and quantity == order.quantity):
        return  # firing, or as it should be
    wish = sale(
        desk,
        position,
        Leg.STOP,
        quantity,
        ExitEventType.STOP_RATCHET if is_tighter else StopCode.STOP_RESIZED,
        stop=max(price, stands),
        basis=basis if is_tighter else order.basis,
        replaces=order.ord_id,
    )
    made = _bounded(desk, wish, order)
    if made is None or (not is_tighter and made.order.quantity == order.quantity):
        return
    assert made.order.stop is not None, "a stop without its price"
    assert made.order.stop >= stands, "a long stop would move down (I14)"
    replace(desk, order, made)
    reason = _refusal(desk, "order.replace_rejected", "successor_ord_id", made.order.ord_id)
    if reason is not None:
        held = StopEvent(
            position_id=position.position_id,
            strategy_id=position.strategy_id,
            sleeve_id=position.sleeve_id,
            symbol=position.symbol,
            quantity=order.quantity,
            stop_before=stands,
            stop_after=stands,
            basis=order.basis,
            reason=reason,
        )
        desk.note(("stop.held", held))


def _bounded(desk: Desk, wish: Order, instead_of: Order | None) -> Reduction | None:
    positions, orders = desk.fold.positions.values(), desk.fold.orders.values()
    return reduction(wish, positions, orders, instead_of=instead_of)


def _refusal(desk: Desk, event: str, key: str, ord_id: str) -> str | None:
    """Why the broker refused that order in this cycle, if it did."""
    reasons = [str(r.data["reason"]) for r in desk.records if r.event == event and r.data[key] == ord_id]
    return reasons[-1] if reasons else None
