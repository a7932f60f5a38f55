"""The outbox is the notifier that always works: a message is kept, chained and in order, until somebody sends it.

``<BOOK>/outbox.jsonl`` is written like a journal and lies outside every seal: no stage reads it, and a trade waits
for none of it. A message is found by its id, so the same files are told once, however often a morning is repeated.
A sender appends what became of each message; nothing is ever changed. Stages, senders and the watch over absent
stages are processes of their own, so each line is appended under a short lock.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

from pydantic import ValidationError

from flows.day import Day
from flows.house import House
from flows.slack.redact import redacted
from flows.summary import scan_summary
from ledger import layout
from ledger.artifacts import Written
from ledger.canonical import Malformed, digest, line_bytes, parse_canonical_line, plain
from ledger.disk import Disk
from ledger.journal import JournalCorrupt, parse_chain, set_torn_aside
from schemas.base import instant
from schemas.errors import AvwapError, Corrupt
from schemas.journal import ZEROS, JournalRecord
from schemas.outbox import MESSAGE_QUEUED, WAITING, Delivery, Message
from schemas.reasons.edge import EdgeCode

PENDING: Final = Delivery.PENDING.value
LOCK_S: Final = 2.0
"""Longest wait for another process's line; writing one takes milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A message and what became of it: ``pending``, or the last event after it (``sent`` of ``message.sent``)."""

    message: Message
    state: str
    at: datetime
    """Of the last event."""
    told: Mapping[str, Any]
    """What the last event said: ``code``, ``detail``, ``until``, ``ts`` …"""
    tries: int = 0
    """Requests that were about to leave."""
    tried_at: datetime | None = None
    """The first of them."""

    @property
    def is_waiting(self) -> bool:
        """Whether a flush takes it up."""
        return self.state in WAITING


class Notifier(Protocol):
    """The door to people."""

    def post(self, message: Message, at: datetime) -> bool:
        """Take *message*, as of *at*; False if it was taken before. Errors: ``AvwapError``, never an order's matter."""

    def entries(self) -> tuple[Entry, ...]:
        """Every message taken so far, oldest first."""


