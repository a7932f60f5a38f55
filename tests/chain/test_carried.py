"""A book that was run is proved whole by its audit, and one byte anywhere under its seals is missed."""

import random
from pathlib import Path
from typing import Final

import pytest

from execution_v2.reduce import state_digest
from flows.audit import audit
from flows.day import open_day
from flows.house import House
from flows.stages.close import close_seal
from ledger import layout
from ledger.check import Fault
from ledger.seal import sessions_of
from schemas.book import Book
from schemas.reasons.ledger import LedgerCode
from tests.chain.days import BOOK, STOP_DAY, Ground, play

FLIPS: Final = 60


@pytest.fixture
def book(tiny_ground: Ground, tmp_path: Path) -> House:
    """A book of three weeks, sealed session by session. Files are other names of the warm-up's: replace, never edit."""
    return tiny_ground.house(tiny_ground.fresh(tmp_path / "home", STOP_DAY))


def faults_of(house: House) -> tuple[Fault, ...]:
    return audit(house, BOOK, None, None, fresh=False, quiet=True)[1]


def sealed_files(house: House) -> list[str]:
    days = [layout.day(BOOK, session) for session in sessions_of(house.disk, BOOK)]
    return [path for day in days for path in house.disk.list(day) if not path.endswith(layout.REPORT)]


def test_a_book_of_three_weeks_has_no_fault(book: House) -> None:
    report, faults = audit(book, BOOK, None, None, fresh=True, quiet=True)
    assert () == faults
    assert () == report.unsealed
    assert len(report.sessions) >= 22


@pytest.mark.timeout(240)
def test_a_flipped_byte_anywhere_in_a_sealed_folder_is_found_and_its_file_named(book: House) -> None:
    assert () == faults_of(book)
    chance = random.Random("flips")
    files = sealed_files(book)
    missed = []
    for _ in range(FLIPS):
        path = chance.choice(files)
        data = book.disk.read(path)
        at, bit = chance.randrange(len(data)), chance.randrange(8)
        book.disk.write(path, data[:at] + bytes((data[at] ^ 1 << bit,)) + data[at + 1 :])
        if path not in {fault.path for fault in faults_of(book)}:
            missed.append((path, at, bit))
        book.disk.write(path, data)
    assert [] == missed
    assert () == faults_of(book)


def test_a_carried_state_that_was_made_up_is_found_though_its_day_was_sealed_anew(book: House) -> None:
    session = sessions_of(book.disk, BOOK)[-1]
    day = open_day(book, BOOK, session)
    kept = day.need("test", "observations/book.json", Book)
    richer = kept.artifact.state.model_copy(update={"cash": kept.artifact.state.cash + 1_000_000})
    for name in ("observations/book.json", layout.MANIFEST):
        (book.root / day.path(name)).unlink()
    day.write(
        "observations/book.json", Book(state=richer, state_sha256=state_digest(richer)), kept.header.inputs
    )
    close_seal(day)
    play(book, STOP_DAY)  # a fresh process reads that one folder, and takes its word
    told = {(fault.code, fault.path) for fault in faults_of(book)}
    assert (LedgerCode.CARRIED_STATE_DIFFERS, layout.journal(BOOK, STOP_DAY)) in told
