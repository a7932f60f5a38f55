"""Whatever happens to an answer on its way, one order was asked for, at most one exists, and a look-up tells which.

The adapter as its book opens it, the vendor's own client, HTTP, and the simulated exchange behind the protocol server.
"""

import time as wall
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from execution_v2.broker.port import (
    CancelOrder,
    Confirmed,
    Denied,
    Found,
    LookUp,
    NotFound,
    ReadFailed,
    Rejected,
    ReplaceOrder,
    Seen,
    Unresolved,
)
from execution_v2.send import retry_after_s
from schemas.book import Side
from schemas.reasons.execution import BrokerCode, LineCode
from schemas.reasons.gates import FreshnessCode
from simulation.alpaca_server import Rule, Script, faults
from tests.contract.places import SYMBOL, Place, seen, served

FAR = "1.00"
ONE = {"limit": FAR}


def befallen(method: str, *troubles: faults.Trouble) -> Script:
    """A script by which requests of *method* meet *troubles*, one each."""
    return Script(rules=[Rule(what=f"{method} *", trouble=each) for each in troubles])


def look(place: Place, name: str) -> Any:
    return place.broker.lookup(LookUp(client_order_id=place.name(name)))


def test_an_order_taken_and_answered_504_was_posted_once_with_our_id_and_is_found() -> None:
    with served(befallen("POST", *[faults.accepted_then_504()] * 5)) as (place, server, pit):
        outcome = place.broker.submit(place.order("one", Side.BUY, 1, **ONE))
        assert Unresolved(cause=f"{LineCode.BROKER_ERRED}: HTTP 504", sent="yes") == outcome
        (post,) = server.sent("POST")
        assert place.name("one").encode() in post.body
        assert [place.name("one")] == [row.client_order_id for row in pit.exchange.open_orders()]
        assert isinstance(look(place, "one"), Found)


