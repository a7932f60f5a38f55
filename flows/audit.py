"""The whole of a book's proof: bytes under seals, chains, schemas, links, and the state that each session carried."""

from datetime import date
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

import schemas
from execution_v2.reduce import empty_state, fold_records, state_digest
from flows.day import Day
from flows.house import House
from flows.progress import bar
from flows.settings import book_of
from ledger import layout
from ledger.artifacts import Written
from ledger.canonical import digest
from ledger.carry import check_carried
from ledger.check import Fault
from ledger.memo import Memo
from ledger.seal import sessions_of
from ledger.verify import Report, verify
from schemas.errors import Corrupt, UsageFault
from schemas.events import EVENTS
from schemas.header import Artifact
from schemas.reasons.edge import EdgeCode


@cache
def models() -> dict[str, type[Artifact]]:
    """Schema name -> model, of every artifact there is."""
    for module in iter_modules(schemas.__path__):
        import_module(f"schemas.{module.name}")
    found: dict[str, type[Artifact]] = {}
    rest = list(Artifact.__subclasses__())
    while rest:
        model = rest.pop()
        rest += model.__subclasses__()
        if model.__module__.startswith("schemas."):
            found[model.SCHEMA] = model
    return found


def check_seal(day: Day) -> Written:
    """Verify the session that was just sealed, so that a disk that kept something else is told today.

    What is learnt here is remembered: a later ``avwap verify`` of the book only hashes it.
    Errors: ``Corrupt`` with the first fault.
    """
    memo = Memo(day.house.root / layout.index(day.book_id))
    try:
        report = verify(day.house.disk, day.book_id, day.session, day.session, models(), EVENTS, memo=memo)
    finally:
        memo.close()
    if report.faults:
        first = report.faults[0]
        raise Corrupt(
            first.code,
            f"{first.path} {first.pointer}: {first.detail or 'is not what was sealed'}",
            safe="every byte is kept; stops at the broker stand",
            next=f"avwap verify --book {day.book_id} names every fault; then look at the disk",
        )
    path = layout.manifest(day.book_id, day.session)
    return Written(path=path, sha256=digest(day.house.disk.read(path)), status="verified")


def audit(
    house: House, book_id: str, first: date | None, last: date | None, *, fresh: bool, quiet: bool
) -> tuple[Report, tuple[Fault, ...]]:
    """Verify a book. *fresh*: judge every schema again. Errors: ``UsageFault`` if the book has no folder."""
    book_of(book_id)
    known = sessions_of(house.disk, book_id) if house.root.joinpath(book_id).is_dir() else ()
    wanted = [each for each in known if (first or each) <= each <= (last or each)]
    if not wanted:
        # A proof of nothing must not read as a proof.
        span = f" between {first or known[0]} and {last or known[-1]}" if known else ""
        raise UsageFault(
            EdgeCode.SESSION_NOT_OPEN,
            f"{book_id} has no session{span} below {house.root}",
            safe="nothing was changed",
            next=f"it has {known[0]} to {known[-1]}"
            if known
            else f"avwap day --book {book_id} --date YYYY-MM-DD, or name another --home",
        )
    memo = None if fresh else Memo(house.root / layout.index(book_id))
    try:
        with bar("verifying", len(wanted), quiet=quiet) as step:
            done = 0

            def told(session: date) -> None:
                nonlocal done
                done += 1
                step(done, str(session))

            report = verify(house.disk, book_id, first, last, models(), EVENTS, memo=memo, progress=told)
    finally:
        if memo is not None:
            memo.close()
    carried = check_carried(
        house.disk,
        book_id,
        first,
        last,
        empty_state(),
        lambda state, records: fold_records(state, records),
        state_digest,
    )
    return report, (*report.faults, *carried)
