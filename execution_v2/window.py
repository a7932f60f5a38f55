"""An order is watched until it ends or its window does; what it filled is known before its rest is dealt with."""

from math import ceil

from execution_v2.broker.port import Found, LookUp
from execution_v2.desk import Desk
from execution_v2.resolve import follow
from execution_v2.transitions import WORKING
from schemas.book import Order, OrderState, RiskClass
from schemas.events import OrderConfirmed


def watch(desk: Desk, order: Order, seconds: float, *, partial_s: float | None = None) -> Order:
    """*order* as it stands once it ended, or after *seconds*; on daily bars as it is, for no time passes there.

    *partial_s*: how long the rest is waited for once a part is filled. A look that fails is one look less.
    """
    if not desk.passes_time:
        return order
    poll = desk.config.execution.poll_s
    left, is_short = ceil(seconds / poll), False
    while order.state in WORKING and desk.has_time(RiskClass.REDUCE):
        if partial_s is not None and order.state is OrderState.PARTIAL and not is_short:
            left, is_short = min(left, ceil(partial_s / poll)), True
        if left <= 0:
            break
        desk.pause(poll)
        left -= 1
        order = named(desk, order)
        if order.order_id is None:
            continue
        answer = desk.ports.broker.lookup(LookUp(order_id=order.order_id))
        if isinstance(answer, Found):
            follow(desk, order.ord_id, answer.order)
        order = desk.known(order.ord_id)
    return order


def named(desk: Desk, order: Order) -> Order:
    """*order* with the broker's id; one that a fill showed to work before any answer did is looked up for it."""
    if order.order_id is not None or order.state not in WORKING:
        return order
    answer = desk.ports.broker.lookup(LookUp(client_order_id=order.client_order_id))
    if isinstance(answer, Found):
        confirmed = OrderConfirmed(ord_id=order.ord_id, order_id=answer.order.order_id)
        desk.note(("order.confirmed", confirmed))
        follow(desk, order.ord_id, answer.order)
    return desk.known(order.ord_id)
