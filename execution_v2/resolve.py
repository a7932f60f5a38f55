"""An unknown order is looked up until it is settled or its budget is spent; only proof settles it.

The budgets and the proof of absence are those of execution.md 3.3.
"""

from collections.abc import Sequence
from typing import Final

from execution_v2.broker.port import Found, LookUp, LookUpAnswer, NotFound, ReadFailed
from execution_v2.desk import Desk
from execution_v2.stop_facts import stop_event, stop_fact
from execution_v2.transitions import IN_FLIGHT, UNKNOWN
from schemas.book import ENDED, Leg, Order, OrderState
from schemas.events import OrderEnded, OrderReplaced, OrderResolved, OrderUnresolved
from schemas.observations import BrokerOrder
from schemas.reasons.execution import OrderCause, StopCode

_ENDS: Final = {
    "cancelled": OrderState.CANCELLED,
    "expired": OrderState.EXPIRED,
    "rejected": OrderState.REJECTED,
}
"""A broker's word for an order that ended without a fill."""


def find_in_flight(desk: Desk) -> None:
    """What the process before left on the wire is unknown, and is looked up before anything else."""
    for order in tuple(desk.fold.orders.values()):
        unknown = IN_FLIGHT.get(order.state)
        if unknown is not None:
            unresolved(desk, order, unknown, OrderCause.FOUND_AT_LOAD)
    for order in tuple(desk.fold.orders.values()):
        if order.state in UNKNOWN:
            resolve(desk, order)
    for order in tuple(desk.fold.orders.values()):
        # A successor whose predecessor was settled in the record before the process died.
        if order.state is OrderState.CREATED:
            _resolve_successor(desk, order)


def resolve(desk: Desk, order: Order, cause: str = OrderCause.VENUE_ENDED) -> None:
    """Look an unknown order up until it is settled or the budget is spent; then it is carried."""
    if order.state is OrderState.REPLACE_UNKNOWN:
        _resolve_replace(desk, order)
    elif order.order_id is not None:
        answer = ask(desk, LookUp(order_id=order.order_id))
        if isinstance(answer, Found):
            adopt(desk, order.ord_id, answer.order, cause)
    else:
        answer = ask(desk, LookUp(client_order_id=order.client_order_id))
        if isinstance(answer, Found):
            adopt(desk, order.ord_id, answer.order, cause)
        elif isinstance(answer, NotFound):
            never_sent(desk, order.ord_id, OrderCause.NOT_FOUND_PROOF)
    if desk.known(order.ord_id).state in UNKNOWN:
        desk.carry(order.ord_id)


def _resolve_replace(desk: Desk, old: Order) -> None:
    orders = (*desk.fold.orders.values(), *desk.fold.ended.values())
    heirs = [o for o in orders if o.replaces == old.ord_id]
    assert heirs, "a replace without a successor"
    new = max(heirs, key=lambda o: o.revision)
    found = ask(desk, LookUp(client_order_id=new.client_order_id))
    if isinstance(found, Found):
        replaced(desk, old, new, found.order)
        return
    assert old.order_id is not None, "a replaced order has the broker's id"
    before = ask(desk, LookUp(order_id=old.order_id))
    if isinstance(found, NotFound) and isinstance(before, Found) and before.order.status != "replaced":
        if new.state not in ENDED:
            never_sent(desk, new.ord_id, OrderCause.NOT_FOUND_PROOF)
        adopt(desk, old.ord_id, before.order, OrderCause.VENUE_ENDED)


def _resolve_successor(desk: Desk, new: Order) -> None:
    found = ask(desk, LookUp(client_order_id=new.client_order_id))
    if isinstance(found, Found):
        adopt(desk, new.ord_id, found.order, OrderCause.VENUE_ENDED)
    elif isinstance(found, NotFound):
        never_sent(desk, new.ord_id, OrderCause.NOT_FOUND_PROOF)


