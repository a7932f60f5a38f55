"""What happens at the venue around a request is asked for over HTTP or by seed, and our adapter ends up knowing it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests

from execution_v2.broker.port import (
    CancelOrder,
    Confirmed,
    Found,
    LookUp,
    Outcome,
    Rejected,
    ReplaceOrder,
)
from schemas.book import Side
from schemas.observations import BrokerOrder
from schemas.reasons.execution import BrokerCode
from simulation.alpaca_server import AlpacaServer, Seeded
from simulation.alpaca_server.mishaps import Mishap
from tests.contract.places import SYMBOL, Place, seen, served

POST, PATCH, DELETE = "POST /v2/orders", "PATCH /v2/orders/*", "DELETE /v2/orders/*"
FAR = "1.00"


def asked_for(server: AlpacaServer, **body: Any) -> dict[str, int]:
    """What was met, after *body* was asked for as an operator asks."""
    answer = requests.post(f"{server.url}/sim/faults", json=body, timeout=5)
    assert 200 == answer.status_code, answer.text
    met: dict[str, int] = answer.json()["met"]
    return met


def met(server: AlpacaServer) -> dict[str, int]:
    found: dict[str, int] = requests.get(f"{server.url}/sim/faults", timeout=5).json()["met"]
    return found


def placed(place: Place, name: str, quantity: int = 10, limit: str = FAR) -> BrokerOrder:
    outcome = place.broker.submit(place.order(name, Side.BUY, quantity, limit=limit))
    assert isinstance(outcome, Confirmed), outcome
    return outcome.order


def look(place: Place, name: str) -> BrokerOrder:
    found = place.broker.lookup(LookUp(client_order_id=place.name(name)))
    assert isinstance(found, Found), found
    return found.order


def moved(place: Place, order: BrokerOrder, name: str) -> Outcome:
    return place.broker.replace(
        ReplaceOrder(
            order_id=order.order_id,
            client_order_id=place.name(name),
            quantity=order.quantity,
            limit=Decimal("1.50"),
        )
    )


def owned(place: Place) -> list[tuple[str, int]]:
    return [(row.symbol, int(row.quantity)) for row in seen(place.broker.positions())]


def test_an_order_that_fills_after_its_cancel_was_acknowledged_is_no_cancelled_order() -> None:
    with served() as (place, server, _):
        order = placed(place, "one")
        asked_for(server, what=DELETE, trouble="fill_after_cancel")
        outcome = place.broker.cancel(CancelOrder(order_id=order.order_id))
        assert Rejected(reason=BrokerCode.NOT_WORKING, raw="it is filled") == outcome
        assert [(SYMBOL, 10)] == owned(place)
        assert {"fill_after_cancel": 1} == met(server)


def test_a_cancel_of_an_order_that_filled_meanwhile_is_refused_and_the_shares_are_there() -> None:
    with served() as (place, server, _):
        order = placed(place, "one")
        asked_for(server, what=DELETE, trouble="filled_before_cancel")
        outcome = place.broker.cancel(CancelOrder(order_id=order.order_id))
        assert isinstance(outcome, Rejected)
        assert BrokerCode.NOT_WORKING == outcome.reason
        assert ("filled", 10) == (look(place, "one").status, look(place, "one").filled)
        assert [(SYMBOL, 10)] == owned(place)


def test_a_replacement_that_loses_the_race_against_a_fill_is_refused_and_never_exists() -> None:
    with served() as (place, server, pit):
        order = placed(place, "one")
        asked_for(server, what=PATCH, trouble="replace_fills_first")
        outcome = moved(place, order, "two")
        assert isinstance(outcome, Rejected)
        assert BrokerCode.NOT_WORKING == outcome.reason
        assert "filled" == look(place, "one").status
        assert [place.name("one")] == list(pit.exchange.state.by_client)
        assert [(SYMBOL, 10)] == owned(place)


def test_a_replacement_that_is_rejected_after_it_was_taken_leaves_the_old_order_at_work() -> None:
    with served() as (place, server, _):
        order = placed(place, "one")
        asked_for(server, what=PATCH, trouble="replace_rejected_later")
        outcome = moved(place, order, "two")
        assert isinstance(outcome, Confirmed)
        assert ("accepted", order.order_id) == (outcome.order.status, outcome.order.replaces)
        assert ["open", "rejected"] == [look(place, name).status for name in ("one", "two")]
        assert [place.name("one")] == [row.client_order_id for row in seen(place.broker.open_orders())]
        assert isinstance(moved(place, look(place, "one"), "three"), Confirmed)


def test_an_order_that_fills_in_part_and_is_then_rejected_keeps_what_it_filled() -> None:
    with served() as (place, server, _):
        asked_for(server, what=POST, trouble="partial_then_reject")
        order = placed(place, "one")
        assert order.is_working
        assert ("rejected", 5) == (look(place, "one").status, look(place, "one").filled)
        assert [(SYMBOL, 5)] == owned(place)
        assert () == seen(place.broker.open_orders())


@pytest.mark.parametrize("is_asked_of_the_order", [True, False])
def test_a_halted_symbol_fills_nothing_and_its_quote_grows_old_until_the_halt_ends(
    is_asked_of_the_order: bool,
) -> None:
    with served() as (place, server, pit):
        began = pit.now
        if is_asked_of_the_order:
            asked_for(server, what=POST, trouble="halt", seconds=120)
        else:
            asked_for(server, halt=SYMBOL, seconds=120)
        order = placed(place, "one", limit="60.00")
        assert (0, "open") == (order.filled, order.status)
        pit.now = began + timedelta(seconds=119)
        (quote,) = seen(place.feed.quotes([SYMBOL]))
        assert quote.as_of <= began
        assert "open" == look(place, "one").status
        pit.now = began + timedelta(seconds=900)
        assert "filled" == look(place, "one").status
        (fill,) = seen(place.broker.fills(place.session))
        assert began + timedelta(seconds=120) == fill.executed_at
        assert {"halt": 1} == met(server)


def test_a_halt_ends_when_it_is_said_to() -> None:
    with served() as (place, server, _):
        asked_for(server, halt=SYMBOL)
        placed(place, "one", limit="60.00")
        asked_for(server, resume=SYMBOL)
        assert "filled" == look(place, "one").status


@pytest.mark.parametrize("seconds", [75, -75])
def test_the_exchange_s_clock_is_told_off_by_so_much_and_the_next_time_as_it_is(seconds: int) -> None:
    with served() as (place, server, pit):
        asked_for(server, what="GET /v2/clock", trouble="clock_skew", seconds=seconds)
        told = [seen(place.broker.clock()).now for _ in range(2)]
        assert [timedelta(seconds=seconds), timedelta(0)] == [at - pit.now for at in told]


def test_a_burst_of_rejections_refuses_so_many_orders_and_leaves_none() -> None:
    with served() as (place, server, pit):
        asked_for(server, what=POST, trouble="rejected", times=3)
        outcomes = [place.broker.submit(place.order(name, Side.BUY, 1, limit=FAR)) for name in "abcd"]
        assert [BrokerCode.BROKER_REJECTED] * 3 == [
            each.reason for each in outcomes[:3] if isinstance(each, Rejected)
        ]
        assert isinstance(outcomes[3], Confirmed)
        assert [place.name("d")] == list(pit.exchange.state.by_client)


def test_a_mishap_that_cannot_happen_around_a_request_disturbs_nothing_and_is_not_counted() -> None:
    with served() as (place, server, _):
        order = placed(place, "one", quantity=1)
        asked_for(server, what="GET *", trouble="halt")
        asked_for(server, what=POST, trouble="partial_then_reject")
        assert "open" == look(place, "one").status
        assert "open" == placed(place, "two", quantity=1).status
        place.broker.cancel(CancelOrder(order_id=order.order_id))
        asked_for(server, what=DELETE, trouble="fill_after_cancel")
        assert isinstance(place.broker.cancel(CancelOrder(order_id=order.order_id)), Rejected)
        assert {} == met(server)


def test_whatever_a_seed_lets_happen_the_adapter_s_reads_say_what_the_exchange_has() -> None:
    with served() as (place, server, pit):
        server.faults = Seeded(4, 0.6)
        for n in range(24):
            outcome = place.broker.submit(place.order(f"o{n}", Side.BUY, 2, limit=FAR))
            if isinstance(outcome, Confirmed):
                done = moved(place, outcome.order, f"r{n}")
                last = done.order if isinstance(done, Confirmed) else outcome.order
                place.broker.cancel(CancelOrder(order_id=last.order_id))
            pit.now += timedelta(seconds=40)
        happened = server.faults.met
        server.faults = Seeded(4, 0.0)
        pit.now += timedelta(hours=1)
        assert set(Mishap) <= set(happened)
        shares = sum(order.filled for order in pit.exchange.state.orders.values())
        assert shares > 0
        assert [(SYMBOL, shares)] == owned(place)
        assert shares == sum(fill.quantity for fill in seen(place.broker.fills(place.session)))
        for name, order_id in pit.exchange.state.by_client.items():
            truth = pit.exchange.state.orders[order_id]
            found = place.broker.lookup(LookUp(client_order_id=name))
            assert isinstance(found, Found)
            assert (truth.status, truth.filled) == (found.order.status, found.order.filled)
