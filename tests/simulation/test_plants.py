"""What breaks a promise breaks a seed, and the seed is sound again once the plant is out."""

from typing import Final

import pytest

from execution_v2 import reduce, send
from market.calendar import Calendar
from simulation.seeds.plants import PLANTS, planted
from simulation.seeds.run import Run
from tools.prove_harness import main, prove

SAMPLE: Final = ("exit-beside-the-stop", "floor-forgotten", "move-not-told")
"""Three of the plants, which an early seed notices; ``make prove-harness`` plays all of them."""
INVARIANTS: Final = {f"I{number}" for number in range(1, 15)} | {"gates"}


@pytest.mark.parametrize("name", SAMPLE)
def test_a_planted_bug_breaks_a_seed_that_is_sound_without_it(name: str) -> None:
    verdict = prove(name, seeds=100)
    assert verdict.seed is not None, f"{name} survived"
    assert verdict.invariant in PLANTS[name].caught_by
    Run(verdict.seed, Calendar()).go()


def test_each_invariant_of_a_run_has_a_plant_that_it_has_to_notice() -> None:
    noticed = set().union(*(plant.caught_by for plant in PLANTS.values()))
    assert INVARIANTS == noticed


def test_there_are_at_least_twelve_and_each_says_what_it_breaks_and_what_has_to_notice() -> None:
    assert len(PLANTS) >= 12
    assert len(PLANTS) == len({plant.breaks for plant in PLANTS.values()})
    assert all(plant.caught_by and plant.caught_by <= INVARIANTS for plant in PLANTS.values())


def test_a_plant_is_out_again_however_its_block_ends() -> None:
    before = (reduce._TAKES, send._submit, send._UNPROVEN)
    for plant in PLANTS.values():
        with pytest.raises(KeyError), planted(plant):
            raise KeyError(plant.name)
    assert before == (reduce._TAKES, send._submit, send._UNPROVEN)


def test_a_plant_that_no_seed_notices_has_survived(capsys: pytest.CaptureFixture[str]) -> None:
    # Before the first seed nothing can be noticed.
    assert 1 == main(["--only", "stop-loosened", "--seeds", "0"])
    said = capsys.readouterr().out
    assert "SURVIVED  stop-loosened" in said
    assert "0 of 1 plants caught" in said


def test_a_name_that_no_plant_has_is_refused_before_anything_is_played(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert 2 == main(["--only", "stop-losened"])
    assert "no plant is called stop-losened; nothing was played" in capsys.readouterr().err
