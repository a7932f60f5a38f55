"""What stands beside a symbol's own bars, dated reports and its sector's fund, is read straight from the panel."""

from fractions import Fraction

from market.panel import Panel
from strategies.config import ScanConfig

RETURN_BARS = 20


def is_reporting(panel: Panel) -> frozenset[str]:
    """Symbols with earnings due from D to the second session after it, weekends between included (G7)."""
    until = panel.ahead[-1] if panel.ahead else panel.session_date
    return frozenset(each.symbol for each in panel.earnings if panel.session_date <= each.date <= until)


def next_report(panel: Panel, symbol: str) -> str | None:
    """The first date from D on that is known for *symbol*'s earnings, or else the last one before."""
    dates = [each.date for each in panel.earnings if each.symbol == symbol]
    ahead = [day for day in dates if day >= panel.session_date]
    return str(min(ahead) if ahead else max(dates)) if dates else None


def sector_strength(panel: Panel, config: ScanConfig) -> dict[str, float]:
    """``sector_rs`` by symbol, scale 6: growth of its sector's fund over 20 bars over the benchmark's.

    Absent for a symbol without a sector, a sector without a fund, or a fund or benchmark without its 21 bars.
    """
    market = _growth(panel, panel.benchmark)
    if market is None:
        return {}
    found: dict[str, float] = {}
    for sector in set(panel.sectors.values()):
        growth = _growth(panel, config.sector_funds.get(sector, ""))
        if growth is not None:
            found[sector] = round(growth / market * 10**6) / 10**6
    return {symbol: found[sector] for symbol, sector in panel.sectors.items() if sector in found}


def _growth(panel: Panel, symbol: str) -> Fraction | None:
    """Close of P over the close 20 bars before."""
    at = panel.position(symbol)
    if at is None or panel.session[panel.hi[at] - 1] != len(panel.sessions) - 1:
        return None
    now = int(panel.hi[at]) - 1
    then = now - RETURN_BARS
    if then < panel.lo[at] or min(panel.close[then], panel.close[now]) <= 0:
        return None
    return Fraction(int(panel.close[now]), int(panel.close[then]))
