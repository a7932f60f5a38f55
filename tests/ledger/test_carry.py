"""A session's word for what it carries over is held against the whole history."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from ledger import layout
from ledger.carry import check_carried
from ledger.disk import LocalDisk
from ledger.journal import Journal
from ledger.seal import last_sealed, seal
from schemas.journal import JournalRecord
from schemas.reasons.ledger import LedgerCode
from tests.ledger.days import BOOK, FIRST, SECOND, THIRD, at, context


def count(state: int, records: Sequence[JournalRecord]) -> int:
    return state + len(records)


def carry(disk: LocalDisk, first: date | None = None, last: date | None = None) -> list[tuple[str, str]]:
    faults = check_carried(disk, BOOK, first, last, 0, count, lambda state: f"{state:064}")
    return [(fault.code, fault.path) for fault in faults]


def open_with(disk: LocalDisk, session: date, carried: int) -> None:
    body = {"carried_state_sha256": f"{carried:064}"}
    journal = Journal.open(disk, layout.journal(BOOK, session))
    journal.append([("opened", at(session, 13), None, body), ("sent", at(session, 14), None, {})])


def test_every_carried_state_is_the_fold_of_the_sealed_journals_before(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path)
    for session, carried in ((FIRST, 0), (SECOND, 2), (THIRD, 4)):
        open_with(disk, session, carried)
        seal(disk, context(session), last_sealed(disk, BOOK, session))
    assert [] == carry(disk)


def test_a_carried_state_that_differs_is_named_and_the_range_limits_what_is_told(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path)
    for session, carried in ((FIRST, 0), (SECOND, 3), (THIRD, 5)):
        open_with(disk, session, carried)
        seal(disk, context(session), last_sealed(disk, BOOK, session))
    told = [(LedgerCode.CARRIED_STATE_DIFFERS, layout.journal(BOOK, each)) for each in (SECOND, THIRD)]
    assert told == carry(disk)
    assert told[1:] == carry(disk, first=THIRD)
    assert told[:1] == carry(disk, last=SECOND)


def test_a_day_left_behind_unsealed_carries_nothing_over(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path)
    open_with(disk, FIRST, 0)
    open_with(disk, SECOND, 0)
    assert [] == carry(disk)


def test_a_fold_ends_at_a_broken_journal(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path)
    open_with(disk, FIRST, 0)
    disk.write(layout.journal(BOOK, FIRST), b"{}\n")
    open_with(disk, SECOND, 9)
    assert [(LedgerCode.JOURNAL_CORRUPT, layout.journal(BOOK, FIRST))] == carry(disk)
