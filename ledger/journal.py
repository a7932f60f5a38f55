"""The journal is the authority: a chain of lines, each on disk before the effect that it announces.

State is a fold over it. A process that dies while appending leaves at most an unterminated last line, whose
effect never happened; it is set aside. Anything wrong before the last newline is somebody else's doing.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ledger.canonical import Malformed, line_bytes, parse_canonical_line, plain
from ledger.disk import Disk
from schemas.base import instant
from schemas.errors import Corrupt, Denied
from schemas.journal import ZEROS, JournalRecord
from schemas.reasons.ledger import LedgerCode

S = TypeVar("S")

Entry = tuple[str, datetime, str | None, Any]
"""What a caller appends: (event, ts, cycle, data), data being a ``Fact`` or a mapping of JSON values."""


class JournalCorrupt(Corrupt):
    """A break before the last newline. Attributes: path, line (1-based), before (what stands whole before it)."""

    def __init__(self, path: str, line: int, why: str, before: "Chain") -> None:
        super().__init__(
            LedgerCode.JOURNAL_CORRUPT,
            f"{path} line {line}: {why}",
            safe="exits use what the broker reports; the file is kept as it is",
            next="keep a copy of the file, then avwap verify names every break",
        )
        self.path = path
        self.line = line
        self.before = before


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A journal's bytes, read: its records, the hash that the next must name, and an unterminated rest."""

    records: tuple[JournalRecord, ...]
    tail: str
    torn: bytes


def parse_chain(data: bytes, path: str, genesis: str | None = None) -> Chain:
    """Read a journal's bytes. *genesis*: what the first record must name (``None``: whatever it names).

    Errors: ``JournalCorrupt`` at the first line that is no record, out of sequence, or misnames its elder.
    """
    whole, _, torn = data.rpartition(b"\n")
    lines = whole.split(b"\n") if _ else []
    records: list[JournalRecord] = []
    tail = genesis
    sha256, validate = hashlib.sha256, JournalRecord.model_validate_json

    def broken(why: str) -> JournalCorrupt:
        before = Chain(records=tuple(records), tail=tail or ZEROS, torn=b"")
        return JournalCorrupt(path, len(records) + 1, why, before)

    for number, line in enumerate(lines, start=1):
        try:
            record = validate(line)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            pointer = "".join(f"/{part}" for part in first["loc"])
            raise broken(f"no record: {pointer} {first['msg']}".rstrip()) from error
        if record.seq != number:
            raise broken(f"seq {record.seq} where {number} is due")
        if tail is not None and record.prev != tail:
            raise broken(f"names {record.prev[:12]}…, the line before is {tail[:12]}…")
        tail = sha256(line + b"\n").hexdigest()
        records.append(record)
    if lines:
        try:
            parse_canonical_line(lines[-1] + b"\n")  # every other line is vouched for by its successor
        except Malformed as error:
            tail = records.pop().prev
            raise broken(str(error)) from error
    return Chain(records=tuple(records), tail=tail or ZEROS, torn=torn)


