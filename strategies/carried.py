"""Each column needs only its past: prefix sums, last indices and ordered windows go forward.

All functions fill working columns of one symbol, O(1) per row, for the rows from t0 on with just the
warm-up that those rows need. *i* and *t* count the symbol's own rows, oldest first; a row knows nothing
after itself.
"""

import numpy as np

from strategies.exact import ratio_each
from strategies.layout import (
    BAR_MAX,
    BURST,
    EARNINGS,
    EASY,
    GAP,
    MTD,
    NULL,
    P_GAP,
    PPM,
    PRICE_MAX,
    REACH,
    VOLUME_MAX,
    W_AT,
    W_ATR_PCT,
    W_FIRST,
    W_FRACTAL,
    W_GAP_STATE,
    W_IS_BAD,
    W_MEDIAN,
    W_SCRATCH,
    W_SUM_C,
    W_SUM_CV,
    W_SUM_PV,
    W_SUM_TR,
    W_SUM_V,
    W_SUM_WEEK,
    W_WEEK,
    YTD,
    Bars,
    Dividends,
    Events,
    Ints,
    Sessions,
)
from strategies.ticks import compiled, rhe

SORTED_FROM = 8
"""Rows from which on an ordered window is worth its making."""


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
    """Prefix sums of the last REACH bars before t0 and of all from there on; no window is longer.

    For the rows from t0 on also: the bar of P0, the first bars of year and month, and whether a bar is bad.
    """
    start = max(0, t0 - REACH)
    week = first = 0
    bad_price, bad_recent = last_bad_price(b, start), -1
    year_at = month_at = start
    before = b.close[start]
    session = b.session[start]
    week_now, month_now, year_now = sessions.week[session], sessions.month[session], sessions.year[session]
    pv = shares = money = weekly = 0
    w[W_SUM_PV, start] = w[W_SUM_V, start] = w[W_SUM_C, start] = w[W_SUM_WEEK, 0] = 0
    for i in range(start, len(b.close)):
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
        before = c
        # Nearly every bar is far within the bounds, and one comparison says so.
        bits = (o - 1) | (h - 1) | (low - 1) | (c - 1) | v
        if (bits < 0 or bits >= EASY) and not is_within(o, h, low, c, v):
            bad_recent = i
            bad_price = bad_price if min(h, low, c) > 0 and max(h, low, c) < PRICE_MAX else i
            h = low = c = v = 0
        pv += (h + low + c) * v
        shares += v
        money += c
        w[W_SUM_PV, i + 1] = pv
        w[W_SUM_V, i + 1] = shares
        w[W_SUM_C, i + 1] = money
        w[W_WEEK, i] = week
        if i >= t0:
            w[W_AT + YTD, i] = year_at
            w[W_AT + MTD, i] = month_at
            oldest = sessions.panel_from[session]
            while b.session[first] < oldest:
                first += 1
            w[W_FIRST, i] = first
            w[W_IS_BAD, i] = bad_price >= first or bad_recent >= max(first, i - REACH + 1)


@compiled
def is_within(o: int, h: int, low: int, c: int, v: int) -> bool:
    """Whether a bar is within the bounds that keep every sum below 2**63."""
    is_price = min(o, h, low, c) > 0 and max(o, h, low, c) < PRICE_MAX
    return bool(is_price and 0 <= v < VOLUME_MAX and np.float64(h + low + c) * np.float64(v) < BAR_MAX)


@compiled
def last_bad_price(b: Bars, end: int) -> int:
    """The last of the rows before *end* with H, L or C out of bounds, or -1."""
    least, most = np.int64(1), np.int64(1)
    for i in range(end):
        least = min(least, b.high[i], b.low[i], b.close[i])
        most = max(most, b.high[i], b.low[i], b.close[i])
    if least > 0 and most < PRICE_MAX:
        return -1
    for i in range(end - 1, -1, -1):
        if min(b.high[i], b.low[i], b.close[i]) <= 0 or max(b.high[i], b.low[i], b.close[i]) >= PRICE_MAX:
            return i
    return -1


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
def earnings(b: Bars, sessions: Sessions, events: Events, symbol: int, t0: int, w: Ints) -> None:
    """The bar that answers the latest report up to each row: of its date if it came before the open, else the next.

    A report counts from the first row that knows it; one older than P0 is no fact of the panel.
    """
    n = len(b.close)
    following, end = events.lo[symbol], events.hi[symbol]
    at = on = -1
    for i in range(t0, n):
        session = b.session[i]
        while following < end and events.seen[following] <= session:
            row = np.searchsorted(b.session, events.reacts[following])
            # Told late, an older report does not displace a younger one.
            if row > at or (row == at and events.on[following] > on):
                at, on = row, events.on[following]
            following += 1
        w[W_AT + EARNINGS, i] = at if on >= sessions.panel_from[session] else -1


