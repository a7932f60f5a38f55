"""No byte of D's morning depends on what D may not see; and a house that peeks is caught by the same comparison."""

import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows import altered
from flows.altered import ALTERATIONS, Edges, Told
from flows.day import Day, open_day
from flows.lookahead import OBSERVED, Copy, Tried, cases, prove
from market.calendar import EPOCH
from market.panel import Panel, load_panel
from schemas.base import SessionDate
from schemas.market import ActionKind, CorporateAction, EarningsEvent, FactKind, Membership, SectorLine
from tests.chain.days import STOP_DAY, Ground, market_of, play
from tests.flows.worlds import avwap, refused

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
    (home / "ledger" / "MARKET").symlink_to(tiny_ground.market.root / "MARKET")
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


FULL_DAY = SessionDate(date(2025, 5, 5))
"""A Monday, with a bar dated the Sunday before."""


@pytest.fixture(scope="module")
def full_market(tiny_ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """The tiny market with everything that a store can hold, told before and after the cut of FULL_DAY."""
    house = market_of(tmp_path_factory.mktemp("full"))
    store, rows = house.store, house.store.rows()
    names, cut = rows.symbols, house.calendar.cut_at(FULL_DAY)
    p = house.calendar.previous(FULL_DAY)
    soon, later = cut - timedelta(days=3), cut + timedelta(days=2)
    spring, autumn, before = date(2025, 4, 10), date(2024, 10, 10), date(2023, 11, 9)
    store.append_facts(
        FactKind.MEMBERSHIP, [Membership(symbol=s, start=date(2023, 1, 3)) for s in names], "m"
    )
    leaving = [Membership(symbol=s, start=date(2023, 1, 3), end=p, known_at=later) for s in names]
    store.append_facts(FactKind.MEMBERSHIP, leaving, "m")
    store.append_facts(
        FactKind.SECTORS, [SectorLine(symbol=s, as_of=autumn, sector="Energy") for s in names], "s"
    )
    reports = [
        EarningsEvent(symbol=s, date=day) for s in names[::2] for day in (before, autumn, spring, FULL_DAY)
    ]
    store.append_facts(FactKind.EARNINGS, reports, "e")
    paid = [
        CorporateAction(symbol=s, ex_date=day, kind=ActionKind.CASH_DIVIDEND, cash_usd=Decimal("0.500000"))
        for s in names[::3]
        for day in (before, autumn, spring, house.calendar.next(FULL_DAY))
    ]
    store.append_facts(FactKind.ACTIONS, paid, "a")
    for known in (soon, later):
        again = rows.take((rows.code < 2) & (rows.day % 29 == 3) & (rows.day > rows.day.max() - 200))
        store.append_bars(replace(again, values=again.values + 300), "restated", known_at=known)
    ghosts = rows.take((rows.code == 2) & (rows.day == p.toordinal() - EPOCH))
    for back in (1, 8, 491):  # Sundays: before D, in the panel, before P0
        day = np.full(len(ghosts), FULL_DAY.toordinal() - EPOCH - back, np.int32)
        store.append_bars(replace(ghosts, day=day), "ghosts")
    return open_day(house, "SIM", FULL_DAY)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_restatements_reports_membership_and_ghosts_told_too_late_are_not_seen_either(
    full_market: Day, seed: int
) -> None:
    found = tried(full_market, seed=seed)
    assert [] == wrong(found)
    assert len(full_market.house.contract(FULL_DAY).quarantine) < 4, "a day on which all is quarantined"
    by_case = {one.case: one.said for one in found}
    assert "0 hidden" not in re.sub(r"\d0 hidden", "", by_case["removed"]), "nothing was told too late"
    assert not by_case["outside"].startswith("0 rows"), "nothing lay outside"


def test_the_command_tells_what_was_altered_and_that_nothing_moved(played: Day) -> None:
    home = played.house.root.parent
    words = ("prove", "lookahead", "--book", "SIM", "--date", str(STOP_DAY), "--rounds", "1")
    said = avwap(home, *words)
    assert (0, "") == (said.code, said.err)
    assert [case for case, _ in cases(1)] == [
        line.split()[0] for line in said.out.splitlines()[2:] if line.split()[1:2] == ["1"]
    ]
    assert said.out.splitlines()[-1].startswith(f"sound    {STOP_DAY}")
    body = avwap(home, *words, "--json").body
    assert (True, 0, 8) == (body["identical"], body["seed"], len(body["cases"]))


def test_the_command_exits_4_and_names_file_and_pointer_of_a_difference(
    tiny_ground: Ground, tmp_path: Path
) -> None:
    """A sealed scan that another build wrote: one rank is not what is computed now."""
    home = tiny_ground.fresh(tmp_path / "home", STOP_DAY)
    on = tiny_ground.market.calendar.previous(STOP_DAY)
    (home / "ledger" / "MARKET").symlink_to(tiny_ground.market.root / "MARKET")
    scan = home / "ledger" / "SIM" / str(on) / "scan.json"
    told = scan.read_bytes()
    scan.unlink()
    scan.write_bytes(told.replace(b'"rank":1,', b'"rank":7,', 1))
    said = avwap(home, "prove", "lookahead", "--book", "SIM", "--date", str(on), "--rounds", "1")
    assert 4 == said.code
    assert "scan.json" in said.out
    assert re.search(r"/rows/\d+/rank", said.out)
    assert ["LOOKS", "safe", "next"] == [line.split()[0] for line in said.out.splitlines()[-3:]]
    wrong_one = avwap(home, "prove", "lookahead", "--book", "SIM", "--date", str(on), "--json").body
    found = [f for one in wrong_one["cases"] for f in one["files"] if not f["identical"]]
    assert [("scan.json", 7, 1)] == [(f["file"], f["expected"], f["actual"]) for f in found]


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("--book", "SIM", "--date", "2024-08-24"), 2, "NOT_A_SESSION"),
        (("--book", "SMI", "--date", "2024-08-20"), 2, "BOOK_UNKNOWN"),
        (("--book", "SIM", "--date", "2024-08-20", "--rounds", "0"), 2, "USAGE"),
        (("--book", "SIM", "--date", "2024-08-20"), 2, "STORE_EMPTY"),
    ],
)
def test_a_command_that_cannot_be_meant_is_refused(
    tmp_path: Path, words: tuple[str, ...], code: int, reason: str
) -> None:
    (tmp_path / "ledger").mkdir()
    refused(avwap(tmp_path, "prove", "lookahead", *words), code, reason, "usage")
