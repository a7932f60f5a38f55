"""An intent is tried a bounded number of times, and an order that provably never left is the same try again."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from schemas.book import Order, OrderState

ENTRY_ATTEMPTS_MAX: Final = 3
"""Orders for one intent in one session (starting value)."""
SENDS_MAX: Final = 3
"""Two resends under the same id, each after a proof that the one before never arrived (ADR 13)."""


def next_attempt(before: Iterable[Order], quantity: Decimal, limit: Decimal | None) -> tuple[int, int]:
    """(attempt, send) that an entry of *quantity* at *limit* would be after the orders *before* of its intent."""
    attempt, sends = 1, 1
    for order in sorted(before, key=lambda o: o.attempt):
        is_same = (order.quantity, order.limit) == (quantity, limit)
        if order.state is OrderState.NEVER_SENT and order.sends < SENDS_MAX and is_same:
            attempt, sends = order.attempt, order.sends + 1
        else:
            attempt, sends = order.attempt + 1, 1
    return attempt, sends
