"""When a session has cycles follows from its hours and how its book is watched; which of them ran, its journal says.

On daily bars there are three: the open, five minutes later, the close. Inside the day there is one every five minutes
from the open to five minutes before the close, and after the close a last look, which enters nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from flows.day import Day
from schemas.cycle import CycleKind
from schemas.events import CycleGap
from schemas.journal import JournalRecord

EVERY: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One cycle that a session has: its name, what it is for, and when it is due."""

    name: str
    kind: CycleKind
    at: datetime


def slots(day: Day) -> tuple[Slot, ...]:
    """The cycles of a session, in order: 3 on daily bars, else 78, and 42 where it closes early."""
    calendar = day.house.calendar
    opens, closes = calendar.open_at(day.session), calendar.close_at(day.session)
    if not day.is_intraday:
        kinds = ((CycleKind.OPEN, opens), (CycleKind.ENTRIES, opens + EVERY), (CycleKind.CLOSE, closes))
        return tuple(_slot(kind, at) for kind, at in kinds)
    return tuple(_slot(CycleKind.INTRADAY, opens + EVERY * n) for n in range((closes - opens) // EVERY))


def last_look(day: Day) -> Slot:
    """After the close of a session that is watched inside the day: what the last five minutes did is booked."""
    return _slot(CycleKind.INTRADAY, day.house.calendar.close_at(day.session))


def every_slot(day: Day) -> dict[str, Slot]:
    """By name, all that a folder of the session may be called after."""
    more = (last_look(day),) if day.is_intraday else ()
    return {slot.name: slot for slot in (*slots(day), *more)}


def due(day: Day, now: datetime) -> Slot | None:
    """The cycle that is due at *now*: for five minutes inside the day, for one minute on daily bars."""
    lasts = EVERY if day.is_intraday else timedelta(minutes=1)
    return next((slot for slot in slots(day) if slot.at <= now < slot.at + lasts), None)


def after(day: Day, now: datetime) -> Slot | None:
    """The first cycle of the session that is due later than *now*."""
    return next((slot for slot in slots(day) if slot.at > now), None)


def is_first(records: Sequence[JournalRecord]) -> bool:
    """Whether no cycle of the session came to its end yet."""
    return not any(record.event == "cycle.ended" for record in records)


def gap_before(day: Day, records: Sequence[JournalRecord], slot: Slot) -> CycleGap | None:
    """The cycles inside the day that should have run since the last one that left a record, and did not."""
    if slot.kind is not CycleKind.INTRADAY:
        return None
    began = {record.cycle[:4] for record in records if record.cycle}
    earlier = [each.name for each in slots(day) if each.at < slot.at]
    last = max((number for number, name in enumerate(earlier) if name in began), default=-1)
    missed = earlier[last + 1 :]
    if not missed or slot.name in began:
        return None
    return CycleGap(missed=len(missed), first=missed[0], last=missed[-1])


def _slot(kind: CycleKind, at: datetime) -> Slot:
    from market.calendar import NEW_YORK

    return Slot(name=f"{at.astimezone(NEW_YORK):%H%M}", kind=kind, at=at)
