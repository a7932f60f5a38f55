"""Members, sectors and reports of D are those known at its cut, and a table tells the scan who is in."""

from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.calendar import Calendar
from market.fact_imports import import_facts
from market.facts import MarketFact, arrival, in_force
from market.panel import load_panel
from market.store import BarStore
from schemas.base import SessionDate
from schemas.errors import UsageFault
from schemas.market import EarningsEvent, EarningsTime, FactKind, Membership, SectorLine
from schemas.reasons.market import SetAside
from schemas.reasons.scan import ScanCode, ScanInfo
from schemas.scan import Scan
from strategies.config import ScanConfig
from strategies.scan import ScanInputs
from strategies.scan import run as scan
from tests.market.worlds import judged, steady, store_with
from tests.realdata import real_data

D = SessionDate(date(2016, 9, 1))
LATE = datetime(2016, 9, 1, 20, tzinfo=UTC)


def sessions(calendar: Calendar, count: int) -> list[SessionDate]:
    return list(calendar.sessions(date(2014, 1, 2), date(2016, 9, 7)))[-count:]


def store_of(root: Path, calendar: Calendar, *symbols: str) -> BarStore:
    return store_with(root, [row for name in symbols for row in steady(name, sessions(calendar, 40))])


def scanned(store: BarStore, calendar: Calendar, config: ScanConfig | None = None) -> Scan:
    panel = load_panel(store, calendar, D)
    inputs = ScanInputs(
        panel=panel,
        quarantine={},
        warnings={},
        blocking=(),
        blocked_symbols=frozenset(),
    )
    return scan(inputs, config or ScanConfig())


def codes(found: Scan) -> dict[str, set[str]]:
    return {name: set(group["codes"]) for group in found.others for name in group["symbols"]}


def test_membership_is_by_the_day_start_in_and_end_out(tmp_path: Path, calendar: Calendar) -> None:
    store = store_of(tmp_path, calendar, "AAA", "BBB", "CCC", "DDD")
    before, after = calendar.previous(D), calendar.next(D)
    assert load_panel(store, calendar, D).members is None
    rows = [
        Membership(symbol="AAA", start=D),
        Membership(symbol="BBB", start=before, end=D),
        Membership(symbol="CCC", start=date(1996, 1, 2), end=after),
        Membership(symbol="DDD", start=after),
        Membership(symbol="BBB", start=after, end=date(2020, 1, 2)),
    ]
    assert (5, 0) == store.append_facts(FactKind.MEMBERSHIP, rows, "by hand")
    assert frozenset({"AAA", "CCC"}) == load_panel(store, calendar, D).members
    assert frozenset({"BBB", "CCC"}) == load_panel(store, calendar, before).members
    assert frozenset({"AAA", "BBB", "DDD"}) == load_panel(store, calendar, after).members


def test_a_fact_known_later_changes_no_earlier_day_nor_its_name(tmp_path: Path, calendar: Calendar) -> None:
    store = store_of(tmp_path, calendar, "AAA", "BBB")
    store.append_facts(FactKind.MEMBERSHIP, [Membership(symbol="AAA", start=date(2010, 1, 4))], "by hand")
    before = load_panel(store, calendar, D)
    told = [Membership(symbol="AAA", start=date(2010, 1, 4), end=date(2016, 8, 1), known_at=LATE)]
    store.append_facts(FactKind.MEMBERSHIP, told, "dropped, told late")
    store.append_facts(
        FactKind.SECTORS, [SectorLine(symbol="AAA", as_of=D, sector="Energy")], "that evening's"
    )
    store.append_facts(FactKind.EARNINGS, [EarningsEvent(symbol="AAA", date=D)], "late", known_at=LATE)
    again = load_panel(store, calendar, D)
    assert before.data_version == again.data_version
    assert (frozenset({"AAA"}), {}, ()) == (again.members, again.sectors, again.earnings)
    after = load_panel(store, calendar, calendar.next(D))
    assert (frozenset(), {"AAA": "Energy"}) == (after.members, after.sectors)
    assert [("AAA", D, EarningsTime.UNKNOWN)] == [(e.symbol, e.date, e.at) for e in after.earnings]


