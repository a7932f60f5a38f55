"""Over a split the rest of an order changes its basis; what was filled before it keeps the broker's count."""

from decimal import Decimal

from execution_v2.actions import book_event
from execution_v2.desk import Desk
from execution_v2.splits import split_order
from schemas.book import Leg
from schemas.market import ActionKind
from schemas.observations import CorporateEvent
from schemas.strategy_registry import EXTERNAL
from tests.analytics.books import position
from tests.execution_v2.watched import DAY, Watched
from tests.portfolio.books import order, usd


def test_what_filled_before_a_split_stays_and_the_rest_is_floored() -> None:
    before = order("AAA", 100, leg=Leg.STOP, filled=Decimal(33), stop=usd("30.01"))
    after = split_order(before, 3, 2)
    # 67 left become floor(100.5) = 100; 30.01 / 1.5 = 20.0066.., down to the tick.
    assert (Decimal(33), Decimal(133), usd("20.00")) == (after.filled, after.quantity, after.stop)


def test_a_reverse_split_leaves_the_fills_alone_too() -> None:
    after = split_order(order("AAA", 100, leg=Leg.STOP, filled=Decimal(33), stop=usd("3.00")), 1, 10)
    assert (Decimal(33), Decimal(39), usd("30.00")) == (after.filled, after.quantity, after.stop)


def test_a_dividend_on_two_positions_of_one_strategy_reaches_both() -> None:
    made = Watched(wanted=False)
    held = tuple(
        position("AAA", shares, "50.00", id=name).model_copy(update={"strategy_id": EXTERNAL})
        for name, shares in (("pos_1", 1), ("pos_2", 2))
    )
    before = made.state.model_copy(update={"positions": held})
    made.clock.to(made.at(5))
    desk = Desk(made.inputs("0935", state=before), made.ports(), made.config)
    paid = CorporateEvent(
        event_id="div_1",
        kind=ActionKind.CASH_DIVIDEND,
        symbol="AAA",
        cash=usd("9.00"),
        at=made.at(0),
        session_date=DAY,
    )
    book_event(desk, paid)
    book_event(desk, paid)
    assert before.cash + 9 == desk.fold.cash
    assert {"pos_1": usd("3"), "pos_2": usd("6")} == {
        name: p.cash_flow for name, p in desk.fold.positions.items()
    }