def ask(desk: Desk, request: LookUp) -> LookUpAnswer:
    """An answer that counts: found, or not found with proof (3.3); ReadFailed for neither."""
    config = desk.config.execution
    answer: LookUpAnswer = ReadFailed(cause="not asked")
    absent, spread = 0, 0.0
    for pause in config.query_pauses_s[: config.queries_max]:
        desk.pause(pause)
        answer = desk.ports.broker.lookup(request)
        if isinstance(answer, Found):
            return answer
        if isinstance(answer, NotFound):
            spread += pause if absent else 0.0
            absent += 1
    if absent < config.not_found_min or spread < config.not_found_spread_s:
        return ReadFailed(cause="no proof of absence")
    fills = desk.ports.broker.fills(desk.inputs.session_date)
    named = request.client_order_id or request.order_id
    if isinstance(fills, ReadFailed) or any(
        named in (fill.client_order_id, fill.order_id) for fill in fills.value
    ):
        return ReadFailed(cause="the fills do not agree")
    return NotFound()


def adopt(desk: Desk, ord_id: str, order: BrokerOrder, cause: str) -> None:
    """Believe a look-up: the order stands as the broker shows it."""
    if desk.known(ord_id).state in UNKNOWN or desk.known(ord_id).state is OrderState.CREATED:
        was_sent = desk.known(ord_id).order_id is not None
        resolved = OrderResolved(
            ord_id=ord_id, state=OrderState.LIVE, order_id=order.order_id, cause=OrderCause.ARRIVED
        )
        fact = () if was_sent else stop_fact(desk.fold, desk.known(ord_id))
        desk.note(("order.resolved", resolved), *fact)
    follow(desk, ord_id, order, cause)


def follow(desk: Desk, ord_id: str, order: BrokerOrder, cause: str = OrderCause.VENUE_ENDED) -> None:
    """Take over fills first, then the end that the broker shows."""
    if order.filled > desk.known(ord_id).filled:
        desk.import_fills()
    end = _ENDS.get(order.status)
    if end is not None and desk.known(ord_id).state not in ENDED:
        desk.note(("order.ended", OrderEnded(ord_id=ord_id, state=end, cause=cause)))


def look_after_missing(desk: Desk, working: Sequence[BrokerOrder]) -> None:
    """An order that we hold for working and the broker does not list has ended there: ask how."""
    listed = {order.order_id for order in working}
    for order in tuple(desk.fold.orders.values()):
        is_working = order.state in (OrderState.LIVE, OrderState.PARTIAL)
        if is_working and order.order_id is not None and order.order_id not in listed:
            answer = ask(desk, LookUp(order_id=order.order_id))
            if isinstance(answer, Found):
                follow(desk, order.ord_id, answer.order)
                if order.leg is Leg.STOP and desk.known(order.ord_id).state is not OrderState.FILLED:
                    desk.note(("stop.lost", stop_event(desk.fold, order, StopCode.STOP_LOST)))
            else:
                desk.carry(order.ord_id)


def replaced(desk: Desk, old: Order, new: Order, found: BrokerOrder) -> None:
    """The venue holds *new* as *found*, and *old* no more."""
    replaced = OrderReplaced(
        ord_id=old.ord_id, successor_ord_id=new.ord_id, successor_order_id=found.order_id
    )
    desk.note(("order.replaced", replaced), *stop_fact(desk.fold, new))
    follow(desk, new.ord_id, found)


def never_sent(desk: Desk, ord_id: str, cause: str) -> None:
    """The order provably never arrived."""
    absent = OrderResolved(ord_id=ord_id, state=OrderState.NEVER_SENT, order_id=None, cause=cause)
    desk.note(("order.resolved", absent))


def unresolved(desk: Desk, order: Order, state: OrderState, cause: str) -> None:
    """Nobody knows what became of the request; *state* says which one it was."""
    desk.note(("order.unresolved", OrderUnresolved(ord_id=order.ord_id, state=state, cause=cause)))
