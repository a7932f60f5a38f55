"""A file of bars, of days or of minutes, is a tape: what cannot be a bar of a session is left out, and counted.

Days are drawn as the stated path of ``simulation.path``; bars inside the day are played as they are, and make up their
day. What a stock trades in a day is the mean of its twenty bars before, as everywhere.
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np

from market.calendar import EPOCH, Calendar
from market.feed import ReadFailed
from market.feeds.files import FileBars
from market.feeds.port import INTERVALS, Intraday, IntradayBars
from market.rows import Int64, Rows
from market.tables import file_bytes, read_table
from schemas.base import SessionDate
from schemas.market import CorporateAction
from simulation.intraday_tape import FIVE_MINUTES, PathTape, recorded
from simulation.path import IntradayBar, usd
from simulation.tape import ADV_BARS, TapeBar

_CENT: Final = Decimal("0.01")
Days = dict[str, dict[SessionDate, TapeBar]]


class FileTape:
    """An ``IntradayTape``. *days*: by symbol and session, oldest first; *inside*: the bars of a day, if it has any."""

    def __init__(
        self, days: Days, inside: Callable[[str, SessionDate], tuple[IntradayBar, ...]] | None = None
    ) -> None:
        self._days = days
        self._dates = {symbol: list(held) for symbol, held in days.items()}
        self._inside = inside

    def bars(self, symbol: str, session: SessionDate) -> tuple[IntradayBar, ...]:
        return () if self._inside is None else self._inside(symbol, session)

    def bar(self, symbol: str, session: SessionDate) -> TapeBar | None:
        return self._days.get(symbol, {}).get(session)

    def close_before(self, symbol: str, session: SessionDate) -> Decimal | None:
        before = self._before(symbol, session, 1)
        return before[-1].close if before else None

    def adv_usd20(self, symbol: str, session: SessionDate) -> Decimal | None:
        before = self._before(symbol, session, ADV_BARS)
        if len(before) < ADV_BARS:
            return None
        return (sum((bar.close * bar.volume for bar in before), Decimal(0)) / ADV_BARS).quantize(_CENT)

    def actions(self, session: SessionDate) -> tuple[CorporateAction, ...]:
        """None: a file of bars knows of no splits or dividends."""
        del session
        return ()

    def _before(self, symbol: str, session: SessionDate, count: int) -> list[TapeBar]:
        dates = self._dates.get(symbol, [])
        upto = bisect_left(dates, session)
        return [self._days[symbol][day] for day in dates[max(upto - count, 0) : upto]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMarket:
    """What a file holds. *seconds*: of its bars; None: days. *left_out*: rows that are no bar of a session."""

    tape: FileTape | PathTape
    symbols: tuple[str, ...]
    first: SessionDate
    last: SessionDate
    seconds: int | None
    left_out: int


def market_of(path: Path, calendar: Calendar) -> FileMarket | ReadFailed:
    """The market in *path*, CSV or Parquet. Errors: ``UsageFault`` for what is no table of bars."""
    named = read_table(path, file_bytes(path), ("symbol",))
    rows = len(named)
    symbols = sorted({str(name) for name in named["symbol"].to_pylist()})
    is_intraday = "start_at" in named.column_names
    file = FileBars(path, calendar, _never)
    first, last = calendar.first_date, calendar.valid_until
    if is_intraday:
        told = _intraday(file, symbols, first, last)
        if isinstance(told, ReadFailed):
            return told
        days, seconds, kept, inside = _of_minutes(told, calendar)
        tape: FileTape | PathTape = FileTape(days, inside)
    else:
        seen = file.daily(symbols, first, last)
        if isinstance(seen, ReadFailed):
            return seen
        days, kept = _of_days(seen.value, calendar)
        seconds, tape = None, PathTape(FileTape(days), calendar, seconds=FIVE_MINUTES)
    sessions = [session for held in days.values() for session in held]
    if not sessions:
        return ReadFailed(cause=f"{path.name}: none of its {rows} rows is a bar of a session")
    return FileMarket(
        tape=tape,
        symbols=tuple(sorted(days)),
        first=min(sessions),
        last=max(sessions),
        seconds=seconds,
        left_out=rows - kept,
    )


def _intraday(file: FileBars, symbols: list[str], first: date, last: date) -> IntradayBars | ReadFailed:
    """The bars at whichever interval they have."""
    told: list[Intraday] = [file.intraday(symbols, seconds, first, last) for seconds in INTERVALS]
    for seen in told:
        if not isinstance(seen, ReadFailed):
            return seen.value
    assert isinstance(told[0], ReadFailed), "the others were taken above"
    return told[0]


def _of_days(rows: Rows, calendar: Calendar) -> tuple[Days, int]:
    days: Days = {}
    kept = np.flatnonzero(_sound(rows.values)).tolist()
    count = 0
    for at in kept:
        session = calendar.session(date.fromordinal(int(rows.day[at]) + EPOCH))
        if session is not None:
            o, h, low, c = (usd(int(value)) for value in rows.values[:4, at])
            bar = TapeBar(open=o, high=h, low=low, close=c, volume=int(rows.values[4, at]))
            days.setdefault(rows.symbols[int(rows.code[at])], {})[session] = bar
            count += 1
    return days, count


def _of_minutes(
    bars: IntradayBars, calendar: Calendar
) -> tuple[Days, int, int, Callable[[str, SessionDate], tuple[IntradayBar, ...]]]:
    at = np.flatnonzero(_sound(bars.values))
    sound = IntradayBars(
        symbols=bars.symbols,
        code=bars.code[at],
        start_at=bars.start_at[at],
        interval_s=bars.interval_s,
        values=bars.values[:, at],
    )
    held = recorded(sound, calendar)
    days: Days = {}
    for symbol, session in sorted(held.held):
        day = held.bar(symbol, session)
        assert day is not None, "bars that traded make a day that traded"
        days.setdefault(symbol, {})[session] = day
    return days, bars.interval_s, sum(map(len, held.held.values())), held.bars


def _sound(values: Int64) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which columns of (open, high, low, close, volume) can be bars: prices that enclose each other, and shares."""
    o, h, low, c, v = values
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = (
        (low > 0) & (low <= o) & (low <= c) & (h >= o) & (h >= c) & (v > 0)
    )
    return found


def _never() -> datetime:
    """A file is read once, and nobody asks when."""
    return datetime(1970, 1, 1, tzinfo=UTC)
