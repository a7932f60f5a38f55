"""Whatever the broker's calendar says otherwise than the library blocks the day, with the rows; nothing else does."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.calendar import CALENDAR_BACK, Calendar
from market.store import BarStore
from schemas.base import SessionDate
from schemas.observations import SessionHours
from schemas.reasons.market import DayCode
from tests.market.worlds import judged, steady, store_with

D = date(2016, 11, 25)
"""The day after Thanksgiving: it closes at 13:00, and the day before is no session."""
Told = list[SessionHours]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, calendar: Calendar) -> BarStore:
    sessions = calendar.sessions(date(2016, 1, 4), calendar.previous(D))
    rows = [
        row for name in ("AAA", "BBB", "CCC", "SPY") for row in steady(name, sessions, 50.0 + ord(name[0]))
    ]
    return store_with(tmp_path_factory.mktemp("ways"), rows)


def truth(calendar: Calendar) -> Told:
    first = calendar.previous(D, CALENDAR_BACK)
    return [
        SessionHours(session=each, open_at=calendar.open_at(each), close_at=calendar.close_at(each))
        for each in calendar.sessions(first, D)
    ]


def moved(told: Told, at: int, *, opens: int = 0, closes: int = 0) -> Told:
    """*told* with one session's open and close shifted by minutes."""
    row = told[at]
    changed = SessionHours(
        session=row.session,
        open_at=row.open_at + timedelta(minutes=opens),
        close_at=row.close_at + timedelta(minutes=closes),
    )
    return [*told[:at], changed, *told[at:][1:]]


def with_thanksgiving(told: Told) -> Told:
    thursday = timedelta(days=-1)
    extra = SessionHours(
        session=SessionDate(date(2016, 11, 24)),
        open_at=told[-1].open_at + thursday,
        close_at=told[-1].close_at + thursday,
    )
    return [*told[:-1], extra, told[-1]]


WAYS: list[tuple[str, Callable[[Told], Told], tuple[str, object, object]]] = [
    ("no early close", lambda t: moved(t, -1, closes=180), ("2016-11-25", "14:30-21:00 UTC", "14:30-18:00 UTC")),
    ("a shifted open", lambda t: moved(t, -1, opens=60), ("2016-11-25", "15:30-18:00 UTC", "14:30-18:00 UTC")),
    ("an early close of the past", lambda t: moved(t, -2, closes=-180),
     ("2016-11-23", "14:30-18:00 UTC", "14:30-21:00 UTC")),
    ("today is missing", lambda t: t[:-1], ("2016-11-25", "no session", "14:30-18:00 UTC")),
    ("the first of five is missing", lambda t: t[1:], ("2016-11-17", "no session", "14:30-21:00 UTC")),
    ("Thanksgiving is a session", with_thanksgiving, ("2016-11-24", "14:30-18:00 UTC", "no session")),
]  # fmt: skip


@pytest.mark.parametrize(("what", "change", "row"), WAYS, ids=[each[0] for each in WAYS])
def test_a_disagreement_blocks_and_shows_its_row(
    store: BarStore, calendar: Calendar, what: str, change: Callable[[Told], Told],
    row: tuple[str, object, object],
) -> None:  # fmt: skip
    result = judged(store, calendar, D, broker=tuple(change(truth(calendar))))
    assert (DayCode.DAY_CALENDAR_DISAGREEMENT,) == result.blocking, what
    (found,) = result.observation.findings
    assert row == (found.subject, found.observed, found.threshold)


def test_agreement_blocks_nothing_and_more_than_was_asked_for_is_not_compared(
    store: BarStore, calendar: Calendar
) -> None:
    told = truth(calendar)
    assert () == judged(store, calendar, D, broker=tuple(told)).blocking
    earlier = SessionHours(
        session=SessionDate(date(2016, 11, 12)), open_at=told[0].open_at, close_at=told[0].close_at
    )
    assert () == judged(store, calendar, D, broker=(earlier, *told)).blocking


def test_without_a_broker_two_ways_are_enough_for_sim_alone(store: BarStore, calendar: Calendar) -> None:
    assert () == judged(store, calendar, D).blocking
    outside = judged(store, calendar, D, simulated=False)
    assert (DayCode.CALENDAR_SOURCE_MISSING,) == outside.blocking


@given(data=st.data())
def test_any_single_change_is_found(store: BarStore, calendar: Calendar, data: st.DataObject) -> None:
    told = truth(calendar)
    at = data.draw(st.integers(0, len(told) - 1))
    minutes = data.draw(st.integers(1, 300)) * data.draw(st.sampled_from([1, -1]))
    changed = data.draw(
        st.sampled_from(
            [moved(told, at, opens=minutes), moved(told, at, closes=minutes), [*told[:at], *told[at + 1 :]]]
        )
    )
    blocking = judged(store, calendar, D, broker=tuple(changed)).blocking
    assert (DayCode.DAY_CALENDAR_DISAGREEMENT,) == blocking[:1]
