"""The disk in memory keeps what was synced, and dies where it is told to."""

from datetime import UTC, datetime

import pytest

from ledger.faulty import SimulatedCrash
from ledger.journal import Journal
from ledger.memory import APPEND_STEPS, MemoryDisk

AT = datetime(2016, 1, 4, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "power_loss", "kept"),
    [
        (1, False, b"one\n"),
        (2, False, b"one\ntw"),
        (3, False, b"one\ntwo\n"),
        (3, True, b"one\n"),
        (4, True, b"one\ntwo\n"),
    ],
)
def test_a_crash_leaves_what_was_written_and_a_loss_of_power_what_was_synced(
    at: int, power_loss: bool, kept: bytes
) -> None:
    disk = MemoryDisk()
    disk.append("a/log", b"one\n")
    disk.power_loss = power_loss
    disk.crash_at = APPEND_STEPS + at
    with pytest.raises(SimulatedCrash):
        disk.append("a/log", b"two\n")
    disk.restart()
    assert kept == disk.read("a/log")


def test_a_journal_lives_on_it_through_a_torn_line() -> None:
    disk = MemoryDisk()
    journal = Journal.open(disk, "SIM/2016-01-04/journal.jsonl")
    journal.append([("kill.set", AT, None, {"n": 1})])
    disk.crash_at = disk.steps + 2
    with pytest.raises(SimulatedCrash):
        journal.append([("kill.set", AT, None, {"n": 2})])
    disk.restart()
    again = Journal.open(disk, "SIM/2016-01-04/journal.jsonl")
    assert [1] == [record.data["n"] for record in again.records]
    assert again.torn
    assert ("SIM/2016-01-04/journal.jsonl", "SIM/2016-01-04/journal.torn") == disk.list("SIM")
    assert ("SIM",) == disk.folders("")
    assert ("2016-01-04",) == disk.folders("SIM")


def test_an_append_that_forgets_its_fsync_loses_everything_with_the_power() -> None:
    disk = MemoryDisk()
    disk.syncs = False
    disk.append("log", b"one\n")
    disk.power_loss = True
    disk.restart()
    assert not disk.exists("log")
