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

Block = Annotated[str, Field(min_length=1, max_length=BLOCK_CHARS_MAX)]


class MessageKind(StrEnum):
    """What a message is about. Of the morning's a book has at most one of a kind for a session and a set of files."""

    SCAN_SUMMARY = "scan_summary"
    ENTRIES_BLOCKED = "entries_blocked"
    POSTURE_CHANGED = "posture_changed"
    """One for each change; likewise of the lifecycle."""
    LIFECYCLE_CHANGED = "lifecycle_changed"


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
