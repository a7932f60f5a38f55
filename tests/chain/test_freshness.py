"""Candidates are of one New York session and rest on the bars of the one before it, or no entry rests on them.

The files here are whole, canonical and of the right header: only what they say of their session is old. File times
play no part. Decisions and enforcement refuse them with a code, the cycle refuses them anew, and exits go on.
"""

import json
import os
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.day import Day
from flows.pipeline import Outcome, run_premarket
from flows.stages.opening import open_session
from flows.world import open_world
from ledger.canonical import artifact_bytes, digest
from tests.chain.days import BOOK, HELD_DAY, Ground, play
from tests.chain.test_day import (
    assert_exits_and_no_entry,
    codes_told,
    cycles_and_close,
    entries_of,
    exits_of,
    morning,
)

BEFORE = date(2024, 8, 1)
"""The session before P of HELD_DAY."""
CODE = "CANDIDATES_DATE_MISMATCH"
Body = dict[str, Any]


def of_older_bars(body: Body) -> Body:
    """Made on the right morning, from bars that end a session too early."""
    rows = [{**intent, "data_session": str(BEFORE)} for intent in body["intents"]]
    return {**body, "data_session": str(BEFORE), "intents": rows}


def with_an_older_head(body: Body) -> Body:
    return {**body, "data_session": str(BEFORE)}


def with_one_intent_of_older_bars(body: Body) -> Body:
    return {**body, "intents": [{**body["intents"][0], "data_session": str(BEFORE)}, *body["intents"][1:]]}


def with_one_intent_of_yesterday(body: Body) -> Body:
    return {**body, "intents": [{**body["intents"][0], "session_date": "2024-08-02"}, *body["intents"][1:]]}


def with_one_intent_of_tomorrow(body: Body) -> Body:
    return {**body, "intents": [*body["intents"][:-1], {**body["intents"][-1], "session_date": "2024-08-06"}]}


STALE = (
    of_older_bars,
    with_an_older_head,
    with_one_intent_of_older_bars,
    with_one_intent_of_yesterday,
    with_one_intent_of_tomorrow,
)


