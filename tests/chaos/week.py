"""Several sessions of one symbol on intraday bars: nights, weekends and splits between them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from execution_v2 import book as books
from execution_v2 import coverage
from execution_v2.ports import CycleInputs
from execution_v2.reduce import empty_state, fold_records
from execution_v2.stop_facts import untold
from ledger import layout
from ledger.journal import Journal
from ledger.memory import MemoryDisk
from schemas.base import SessionDate
from schemas.book import BookState
from schemas.candidates import EntryModel
from schemas.market import CorporateAction
from simulation.adapter import IntradayBroker
from simulation.config import IntradayConfig
from simulation.intraday import IntradayExchange
from simulation.intraday_tape import BarsTape
from simulation.seeds.line import Clock
from tests.execution_v2.watched import DAY, HOURS, Watched, armed, typed
from tests.simulation.floor_world import PLAIN
from tests.simulation.world import BOOK, CONFIG, DAYS, LIQUID, Want, candidates, usd

Bars = Mapping[int, tuple[str, str, str, str]]


class Week(Watched):
    """Sessions from ``DAY``, a Tuesday, on, one for each of *days*; the wish is the first one's."""

    def __init__(
        self,
        days: Sequence[Bars],
        *,
        acts: tuple[CorporateAction, ...] = (),
        rules: IntradayConfig | None = None,
        want: Want | None = None,
    ) -> None:
        self.days = DAYS[1 : 1 + len(days)]
        tape = BarsTape(
            held={("AAA", day): typed(bars, day) for day, bars in zip(self.days, days, strict=True)},
            adv={"AAA": LIQUID},
            acts=acts,
            before={"AAA": usd("50.00")},
        )
        self.marks = dict(tape.before)
        self.clock = Clock(HOURS.open_at(self.days[0]) - timedelta(hours=1))
        self.exchange = IntradayExchange(None, "", tape, HOURS, PLAIN, rules or IntradayConfig())
        self.broker = IntradayBroker(self.exchange, tape, HOURS, self.clock.now)
        self.door, self.feed = self.broker, None
        self.config = CONFIG
        self._wish = want or Want()
        self._carried = empty_state()
        self._names = {}
        self._open(self.days[0])

    @property
    def state(self) -> BookState:
        return fold_records(self._carried, self.journal.records)

    def at(self, minute: float) -> datetime:
        return HOURS.open_at(self.day) + timedelta(minutes=minute)

    def next_day(self) -> None:
        """The night, or the weekend, passes."""
        self._carried = self.state
        self._open(self.days[self.days.index(self.day) + 1])

    def inputs(self, slot: str, **changes: Any) -> CycleInputs:
        made = super().inputs(slot)
        opened, close = HOURS.open_at(self.day), HOURS.close_at(self.day)
        records = self.journal.records
        found = replace(
            made,
            session_date=self.day,
            state=self.state,
            untold=untold(self._carried, records),
            gaps=coverage.fold(self._carried, records, (), opened, close),
            open_at=opened,
            close_at=close,
            sessions=tuple(day for day in DAYS if day <= self.day),
        )
        return replace(found, **changes)

    def _open(self, day: SessionDate) -> None:
        self.day = day
        self.clock.to(HOURS.open_at(day) - timedelta(hours=1))
        self.exchange.advance(self.clock.now())
        self.journal = Journal.open(MemoryDisk(), layout.journal(BOOK, day))
        rows = books.opening(self._carried, BOOK, day, "0" * 64, self.exchange.account())
        self.journal.append([(event, self.clock.now(), None, data) for event, data in rows])
        is_first = day == DAY
        if is_first:
            self.journal.append([("tick.taken", self.clock.now(), None, armed(self.clock.now()))])
        self.candidates = (
            self._candidates((self._wish,), EntryModel.NEXT_OPEN)
            if is_first
            else candidates(DAY, DAYS[0], ())
        )
