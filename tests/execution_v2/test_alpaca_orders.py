"""An order write leaves exactly once, whatever happens to its answer, and its outcome says no more than was proved."""

import socket
import time as wall
from decimal import Decimal
from typing import Any

import pytest

from execution_v2.broker.breaker import Breaker, Circuit
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
    SubmitOrder,
    Unresolved,
)
from execution_v2.broker.recorded import RecordingBroker, ReplayBroker
from schemas.book import OrderType, Side, TimeInForce
from schemas.reasons.execution import BrokerCode, LineCode
from tests.execution_v2.alpaca_stub import KEYS, NOW, Say, Time, buy, stop, stubbed

GATEWAY = b"<html><head><title>504 Gateway Time-out</title></head></html>"


def test_a_taken_order_is_confirmed_as_the_broker_shows_it() -> None:
    with stubbed() as (broker, stub):
        outcome = broker.submit(buy())
        assert isinstance(outcome, Confirmed)
        assert ("open", Decimal("101.25"), 10) == (
            outcome.order.status,
            outcome.order.limit,
            outcome.order.quantity,
        )
        assert [buy().client_order_id] == [body["client_order_id"] for body in stub.sent("POST")]


def test_numbers_leave_as_the_shortest_digits_of_the_price_and_no_other_field_with_them() -> None:
    with stubbed() as (broker, stub):
        broker.submit(buy())
        broker.submit(stop())
        assert {
            "symbol": "AAPL",
            "qty": 10.0,
            "side": "buy",
            "type": "limit",
            "time_in_force": "day",
            "client_order_id": buy().client_order_id,
            "limit_price": 101.25,
        } == stub.sent("POST")[0]
        assert ("stop", "gtc", 95.5) == tuple(
            stub.sent("POST")[1][name] for name in ("type", "time_in_force", "stop_price")
        )


def test_an_order_taken_and_answered_504_left_once_and_is_found_by_its_own_id() -> None:
    with stubbed() as (broker, stub):
        stub.script["POST"] = [Say(status=504, body=GATEWAY, acts=True)] * 9
        outcome = broker.submit(buy())
        assert Unresolved(cause=f"{LineCode.BROKER_ERRED}: HTTP 504", sent="yes") == outcome
        assert [buy().client_order_id] == [body["client_order_id"] for body in stub.sent("POST")]
        assert 1 == len(stub.orders)
        found = broker.lookup(LookUp(client_order_id=buy().client_order_id))
        assert isinstance(found, Found)
        assert found.order.order_id in stub.orders


@pytest.mark.parametrize(
    "say",
    [
        Say(status=429, body={"message": "too many requests."}),
        Say(status=500, body={"message": "internal"}),
        Say(status=502, body=GATEWAY),
        Say(status=504, body=GATEWAY),
        Say(how="reset"),
        Say(how="cut", body={"id": "x" * 100}),
        Say(body=b"<html>welcome</html>"),
        Say(status=302, headers={"Location": "http://127.0.0.1:9/"}, body=b""),
    ],
    ids=["429", "500", "502", "504", "reset", "cut", "html", "redirect"],
)
@pytest.mark.parametrize("write", ["POST", "PATCH", "DELETE"])
def test_a_write_is_never_sent_twice_and_never_believed(write: str, say: Say) -> None:
    with stubbed() as (broker, stub):
        broker.submit(stop())
        order_id = next(iter(stub.orders))
        stub.requests.clear()
        stub.script[write] = [say] * 9
        outcome: Any = {
            "POST": lambda: broker.submit(buy()),
            "PATCH": lambda: broker.replace(
                ReplaceOrder(order_id=order_id, client_order_id="c2", quantity=Decimal(10), stop=Decimal(96))
            ),
            "DELETE": lambda: broker.cancel(CancelOrder(order_id=order_id)),
        }[write]()
        assert 1 == len(stub.sent(write))
        assert isinstance(outcome, Rejected if say.status == 429 else Unresolved), outcome


