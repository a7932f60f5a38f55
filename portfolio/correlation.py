"""What moves with the rest of the book is bought smaller; how much it moves with it is exact integer arithmetic.

strategy.md 5. Daily returns are integers in 1e-7. Pearson's r of two symbols comes from integer sums, and its
absolute value is rounded half-even at 1e-6: no library, thread or order of summation can change a size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import isqrt
from typing import TYPE_CHECKING, Any, Final

from portfolio.sizing import PPM, round_half_even

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[Any]

RETURNS: Final = 60
"""Daily returns looked at: from the last 61 closes."""
COMMON_MIN: Final = 40
"""Returns that two symbols must both have; with fewer they count as moving together."""
RETURN_SCALE: Final = 10**7
RETURN_MAX: Final = 4 * RETURN_SCALE
"""400% a day: up to here 60 * sum of squares stays below 2**63. Beyond it Python's own integers reckon."""
RETURN_EXACT: Final = RETURN_SCALE * 12 // 10
"""120% a day: up to here every sum of products is an integer below 2**53, which binary64 holds and adds exactly."""

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


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Symbols that many are compared with: their returns, squares and presence as rows, and how many have none."""

    symbols: tuple[str, ...]
    known: tuple[str, ...]
    values: "Numbers"
    squares: "Numbers"
    mask: "Numbers"
    fits: bool


class Correlations:
    """Mean absolute correlations among symbols whose returns are in hand, each row of equal length."""

    def __init__(self, returns: Mapping[str, Returns]) -> None:
        self._returns = dict(returns)
        self._row = {symbol: at for at, symbol in enumerate(sorted(self._returns))}
        self._group: _Group | None = None
        assert len({len(row) for row in self._returns.values()}) <= 1, "returns of different sessions"

    def mean_abs(self, symbol: str, others: Sequence[str]) -> int | None:
        """rho in ppm: the mean of abs(r) of *symbol* with each of *others*; None if there is no other.

        A symbol without returns counts as moving with everything.
        """
        if not others:
            return None
        if symbol not in self._row:
            return PPM
        group = self._grouped(tuple(others))
        total = self._with(symbol, group) + PPM * (len(others) - len(group.known))
        return round_half_even(total, len(others))

    def _grouped(self, symbols: tuple[str, ...]) -> _Group:
        """*symbols* as rows; the last group is kept, for a whole batch is compared with few of them."""
        if self._group is None or self._group.symbols != symbols:
            values, mask, fits = self._matrix
            known = tuple(symbol for symbol in symbols if symbol in self._row)
            rows = [self._row[symbol] for symbol in known]
            y = values[rows]
            self._group = _Group(symbols, known, y, y * y, mask[rows], bool(fits[rows].all()))
        return self._group

    def _with(self, symbol: str, group: _Group) -> int:
        """Sum of abs(r) of *symbol* with the known ones of *group*, ppm."""
        values, mask, fits = self._matrix
        at = self._row[symbol]
        if not group.known:
            return 0
        if not fits[at] or not group.fits:
            return sum(abs_correlation(self._returns[symbol], self._returns[other]) for other in group.known)
        import numpy as np

        x, has_x, y, has_y = values[at], mask[at], group.values, group.mask
        products = (has_y @ has_x, has_y @ x, y @ has_x, y @ x, has_y @ (x * x), group.squares @ has_x)
        n, sx, sy, sxy, sxx, syy = (each.astype(np.int64) for each in products)
        cov = n * sxy - sx * sy
        var_x, var_y = n * sxx - sx * sx, n * syy - sy * sy
        told = (n >= COMMON_MIN) & (var_x > 0) & (var_y > 0)
        n, cov, var_x, var_y = n[told], cov[told], var_x[told], var_y[told]
        scaled = np.abs(cov) * float(PPM) / np.sqrt(var_x.astype(np.float64) * var_y)
        ratios = np.rint(scaled).astype(np.int64)
        near = np.abs(scaled - np.floor(scaled) - 0.5) < 1e-3  # binary64 errs by some 1e-9: ask the integers
        for k in near.nonzero()[0].tolist():
            ratios[k] = _ratio(int(n[k]), int(cov[k]), int(var_x[k]), int(var_y[k]))
        return int(ratios.sum()) + PPM * (len(group.known) - len(ratios))

    @cached_property
    def _matrix(self) -> "tuple[Numbers, Numbers, NDArray[np.bool_]]":
        """Returns with 0 for a missing one, where there is one (1, else 0), and which rows int64 can carry.

        In binary64 where that is exact, for its products are the faster ones; the integers are the same.
        """
        import numpy as np

        rows = [self._returns[symbol] for symbol in sorted(self._returns)]
        fits = [all(x is None or -RETURN_MAX <= x <= RETURN_MAX for x in row) for row in rows]
        kept = [[x or 0 for x in row] if ok else [0] * len(row) for row, ok in zip(rows, fits, strict=True)]
        values = np.array(kept, np.int64)
        exact = bool((np.abs(values) <= RETURN_EXACT).all()) and len(kept[0] if kept else ()) <= RETURNS
        kind = np.float64 if exact else np.int64
        mask = np.array([[x is not None for x in row] for row in rows], kind)
        return values.astype(kind), mask, np.array(fits, np.bool_)
