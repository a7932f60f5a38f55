"""From an ex-date on the history of the old ticker is the new one's, point in time, and nobody else's."""

from datetime import UTC, date, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from market.calendar import Calendar
from market.panel import Panel, load_panel
from market.symbols import names_on
from schemas.base import SessionDate
from schemas.market import ActionKind, CorporateAction, EarningsEvent, FactKind, Membership, SectorLine
from tests.market.worlds import Row, judged, split, steady, store_with

D = SessionDate(date(2016, 9, 1))


def sessions(calendar: Calendar, count: int, last: date = date(2016, 9, 7)) -> list[SessionDate]:
    return list(calendar.sessions(date(2014, 1, 2), last))[-count:]


def change(old: str, new: str, ex: date, known_at: datetime | None = None) -> CorporateAction:
    return CorporateAction(
        symbol=old, ex_date=ex, kind=ActionKind.SYMBOL_CHANGE, new_symbol=new, known_at=known_at
    )


def bars(panel: Panel, symbol: str) -> list[tuple[date, int]]:
    """(session, close) of *symbol*, oldest first; empty if the panel does not show it."""
    at = panel.position(symbol)
    if at is None:
        return []
    rows = range(int(panel.lo[at]), int(panel.hi[at]))
    return [(panel.sessions[panel.session[row]], int(panel.close[row])) for row in rows]


def closes(rows: list[Row]) -> list[tuple[date, int]]:
    return [(row[1], round((row[5] or 0) * 10_000)) for row in rows]


def test_the_old_history_is_the_new_tickers_from_the_ex_date_on(tmp_path: Path, calendar: Calendar) -> None:
    days = sessions(calendar, 60)
    ex = days[30]
    old, new = steady("OLD", days[:30]), steady("NEW", days[30:], close=51.0)
    store = store_with(tmp_path, [*old, *new, *steady("AAA", days)], [change("OLD", "NEW", ex)])
    before = load_panel(store, calendar, ex)  # effective today: known last evening, no bar of NEW yet
    assert closes(old) == bars(before, "NEW")
    assert before.position("OLD") is None
    assert "NEW" in before.blocking_symbols()
    eve = load_panel(store, calendar, days[29])
    assert closes(old[:29]) == bars(eve, "OLD")
    assert eve.position("NEW") is None
    after = load_panel(store, calendar, days[35])
    assert closes([*old, *new[:5]]) == bars(after, "NEW")
    assert ("AAA", "NEW") == after.symbols
    assert not after.blocking_symbols()


def test_no_finding_misfires_at_the_seam(tmp_path: Path, calendar: Calendar) -> None:
    days = sessions(calendar, 60)
    rows = [*steady("OLD", days[:30]), *steady("NEW", days[30:]), *steady("AAA", days)]
    store = store_with(tmp_path, rows, [change("OLD", "NEW", days[30])])
    for day in (days[30], days[31], days[40]):
        result = judged(store, calendar, day)
        assert {} == dict(result.quarantine), day
        assert 2 == result.observation.symbols


def test_chains_and_a_ticker_taken_by_another_company(tmp_path: Path, calendar: Calendar) -> None:
    days = sessions(calendar, 60)
    first, then, last = steady("A", days[:20]), steady("B", days[20:40], 60.0), steady("C", days[40:], 70.0)
    reuse = steady("A", days[25:], 9.0)  # someone else lists as A five sessions after A became B
    other = steady("C", days[:10], 3.0)  # and someone else was C before
    changes = [change("A", "B", days[20]), change("B", "C", days[40])]
    store = store_with(tmp_path, [*first, *then, *last, *reuse, *other], changes)
    panel = load_panel(store, calendar, days[59])
    assert closes([*first, *then, *last[:19]]) == bars(panel, "C")
    assert closes(reuse[:34]) == bars(panel, "A")
    assert ("A", "C") == panel.symbols
    middle = load_panel(store, calendar, days[30])
    assert closes([*first, *then[:10]]) == bars(middle, "B")
    assert closes(other) == bars(middle, "C"), "until B takes its name the other company is itself"


def test_a_change_that_is_told_late_is_not_seen_before(tmp_path: Path, calendar: Calendar) -> None:
    days = sessions(calendar, 40)
    late = datetime(days[30].year, days[30].month, days[30].day, 20, tzinfo=UTC)
    rows = [*steady("OLD", days[:20]), *steady("NEW", days[20:])]
    store = store_with(tmp_path, rows, [change("OLD", "NEW", days[20], late)])
    assert ("NEW", "OLD") == load_panel(store, calendar, days[30]).symbols
    assert ("NEW",) == load_panel(store, calendar, days[31]).symbols


