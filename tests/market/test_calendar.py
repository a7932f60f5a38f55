"""The calendar knows the sessions that the exchange itself announced; dates here were typed in by hand."""

import csv
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.calendar import Calendar
from schemas.errors import UsageFault
from tests.realdata import real_data

CLOSED = [
    (date(2012, 10, 29), "hurricane Sandy"),
    (date(2012, 10, 30), "hurricane Sandy"),
    (date(2015, 4, 3), "Good Friday"),
    (date(2015, 7, 3), "Independence Day on a Saturday"),
    (date(2016, 1, 18), "Martin Luther King Day"),
    (date(2016, 3, 25), "Good Friday"),
    (date(2016, 5, 30), "Memorial Day"),
    (date(2016, 9, 5), "Labor Day"),
    (date(2016, 11, 24), "Thanksgiving"),
    (date(2016, 12, 26), "Christmas on a Sunday"),
    (date(2018, 12, 5), "mourning for G. H. W. Bush"),
    (date(2022, 6, 20), "Juneteenth on a Sunday"),
    (date(2025, 1, 9), "mourning for J. Carter"),
    (date(2026, 7, 3), "Independence Day on a Saturday"),
    (date(2016, 9, 3), "a Saturday"),
]
OPEN = [date(2016, 11, 11), date(2016, 10, 10), date(2020, 12, 31), date(2021, 12, 31), date(2016, 2, 29)]
EARLY = [date(2015, 11, 27), date(2015, 12, 24), date(2016, 11, 25), date(2018, 7, 3), date(2024, 12, 24)]


@pytest.mark.parametrize(("day", "why"), CLOSED)
def test_the_exchange_is_closed_on(calendar: Calendar, day: date, why: str) -> None:
    assert calendar.session(day) is None, why


@pytest.mark.parametrize("day", OPEN)
def test_the_exchange_is_open_on(calendar: Calendar, day: date) -> None:
    assert calendar.is_session(day)


@pytest.mark.parametrize("day", EARLY)
def test_an_early_close_is_at_1300_new_york(calendar: Calendar, day: date) -> None:
    assert calendar.is_early_close(day)
    assert datetime(
        day.year, day.month, day.day, 17 if day.month == 7 else 18, tzinfo=UTC
    ) == calendar.close_at(day)


def test_hours_follow_daylight_saving(calendar: Calendar) -> None:
    assert datetime(2016, 3, 11, 14, 30, tzinfo=UTC) == calendar.open_at(date(2016, 3, 11))
    assert datetime(2016, 3, 14, 13, 30, tzinfo=UTC) == calendar.open_at(date(2016, 3, 14))
    assert datetime(2016, 3, 14, 20, 0, tzinfo=UTC) == calendar.close_at(date(2016, 3, 14))


def test_the_cut_is_0830_new_york(calendar: Calendar) -> None:
    assert datetime(2016, 1, 4, 13, 30, tzinfo=UTC) == calendar.cut_at(date(2016, 1, 4))
    assert datetime(2016, 7, 5, 12, 30, tzinfo=UTC) == calendar.cut_at(date(2016, 7, 5))


def test_neighbours_step_over_weekends_and_holidays(calendar: Calendar) -> None:
    assert date(2016, 9, 2) == calendar.previous(date(2016, 9, 6))
    assert date(2016, 9, 2) == calendar.previous(date(2016, 9, 5)), "from a holiday too"
    assert date(2016, 9, 6) == calendar.next(date(2016, 9, 2))
    assert date(2016, 9, 7) == calendar.next(date(2016, 9, 2), 2)
    assert (date(2016, 9, 2), date(2016, 9, 6)) == calendar.sessions(date(2016, 9, 2), date(2016, 9, 6))


def test_a_date_outside_is_unknown_and_not_closed(calendar: Calendar) -> None:
    for day in (date(2006, 12, 29), date(2028, 1, 3)):
        with pytest.raises(UsageFault, match="CALENDAR_OUT_OF_RANGE"):
            calendar.session(day)


def test_hours_of_a_holiday_name_the_neighbours(calendar: Calendar) -> None:
    with pytest.raises(UsageFault, match="NOT_A_SESSION") as fault:
        calendar.open_at(date(2016, 9, 5))
    assert "2016-09-02" in fault.value.next
    assert "2016-09-06" in fault.value.next


@given(day=st.dates(date(2008, 1, 1), date(2026, 12, 31)), n=st.integers(1, 40))
def test_next_undoes_previous(calendar: Calendar, day: date, n: int) -> None:
    before = calendar.previous(day, n)
    assert calendar.next(before, n) >= day
    assert calendar.next(before, n) < day + timedelta(days=6)
    if calendar.is_session(day):
        assert day == calendar.next(before, n)


def test_it_equals_the_published_table(calendar: Calendar) -> None:
    with real_data("nyse_sessions_2007_2027.csv").open() as file:
        table = list(csv.DictReader(file))
    told = [date.fromisoformat(row["session"]) for row in table]
    assert told == list(calendar.sessions(told[0], told[-1]))
    for row in table:
        day = date.fromisoformat(row["session"])
        assert datetime.fromisoformat(row["open_utc"]) == calendar.open_at(day)
        assert datetime.fromisoformat(row["close_utc"]) == calendar.close_at(day)
        assert (row["early_close"] == "1") == calendar.is_early_close(day)


def test_a_cached_table_serves_without_the_library_and_a_damaged_one_is_made_again(
    calendar: Calendar, tmp_path: Path
) -> None:
    first = Calendar.cached(tmp_path, 2007, 2027)
    script = (
        "import sys; from pathlib import Path; from market.calendar import Calendar;"
        "c = Calendar.cached(Path(sys.argv[1]), 2007, 2027);"
        "assert not {'pandas', 'numpy', 'exchange_calendars'} & set(sys.modules); print(c.fingerprint)"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert calendar.fingerprint == first.fingerprint == told.stdout.strip()
    (table,) = (tmp_path / "MARKET" / "calendar").iterdir()
    table.write_bytes(table.read_bytes().replace(b"[[", b"[[1,", 1))
    assert calendar.fingerprint == Calendar.cached(tmp_path, 2007, 2027).fingerprint
