"""A journal that cannot be written, or broke in its middle, holds up no exit: records wait, and are written late.

What was made meanwhile is kept in memory and, if that disk answers, in ``control/spill.jsonl``. Each record keeps
its own time; ``journal.late`` stands before them. Nothing is entered while ``fault`` is set.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel

from ledger.canonical import Malformed, line_bytes, parse_canonical_line, plain
from ledger.disk import Disk
from ledger.journal import Entry, Journal, JournalCorrupt
from schemas.base import instant
from schemas.errors import Denied
from schemas.events import JournalLate
from schemas.journal import ZEROS, JournalRecord
from schemas.reasons.ledger import LedgerCode

LATE: Final = "journal.late"


class SpillingJournal:
    """A session's journal that goes on when its disk does not. *path*: of the spill, outside every seal.

    Errors of ``append``: whatever the journal raises, a lost fence among it, except a failing disk.
    """

    def __init__(self, journal: Journal, disk: Disk, path: str) -> None:
        self._journal = journal
        self._disk = disk
        self._path = path
        self._waiting: list[JournalRecord] = []

    @property
    def fault(self) -> LedgerCode | None:
        """Why nothing may be entered: records wait to be written, or stand before a break."""
        if self._journal.fault is not None:
            return LedgerCode.JOURNAL_CORRUPT
        return LedgerCode.LEDGER_UNAVAILABLE if self._waiting else None

    @property
    def records(self) -> Sequence[JournalRecord]:
        """Every record so far, those that wait included."""
        return (*self._journal.records, *self._waiting) if self._waiting else self._journal.records

    def append(self, entries: Iterable[Entry]) -> tuple[JournalRecord, ...]:
        """Add *entries*, on disk if it answers, else among those that wait."""
        rows = [(event, ts, cycle, _body(data)) for event, ts, cycle, data in entries]
        if self.catch_up():
            try:
                return self._journal.append(rows)
            except Denied as error:
                if error.code != LedgerCode.LEDGER_UNAVAILABLE:
                    raise
        return self._spill(rows)

    def take_spill(self) -> int:
        """Write what an earlier process left waiting, or keep it waiting; how many records that was."""
        if not self._disk.exists(self._path):
            return 0
        self._waiting = _records(self._disk.read(self._path).split(b"\n"))
        found = len(self._waiting)
        self.catch_up()
        return found

    def catch_up(self) -> bool:
        """Write what waits; whether nothing does any more. Each append tries it first."""
        if not self._waiting:
            return True
        try:
            self._journal.reread()
            self._write_late()
        except JournalCorrupt:
            return False  # nothing is written behind a break: it waits until a person has restored the file
        except Denied as error:
            if error.code != LedgerCode.LEDGER_UNAVAILABLE:
                raise
            return False
        return True

    def _write_late(self) -> None:
        """Append what waits; of a batch whose append failed, the front may have arrived."""
        left = self._left()
        if left:
            told = JournalLate(records=len(left), first_at=left[0].ts)
            rows: list[Entry] = [(LATE, left[0].ts, left[0].cycle, told)]
            self._journal.append([*rows, *((r.event, r.ts, r.cycle, r.data) for r in left)])
        self._waiting = []
        if self._disk.exists(self._path):
            self._disk.write(self._path, b"")

    def _left(self) -> list[JournalRecord]:
        """What waits and has not arrived: the journal holds a front of it, and others may have written between."""
        arrived = 0
        if self._waiting:
            for row in self._journal.records[self._waiting[0].seq - 1 :]:
                if arrived < len(self._waiting) and _same(self._waiting[arrived], row):
                    arrived += 1
        return self._waiting[arrived:]

    def _spill(self, rows: list[tuple[str, datetime, str | None, Any]]) -> tuple[JournalRecord, ...]:
        first = self._waiting[-1].seq + 1 if self._waiting else len(self._journal.records) + 1
        made = tuple(
            JournalRecord(seq=first + n, prev=ZEROS, ts=ts, event=event, cycle=cycle, data=body)
            for n, (event, ts, cycle, body) in enumerate(rows)
        )
        self._waiting += made
        lines = [
            {"seq": r.seq, "ts": instant(r.ts), "event": r.event, "cycle": r.cycle, "data": r.data}
            for r in made
        ]
        try:
            self._disk.append(self._path, b"".join(line_bytes(line) for line in lines))
        except Denied as error:
            if error.code != LedgerCode.LEDGER_UNAVAILABLE:
                raise  # the disk is gone for the spill too: what waits is in memory, and the exits are at the broker
        return made


class SpillingLines:
    """Lines of one file, in order: those that its disk refuses wait for the next that it takes."""

    def __init__(self, disk: Disk, path: str) -> None:
        self._disk = disk
        self._path = path
        self._waiting: list[bytes] = []

    def append(self, line: bytes) -> None:
        """Add *line*, now or later."""
        self._waiting.append(line)
        try:
            self._disk.append(self._path, b"".join(self._waiting))
        except Denied as error:
            if error.code != LedgerCode.LEDGER_UNAVAILABLE:
                raise
            return
        self._waiting.clear()


def _body(data: Any) -> dict[str, Any]:
    return plain(data) if isinstance(data, BaseModel) else dict(data)


def _same(one: JournalRecord, other: JournalRecord) -> bool:
    return (one.event, one.ts, one.cycle, one.data) == (other.event, other.ts, other.cycle, other.data)


def _records(lines: Iterable[bytes]) -> list[JournalRecord]:
    """The spilled records, oldest first; an unterminated last line was cut by a crash and announced nothing."""
    made = []
    for line in lines:
        try:
            row = parse_canonical_line(line + b"\n") if line else None
        except Malformed:
            continue
        if row is not None:
            made.append(JournalRecord(prev=ZEROS, **row))
    return made
