"""A book is taken over where its folder lies now, under its lock: looked at, raised, and its stops sent anew.

The edge of ``execution_v2.takeover``. Its records belong to no cycle, as a person's do; what the broker answered is
kept in ``observations/takeover.jsonl`` of the session.
"""

from collections.abc import Iterable, Sequence
from contextlib import closing

from execution_v2.broker.recorded import RecordingBroker
from execution_v2.desk import Desk
from execution_v2.ports import CycleInputs, Entry, JournalPort, Ports
from execution_v2.reduce import fold_records
from execution_v2.takeover import Taken, unread
from execution_v2.takeover import take_over as take
from flows import indexing
from flows.acting import acting
from flows.day import Day
from flows.house import House
from flows.settings import SIM, operable
from flows.stages import opening
from flows.timely import today
from ledger.spill import SpillingLines
from schemas.cycle import CycleKind
from schemas.errors import Denied, UsageFault
from schemas.journal import JournalRecord
from schemas.reasons.edge import EdgeCode
from schemas.reasons.execution import TakeoverCode

CALLS = "observations/takeover.jsonl"
"""Under the session: what a takeover asked the broker, and its answers."""


class _Outside:
    """A journal whose records belong to no cycle: a replay takes them as a person's."""

    def __init__(self, journal: JournalPort) -> None:
        self._journal = journal

    def append(self, entries: Iterable[Entry]) -> Sequence[JournalRecord]:
        return self._journal.append([(event, at, None, data) for event, at, _, data in entries])


def take_over(house: House, book_id: str, operator: str, reason: str) -> Taken:
    """Raise the epoch of *book_id* and send its stops anew.

    Errors: ``Denied`` TAKEOVER_MOVES_WITH_BOOK, TAKEOVER_BROKER_UNREAD, TAKEOVER_ORDER_UNSETTLED, LOCK_BUSY;
    ``UsageFault`` SESSION_NOT_OPEN, or for a book that cannot be reached.
    """
    if operable(book_id) == SIM:
        raise Denied(
            TakeoverCode.TAKEOVER_MOVES_WITH_BOOK,
            "the exchange of SIM is a file in the book's own folder, and moves with it",
            safe="nothing was changed",
            next="run the book where its folder is now",
        )
    with acting(house, book_id, "avwap operator takeover") as (world, guard):
        day = today(house, book_id, world)
        session = _opened(day, guard)
        carried, journal = session.carried, session.journal
        door = RecordingBroker(
            world.broker, world.feed, world.clock.now, SpillingLines(house.disk, day.path(CALLS)).append
        )
        with closing(indexing.settled(day, carried, journal.records)) as index:
            ports = Ports(
                broker=door,
                feed=door,
                journal=_Outside(journal),
                now=door.now,
                pause=world.pause,
                index=index,
            )
            desk = Desk(_inputs(day, session), ports, house.settings.cycle(book_id))
            _check_hours(desk, day)
            return take(desk, tuple(journal.records), operator, reason)


def _opened(day: Day, guard: opening.Guard) -> opening.Session:
    try:
        return opening.resume_session(day, guard)
    except UsageFault as error:
        if error.code != EdgeCode.SESSION_NOT_OPEN:
            raise
        raise UsageFault(
            EdgeCode.SESSION_NOT_OPEN,
            f"{day.session} of {day.book_id} is not open yet, so there is no journal that could say so",
            safe="nothing was changed; the stops at the broker stand",
            next=f"avwap premarket --book {day.book_id} --date {day.session}, then this again in the hours of it",
        ) from error


def _check_hours(desk: Desk, day: Day) -> None:
    """A broker exchanges no order outside its hours: the epoch could not be seen, and would promise what is not so."""
    clock = desk.clock()
    if clock is None:
        raise unread("clock", "no answer")
    if not clock.is_open:
        raise UsageFault(
            EdgeCode.NOT_DUE,
            "the exchange is shut, and takes no stop anew before it opens",
            safe="nothing was changed; the stops at the broker stand",
            next=f"keep the old machine off; avwap operator takeover --book {day.book_id} once it is open",
        )


def _inputs(day: Day, session: opening.Session) -> CycleInputs:
    """What the work on orders needs to know; nothing is entered, so that no file of the morning is read."""
    calendar = day.house.calendar
    return CycleInputs(
        book_id=day.book_id,
        session_date=day.session,
        data_session=day.previous,
        slot="takeover",
        kind=CycleKind.INTRADAY,
        state=fold_records(session.carried, session.journal.records),
        open_at=calendar.open_at(day.session),
        close_at=calendar.close_at(day.session),
        sessions=(day.session,),
        history={},
        marks={},
    )


def told(taken: Taken) -> list[str]:
    """What a takeover came to, one line each."""
    if not taken.reissued and not taken.left:
        return [
            f"epoch    {taken.epoch}: it stays, for no order of this book is at the broker that could show a new one",
            "so       keep the old machine off: until a first order of ours is there, only equal ids of equal orders",
            "         protect (the broker takes an id once); take over again when a stop stands",
        ]
    verb = "raised" if taken.raised else "was raised before"
    lines = [f"epoch    {taken.epoch} ({verb})"]
    for order in taken.reissued:
        lines.append(f"stop     {order.symbol} {order.quantity:f} at {order.stop:f}: {order.client_order_id}")
    for row in taken.left:
        lines.append(f"left     {row.symbol} {row.name}: {row.reason}; the next cycle here looks after it")
    return [
        *lines,
        "so       a process of an older epoch that wakes up sees this at the broker, and sends nothing",
    ]


def unseen(book_id: str, taken: Taken) -> Denied | None:
    """Why this is not yet a fence, where a stop was to be sent anew and none stands under the epoch."""
    if taken.is_seen or not taken.left:
        return None
    rows = ", ".join(f"{row.symbol} {row.reason}" for row in taken.left)
    return Denied(
        TakeoverCode.TAKEOVER_UNSEEN,
        f"epoch {taken.epoch} of {book_id} is raised, and no stop stands under it yet: {rows}",
        safe="the stops at the broker stand as they were; every order sent from here carries the new epoch",
        next=f"keep the old machine off; avwap cycle --book {book_id} here sends them anew, or this command again",
    )
