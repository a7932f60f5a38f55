"""One forward pass over int64 bars gives every feature, anchor and level, for one session or for all.

The daily scan asks for each symbol's last row, a backtest for every row from some session on: the same
code, with the same warm-up, so the two agree bit for bit. What decides is an integer: prices in 1e-4 USD
(e4), measures as q_k = value * 10**k rounded half-even by exact integer division. Binary floats appear in
ADX and trend_score alone, left to right as strategy.md writes them, and are rounded at once. No fastmath,
no parallel reduction; symbols do not know each other, so threads may share them.

Bounds, checked bar by bar: 0 < price < 4e10 e4, volume < 2**45, (H+L+C)*V < 2**54. No sum reaches back over
more than REACH bars, so each stays below 2**63. A row gets no measure at all (all NULL), and so fails every
gate, if its panel holds a high, low or close outside the bounds or its last REACH bars hold anything outside.

numba keys its cache on disk by the file of the function called, and would miss an edit in a helper's file:
``HELPERS_SHA256`` makes every such edit an edit of this file too, and a test holds it right.
"""

from typing import Final

import numpy as np

from strategies.carried import adx, atr, avwap, earnings, extreme, latest, relative, sums
from strategies.layout import (
    A_ALIAS_OF,
    A_AVWAP,
    A_DISTANCE,
    A_FAILS,
    A_RECLAIM,
    A_SCORE,
    A_SESSION,
    A_SLOPE,
    ADV_SHARES20,
    ADV_USD20,
    ADX14,
    ANCHORS,
    ATR14,
    ATR_PCT,
    ATR_PCT_MEDIAN,
    BARS,
    BELOW,
    BURST,
    CHOSEN,
    CLOSE,
    CONFLUENCE,
    EARNINGS,
    FRACTAL_LOW,
    GAP,
    GAP_RESET,
    HIGH_52W,
    LINE_CHOSEN,
    LINE_VWAP20,
    LOW5,
    LOW_52W,
    MTD,
    NULL,
    P_BAND,
    P_DISTANCE,
    P_SLOPE,
    PIVOT_R1,
    PIVOT_R2,
    PPM,
    REACH,
    SESSION,
    SLOPE5,
    SLOPE10,
    SLOPE_DOWN,
    SMA5,
    SMA20,
    SMA50,
    SMA200,
    STRUCTURE,
    SWING_HIGH,
    SWING_LOW,
    TOO_FAR,
    TOO_YOUNG,
    TREND_SCORE,
    VWAP20,
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
    W_SUM_TR,
    W_SUM_V,
    W_SUM_WEEK,
    W_WEEK,
    WEEKLY10,
    WEEKLY40,
    WEEKS,
    YTD,
    Bars,
    Dividends,
    Events,
    Ints,
    Sessions,
)
from strategies.ticks import compiled, compiled_once, levels, rhe, rhe_tick

HELPERS_SHA256: Final = "f568b0e26ee2ce421d5c09a887c7cc821740b05e1058980648c25bf0d17604b5"
"""sha256 of carried.py, layout.py and ticks.py, joined in this order."""


