"""Wherever a process dies in a whole day, the next one ends the day as if nothing had happened (crash law)."""

import os
import random
import shutil
from collections.abc import Iterator
from datetime import date
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

from execution_v2.stop_facts import untold
from flows.day import Day
from flows.pipeline import Outcome, run_premarket
from flows.replay import replay
from flows.stages.cycle import cycle
from flows.stages.opening import control_now, open_session, resume_session
from flows.stages.premarket import CONTROL
from flows.stages.slots import slots
from flows.world import open_world
from ledger.faulty import FaultyDisk, SimulatedCrash
from schemas.reasons.scan import ExitEventType
from tests.chain.days import OPENED, STOP_DAY, TRIM_DAY, Ground, play
from tests.chain.law import differences, events_of

FULL: Final = bool(os.environ.get("AVWAP_FULL"))
DAYS: Final = (OPENED, TRIM_DAY, STOP_DAY)
ONCE, TWICE, POWER = 14, 6, 6
"""Points of each day that the gate dies at: once, again in the restart, and with the power gone."""


@pytest.fixture(scope="module")
def whole(tiny_ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Each day that nothing disturbs, and how many steps of the disk it takes."""

    @cache
    def run(on: date) -> tuple[Day, int]:
        home = tmp_path_factory.mktemp("whole") / "home"
        tiny_ground.fresh(home, _eve(on))
        disk = FaultyDisk(home / "ledger")
        assert 0 == play(tiny_ground.house(home, disk), on).exit_code
        return tiny_ground.day(tiny_ground.house(home), on), disk.steps

    return run


def _eve(on: date) -> date | None:
    """The book's first day has no eve: it dies in the genesis, too."""
    return None if on == OPENED else on


def _points(on: date, steps: int, most: int, kind: str) -> list[int]:
    """Every step, or a sample of them: drawn anew for each day and kind, the same on every machine."""
    if FULL:
        return list(range(1, steps + 1))
    return sorted(random.Random(f"{on} {kind}").sample(range(1, steps + 1), most))


def _homes(root: Path) -> Iterator[Path]:
    """Folders of one's own, each gone when the next is asked for: a full run makes thousands."""
    for number in count():
        yield root / f"{number}"
        shutil.rmtree(root / f"{number}")


def _die(ground: Ground, home: Path, on: date, at: int, *, power_loss: bool = False) -> bool:
    """Run *on* until the disk's step *at*; whether it came so far."""
    try:
        play(ground.house(home, FaultyDisk(home / "ledger", crash_at=at, power_loss=power_loss)), on)
    except SimulatedCrash:
        return True
    return False


def _resumed(ground: Ground, home: Path, on: date) -> Day:
    done = play(ground.house(home), on)
    assert 0 == done.exit_code, [step.error for r in done.results if r.outcome for step in r.outcome.refused]
    return ground.day(ground.house(home), on)


def test_the_days_hold_every_kind_of_event(whole: Any) -> None:
    told = {event for on in DAYS for event in events_of(whole(on)[0])}
    assert {"session.opened", "entry.authorised", "stop.placed", "order.replaced", "position.marked"} <= told
    reasons = {reason for on in DAYS for reason in events_of(whole(on)[0], "reason")}
    assert {"ENTRY", ExitEventType.TRIM_R1, ExitEventType.STOP_RATCHET} <= reasons


@pytest.mark.timeout(7200 if FULL else 240)
@pytest.mark.parametrize("power_loss", [False, True], ids=["process", "power"])
@pytest.mark.parametrize("on", DAYS, ids=str)
def test_a_day_that_crashes_once_ends_as_the_undisturbed_one(
    on: date, power_loss: bool, tiny_ground: Ground, whole: Any, tmp_path: Path
) -> None:
    expected, steps = whole(on)
    points = _points(on, steps, POWER if power_loss else ONCE, f"power {power_loss}")
    for at, home in zip(points, _homes(tmp_path), strict=False):
        tiny_ground.fresh(home, _eve(on))
        assert _die(tiny_ground, home, on, at, power_loss=power_loss), f"{on} has no step {at}"
        day = _resumed(tiny_ground, home, on)
        assert [] == list(differences(expected, day)), f"{on} died at step {at} of {steps}"
        assert () == replay(day.house, day).divergences, f"{on} died at step {at}: its replay"


@pytest.mark.timeout(7200 if FULL else 240)
@pytest.mark.parametrize("on", DAYS, ids=str)
def test_a_day_that_crashes_again_in_its_restart_ends_as_the_undisturbed_one(
    on: date, tiny_ground: Ground, whole: Any, tmp_path: Path
) -> None:
    expected, steps = whole(on)
    chance = random.Random(f"{on} again")
    for at, home in zip(_points(on, steps, TWICE, "twice"), _homes(tmp_path), strict=False):
        tiny_ground.fresh(home, _eve(on))
        assert _die(tiny_ground, home, on, at)
        # Mostly early: the restart first works on what the crash left.
        again = chance.choice((chance.randint(1, 60), chance.randint(1, max(1, steps - at))))
        _die(tiny_ground, home, on, again)
        day = _resumed(tiny_ground, home, on)
        assert [] == list(differences(expected, day)), f"{on} died at {at} of {steps}, then at {again}"
        assert () == replay(day.house, day).divergences, f"{on} died at {at}, then at {again}: its replay"


@pytest.mark.parametrize("on", DAYS, ids=str)
def test_a_stops_confirmation_whose_second_line_a_crash_cut_is_told_by_the_next_cycle(
    on: date, whole: Any
) -> None:
    session = resume_session(whole(on)[0], None)
    records = list(session.journal.records)
    changed = [r for r in records if r.event in ("stop.placed", "stop.ratcheted", "stop.resized")]
    assert changed, "a day without a stop proves nothing"
    for record in changed:
        ((event, fact),) = untold(session.carried, records[: record.seq - 1])
        assert (record.event, record.data) == (event, fact.model_dump(mode="json"))
    for record in records:
        if record not in changed:
            assert () == untold(session.carried, records[: record.seq - 1]), f"before record {record.seq}"


def test_other_switches_than_a_dead_run_recorded_hold_up_no_exit(tiny_ground: Ground, tmp_path: Path) -> None:
    house = tiny_ground.house(tiny_ground.fresh(tmp_path / "home", TRIM_DAY))
    day, world = tiny_ground.day(house, TRIM_DAY), open_world(house, "SIM")
    session = open_session(day, world, None)
    run_premarket(day, world, session, Outcome(day))
    close = slots(day)[-1]
    for slot in slots(day)[:-1]:
        cycle(day, world, session, slot)
    world.clock.step(close.at)
    seen = control_now(day, world).model_copy(update={"kill_env": True})
    day.write(f"cycles/{close.name}/{CONTROL}", seen, ())  # and then the process died
    world.close()
    assert 0 == play(tiny_ground.house(tmp_path / "home"), TRIM_DAY).exit_code
    assert ("1600", "1600-2") == tuple(day.cycles()[-2:])
    assert "TRIM_R1" in events_of(day, "reason")
    verdict = replay(tiny_ground.house(tmp_path / "home"), day)
    assert (True, ()) == (verdict.identical, verdict.divergences)
