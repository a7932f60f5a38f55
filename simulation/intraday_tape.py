"""Where the bars inside a day come from: typed or recorded ones, or a stated path made of the day's own bar."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

import numpy as np

from market.feeds.port import IntradayBars
from schemas.base import SessionDate
from schemas.market import CorporateAction
from simulation.path import IntradayBar, day_bars, moment, usd
from simulation.tape import DictTape, Hours, Tape, TapeBar

FIVE_MINUTES: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """No bar of *symbol* starts from *first* until *until* (UTC, excluded)."""

    symbol: str
    first: datetime
    until: datetime


class PathTape:
    """A daily tape with the bars inside its days, made by ``simulation.path.day_bars``.

    *seconds*: of a bar, 60 or 300. *halts*: spans that are left out of the path.
    """

    def __init__(
        self, days: Tape, hours: Hours, *, seconds: int = FIVE_MINUTES, halts: tuple[Halt, ...] = ()
    ) -> None:
        self._days = days
        self._hours = hours
        self._seconds = seconds
        self._halts = halts
        self._made: dict[tuple[str, SessionDate], tuple[IntradayBar, ...]] = {}

    def bars(self, symbol: str, session: SessionDate) -> tuple[IntradayBar, ...]:
        made = self._made.get((symbol, session))
        if made is None:
            made = self._made[symbol, session] = self._make(symbol, session)
        return made

    def bar(self, symbol: str, session: SessionDate) -> TapeBar | None:
        return self._days.bar(symbol, session)

    def close_before(self, symbol: str, session: SessionDate) -> Decimal | None:
        return self._days.close_before(symbol, session)

    def adv_usd20(self, symbol: str, session: SessionDate) -> Decimal | None:
        return self._days.adv_usd20(symbol, session)

    def actions(self, session: SessionDate) -> tuple[CorporateAction, ...]:
        return self._days.actions(session)

    def _make(self, symbol: str, session: SessionDate) -> tuple[IntradayBar, ...]:
        day = self._days.bar(symbol, session)
        if day is None:
            return ()
        prices = (day.open, day.high, day.low, day.close)
        opens, closes = self._hours.open_at(session), self._hours.close_at(session)
        made = day_bars(prices, day.volume, opens, closes, self._seconds)
        halts = [halt for halt in self._halts if halt.symbol == symbol]
        return tuple(b for b in made if not any(h.first <= b.start_at < h.until for h in halts))


@dataclass(frozen=True, slots=True, kw_only=True)
class BarsTape:
    """Intraday bars by (symbol, session); a day's bar is their union."""

    held: Mapping[tuple[str, SessionDate], tuple[IntradayBar, ...]]
    adv: Mapping[str, Decimal] = field(default_factory=dict)
    """``adv_usd20`` by symbol, the same on every session."""
    acts: tuple[CorporateAction, ...] = ()
    before: Mapping[str, Decimal] = field(default_factory=dict)
    """Closes before the first session, where known."""

    def bars(self, symbol: str, session: SessionDate) -> tuple[IntradayBar, ...]:
        return self.held.get((symbol, session), ())

    def bar(self, symbol: str, session: SessionDate) -> TapeBar | None:
        held = self.bars(symbol, session)
        volume = sum(bar.volume for bar in held)
        if not volume:
            return None
        return TapeBar(
            open=held[0].open,
            high=max(bar.high for bar in held),
            low=min(bar.low for bar in held),
            close=held[-1].close,
            volume=volume,
        )

    def close_before(self, symbol: str, session: SessionDate) -> Decimal | None:
        days = [day for name, day in self.held if name == symbol and day < session]
        return self.held[symbol, max(days)][-1].close if days else self.before.get(symbol)

    def adv_usd20(self, symbol: str, session: SessionDate) -> Decimal | None:
        return DictTape(bars={}, adv=self.adv).adv_usd20(symbol, session)

    def actions(self, session: SessionDate) -> tuple[CorporateAction, ...]:
        return DictTape(bars={}, acts=self.acts).actions(session)


def recorded(bars: IntradayBars, hours: Hours) -> BarsTape:
    """The tape of *bars* as a feed gives them (file, vendor); what lies outside a session is left out."""
    held: dict[tuple[str, SessionDate], list[IntradayBar]] = {}
    for at in np.lexsort((bars.start_at, bars.code)).tolist():
        start = moment(int(bars.start_at[at]))
        session = hours.session(start.date())
        if session is None or not hours.open_at(session) <= start < hours.close_at(session):
            continue
        o, h, low, c = (usd(int(value)) for value in bars.values[:4, at])
        bar = IntradayBar(
            start_at=start,
            seconds=bars.interval_s,
            open=o,
            high=h,
            low=low,
            close=c,
            volume=int(bars.values[4, at]),
        )
        held.setdefault((bars.symbols[int(bars.code[at])], session), []).append(bar)
    return BarsTape(held={key: tuple(rows) for key, rows in held.items()})
