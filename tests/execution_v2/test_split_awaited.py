"""While a split is suspected, prices and plan may be of two bases: the plan waits, and the stop stands."""

from decimal import Decimal

import pytest

from execution_v2.actions import book_event
from schemas.book import Leg
from schemas.market import ActionKind
from schemas.observations import CorporateEvent
from tests.execution_v2.watched import DAY, Watched, events

TENFOLD = ("500.00", "500.50", "499.50", "500.00")
SPLIT = {"AAA": (1, 10)}


def entered(changes: dict[int, tuple[str, str, str, str]]) -> Watched:
    """A position of AAA, entered at 50 in the session's first ten minutes, with its stop."""
    made = Watched(changes)
    for minute in (0, 5, 10):
        made.cycle(minute)
    assert made.held > 0
    assert [made.held] == [shares for shares, _ in made.stops()]
    return made


def test_a_tenfold_price_is_no_target_while_a_reverse_split_is_awaited() -> None:
    made = entered({12: TENFOLD})
    before, held = made.stops(), made.held
    for minute in (65, 70):
        result = made.cycle(minute, splits=SPLIT)
        assert {"SPLIT_SUSPECTED"} == {
            finding["code"] for row in events(result, "sync.checked") for finding in row["findings"]
        }
        assert ["SPLIT_AWAITED"] == [row["reason"] for row in events(result, "stop.held")]
        assert result.carried
    assert (held, before) == (made.held, made.stops())
    assert () == tuple(made.orders(Leg.TRIM))
    assert () == tuple(made.orders(Leg.EXIT))


def test_once_both_sides_agree_the_plan_is_asked_again() -> None:
    made = entered({12: TENFOLD})
    held = made.held
    made.cycle(65, splits=SPLIT)
    made.cycle(70)
    assert made.held < held
    assert [made.held] == [shares for shares, _ in made.stops()]


@pytest.mark.parametrize("minute", [65, 380])
def test_a_stop_that_is_gone_is_placed_again_while_the_split_is_awaited(minute: float) -> None:
    made = entered({12: TENFOLD})
    (stop,) = (order for order in made.exchange.open_orders() if order.stop is not None)
    made.clock.to(made.at(minute))
    made.exchange.kill(stop.order_id, made.clock.now())
    made.cycle(minute, splits=SPLIT)
    assert [(made.held, Decimal(stop.stop or 0))] == made.stops()


HALVED = ("25.00", "25.05", "24.95", "25.00")
FORWARD = {"AAA": (2, 1)}


def dropped(made: Watched, minute: float) -> None:
    """The venue gives the working stop up."""
    (stop,) = (order for order in made.exchange.open_orders() if order.stop is not None)
    made.clock.to(made.at(minute))
    made.exchange.kill(stop.order_id, made.clock.now())


def test_a_stop_that_went_with_an_awaited_split_stands_at_half_and_nothing_is_sold() -> None:
    made = entered({12: HALVED})
    held, (_, before) = made.held, made.stops()[0]
    assert before == Decimal("47.00")
    dropped(made, 59)
    for minute in (65, 70):
        result = made.cycle(minute, splits=FORWARD)
        assert [] == events(result, "order.rejected")
        assert [(held, Decimal("23.50"))] == made.stops()
    dropped(made, 74)
    made.cycle(75, splits=FORWARD)  # gone a second time, it is on the new basis already
    assert [(held, Decimal("23.50"))] == made.stops()
    assert () == tuple(made.orders(Leg.EXIT))


def test_a_price_through_the_stop_on_both_bases_is_a_stop_out() -> None:
    made = entered({12: ("23.00", "23.05", "22.95", "23.00")})
    dropped(made, 59)
    made.cycle(65, splits=FORWARD)
    assert 0 == made.held


def test_the_booking_leaves_a_stop_that_was_placed_on_the_new_basis() -> None:
    made = entered({12: HALVED})
    dropped(made, 59)
    made.cycle(65, splits=FORWARD)
    desk = made.desk(70)
    split = CorporateEvent(
        event_id="evt_split",
        kind=ActionKind.SPLIT,
        symbol="AAA",
        ratio_num=2,
        ratio_den=1,
        cash=0,
        at=made.at(70),
        session_date=DAY,
    )
    book_event(desk, split)
    (position,) = desk.fold.positions.values()
    (stop,) = desk.fold.orders_of(position.position_id, Leg.STOP)
    halved = (Decimal("23.50"), "planned")
    assert (322, *halved) == (position.quantity, position.stop_price, position.stop_basis)
    assert (322, *halved) == (stop.quantity, stop.stop, stop.basis)
    assert position.plan is not None
    assert Decimal("23.50") == position.plan.initial_stop