def test_a_mute_server_lets_go_of_the_caller_in_time_and_the_order_may_live() -> None:
    with stubbed(write_s=0.3) as (broker, stub):
        stub.script["POST"] = [Say(how="mute")] * 9
        began = wall.monotonic()
        outcome = broker.submit(buy())
        assert wall.monotonic() - began < 2.0
        assert Unresolved(cause=f"{LineCode.ANSWER_LOST}: ReadTimeout", sent="maybe") == outcome
        assert 1 == len(stub.sent("POST"))


def test_a_mute_server_lets_go_of_a_reader_in_time() -> None:
    with stubbed(read_s=0.3, reads_max=1) as (broker, stub):
        stub.script["GET"] = [Say(how="mute")] * 9
        began = wall.monotonic()
        assert isinstance(broker.positions(), ReadFailed)
        assert wall.monotonic() - began < 2.0


def test_where_nobody_listens_nothing_was_sent() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # held, and never listening: every connection is refused
        with stubbed(url_override=f"http://127.0.0.1:{held.getsockname()[1]}") as (broker, _):
            assert Denied(code=LineCode.NOT_SENT) == broker.submit(buy())
            assert Denied(code=LineCode.NOT_SENT) == broker.cancel(CancelOrder(order_id="x"))
            assert ReadFailed(cause=f"{LineCode.NOT_SENT}: ConnectionError") == broker.account()


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (422, "client_order_id must be unique", BrokerCode.DUPLICATE_CLIENT_ID),
        (403, "insufficient buying power", BrokerCode.INSUFFICIENT_BUYING_POWER),
        (403, "insufficient day trading buying power", BrokerCode.DAY_TRADE_REJECTED),
        (403, "insufficient qty available for order (requested: 10, available: 0)", BrokerCode.INSUFFICIENT_QTY_HELD),
        (403, "potential wash trade detected. use complex orders", BrokerCode.OPPOSITE_SIDE_ORDER),
        (403, "trade denied due to pattern day trading protection", BrokerCode.DAY_TRADE_REJECTED),
        (422, "stop price must be less than current price", BrokerCode.STOP_THROUGH_MARKET),
        (422, "asset AAPL is not tradable", BrokerCode.NOT_TRADABLE),
        (422, "invalid limit_price 101.257. sub-penny increment", BrokerCode.BROKER_REJECTED),
        (400, "request body format is invalid", BrokerCode.BROKER_REJECTED),
        (401, "request is not authorized", BrokerCode.AUTH_FAILED),
    ],
)  # fmt: skip
def test_a_refusal_has_its_typed_reason(status: int, message: str, code: BrokerCode) -> None:
    with stubbed() as (broker, stub):
        stub.script["POST"] = [Say(status=status, body={"code": 40310000, "message": message})]
        assert Rejected(reason=code, raw=message) == broker.submit(buy())


def test_a_refusal_that_is_no_json_proves_nothing() -> None:
    with stubbed() as (broker, stub):
        for status in (400, 403, 404, 418, 422):
            stub.script["POST"] = [Say(status=status, body=b"<html>blocked</html>")]
            outcome = broker.submit(buy())
            assert Unresolved(cause=f"{LineCode.BROKER_ERRED}: HTTP {status}", sent="yes") == outcome


@pytest.mark.parametrize(
    ("headers", "raw"),
    [
        ({"Retry-After": "7"}, "7"),
        ({}, ""),
        ({"Retry-After": "soon"}, ""),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW.timestamp()) + 12)}, "12"),
    ],
)
def test_too_many_requests_says_how_long_to_wait(headers: dict[str, str], raw: str) -> None:
    with stubbed() as (broker, stub):
        stub.script["POST"] = [Say(status=429, body={"message": "too many"}, headers=headers)]
        assert Rejected(reason=BrokerCode.RATE_LIMITED, raw=raw) == broker.submit(buy())


