"""The store appends, never rewrites, and is all there or not there at whatever step it dies."""

from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.faulty import FaultyDisk, SimulatedCrash
from market.calendar import Calendar
from market.rows import NULL, Rows, concatenated
from market.sidecar import open_sidecar
from market.store import BarStore
from schemas.errors import Corrupt, Denied, UsageFault
from schemas.market import ActionKind, CorporateAction, FactKind, Membership
from tests.market.worlds import Row, rows_of, split, steady, store_with

DAYS = [date(2015, 12, 30), date(2015, 12, 31), date(2016, 1, 4), date(2016, 1, 5)]
BARS = [*steady("AAA", DAYS), *steady("BBB", DAYS)]
LATE = datetime(2016, 2, 1, 12, tzinfo=UTC)


def equal(a: Rows, b: Rows) -> bool:
    return (
        a.symbols == b.symbols
        and len(a) == len(b)
        and (a.code == b.code).all()
        and (a.day == b.day).all()
        and (a.values == b.values).all()
        and (a.known_at == b.known_at).all()
    )


def test_what_goes_in_comes_out_nulls_duplicates_and_phantom_dates_included(tmp_path: Path) -> None:
    odd: list[Row] = [
        *BARS,
        BARS[0],
        ("AAA", date(2016, 1, 2), 1.0, 1.0, 1.0, 1.0, 0),
        ("CCC", DAYS[0], None, 2.0, -1.0, None, None),
    ]
    store = store_with(tmp_path, odd)
    assert equal(rows_of(odd), store.rows())
    assert NULL in store.rows().values


def test_a_vintage_is_one_parquet_file_per_year_of_integer_ticks(tmp_path: Path) -> None:
    store = store_with(tmp_path, BARS)
    (vintage,) = store.manifest().vintages
    assert ["MARKET/bars/2015.v0001.parquet", "MARKET/bars/2016.v0001.parquet"] == [
        file.path for file in vintage.files
    ]
    file = pq.ParquetFile(tmp_path / vintage.files[0].path)
    assert "int64" == str(file.schema_arrow.field("close_e4").type)
    columns = {c.path_in_schema: c for c in map(file.metadata.row_group(0).column, range(9))}
    assert "DELTA_BINARY_PACKED" in columns["close_e4"].encodings
    assert "ZSTD" == columns["close_e4"].compression


def test_the_same_rows_again_are_no_new_rows_and_no_new_vintage(tmp_path: Path) -> None:
    store = store_with(tmp_path, BARS)
    before = store.manifest_bytes()
    assert (0, 8) == store.append_bars(rows_of(BARS), "again")
    assert before == store.manifest_bytes()


def test_new_days_are_appended_and_old_files_keep_their_bytes(tmp_path: Path) -> None:
    store = store_with(tmp_path, BARS)
    old = {file.path: (tmp_path / file.path).read_bytes() for file in store.manifest().vintages[0].files}
    more = steady("AAA", [*DAYS, date(2016, 1, 6)])
    assert (1, 4) == store.append_bars(rows_of(more), "next day")
    assert old == {path: (tmp_path / path).read_bytes() for path in old}
    assert equal(rows_of([*BARS, more[-1]]), store.rows())


def restated(row: Row, close: float) -> Row:
    return (*row[:5], close, row[6])


def test_a_row_that_differs_is_refused_unless_it_says_since_when(tmp_path: Path) -> None:
    store = store_with(tmp_path, BARS)
    before = store.manifest_bytes()
    changed = rows_of([restated(BARS[2], 50.5)])
    with pytest.raises(UsageFault, match=r"IMPORT_RESTATES.*AAA 2016-01-04"):
        store.append_bars(changed, "silent change")
    assert before == store.manifest_bytes()
    assert (1, 0) == store.append_bars(changed, "restated", known_at=LATE)
    assert (0, 1) == store.append_bars(changed, "restated", known_at=LATE)
    assert (0, 8) == store.append_bars(rows_of(BARS), "the first telling is still there")


def test_a_symbol_day_told_twice_is_present_as_a_set(tmp_path: Path) -> None:
    twice = [*BARS, restated(BARS[0], 49.0)]
    store = store_with(tmp_path, twice)
    assert (0, 9) == store.append_bars(rows_of(twice), "again")
    with pytest.raises(UsageFault, match="IMPORT_RESTATES"):
        store.append_bars(rows_of(BARS[:1]), "only one of the two")


def test_actions_are_kept_once_and_a_contradiction_is_refused(tmp_path: Path) -> None:
    store = store_with(tmp_path, BARS, [split("AAA", date(2016, 1, 4), 2, 1)])
    assert (0, 1) == store.append_facts(FactKind.ACTIONS, [split("AAA", date(2016, 1, 4), 2, 1)], "again")
    with pytest.raises(UsageFault, match="IMPORT_RESTATES"):
        store.append_facts(FactKind.ACTIONS, [split("AAA", date(2016, 1, 4), 3, 1)], "another ratio")
    assert (1, 0) == store.append_facts(
        FactKind.ACTIONS, [split("AAA", date(2016, 1, 4), 3, 1, LATE)], "corrected"
    )


