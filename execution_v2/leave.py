"""A position is covered or it is left; an exit ends flat only: what one cycle cannot finish the next does."""

from decimal import Decimal

from execution_v2 import protect
from execution_v2.desk import Desk
from execution_v2.orders import sale
from execution_v2.risk_class import reduction
from execution_v2.send import cancel, reduce
from schemas.book import Leg, OrderState, Position
from schemas.events import StopEvent
from schemas.reasons.execution import OrderCause, StopCode
from schemas.reasons.scan import ExitEventType
from strategies.exits import StopBasis


def cover(desk: Desk, position_id: str, last: Decimal | None, *, only_naked: bool = False) -> None:
    """See to it that a position has its stop; leave the position when no stop can stand.

    *only_naked*: a working stop stays as it is, whatever its quantity: its position is worked on later.
    """
    position = desk.fold.positions.get(position_id)
    if position is None or (only_naked and desk.fold.orders_of(position_id, Leg.STOP)):
        return
    price = protect.resting_price(position)
    if price is not None:  # without plan and stop it is no position of ours to stop: sync reports it
        stand(desk, position_id, price, position.quantity, basis_of(position), last)


def stand(
    desk: Desk, position_id: str, price: Decimal, quantity: Decimal, basis: str, last: Decimal | None
) -> None:
    """``protect.set_stop``; and leave the position if the broker lets no stop stand."""
    if not protect.set_stop(desk, position_id, price, quantity, basis):
        leave(desk, position_id, ExitEventType.EXIT_STOP, last, StopCode.STOP_REFUSED_EXIT)


def leave(
    desk: Desk, position_id: str, reason: str, last: Decimal | None, note: str = StopCode.EXIT_CARRIED
) -> None:
    """Sell all of a position: its stop ends, then its shares go. *note*: the event's code if they stay."""
    for order in desk.fold.orders_of(position_id, Leg.STOP):
        if order.state in (OrderState.LIVE, OrderState.PARTIAL):
            cancel(desk, order, OrderCause.FOR_EXIT)
    for _ in range(desk.config.execution.exit_orders_max):
        position = desk.fold.positions.get(position_id)
        if position is None:
            return
        wish = sale(desk, position, Leg.EXIT, position.quantity, reason, arrival_price=last)
        made = reduction(wish, desk.fold.positions.values(), desk.fold.orders.values())
        if made is None:
            break  # every share is claimed by an order whose fate is unknown
        order = reduce(desk, made)
        if order.state in (OrderState.LIVE, OrderState.PARTIAL):
            cancel(desk, order, OrderCause.CARRIED)
    held = desk.fold.positions.get(position_id)
    if held is None:
        return
    desk.carry(position_id)
    desk.note(("stop.held", _event(held, note)))
    price = protect.resting_price(held)
    if price is not None and last is not None and price < last:
        protect.set_stop(desk, position_id, price, held.quantity, basis_of(held))


def basis_of(position: Position) -> str:
    """What its stop rests on."""
    return position.stop_basis or StopBasis.PLANNED


def _event(held: Position, reason: str) -> StopEvent:
    return StopEvent(
        position_id=held.position_id,
        strategy_id=held.strategy_id,
        sleeve_id=held.sleeve_id,
        symbol=held.symbol,
        quantity=held.quantity,
        stop_before=held.stop_price,
        stop_after=held.stop_price,
        basis=held.stop_basis,
        reason=reason,
    )