@compiled
def extreme(x: Ints, sign: int, length: int, t0: int, anchor: int, w: Ints) -> None:
    """Latest row with the highest sign*x of the last *length* rows, for each row from t0.

    It is looked for again when it leaves the window, and carried else. Of equal extremes the later one
    counts.
    """
    at = -1
    for i in range(t0, len(x)):
        start = max(0, i - length + 1)
        if at < start:
            at = start + last_highest(x[start : i + 1], sign)
        elif sign * x[i] >= sign * x[at]:
            at = i
        w[W_AT + anchor, i] = at


@compiled
def last_highest(x: Ints, sign: int) -> int:
    highest = sign * x[0]
    for i in range(len(x)):
        highest = max(highest, sign * x[i])
    at = len(x) - 1
    while sign * x[at] != highest:
        at -= 1
    return at


@compiled
def atr(b: Bars, t0: int, w: Ints) -> None:
    """atr_pct of each row needed, and its median over the last 120 of them, at least 60."""
    n = len(b.close)
    start = max(0, t0 - 133)
    ranges = turnover = 0
    w[W_SUM_TR, start] = w[W_SUM_CV, start] = 0
    for i in range(start, n):
        h, low, before = b.high[i], b.low[i], b.close[max(0, i - 1)]
        ranges += max(h - low, abs(h - before), abs(low - before))
        turnover += b.close[i] * b.volume[i]
        w[W_SUM_TR, i + 1] = ranges
        w[W_SUM_CV, i + 1] = turnover
    first = max(14, t0 - 119)
    for i in range(first, n):
        w[W_SCRATCH, i] = w[W_SUM_TR, i + 1] - w[W_SUM_TR, i - 13]
    # A row without a price has no measures; the 0 that it gets keeps the window whole.
    ratio_each(w[W_SCRATCH, first:n], b.close[first:n], 14, w[W_ATR_PCT, first:n])
    if n - t0 < SORTED_FROM:
        for t in range(t0, n):
            start = max(t - 119, w[W_FIRST, t] + 14)
            # Only within the bounds: halving a range that wraps would never end.
            is_asked = t + 1 - start >= 60 and not w[W_IS_BAD, t]
            w[W_MEDIAN, t] = median(w[W_ATR_PCT, start : t + 1]) if is_asked else NULL
    else:
        medians(t0, n, w)


@compiled
def medians(t0: int, n: int, w: Ints) -> None:
    """The same from an ordered window that each row changes by one value in and one out."""
    x, ordered = w[W_ATR_PCT], w[W_SCRATCH]
    start = max(t0 - 119, w[W_FIRST, t0] + 14)
    held = 0
    for t in range(t0, min(start, n)):
        w[W_MEDIAN, t] = NULL
    for t in range(start, n):
        oldest = max(start, t - 119, w[W_FIRST, max(t, t0)] + 14)
        if t > t0 and oldest == start + 1 and held == 120:
            _exchange(ordered, held, x[start], x[t])
        else:
            for gone in range(start, min(oldest, start + held)):
                _remove(ordered, held, x[gone])
                held -= 1
            if t >= oldest:
                _insert(ordered, held, x[t])
                held += 1
        start = max(start, oldest)
        if t >= t0:
            middle = rhe(ordered[(held - 1) // 2] + ordered[held // 2], 2) if held >= 60 else NULL
            w[W_MEDIAN, t] = NULL if w[W_IS_BAD, t] else middle


@compiled
def _rank(ordered: Ints, held: int, value: int) -> int:
    """How many are less. All are asked: a processor compares eight at once, and guesses no branch."""
    less = 0
    for i in range(held):
        less += ordered[i] < value
    return less


@compiled
def _insert(ordered: Ints, held: int, value: int) -> None:
    at = _rank(ordered, held, value)
    for i in range(held, at, -1):
        ordered[i] = ordered[i - 1]
    ordered[at] = value


@compiled
def _remove(ordered: Ints, held: int, value: int) -> None:
    for i in range(_rank(ordered, held, value), held - 1):
        ordered[i] = ordered[i + 1]


@compiled
def _exchange(ordered: Ints, held: int, gone: int, value: int) -> None:
    out, into = _rank(ordered, held, gone), _rank(ordered, held, value)
    if into > out:
        for i in range(out, into - 1):
            ordered[i] = ordered[i + 1]
        ordered[into - 1] = value
    else:
        for i in range(out, into, -1):
            ordered[i] = ordered[i - 1]
        ordered[into] = value


@compiled
def median(x: Ints) -> int:
    """The middle of *x*, or the half-even mean of the middle two, by halving the range that holds it."""
    low: int = x[0]
    high: int = x[0]
    for i in range(len(x)):
        low, high = min(low, x[i]), max(high, x[i])
    wanted = (len(x) + 1) // 2
    while low < high:
        middle = low + (high - low) // 2
        below = 0
        for i in range(len(x)):
            below += x[i] <= middle
        if below >= wanted:
            high = middle
        else:
            low = middle + 1
    if len(x) % 2:
        return low
    below = 0
    following: int = 1 << 62
    for i in range(len(x)):
        below += x[i] <= low
        following = min(following, x[i] if x[i] > low else following)
    return low if below > wanted else rhe(low + following, 2)
