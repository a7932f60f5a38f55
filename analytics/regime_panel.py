"""The morning's label and a label of the past are measured from one panel in one way, so they cannot differ."""

import numpy as np

from analytics.regime import Closes, RegimeInputs, breadth_counts
from market.panel import Panel
from market.rows import Bools

PROXY = "IWM"
"""The small caps, which stand in for breadth where too few members are known (strategy.md 8.1)."""


def inputs_of(panel: Panel, quarantined: Bools) -> RegimeInputs:
    """What the regime of D is measured from, D being the session of *panel*.

    quarantined: (n,) by symbol of the panel, as the data contract of D found. Members are the membership table's of
    D, or every symbol where there is none.
    """
    among = panel.members
    clean = ~quarantined
    if among is not None:
        clean &= np.fromiter((s in among for s in panel.symbols), np.bool_, len(panel.symbols))
    above, members = breadth_counts(
        panel.lo, panel.hi, panel.session, panel.close, clean, len(panel.sessions) - 1
    )
    return RegimeInputs(
        sessions=panel.sessions,
        benchmark_symbol=panel.benchmark,
        benchmark=closes_of(panel, panel.benchmark),
        above=above,
        members=members,
        proxy=closes_of(panel, PROXY) if panel.position(PROXY) is not None else None,
    )


def closes_of(panel: Panel, symbol: str) -> Closes:
    """The closes of *symbol* in *panel*; none without a bar. A bar that came without a close is not one of them."""
    at = panel.position(symbol)
    if at is None:
        return Closes(session=(), close=())
    rows = slice(int(panel.lo[at]), int(panel.hi[at]))
    priced = panel.close[rows] > 0
    return Closes(session=panel.session[rows][priced].tolist(), close=panel.close[rows][priced].tolist())
