"""A week of journals, read once from the first record to the last, says how reliable the book was in numbers.

Nothing here judges, and nothing reads a file: whoever wants a number changed has to change what happened.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from analytics.reliability_entries import Attempts, worst
from analytics.reliability_measures import hundredths, rate, spread
from analytics.reliability_unknown import Unknowns, active_seconds, told
from schemas.base import SessionDate
from schemas.book import BookState, OrderState
from schemas.events import StopCovered, TickTaken
from schemas.journal import JournalRecord
from schemas.lifecycle import Lifecycle, LifecycleChanged, LifecycleState
from schemas.posture import PostureState
from schemas.reliability import (
    Count,
    Cycles,
    DivergenceCount,
    IllegalMove,
    OrphanCount,
    PostureSeconds,
    ProtectiveGaps,
    Reliability,
    Replaces,
    Transition,
)
from schemas.tick import DivergenceCategory, Posture, TickKind

GAVE_UP: Final = "GAVE_UP"
"""Starts the terminal of a replace that left an order of unknown fate behind."""
IN_SYNC: Final = "IN_SYNC"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLog:
    """One session's journal, and the hours in which its seconds count."""

    session: SessionDate
    open_at: datetime
    close_at: datetime
    records: Sequence[JournalRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekInputs:
    """What a week is measured from.

    logs: its sessions, oldest first, one at least. opening: the book before the first of ``before`` or, without any, of
    ``logs``; None: a new book. before: sessions before the week, oldest first, without a hole: as many as are needed to
    see when the orders that the week began with became unknown.
    """

    week: str
    logs: Sequence[SessionLog]
    opening: BookState | None
    before: Sequence[SessionLog] = ()


def run(inputs: WeekInputs) -> Reliability:
    """Measure a week; one pass over its records."""
    assert inputs.logs, "a week without a session has nothing to count"
    week = _Week(inputs)
    for log in inputs.before:
        week.look_back(log)
    week.unknowns.begin()
    for log in inputs.logs:
        week.count(log)
    return week.told()


class _Week:
    """The counts under way."""

    def __init__(self, inputs: WeekInputs) -> None:
        state = inputs.opening
        self._inputs = inputs
        first = (*inputs.before, *inputs.logs)[0]
        self.unknowns = Unknowns(() if state is None else state.orders, first.open_at)
        self._posture = PostureState() if state is None else state.posture
        self._lifecycle = LifecycleState() if state is None else state.lifecycle
        self._attempts = Attempts(self._posture, self._lifecycle)
        self._events: Counter[str] = Counter()
        self._missed = 0
        self._requests: list[int] = []
        self._divergences: list[tuple[str, str]] = []
        self._terminals: Counter[str] = Counter()
        self._points: list[int] = []
        self._covers: dict[str, StopCovered] = {}
        self._gaps: list[tuple[float, float]] = []
        self._seconds: Counter[tuple[Posture, str]] = Counter()
        self._transitions: Counter[tuple[str, str, str]] = Counter()
        self._illegal: Counter[tuple[str, str]] = Counter()
        self._contradictions: Counter[str] = Counter()
        self._orphans: Counter[tuple[str, str]] = Counter()
        self._syncs: Counter[str] = Counter()

    def look_back(self, log: SessionLog) -> None:
        """A session before the week: what was unknown since when, and the posture that the week began with."""
        for record in log.records:
            self.unknowns.take(record)
            if record.event == "tick.taken":
                taken = TickTaken.model_validate(record.data)
                self._posture, self._lifecycle = taken.posture, taken.lifecycle

    def count(self, log: SessionLog) -> None:
        """A session of the week."""
        self._covers = {}
        self._attempts.posture, self._attempts.lifecycle = self._posture, self._lifecycle
        for record in log.records:
            self.unknowns.take(record)
            self._attempts.take(record)
            self._events[record.event] += 1
            self._take(record.event, record.data)
        self._attempts.close()
        for cover in self._covers.values():
            still = 0.0
            if cover.open_since is not None:
                window = [(log.open_at, log.close_at)]
                still = active_seconds(cover.open_since, log.close_at, window)
            self._gaps.append((cover.gap_s + still, max(cover.longest_s, still)))

    def _take(self, event: str, data: Mapping[str, Any]) -> None:
        match event:
            case "tick.taken":
                self._tick(TickTaken.model_validate(data))
            case "cycle.gap":
                self._missed += int(data["missed"])
            case "divergence.found":
                self._divergences.append((str(data["category"]), str(data["divergence_id"])))
            case "replace.ended":
                self._terminals[str(data["terminal"])] += 1
                self._points.append(int(data["points"]))
            case "stop.covered":
                cover = StopCovered.model_validate(data)
                self._covers[cover.position_id] = cover
            case "lifecycle.changed":
                moved = LifecycleChanged.model_validate(data)
                self._transitions[moved.before, moved.after, moved.reason] += 1
            case "order.illegal_transition":
                self._illegal[str(data["state"]), str(data["event"])] += 1
            case "order.contradicted":
                self._contradictions[str(data["code"])] += 1
            case "rebuild.decided":
                self._orphans[str(data["action"]), str(data["code"])] += 1
            case "sync.checked":
                self._syncs[str(data["status"])] += 1
            case _:
                pass

    def _tick(self, taken: TickTaken) -> None:
        """A BEGIN credits the time since the one before to the posture that held in it, under its worst cause."""
        if taken.tick.kind is TickKind.BEGIN:
            self._seconds[self._posture.posture, worst(self._posture)] += taken.tick.active_s
        elif taken.tick.kind is TickKind.END:
            self._requests.append(taken.tick.requests)
        self._posture = self._attempts.posture = taken.posture
        self._lifecycle = self._attempts.lifecycle = taken.lifecycle

    def told(self) -> Reliability:
        """The artifact."""
        inputs = self._inputs
        windows = [(log.open_at, log.close_at) for log in (*inputs.before, *inputs.logs)]
        ambiguity, by_leg = told(self.unknowns, windows)
        clamped, clamps = self._attempts.clamps()
        denied, denials = self._attempts.denials()
        return Reliability(
            week=inputs.week,
            sessions=tuple(log.session for log in inputs.logs),
            cycles=self._cycles(),
            ambiguity=ambiguity,
            ambiguity_by_leg=by_leg,
            surface=self.unknowns.surface(),
            divergences=tuple(self._found()),
            replaces=self._replaces(),
            gaps=self._protective(),
            postures=tuple(self._postures()),
            clamped=clamped,
            clamps=clamps,
            denied=denied,
            denials=denials,
            transitions=tuple(
                Transition(before=Lifecycle(before), after=Lifecycle(after), reason=reason, count=n)
                for (before, after, reason), n in sorted(self._transitions.items())
            ),
            illegal=tuple(
                IllegalMove(state=OrderState(state), event=event, count=n)
                for (state, event), n in sorted(self._illegal.items())
            ),
            contradictions=_counts(self._contradictions),
            orphans=tuple(
                OrphanCount(action=action, code=code, count=n)
                for (action, code), n in sorted(self._orphans.items())
            ),
            syncs=_counts(self._syncs),
            in_sync=rate(self._syncs[IN_SYNC], self._syncs.total()),
        )

    def _cycles(self) -> Cycles:
        return Cycles(
            began=self._events["cycle.began"],
            ended=self._events["cycle.ended"],
            missed=self._missed,
            requests=spread(self._requests),
        )

    def _found(self) -> Iterator[DivergenceCount]:
        for category in sorted({name for name, _ in self._divergences}):
            ids = [each for name, each in self._divergences if name == category]
            yield DivergenceCount(
                category=DivergenceCategory(category), found=len(ids), distinct=len(set(ids))
            )

    def _replaces(self) -> Replaces:
        gave_up = sum(n for name, n in self._terminals.items() if name.startswith(GAVE_UP))
        return Replaces(
            terminals=_counts(self._terminals),
            points=sum(self._points),
            ambiguous=rate(sum(each > 0 for each in self._points), len(self._points)),
            gave_up=rate(gave_up, len(self._points)),
        )

    def _protective(self) -> ProtectiveGaps:
        return ProtectiveGaps(
            sum_s=hundredths(sum(gap for gap, _ in self._gaps)),
            max_s=hundredths(max((longest for _, longest in self._gaps), default=0.0)),
            positions=len(self._gaps),
            open=sum(cover.open_since is not None for cover in self._covers.values()),
        )

    def _postures(self) -> Iterable[PostureSeconds]:
        total = self._seconds.total()
        order = list(Posture)
        held = sorted(self._seconds.items(), key=lambda item: (order.index(item[0][0]), -item[1], item[0][1]))
        for (posture, cause), seconds in held:
            if seconds:
                yield PostureSeconds(posture=posture, cause=cause, seconds=rate(seconds, total))


def _counts(found: Counter[str]) -> tuple[Count, ...]:
    return tuple(Count(name=name, count=n) for name, n in sorted(found.items()))
