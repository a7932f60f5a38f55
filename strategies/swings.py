"""A swing low is a bar below both neighbours; a stop under it rests where buyers came back.

Pure functions on bars, oldest first (strategy.md 6.3). A swing low is intact while no later low is below it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from schemas.base import down
from strategies.config import ExitConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """The part of a bar that structure needs, USD. ``start_at`` is ``None`` for a daily bar."""

    low: Decimal
    high: Decimal
    start_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Swing:
    """A proposed stop at the tick, or ``None``; and the latest higher low, if a later low broke it."""

    proposal: Decimal | None
    invalidated: Decimal | None = None


def swing_lows(lows: Sequence[Decimal]) -> list[int]:
    """Positions of the interior bars whose low lies strictly below both neighbours', oldest first."""
    return [i for i in range(1, len(lows) - 1) if lows[i] < lows[i - 1] and lows[i] < lows[i + 1]]


def is_intact(lows: Sequence[Decimal], position: int) -> bool:
    """Whether no low after *position* is below the one there."""
    return min(lows[position:]) == lows[position]


def daily_swing_low(bars: Sequence[Bar], config: ExitConfig) -> Swing:
    """The latest intact swing low (not the lowest) of the last ``daily_bars`` bars, less the buffer."""
    lows = [bar.low for bar in bars[-config.daily_bars :]]
    for position in reversed(swing_lows(lows)):
        if is_intact(lows, position):
            return Swing(proposal=_under(lows[position], config))
    return Swing(proposal=None)


def intraday_higher_low(bars: Sequence[Bar], config: ExitConfig) -> Swing:
    """The latest intact higher low of the 5-minute bars, less the buffer.

    A higher low lies strictly above the swing low just before it. One that a later low broke yields nothing
    even if the price recovers; the latest higher low is reported when that happened to it.
    """
    if len(bars) < config.bars_min:
        return Swing(proposal=None)
    lows = [bar.low for bar in bars]
    found = swing_lows(lows)
    higher = [now for before, now in pairwise(found) if lows[now] > lows[before]]
    intact = [position for position in higher if is_intact(lows, position)]
    return Swing(
        proposal=_under(lows[intact[-1]], config) if intact else None,
        invalidated=lows[higher[-1]] if higher and not is_intact(lows, higher[-1]) else None,
    )


def _under(low: Decimal, config: ExitConfig) -> Decimal:
    return down(low - max(config.stop_buffer_usd, config.stop_buffer_fraction * low))
