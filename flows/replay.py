"""A sealed session recomputed from its recordings must give its own bytes, or the first that differs is named.

The recorded answers of broker, feed and clock are fed back; every stage runs again by the code of today. A cycle
that died is replayed up to the record at which it died. A day of another ``code_version`` is compared by payload:
what differs there is a change of behaviour, not a divergence. Where a person revised a file, the edition that stood is
recomputed; what it superseded, and what was made under settings that were then changed, is taken as recorded.
"""

import re
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final, Literal

from execution_v2.broker.recorded import RecordingEnded, ReplayBroker, ReplayDiverged
from flows import risk
from flows.day import Day
from flows.house import House
from flows.overlay import Overlay
from flows.pipeline import CLOSE_AFTER, PREMARKET, Outcome
from flows.revising import RUNS, taken_as_recorded
from flows.stages import close, cycle, opening, premarket, slots
from flows.stages.opening import Session
from flows.stages.slots import Slot
from flows.world import SteppedClock, World
from ledger import layout
from ledger.artifacts import Loaded, head
from ledger.canonical import Malformed, first_difference, parse_canonical, parse_canonical_line
from ledger.journal import Entry, Journal, parse_chain
from schemas.decisions import Decisions
from schemas.enforcement import Enforcement
from schemas.errors import AvwapError, Corrupt, UsageFault
from schemas.events import EntriesBlocked
from schemas.header import CODE_VERSION
from schemas.journal import JournalRecord
from schemas.reasons.edge import EdgeCode
from schemas.reasons.ledger import LedgerCode, ReadFaultCode
from schemas.tick import DivergenceCategory

RECORDED: Final = re.compile(
    r"observations/(account|positions|orders|clock|control|close|calendar|acknowledged|metrics|sleeve_pnl)\.json|observations/takeover\.jsonl|cycles/[^/]+/(observations|evidence)/.+|journal\.torn"
)
"""Files of a day that hold outside facts as received, or what a crash left; all others are recomputed."""
HEADER_OF_BUILD: Final = frozenset({"code_version", "inputs", "schema_version"})

DECIDING: Final = frozenset(
    {
        "entry.authorised",
        "entry.denied",
        "router.decided",
        "tick.taken",
        "posture.changed",
        "lifecycle.changed",
    }
)
"""Records that are a decision: derived again they must say the same ..."""
DECIDED: Final = frozenset({"decisions.json", "enforcement.json"})
"""... and files of decisions."""

