"""No byte of D's morning depends on what D may not see; and a house that peeks is caught by the same comparison."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows import altered
from flows.altered import ALTERATIONS, Edges, Told
from flows.day import Day
from flows.lookahead import OBSERVED, Copy, Tried, cases, prove
from market.panel import Panel, load_panel
from schemas.base import SessionDate
from tests.chain.days import STOP_DAY, Ground, play

MORNING = ["observations/market.json", "regime.json", "scan.json", "candidates.json"]
IN_FULL = [*MORNING, *(f"{name}.json" for name in sorted(OBSERVED))]


def silent(done: int, what: str) -> None:
    """A progress that shows nothing."""


def tried(day: Day, *, rounds: int = 1, seed: int = 0, copy: type[Copy] = Copy) -> list[Tried]:
    return list(prove(day, rounds=rounds, seed=seed, step=silent, copy=copy))


def wrong(found: list[Tried]) -> list[tuple[str, str, str]]:
    return [(one.case, each.file, each.pointer) for one in found for each in one.files if not each.identical]


@pytest.fixture(scope="module")
def played(tiny_ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A session with positions, entries and stops, sealed."""
    home = tiny_ground.fresh(tmp_path_factory.mktemp("lookahead") / "home", STOP_DAY)
    assert 0 == play(tiny_ground.house(home), STOP_DAY).exit_code
    return tiny_ground.day(tiny_ground.house(home), STOP_DAY)


def test_no_alteration_of_what_d_may_not_see_changes_a_byte_of_a_sealed_session(played: Day) -> None:
    found = tried(played)
    assert [case for case, _ in cases(1)] == [one.case for one in found]
    assert [] == wrong(found)
    by_case = {one.case: [each.file for each in one.files] for one in found}
    assert sorted(IN_FULL) == sorted(by_case["sealed"])
    assert sorted([*IN_FULL, "data_version"]) == sorted(by_case["added"])


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32), st.sampled_from([date(2024, 8, 21), date(2025, 1, 3), date(2025, 5, 1)]))
def test_whatever_is_drawn_no_stage_sees_it(tiny_ground: Ground, seed: int, on: date) -> None:
    """Sessions that no book has run, the first of a year and of a month among them."""
    day = tiny_ground.day(tiny_ground.house(tiny_ground.market.root.parent), on)
    found = tried(day, seed=seed)
    assert [] == wrong(found)
    assert MORNING == [each.file for each in found[1].files]


class Peeking(Copy):
    """A house whose panel of D is that of the session after: it has D's own bars in it."""

    def panel(self, session: SessionDate) -> Panel:
        after = self.calendar.next(session)
        panel = load_panel(self.store, self.calendar, after, sidecar=self.sidecar)
        return replace(
            panel,
            session_date=session,
            data_session=self.calendar.previous(session),
            data_version=self._pinned,
        )


def test_a_house_that_looks_one_session_ahead_is_caught(played: Day) -> None:
    assert {"changed", "removed"} <= {case for case, _, _ in wrong(tried(played, copy=Peeking))}


def test_a_house_that_looks_ahead_differs_from_what_was_sealed(played: Day) -> None:
    assert ("sealed", "scan.json") in {(case, file) for case, file, _ in wrong(tried(played, copy=Peeking))}


@pytest.mark.parametrize("at", [0, -1])
def test_an_alteration_that_reaches_into_the_panel_is_caught(
    played: Day, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Prices of 0 on the first or the last day of the panel: the comparison sees both ends."""

    def reaching(told: Told, edge: Edges, draw: object) -> Told:
        days = (edge.p0, edge.p)
        values = told.rows.values.copy()
        values[:4, told.rows.day == days[at]] = 0
        return replace(told, rows=replace(told.rows, values=values).canonical())

    monkeypatch.setitem(ALTERATIONS, "changed", reaching)
    found = wrong(tried(played))
    assert ("changed", "data_version", "") in found
    assert ("changed", "scan.json") in {(case, file) for case, file, _ in found}


def test_proving_leaves_nothing_behind(played: Day, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    root = played.house.root
    before = {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
    tried(played)
    assert before == {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
    assert [] == list(tmp_path.iterdir())


def test_every_alteration_reaches_rows_of_a_session_in_the_middle_of_the_store(tiny_ground: Ground) -> None:
    """An empty alteration would prove nothing. Another order of the same rows is canonical, and so the same."""
    house = tiny_ground.house(tiny_ground.market.root.parent)
    at = altered.edges(house.panel(SessionDate(date(2025, 5, 1))), house.calendar)
    near = altered.window(house.store, at)
    for name, alteration in ALTERATIONS.items():
        told = alteration(near, at, np.random.Generator(np.random.PCG64(1)))
        same = len(told.rows) == len(near.rows) and bool((told.rows.values == near.rows.values).all())
        assert same == (name == "shuffled"), name
