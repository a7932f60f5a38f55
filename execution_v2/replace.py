"""A working stop is exchanged for its successor in one step; until the venue says so both count, and one may live.

The protocol of execution.md 7.
"""

from typing import Final

from execution_v2.attempts import SENDS_MAX
from execution_v2.broker.port import Confirmed, Denied, Outcome, Rejected, ReplaceOrder
from execution_v2.desk import Desk
from execution_v2.resolve import replaced, resolve, unresolved
from execution_v2.risk_class import Reduction
from execution_v2.send import cause_of
from schemas.book import Order, OrderState
from schemas.events import OrderReplaceRejected, OrderReplacing
from schemas.reasons.execution import BrokerCode

_UNPROVEN: Final = frozenset({BrokerCode.DUPLICATE_CLIENT_ID, BrokerCode.NOT_WORKING})
"""Refusals of a replace that say nothing of the old order: it may have filled, or the successor arrived."""


def replace(desk: Desk, old: Order, successor: Reduction) -> Order:
    """Exchange a working stop for its successor in one step; gives the order that now stands."""
    new = _replace(desk, old, successor.order)
    if new.state is OrderState.NEVER_SENT and new.sends < SENDS_MAX:
        before = desk.known(old.ord_id)
        if before.state is OrderState.LIVE:
            new = _replace(desk, before, new.model_copy(update={"sends": new.sends + 1}))
    return new if new.ord_id in desk.fold.orders else desk.known(old.ord_id)


def _replace(desk: Desk, old: Order, new: Order) -> Order:
    assert old.order_id is not None, "a working order has the broker's id"
    desk.note(("order.replacing", OrderReplacing(ord_id=old.ord_id, successor=new)))
    request = ReplaceOrder(
        order_id=old.order_id,
        client_order_id=new.client_order_id,
        quantity=new.quantity,
        limit=new.limit,
        stop=new.stop,
    )
    _after(desk, old, new, desk.ports.broker.replace(request))
    return desk.known(new.ord_id)


def _after(desk: Desk, old: Order, new: Order, outcome: Outcome) -> None:
    if isinstance(outcome, Confirmed):
        replaced(desk, old, new, outcome.order)
    elif isinstance(outcome, (Rejected, Denied)) and cause_of(outcome) not in _UNPROVEN:
        refused = OrderReplaceRejected(
            ord_id=old.ord_id, successor_ord_id=new.ord_id, reason=cause_of(outcome)
        )
        desk.note(("order.replace_rejected", refused))
    else:
        unresolved(desk, old, OrderState.REPLACE_UNKNOWN, cause_of(outcome))
        resolve(desk, desk.known(old.ord_id))