@compiled_once
def scan_rows(
    lo: Ints,
    hi: Ints,
    bars: Bars,
    sessions: Sessions,
    dividends: Dividends,
    events: Events,
    emit_from: Ints,
    out_at: Ints,
    parameters: Ints,
    features: Ints,
    anchors: Ints,
    w: Ints,
) -> None:
    """Fill *features* (rows, FEATURES) and *anchors* (rows, ANCHORS, ANCHOR_COLUMNS) for the rows asked for.

    Symbol s owns rows ``lo[s]:hi[s]`` of *bars*, by ascending session; its rows from ``emit_from[s]`` on
    are written at ``out_at[s]`` and following. Nothing after a row influences it, nor does anything before
    its P0.
    """
    for s in range(len(lo)):
        if emit_from[s] >= hi[s]:
            continue
        end = hi[s]
        oldest = sessions.panel_from[bars.session[emit_from[s]]]
        start = lo[s] + np.searchsorted(bars.session[lo[s] : end], oldest)
        prices = (bars.open[start:end], bars.high[start:end], bars.low[start:end], bars.close[start:end])
        own = Bars(bars.session[start:end], *prices, bars.volume[start:end])
        t0 = emit_from[s] - start
        sums(own, sessions, t0, w)
        latest(own, dividends, s, t0, parameters, w)
        earnings(own, sessions, events, s, t0, w)
        extreme(own.high, 1, 252, t0, HIGH_52W, w)
        extreme(own.low, -1, 252, t0, LOW_52W, w)
        extreme(own.low, -1, 20, t0, SWING_LOW, w)
        extreme(own.high, 1, 20, t0, SWING_HIGH, w)
        atr(own, t0, w)
        adx(own, sessions, t0, w)
        for t in range(t0, end - start):
            at = out_at[s] + t - t0
            _emit(own, sessions, t, parameters, w, features[at], anchors[at])


@compiled
def _emit(b: Bars, sessions: Sessions, t: int, p: Ints, w: Ints, f: Ints, anchors: Ints) -> None:
    f[:] = NULL
    anchors[:, :] = NULL
    anchors[:, A_SESSION] = -1
    f[CHOSEN] = -1
    f[FRACTAL_LOW] = -1
    f[SESSION] = b.session[t]
    first = w[W_FIRST, t]
    f[BARS] = t - first + 1
    f[CLOSE] = b.close[t]
    if w[W_IS_BAD, t]:
        return
    _measures(b, t, first, w, f)
    _anchor_rows(b, sessions, t, first, p, w, f, anchors)
    _context(b, t, first, w, f, anchors)
    if f[CHOSEN] >= 0 and f[ATR14] != NULL:
        avwap = anchors[f[CHOSEN], A_AVWAP]
        fractal = w[W_FRACTAL, t]
        low = b.low[fractal] if f[FRACTAL_LOW] >= 0 else NULL
        levels(avwap, b.close[t], low, f[LOW5], f[SMA5], f[ATR14], f[PIVOT_R1], f[PIVOT_R2], p, f)


@compiled
def _mean6(sums: Ints, t: int, n: int, count: int) -> int:
    return rhe((sums[t + 1] - sums[t + 1 - n]) * 100, n) if count >= n else NULL


