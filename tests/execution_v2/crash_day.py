"""A typed day and a short one after it, driven through the real edge by processes that may die at any of their steps.

What a process leaves behind lies in one folder: the house, and the venue, which is another machine and lives on.
"""

import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, Literal

from execution_v2 import store
from flows.clocks import PassingClock
from flows.day import Day, open_day
from flows.house import House
from flows.settings import Settings
from flows.stages.cycle import cycle
from flows.stages.opening import Session, book, open_session, resume_session
from flows.stages.slots import Slot, last_look, slots
from flows.world import World
from ledger.disk import LocalDisk
from ledger.faulty import FaultyDisk, SimulatedCrash
from ledger.seal import last_sealed, seal
from schemas.base import SessionDate
from schemas.market import CorporateAction
from simulation.adapter import IntradayBroker
from simulation.config import GtcOnSplit, IntradayConfig
from simulation.intraday import IntradayExchange
from simulation.intraday_tape import BarsTape
from simulation.path import IntradayBar
from simulation.seeds.line import CALL_S
from simulation.seeds.morning import morning, snapshot
from tests.chain.days import house_at
from tests.market.worlds import split, steady, store_with
from tests.portfolio.books import account
from tests.simulation.floor_world import PLAIN
from tests.simulation.world import BOOK, LIQUID, Want, candidates, usd

EVE: Final = SessionDate(date(2025, 11, 25))
LONG: Final = SessionDate(date(2025, 11, 26))
SHORT: Final = SessionDate(date(2025, 11, 28))
"""The day after Thanksgiving: it closes at 13:00."""
SYMBOLS: Final = ("AAA", "BBB", "CCC")
WANTS: Final = (
    Want(symbol="AAA", r1="53.00", r2="80.00"),
    Want(symbol="BBB", ref="20.00", stop="19.00", r1="29.00", r2="40.00", level="20.00", rank=2),
    Want(symbol="CCC", ref="30.00", stop="28.20", r1="39.00", r2="50.00", level="30.00", rank=3),
)
VOLUMES: Final = {"AAA": 100_000, "BBB": 1_000, "CCC": 100_000}
"""Of each bar. No bar gives an order more than a twentieth of it: BBB fills in part."""
Prices = tuple[str, str, str, str]
MOVES: Final[Mapping[str, Mapping[int, Prices]]] = {
    "AAA": {  # through the first target, then up in steps whose lows rise
        0: ("50.00", "50.00", "50.00", "50.00"),
        3: ("50.00", "53.50", "50.00", "53.40"),
        5: ("53.40", "54.00", "52.80", "53.90"),
        6: ("53.90", "54.40", "53.70", "54.30"),
        7: ("54.30", "54.40", "53.20", "53.60"),
        8: ("53.60", "55.40", "53.50", "55.30"),
        9: ("55.30", "56.40", "55.20", "56.30"),
        10: ("56.30", "56.40", "54.40", "54.90"),
        11: ("54.90", "57.00", "54.80", "56.90"),
    },
    "BBB": {0: ("20.00", "20.00", "20.00", "20.00")},
    "CCC": {0: ("30.00", "30.00", "30.00", "30.00"), 2: ("30.00", "30.02", "28.00", "28.10")},
}
NEXT_DAY: Final[Mapping[str, Mapping[int, Prices]]] = {
    "AAA": {0: ("56.90", "56.90", "56.90", "56.90")},
    "BBB": {0: ("10.00", "10.00", "10.00", "10.00")},  # two new shares for an old one
    "CCC": {0: ("28.10", "28.10", "28.10", "28.10")},
}
PLAYED: Final = {LONG: (0, 1, 4, 14), SHORT: (0, 41)}
"""The slots of each session that are played, before its last look."""
RESTART_S: Final = 2.0

