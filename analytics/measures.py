"""A measure is one sentence of arithmetic over one series, and where the sentence has no answer it is null.

Names and conventions are empyrical's for returns, pyfolio's for round trips, quantstats' for ``payoff_ratio`` and
``exposure``: simple returns of one session, 252 sessions a year, risk-free rate 0. Percentiles are linear. The
functions return what the definition gives, unrounded; ``of_returns`` and ``of_trips`` quantise to scale 6.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import floor, fsum, isfinite, log, log1p, sqrt
from typing import Final

from schemas.base import quantise
from schemas.trades import RoundTrip

SESSIONS_A_YEAR: Final = 252
SCALE: Final = 6
TAIL: Final = 0.05
Returns = Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnMeasures:
    """Of a series of returns; fractions. beta, alpha: None without a benchmark."""

    sessions: int
    cumulative_return: float | None
    annual_return: float | None
    annual_volatility: float | None
    sharpe: float | None
    sortino: float | None
    max_drawdown: float | None
    calmar: float | None
    omega: float | None
    tail_ratio: float | None
    value_at_risk: float | None
    conditional_value_at_risk: float | None
    stability: float | None
    beta: float | None
    alpha: float | None
    exposure: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TripMeasures:
    """Of closed round trips. win_rate is of all, flat ones counted; expectancy_r of those that had a stop."""

    trades: int
    wins: int
    losses: int
    profit_factor: float | None
    win_rate: float | None
    payoff_ratio: float | None
    expectancy_r: float | None


def of_returns(
    returns: Returns, benchmark: Returns | None = None, exposed: Sequence[bool] = ()
) -> ReturnMeasures:
    """Every measure of *returns*, oldest first, quantised.

    Args:
        benchmark: returns of the same sessions, or None.
        exposed: whether anything was held, by session.
    """
    assert benchmark is None or len(benchmark) == len(returns), "a benchmark of other sessions"

    def measured(of: Callable[[Returns], float | None]) -> float | None:
        return _rounded(of(returns))

    return ReturnMeasures(
        sessions=len(returns),
        cumulative_return=measured(cumulative_return),
        annual_return=measured(annual_return),
        annual_volatility=measured(annual_volatility),
        sharpe=measured(sharpe),
        sortino=measured(sortino),
        max_drawdown=measured(max_drawdown),
        calmar=measured(calmar),
        omega=measured(omega),
        tail_ratio=measured(tail_ratio),
        value_at_risk=measured(value_at_risk),
        conditional_value_at_risk=measured(conditional_value_at_risk),
        stability=measured(stability),
        beta=None if benchmark is None else _rounded(beta(returns, benchmark)),
        alpha=None if benchmark is None else _rounded(alpha(returns, benchmark)),
        exposure=_rounded(exposure(exposed)),
    )


def of_trips(trips: Iterable[RoundTrip]) -> TripMeasures:
    """Every measure of *trips*, quantised. Money is added in Decimal and divided once."""
    rows = list(trips)
    wins = [trip.net for trip in rows if trip.net > 0]
    losses = [-trip.net for trip in rows if trip.net < 0]
    in_r = [trip.r_multiple for trip in rows if trip.r_multiple is not None]
    won, lost = sum(wins), sum(losses)
    return TripMeasures(
        trades=len(rows),
        wins=len(wins),
        losses=len(losses),
        profit_factor=_rounded(float(won / lost)) if lost else None,
        win_rate=_rounded(len(wins) / len(rows)) if rows else None,
        payoff_ratio=_rounded(float(won * len(losses) / (lost * len(wins)))) if wins and losses else None,
        expectancy_r=_rounded(_mean(in_r)),
    )


def growth(returns: Returns) -> list[float]:
    """What one unit became, before the first session and after each: one value more than *returns*."""
    return list(accumulate(returns, lambda value, r: value * (1.0 + r), initial=1.0))


def cumulative_return(returns: Returns) -> float | None:
    """Π(1+r) − 1."""
    return growth(returns)[-1] - 1.0 if returns else None


def annual_return(returns: Returns) -> float | None:
    """(Π(1+r))^(252/n) − 1, by sessions; null where the product is negative."""
    if not returns or (end := growth(returns)[-1]) < 0.0:
        return None
    try:
        return float(end ** (SESSIONS_A_YEAR / len(returns))) - 1.0
    except OverflowError:  # a few sessions that doubled: a year of them is no number
        return None


def annual_volatility(returns: Returns) -> float | None:
    """Sample standard deviation times √252; null of fewer than two."""
    spread = _deviation(returns)
    return None if spread is None else spread * sqrt(SESSIONS_A_YEAR)


def sharpe(returns: Returns) -> float | None:
    """Mean over sample standard deviation, times √252; null where nothing varies."""
    spread, mean = _deviation(returns), _mean(returns)
    if mean is None or not spread:
        return None
    return mean / spread * sqrt(SESSIONS_A_YEAR)


def sortino(returns: Returns) -> float | None:
    """Mean times 252 over the annual root mean square of losses, over all sessions; null without a loss."""
    mean, losses = _mean(returns), _mean([min(r, 0.0) ** 2 for r in returns])
    if mean is None or not losses:
        return None
    return mean * SESSIONS_A_YEAR / (sqrt(losses) * sqrt(SESSIONS_A_YEAR))


def drawdowns(returns: Returns) -> list[float]:
    """The fall from the running peak after each session, >= 0; the start is the first peak."""
    path = growth(returns)
    peaks = accumulate(path, max)
    return [1.0 - value / peak for value, peak in zip(path, peaks, strict=True)][1:]


def max_drawdown(returns: Returns) -> float | None:
    """The largest fall from a running peak."""
    return max(0.0, *drawdowns(returns)) if returns else None


def calmar(returns: Returns) -> float | None:
    """annual_return over max_drawdown; null without a fall."""
    gained, fall = annual_return(returns), max_drawdown(returns)
    return None if gained is None or not fall else gained / fall


def omega(returns: Returns) -> float | None:
    """Sum of gains over the sum of losses; null without a loss."""
    losses = -fsum(r for r in returns if r < 0.0)
    return fsum(r for r in returns if r > 0.0) / losses if losses else None


def tail_ratio(returns: Returns) -> float | None:
    """95th percentile over the 5th, without signs; null where the 5th is 0."""
    low = percentile(returns, TAIL)
    high = percentile(returns, 1.0 - TAIL)
    return None if not low or high is None else abs(high) / abs(low)


def value_at_risk(returns: Returns) -> float | None:
    """5th percentile."""
    return percentile(returns, TAIL)


def conditional_value_at_risk(returns: Returns) -> float | None:
    """Mean of the lowest floor((n−1)·0.05) + 1."""
    return _mean(sorted(returns)[: floor((len(returns) - 1) * TAIL) + 1]) if returns else None


def stability(returns: Returns) -> float | None:
    """R² of the cumulative log return on time; null where it does not vary, or all was lost."""
    if len(returns) < 2 or min(returns) <= -1.0:
        return None
    path = list(accumulate(log1p(r) for r in returns))
    at, level = (len(path) - 1) / 2, fsum(path) / len(path)
    across = fsum((i - at) ** 2 for i in range(len(path)))
    up = fsum((value - level) ** 2 for value in path)
    both = fsum((i - at) * (value - level) for i, value in enumerate(path))
    return both**2 / (across * up) if up else None


def beta(returns: Returns, benchmark: Returns) -> float | None:
    """Covariance with *benchmark* over its variance; null of fewer than two, or where it does not vary."""
    mean, level = _mean(returns), _mean(benchmark)
    if mean is None or level is None or len(returns) < 2 or min(benchmark) == max(benchmark):
        return None
    spread = fsum((b - level) ** 2 for b in benchmark)
    return (
        fsum((r - mean) * (b - level) for r, b in zip(returns, benchmark, strict=True)) / spread
        if spread
        else None
    )


def alpha(returns: Returns, benchmark: Returns) -> float | None:
    """(1 + mean(r − beta·b))^252 − 1."""
    if (slope := beta(returns, benchmark)) is None:
        return None
    own = _mean([r - slope * b for r, b in zip(returns, benchmark, strict=True)])
    if own is None or own <= -1.0 or log1p(own) * SESSIONS_A_YEAR > log(1e300):
        return None
    return float((1.0 + own) ** SESSIONS_A_YEAR) - 1.0


def exposure(exposed: Sequence[bool]) -> float | None:
    """Share of sessions in which something was held."""
    return sum(exposed) / len(exposed) if exposed else None


def rolling_volatility(returns: Returns, window: int) -> list[float | None]:
    """annual_volatility of the last *window* returns, by session; null before there are as many."""
    assert window > 1, "one return has no spread"
    return [
        _rounded(annual_volatility(returns[end - window : end])) if end >= window else None
        for end in range(1, len(returns) + 1)
    ]


def percentile(values: Returns, share: float) -> float | None:
    """The linear percentile of *values* at *share* in [0, 1]."""
    if not values:
        return None
    ordered = sorted(values)
    place = (len(ordered) - 1) * share
    below = floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _mean(values: Returns) -> float | None:
    return fsum(values) / len(values) if values else None


def _deviation(values: Returns) -> float | None:
    """Sample standard deviation; exactly 0 where all are equal, so that nothing is divided by a rounding."""
    mean = _mean(values)
    if mean is None or len(values) < 2:
        return None
    if min(values) == max(values):
        return 0.0
    return sqrt(fsum((v - mean) ** 2 for v in values) / (len(values) - 1))


def _rounded(value: float | None) -> float | None:
    return None if value is None or not isfinite(value) else quantise(value, SCALE)
