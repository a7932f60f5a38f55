"""Each change of a posture or a lifecycle is one message: why, what unlocks next, what to type, where to read on.

What a session does every morning (it opens, is released, arms) is no news and is told to nobody.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from execution_v2.panel import lifecycle_view, posture_commands
from execution_v2.posture.config import PostureConfig
from execution_v2.posture.floors import RANK
from execution_v2.posture.view import view
from flows.day import Day
from flows.messages.made import clipped
from flows.outbox import outbox_of
from flows.posture import PAGES, ended_by, to_do, unlocks
from flows.summary import escaped
from flows.words import ENTRIES, ROUTINE, RUNBOOKS, SAFE, words
from ledger import layout
from ledger.artifacts import Written
from ledger.canonical import digest, line_bytes, plain
from schemas.events import PostureChanged, TickTaken
from schemas.header import InputRef
from schemas.ids import content_id
from schemas.journal import JournalRecord
from schemas.lifecycle import Lifecycle, LifecycleChanged
from schemas.outbox import HEADLINE_CHARS_MAX, Message, MessageKind, Severity
from schemas.reasons.lifecycle import LifecycleReason
from schemas.tick import Posture

R: Final = LifecycleReason
_BETTER: Final = frozenset({R.THROTTLE_CLEARED, R.DEGRADE_CLEARED, R.PAUSE_CLEARED, R.EMERGENCY_CLEARED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One change as it was journaled, and the tick that it was decided on."""

    record: JournalRecord
    taken: TickTaken
    changed: PostureChanged | LifecycleChanged


def post_changes(day: Day, records: Sequence[JournalRecord]) -> Written | None:
    """Queue what *records*, the session's so far, tell of changes and nobody was told yet; None: nothing.

    A cycle that died before its messages is made up for by the next. Errors: as ``Outbox.post``; the caller goes on.
    """
    found = list(changes(records))
    if not found:
        return None
    outbox, config = outbox_of(day.house, day.book_id), day.house.settings.posture
    fresh = outbox.untold([message_id(day, told) for told in found])
    last = None
    for told in found:
        if message_id(day, told) in fresh:
            last = message_of(day, told, config)
            outbox.post(last, told.record.ts)
    if last is None:
        return None
    return Written(path=layout.outbox(day.book_id), sha256=digest(line_bytes(plain(last))), status="written")


def changes(records: Iterable[JournalRecord]) -> Iterator[Told]:
    """Every change that is news, in the order of the journal."""
    taken = None
    for record in records:
        if record.event == "tick.taken":
            taken = record
        elif record.event in ("posture.changed", "lifecycle.changed") and taken is not None:
            model = PostureChanged if record.event == "posture.changed" else LifecycleChanged
            changed = model.model_validate(record.data)
            if not (isinstance(changed, LifecycleChanged) and changed.reason in ROUTINE):
                yield Told(record=record, taken=TickTaken.model_validate(taken.data), changed=changed)


def message_id(day: Day, told: Told) -> str:
    """Of the journal's line, which no later run can alter."""
    record = told.record
    return content_id("msg_", day.book_id, day.session, record.event, [record.seq, record.prev])


def message_of(day: Day, told: Told, config: PostureConfig) -> Message:
    """The message of one change."""
    changed, record = told.changed, told.record
    is_posture = isinstance(changed, PostureChanged)
    kind = MessageKind.POSTURE_CHANGED if is_posture else MessageKind.LIFECYCLE_CHANGED
    by = changed.causes[:1] if isinstance(changed, PostureChanged) else (changed.reason,)
    cause = f" by {by[0]}" if by else ""
    what = "posture" if is_posture else "lifecycle"
    moved = f"{what} {changed.before} to {changed.after}{cause}"
    name = f"{day.book_id} {record.ts:%Y-%m-%d %H:%M} UTC"
    sections = (
        [f"*{name}: {moved}*", f"{ENTRIES[changed.after]}; {SAFE}"],
        _posture(told, day.book_id, config) if is_posture else _lifecycle(told, day.book_id),
        [f"`avwap status --book {day.book_id}` says how it stands now", f"*read* {_pages(told, what)}"],
    )
    source = None if record.cycle is None else day.ref(f"cycles/{record.cycle}/execution.json")
    return Message(
        id=message_id(day, told),
        kind=kind,
        book_id=day.book_id,
        session_date=day.session,
        sources=() if source is None else (InputRef(path=source.path, sha256=source.sha256),),
        severity=severity(changed),
        text=f"{name}: {moved}; {ENTRIES[changed.after]}, {SAFE}"[:HEADLINE_CHARS_MAX],
        blocks=tuple(clipped(lines) for lines in sections if lines),
    )


def severity(changed: PostureChanged | LifecycleChanged) -> Severity:
    """How soon somebody has to look at a change."""
    if isinstance(changed, PostureChanged):
        is_better = RANK[changed.after] < RANK[changed.before]
        is_worst = changed.after is Posture.RED
    else:
        is_better = changed.reason in _BETTER
        is_worst = changed.after is Lifecycle.EMERGENCY
    if is_worst:
        return Severity.CRITICAL
    return Severity.NOTICE if is_better else Severity.WARNING


def _posture(told: Told, book_id: str, config: PostureConfig) -> list[str]:
    seen = view(told.taken.posture, config)
    lines = [f"*why* {_coded(row.code, row.subject)}" for row in seen.floors]
    if not lines and seen.causes:
        lines = [f"*why* {_coded(seen.causes[0], '')}"]
    lines += [f"*next* {escaped(line)}" for line in unlocks(seen)]
    return lines + _to_do(seen.causes, posture_commands(told.taken.posture, book_id))


def _lifecycle(told: Told, book_id: str) -> list[str]:
    seen = lifecycle_view(told.taken.lifecycle, told.taken.posture, book_id)
    assert isinstance(told.changed, LifecycleChanged), "a change of the other kind"
    reason = told.changed.reason
    lines = [] if reason in told.taken.lifecycle.causes else [f"*why* {_coded(reason, '')}"]
    lines += [f"*held by* {_coded(row.cause, '')}; {ended_by(row)}" for row in seen.causes]
    return lines + _to_do([row.cause for row in seen.causes], seen.commands)


def _pages(told: Told, what: str) -> str:
    """The runbook of each cause, then the one about what changed."""
    codes = (
        *told.changed.causes,
        *([told.changed.reason] if isinstance(told.changed, LifecycleChanged) else []),
    )
    own = next(page for page in PAGES if what in page)
    return ", ".join(dict.fromkeys((*(RUNBOOKS[code] for code in codes if code in RUNBOOKS), own)))


def _to_do(codes: Sequence[str], commands: Sequence[str]) -> list[str]:
    return [f"*to do* {escaped(each)}" for each in to_do(codes, [f"`{each}`" for each in commands])]


def _coded(code: str, subject: str) -> str:
    about = f" ({escaped(subject)})" if subject else ""
    return f"`{code}`{about}: {escaped(words(code))}"
