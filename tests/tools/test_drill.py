"""A drill is found by its name, says what it shows, and fails where one outcome differs."""

from pathlib import Path
from typing import Final

import pytest

from market.calendar import Calendar
from schemas.reasons.execution import RouteCode
from tools import drill
from tools.drills import router
from tools.drills.notes import Notes

INCIDENT: Final = Path(__file__).parents[2] / "runbooks" / "incident.md"


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


def test_who_is_woken_finds_every_drill_by_its_name() -> None:
    told = INCIDENT.read_text(encoding="utf-8")
    assert [] == [name for name in drill.DRILLS if f"make drill NAME={name} " not in told]


def test_every_row_of_the_router_is_walked_for_every_reason_and_ends_as_stated() -> None:
    notes, hours = Notes(say=lambda _: None), Calendar(2024, 2024)
    made = [router.walked(notes, row, hours) for row in router.ROWS]
    assert (0, []) == (notes.end(), notes.failed)
    assert {str(number) for number in range(1, 21)} == {row.row for row in router.ROWS}
    assert set(RouteCode) == {code for each in made for code in (each.reason, *each.also)}
