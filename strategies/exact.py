"""Exact quotients of whole columns: no lane waits for another, and none is asked twice.

A float division takes as long as ten multiplications, so two or three quotients of a row share one: the inverse of
the product of their divisors, times the others. Where a quotient may be greater than ``ticks.GUESS_MAX``, one that is
sends the whole column through plain integer division.
"""

from typing import Any

import numpy as np

from strategies.layout import NULL, PPM, Ints
from strategies.ticks import GUESS_MAX, compiled_inside, nearest, rhe

Three = tuple[Ints, Ints, Ints]
Two = tuple[Ints, Ints]


@compiled_inside
def avwap_each(pv: Three, shares: Three, pv_before: Three, shares_before: Three, out: Three) -> None:
    """Volume-weighted prices of three stretches of bars, q6: those after the second prefix sums, up to the first.

    NULL where none was traded.
    """
    for i in range(len(pv[0])):
        traded0 = shares[0][i] - shares_before[0][i]
        traded1 = shares[1][i] - shares_before[1][i]
        traded2 = shares[2][i] - shares_before[2][i]
        d0, d1, d2 = 3 * max(traded0, 1), 3 * max(traded1, 1), 3 * max(traded2, 1)
        both = np.float64(d0) * np.float64(d1)
        last = 1.0 / (both * np.float64(d2))
        first = last * np.float64(d2)
        line0 = _avwap(pv[0][i] - pv_before[0][i], d0, first * np.float64(d1))
        line1 = _avwap(pv[1][i] - pv_before[1][i], d1, first * np.float64(d0))
        line2 = _avwap(pv[2][i] - pv_before[2][i], d2, last * both)
        out[0][i] = line0 if traded0 > 0 else NULL
        out[1][i] = line1 if traded1 > 0 else NULL
        out[2][i] = line2 if traded2 > 0 else NULL


@compiled_inside
def _avwap(total: int, d: int, inverse: float) -> Any:
    """100*total/d, half-even, in two steps, for the product may not fit: sum(PV)/3 is e4."""
    # e4 and below 2**36, so either guess is off by hardly more than its rounding: a hundred halves of d fit.
    whole = np.int64(np.rint(np.float64(total) * inverse))
    rest = (total - whole * d) * 100
    cents = np.int64(np.rint(np.float64(rest) * inverse))
    return whole * 100 + nearest(cents, rest - cents * d, d)


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
        _plainly(value, scale, base, out)


@compiled_inside
def relatives_each(value: Two, scale: tuple[int, int], base: Two, out: Two) -> None:
    """Twice value*scale/base - 1, q6, by one division; NULL where value or base is NULL or base not positive."""
    is_far: Any = 0
    for i in range(len(value[0])):
        is_known0 = (value[0][i] != NULL) & (base[0][i] > 0)  # NULL is below 0
        is_known1 = (value[1][i] != NULL) & (base[1][i] > 0)
        b0, b1 = base[0][i] if is_known0 else 1, base[1][i] if is_known1 else 1
        n0 = (value[0][i] * scale[0] - b0) * PPM if is_known0 else 0
        n1 = (value[1][i] * scale[1] - b1) * PPM if is_known1 else 0
        both = 1.0 / (np.float64(b0) * np.float64(b1))
        guess0 = np.float64(n0) * (both * np.float64(b1))
        guess1 = np.float64(n1) * (both * np.float64(b0))
        is_far |= np.int64(max(np.abs(guess0), np.abs(guess1)) >= GUESS_MAX)
        whole0, whole1 = np.int64(np.rint(guess0)), np.int64(np.rint(guess1))
        measure0, measure1 = nearest(whole0, n0 - whole0 * b0, b0), nearest(whole1, n1 - whole1 * b1, b1)
        out[0][i] = measure0 if is_known0 else NULL
        out[1][i] = measure1 if is_known1 else NULL
    if is_far:
        _plainly(value[0], scale[0], base[0], out[0])
        _plainly(value[1], scale[1], base[1], out[1])


@compiled_inside
def _plainly(value: Ints, scale: int, base: Ints, out: Ints) -> None:
    for i in range(len(value)):
        if out[i] != NULL:
            out[i] = rhe((value[i] * scale - base[i]) * PPM, base[i])


@compiled_inside
def mean_each(total: Ints, scale: int, n: int, count: Ints, least: int, out: Ints) -> None:
    """total*scale/n, half-even; NULL where *count* bars are fewer than *least*. Below GUESS_MAX by the bounds."""
    inverse = 1.0 / np.float64(n)
    for i in range(len(total)):
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
