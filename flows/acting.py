"""A command that acts for a book is refused before it leaves a trace, and then holds the book alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

from flows.day import Day, open_day, sealed
from flows.house import House
from flows.settings import SIM, operable
from flows.world import World, open_world
from ledger import layout
from ledger.lock import BookLock
from ledger.seal import sessions_of
from schemas.errors import UsageFault
from schemas.reasons.edge import EdgeCode


@contextmanager
def acting(house: House, book_id: str, owner: str) -> Iterator[tuple[World, Callable[[], None]]]:
    """Hold the book and open its outside: the world, and the guard that each append asks.

    Errors: ``Denied`` LOCK_BUSY at once if another process holds it.
    """
    operable(book_id)
    with BookLock(house.root, book_id).acquire(owner) as fence:
        world = open_world(house, book_id)
        try:
            yield world, fence.check
        finally:
            world.close()


def ready_day(house: House, book_id: str, on: date) -> Day:
    """The day of *on*, if it can be run or recomputed; asked before the lock, so that a refusal leaves no trace.

    Errors: ``UsageFault`` for a book, a date or a session that cannot be meant.
    """
    day = open_day(house, operable(book_id), on)
    if sealed(day) is None:
        check_ready(house, day)
    return day


def check_ready(house: House, day: Day) -> None:
    """Refuse before anything is written: a session without bars, or one that others came after."""
    newest = _last_index(house)
    # Our own exchange plays the session from the store; at a broker it plays itself, and is judged by bars up to P.
    needed = day.session if day.book_id == SIM else day.previous
    at = house.calendar.index(needed)
    assert at is not None
    if at > newest:
        raise UsageFault(
            EdgeCode.BARS_ABSENT_FOR_SESSION,
            f"the store's last bar is of {house.calendar.at(newest)}: "
            + (
                f"the exchange cannot play {day.session}" if needed == day.session else f"{needed} is missing"
            ),
            safe="nothing was started",
            next="import later bars, or choose an earlier session",
        )
    known = sessions_of(house.disk, day.book_id) if house.root.joinpath(day.book_id).is_dir() else ()
    # A folder without a journal is a scan made ahead: it was not run.
    later = [
        each for each in known if each > day.session and house.disk.exists(layout.journal(day.book_id, each))
    ]
    if later and sealed(day) is None:
        raise UsageFault(
            EdgeCode.SESSION_ALREADY_PAST,
            f"{day.book_id} has already run {later[-1]}; {day.session} was never part of it",
            safe="nothing was started",
            next="choose a later session, or another AVWAP_HOME for another history",
        )


def _last_index(house: House) -> int:
    return int(house.sidecar.session.max()) if len(house.sidecar.session) else 0
