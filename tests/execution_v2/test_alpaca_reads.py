"""A read is whole or has failed, and what the broker did not say plainly is never taken for good news."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution_v2.broker import alpaca_wire as wire
from execution_v2.broker.alpaca_pages import PAGE_ACTIVITIES, PAGE_ORDERS, PAGES_MAX, activities_of, orders_of
from execution_v2.broker.port import ReadFailed, Seen
from schemas.base import SessionDate
from schemas.observations import WORKING
from schemas.reasons.execution import LineCode
from tests.execution_v2.alpaca_stub import NOW, ORDER, Say, Time, stubbed

D = SessionDate(date(2016, 3, 9))
ACCOUNT = {
    "status": "ACTIVE",
    "equity": "101000.5",
    "cash": "1000.5",
    "buying_power": "2001",
    "trading_blocked": False,
    "account_blocked": False,
    "trade_suspended_by_user": False,
    "daytrade_count": 2,
}
POSITION = {"symbol": "AAPL", "qty": "10", "side": "long", "avg_entry_price": "101.3333333333333333"}
FILL = {
    "id": "20160309150000000::f1",
    "activity_type": "FILL",
    "transaction_time": "2016-03-09T15:00:01.5Z",
    "type": "partial_fill",
    "price": "101.2",
    "qty": "4",
    "side": "buy",
    "symbol": "AAPL",
    "order_id": ORDER["id"],
}


def value(answer: Any) -> Any:
    assert isinstance(answer, Seen), answer
    return answer.value


def test_the_account_is_read_to_the_scale_of_our_facts() -> None:
    with stubbed() as (broker, stub):
        stub.gets["/account"] = ACCOUNT
        found = value(broker.account())
        assert (Decimal("101000.5"), Decimal("1000.5"), 2, False) == (
            found.equity,
            found.cash,
            found.day_trades,
            found.restricted,
        )


@pytest.mark.parametrize(
    "change",
    [
        {"trading_blocked": True},
        {"account_blocked": True},
        {"trade_suspended_by_user": True},
        {"status": "ACCOUNT_CLOSED"},
        {"trading_blocked": "yes"},
    ],
)
def test_any_block_makes_the_account_restricted(change: dict[str, Any]) -> None:
    assert wire.account({**ACCOUNT, **change}).restricted


def test_positions_are_sorted_and_short_ones_negative() -> None:
    with stubbed() as (broker, stub):
        stub.gets["/positions"] = [POSITION | {"symbol": "MSFT", "qty": "5", "side": "short"}, POSITION]
        found = value(broker.positions())
        assert [("AAPL", 10, Decimal("101.333333")), ("MSFT", -5, Decimal("101.333333"))] == [
            (row.symbol, row.quantity, row.average_price) for row in found
        ]


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        "[]",
        [1],
        [POSITION | {"qty": "1.5"}],
        [POSITION | {"qty": None}],
        [POSITION | {"qty": "NaN"}],
    ],
    ids=["null", "object", "text", "number", "fraction", "missing", "nan"],
)
def test_positions_that_cannot_be_read_are_a_failed_read_and_never_an_empty_one(body: Any) -> None:
    with stubbed() as (broker, stub):
        stub.gets["/positions"] = body
        answer = broker.positions()
        assert isinstance(answer, ReadFailed)
        assert answer.cause.startswith(LineCode.ANSWER_UNREADABLE)


def test_a_read_is_tried_three_times_with_growing_pauses_and_no_more() -> None:
    time = Time()
    with stubbed(time) as (broker, stub):
        stub.gets["/positions"] = []
        stub.script["GET"] = [Say(status=503, body=b"busy"), Say(how="reset")]
        assert () == value(broker.positions())
        assert [0.25, 0.5] == time.waits
        stub.script["GET"] = [Say(status=503, body=b"busy")] * 9
        stub.requests.clear()
        assert ReadFailed(cause=f"{LineCode.BROKER_ERRED}: HTTP 503") == broker.positions()
        assert 3 == len(stub.requests)


def test_a_read_that_is_refused_is_not_tried_again() -> None:
    with stubbed() as (broker, stub):
        stub.script["GET"] = [Say(status=403, body={"message": "forbidden."})] * 3
        assert ReadFailed(cause="AUTH_FAILED: HTTP 403 forbidden.") == broker.positions()
        assert 1 == len(stub.requests)


def test_repetitions_end_when_the_time_of_the_read_does() -> None:
    with stubbed(Time(step=0.2)) as (broker, stub):
        stub.script["GET"] = [Say(status=503, body=b"busy")] * 9
        assert isinstance(broker.positions(), ReadFailed)
        assert len(stub.requests) < 3


# --- orders and executions ------------------------------------------------------------------------


@pytest.mark.parametrize("word", [*wire.STATUSES, "order_moonwalked"])
def test_only_five_words_of_the_broker_end_an_order(word: str) -> None:
    found = wire.order({**ORDER, "status": word})
    ends = word in {"filled", "canceled", "replaced", "expired", "rejected"}
    assert found.is_working is not ends
    assert (found.status == "open") == (word in {"new", "partially_filled"})


@given(st.text(max_size=30))
def test_no_unknown_word_ends_an_order(word: str) -> None:
    if word and word not in wire.STATUSES:
        assert wire.order({**ORDER, "status": word}).status in WORKING


odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
READERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "order": (wire.order, dict(ORDER)),
    "ended_on": (wire.ended_on, {**ORDER, "filled_at": "2016-03-09T15:00:00Z"}),
    "position": (wire.position, POSITION),
    "account": (wire.account, ACCOUNT),
    "asset": (wire.asset, {"symbol": "AAPL", "status": "active", "tradable": True}),
    "clock": (wire.clock, {"timestamp": "2016-03-09T10:00:00-05:00", "is_open": True}),
    "hours": (wire.hours, {"date": "2016-03-09", "open": "09:30", "close": "16:00"}),
    "fill": (lambda row: wire.fill(row, "c"), FILL),
    "event": (
        lambda row: wire.event(row, D),
        {"id": "a", "activity_type": "DIV", "symbol": "AAPL", "net_amount": "1"},
    ),
    "quote": (lambda row: wire.quote("AAPL", row), {"bp": 101.2, "ap": 101.3, "t": "2016-03-09T15:00:00Z"}),
    "update": (
        wire.update,
        {"event": "fill", "order": dict(ORDER), "price": 1.5, "qty": 2, "position_qty": "2"},
    ),
    "refusal": (lambda row: wire.refusal(422, row, is_new=True), {"code": 1, "message": "no"}),
}


@pytest.mark.parametrize("name", sorted(READERS))
@given(data=st.data())
def test_whatever_the_broker_says_is_read_or_refused_as_unreadable(name: str, data: st.DataObject) -> None:
    read, row = READERS[name]
    read(row)
    change = data.draw(st.dictionaries(st.sampled_from(sorted(row)), odd, min_size=1, max_size=3))
    with suppress(*wire.UNREADABLE):
        read({**row, **change})
    if name not in {"ended_on", "event", "fill"}:  # these are handed what wire.rows has let through
        with suppress(*wire.UNREADABLE):
            read(data.draw(odd))


@given(odd)
def test_a_list_is_one_of_objects_or_unreadable(body: Any) -> None:
    with suppress(*wire.UNREADABLE):
        assert all(isinstance(row, dict) for row in wire.rows(body))


def page_of(first: int, count: int) -> list[dict[str, Any]]:
    start = datetime(2016, 3, 9, tzinfo=UTC)
    return [
        {**ORDER, "id": f"o{n:05d}", "submitted_at": (start + timedelta(seconds=n // 3)).isoformat()}
        for n in range(first, first + count)
    ]


def serve(orders: list[dict[str, Any]]) -> Any:
    """A listing as the broker gives it: sent after an instant, that instant excluded, at most *limit* of them."""

    def page(op: str, path: str, params: dict[str, Any]) -> Any:
        after = params.get("after", "0001-01-01T00:00:00+00:00")
        later = [
            o for o in orders if datetime.fromisoformat(o["submitted_at"]) > datetime.fromisoformat(after)
        ]
        return later[: params["limit"]]

    return page


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1700])
def test_a_listing_of_any_length_holds_every_order_once(count: int) -> None:
    orders = page_of(0, count)
    found = orders_of(serve(orders), "open_orders", "open", None)
    assert not isinstance(found, ReadFailed)
    assert [row["id"] for row in orders] == [row["id"] for row in found]


def test_a_listing_that_does_not_move_or_end_has_failed() -> None:
    asked: list[int] = []

    def same(op: str, path: str, params: dict[str, Any]) -> Any:
        asked.append(1)
        return page_of(0, PAGE_ORDERS)

    assert isinstance(orders_of(same, "open_orders", "open", None), ReadFailed)
    assert 2 == len(asked)

    def endless(op: str, path: str, params: dict[str, Any]) -> Any:
        asked.append(1)
        return page_of(PAGE_ORDERS * len(asked), PAGE_ORDERS)

    asked.clear()
    assert isinstance(orders_of(endless, "open_orders", "open", None), ReadFailed)
    assert PAGES_MAX == len(asked)


def test_activities_follow_the_id_of_the_last_one() -> None:
    rows = [{"id": f"a{n:05d}"} for n in range(PAGE_ACTIVITIES + 3)]

    def page(op: str, path: str, params: dict[str, Any]) -> Any:
        return [row for row in rows if row["id"] > params.get("page_token", "")][: params["page_size"]]

    assert rows == activities_of(page, {})


def test_an_execution_bears_our_id_which_the_broker_tells_of_its_order_alone() -> None:
    with stubbed() as (broker, stub):
        stub.gets |= {"/account/activities": [FILL], "/orders": [dict(ORDER)]}
        (found,) = value(broker.fills(D))
        assert (ORDER["client_order_id"], 4, Decimal("101.2"), Decimal(0), D) == (
            found.client_order_id,
            found.quantity,
            found.price,
            found.fee,
            found.session_date,
        )


def test_the_order_of_an_execution_that_is_in_no_list_is_asked_after_by_itself() -> None:
    with stubbed() as (broker, stub):
        stub.gets |= {"/account/activities": [FILL], "/orders": []}
        assert isinstance(broker.fills(D), ReadFailed)
        stub.orders[str(ORDER["id"])] = dict(ORDER)
        assert 1 == len(value(broker.fills(D)))


def test_an_old_stop_that_ended_today_is_among_the_orders_that_ended_today() -> None:
    ended = {**ORDER, "status": "filled", "filled_qty": "10", "submitted_at": "2016-01-04T15:00:00Z"}
    before = {**ended, "id": "00000000-0000-4000-8000-000000000002", "filled_at": "2016-03-08T20:00:00Z"}
    with stubbed() as (broker, stub):
        stub.gets["/orders"] = [ended | {"filled_at": "2016-03-09T15:00:00Z"}, before]
        assert [ORDER["id"]] == [row.order_id for row in value(broker.closed_orders(D))]
        assert stub.requests[-1][2]["after"] < "2015-12-10"


def test_an_order_filled_in_part_ended_when_the_rest_was_cancelled() -> None:
    row = {"filled_at": "2016-03-08T20:00:00Z", "canceled_at": "2016-03-09T15:00:00Z"}
    assert D == wire.ended_on(row)
    assert D == wire.ended_on({"updated_at": "2016-03-10T01:00:00Z"})  # still the 9th in New York


@pytest.mark.parametrize(
    ("said", "ended_at"),
    [
        ({"status": "canceled", "canceled_at": "2016-03-09T15:07:00Z"}, "2016-03-09T15:07:00+00:00"),
        ({"status": "expired", "expired_at": "2016-03-09T16:07:00-05:00"}, "2016-03-09T21:07:00+00:00"),
        ({"status": "rejected", "failed_at": "2016-03-09T15:07:00Z"}, "2016-03-09T15:07:00+00:00"),
        ({"status": "replaced", "replaced_at": "2016-03-09T15:07:00Z"}, "2016-03-09T15:07:00+00:00"),
        ({"status": "filled", "filled_at": "2016-03-09T15:07:00Z"}, "2016-03-09T15:07:00+00:00"),
        ({"status": "canceled", "updated_at": "2016-03-09T15:08:00Z"}, "2016-03-09T15:08:00+00:00"),
        ({"status": "canceled"}, None),
        ({"status": "new", "updated_at": "2016-03-09T15:08:00Z"}, None),
        ({"status": "pending_cancel", "canceled_at": "2016-03-09T15:08:00Z"}, None),
    ],
)
def test_an_order_says_when_it_ended_where_the_broker_does(
    said: dict[str, str], ended_at: str | None
) -> None:
    instants = dict.fromkeys((*wire._ENDED_AT, "updated_at"))
    found = wire.order({**ORDER, **instants, **said}).ended_at
    assert (None if ended_at is None else datetime.fromisoformat(ended_at)) == found


# --- clock, calendar, assets, events --------------------------------------------------------------


def test_the_clock_bears_the_hours_of_its_session_and_asks_for_them_once() -> None:
    with stubbed() as (broker, stub):
        stub.gets["/clock"] = {"timestamp": "2016-03-09T10:00:00.123456789-05:00", "is_open": True}
        stub.gets["/calendar"] = [{"date": "2016-03-09", "open": "09:30", "close": "16:00"}]
        for _ in range(2):
            found = value(broker.clock())
        assert (True, D, datetime(2016, 3, 9, 14, 30, tzinfo=UTC), datetime(2016, 3, 9, 21, tzinfo=UTC)) == (
            found.is_open,
            found.session_date,
            found.open_at,
            found.close_at,
        )
        assert 1 == sum(path == "/calendar" for _, path, _, _ in stub.requests)


def test_on_a_day_that_is_no_session_the_clock_says_so() -> None:
    with stubbed() as (broker, stub):
        stub.gets["/clock"] = {"timestamp": "2016-03-12T10:00:00-05:00", "is_open": False}
        stub.gets["/calendar"] = [{"date": "2016-03-14", "open": "09:30", "close": "16:00"}]
        assert ReadFailed(cause="2016-03-12 is no session") == broker.clock()


def test_a_symbol_that_the_broker_does_not_know_has_no_row() -> None:
    with stubbed() as (broker, stub):
        stub.gets["/assets/BRK.B"] = {"symbol": "BRK.B", "status": "active", "tradable": True}
        stub.gets["/assets/OLD"] = {"symbol": "OLD", "status": "inactive", "tradable": True}
        found = value(broker.assets(["OLD", "BRK.B", "NONE", "OLD"]))
        assert [("BRK.B", True, None), ("OLD", False, None)] == [
            (row.symbol, row.is_tradable, row.is_halted) for row in found
        ]


def test_a_dividend_is_cash_and_a_split_without_its_ratio_moves_no_shares() -> None:
    with stubbed() as (broker, stub):
        stub.gets["/account/activities"] = [
            {"id": "b", "activity_type": "SPLIT", "symbol": "AAPL", "qty": "30"},
            {"id": "a", "activity_type": "DIV", "symbol": "AAPL", "net_amount": "12.3"},
        ]
        found = value(broker.events(D))
        assert [("cash_dividend", Decimal("12.3"), None), ("split", Decimal(0), None)] == [
            (row.kind, row.cash, row.ratio_num) for row in found
        ]


@pytest.mark.parametrize(
    ("row", "last", "bid", "ask"),
    [
        ({"bp": 101.2, "ap": 101.3}, "101.25", "101.2", "101.3"),
        ({"bp": 101.2, "ap": 0}, "101.2", "101.2", None),
        ({"bp": 0, "ap": 101.3}, "101.3", None, "101.3"),
    ],
)
def test_a_quote_with_one_side_is_told_with_one(
    row: Any, last: str, bid: str | None, ask: str | None
) -> None:
    found = wire.quote("AAPL", {**row, "t": NOW.isoformat()})
    assert found is not None
    assert (Decimal(last), bid and Decimal(bid), ask and Decimal(ask)) == (found.last, found.bid, found.ask)


def test_a_quote_without_a_side_is_none() -> None:
    assert wire.quote("AAPL", {"bp": 0, "ap": 0, "t": NOW.isoformat()}) is None
