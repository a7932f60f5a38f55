"""All that a row's measures are made of is laid side by side, so that rows of many symbols become one column.

``gather`` copies from one symbol's bars and working columns; *at* is where its rows begin among the gathered
ones. A row whose window is not there yet gets numbers without meaning: its bar count says so.
"""

import numpy as np
from numpy.typing import NDArray

from strategies.layout import (
    BURST,
    EARNINGS,
    GAP,
    HIGH_52W,
    LOW_52W,
    MTD,
    NULL,
    REACH,
    SWING_HIGH,
    SWING_LOW,
    W_ADX,
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
    W_SUM_TR,
    W_SUM_V,
    W_SUM_WEEK,
    W_WEEK,
    X_ADX,
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
from strategies.ticks import compiled

EVER = 1 << 40  # bars: a window that does not end


@compiled
def gather(b: Bars, sessions: Sessions, t: int, m: int, w: Ints, x: Ints, at: int) -> None:
    """Rows *t* to *t + m - 1* of one symbol into columns *at* to *at + m - 1* of *x*."""
    for i in range(m):
        session = b.session[t + i]
        bars = t + i - w[W_FIRST, t + i] + 1
        x[X_SESSION, at + i] = session
        x[X_BARS, at + i] = bars
        x[X_COUNT, at + i] = 0 if w[W_IS_BAD, t + i] else bars
        x[X_HIGH, at + i] = b.high[t + i]
        x[X_LOW, at + i] = b.low[t + i]
    for column, lag in ((X_CLOSE, 0), (X_CLOSE1, 1), (X_CLOSE2, 2)):
        _shifted(b.close, t - lag, m, x[column], at)
    for column, carried in ((X_ATR_PCT, W_ATR_PCT), (X_MEDIAN, W_MEDIAN), (X_ADX, W_ADX)):
        _shifted(w[carried], t, m, x[column], at)
    for column, n, lag in (
        (X_C5, 5, 0),
        (X_C20, 20, 0),
        (X_C50, 50, 0),
        (X_C200, 200, 0),
        (X_C50_5, 50, 5),
        (X_C50_10, 50, 10),
    ):
        _window(w[W_SUM_C], t - lag, n, m, x[column], at)
    _window(w[W_SUM_CV], t, 20, m, x[X_CV20], at)
    _window(w[W_SUM_TR], t, 14, m, x[X_TR14], at)
    for column, lag in (
        (X_PV, 0),
        (X_PV1, 1),
        (X_PV2, 2),
        (X_PV5, 5),
        (X_PV20, 20),
        (X_PV21, 21),
        (X_PV22, 22),
    ):
        _shifted(w[W_SUM_PV], t + 1 - lag, m, x[column], at)
        _shifted(w[W_SUM_V], t + 1 - lag, m, x[column + X_V], at)
    _events(b, t, m, w, x, at)
    _weeks(b, t, m, w, x, at)
    _period(b, sessions.first_of_year, YTD, t, m, w, x, at)
    _period(b, sessions.first_of_month, MTD, t, m, w, x, at)
    for anchor, margin, window, age, least in (
        (EARNINGS, 0, 70, 0, 1),
        (GAP, 1, 60, 0, 1),
        (BURST, 19, 60, 0, 1),
        (HIGH_52W, 0, EVER, 0, 252),
        (LOW_52W, 0, EVER, 0, 252),
        (SWING_LOW, 0, EVER, 3, 20),
        (SWING_HIGH, 0, EVER, 3, 20),
    ):
        _place(b, anchor, margin, window, age, least, t, m, w, x, at)


@compiled
def _shifted(values: Ints, start: int, m: int, out: Ints, at: int) -> None:
    """values[start : start + m], 0 before the first."""
    missing = min(m, max(0, -start))
    for i in range(missing):
        out[at + i] = 0
    for i in range(missing, m):
        out[at + i] = values[start + i]


@compiled
def _window(prefix: Ints, t: int, n: int, m: int, out: Ints, at: int) -> None:
    """Sums of the *n* rows that end at *t*, *t + 1* and so on; 0 where they are not there."""
    missing = min(m, max(0, n - 1 - t))
    for i in range(missing):
        out[at + i] = 0
    for i in range(missing, m):
        out[at + i] = prefix[t + 1 + i] - prefix[t + 1 + i - n]


@compiled
def _events(b: Bars, t: int, m: int, w: Ints, x: Ints, at: int) -> None:
    """The fractal low and the gap of the last 20 bars, and the lowest low of 5."""
    for i in range(m):
        row = t + i
        first, fractal, gap = w[W_FIRST, row], w[W_FRACTAL, row], w[W_AT + GAP, row]
        is_fractal = x[X_COUNT, at + i] >= 3 and fractal > first and fractal >= row - 19
        x[X_FRACTAL, at + i] = b.session[fractal] if is_fractal else -1
        x[X_FRACTAL_LOW, at + i] = b.low[fractal] if is_fractal else NULL
        x[X_GAP_RESET, at + i] = w[W_GAP_STATE, row] if gap > first and gap >= row - 19 else 0
        low = b.low[row]
        for back in range(1, min(5, row + 1)):
            low = min(low, b.low[row - back])
        x[X_LOW5, at + i] = low


@compiled
def _weeks(b: Bars, t: int, m: int, w: Ints, x: Ints, at: int) -> None:
    """Weeks up to 40, and the sums of the last 10 and 40 weekly closes, the running week closing now."""
    sums = w[W_SUM_WEEK]
    for i in range(m):
        row = t + i
        week = w[W_WEEK, row]
        weeks = min(40, week - w[W_WEEK, max(w[W_FIRST, row], row - REACH)] + 1)
        x[X_WEEKS, at + i] = weeks
        is_told = weeks >= 40
        x[X_WEEK10, at + i] = b.close[row] + sums[week] - sums[week - 9] if is_told else 0
        x[X_WEEK40, at + i] = b.close[row] + sums[week] - sums[week - 39] if is_told else 0


@compiled
def _period(
    b: Bars, opens: NDArray[np.bool_], anchor: int, t: int, m: int, w: Ints, x: Ints, at: int
) -> None:
    """The first bar of the year or month, where it is known to be that."""
    for i in range(m):
        a = w[W_AT + anchor, t + i]
        is_present = (a > w[W_FIRST, t + i] or opens[b.session[a]]) and x[X_COUNT, at + i] > 0
        _anchor(b, anchor, a if is_present else -1, t + i, w, x, at + i)


@compiled
def _place(
    b: Bars,
    anchor: int,
    margin: int,
    window: int,
    age: int,
    least: int,
    t: int,
    m: int,
    w: Ints,
    x: Ints,
    at: int,
) -> None:
    """An anchor of the last *window* bars, *margin* bars into the panel, *age* bars old, from *least* bars on."""
    for i in range(m):
        row = t + i
        a = w[W_AT + anchor, row]
        oldest = max(w[W_FIRST, row] + margin, row - window + 1)
        is_present = x[X_COUNT, at + i] >= least and oldest <= a <= row - age
        _anchor(b, anchor, a if is_present else -1, row, w, x, at + i)


@compiled
def _anchor(b: Bars, anchor: int, a: int, row: int, w: Ints, x: Ints, at: int) -> None:
    is_present = a >= 0
    a = a if is_present else row
    x[X_ON + anchor, at] = b.session[a] if is_present else -1
    x[X_AGE + anchor, at] = row - a
    x[X_PV_AT + anchor, at] = w[W_SUM_PV, a]
    x[X_V_AT + anchor, at] = w[W_SUM_V, a]
