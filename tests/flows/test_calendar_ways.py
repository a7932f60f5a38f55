"""A morning whose calendar or clock is in doubt enters nothing, keeps its stops, and replays to the same bytes."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from execution_v2.broker.port import Clock, Sessions
from flows.day import Day, StageRefused, open_day
from flows.house import House
from flows.pipeline import run_day
from flows.replay import replay
from flows.settings import Settings
from flows.stages import looking, premarket
from flows.world import World, open_world
from market.calendar import CALENDAR_BACK
from market.feed import ReadFailed, Seen
from schemas.base import SessionDate
from schemas.observations import CalendarObservation
from tests.flows.worlds import NEXT, SEALED


@dataclass
class Otherwise:
    """The simulated broker with another calendar or clock; all else is its own."""

    broker: Any
    told: Callable[[Sessions], Sessions] = lambda seen: seen
    said: Callable[[Clock], Clock] = lambda seen: seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self.broker, name)

    def calendar(self, first: SessionDate, last: SessionDate) -> Sessions:
        return self.told(self.broker.calendar(first, last))

    def clock(self) -> Clock:
        return self.said(self.broker.clock())


def played(home: Path, **otherwise: Any) -> tuple[Day, int]:
    """NEXT, run with a broker that says something otherwise; the exit code of the run."""
    house = House(Settings(home=home))
    day, world = open_day(house, "SIM", NEXT), open_world(house, "SIM")
    other = World(broker=Otherwise(world.broker, **otherwise), feed=world.feed, clock=world.clock)
    return day, run_day(day, other).exit_code


def file(day: Day, name: str) -> dict[str, Any]:
    return json.loads(day.house.disk.read(day.path(name)))


def assert_nothing_entered_and_every_position_covered(day: Day) -> None:
    assert [] == [
        e for slot in day.cycles() for e in file(day, f"cycles/{slot}/execution.json")["authorised"]
    ]
    kept = [row for row in file(day, "cycles/1600/stops.json")["positions"] if row["quantity"] != "0"]
    assert [] != kept
    assert [] == [row for row in kept if row["covered"] != row["quantity"]]
    assert replay(day.house, day).identical


def early(seen: Sessions) -> Sessions:
    assert isinstance(seen, Seen)
    today = seen.value[-1]
    short = today.model_copy(update={"close_at": today.close_at - timedelta(hours=3)})
    return replace(seen, value=(*seen.value[:-1], short))


def test_an_early_close_that_only_the_broker_knows_blocks_entries_and_no_exit(home: Path) -> None:
    day, code = played(home, told=early)
    market = file(day, "observations/market.json")
    assert (0, True) == (code, market["blocked"])
    assert ["DAY_CALENDAR_DISAGREEMENT"] == [
        f["code"] for f in market["findings"] if f["subject"] == str(NEXT)
    ]
    assert_nothing_entered_and_every_position_covered(day)


def yesterday(seen: Clock) -> Clock:
    assert isinstance(seen, Seen)
    return replace(seen, value=seen.value.model_copy(update={"session_date": SEALED}))


@pytest.mark.parametrize(
    ("said", "code"),
    [(yesterday, "OBSERVATION_STALE"), (lambda _: ReadFailed(cause="no answer"), "OBSERVATION_INCOMPLETE")],
    ids=["of another day", "no answer"],
)
def test_a_broker_clock_in_doubt_authorises_nothing_and_stops_no_exit(
    home: Path, said: Callable[[Clock], Clock], code: str
) -> None:
    day, _ = played(home, said=said)
    enforcement = file(day, "enforcement.json")
    assert [] == enforcement["authorised"]
    assert 2 == len(enforcement["refused"]), "both intents of the day"
    assert [] == [row for row in enforcement["refused"] if code not in json.dumps(row)]
    assert_nothing_entered_and_every_position_covered(day)


def test_the_morning_records_the_brokers_calendar_of_d_and_five_sessions_before(home: Path) -> None:
    day, code = played(home)
    seen = file(day, "observations/calendar.json")
    first = day.house.calendar.previous(NEXT, CALENDAR_BACK)
    assert (0, True, str(first), str(NEXT)) == (code, seen["ok"], seen["first"], seen["last"])
    assert [str(each) for each in day.house.calendar.sessions(first, NEXT)] == [
        row["session"] for row in seen["sessions"]
    ]
    inputs = [ref["path"] for ref in file(day, "observations/market.json")["inputs"]]
    assert [day.path("observations/calendar.json")] == inputs


@pytest.mark.parametrize(("book", "codes"), [("SIM", set()), ("ALPACA_PAPER", {"CALENDAR_SOURCE_MISSING"})])
def test_a_failed_read_is_recorded_and_blocks_every_book_but_the_simulated(
    home: Path, book: str, codes: set[str]
) -> None:
    house = House(Settings(home=home))
    world = open_world(house, "SIM")
    mute = Otherwise(world.broker, told=lambda _: ReadFailed(cause="timed out after 5 s"))
    day = open_day(house, book, date(2016, 3, 11))
    looking.look(day, World(broker=mute, feed=world.feed, clock=world.clock))
    premarket.market(day)
    seen = day.need("test", premarket.CALENDAR, CalendarObservation).artifact
    assert (False, (), "timed out after 5 s") == (seen.ok, seen.sessions, seen.cause)
    market = file(day, "observations/market.json")
    assert codes == {f["code"] for f in market["findings"]} & {"CALENDAR_SOURCE_MISSING"}
    assert bool(codes) == market["blocked"]


def test_a_damaged_calendar_refuses_the_judgement(home: Path) -> None:
    house = House(Settings(home=home))
    day, world = open_day(house, "SIM", NEXT), open_world(house, "SIM")
    looking.look(day, world)
    path = house.root / day.path(premarket.CALENDAR)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(StageRefused, match="CORRUPT"):
        premarket.market(day)
