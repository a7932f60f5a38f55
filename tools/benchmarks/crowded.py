"""A crowded book: two hundred positions with their stops, and fifty intents of which every one enters in one cycle."""

import gc
import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from execution_v2 import book as books
from execution_v2 import execution, stops
from execution_v2.config import ExecutionConfig
from execution_v2.cycle import run_cycle
from execution_v2.gates.facts import EnforcementConfig
from execution_v2.ports import CycleConfig, CycleInputs, Ports
from execution_v2.reduce import empty_state, fold_records
from ledger import layout
from ledger.canonical import artifact_bytes, line_bytes, plain
from ledger.journal import Journal
from ledger.memory import MemoryDisk
from market.calendar import Calendar
from portfolio.limits import LimitsConfig, Sleeve, portfolio_config
from portfolio.sleeves import Sharing
from schemas.base import SessionDate
from schemas.book import Side
from schemas.candidates import Candidates, Entry, EntryModel, ExitPlan, StopPlan, TradeIntent
from schemas.cycle import CycleKind
from schemas.header import Artifact
from schemas.ids import intent_id
from schemas.journal import JournalRecord
from schemas.strategy_registry import S1_AVWAP_CORE
from simulation.adapter import IntradayBroker
from simulation.config import ExchangeConfig
from simulation.intraday import IntradayExchange
from simulation.intraday_tape import BarsTape
from simulation.path import IntradayBar
from simulation.seeds.line import Clock
from simulation.seeds.market import BOOK, candidates
from simulation.seeds.morning import control, morning
from strategies.config import EntryConfig, ExitConfig

POSITIONS, INTENTS = 200, 50
SESSION: Final = SessionDate(date(2026, 3, 3))
PRICE: Final = Decimal("50.00")
CAPITAL: Final = Decimal(10_000_000)
WIDE: Final = {
    "risk_per_trade_abs_max_usd": CAPITAL,
    "gross_abs_max_usd": CAPITAL,
    "gross_pct_max": Decimal(1),
    "sector_pct_max": Decimal(1),
    "positions_max": 1_000,
    "entries_per_day_max": 1_000,
}
"""Limits that let all of them in."""
_EXCHANGE: Final = "SIM/exchange.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One cycle. seconds: all of it; outside_s: in broker and feed; covered: positions, each with its stop."""

    seconds: float
    outside_s: float
    requests: int
    covered: int
    records: tuple[JournalRecord, ...]
    artifacts: tuple[Artifact, ...]

    def spell(self) -> bytes:
        """Everything that the cycle leaves, as it lies on disk."""
        lines = [line_bytes(plain(record)) for record in self.records]
        return b"".join([*lines, *(artifact_bytes(plain(each)) for each in self.artifacts)])


class Timed:
    """Broker and feed, and how long they were asked."""

    def __init__(self, broker: IntradayBroker) -> None:
        self._broker = broker
        self.requests = 0
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        ask = getattr(self._broker, name)

        def call(*args: Any) -> Any:
            began = time.perf_counter()
            try:
                return ask(*args)
            finally:
                self.requests += 1
                self.seconds += time.perf_counter() - began

        return call


