"""Each column needs only its past: prefix sums, last indices and ordered windows go forward.

All functions fill working columns of one symbol, O(1) per row, for the rows from t0 on with just the
warm-up that those rows need. *i* and *t* count the symbol's own rows, oldest first; a row knows nothing
after itself.
"""

from typing import Any

import numpy as np

from strategies.exact import ratio_each
from strategies.layout import (
    BAR_MAX,
    BURST,
    EARNINGS,
    GAP,
    MTD,
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
    W_REFERENCE,
    W_SCRATCH,
    W_SUM_C,
    W_SUM_CV,
    W_SUM_PV,
    W_SUM_V,
    W_SUM_WEEK,
    W_TR14,
    W_WEEK,
    YTD,
    Bars,
    Dividends,
    Events,
    Ints,
    Sessions,
)
from strategies.ticks import compiled

IS_GAP, IS_BURST, IS_FRACTAL = 1, 2, 4


@compiled
def sums(b: Bars, sessions: Sessions, t0: int, w: Ints) -> None:
    """Prefix sums of the last REACH bars before t0 and of all from there on; no window is longer.

    For the rows from t0 on also: the bar of P0, the first bars of year and month, and whether a bar is bad.
    """
    start = max(0, t0 - REACH)
    is_sound = are_within(b, start)
    opens, highs, lows = b.open[start:], b.high[start:], b.low[start:]
    closes, volumes = b.close[start:], b.volume[start:]
    pv_sums, share_sums, close_sums = w[W_SUM_PV, start:], w[W_SUM_V, start:], w[W_SUM_C, start:]
    pv = shares = money = 0
    pv_sums[0] = share_sums[0] = close_sums[0] = 0
    for i in range(len(closes)):
        h, low, c, v = highs[i], lows[i], closes[i], volumes[i]
        if not is_sound and not is_within(opens[i], h, low, c, v):
            h = low = c = v = 0
        pv += (h + low + c) * v
        shares += v
        money += c
        pv_sums[i + 1] = pv
        share_sums[i + 1] = shares
        close_sums[i + 1] = money
    _weeks(b, sessions, start, w)
    _periods(b, sessions, t0, w)
    _bad(b, start, t0, is_sound, w)


@compiled
def _weeks(b: Bars, sessions: Sessions, start: int, w: Ints) -> None:
    """The number of each row's week, and the sums of the closes of the weeks before it."""
    session, close, weekly_sums, weeks = b.session[start:], b.close[start:], w[W_SUM_WEEK], w[W_WEEK, start:]
    before, now = close[0], sessions.week[session[0]]
    week = weekly = 0
    for i in range(len(session)):
        following = sessions.week[session[i]]
        is_new = following != now
        now = following
        weekly += before * is_new
        week += is_new
        before = close[i]
        weekly_sums[week] = weekly
        weeks[i] = week


@compiled
def _periods(b: Bars, sessions: Sessions, t0: int, w: Ints) -> None:
    session = b.session[t0]
    year_from, month_from = sessions.year_from[session], sessions.month_from[session]
    start = max(0, t0 - REACH)
    year_at, month_at = max(start, row_of(b, year_from, t0)), max(start, row_of(b, month_from, t0))
    first = row_of(b, sessions.panel_from[session], t0)
    for i in range(t0, len(b.close)):
        session = b.session[i]
        if sessions.month_from[session] != month_from:
            month_from, month_at = sessions.month_from[session], i
            if sessions.year_from[session] != year_from:
                year_from, year_at = sessions.year_from[session], i
        oldest = sessions.panel_from[session]
        while b.session[first] < oldest:
            first += 1
        w[W_AT + YTD, i] = year_at
        w[W_AT + MTD, i] = month_at
        w[W_FIRST, i] = first


@compiled
def row_of(b: Bars, session: int, t: int) -> Any:
    """The first row whose session is not before *session*; it is not after row *t*."""
    # Without a gap up to t it is as far from t as its session.
    guess = max(0, t - (b.session[t] - session))
    return guess if b.session[guess] == session else np.searchsorted(b.session, session)


@compiled
def _bad(b: Bars, start: int, t0: int, is_sound: bool, w: Ints) -> None:
    """Whether a row's panel or its last REACH bars hold anything out of bounds."""
    if is_sound:
        for i in range(t0, len(b.close)):
            w[W_IS_BAD, i] = 0
        return
    bad_price, bad_recent = last_bad_price(b, start), -1
    for i in range(start, len(b.close)):
        h, low, c = b.high[i], b.low[i], b.close[i]
        if not is_within(b.open[i], h, low, c, b.volume[i]):
            bad_recent = i
            bad_price = bad_price if is_price(min(h, low, c), max(h, low, c)) else i
        if i >= t0:
            first = w[W_FIRST, i]
            w[W_IS_BAD, i] = bad_price >= first or bad_recent >= max(first, i - REACH + 1)


