"""Panels made by hand: bars as plain tuples, sessions as plain weekdays."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np

from market.panel import Defects, Panel
from schemas.base import SessionDate
from schemas.market import CorporateAction

Bar = tuple[int, ...]
"""Session index, open, high, low, close (e4), volume."""


def weekdays(first: date, count: int) -> tuple[SessionDate, ...]:
    """*count* weekdays from *first* on."""
    days = (first + timedelta(days=n) for n in range(2 * count + 7))
    return tuple(SessionDate(day) for day in days if day.weekday() < 5)[:count]


def panel_of(
    bars: Mapping[str, Sequence[Bar]],
    sessions: Sequence[SessionDate],
    *,
    actions: Sequence[CorporateAction] = (),
    benchmark: str = "SPY",
) -> Panel:
    """A panel of *bars* by symbol; P is the last of *sessions*, D the next weekday."""
    held = {symbol: rows for symbol, rows in bars.items() if rows}
    symbols = tuple(held)
    flat = [bar for symbol in symbols for bar in held[symbol]]
    counts = np.array([len(held[symbol]) for symbol in symbols], np.int64)
    hi = np.cumsum(counts)
    columns = [np.array([bar[k] for bar in flat], np.int64) for k in range(6)]
    empty = np.zeros(0, np.int64)
    return Panel(
        session_date=weekdays(sessions[-1] + timedelta(days=1), 1)[0],
        data_session=sessions[-1],
        since=sessions[-1],
        sessions=tuple(sessions),
        symbols=symbols,
        lo=hi - counts,
        hi=hi,
        session=columns[0].astype(np.int32),
        open=columns[1],
        high=columns[2],
        low=columns[3],
        close=columns[4],
        volume=columns[5],
        defects=Defects(
            duplicate_symbol=empty,
            duplicate_session=empty.astype(np.int32),
            duplicate_differs=np.zeros(0, np.bool_),
            phantom_symbol=empty,
            phantom_date=(),
        ),
        restated=(),
        actions=tuple(actions),
        data_version="0" * 20,
        benchmark=benchmark,
        benchmark_held=benchmark in held,
    )
