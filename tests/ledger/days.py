"""A book of three small sessions, with every kind of file that a day can hold."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import ClassVar

from ledger import layout
from ledger.artifacts import Context, Written, revise, write, write_once
from ledger.disk import Disk, LocalDisk
from ledger.journal import Entry, Journal
from ledger.seal import Sealed, last_sealed, seal
from schemas.base import Fact, Measure4, Price, SessionDate
from schemas.header import Artifact
from schemas.journal import ZEROS

BOOK = "SIM"
SESSIONS = tuple(SessionDate(date(2016, 6, day)) for day in (1, 2, 3))
FIRST, SECOND, THIRD = SESSIONS
CONFIG = "c" * 64


class Row(Fact):
    symbol: str
    close: Price
    slope: Measure4 | None


class Sighting(Artifact):
    """Stands for a scan."""

    SCHEMA: ClassVar[str] = "sighting"
    STAGE: ClassVar[str] = "scan"
    rows: tuple[Row, ...]


class Choice(Artifact):
    """Stands for what is made from a scan."""

    SCHEMA: ClassVar[str] = "choice"
    VERSION: ClassVar[int] = 2
    STAGE: ClassVar[str] = "decisions"
    symbols: tuple[str, ...]


class Opened(Fact):
    prev_tail: str


class Sent(Fact):
    symbol: str
    price: Price


MODELS: dict[str, type[Artifact]] = {"sighting": Sighting, "choice": Choice}
EVENTS: dict[str, type[Fact]] = {"session.opened": Opened, "order.sent": Sent}


def context(session: date = FIRST, book_id: str = BOOK) -> Context:
    return Context(book_id=book_id, session_date=session, config_sha256=CONFIG)


def sighting(*symbols: str) -> Sighting:
    return Sighting(rows=tuple(Row(symbol=each, close="96.0000", slope=0.0125) for each in symbols))


def at(session: date, hour: int, minute: int = 0) -> datetime:
    return datetime(session.year, session.month, session.day, hour, minute, tzinfo=UTC)


def write_scan(disk: Disk, session: date) -> Written:
    return write(disk, layout.artifact(BOOK, session, "scan"), sighting("AAPL", "MSFT"), context(session), [])


def live_through(disk: Disk, session: SessionDate, carried: str = ZEROS) -> Sealed:
    """One whole session; restarting it after a crash, at any step, comes to the same end."""
    ctx = context(session)
    account = b'{"cash": "100000.00",\n "as": "received"}'
    write_once(disk, f"{layout.observations(BOOK, session)}/account.json", account)
    scan = write_scan(disk, session)
    decided = write(
        disk, layout.artifact(BOOK, session, "decisions"), Choice(symbols=("AAPL",)), ctx, [scan.ref]
    )
    corrected = revise(disk, decided.path, Choice(symbols=("AAPL", "MSFT")), ctx, [scan.ref])
    journal = Journal.open(disk, layout.journal(BOOK, session))
    entries: list[Entry] = [
        ("session.opened", at(session, 13, 30), None, Opened(prev_tail=carried)),
        ("order.sent", at(session, 13, 35), "0935", Sent(symbol="AAPL", price="96.0000")),
        ("order.sent", at(session, 13, 35), "0935", Sent(symbol="MSFT", price="51.2500")),
    ]
    journal.append(entries[len(journal.records) :])
    stops = f"{layout.cycle(BOOK, session, '0935')}/stops.json"
    write(disk, stops, sighting("AAPL"), ctx, [corrected.ref])
    return seal(disk, ctx, last_sealed(disk, BOOK, session))


def make_book(root: Path, sessions: int = 3) -> LocalDisk:
    """The first *sessions* sessions of the book, sealed."""
    disk = LocalDisk(root)
    carried = ZEROS
    for session in SESSIONS[:sessions]:
        live_through(disk, session, carried)
        carried = Journal.open(disk, layout.journal(BOOK, session)).tail
    return disk
