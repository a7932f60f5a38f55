"""Where everything lies: a path is a function of book, session and name, and nothing else knows the folders.

Paths are POSIX text relative to the data root (``ledger/`` under the home).
"""

import re
from collections.abc import Sequence
from datetime import date
from typing import Final

MARKET: Final = "MARKET"
KILL_SWITCH: Final = "KILL_SWITCH"
"""The file in the root that stops every book."""
MANIFEST: Final = "manifest.json"
JOURNAL: Final = "journal.jsonl"
JOURNAL_TORN: Final = "journal.torn"
REPORT: Final = "report.html"
OUTSIDE_SEAL: Final = frozenset({MANIFEST, REPORT})
"""Files of a day's folder that its seal does not list: itself, and what is rendered after it."""

BESIDE: Final = ("rolling", "reliability", "replay")
"""Folders beside the days, with files that are named by a session or by a week; no seal lists them."""

DAY_STAGES: Final[Sequence[str]] = ("regime", "scan", "candidates", "decisions", "enforcement")
CYCLE_STAGES: Final[Sequence[str]] = ("execution", "stops")
CLOSE_STAGES: Final[Sequence[str]] = ("trades", "snapshot", "reconciliation", "attribution", "parity")
STAGES: Final[Sequence[str]] = (*DAY_STAGES, *CYCLE_STAGES, *CLOSE_STAGES, "seal")
"""Every stage in the order in which a day runs them."""

_BOOK = re.compile(r"[A-Z][A-Z0-9_]{0,39}")
_SLOT = re.compile(r"[0-2][0-9][0-5][0-9](-[1-9][0-9]?)?")
_REVISED = re.compile(r"(?P<stem>.+)\.r(?P<number>[1-9][0-9]*)\.json")
_WEEK = re.compile(r"[0-9]{4}-W[0-5][0-9]")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def book(book_id: str) -> str:
    """The folder of a book."""
    assert _BOOK.fullmatch(book_id), f"{book_id!r} is no book id"
    return book_id


def day(book_id: str, session: date) -> str:
    """The folder of one session of a book."""
    return f"{book(book_id)}/{session.isoformat()}"


def artifact(book_id: str, session: date, stage: str) -> str:
    """The file of a stage that runs once a day."""
    return f"{day(book_id, session)}/{stage}.json"


def observations(book_id: str, session: date, slot: str | None = None) -> str:
    """The folder of what was received from outside: for the day, or in one cycle."""
    return f"{day(book_id, session) if slot is None else cycle(book_id, session, slot)}/observations"


def cycle(book_id: str, session: date, slot: str) -> str:
    """The folder of one execution cycle; *slot* is ``0935``, or ``0935-2`` for a second run in the slot."""
    assert _SLOT.fullmatch(slot), f"{slot!r} is no cycle slot"
    return f"{day(book_id, session)}/cycles/{slot}"


def evidence(book_id: str, session: date, slot: str, evidence_id: str) -> str:
    """The folder of what one finding of a cycle rests on."""
    return f"{cycle(book_id, session, slot)}/evidence/{evidence_id}"


def journal(book_id: str, session: date) -> str:
    """The journal of one session."""
    return f"{day(book_id, session)}/{JOURNAL}"


def manifest(book_id: str, session: date) -> str:
    """The seal of one session."""
    return f"{day(book_id, session)}/{MANIFEST}"


def report(book_id: str, session: date) -> str:
    """The page rendered after the seal."""
    return f"{day(book_id, session)}/{REPORT}"


def sheet(book_id: str, first: date, last: date) -> str:
    """The page of a range, outside every seal."""
    return f"{book(book_id)}/reports/{first.isoformat()}_{last.isoformat()}.html"


def rolling(book_id: str, sessions: int, session: date) -> str:
    """A measure over the last *sessions* sessions, as of one."""
    return f"{book(book_id)}/rolling/{sessions}D/{session.isoformat()}.json"


def reliability(book_id: str, week: str) -> str:
    """What one ISO week (``2026-W13``) came to, beside the days and outside every seal."""
    assert _WEEK.fullmatch(week), f"{week!r} is no ISO week"
    return f"{book(book_id)}/reliability/{week}.json"


def replay(book_id: str, session: date) -> str:
    """What a rerun of a session found."""
    return f"{book(book_id)}/replay/{session.isoformat()}.json"


def outbox(book_id: str) -> str:
    """Messages to people, outside every seal."""
    return f"{book(book_id)}/outbox.jsonl"


def index(book_id: str) -> str:
    """The SQLite index: rebuilt at will, never the truth."""
    return f"{book(book_id)}/index.sqlite"


def lock(book_id: str) -> str:
    """Who acts for the book."""
    return f"{book(book_id)}/lock"


def exchange(book_id: str) -> str:
    """The simulated exchange's own record, which no stage reads."""
    return f"{book(book_id)}/exchange.jsonl"


def breaker(book_id: str) -> str:
    """How the line to the broker stood when the last process let it go; outside every seal."""
    return f"{book(book_id)}/breaker.json"


def dry(book_id: str, session: date, slot: str) -> str:
    """The folder of what a cycle would have done; no part of any day."""
    return f"{book(book_id)}/dry/{session.isoformat()}/{slot}"


def control(book_id: str, name: str) -> str:
    """What an operator sets."""
    return f"{book(book_id)}/control/{name}"


def spill(book_id: str) -> str:
    """Records that the journal could not take yet."""
    return control(book_id, "spill.jsonl")


def market(name: str = "") -> str:
    """The bar store's folder, or a file in it."""
    return f"{MARKET}/{name}" if name else MARKET


def regime_log() -> str:
    """The regime of every session measured so far."""
    return market("regime.jsonl")


def revision(path: str, number: int) -> str:
    """*path* in its revision *number*: ``decisions.json`` is 1, ``decisions.r2.json`` is 2."""
    assert number >= 1, "revisions count from 1"
    assert path.endswith(".json"), "only artifacts are revised"
    return path if number == 1 else f"{path.removesuffix('.json')}.r{number}.json"


def split_revision(path: str) -> tuple[str, int]:
    """``decisions.r2.json`` -> (``decisions.json``, 2); the first edition of a file is 1."""
    found = _REVISED.fullmatch(path)
    return (f"{found['stem']}.json", int(found["number"])) if found else (path, 1)


def week_of(name: str) -> tuple[int, int] | None:
    """(year, week) of the ISO week that names a file (``2026-W13``), or ``None``."""
    return (int(name[:4]), int(name[6:])) if _WEEK.fullmatch(name) else None


def session_of(folder: str) -> date | None:
    """The date that names a folder, or ``None`` for ``control``, ``rolling`` and the like."""
    if not _DAY.fullmatch(folder):
        return None
    try:
        return date.fromisoformat(folder)
    except ValueError:
        return None
