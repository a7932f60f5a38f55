"""What a person decides about entries is a record that says who and why; the kill switch is a file besides.

The file every process sees at once. The record goes to the journal of the session that is open. Between sessions
it waits in ``control/pending.jsonl``, and the next session's journal opens with it.
"""

from datetime import UTC, datetime

from execution_v2.closings import RESUME
from flows.house import House
from flows.settings import book_of
from flows.stages.opening import PENDING
from flows.status import latest_state
from ledger import layout
from ledger.canonical import line_bytes
from ledger.journal import Journal, parse_chain
from ledger.lock import BookLock
from ledger.seal import sessions_of
from schemas.base import Fact, instant
from schemas.errors import UsageFault
from schemas.events import KillSet, OperatorAct
from schemas.reasons.edge import EdgeCode
from schemas.reasons.gates import RepetitionCode


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
    told.append(_journal(house, book_id, "kill.set", KillSet(on=on, operator=operator, reason=reason), now))
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


def resume(house: House, book_id: str, operator: str, reason: str) -> list[str]:
    """Start the loss counts of *book_id* anew; returns what was written, one line each.

    Errors: ``UsageFault`` NOTHING_TO_RESUME if no run of losses is counted.
    """
    book_of(book_id)
    _, state, _ = latest_state(house, book_id)
    if not state.loss_runs:
        raise UsageFault(
            EdgeCode.NOTHING_TO_RESUME,
            f"{book_id} counts no losses in a row, so nothing waits for a person",
            safe="nothing was changed",
            next=f"avwap status --book {book_id} shows every lock and what ends it",
        )
    runs = ", ".join(f"{run.strategy_id or 'book'} {run.losses}" for run in state.loss_runs)
    record = OperatorAct(
        verb=RESUME, operator=operator, reason=reason, subject=RepetitionCode.CONSEC_LOSS, detail=runs
    )
    return [
        _journal(house, book_id, "operator.acted", record, datetime.now(UTC)),
        f"was      {runs} in a row; the count starts again at nothing",
    ]


def _journal(house: House, book_id: str, event: str, record: Fact, now: datetime) -> str:
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
            pending, line_bytes({"event": event, "ts": instant(now), "data": record.model_dump()})
        )
        return f"kept     {pending}: the next session's journal opens with it"
    path = layout.journal(book_id, open_sessions[-1])
    owner = "avwap kill" if isinstance(record, KillSet) else "avwap resume"
    with BookLock(house.root, book_id).acquire(owner) as fence:
        first = parse_chain(house.disk.read(path), path).records[0]
        journal = Journal.open(house.disk, path, genesis=first.prev, guard=fence.check)
        journal.append([(event, now, None, record)])
    return f"journaled {path}"