class Crowded:
    """The book with its positions, before the cycle that is timed."""

    def __init__(self, positions: int = POSITIONS, intents: int = INTENTS) -> None:
        self._hours = Calendar()
        self._opens = self._hours.open_at(SESSION)
        names = [f"S{number:03d}" for number in range(positions + intents)]
        self._held, self._wished = names[:positions], names[positions:]
        bars = {(name, SESSION): self._bars() for name in names}
        adv = dict.fromkeys(names, Decimal(60_000_000))
        self._tape = BarsTape(held=bars, adv=adv, before=dict.fromkeys(names, PRICE))
        base = portfolio_config(BOOK)
        limits = LimitsConfig(**(base.limits.model_dump() | WIDE))
        self._config = CycleConfig(
            execution=ExecutionConfig(),
            entry=EntryConfig(),
            exits=ExitConfig(),
            gates=EnforcementConfig(
                portfolio=base.model_copy(update={"limits": limits}),
                sharing=Sharing(sleeves={S1_AVWAP_CORE: Sleeve(sleeve_id=S1_AVWAP_CORE)}),
            ),
        )
        self._venue, self._book = MemoryDisk(), MemoryDisk()
        self._open()
        self._run(0, self._held, is_first=True)
        self._run(5, self._held)

    def cycle(self) -> Done:
        """The cycle with its intents, from the same book every time."""
        kept = self._venue, self._book
        self._venue, self._book = _copied(kept[0]), _copied(kept[1])
        try:
            return self._run(10, self._wished)
        finally:
            self._venue, self._book = kept

    def _bars(self) -> tuple[IntradayBar, ...]:
        return tuple(
            IntradayBar(
                start_at=self._opens + timedelta(minutes=5 * number),
                seconds=300,
                open=PRICE,
                high=PRICE,
                low=PRICE,
                close=PRICE,
                volume=100_000,
            )
            for number in range(6)
        )

    def _exchange(self) -> IntradayExchange:
        given = ExchangeConfig(starting_capital_usd=CAPITAL)
        return IntradayExchange(self._venue, _EXCHANGE, self._tape, self._hours, given)

    def _open(self) -> None:
        at = self._opens - timedelta(hours=1)
        exchange = self._exchange()
        exchange.advance(at)
        rows = books.opening(empty_state(), BOOK, SESSION, "0" * 64, exchange.account())
        journal = Journal.open(self._book, layout.journal(BOOK, SESSION))
        journal.append([(event, at, None, data) for event, data in rows])

    def _run(self, minute: int, names: list[str], *, is_first: bool = False) -> Done:
        clock = Clock(self._opens + timedelta(minutes=minute))
        exchange = self._exchange()
        exchange.advance(clock.now())
        line = Timed(IntradayBroker(exchange, self._tape, self._hours, clock.now))
        journal = Journal.open(self._book, layout.journal(BOOK, SESSION))
        inputs = self._inputs(journal, exchange, f"{clock.now():%H%M}", names, is_first=is_first)
        ports = Ports(broker=line, feed=line, journal=journal, now=clock.now, pause=clock.wait)
        gc.collect()
        gc.disable()
        began = time.perf_counter()
        result = run_cycle(inputs, ports, self._config)
        seconds = time.perf_counter() - began
        gc.enable()
        told = (result.records, result.state_before, result.state_after)
        sells = {o.symbol: o.quantity for o in exchange.open_orders() if o.stop is not None}
        held = {symbol: quantity for symbol, (quantity, _) in exchange.state.holdings.items()}
        assert held == sells, "every share has its stop"
        return Done(
            seconds=seconds,
            outside_s=line.seconds,
            requests=line.requests,
            covered=len(held),
            records=result.records,
            artifacts=(execution.run(*told), stops.run(*told)),
        )

    def _inputs(
        self, journal: Journal, exchange: IntradayExchange, slot: str, names: list[str], *, is_first: bool
    ) -> CycleInputs:
        state = fold_records(empty_state(), journal.records)
        before = self._hours.previous(SESSION)
        wished = _wished(names, before, self._opens)
        marks = dict.fromkeys([*self._held, *self._wished], PRICE)
        account = exchange.account()
        made = morning(wished, SESSION, before, empty_state(), account, marks, self._config.gates)
        return CycleInputs(
            book_id=BOOK,
            session_date=SESSION,
            data_session=before,
            slot=slot,
            kind=CycleKind.INTRADAY,
            is_first=is_first,
            state=state,
            open_at=self._opens,
            close_at=self._hours.close_at(SESSION),
            sessions=(before, SESSION),
            history={},
            marks=marks,
            candidates=made.candidates,
            enforcement=made.enforcement,
            snapshot=made.snapshot,
            control=control(self._opens + timedelta(minutes=1)),
        )


def _copied(disk: MemoryDisk) -> MemoryDisk:
    made = MemoryDisk()
    for path in disk.list(BOOK):
        made.write(path, disk.read(path))
    return made


def _wished(names: list[str], before: SessionDate, opens: datetime) -> Candidates:
    rows = tuple(_intent(name, rank, before, opens) for rank, name in enumerate(names, start=1))
    return candidates(rows, before, dict.fromkeys(names, Decimal(60_000_000)))


def _intent(symbol: str, rank: int, before: SessionDate, opens: datetime) -> TradeIntent:
    return TradeIntent(
        intent_id=intent_id(BOOK, SESSION, S1_AVWAP_CORE, symbol, Side.BUY, "entry"),
        book_id=BOOK,
        session_date=SESSION,
        data_session=before,
        strategy_id=S1_AVWAP_CORE,
        sleeve_id=S1_AVWAP_CORE,
        model_version="1.0.0",
        data_version="0" * 20,
        symbol=symbol,
        side=Side.BUY,
        intended_notional_fraction=Decimal("0.003"),
        intended_risk_fraction=Decimal("0.0005"),
        entry=Entry(model=EntryModel.NEXT_OPEN, level=PRICE, entry_ref=PRICE, limit_cap=PRICE + 1),
        stop_plan=StopPlan(initial_stop=PRICE - 3),
        exit_plan=ExitPlan(
            r1=PRICE + 5,
            r1_fraction=Decimal("0.5"),
            r2=PRICE + 10,
            r2_fraction=Decimal("0.5"),
            trail_fraction=Decimal("0.5"),
        ),
        valid_from=opens,
        valid_until=opens + timedelta(hours=1),
        thesis="one of a crowd",
        tags=(),
        rank=rank,
        scan_ref=f"/rows/{rank}",
    )
