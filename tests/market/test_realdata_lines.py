"""What is known to be wrong in the real files is found on its morning, with its code; the rest is left alone."""

from datetime import date
from pathlib import Path
from typing import Final

import pytest

from market.calendar import Calendar
from market.config import ContractConfig
from market.contract import ContractInputs, judge, run
from market.imports import import_bars
from market.panel import load_panel
from market.sidecar import open_sidecar
from market.store import BarStore
from market.tally import Tally
from schemas.base import SessionDate
from schemas.reasons.market import BarCode, DayCode, SetAside
from tests.market.worlds import Files
from tests.realdata import real_data

WIDE: Final = "us_wide_daily_2015_2016.parquet"
SP500: Final = "us_sp500_daily_2012_2018.parquet"
INDEX: Final = "index_spy_vix_daily_2010_2018.parquet"
TWINS: Final = "bad_identical_series_2012_2017.parquet"
YAHOO: Final = "bad_yahoo_raw_vs_fixed_daily.parquet"


C = BarCode
ONE_SERIES: Final = {DayCode.DAY_IDENTICAL_SERIES, DayCode.DAY_QUARANTINE_HIGH}
LINES: Final = [
    # file, symbol, the morning, code, effect, session of the defect, or None where it is not asked
    (WIDE, "A", "2015-04-07", C.BARS_DUPLICATE, "W", "2015-04-06"),  # published three times over
    (WIDE, "ITEK", "2015-04-07", C.BARS_DUPLICATE, "Q", "2015-04-06"),  # 0.31 or 5.31
    (WIDE, "SSE", "2015-04-07", C.BARS_DUPLICATE, "Q", "2015-04-06"),  # 0.02 or 4.66
    (WIDE, "TCO", "2015-04-07", C.BARS_DUPLICATE, "Q", "2015-04-06"),  # the one more
    (WIDE, "ON", "2015-04-06", C.BARS_DUPLICATE, "Q", "2015-04-02"),  # two volumes
    (WIDE, "MSG", "2016-12-30", C.BARS_DUPLICATE, "W", "2016-12-29"),
    (WIDE, "FCFS", "2016-12-30", C.BARS_DUPLICATE, "W", "2016-12-29"),
    (WIDE, "RRD", "2016-12-30", C.BARS_DUPLICATE, "W", "2016-12-29"),
    (WIDE, "AMOV", "2016-12-30", C.BARS_DUPLICATE, "W", "2016-12-29"),
    (WIDE, "AIRI", "2015-04-06", C.BARS_NOT_A_SESSION, "Q", "2015-04-02"),  # Good Friday, the eve of D
    (WIDE, "AIRI", "2015-05-26", C.BARS_NOT_A_SESSION, "Q", "2015-05-22"),  # Memorial Day
    (WIDE, "CBX", "2016-07-05", C.BARS_NOT_A_SESSION, "Q", "2016-07-01"),  # the Fourth of July, with volume
    (WIDE, "CBX", "2016-07-20", C.BARS_NOT_A_SESSION, "Q", "2016-07-01"),
    (WIDE, "CUI", "2015-04-01", C.BARS_PRICE_NOT_POSITIVE, "Q", "2015-03-30"),
    (WIDE, "CUI", "2016-12-30", C.BARS_PRICE_NOT_POSITIVE, "Q", "2015-04-15"),  # as long as it is in the panel
    (WIDE, "PMV", "2015-11-23", C.BARS_OHLC_INCONSISTENT, "Q", "2015-11-20"),
    (WIDE, "CSB", "2015-07-16", C.BARS_OUTLIER, "Q", "2015-07-15"),  # 10.10 to 316.00 …
    (WIDE, "CSB", "2015-07-17", C.BARS_REVERTED, "Q", "2015-07-15"),  # … and back
    (WIDE, "CSB", "2015-08-12", C.BARS_REVERTED, "Q", "2015-07-15"),  # the last morning of its 20 bars
    (WIDE, "APFH", "2016-11-11", C.BARS_OUTLIER, "Q", "2016-11-10"),
    (WIDE, "APFH", "2016-11-14", C.BARS_REVERTED, "Q", "2016-11-10"),  # 27.30 to 2.56 and back
    (WIDE, "AA", "2016-10-07", C.BARS_SPLIT_RESIDUE, "Q", "2016-10-06"),  # 1 for 3, untold
    (WIDE, "AOS", "2016-10-07", C.BARS_SPLIT_RESIDUE, "Q", "2016-10-06"),  # 2 for 1, untold
    # The flash crash was real. The rule of a wick of half the body takes KKR out for 20 bars all the same, and an
    # operator may let it pass; GE's wick is shorter, and it stays in.
    (WIDE, "KKR", "2015-08-25", C.BARS_SPIKE, "Q", "2015-08-24"),
    (WIDE, "AAAP", "2015-07-08", C.BARS_VOLUME_ZERO, "Q", "2015-07-07"),
    (WIDE, "AAAP", "2015-11-16", C.BARS_FLAT, "Q", "2015-11-12"),  # a run of flat bars without volume
    (WIDE, "AAIT", "2015-04-06", C.BARS_FLAT, "Q", "2015-04-02"),  # flat with volume
    (WIDE, "DTV", "2016-12-30", C.BARS_GAP, "Q", "2016-10-20"),  # 314 sessions missing
    (WIDE, "COUP", "2016-12-30", C.BARS_GAP, "Q", "2016-10-05"),  # 243 sessions missing
    (WIDE, "ALTR", "2016-01-05", C.BARS_STALE, "Q", None),  # bought, and gone
    (SP500, "AMD", "2015-01-05", C.BARS_VOLUME_ZERO, "Q", "2015-01-02"),
    (SP500, "BHF", "2017-07-27", C.BARS_VOLUME_ZERO, "Q", "2017-07-26"),
    (SP500, "BHF", "2017-07-31", C.BARS_VOLUME_ZERO, "W", "2017-07-26"),
    (SP500, "PLL", "2018-12-24", C.BARS_VOLUME_ZERO, "W", "2018-11-30"),
    (SP500, "UA", "2018-12-24", C.BARS_VOLUME_ZERO, "W", "2017-09-01"),
    (SP500, "EP", "2013-12-05", C.BARS_VOLUME_ZERO, "Q", "2013-12-03"),  # another company under the ticker
    (SP500, "EP", "2013-12-05", C.BARS_OUTLIER, "Q", "2013-12-04"),
    (SP500, "EP", "2012-08-24", C.BARS_SPIKE, "Q", "2012-08-23"),
    (INDEX, "SPY", "2015-03-06", C.BARS_OHLC_INCONSISTENT, "Q", "2015-03-05"),  # the open below the low
    (INDEX, "SPY", "2015-03-31", C.BARS_OHLC_INCONSISTENT, "Q", "2015-03-30"),
    (TWINS, "A", "2017-06-01", C.BARS_IDENTICAL_SERIES, "Q", "2017-05-31"),
    (TWINS, "A", "2017-08-01", C.BARS_PRICE_NOT_POSITIVE, "Q", "2017-07-31"),  # no open, no low
    (TWINS, "AAPL", "2013-05-03", C.BARS_OUTLIER, "Q", "2013-05-02"),  # 198.05 to 55.41
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "symbol", "morning", "code", "effect", "session"),
    LINES,
    ids=[f"{line[1]}-{line[2]}-{line[3]}" for line in LINES],
)
def test_a_known_defect_has_its_code_on_its_morning(
    files: Files, name: str, symbol: str, morning: str, code: BarCode, effect: str, session: str | None
) -> None:
    result = files(name).on(date.fromisoformat(morning))
    carried = result.quarantine if effect == "Q" else result.warnings
    assert code in carried.get(symbol, ())
    (found,) = (each for each in result.findings(symbol) if each.code == code)
    if session is not None:
        assert f"latest {session}" == found.detail


