"""A session watched on intraday bars: typed prices, the intraday exchange, a line with scripted faults, a book."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from execution_v2 import book as books
from execution_v2 import coverage
from execution_v2.cycle import run_cycle
from execution_v2.desk import Desk
from execution_v2.enforce import EnforcementInputs
from execution_v2.enforce import run as enforce
from execution_v2.ports import CycleConfig, CycleInputs, CycleResult, Ports
from execution_v2.reduce import empty_state, fold_records
from execution_v2.stop_facts import untold
from ledger import layout
from ledger.journal import Journal
from ledger.memory import MemoryDisk
from schemas.base import SessionDate
from schemas.book import BookState, Leg, Order
from schemas.candidates import Candidates, EntryModel
from schemas.cycle import CycleKind
from schemas.events import OrderFilled, ReplaceEnded, TickTaken
from schemas.lifecycle import Lifecycle, LifecycleState
from schemas.posture import PostureState
from schemas.reasons.ledger import ReadFaultCode
from schemas.tick import TickKind, Verdict
from simulation.adapter import IntradayBroker
from simulation.config import IntradayConfig
from simulation.fault_plan import Fault, FaultPlan
from simulation.faults import FaultyBroker
from simulation.intraday import IntradayExchange
from simulation.intraday_tape import BarsTape
from simulation.path import IntradayBar
from simulation.seeds.line import Clock
from tests.execution_v2.ticks import quiet
from tests.portfolio.books import control, snapshot
from tests.simulation.floor_world import PLAIN
from tests.simulation.world import BOOK, CONFIG, DAYS, LIQUID, Want, WeekHours, candidates, usd

HOURS: Final = WeekHours()
DAY: Final = DAYS[1]
QUIET: Final = ("50.00", "50.05", "49.95", "50.00")
BARS: Final = 78


def typed(
    changes: Mapping[int, tuple[str, str, str, str]], session: SessionDate = DAY, volume: int = 100_000
) -> tuple[IntradayBar, ...]:
    """The 5-minute bars of a session: those of *changes* by number, each later one flat at the last close."""
    made, last = [], QUIET
    for number in range(BARS):
        if number in changes:
            last = changes[number]
        o, h, low, c = (usd(price) for price in last)
        at = HOURS.open_at(session) + timedelta(minutes=5 * number)
        made.append(IntradayBar(start_at=at, seconds=300, open=o, high=h, low=low, close=c, volume=volume))
        close = last[3]
        last = (close, close, close, close)
    return tuple(made)


def _quiet(symbol: str) -> Want:
    """A wish for another symbol, whose price stands still."""
    return Want(symbol=symbol, rank=2)


def armed(at: datetime) -> TickTaken:
    """The tick after which a book enters: its first cycle found everything well, and it is ACTIVE."""
    tick = quiet(
        kind=TickKind.END,
        at=at,
        is_first=True,
        active_s=0,
        sightings=(),
        verdict=Verdict(seq=0, divergences=()),
        equity=None,
        requests=0,
    )
    active = LifecycleState(state=Lifecycle.ACTIVE, since=at)
    return TickTaken(slot="0925", tick=tick, posture=PostureState(since=at), lifecycle=active)


class Watched:
    """One session of one symbol, and of *more*. *script*: what goes wrong at the port (``simulation.fault_plan``)."""

    def __init__(
        self,
        changes: Mapping[int, tuple[str, str, str, str]] | None = None,
        *,
        script: Mapping[Any, Fault] | None = None,
        rules: IntradayConfig | None = None,
        want: Want | None = None,
        model: EntryModel = EntryModel.NEXT_OPEN,
        volume: int = 100_000,
        config: CycleConfig = CONFIG,
        wanted: bool = True,
        more: Sequence[str] = (),
    ) -> None:
        first, others = typed(changes or {}, volume=volume), typed({})
        tape = BarsTape(
            held={("AAA", DAY): first} | {(name, DAY): others for name in more},
            adv=dict.fromkeys(("AAA", *more), LIQUID),
            before=dict.fromkeys(("AAA", *more), usd("50.00")),
        )
        self.marks = dict(tape.before)
        self.clock = Clock(HOURS.open_at(DAY) - timedelta(hours=1))
        self.exchange = IntradayExchange(None, "", tape, HOURS, PLAIN, rules or IntradayConfig())
        self.exchange.advance(self.clock.now())
        self.broker = IntradayBroker(self.exchange, tape, HOURS, self.clock.now)
        self.door: Any = self.faulty(script or {})
        self.feed: Any = None
        """Where prices come from; None: through the same door."""
        self.config = config
        self.journal = Journal.open(MemoryDisk(), layout.journal(BOOK, DAY))
        rows = books.opening(empty_state(), BOOK, DAY, "0" * 64, self.exchange.account())
        self.journal.append([(event, self.clock.now(), None, data) for event, data in rows])
        self.journal.append([("tick.taken", self.clock.now(), None, armed(self.clock.now()))])
        self.candidates = (
            self._candidates((want or Want(), *map(_quiet, more)), model)
            if wanted
            else candidates(DAY, DAYS[0], ())
        )
        self._names: dict[str, int] = {}

    @staticmethod
    def _candidates(wants: Sequence[Want], model: EntryModel) -> Candidates:
        made = candidates(DAY, DAYS[0], wants)
        close_at = HOURS.close_at(DAY)
        intents = tuple(
            row.model_copy(
                update={"entry": row.entry.model_copy(update={"model": model}), "valid_until": close_at}
            )
            for row in made.intents
        )
        return made.model_copy(update={"intents": intents})

    def faulty(self, script: Mapping[Any, Fault]) -> FaultyBroker:
        """The line with *script*, whose calls are counted from now."""
        plan = FaultPlan(script=script)
        return FaultyBroker(self.broker, plan, self.clock.now, self.clock.wait, self.exchange)

    @property
    def state(self) -> BookState:
        """The fold of the journal."""
        return fold_records(empty_state(), self.journal.records)

    def at(self, minute: float) -> datetime:
        """That minute of the session."""
        return HOURS.open_at(DAY) + timedelta(minutes=minute)

    def inputs(self, slot: str, **changes: Any) -> CycleInputs:
        """What the edge would read for a cycle now."""
        opened, close = HOURS.open_at(DAY), HOURS.close_at(DAY)
        seen = snapshot(equity="100000", closed_session=DAYS[0])
        account = self.exchange.account()
        made = enforce(
            EnforcementInputs(
                book_id=BOOK,
                session_date=DAY,
                data_session=DAYS[0],
                candidates=self.candidates,
                decisions=ReadFaultCode.MISSING,
                snapshot=seen,
                book=fold_records(empty_state(), self.journal.records[:2]),
                account=account,
                control=control(),
                marks=self.marks,
                observed=dict.fromkeys(("account", "positions", "orders"), DAY),
                record=(),
            ),
            CONFIG.gates,
        )
        found = CycleInputs(
            book_id=BOOK,
            session_date=DAY,
            data_session=DAYS[0],
            slot=slot,
            kind=CycleKind.INTRADAY,
            state=self.state,
            untold=untold(empty_state(), self.journal.records),
            gaps=coverage.fold(empty_state(), self.journal.records, (), opened, close),
            open_at=opened,
            close_at=close,
            sessions=DAYS[:2],
            history={},
            marks=self.marks,
            candidates=self.candidates,
            enforcement=made,
            snapshot=seen,
            control=control(),
        )
        return replace(found, **changes)

    def cycle(self, minute: float, **changes: Any) -> CycleResult:
        """The cycle at that minute."""
        self.clock.to(self.at(minute))
        slot = f"{self.clock.now():%H%M}"
        self._names[slot] = self._names.get(slot, 0) + 1
        name = slot if self._names[slot] == 1 else f"{slot}-{self._names[slot]}"
        return run_cycle(self.inputs(name, **changes), self.ports(), self.config)

    def desk(self, minute: float) -> Desk:
        """A cycle's hands at that minute, for one step of its work alone."""
        self.clock.to(self.at(minute))
        return Desk(self.inputs(f"{self.clock.now():%H%M}-alone"), self.ports(), self.config)

    def ports(self) -> Ports:
        """The doors, as they are now."""
        return Ports(
            broker=self.door,
            feed=self.feed or self.door,
            journal=self.journal,
            now=self.clock.now,
            pause=self.clock.wait,
        )

    # -- what came of it -------------------------------------------------------------------------------------

    @property
    def held(self) -> int:
        """Shares at the exchange."""
        return int(sum((quantity for quantity, _ in self.exchange.state.holdings.values()), Decimal(0)))

    def stops(self) -> list[tuple[int, Decimal | None]]:
        """Working stops at the exchange: shares and price, the tightest first."""
        rows = [o for o in self.exchange.open_orders() if o.stop is not None]
        return sorted(
            ((int(o.quantity - o.filled), o.stop) for o in rows), key=lambda row: row[1] or 0, reverse=True
        )

    def working(self) -> list[str]:
        """Sides of every working order at the exchange."""
        return [str(o.side) for o in self.exchange.open_orders()]

    def fills(self) -> list[tuple[str, int]]:
        """What the journal booked: reason and shares."""
        rows = [OrderFilled.model_validate(r.data) for r in self.journal.records if r.event == "order.filled"]
        return [(row.reason, int(row.quantity)) for row in rows]

    def orders(self, leg: Leg) -> Sequence[Order]:
        """Orders of a leg, by revision and attempt."""
        state = self.state
        found = [o for o in (*state.orders, *state.ended_today) if o.leg is leg]
        return sorted(found, key=lambda o: (o.revision, o.attempt))


def events(result: CycleResult, event: str) -> list[dict[str, Any]]:
    """The data of every record of *event*."""
    return [dict(record.data) for record in result.records if record.event == event]


def terminals(result: CycleResult) -> list[str]:
    """How the cycle's exchanges of orders ended."""
    return [str(ReplaceEnded.model_validate(row).terminal) for row in events(result, "replace.ended")]
