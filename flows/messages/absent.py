"""A stage that left nothing by its deadline is an alarm, raised by whoever still runs: silence is no good news.

What is there is judged by files alone and by the exchange's hours, so the watch needs neither lock nor broker and
sees a process that hangs as well as one that never started.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from flows.day import Day
from flows.messages.made import made
from flows.stages.slots import EVERY, slots
from ledger import layout
from schemas.outbox import Message, MessageKind, Severity

CYCLE_GRACE: Final = 2 * EVERY
"""A cycle may run for as long as it has; the next one late as well is no longer chance."""
CLOSE_WITHIN: Final = timedelta(hours=1)
"""After the close: the postclose flow begins 20 minutes after it, and has as long again and more."""

NO_ENTRY: Final = "nothing is entered today until it comes; cycles go on with exits"
NO_WATCH: Final = "stops at the broker stand, and nobody ratchets or replaces them"
NO_SEAL: Final = "the session is not sealed; the next morning closes it before it begins"


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """A stage that is late: what was due when, and what is missing. *stage* is the same for as long as it is."""

    day: Day
    stage: str
    due_at: datetime
    missing: str
    means: str


def absent(day: Day, now: datetime) -> tuple[Absent, ...]:
    """What of the session of *day*, and of the close before it, should be there by *now* and is not."""
    return tuple(_absent(day, now))


def _absent(day: Day, now: datetime) -> Iterator[Absent]:
    calendar, disk = day.house.calendar, day.house.disk
    before = day.sibling(day.previous)
    if disk.exists(layout.journal(day.book_id, before.session)):
        yield from _close(before, now)
    opens = calendar.open_at(day.session)
    if now >= opens and not disk.exists(day.path("enforcement.json")):
        yield Absent(day=day, stage="premarket", due_at=opens, missing="enforcement.json", means=NO_ENTRY)
    yield from _cycles(day, now)
    yield from _close(day, now)


def _cycles(day: Day, now: datetime) -> Iterator[Absent]:
    if now >= day.house.calendar.close_at(day.session) + CYCLE_GRACE:
        return  # the session is over: its close tells
    due = [slot for slot in slots(day) if slot.at + CYCLE_GRACE <= now]
    if not due:
        return
    done = {name[:4] for name in day.cycles()}
    if due[-1].name in done or any(name > due[-1].name for name in done):
        return
    last = max(done, default=None)
    first = next(slot for slot in due if last is None or slot.name > last)
    yield Absent(
        day=day,
        stage=f"cycle after {last}" if last else "first cycle",
        due_at=first.at,
        missing=f"cycles/{first.name}",
        means=NO_WATCH,
    )


def _close(day: Day, now: datetime) -> Iterator[Absent]:
    due = day.house.calendar.close_at(day.session) + CLOSE_WITHIN
    if now >= due and not day.house.disk.exists(layout.manifest(day.book_id, day.session)):
        yield Absent(day=day, stage="close", due_at=due, missing=layout.MANIFEST, means=NO_SEAL)


def absent_message(found: Absent) -> Message:
    """The alarm; the same one for as long as the stage is late."""
    day = found.day
    name = f"{day.book_id} {day.session}"
    text = f"{name}: {found.stage} is absent, due {found.due_at:%H:%M} UTC"
    lines = [
        f"`{found.missing}` is not there; {found.means}",
        f"*to do* look whether machine and flows run: `avwap status --book {day.book_id}`; read runbooks/notify.md",
    ]
    return made(
        day,
        MessageKind.STAGE_ABSENT,
        (),
        text,
        ([f"*{text}*"], lines),
        severity=Severity.CRITICAL,
        about=(found.stage,),
    )