@pytest.mark.parametrize(
    ("trouble", "outcome", "exists"),
    [
        (faults.rate_limited("7"), Rejected(reason=BrokerCode.RATE_LIMITED, raw="7"), False),
        (faults.erred(500), Unresolved(cause="BROKER_ERRED: HTTP 500", sent="yes"), False),
        (faults.html(502), Unresolved(cause="BROKER_ERRED: HTTP 502", sent="yes"), False),
        (faults.accepted_then_504(), Unresolved(cause="BROKER_ERRED: HTTP 504", sent="yes"), True),
        (faults.lost_ack(), Unresolved(cause="ANSWER_LOST: ConnectionError", sent="maybe"), True),
        (faults.lost(), Unresolved(cause="ANSWER_LOST: ConnectionError", sent="maybe"), False),
        (faults.mute_ack(), Unresolved(cause="ANSWER_LOST: ReadTimeout", sent="maybe"), True),
        (faults.stall(), Unresolved(cause="ANSWER_LOST: ReadTimeout", sent="maybe"), False),
        (
            faults.already_taken(),
            Rejected(reason=BrokerCode.DUPLICATE_CLIENT_ID, raw="client_order_id must be unique"),
            True,
        ),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_each_trouble_of_a_post_has_its_outcome_one_request_and_a_look_up_that_tells(
    trouble: faults.Trouble, outcome: Any, exists: bool
) -> None:
    with served(befallen("POST", trouble)) as (place, server, pit):
        began = wall.monotonic()
        assert outcome == place.broker.submit(place.order("one", Side.BUY, 1, **ONE))
        assert wall.monotonic() - began < 5
        assert 1 == len(server.sent("POST"))
        assert int(exists) == len(pit.exchange.open_orders())
        assert isinstance(look(place, "one"), Found if exists else NotFound)


def test_a_cut_answer_leaves_the_order_to_be_looked_up() -> None:
    with served(befallen("POST", faults.cut())) as (place, server, _):
        assert isinstance(place.broker.submit(place.order("one", Side.BUY, 1, **ONE)), Unresolved)
        assert 1 == len(server.sent("POST"))
        assert isinstance(look(place, "one"), Found)


@pytest.mark.parametrize("trouble", [faults.accepted_then_504(), faults.lost_ack()], ids=lambda t: t.name)
def test_a_replace_and_a_cancel_that_lost_their_answers_were_asked_for_once(trouble: faults.Trouble) -> None:
    with served() as (place, server, pit):
        first = place.broker.submit(place.order("one", Side.BUY, 1, **ONE))
        assert isinstance(first, Confirmed)
        server.faults = befallen("PATCH", trouble)
        request = ReplaceOrder(
            order_id=first.order.order_id,
            client_order_id=place.name("two"),
            quantity=Decimal(1),
            limit=Decimal("1.50"),
        )
        assert isinstance(place.broker.replace(request), Unresolved)
        assert 1 == len(server.sent("PATCH"))
        second = look(place, "two")
        assert isinstance(second, Found)
        assert [place.name("two")] == [row.client_order_id for row in pit.exchange.open_orders()]
        server.faults = befallen("DELETE", trouble)
        assert isinstance(place.broker.cancel(CancelOrder(order_id=second.order.order_id)), Unresolved)
        assert 1 == len(server.sent("DELETE"))
        assert () == pit.exchange.open_orders()


def test_a_cancel_on_its_way_counts_as_live_until_it_shows_as_ended() -> None:
    with served(cancel_latency_s=Decimal(3)) as (place, _, pit):
        placed = place.broker.submit(place.order("one", Side.BUY, 1, **ONE))
        assert isinstance(placed, Confirmed)
        outcome = place.broker.cancel(CancelOrder(order_id=placed.order.order_id))
        assert Unresolved(cause=LineCode.CANCEL_PENDING, sent="yes") == outcome
        assert "pending_cancel" == look(place, "one").order.status
        pit.now += timedelta(seconds=4)
        assert "cancelled" == look(place, "one").order.status


def test_an_order_that_does_not_work_yet_is_not_replaced() -> None:
    with served(place_latency_s=Decimal(3)) as (place, _, _):
        placed = place.broker.submit(place.order("one", Side.BUY, 1, **ONE))
        assert isinstance(placed, Confirmed)
        assert "accepted" == placed.order.status
        request = ReplaceOrder(
            order_id=placed.order.order_id,
            client_order_id=place.name("two"),
            quantity=Decimal(1),
            limit=Decimal("1.50"),
        )
        assert isinstance(place.broker.replace(request), Rejected)
        assert NotFound() == look(place, "two")


def test_a_read_that_fails_once_is_asked_again_and_three_times_is_a_failed_read() -> None:
    with served(befallen("GET", faults.erred(503))) as (place, server, _):
        assert () == seen(place.broker.positions())
        server.faults = befallen("GET", *[faults.lost()] * 3)
        assert isinstance(place.broker.positions(), ReadFailed)


def test_an_order_that_fills_later_is_told_by_the_stream_and_by_its_reads() -> None:
    with served() as (place, server, pit):
        assert isinstance(place.broker.updates(), Seen)
        placed = place.broker.submit(place.order("buy", Side.BUY, 10, limit="49.60"))
        assert isinstance(placed, Confirmed)
        told: list[str] = []

        def has_told(event: str) -> bool:
            told.extend(row.event for row in seen(place.broker.updates()))
            return event in told

        place.until(lambda: has_told("new"))
        pit.at(0, 389)
        server.tick()
        place.until(lambda: has_told("fill"))
        assert ["new", "fill"] == [told[0], told[-1]]
        assert 10 == sum(row.quantity for row in seen(place.broker.fills(place.session)))
        assert [(SYMBOL, 10)] == [(row.symbol, row.quantity) for row in seen(place.broker.positions())]


def test_a_stream_that_breaks_says_so_and_the_reads_close_the_gap() -> None:
    with served() as (place, server, _):
        assert isinstance(place.broker.updates(), Seen)
        server.stream.cut()
        placed = place.broker.submit(place.order("one", Side.BUY, 1, **ONE))
        causes: list[str] = []

        def is_told() -> bool:
            answer = place.broker.updates()
            causes.append(answer.cause.partition(":")[0] if isinstance(answer, ReadFailed) else "")
            return LineCode.STREAM_GAP in causes

        place.until(is_told)
        assert isinstance(placed, Confirmed)
        assert [placed.order] == list(seen(place.broker.open_orders()))


def test_closed_bars_and_quotes_come_from_the_same_market() -> None:
    with served() as (place, _, pit):
        pit.at(0, 17)
        for seconds, count in ((300, 3), (600, 1)):
            bars = seen(place.feed.bars([SYMBOL], seconds, place.session, place.session))
            assert (count, {seconds}) == (len(bars), {bar.seconds for bar in bars})
        (quote,) = seen(place.feed.quotes([SYMBOL]))
        assert quote.bid is not None
        assert quote.ask is not None
        assert quote.bid <= quote.last <= quote.ask


def test_bars_of_a_minute_come_where_the_exchange_has_them_and_are_refused_where_not() -> None:
    with served(bar_s=60) as (place, _, pit):
        pit.at(0, 17.5)
        bars = seen(place.feed.bars([SYMBOL], 60, place.session, place.session))
        assert (17, {60}) == (len(bars), {bar.seconds for bar in bars})
        assert 3 == len(seen(place.feed.bars([SYMBOL], 300, place.session, place.session)))
    with served() as (place, _, pit):
        pit.at(0, 17)
        refused = place.feed.bars([SYMBOL], 60, place.session, place.session)
        assert isinstance(refused, ReadFailed)
        assert "no bars of 60 seconds" in refused.cause


def test_a_throttled_order_waits_as_long_as_the_broker_says() -> None:
    with served(befallen("POST", faults.rate_limited("7"))) as (place, _, _):
        outcome = place.broker.submit(place.order("one", Side.BUY, 1, **ONE))
        assert isinstance(outcome, Rejected)
        assert 7.0 == retry_after_s(outcome.raw)


def test_keys_that_are_not_known_any_more_stop_what_adds_and_nothing_else() -> None:
    with served() as (place, server, pit):
        keys, server._keys = server._keys, ("revoked", "revoked")
        refused = place.broker.positions()
        assert isinstance(refused, ReadFailed)
        assert refused.cause.startswith(BrokerCode.AUTH_FAILED)
        buy = place.broker.submit(place.order("one", Side.BUY, 1, **ONE))
        assert Denied(code=FreshnessCode.BROKER_CIRCUIT_OPEN) == buy
        assert [] == server.sent("POST")
        # A stop is asked for all the same: the broker may take it, and nothing of ours refuses it.
        stop = place.broker.submit(place.order("stop", Side.SELL, 1, stop="40.00"))
        assert isinstance(stop, Rejected)
        assert BrokerCode.AUTH_FAILED == stop.reason
        server._keys = keys
        pit.now += timedelta(seconds=31)
        seen(place.broker.positions())
        assert isinstance(place.broker.submit(place.order("two", Side.BUY, 1, **ONE)), Confirmed)