class Outbox:
    """The notifier that keeps what it is given. *disk*: of the data root."""

    def __init__(self, disk: Disk, book_id: str, root: Path | None = None) -> None:
        """*root*: where *disk* is, if other processes may write there too; None: nobody else does."""
        self._disk = disk
        self.path = layout.outbox(book_id)
        self._flock = None if root is None else root / f"{self.path.removesuffix('.jsonl')}.flock"

    def post(self, message: Message, at: datetime) -> bool:
        """Append *message* unless its id is there. Only the last line is read as a record: a year of them is long.

        Errors: ``AvwapError`` OUTBOX_UNAVAILABLE if the disk says no; ``Corrupt`` OUTBOX_CORRUPT.
        """
        told = f"the message {message.id} of {message.session_date} was not kept"
        message = message.model_copy(
            update={
                "text": redacted(message.text),
                "blocks": tuple(redacted(each) for each in message.blocks),
            }
        )
        return self._append(MESSAGE_QUEUED, plain(message), at, told, fresh=message.id)

    def note(self, message_id: str, state: Delivery, at: datetime, **told: Any) -> None:
        """Append what became of a message. Errors: as ``post``."""
        data = {"id": message_id, **{name: value for name, value in told.items() if value is not None}}
        self._append(f"message.{state}", data, at, f"what became of {message_id} was not kept")

    def _append(self, event: str, body: Any, at: datetime, told: str, fresh: str | None = None) -> bool:
        try:
            with self._alone():
                data = self._read()
                data = data[: len(data) - len(set_torn_aside(self._disk, self.path, data))]
                if fresh is not None and _holds(data, fresh):
                    return False
                self._disk.append(self.path, self._line(data, event, body, at))
        except (AvwapError, OSError) as error:
            if isinstance(error, Corrupt):
                raise
            raise self._unavailable(told, error) from error
        return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if self._flock is None:
            yield
            return
        from filelock import FileLock

        self._flock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self._flock, timeout=LOCK_S):  # its Timeout is an OSError
            yield

    def _line(self, data: bytes, event: str, body: Any, at: datetime) -> bytes:
        seq, prev = 1, ZEROS
        if data:
            last = data[data.rfind(b"\n", 0, -1) + 1 :]
            try:
                seq, prev = int(parse_canonical_line(last)["seq"]) + 1, digest(last)
            except (Malformed, KeyError, TypeError, ValueError) as error:
                raise self._corrupt(f"its last line is no record: {error}") from error
        return line_bytes(
            {
                "seq": seq,
                "prev": prev,
                "ts": instant(at),
                "event": event,
                "cycle": None,
                "data": body,
            }
        )

    def entries(self) -> tuple[Entry, ...]:
        """Every message with its state; the whole chain is checked. Errors: ``Corrupt`` OUTBOX_CORRUPT."""
        found: dict[str, Entry] = {}
        try:
            for record in parse_chain(self._read(), self.path, ZEROS).records:
                if record.event == MESSAGE_QUEUED:
                    message = Message.model_validate(record.data)
                    found[message.id] = Entry(message=message, state=PENDING, at=record.ts, told={})
                elif (known := found.get(str(record.data.get("id")))) is not None:
                    found[known.message.id] = _after(known, record)
        except JournalCorrupt as error:
            raise self._corrupt(f"line {error.line}: {error.message}") from error
        except ValidationError as error:
            raise self._corrupt(str(error.errors(include_url=False)[0]["msg"])) from error
        return tuple(found.values())

    def untold(self, ids: Sequence[str]) -> list[str]:
        """Those of *ids* that were not taken before. Errors: ``AvwapError`` OUTBOX_UNAVAILABLE."""
        try:
            data = self._read()
        except (AvwapError, OSError) as error:
            raise self._unavailable(f"{len(ids)} messages were not kept", error) from error
        return [each for each in ids if not _holds(data, each)]

    def torn(self) -> int:
        """Bytes of an unfinished last line: a crash while a message was written. The next one sets it aside."""
        data = self._read()
        return len(data) - data.rfind(b"\n") - 1

    def _read(self) -> bytes:
        return self._disk.read(self.path) if self._disk.exists(self.path) else b""

    def _unavailable(self, told: str, error: AvwapError | OSError) -> AvwapError:
        why = error.message if isinstance(error, AvwapError) else str(error)
        return AvwapError(
            EdgeCode.OUTBOX_UNAVAILABLE,
            f"{told}: {why}",
            safe="no stage reads the outbox: entries, exits and the close go on",
            next=f"repair {self.path}; avwap notify preview and avwap status show what it would say at any time",
        )

    def _corrupt(self, why: str) -> Corrupt:
        return Corrupt(
            EdgeCode.OUTBOX_CORRUPT,
            f"{self.path}: {why}",
            safe="nothing was added; no stage reads this file",
            next=f"move {self.path} away and keep it: the next message begins a new one",
        )


def outbox_of(house: House, book_id: str) -> Outbox:
    """The outbox of a book of *house*, which other processes may be writing to."""
    return Outbox(house.disk, book_id, house.root)


def _after(entry: Entry, record: JournalRecord) -> Entry:
    """*entry* after one more line about it."""
    state = record.event.removeprefix("message.")
    is_try = state == Delivery.SENDING
    tries = 0 if state == Delivery.REQUEUED else entry.tries + is_try
    first = record.ts if is_try and entry.tried_at is None else entry.tried_at
    return Entry(
        message=entry.message, state=state, at=record.ts, told=record.data, tries=tries, tried_at=first
    )


def _holds(data: bytes, message_id: str) -> bool:
    """In canonical JSON a quotation mark inside a text is escaped: only a record's own key looks like this."""
    return f'"id":"{message_id}"'.encode() in data


def post_summary(day: Day) -> Written:
    """Queue the summary of the morning of *day*, once. Errors: as ``Outbox.post``; the caller goes on."""
    return post(day, scan_summary(day))


def post(day: Day, message: Message) -> Written:
    """Queue *message* about the morning of *day*, once. Errors: as ``Outbox.post``; the caller goes on."""
    notifier: Notifier = outbox_of(day.house, day.book_id)
    fresh = notifier.post(message, day.house.calendar.cut_at(day.session))
    return Written(
        path=layout.outbox(day.book_id),
        sha256=digest(line_bytes(plain(message))),
        status="written" if fresh else "verified",
    )
