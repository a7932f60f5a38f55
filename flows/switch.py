"""What a person decides about entries is a record that says who and why; the kill switch is a file besides.

The file every process sees at once. The record goes to the journal of the session that is open. Between sessions
it waits in ``control/pending.jsonl``, and the next session's journal opens with it.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from flows.house import House
from flows.settings import book_of
from flows.stages.opening import PENDING
from ledger import layout
from ledger.canonical import line_bytes, plain
from ledger.journal import Journal, parse_chain
from ledger.lock import BookLock
from ledger.seal import sessions_of
from schemas.base import Fact, instant
from schemas.events import KillSet


def throw(house: House, book_id: str, on: bool, operator: str, reason: str) -> list[str]:
    """Set or lift the switch of *book_id*; returns what was written, one line each.

    Lifting removes the book's own file, never the one in the root: that one stops every book, and is not this one's.
    """
    book_of(book_id)
    told: list[str] = []
    path = layout.control(book_id, layout.KILL_SWITCH)
    now = datetime.now(UTC)
    if on:
        # The file first: it stops entries at once, and needs neither lock nor journal.
        body = {"at": instant(now), "operator": operator, "reason": reason}
        house.disk.write(path, line_bytes(body))
        told.append(f"wrote    {path}")
    record = KillSet(on=on, operator=operator, reason=reason)
    told.append(journal_now(house, book_id, [("kill.set", record)], now, "avwap kill"))
    if not on:
        file = house.root / path
        if file.exists():
            file.unlink()
            told.append(f"removed  {path}")
        if house.disk.exists(layout.KILL_SWITCH):
            told.append(
                f"note     {layout.KILL_SWITCH} in the root still stops every book; remove it by hand"
            )
    return told


def open_session(house: House, book_id: str) -> date | None:
    """The newest session of a book that has a journal and no seal; None: there is none."""
    known = sessions_of(house.disk, book_id) if house.root.joinpath(book_id).is_dir() else ()
    return next(
        (
            each
            for each in reversed(known)
            if house.disk.exists(layout.journal(book_id, each))
            and not house.disk.exists(layout.manifest(book_id, each))
        ),
        None,
    )


def journal_now(
    house: House, book_id: str, rows: Sequence[tuple[str, Fact]], now: datetime, owner: str
) -> str:
    """Append *rows*, (event, record) each, to the session that is open; between sessions keep them for the next one."""
    session = open_session(house, book_id)
    if session is None:
        pending = layout.control(book_id, PENDING)
        lines = [{"event": event, "ts": instant(now), "data": plain(record)} for event, record in rows]
        house.disk.append(pending, b"".join(line_bytes(line) for line in lines))
        return f"kept     {pending}: the next session's journal opens with it"
    path = layout.journal(book_id, session)
    with BookLock(house.root, book_id).acquire(owner) as fence:
        first = parse_chain(house.disk.read(path), path).records[0]
        journal = Journal.open(house.disk, path, genesis=first.prev, guard=fence.check)
        journal.append([(event, now, None, record) for event, record in rows])
    return f"journaled {path}"