Where = Literal["disk", "power", "index", "before", "after"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """The process dies at its step number *at* (from 1) of that kind.

    disk: a primitive of the disk; power: the same, and what was not synced is lost; index: before or after a
    statement of the index; before, after: around a request to broker or feed.
    """

    where: Where
    at: int


@dataclass(slots=True)
class Steps:
    """How many steps of each kind there have been, and the names of the requests."""

    disk: int = 0
    index: int = 0
    names: list[str] = field(default_factory=list)

    def of(self, where: Where) -> int:
        """Those at which a death of that kind can come."""
        return {"disk": self.disk, "power": self.disk, "index": self.index}.get(where, len(self.names))

    def nth(self, name: str, at: int = 1) -> int:
        """The number, among all requests, of the *at*-th one of that name."""
        return [number for number, each in enumerate(self.names, start=1) if each == name][at - 1]


class Line:
    """Broker and feed as one process sees them: each request takes its time, and may be the last."""

    def __init__(
        self, broker: IntradayBroker, clock: PassingClock, steps: Steps, death: Death | None
    ) -> None:
        self._broker, self._clock, self._steps, self._death = broker, clock, steps, death

    def __getattr__(self, name: str) -> Any:
        ask = getattr(self._broker, name)

        def call(*args: Any) -> Any:
            self._steps.names.append(name)
            here = len(self._steps.names)
            if self._death == Death(where="before", at=here):
                raise SimulatedCrash(f"died before {name}")
            self._clock.sleep(CALL_S)
            answer = ask(*args)
            if self._death == Death(where="after", at=here):
                raise SimulatedCrash(f"died after {name}")
            return answer

        return call


@contextmanager
def dying_index(steps: Steps, death: Death | None) -> Iterator[None]:
    """SQLite as the index meets it, with a step before and after each statement."""

    class Dying(sqlite3.Connection):
        def execute(self, *args: Any) -> sqlite3.Cursor:
            self._step()
            found = super().execute(*args)
            self._step()
            return found

        def _step(self) -> None:
            steps.index += 1
            if death == Death(where="index", at=steps.index):
                raise SimulatedCrash(f"died at statement {steps.index}")

    def connect(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        return sqlite3.connect(*args, factory=Dying, **kwargs)

    whole = store.sqlite3  # type: ignore[attr-defined]
    stand_in = SimpleNamespace(connect=connect, Error=sqlite3.Error, IntegrityError=sqlite3.IntegrityError)
    store.sqlite3 = stand_in  # type: ignore[attr-defined, assignment]
    try:
        yield
    finally:
        store.sqlite3 = whole  # type: ignore[attr-defined]


def market_at(at: Path) -> House:
    """A house whose store holds what was known of the three symbols before and after LONG."""
    house = House(Settings(home=at))
    house.root.mkdir(parents=True)
    calendar = house.calendar
    before = calendar.sessions(calendar.previous(EVE, 60), EVE)
    rows = list(steady("SPY", (*before, LONG), close=500.0))
    for symbol, want in zip(SYMBOLS, WANTS, strict=True):
        rows += steady(symbol, before, close=float(want.ref))
        bars = tape(calendar).bars(symbol, LONG)
        o, c = float(bars[0].open), float(bars[-1].close)
        high, low = float(max(bar.high for bar in bars)), float(min(bar.low for bar in bars))
        rows.append((symbol, LONG, o, high, low, c, sum(bar.volume for bar in bars)))
    house.__dict__["store"] = store_with(house.root, rows, [SPLIT])
    return house


SPLIT: Final[CorporateAction] = split("BBB", SHORT, 2, 1)


def tape(hours: Any) -> BarsTape:
    """The five-minute bars of both sessions, each later one flat at the last close."""
    held = {}
    for session, moves in ((LONG, MOVES), (SHORT, NEXT_DAY)):
        for symbol in SYMBOLS:
            held[symbol, session] = tuple(_bars(hours, session, moves[symbol], VOLUMES[symbol]))
    before = {want.symbol: usd(want.ref) for want in WANTS}
    return BarsTape(held=held, adv=dict.fromkeys(SYMBOLS, LIQUID), acts=(SPLIT,), before=before)


def _bars(
    hours: Any, session: SessionDate, moves: Mapping[int, Prices], volume: int
) -> Iterator[IntradayBar]:
    opens, closes = hours.open_at(session), hours.close_at(session)
    last: Prices = moves[0]
    for number in range((closes - opens) // timedelta(minutes=5)):
        o, h, low, c = (usd(price) for price in moves.get(number, (last[3],) * 4))
        at = opens + timedelta(minutes=5 * number)
        yield IntradayBar(start_at=at, seconds=300, open=o, high=h, low=low, close=c, volume=volume)
        last = moves.get(number, last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One piece of work of a driver: to open a session, to play a slot of it, or to seal it."""

    session: SessionDate
    slot: Slot | None = None
    seals: bool = False


class Place:
    """What outlives a process: the house's folder, the venue, and the time.

    *at*: a folder of its own. Attributes: step (the number of the one that is to be done), exposures (the most that
    was held and on order at the venue when a cycle had ended, USD, by the cycle's slot).
    """

    def __init__(self, market: House, at: Path, step: int = 0, now: datetime | None = None) -> None:
        self.market = market
        self.at = at
        self.step = step
        self.exposures: dict[str, Decimal] = {}
        self._tape = tape(market.calendar)
        self.clock = PassingClock()
        self.clock.step(now or market.calendar.cut_at(EVE))
        (at / "venue").mkdir(parents=True, exist_ok=True)
        (at / "home" / "ledger").mkdir(parents=True, exist_ok=True)
        rules = IntradayConfig(gtc_on_split=GtcOnSplit.DROP)  # so that it is for us to stop the new shares
        log = LocalDisk(at / "venue")
        self.venue = IntradayExchange(log, "log.jsonl", self._tape, market.calendar, PLAIN, rules)

    def copy(self, to: Path) -> "Place":
        """The same, elsewhere."""
        shutil.copytree(self.at, to)
        made = Place(self.market, to, self.step, self.clock.now())
        made.exposures.update(self.exposures)
        return made

    def house(self, disk: FaultyDisk | None = None) -> House:
        """The house as a new process has it."""
        return house_at(self.market, self.at / "home", disk, sim={"bars": "intraday"})

    def day(self, session: SessionDate, house: House | None = None) -> Day:
        """That session of the book."""
        return open_day(house or self.house(), BOOK, session)

    def steps(self) -> tuple[Step, ...]:
        """All the work of both sessions, in order."""
        made: list[Step] = []
        for session, numbers in PLAYED.items():
            day = self.day(session)
            made.append(Step(session=session))
            made += [Step(session=session, slot=slots(day)[number]) for number in numbers]
            made += [Step(session=session, slot=last_look(day)), Step(session=session, seals=True)]
        return tuple(made)

    def process(self, death: Death | None = None, until: int | None = None) -> Steps:
        """One process works from ``step`` on, to the end or *until* that step, or dies: ``SimulatedCrash``."""
        counted = Steps()
        on_disk = death is not None and death.where in ("disk", "power")
        disk = FaultyDisk(
            self.at / "home" / "ledger",
            crash_at=death.at if death is not None and on_disk else None,
            power_loss=death is not None and death.where == "power",
        )
        house = self.house(disk)
        broker = IntradayBroker(self.venue, self._tape, self.market.calendar, self.clock.now)
        line = Line(broker, self.clock, counted, death)
        world = World(broker=line, feed=line, clock=self.clock)
        work = self.steps()
        with dying_index(counted, death):
            while self.step < (len(work) if until is None else until):
                self._do(work[self.step], self.day(work[self.step].session, house), world)
                self.step += 1
        counted.disk = disk.steps
        return counted

    def restart(self) -> None:
        """Somebody sees that the process died, and starts another one."""
        self.clock.sleep(RESTART_S)

    def _do(self, step: Step, day: Day, world: World) -> None:
        if step.slot is not None:
            cycle(day, world, resume_session(day, None), step.slot)
            self._ended(f"{step.session:%m%d} {step.slot.name}")
        elif step.seals:
            day.write("snapshot.json", snapshot(self.venue.account(), day.session), ())
            seal(day.house.disk, day.ctx, last_sealed(day.house.disk, BOOK, day.session))
        else:
            self._open(day, open_session(day, world, None))

    def _open(self, day: Day, session: Session) -> None:
        """The morning, as the stages before the open would have left it."""
        book(day)
        wished = candidates(day.session, day.previous, WANTS if day.session == LONG else ())
        marks = {want.symbol: usd(want.ref) for want in WANTS}
        gates = day.house.settings.enforcement(BOOK)
        made = morning(wished, day.session, day.previous, session.carried, account(), marks, gates)
        day.write("candidates.json", wished, ())
        day.write("enforcement.json", made.enforcement, ())

    def _ended(self, name: str) -> None:
        """A cycle ended: every share has its stop, and what is at stake is kept for the comparison."""
        state = self.venue.state
        worth = Decimal(0)
        for symbol, (quantity, _) in state.holdings.items():
            stops = [o for o in state.orders_open() if o.symbol == symbol and o.stop is not None]
            covered = sum((o.quantity - o.filled for o in stops), Decimal(0))
            assert quantity == covered, f"{name}: {covered} of {quantity} {symbol} covered"
            worth += quantity * (self.venue.last(symbol) or 0)
        buys = [o for o in state.orders_open() if o.stop is None and o.side == "buy"]
        assert [] == buys, f"{name}: an entry still works"
        self.exposures[name] = worth


@dataclass(slots=True, kw_only=True)
class Course:
    """The undisturbed run: a copy of the place before each step, and the steps of the process that did it."""

    whole: Place
    before: list[Place] = field(default_factory=list)
    counts: list[Steps] = field(default_factory=list)
    """Of each step alone: a process that begins there counts from nought."""


def course(market: House, at: Path) -> Course:
    """Run both sessions undisturbed, every step in a process of its own."""
    place = Place(market, at / "whole")
    made = Course(whole=place)
    for number in range(len(place.steps())):
        made.before.append(place.copy(at / f"before-{number}"))
        made.counts.append(place.process(until=number + 1))
    return made
