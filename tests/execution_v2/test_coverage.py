"""The gap of a position in regular-session seconds, from its fill's own time to its stop's confirmation."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from execution_v2 import coverage
from execution_v2.reduce import empty_state, fold_records
from schemas.book import Leg
from schemas.events import StopCovered
from simulation.config import IntradayConfig
from simulation.fault_plan import Fault
from tests.execution_v2.watched import DAY, HOURS, Watched, events

OPEN, CLOSE = HOURS.open_at(DAY), HOURS.close_at(DAY)


def rows(made: Watched) -> tuple[StopCovered, ...]:
    return coverage.fold(empty_state(), made.journal.records, (), OPEN, CLOSE)


def test_an_entry_whose_stop_stands_at_once_has_no_gap() -> None:
    made = Watched()
    result = made.cycle(5)
    assert ((), []) == (rows(made), events(result, "stop.covered"))


def test_the_gap_runs_from_the_fill_to_the_stops_confirmation() -> None:
    made = Watched(volume=1_000)  # filled in part; its stop is placed when the rest is cancelled, 5 s later
    result = made.cycle(5)
    (row,) = rows(made)
    fill = next(r for r in made.journal.records if r.event == "order.filled")
    placed = next(r for r in made.journal.records if r.event == "stop.placed")
    assert round((placed.ts - fill.ts).total_seconds(), 2) == row.gap_s == row.longest_s
    assert row.open_since is None
    assert [row] == [StopCovered.model_validate(data) for data in events(result, "stop.covered")]


def test_a_stop_that_is_lost_lies_open_until_the_next_cycle_places_another() -> None:
    made = Watched()
    made.cycle(5)
    (stop,) = made.orders(Leg.STOP)
    made.exchange.kill(str(stop.order_id), made.at(8))
    result = made.cycle(10)
    # We hear of it when we look: from the cycle's beginning until the new stop is confirmed.
    assert [] == events(result, "position.failed")
    assert all(row.open_since is None for row in rows(made))


def test_a_gap_that_is_open_at_the_end_of_a_cycle_is_a_finding_and_stays_open() -> None:
    made = Watched(rules=IntradayConfig())
    made.door = made.faulty({"submit#2": Fault.REQUEST_LOST, "lookup#*": Fault.READ_FAILED})
    result = made.cycle(5)
    assert ["PROTECTION_GAP"] == [str(row["code"]) for row in events(result, "position.failed")]
    (row,) = rows(made)
    assert row.open_since is not None
    made.door = made.broker
    made.cycle(10)
    (row,) = rows(made)
    assert row.open_since is None
    assert row.gap_s > 200


def test_seconds_outside_the_regular_session_do_not_count() -> None:
    made = Watched()
    made.door = made.faulty({"submit#2": Fault.REQUEST_LOST, "lookup#*": Fault.READ_FAILED})
    made.cycle(375)
    (row,) = rows(made)
    assert row.open_since is not None
    made.door = made.broker
    made.cycle(500)
    (row,) = rows(made)
    assert row.gap_s <= (CLOSE - made.at(375)).total_seconds()


@settings(max_examples=20, deadline=None)
@given(cut=st.integers(0, 60), lost=st.booleans())
def test_cut_anywhere_the_fold_comes_to_the_same(cut: int, lost: bool) -> None:
    made = Watched(volume=1_000)
    if lost:
        made.door = made.faulty({"submit#2": Fault.REQUEST_LOST, "lookup#*": Fault.READ_FAILED})
    for minute in (5, 10, 15):
        made.cycle(minute)
    records = made.journal.records
    at = min(cut, len(records))
    first = coverage.fold(empty_state(), records[:at], (), OPEN, CLOSE)
    middle = fold_records(empty_state(), records[:at])
    both = coverage.fold(middle, records[at:], first, OPEN, CLOSE)
    whole = rows(made)
    assert {r.position_id: (r.gap_s, r.open_since) for r in whole} == {
        r.position_id: (r.gap_s, r.open_since) for r in both
    }


@given(seconds=st.integers(-30_000, 30_000))
def test_a_gap_is_never_negative_nor_longer_than_the_session(seconds: int) -> None:
    made = coverage.regular_seconds(OPEN, OPEN + timedelta(seconds=seconds), OPEN, CLOSE)
    assert 0 <= made <= (CLOSE - OPEN).total_seconds()
