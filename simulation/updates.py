"""What the order stream says follows from what happened: one update per change of an order, in the broker's words."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from schemas.observations import BrokerOrder, OrderUpdate
from simulation.account import AccountState, Effect

_WORDS: Final[Mapping[str, str]] = {
    "open": "new",
    "accepted": "pending_new",
    "pending_replace": "pending_replace",
    "pending_cancel": "pending_cancel",
    "cancelled": "canceled",
    "replaced": "replaced",
    "expired": "expired",
    "rejected": "rejected",
}
_BACK: Final[Mapping[str, str]] = {
    "pending_replace": "order_replace_rejected",
    "pending_cancel": "order_cancel_rejected",
}
"""What a return to ``open`` is called, by the status that it returns from."""


def told(before: BrokerOrder | None, effect: Effect, after: AccountState, at: datetime) -> OrderUpdate | None:
    """The update of *effect*, just applied to *after*; None if the stream is silent about it.

    *before*: the order as it was, None for a new one.
    """
    if effect.fill is not None:
        fill = effect.fill
        order = after.orders[fill.order_id]
        return OrderUpdate(
            event="fill" if order.status == "filled" else "partial_fill",
            order=order,
            execution_id=fill.execution_id,
            quantity=fill.quantity,
            price=fill.price,
            position_quantity=after.quantity(fill.symbol),
            at=at,
        )
    order_now = effect.order
    if order_now is None or (before is not None and before.status == order_now.status):
        return None
    word = _WORDS[order_now.status]
    if before is not None and order_now.status == "open":
        word = _BACK.get(before.status, word)
    stands = after.orders[order_now.order_id]
    return OrderUpdate(event=word, order=stands, position_quantity=after.quantity(stands.symbol), at=at)