@compiled
def _measures(b: Bars, t: int, first: int, w: Ints, f: Ints) -> None:
    count = t - first + 1
    c = b.close[t]
    if count >= 20:
        f[VWAP20] = avwap(w, t - 19, t)
        f[ADV_SHARES20] = 5 * (w[W_SUM_V, t + 1] - w[W_SUM_V, t - 19])
        f[ADV_USD20] = rhe(w[W_SUM_CV, t + 1] - w[W_SUM_CV, t - 19], 2000)
    if count >= 15:
        f[ATR14] = rhe((w[W_SUM_TR, t + 1] - w[W_SUM_TR, t - 13]) * 100, 14)
        f[ATR_PCT] = w[W_ATR_PCT, t]
        f[ATR_PCT_MEDIAN] = w[W_MEDIAN, t]
    f[SMA5] = _mean6(w[W_SUM_C], t, 5, count)
    f[SMA20] = _mean6(w[W_SUM_C], t, 20, count)
    f[SMA50] = _mean6(w[W_SUM_C], t, 50, count)
    f[SMA200] = _mean6(w[W_SUM_C], t, 200, count)
    if count >= 55:
        f[SLOPE5] = relative(w[W_SUM_C, t + 1] - w[W_SUM_C, t - 49], w[W_SUM_C, t - 4] - w[W_SUM_C, t - 54])
    if count >= 60:
        f[SLOPE10] = relative(w[W_SUM_C, t + 1] - w[W_SUM_C, t - 49], w[W_SUM_C, t - 9] - w[W_SUM_C, t - 59])
    f[ADX14] = w[W_ADX, t]
    if f[SLOPE10] != NULL and f[ADX14] != NULL and f[ATR_PCT_MEDIAN] > 0:
        slope = f[SLOPE10] / 1e6
        sign = 1.0 if f[SLOPE10] > 0 else (-1.0 if f[SLOPE10] < 0 else 0.0)
        expansion = (f[ATR_PCT] / 1e6) / (f[ATR_PCT_MEDIAN] / 1e6)
        score = 200.0 * slope + 0.7 * (f[ADX14] / 1e4) * sign - 10.0 * expansion
        f[TREND_SCORE] = np.int64(np.rint(score * 1e4))
    week = w[W_WEEK, t]
    f[WEEKS] = min(40, week - w[W_WEEK, max(first, t - REACH)] + 1)
    if f[WEEKS] >= 40:
        f[WEEKLY10] = rhe((c + w[W_SUM_WEEK, week] - w[W_SUM_WEEK, week - 9]) * 100, 10)
        f[WEEKLY40] = rhe((c + w[W_SUM_WEEK, week] - w[W_SUM_WEEK, week - 39]) * 100, 40)
    total = b.high[t] + b.low[t] + c
    f[PIVOT_R1] = rhe_tick(2 * total - 3 * b.low[t], 3)
    f[PIVOT_R2] = rhe_tick(total + 3 * (b.high[t] - b.low[t]), 3)
    if count >= 3 and w[W_FRACTAL, t] > first and w[W_FRACTAL, t] >= t - 19:
        f[FRACTAL_LOW] = b.session[w[W_FRACTAL, t]]
    if count >= 5:
        f[LOW5] = min(b.low[t - 4], b.low[t - 3], b.low[t - 2], b.low[t - 1], b.low[t])


@compiled
def _anchor_bar(b: Bars, sessions: Sessions, t: int, first: int, anchor: int, w: Ints) -> int:
    """The anchor's row as seen from t, or -1: absent."""
    a = w[W_AT + anchor, t]
    s = b.session[a] if a >= 0 else 0
    count = t - first + 1
    if anchor == YTD:
        return a if a > first or sessions.first_of_year[s] else -1
    if anchor == MTD:
        return a if a > first or sessions.first_of_month[s] else -1
    if anchor == EARNINGS:
        return a if a >= max(first, t - 69) else -1
    if anchor == GAP:
        return a if a > first and a >= t - 59 else -1
    if anchor == BURST:
        return a if a - 19 >= first and a >= t - 59 else -1
    if anchor in (HIGH_52W, LOW_52W):
        return a if count >= 252 else -1
    return a if count >= 20 and a <= t - 3 else -1


@compiled
def _priority(anchor: int) -> int:
    return (100, 95, 90, 80, 70, 60, 55, 50, 40)[anchor]


@compiled
def _anchor_rows(
    b: Bars, sessions: Sessions, t: int, first: int, p: Ints, w: Ints, f: Ints, anchors: Ints
) -> None:
    best = NULL
    for k in range(ANCHORS):
        a = _anchor_bar(b, sessions, t, first, k, w)
        if a < 0:
            continue
        row = anchors[k]
        row[A_SESSION] = b.session[a]
        row[A_ALIAS_OF] = -1
        for other in range(k):
            if anchors[other, A_SESSION] == row[A_SESSION] and anchors[other, A_ALIAS_OF] < 0:
                row[A_ALIAS_OF] = other
        if row[A_ALIAS_OF] >= 0:
            continue
        _judge_anchor(b, t, a, p, w, row)
        if row[A_FAILS] == 0:
            near = 500_000 if 1_000 <= row[A_DISTANCE] <= 15_000 else 0
            back = 400_000 if row[A_RECLAIM] else 0
            row[A_SCORE] = _priority(k) * 10_000 - abs(row[A_DISTANCE]) + near + back
            # Strictly greater: on equal scores the higher priority, met first, stays.
            if row[A_SCORE] > best:
                best = row[A_SCORE]
                f[CHOSEN] = k
    if f[CHOSEN] >= 0:
        chosen = anchors[f[CHOSEN], A_AVWAP]
        f[CONFLUENCE] = 0
        for k in range(ANCHORS):
            is_kept = anchors[k, A_SESSION] >= 0 and anchors[k, A_ALIAS_OF] < 0
            if is_kept and anchors[k, A_AVWAP] != NULL:
                f[CONFLUENCE] += abs(anchors[k, A_AVWAP] - chosen) * PPM <= p[P_BAND] * chosen


