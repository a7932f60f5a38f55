"""What a decision asks of the market beside the symbol itself: its sector, and how it moved, all of it as of D."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from portfolio.arbiter import Peers
from portfolio.correlation import RETURNS, Correlations, daily_returns

if TYPE_CHECKING:
    from market.panel import Panel


def sectors(panel: "Panel", symbols: Iterable[str]) -> dict[str, str] | None:
    """The sector of each of *symbols* that has one; None without a table of sectors."""
    if not panel.sectors:
        return None
    named = {symbol: panel.sectors.get(panel.current(symbol)) for symbol in sorted(symbols)}
    return {symbol: sector for symbol, sector in named.items() if sector is not None}


def peers(panel: "Panel", symbols: Iterable[str]) -> Peers:
    """Sectors and correlations of *symbols*, for sizes of their own."""
    named = sorted(symbols)
    return Peers(sectors=sectors(panel, named), correlations=Correlations(returns(panel, named)))


def rebased(panel: "Panel", symbols: Iterable[str]) -> frozenset[str]:
    """Those of *symbols* whose price basis changes between P and D."""
    return frozenset(symbol for symbol in symbols if panel.current(symbol) in panel.unsplit)


def returns(panel: "Panel", symbols: Iterable[str]) -> dict[str, tuple[int | None, ...]]:
    """The last 60 daily returns, in 1e-7, of each of *symbols* that has a bar; None for a session without one."""
    found = {symbol: _closes(panel, panel.current(symbol)) for symbol in sorted(symbols)}
    return {symbol: daily_returns(closes) for symbol, closes in found.items() if closes is not None}


def _closes(panel: "Panel", symbol: str) -> list[int | None] | None:
    """Closes, 1e-4 USD, of the last 61 sessions up to P."""
    at = panel.position(symbol)
    if at is None:
        return None
    count, first = RETURNS + 1, len(panel.sessions) - RETURNS - 1
    rows = slice(max(int(panel.lo[at]), int(panel.hi[at]) - count), int(panel.hi[at]))
    closes: list[int | None] = [None] * count
    for session, close in zip(panel.session[rows].tolist(), panel.close[rows].tolist(), strict=True):
        if session >= first and close > 0:
            closes[session - first] = close
    return closes
