"""Wherever a process dies inside the day, the next ones end it alike, but for three lawful things that have a name."""

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from flows.stages.opening import resume_session
from ledger.faulty import SimulatedCrash
from schemas.events import OrderSubmitting, StopCovered
from tests.execution_v2.crash_day import LONG, SHORT, Course, Death, Place, Where, course, market_at
from tests.execution_v2.crash_law import Difference, lawful

FULL: Final = bool(os.environ.get("AVWAP_FULL"))
ONCE: Final[dict[Where, int]] = {"disk": 7, "power": 4, "index": 3, "before": 4, "after": 4}
"""Deaths of each kind that the gate dies; and as many pairs of deaths ..."""
TWICE: Final = 4
ENTRIES, TRIM = "0935", "0950"


@pytest.fixture(scope="module", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """What a lost power forgets is played by ``FaultyDisk``, step for step; a real fsync would only take time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """Both sessions, undisturbed."""
    at = tmp_path_factory.mktemp("days")
    return course(market_at(at / "market"), at)


Point = tuple[int, Death]
"""A step of the driver, and where in it the process dies."""


def points(played: Course, where: Where) -> list[Point]:
    """Every death of that kind."""
    return [
        (number, Death(where=where, at=at))
        for number, steps in enumerate(played.counts)
        for at in range(1, steps.of(where) + 1)
    ]


def sample(played: Course, where: Where, most: int) -> list[Point]:
    """All of them, or so many: drawn once, the same on every machine."""
    found = points(played, where)
    return found if FULL else sorted(random.Random(f"once {where}").sample(found, most), key=str)


def dead(played: Course, at: Path, number: int, death: Death) -> Place:
    """The place after a process died there."""
    place = played.before[number].copy(at)
    with pytest.raises(SimulatedCrash):
        place.process(death)
    place.restart()
    return place


def number_of(played: Course, slot: str) -> int:
    """The step of the driver that plays that slot of LONG."""
    return next(n for n, step in enumerate(played.whole.steps()) if step.slot and step.slot.name == slot)


def events(place: Place) -> list[tuple[str, str]]:
    """Every record of both sessions: its event, and the leg or reason that it names."""
    found = []
    for session in (LONG, SHORT):
        for record in resume_session(place.day(session), None).journal.records:
            found.append((record.event, str(record.data.get("reason", ""))))
    return found


def test_the_sessions_hold_every_kind_of_event(played: Course) -> None:
    told = events(played.whole)
    reasons = {reason for event, reason in told if event == "order.filled"}
    assert {"ENTRY", "TRIM_R1", "STOP_INITIAL"} <= reasons
    happened = {event for event, _ in told}
    assert {"order.replaced", "stop.ratcheted", "order.cancelling", "action.applied"} <= happened
    bought = played.whole.venue.state.fills[LONG]
    assert {"AAA": 161, "BBB": 50, "CCC": 268} == {f.symbol: f.quantity for f in bought if f.side == "buy"}
    assert {"AAA": 81, "BBB": 100} == {s: q for s, (q, _) in played.whole.venue.state.holdings.items()}
    assert 2 <= [event for event, _ in told].count("order.replaced")
    short = [r.event for r in resume_session(played.whole.day(SHORT), None).journal.records]
    assert "order.submitting" in short, "the split took the stop away, and nobody gave it back"


@pytest.mark.timeout(7200 if FULL else 240)
@pytest.mark.parametrize("where", ONCE)
def test_a_day_that_crashes_once_ends_as_the_undisturbed_one(
    where: Where, played: Course, tmp_path: Path
) -> None:
    for number, death in sample(played, where, ONCE[where]):
        place = dead(played, tmp_path / "home", number, death)
        place.process()
        found = lawful(played.whole, place)
        assert Difference.ENTRY_ABSENT not in found, f"step {number}, {death}"
        if Difference.STOP_REVISED in found:
            assert number == number_of(played, TRIM), f"step {number}, {death}: only a trim makes room"
        shutil.rmtree(place.at)


@pytest.mark.timeout(7200 if FULL else 240)
def test_a_day_that_crashes_again_in_its_restart_ends_as_the_undisturbed_one(
    played: Course, tmp_path: Path
) -> None:
    every = [point for where in ONCE for point in points(played, where)]
    chance = random.Random("twice")
    for number, death in chance.sample(every, len(every) // 8 if FULL else TWICE):
        place = dead(played, tmp_path / "home", number, death)
        where = chance.choice(tuple(ONCE))
        # Mostly early: the restart first works on what the crash left.
        again = Death(where=where, at=chance.randint(1, max(1, played.counts[number].of(where))))
        try:
            place.process(again)
        except SimulatedCrash:
            place.restart()
            place.process()
        assert lawful(played.whole, place) <= {Difference.LATER, Difference.STOP_REVISED}, f"{death}, {again}"
        shutil.rmtree(place.at)


# -- what may differ, each case by its name ------------------------------------------------------------------


def test_an_entry_that_never_left_is_sent_a_little_later_under_its_own_id(
    played: Course, tmp_path: Path
) -> None:
    number = number_of(played, ENTRIES)
    for entry in (1, 3):  # between them the first one's stop is sent
        at = played.counts[number].nth("submit", entry)
        place = dead(played, tmp_path / f"{entry}", number, Death(where="before", at=at))
        place.process()
        assert {Difference.LATER} == lawful(played.whole, place)


def test_an_entry_that_was_not_answered_is_found_and_not_sent_again(played: Course, tmp_path: Path) -> None:
    number = number_of(played, ENTRIES)
    at = played.counts[number].nth("submit", 1)
    place = dead(played, tmp_path / "home", number, Death(where="after", at=at))
    place.process()
    assert lawful(played.whole, place) <= {Difference.LATER}
    sent = [r.data for r in resume_session(place.day(LONG), None).journal.records]
    orders = [OrderSubmitting.model_validate(row).order for row in sent if "order" in row]
    assert 1 == sum(order.symbol == "AAA" and order.leg == "E" for order in orders)


def test_a_stop_that_was_making_room_covers_all_again_before_the_trim_is_made(
    played: Course, tmp_path: Path
) -> None:
    number = number_of(played, TRIM)
    at = played.counts[number].nth("submit")
    place = dead(played, tmp_path / "home", number, Death(where="before", at=at - 1))
    place.process()
    assert {Difference.STOP_REVISED} <= lawful(played.whole, place)


# What arrived lay without its stop for fifteen minutes: the posture is RED by then, and nothing else is entered.
LATE: Final[dict[Where, set[str]]] = {"before": {"BBB"}, "after": {"AAA"}}
"""What is entered although nobody came back before the next slot: BBB, whose price stood still, enters then."""


@pytest.mark.parametrize("where", LATE)
def test_an_entry_whose_process_nobody_restarts_comes_a_cycle_later_or_not_at_all(
    where: Where, played: Course, tmp_path: Path
) -> None:
    number = number_of(played, ENTRIES)
    at = played.counts[number].nth("submit", 1)
    place = dead(played, tmp_path / "home", number, Death(where=where, at=at))
    place.step += 1  # the next process starts with the next slot
    place.process()
    assert {Difference.ENTRY_ABSENT} == lawful(played.whole, place)
    assert LATE[where] == set(place.venue.state.holdings)


# -- what once failed ----------------------------------------------------------------------------------------


def test_a_trim_that_was_made_and_not_marked_takes_no_more_from_the_stop(
    played: Course, tmp_path: Path
) -> None:
    number = number_of(played, TRIM)
    at = played.counts[number].nth("submit")
    place = dead(played, tmp_path / "home", number, Death(where="after", at=at))
    place.process()
    assert lawful(played.whole, place) <= {Difference.LATER}
    rows = [
        r.data for r in resume_session(place.day(LONG), None).journal.records if r.event == "stop.covered"
    ]
    gaps = [row.gap_s for row in map(StopCovered.model_validate, rows) if row.symbol == "AAA"]
    assert max(gaps) <= 0.6, (
        "a part of the shares was uncovered for longer than one exchange of the stop takes"
    )


def test_a_slot_that_died_before_its_first_request_is_run_again_in_a_folder_of_its_own(
    played: Course, tmp_path: Path
) -> None:
    number = number_of(played, ENTRIES)
    place = dead(played, tmp_path / "home", number, Death(where="index", at=1))
    place.process()
    assert lawful(played.whole, place) <= {Difference.LATER}
    assert ["0930", "0935", "0935-2"] == list(place.day(LONG).cycles())[:3]
