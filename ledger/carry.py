"""What a session says it carries over is what all the journals before it add up to.

A session opens with the hash of the state that it took from the last sealed day, so that a fresh process
needs one folder and not the whole history. Here the whole history is folded, and every such hash compared.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final, TypeVar

from ledger import layout
from ledger.check import Fault
from ledger.disk import Disk
from ledger.journal import parse_chain
from ledger.seal import sessions_of
from schemas.errors import Corrupt
from schemas.journal import JournalRecord
from schemas.reasons.ledger import LedgerCode

S = TypeVar("S")

POINTER: Final = "/data/carried_state_sha256"


def check_carried(
    disk: Disk,
    book_id: str,
    first: date | None,
    last: date | None,
    start: S,
    fold: Callable[[S, Sequence[JournalRecord]], S],
    state_digest: Callable[[S], str],
) -> tuple[Fault, ...]:
    """Compare the ``carried_state_sha256`` of each session from *first* to *last* with the fold before it.

    Args:
        start: the state of a book without history.
        fold, state_digest: the rules of the state's owner.
    Returns: CARRIED_STATE_DIFFERS per session that differs; or one JOURNAL_CORRUPT where the fold had to end.
    """
    faults = []
    state = start
    for session in sessions_of(disk, book_id):
        path = layout.journal(book_id, session)
        if (last is not None and session > last) or not disk.exists(path):
            continue
        try:
            records = parse_chain(disk.read(path), path).records
            named = records[0].data.get("carried_state_sha256") if records else None
            if isinstance(named, str) and (first or session) <= session and named != state_digest(state):
                code, actual = LedgerCode.CARRIED_STATE_DIFFERS, state_digest(state)
                detail = "line 1 names another state than the journals before it lead to"
                faults.append(
                    Fault(code=code, path=path, pointer=POINTER, expected=named, actual=actual, detail=detail)
                )
            # An unsealed day that was left behind carries nothing over; the newest folder may be under way.
            if disk.exists(layout.manifest(book_id, session)):
                state = fold(state, records)
        except Corrupt as error:
            faults.append(Fault(code=LedgerCode.JOURNAL_CORRUPT, path=path, detail=error.message))
            break
    return tuple(faults)
