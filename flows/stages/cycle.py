"""One execution cycle: recorded doors, the journal before every effect, two artifacts folded from it.

The folder is named by the slot. A cycle that died is run again as ``<HHMM>-2``: its journal says what it had
announced, the broker says what arrived. A cycle that ended but wrote no artifact gets them from its records.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from decimal import Decimal
from typing import TYPE_CHECKING

from execution_v2 import execution, panel, stops
from execution_v2.broker.recorded import Door, RecordingBroker
from execution_v2.cycle import run_cycle
from execution_v2.evidence import EvidencePort
from execution_v2.ports import CycleInputs, JournalPort, Ports
from execution_v2.reduce import fold_records
from execution_v2.stop_facts import untold
from execution_v2.store import IntentIndex
from flows import indexing
from flows.day import Day
from flows.keeping import DiskEvidence
from flows.stages import premarket
from flows.stages.opening import Session, control_now
from flows.stages.premarket import as_decided, or_code
from flows.stages.slots import Slot, gap_before, is_first
from flows.world import World
from ledger import layout
from ledger.artifacts import Loaded, ReadFault, Written
from ledger.journal import set_torn_aside
from ledger.spill import SpillingJournal, SpillingLines
from schemas.book import BookState
from schemas.candidates import Candidates
from schemas.decisions import Decisions
from schemas.enforcement import Enforcement
from schemas.errors import ArtifactDivergence, AvwapError, Denied
from schemas.events import ActionApplied, StopCovered
from schemas.journal import JournalRecord
from schemas.market import ActionKind
from schemas.observations import ControlObservation, SleevePnlObservation
from schemas.reasons.gates import RecordCode
from schemas.reasons.ledger import LedgerCode, ReadFaultCode
from schemas.snapshot import Snapshot

if TYPE_CHECKING:
    from schemas.base import SessionDate
    from schemas.observations import BarFacts

HISTORY_BARS = 220
_SPLITS = frozenset({ActionKind.SPLIT, ActionKind.STOCK_DIVIDEND})


def calls_path(day: Day, folder: str) -> str:
    """Where a cycle's questions and answers are recorded."""
    return f"{layout.observations(day.book_id, day.session, folder)}/calls.jsonl"


def folder_of(day: Day, session: Session, slot: Slot) -> tuple[str, bool]:
    """The folder that a run of *slot* uses now, and whether the cycle already ended there."""
    name, number = slot.name, 1
    while True:
        records = records_of(session.journal.records, name)
        if records and records[-1].event == "cycle.ended":
            return name, True
        if not records and not _was_begun(day, name):
            return name, False
        number += 1
        name = f"{slot.name}-{number}"


def _was_begun(day: Day, name: str) -> bool:
    """Whether a run left something in that folder. Inside the day its switches, too: they are read at each instant."""
    seen = [calls_path(day, name)]
    if day.is_intraday:
        seen.append(day.path(f"cycles/{name}/{premarket.CONTROL}"))
    return any(day.house.disk.exists(path) for path in seen)


def records_of(records: Sequence[JournalRecord], folder: str) -> tuple[JournalRecord, ...]:
    """The journal's records of one cycle."""
    return tuple(record for record in records if record.cycle == folder)


def cycle(day: Day, world: World, session: Session, slot: Slot, *, entries: bool = True) -> Sequence[Written]:
    """Run *slot*, or finish what a dead run of it left. *entries* False: nothing new, exits as ever."""
    world.clock.step(slot.at)
    folder, has_ended = folder_of(day, session, slot)
    if not has_ended:
        disk = day.house.disk
        for dead in (name for name in day.cycles() if name.startswith(slot.name) and name != folder):
            # A call that was cut while being recorded was never answered to anybody.
            if disk.exists(path := calls_path(day, dead)):
                set_torn_aside(disk, path, disk.read(path))
        journal = SpillingJournal(session.journal, disk, layout.spill(day.book_id))
        journal.take_spill()
        folder = _record_control(day, world, folder)
        door = RecordingBroker(
            world.broker, world.feed, world.clock.now, SpillingLines(disk, calls_path(day, folder)).append
        )
        with _index(day, session, journal) as index:
            kept = DiskEvidence(day, folder)
            act(
                day,
                session,
                slot,
                folder,
                door,
                world.pause,
                entries=entries,
                journal=journal,
                index=index,
                evidence=kept,
            )
        if not journal.catch_up():
            raise session.journal.fault or _unwritten(day, folder)
    return write_artifacts(day, session, folder)


