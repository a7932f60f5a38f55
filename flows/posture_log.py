"""The history of a posture is read from the journals of its sessions, each checked as it is for any other measure."""

from datetime import date
from typing import Any

from analytics.posture_history import Change, History, fold
from flows.house import House
from flows.reliability import kept_sessions, session_log
from flows.settings import book_of, opens
from flows.words import words
from ledger import layout
from ledger.artifacts import ReadFault, read_chain
from schemas.base import SessionDate
from schemas.book import Book, BookState
from schemas.errors import UsageFault
from schemas.header import InputRef
from schemas.reasons.edge import EdgeCode
from schemas.tick import Posture

HELD_BACK = ("refused", "made smaller")


def history(house: House, book_id: str, first: date | None, last: date | None) -> History:
    """What a book knew from *first* to *last*, both included; None: from its first session, to its last.

    Errors: ``UsageFault`` SESSION_NOT_OPEN if it has no session there; ``Corrupt`` for a journal that is broken or is
    not the one that was sealed.
    """
    book_of(book_id)
    known = kept_sessions(house, book_id)
    mine = [each for each in known if (first or each) <= each <= (last or each)]
    if not mine:
        raise UsageFault(
            EdgeCode.SESSION_NOT_OPEN,
            f"{book_id} has no session from {first or 'its first'} to {last or 'its last'} below {house.root}",
            safe="nothing was written",
            next=f"its sessions are those of {known[0]} to {known[-1]}"
            if known
            else f"{opens(book_id, 'YYYY-MM-DD')}, or name another --home",
        )
    refs: list[InputRef] = []
    logs = [session_log(house, book_id, each, refs) for each in mine]
    return fold(logs, _opening(house, book_id, mine[0]))


def bands(house: House) -> dict[str, float]:
    """Debt from which on each posture is reached."""
    config = house.settings.posture
    return {
        Posture.YELLOW.value: config.band_yellow,
        Posture.ORANGE.value: config.band_orange,
        Posture.RED.value: config.band_red,
    }


def body(book_id: str, found: History) -> dict[str, Any]:
    """All of a history but its ticks, for ``--json``."""
    return {
        "book": book_id,
        "from": str(found.sessions[0].session),
        "to": str(found.sessions[-1].session),
        "sessions": len(found.sessions),
        "worst": found.worst.value,
        "seconds": {
            "posture": found.seconds(lambda moment: moment.posture.value),
            "lifecycle": found.seconds(lambda moment: moment.lifecycle.value),
            "cause": found.seconds(lambda moment: moment.causes[0] if moment.causes else ""),
        },
        "changes": [_change(row) for row in found.changes],
        "clamped": [
            {
                "at": row.at.isoformat(),
                "session": str(row.session),
                "slot": row.slot,
                "symbol": row.symbol,
                "outcome": HELD_BACK[not row.is_refused],
                "codes": list(row.codes),
            }
            for row in found.clamped
        ],
        "divergences": dict(found.divergences),
    }


def _change(row: Change) -> dict[str, Any]:
    return {
        "what": row.what,
        "at": row.at.isoformat(),
        "session": str(row.session),
        "slot": row.slot,
        "from": row.before,
        "to": row.after,
        "causes": list(row.causes),
        "words": words(row.causes[0]) if row.causes else "",
        "active_s": row.active_s,
        "open": row.is_open,
    }


def _opening(house: House, book_id: str, session: SessionDate) -> BookState | None:
    """The book as the first morning found it; None: nobody knows, and the first tick is the first thing known."""
    path = f"{layout.day(book_id, session)}/observations/book.json"
    found = read_chain(house.disk, path, Book, book_id, session)
    return None if isinstance(found, ReadFault) else found.artifact.state
