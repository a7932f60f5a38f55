"""The recent bars of one symbol, on the basis of D, as the facts that exit rules read."""

from decimal import Decimal
from functools import lru_cache
from typing import Final

from market.panel import Panel
from schemas.base import SessionDate
from schemas.observations import BarFacts

BARS_KEPT: Final = 50_000
"""Bars that a process holds made: a year of some two hundred symbols, at a kilobyte each."""


def daily_bars(panel: Panel, symbol: str, most: int) -> tuple[BarFacts, ...]:
    """The last *most* bars of *symbol* up to P, oldest first; bars with a missing price are left out."""
    at = panel.position(symbol)
    if at is None:
        return ()
    rows = slice(max(int(panel.lo[at]), int(panel.hi[at]) - most), int(panel.hi[at]))
    columns = (panel.session, panel.open, panel.high, panel.low, panel.close, panel.volume)
    return tuple(
        _bar(symbol, panel.sessions[session], *prices, volume)
        for session, *prices, volume in zip(*(column[rows].tolist() for column in columns), strict=True)
        if min(prices) > 0
    )


@lru_cache(maxsize=BARS_KEPT)
def _bar(
    symbol: str, session: SessionDate, open_: int, high: int, low: int, close: int, volume: int
) -> BarFacts:
    """Made once: the next session, and the next rule that asks, read nearly the same bars.

    It is not validated: integers of 1e-4 USD have the scale of a price by themselves.
    """
    return BarFacts.model_construct(
        symbol=symbol,
        session_date=session,
        open=_usd(open_),
        high=_usd(high),
        low=_usd(low),
        close=_usd(close),
        volume=Decimal(volume),
    )


def _usd(e4: int) -> Decimal:
    return Decimal(e4).scaleb(-4)