def _record_control(day: Day, world: World, folder: str) -> str:
    """Record what the switches say now; the folder that it stands in. What a disk does not take leaves entries out.

    A run that died may have recorded others there: those stand as they were, and this run takes the next folder.
    """
    name, number = folder.partition("-")[0], int(folder.partition("-")[2] or 1)
    seen = control_now(day, world)
    while True:
        try:
            day.write(f"cycles/{folder}/{premarket.CONTROL}", seen, ())
        except ArtifactDivergence:
            number += 1
            folder = f"{name}-{number}"
            continue
        except Denied as error:
            if error.code != LedgerCode.LEDGER_UNAVAILABLE:
                raise
        return folder


def _index(
    day: Day, session: Session, journal: SpillingJournal
) -> AbstractContextManager[IntentIndex | None]:
    """The book's index; none behind a break, where nobody can say what it should hold: exits work from the fold."""
    if session.journal.fault is not None:
        return nullcontext()
    return closing(indexing.settled(day, session.carried, journal.records))


def _unwritten(day: Day, folder: str) -> Denied:
    return Denied(
        LedgerCode.LEDGER_UNAVAILABLE,
        f"cycle {folder} of {day.book_id} did its work, and its records could not be written",
        safe="exits and stops were sent; the records wait in control/spill.jsonl, or are lost with this process",
        next="make space, then run the cycle again: it writes them late, and looks up what they announced",
    )


def act(
    day: Day,
    session: Session,
    slot: Slot,
    folder: str,
    door: Door,
    pause: Callable[[float], None],
    *,
    entries: bool,
    journal: JournalPort | None = None,
    index: IntentIndex | None = None,
    evidence: EvidencePort | None = None,
) -> None:
    """Let the cycle do its work through *door*, whether that leads outside or to a recording."""
    spilling = journal if isinstance(journal, SpillingJournal) else None

    def record_fault() -> RecordCode | None:
        fault = None if spilling is None else spilling.fault
        if fault is not None:
            return RecordCode(fault)
        return RecordCode.LEDGER_UNAVAILABLE if index is not None and index.trouble else None

    ports = Ports(
        broker=door,
        feed=door,
        journal=journal or session.journal,
        now=door.now,
        pause=pause,
        index=index,
        record_fault=record_fault,
        records=lambda: session.journal.records if spilling is None else spilling.records,
        reread=lambda: day.house.disk.read(layout.journal(day.book_id, day.session)),
        evidence=evidence,
    )
    gap = gap_before(day, session.journal.records if spilling is None else spilling.records, slot)
    if gap is not None:
        ports.journal.append([("cycle.gap", door.now(), folder, gap)])
    records = session.journal.records if spilling is None else spilling.records
    inputs = _inputs(day, session.carried, records, slot, folder, entries=entries)
    run_cycle(inputs, ports, day.house.settings.cycle(day.book_id))


def _inputs(
    day: Day,
    carried: BookState,
    records: Sequence[JournalRecord],
    slot: Slot,
    folder: str,
    *,
    entries: bool,
) -> CycleInputs:
    """What the cycle may know. A file that only entries need and that cannot be read leaves entries out."""
    calendar, state = day.house.calendar, fold_records(carried, records)
    wished = or_code(day.read("candidates.json", Candidates))
    authorised = or_code(day.read("enforcement.json", Enforcement))
    symbols = {p.symbol for p in state.positions} | {o.symbol for o in state.orders}
    if isinstance(wished, Candidates):
        symbols |= {intent.symbol for intent in wished.intents}
    stated = day.read(premarket.SLEEVE_PNL, SleevePnlObservation)
    return CycleInputs(
        book_id=day.book_id,
        session_date=day.session,
        data_session=day.previous,
        slot=folder,
        kind=slot.kind,
        is_first=is_first(records)
        or slot.at >= calendar.close_at(day.session),  # nothing is entered after it
        gaps=uncovered(records),
        state=state,
        carried=carried,
        untold=untold(carried, records),
        open_at=calendar.open_at(day.session),
        close_at=calendar.close_at(day.session),
        sessions=recent_sessions(day),
        history=history_bars(day, symbols),
        marks=last_closes(day, symbols),
        sectors=sectors_of(day, symbols),
        splits=splits_of(day, records),
        candidates=wished,
        decisions=as_decided(day.read("decisions.json", Decisions)),
        # A morning that was not sound authorised nothing, even where an older file still reads well.
        enforcement=authorised
        if entries or isinstance(authorised, ReadFaultCode)
        else ReadFaultCode.STALE_INPUT,
        snapshot=or_code(day.sibling(day.previous).read("snapshot.json", Snapshot)),
        control=or_code(day.read(f"cycles/{folder}/{premarket.CONTROL}", ControlObservation)),
        stated_pnl=_text_of(stated),
    )


