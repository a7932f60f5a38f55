"""One seed is one run: it repeats byte for byte, meets what it is meant to meet, and keeps every invariant."""

import hashlib

import pytest

from market.calendar import Calendar
from simulation.seeds.run import Run
from simulation.seeds.tally import Tally
from simulation.seeds.watch import Violated
from tools import soak


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    return Calendar()


def journals(run: Run) -> str:
    """sha256 of everything that the run wrote."""
    digest = hashlib.sha256()
    for path in run.disk.list("SIM"):
        digest.update(path.encode() + run.disk.read(path))
    return digest.hexdigest()


def test_a_seed_repeats_itself_byte_for_byte(calendar: Calendar) -> None:
    first, again = Run(7, calendar), Run(7, calendar)
    assert first.go() == again.go()
    assert journals(first) == journals(again)
    other = Run(8, calendar)
    other.go()
    assert journals(other) != journals(first)


def test_a_handful_of_seeds_meets_faults_crashes_takeovers_and_every_kind_of_check(
    calendar: Calendar,
) -> None:
    total = Tally()
    for seed in range(12):
        total.add(Run(seed, calendar).go())
    assert total.cycles > 400
    assert total.orders > 50
    assert total.crashes > 5
    assert total.takeovers > 0
    assert len(total.faults) > 12
    assert {"LIVE", "NEVER_SENT"} <= set(total.ambiguous)
    assert {f"I{number}" for number in range(1, 15)} <= set(total.checks)
    assert {"GREEN", "YELLOW", "ORANGE"} <= set(total.postures)
    assert {"READY", "ACTIVE", "THROTTLED", "DEGRADED", "EMERGENCY"} <= set(total.states)
    assert total.entries > 24, "somebody looks after the book, so it does not stand still"
    assert total.clamps
    assert total.acts["resume"]
    assert total.over_cap <= 0


def test_a_full_session_has_78_slots_and_the_half_day_42(calendar: Calendar) -> None:
    run = Run(3, calendar, full=True)
    run.go()
    began = [
        run.disk.read(path).count(b'"event":"cycle.began"')
        for path in run.disk.list("SIM")
        if path.endswith("journal.jsonl")
    ]
    whole, half = began[0], began[3]
    assert whole >= 78
    assert 42 <= half < 78


def test_a_failing_seed_is_told_with_the_command_that_repeats_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    total = soak.Total()
    total.add((4711, True), Tally(), Violated("I13", "too much was sold"))
    soak.show(total, 1.0)
    said = capsys.readouterr().out
    assert "python -m tools.soak --seed 4711 --only-full" in said
    assert "I13: too much was sold" in said
