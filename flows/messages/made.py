"""A message about a session's files is known by them: their digests are its id, and what is absent is said."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from flows.day import Day
from ledger.artifacts import Loaded, ReadFault
from schemas.header import Artifact, InputRef
from schemas.ids import content_id
from schemas.outbox import BLOCK_CHARS_MAX, HEADLINE_CHARS_MAX, Message, MessageKind, Severity

A = TypeVar("A", bound=Artifact)


class Sources:
    """A day's files as a message reads them; *refs*: those that could be read, which is what it rests on."""

    def __init__(self, day: Day) -> None:
        self._day = day
        self.refs: list[InputRef] = []

    def read(self, name: str, model: type[A]) -> A | ReadFault:
        """The artifact, or why it cannot be used."""
        found = self._day.read(name, model)
        if isinstance(found, Loaded):
            self.refs.append(found.ref)
            return found.artifact
        return found


def made(
    day: Day,
    kind: MessageKind,
    sources: Iterable[InputRef],
    text: str,
    sections: Sequence[Sequence[str]],
    *,
    severity: Severity = Severity.NOTICE,
    about: Sequence[str | int] = (),
) -> Message:
    """The message of *kind* about *day*. *sections*: lines of mrkdwn, escaped; *about*: what tells it from others of
    the same files.
    """
    told = sorted(sources, key=lambda ref: ref.path)
    identity = [*about, *(part for ref in told for part in (ref.path, ref.sha256))]
    return Message(
        id=content_id("msg_", day.book_id, day.session, kind.value, identity),
        kind=kind,
        book_id=day.book_id,
        session_date=day.session,
        sources=tuple(told),
        severity=severity,
        text=text[:HEADLINE_CHARS_MAX],
        blocks=tuple(clipped(lines) for lines in sections if lines),
    )


def clipped(lines: Sequence[str], most: int = BLOCK_CHARS_MAX) -> str:
    """*lines* as one section of at most *most* characters, ending in how many did not fit. Never half a line."""
    for kept in range(len(lines), 0, -1):
        left = len(lines) - kept
        text = "\n".join([*lines[:kept], f"… and {left} more"] if left else lines)
        if len(text) <= most:
            return text
    return f"… and {len(lines)} more"
