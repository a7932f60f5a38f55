"""The extremes and the median of a window that moves along need no search where many rows are asked for.

The extremes of all rows come from running extremes of blocks, the median from an ordered window that each row
changes by one value in and one out; of few rows each window is looked through. No value decides where code goes.
"""

from typing import Any

import numpy as np

from strategies.layout import (
    BEYOND,
    NULL,
    ORDERED,
    SHORT_BEYOND,
    W_AT,
    W_ATR_PCT,
    W_FIRST,
    W_IS_BAD,
    W_MEDIAN,
    W_SCRATCH,
    Ints,
    Shorts,
)
from strategies.ticks import compiled, compiled_inside, rhe

FEW = 8
"""Rows below which each looks through its own window."""
ROW_BITS = 20
ROWS_MAX = 1 << ROW_BITS
"""More bars of one symbol are 4,000 years; a price has 36 bits, so both fit one number."""


@compiled
def extreme(x: Ints, sign: int, length: int, t0: int, anchor: int, w: Ints) -> None:
    """Latest row with the highest sign*x of the last *length* rows, for each row from t0."""
    n = len(x)
    at, later = w[W_AT + anchor], w[W_SCRATCH]
    if n - t0 < FEW:
        for t in range(t0, n):
            start = max(0, t - length + 1)
            at[t] = start + highest(x[start : t + 1], sign)
        return
    # A window begins in one block of its length and ends in the next: the end of one, the beginning of the other.
    base = max(0, t0 - length + 1)
    for begin in range(base, n, length):
        most = key(x, sign, min(begin + length, n) - 1)
        for i in range(min(begin + length, n) - 1, begin - 1, -1):
            most = max(most, key(x, sign, i))
            later[i] = most
    for begin in range(base, n, length):
        most = key(x, sign, begin)
        for i in range(begin, min(begin + length, n)):
            most = max(most, key(x, sign, i))
            before = later[i - length + 1] if begin > base else most
            at[i] = max(most, before) & (ROWS_MAX - 1)


@compiled
def key(x: Ints, sign: int, i: int) -> Any:
    """Greater where sign*x is, and of equal ones at the later row, which its last bits tell."""
    return ((sign * x[i]) << ROW_BITS) | i


@compiled
def highest(x: Ints, sign: int) -> Any:
    most = key(x, sign, 0)
    for i in range(len(x)):
        most = max(most, key(x, sign, i))
    return most & (ROWS_MAX - 1)


@compiled
def medians(t0: int, n: int, w: Ints, ordered: Ints, short: Shorts, column: Shorts) -> None:
    """Median of the last 120 values of atr_pct, at least 60, for each row from t0."""
    if n - t0 >= FEW:
        start = max(t0 - 119, w[W_FIRST, t0] + 14)
        # A range of less than 2,147 times the price: then twice as many values are looked at in one step.
        if _shortened(w[W_ATR_PCT, start:n], column[start:n]):
            _carried(t0, n, w, column, short)
        else:
            _carried(t0, n, w, w[W_ATR_PCT], ordered)
        return
    for t in range(t0, n):
        start = max(t - 119, w[W_FIRST, t] + 14)
        # Only within the bounds: halving a range that wraps would never end.
        is_asked = t + 1 - start >= 60 and not w[W_IS_BAD, t]
        w[W_MEDIAN, t] = median(w[W_ATR_PCT, start : t + 1], ordered[0, 1:121]) if is_asked else NULL


@compiled
def _shortened(x: Ints, out: Shorts) -> bool:
    """Copy *x*; whether every value fits and is below what fills up a window."""
    bits = np.int64(0)
    for i in range(len(out)):
        bits |= x[i] + 1
        out[i] = x[i]
    return bool(0 <= bits < SHORT_BEYOND)


@compiled
def _carried(t0: int, n: int, w: Ints, x: Any, ordered: Any) -> None:
    """From an ordered window that each row changes by one value in and one out; *x*: the values, as wide as it is.

    ordered (2, ORDERED): the window and the next one by turns, at 1 to 120, between the least and the greatest number,
    and filled up with that.
    """
    start = max(t0 - 119, w[W_FIRST, t0] + 14)
    beyond = ordered[0, ORDERED - 1]
    for i in range(1, ORDERED):
        ordered[0, i] = ordered[1, i] = beyond
    held = turn = 0
    for t in range(t0, min(start, n)):
        w[W_MEDIAN, t] = NULL
    for t in range(start, n):
        oldest = max(start, t - 119, w[W_FIRST, max(t, t0)] + 14)
        end = min(oldest, start + held)
        for gone in range(start, end - 1):
            _exchange(ordered[turn], ordered[1 - turn], x[gone], beyond)
            turn = 1 - turn
        out, into = x[end - 1] if end > start else beyond, x[t] if t >= oldest else beyond
        _exchange(ordered[turn], ordered[1 - turn], out, into)
        turn = 1 - turn
        held += (t >= oldest) - (end - start)
        start = oldest
        if t >= t0:
            is_told = held >= 60 and not w[W_IS_BAD, t]
            both: Any = np.int64(ordered[turn, (held + 1) // 2]) + np.int64(ordered[turn, held // 2 + 1])
            w[W_MEDIAN, t] = rhe(both, 2) if is_told else NULL


@compiled
def _exchange(old: Any, new: Any, gone: Any, value: Any) -> None:
    """*new* is *old* without one *gone* and with *value*: nobody searches, each place looks at its neighbours."""
    for i in range(1, 121):
        here = old[i] if old[i] < gone else old[i + 1]
        below = old[i - 1] if old[i - 1] < gone else old[i]
        new[i] = max(below, min(here, value))


@compiled
def median(x: Ints, room: Ints) -> int:
    """The middle of *x*, at most 120, or the half-even mean of the middle two, by halving the range that holds it."""
    for i in range(120):
        room[i] = BEYOND
    low: int = x[0]
    high: int = x[0]
    for i in range(len(x)):
        low, high = min(low, x[i]), max(high, x[i])
        room[i] = x[i]
    wanted = (len(x) + 1) // 2
    while low < high:
        middle = low + (high - low) // 2
        if _count(room, middle) >= wanted:
            high = middle
        else:
            low = middle + 1
    if len(x) % 2:
        return low
    following: int = BEYOND
    for i in range(120):
        following = min(following, room[i] if room[i] > low else BEYOND)
    return low if _count(room, low) > wanted else rhe(low + following, 2)


@compiled_inside
def _count(x: Ints, most: int) -> int:
    """How many of 120 are at most that."""
    count = 0
    for i in range(120):
        count += x[i] <= most
    return count
