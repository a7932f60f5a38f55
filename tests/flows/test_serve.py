"""``avwap serve exchange``: a file of bars becomes a market for the vendor's client, and bad input starts nothing."""

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import MarketOrderRequest

from flows.serving import ReplayClock
from market.calendar import Calendar
from market.feed import ReadFailed
from schemas.base import SessionDate
from simulation.file_tape import FileMarket, market_of
from tests.flows.worlds import process, unchanged

DAYS_CSV = """symbol,date,open,high,low,close,volume
AAA,2016-06-01,50.00,52.00,49.00,51.00,7800000
AAA,2016-06-02,51.00,52.50,50.50,52.00,7800000
AAA,2016-06-04,51.00,52.50,50.50,52.00,7800000
BBB,2016-06-01,20.00,20.50,19.50,20.25,780000
BBB,2016-06-02,20.25,20.00,19.50,20.25,780000
"""
"""Two rows are no bars of a session: a Saturday, and a high below the open."""
MINUTES_CSV = """symbol,start_at,open,high,low,close,volume
AAA,2016-06-01T13:30:00+00:00,50.00,50.50,49.50,50.25,1000
AAA,2016-06-01T13:35:00+00:00,50.25,51.00,50.00,50.75,2000
AAA,2016-06-01T12:00:00+00:00,50.00,50.00,50.00,50.00,500
"""
"""The last one lies before the open."""
JUNE = SessionDate(datetime(2016, 6, 1, tzinfo=UTC).date())


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    file = tmp_path / "bars.csv"
    file.write_text(DAYS_CSV)
    return file


@contextmanager
def serving(home: Path, *words: str) -> Iterator[tuple[Any, Any]]:
    """The command in a process of its own, and what it printed when it was open. It is stopped as from a keyboard."""
    running = process(home, "serve", "exchange", "--port", "0", "--json", *words)
    assert running.stdout is not None
    try:
        yield json.loads(running.stdout.readline()), running
    finally:
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=20)
        assert (0, "", "") == (running.returncode, out, err)


def test_the_vendor_s_client_trades_on_a_file_of_bars_and_time_is_stepped(tmp_path: Path, bars: Path) -> None:
    with serving(tmp_path, "--bars", str(bars), "--speed", "0", "--at", "2016-06-01T09:35") as (told, _):
        client: Any = TradingClient(told["key_id"], told["secret_key"], url_override=told["trading_url"])
        assert datetime(2016, 6, 1, 13, 35, tzinfo=UTC) == client.get_clock().timestamp
        order = client.submit_order(
            MarketOrderRequest(symbol="AAA", qty=10, side=OrderSide.BUY, time_in_force=TimeInForce.DAY)
        )
        assert "10" == order.filled_qty
        client._session.post(f"{told['trading_url']}/sim/clock", json={"now": "2016-06-02T20:00:00Z"})
        assert (False, "52") == (client.get_clock().is_open, client.get_all_positions()[0].current_price)
        client._session.close()
    assert ["bars.csv"] == sorted(each.name for each in tmp_path.iterdir() if each.is_file())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--at", "2016-07-01T10:00"), "lies outside of the bars"),
        (("--at", "2016-05-01T10:00"), "lies outside of the bars"),
        (("--at", "noon"), "is no instant"),
        (("--speed", "nan"), "--speed nan"),
        (("--speed", "-1"), "--speed -1"),
        (("--fault-rate", "0.1"), "--fault-seed"),
        (("--fault-rate", "1.5"), "--fault-rate"),
        (("--port", "70000"), "--port"),
    ],
)
def test_what_cannot_be_meant_is_told_and_nothing_listens(
    tmp_path: Path, bars: Path, words: tuple[str, ...], says: str
) -> None:
    said = unchanged(tmp_path, 2, "USAGE", "serve", "exchange", "--bars", str(bars), *words)
    assert says in said.err


