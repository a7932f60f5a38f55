"""The real client sends orders to the simulated exchange, and what it reads back is what the exchange holds."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, OrderStatus, QueryOrderStatus, TimeInForce
from alpaca.trading.requests import GetOrdersRequest, StopLimitOrderRequest

from simulation.alpaca_server import KEY_ID
from tests.simulation.served import Served, served
from tests.simulation.world import DAYS, WeekHours, bar

FAR = 40.0
"""A price at which nobody sells."""
THIN = bar("50.00", "50.00", "50.00", "50.00", 78 * 200)
"""Ten shares of each bar may be ours."""


@pytest.fixture
def at() -> Iterator[Served]:
    with served() as opened:
        yield opened


def refused(act: Callable[[], Any]) -> tuple[int, dict[str, Any]]:
    """Status and body of the refusal that *act* meets."""
    with pytest.raises(APIError) as caught:
        act()
    return caught.value.status_code, json.loads(str(caught.value))


def raw(at: Served, **fields: Any) -> Any:
    """A new order, as a client that checks nothing writes it."""
    given = {
        "symbol": "AAA",
        "qty": "1",
        "side": "buy",
        "type": "limit",
        "time_in_force": "day",
        "limit_price": "40",
    }
    return at.client.post("/orders", {k: v for k, v in {**given, **fields}.items() if v is not None})


# --- orders ---------------------------------------------------------------------------------------


def test_a_market_order_fills_and_every_field_of_the_client_s_order_is_told(at: Served) -> None:
    order = at.buy("one", 100)
    assert (OrderStatus.FILLED, "100", "49.9615") == (order.status, order.filled_qty, order.filled_avg_price)
    assert at.pit.now == order.submitted_at == order.filled_at
    assert order == at.client.get_order_by_id(order.id) == at.client.get_order_by_client_id("one")
    assert [100] == [int(row.quantity) for row in at.pit.exchange.positions()]


def test_an_order_s_id_is_the_same_in_every_run_of_the_same_orders(at: Served) -> None:
    first = at.buy("one", 1, FAR).id
    with served() as again:
        assert first == again.buy("one", 1, FAR).id


def test_an_order_sent_after_the_close_is_accepted_and_works_from_the_next_open_on(at: Served) -> None:
    at.at(0, 400)
    order = at.buy("early", 1, FAR)
    assert OrderStatus.ACCEPTED == order.status
    at.at(1, 1)
    assert OrderStatus.NEW == at.client.get_order_by_id(order.id).status
    at.at(1, 391)
    ended = at.client.get_order_by_id(order.id)
    assert (OrderStatus.EXPIRED, WeekHours().close_at(DAYS[1])) == (ended.status, ended.expired_at)


def test_an_order_that_takes_a_while_to_arrive_is_pending_until_then() -> None:
    with served(place_latency_s=Decimal(1)) as at:
        order = at.buy("slow", 1, FAR)
        assert OrderStatus.PENDING_NEW == order.status
        at.at(0, 6)
        assert OrderStatus.NEW == at.client.get_order_by_id(order.id).status


def test_a_thin_market_fills_an_order_by_and_by() -> None:
    with served(THIN, minute=0) as at:
        order = at.buy("thin", 25, 51.0)
        assert (OrderStatus.PARTIALLY_FILLED, "10") == (order.status, order.filled_qty)
        at.at(0, 12)
        order = at.client.get_order_by_id(order.id)
        assert (OrderStatus.FILLED, "25") == (order.status, order.filled_qty)
        assert WeekHours().open_at(DAYS[0]) + timedelta(minutes=10) == order.filled_at


def test_a_replaced_order_and_its_successor_name_each_other(at: Served) -> None:
    at.buy("one", 100)
    old = at.stop("stop", 100, 48.5)
    new = at.replace(old.id, "stop-2", stop_price=48.75, qty=90)
    assert (old.id, "90", "48.75", "stop-2") == (new.replaces, new.qty, new.stop_price, new.client_order_id)
    told = at.client.get_order_by_id(old.id)
    assert (OrderStatus.REPLACED, new.id, at.pit.now) == (told.status, told.replaced_by, told.replaced_at)


def test_a_replacement_that_takes_a_while_is_pending_and_cannot_be_replaced_meanwhile() -> None:
    with served(replace_latency_s=Decimal(1)) as at:
        old = at.buy("one", 5, FAR)
        new = at.replace(old.id, "two", limit_price=41.0)
        assert OrderStatus.PENDING_REPLACE == at.client.get_order_by_id(old.id).status
        status, body = refused(lambda: at.replace(old.id, "three", limit_price=42.0))
        assert (422, True) == (status, "replaced" in body["message"])
        at.at(0, 6)
        assert OrderStatus.REPLACED == at.client.get_order_by_id(old.id).status
        assert OrderStatus.NEW == at.client.get_order_by_id(new.id).status


def test_a_cancel_is_answered_before_it_is_carried_out() -> None:
    with served(cancel_latency_s=Decimal(1)) as at:
        order = at.buy("one", 5, FAR)
        at.client.cancel_order_by_id(order.id)
        assert OrderStatus.PENDING_CANCEL == at.client.get_order_by_id(order.id).status
        at.at(0, 6)
        ended = at.client.get_order_by_id(order.id)
        assert (OrderStatus.CANCELED, at.pit.now - timedelta(seconds=59)) == (ended.status, ended.canceled_at)


def test_what_has_ended_cannot_be_cancelled_or_replaced(at: Served) -> None:
    order = at.buy("one", 5, FAR)
    at.client.cancel_order_by_id(order.id)
    status, body = refused(lambda: at.client.cancel_order_by_id(order.id))
    assert (422, 42210000, True) == (status, body["code"], "not cancelable" in body["message"])
    status, body = refused(lambda: at.replace(order.id, "two", limit_price=41.0))
    assert (422, 'order is already in "canceled" state') == (status, body["message"])


def test_all_orders_are_cancelled_at_once(at: Served) -> None:
    ids = {at.buy(name, 1, FAR).id for name in ("a", "b")}
    assert {(each, 200) for each in ids} == {(row.id, row.status) for row in at.client.cancel_orders()}
    assert [] == at.client.get_orders()


def test_an_unknown_order_is_not_found(at: Served) -> None:
    assert 404 == refused(lambda: at.client.get_order_by_client_id("never"))[0]
    unknown = "00000000-0000-4000-8000-000000000001"
    for act in (
        lambda: at.client.get_order_by_id(unknown),
        lambda: at.client.cancel_order_by_id(unknown),
        lambda: at.replace(unknown, "x", qty=1),
    ):
        status, body = refused(act)
        assert (404, 40410000) == (status, body["code"])


# --- listings -------------------------------------------------------------------------------------


def test_orders_are_listed_by_status_side_symbol_and_instant(at: Served) -> None:
    at.buy("filled", 10)
    for minute, name in ((6, "a"), (7, "b"), (8, "c")):
        at.at(0, minute)
        at.buy(name, 1, FAR)
    at.at(0, 9)

    def listed(**wish: Any) -> list[str]:
        return [order.client_order_id for order in at.client.get_orders(GetOrdersRequest(**wish))]

    sent = {order.client_order_id: order.submitted_at for order in at.client.get_orders()}
    assert ["c", "b", "a"] == listed(status=QueryOrderStatus.OPEN)
    assert ["filled"] == listed(status=QueryOrderStatus.CLOSED)
    assert ["filled", "a", "b", "c"] == listed(status=QueryOrderStatus.ALL, direction="asc")
    assert ["a", "b"] == listed(direction="asc", limit=2)
    assert ["c"] == listed(direction="asc", after=sent["b"])
    assert ["a", "b"] == listed(direction="asc", until=sent["b"])
    assert [] == listed(status=QueryOrderStatus.ALL, symbols=["BBB"])
    assert [] == listed(status=QueryOrderStatus.ALL, side=OrderSide.SELL)


@pytest.mark.parametrize("wish", [{"limit": "501"}, {"status": "lost"}, {"after": "noon"}, {"limit": "ten"}])
def test_a_listing_that_cannot_be_meant_is_refused(at: Served, wish: dict[str, str]) -> None:
    assert 422 == refused(lambda: at.client.get("/orders", wish))[0]


# --- refusals -------------------------------------------------------------------------------------


def test_a_client_id_that_was_used_is_refused_and_nothing_is_added(at: Served) -> None:
    at.buy("one", 1, FAR)
    status, body = refused(lambda: at.buy("one", 1, FAR))
    assert (422, "client_order_id must be unique") == (status, body["message"])
    assert 1 == len(at.pit.exchange.state.orders)


def test_shares_that_a_stop_holds_cannot_be_sold_again(at: Served) -> None:
    at.buy("one", 100)
    stop = at.stop("stop", 80, 48.5)
    status, body = refused(lambda: raw(at, side="sell", qty="50", limit_price="60"))
    assert (403, 40310000, "20", "100", "80", [str(stop.id)]) == (
        status,
        *(body[name] for name in ("code", "available", "existing_qty", "held_for_orders", "related_orders")),
    )
    assert "insufficient qty available for order (requested: 50, available: 20)" == body["message"]


def test_more_than_the_cash_buys_is_refused(at: Served) -> None:
    status, body = refused(lambda: raw(at, qty="3000", limit_price="40"))
    assert (403, "insufficient buying power", "100000") == (status, body["message"], body["buying_power"])


def test_a_buy_against_a_working_stop_names_the_order_in_its_way(at: Served) -> None:
    at.buy("one", 100)
    stop = at.stop("stop", 100, 48.5)
    status, body = refused(lambda: at.buy("two", 1, FAR))
    assert (403, str(stop.id), "opposite side market/stop order exists") == (
        status,
        body["existing_order_id"],
        body["reject_reason"],
    )


def test_a_stop_above_the_market_is_refused(at: Served) -> None:
    at.buy("one", 100)
    status, body = refused(lambda: at.stop("stop", 100, 60.0))
    assert (422, True) == (status, body["message"].startswith("stop price must be less than"))


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"symbol": "ZZZ"}, 422, "asset ZZZ is not tradable"),
        ({"limit_price": "40.001"}, 422, "sub-penny"),
        ({"limit_price": None}, 422, "limit orders require a limit price"),
        ({"stop_price": "39"}, 422, "limit orders take no other price"),
        ({"type": "trailing_stop"}, 422, "type trailing_stop is not traded here"),
        ({"time_in_force": "ioc"}, 422, "time_in_force ioc is not traded here"),
        ({"side": None}, 422, "side is required"),
        ({"qty": "0.5"}, 422, "fractional"),
        ({"qty": "-1"}, 422, "qty must be > 0"),
        ({"qty": "many"}, 422, "qty is not a number"),
        ({"qty": None}, 422, "qty or notional is required"),
        ({"qty": None, "notional": "100"}, 422, "notional orders are not traded"),
        ({"order_class": "bracket"}, 422, "only simple orders"),
        ({"extended_hours": True}, 422, "extended hours"),
        ({"client_order_id": "x" * 129}, 422, "no more than 128 characters"),
        ({"symbol": ["AAA"]}, 422, "symbol is required"),
    ],
)
def test_what_is_not_traded_here_is_refused_in_words(
    at: Served, fields: dict[str, Any], status: int, says: str
) -> None:
    found, body = refused(lambda: raw(at, **fields))
    assert (status, True) == (found, says in body["message"]), body
    assert {} == at.pit.exchange.state.orders


def test_an_order_of_a_type_that_is_not_ours_is_refused(at: Served) -> None:
    wish = StopLimitOrderRequest(
        symbol="AAA",
        qty=1,
        side=OrderSide.BUY,
        time_in_force=TimeInForce.DAY,
        stop_price=51,
        limit_price=52,
    )
    assert 422 == refused(lambda: at.client.submit_order(wish))[0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"stop_price": 39.0}, "stop_price cannot be set on a limit order"),
        ({"time_in_force": TimeInForce.GTC}, "time_in_force cannot be replaced"),
        ({"limit_price": FAR}, "not changed"),
        ({"trail": 1.0}, "trailing"),
    ],
)
def test_a_replacement_that_changes_nothing_or_what_is_not_there_is_refused(
    at: Served, changes: dict[str, Any], says: str
) -> None:
    order = at.buy("one", 1, FAR)
    status, body = refused(lambda: at.replace(order.id, "two", **changes))
    assert (422, True) == (status, says in body["message"]), body


def test_an_account_that_is_restricted_buys_nothing(at: Served) -> None:
    at.pit.exchange.flags.restricted = True
    assert at.client.get_account().trading_blocked
    status, body = refused(lambda: at.buy("one", 1, FAR))
    assert (403, True) == (status, "restricted" in body["message"])


def test_a_day_trade_too_many_is_refused(at: Served) -> None:
    at.pit.exchange.flags.day_trade_protected, at.pit.exchange.flags.day_trades_before = True, 3
    at.buy("one", 1)
    status, body = refused(lambda: raw(at, side="sell", type="market", limit_price=None))
    assert (403, 40310100) == (status, body["code"])


def test_wrong_keys_are_refused_and_what_they_sent_has_no_effect(at: Served) -> None:
    client = TradingClient(KEY_ID, "another", url_override=at.server.url)
    status, _ = refused(lambda: client.post("/orders", {"symbol": "AAA"}))
    client._session.close()
    assert (401, {}) == (status, at.pit.exchange.state.orders)


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(at: Served, body: bytes) -> None:
    session, headers = at.client._session, at.client._get_default_headers()
    assert 400 == session.post(f"{at.server.url}/v2/orders", data=body, headers=headers).status_code


def test_a_path_that_the_vendor_does_not_have_is_not_found(at: Served) -> None:
    assert 404 == refused(lambda: at.client.get("/orders/elsewhere"))[0]


def test_every_request_is_kept_in_order_without_the_keys(at: Served) -> None:
    at.buy("one", 1, FAR)
    at.client.get_clock()
    assert [("POST", "/v2/orders"), ("GET", "/v2/clock")] == [(r.method, r.path) for r in at.server.requests]
    (post,) = at.server.sent("POST")
    assert ("one", at.pit.now) == (json.loads(post.body)["client_order_id"], post.at)
    assert "secret" not in repr(at.server.requests)