@compiled
def are_within(b: Bars, start: int) -> bool:
    """Whether all prices, and all from row *start* on, are far within the bounds: nearly always, at one look.

    The bits of all together are at least the greatest of them, and less than twice that.
    """
    prices = opens = volumes = np.int64(0)
    high, low, close, tail, volume = b.high, b.low, b.close, b.open[start:], b.volume[start:]
    for i in range(len(close)):
        prices |= (high[i] - 1) | (low[i] - 1) | (close[i] - 1)
    for i in range(len(tail)):
        opens |= tail[i] - 1
        volumes |= volume[i]
    is_far = min(prices, opens, volumes) >= 0 and max(prices, opens) + 1 < PRICE_MAX and volumes < VOLUME_MAX
    return bool(is_far and 3.0 * np.float64(prices + 1) * np.float64(volumes) < BAR_MAX)


@compiled
def is_price(least: int, most: int) -> bool:
    return least > 0 and most < PRICE_MAX


@compiled
def is_within(o: int, h: int, low: int, c: int, v: int) -> bool:
    """Whether a bar is within the bounds that keep every sum below 2**63."""
    is_priced = is_price(min(o, h, low, c), max(o, h, low, c))
    return bool(is_priced and 0 <= v < VOLUME_MAX and np.float64(h + low + c) * np.float64(v) < BAR_MAX)


@compiled
def last_bad_price(b: Bars, end: int) -> int:
    """The last of the rows before *end* with H, L or C out of bounds, or -1."""
    for i in range(end - 1, -1, -1):
        if not is_price(min(b.high[i], b.low[i], b.close[i]), max(b.high[i], b.low[i], b.close[i])):
            return i
    return -1


@compiled
def latest(b: Bars, dividends: Dividends, symbol: int, t0: int, p: Ints, w: Ints) -> None:
    """Last gap, volume breakout and fractal low up to each row; a row looks back at most 60 bars for them."""
    n = len(b.close)
    start = max(1, t0 - 59)
    reference, marks, opens, closes = (
        w[W_REFERENCE, :n],
        w[W_SCRATCH, start:n],
        b.open[start:],
        b.close[start:],
    )
    _copy(b.close[start - 1 :], reference[start:])
    for k in range(dividends.lo[symbol], dividends.hi[symbol]):
        row = np.searchsorted(b.session, dividends.session[k])
        if start <= row < n and b.session[row] == dividends.session[k]:
            reference[row] -= dividends.cash[k]
    _mark(b, start, p[P_GAP], w)
    if t0 + 1 == n:
        _last_events(start, opens, closes, reference[start:], marks, w)
    else:
        _all_events(start, opens, closes, reference[start:], marks, w)
    if t0 == 0:
        w[W_AT + GAP, 0] = w[W_AT + BURST, 0] = w[W_FRACTAL, 0] = -1
        w[W_GAP_STATE, 0] = 0


@compiled
def _last_events(start: int, opens: Ints, closes: Ints, reference: Ints, marks: Ints, w: Ints) -> None:
    """What ``_all_events`` says of the last row alone."""
    gap = burst = fractal = -1
    for i in range(len(marks)):
        gap = max(gap, i if marks[i] & IS_GAP else -1)
        burst = max(burst, i if marks[i] & IS_BURST else -1)
        fractal = max(fractal, i if marks[i] & IS_FRACTAL else -1)
    t = start + len(marks) - 1
    w[W_AT + GAP, t] = start + gap if gap >= 0 else -1
    w[W_AT + BURST, t] = start + burst if burst >= 0 else -1
    w[W_FRACTAL, t] = start + fractal - 1 if fractal >= 0 else -1
    w[W_GAP_STATE, t] = 0
    if gap >= 0:
        before, after = reference[gap], closes[gap:]
        is_up = opens[gap] > before
        is_filled = False
        for i in range(len(after)):
            is_filled |= (after[i] <= before) if is_up else (after[i] >= before)
        w[W_GAP_STATE, t] = (1 if is_up else 3) + is_filled


