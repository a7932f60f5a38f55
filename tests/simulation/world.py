"""A small world for the execution tests: a typed tape, a book on a disk, and an edge as thin as can be."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from execution_v2 import book as books
from execution_v2.broker.port import Broker, Seen
from execution_v2.config import ExecutionConfig
from execution_v2.cycle import run_cycle
from execution_v2.enforce import EnforcementInputs
from execution_v2.enforce import run as enforce
from execution_v2.gates.facts import EnforcementConfig
from execution_v2.ports import CycleConfig, CycleInputs, CycleResult, IndexPort, JournalPort, Ports
from execution_v2.reduce import Fold, empty_state, fold_records
from ledger import layout
from ledger.disk import Disk
from ledger.journal import Journal
from ledger.spill import SpillingJournal
from market.feed import Feed
from portfolio.limits import portfolio_config
from schemas.base import SessionDate
from schemas.book import BookState, Side
from schemas.candidates import Candidates, Entry, EntryModel, ExitPlan, StopPlan, TradeIntent
from schemas.cycle import CycleKind
from schemas.ids import intent_id
from schemas.market import CorporateAction
from schemas.observations import BarFacts
from schemas.reasons.gates import RecordCode
from schemas.reasons.ledger import ReadFaultCode
from simulation.adapter import SimBroker
from simulation.config import ExchangeConfig
from simulation.exchange import Exchange
from simulation.seeds.market import candidates as seeded
from simulation.tape import DictTape, TapeBar
from strategies.config import EntryConfig, ExitConfig
from tests.portfolio.books import account, control, snapshot

BOOK: Final = "SIM"
CORE: Final = "S1_AVWAP_CORE"
DAYS: Final = tuple(SessionDate(date(2026, 3, day)) for day in (2, 3, 4, 5, 6, 9, 10, 11, 12, 13))
OPEN: Final = time(14, 30)
CLOSE: Final = time(21, 0)
SLOTS: Final = (("0930", CycleKind.OPEN), ("0935", CycleKind.ENTRIES), ("1600", CycleKind.CLOSE))
LIQUID: Final = Decimal("60000000")
"""adv_usd20 of the 4.5 bps bucket."""


def usd(text: str) -> Decimal:
    """An amount or price as typed."""
    return Decimal(text)


def bar(o: str, h: str, low: str, c: str, volume: int = 1_000_000) -> TapeBar:
    """A day as typed."""
    return TapeBar(open=usd(o), high=usd(h), low=usd(low), close=usd(c), volume=volume)


class WeekHours:
    """Ten sessions, 14:30 to 21:00 UTC."""

    def sessions(self, first: date, last: date) -> tuple[SessionDate, ...]:
        return tuple(day for day in DAYS if first <= day <= last)

    def session(self, day: date) -> SessionDate | None:
        return SessionDate(day) if day in DAYS else None

    def open_at(self, session: date) -> datetime:
        return datetime.combine(session, OPEN, tzinfo=UTC)

    def close_at(self, session: date) -> datetime:
        return datetime.combine(session, CLOSE, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Want:
    """One wish for a session, prices as typed."""

    symbol: str = "AAA"
    ref: str = "50.00"
    stop: str = "47.00"
    r1: str = "53.00"
    r2: str = "56.00"
    level: str = "50.00"
    notional: str = "0.10"
    risk: str = "0.005"
    time_stop: int | None = None
    rank: int = 1


@dataclass(kw_only=True)
class World:
    """Everything a run needs; a restart is a new World on the same disk."""

    disk: Disk
    bars: Mapping[tuple[str, SessionDate], TapeBar]
    wants: Mapping[SessionDate, Sequence[Want]] = field(default_factory=dict)
    adv: Mapping[str, Decimal] = field(default_factory=lambda: {"AAA": LIQUID, "BBB": LIQUID})
    acts: tuple[CorporateAction, ...] = ()
    sectors: Mapping[str, str] | None = None
    broken_enforcement: bool = False
    wrap_broker: Callable[[SimBroker], Any] = lambda broker: broker
    wrap_journal: Callable[[Journal], JournalPort] = lambda journal: journal
    index: IndexPort | None = None
    at: datetime = datetime(2026, 3, 2, 13, 0, tzinfo=UTC)
    results: dict[tuple[SessionDate, str], CycleResult] = field(default_factory=dict)

    def __post_init__(self) -> None:
        hours = WeekHours()
        self.tape = DictTape(bars=self.bars, adv=self.adv, acts=self.acts)
        self.exchange = Exchange(self.disk, layout.exchange(BOOK), self.tape, hours, ExchangeConfig())
        self.sim = SimBroker(self.exchange, self.tape, hours, lambda: self.at)
        self.outside: Any = self.wrap_broker(self.sim)

    def run(self, *sessions: SessionDate, until: str = "1600") -> BookState:
        """Run sessions as the edge does, from wherever the disk says that they stand."""
        for session in sessions:
            journal = self.journal(session)
            if not journal.records:
                self.at = datetime.combine(session, time(12, 30), tzinfo=UTC)
                seen = self.sim.account()
                assert isinstance(seen, Seen)
                rows = books.opening(self.carried(session), BOOK, session, "0" * 64, seen.value)
                journal.append([(event, self.at, None, data) for event, data in rows])
            for slot, kind in SLOTS:
                if slot <= until and not any(
                    r.event == "cycle.ended" and str(r.cycle).startswith(slot) for r in journal.records
                ):
                    self.cycle(session, slot, kind, journal)
        return self.state(sessions[-1])

    def cycle(self, session: SessionDate, slot: str, kind: CycleKind, journal: Journal) -> CycleResult:
        """One cycle; a second run of a slot is named as the edge names it."""
        runs = len({r.cycle for r in journal.records if str(r.cycle).startswith(slot)})
        name = slot if not runs else f"{slot}-{runs + 1}"
        minute = {"0930": 0, "0935": 5, "1600": 390}[slot]
        self.at = datetime.combine(session, OPEN, tzinfo=UTC) + timedelta(minutes=minute)
        writes = self.wrap_journal(journal)
        ports = Ports(
            broker=self.outside,
            feed=self.outside,
            journal=writes,
            now=lambda: self.at,
            pause=lambda seconds: None,
            index=self.index,
            record_fault=self.record_fault(writes),
        )
        result = run_cycle(self.inputs(session, name, kind), ports, CONFIG)
        self.results[session, slot] = result
        return result

    def record_fault(self, writes: JournalPort) -> Callable[[], RecordCode | None]:
        """What the edge tells gate 3 of a journal that may spill."""

        def fault() -> RecordCode | None:
            is_failing = isinstance(writes, SpillingJournal) and writes.fault is not None
            return RecordCode.LEDGER_UNAVAILABLE if is_failing else None

        return fault

    def inputs(self, session: SessionDate, slot: str, kind: CycleKind) -> CycleInputs:
        """What the edge would read for that cycle."""
        hours = WeekHours()
        before = [day for day in DAYS if day < session]
        data_session = before[-1] if before else SessionDate(session - timedelta(days=3))
        opened = self.carried(session)
        wanted = candidates(session, data_session, self.wants.get(session, ()))
        marks = {
            name: close
            for name in {symbol for symbol, _ in self.bars}
            if (close := self.tape.close_before(name, session)) is not None
        }
        marks.update({row.symbol: row.entry.entry_ref for row in wanted.intents if row.symbol not in marks})
        seen = snapshot(equity="100000", closed_session=data_session)
        made = enforce(
            EnforcementInputs(
                book_id=BOOK,
                session_date=session,
                data_session=data_session,
                candidates=wanted,
                decisions=ReadFaultCode.MISSING,
                snapshot=seen,
                book=opened,
                account=account(),
                control=control(),
                marks=marks,
                observed={"account": session, "positions": session, "orders": session},
                record=(),
            ),
            CONFIG.gates,
        )
        return CycleInputs(
            book_id=BOOK,
            session_date=session,
            data_session=data_session,
            slot=slot,
            kind=kind,
            state=self.state(session),
            open_at=hours.open_at(session),
            close_at=hours.close_at(session),
            sessions=(*before, session),
            history={name: self.history(name, session) for name in {symbol for symbol, _ in self.bars}},
            marks=marks,
            sectors=self.sectors,
            candidates=wanted,
            enforcement=ReadFaultCode.CORRUPT if self.broken_enforcement else made,
            snapshot=seen,
            control=control(),
        )

    def history(self, symbol: str, session: SessionDate) -> tuple[BarFacts, ...]:
        """Bars before *session*; the tests of splits do without."""
        if self.acts:
            return ()
        return tuple(
            row.facts(symbol, day)
            for day in DAYS
            if day < session and (row := self.bars.get((symbol, day))) is not None
        )

    def journal(self, session: SessionDate) -> Journal:
        """The session's journal as it lies on disk."""
        return Journal.open(self.disk, layout.journal(BOOK, session))

    def carried(self, session: SessionDate) -> BookState:
        """Fold of every journal before *session*."""
        fold = Fold(empty_state())
        for day in DAYS:
            if day < session:
                for record in self.journal(day).records:
                    fold.apply(record)
        return fold.freeze()

    def state(self, session: SessionDate) -> BookState:
        """Fold of every journal, *session*'s included."""
        return fold_records(self.carried(session), self.journal(session).records)


