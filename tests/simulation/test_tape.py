"""The store's tape says what truly happened, as traded, and nothing of a symbol that did not trade."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from market.calendar import Calendar
from market.sidecar import open_sidecar
from schemas.base import SessionDate
from schemas.market import ActionKind, CorporateAction
from simulation.tape import StoreTape, TapeBar
from tests.market.worlds import Row, rows_of, split, steady, store_with

FIRST, EX, LAST = date(2016, 8, 1), date(2016, 9, 6), date(2016, 9, 7)


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    return Calendar(2014, 2017)


def tape_of(root: Path, calendar: Calendar, rows: list[Row], *acts: CorporateAction) -> StoreTape:
    return StoreTape(open_sidecar(store_with(root, rows, acts), calendar), calendar)


def test_a_bar_is_the_one_that_was_recorded_to_the_tick(tmp_path: Path, calendar: Calendar) -> None:
    rows: list[Row] = [("AAA", LAST, 50.01, 50.55, 49.9, 50.1234, 1234), *steady("BBB", [LAST])]
    found = tape_of(tmp_path, calendar, rows).bar("AAA", SessionDate(LAST))
    expected = TapeBar(
        open=Decimal("50.0100"),
        high=Decimal("50.5500"),
        low=Decimal("49.9000"),
        close=Decimal("50.1234"),
        volume=1234,
    )
    assert expected == found


def test_a_day_without_volume_price_or_row_is_no_bar(tmp_path: Path, calendar: Calendar) -> None:
    rows: list[Row] = [
        ("AAA", LAST, 50.0, 51.0, 49.0, 50.0, 0),
        ("BBB", LAST, None, 51.0, 49.0, 50.0, 100),
        ("CCC", EX, 50.0, 51.0, 49.0, 50.0, 100),
    ]
    tape = tape_of(tmp_path, calendar, rows)
    assert [None] * 4 == [tape.bar(name, SessionDate(LAST)) for name in ("AAA", "BBB", "CCC", "ZZZ")]


def test_adv_usd20_is_the_mean_of_the_twenty_bars_before_the_session(
    tmp_path: Path, calendar: Calendar
) -> None:
    days = calendar.sessions(FIRST, LAST)
    rows: list[Row] = [("AAA", day, 10.0, 10.0, 10.0, 10.0, 100 * n) for n, day in enumerate(days, start=1)]
    tape = tape_of(tmp_path, calendar, rows)
    at = days.index(SessionDate(LAST)) + 1
    # Volumes 100 * (at-20) .. 100 * (at-1) at 10 USD: a mean of 1000 * (at - 10.5).
    assert Decimal(1000) * (at - Decimal("10.5")) == tape.adv_usd20("AAA", SessionDate(LAST))
    assert tape.adv_usd20("AAA", days[19]) is None
    assert Decimal("10500") == tape.adv_usd20("AAA", days[20])
    assert tape.adv_usd20("ZZZ", SessionDate(LAST)) is None


def test_the_close_before_is_as_traded_although_a_split_lies_between(
    tmp_path: Path, calendar: Calendar
) -> None:
    before = calendar.previous(EX)
    rows: list[Row] = [
        ("AAA", before, 50.0, 51.0, 49.0, 50.2, 100),
        ("AAA", EX, 25.0, 25.5, 24.5, 25.1, 100),
    ]
    tape = tape_of(tmp_path, calendar, rows, split("AAA", EX, 2, 1))
    assert Decimal("50.2") == tape.close_before("AAA", SessionDate(EX))
    assert Decimal("25.1") == tape.close_before("AAA", SessionDate(LAST))
    assert tape.close_before("AAA", before) is None


def test_an_action_is_played_on_its_day_and_on_no_other(tmp_path: Path, calendar: Calendar) -> None:
    dividend = CorporateAction(
        symbol="BBB", ex_date=EX, kind=ActionKind.CASH_DIVIDEND, cash_usd=Decimal("0.25")
    )
    tape = tape_of(
        tmp_path, calendar, steady("AAA", calendar.sessions(FIRST, LAST)), dividend, split("AAA", EX, 2, 1)
    )
    played = [(act.symbol, act.kind) for act in tape.actions(SessionDate(EX))]
    assert [("AAA", ActionKind.SPLIT), ("BBB", ActionKind.CASH_DIVIDEND)] == played
    assert () == tape.actions(SessionDate(LAST))


def test_of_a_restated_bar_the_first_told_is_played_and_counted_once(
    tmp_path: Path, calendar: Calendar
) -> None:
    sessions = list(calendar.sessions(date(2016, 8, 1), LAST))[-21:]
    rows = steady("AAA", sessions)
    plain = tape_of(tmp_path / "plain", calendar, rows)
    store = store_with(tmp_path / "restated", rows)
    late = [(*row[:5], 99.0, row[6]) for row in rows[5:9]]
    store.append_bars(rows_of(late), "late", known_at=datetime(2016, 9, 8, tzinfo=UTC))
    tape = StoreTape(open_sidecar(store, calendar), calendar)
    assert plain.bar("AAA", sessions[6]) == tape.bar("AAA", sessions[6])
    assert plain.adv_usd20("AAA", SessionDate(LAST)) == tape.adv_usd20("AAA", SessionDate(LAST))
    assert tape.adv_usd20("AAA", SessionDate(LAST)) is not None
