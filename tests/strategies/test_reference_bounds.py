"""At the last step inside the kernel's bounds every measure is exact; at the first step beyond there is none at all."""

from datetime import date

import pytest

from strategies import layout
from strategies.config import ScanConfig
from strategies.layout import NULL
from strategies.measures import Measures, measure
from tests.strategies.comparison import differences
from tests.strategies.panels import Bar, panel_of, weekdays
from tests.strategies.reference_scan import (
    LOOKS_BACK,
    PRICE_BOUND,
    TURNOVER_BOUND,
    VOLUME_BOUND,
    is_within_bounds,
)

SESSIONS = weekdays(date(2014, 1, 2), 500)
CONFIG = ScanConfig()
SAID_OF_ANY_BAR = (
    layout.CLOSE,
    layout.BARS,
    layout.SESSION,
    layout.FRACTAL_LOW,
    layout.CHOSEN,
)


def fullest(price: int, count: int = 500) -> list[Bar]:
    """Bars at *price* and a step around it, each with all the volume that the bounds admit."""
    bars: list[Bar] = []
    for i in range(count):
        close = max(1, min(price + (i % 7) - 3, PRICE_BOUND - 2))
        high, low = close + 1, max(1, close - 1)
        volume = min((TURNOVER_BOUND - 2) // (high + low + close), VOLUME_BOUND - 1)
        bars.append((i, close, high, low, close, volume))
    return bars


def measured(bars: list[Bar]) -> Measures:
    return measure(panel_of({"AAA": bars}, SESSIONS[: bars[-1][0] + 1]), CONFIG)


@pytest.mark.parametrize("price", [1, 3, 9_999, 10_000, 50_000, 10**6, 10**9, PRICE_BOUND - 5])
def test_at_the_fullest_bars_that_the_bounds_admit_no_sum_wraps(price: int) -> None:
    bars = fullest(price)
    assert [] == differences(bars, SESSIONS, measured(bars), 0)


BEYOND = {
    "volume": lambda bar: (*bar[:5], VOLUME_BOUND),
    "negative volume": lambda bar: (*bar[:5], -1),
    "turnover": lambda bar: (*bar[:5], TURNOVER_BOUND // (bar[2] + bar[3] + bar[4]) + 1),
    "the largest volume": lambda bar: (*bar[:5], 2**63 - 1),
    "open": lambda bar: (bar[0], PRICE_BOUND, *bar[2:]),
    "no open": lambda bar: (bar[0], 0, *bar[2:]),
    "high": lambda bar: (*bar[:2], PRICE_BOUND, *bar[3:5], 1),
    "the largest high": lambda bar: (*bar[:2], 2**62, *bar[3:]),
    "no low": lambda bar: (*bar[:3], 0, *bar[4:]),
    "no close": lambda bar: (*bar[:4], -1, bar[5]),
}


@pytest.mark.parametrize("at", [0, 500 - LOOKS_BACK - 1, 500 - LOOKS_BACK, 498, 499])
@pytest.mark.parametrize("what", BEYOND)
def test_one_bar_beyond_a_bound_is_asserted_and_never_wrapped(what: str, at: int) -> None:
    """Before the longest window only a price that cannot be matters: no sum reaches back to a volume there."""
    bars = fullest(10**6)
    bars[at] = BEYOND[what](bars[at])
    made = measured(bars)
    if is_within_bounds([(SESSIONS[bar[0]], *bar[1:]) for bar in bars]):
        assert at < 500 - LOOKS_BACK, "a window reaches this bar"
        assert [] == differences(bars, SESSIONS, made, 0)
        return
    said = [k for k, value in enumerate(made.features[0].tolist()) if value != NULL]
    assert sorted(SAID_OF_ANY_BAR) == said
    assert (-1, -1) == (made.features[0, layout.CHOSEN], made.features[0, layout.FRACTAL_LOW])
    assert {-1} == set(made.anchors[0, :, layout.A_SESSION].tolist())