def test_a_flipped_byte_is_found_and_named(tmp_path: Path, calendar: Calendar) -> None:
    store = store_with(tmp_path, BARS)
    path = tmp_path / "MARKET/bars/2016.v0001.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(Corrupt, match=r"STORE_CORRUPT.*2016\.v0001"):
        store.check()
    with pytest.raises(Corrupt, match="STORE_CORRUPT"):
        open_sidecar(store, calendar)


def test_a_lost_file_and_a_broken_manifest_are_corrupt(tmp_path: Path) -> None:
    store = store_with(tmp_path, BARS)
    (tmp_path / "MARKET/bars/2015.v0001.parquet").unlink()
    with pytest.raises(Corrupt, match="STORE_CORRUPT"):
        store.rows()
    (tmp_path / "MARKET/manifest.json").write_bytes(b'{"format":"other"}')
    with pytest.raises(Corrupt, match="STORE_CORRUPT"):
        store.manifest()


def test_a_crash_at_any_step_leaves_the_old_store_or_the_new_and_a_retry_completes_it(tmp_path: Path) -> None:
    more = rows_of(steady("AAA", [*DAYS, date(2016, 1, 6), date(2017, 1, 4)]))
    counted = FaultyDisk(tmp_path / "count")
    store_with(tmp_path / "count", BARS)
    BarStore(tmp_path / "count", counted).append_bars(more, "more")
    whole = BarStore(tmp_path / "count").rows()
    for step in range(1, counted.steps + 1):
        root = tmp_path / str(step)
        before = store_with(root, BARS).rows()
        with pytest.raises(SimulatedCrash):
            BarStore(root, FaultyDisk(root, crash_at=step)).append_bars(more, "more")
        after = BarStore(root).rows()
        assert equal(before, after) or equal(whole, after)
        BarStore(root).append_bars(more, "more")
        assert equal(whole, BarStore(root).rows())


def test_a_crash_at_any_step_of_a_fact_import_leaves_all_of_it_or_nothing(tmp_path: Path) -> None:
    rows = [Membership(symbol=name, start=DAYS[0]) for name in ("AAA", "BBB")]
    counted = FaultyDisk(tmp_path / "count")
    BarStore(tmp_path / "count", counted).append_facts(FactKind.MEMBERSHIP, rows, "table")
    for step in range(1, counted.steps + 1):
        root = tmp_path / str(step)
        with pytest.raises(SimulatedCrash):
            BarStore(root, FaultyDisk(root, crash_at=step)).append_facts(FactKind.MEMBERSHIP, rows, "table")
        assert len(BarStore(root).facts(FactKind.MEMBERSHIP)) in (0, 2)
        BarStore(root).append_facts(FactKind.MEMBERSHIP, rows, "table")
        assert rows == [fact for _, fact in BarStore(root).facts(FactKind.MEMBERSHIP)]


def test_a_full_disk_changes_nothing_and_says_so(tmp_path: Path) -> None:
    store_with(tmp_path, BARS)
    full = BarStore(tmp_path, FaultyDisk(tmp_path, full_at=1))
    with pytest.raises(Denied, match=r"LEDGER_UNAVAILABLE.*No space"):
        full.append_bars(rows_of(steady("CCC", DAYS)), "no room")
    assert equal(rows_of(BARS), BarStore(tmp_path).rows())


def test_two_imports_at_once_are_one_refusal(tmp_path: Path) -> None:
    store = store_with(tmp_path, BARS)
    with store._alone(), pytest.raises(Denied, match="STORE_BUSY"):
        BarStore(tmp_path).append_bars(rows_of(BARS), "second")


cells = st.tuples(
    st.sampled_from(["A", "B", "CC"]), st.sampled_from(DAYS), st.integers(1, 3), st.integers(1, 3)
)


@given(cells=st.lists(cells, max_size=12), data=st.data())
def test_canonical_order_does_not_depend_on_the_order_given(
    cells: list[tuple[str, date, int, int]], data: st.DataObject
) -> None:
    rows: list[Row] = [(s, d, 1.0, 1.0, 1.0, float(c), v) for s, d, c, v in cells]
    shuffled = data.draw(st.permutations(rows))
    assert equal(rows_of(rows), rows_of(shuffled))
    at = data.draw(st.integers(0, len(rows)))
    assert equal(rows_of(rows), concatenated([rows_of(shuffled[:at]), rows_of(shuffled[at:])]))


def test_an_action_states_both_numbers_of_its_ratio() -> None:
    with pytest.raises(ValueError, match="ratio"):
        CorporateAction(symbol="A", ex_date=DAYS[0], kind=ActionKind.SPLIT, ratio_num=2)