@pytest.mark.parametrize(
    ("name", "symbol", "morning", "codes"),
    [
        (WIDE, "GE", "2015-08-25", {C.BARS_DUPLICATE}),  # the low of the flash crash lies within the rule
        (WIDE, "CSB", "2015-07-15", {C.BARS_VOLUME_ZERO, C.BARS_FLAT, C.BARS_SPLIT_RESIDUE, C.BARS_OUTLIER}),
        (WIDE, "NAN", "2016-12-30", {C.BARS_DUPLICATE}),
        (WIDE, "TRUE", "2016-12-30", {C.BARS_DUPLICATE}),
        (SP500, "CB", "2016-01-19", set()),  # one flat bar at the old close, the day ACE became CB, is no run
        (SP500, "GHC", "2018-12-24", set()),
    ],
    ids=["GE", "CSB-before", "NAN", "TRUE", "CB", "GHC"],
)
def test_what_the_rules_allow_is_left_alone(
    files: Files, name: str, symbol: str, morning: str, codes: set[BarCode]
) -> None:
    result = files(name).on(date.fromisoformat(morning))
    assert codes == {BarCode(each.code) for each in result.findings(symbol)}


@pytest.mark.parametrize(
    ("name", "morning", "blocking"),
    [
        (WIDE, "2015-04-07", set()),  # six thousand triples warn, and block nothing
        (WIDE, "2015-08-25", set()),  # a flash crash is no feed's error
        (WIDE, "2016-09-02", {DayCode.DAY_COVERAGE_LOW}),
        (WIDE, "2016-09-07", {DayCode.DAY_COVERAGE_LOW, DayCode.DAY_QUARANTINE_HIGH}),
        (SP500, "2016-01-19", set()),
        (INDEX, "2015-03-06", {DayCode.DAY_BENCHMARK_BAD}),
        (INDEX, "2015-03-05", set()),
        (TWINS, "2017-08-01", ONE_SERIES),
        (TWINS, "2013-05-03", ONE_SERIES | {DayCode.DAY_MOVE_IMPLAUSIBLE}),
    ],
)  # fmt: skip
def test_a_morning_is_blocked_by_what_was_wrong_with_the_whole_feed(
    files: Files, name: str, morning: str, blocking: set[DayCode]
) -> None:
    assert blocking == set(files(name).on(date.fromisoformat(morning)).blocking)


