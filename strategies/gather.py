"""All that a row's measures are made of is laid side by side, so that rows of many symbols become one column.

``gather`` copies from one symbol's bars and working columns; *at* is where its rows begin among the gathered
ones. A row whose window is not there yet gets numbers without meaning: its bar count says so.
"""

from typing import Any

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
    W_SUM_V,
    W_SUM_WEEK,
    W_TR14,
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
ANCHORED = (
    (YTD, 0, EVER, 0, 1),
    (MTD, 0, EVER, 0, 1),
    (EARNINGS, 0, 70, 0, 1),
    (GAP, 1, 60, 0, 1),
    (BURST, 19, 60, 0, 1),
    (HIGH_52W, 0, EVER, 0, 252),
    (LOW_52W, 0, EVER, 0, 252),
    (SWING_LOW, 0, EVER, 3, 20),
    (SWING_HIGH, 0, EVER, 3, 20),
)
"""(anchor, margin, window, age, least): it is one of the last *window* bars, *margin* bars into the panel, *age* bars
old, and there are *least* bars."""


@compiled
def gather(b: Bars, sessions: Sessions, t: int, m: int, w: Ints, x: Ints, at: int) -> None:
    """Rows *t* to *t + m - 1* of one symbol into columns *at* to *at + m - 1* of *x*."""
    session, high, low = b.session[t : t + m], b.high[t : t + m], b.low[t : t + m]
    is_bad, first = w[W_IS_BAD, t : t + m], w[W_FIRST, t : t + m]
    _bars(
        session, first, is_bad, t, x[X_SESSION, at : at + m], x[X_BARS, at : at + m], x[X_COUNT, at : at + m]
    )
    _shifted(high, 0, x[X_HIGH, at : at + m])
    _shifted(low, 0, x[X_LOW, at : at + m])
    for column, lag in ((X_CLOSE, 0), (X_CLOSE1, 1), (X_CLOSE2, 2)):
        _shifted(b.close, t - lag, x[column, at : at + m])
    for column, carried in ((X_TR14, W_TR14), (X_ATR_PCT, W_ATR_PCT), (X_MEDIAN, W_MEDIAN), (X_ADX, W_ADX)):
        _shifted(w[carried], t, x[column, at : at + m])
    for column, n, lag in (
        (X_C5, 5, 0),
        (X_C20, 20, 0),
        (X_C50, 50, 0),
        (X_C200, 200, 0),
        (X_C50_5, 50, 5),
        (X_C50_10, 50, 10),
    ):
        _window(w[W_SUM_C], t - lag, n, x[column, at : at + m])
    _window(w[W_SUM_CV], t, 20, x[X_CV20, at : at + m])
    for column, lag in (
        (X_PV, 0),
        (X_PV1, 1),
        (X_PV2, 2),
        (X_PV5, 5),
        (X_PV20, 20),
        (X_PV21, 21),
        (X_PV22, 22),
    ):
        _shifted(w[W_SUM_PV], t + 1 - lag, x[column, at : at + m])
        _shifted(w[W_SUM_V], t + 1 - lag, x[column + X_V, at : at + m])
    _events(b, t, m, w, x[:, at:])
    _weeks(b, t, m, w, x[:, at:])
    for anchor, margin, window, age, least in ANCHORED:
        place, count = w[W_AT + anchor, t : t + m], x[X_COUNT, at : at + m]
        on, old = x[X_ON + anchor, at : at + m], x[X_AGE + anchor, at : at + m]
        _place(place, first, count, margin, window, age, least, t, on, old)
        if anchor == YTD:
            _opening(b, sessions.first_of_year, place, first, on, old)
        if anchor == MTD:
            _opening(b, sessions.first_of_month, place, first, on, old)
        pv, shares = x[X_PV_AT + anchor, at : at + m], x[X_V_AT + anchor, at : at + m]
        _fetch(b.session, w[W_SUM_PV], w[W_SUM_V], t, old, on, pv, shares)


@compiled
def _bars(session: Any, first: Ints, is_bad: Ints, t: int, own: Ints, bars: Ints, count: Ints) -> None:
    for i in range(len(own)):
        own[i] = session[i]
    for i in range(len(bars)):
        bars[i] = t + i - first[i] + 1
        count[i] = 0 if is_bad[i] else t + i - first[i] + 1


@compiled
def _shifted(values: Ints, start: int, out: Ints) -> None:
    """values[start : start + len(out)], 0 before the first."""
    missing = min(len(out), max(0, -start))
    for i in range(missing):
        out[i] = 0
    own, rest = values[start + missing :], out[missing:]
    for i in range(len(rest)):
        rest[i] = own[i]