def test_every_kind_of_fact_has_a_part_in_the_name_of_the_snapshot(
    tmp_path: Path, calendar: Calendar
) -> None:
    rows: dict[FactKind, MarketFact] = {
        FactKind.MEMBERSHIP: Membership(symbol="AAA", start=D),
        FactKind.SECTORS: SectorLine(symbol="AAA", as_of=calendar.previous(D), sector="Energy"),
        FactKind.EARNINGS: EarningsEvent(symbol="AAA", date=D),
    }
    names = {load_panel(store_of(tmp_path / "none", calendar, "AAA"), calendar, D).data_version}
    for kind, fact in rows.items():
        store = store_of(tmp_path / kind, calendar, "AAA")
        store.append_facts(kind, [fact], "by hand")
        names.add(load_panel(store, calendar, D).data_version)
    assert 4 == len(names)


TELLINGS = st.lists(
    st.tuples(st.sampled_from("AB"), st.integers(0, 5), st.integers(6, 9), st.none() | st.integers(0, 9)),
    max_size=12,
)


@given(told=TELLINGS)
def test_of_several_tellings_the_latest_known_at_the_cut_counts(
    calendar: Calendar, told: list[tuple[str, int, int, int | None]]
) -> None:
    """Another road: what was told is replayed in the order in which it became known, up to each cut."""
    days = sessions(calendar, 10)
    rows = [
        Membership(
            symbol=symbol,
            start=days[start],
            end=days[end],
            known_at=None if known is None else datetime.combine(days[known], time(18), UTC),
        )
        for symbol, start, end, known in told
    ]
    vintages = [(arrival(row, calendar), vintage, row) for vintage, row in enumerate(rows)]
    for day in days:
        now: dict[tuple[str, date], date | None] = {}
        for row in sorted(rows, key=lambda row: row.known_at or datetime.combine(row.start, time(0), UTC)):
            if (row.known_at or datetime.combine(row.start, time(0), UTC)) <= calendar.cut_at(day):
                now[row.symbol, row.start] = row.end
        index = calendar.index(day)
        assert index is not None
        found = in_force(vintages, index)
        assert now == {(row.symbol, row.start): row.end for row in found} or _same_cut(rows, calendar)


def _same_cut(rows: list[Membership], calendar: Calendar) -> bool:
    """Whether two tellings of one interval arrived between the same two cuts: then the later import counts."""
    seen = [(row.symbol, row.start, arrival(row, calendar)) for row in rows]
    return len(set(seen)) < len(seen)


def test_the_latest_sector_table_is_in_force_and_a_change_must_say_since_when(
    tmp_path: Path, calendar: Calendar
) -> None:
    store = store_of(tmp_path, calendar, "AAA", "BBB")
    older, newer = calendar.previous(D, 9), calendar.previous(D, 2)
    lines = [
        SectorLine(symbol="AAA", as_of=older, sector="Financials"),
        SectorLine(symbol="AAA", as_of=newer, sector="Real Estate"),
        SectorLine(symbol="BBB", as_of=older, sector="Energy"),
    ]
    store.append_facts(FactKind.SECTORS, lines, "by hand")
    assert {"AAA": "Real Estate", "BBB": "Energy"} == load_panel(store, calendar, D).sectors
    assert {"AAA": "Financials", "BBB": "Energy"} == load_panel(store, calendar, newer).sectors
    changed = SectorLine(symbol="BBB", as_of=older, sector="Utilities")
    with pytest.raises(UsageFault, match=r"IMPORT_RESTATES.*BBB"):
        store.append_facts(FactKind.SECTORS, [changed], "silent")
    assert (1, 0) == store.append_facts(FactKind.SECTORS, [changed], "dated", known_at=LATE)
    assert (0, 1) == store.append_facts(FactKind.SECTORS, [changed], "dated", known_at=LATE)
    assert "Energy" == load_panel(store, calendar, D).sectors["BBB"]
    assert "Utilities" == load_panel(store, calendar, calendar.next(D)).sectors["BBB"]


