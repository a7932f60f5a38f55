"""A mean, a quantile and a ratio of nothing are null: whoever reads them cannot take silence for health."""

import math
from collections.abc import Sequence
from typing import Final

from schemas.base import quantise
from schemas.reliability import Rate, Spread

_P95: Final = 0.95
_SECONDS: Final = 2
_RATIO: Final = 6


def rate(numerator: int, denominator: int) -> Rate:
    """numerator / denominator; null of 0 / 0."""
    value = quantise(numerator / denominator, _RATIO) if denominator else None
    return Rate(numerator=numerator, denominator=denominator, value=value)


def spread(values: Sequence[float]) -> Spread:
    """Sum, mean, 95th percentile by nearest rank and maximum of *values*, quantised to a hundredth."""
    if not values:
        return Spread(count=0, sum=0.0, mean=None, p95=None, max=None)
    ordered = sorted(values)
    total = hundredths(math.fsum(ordered))
    rank = math.ceil(_P95 * len(ordered))
    return Spread(
        count=len(ordered),
        sum=total,
        mean=quantise(total / len(ordered), _RATIO),
        p95=hundredths(ordered[rank - 1]),
        max=hundredths(ordered[-1]),
    )


def hundredths(value: float) -> float:
    """*value*, finite, at the scale of seconds on disk."""
    quantised = quantise(value, _SECONDS)
    assert quantised is not None, "seconds and counts are finite"
    return quantised
