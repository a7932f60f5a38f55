"""Prices are rounded to their tick and measures to their scale by exact integer division, half-even.

``levels`` is the price plan of strategy.md 2.5: the one place where a stop, its targets and the cap are made.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from numba import njit

from strategies.layout import (
    ENTRY_REF,
    LEVEL,
    LIMIT_CAP,
    NULL,
    P_AT_LEVEL,
    P_DRIFT,
    P_R1,
    P_R2,
    P_RISK,
    P_STOP,
    PPM,
    R1,
    R2,
    STOP,
    Ints,
)

OPTIONS: Final[Mapping[str, Any]] = {"error_model": "numpy", "_nrt": False}
"""The kernel makes no array, so numba's run-time need not count who holds one (`_nrt`, an option that numba keeps
for itself and our lock pins). Counting took half of a pass over all days, and its locks would tie threads."""

_F = TypeVar("_F", bound=Callable[..., Any])


def compiled(function: _F) -> _F:
    """A helper of the kernel, compiled. Not cached by itself: it is part of what calls it."""
    helper: _F = njit(**OPTIONS)(function)
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


@compiled
def _step(numerator: int, denominator: int) -> int:
    # SEC Rule 612: 0.01 USD from 1.00 on, 0.0001 below; in e4.
    return 100 if numerator >= 10_000 * denominator else 1


@compiled
def rhe_tick(numerator: int, denominator: int) -> int:
    """The price numerator/denominator (e4) rounded half-even to its tick, e4."""
    step = _step(numerator, denominator)
    return rhe(numerator, denominator * step) * step


@compiled
def floor_tick(numerator: int, denominator: int) -> int:
    """The price numerator/denominator (e4) rounded down to its tick, e4."""
    step = _step(numerator, denominator)
    return numerator // (denominator * step) * step


@compiled
def ceil_tick(numerator: int, denominator: int) -> int:
    """The price numerator/denominator (e4) rounded up to its tick, e4."""
    step = _step(numerator, denominator)
    return -(-numerator // (denominator * step)) * step


@compiled
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
    f: Ints,
) -> None:
    """The price plan of strategy.md 2.5 into columns LEVEL to LIMIT_CAP of *f*.

    avwap, sma5 and atr14 are q6, other prices e4; *fractal_low* may be NULL. Prices to be compared stand in
    units of 1e-10 USD, where every factor of the page is whole.
    """
    f[LEVEL] = rhe_tick(avwap, 100)
    ref = f[LEVEL] if p[P_AT_LEVEL] else close
    limit = ref * PPM
    base = NULL
    if fractal_low != NULL and fractal_low * 995_000 < limit:
        base = fractal_low * 995_000
    if avwap * 9_970 < limit and (base == NULL or avwap * 9_970 < base):
        base = avwap * 9_970
    if base == NULL:
        base = 9_970 * min(sma5, low5 * 100)
    stop = floor_tick(min(base, limit - atr14 * 10_000, (PPM - p[P_STOP]) * ref), PPM)
    risk = ref - stop
    r1 = ceil_tick(max(pivot_r1 * PPM, limit + p[P_R1] * risk), PPM)
    beyond = r1 + _step(r1, 1)
    r2 = ceil_tick(max(pivot_r2 * PPM, limit + p[P_R2] * risk, beyond * PPM), PPM)
    f[ENTRY_REF], f[STOP], f[R1], f[R2] = ref, stop, r1, r2
    drift = floor_tick(ref * (PPM + p[P_DRIFT]), PPM)
    below_r1 = floor_tick(r1 - _step(r1, 1), 1)
    f[LIMIT_CAP] = min(drift, below_r1, floor_tick(stop * PPM, PPM - p[P_RISK]))
