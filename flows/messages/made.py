"""A message about a session's files is known by them: their digests are its id, and what is absent is said."""

from collections.abc import Iterable, Sequence

from flows.day import Day
from flows.summary import clipped
from schemas.header import InputRef
from schemas.ids import content_id
from schemas.outbox import HEADLINE_CHARS_MAX, Message, MessageKind, Severity


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
