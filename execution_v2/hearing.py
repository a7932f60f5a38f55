"""What the order stream says hastens a question and answers none: fills are read, ends are looked up.

So a message that is late, doubled, out of order or lost changes when something is known, never what (L6).
"""

from collections.abc import Iterable

from execution_v2.broker.port import Found, LookUp, Seen
from execution_v2.desk import Desk
from execution_v2.resolve import adopt, ask, end_of, resolve
from execution_v2.transitions import UNKNOWN
from schemas.book import ENDED, Order
from schemas.observations import OrderUpdate
from schemas.reasons.execution import OrderCause


def listen(desk: Desk) -> None:
    """Ask after whatever the stream told since the last look, where time passes within the cycle.

    A stream that is down is not asked again in this cycle: the look-ups and reads go on without it.
    """
    if not desk.passes_time or desk.is_deaf:
        return
    told = desk.ports.broker.updates()
    if not isinstance(told, Seen):
        desk.is_deaf = True
        return
    ours = [(order, update) for update in told.value if (order := _order_of(desk, update)) is not None]
    if any(_tells_of_a_fill(desk, order, update) for order, update in ours):
        desk.import_fills()
    ended = {order.ord_id for order, update in ours if end_of(update.order) is not None}
    for ord_id in _named(ours):
        order = desk.fold.order(ord_id)
        if order is None:
            continue  # it ended in an earlier session
        if order.state in UNKNOWN:
            resolve(desk, order)
        elif order.order_id is not None and order.state not in ENDED and ord_id in ended:
            answer = ask(desk, LookUp(order_id=order.order_id))
            if isinstance(answer, Found):
                adopt(desk, ord_id, answer.order, OrderCause.VENUE_ENDED)


def _named(ours: Iterable[tuple[Order, OrderUpdate]]) -> list[str]:
    """The orders that were told of, and those that they replace, each once, in an order of their own."""
    return sorted({name for order, _ in ours for name in (order.ord_id, order.replaces) if name is not None})


def _order_of(desk: Desk, update: OrderUpdate) -> Order | None:
    return desk.by_client_id(update.order.client_order_id)


def _tells_of_a_fill(desk: Desk, order: Order, update: OrderUpdate) -> bool:
    is_new = update.execution_id is not None and not desk.fold.is_booked(update.execution_id)
    return is_new or update.order.filled > order.filled
