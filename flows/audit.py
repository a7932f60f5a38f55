"""The whole of a book's proof: bytes under seals, chains, schemas, links, and the state that each session carried."""

from datetime import date
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

import schemas
from execution_v2.reduce import empty_state, fold_records, state_digest
from flows.house import House
from flows.progress import bar
from flows.settings import book_of
from ledger import layout
from ledger.carry import check_carried
from ledger.check import Fault
from ledger.memo import Memo
from ledger.verify import Report, verify
from schemas.errors import UsageFault
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
        found[model.SCHEMA] = model
    return found


def audit(
    house: House, book_id: str, first: date | None, last: date | None, *, fresh: bool, quiet: bool
) -> tuple[Report, tuple[Fault, ...]]:
    """Verify a book. *fresh*: judge every schema again. Errors: ``UsageFault`` if the book has no folder."""
    book_of(book_id)
    if not house.root.joinpath(book_id).is_dir():
        raise UsageFault(
            EdgeCode.SESSION_NOT_OPEN,
            f"{book_id} has no session yet below {house.root}",
            safe="nothing was changed",
            next=f"avwap day --book {book_id} --date YYYY-MM-DD, or name another --home",
        )
    memo = None if fresh else Memo(house.root / layout.index(book_id))
    total = len([name for name in house.disk.folders(book_id) if layout.session_of(name)])
    try:
        with bar("verifying", total, quiet=quiet) as step:
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
