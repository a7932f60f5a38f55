"""What a book knew and might do over a range of sessions, read once from its journals: spans, changes, entries clamped.

Time is open market: a span that lasts over a night has the seconds of its sessions, and of nothing between them.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from analytics.reliability import SessionLog
from analytics.reliability_entries import CLAMPING
from analytics.reliability_unknown import active_seconds
from schemas.base import SessionDate
from schemas.book import BookState
from schemas.events import EntryAuthorised, EntryDenied, PostureChanged, TickTaken
from schemas.journal import JournalRecord
from schemas.lifecycle import Lifecycle, LifecycleChanged
from schemas.posture import DebtTerm
from schemas.tick import Divergence, Posture

POSTURE: Final = "posture"
LIFECYCLE: Final = "lifecycle"
WORST: Final = tuple(Posture)
"""Best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What held from one tick on. terms: the debt's addends that are not zero; causes: of the posture, worst first.

    held_by: causes of the lifecycle.
    """

    at: datetime
    posture: Posture
    lifecycle: Lifecycle
    debt: float
    terms: Mapping[str, float]
    causes: tuple[str, ...]
    held_by: tuple[str, ...]
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One transition of posture or lifecycle. active_s: seconds of open market until the next of its kind, or the end.

    is_open: no later one is known. causes: of a lifecycle its reason first.
    """

    what: str
    at: datetime
    session: SessionDate
    slot: str
    before: str
    after: str
    causes: tuple[str, ...]
    active_s: int
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Clamped:
    """An entry that posture or lifecycle refused, or let pass smaller. codes: why, as the gates or causes have it."""

    at: datetime
    session: SessionDate
    slot: str
    symbol: str
    is_refused: bool
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A range of sessions, oldest first. divergences: found, by category."""

    sessions: tuple[SessionLog, ...]
    moments: tuple[Moment, ...]
    changes: tuple[Change, ...]
    clamped: tuple[Clamped, ...]
    divergences: Mapping[str, int]

    @property
    def end(self) -> datetime:
        """Until when anything is known: the last tick, or the close of a session that has records after it."""
        last = self.sessions[-1]
        stamps = [record.ts for record in last.records]
        return min(max(stamps, default=last.open_at), last.close_at)

    def active(self, start: datetime, end: datetime) -> int:
        """Whole seconds of open market between two moments."""
        first = bisect_right(self.sessions, start, key=lambda log: log.close_at)
        last = bisect_left(self.sessions, end, key=lambda log: log.open_at)
        return int(active_seconds(start, end, [(s.open_at, s.close_at) for s in self.sessions[first:last]]))

    def seconds(self, of: Callable[[Moment], str]) -> dict[str, int]:
        """Seconds of open market by what *of* says of each span, the longest first."""
        found: Counter[str] = Counter()
        for start, end, moment in self.spans():
            found[of(moment)] += self.active(start, end)
        return dict(found.most_common())

    def spans(self) -> Iterator[tuple[datetime, datetime, Moment]]:
        """(from, until, what held): one for each tick."""
        for now, then in zip(self.moments, self.moments[1:], strict=False):
            yield now.at, then.at, now
        if self.moments:
            yield self.moments[-1].at, max(self.end, self.moments[-1].at), self.moments[-1]

    @property
    def worst(self) -> Posture:
        """The worst posture that was held, however short."""
        return max((moment.posture for moment in self.moments), key=WORST.index, default=Posture.GREEN)


@dataclass(slots=True)
class _Fold:
    """What has been read so far."""

    moments: list[Moment] = field(default_factory=list)
    changes: list[tuple[SessionDate, JournalRecord]] = field(default_factory=list)
    clamped: list[Clamped] = field(default_factory=list)
    divergences: Counter[str] = field(default_factory=Counter)

    def take(self, session: SessionDate, record: JournalRecord) -> None:
        match record.event:
            case "tick.taken":
                self.moments.append(_moment(record.ts, TickTaken.model_validate(record.data)))
            case "posture.changed" | "lifecycle.changed":
                self.changes.append((session, record))
            case "divergence.found":
                self.divergences[Divergence.model_validate(record.data).category] += 1
            case "entry.denied":
                self._denied(session, record, EntryDenied.model_validate(record.data))
            case "entry.authorised":
                self._authorised(session, record, EntryAuthorised.model_validate(record.data))
            case _:
                pass

    def _denied(self, session: SessionDate, record: JournalRecord, told: EntryDenied) -> None:
        said = [f.code for row in told.gates if not row.passed and row.gate in CLAMPING for f in row.findings]
        if said:
            self._clamp(session, record, told.symbol, tuple(dict.fromkeys(said)), is_refused=True)

    def _authorised(self, session: SessionDate, record: JournalRecord, told: EntryAuthorised) -> None:
        now = self.moments[-1] if self.moments else None
        if now is not None and (now.factor < 1 or now.lifecycle is Lifecycle.THROTTLED):
            causes = now.causes or now.held_by
            self._clamp(session, record, told.symbol, causes, is_refused=False)

    def _clamp(
        self,
        session: SessionDate,
        record: JournalRecord,
        symbol: str,
        codes: tuple[str, ...],
        *,
        is_refused: bool,
    ) -> None:
        row = Clamped(
            at=record.ts,
            session=session,
            slot=record.cycle or "",
            symbol=symbol,
            is_refused=is_refused,
            codes=codes,
        )
        self.clamped.append(row)


def fold(logs: Sequence[SessionLog], opening: BookState | None) -> History:
    """The history of *logs*, oldest first, one at least. opening: the book before the first; None: nobody knows."""
    assert logs, "no sessions"
    state = _Fold()
    if opening is not None and opening.ticked is not None:
        state.moments.append(
            Moment(
                at=logs[0].open_at,
                posture=opening.posture.posture,
                lifecycle=opening.lifecycle.state,
                debt=opening.posture.debt,
                terms=_terms(opening.posture.terms),
                causes=opening.posture.causes,
                held_by=opening.lifecycle.causes,
                factor=opening.posture.factor,
            )
        )
    for log in logs:
        for record in log.records:
            state.take(log.session, record)
    found = History(
        sessions=tuple(logs),
        moments=tuple(state.moments),
        changes=(),
        clamped=tuple(state.clamped),
        divergences=dict(sorted(state.divergences.items())),
    )
    return History(
        sessions=found.sessions,
        moments=found.moments,
        changes=tuple(_changes(found, state.changes)),
        clamped=found.clamped,
        divergences=found.divergences,
    )


def _changes(history: History, rows: Sequence[tuple[SessionDate, JournalRecord]]) -> Iterator[Change]:
    for number, (session, record) in enumerate(rows):
        later = next((row.ts for _, row in rows[number + 1 :] if row.event == record.event), None)
        if record.event == "posture.changed":
            moved = PostureChanged.model_validate(record.data)
            what, before, after, causes = POSTURE, str(moved.before), str(moved.after), moved.causes
        else:
            turned = LifecycleChanged.model_validate(record.data)
            rest = tuple(each for each in turned.causes if each != turned.reason)
            what, before, after = LIFECYCLE, str(turned.before), str(turned.after)
            causes = (turned.reason, *rest)
        yield Change(
            what=what,
            at=record.ts,
            session=session,
            slot=record.cycle or "",
            before=before,
            after=after,
            causes=causes,
            active_s=history.active(record.ts, later or max(history.end, record.ts)),
            is_open=later is None,
        )


def _moment(at: datetime, taken: TickTaken) -> Moment:
    return Moment(
        at=at,
        posture=taken.posture.posture,
        lifecycle=taken.lifecycle.state,
        debt=taken.posture.debt,
        terms=_terms(taken.posture.terms),
        causes=taken.posture.causes,
        held_by=taken.lifecycle.causes,
        factor=taken.posture.factor,
    )


def _terms(rows: Sequence[DebtTerm]) -> dict[str, float]:
    return {row.name: row.value for row in rows if row.value}