def test_what_the_broker_repeats_of_our_keys_is_not_kept() -> None:
    with stubbed() as (broker, stub):
        stub.script["POST"] = [Say(status=403, body={"code": 1, "message": f"no account for {KEYS[1]}"})]
        assert Rejected(reason=BrokerCode.BROKER_REJECTED, raw="no account for …") == broker.submit(buy())


def test_an_answer_of_another_order_confirms_nothing() -> None:
    with stubbed() as (broker, stub):
        broker.submit(buy(1))
        stub.script["POST"] = [Say(body=next(iter(stub.orders.values())))]
        stub.script["GET"] = [Say(body=next(iter(stub.orders.values())))]
        assert isinstance(broker.submit(buy(2)), Unresolved)
        assert isinstance(broker.lookup(LookUp(client_order_id=buy(2).client_order_id)), ReadFailed)


def test_an_order_that_no_broker_could_take_is_refused_without_asking() -> None:
    bad = SubmitOrder(
        client_order_id="c",
        symbol="AAPL",
        side=Side.BUY,
        quantity=Decimal(0),
        order_type=OrderType.STOP,
        time_in_force=TimeInForce.DAY,
        stop=None,
    )
    with stubbed() as (broker, stub):
        outcome = broker.submit(bad)
        assert isinstance(outcome, Rejected)
        assert BrokerCode.BROKER_REJECTED == outcome.reason
        assert [] == stub.requests


def test_a_cancel_is_confirmed_only_by_an_order_that_shows_as_cancelled() -> None:
    with stubbed() as (broker, stub):
        broker.submit(stop())
        order_id = next(iter(stub.orders))
        assert Unresolved(cause=LineCode.CANCEL_PENDING, sent="yes") == broker.cancel(
            CancelOrder(order_id=order_id)
        )
        stub.script["GET"] = [Say(body={**stub.orders[order_id], "status": "canceled"})]
        assert isinstance(broker.cancel(CancelOrder(order_id=order_id)), Confirmed)
        stub.script["GET"] = [Say(body={**stub.orders[order_id], "status": "filled", "filled_qty": "10"})]
        assert Rejected(reason=BrokerCode.NOT_WORKING, raw="it is filled") == broker.cancel(
            CancelOrder(order_id=order_id)
        )


def test_a_cancel_of_what_is_over_or_unknown_is_not_working() -> None:
    with stubbed() as (broker, stub):
        assert Rejected(reason=BrokerCode.NOT_WORKING, raw="order not found") == broker.cancel(
            CancelOrder(order_id="00000000-0000-4000-8000-0000000000ff")
        )
        said = 'order is already in "filled" state'
        stub.script["DELETE"] = [Say(status=422, body={"code": 42210000, "message": said})]
        assert Rejected(reason=BrokerCode.NOT_WORKING, raw=said) == broker.cancel(CancelOrder(order_id="x"))


def test_a_replace_gives_the_successor_and_sends_whole_shares() -> None:
    with stubbed() as (broker, stub):
        broker.submit(stop())
        order_id = next(iter(stub.orders))
        outcome = broker.replace(
            ReplaceOrder(order_id=order_id, client_order_id="c2", quantity=Decimal(8), stop=Decimal("96.10"))
        )
        assert isinstance(outcome, Confirmed)
        assert ("c2", Decimal("96.1"), 8) == (
            outcome.order.client_order_id,
            outcome.order.stop,
            outcome.order.quantity,
        )
        assert [{"qty": 8, "stop_price": 96.1, "client_order_id": "c2"}] == stub.sent("PATCH")


def test_an_unknown_id_is_not_found_and_a_page_of_html_is_not_that_answer() -> None:
    with stubbed() as (broker, stub):
        assert NotFound() == broker.lookup(LookUp(client_order_id="nobody"))
        stub.script["GET"] = [Say(status=404, body=b"<html>no such page</html>")]
        assert isinstance(broker.lookup(LookUp(client_order_id="nobody")), ReadFailed)


# --- breaker and budget ---------------------------------------------------------------------------


