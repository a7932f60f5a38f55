"""Two years of 6,968 real symbols, defects included, go through the store and the contract as the table
says."""

import time
from datetime import date
from pathlib import Path

import pytest

from ledger import canonical
from market.calendar import Calendar
from market.config import ContractConfig
from market.contract import ContractInputs, ContractResult, run
from market.imports import ImportReport, import_bars
from market.panel import Panel, load_panel
from market.sidecar import Sidecar, open_sidecar
from market.store import BarStore
from schemas.base import SessionDate
from schemas.reasons.market import BarCode, DayCode
from simulation.tape import StoreTape
from tests.market.worlds import Files
from tests.realdata import real_data

World = tuple[BarStore, Sidecar, ImportReport | None]
BLOCKED_2016_H2 = {
    # P = 2016-09-01 .. 2016-09-07: the feed held 4,981 to 5,767 of about 6,020 symbols.
    date(2016, 9, 2): {DayCode.DAY_COVERAGE_LOW},
    date(2016, 9, 6): {DayCode.DAY_COVERAGE_LOW, DayCode.DAY_QUARANTINE_HIGH},
    date(2016, 9, 7): {DayCode.DAY_COVERAGE_LOW, DayCode.DAY_QUARANTINE_HIGH},
    date(2016, 9, 8): {DayCode.DAY_COVERAGE_LOW, DayCode.DAY_QUARANTINE_HIGH},
    # The holes of those days, while they lie in the last 5 sessions.
    date(2016, 9, 9): {DayCode.DAY_QUARANTINE_HIGH},
    date(2016, 9, 12): {DayCode.DAY_QUARANTINE_HIGH},
    date(2016, 9, 13): {DayCode.DAY_QUARANTINE_HIGH},
    date(2016, 9, 14): {DayCode.DAY_QUARANTINE_HIGH},
}


@pytest.fixture(scope="module")
def wide(files: Files) -> World:
    known = files("us_wide_daily_2015_2016.parquet")
    return known.store, known.sidecar, known.report


def judge(world: World, calendar: Calendar, day: date) -> tuple[Panel, ContractResult]:
    panel = load_panel(world[0], calendar, SessionDate(day), sidecar=world[1])
    return panel, run(ContractInputs(panel=panel, calendar=calendar, simulated=True), ContractConfig())


def test_every_row_is_kept_and_only_adj_close_is_left_out(wide: World) -> None:
    report = wide[2]
    assert report is not None
    assert (2_740_566, 2_740_566, 0) == (report.rows_read, report.rows_added, report.rows_present)
    assert (6_968, date(2015, 3, 20), date(2016, 12, 30)) == (report.symbols, report.first, report.last)
    assert (("adj_close",), ()) == (report.columns_ignored, report.set_aside)


def test_odd_tickers_are_symbols_and_a_known_bar_is_exact(wide: World, calendar: Calendar) -> None:
    day = SessionDate(date(2016, 10, 6))
    tape = StoreTape(wide[1], calendar)
    assert [] == [symbol for symbol in ("AA", "NAN", "TRUE", "ON") if tape.bar(symbol, day) is None]
    bar = tape.bar("AA", day)
    assert bar is not None
    assert ("31.0700", "32.0200", "31.0700", "31.7800", 9_922_100) == (
        *(str(each) for each in (bar.open, bar.high, bar.low, bar.close)),
        bar.volume,
    )


def test_the_defects_that_the_file_is_known_for_get_their_codes(wide: World, calendar: Calendar) -> None:
    _, result = judge(wide, calendar, date(2016, 7, 20))
    q, w = result.quarantine, result.warnings
    assert {s for s in q if BarCode.BARS_DUPLICATE in q[s]} >= {"ITEK", "SSE", "ON"}
    assert BarCode.BARS_DUPLICATE in w["A"], "2015-04-06 came three times over"
    assert BarCode.BARS_PRICE_NOT_POSITIVE in q["CUI"]
    assert BarCode.BARS_OHLC_INCONSISTENT in q["PMV"]
    assert BarCode.BARS_NOT_A_SESSION in q["CBX"], "it traded on the Fourth of July"
    assert BarCode.BARS_NOT_A_SESSION in w["ON"]
    assert not result.observation.blocked
    _, after = judge(wide, calendar, date(2016, 10, 7))
    assert BarCode.BARS_SPLIT_RESIDUE in after.quarantine["AA"], "an untold 1-for-3"


def test_the_partial_feed_blocks_the_days_after_it_and_no_other_day_of_the_half_year(
    wide: World, calendar: Calendar
) -> None:
    days = calendar.sessions(date(2016, 6, 1), date(2016, 12, 30))
    sampled = [day for day in days if day in BLOCKED_2016_H2 or day.toordinal() % 4 == 0]
    found = {}
    for day in sampled:
        _, result = judge(wide, calendar, day)
        assert 1_300 < result.observation.liquid_members < 1_700
        if result.observation.blocked:
            found[day] = set(result.blocking)
    assert BLOCKED_2016_H2 == found
    _, result = judge(wide, calendar, date(2016, 9, 2))
    (low,) = (f for f in result.observation.findings if f.code == DayCode.DAY_COVERAGE_LOW)
    assert 0.827134 == low.observed


def test_the_report_of_seven_thousand_symbols_is_small_and_the_work_is_short(
    wide: World, calendar: Calendar
) -> None:
    day = SessionDate(date(2016, 9, 8))  # the day with the most quarantines
    judge(wide, calendar, day)
    best_load, best_judge = 9.0, 9.0
    for _ in range(5):
        start = time.perf_counter()
        panel = load_panel(wide[0], calendar, day)
        loaded = time.perf_counter()
        result = run(ContractInputs(panel=panel, calendar=calendar, simulated=True), ContractConfig())
        best_load = min(best_load, loaded - start)
        best_judge = min(best_judge, time.perf_counter() - loaded)
    assert len(canonical.artifact_bytes(canonical.plain(result.observation))) < 60_000
    assert best_load < 0.120, "usually 10 ms; the bound leaves room for a busy machine"
    assert best_judge < 0.300, "usually 45 ms"


def test_one_series_under_505_tickers_blocks_the_day(tmp_path: Path, calendar: Calendar) -> None:
    import_bars(tmp_path, real_data("bad_identical_series_2012_2017.parquet"))
    store = BarStore(tmp_path)
    _, result = judge((store, open_sidecar(store, calendar), None), calendar, date(2017, 6, 1))
    assert {DayCode.DAY_IDENTICAL_SERIES, DayCode.DAY_QUARANTINE_HIGH} == set(result.blocking)
    carried = [s for s, codes in result.quarantine.items() if BarCode.BARS_IDENTICAL_SERIES in codes]
    assert 505 == len(carried) == result.observation.symbols