def test_a_vendor_that_put_the_new_name_on_the_old_bars_keeps_them(
    tmp_path: Path, calendar: Calendar
) -> None:
    days = sessions(calendar, 40)
    rows = steady("NEW", days)
    panel = load_panel(store_with(tmp_path, rows, [change("OLD", "NEW", days[20])]), calendar, days[30])
    assert closes(rows[:30]) == bars(panel, "NEW")


def test_facts_told_of_the_old_name_are_the_new_ones(tmp_path: Path, calendar: Calendar) -> None:
    days = sessions(calendar, 40)
    rows: list[Row] = [
        ("OLD" if at < 20 else "NEW", day, 10.0, 10.0, 10.0, 10.0, 100) for at, day in enumerate(days)
    ]
    other = steady("NEW", days[:5], 3.0)
    actions = [
        change("OLD", "NEW", days[20]),
        split("OLD", days[10], 2, 1),
        split("NEW", days[4], 7, 1),  # of the company whose name is gone: it must not scale OLD's bars
    ]
    store = store_with(tmp_path, [*rows, *other], actions)
    store.append_facts(FactKind.MEMBERSHIP, [Membership(symbol="OLD", start=days[0])], "by hand")
    store.append_facts(
        FactKind.SECTORS, [SectorLine(symbol="OLD", as_of=days[3], sector="Energy")], "by hand"
    )
    store.append_facts(FactKind.EARNINGS, [EarningsEvent(symbol="OLD", date=days[15])], "by hand")
    panel = load_panel(store, calendar, days[30])
    assert [50_000] * 10 + [100_000] * 20 == [close for _, close in bars(panel, "NEW")]
    assert [("NEW", days[10]), ("NEW", days[20])] == [(a.symbol, a.ex_date) for a in panel.actions]
    assert {"OLD", "NEW"} == {a.symbol for a in panel.told}
    assert frozenset({"NEW"}) == panel.members
    assert {"NEW": "Energy"} == panel.sectors
    assert [("NEW", days[15])] == [(e.symbol, e.date) for e in panel.earnings]


TICKERS = ("A", "B", "C")
moves = st.lists(
    st.tuples(st.integers(1, 11), st.permutations(TICKERS).map(lambda names: (names[0], names[1]))),
    max_size=4, unique_by=lambda move: move[0],
)  # fmt: skip


holes = st.sets(st.tuples(st.sampled_from(TICKERS), st.integers(0, 11)), max_size=20)


@settings(max_examples=150)
@given(moves=moves, absent=holes, upto=st.integers(1, 12))
def test_every_bar_belongs_to_the_company_that_had_the_ticker_that_day(
    calendar: Calendar,
    moves: list[tuple[int, tuple[str, str]]],
    absent: set[tuple[str, int]],
    upto: int,
) -> None:
    """Another road: companies are numbered and carried forward day by day, and bars are gathered by number."""
    days = sessions(calendar, 13)
    held = {(t, i) for t in TICKERS for i in range(12)} - absent
    names = names_on(
        [change(old, new, days[i]) for i, (old, new) in moves],
        days[upto],
        lambda symbol, day: any(t == symbol and days[i] < day for t, i in held),
    )
    fresh = iter(range(100))
    company = {ticker: next(fresh) for ticker in TICKERS}
    of: dict[tuple[str, int], int] = {}
    for i in range(upto + 1):
        for at, (old, new) in moves:
            if at == i and any(t == old and j < i for t, j in held):
                company[new], company[old] = company[old], next(fresh)
        of |= {(ticker, i): company[ticker] for ticker in TICKERS}
    for ticker in TICKERS:
        expected = {(t, i) for (t, i) in held if i < upto and of[t, i] == of[ticker, upto]}
        found = {
            (t, i)
            for t, start, stop in names.spans(ticker)
            for i in range(upto)
            if (t, i) in held and (start is None or days[i] >= start) and (stop is None or days[i] < stop)
        }
        assert expected == found, (ticker, names)
        for t, i in expected:
            assert ticker == names.owner(t, days[i], is_bar=True)
    for t, i in held:
        if i < upto and of[t, i] not in {of[ticker, upto] for ticker in TICKERS}:
            assert names.owner(t, days[i], is_bar=True) is None