def test_five_failures_running_refuse_a_buy_and_let_the_stop_pass() -> None:
    with stubbed() as (broker, stub):
        stub.script["POST"] = [Say(status=500, body={"message": "internal"})] * 5
        for n in range(5):
            assert isinstance(broker.submit(buy(n)), Unresolved)
        sent = len(stub.sent("POST"))
        assert Denied(code="BROKER_CIRCUIT_OPEN") == broker.submit(buy(9))
        assert sent == len(stub.sent("POST"))
        assert isinstance(broker.submit(stop()), Confirmed)


def test_exits_through_an_open_circuit_go_one_a_second() -> None:
    time = Time()
    opened = Breaker(circuits={"submit": Circuit(opened_at=NOW, open_s=30)})
    with stubbed(time, opened) as (broker, _):
        for n in range(3):
            assert isinstance(broker.submit(stop(n)), Confirmed)
        assert [1.0, 1.0] == time.waits


def test_keys_that_nobody_knows_open_the_circuit_at_once() -> None:
    with stubbed() as (broker, stub):
        stub.script["POST"] = [
            Say(status=401, body={"code": 40110000, "message": "request is not authorized"})
        ]
        broker.submit(buy())
        assert Denied(code="BROKER_CIRCUIT_OPEN") == broker.submit(buy(2))


@pytest.mark.parametrize("breakage", ["retries", "door"])
def test_with_retries_on_or_no_time_outs_nothing_is_added_and_exits_go_on(breakage: str) -> None:
    with stubbed() as (broker, stub):
        assert () == broker.faults()
        client: Any = broker._line._client
        if breakage == "retries":
            client._retry = 3
        else:
            client._session.mount(stub.url, __import__("requests").adapters.HTTPAdapter())
        assert 1 == len(broker.faults())
        assert Denied(code="BROKER_CIRCUIT_OPEN") == broker.submit(buy())
        assert [] == stub.sent("POST")
        assert isinstance(broker.submit(stop()), Confirmed)


def test_a_client_that_repeats_all_the_same_meets_a_door_that_opens_once() -> None:
    with stubbed() as (broker, stub):
        client: Any = broker._line._client
        client._retry, client._retry_wait = 3, 0
        stub.script["POST"] = [Say(status=504, body=GATEWAY)] * 9
        assert isinstance(broker.submit(stop()), Unresolved)
        assert 1 == len(stub.sent("POST"))


def test_reads_and_buys_leave_a_fifth_of_the_minute_to_exits() -> None:
    with stubbed() as (broker, stub):
        stub.gets["/positions"] = []
        for _ in range(144):
            broker.traffic.window = broker.traffic.window.after(NOW)
        assert ReadFailed(cause=LineCode.REQUEST_BUDGET_SPENT) == broker.positions()
        assert Denied(code=LineCode.REQUEST_BUDGET_SPENT) == broker.submit(buy())
        assert isinstance(broker.submit(stop()), Confirmed)


# --- recorded and replayed ------------------------------------------------------------------------


def test_every_outcome_is_recorded_and_replayed_as_it_was() -> None:
    lines: list[bytes] = []
    with stubbed() as (broker, stub):
        nothing: Any = None
        recording = RecordingBroker(broker, nothing, lambda: NOW, lines.append)
        stub.script["POST"] = [
            Say(status=504, body=GATEWAY),
            Say(status=429, body={}, headers={"Retry-After": "2"}),
        ]

        def ask(door: Any) -> list[Any]:
            return [
                door.submit(buy(1)),
                door.submit(buy(2)),
                door.submit(buy(3)),
                door.submit(buy(3)),
                door.cancel(CancelOrder(order_id="00000000-0000-4000-8000-000000000001")),
                door.lookup(LookUp(client_order_id="nobody")),
                door.positions(),
                door.updates(),
            ]

        told = ask(recording)
    assert told == ask(ReplayBroker(lines))
    assert [
        "unresolved",
        "rejected",
        "confirmed",
        "rejected",
        "unresolved",
        "not_found",
        "read_failed",
        "read_failed",
    ] == [answer.answer for answer in told]
