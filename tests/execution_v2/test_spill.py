"""A disk that fills up in the middle of a cycle stops entries and no exit, and the records come later."""

import contextlib
from pathlib import Path
from typing import Any

import pytest

from execution_v2 import execution
from ledger import layout
from ledger.disk import LocalDisk
from ledger.faulty import FaultyDisk, SimulatedCrash
from ledger.journal import Journal
from ledger.spill import SpillingJournal, SpillingLines
from schemas.book import BookState
from schemas.cycle import CycleKind
from schemas.lifecycle import LifecycleState
from schemas.posture import PostureState
from simulation.config import ExchangeConfig
from simulation.exchange import Exchange
from tests.simulation.world import BOOK, DAYS, Want, WeekHours, World, bar

QUIET = bar("50.10", "51.00", "49.50", "50.80")
TARGETS = bar("53.40", "57.00", "52.90", "56.50")
BARS = {("AAA", DAYS[0]): QUIET, ("AAA", DAYS[1]): TARGETS, ("BBB", DAYS[1]): QUIET}
WANTS = {DAYS[0]: (Want(),), DAYS[1]: (Want(symbol="BBB"),)}


class Full:
    """Two days on a disk that may fill up, beside an exchange whose own record is safe."""

    def __init__(self, root: Path) -> None:
        self.disk = FaultyDisk(root / "book")
        self.spilling: SpillingJournal | None = None
        self.world = World(disk=self.disk, bars=BARS, wants=WANTS, wrap_journal=self.wrapped)
        safe, hours = LocalDisk(root / "exchange"), WeekHours()
        self.world.exchange = Exchange(safe, layout.exchange(BOOK), self.world.tape, hours, ExchangeConfig())
        self.world.sim = type(self.world.sim)(
            self.world.exchange, self.world.tape, hours, lambda: self.world.at
        )
        self.world.outside = self.world.sim

    def wrapped(self, journal: Journal) -> SpillingJournal:
        made = SpillingJournal(journal, self.disk, layout.spill(BOOK))
        made.take_spill()
        self.spilling = made
        return made

    def fill_up(self, after: int) -> None:
        """No space from *after* more steps on."""
        self.disk._steps.full_at = self.disk.steps + after

    def state(self) -> BookState:
        return self.world.state(DAYS[1])

    def stops(self) -> dict[str, Any]:
        open_ = self.world.exchange.state.orders_open()
        return {order.symbol: order.quantity for order in open_ if order.stop is not None}


def whole(root: Path) -> Full:
    made = Full(root)
    made.world.run(*DAYS[:2])
    return made


@pytest.mark.parametrize("after", [1, 3, 20, 45])
def test_a_disk_that_fills_up_at_the_close_places_every_stop_and_writes_the_records_later(
    after: int, tmp_path: Path
) -> None:
    expected = whole(tmp_path / "whole")
    made = Full(tmp_path / "full")
    made.world.run(DAYS[0])
    made.world.run(DAYS[1], until="0935")
    made.fill_up(after)
    journal = made.world.journal(DAYS[1])
    result = made.world.cycle(DAYS[1], "1600", CycleKind.CLOSE, journal)
    assert expected.stops() == made.stops()
    assert made.spilling is not None
    assert "LEDGER_UNAVAILABLE" == made.spilling.fault
    made.disk.heal()
    assert made.spilling.catch_up()
    assert [] != [record for record in journal.records if record.event == "journal.late"]
    assert result.state_after == made.state()
    # A record that fails is ORANGE, and a book that cannot write is DEGRADED; everything else is as undisturbed.
    assert ("ORANGE", "DEGRADED") == (result.state_after.posture.posture, result.state_after.lifecycle.state)
    unlike = {"posture": PostureState(), "lifecycle": LifecycleState(), "ticked": None}
    assert made.state().model_copy(update=unlike) == expected.state().model_copy(update=unlike)


def test_an_entry_is_refused_while_records_wait_and_no_order_of_it_leaves(tmp_path: Path) -> None:
    made = Full(tmp_path)
    made.world.run(DAYS[0])
    made.world.run(DAYS[1], until="0930")
    made.fill_up(1)
    result = made.world.cycle(DAYS[1], "0935", CycleKind.ENTRIES, made.world.journal(DAYS[1]))
    told = execution.run(result.records, result.state_before, result.state_after)
    assert ["LEDGER_UNAVAILABLE"] == [row.code for row in told.denied]
    assert {"AAA"} == {order.symbol for order in made.world.exchange.state.orders.values()}


def test_a_process_that_dies_with_records_waiting_has_its_successor_write_them(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path)
    journal = Journal.open(disk, "SIM/2026-03-02/journal.jsonl")
    made = SpillingJournal(journal, disk, layout.spill(BOOK))
    made.append([event("a")])
    journal._is_broken = True  # an append failed; the spill's own file can still be written
    made.append([event("b"), event("b")])
    again = SpillingJournal(Journal.open(disk, journal.path), disk, layout.spill(BOOK))
    assert (2, None) == (again.take_spill(), again.fault)
    assert ["a", "journal.late", "b", "b"] == [row.event for row in again.records]
    assert 0 == again.take_spill()


@pytest.mark.parametrize("at", range(1, 40))
def test_wherever_the_writing_of_late_records_dies_each_is_there_once(at: int, tmp_path: Path) -> None:
    disk = FaultyDisk(tmp_path)
    journal = Journal.open(disk, "SIM/2026-03-02/journal.jsonl")
    made = SpillingJournal(journal, disk, layout.spill(BOOK))
    made.append([event("a")])
    journal._is_broken = True
    made.append([event("b"), event("b"), event("c")])
    dying = FaultyDisk(tmp_path, crash_at=at)
    with contextlib.suppress(SimulatedCrash):
        SpillingJournal(Journal.open(dying, journal.path), dying, layout.spill(BOOK)).take_spill()
    healthy = LocalDisk(tmp_path)
    again = SpillingJournal(Journal.open(healthy, journal.path), healthy, layout.spill(BOOK))
    again.take_spill()
    assert ["a", "b", "b", "c"] == [row.event for row in again.records if row.event != "journal.late"]


def test_a_lost_fence_is_no_failing_disk(tmp_path: Path) -> None:
    from schemas.errors import Denied

    def lost() -> None:
        raise Denied("FENCE_LOST", "another process holds the lock")

    disk = LocalDisk(tmp_path)
    made = SpillingJournal(Journal.open(disk, "J/journal.jsonl", guard=lost), disk, "J/spill.jsonl")
    with pytest.raises(Denied, match="FENCE_LOST"):
        made.append([event("a")])
    assert made.fault is None


def test_recorded_calls_that_found_no_space_are_written_with_the_next_one(tmp_path: Path) -> None:
    disk = FaultyDisk(tmp_path, read_only=True)
    lines = SpillingLines(disk, "calls.jsonl")
    lines.append(b"one\n")
    disk.heal()
    lines.append(b"two\n")
    assert b"one\ntwo\n" == disk.read("calls.jsonl")


def event(name: str) -> tuple[str, Any, str | None, dict[str, Any]]:
    from tests.execution_v2.test_reduce import NOW

    return name, NOW, "0935", {"n": 1}
