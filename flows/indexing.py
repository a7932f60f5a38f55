"""The index follows the journals: before a cycle it is made to agree with them, and at any time from them alone."""

from collections.abc import Iterator, Sequence

from execution_v2.index import IndexRow, rows_of
from execution_v2.reduce import fold_records
from execution_v2.store import IntentIndex
from flows.day import Day
from flows.house import House
from ledger import layout
from ledger.journal import parse_chain
from ledger.seal import sessions_of
from schemas.base import SessionDate
from schemas.book import BookState
from schemas.journal import JournalRecord


def settled(day: Day, carried: BookState, records: Sequence[JournalRecord]) -> IntentIndex:
    """The book's index as *records* of the session left it; ``trouble`` says why where it cannot be used."""
    index = opened(day.house, day.book_id)
    index.settle(fold_records(carried, records), day.session, lambda: journaled(day.house, day.book_id))
    return index


def opened(house: House, book_id: str) -> IntentIndex:
    """The book's index, made if there is none."""
    return IntentIndex(house.root / layout.index(book_id))


def journaled(house: House, book_id: str) -> dict[str, IndexRow]:
    """What the journals of the book say that the index should hold. Errors: ``JournalCorrupt``."""
    return rows_of(journals(house, book_id))


def journals(house: House, book_id: str) -> Iterator[tuple[SessionDate, Sequence[JournalRecord]]]:
    """Every journal of the book, oldest session first. Errors: ``JournalCorrupt``."""
    for session in sessions_of(house.disk, book_id) if house.root.joinpath(book_id).is_dir() else ():
        path = layout.journal(book_id, session)
        if house.disk.exists(path):
            yield session, parse_chain(house.disk.read(path), path).records
