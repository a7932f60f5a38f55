"""What moves with the rest of the book is bought smaller; how much it moves with it is exact integer arithmetic.

strategy.md 5. Daily returns are integers in 1e-7. Pearson's r of two symbols comes from integer sums, and its
absolute value is rounded half-even at 1e-6: no library, thread or order of summation can change a size.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from math import isqrt
from typing import TYPE_CHECKING, Final

from portfolio.sizing import PPM, round_half_even

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from market.rows import Int64

RETURNS: Final = 60
"""Daily returns looked at: from the last 61 closes."""
COMMON_MIN: Final = 40
"""Returns that two symbols must both have; with fewer they count as moving together."""
RETURN_SCALE: Final = 10**7
RETURN_MAX: Final = 4 * RETURN_SCALE
"""400% a day: up to here 60 * sum of squares stays below 2**63. Beyond it Python's own integers reckon."""

Returns = Sequence[int | None]


def daily_returns(closes: Sequence[int | None]) -> tuple[int | None, ...]:
    """C_i / C_(i-1) - 1 in 1e-7, half-even. *closes*: 1e-4 USD by session; a return needs both of its closes."""
    return tuple(
        None if before is None or now is None else round_half_even((now - before) * RETURN_SCALE, before)
        for before, now in pairwise(closes)
    )


def abs_correlation(first: Returns, second: Returns) -> int:
    """abs(Pearson's r) of the common returns in ppm, exactly; 1 where it cannot be told."""
    pairs = [
        (x, y) for x, y in zip(first, second, strict=True) if x is not None and y is not None
    ]  # one session, both symbols
    n = len(pairs)
    sx, sy = sum(x for x, _ in pairs), sum(y for _, y in pairs)
    cov = n * sum(x * y for x, y in pairs) - sx * sy
    return _ratio(
        n, cov, n * sum(x * x for x, _ in pairs) - sx * sx, n * sum(y * y for _, y in pairs) - sy * sy
    )


def _ratio(n: int, cov: int, var_x: int, var_y: int) -> int:
    """abs(cov) / sqrt(var_x * var_y) in ppm, half-even."""
    if n < COMMON_MIN or var_x == 0 or var_y == 0:
        return PPM
    square, whole = (cov * PPM) ** 2, var_x * var_y
    low = isqrt(square // whole)
    # Above the middle of low and low + 1, all of it squared; at the middle the even one.
    over = 4 * square - (2 * low + 1) ** 2 * whole
    return low + (over > 0 or (over == 0 and low % 2 == 1))


class Correlations:
    """Mean absolute correlations among symbols whose returns are in hand, each row of equal length."""

    def __init__(self, returns: Mapping[str, Returns]) -> None:
        self._returns = dict(returns)
        self._row = {symbol: at for at, symbol in enumerate(sorted(self._returns))}
        assert len({len(row) for row in self._returns.values()}) <= 1, "returns of different sessions"

    def mean_abs(self, symbol: str, others: Sequence[str]) -> int | None:
        """rho in ppm: the mean of abs(r) of *symbol* with each of *others*; None if there is no other.

        A symbol without returns counts as moving with everything.
        """
        if not others:
            return None
        known = [other for other in others if other in self._row]
        if symbol not in self._row:
            return PPM
        found = sum(self._with(symbol, known)) + PPM * (len(others) - len(known))
        return round_half_even(found, len(others))

    def _with(self, symbol: str, others: Sequence[str]) -> list[int]:
        values, mask, fits = self._matrix
        at, rows = self._row[symbol], [self._row[other] for other in others]
        if not fits[at] or not fits[rows].all():
            return [abs_correlation(self._returns[symbol], self._returns[other]) for other in others]
        import numpy as np

        x, has_x = values[at], mask[at]
        y, has_y = values[rows], mask[rows]
        n = has_y @ has_x
        sx, sy = has_y @ x, y @ has_x
        cov = n * (y @ x) - sx * sy
        var_x, var_y = n * (has_y @ (x * x)) - sx * sx, n * ((y * y) @ has_x) - sy * sy
        told = (n >= COMMON_MIN) & (var_x > 0) & (var_y > 0)
        scaled = np.abs(cov[told]) * float(PPM) / np.sqrt(var_x[told].astype(np.float64) * var_y[told])
        near = np.abs(scaled - np.floor(scaled) - 0.5) < 1e-3  # binary64 errs by some 1e-9: ask the integers
        ratios = np.rint(scaled).astype(np.int64)
        for k in np.flatnonzero(near).tolist():
            one = np.flatnonzero(told)[k]
            ratios[k] = _ratio(int(n[one]), int(cov[one]), int(var_x[one]), int(var_y[one]))
        found = np.full(len(others), PPM, np.int64)
        found[told] = ratios
        return [int(each) for each in found]

    @cached_property
    def _matrix(self) -> "tuple[Int64, Int64, NDArray[np.bool_]]":
        """Returns with 0 for a missing one, where there is one (1, else 0), and which rows int64 can carry."""
        import numpy as np

        rows = [self._returns[symbol] for symbol in sorted(self._returns)]
        fits = np.array([all(x is None or abs(x) <= RETURN_MAX for x in row) for row in rows], np.bool_)
        values = np.array(
            [[x if x is not None and ok else 0 for x in row] for row, ok in zip(rows, fits, strict=True)],
            np.int64,
        )
        mask = np.array([[x is not None for x in row] for row in rows], np.int64)
        return values, mask, fits