@compiled
def _all_events(start: int, opens: Ints, closes: Ints, reference: Ints, marks: Ints, w: Ints) -> None:
    gaps, bursts, fractals = w[W_AT + GAP, start:], w[W_AT + BURST, start:], w[W_FRACTAL, start:]
    states = w[W_GAP_STATE, start:]
    gap = burst = fractal = -1
    gap_from = gap_state = 0
    for i in range(len(closes)):
        c, mark, before = closes[i], marks[i], reference[i]
        is_gap = (mark & IS_GAP) != 0
        gap = start + i if is_gap else gap
        gap_from = before if is_gap else gap_from
        opened = 1 if opens[i] > before else 3
        gap_state = opened if is_gap else gap_state
        # The close of the gap's own bar comes after its open and may already fill it.
        gap_state += ((gap_state == 1) & (c <= gap_from)) | ((gap_state == 3) & (c >= gap_from))
        burst = start + i if mark & IS_BURST else burst
        fractal = start + i - 1 if mark & IS_FRACTAL else fractal
        gaps[i] = gap
        bursts[i] = burst
        states[i] = gap_state
        fractals[i] = fractal


@compiled
def _copy(source: Ints, out: Ints) -> None:
    for i in range(len(out)):
        out[i] = source[i]


@compiled
def _mark(b: Bars, start: int, gap_min: int, w: Ints) -> None:
    """What happened at each row from *start* on, as bits of the scratch column."""
    n = len(b.close)
    marks, reference, opens = w[W_SCRATCH, start:n], w[W_REFERENCE, start:n], b.open[start:]
    for i in range(len(marks)):
        size = abs(opens[i] - reference[i]) * PPM
        marks[i] = IS_GAP * np.int64((reference[i] > 0) & (size >= gap_min * reference[i]))
    first = max(19, start)
    if first < n:
        _mark_bursts(b, first, w[W_SUM_V, first - 19 :], w[W_SCRATCH, first:n])
    first = max(2, start)
    if first < n:
        lows, marks = b.low[first - 2 :], w[W_SCRATCH, first:n]
        for i in range(len(marks)):
            marks[i] |= IS_FRACTAL * np.int64((lows[i + 1] < lows[i]) & (lows[i + 1] < lows[i + 2]))


@compiled
def _mark_bursts(b: Bars, first: int, shares: Ints, marks: Ints) -> None:
    """V >= 1.8 * mean20(V) and (C-L)/(H-L) >= 0.70, cross-multiplied; the break over 5 highs is strict."""
    highs, lows, closes, volumes = b.high[first - 5 :], b.low[first:], b.close[first:], b.volume[first:]
    for i in range(len(marks)):
        h, low, c = highs[i + 5], lows[i], closes[i]
        is_loud = volumes[i] * 200 >= 18 * (shares[i + 20] - shares[i])
        before = max(highs[i], highs[i + 1], highs[i + 2], highs[i + 3], highs[i + 4])
        is_strong = (h > low) & ((c - low) * 10 >= 7 * (h - low)) & (c > before)
        marks[i] |= IS_BURST * np.int64(is_loud & is_strong)


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
def ranges(b: Bars, t0: int, w: Ints) -> None:
    """Sums of 14 true ranges, atr_pct and prefix sums of C*V, as far back as the rows from t0 on need them."""
    n = len(b.close)
    start = max(1, t0 - 133)
    true = w[W_SCRATCH, :n]
    true[0] = max(b.high[0] - b.low[0], abs(b.high[0] - b.close[0]), abs(b.low[0] - b.close[0]))
    _true_ranges(b.high[start:], b.low[start:], b.close[start - 1 :], true[start:])
    first = max(14, t0 - 119)
    if first < n:
        _sum14(true[first - 13 :], w[W_TR14, first:n])
        # A row without a price has no measures; the 0 that it gets keeps the window whole.
        ratio_each(w[W_TR14, first:n], b.close[first:], 14, w[W_ATR_PCT, first:n])
    oldest = max(0, t0 - 19)
    closes, volumes, turnover = b.close[oldest:], b.volume[oldest:], w[W_SUM_CV, oldest:]
    money = 0
    turnover[0] = 0
    for i in range(len(closes)):
        money += closes[i] * volumes[i]
        turnover[i + 1] = money


@compiled
def _true_ranges(high: Ints, low: Ints, before: Ints, out: Ints) -> None:
    for i in range(len(out)):
        out[i] = max(high[i] - low[i], abs(high[i] - before[i]), abs(low[i] - before[i]))


@compiled
def _sum14(x: Ints, out: Ints) -> None:
    for i in range(len(out)):
        early = x[i] + x[i + 1] + x[i + 2] + x[i + 3] + x[i + 4] + x[i + 5] + x[i + 6]
        out[i] = early + x[i + 7] + x[i + 8] + x[i + 9] + x[i + 10] + x[i + 11] + x[i + 12] + x[i + 13]
