"""A session opens on what the journals say, whatever became of yesterday's other files."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from execution_v2.reduce import state_digest
from flows.day import open_day
from flows.house import House
from flows.settings import Settings
from flows.stages.opening import carried_into, open_session
from flows.world import World, open_world
from ledger.canonical import parse_canonical_line
from market.feed import ReadFailed
from schemas.errors import Corrupt, Denied
from schemas.reasons.ledger import ReadFaultCode
from tests.flows.worlds import DAY, NEXT, avwap, dated


@pytest.mark.parametrize(
    ("name", "how"),
    [("observations/book.json", "edited"), ("observations/book.json", "gone"), ("manifest.json", "edited")],
)
def test_a_damaged_file_of_yesterday_gives_the_same_state_and_a_reason(
    home: Path, name: str, how: str
) -> None:
    day = open_day(House(Settings(home=home)), "SIM", NEXT)
    sound = carried_into(day)
    assert (None, True) == (sound.fault, bool(sound.state.positions))
    file = home / DAY / name
    if how == "edited":
        file.write_bytes(file.read_bytes().replace(b'"SIM"', b'"SIN"', 1))
    else:
        file.unlink()
    damaged = carried_into(day)
    assert state_digest(sound.state) == state_digest(damaged.state)
    assert damaged.fault is not None


def test_exits_go_on_and_nothing_is_entered_when_yesterdays_book_is_damaged(home: Path) -> None:
    (home / DAY / "observations/book.json").write_bytes(b"{}\n")
    said = avwap(home, *dated("day", "SIM", NEXT), "--json")
    refused = {step["stage"]: step["result"] for step in said.body["steps"] if "refused" in step["result"]}
    assert 3 == said.code
    assert str(ReadFaultCode.SCHEMA_INVALID) in refused["book"]
    made = home / f"ledger/SIM/{NEXT}"
    assert [] == json.loads((made / "cycles/0935/execution.json").read_text())["authorised"]
    kept = json.loads((made / "cycles/1600/stops.json").read_text())["positions"]
    assert [] != [row for row in kept if row["quantity"] != "0"]
    assert [] == [row for row in kept if row["covered"] != row["quantity"]]
    # A day that was closed so is what it is: recomputed, it gives its own bytes.
    assert 0 == avwap(home, *dated("replay", "SIM", NEXT)).code


def test_a_journal_that_is_not_what_was_sealed_stops_the_book(home: Path) -> None:
    journal = home / DAY / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    last = parse_canonical_line(lines[-1])
    lines[-1] = lines[-1].replace(last["event"].encode(), b"cycle.begun")
    journal.write_bytes(b"".join(lines))
    with pytest.raises(Corrupt, match="SEAL_BROKEN"):
        carried_into(open_day(House(Settings(home=home)), "SIM", NEXT))


class Mute:
    """A broker of which the account cannot be read; all else is the simulated one's."""

    def __init__(self, broker: Any) -> None:
        self._broker = broker

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    def account(self) -> ReadFailed:
        return ReadFailed(cause="no answer")


def test_a_book_begins_only_with_an_account_that_was_read_and_a_later_try_can(home: Path) -> None:
    shutil.rmtree(home / "ledger/SIM")
    house = House(Settings(home=home))
    day, world = open_day(house, "SIM", NEXT), open_world(house, "SIM")
    mute = World(broker=Mute(world.broker), feed=world.feed, clock=world.clock)
    with pytest.raises(Denied, match="ACCOUNT_UNREAD"):
        open_session(day, mute, None)
    assert [] == list((home / "ledger/SIM").rglob("*.json"))
    assert () == open_session(day, world, None).state().positions
