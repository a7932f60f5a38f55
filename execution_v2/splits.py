"""A split multiplies shares down to whole ones and divides prices down to the tick; nothing is rounded up."""

from decimal import ROUND_FLOOR, Decimal
from typing import Any

from schemas.base import down
from schemas.book import Order
from strategies.exits import StopBasis


def split_quantity(quantity: Decimal, num: int, den: int) -> Decimal:
    """Whole shares after a split of *num* new for *den* old; the fraction is paid in cash."""
    return (quantity * num / den).to_integral_value(rounding=ROUND_FLOOR)


def split_price(num: int, den: int, price: Decimal) -> Decimal:
    """*price* on the basis after a split, not yet on its tick."""
    return price * den / num


def split_order(order: Order, num: int, den: int) -> Order:
    """A working order on the basis after a split: what is left of it floored, prices down to the tick.

    What it filled stays as it was: those shares were of the old basis, and the broker goes on counting them so. A stop
    that was placed while the split was awaited is on the new basis already, and is one like any other from here on.
    """
    rest = split_quantity(order.quantity - order.filled, num, den)
    changes: dict[str, Any] = {"quantity": order.filled + rest}
    if order.basis == StopBasis.SPLIT_AWAITED:
        return order.model_copy(update=changes | {"basis": StopBasis.PLANNED})
    for name in ("limit", "stop"):
        price = getattr(order, name)
        if price is not None:
            changes[name] = down(split_price(num, den, price))
    return order.model_copy(update=changes)
