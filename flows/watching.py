"""The watch asks whether each stage came, keeps one alarm for each that did not, and sends it if people asked to hear.

It takes no book's lock: a stage that hangs while it holds one is exactly what it is for.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from flows.clocks import WallClock
from flows.day import open_day
from flows.house import House
from flows.messages.absent import Absent, absent, absent_message
from flows.outbox import outbox_of
from flows.slack.leaving import flush_book, is_told
from market.calendar import NEW_YORK
from schemas.errors import AvwapError, Denied
from schemas.reasons.ledger import LedgerCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What the watch found *at* an instant: *new* alarms were kept by it, the others before."""

    at: datetime
    absent: tuple[Absent, ...]
    new: int
    sent: int
    trouble: str | None


def watch(house: House, book_id: str, at: datetime | None = None) -> Watched:
    """Look once, as of *at* (UTC) or now. On a day without a session it looks at the one before.

    Errors: ``Denied`` LEDGER_UNAVAILABLE without a ledger; as ``Outbox.post``. A line that is down is told in
    ``trouble``: the alarm waits in the outbox.
    """
    if not house.root.is_dir():
        raise Denied(
            LedgerCode.LEDGER_UNAVAILABLE,
            f"{house.root} is no folder: the disk is not mounted, or another --home is meant",
            safe="nothing was written; no alarm could be kept there",
            next="mount the disk, or name the folder that holds ledger/",
        )
    now = (house.time or WallClock()).now() if at is None else at.replace(tzinfo=UTC)
    today = now.astimezone(NEW_YORK).date()
    session = today if house.calendar.is_session(today) else house.calendar.previous(today)
    found = absent(open_day(house, book_id, session), now)
    outbox = outbox_of(house, book_id)
    new = sum(outbox.post(absent_message(each), now) for each in found)
    sent, trouble = 0, None
    if found and is_told(house.settings, book_id):
        try:
            done = flush_book(house, book_id, house.settings.slack.stage_s)
            sent, trouble = done.sent, done.trouble
        except AvwapError as error:
            # The exit code tells of the stage, which is graver than the line.
            trouble = f"{error.code}: {error.message}"
    return Watched(at=now, absent=found, new=new, sent=sent, trouble=trouble)