Category = Literal["BYTES", "MISSING", "UNEXPECTED", "CALL", "JOURNAL", "STAGE", "BEHAVIOUR"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """One place where recomputing gave something else. expected: as recorded; actual: as recomputed."""

    category: Category
    file: str
    pointer: str
    expected: Any
    actual: Any
    event: str | None = None
    """Of the recorded journal line that differs."""
    is_unreadable: bool = False
    """What is on disk is no file of ours any more."""

    @property
    def safety(self) -> DivergenceCategory | None:
        """The category that a cycle's own replay gives such a difference; None: a change of behaviour is none."""
        if self.category == "BEHAVIOUR":
            return None
        if self.is_unreadable:
            return DivergenceCategory.CORRUPT
        if self.category in ("MISSING", "UNEXPECTED", "STAGE"):
            return DivergenceCategory.UNKNOWN
        is_decision = self.event in DECIDING or self.file.rpartition("/")[2] in DECIDED
        return DivergenceCategory.DECISION if is_decision else DivergenceCategory.NONDETERMINISM


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """The verdict on one session."""

    book_id: str
    session: str
    files: int
    same_build: bool
    divergences: tuple[Divergence, ...]
    taken: tuple[str, ...] = ()
    """Files that were taken as recorded, because a revision or a change of settings came after them."""

    @property
    def identical(self) -> bool:
        """Whether nothing diverged; a change of behaviour under another build is told, and is no divergence."""
        return all(each.category == "BEHAVIOUR" for each in self.divergences)


def replay(house: House, day: Day) -> Replayed:
    """Recompute *day*, which must be sealed, and compare every file.

    Errors: ``UsageFault`` if it is not sealed, or was sealed under another configuration.
    """
    folder = layout.day(day.book_id, day.session)
    manifest = _manifest(house, day)
    same_build = manifest["code_version"] == CODE_VERSION
    if same_build and manifest["config_sha256"] != house.config_sha256:
        raise UsageFault(
            EdgeCode.CONFIG_CHANGED,
            f"{day.session} was sealed under configuration {manifest['config_sha256'][:12]}…, "
            f"the present one is {house.config_sha256[:12]}…",
            safe="nothing was changed",
            next="put the avwap.toml and the flags of that day back, then replay",
        )
    if same_build:
        _check_modulation(day)
    taken = taken_as_recorded(day, manifest["config_sha256"])
    overlay = Overlay(house.disk, folder, lambda name: name in taken or RECORDED.fullmatch(name) is not None)
    if manifest.get("previous") is None:
        _recompute_genesis(house, day, overlay)
        found = []
    else:
        found = _recompute(house, day, overlay, taken)
    found += _compare(house, folder, overlay, taken, same_build)
    files = sum(1 for _ in house.disk.list(folder))
    return Replayed(
        book_id=day.book_id,
        session=day.session.isoformat(),
        files=files,
        same_build=same_build,
        divergences=tuple(found),
        taken=tuple(sorted(name for name in taken if not RECORDED.fullmatch(name))),
    )


def _manifest(house: House, day: Day) -> dict[str, Any]:
    path = layout.manifest(day.book_id, day.session)
    if not house.disk.exists(path):
        raise UsageFault(
            EdgeCode.SESSION_NOT_SEALED,
            f"{day.session} of {day.book_id} is not sealed",
            safe="nothing was changed",
            next=f"avwap day --book {day.book_id} --date {day.session} finishes it",
        )
    try:
        return parse_canonical(house.disk.read(path))
    except Malformed as error:
        raise Corrupt(
            LedgerCode.SEAL_BROKEN,
            f"{path} is no seal: {error}",
            safe="nothing was changed",
            next=f"avwap verify --book {day.book_id} names every fault; restore the file from the backup",
        ) from error


def _check_modulation(day: Day) -> None:
    """Refuse where the day was decided with E2 and the house has it off, or the other way round: E2 is outside the
    configuration's digest, since it may move no byte before the decisions. Errors: ``UsageFault`` CONFIG_CHANGED."""
    read = (day.read("decisions.json", Decisions), day.read("enforcement.json", Enforcement))
    made = [each.artifact for each in read if isinstance(each, Loaded)]
    was_on, is_on = (
        any(each.modulation is not None for each in made),
        day.house.settings.e2_regime_risk_modulation,
    )
    if made and was_on is not is_on:
        told = ("off", "on")
        raise UsageFault(
            EdgeCode.CONFIG_CHANGED,
            f"{day.session} was decided with E2_REGIME_RISK_MODULATION {told[was_on]}, it is {told[is_on]} now",
            safe="nothing was changed",
            next=f"put it back to {told[was_on]}, then replay",
        )


def _recompute_genesis(house: House, day: Day, overlay: Overlay) -> None:
    """The book's first folder holds no stage: the account as observed, its funding, and a snapshot of it."""
    replica = Day(
        house=house.with_disk(overlay), book_id=day.book_id, session=day.session, previous=day.previous
    )
    silent = ReplayBroker(())
    world = World(broker=silent, feed=silent, clock=SteppedClock())
    opened_at = house.calendar.cut_at(house.calendar.next(day.session))
    world.clock.step(opened_at)
    opening.genesis(replica, world, opened_at, None)


def _recompute(house: House, day: Day, overlay: Overlay, taken: Set[str]) -> list[Divergence]:
    """Run every stage that the recorded day has, over *overlay*."""
    replica = Day(
        house=house.with_disk(overlay), book_id=day.book_id, session=day.session, previous=day.previous
    )
    replica.house.settings = risk.as_recorded(day)  # what flags outside the digest wrote is written again
    silent = ReplayBroker(())
    world = World(broker=silent, feed=silent, clock=SteppedClock())
    recorded = parse_chain(house.disk.read(day.path(layout.JOURNAL)), day.path(layout.JOURNAL)).records
    outcome = Outcome(replica)
    found: list[Divergence] = []
    session = opening.open_session(replica, world, None)
    if house.disk.exists(day.path(premarket.BOOK)) and premarket.BOOK not in taken:
        outcome.attempt("book", lambda: opening.book(replica))
    for stage, run in PREMARKET:
        name = premarket.MARKET if stage == "market" else f"{stage}.json"
        latest = head(house.disk, day.path(name)).removeprefix(day.path(""))
        if not house.disk.exists(day.path(name)) or latest in taken:
            continue
        if latest != name:
            outcome.attempt(stage, lambda stage=stage: RUNS[stage](replica, Day.revise))  # type: ignore[misc]
        else:
            outcome.attempt(stage, lambda run=run: run(replica))  # type: ignore[misc]
    due = slots.every_slot(replica)
    for name in day.cycles():
        _copy_outside(session.journal, recorded)
        found += _replay_cycle(house, replica, session, due[name[:4]], name, recorded)
    _copy_outside(session.journal, recorded)
    world.clock.step(replica.house.calendar.close_at(replica.session) + CLOSE_AFTER)
    for stage, run_close in close.STAGES:
        if house.disk.exists(day.path(f"{stage}.json")):
            outcome.attempt(stage, lambda run=run_close: run(replica, session))  # type: ignore[misc]
    outcome.attempt("seal", lambda: close.close_seal(replica).written)
    return found + [
        Divergence(category="STAGE", file=step.stage, pointer="", expected="written", actual=str(step.error))
        for step in outcome.refused
    ]


def _copy_outside(journal: Journal, recorded: Sequence[JournalRecord]) -> None:
    """Take over what a person recorded between cycles: it is an outside fact."""
    at = len(journal.records)
    while at < len(recorded) and recorded[at].cycle is None:
        record = recorded[at]
        journal.append([(record.event, record.ts, record.cycle, record.data)])
        at += 1


def _no_pause(seconds: float) -> None:
    """A replay waits for nobody."""
    assert seconds >= 0


class _UpTo:
    """A journal that ends where the recorded cycle's records end: there its process died, or it was done."""

    def __init__(self, journal: Journal, most: int) -> None:
        self._journal = journal
        self._left = most

    def append(self, entries: Iterable[Entry]) -> Sequence[JournalRecord]:
        wanted = list(entries)
        taken = wanted[: self._left]
        self._left -= len(taken)
        made = self._journal.append(taken) if taken else ()
        if len(taken) < len(wanted):
            raise RecordingEnded("the recorded journal holds no more of this cycle")
        return made


def _replay_cycle(
    house: House, day: Day, session: Session, slot: Slot, folder: str, recorded: Sequence[JournalRecord]
) -> list[Divergence]:
    mine = cycle.records_of(recorded, folder)
    ended = bool(mine) and mine[-1].event == "cycle.ended"
    calls = cycle.calls_path(day, folder)
    lines = house.disk.read(calls).split(b"\n")[:-1] if house.disk.exists(calls) else []
    door = ReplayBroker(lines)
    try:
        cycle.act(
            day,
            session,
            slot,
            folder,
            door,
            _no_pause,
            entries=not _was_unsound(mine),
            journal=_UpTo(session.journal, len(mine)),
        )
    except RecordingEnded as stop:
        if ended:
            return [_call_divergence(calls, "the cycle ended", str(stop))]
    except ReplayDiverged as error:
        return [
            Divergence(
                category="CALL",
                file=calls,
                pointer=f"/{error.n}",
                expected=error.expected,
                actual=error.actual,
            )
        ]
    except (AvwapError, AssertionError) as error:
        # Answers that nobody gave may be unreadable, or break what our code rests on: either way they are named.
        return [
            _call_divergence(calls, "a recording that the cycle can use", f"{type(error).__name__}: {error}")
        ]
    if ended and door.unasked:
        return [_call_divergence(calls, f"{len(lines)} calls", f"{door.unasked} fewer")]
    if ended:
        cycle.write_artifacts(day, session, folder)
    return []


def _was_unsound(mine: Sequence[JournalRecord]) -> bool:
    """Whether the cycle was told that its morning had refused a stage: a fact of that run, kept in its record."""
    told = (EntriesBlocked.model_validate(r.data) for r in mine if r.event == "entries.blocked")
    return any(f"ENFORCEMENT_{ReadFaultCode.STALE_INPUT}" in each.codes for each in told)


def _call_divergence(calls: str, expected: str, actual: str) -> Divergence:
    return Divergence(category="CALL", file=calls, pointer="", expected=expected, actual=actual)


def _compare(
    house: House, folder: str, overlay: Overlay, taken: Set[str], same_build: bool
) -> list[Divergence]:
    found: list[Divergence] = []
    outside = {f"{folder}/{layout.REPORT}"}
    there = [path for path in house.disk.list(folder) if path not in outside]
    for path in there:
        before = house.disk.read(path)
        name = path.removeprefix(f"{folder}/")
        now = overlay.made.get(path)
        if name in taken or RECORDED.fullmatch(name) or now == before:
            continue
        if now is None:
            found.append(
                Divergence(category="MISSING", file=path, pointer="", expected="present", actual="not made")
            )
        elif path.endswith(".jsonl"):
            found.append(_first_line(path, before, now))
        else:
            found += _documents(path, before, now, same_build)
    for path in sorted(set(overlay.made) - set(there)):
        if path.startswith(f"{folder}/"):
            found.append(
                Divergence(category="UNEXPECTED", file=path, pointer="", expected=None, actual="made")
            )
    return found


def _documents(path: str, before: bytes, now: bytes, same_build: bool) -> list[Divergence]:
    try:
        expected, actual = parse_canonical(before), parse_canonical(now)
    except Malformed as error:
        return [_unreadable(path, error, now)]
    if not same_build:
        expected = {key: value for key, value in expected.items() if key not in HEADER_OF_BUILD}
        actual = {key: value for key, value in actual.items() if key not in HEADER_OF_BUILD}
        if path.endswith(layout.MANIFEST):
            return []
    parting = first_difference(expected, actual)
    if parting is None:
        return []
    category: Category = "BYTES" if same_build else "BEHAVIOUR"
    return [
        Divergence(
            category=category,
            file=path,
            pointer=parting.pointer,
            expected=parting.expected,
            actual=parting.actual,
        )
    ]


def _unreadable(path: str, error: Malformed, now: bytes, pointer: str = "") -> Divergence:
    """What is on disk is no file of ours any more, so that no pointer into it can be told."""
    return Divergence(
        category="BYTES",
        file=path,
        pointer=pointer,
        expected=str(error),
        actual=f"{len(now)} bytes",
        is_unreadable=True,
    )


def _first_line(path: str, before: bytes, now: bytes) -> Divergence:
    """The first journal line that differs, and where in it."""
    old, new = before.splitlines(keepends=True), now.splitlines(keepends=True)
    for number, (was, is_now) in enumerate(zip(old, new, strict=False)):
        if was != is_now:
            try:
                recorded = parse_canonical_line(was)
                parting = first_difference(recorded, parse_canonical_line(is_now))
            except Malformed as error:
                return _unreadable(path, error, is_now, f"/{number}")
            assert parting is not None, "two canonical lines of one value have one spelling"
            return Divergence(
                category="JOURNAL",
                file=path,
                pointer=f"/{number}{parting.pointer}",
                expected=parting.expected,
                actual=parting.actual,
                event=recorded.get("event"),
            )
    return Divergence(category="JOURNAL", file=path, pointer="", expected=len(old), actual=len(new))
