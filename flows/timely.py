"""A step of a book at a broker is taken when it is due, by that book's clock; only our own exchange is rewound."""

from datetime import date, datetime

from flows.clocks import ExchangeClock
from flows.day import Day, open_day, past_day
from flows.house import House
from flows.settings import SIM
from flows.stages import slots
from flows.stages.slots import Slot
from flows.world import World
from market.feed import ReadFailed
from schemas.errors import Denied, UsageFault
from schemas.reasons.edge import EdgeCode


def check_morning(day: Day, world: World) -> None:
    """Refuse a morning that is not this one's: what is observed now is no fact of another day. Errors: NOT_DUE,
    CLOCK_UNREAD."""
    _check_heard(world)
    if not world.is_stepped and _local_date(world.clock.now()) != day.session:
        raise _not_due(
            f"{day.book_id} is observed as it is now, and it is {_said(world.clock.now())}",
            next=f"avwap premarket --book {day.book_id} --date {_local_date(world.clock.now())}",
        )


def check_close(day: Day, world: World) -> None:
    """Refuse to close a session that is not over. Errors: ``UsageFault`` NOT_DUE; ``Denied`` CLOCK_UNREAD."""
    closes = day.house.calendar.close_at(day.session)
    _check_heard(world)
    if not world.is_stepped and world.clock.now() < closes:
        raise _not_due(
            f"{day.session} of {day.book_id} ends at {_said(closes)}, and it is {_said(world.clock.now())}",
            next=f"avwap cycle --book {day.book_id} until then",
        )


def check_playable(day: Day, world: World) -> None:
    """Refuse to play a whole session at once where a broker plays it. Errors: ``UsageFault`` NOT_DUE."""
    if not world.is_stepped:
        raise _not_due(
            f"a session of {day.book_id} happens at its broker, and cannot be played at once",
            next="avwap premarket, avwap cycle every five minutes, and avwap close take it step by step",
        )


def today(house: House, book_id: str, world: World) -> Day:
    """The session that is on by the clock of *world*. Errors: ``UsageFault`` NOT_A_SESSION; ``Denied`` CLOCK_UNREAD."""
    _check_heard(world)
    return open_day(house, book_id, _local_date(world.clock.now()))


def cycle_due(
    house: House, book_id: str, world: World, on: date | None, name: str | None
) -> tuple[Day, Slot]:
    """The session and the cycle that are meant: of the SIM book by date and slot, of any other the one due now.

    Errors: ``UsageFault`` NOT_DUE, NOT_A_SESSION, USAGE; ``Denied`` CLOCK_UNREAD.
    """
    if world.is_stepped:
        return _meant(house, book_id, on, name)
    _check_heard(world)
    now = world.clock.now()
    day = open_day(house, book_id, _local_date(now))
    slot = slots.due(day, now)
    if slot is None or (on is not None and on != day.session) or (name is not None and name != slot.name):
        then = slots.after(day, now)
        raise _not_due(
            f"it is {_said(now)}, and "
            + (f"no cycle of {book_id} is due" if slot is None else f"cycle {slot.name} of {book_id} is due"),
            next=f"avwap cycle --book {book_id} without --date and --slot runs the one that is due"
            if slot is not None
            else f"the next one is due at {_said(then.at)}"
            if then is not None
            else f"avwap close --book {book_id} --date {day.session}",
        )
    return day, slot


def check_known(house: House, book_id: str, on: date | None, name: str | None) -> None:
    """Refuse, before anything is locked, a cycle of the SIM book that cannot be meant. Errors: as ``cycle_due``."""
    if is_stepped(book_id):
        _meant(house, book_id, on, name)


def _meant(house: House, book_id: str, on: date | None, name: str | None) -> tuple[Day, Slot]:
    if on is None or name is None:
        raise UsageFault(
            EdgeCode.USAGE,
            f"{book_id} has no clock of its own: which session, and which of its cycles?",
            safe="nothing was sent",
            next=f"avwap cycle --book {book_id} --date YYYY-MM-DD --slot HHMM",
        )
    day = past_day(house, book_id, on)
    return day, named(day, name)


def named(day: Day, name: str) -> Slot:
    """The cycle of *day* of that name. Errors: ``UsageFault`` NOT_DUE."""
    known = {slot.name: slot for slot in slots.slots(day)}
    if name not in known:
        names = ", ".join(known) if len(known) < 10 else f"{min(known)} to {max(known)}, every five minutes"
        raise _not_due(
            f"{day.session} has no cycle at {name}; it has {names}", "choose one of them with --slot"
        )
    return known[name]


def _check_heard(world: World) -> None:
    """Refuse a step at an exchange that never said what time it is: the wall's may be another day, long after a close.

    Errors: ``Denied`` CLOCK_UNREAD.
    """
    clock = world.clock
    if not isinstance(clock, ExchangeClock) or clock.is_heard:
        return
    seen = world.broker.clock()
    clock.step(clock.now())
    if not clock.is_heard:
        cause = seen.cause if isinstance(seen, ReadFailed) else "its answers come and go"
        raise Denied(
            EdgeCode.CLOCK_UNREAD,
            f"the exchange on this machine does not say what time it is: {cause}",
            safe="nothing was sent",
            next="see that it listens at [alpaca] url_override, and that the keys are those it printed; run this again",
        )


def is_stepped(book_id: str) -> bool:
    """Whether sessions of *book_id* can be played at any time."""
    return book_id == SIM


def _local_date(now: datetime) -> date:
    from market.calendar import NEW_YORK

    return now.astimezone(NEW_YORK).date()


def _said(at: datetime) -> str:
    from market.calendar import NEW_YORK

    return f"{at.astimezone(NEW_YORK):%Y-%m-%d %H:%M} in New York"


def _not_due(message: str, next: str) -> UsageFault:
    return UsageFault(EdgeCode.NOT_DUE, message, safe="nothing was sent", next=next)
