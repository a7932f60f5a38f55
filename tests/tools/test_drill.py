"""A drill is found by its name, says what it shows, and fails where one outcome differs."""

import pytest

from tools import drill
from tools.drills.notes import Notes


def test_every_drill_is_listed_with_what_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == drill.main([])
    said = capsys.readouterr().out.splitlines()
    assert sorted(drill.DRILLS) == [line.split()[0] for line in said]
    assert all(len(line.split(maxsplit=1)[1]) > 20 for line in said)


def test_a_drill_that_nobody_knows_starts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert 2 == drill.main(["fire"])
    assert "nothing was started" in capsys.readouterr().err


def test_one_outcome_that_differs_fails_the_drill_and_is_named() -> None:
    said: list[str] = []
    notes = Notes(say=said.append)
    notes.expect("stops", 2, 2)
    notes.expect("buys sent", [], ["AAA"])
    notes.keep("EVIDENCE_REF id=ev_1")
    assert 1 == notes.end()
    assert "failed   1 outcomes differ: buys sent" == said[-1]
    assert "  EVIDENCE_REF id=ev_1" in said
