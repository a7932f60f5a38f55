"""What the regime is measured from, read off a panel by hand-made rows."""

from datetime import date, timedelta

import numpy as np

from analytics.regime_panel import PROXY, closes_of, inputs_of
from market.panel import Defects, Panel
from schemas.base import SessionDate

SESSIONS = tuple(SessionDate(date(2015, 1, 1) + timedelta(days=at)) for at in range(60))


def panel(bars: dict[str, list[int]], members: frozenset[str] | None = None) -> Panel:
    """Each symbol's closes, the last one on P; every other column is of no interest here."""
    symbols = tuple(sorted(bars))
    size = np.array([len(bars[symbol]) for symbol in symbols], np.int64)
    hi = np.cumsum(size)
    close = np.concatenate([np.array(bars[symbol], np.int64) for symbol in symbols])
    none = np.zeros(0, np.int64)
    return Panel(
        session_date=SessionDate(date(2015, 6, 2)), data_session=SESSIONS[-1], since=SESSIONS[-1],
        sessions=SESSIONS, symbols=symbols, lo=hi - size, hi=hi,
        session=np.concatenate([np.arange(60 - n, 60, dtype=np.int32) for n in size]),
        open=close, high=close, low=close, close=close, volume=close,
        defects=Defects(
            duplicate_symbol=none, duplicate_session=none.astype(np.int32),
            duplicate_differs=none.astype(np.bool_), phantom_symbol=none, phantom_date=(),
        ),
        restated=(), actions=(), data_version="0" * 20, benchmark="SPY", benchmark_held=True, members=members,
    )  # fmt: skip


UP, DOWN = [100] * 49 + [101], [100] * 49 + [99]


def test_breadth_counts_members_alone_and_of_them_the_clean() -> None:
    bars = {"AA": UP, "BB": UP, "CC": DOWN, "DD": UP, "SPY": UP}
    # in order: AA BB CC DD SPY; DD is quarantined.
    quarantined = np.array([False, False, False, True, False])
    every = inputs_of(panel(bars), quarantined)
    assert (3, 4) == (every.above, every.members)
    some = inputs_of(panel(bars, members=frozenset({"AA", "CC", "DD"})), quarantined)
    assert (1, 2) == (some.above, some.members)


def test_a_bar_without_a_close_is_no_close_of_the_benchmark() -> None:
    found = closes_of(panel({"SPY": [100, -1, 102]}), "SPY")
    assert ([57, 59], [100, 102]) == (found.session, found.close)


def test_a_symbol_without_a_bar_has_no_closes_and_no_proxy_is_none() -> None:
    inputs = inputs_of(panel({"AA": UP}), np.zeros(1, np.bool_))
    assert 0 == len(inputs.benchmark.close)
    assert inputs.proxy is None
    held = inputs_of(panel({"AA": UP, PROXY: DOWN}), np.zeros(2, np.bool_))
    assert held.proxy is not None
    assert DOWN == held.proxy.close
