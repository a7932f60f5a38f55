"""A history has every second of open market once, every change with its cause, and each entry that was held back."""

from datetime import timedelta
from typing import Any

import pytest

from analytics.posture_history import History, fold
from analytics.posture_plot import Axis, causes, draw
from analytics.reliability import SessionLog
from analytics.report_tables import DayFacts, posture
from execution_v2.reduce import fold_records
from schemas.events import OperatorAct
from schemas.tick import Posture
from simulation.fault_plan import Fault
from tests.chaos.test_lifecycle_rows import say
from tests.chaos.week import Week
from tests.execution_v2.watched import DAY, HOURS, Watched

BANDS = {"YELLOW": 0.8, "ORANGE": 1.35, "RED": 2.1}
SESSION_S = 23_400


def log(made: Any, day: Any) -> SessionLog:
    return SessionLog(
        session=day,
        open_at=HOURS.open_at(day),
        close_at=HOURS.close_at(day),
        records=made.journal.records,
    )


@pytest.fixture(scope="module")
def blind() -> History:
    """A morning whose first three cycles read no positions, while four entries wait."""
    made = Watched(more=("BBB", "CCC", "DDD"))
    made.door = made.faulty({"positions#*": Fault.READ_FAILED})
    for minute in range(0, 100, 5):
        if minute == 15:
            made.door = made.broker
        made.cycle(minute)
    return fold([log(made, DAY)], None)


@pytest.fixture(scope="module")
def two_days() -> History:
    """A book that lost its positions over a night."""
    made = Week([{}, {}])
    opening = made.state
    made.cycle(0)
    made.cycle(5)
    made.door = made.faulty({"positions#*": Fault.READ_FAILED})
    made.cycle(380)
    logs = [log(made, made.day)]
    made.next_day()
    made.door = made.broker
    for minute in (0, 5, 10, 15, 20):
        made.cycle(minute)
    return fold([*logs, log(made, made.day)], opening)


def test_changes_name_what_moved_by_what_and_how_long_it_held(blind: History) -> None:
    rows = [(row.before, row.after, row.causes[:1], row.active_s) for row in blind.changes]
    down, worse = [row for row in rows if row[1] in ("ORANGE", "RED")][:2]
    assert (("GREEN", "ORANGE"), ("POSITIONS_UNREAD",)) == (down[:2], down[2])
    assert (("ORANGE", "RED"), ("POSITIONS_UNREAD",)) == (worse[:2], worse[2])
    assert 300 == down[3]
    assert [True, True] == [row.is_open for row in blind.changes if row.is_open]


def test_every_second_of_open_market_is_counted_once(blind: History) -> None:
    held = blind.seconds(lambda moment: moment.posture.value)
    first = blind.moments[0].at
    assert blind.active(first, blind.end) == sum(held.values())
    assert held == {row: held[row] for row in sorted(held, key=lambda each: -held[each])}
    assert Posture.RED == blind.worst


def test_each_entry_that_was_held_back_is_there_with_its_gate(blind: History) -> None:
    first = [row for row in blind.clamped if row.at == blind.clamped[0].at]
    assert {"AAA", "BBB", "CCC", "DDD"} == {row.symbol for row in first}
    assert {("POSTURE_ORANGE", "LIFECYCLE_DEGRADED")} == {row.codes for row in first}
    smaller = [(row.symbol, row.codes) for row in blind.clamped if not row.is_refused]
    assert ("AAA", ("RECOVERING",)) == smaller[0]
    assert ("DDD", ("WARM_UP",)) == smaller[-1]


def test_a_night_counts_nothing(two_days: History) -> None:
    down = next(row for row in two_days.changes if row.after == "ORANGE")
    up = next(row for row in two_days.changes if row.after == "YELLOW")
    assert two_days.sessions[0].session < up.session
    closed = (up.at - down.at) - timedelta(seconds=down.active_s)
    assert timedelta(hours=17) < closed < timedelta(hours=18)
    total = sum(two_days.seconds(lambda moment: moment.posture.value).values())
    assert SESSION_S + 1_200 >= total


def test_before_its_first_tick_a_new_book_has_no_posture(two_days: History) -> None:
    assert two_days.moments[0].at >= two_days.sessions[0].open_at - timedelta(hours=1)
    assert "GREEN" == two_days.moments[0].posture


def test_what_the_morning_found_holds_until_the_first_tick() -> None:
    made = Week([{}, {}])
    made.cycle(0)
    made.cycle(5)
    made.door = made.faulty({"positions#*": Fault.READ_FAILED})
    made.cycle(380)
    opening = fold_records(made.state, ())
    made.next_day()
    found = fold([log(made, made.day)], opening)
    assert [Posture.ORANGE] == [moment.posture for moment in found.moments]


def test_closed_hours_are_not_drawn(two_days: History) -> None:
    axis = Axis.of(two_days)
    first, second = two_days.sessions
    assert (0.0, 6.5) == (axis.x(first.open_at), axis.x(first.close_at))
    night = axis.x(second.open_at) - axis.x(first.close_at)
    assert 0 < night < 0.5
    pieces = axis.pieces(first.open_at, second.close_at)
    assert [6.5, 6.5] == [width for _, width in pieces]


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_same_history_gives_the_same_bytes(blind: History, kind: str) -> None:
    drawn = draw(blind, "SIM", BANDS, kind)
    assert drawn == draw(blind, "SIM", BANDS, kind)
    if kind == "svg":
        text = drawn.decode()
        assert all(code in text for code in ("POSITIONS_UNREAD", "RECOVERING", "entries refused", "14:30"))


def test_a_cause_that_held_for_no_time_has_no_row(blind: History) -> None:
    assert "POSITIONS_UNREAD" in causes(blind)
    assert "REST_STALE" not in causes(blind)


def test_a_pause_is_drawn_for_as_long_as_it_held() -> None:
    made = Watched()
    made.cycle(0)
    say(made, "operator.acted", OperatorAct(verb="pause", operator="jo", reason="away"))
    for minute in (5, 10, 15):
        made.cycle(minute)
    found = fold([log(made, DAY)], None)
    assert 600 == found.seconds(lambda moment: moment.lifecycle.value)["PAUSED"]
    assert draw(found, "SIM", BANDS, "svg").count(b"PAUSED") == 1


def test_the_report_says_how_long_by_what_and_what_it_held_back(blind: History) -> None:
    told = posture(DayFacts(book_id="SIM", session_date=DAY, posture=blind))
    assert ["RED", "ORANGE", "YELLOW", "GREEN"] == [row[0] for row in told.rows]
    assert "POSITIONS_UNREAD" in told.rows[0][3]
    refused = sum(row.is_refused for row in blind.clamped)
    assert f"Entries held back by posture or lifecycle: {refused} refused, 4 made smaller." in told.notes
    assert "Worst posture: RED." == told.notes[0]
    assert "Divergences that the cycles' own replay found: none." == told.notes[-1]


def test_a_report_without_its_journal_says_so() -> None:
    told = posture(DayFacts(book_id="SIM", session_date=DAY))
    assert ("No journal that reads whole tells of it.",) == told.notes
