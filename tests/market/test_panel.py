"""A panel holds what was known at the cut and nothing later, older or stray can change it."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from market.calendar import Calendar
from market.panel import Panel, load_panel
from market.rows import rhe_divide
from market.sidecar import open_sidecar
from market.store import BarStore
from schemas.base import SessionDate
from schemas.errors import UsageFault
from schemas.market import ActionKind, CorporateAction
from simulation.tape import StoreTape
from tests.market.worlds import Row, rows_of, split, steady, store_with

D = SessionDate(date(2016, 9, 1))


def days(calendar: Calendar, count: int, last: date = date(2016, 9, 7)) -> list[SessionDate]:
    return list(calendar.sessions(date(2014, 1, 2), last))[-count:]


def view(panel: Panel) -> dict[str, list[tuple[date, int, int, int, int, int]]]:
    """The panel as plain bars by symbol."""
    return {
        symbol: [
            (panel.sessions[panel.session[i]], *(int(x[i]) for x in _fields(panel)))
            for i in range(panel.lo[k], panel.hi[k])
        ]
        for k, symbol in enumerate(panel.symbols)
    }


def _fields(panel: Panel) -> tuple[np.ndarray, ...]:
    return panel.open, panel.high, panel.low, panel.close, panel.volume


def test_it_runs_from_p0_to_p(tmp_path: Path, calendar: Calendar) -> None:
    store = store_with(tmp_path, steady("AAA", days(calendar, 600)))
    for day, first in (
        (date(2016, 9, 1), date(2015, 1, 2)),  # the first session of the year before is earlier
        (date(2016, 1, 5), date(2014, 10, 23)),  # 252 sessions of 2015, then 48 more back from 2014-12-31
    ):
        panel = load_panel(store, calendar, SessionDate(day))
        assert first == panel.sessions[0] == min(panel.sessions)
        assert calendar.previous(day) == panel.sessions[-1] == panel.data_session
        assert [row[0] for row in view(panel)["AAA"]] == list(panel.sessions)
    assert 301 == len(panel.sessions)


def test_rows_after_p_and_before_p0_change_nothing_but_the_snapshot_name(
    tmp_path: Path, calendar: Calendar
) -> None:
    whole = days(calendar, 700)
    rows = steady("AAA", whole)
    plain = load_panel(store_with(tmp_path / "a", [r for r in rows if r[1] < D]), calendar, D)
    wild: list[Row] = [(r[0], r[1], 1e5, 2e5, 1.0, 1.5e5, 1) for r in rows if r[1] >= D]
    later = load_panel(store_with(tmp_path / "b", [*(r for r in rows if r[1] < D), *wild]), calendar, D)
    assert view(plain) == view(later)
    assert plain.data_version == later.data_version
    older = load_panel(
        store_with(tmp_path / "c", [r for r in rows if plain.sessions[0] <= r[1] < D]), calendar, D
    )
    assert view(plain) == view(older)


def test_without_splits_the_arrays_are_the_mapped_files(tmp_path: Path, calendar: Calendar) -> None:
    store = store_with(tmp_path, steady("AAA", days(calendar, 30)))
    panel = load_panel(store, calendar, D)
    assert all(isinstance(x.base, np.memmap) for x in _fields(panel))
    assert all(x.flags.writeable and x.flags.c_contiguous for x in _fields(panel))


def test_a_symbol_without_a_bar_in_the_panel_is_absent(tmp_path: Path, calendar: Calendar) -> None:
    old = steady("OLD", days(calendar, 800)[:10])
    new = steady("NEW", days(calendar, 2))
    store = store_with(tmp_path, [*old, *steady("AAA", days(calendar, 30)), *new])
    panel = load_panel(store, calendar, D)
    assert ("AAA",) == panel.symbols
    assert panel.position("OLD") is None
    assert 0 == panel.position("AAA")


def test_a_split_puts_the_bars_before_it_on_the_basis_of_d(tmp_path: Path, calendar: Calendar) -> None:
    sessions = days(calendar, 6, date(2016, 8, 31))
    rows: list[Row] = [("AAA", day, 10.0, 11.01, 9.0, 10.05, 100) for day in sessions]
    ex = sessions[3]
    store = store_with(tmp_path, [*rows, *steady("BBB", sessions)], [split("AAA", ex, 2, 1)])
    panel = load_panel(store, calendar, D)
    assert [(50_000, 55_050, 45_000, 50_250, 200)] * 3 + [(100_000, 110_100, 90_000, 100_500, 100)] * 3 == [
        row[1:] for row in view(panel)["AAA"]
    ]
    before = load_panel(store, calendar, ex)
    assert {(50_000, 55_050, 45_000, 50_250, 200)} == {row[1:] for row in view(before)["AAA"]}
    assert (
        view(panel)["BBB"]
        == view(load_panel(store_with(tmp_path / "b", steady("BBB", sessions)), calendar, D))["BBB"]
    )


def test_splits_multiply_and_each_value_is_rounded_once(tmp_path: Path, calendar: Calendar) -> None:
    sessions = days(calendar, 6, date(2016, 8, 31))
    rows: list[Row] = [("AAA", day, 10.0, 10.0, 10.0, 10.0001, 101) for day in sessions]
    actions = [split("AAA", sessions[2], 3, 1), split("AAA", sessions[4], 1, 2)]
    panel = load_panel(store_with(tmp_path, rows, actions), calendar, D)
    closes = [row[4] for row in view(panel)["AAA"]]
    volumes = [row[5] for row in view(panel)["AAA"]]
    assert [66_667] * 2 + [200_002] * 2 + [100_001] * 2 == closes
    assert [152] * 2 + [50] * 2 + [101] * 2 == volumes


def test_a_split_after_d_or_not_yet_known_changes_nothing_on_d(tmp_path: Path, calendar: Calendar) -> None:
    sessions = days(calendar, 6)
    rows = steady("AAA", sessions)
    bare = load_panel(store_with(tmp_path / "a", rows), calendar, D)
    after = [split("AAA", calendar.next(D), 2, 1)]
    unknown = [split("AAA", date(2016, 8, 31), 2, 1, known_at=datetime(2016, 9, 1, 12, 31, tzinfo=UTC))]
    for name, actions in (("b", after), ("c", unknown)):
        panel = load_panel(store_with(tmp_path / name, rows, actions), calendar, D)
        assert view(bare) == view(panel)
        assert bare.data_version == panel.data_version
    known = [split("AAA", date(2016, 8, 31), 2, 1, known_at=datetime(2016, 9, 1, 12, 30, tzinfo=UTC))]
    assert view(bare) != view(load_panel(store_with(tmp_path / "d", rows, known), calendar, D))


def test_a_split_seen_through_a_shared_sidecar_does_not_leak_into_the_next_panel(
    tmp_path: Path, calendar: Calendar
) -> None:
    sessions = days(calendar, 6)
    store = store_with(tmp_path, steady("AAA", sessions), [split("AAA", sessions[3], 2, 1)])
    shared = open_sidecar(store, calendar)
    for _ in range(2):
        for day in (D, calendar.previous(D), calendar.next(D)):
            alone = load_panel(store, calendar, day)
            assert view(alone) == view(load_panel(store, calendar, day, sidecar=shared))


def test_a_restatement_is_read_from_the_day_it_was_known(tmp_path: Path, calendar: Calendar) -> None:
    sessions = days(calendar, 6)
    rows = steady("AAA", sessions)
    store = store_with(tmp_path, rows)
    bare = load_panel(store, calendar, D)
    changed = [(*rows[0][:5], 99.0, rows[0][6])]
    store.append_bars(rows_of(changed), "late", known_at=datetime(2016, 9, 1, 12, 31, tzinfo=UTC))
    same = load_panel(store, calendar, D)
    assert view(bare) == view(same)
    assert bare.data_version == same.data_version
    assert () == same.restated
    later = load_panel(store, calendar, calendar.next(D))
    assert 990_000 == view(later)["AAA"][0][4]
    (told,) = later.restated
    assert (sessions[0], 990_000) == (told.session, told.close_after_e4)
    assert () == load_panel(store, calendar, calendar.next(D, 2)).restated, "told once"
    assert later.restated == load_panel(store, calendar, calendar.next(D, 2), since=D).restated


def test_a_row_that_arrives_late_is_not_there_before(tmp_path: Path, calendar: Calendar) -> None:
    sessions = days(calendar, 6)
    rows = steady("AAA", sessions)
    store = store_with(tmp_path, rows[1:])
    bare = load_panel(store, calendar, D)
    store.append_bars(rows_of(rows[:1]), "late", known_at=datetime(2016, 9, 1, 12, 31, tzinfo=UTC))
    assert view(bare) == view(load_panel(store, calendar, D))
    assert len(view(bare)["AAA"]) + 2 == len(view(load_panel(store, calendar, calendar.next(D)))["AAA"])


def test_a_null_price_is_minus_one_and_a_null_volume_is_none(tmp_path: Path, calendar: Calendar) -> None:
    store = store_with(tmp_path, [("AAA", date(2016, 8, 31), None, 11.0, 9.0, 10.0, None)])
    assert [(-1, 110_000, 90_000, 100_000, 0)] == [
        row[1:] for row in view(load_panel(store, calendar, D))["AAA"]
    ]


def test_duplicates_leave_the_fuller_print_and_phantom_dates_leave_no_bar(
    tmp_path: Path, calendar: Calendar
) -> None:
    day, ghost = date(2016, 8, 31), date(2016, 8, 28)
    rows: list[Row] = [
        ("AAA", day, 10.0, 11.0, 9.0, 10.0, 500),
        ("AAA", day, 10.0, 11.0, 9.0, 10.5, 700),
        ("BBB", day, 10.0, 11.0, 9.0, 10.0, 500),
        ("BBB", day, 10.0, 11.0, 9.0, 10.0, 500),
        ("BBB", ghost, 10.0, 11.0, 9.0, 10.0, 500),
    ]
    panel = load_panel(store_with(tmp_path, rows), calendar, D)
    assert {"AAA": [105_000], "BBB": [100_000]} == {
        s: [r[4] for r in bars] for s, bars in view(panel).items()
    }
    assert [0, 1] == panel.defects.duplicate_symbol.tolist()
    assert [True, False] == panel.defects.duplicate_differs.tolist()
    assert ([1], (ghost,)) == (panel.defects.phantom_symbol.tolist(), panel.defects.phantom_date)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_order_of_rows_and_of_files_changes_no_byte(
    tmp_path: Path, calendar: Calendar, data: st.DataObject
) -> None:
    rows = [
        *steady("AAA", days(calendar, 5)),
        *steady("BBB", days(calendar, 4)),
        *steady("ON", days(calendar, 3)),
    ]
    shuffled = data.draw(st.permutations(rows))
    at = data.draw(st.integers(0, len(rows)))
    one = BarStore(tmp_path / "one")
    one.append_bars(rows_of(rows), "one")
    two = BarStore(tmp_path / f"two-{data.draw(st.integers(0, 10**9))}")
    two.append_bars(rows_of(shuffled[:at]), "first half")
    two.append_bars(rows_of(shuffled[at:]), "second half")
    a, b = load_panel(one, calendar, D), load_panel(two, calendar, D)
    assert (view(a), a.data_version) == (view(b), b.data_version)


def test_the_version_names_every_value_known_at_the_cut(tmp_path: Path, calendar: Calendar) -> None:
    rows = steady("AAA", days(calendar, 6))
    seen = {load_panel(store_with(tmp_path / "a", rows), calendar, D).data_version}
    for at, changed in enumerate(
        [
            rows[1:],
            [(*rows[0][:6], 7), *rows[1:]],
            [("AAB", *rows[0][1:]), *rows[1:]],
            [*rows, rows[0]],
        ]
    ):
        seen.add(load_panel(store_with(tmp_path / str(at), changed), calendar, D).data_version)
    told = store_with(tmp_path / "s", rows, [split("AAA", date(2016, 8, 30), 2, 1)])
    seen.add(load_panel(told, calendar, D).data_version)
    assert 6 == len(seen)


def test_a_damaged_or_stale_sidecar_is_built_again(tmp_path: Path, calendar: Calendar) -> None:
    store = store_with(tmp_path, steady("AAA", days(calendar, 6)))
    whole = view(load_panel(store, calendar, D))
    folder = open_sidecar(store, calendar).folder
    (folder / "close.npy").write_bytes(b"short")
    assert whole == view(load_panel(store, calendar, D))
    (folder / "meta.json").unlink()
    assert whole == view(load_panel(store, calendar, D))
    store.append_bars(rows_of(steady("BBB", days(calendar, 6))), "more")
    assert ("AAA", "BBB") == load_panel(store, calendar, D).symbols
    assert not folder.exists(), "the sidecar of the old manifest is gone"


def test_an_empty_store_gives_an_empty_panel(tmp_path: Path, calendar: Calendar) -> None:
    panel = load_panel(BarStore(tmp_path), calendar, D)
    assert ((), False) == (panel.symbols, panel.benchmark_held)


def test_a_day_that_is_no_session_is_refused(tmp_path: Path, calendar: Calendar) -> None:
    store = store_with(tmp_path, steady("AAA", days(calendar, 6)))
    with pytest.raises(UsageFault, match="NOT_A_SESSION"):
        load_panel(store, calendar, SessionDate(date(2016, 9, 5)))


def test_actions_that_block_entries(tmp_path: Path, calendar: Calendar) -> None:
    def action(symbol: str, kind: ActionKind, ex: date = D, **more: object) -> CorporateAction:
        known = datetime(2016, 8, 1, tzinfo=UTC)
        return CorporateAction(symbol=symbol, ex_date=ex, kind=kind, known_at=known, **more)

    names = ["BIG", "CHG", "MRG", "OLD", "SML", "SPL"]
    rows = [row for name in names for row in steady(name, days(calendar, 6), close=50.0)]
    actions = [
        action("BIG", ActionKind.CASH_DIVIDEND, cash_usd="3.00"),
        action("SML", ActionKind.CASH_DIVIDEND, cash_usd="0.30"),
        action("SPL", ActionKind.SPLIT, ratio_num=2, ratio_den=1),
        action("OLD", ActionKind.SPLIT, ex=date(2016, 8, 31), ratio_num=2, ratio_den=1),
        action("MRG", ActionKind.MERGER, ex=D + timedelta(days=40)),
        action("CHG", ActionKind.SYMBOL_CHANGE, new_symbol="NEW"),
    ]
    panel = load_panel(store_with(tmp_path, rows, actions), calendar, D)
    assert {"BIG", "NEW", "MRG", "SPL"} == panel.blocking_symbols(), "CHG is called NEW on D"


def test_a_split_on_a_holiday_takes_effect_and_blocks_on_the_next_session(
    tmp_path: Path, calendar: Calendar
) -> None:
    labour_day, after = date(2016, 9, 5), SessionDate(date(2016, 9, 6))
    bars = steady("AAA", [d for d in days(calendar, 8) if d < labour_day], close=5.0)
    halving = CorporateAction(
        symbol="AAA", ex_date=labour_day, kind=ActionKind.SPLIT, ratio_num=2, ratio_den=1,
        known_at=datetime(2016, 8, 1, tzinfo=UTC),
    )  # fmt: skip
    store = store_with(tmp_path, bars, [halving])
    panel = load_panel(store, calendar, after)
    assert {"AAA"} == panel.blocking_symbols()
    assert 27_800 == panel.last_close_e4("AAA")
    assert {"AAA": 55_600} == panel.unsplit, "as it was traded"
    assert [halving] == list(StoreTape(open_sidecar(store, calendar), calendar).actions(after))
    assert {} == load_panel(store, calendar, SessionDate(date(2016, 9, 7))).unsplit


@given(st.lists(st.integers(-(10**12), 10**12), max_size=10), st.integers(1, 10**6))
def test_half_even_division_is_that_of_exact_fractions(numerators: list[int], denominator: int) -> None:
    expected = [round(Fraction(n, denominator)) for n in numerators]
    assert expected == rhe_divide(np.array(numerators, np.int64), denominator).tolist()
