"""One row alone is gathered number by number: to set up a copy of one number costs more than to copy it.

The last row of a symbol, and the same numbers as ``gather`` lays down for it.
"""

from typing import Any

from strategies.gather import ANCHORED
from strategies.layout import (
    GAP,
    MTD,
    NULL,
    REACH,
    W_AT,
    W_ATR_PCT,
    W_FIRST,
    W_FRACTAL,
    W_GAP_STATE,
    W_IS_BAD,
    W_MEDIAN,
    W_SUM_C,
    W_SUM_CV,
    W_SUM_PV,
    W_SUM_V,
    W_SUM_WEEK,
    W_TR14,
    W_WEEK,
    X_AGE,
    X_ATR_PCT,
    X_BARS,
    X_C5,
    X_C20,
    X_C50,
    X_C50_5,
    X_C50_10,
    X_C200,
    X_CLOSE,
    X_CLOSE1,
    X_CLOSE2,
    X_COUNT,
    X_CV20,
    X_FRACTAL,
    X_FRACTAL_LOW,
    X_GAP_RESET,
    X_HIGH,
    X_LOW,
    X_LOW5,
    X_MEDIAN,
    X_ON,
    X_PV,
    X_PV1,
    X_PV2,
    X_PV5,
    X_PV20,
    X_PV21,
    X_PV22,
    X_PV_AT,
    X_SESSION,
    X_TR14,
    X_V,
    X_V_AT,
    X_WEEK10,
    X_WEEK40,
    X_WEEKS,
    YTD,
    Bars,
    Ints,
    Sessions,
)
from strategies.ticks import compiled, compiled_inside


@compiled
def gather_last(b: Bars, sessions: Sessions, w: Ints, x: Ints, at: int) -> None:
    """The last row of one symbol into column *at* of *x*; its ADX is told there by ``settle``."""
    t = len(b.close) - 1
    first = w[W_FIRST, t]
    bars = t - first + 1
    count = 0 if w[W_IS_BAD, t] else bars
    x[X_SESSION, at], x[X_BARS, at], x[X_COUNT, at] = b.session[t], bars, count
    x[X_HIGH, at], x[X_LOW, at], x[X_CLOSE, at] = b.high[t], b.low[t], b.close[t]
    x[X_CLOSE1, at] = b.close[t - 1] if t >= 1 else 0
    x[X_CLOSE2, at] = b.close[t - 2] if t >= 2 else 0
    x[X_TR14, at], x[X_ATR_PCT, at] = w[W_TR14, t], w[W_ATR_PCT, t]
    x[X_MEDIAN, at] = w[W_MEDIAN, t]
    closes, money, pv, shares = w[W_SUM_C], w[W_SUM_CV], w[W_SUM_PV], w[W_SUM_V]
    x[X_C5, at], x[X_C20, at] = _window(closes, t, 5), _window(closes, t, 20)
    x[X_C50, at], x[X_C200, at] = _window(closes, t, 50), _window(closes, t, 200)
    x[X_C50_5, at], x[X_C50_10, at] = _window(closes, t - 5, 50), _window(closes, t - 10, 50)
    x[X_CV20, at] = _window(money, t, 20)
    for column, lag in (
        (X_PV, 0),
        (X_PV1, 1),
        (X_PV2, 2),
        (X_PV5, 5),
        (X_PV20, 20),
        (X_PV21, 21),
        (X_PV22, 22),
    ):
        row = t + 1 - lag
        x[column, at] = pv[row] if row >= 0 else 0
        x[column + X_V, at] = shares[row] if row >= 0 else 0
    _events(b, t, first, count, w, x, at)
    _weeks(b, t, first, w, x, at)
    _anchors(b, sessions, t, first, count, w, x, at)


@compiled_inside
def _window(prefix: Ints, t: int, n: int) -> Any:
    return prefix[t + 1] - prefix[t + 1 - n] if t + 1 >= n else 0


@compiled_inside
def _events(b: Bars, t: int, first: int, count: int, w: Ints, x: Ints, at: int) -> None:
    oldest, fractal = max(first + 1, t - 19), w[W_FRACTAL, t]
    x[X_GAP_RESET, at] = w[W_GAP_STATE, t] if w[W_AT + GAP, t] >= oldest else 0
    is_fractal = count >= 3 and fractal >= oldest
    x[X_FRACTAL, at] = b.session[fractal] if is_fractal else -1
    x[X_FRACTAL_LOW, at] = b.low[fractal] if is_fractal else NULL
    low5 = b.low[t]
    for row in range(max(0, t - 4), t):
        low5 = min(low5, b.low[row])
    x[X_LOW5, at] = low5


@compiled_inside
def _weeks(b: Bars, t: int, first: int, w: Ints, x: Ints, at: int) -> None:
    sums, week = w[W_SUM_WEEK], w[W_WEEK, t]
    weeks = min(40, week - w[W_WEEK, max(first, t - REACH)] + 1)
    is_told = weeks >= 40
    x[X_WEEKS, at] = weeks
    x[X_WEEK10, at] = b.close[t] + sums[week] - sums[week - 9] if is_told else 0
    x[X_WEEK40, at] = b.close[t] + sums[week] - sums[week - 39] if is_told else 0


@compiled_inside
def _anchors(b: Bars, sessions: Sessions, t: int, first: int, count: int, w: Ints, x: Ints, at: int) -> None:
    pv, shares = w[W_SUM_PV], w[W_SUM_V]
    for anchor, margin, window, age, least in ANCHORED:
        place = w[W_AT + anchor, t]
        oldest = max(first + margin, t - window + 1)
        is_present = (count >= least) & (oldest <= place) & (place <= t - age)
        if anchor == YTD:
            is_present &= place != first or sessions.first_of_year[b.session[first]]
        if anchor == MTD:
            is_present &= place != first or sessions.first_of_month[b.session[first]]
        old = t - place if is_present else 0
        x[X_ON + anchor, at] = b.session[t - old] if is_present else -1
        x[X_AGE + anchor, at] = old
        x[X_PV_AT + anchor, at] = pv[t - old]
        x[X_V_AT + anchor, at] = shares[t - old]
