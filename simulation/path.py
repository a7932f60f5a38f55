"""Between two prints the price moves in straight lines: open, one extreme, the other, close, in thirds of a bar.

A bar that rises goes to its low first, one that falls to its high first; a day is split over its session by the same
rule (``market.feeds.synthetic.day_path``), so its intraday bars give back its open, high, low, close and volume. Inside
a bar prices are whole ten-thousandths of a dollar and instants whole microseconds, and every question about the path is
answered in integers: however finely time is cut, the same things happen.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import numpy as np

from market.feeds.synthetic import day_path
from market.rows import microseconds

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntradayBar:
    """One bar of one symbol as traded, from *start_at* (UTC) for *seconds*. USD and shares."""

    start_at: datetime
    seconds: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int

    @property
    def end_at(self) -> datetime:
        """The instant from which on it is closed."""
        return self.start_at + timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class Leg:
    """A straight piece of the path: from price *p0* at *t0* to *p1* at *t1*."""

    t0: int
    t1: int
    p0: int
    p1: int

    def price(self, t: int) -> int:
        """The price at *t*, rounded towards where the leg came from: never beyond what it has crossed."""
        gone = abs(self.p1 - self.p0) * (t - self.t0) // (self.t1 - self.t0)
        return self.p0 + gone if self.p1 >= self.p0 else self.p0 - gone

    def first(self, threshold: int, *, falling: bool, since: int) -> int | None:
        """The first instant from *since* on at which the price is at or beyond *threshold*; None: not in this leg.

        *falling*: beyond is below.
        """
        sign = 1 if falling else -1
        p0, p1, wanted = sign * self.p0, sign * self.p1, sign * threshold
        span, start = self.t1 - self.t0, max(since, self.t0)
        if start >= self.t1:
            return None
        if p0 * span + (p1 - p0) * (start - self.t0) <= wanted * span:
            return start
        if p1 > wanted:
            return None
        crossing = self.t0 - ((wanted - p0) * span // (p0 - p1))
        return crossing if crossing < self.t1 else None


def legs(bar: IntradayBar) -> tuple[Leg, Leg, Leg]:
    """The path inside *bar*."""
    start, third = microseconds(bar.start_at), bar.seconds * 1_000_000 // 3
    first, second = (bar.low, bar.high) if bar.close >= bar.open else (bar.high, bar.low)
    prices = [ticks(price) for price in (bar.open, first, second, bar.close)]
    times = (start, start + third, start + 2 * third, start + bar.seconds * 1_000_000)
    made = [Leg(times[at], times[at + 1], prices[at], prices[at + 1]) for at in range(3)]
    return made[0], made[1], made[2]


def day_bars(
    prices: tuple[Decimal, Decimal, Decimal, Decimal],
    volume: int,
    open_at: datetime,
    close_at: datetime,
    seconds: int,
) -> tuple[IntradayBar, ...]:
    """A day's (open, high, low, close) and volume as bars of *seconds* over its session, oldest first.

    Errors: AssertionError for a session shorter than three bars.
    """
    count = (close_at - open_at) // timedelta(seconds=seconds)
    day = np.array([*(ticks(price) for price in prices), volume], np.int64)
    rows = day_path(day, count)[:4].T.tolist()
    return tuple(
        IntradayBar(
            start_at=open_at + timedelta(seconds=at * seconds),
            seconds=seconds,
            open=usd(o),
            high=usd(h),
            low=usd(low),
            close=usd(c),
            # Evenly to the share, and not in lots: in a thin stock too something trades in most bars.
            volume=volume * (at + 1) // count - volume * at // count,
        )
        for at, (o, h, low, c) in enumerate(rows)
    )


def regrouped(bars: tuple[IntradayBar, ...], open_at: datetime, seconds: int) -> Iterator[IntradayBar]:
    """*bars* of one session joined to bars of *seconds*, counted from *open_at*; a slot without a bar is left out."""
    groups: dict[int, list[IntradayBar]] = {}
    for bar in bars:
        groups.setdefault((bar.start_at - open_at) // timedelta(seconds=seconds), []).append(bar)
    for slot, held in groups.items():
        yield IntradayBar(
            start_at=open_at + timedelta(seconds=slot * seconds),
            seconds=seconds,
            open=held[0].open,
            high=max(bar.high for bar in held),
            low=min(bar.low for bar in held),
            close=held[-1].close,
            volume=sum(bar.volume for bar in held),
        )


def ticks(price: Decimal) -> int:
    """USD as whole ten-thousandths."""
    return int(price.scaleb(4))


def usd(price: int) -> Decimal:
    """Whole ten-thousandths as USD."""
    return Decimal(price).scaleb(-4)


def moment(t: int) -> datetime:
    """The instant of so many microseconds since 1970 UTC."""
    return _EPOCH + timedelta(microseconds=t)
