"""A file, the synthetic market and Alpaca keep the same promises, and give the same bars of the same market."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from market.calendar import EPOCH, Calendar
from market.feed import Seen
from market.feeds.files import FileBars, intraday_bytes
from market.feeds.port import INTERVALS, HistoricalBars, IntradayBars
from market.feeds.synthetic import SyntheticBars
from market.rows import FIELDS, Rows
from tests.market.feeds import FIRST, LAST, NOW, ODD, alpaca, synthetic

KINDS = ("csv", "parquet", "synthetic", "alpaca")
D = date(2016, 11, 25)
"""The day after Thanksgiving: the exchange closes at 13:00."""


class Files:
    """Daily bars from one file, intraday bars from another: each file holds one kind."""

    price_basis = "as_traded"

    def __init__(self, folder: Path, source: SyntheticBars, calendar: Calendar, kind: str) -> None:
        self._folder, self._calendar, self._kind = folder, calendar, kind
        rows = value(source.daily([*names(source), "ABSENT"], FIRST, LAST))
        table = pa.table(
            {
                "symbol": [rows.symbols[code] for code in rows.code.tolist()],
                "date": [str(date.fromordinal(day + EPOCH)) for day in rows.day.tolist()],
                **{
                    name: column / 10_000 if name != "volume" else column
                    for name, column in zip(FIELDS, rows.values, strict=True)
                },
            }
        )
        self._save(table, "daily")
        for interval in INTERVALS:
            bars = value(source.intraday(names(source), interval, FIRST, LAST))
            held = intraday_bytes(bars, "as_traded")
            self._save(pq.read_table(pa.BufferReader(held)), str(interval))

    def _save(self, table: pa.Table, name: str) -> None:
        path = self._folder / f"{name}.{self._kind}"
        if self._kind == "parquet":
            pq.write_table(table, path)
            return
        told = [
            [t.isoformat() for t in table[name].to_pylist()] if name == "start_at" else table[name]
            for name in table.column_names
        ]
        pacsv.write_csv(pa.table(told, names=table.column_names), path)

    def daily(self, *asked: object) -> object:
        return self._of("daily").daily(*asked)  # type: ignore[arg-type]

    def intraday(self, symbols: object, interval: int, *asked: object) -> object:
        return self._of(str(interval)).intraday(symbols, interval, *asked)  # type: ignore[arg-type]

    def _of(self, name: str) -> FileBars:
        return FileBars(self._folder / f"{name}.{self._kind}", self._calendar, lambda: NOW)


def names(source: SyntheticBars) -> list[str]:
    return list(source._market.rows.symbols)


def value(answer: Any) -> Any:
    assert isinstance(answer, Seen), answer
    return answer.value


@pytest.fixture(scope="module")
def source(calendar: Calendar) -> SyntheticBars:
    return synthetic(calendar)


@pytest.fixture(scope="module", params=KINDS)
def feed(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    source: SyntheticBars,
    calendar: Calendar,
) -> Iterator[HistoricalBars]:
    if request.param == "synthetic":
        yield source
    elif request.param == "alpaca":
        with alpaca(calendar, bars=source, server={"page_max": 701}, symbols_per_request=5) as line:
            yield line.feed
    else:
        yield Files(tmp_path_factory.mktemp("files"), source, calendar, request.param)  # type: ignore[misc]


def same(one: Rows | IntradayBars, other: Rows | IntradayBars) -> bool:
    parts = ("code", "day", "values", "known_at") if isinstance(one, Rows) else ("code", "start_at", "values")
    return one.symbols == other.symbols and all(
        np.array_equal(getattr(one, part), getattr(other, part)) for part in parts
    )


def test_every_feed_gives_the_same_daily_bars_of_the_same_market(
    feed: HistoricalBars, source: SyntheticBars
) -> None:
    wanted = value(source.daily(names(source), FIRST, LAST))
    assert len(wanted) > 500
    assert same(wanted, value(feed.daily(names(source), FIRST, LAST)))


@pytest.mark.parametrize("interval", INTERVALS)
def test_every_feed_gives_the_same_intraday_bars(
    feed: HistoricalBars, source: SyntheticBars, interval: int
) -> None:
    asked = (["SPY", *ODD], interval, date(2016, 11, 22), D)
    wanted = value(source.intraday(*asked))
    assert 4 * (2 * 390 + 210) * 60 // interval == len(wanted)
    assert same(wanted, value(feed.intraday(*asked)))


def test_a_ticker_that_reads_like_a_number_or_a_truth_is_a_ticker(feed: HistoricalBars) -> None:
    assert ODD == value(feed.daily(ODD, FIRST, LAST)).symbols
    assert ODD == value(feed.intraday(ODD, 300, D, D)).symbols


def test_first_and_last_are_both_included(feed: HistoricalBars) -> None:
    rows = value(feed.daily(["SPY"], date(2016, 11, 22), D))
    assert [22, 23, 25] == [date.fromordinal(day + EPOCH).day for day in rows.day.tolist()]
    assert [D.toordinal() - EPOCH] == value(feed.daily(["SPY"], D, D)).day.tolist()


def test_an_unknown_symbol_has_no_bar_and_fails_nothing(feed: HistoricalBars) -> None:
    assert ("SPY",) == value(feed.daily(["ABSENT", "SPY"], FIRST, LAST)).symbols
    assert 0 == len(value(feed.daily(["ABSENT"], FIRST, LAST)))
    assert 0 == len(value(feed.intraday(["ABSENT"], 600, D, D)))


def test_a_weekend_and_a_range_that_ends_before_it_begins_are_empty(feed: HistoricalBars) -> None:
    assert 0 == len(value(feed.daily(["SPY"], date(2016, 11, 26), date(2016, 11, 27))))
    assert 0 == len(value(feed.daily(["SPY"], D, date(2016, 11, 22))))
    assert 0 == len(value(feed.intraday(["SPY"], 600, D, date(2016, 11, 22))))


def test_prices_are_as_traded(feed: HistoricalBars) -> None:
    assert "as_traded" == feed.price_basis


def test_intraday_bars_add_up_to_the_day(feed: HistoricalBars) -> None:
    day = value(feed.daily(["SPY"], D, D)).values[:, 0]
    o, h, low, c, v = value(feed.intraday(["SPY"], 300, D, D)).values
    assert day.tolist() == [o[0], h.max(), low.min(), c[-1], v.sum()]


def test_a_file_that_is_none_is_a_failed_read(tmp_path: Path, calendar: Calendar) -> None:
    missing = FileBars(tmp_path / "absent.csv", calendar, lambda: NOW)
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1")
    for feed in (missing, FileBars(broken, calendar, lambda: NOW)):
        for answer in (feed.daily(["SPY"], D, D), feed.intraday(["SPY"], 300, D, D)):
            assert "read_failed" == answer.answer
            assert answer.cause.startswith("FEED_FILE_UNREADABLE: ")


def test_a_file_of_five_minutes_is_no_answer_about_ten(tmp_path: Path, calendar: Calendar) -> None:
    bars = value(synthetic(calendar).intraday(["SPY"], 300, D, D))
    (tmp_path / "five.parquet").write_bytes(intraday_bytes(bars, "as_traded"))
    feed = FileBars(tmp_path / "five.parquet", calendar, lambda: NOW)
    assert 42 == len(value(feed.intraday(["SPY"], 300, D, D)))
    refused = feed.intraday(["SPY"], 600, D, D)
    assert "read_failed" == refused.answer
    assert "FEED_FILE_UNREADABLE: five.parquet holds bars of 300 s, not of 600" == refused.cause