@compiled
def _window(prefix: Ints, t: int, n: int, out: Ints) -> None:
    """Sums of the *n* rows that end at *t*, *t + 1* and so on; 0 where they are not there."""
    missing = min(len(out), max(0, n - 1 - t))
    for i in range(missing):
        out[i] = 0
    ends, begins, rest = prefix[t + 1 + missing :], prefix[t + 1 + missing - n :], out[missing:]
    for i in range(len(rest)):
        rest[i] = ends[i] - begins[i]


@compiled
def _events(b: Bars, t: int, m: int, w: Ints, x: Ints) -> None:
    """The fractal low and the gap of the last 20 bars, and the lowest low of 5."""
    count, reset, low5 = x[X_COUNT, :m], x[X_GAP_RESET, :m], x[X_LOW5, :m]
    on, price, first = x[X_FRACTAL, :m], x[X_FRACTAL_LOW, :m], w[W_FIRST, t : t + m]
    fractal, gap, state = w[W_FRACTAL, t : t + m], w[W_AT + GAP, t : t + m], w[W_GAP_STATE, t : t + m]
    for i in range(len(reset)):
        oldest = max(first[i] + 1, t + i - 19)
        reset[i] = state[i] if gap[i] >= oldest else 0
    for i in range(len(on)):
        is_fractal = count[i] >= 3 and fractal[i] >= max(first[i] + 1, t + i - 19)
        on[i] = b.session[fractal[i]] if is_fractal else -1
        price[i] = b.low[fractal[i]] if is_fractal else NULL
    _shifted(b.low, t, low5)
    for back in range(1, 5):
        missing = min(m, max(0, back - t))
        own, rest = b.low[t - back + missing :], low5[missing:]
        for i in range(len(rest)):
            rest[i] = min(rest[i], own[i])


@compiled
def _weeks(b: Bars, t: int, m: int, w: Ints, x: Ints) -> None:
    """Weeks up to 40, and the sums of the last 10 and 40 weekly closes, the running week closing now."""
    sums, weeks_of, first, close = w[W_SUM_WEEK], w[W_WEEK], w[W_FIRST, t : t + m], b.close[t : t + m]
    told, last10, last40 = x[X_WEEKS, :m], x[X_WEEK10, :m], x[X_WEEK40, :m]
    for i in range(len(told)):
        week = weeks_of[t + i]
        weeks = min(40, week - weeks_of[max(first[i], t + i - REACH)] + 1)
        told[i] = weeks
        is_told = weeks >= 40
        last10[i] = close[i] + sums[week] - sums[week - 9] if is_told else 0
        last40[i] = close[i] + sums[week] - sums[week - 39] if is_told else 0


@compiled
def _place(
    place: Ints,
    first: Ints,
    count: Ints,
    margin: int,
    window: int,
    age: int,
    least: int,
    t: int,
    on: Ints,
    old: Ints,
) -> None:
    """An anchor of the last *window* bars, *margin* bars into the panel, *age* bars old, from *least* bars on.

    *on*: 0 where it is present, else -1; *old*: its age in bars, 0 where it is absent.
    """
    for i in range(len(on)):
        row = t + i
        oldest = max(first[i] + margin, row - window + 1)
        is_present = (count[i] >= least) & (oldest <= place[i]) & (place[i] <= row - age)
        on[i] = 0 if is_present else -1
        old[i] = row - place[i] if is_present else 0


@compiled
def _opening(b: Bars, opens: NDArray[np.bool_], place: Ints, first: Ints, on: Ints, old: Ints) -> None:
    """Only what is known to be the first bar of its year or month opens it."""
    for i in range(len(on)):
        if place[i] == first[i] and not opens[b.session[place[i]]]:
            on[i], old[i] = -1, 0


@compiled
def _fetch(
    session: Any, pv_sums: Ints, share_sums: Ints, t: int, old: Ints, on: Ints, pv: Ints, shares: Ints
) -> None:
    """The session of the anchor's bar, -1 where it is absent, and the prefix sums before that bar."""
    at = -1
    held = sold = traded = 0
    for i in range(len(on)):
        # An anchor stays where it is for many rows: to look whether it moved is cheaper than to fetch eight at once.
        a = t + i - old[i]
        if a != at:
            at, held, sold, traded = a, session[a], pv_sums[a], share_sums[a]
        on[i] |= held
        pv[i] = sold
        shares[i] = traded