@compiled
def _judge_anchor(b: Bars, t: int, a: int, p: Ints, w: Ints, row: Ints) -> None:
    c = b.close[t]
    line = avwap(w, a, t)
    row[A_AVWAP] = line
    row[A_DISTANCE] = relative(c * 100, line)
    row[A_SLOPE] = relative(line, avwap(w, a, t - 5))
    row[A_RECLAIM] = _reclaim(b, t, line, avwap(w, a, t - 1))
    is_above = line != NULL and c * 100 > line
    is_rising = row[A_SLOPE] != NULL and row[A_SLOPE] >= p[P_SLOPE]
    is_near = row[A_DISTANCE] != NULL and row[A_DISTANCE] <= p[P_DISTANCE]
    row[A_FAILS] = (
        (0 if a <= t - 5 else TOO_YOUNG)
        | (0 if is_above else BELOW)
        | (0 if is_rising or row[A_RECLAIM] else SLOPE_DOWN)
        | (0 if is_near else TOO_FAR)
    )


@compiled
def _reclaim(b: Bars, t: int, line: int, line_before: int) -> int:
    if line == NULL or line_before == NULL:
        return 0
    return 1 if b.close[t - 1] * 100 <= line_before and b.close[t] * 100 > line else 0


@compiled
def _context(b: Bars, t: int, first: int, w: Ints, f: Ints, anchors: Ints) -> None:
    count = t - first + 1
    if f[VWAP20] != NULL:
        before = avwap(w, t - 20, t - 1) if count >= 21 else NULL
        older = avwap(w, t - 21, t - 2) if count >= 22 else NULL
        _line(b, t, f[VWAP20], before, older, f[LINE_VWAP20 : LINE_VWAP20 + 4])
    if f[CHOSEN] >= 0:
        a = w[W_AT + f[CHOSEN], t]
        line = anchors[f[CHOSEN], A_AVWAP]
        _line(b, t, line, avwap(w, a, t - 1), avwap(w, a, t - 2), f[LINE_CHOSEN : LINE_CHOSEN + 4])
    gap = w[W_AT + GAP, t]
    f[GAP_RESET] = w[W_GAP_STATE, t] if gap > first and gap >= t - 19 else 0
    f[STRUCTURE] = 0
    if f[SLOPE5] != NULL:
        if f[SMA20] > f[SMA50] and f[SLOPE5] > 0:
            f[STRUCTURE] = 1
        elif f[SMA20] < f[SMA50] and f[SLOPE5] < 0:
            f[STRUCTURE] = -1


@compiled
def _line(b: Bars, t: int, line: int, before: int, older: int, out: Ints) -> None:
    """reclaim 0/1; control and acceptance -1/0/1 (below, at or none, above); extension 0/1/2."""
    d = relative(b.close[t] * 100, line)
    out[0] = _reclaim(b, t, line, before)
    out[1] = 1 if d >= 2_000 else (-1 if d <= -2_000 else 0)
    out[2] = 0
    if before != NULL and older != NULL:
        x, y, z = b.close[t] * 100 - line, b.close[t - 1] * 100 - before, b.close[t - 2] * 100 - older
        out[2] = 1 if min(x, y, z) > 0 else (-1 if max(x, y, z) < 0 else 0)
    out[3] = 0 if abs(d) <= 10_000 else (2 if abs(d) >= 60_000 else 1)
