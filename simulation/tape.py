"""The tape is what truly happened, day by day as traded; only the exchange may read the day being played."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Final, Protocol

import numpy as np

from market.actions import known_actions, takes_effect
from market.calendar import Calendar
from market.sidecar import PRICE_NULL, SYMBOL_SHIFT, Sidecar
from schemas.base import SessionDate
from schemas.market import CorporateAction
from schemas.observations import BarFacts
from simulation.path import IntradayBar

ADV_BARS: Final = 20
_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeBar:
    """One day of one symbol as traded, USD and shares, every price known."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int

    def facts(self, symbol: str, session: SessionDate) -> BarFacts:
        """The day's bar as a feed gives it."""
        return BarFacts(
            symbol=symbol,
            session_date=session,
            open=self.open,
            high=self.high,
            low=self.low,
            close=self.close,
            volume=Decimal(self.volume),
        )


class Hours(Protocol):
    """When the exchange is open; ``market.calendar.Calendar`` answers it."""

    def sessions(self, first: date, last: date) -> tuple[SessionDate, ...]: ...

    def session(self, day: date) -> SessionDate | None: ...

    def open_at(self, session: date) -> datetime: ...

    def close_at(self, session: date) -> datetime: ...


class Tape(Protocol):
    """What the exchange plays."""

    def bar(self, symbol: str, session: SessionDate) -> TapeBar | None:
        """The day's bar; None when nothing traded, then nothing fills."""
        ...

    def close_before(self, symbol: str, session: SessionDate) -> Decimal | None:
        """The last close before *session*, as traded then."""
        ...

    def adv_usd20(self, symbol: str, session: SessionDate) -> Decimal | None:
        """Mean of close times volume over the 20 bars before *session*; None with fewer."""
        ...

    def actions(self, session: SessionDate) -> tuple[CorporateAction, ...]:
        """Corporate actions effective at the open of *session*, sorted by (symbol, kind)."""
        ...


class IntradayTape(Tape, Protocol):
    """What the exchange plays by the minute."""

    def bars(self, symbol: str, session: SessionDate) -> tuple[IntradayBar, ...]:
        """The session's bars, oldest first; a span without one is a halt, and no bar overlaps another."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DictTape:
    """A tape typed by hand or generated: bars by (symbol, session)."""

    bars: Mapping[tuple[str, SessionDate], TapeBar]
    adv: Mapping[str, Decimal] = field(default_factory=dict)
    """``adv_usd20`` by symbol, the same on every session; a symbol that is not here has none."""
    acts: tuple[CorporateAction, ...] = ()

    def bar(self, symbol: str, session: SessionDate) -> TapeBar | None:
        found = self.bars.get((symbol, session))
        return found if found is not None and found.volume > 0 else None

    def close_before(self, symbol: str, session: SessionDate) -> Decimal | None:
        days = [day for name, day in self.bars if name == symbol and day < session]
        return self.bars[symbol, max(days)].close if days else None

    def adv_usd20(self, symbol: str, session: SessionDate) -> Decimal | None:
        del session  # the same on every day
        return self.adv.get(symbol)

    def actions(self, session: SessionDate) -> tuple[CorporateAction, ...]:
        return _sorted(action for action in self.acts if action.ex_date == session)


class StoreTape:
    """The tape of the market store, read from the sidecar's arrays: a look-up is a binary search."""

    def __init__(self, sidecar: Sidecar, calendar: Calendar) -> None:
        self._held = sidecar
        self._calendar = calendar
        self._codes = {symbol: code for code, symbol in enumerate(sidecar.symbols)}

    def bar(self, symbol: str, session: SessionDate) -> TapeBar | None:
        wanted = self._key(symbol, session)
        at = None if wanted is None else int(np.searchsorted(self._held.key, wanted, "left"))
        if at is None or at >= len(self._held.key) or int(self._held.key[at]) != wanted:
            return None
        ticks = [int(column[at]) for column in (self._held.open, self._held.high, self._held.low)]
        ticks.append(int(self._held.close[at]))
        volume = int(self._held.volume[at])
        if PRICE_NULL in ticks or min(ticks) <= 0 or volume <= 0:
            return None
        prices = [Decimal(tick).scaleb(-4) for tick in ticks]
        return TapeBar(open=prices[0], high=prices[1], low=prices[2], close=prices[3], volume=volume)

    def close_before(self, symbol: str, session: SessionDate) -> Decimal | None:
        for at in reversed(self._before(symbol, session)):
            if int(self._held.close[at]) > 0:
                return Decimal(int(self._held.close[at])).scaleb(-4)
        return None

    def adv_usd20(self, symbol: str, session: SessionDate) -> Decimal | None:
        rows = self._before(symbol, session)
        if len(rows) < ADV_BARS:
            return None
        turnover = sum(int(self._held.close[at]) * int(self._held.volume[at]) for at in rows[-ADV_BARS:])
        return (Decimal(turnover).scaleb(-4) / ADV_BARS).quantize(_CENT)

    def actions(self, session: SessionDate) -> tuple[CorporateAction, ...]:
        number = self._calendar.index(session)
        assert number is not None, "the exchange plays sessions alone"
        previous = self._calendar.previous(session)
        known = known_actions(self._held.actions, number)
        return _sorted(action for action in known if takes_effect(action, previous, session))

    def _key(self, symbol: str, session: SessionDate) -> int | None:
        code = self._codes.get(symbol)
        number = self._calendar.index(session)
        assert number is not None, "the exchange plays sessions alone"
        return None if code is None else (code << SYMBOL_SHIFT) | number

    def _before(self, symbol: str, session: SessionDate) -> list[int]:
        """Rows of the last bars before *session*, as many as adv_usd20 asks; of a restated bar the first told."""
        wanted = self._key(symbol, session)
        if wanted is None:
            return []
        first = int(np.searchsorted(self._held.key, (wanted >> SYMBOL_SHIFT) << SYMBOL_SHIFT, "left"))
        upto = int(np.searchsorted(self._held.key, wanted, "left"))
        keys = self._held.key[first:upto]
        told_first = np.flatnonzero(np.diff(keys, prepend=-1))
        return [first + int(at) for at in told_first[-ADV_BARS:]]


def _sorted(actions: Iterable[CorporateAction]) -> tuple[CorporateAction, ...]:
    return tuple(sorted(actions, key=lambda action: (action.symbol, action.kind)))
