"""An order that provably never left is tried again under its own id, twice; any other end is an attempt used up."""

from decimal import Decimal
from typing import Any

import pytest

from execution_v2.attempts import next_attempt
from schemas.book import OrderState
from tests.portfolio.books import order, usd

TEN = Decimal(10)


def tried(attempt: int, **over: Any) -> Any:
    fields = {"attempt": attempt, "limit": usd("50"), "state": OrderState.NEVER_SENT, "sends": 1}
    return order("AAA", over.pop("shares", 10), **(fields | over))


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ((), (1, 1)),
        ((tried(1),), (1, 2)),
        ((tried(1, sends=2),), (1, 3)),
        ((tried(1, sends=3),), (2, 1)),
        ((tried(1, state=OrderState.CANCELLED),), (2, 1)),
        ((tried(1, shares=9),), (2, 1)),
        ((tried(1, limit=usd("50.01")),), (2, 1)),
        ((tried(2, sends=1), tried(1, sends=3)), (2, 2)),
        ((tried(1, sends=3), tried(2, sends=3), tried(3, sends=3)), (4, 1)),
    ],
)
def test_the_next_try_of_ten_shares_at_fifty(before: tuple[Any, ...], expected: tuple[int, int]) -> None:
    assert expected == next_attempt(before, TEN, usd("50"))