def test_the_three_copies_of_one_day_are_counted_for_every_symbol(files: Files) -> None:
    result = files(WIDE).on(date(2015, 4, 7))
    told = [
        s for codes in (result.quarantine, result.warnings) for s in codes if C.BARS_DUPLICATE in codes[s]
    ]
    assert 6_032 == len(told)
    assert 363 == next(f for f in files(WIDE).on(date(2016, 12, 30)).findings("MSG")).observed


def test_indices_are_set_aside_and_missing_prices_of_all_505_tickers_are_found(files: Files) -> None:
    assert [(SetAside.SYMBOL_INVALID, 4_528)] == [each[:2] for each in files(INDEX).report.set_aside]
    missing = files(TWINS).on(date(2017, 8, 1)).quarantine
    assert 505 == sum(C.BARS_PRICE_NOT_POSITIVE in codes for codes in missing.values())


# --- one vendor's errors, beside the same series repaired -----------------------------------------------


def case(tmp_path: Path, calendar: Calendar, name: str, variant: str) -> set[tuple[str, BarCode]]:
    """(symbol, code) of whatever any morning found in one case of the file."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(real_data(YAHOO))
    mine = pc.and_(pc.equal(table["case"], name), pc.equal(table["variant"], variant))
    path = tmp_path / f"{name}-{variant}.parquet"
    pq.write_table(table.filter(mine), path)
    took = import_bars(tmp_path / variant, path)
    store = BarStore(tmp_path / variant)
    sidecar = open_sidecar(store, calendar)
    tally = Tally(sidecar.symbols)
    assert took.first is not None
    assert took.last is not None
    for session in calendar.sessions(took.first, took.last):
        panel = load_panel(store, calendar, calendar.next(session), sidecar=sidecar)
        inputs = ContractInputs(panel=panel, calendar=calendar, simulated=True)
        tally.add(panel, judge(inputs, ContractConfig()))
    return {(row.symbol, row.code) for row in tally.found()}


ERRORS: Final = (C.BARS_SPLIT_RESIDUE, C.BARS_OUTLIER, C.BARS_REVERTED, C.BARS_SPIKE)


def test_hundredfold_prices_are_found_and_their_repair_is_left_alone(
    tmp_path: Path, calendar: Calendar
) -> None:
    raw, fixed = (case(tmp_path, calendar, "100x-error", variant) for variant in ("raw", "fixed"))
    expected = {(s, code) for s in ("AET-L", "SSW-JO") for code in (C.BARS_SPLIT_RESIDUE, C.BARS_OUTLIER)}
    assert expected == {row for row in raw if row[1] in ERRORS}
    assert set() == {row for row in fixed if row[1] in ERRORS}


def test_splits_applied_wrongly_are_found_and_their_repair_is_left_alone(
    tmp_path: Path, calendar: Calendar
) -> None:
    raw, fixed = (case(tmp_path, calendar, "bad-stock-split", variant) for variant in ("raw", "fixed"))
    repaired = {"DEX-AX", "LA-V", "MOB-ST"}
    assert repaired == {s for s, code in raw if code in ERRORS} & repaired
    assert set() == {s for s, code in fixed if code in ERRORS} & repaired
    undone = {"CNE-L", "LA-V", "MOB-ST"}
    assert undone == {s for s, code in raw if code is C.BARS_REVERTED} - {"ALPHA-PA"}


def test_what_a_repair_must_leave_alone_is_left_alone_here(tmp_path: Path, calendar: Calendar) -> None:
    found = case(tmp_path, calendar, "no-bad-divs", "raw")
    assert set() == {row for row in found if row[1] in (*ERRORS, C.BARS_PRICE_NOT_POSITIVE)}


def test_rows_without_prices_are_kept_and_found(tmp_path: Path, calendar: Calendar) -> None:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(real_data(YAHOO))
    path = tmp_path / "kap.parquet"
    own = pc.and_(pc.equal(table["case"], "bad-div"), pc.equal(table["symbol"], "REL-L"))
    pq.write_table(table.filter(pc.and_(own, pc.equal(table["variant"], "raw"))), path)
    import_bars(tmp_path, path)
    store = BarStore(tmp_path)
    panel = load_panel(store, calendar, SessionDate(date(2024, 8, 1)))
    result = run(ContractInputs(panel=panel, calendar=calendar, simulated=True), ContractConfig())
    (found,) = (each for each in result.findings("REL-L") if each.code == C.BARS_PRICE_NOT_POSITIVE)
    assert "latest 2024-07-31" == found.detail
