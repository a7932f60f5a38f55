"""The kill switch is thrown twice, as a file that every process sees and as a record that says who and why.

The record goes to the journal of the session that is open. Between sessions it waits in ``control/pending.jsonl``,
and the next session's journal opens with it.
"""

from datetime import UTC, datetime

from flows.house import House
from flows.settings import book_of
from flows.stages.opening import PENDING
from ledger import layout
from ledger.canonical import line_bytes
from ledger.journal import Journal, parse_chain
from ledger.lock import BookLock
from ledger.seal import sessions_of
from schemas.base import instant
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
    told.append(_journal(house, book_id, KillSet(on=on, operator=operator, reason=reason), now))
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


def _journal(house: House, book_id: str, record: KillSet, now: datetime) -> str:
    """Append to the session that is open; between sessions keep the record for the next one to take."""
    known = sessions_of(house.disk, book_id) if house.root.joinpath(book_id).is_dir() else ()
    open_sessions = [
        each
        for each in known
        if house.disk.exists(layout.journal(book_id, each))
        and not house.disk.exists(layout.manifest(book_id, each))
    ]
    if not open_sessions:
        pending = layout.control(book_id, PENDING)
        house.disk.append(
            pending, line_bytes({"event": "kill.set", "ts": instant(now), "data": record.model_dump()})
        )
        return f"kept     {pending}: the next session's journal opens with it"
    path = layout.journal(book_id, open_sessions[-1])
    with BookLock(house.root, book_id).acquire("avwap kill") as fence:
        first = parse_chain(house.disk.read(path), path).records[0]
        journal = Journal.open(house.disk, path, genesis=first.prev, guard=fence.check)
        journal.append([("kill.set", now, None, record)])
    return f"journaled {path}"
