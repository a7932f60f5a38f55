"""Each column needs only its past: prefix sums, last indices, monotone deques and one recursion go forward.

All functions fill working columns of one symbol, O(1) per row, for the rows from t0 on with just the
warm-up that those rows need. *i* and *t* count the symbol's own rows, oldest first; a row knows nothing
after itself.
"""

import numpy as np

from strategies.layout import (
    BAR_MAX,
    BURST,
    GAP,
    MTD,
    NULL,
    P_GAP,
    PPM,
    PRICE_MAX,
    VOLUME_MAX,
    W_ADX,
    W_AT,
    W_ATR_PCT,
    W_BAD,
    W_FIRST,
    W_FRACTAL,
    W_GAP_STATE,
    W_MEDIAN,
    W_QUEUE,
    W_SUM_C,
    W_SUM_CV,
    W_SUM_PV,
    W_SUM_TR,
    W_SUM_V,
    W_SUM_WEEK,
    W_WEEK,
    W_WINDOW,
    YTD,
    Bars,
    Dividends,
    Ints,
    Sessions,
)
from strategies.ticks import compiled, rhe


@compiled
def avwap(w: Ints, a: int, t: int) -> int:
    """avwap(a) at row t as q6; NULL before a and while no share traded since."""
    if t < a:
        return NULL
    shares = w[W_SUM_V, t + 1] - w[W_SUM_V, a]
    if shares <= 0:
        return NULL
    # sum(PV)/3 is e4, so q6 is sum(PV)*100/(3*sum(V)): long division, for the product may not fit.
    d = 3 * shares
    total = w[W_SUM_PV, t + 1] - w[W_SUM_PV, a]
    whole = total // d
    measure: int = whole * 100 + rhe((total - whole * d) * 100, d)
    return measure


@compiled
def relative(value: int, base: int) -> int:
    """value/base - 1 as q6; NULL if either is NULL or base is not positive."""
    if value == NULL or base == NULL or base <= 0:
        return NULL
    return rhe((value - base) * PPM, base)


@compiled
def sums(b: Bars, sessions: Sessions, t0: int, w: Ints) -> None:
    """Prefix sums of all rows; place in week, month and year, P0 and the last bad bar of those from t0 on."""
    week = first = year_at = month_at = 0
    bad = -1
    before = b.close[0]
    session = b.session[0]
    week_now, month_now, year_now = sessions.week[session], sessions.month[session], sessions.year[session]
    pv = shares = money = ranges = turnover = weekly = 0
    for i in range(len(b.close)):
        o, h, low, c, v = b.open[i], b.high[i], b.low[i], b.close[i], b.volume[i]
        session = b.session[i]
        if sessions.week[session] != week_now:
            week_now = sessions.week[session]
            weekly += before
            week += 1
            w[W_SUM_WEEK, week] = weekly
        if sessions.month[session] != month_now:
            month_now, month_at = sessions.month[session], i
            if sessions.year[session] != year_now:
                year_now, year_at = sessions.year[session], i
        tr = max(h - low, abs(h - before), abs(low - before)) if i > 0 else h - low
        before = c
        typical = h + low + c
        is_price = min(o, h, low, c) > 0 and max(o, h, low, c) < PRICE_MAX
        if not is_price or v < 0 or v >= VOLUME_MAX or np.float64(typical) * np.float64(v) >= BAR_MAX:
            bad = i
            typical = c = v = tr = 0
        pv += typical * v
        shares += v
        money += c
        ranges += tr
        turnover += c * v
        w[W_SUM_PV, i + 1] = pv
        w[W_SUM_V, i + 1] = shares
        w[W_SUM_C, i + 1] = money
        w[W_SUM_TR, i + 1] = ranges
        w[W_SUM_CV, i + 1] = turnover
        w[W_WEEK, i] = week
        if i >= t0:
            w[W_BAD, i] = bad
            w[W_AT + YTD, i] = year_at
            w[W_AT + MTD, i] = month_at
            oldest = sessions.panel_from[session]
            while b.session[first] < oldest:
                first += 1
            w[W_FIRST, i] = first


@compiled
def latest(b: Bars, dividends: Dividends, symbol: int, t0: int, p: Ints, w: Ints) -> None:
    """Last gap, volume breakout and fractal low up to each row; a row looks back at most 60 bars for them."""
    gap = burst = fractal = -1
    gap_state = 0
    gap_from = 0
    next_cash = dividends.lo[symbol]
    for i in range(max(1, t0 - 59), len(b.close)):
        o, h, low, c, v = b.open[i], b.high[i], b.low[i], b.close[i], b.volume[i]
        reference = b.close[i - 1]
        while next_cash < dividends.hi[symbol] and dividends.session[next_cash] <= b.session[i]:
            if dividends.session[next_cash] == b.session[i]:
                reference -= dividends.cash[next_cash]
            next_cash += 1
        if reference > 0 and abs(o - reference) * PPM >= p[P_GAP] * reference:
            gap = i
            gap_from = reference
            gap_state = 1 if o > reference else 3
        # The close of the gap's own bar comes after its open and may already fill it.
        if (gap_state == 1 and c <= gap_from) or (gap_state == 3 and c >= gap_from):
            gap_state += 1
        # V >= 1.8 * mean20(V) and (C-L)/(H-L) >= 0.70, cross-multiplied; the break over 5 highs is strict.
        if i >= 19 and h > low:
            is_loud = v * 200 >= 18 * (w[W_SUM_V, i + 1] - w[W_SUM_V, i - 19])
            before = max(b.high[i - 5], b.high[i - 4], b.high[i - 3], b.high[i - 2], b.high[i - 1])
            if is_loud and (c - low) * 10 >= 7 * (h - low) and c > before:
                burst = i
        if i >= 2 and b.low[i - 1] < b.low[i - 2] and b.low[i - 1] < low:
            fractal = i - 1
        w[W_AT + GAP, i] = gap
        w[W_AT + BURST, i] = burst
        w[W_GAP_STATE, i] = gap_state
        w[W_FRACTAL, i] = fractal
    if t0 == 0:
        w[W_AT + GAP, 0] = w[W_AT + BURST, 0] = w[W_FRACTAL, 0] = -1
        w[W_GAP_STATE, 0] = 0


