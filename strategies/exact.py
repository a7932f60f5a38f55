"""Exact quotients of whole columns: no lane waits for another, and none is asked twice.

Where a quotient may be greater than ``ticks.GUESS_MAX``, one that is sends the whole column through plain integer
division.
"""

from typing import Any

import numpy as np

from strategies.layout import NULL, PPM, Ints
from strategies.ticks import GUESS_MAX, compiled_inside, nearest, rhe


@compiled_inside
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
        # e4 and below 2**36, so either guess is off by hardly more than its rounding: a hundred halves of d fit.
        whole = np.int64(np.rint(np.float64(total) * inverse))
        rest = (total - whole * d) * 100
        cents = np.int64(np.rint(np.float64(rest) * inverse))
        cents = nearest(cents, rest - cents * d, d)
        out[i] = whole * 100 + cents if is_priced else NULL


@compiled_inside
def relative_each(value: Ints, scale: int, base: Ints, out: Ints) -> None:
    """value*scale/base - 1, q6; NULL where value or base is NULL or base not positive."""
    is_far: Any = 0
    for i in range(len(out)):
        is_known = (value[i] != NULL) & (base[i] > 0)  # NULL is below 0
        b = base[i] if is_known else 1
        n = (value[i] * scale - b) * PPM if is_known else 0
        guess = np.float64(n) / np.float64(b)
        is_far |= np.int64(np.abs(guess) >= GUESS_MAX)
        whole = np.int64(np.rint(guess))
        measure = nearest(whole, n - whole * b, b)
        out[i] = measure if is_known else NULL
    if is_far:
        for i in range(len(out)):
            if out[i] != NULL:
                out[i] = rhe((value[i] * scale - base[i]) * PPM, base[i])


@compiled_inside
def mean_each(total: Ints, scale: int, n: int, count: Ints, least: int, out: Ints) -> None:
    """total*scale/n, half-even; NULL where *count* bars are fewer than *least*. Below GUESS_MAX by the bounds."""
    inverse = 1.0 / np.float64(n)
    for i in range(len(out)):
        whole = np.int64(np.rint(np.float64(total[i] * scale) * inverse))
        measure = nearest(whole, total[i] * scale - whole * n, n)
        out[i] = measure if count[i] >= least else NULL


@compiled_inside
def ratio_each(numerator: Ints, denominator: Ints, factor: int, out: Ints) -> None:
    """numerator*PPM/(factor*denominator), half-even; 0 where the denominator is not positive."""
    is_far: Any = 0
    for i in range(len(out)):
        is_known = denominator[i] > 0
        d = factor * denominator[i] if is_known else 1
        n = numerator[i] * PPM if is_known else 0
        guess = np.float64(n) / np.float64(d)
        is_far |= np.int64(np.abs(guess) >= GUESS_MAX)
        whole = np.int64(np.rint(guess))
        out[i] = nearest(whole, n - whole * d, d)
    if is_far:
        for i in range(len(out)):
            out[i] = rhe(numerator[i] * PPM, factor * denominator[i]) if denominator[i] > 0 else 0
