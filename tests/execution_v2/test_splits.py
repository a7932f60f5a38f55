"""Over a split the rest of an order changes its basis; what was filled before it keeps the broker's count."""

from decimal import Decimal

from execution_v2.splits import split_order
from schemas.book import Leg
from tests.portfolio.books import order, usd


def test_what_filled_before_a_split_stays_and_the_rest_is_floored() -> None:
    before = order("AAA", 100, leg=Leg.STOP, filled=Decimal(33), stop=usd("30.01"))
    after = split_order(before, 3, 2)
    # 67 left become floor(100.5) = 100; 30.01 / 1.5 = 20.0066.., down to the tick.
    assert (Decimal(33), Decimal(133), usd("20.00")) == (after.filled, after.quantity, after.stop)


def test_a_reverse_split_leaves_the_fills_alone_too() -> None:
    after = split_order(order("AAA", 100, leg=Leg.STOP, filled=Decimal(33), stop=usd("3.00")), 1, 10)
    assert (Decimal(33), Decimal(39), usd("30.00")) == (after.filled, after.quantity, after.stop)