@compiled
def extreme(x: Ints, sign: int, length: int, t0: int, anchor: int, w: Ints) -> None:
    """Latest row with the highest sign*x of the last *length* rows, for each row from t0: monotone deque.

    The deque of t0 is built by one look back. Of equal extremes the later one counts: the older one leaves.
    """
    queue = w[W_QUEUE]
    head = tail = length
    highest = NULL
    for i in range(t0, max(-1, t0 - length), -1):
        if sign * x[i] > highest:
            highest = sign * x[i]
            head -= 1
            queue[head] = i
    w[W_AT + anchor, t0] = queue[head]
    for i in range(t0 + 1, len(x)):
        while tail > head and sign * x[queue[tail - 1]] <= sign * x[i]:
            tail -= 1
        queue[tail] = i
        tail += 1
        if queue[head] <= i - length:
            head += 1
        w[W_AT + anchor, i] = queue[head]


@compiled
def atr(b: Bars, t0: int, w: Ints) -> None:
    """atr_pct of each row needed, and its median over up to 120 of them in an ordered window."""
    ordered = w[W_WINDOW]
    size = 0
    begin = end = 0  # rows in the window: begin <= row < end
    for i in range(max(14, t0 - 119), t0):
        w[W_ATR_PCT, i] = _atr_pct(b, i, w)
    for t in range(t0, len(b.close)):
        w[W_ATR_PCT, t] = _atr_pct(b, t, w) if t >= 14 else NULL
        start = max(t - 119, w[W_FIRST, t] + 14)
        if size == 0 or start >= end:
            size = max(0, t + 1 - start)
            for k in range(size):
                ordered[k] = w[W_ATR_PCT, start + k]
            ordered[:size].sort()
        else:
            for gone in range(begin, start):
                k = np.searchsorted(ordered[:size], w[W_ATR_PCT, gone])
                for m in range(k, size - 1):
                    ordered[m] = ordered[m + 1]
                size -= 1
            k = size
            while k > 0 and ordered[k - 1] > w[W_ATR_PCT, t]:
                ordered[k] = ordered[k - 1]
                k -= 1
            ordered[k] = w[W_ATR_PCT, t]
            size += 1
        begin, end = start, t + 1
        w[W_MEDIAN, t] = NULL
        if size >= 60:
            half = size // 2
            w[W_MEDIAN, t] = ordered[half] if size % 2 else rhe(ordered[half - 1] + ordered[half], 2)


@compiled
def _atr_pct(b: Bars, i: int, w: Ints) -> int:
    if b.close[i] <= 0:
        return 0  # such a row has no measures; a number keeps the window whole
    return rhe((w[W_SUM_TR, i + 1] - w[W_SUM_TR, i - 13]) * PPM, 14 * b.close[i])


@compiled
def adx(b: Bars, sessions: Sessions, t0: int, w: Ints) -> None:
    """ADX of the rows from t0, one recursion per calendar year Y, seeded at the first bar of Y-1.

    The seed bar only gives previous prices: its own true range would reach over the new year to an older bar.
    """
    n = len(b.close)
    begin = t0
    while begin < n:
        year = sessions.year[b.session[begin]]
        end = begin
        while end < n and sessions.year[b.session[end]] == year:
            end += 1
        seed = begin
        while seed > 0 and sessions.year[b.session[seed - 1]] >= year - 1:
            seed -= 1
        plus = minus = spread = adx = 0.0
        for i in range(seed + 1, end):
            before = b.close[i - 1]
            rise = b.high[i] - b.high[i - 1]
            fall = b.low[i - 1] - b.low[i]
            dm_plus = np.float64(rise) if rise > fall and rise > 0 else 0.0
            dm_minus = np.float64(fall) if fall > rise and fall > 0 else 0.0
            tr = np.float64(max(b.high[i] - b.low[i], abs(b.high[i] - before), abs(b.low[i] - before)))
            if i == seed + 1:
                plus, minus, spread = dm_plus, dm_minus, tr
            else:
                plus = plus + (dm_plus - plus) / 14.0
                minus = minus + (dm_minus - minus) / 14.0
                spread = spread + (tr - spread) / 14.0
            di_plus = 100.0 * plus / spread if spread > 0.0 else 0.0
            di_minus = 100.0 * minus / spread if spread > 0.0 else 0.0
            total = di_plus + di_minus
            dx = 100.0 * abs(di_plus - di_minus) / total if total > 0.0 else 0.0
            adx = dx if i == seed + 1 else adx + (dx - adx) / 14.0
            if i >= begin:
                w[W_ADX, i] = np.int64(np.rint(adx * 1e4)) if i - seed + 1 >= 28 else NULL
        if seed == begin:
            w[W_ADX, begin] = NULL
        begin = end