def candidates(session: SessionDate, data_session: SessionDate, wants: Sequence[Want]) -> Candidates:
    """``candidates.json`` with these wishes."""
    rows = tuple(_intent(session, data_session, want) for want in wants)
    return seeded(rows, data_session, dict.fromkeys((row.symbol for row in rows), LIQUID))


def _intent(session: SessionDate, data_session: SessionDate, want: Want) -> TradeIntent:
    opened = datetime.combine(session, OPEN, tzinfo=UTC)
    return TradeIntent(
        intent_id=intent_id(BOOK, session, CORE, want.symbol, Side.BUY, "entry"),
        book_id=BOOK,
        session_date=session,
        data_session=data_session,
        strategy_id=CORE,
        sleeve_id=CORE,
        model_version="1.0.0",
        data_version="0" * 20,
        symbol=want.symbol,
        side=Side.BUY,
        intended_notional_fraction=usd(want.notional),
        intended_risk_fraction=usd(want.risk),
        entry=Entry(
            model=EntryModel.NEXT_OPEN,
            level=usd(want.level),
            entry_ref=usd(want.ref),
            limit_cap=usd(want.ref) * usd("1.02"),
        ),
        stop_plan=StopPlan(initial_stop=usd(want.stop)),
        exit_plan=ExitPlan(
            r1=usd(want.r1),
            r1_fraction=usd("0.5"),
            r2=usd(want.r2),
            r2_fraction=usd("0.5"),
            trail_fraction=usd("0.5"),
            time_stop_sessions=want.time_stop,
        ),
        valid_from=opened,
        valid_until=opened + timedelta(minutes=30),
        thesis="above YTD AVWAP, tier A, confluence 3",
        tags=("tier:A",),
        rank=want.rank,
        scan_ref=f"/rows/{want.rank}",
    )


CONFIG: Final = CycleConfig(
    execution=ExecutionConfig(),
    entry=EntryConfig(),
    exits=ExitConfig(),
    gates=EnforcementConfig(portfolio=portfolio_config(BOOK)),
)


def check_types(broker: SimBroker) -> tuple[Broker, Feed]:
    """The adapter answers both doors: a matter of types, checked with them."""
    return broker, broker
