"""What the execution plane is timed on is a real cycle, and a year of journals makes the index it should."""

from pathlib import Path

import pytest

from tools.benchmarks import execution
from tools.benchmarks.crowded import Crowded
from tools.benchmarks.workspace import Workspace


def test_the_crowded_cycle_enters_every_intent_and_is_the_same_each_time() -> None:
    crowd = Crowded(positions=4, intents=2)
    first, second = crowd.cycle(), crowd.cycle()
    assert 6 == first.covered
    assert first.spell() == second.spell()
    assert 2 == sum(record.event == "order.filled" for record in first.records)
    assert 0 < first.outside_s < first.seconds


def test_both_ways_to_append_leave_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "APPENDS", 12)
    made = execution.run_append(Workspace(tmp_path))
    assert (5, True) == (made.runs, made.holds)
    assert {"append_us", "bare_us"} == made.figures.keys()
