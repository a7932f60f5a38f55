"""History that a vendor changes is told twice: what a morning knew stays what it knew, to the bit."""

import time
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from ledger import canonical
from market.calendar import Calendar
from market.config import ContractConfig
from market.contract import ContractInputs, ContractResult
from market.contract import run as judge
from market.fact_imports import import_restatements
from market.imports import import_bars
from market.panel import Panel, load_panel
from market.rows import FIELDS
from market.sidecar import open_sidecar
from market.store import BarStore
from schemas.base import SessionDate
from schemas.errors import UsageFault
from schemas.market import FactKind
from schemas.reasons.market import BarCode, SetAside
from strategies.config import ScanConfig
from strategies.scan import ScanInputs
from strategies.scan import run as scan
from tests.market.worlds import Row, judged, rows_of, split, steady, store_with
from tests.realdata import real_data

D = SessionDate(date(2016, 2, 3))
"""The ex-date of AFSI's split; the evening file of this day tells its bar of the day before again."""
NEXT = SessionDate(date(2016, 2, 4))
HEADER = "symbol,date,file_date_later,close_later,volume_later\n"


def content(panel: Panel) -> list[bytes]:
    """Every byte that a kernel reads of the panel."""
    rows = [slice(int(a), int(b)) for a, b in zip(panel.lo, panel.hi, strict=True)]
    columns = (panel.session, *(getattr(panel, name) for name in FIELDS))
    return [
        "\n".join(panel.symbols).encode(),
        *(column[part].tobytes() for column in columns for part in rows),
    ]


def contract_of(panel: Panel, calendar: Calendar) -> ContractResult:
    return judge(ContractInputs(panel=panel, calendar=calendar, simulated=True), ContractConfig())


