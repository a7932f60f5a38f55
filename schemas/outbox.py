"""A message to people is written from a day's files alone, and queued once; later lines say what became of it."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from schemas.base import Fact, SessionDate
from schemas.header import InputRef

BLOCK_CHARS_MAX: Final = 3000
"""Characters of one section of a Slack message; a longer one is refused as a whole."""
HEADLINE_CHARS_MAX: Final = 300
MESSAGE_QUEUED: Final = "message.queued"
"""The event of the line that carries a message. Any later event with its id in ``data`` is the message's new state."""


class Delivery(StrEnum):
    """What is known of a message's way to people. A line's event is ``message.`` and one of these."""

    PENDING = "pending"
    """Queued, and never tried."""
    SENDING = "sending"
    """A request was about to leave; without a later line nobody knows what became of it."""
    DELAYED = "delayed"
    """Provably not taken; tried again from ``until`` on."""
    UNKNOWN = "unknown"
    """No answer that says so or otherwise; looked up before it is tried again."""
    SENT = "sent"
    DEAD = "dead"
    """Refused for good, for the reason given: a dead letter. A person may send it again."""
    DROPPED = "dropped"
    """Said already in the same words, or a notice that newer ones stand for."""
    REQUEUED = "requeued"
    """A dead letter that a person wants tried again."""


WAITING: Final = frozenset(
    {Delivery.PENDING, Delivery.SENDING, Delivery.DELAYED, Delivery.UNKNOWN, Delivery.REQUEUED}
)
"""Not settled: a flush takes these up."""
MAYBE_SENT: Final = frozenset({Delivery.SENDING, Delivery.UNKNOWN})

Block = Annotated[str, Field(min_length=1, max_length=BLOCK_CHARS_MAX)]


class MessageKind(StrEnum):
    """What a message is about. Of the morning's a book has at most one of a kind for a session and a set of files."""

    SCAN_SUMMARY = "scan_summary"
    ENTRIES_BLOCKED = "entries_blocked"
    POSTURE_CHANGED = "posture_changed"
    """One for each change; likewise of the lifecycle."""
    LIFECYCLE_CHANGED = "lifecycle_changed"
    ENFORCEMENT_SUMMARY = "enforcement_summary"
    """Which entries may be tried, on a morning that has no ``ENTRIES_BLOCKED``."""
    EXECUTION_ALERT = "execution_alert"
    """What a cycle did at the broker: fills, and what went wrong. One for each cycle that has any."""
    DAILY_SUMMARY = "daily_summary"
    RISK_SUMMARY = "risk_summary"
    STAGE_ABSENT = "stage_absent"
    """A stage that has left nothing by its deadline; one for each stage and session."""


class Severity(StrEnum):
    """How soon somebody has to look."""

    NOTICE = "notice"
    """In the morning."""
    WARNING = "warning"
    """Entries are held back; what ends it is in the message."""
    CRITICAL = "critical"
    """RED or EMERGENCY: somebody is woken."""


class Message(Fact):
    """One message, complete: whoever sends it reads no other file.

    The id is the hash of book, session, kind and the digests of ``sources``: the same files are told once, in
    whatever words. A change's is that of its journal record.
    """

    id: str = Field(pattern=r"^msg_[0-9a-f]{20}$")
    kind: MessageKind
    book_id: str
    session_date: SessionDate
    sources: tuple[InputRef, ...]
    """The files that it tells of, sorted by path; a file that could not be read is not among them."""
    severity: Severity = Severity.NOTICE
    text: str = Field(min_length=1, max_length=HEADLINE_CHARS_MAX)
    """One line for a notification."""
    blocks: tuple[Block, ...]
    """Sections in Slack's mrkdwn, with &, < and > escaped."""
