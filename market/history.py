"""The recent bars of one symbol, on the basis of D, as the facts that exit rules read."""

from decimal import Decimal
from typing import SupportsInt

from market.panel import Panel
from schemas.observations import BarFacts


def daily_bars(panel: Panel, symbol: str, most: int) -> tuple[BarFacts, ...]:
    """The last *most* bars of *symbol* up to P, oldest first; bars with a missing price are left out."""
    at = panel.position(symbol)
    if at is None:
        return ()
    rows = range(max(int(panel.lo[at]), int(panel.hi[at]) - most), int(panel.hi[at]))
    return tuple(
        BarFacts(
            symbol=symbol,
            session_date=panel.sessions[panel.session[row]],
            open=_usd(panel.open[row]),
            high=_usd(panel.high[row]),
            low=_usd(panel.low[row]),
            close=_usd(panel.close[row]),
            volume=Decimal(int(panel.volume[row])),
        )
        for row in rows
        if min(panel.open[row], panel.high[row], panel.low[row], panel.close[row]) > 0
    )


def _usd(e4: SupportsInt) -> Decimal:
    return Decimal(int(e4)).scaleb(-4)
