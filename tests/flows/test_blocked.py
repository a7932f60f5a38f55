"""What was blocked is on record once, with what it rested on; people hear of it where it is more than a full book."""

from pathlib import Path
from typing import Any

import pytest

from flows.blocked import blocked_summary
from flows.day import open_day
from flows.house import House
from flows.outbox import Outbox
from flows.run import run_range
from flows.settings import load
from flows.telemetry import ENFORCED
from ledger.canonical import digest
from ledger.journal import parse_chain
from schemas.enforcement import Enforcement
from schemas.events import EntriesEnforced
from schemas.outbox import MessageKind
from tests.flows.worlds import NEXT, SEALED, avwap


def lines_of(home: Path, on: Any) -> list[EntriesEnforced]:
    path = home / f"ledger/SIM/{on}/journal.jsonl"
    records = parse_chain(path.read_bytes(), str(path)).records
    return [EntriesEnforced.model_validate(r.data) for r in records if r.event == ENFORCED]


def run_next(home: Path) -> Enforcement:
    house = House(load(home))
    run_range(house, "SIM", NEXT, NEXT, lambda result: None, "test")
    found = open_day(house, "SIM", NEXT).need("test", "enforcement.json", Enforcement)
    return found.artifact


def test_each_morning_leaves_one_line_with_its_digest_inputs_and_counts(home: Path) -> None:
    (line,) = lines_of(home, SEALED)
    file = home / f"ledger/SIM/{SEALED}/enforcement.json"
    assert line.file is not None
    assert digest(file.read_bytes()) == line.file.sha256
    named = {ref.path.rsplit("/", 1)[-1] for ref in line.inputs}
    assert {"candidates.json", "decisions.json", "account.json", "control.json"} <= named
    assert False is line.decision_enforced
    assert line.refused == sum(row.entries for row in line.blocked)
    assert House(load(home)).config_sha256 == line.config_sha256


def test_a_second_run_of_the_morning_adds_no_line_and_the_day_still_replays(home: Path) -> None:
    made = run_next(home)
    again = avwap(home, "replay", "--book", "SIM", "--date", str(NEXT))
    (line,) = lines_of(home, NEXT)
    assert (0, len(made.authorised), len(made.refused)) == (again.code, line.authorised, line.refused)


def test_without_binding_decisions_a_full_book_calls_nobody(home: Path) -> None:
    assert blocked_summary(open_day(House(load(home)), "SIM", SEALED)) is None


def test_binding_decisions_that_block_are_told_with_code_gate_and_symbols(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTFOLIO_DECISION_ENFORCE", "1")
    monkeypatch.setenv("ALLOWLIST_SYMBOLS", "NOSUCH")
    made = run_next(home)
    assert () == made.authorised
    kept = [
        e.message for e in Outbox(House(load(home)).disk, "SIM").entries() if e.message.session_date == NEXT
    ]
    (told,) = [message for message in kept if message.kind is MessageKind.ENTRIES_BLOCKED]
    assert f"SIM {NEXT}: {len(made.refused)} entries blocked, 0 authorised; decisions bind" == told.text
    assert f"{len(made.refused)} `ALLOWLIST_BLOCKED` (allowlist): {made.refused[0].symbol}" in told.blocks[1]
    assert told == blocked_summary(open_day(House(load(home)), "SIM", NEXT))


def test_a_kill_switch_is_told_once_however_many_entries_it_stops(home: Path) -> None:
    assert 0 == avwap(home, "kill", "on", "--book", "SIM", "--operator", "jo", "--reason", "a test").code
    run_next(home)
    message = blocked_summary(open_day(House(load(home)), "SIM", NEXT))
    assert message is not None
    assert ["*book*: `KILL_SWITCH_FILE`"] == message.blocks[1].split("\n")
    (line,) = lines_of(home, NEXT)
    assert ("KILL_SWITCH_FILE",) == line.book_codes
