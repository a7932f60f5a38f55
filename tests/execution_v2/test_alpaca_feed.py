"""A cycle's prices come whole or not at all: quotes with the side that they lack left out, and closed bars alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from execution_v2.broker.alpaca_config import AlpacaConfig
from execution_v2.broker.alpaca_feed import AlpacaFeed
from execution_v2.broker.alpaca_line import Traffic
from execution_v2.broker.port import ReadFailed, Seen
from market.calendar import Calendar
from market.feeds.alpaca import Credentials
from schemas.base import SessionDate
from schemas.reasons.execution import LineCode
from simulation.alpaca_data_server import AlpacaDataServer
from simulation.loopback import gateway
from tests.execution_v2.alpaca_stub import NOW, Say, Stub, Time
from tests.market.feeds import KEYS, synthetic

D = SessionDate(date(2016, 11, 25))
"""The day after Thanksgiving, which closes at 13:00."""


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    return Calendar(2016, 2017)


def feed_at(url: str, calendar: Calendar, time: Time, **config: Any) -> AlpacaFeed:
    credentials = Credentials(key_id=SecretStr(KEYS[0]), secret_key=SecretStr(KEYS[1]))
    given = AlpacaConfig(url_override=url, data_url_override=url, **config)
    return AlpacaFeed(given, credentials, calendar, time, Traffic())


@contextmanager
def stubbed(calendar: Calendar, quotes: Any) -> Iterator[tuple[AlpacaFeed, Stub]]:
    stub = Stub()
    stub.gets["/stocks/quotes/latest"] = quotes
    feed = feed_at(stub.url, calendar, Time())
    try:
        yield feed, stub
    finally:
        feed.close()
        stub.close()


@contextmanager
def served(calendar: Calendar, time: Time, **server: Any) -> Iterator[AlpacaFeed]:
    bars = synthetic(calendar)
    with AlpacaDataServer(bars, time.now, key_id=KEYS[0], secret_key=KEYS[1], **server) as at:
        feed = feed_at(at.url, calendar, time)
        try:
            yield feed
        finally:
            feed.close()


def value(answer: Any) -> Any:
    assert isinstance(answer, Seen), answer
    return answer.value


def test_quotes_are_asked_a_hundred_symbols_at_a_time_and_given_in_order(calendar: Calendar) -> None:
    names = [f"S{n:03d}" for n in range(150)]
    rows = {name: {"bp": 10.1, "ap": 10.2, "t": NOW.isoformat()} for name in names}
    with stubbed(calendar, {"quotes": rows}) as (feed, stub):
        assert names == [row.symbol for row in value(feed.quotes(names[::-1]))]
        assert [100, 50] == [query["symbols"].count(",") + 1 for _, _, query, _ in stub.requests]
        assert {"iex"} == {query["feed"] for _, _, query, _ in stub.requests}


def test_a_symbol_without_a_quote_has_no_row(calendar: Calendar) -> None:
    with stubbed(calendar, {"quotes": {"B": None}}) as (feed, _):
        assert () == value(feed.quotes(["A", "B"]))


@pytest.mark.parametrize("body", [None, [], {}, {"quotes": {"A": {"bp": "x", "ap": 1, "t": "2016"}}}])
def test_quotes_that_cannot_be_read_are_a_failed_read(calendar: Calendar, body: Any) -> None:
    with stubbed(calendar, body) as (feed, _):
        answer = feed.quotes(["A"])
        assert isinstance(answer, ReadFailed)
        assert answer.cause.startswith(LineCode.ANSWER_UNREADABLE)


def test_quotes_that_are_refused_say_why(calendar: Calendar) -> None:
    with stubbed(calendar, {}) as (feed, stub):
        stub.script["GET"] = [Say(status=403, body={"message": "subscription does not permit"})]
        assert ReadFailed(cause="BROKER_ERRED: HTTP 403 subscription does not permit") == feed.quotes(["A"])


def test_bars_are_given_once_they_are_closed(calendar: Calendar) -> None:
    opened = calendar.open_at(D)
    with served(calendar, Time(at=opened + timedelta(minutes=17))) as feed:
        bars = value(feed.bars(["SPY"], 300, D, D))
        assert [opened + timedelta(minutes=5 * n) for n in range(3)] == [bar.start_at for bar in bars]
        assert all(bar.low <= min(bar.open, bar.close) and bar.seconds == 300 for bar in bars)


def test_bars_of_a_minute_are_asked_for_by_the_vendors_name(calendar: Calendar) -> None:
    opened = calendar.open_at(D)
    row = {"o": 10.1, "h": 10.3, "l": 10.05, "c": 10.2, "v": 700}
    starts = [opened - timedelta(minutes=1), opened, opened + timedelta(minutes=1)]
    with stubbed(calendar, {}) as (feed, stub):
        stub.gets["/stocks/bars"] = {
            "bars": {"SPY": [{**row, "t": start.isoformat()} for start in starts]},
            "next_page_token": None,
        }
        time: Any = feed._clock
        time.at = opened + timedelta(minutes=3)
        bars = value(feed.bars(["SPY"], 60, D, D))
        assert [(starts[1], Decimal("10.05")), (starts[2], Decimal("10.05"))] == [
            (bar.start_at, bar.low) for bar in bars
        ]
        assert "1Min" == stub.requests[0][2]["timeframe"]


def test_a_half_days_bars_end_with_its_session(calendar: Calendar) -> None:
    with served(calendar, Time(at=calendar.close_at(D) + timedelta(days=1))) as feed:
        assert 21 == len(value(feed.bars(["SPY"], 600, D, D)))


def test_a_days_bar_is_given_after_the_close_in_our_scale(calendar: Calendar) -> None:
    with served(calendar, Time(at=calendar.close_at(D) + timedelta(days=1))) as feed:
        rows = value(feed.day_bars(["TRUE", "SPY"], D))
        assert [("SPY", D), ("TRUE", D)] == [(row.symbol, row.session_date) for row in rows]
        assert all(row.close == row.close.quantize(Decimal("0.0001")) and row.volume > 0 for row in rows)
    with served(calendar, Time(at=calendar.close_at(D) - timedelta(minutes=1))) as feed:
        assert () == value(feed.day_bars(["SPY"], D))


def test_bars_that_do_not_come_are_a_failed_read_within_a_cycles_patience(calendar: Calendar) -> None:
    time = Time(at=calendar.close_at(D) + timedelta(days=1))
    with served(calendar, time, script=[gateway(502)] * 9) as feed:
        assert isinstance(feed.bars(["SPY"], 300, D, D), ReadFailed)
        assert sum(time.waits) < 30


def test_an_exchange_of_our_own_without_prices_never_sends_the_keys_to_the_vendors(
    calendar: Calendar,
) -> None:
    credentials = Credentials(key_id=SecretStr(KEYS[0]), secret_key=SecretStr(KEYS[1]))
    feed = AlpacaFeed(
        AlpacaConfig(url_override="http://127.0.0.1:9"), credentials, calendar, Time(), Traffic()
    )
    assert [LineCode.NOT_SENT] * 3 == [
        answer.cause.partition(":")[0]
        for answer in (feed.quotes(["A"]), feed.day_bars(["A"], D), feed.bars(["A"], 300, D, D))
        if isinstance(answer, ReadFailed)
    ]
    feed.close()
