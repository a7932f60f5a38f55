"""While a split is suspected, prices and plan may be of two bases: the plan waits, and the stop stands."""

from decimal import Decimal

import pytest

from schemas.book import Leg
from tests.execution_v2.watched import Watched, events

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
