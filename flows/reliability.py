"""A week's numbers are printed while the week runs, and written once when the last of its sessions is sealed.

Sealed journals do not change, so the file cannot either; another version of the code, which may count otherwise,
writes its own revision beside the first.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from analytics.reliability import SessionLog, WeekInputs, run
from analytics.reliability_unknown import UNKNOWN
from flows.house import House
from flows.settings import book_of, opens
from ledger import artifacts, layout
from ledger.artifacts import Context, Loaded, ReadFault, Written, read_chain
from ledger.canonical import digest
from ledger.journal import parse_chain
from ledger.seal import read_manifest, sessions_of
from schemas.base import SessionDate
from schemas.book import Book, BookState
from schemas.errors import Corrupt, UsageFault
from schemas.header import CODE_VERSION, InputRef
from schemas.reasons.edge import EdgeCode
from schemas.reasons.ledger import ReadFaultCode
from schemas.reliability import Reliability

_WEEK: Final = re.compile(r"(?P<year>[0-9]{4})-W(?P<week>[0-9]{2})")
_WEEK_DAYS: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A week, and what it was measured from. waits_for: its sessions that are not sealed yet, none if it is over."""

    book_id: str
    reliability: Reliability
    waits_for: tuple[SessionDate, ...]
    inputs: tuple[InputRef, ...]
    config_sha256: str | None
    """The settings under which its last session was sealed; None while that is open."""


def monday_of(text: str) -> date:
    """The first day of the ISO week that *text* names (``2026-W13``), or that its date lies in.

    Errors: ``ValueError`` for anything else.
    """
    found = _WEEK.fullmatch(text)
    if found is not None:
        return date.fromisocalendar(int(found["year"]), int(found["week"]), 1)
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(f"{text!r} is neither a week nor a date")
    day = date.fromisoformat(text)
    return day - timedelta(days=day.weekday())


def measure(house: House, book_id: str, monday: date) -> Measured:
    """The week that begins on *monday*, from the journals of its sessions.

    Errors: ``UsageFault`` SESSION_NOT_OPEN if the book has none of them; ``Corrupt`` for a journal that is broken or is
    not the one that was sealed, and for a damaged ``book.json``.
    """
    book_of(book_id)
    year, number, _ = monday.isocalendar()
    week, last = f"{year:04d}-W{number:02d}", monday + timedelta(days=_WEEK_DAYS - 1)
    known = kept_sessions(house, book_id)
    mine = [each for each in known if monday <= each <= last]
    if not mine:
        raise UsageFault(
            EdgeCode.SESSION_NOT_OPEN,
            f"{book_id} has no session in {week}, {monday} to {last}, below {house.root}",
            safe="nothing was written",
            next=f"its sessions are those of {known[0]} to {known[-1]}: name a week of theirs"
            if known
            else f"{opens(book_id, 'YYYY-MM-DD')}, or name another --home",
        )
    due = [each for each in house.calendar.sessions(monday, last) if each >= known[0]]
    waits = [each for each in due if not house.disk.exists(layout.manifest(book_id, each))]
    refs: list[InputRef] = []
    opening, first = _opening(house, book_id, mine[0], known, refs)
    logs = [session_log(house, book_id, each, refs) for each in known if first <= each <= mine[-1]]
    measured = run(
        WeekInputs(
            week=week,
            logs=[log for log in logs if log.session >= mine[0]],
            opening=opening,
            before=[log for log in logs if log.session < mine[0]],
        )
    )
    return Measured(
        book_id=book_id,
        reliability=measured,
        waits_for=tuple(waits),
        inputs=tuple(refs),
        config_sha256=_config_of(house, book_id, mine[-1]),
    )


def keep(house: House, measured: Measured) -> Written | None:
    """Write the week's file; None while a session of it is not sealed.

    Errors: ``ArtifactDivergence`` if this version of the code wrote other bytes; ``Corrupt`` if what is there is
    damaged.
    """
    if measured.waits_for:
        return None
    found = measured.reliability
    assert measured.config_sha256 is not None, "the last session of a week that is over is sealed"
    ctx = Context(
        book_id=measured.book_id, session_date=found.sessions[-1], config_sha256=measured.config_sha256
    )
    path, disk = layout.reliability(measured.book_id, found.week), house.disk
    if not disk.exists(path):
        return artifacts.write(disk, path, found, ctx, measured.inputs)
    before = read_chain(disk, path, Reliability, measured.book_id, ctx.session_date)
    if isinstance(before, ReadFault):
        raise _damaged(before.code, before.finding.subject, before.finding.detail)
    if before.header.code_version != CODE_VERSION:
        return artifacts.revise(disk, path, found, ctx, measured.inputs)
    again = artifacts.write if before.ref.path == path else artifacts.restate
    return again(disk, path, found, ctx, measured.inputs)


def kept_sessions(house: House, book_id: str) -> tuple[SessionDate, ...]:
    """The book's sessions that have a journal, oldest first."""
    every = sessions_of(house.disk, book_id) if house.root.joinpath(book_id).is_dir() else ()
    return tuple(each for each in every if house.disk.exists(layout.journal(book_id, each)))


def _opening(
    house: House,
    book_id: str,
    first: SessionDate,
    known: tuple[SessionDate, ...],
    refs: list[InputRef],
) -> tuple[BookState, SessionDate]:
    """(the book as the morning of a session found it, that session): *first*, or as far back as is needed to see when
    each order that was unknown on that morning became so."""
    while True:
        path = f"{layout.day(book_id, first)}/observations/book.json"
        found = read_chain(house.disk, path, Book, book_id, first)
        if isinstance(found, ReadFault):
            raise _damaged(found.code, found.finding.subject, found.finding.detail)
        state = found.artifact.state
        sent = [order.session_date for order in state.orders if order.state in UNKNOWN]
        earlier = [each for each in known if sent and min(sent) <= each < first]
        if not earlier:
            refs.append(found.ref)
            return state, first
        first = earlier[0]


def session_log(house: House, book_id: str, session: SessionDate, refs: list[InputRef]) -> SessionLog:
    """The journal of *session*, which is added to *refs*. Errors: ``Corrupt`` if it is not the one that was sealed."""
    path = layout.journal(book_id, session)
    data = house.disk.read(path)
    ref = InputRef(path=path, sha256=digest(data))
    sealed = read_manifest(house.disk, book_id, session)
    if isinstance(sealed, Loaded):
        wanted = {f"{layout.day(book_id, session)}/{row.path}": row.sha256 for row in sealed.artifact.files}
        if wanted.get(path) != ref.sha256:
            raise _damaged(ReadFaultCode.DIGEST_MISMATCH, path, "it is not the journal that was sealed")
    elif sealed.code is not ReadFaultCode.MISSING:
        raise _damaged(sealed.code, sealed.finding.subject, sealed.finding.detail)
    refs.append(ref)
    return SessionLog(
        session=session,
        open_at=house.calendar.open_at(session),
        close_at=house.calendar.close_at(session),
        records=parse_chain(data, path).records,
    )


def _config_of(house: House, book_id: str, session: SessionDate) -> str | None:
    sealed = read_manifest(house.disk, book_id, session)
    return sealed.header.config_sha256 if isinstance(sealed, Loaded) else None


def _damaged(code: ReadFaultCode, path: str, detail: str) -> Corrupt:
    return Corrupt(
        code,
        f"{path}: {detail or code}",
        safe="nothing was written, and no stage reads these numbers",
        next=f"avwap verify --book {path.partition('/')[0]} names every fault",
    )
