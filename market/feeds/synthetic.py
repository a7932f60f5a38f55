"""The synthetic market answers like any feed, and its intraday bars add up to the bar of the day they are made from.

Inside a day the price goes in straight lines from the open over one extreme and the other to the close: to the low
first on a day that rises, to the high first on one that falls. Nothing is drawn at random.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

import numpy as np

from market.calendar import EPOCH, Calendar
from market.feed import Seen
from market.feeds.port import (
    INTERVALS,
    Daily,
    Intraday,
    IntradayBars,
    PriceBasis,
    chosen,
    no_intraday,
)
from market.rows import Int64, microseconds
from market.synthetic import SyntheticMarket

WHOLE_SHARES = 100
"""Volume is dealt out in lots; the first bar has what is left over."""


class SyntheticBars:
    """``HistoricalBars`` of *market*. *now*: the instant of reading; every bar of a made-up market is past."""

    def __init__(self, market: SyntheticMarket, calendar: Calendar, now: Callable[[], datetime]) -> None:
        self._market = market
        self._calendar = calendar
        self._now = now

    @property
    def price_basis(self) -> PriceBasis:
        return "as_traded"

    def daily(self, symbols: Sequence[str], first: date, last: date) -> Daily:
        now = self._now()
        return Seen(as_of=now, value=chosen(self._market.rows, symbols, first, last))

    def intraday(self, symbols: Sequence[str], interval_s: int, first: date, last: date) -> Intraday:
        assert interval_s in INTERVALS, "five or ten minutes"
        rows = chosen(self._market.rows, symbols, first, last)
        if not len(rows):
            return Seen(as_of=self._now(), value=no_intraday(interval_s))
        starts, values, code = [], [], []
        for at, day in enumerate(rows.day.tolist()):
            session = date.fromordinal(day + EPOCH)
            opens, closes = self._calendar.open_at(session), self._calendar.close_at(session)
            count = (closes - opens) // timedelta(seconds=interval_s)
            starts.append(microseconds(opens) + np.arange(count, dtype=np.int64) * interval_s * 1_000_000)
            values.append(day_path(rows.values[:, at], count))
            code.append(np.full(count, rows.code[at], np.int32))
        bars = IntradayBars(
            symbols=rows.symbols,
            code=np.concatenate(code),
            start_at=np.concatenate(starts),
            interval_s=interval_s,
            values=np.concatenate(values, axis=1),
        )
        return Seen(as_of=self._now(), value=bars.canonical())


def day_path(bar: Int64, count: int) -> Int64:
    """*count* bars, (5, count), whose open, high, low, close and volume together are those of *bar*."""
    assert count >= 3, "a session holds both extremes and the close"
    opened, high, low, closed, volume = (int(value) for value in bar)
    turns = (low, high) if closed >= opened else (high, low)
    corners = (0, count // 3, 2 * count // 3, count)
    # Prices at the count + 1 edges of the bars. Both extremes are edges, so that a bar reaches each of them.
    edges = np.empty(count + 1, np.int64)
    for (start, stop), (from_price, to_price) in zip(
        pairwise(corners),
        zip((opened, *turns), (*turns, closed), strict=True),
        strict=True,
    ):
        steps = np.arange(stop - start + 1, dtype=np.int64)
        edges[start : stop + 1] = from_price + (to_price - from_price) * steps // (stop - start)
    share = volume // count // WHOLE_SHARES * WHOLE_SHARES
    volumes = np.full(count, share, np.int64)
    volumes[0] += volume - share * count
    begins, ends = edges[:-1], edges[1:]
    return np.stack([begins, np.maximum(begins, ends), np.minimum(begins, ends), ends, volumes])