def uncovered(records: Sequence[JournalRecord]) -> tuple[StopCovered, ...]:
    """By position, the session's last word on how long it lay uncovered."""
    told = (StopCovered.model_validate(r.data) for r in records if r.event == "stop.covered")
    return tuple(sorted({row.position_id: row for row in told}.values(), key=lambda row: row.position_id))


def _text_of(stated: Loaded[SleevePnlObservation] | ReadFault) -> str | None:
    """What was stated of the sleeves' profit; None: nothing was. A file that cannot be read states nothing sound."""
    if isinstance(stated, ReadFault):
        return None if stated.code is ReadFaultCode.MISSING else ""
    return stated.artifact.text


def recent_sessions(day: Day) -> "tuple[SessionDate, ...]":
    """D and as many sessions before it as a position is ever looked back on, oldest first."""
    calendar = day.house.calendar
    return calendar.sessions(calendar.previous(day.session, HISTORY_BARS), day.session)


def sectors_of(day: Day, symbols: set[str]) -> "Mapping[str, str] | None":
    """Sectors as of D; if the store cannot be read, of nobody, and then all symbols share one cap."""
    from flows.peers import sectors

    try:
        return sectors(day.house.panel(day.session), symbols)
    except AvwapError:
        return {}


def splits_of(day: Day, records: Sequence[JournalRecord]) -> "Mapping[str, tuple[int, int]]":
    """Splits of D in the market's facts that no record has booked; none if the store cannot be read."""
    if not day.is_intraday:
        return {}
    try:
        told = day.house.panel(day.session).told_today()
    except AvwapError:
        return {}
    applied = (ActionApplied.model_validate(r.data) for r in records if r.event == "action.applied")
    booked = {row.symbol for row in applied if row.ratio_num is not None}
    return {
        row.symbol: (row.ratio_num, row.ratio_den)
        for row in told
        if row.kind in _SPLITS and row.ratio_num and row.ratio_den and row.symbol not in booked
    }


def history_bars(day: Day, symbols: set[str]) -> "Mapping[str, tuple[BarFacts, ...]]":
    """Daily bars up to P of *symbols*; none if the store cannot be read: stops then stay where they are."""
    try:
        names = sorted(premarket.called(day, symbols))  # a position is moved to its new name inside the cycle
        known = {symbol: day.house.history(day.session, symbol, HISTORY_BARS) for symbol in names}
    except AvwapError:
        return {}
    return {symbol: bars for symbol, bars in known.items() if bars}


def last_closes(day: Day, symbols: set[str]) -> "Mapping[str, Decimal]":
    """Closes of P; none if the store cannot be read: a missing mark refuses entries, never an exit."""
    try:
        return premarket.marks(day, premarket.called(day, symbols))
    except AvwapError:
        return {}


def write_artifacts(day: Day, session: Session, folder: str) -> Sequence[Written]:
    """``execution.json`` and ``stops.json``: folds of the cycle's own records."""
    records = list(session.journal.records)
    mine = records_of(records, folder)
    before = fold_records(session.carried, records[: mine[0].seq - 1])
    after = fold_records(before, mine)
    refs = [ref for name in ("enforcement.json", "candidates.json") if (ref := day.ref(name)) is not None]
    slot_name = f"cycles/{folder}"
    done = execution.run(mine, before, after, panel.of(after, day.book_id, day.house.settings.posture))
    stopped = stops.run(mine, before, after)
    return (
        day.write(f"{slot_name}/execution.json", done, refs),
        day.write(f"{slot_name}/stops.json", stopped, ()),
    )