class Journal:
    """One session's journal, open for appending.

    Attributes:
        torn: the unterminated last line that opening set aside to ``journal.torn``, or empty
            (reason code JOURNAL_TORN_TAIL).
        tail: sha256 of the last line, or the genesis hash of an empty journal.
        fault: the break behind its records (``salvaged``); such a journal is read from and never appended to.
    """

    def __init__(
        self, disk: Disk, path: str, chain: Chain, guard: Callable[[], None] | None, genesis: str = ZEROS
    ) -> None:
        self._disk = disk
        self._genesis = genesis
        self.path = path
        self._records = list(chain.records)
        self.tail = chain.tail
        self.torn = chain.torn
        self._guard = guard
        self._is_broken = False
        self.fault: JournalCorrupt | None = None

    @classmethod
    def open(
        cls, disk: Disk, path: str, *, genesis: str = ZEROS, guard: Callable[[], None] | None = None
    ) -> "Journal":
        """Check the chain, set a torn last line aside, and be ready to append.

        Args:
            genesis: what the first record names; a journal that carries a state over starts from its hash.
            guard: called before each append, to raise if this process no longer speaks for the book.
        Errors: ``JournalCorrupt`` for a break; nothing is changed then.
        """
        data = disk.read(path) if disk.exists(path) else b""
        chain = parse_chain(data, path, genesis)
        set_torn_aside(disk, path, data)
        return cls(disk, path, chain, guard, genesis)

    @classmethod
    def salvaged(
        cls,
        disk: Disk,
        fault: JournalCorrupt,
        *,
        genesis: str = ZEROS,
        guard: Callable[[], None] | None = None,
    ) -> "Journal":
        """What stands before the break that ``open`` met, so that exits can go on from it; the file stays as it is."""
        made = cls(disk, fault.path, fault.before, guard, genesis)
        made.fault, made._is_broken = fault, True
        return made

    def reread(self) -> None:
        """Be as if opened again: after a failed append only reading tells how much arrived.

        Errors: whatever the guard raises; as ``open``.
        """
        if self._guard is not None:
            self._guard()
        again = Journal.open(self._disk, self.path, genesis=self._genesis, guard=self._guard)
        self._records, self.tail, self.torn = again._records, again.tail, again.torn or self.torn
        self._is_broken, self.fault = False, None

    @property
    def records(self) -> Sequence[JournalRecord]:
        """Every record so far, oldest first."""
        return self._records

    def append(self, entries: Iterable[Entry]) -> tuple[JournalRecord, ...]:
        """Add *entries*, the lines of one effect, with one fsync; only then may the effect happen.

        A crash in the middle keeps whole lines from the front. Errors: whatever the guard raises; ``Denied``
        LEDGER_UNAVAILABLE if the disk fails, and from then on until the journal is opened again, since only
        reading tells how much of the batch arrived.
        """
        made: list[JournalRecord] = []
        lines: list[bytes] = []
        tail = self.tail
        for event, ts, cycle, data in entries:
            body = plain(data) if isinstance(data, BaseModel) else dict(data)
            seq = len(self._records) + len(made) + 1
            record = JournalRecord(seq=seq, prev=tail, ts=ts, event=event, cycle=cycle, data=body)
            line = line_bytes(
                {"seq": seq, "prev": tail, "ts": instant(ts), "event": event, "cycle": cycle, "data": body}
            )
            tail = hashlib.sha256(line).hexdigest()
            made.append(record)
            lines.append(line)
        if not made:
            return ()
        if self._is_broken:
            raise Denied(
                LedgerCode.LEDGER_UNAVAILABLE,
                f"{self.path}: an append failed and its outcome is unknown",
                safe="nothing was added",
                next="open the journal again: it reads what arrived",
            )
        if self._guard is not None:
            self._guard()
        self._is_broken = True
        self._disk.append(self.path, b"".join(lines))
        self._is_broken = False
        self._records.extend(made)
        self.tail = tail
        return tuple(made)


def fold(records: Iterable[JournalRecord], reducer: Callable[[S, JournalRecord], S], state: S) -> S:
    """The state that *records* lead to from *state*."""
    return reduce(reducer, records, state)


def set_torn_aside(disk: Disk, path: str, data: bytes) -> bytes:
    """Cut an unterminated last line off the lines *data* of *path*, and keep it beside them as ``<name>.torn``.

    Returns what was cut, or nothing. Dying in between repeats nothing.
    """
    torn = data[data.rfind(b"\n") + 1 :]
    if not torn:
        return b""
    beside = f"{path.removesuffix('.jsonl')}.torn"
    kept = disk.read(beside) if disk.exists(beside) else b""
    if not kept.endswith(torn + b"\n"):
        disk.append(beside, torn + b"\n")
    disk.write(path, data[: len(data) - len(torn)])
    return torn
