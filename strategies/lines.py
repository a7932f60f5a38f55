"""A line is its measure at every bar, not at the last alone: each anchored VWAP from its anchor on, each mean.

For drawing. At the bar of P each value is the one that the scan decided with, to its last digit: the sums here are
whole numbers, divided once, as in the kernel.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from market.panel import Panel
from strategies.layout import PRICE_MAX, VOLUME_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One session of a symbol, basis of D: its number in ``panel.sessions``, prices in 1e-4 USD (-1: none), shares."""

    session: int
    open: int
    high: int
    low: int
    close: int
    volume: int

    @property
    def is_whole(self) -> bool:
        """Within the bounds that the kernel measures in; any other bar weighs nothing in a line."""
        prices = (self.open, self.high, self.low, self.close)
        return min(prices) > 0 and max(prices) < PRICE_MAX and 0 <= self.volume < VOLUME_MAX


def bars_of(panel: Panel, symbol: str) -> tuple[Bar, ...]:
    """Every bar of *symbol* in *panel*, oldest first; empty if it has none."""
    k = panel.position(symbol)
    if k is None:
        return ()
    rows = slice(int(panel.lo[k]), int(panel.hi[k]))
    columns = (panel.session, panel.open, panel.high, panel.low, panel.close, panel.volume)
    return tuple(
        Bar(session=at, open=o, high=h, low=low, close=c, volume=v)
        for at, o, h, low, c, v in zip(*(column[rows].tolist() for column in columns), strict=True)
    )


def anchored(bars: Sequence[Bar], sessions: Sequence[date], anchor: date) -> tuple[float | None, ...]:
    """avwap of *anchor* at each of *bars*, USD, at 6 decimals; ``None`` before it and until a share traded."""
    found: list[float | None] = []
    money = shares = 0
    for bar in bars:
        if sessions[bar.session] >= anchor and bar.is_whole:
            money += (bar.high + bar.low + bar.close) * bar.volume
            shares += bar.volume
        # sum(PV)/3 is in 1e-4 USD, so a millionth is sum(PV) * 100 / (3 * sum(V)).
        found.append(_rhe(money * 100, 3 * shares) / 1_000_000 if shares else None)
    return tuple(found)


def mean(bars: Sequence[Bar], length: int) -> tuple[float | None, ...]:
    """Mean close of the last *length* bars at each of *bars*, USD, quantised to 6 decimals; ``None`` for fewer."""
    found: list[float | None] = []
    for at in range(len(bars)):
        window = bars[max(0, at - length + 1) : at + 1]
        is_measured = len(window) == length and all(bar.is_whole for bar in window)
        total = sum(bar.close for bar in window) * 100
        found.append(_rhe(total, length) / 1_000_000 if is_measured else None)
    return tuple(found)


def _rhe(numerator: int, denominator: int) -> int:
    """The quotient of two whole numbers that are not negative, rounded half to even."""
    whole, rest = divmod(numerator, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1))