@pytest.fixture(scope="module")
def fresh_day(tiny_ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """The session with fresh candidates: it enters, and it exits."""
    home = tiny_ground.fresh(tmp_path_factory.mktemp("fresh") / "home", HELD_DAY)
    assert 0 == play(tiny_ground.house(home), HELD_DAY).exit_code
    day = tiny_ground.day(tiny_ground.house(home), HELD_DAY)
    assert entries_of(day)
    assert exits_of(day)
    return day


def opened(ground: Ground, at: Path) -> Day:
    house = ground.house(ground.fresh(at / "home", HELD_DAY))
    return ground.day(house, HELD_DAY)


def body_of(day: Day, name: str) -> Body:
    found = json.loads(day.house.disk.read(day.path(name)))
    assert isinstance(found, dict)
    return found


def codes_of_gates(enforced: Body) -> list[str]:
    """Codes of the gates that ask nothing of a single entry."""
    return [finding["code"] for gate in enforced["book_gates"] for finding in gate["findings"]]


def put(day: Day, name: str, body: Body) -> None:
    day.house.disk.write(day.path(name), artifact_bytes(body))


def relinked(day: Day, body: Body) -> Body:
    """*body* with its inputs named as they lie on disk now."""
    disk = day.house.disk
    rows = [{**row, "sha256": digest(disk.read(row["path"]))} for row in body["inputs"]]
    return {**body, "inputs": rows}


def morning_with(day: Day, stale: Callable[[Body], Body]) -> Outcome:
    """The premarket, its candidates made *stale* before the next stage reads them."""
    world, outcome = open_world(day.house, BOOK), Outcome(day)

    def step(name: str, run: Callable[[], None]) -> None:
        run()
        if name == "candidates":
            body = body_of(day, "candidates.json")
            assert len(body["intents"]) >= 1, "nothing to make stale"
            put(day, "candidates.json", stale(body))

    run_premarket(day, world, open_session(day, world, None), outcome, step)
    return outcome


@pytest.mark.parametrize("stale", STALE, ids=lambda how: how.__name__)
def test_stale_candidates_are_refused_by_decisions_enforcement_and_cycle_and_exits_go_on(
    stale: Callable[[Body], Body], tiny_ground: Ground, tmp_path: Path, fresh_day: Day
) -> None:
    day = opened(tiny_ground, tmp_path)
    assert [] == morning_with(day, stale).refused, "a refusal of entries is an answer, not a failure"
    decided, enforced = body_of(day, "decisions.json"), body_of(day, "enforcement.json")
    assert ([CODE], []) == (decided["batch"]["codes"], decided["verdicts"])
    assert [CODE] == codes_of_gates(enforced)
    assert [] == enforced["authorised"]
    outcome = cycles_and_close(day.house, day)
    assert_exits_and_no_entry(day, fresh_day)
    assert outcome.seal is not None


@pytest.mark.parametrize("stale", STALE, ids=lambda how: how.__name__)
def test_candidates_that_became_stale_after_the_morning_are_refused_by_the_cycle_itself(
    stale: Callable[[Body], Body], tiny_ground: Ground, tmp_path: Path, fresh_day: Day
) -> None:
    """Enforcement had authorised them, and its own inputs no longer match."""
    day = opened(tiny_ground, tmp_path)
    assert [] == morning(day.house, day).refused
    assert body_of(day, "enforcement.json")["authorised"], "nothing was authorised"
    put(day, "candidates.json", stale(body_of(day, "candidates.json")))
    outcome = cycles_and_close(day.house, day)
    assert_exits_and_no_entry(day, fresh_day)
    assert {"ENFORCEMENT_STALE_INPUT"} == codes_told(day)
    assert outcome.seal is not None


@pytest.mark.parametrize("stale", STALE, ids=lambda how: how.__name__)
def test_stale_candidates_under_an_enforcement_that_names_them_are_refused_by_the_cycles_own_gate(
    stale: Callable[[Body], Body], tiny_ground: Ground, tmp_path: Path, fresh_day: Day
) -> None:
    day = opened(tiny_ground, tmp_path)
    assert [] == morning(day.house, day).refused
    put(day, "candidates.json", stale(body_of(day, "candidates.json")))
    for name in ("decisions.json", "enforcement.json"):
        put(day, name, relinked(day, body_of(day, name)))
    outcome = cycles_and_close(day.house, day)
    assert_exits_and_no_entry(day, fresh_day)
    assert {CODE} == codes_told(day)
    assert outcome.seal is not None


def test_a_scan_of_older_bars_makes_candidates_that_say_so_and_are_refused(
    tiny_ground: Ground, tmp_path: Path, fresh_day: Day
) -> None:
    day = opened(tiny_ground, tmp_path)
    world, outcome = open_world(day.house, BOOK), Outcome(day)

    def step(name: str, run: Callable[[], None]) -> None:
        run()
        if name == "scan":
            put(day, "scan.json", {**body_of(day, "scan.json"), "data_session": str(BEFORE)})

    run_premarket(day, world, open_session(day, world, None), outcome, step)
    assert str(BEFORE) == body_of(day, "candidates.json")["data_session"]
    assert [CODE] == body_of(day, "decisions.json")["batch"]["codes"]
    assert [CODE] == codes_of_gates(body_of(day, "enforcement.json"))
    cycles_and_close(day.house, day)
    assert_exits_and_no_entry(day, fresh_day)


def test_an_old_file_time_makes_nothing_stale(tiny_ground: Ground, tmp_path: Path, fresh_day: Day) -> None:
    day = opened(tiny_ground, tmp_path)
    assert [] == morning(day.house, day).refused
    for name in ("candidates.json", "decisions.json", "enforcement.json"):
        path = day.house.root / day.path(name)
        long_ago = path.stat().st_mtime - timedelta(days=400).total_seconds()
        os.utime(path, (long_ago, long_ago))
    cycles_and_close(day.house, day)
    assert entries_of(fresh_day) == entries_of(day)