def scan_bytes(panel: Panel, calendar: Calendar) -> bytes:
    result = contract_of(panel, calendar)
    inputs = ScanInputs(
        panel=panel, quarantine=result.quarantine, warnings=result.warnings, blocking=(),
        blocked_symbols=panel.blocking_symbols(),
    )  # fmt: skip
    return canonical.artifact_bytes(canonical.plain(scan(inputs, ScanConfig())))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A store of the wide bars with the restatements told before D, and the file of those told from D on."""
    root = tmp_path_factory.mktemp("vintages")
    import_bars(root, real_data("us_wide_daily_2015_2016.parquet"))
    table = pq.read_table(real_data("us_wide_restatements_2015_2016.parquet"))
    is_early = pc.less(table["file_date_later"].cast(pa.date32()), pa.scalar(D))
    pq.write_table(table.filter(is_early), root / "early.parquet")
    pq.write_table(table.filter(pc.invert(is_early)), root / "later.parquet")
    report = import_restatements(root, root / "early.parquet")
    assert report.rows_added > 1_000
    assert report.rows_read == report.rows_added + report.rows_present
    return root, root / "later.parquet"


def test_a_scan_as_known_on_d_is_the_same_after_the_vendor_changed_history(
    told: tuple[Path, Path], calendar: Calendar
) -> None:
    root, later = told
    store = BarStore(root)
    before = load_panel(store, calendar, D)
    bytes_before, scan_before = content(before), scan_bytes(before, calendar)
    silent = load_panel(store, calendar, NEXT).data_version

    report = import_restatements(root, later)
    assert report.rows_added > 1_000
    assert () == report.set_aside

    held = open_sidecar(store, calendar)
    again = load_panel(store, calendar, D, sidecar=held)
    assert before.data_version == again.data_version
    assert bytes_before == content(again)
    assert before.restated == again.restated
    assert scan_before == scan_bytes(again, calendar)

    after = load_panel(store, calendar, NEXT, sidecar=held)
    assert silent != after.data_version
    result = contract_of(after, calendar)
    (finding,) = (f for f in result.findings("AFSI") if f.code == BarCode.BARS_RESTATED)
    assert "close 569500 to 569500 e4, volume 308700 to 617400" in finding.detail

    store.append_facts(FactKind.ACTIONS, [split("AFSI", D, 2, 1)], "by hand")
    excused = contract_of(load_panel(store, calendar, NEXT), calendar)
    codes = {*excused.quarantine.get("AFSI", ()), *excused.warnings.get("AFSI", ())}
    assert {BarCode.BARS_DUPLICATE} == codes, (
        "its split is told, so neither bar nor restatement needs a reason"
    )


def test_a_year_of_restatements_costs_a_session_little(told: tuple[Path, Path], calendar: Calendar) -> None:
    store = BarStore(told[0])
    held = open_sidecar(store, calendar)
    assert len(held.odd) > 2_000
    slow = []
    for day in calendar.sessions(date(2016, 1, 4), date(2016, 12, 30))[::25]:
        best = 9.0
        for _ in range(3):
            start = time.perf_counter()
            load_panel(store, calendar, day, sidecar=held)
            best = min(best, time.perf_counter() - start)
        slow.append(best)
    assert sum(slow) / len(slow) < 0.2, "usually 40 ms; the bound leaves room for a busy machine"


def restated(root: Path, lines: str) -> tuple[int, int, dict[SetAside, int]]:
    path = root / "restated.csv"
    path.write_text(HEADER + lines)
    report = import_restatements(root, path)
    return report.rows_added, report.rows_present, {reason: count for reason, count, _ in report.set_aside}


def test_only_close_and_volume_are_restated_and_a_close_outside_the_bar_is_found(
    tmp_path: Path, calendar: Calendar
) -> None:
    days = list(calendar.sessions(date(2015, 10, 1), date(2016, 2, 10)))
    rows = [row for name in ("AAA", "BBB", "CCC") for row in steady(name, days)]
    store = store_with(tmp_path, rows)
    bar = next(row for row in rows if row[:2] == ("AAA", date(2016, 2, 2)))
    added = restated(
        tmp_path, "AAA,2016-02-02,2016-02-03,99.5,123\nZZZ,2016-02-02,2016-02-03,1,1\nAAA,2016-02-02,,1,1\n"
    )
    assert (1, 0, {SetAside.BAR_UNKNOWN: 1, SetAside.DATE_INVALID: 1}) == added
    assert (0, 1, {}) == restated(tmp_path, "AAA,2016-02-02,2016-02-03,99.5,123\n")
    newest = store.rows().take(store.rows().vintage == 2)
    assert [*(round((x or 0) * 10_000) for x in bar[2:5]), 995_000, 123] == newest.values[:, 0].tolist()
    found = judged(store, calendar, NEXT)
    assert {BarCode.BARS_OHLC_INCONSISTENT, BarCode.BARS_RESTATED} <= set(found.quarantine["AAA"])
    assert "AAA" not in judged(store, calendar, D).quarantine


def test_restatements_chain_and_each_morning_reads_the_latest_that_it_knew(
    tmp_path: Path, calendar: Calendar
) -> None:
    days = list(calendar.sessions(date(2016, 1, 4), date(2016, 2, 29)))
    store = store_with(tmp_path, steady("AAA", days))
    assert 2 == restated(tmp_path, "AAA,2016-01-15,2016-02-10,60,5\nAAA,2016-01-15,2016-02-05,55,4\n")[0]

    def close(day: date) -> int:
        panel = load_panel(store, calendar, SessionDate(day))
        at = panel.sessions.index(SessionDate(date(2016, 1, 15)))
        rows = slice(int(panel.lo[0]), int(panel.hi[0]))
        return int(panel.close[rows][panel.session[rows] == at][0])

    first = close(date(2016, 2, 5))
    assert [first, 550_000, 550_000, 600_000] == [close(date(2016, 2, day)) for day in (5, 8, 10, 11)], (
        "known on the evening, so read from the next morning on"
    )


def test_what_is_no_restatement_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_text("symbol,date,close\nAAA,2016-01-04,1\n")
    with pytest.raises(UsageFault, match=r"IMPORT_COLUMNS.*file_date_later"):
        import_restatements(tmp_path, path)


def slow_in_force(
    rows: list[tuple[Row, datetime | None]], calendar: Calendar, day: date
) -> dict[tuple[str, date], int]:
    """Another road: the close of each bar by walking over everything that was told, in the order it was told."""
    cut = calendar.cut_at(day)
    found: dict[tuple[str, date], int] = {}
    for row, known in sorted(rows, key=lambda each: each[1] or datetime(1970, 1, 1, tzinfo=UTC)):
        if row[1] < day and (known is None or known <= cut):
            found[row[0], row[1]] = round((row[5] or 0) * 10_000)
    return found


@pytest.mark.parametrize("seed", range(6))
def test_revisions_in_force_are_those_that_a_slow_walk_finds(
    tmp_path: Path, calendar: Calendar, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    days = list(calendar.sessions(date(2016, 1, 4), date(2016, 2, 29)))
    bars: list[tuple[Row, datetime | None]] = [
        (row, None) for name in ("AAA", "BBB", "CCC") for row in steady(name, days) if draw.random() < 0.8
    ]
    store = store_with(tmp_path, [row for row, _ in bars])
    for _ in range(12):
        name, day = str(draw.choice(["AAA", "BBB", "DDD"])), days[int(draw.integers(0, 25))]
        when = days[int(draw.integers(20, 38))]
        known = datetime(when.year, when.month, when.day, 22, tzinfo=UTC)
        price = float(draw.integers(10, 90))
        told_late: Row = (name, day, price, price, price, price, 100)
        if store.append_bars(rows_of([told_late]), "late", known_at=known)[0]:
            bars.append((told_late, known))
    held = open_sidecar(store, calendar)
    for day in days[15::5]:
        panel = load_panel(store, calendar, day, sidecar=held)
        found = {
            (symbol, panel.sessions[panel.session[i]]): int(panel.close[i])
            for k, symbol in enumerate(panel.symbols)
            for i in range(int(panel.lo[k]), int(panel.hi[k]))
        }
        assert slow_in_force(bars, calendar, day) == found
        assert (panel.lo[1:] >= panel.hi[:-1]).all()
