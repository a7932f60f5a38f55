"""What goes next, what need not go, and when a refused message is due again: decided by the outbox's lines alone.

Three lanes: what is critical goes first, unpaced, and is never dropped; then warnings; then notices, of which the
oldest make way for newer ones and are counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final

from flows.outbox import Entry
from flows.slack.config import SlackConfig
from ledger.canonical import digest, line_bytes
from schemas.outbox import MAYBE_SENT, Delivery, Message, MessageKind, Severity
from schemas.reasons.messages import MessageCode

BACKOFF_S: Final = 5.0
BACKOFF_S_MAX: Final = 240.0
"""Less than the five minutes from one cycle to the next: each of them tries."""


class Lane(IntEnum):
    """In the order in which they are sent."""

    CRITICAL = 0
    WARNING = 1
    NOTICE = 2


def lane_of(message: Message) -> Lane:
    """The lane of a message. Fills are no alarm, and are not to be lost either."""
    if message.severity is Severity.CRITICAL or message.kind is MessageKind.EXECUTION_ALERT:
        return Lane.CRITICAL
    return Lane.WARNING if message.severity is Severity.WARNING else Lane.NOTICE


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What a flush has before it. ``held_until``: before then Slack wants nothing; None: it said no such thing."""

    due: tuple[Entry, ...]
    drops: tuple[tuple[Entry, MessageCode], ...]
    later: int
    """Waiting, and not due yet."""
    held_until: datetime | None
    left_out: int
    """Notices dropped for newer ones since one was sent, these ``drops`` included."""


def queue(entries: Sequence[Entry], config: SlackConfig, now: datetime) -> Queue:
    """The queue at *now*."""
    waiting = [entry for entry in entries if entry.is_waiting]
    told = told_words(entries, config, now)
    drops: list[tuple[Entry, MessageCode]] = []
    kept: list[Entry] = []
    for entry in waiting:
        # One that may be there already is looked up; its own words are no duplicate.
        if entry.state not in MAYBE_SENT and words_of(entry.message) in told:
            drops.append((entry, MessageCode.MESSAGE_DUPLICATE))
        else:
            kept.append(entry)
    notices = [entry for entry in kept if lane_of(entry.message) is Lane.NOTICE]
    over = {entry.message.id for entry in notices[: max(0, len(notices) - config.notices_max)]}
    drops += [(entry, MessageCode.MESSAGE_COALESCED) for entry in kept if entry.message.id in over]
    kept = [entry for entry in kept if entry.message.id not in over]
    held = max((until for entry in kept if _is_throttled(entry) and (until := until_of(entry))), default=None)
    due = [entry for entry in kept if (until := until_of(entry)) is None or until <= now]
    return Queue(
        due=tuple(sorted(due, key=lambda entry: lane_of(entry.message))),
        drops=tuple(drops),
        later=len(kept) - len(due),
        held_until=held if held is not None and held > now else None,
        left_out=_left_out(entries) + len(over),
    )


def told_words(entries: Sequence[Entry], config: SlackConfig, now: datetime) -> set[str]:
    """Words that were taken within the window: it begins with a success, so that a failure mutes nothing."""
    since = now - timedelta(seconds=config.same_words_s)
    return {words_of(e.message) for e in entries if e.state == Delivery.SENT and e.at > since}


def words_of(message: Message) -> str:
    """Digest of what a reader sees of a message; its id is none of that."""
    seen = [message.kind.value, message.book_id, message.session_date.isoformat(), message.severity.value]
    return digest(line_bytes({"of": seen, "text": message.text, "blocks": list(message.blocks)}))


def until_of(entry: Entry) -> datetime | None:
    """Before when *entry* is not tried again; None: at once."""
    said = entry.told.get("until")
    return None if said is None else datetime.fromisoformat(str(said))


def backoff(tries: int) -> float:
    """Seconds to wait after the try of that number, from 1."""
    return float(min(BACKOFF_S * 2 ** min(max(tries - 1, 0), 10), BACKOFF_S_MAX))


def _is_throttled(entry: Entry) -> bool:
    return entry.told.get("code") == MessageCode.SLACK_RATE_LIMITED


def _left_out(entries: Sequence[Entry]) -> int:
    notices = [entry for entry in entries if lane_of(entry.message) is Lane.NOTICE]
    last = max((entry.at for entry in notices if entry.state == Delivery.SENT), default=None)
    return sum(
        entry.state == Delivery.DROPPED
        and entry.told.get("code") == MessageCode.MESSAGE_COALESCED
        and (last is None or entry.at > last)
        for entry in notices
    )
