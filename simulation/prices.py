"""The price of a symbol at an instant, and the first instant at which it reaches a level: both read off its path."""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from market.rows import microseconds
from schemas.base import SessionDate, down, up
from schemas.book import OrderType, Side
from schemas.observations import BrokerOrder
from simulation.path import IntradayBar, Leg, legs, moment, ticks, usd
from simulation.tape import IntradayTape

_WHOLE: Final = 10**10
"""One, in millionths of a basis point."""


class Quote(NamedTuple):
    """Bid, ask and last, USD, and the instant of which they are."""

    bid: Decimal
    ask: Decimal
    last: Decimal
    as_of: datetime


class Row:
    """A bar with its instants (microseconds) and extremes (ten-thousandths), its path drawn when first asked for."""

    __slots__ = ("_legs", "bar", "high", "low", "t0", "t1")

    def __init__(self, bar: IntradayBar) -> None:
        self.bar = bar
        self.t0 = microseconds(bar.start_at)
        self.t1 = self.t0 + bar.seconds * 1_000_000
        self.low, self.high = ticks(bar.low), ticks(bar.high)
        self._legs: tuple[Leg, ...] | None = None

    @property
    def legs(self) -> tuple[Leg, ...]:
        if self._legs is None:
            self._legs = legs(self.bar)
        return self._legs

    def price(self, t: int) -> int:
        """The price at *t* inside the bar."""
        return next(leg for leg in reversed(self.legs) if leg.t0 <= t).price(t)

    def first(self, threshold: int, *, falling: bool, since: int) -> int | None:
        """The first instant from *since* on at which the price is at or beyond *threshold*, or None."""
        if since >= self.t1 or (self.low > threshold if falling else self.high < threshold):
            return None
        found = (leg.first(threshold, falling=falling, since=since) for leg in self.legs)
        return next((t for t in found if t is not None), None)


class Prices:
    """What *tape* shows of the sessions, bar by bar."""

    def __init__(self, tape: IntradayTape) -> None:
        self._tape = tape
        self._rows: dict[tuple[str, SessionDate], tuple[list[int], list[Row]]] = {}

    def row(self, symbol: str, session: SessionDate, t: int) -> Row | None:
        """The bar that covers *t*."""
        found = self._before(symbol, session, t)
        return found if found is not None and t < found.t1 else None

    def rows(self, symbol: str, session: SessionDate, since: int, end: int) -> Iterator[Row]:
        """Bars that lie at least in part in [*since*, *end*], oldest first."""
        starts, rows = self._of(symbol, session)
        for at in range(max(0, bisect_right(starts, since) - 1), len(rows)):
            if rows[at].t0 > end:
                return
            yield rows[at]

    def seen(self, symbol: str, session: SessionDate, t: int) -> tuple[int, int] | None:
        """(price, of which instant) as last traded in the session at *t*; None before its first bar."""
        row = self._before(symbol, session, t)
        if row is None:
            return None
        return (row.price(t), t) if t < row.t1 else (ticks(row.bar.close), row.t1)

    def _before(self, symbol: str, session: SessionDate, t: int) -> Row | None:
        starts, rows = self._of(symbol, session)
        at = bisect_right(starts, t) - 1
        return rows[at] if at >= 0 else None

    def _of(self, symbol: str, session: SessionDate) -> tuple[list[int], list[Row]]:
        made = self._rows.get((symbol, session))
        if made is None:
            # A bar in which nothing traded says nothing.
            rows = [Row(bar) for bar in self._tape.bars(symbol, session) if bar.volume > 0]
            made = self._rows[symbol, session] = ([row.t0 for row in rows], rows)
        return made


def quoted(price: int, t: int, half_spread_bps: Decimal) -> Quote:
    """The quote around *price*: the spread on either side, to the tick outwards."""
    last, half = usd(price), half_spread_bps / 10_000
    return Quote(bid=down(last * (1 - half)), ask=up(last * (1 + half)), last=last, as_of=moment(t))


def level(order: BrokerOrder, half_spread_bps: Decimal) -> tuple[int, bool]:
    """(the price from which on *order* can fill, whether that is from above): a limit's where the touch reaches it."""
    is_buy = order.side is Side.BUY
    if order.order_type is OrderType.STOP:
        assert order.stop is not None, "a stop order without its price"
        return ticks(order.stop), not is_buy
    assert order.limit is not None, "a limit order without its price"
    half, limit = int(half_spread_bps * 1_000_000), ticks(order.limit)
    if is_buy:
        return limit * _WHOLE // (_WHOLE + half), True
    return -(-limit * _WHOLE // (_WHOLE - half)), False
