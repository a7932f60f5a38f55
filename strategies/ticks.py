"""Prices are rounded to their tick and measures to their scale by exact division of integers, half-even.

A division of int64 takes a processor as long as eight divisions of float64 side by side. A guess from binary64,
rounded, is off by less than 7/8 while the quotient stays below GUESS_MAX, and what it leaves, counted in integers,
corrects it: the value is the same on every processor.

``levels`` is the price plan of strategy.md 2.5: the one place where a stop, its targets and the cap are made.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import numpy as np
from numba import njit

from strategies.layout import BEYOND, NULL, P_AT_LEVEL, P_DRIFT, P_R1, P_R2, P_RISK, P_STOP, PPM, Ints

OPTIONS: Final[Mapping[str, Any]] = {"error_model": "numpy", "_nrt": False}
"""The kernel makes no array, so numba's run-time need not count who holds one (`_nrt`, an option that numba keeps
for itself and our lock pins). Counting took half of a pass over all days, and its locks would tie threads."""

GUESS_MAX: Final = float(1 << 49)

_F = TypeVar("_F", bound=Callable[..., Any])


def compiled(function: _F) -> _F:
    """A helper of the kernel, compiled. Not cached by itself: it is part of what calls it."""
    helper: _F = njit(**OPTIONS)(function)
    return helper


def compiled_inside(function: _F) -> _F:
    """A helper that becomes part of its caller, who knows how long its columns are: no loop needs a check."""
    helper: _F = njit(forceinline=True, **OPTIONS)(function)
    return helper


def compiled_once(function: _F) -> _F:
    """A kernel: compiled, kept on disk beside its file, and run without Python's lock."""
    kernel: _F = njit(cache=True, nogil=True, **OPTIONS)(function)
    return kernel


@compiled
def rhe(numerator: int, denominator: int) -> int:
    """numerator/denominator rounded half-even; denominator > 0, below 2**62."""
    quotient = numerator // denominator
    twice = 2 * (numerator - quotient * denominator)
    # Without a branch: half of all roundings go up, and a processor cannot guess which.
    return quotient + ((twice > denominator) | ((twice == denominator) & (quotient & 1)))


@compiled_inside
def nearest(guess: Any, rest: Any, denominator: int) -> Any:
    """Half-even rounding of a quotient that *guess* misses by less than 7/8 of one; *rest*: what the guess leaves."""
    twice, odd = 2 * rest, guess & 1
    # At a tie an odd guess gives way to its even neighbour: one more or less than half says both.
    return guess + np.int64(twice + odd > denominator) - np.int64(odd - twice > denominator)


@compiled_inside
def rhe_near(numerator: int, denominator: int) -> Any:
    """``rhe`` for a quotient below GUESS_MAX in size; denominator > 0, below 2**62."""
    guess = np.int64(np.rint(np.float64(numerator) / np.float64(denominator)))
    return nearest(guess, numerator - guess * denominator, denominator)


@compiled_inside
def _floor_near(numerator: int, denominator: int) -> Any:
    guess = np.int64(np.floor(np.float64(numerator) / np.float64(denominator)))
    rest = numerator - guess * denominator
    return guess - np.int64(rest < 0) + np.int64(rest >= denominator)


@compiled_inside
def _step(numerator: int, denominator: int) -> int:
    # SEC Rule 612: 0.01 USD from 1.00 on, 0.0001 below; in e4.
    return 100 if numerator >= 10_000 * denominator else 1


@compiled_inside
def rhe_tick(numerator: int, denominator: int) -> Any:
    """The price numerator/denominator (e4) rounded half-even to its tick, e4."""
    step = _step(numerator, denominator)
    return rhe_near(numerator, denominator * step) * step


@compiled_inside
def floor_tick(numerator: int, denominator: int) -> Any:
    """The price numerator/denominator (e4) rounded down to its tick, e4."""
    step = _step(numerator, denominator)
    return _floor_near(numerator, denominator * step) * step


@compiled_inside
def ceil_tick(numerator: int, denominator: int) -> Any:
    """The price numerator/denominator (e4) rounded up to its tick, e4."""
    step = _step(numerator, denominator)
    return -_floor_near(-numerator, denominator * step) * step


@compiled_inside
def levels(
    avwap: int,
    close: int,
    fractal_low: int,
    low5: int,
    sma5: int,
    atr14: int,
    pivot_r1: int,
    pivot_r2: int,
    p: Ints,
) -> tuple[int, int, int, int, int, int]:
    """The price plan of strategy.md 2.5, in the order of the columns LEVEL to LIMIT_CAP.

    avwap, sma5 and atr14 are q6, other prices e4; *fractal_low* may be NULL. Prices to be compared stand in
    units of 1e-10 USD, where every factor of the page is whole.
    """
    level = rhe_tick(avwap, 100)
    ref = level if p[P_AT_LEVEL] else close
    limit = ref * PPM
    below_swing = fractal_low * 995_000 if fractal_low != NULL else limit
    below_line = avwap * 9_970
    base = min(below_swing if below_swing < limit else BEYOND, below_line if below_line < limit else BEYOND)
    base = 9_970 * min(sma5, low5 * 100) if base == BEYOND else base
    stop = floor_tick(min(base, limit - atr14 * 10_000, (PPM - p[P_STOP]) * ref), PPM)
    risk = ref - stop
    r1 = ceil_tick(max(pivot_r1 * PPM, limit + p[P_R1] * risk), PPM)
    beyond = r1 + _step(r1, 1)
    r2 = ceil_tick(max(pivot_r2 * PPM, limit + p[P_R2] * risk, beyond * PPM), PPM)
    drift = floor_tick(ref * (PPM + p[P_DRIFT]), PPM)
    below_r1 = floor_tick(r1 - _step(r1, 1), 1)
    return level, ref, stop, r1, r2, min(drift, below_r1, floor_tick(stop * PPM, PPM - p[P_RISK]))