def test_a_port_that_is_taken_is_named(tmp_path: Path, bars: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = unchanged(tmp_path, 2, "USAGE", "serve", "exchange", "--bars", str(bars), "--port", port)
        assert f"--port {port}: Address already in use" in said.err


@pytest.mark.parametrize(
    ("text", "reason", "says"),
    [
        (None, "IMPORT_UNREADABLE", "No such file"),
        ("a,b\n1,2\n", "IMPORT_COLUMNS", "has no column symbol"),
        ("symbol,date,open\nAAA,2016-06-01,5\n", "USAGE", "has no column high"),
        (DAYS_CSV.replace("2016-06-0", "2016-06-1").replace("51.00", "0"), "USAGE", "is a bar of a session"),
    ],
)
def test_a_file_that_holds_no_bars_is_told(tmp_path: Path, text: str | None, reason: str, says: str) -> None:
    file = tmp_path / "bars.csv"
    if text is not None:
        file.write_text(text)
    said = unchanged(tmp_path, 2, reason, "serve", "exchange", "--bars", str(file))
    assert says in said.err


# --- the market in a file -------------------------------------------------------------------------


def held(file: Path, text: str) -> FileMarket:
    file.write_text(text)
    found = market_of(file, Calendar(2015, 2017))
    assert not isinstance(found, ReadFailed), found
    return found


def test_days_are_drawn_as_paths_that_give_them_back(tmp_path: Path) -> None:
    market = held(tmp_path / "bars.csv", DAYS_CSV)
    assert (("AAA", "BBB"), "2016-06-01", "2016-06-02", None, 2) == (
        market.symbols,
        str(market.first),
        str(market.last),
        market.seconds,
        market.left_out,
    )
    inside = market.tape.bars("AAA", JUNE)
    assert (78, 7_800_000) == (len(inside), sum(bar.volume for bar in inside))
    assert (Decimal("50.00"), Decimal("51.00")) == (inside[0].open, inside[-1].close)
    assert (Decimal("52.00"), Decimal("49.00")) == (max(b.high for b in inside), min(b.low for b in inside))


def test_bars_inside_the_day_are_played_as_they_are_and_make_up_their_day(tmp_path: Path) -> None:
    market = held(tmp_path / "bars.csv", MINUTES_CSV)
    day = market.tape.bar("AAA", JUNE)
    assert day is not None
    assert (300, 1, 2, 3000) == (
        market.seconds,
        market.left_out,
        len(market.tape.bars("AAA", JUNE)),
        day.volume,
    )
    assert (Decimal("51"), Decimal("49.5")) == (day.high, day.low)


def test_a_stock_s_turnover_is_the_mean_of_the_twenty_bars_before(tmp_path: Path) -> None:
    sessions = Calendar(2015, 2017).sessions(JUNE, JUNE + timedelta(days=40))[:22]
    rows = [f"AAA,{day},10,10,10,10,{100 * (n + 1)}" for n, day in enumerate(sessions)]
    tape = held(tmp_path / "bars.csv", "\n".join(["symbol,date,open,high,low,close,volume", *rows])).tape
    assert tape.adv_usd20("AAA", sessions[19]) is None
    assert Decimal("10500.00") == tape.adv_usd20("AAA", sessions[20])
    assert Decimal("11500.00") == tape.adv_usd20("AAA", sessions[21])
    assert (None, Decimal(10)) == (
        tape.close_before("AAA", sessions[0]),
        tape.close_before("AAA", sessions[1]),
    )


# --- time -----------------------------------------------------------------------------------------


def test_time_goes_at_its_speed_from_where_it_was_set_and_stands_at_the_end() -> None:
    wall = [100.0]
    start = datetime(2016, 6, 1, 13, 30, tzinfo=UTC)
    end = start + timedelta(hours=1)
    clock = ReplayClock(start, end, 60.0, lambda: wall[0])
    assert start == clock.now()
    wall[0] += 10
    assert start + timedelta(minutes=10) == clock.now()
    clock.step(start + timedelta(minutes=30))
    wall[0] += 5
    assert start + timedelta(minutes=35) == clock.now()
    wall[0] += 1e9
    assert end == clock.now()
    clock.step(end + timedelta(days=1))
    assert end == clock.now()


def test_time_at_no_speed_stands_until_it_is_moved() -> None:
    wall = [0.0]
    start = datetime(2016, 6, 1, 13, 30, tzinfo=UTC)
    clock = ReplayClock(start, start + timedelta(hours=1), 0.0, lambda: wall[0])
    wall[0] += 1e6
    assert start == clock.now()
    clock.step(start + timedelta(minutes=5))
    assert start + timedelta(minutes=5) == clock.now()
