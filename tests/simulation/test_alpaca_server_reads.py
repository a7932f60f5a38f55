"""What the client reads of account, market and time is the exchange's own, and no price is shown before its time."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.data.requests import StockBarsRequest, StockLatestQuoteRequest
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit
from alpaca.trading.requests import GetCalendarRequest

from ledger.memory import MemoryDisk
from schemas.base import SessionDate
from schemas.market import ActionKind, CorporateAction
from simulation.alpaca_server import AlpacaServer
from simulation.config import ExchangeConfig
from simulation.costs import CostConfig
from tests.simulation.floor_world import Pit, pathed
from tests.simulation.served import UP, Served, served
from tests.simulation.world import DAYS, WeekHours, World, bar

FIVE = TimeFrame(5, TimeFrameUnit.Minute)


@pytest.fixture
def at() -> Iterator[Served]:
    with served() as opened:
        yield opened


def test_a_position_is_told_with_its_worth_and_what_is_free_of_it(at: Served) -> None:
    at.buy("one", 100)
    at.stop("stop", 60, 48.5)
    at.at(0, 300)
    (row,) = at.client.get_all_positions()
    last = at.pit.exchange.last("AAA")
    assert last is not None
    assert ("AAA", "100", "40", "49.9615") == (row.symbol, row.qty, row.qty_available, row.avg_entry_price)
    assert (last, 100 * last) == (Decimal(row.current_price), Decimal(row.market_value))
    assert 100 * (last - Decimal("49.9615")) == Decimal(row.unrealized_pl)
    assert row == at.client.get_open_position("AAA") == at.client.get_open_position(str(row.asset_id))


def test_a_symbol_that_is_not_held_has_no_position(at: Served) -> None:
    with pytest.raises(APIError) as caught:
        at.client.get_open_position("AAA")
    assert (404, "position does not exist") == (caught.value.status_code, caught.value.message)


def test_the_account_adds_up(at: Served) -> None:
    at.buy("one", 100)
    account, facts = at.client.get_account(), at.pit.exchange.account()
    assert (facts.cash, facts.equity) == (Decimal(account.cash), Decimal(account.equity))
    assert facts.equity == facts.cash + Decimal(account.long_market_value)
    assert 0 == account.daytrade_count


@pytest.mark.parametrize(
    ("day", "minute", "is_open", "opens", "closes"),
    [(0, -1, False, 0, 0), (0, 0, True, 1, 0), (0, 390, False, 1, 1), (4, 400, False, 5, 5)],
)
def test_the_clock_tells_whether_the_market_is_open_and_what_comes_next(
    day: int, minute: float, is_open: bool, opens: int, closes: int
) -> None:
    with served(minute=-60) as at:
        at.at(day, minute)
        clock, hours = at.client.get_clock(), WeekHours()
        assert (at.pit.now, is_open) == (clock.timestamp, clock.is_open)
        assert (hours.open_at(DAYS[opens]), hours.close_at(DAYS[closes])) == (
            clock.next_open,
            clock.next_close,
        )


def test_the_calendar_names_its_sessions_in_new_york_s_time(at: Served) -> None:
    rows = at.client.get_calendar(GetCalendarRequest(start=DAYS[0], end=DAYS[1]))
    assert [(DAYS[0], "09:30", "16:00"), (DAYS[1], "09:30", "16:00")] == [
        (row.date, f"{row.open:%H:%M}", f"{row.close:%H:%M}") for row in rows
    ]


def test_an_asset_is_tradable_until_it_is_not_and_an_unknown_one_is_not_found(at: Served) -> None:
    assert at.client.get_asset("AAA").tradable
    at.pit.exchange.flags.untradable.add("AAA")
    assert not at.client.get_asset("AAA").tradable
    with pytest.raises(APIError) as caught:
        at.client.get_asset("ZZZ")
    assert 404 == caught.value.status_code


# --- activities -----------------------------------------------------------------------------------


def activities(at: Served, **wish: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = at.client.get("/account/activities", wish)
    return rows


def test_executions_are_told_once_each_over_pages_with_order_quantity_and_fee() -> None:
    thin = bar("50.00", "50.00", "50.00", "50.00", 78 * 200)
    costs = ExchangeConfig(costs=CostConfig(commission_per_share=Decimal("0.01")))
    with served(thin, minute=0, config=costs) as at:
        order = at.buy("one", 25, 51.0)
        at.at(0, 12)
        seen: list[dict[str, Any]] = []
        while (
            len(rows := activities(at, activity_types="FILL", direction="asc", page_size=2, **_after(seen)))
            == 2
        ):
            seen += rows
        seen += rows
        assert [("10", "10", "15"), ("10", "20", "5"), ("5", "25", "0")] == [
            (row["qty"], row["cum_qty"], row["leaves_qty"]) for row in seen
        ]
        assert ["partial_fill", "partial_fill", "fill"] == [row["type"] for row in seen]
        assert {str(order.id)} == {row["order_id"] for row in seen}
        assert ["0.1", "0.1", "0.05"] == [row["fee"] for row in seen]


def _after(seen: list[dict[str, Any]]) -> dict[str, str]:
    return {"page_token": seen[-1]["id"]} if seen else {}


def test_activities_are_asked_for_by_kind_and_by_time() -> None:
    dividend = CorporateAction(
        symbol="AAA", kind=ActionKind.CASH_DIVIDEND, ex_date=DAYS[1], cash_usd=Decimal("0.50")
    )
    pit = Pit(pathed(UP, UP, acts=(dividend,)))
    with AlpacaServer(pit.at(0, 5).exchange, lambda: pit.now) as server:
        at = Served(pit, server)
        at.buy("one", 10)
        at.at(1, 5)
        (told,) = activities(at, category="non_trade_activity", date=DAYS[1].isoformat())
        assert ("DIV", "AAA", Decimal(5)) == (
            told["activity_type"],
            told["symbol"],
            Decimal(told["net_amount"]),
        )
        assert [] == activities(at, category="non_trade_activity", date=DAYS[0].isoformat())
        assert ["FILL"] == [row["activity_type"] for row in activities(at, category="trade_activity")]
        assert ["DIV", "FILL"] == [row["activity_type"] for row in activities(at)]
        assert ["DIV"] == [row["activity_type"] for row in activities(at, after=f"{DAYS[1]}T00:00:00Z")]
        with pytest.raises(APIError):
            activities(at, page_token="of-no-page")
        at.client._session.close()
        at.data._session.close()


# --- prices ---------------------------------------------------------------------------------------


def test_the_latest_quote_has_both_sides_around_the_last_price(at: Served) -> None:
    told = at.data.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=["AAA", "ZZZ"]))
    assert ["AAA"] == list(told)
    last = float(at.pit.exchange.last("AAA") or 0)
    assert told["AAA"].bid_price <= last <= told["AAA"].ask_price
    assert at.pit.now == told["AAA"].timestamp


def test_a_bar_is_shown_from_its_end_on(at: Served) -> None:
    at.at(0, 14.9)
    wish = StockBarsRequest(symbol_or_symbols="AAA", timeframe=FIVE, start=WeekHours().open_at(DAYS[0]))
    first = at.data.get_stock_bars(wish).data["AAA"]
    assert [0, 5] == [(row.timestamp - WeekHours().open_at(DAYS[0])).seconds // 60 for row in first]
    at.at(0, 15)
    assert 3 == len(at.data.get_stock_bars(wish).data["AAA"])
    tape = at.pit.tape.bars("AAA", DAYS[0])[0]
    assert (float(tape.open), float(tape.high), float(tape.low), float(tape.close), tape.volume) == (
        *(getattr(first[0], name) for name in ("open", "high", "low", "close")),
        first[0].volume,
    )


def test_a_day_s_bar_is_shown_from_the_close_on(at: Served) -> None:
    wish = StockBarsRequest(
        symbol_or_symbols="AAA", timeframe=TimeFrame.Day, start=datetime(2026, 3, 1, tzinfo=UTC)
    )
    at.at(0, 389)
    assert {} == at.data.get_stock_bars(wish).data
    at.at(0, 390)
    (row,) = at.data.get_stock_bars(wish).data["AAA"]
    assert (50.0, 52.0, 49.0, 51.0, 7_800_000) == (row.open, row.high, row.low, row.close, row.volume)


def test_bars_come_in_pages(at: Served) -> None:
    at.at(0, 390)
    asked = {"symbols": "AAA", "timeframe": "5Min", "limit": 50, "start": f"{DAYS[0]}T14:30:00Z"}
    first = at.data.get("/stocks/bars", asked)
    then = at.data.get("/stocks/bars", {**asked, "page_token": first["next_page_token"]})
    assert (50, 28, None) == (len(first["bars"]["AAA"]), len(then["bars"]["AAA"]), then["next_page_token"])


# --- the exchange of daily bars -------------------------------------------------------------------


def test_the_exchange_of_daily_bars_is_served_too() -> None:
    bars = {("AAA", SessionDate(day)): bar("50.00", "50.50", "49.50", "50.20") for day in DAYS}
    world = World(disk=MemoryDisk(), bars=bars)
    world.at = WeekHours().open_at(DAYS[0]) + timedelta(minutes=5)
    pit = Pit(pathed(UP))
    with AlpacaServer(world.exchange, lambda: world.at) as server:
        at = Served(pit, server)
        order = at.buy("one", 10, 51.0)
        assert ("10", world.at) == (order.filled_qty, order.filled_at)
        told = at.data.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols="AAA"))
        assert (50.0, 50.0) == (told["AAA"].bid_price, told["AAA"].ask_price)
        at.client._session.close()
        at.data._session.close()


# --- time -----------------------------------------------------------------------------------------


def post(at: Served, **body: Any) -> tuple[int, dict[str, Any]]:
    answer = at.client._session.post(f"{at.server.url}/sim/clock", data=json.dumps(body))
    return answer.status_code, answer.json()


def test_time_is_stepped_over_http_and_orders_fill_as_it_goes(at: Served) -> None:
    order = at.buy("one", 10, 49.5)
    status, told = post(at, seconds=7_200)
    assert (200, at.pit.now) == (status, datetime.fromisoformat(told["now"]))
    assert WeekHours().open_at(DAYS[0]) + timedelta(minutes=125) == at.pit.now
    assert "10" == at.client.get_order_by_id(order.id).filled_qty
    assert 200 == post(at, now="2026-03-02T21:00:00Z")[0]
    assert not at.client.get_clock().is_open


@pytest.mark.parametrize(
    "body", [{}, {"seconds": -1}, {"now": "noon"}, {"now": "2026-03-02T00:00:00Z"}, {"seconds": "5"}]
)
def test_time_that_cannot_be_meant_is_refused_and_stays(at: Served, body: dict[str, Any]) -> None:
    before = at.pit.now
    assert (422, before) == (post(at, **body)[0], at.pit.now)


def test_time_that_follows_another_clock_is_not_stepped() -> None:
    pit = Pit(pathed(UP)).at(0, 5)
    with AlpacaServer(pit.exchange, lambda: pit.now) as server:
        at = Served(pit, server)
        assert 422 == post(at, seconds=5)[0]
        at.client._session.close()
