"""Whether an order reduces follows from exposure, never from a caller's word; only here is a Reduction made.

A sell beyond what is held and not yet claimed is cut to that bound (I13): the broker has no reduce-only flag.
A ``Reduction`` goes to the broker without a gate, decision or switch being asked (L3); no gate has a type for
it.
"""

from collections.abc import Iterable
from dataclasses import InitVar, dataclass
from decimal import Decimal
from typing import Final

from portfolio.exposure import remaining
from schemas.book import Order, Position, RiskClass, Side

_ONLY_HERE: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """An order that can only lower exposure."""

    order: Order
    made_by: InitVar[object]

    def __post_init__(self, made_by: object) -> None:
        assert made_by is _ONLY_HERE, "only risk_class.reduction makes a Reduction"
        assert self.order.risk_class is RiskClass.REDUCE, "a Reduction that says otherwise"


def reducible(symbol: str, positions: Iterable[Position], orders: Iterable[Order]) -> Decimal:
    """Shares of *symbol* that may still be sold: held, less every possibly-live sell; never negative."""
    orders = tuple(o for o in orders if o.symbol == symbol)  # a successor is of its order's symbol
    held = sum((p.quantity for p in positions if p.symbol == symbol), Decimal(0))
    claimed = (remaining(o, orders) for o in orders if o.side is Side.SELL)
    return max(Decimal(0), held - sum(claimed, Decimal(0)))


def reduction(
    wish: Order, positions: Iterable[Position], orders: Iterable[Order], *, instead_of: Order | None = None
) -> Reduction | None:
    """*wish* as a Reduction, its quantity cut to the bound; None when nothing is left to reduce.

    Args:
        positions, orders: the book's; orders are the possibly-live ones.
        instead_of: the working order that *wish* replaces in one step, whose claim it takes over.
    """
    assert wish.side is Side.SELL, "the book is long only: a buy never reduces"
    others = [o for o in orders if instead_of is None or o.ord_id != instead_of.ord_id]
    bound = reducible(wish.symbol, positions, others)
    quantity = min(wish.quantity, bound)
    if quantity < 1:
        return None
    order = wish.model_copy(update={"quantity": quantity, "risk_class": RiskClass.REDUCE})
    return Reduction(order=order, made_by=_ONLY_HERE)
