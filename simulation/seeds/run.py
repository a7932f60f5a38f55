"""One seed is one run: five sessions of the real cycle against a faulty exchange, with crashes, checked at every step.

The seed draws market, faults, crashes, takeovers by a second process, the kill switch and a stranger's order. Nothing
else decides: the same seed gives the same journals, byte for byte.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from execution_v2 import book as books
from execution_v2 import coverage
from execution_v2.client_id import own_prefix
from execution_v2.config import ExecutionConfig
from execution_v2.cycle import run_cycle
from execution_v2.gates.facts import EnforcementConfig
from execution_v2.lifecycle import flattens
from execution_v2.ports import CycleConfig, CycleInputs, CycleResult, Entry, Ports
from execution_v2.reduce import Fold, empty_state, fold_records
from execution_v2.stop_facts import untold
from execution_v2.tick import derive
from execution_v2.transitions import UNKNOWN
from ledger import layout
from ledger.faulty import SimulatedCrash
from ledger.journal import Journal
from ledger.memory import MemoryDisk
from market.calendar import Calendar
from schemas.base import SessionDate
from schemas.book import BookState, Leg, OrderState
from schemas.cycle import CycleKind
from schemas.errors import Denied
from schemas.events import StopCovered, TickTaken
from schemas.journal import JournalRecord
from schemas.observations import BarFacts
from schemas.reasons.ledger import LedgerCode, ReadFaultCode
from schemas.tick import TickKind
from simulation.chance import Chance
from simulation.seeds.laws import Laws
from simulation.seeds.line import Clock, Line
from simulation.seeds.market import BOOK, FIRST, SYMBOLS, THEIRS, Market, market, wishes
from simulation.seeds.morning import Morning, control, limits, morning
from simulation.seeds.outside import Outside
from simulation.seeds.person import Person
from simulation.seeds.tally import Tally
from simulation.seeds.watch import Watch
from strategies.config import EntryConfig, ExitConfig

SESSIONS: Final = 5
SLOT: Final = timedelta(minutes=5)
SHORT: Final = (0, 1, 3, 20, 39, 40, 76, 77)
"""The slots of a short calendar, of 78: the first, two early, three of mid-day, two late."""
QUIET_MIN: Final = 3
QUIET_MAX: Final = 20
"""Slots without a disturbance at the end: at least so many, and so many at most until a cycle leaves nothing over."""
RESTARTS_MAX: Final = 3
"""Deaths of one slot; the fourth process lives."""


CONFIG: Final = CycleConfig(
    execution=ExecutionConfig(),
    entry=EntryConfig(),
    exits=ExitConfig(),
    gates=EnforcementConfig(portfolio=limits()),
)


class Run:
    """One seed's run. ``go`` plays it whole; a violation is raised as ``Violated``."""

    def __init__(
        self, seed: int, calendar: Calendar, *, full: bool = False, sessions: int = SESSIONS
    ) -> None:
        self.seed = seed
        self.tally = Tally()
        self._calendar = calendar
        self._full = full
        self._sessions = calendar.sessions(FIRST, calendar.next(FIRST, sessions))
        self._market: Market = market(seed, self._sessions)
        self._disk = MemoryDisk()
        self._clock = Clock(calendar.open_at(FIRST) - timedelta(hours=1))
        self._outside = Outside(seed, self._market, calendar, self._clock)
        self._chance = Chance(seed, "run")
        self._fold = Fold(empty_state())
        self._carried: BookState = self._fold.freeze()
        self._records: list[JournalRecord] = []
        self._journal: Journal | None = None
        self._fence = 0
        self._session = FIRST
        self._left: tuple[str, ...] = ()
        prefix = own_prefix(BOOK, CONFIG.execution.deployment_id)
        self._watch = Watch(
            prefix=prefix,
            limits=CONFIG.gates.limits,
            truth=self._outside,
            is_synced=lambda: self._disk.is_synced,
        )
        self._person = Person(seed)
        self._laws = self._watch.laws = Laws(self._watch.hold)

    @property
    def disk(self) -> MemoryDisk:
        """What its processes have written."""
        return self._disk

    def go(self) -> Tally:
        """Play every session, the last one undisturbed, and see that book and exchange agree."""
        *disturbed, last = self._sessions
        for session in disturbed:
            self._play(session)
        self._outside.behave()
        self._play(last, quiet=True)
        state = self._fold.freeze()
        self._watch.quiet(state, frozenset(p.symbol for p in state.positions if p.position_id in self._left))
        self.tally.checks.update(self._watch.checks)
        self.tally.faults.update(self._outside.injected)
        self.tally.over_cap = self._watch.worst
        self.tally.acts.update(self._person.acts)
        self.tally.orders = len(list(self._outside.orders()))
        return self.tally

    # -- one session -----------------------------------------------------------------------------------------

    def _play(self, session: SessionDate, *, quiet: bool = False) -> None:
        open_at, close_at = self._calendar.open_at(session), self._calendar.close_at(session)
        self._clock.to(open_at - timedelta(hours=1))
        for action in self._market.actions:
            if action.ex_date == session and action.ratio_num and action.ratio_den:
                self._watch.split(action.symbol, action.ratio_num, action.ratio_den)
        self._open(session)
        made = self._morning(session)
        slots = self._slots(open_at, close_at, quiet=quiet)
        kill_from = self._chance.below(2 * len(slots)) if self._chance.happens(0.15) else None
        for number, at in enumerate(slots):
            killed = kill_from is not None and kill_from <= number < kill_from + 3 and not quiet
            broken = not quiet and self._chance.happens(0.02)
            self._slot(session, made, at, is_first=not number, killed=killed, broken=broken, quiet=quiet)
            if quiet and number >= QUIET_MIN and not self._left:
                break
        self._clock.to(close_at + timedelta(minutes=20))
        self._agree(session)

    def _slots(self, open_at: datetime, close_at: datetime, *, quiet: bool) -> list[datetime]:
        count = (close_at - open_at) // SLOT
        if quiet:
            return [open_at + SLOT * number for number in range(min(count, QUIET_MAX))]
        numbers = range(count) if self._full else sorted({min(number, count - 1) for number in SHORT})
        return [open_at + SLOT * number for number in numbers]

    def _open(self, session: SessionDate) -> None:
        """A new journal, which names what it carries over."""
        self._carried = self._fold.freeze()
        path = layout.journal(BOOK, session)
        self._journal = Journal.open(self._disk, path)
        rows = books.opening(self._carried, BOOK, session, "0" * 64, self._outside.account_facts())
        made = self._journal.append([(event, self._clock.now(), None, data) for event, data in rows])
        self._records = list(made)
        self._fold = Fold(fold_records(self._carried, made))
        self._session = session
        self._laws.open(self._calendar.open_at(session), self._calendar.close_at(session))

    def _morning(self, session: SessionDate) -> Morning:
        previous = self._calendar.previous(session)
        marks = {symbol: self._market.closes[symbol, session] for symbol in (*SYMBOLS, THEIRS)}
        wished = wishes(self.seed, self._market, session, previous, self._calendar)
        account = self._outside.account_facts()
        return morning(wished, session, previous, self._carried, account, marks, CONFIG.gates)

    def _agree(self, session: SessionDate) -> None:
        """What lies on disk folds to the state that the run holds."""
        read = Journal.open(self._disk, layout.journal(BOOK, session))
        folded = fold_records(self._carried, read.records)
        self._watch.cycle_ended(self._fold.freeze(), folded, 0, 0)
        for record in read.records:
            if record.event == "order.resolved":
                self.tally.ambiguous[str(record.data["state"])] += 1
            elif record.event == "stop.covered" and self._full:  # slots left out are no gap of anybody's
                gap = StopCovered.model_validate(record.data).longest_s
                self.tally.gap_s_max = max(self.tally.gap_s_max, gap)

    # -- one slot --------------------------------------------------------------------------------------------

    def _slot(
        self,
        session: SessionDate,
        made: Morning,
        at: datetime,
        *,
        is_first: bool,
        killed: bool,
        broken: bool,
        quiet: bool,
    ) -> None:
        """Run a slot; a process that dies in it is followed by another, a few seconds later."""
        self._clock.to(at)
        self._outside.new_cycle()
        self._outside.stranger()
        self._disk.crash_at = None
        said = self._person.looks(self._fold.freeze(), switched=killed, quiet=quiet)
        self._append([(event, self._clock.now(), None, row) for event, row in said])
        reasons = {
            "the kill switch is set": killed or self._fold.killed,
            "the morning's file is broken": broken,
            "the session has only begun": is_first,
        }
        self._watch.no_entry = next((why for why, applies in reasons.items() if applies), None)
        name = f"{at:%H%M}"
        for number in range(RESTARTS_MAX + 1):
            folder = name if not number else f"{name}-{number + 1}"
            inputs = self._inputs(session, made, folder, is_first=is_first, killed=killed, broken=broken)
            may_die = not quiet and number < RESTARTS_MAX
            try:
                self._process(inputs, may_die=may_die)
                return
            except SimulatedCrash:
                self.tally.crashes += 1
                self._restart(session)
                self._clock.wait(self._chance.between(1, 20))

    def _restart(self, session: SessionDate) -> None:
        """A fresh process finds what the disk kept."""
        self._disk.restart()
        self._journal = Journal.open(self._disk, layout.journal(BOOK, session))
        self._records = list(self._journal.records)
        self._fold = Fold(fold_records(self._carried, self._records))
        self._laws.rewind(self._records)

    def _process(self, inputs: CycleInputs, *, may_die: bool, nested: bool = False) -> None:
        """One process works the slot: to its end, to its death, or until another one takes the book over."""
        self._watch.bare.clear()
        self._fence += 1
        fence = self._fence
        chance = self._chance
        dies_at = 1 + chance.below(60) if may_die and chance.happens(0.08) else None
        self._disk.power_loss = chance.happens(0.3)
        self._disk.crash_at = (
            self._disk.steps + 1 + chance.below(80) if may_die and chance.happens(0.08) else None
        )
        taken_at = 1 + chance.below(40) if may_die and not nested and chance.happens(0.04) else None

        def before(number: int) -> None:
            if number == taken_at:
                self.tally.takeovers += 1
                again = inputs.slot + "-b"
                self._process(self._again(inputs, again), may_die=False, nested=True)

        def guard() -> None:
            if self._fence != fence:
                raise Denied(LedgerCode.FENCE_LOST, "another process holds the book")

        line = Line(
            self._outside.door,
            self._clock,
            self._watch,
            lambda: self._fold,
            inputs.session_date,
            self._outside.account_facts().equity,
            dies_at=dies_at,
            after=chance.happens(0.5),
            before_call=before,
            speaks=lambda: self._fence == fence,
            since=inputs.open_at,
        )
        self._watch.marks = dict(inputs.marks)
        rows = () if isinstance(inputs.enforcement, ReadFaultCode) else inputs.enforcement.authorised
        killed = not isinstance(inputs.control, ReadFaultCode) and bool(inputs.control.kill_env)
        self._laws.process(
            inputs.slot, switched=killed, authorised={row.intent_id: Decimal(row.quantity) for row in rows}
        )
        journal = _Told(self._append, guard)
        ports = Ports(
            broker=line,
            feed=line,
            journal=journal,
            now=self._clock.now,
            pause=line.pause,
            records=lambda: self._records,
        )
        try:
            result = run_cycle(inputs, ports, CONFIG)
        except Denied as error:
            if error.code != LedgerCode.FENCE_LOST:
                raise
            return
        finally:
            self.tally.steps += line.calls
            self.tally.calls_max = max(self.tally.calls_max, line.calls)
        self._disk.crash_at = None
        self.tally.cycles += 1
        if self._fence == fence:
            self._ended(inputs, result, line)

    def _append(self, entries: Iterable[Entry]) -> Sequence[JournalRecord]:
        """Onto the disk, and then into the fold that the checks ask."""
        assert self._journal is not None, "no session is open"
        made = self._journal.append(entries)
        self.tally.steps += len(made)
        self._records += made
        for record in made:
            if record.event == "tick.taken":
                self._derived(TickTaken.model_validate(record.data))
            self._fold.apply(record)
            self._watch.told(record)
            self._laws.told(record)
            self.tally.told(record)
        self._fold.refused.clear()
        return made

    def _derived(self, told: TickTaken) -> None:
        """What a tick leads to is what was recorded of it."""
        posture, state, _ = derive(self._fold, told.tick, CONFIG)
        self._watch.hold("I10", posture == told.posture, f"posture {told.posture}, from the tick {posture}")
        self._watch.hold("I10", state == told.lifecycle, f"lifecycle {told.lifecycle}, from the tick {state}")
        if told.tick.kind is not TickKind.SPOT and not self._full:
            opened, closes = self._laws.hours
            gaps = [
                coverage.regular_seconds(row.open_since, told.tick.at, opened, closes)
                for row in self._gaps(self._session)
                if row.open_since is not None
            ]
            longest = int(max(gaps, default=0))
            self._watch.hold(
                "I7", told.tick.gap_s >= longest, f"a gap of {told.tick.gap_s} s is {longest} s old"
            )

    def _ended(self, inputs: CycleInputs, result: CycleResult, line: Line) -> None:
        state = self._fold.freeze()
        self._left = result.carried
        self._watch.cycle_ended(result.state_after, state, line.calls, line.paused_s)
        if self._outside.disturbed_now:
            return
        excused = {o.symbol for o in state.orders if o.state in UNKNOWN}
        # A stop that is firing is left to fire (execution.md 8.2).
        excused |= {o.symbol for o in state.orders if o.leg is Leg.STOP and o.state is OrderState.PARTIAL}
        excused |= {p.symbol for p in state.positions if p.position_id in result.carried}
        excused |= {s for s in SYMBOLS if (s, inputs.session_date) not in self._market.bars}
        self._sold(state, inputs, excused | {row.symbol for row in state.quarantined})
        self._watch.covered(frozenset(excused), "I1" if self._laws.is_constrained else "I3")

    def _sold(self, state: BookState, inputs: CycleInputs, excused: set[str]) -> None:
        """What a plan, or a person in an EMERGENCY, leaves now is gone or is being sold, whatever is known."""
        selling = {o.position_id for o in state.orders if o.leg is Leg.EXIT}
        for held in state.positions:
            limit = None if held.plan is None else held.plan.time_stop_sessions
            passed = sum(session > held.entry_session for session in inputs.sessions)
            is_due = limit is not None and passed > limit and not held.r1_touched
            if (is_due or flattens(state.lifecycle)) and held.symbol not in excused:
                found = f"{held.symbol} is kept, and its time is over or a person wants it sold"
                self._watch.hold("I1", held.position_id in selling, found)

    # -- what a process finds --------------------------------------------------------------------------------

    def _again(self, inputs: CycleInputs, folder: str) -> CycleInputs:
        return replace(
            inputs,
            slot=folder,
            state=self._fold.freeze(),
            untold=untold(self._carried, self._records),
            gaps=self._gaps(inputs.session_date),
        )

    def _inputs(
        self,
        session: SessionDate,
        made: Morning,
        folder: str,
        *,
        is_first: bool,
        killed: bool,
        broken: bool,
    ) -> CycleInputs:
        before = [each for each in self._sessions if each < session]
        return CycleInputs(
            book_id=BOOK,
            session_date=session,
            data_session=made.previous,
            slot=folder,
            kind=CycleKind.INTRADAY,
            is_first=is_first,
            state=self._fold.freeze(),
            carried=self._carried,
            untold=untold(self._carried, self._records),
            gaps=self._gaps(session),
            open_at=self._calendar.open_at(session),
            close_at=self._calendar.close_at(session),
            sessions=(*before, session),
            history={symbol: self._history(symbol, before) for symbol in SYMBOLS},
            marks=made.marks,
            candidates=made.candidates,
            enforcement=ReadFaultCode.CORRUPT if broken else made.enforcement,
            snapshot=made.snapshot,
            control=control(self._clock.now(), killed=killed),
        )

    def _gaps(self, session: SessionDate) -> tuple[StopCovered, ...]:
        opened, closes = self._calendar.open_at(session), self._calendar.close_at(session)
        return coverage.fold(self._carried, self._records, (), opened, closes)

    def _history(self, symbol: str, before: list[SessionDate]) -> tuple[BarFacts, ...]:
        if any(action.symbol == symbol for action in self._market.actions):
            return ()  # bars of another basis are no structure
        rows = ((each, self._market.bars.get((symbol, each))) for each in before)
        return tuple(row.facts(symbol, each) for each, row in rows if row is not None)


class _Told:
    """A process's journal: what it appends is on the run's disk, and in the run's own fold."""

    def __init__(
        self, append: Callable[[Iterable[Entry]], Sequence[JournalRecord]], guard: Callable[[], None]
    ) -> None:
        self._append = append
        self._guard = guard

    def append(self, entries: Iterable[Entry]) -> Sequence[JournalRecord]:
        """As the journal does, while this process speaks for the book."""
        self._guard()
        return self._append(entries)
