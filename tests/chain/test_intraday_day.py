"""The simulated book watched inside the day: the same chain on 78 cycles, sealed, replayed, resumed, and planned."""

from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.audit import audit
from flows.day import open_day
from flows.dry import plan
from flows.house import House
from flows.pipeline import Outcome, run_cycle, run_premarket
from flows.replay import replay
from flows.settings import Settings
from flows.stages import opening
from flows.stages.cycle import calls_path
from flows.stages.slots import after, due, every_slot, gap_before, last_look, slots
from flows.status import latest_state
from flows.world import open_world
from ledger import layout
from ledger.canonical import parse_canonical_line
from ledger.journal import parse_chain
from schemas.cycle import CycleKind
from schemas.journal import ZEROS, JournalRecord
from simulation.config import SimConfig
from tests.chain.days import BOOK, OPENED, Ground, house_at, play

INSIDE: dict[str, Any] = {"sim": SimConfig(bars="intraday")}


@pytest.fixture
def house(tiny_ground: Ground, tmp_path: Path) -> House:
    return house_at(tiny_ground.market, tiny_ground.fresh(tmp_path / "home"), **INSIDE)


def test_a_whole_session_inside_the_day_is_sealed_sound_and_replays_to_its_bytes(house: House) -> None:
    done = play(house, OPENED)
    assert 0 == done.exit_code
    day = open_day(house, BOOK, OPENED)
    assert 79 == len(day.cycles())
    assert ("0930", "1555", "1600") == (day.cycles()[0], *day.cycles()[-2:])
    path = layout.journal(BOOK, day.session)
    events = Counter(r.event for r in parse_chain(house.disk.read(path), path).records)
    assert (79, 0, 2) == (events["cycle.ended"], events["cycle.gap"], events["order.filled"])
    assert not house.disk.exists(day.path("parity.json"))
    assert () == audit(house, BOOK, None, None, fresh=True, quiet=True)[1]
    verdict = replay(house, day)
    assert (True, ()) == (verdict.identical, verdict.divergences)


def test_a_day_of_plans_sends_nothing_and_seals_a_book_that_holds_what_it_held(
    tiny_ground: Ground, tmp_path: Path
) -> None:
    house = house_at(tiny_ground.market, tiny_ground.fresh(tmp_path / "home"), dry_run=True)
    done = play(house, OPENED)
    assert 0 == done.exit_code
    day = open_day(house, BOOK, OPENED)
    assert [] == list(day.cycles())
    assert [0, 0] == [
        len(s.positions) + len(s.orders)
        for s in (opening.carried_into(day).state, latest_state(house, BOOK)[1])
    ]
    kept = house.disk.folders(f"{BOOK}/dry/{OPENED}")
    assert ["0930", "0935", "1600"] == sorted(kept)
    assert replay(house, day).identical


def test_what_a_plan_would_send_is_what_the_cycle_then_sends(tiny_ground: Ground, tmp_path: Path) -> None:
    house = house_at(tiny_ground.market, tiny_ground.fresh(tmp_path / "home"))
    day, world, outcome = (
        open_day(house, BOOK, OPENED),
        open_world(house, BOOK),
        Outcome(open_day(house, BOOK, OPENED)),
    )
    session = opening.open_session(day, world, None)
    run_premarket(day, world, session, outcome)
    first, second, _ = slots(day)
    run_cycle(day, world, session, first, outcome)
    wished = [row["client_order_id"] for row in plan(day, second).wished]
    run_cycle(day, world, session, second, outcome)
    calls = house.disk.read(calls_path(day, second.name)).splitlines(keepends=True)
    sent = [
        call["request"]["client_order_id"]
        for call in map(parse_canonical_line, calls)
        if call["op"] == "submit"
    ]
    assert 2 == len(wished)
    assert wished == [name for name in sent if "-e" in name]


def test_a_half_day_has_42_slots_and_its_last_look_at_1300(house: House) -> None:
    day = open_day(house, BOOK, date(2024, 11, 29))
    known = slots(day)
    assert (42, "0930", "1255", "1300") == (len(known), known[0].name, known[-1].name, last_look(day).name)
    assert 43 == len(every_slot(day))
    assert {CycleKind.INTRADAY} == {slot.kind for slot in every_slot(day).values()}


def test_a_slot_is_due_for_its_five_minutes_and_not_before(house: House) -> None:
    day = open_day(house, BOOK, OPENED)
    opens = house.calendar.open_at(day.session)
    named = [due(day, opens + timedelta(seconds=s)) for s in (-1, 0, 299, 300, 6.5 * 3600)]
    assert [None, "0930", "0930", "0935", None] == [slot and slot.name for slot in named]
    coming = [after(day, opens + timedelta(seconds=s)) for s in (-1, 0, 6.5 * 3600)]
    assert ["0930", "0935", None] == [slot and slot.name for slot in coming]


@pytest.mark.parametrize(
    ("ran", "name", "missed"),
    [
        ((), "0930", None),
        ((), "0940", (2, "0930", "0935")),
        (("0930", "0935"), "0940", None),
        (("0930", "0935-2"), "0950", (2, "0940", "0945")),
        (("0930", "0940"), "0940", None),
    ],
)
def test_what_was_due_and_never_began_is_told_once(
    house: House, ran: tuple[str, ...], name: str, missed: tuple[int, str, str] | None
) -> None:
    day = open_day(house, BOOK, OPENED)
    at = house.calendar.open_at(day.session)
    records = [
        JournalRecord(seq=n + 1, prev=ZEROS, ts=at, event="cycle.began", cycle=folder, data={})
        for n, folder in enumerate(ran)
    ]
    found = gap_before(day, records, every_slot(day)[name])
    assert missed == (found and (found.missed, found.first, found.last))


def test_on_daily_bars_nothing_is_missed_between_the_three(tiny_ground: Ground, tmp_path: Path) -> None:
    house = house_at(tiny_ground.market, tiny_ground.fresh(tmp_path / "home"))
    day = open_day(house, BOOK, OPENED)
    assert ["0930", "0935", "1600"] == list(every_slot(day))
    assert None is gap_before(day, [], every_slot(day)["1600"])


def test_waiting_takes_time_inside_the_day_and_none_on_daily_bars(
    tiny_ground: Ground, tmp_path: Path
) -> None:
    passed = []
    for name, flags in (("daily", {}), ("inside", INSIDE)):
        house = house_at(tiny_ground.market, tiny_ground.fresh(tmp_path / name), **flags)
        world = open_world(house, BOOK)
        at = house.calendar.cut_at(OPENED)
        world.clock.step(at)
        world.pause(7)
        passed.append((world.clock.now() - at).total_seconds())
        world.close()
    assert [0, 7] == passed


def test_which_bars_the_book_is_watched_on_is_part_of_the_configuration() -> None:
    assert Settings().config_sha256() != Settings(**INSIDE).config_sha256()
    assert Settings().config_sha256() == Settings(dry_run=True).config_sha256()