def test_a_table_leaves_the_others_out_and_without_one_the_scan_says_so(
    tmp_path: Path, calendar: Calendar
) -> None:
    store = store_of(tmp_path, calendar, "AAA", "BBB")
    bare = scanned(store, calendar)
    assert not any(ScanCode.UNIVERSE_NOT_MEMBER in found for found in codes(bare).values())
    assert ScanInfo.UNIVERSE_NOT_POINT_IN_TIME in {f.code for f in bare.info}
    store.append_facts(FactKind.MEMBERSHIP, [Membership(symbol="AAA", start=D)], "by hand")
    found = scanned(store, calendar)
    assert {"BBB"} == {s for s, group in codes(found).items() if ScanCode.UNIVERSE_NOT_MEMBER in group}
    assert ScanInfo.UNIVERSE_NOT_POINT_IN_TIME not in {f.code for f in found.info}
    assert 1 == judged(store, calendar, D).observation.members


def test_allow_and_deny_lists_are_a_code_of_their_own(tmp_path: Path, calendar: Calendar) -> None:
    store = store_of(tmp_path, calendar, "AAA", "BBB", "CCC")

    def listed_out(**lists: tuple[str, ...]) -> set[str]:
        found = codes(scanned(store, calendar, ScanConfig(**lists)))
        return {symbol for symbol, group in found.items() if ScanCode.UNIVERSE_LIST in group}

    assert set() == listed_out()
    assert {"BBB"} == listed_out(universe_deny=("BBB", "ZZZ"))
    assert {"AAA", "CCC"} == listed_out(universe_allow=("BBB",))
    assert {"AAA", "BBB", "CCC"} == listed_out(universe_allow=("BBB",), universe_deny=("BBB",))


def test_rows_that_are_no_facts_are_set_aside_with_their_place(tmp_path: Path) -> None:
    path = tmp_path / "members.csv"
    path.write_text(
        "ticker,start_date,end_date,note\nBRK.B,2010-02-16,,x\nBF-B,1999-10-13,2001-01-02,x\n"
        "aapl,2010-01-04,,x\nAAL,,,x\nTRUE,2010-01-04,never,x\n"
    )
    report = import_facts(tmp_path, path, FactKind.MEMBERSHIP)
    assert (5, 2, ("note",)) == (report.rows_read, report.rows_added, report.columns_ignored)
    ((reason, count, shown),) = report.set_aside
    assert (SetAside.FACT_INVALID, 3) == (reason, count)
    assert ["row 4: aapl", "row 5: AAL", "row 6: TRUE"] == [" ".join(each.split()[:3]) for each in shown]
    assert {"BRK.B", "BF-B"} == {fact.symbol for _, fact in BarStore(tmp_path).facts(FactKind.MEMBERSHIP)}
    path.write_text("ticker\nAAA\n")
    with pytest.raises(UsageFault, match=r"IMPORT_COLUMNS.*start"):
        import_facts(tmp_path, path, FactKind.MEMBERSHIP)


def test_the_real_tables_come_in_whole(tmp_path: Path, calendar: Calendar) -> None:
    members = import_facts(tmp_path, real_data("sp500_membership_intervals.csv"), FactKind.MEMBERSHIP)
    assert (1_230, 1_230, 1_181, ()) == (
        members.rows_read, members.rows_added, members.symbols, members.set_aside,
    )  # fmt: skip
    sectors = import_facts(tmp_path, real_data("sectors_sp500_asof.csv"), FactKind.SECTORS)
    assert (3_504, 3_503) == (sectors.rows_read, sectors.rows_added)
    assert ((SetAside.FACT_INVALID, 1, ("row 784: LYB sector: Field required",)),) == sectors.set_aside
    store = BarStore(tmp_path)
    store.append_bars(store_of(tmp_path / "bars", calendar, "AAL").rows(), "by hand")
    panel = load_panel(store, calendar, D)
    assert panel.members is not None
    assert 495 < len(panel.members) < 510
    assert {"AAL", "BRK.B", "LYB"} <= panel.members
    assert "AAL" not in (load_panel(store, calendar, SessionDate(date(2015, 3, 20))).members or ())
    assert ("Materials", "Financials") == (panel.sectors["LYB"], panel.sectors["SPG"]), (
        "before Real Estate was one"
    )
