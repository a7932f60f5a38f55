"""A Reduction is made in one place, never exceeds what is held, and no gate has a type for it."""

from decimal import Decimal
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution_v2.enforce import Authorised, judge
from execution_v2.gates.facts import EntryOrder
from execution_v2.gates.table import GATES
from execution_v2.risk_class import Reduction, reducible, reduction
from execution_v2.send import enter, reduce
from schemas.book import ENDED, Leg, Order, OrderState, RiskClass
from tests.portfolio.books import order, position, usd

STATES = st.sampled_from(sorted(set(OrderState) - ENDED))


def sell(quantity: int, state: OrderState = OrderState.LIVE, name: str = "a") -> Order:
    return order("AAA", quantity, leg=Leg.STOP, stop=usd("47"), state=state, ord_id=f"ord_{name}")


def test_only_risk_class_makes_a_reduction() -> None:
    with pytest.raises(AssertionError, match=r"only risk_class\.reduction makes"):
        Reduction(order=sell(1), made_by=object())


@given(held=st.integers(0, 200), claims=st.lists(st.tuples(st.integers(1, 90), STATES), max_size=4))
def test_no_sale_and_no_sum_of_sales_exceeds_what_is_held(
    held: int, claims: list[tuple[int, OrderState]]
) -> None:
    positions = [position("AAA", held)] if held else []
    working: list[Order] = []
    for number, (quantity, state) in enumerate(claims):
        made = reduction(sell(quantity, state, str(number)), positions, working)
        if made is not None:
            assert made.order.risk_class is RiskClass.REDUCE
            working.append(made.order)
    live = sum((o.quantity for o in working if o.state is not OrderState.CREATED), Decimal(0))
    assert live <= held
    assert held - live == reducible("AAA", positions, working)


def test_a_successor_takes_over_the_claim_of_the_stop_that_it_replaces() -> None:
    old = sell(100)
    made = reduction(sell(100, name="b"), [position("AAA", 100)], [old], instead_of=old)
    assert made is not None
    assert Decimal(100) == made.order.quantity
    assert reduction(sell(100, name="b"), [position("AAA", 100)], [old]) is None


def test_a_buy_never_reduces() -> None:
    with pytest.raises(AssertionError, match="long only"):
        reduction(order("AAA", 1), [position("AAA", 100)], [])


def test_no_gate_and_no_verdict_has_a_type_for_an_exit() -> None:
    for check in (judge, *(gate.check for gate in GATES)):
        assert EntryOrder is get_type_hints(check)["entry"]
        assert Reduction not in get_type_hints(check).values()
    assert Reduction is get_type_hints(reduce)["reduction"]
    assert Authorised is get_type_hints(enter)["authorised"]
