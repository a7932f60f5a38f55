"""A session opens on what the journals say, whatever became of yesterday's other files."""

import json
from pathlib import Path

import pytest

from execution_v2.reduce import state_digest
from flows.day import open_day
from flows.house import House
from flows.settings import Settings
from flows.stages.opening import carried_into
from ledger.canonical import parse_canonical_line
from schemas.errors import Corrupt
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
