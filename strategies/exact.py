"""Exact quotients of whole columns: a float guesses, integers correct it, and no lane waits for another.

A division of int64 takes a processor as long as eight divisions of float64 side by side. A guess from binary64
is off by less than one while the quotient stays below GUESS_MAX; the remainder then says which way. Where a
quotient may be greater, one that is sends the whole column through plain integer division: the value is the
same, floor first and half-even after, on every processor.
"""

from typing import Any

import numpy as np

from strategies.layout import NULL, PPM, Ints
from strategies.ticks import compiled, rhe

GUESS_MAX = float(1 << 50)


@compiled
def rhe_near(numerator: int, denominator: int) -> Any:
    """``rhe`` for a quotient below GUESS_MAX in size; denominator > 0, below 2**62."""
    quotient = np.int64(np.float64(numerator) / np.float64(denominator))
    rest = numerator - quotient * denominator
    under = np.int64(rest < 0)
    quotient -= under
    rest += under * denominator
    over = np.int64(rest >= denominator)
    quotient += over
    twice = 2 * (rest - over * denominator)
    return quotient + (np.int64(twice > denominator) | (np.int64(twice == denominator) & (quotient & 1)))


@compiled
def avwap_each(pv: Ints, shares: Ints, pv_before: Ints, shares_before: Ints, out: Ints) -> None:
    """Volume-weighted price of the bars after the second pair of prefix sums up to the first, q6; NULL if none traded.

    sum(PV)/3 is e4, so q6 is sum(PV)*100/(3*sum(V)): in two steps, for the product may not fit.
    """
    for i in range(len(out)):
        traded = shares[i] - shares_before[i]
        is_priced = traded > 0
        d = 3 * (traded if is_priced else 1)
        total = pv[i] - pv_before[i] if is_priced else 0
        inverse = 1.0 / np.float64(d)
        # e4 and below 2**36, so the guess by the inverse is off by one at most.
        whole = np.int64(np.float64(total) * inverse)
        rest = total - whole * d
        under = np.int64(rest < 0)
        whole -= under
        rest += under * d
        over = np.int64(rest >= d)
        whole += over
        rest = (rest - over * d) * 100
        cents = np.int64(np.float64(rest) * inverse)
        rest -= cents * d
        under = np.int64(rest < 0)
        cents -= under
        rest += under * d
        over = np.int64(rest >= d)
        cents += over
        twice = 2 * (rest - over * d)
        cents += np.int64(twice > d) | (np.int64(twice == d) & (cents & 1))
        out[i] = whole * 100 + cents if is_priced else NULL


@compiled
def relative_each(value: Ints, scale: int, base: Ints, out: Ints) -> None:
    """value*scale/base - 1, q6; NULL where value or base is NULL or base not positive."""
    is_far: Any = 0
    for i in range(len(out)):
        is_known = (value[i] != NULL) & (base[i] != NULL) & (base[i] > 0)
        b = base[i] if is_known else 1
        n = (value[i] * scale - b) * PPM if is_known else 0
        is_far |= np.int64(np.abs(np.float64(n)) >= GUESS_MAX * np.float64(b))
        measure = rhe_near(n, b)
        out[i] = measure if is_known else NULL
    if is_far:
        for i in range(len(out)):
            if out[i] != NULL:
                out[i] = rhe((value[i] * scale - base[i]) * PPM, base[i])


@compiled
def mean_each(total: Ints, scale: int, n: int, count: Ints, least: int, out: Ints) -> None:
    """total*scale/n, half-even; NULL where *count* bars are fewer than *least*. Below GUESS_MAX by the bounds."""
    for i in range(len(out)):
        measure = rhe_near(total[i] * scale, n)
        out[i] = measure if count[i] >= least else NULL


@compiled
def ratio_each(numerator: Ints, denominator: Ints, factor: int, out: Ints) -> None:
    """numerator*PPM/(factor*denominator), half-even; 0 where the denominator is not positive."""
    is_far: Any = 0
    for i in range(len(out)):
        is_known = denominator[i] > 0
        d = factor * denominator[i] if is_known else 1
        n = numerator[i] * PPM if is_known else 0
        is_far |= np.int64(np.abs(np.float64(n)) >= GUESS_MAX * np.float64(d))
        out[i] = rhe_near(n, d)
    if is_far:
        for i in range(len(out)):
            out[i] = rhe(numerator[i] * PPM, factor * denominator[i]) if denominator[i] > 0 else 0
