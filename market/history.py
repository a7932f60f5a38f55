"""The recent bars of one symbol, on the basis of D, as the facts that exit rules read."""

from decimal import Decimal

from market.panel import Panel
from schemas.observations import BarFacts


def daily_bars(panel: Panel, symbol: str, most: int) -> tuple[BarFacts, ...]:
    """The last *most* bars of *symbol* up to P, oldest first; bars with a missing price are left out."""
    at = panel.position(symbol)
    if at is None:
        return ()
    rows = slice(max(int(panel.lo[at]), int(panel.hi[at]) - most), int(panel.hi[at]))
    columns = (panel.session, panel.open, panel.high, panel.low, panel.close, panel.volume)
    # Built without being validated once more: integers of 1e-4 USD have the scale of a price by themselves, and a
    # cycle reads hundreds of bars of each symbol that it holds.
    return tuple(
        BarFacts.model_construct(
            symbol=symbol,
            session_date=panel.sessions[session],
            open=_usd(open_),
            high=_usd(high),
            low=_usd(low),
            close=_usd(close),
            volume=Decimal(volume),
        )
        for session, open_, high, low, close, volume in zip(
            *(column[rows].tolist() for column in columns), strict=True
        )
        if min(open_, high, low, close) > 0
    )


def _usd(e4: int) -> Decimal:
    return Decimal(e4).scaleb(-4)
