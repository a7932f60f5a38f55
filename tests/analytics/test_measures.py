"""Each measure is held against empyrical's own, on random series and on those where a ratio has no answer."""

import warnings
from collections.abc import Callable
from decimal import Decimal
from math import isclose, isfinite
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analytics import measures
from analytics.measures import of_returns, of_trips

empyrical: Any = pytest.importorskip("empyrical")
Of = Callable[[list[float]], float | None]

SERIES = st.lists(
    st.one_of(
        st.floats(-0.2, 0.2, allow_subnormal=False).map(lambda r: round(r, 9)),
        st.sampled_from((0.0, 0.01, -0.01)),
    ),
    min_size=2,
    max_size=80,
)
PAIRS: dict[str, tuple[Of, Callable[[Any], float]]] = {
    "cumulative_return": (measures.cumulative_return, empyrical.cum_returns_final),
    "annual_return": (measures.annual_return, empyrical.annual_return),
    "annual_volatility": (measures.annual_volatility, empyrical.annual_volatility),
    "sharpe": (measures.sharpe, empyrical.sharpe_ratio),
    "sortino": (measures.sortino, empyrical.sortino_ratio),
    "max_drawdown": (measures.max_drawdown, lambda r: -float(empyrical.max_drawdown(r))),
    "calmar": (measures.calmar, empyrical.calmar_ratio),
    "omega": (measures.omega, empyrical.omega_ratio),
    "tail_ratio": (measures.tail_ratio, empyrical.tail_ratio),
    "value_at_risk": (measures.value_at_risk, empyrical.value_at_risk),
    "conditional_value_at_risk": (
        measures.conditional_value_at_risk,
        empyrical.conditional_value_at_risk,
    ),
    "stability": (measures.stability, empyrical.stability_of_timeseries),
}


def theirs(of: Callable[..., float], *series: list[float]) -> float:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return float(of(*(np.asarray(each, dtype=np.float64) for each in series)))


def agree(expected: float, ours: float | None) -> bool:
    return ours is not None and isclose(expected, ours, rel_tol=1e-9, abs_tol=1e-9)


@pytest.mark.parametrize("name", PAIRS)
@settings(max_examples=25)
@given(series=SERIES)
@example(series=[0.01, -0.01, 0.02, -0.03, 0.005])
@example(series=[0.0, 0.0, 0.0])
@example(series=[0.01, 0.01])
@example(series=[-0.01, -0.02])
def test_a_measure_is_empyricals_wherever_ours_has_a_value(name: str, series: list[float]) -> None:
    of, other = PAIRS[name]
    ours = of(series)
    if ours is not None:
        assert agree(theirs(other, series), ours)


@pytest.mark.parametrize("name", PAIRS)
@settings(max_examples=25)
@given(
    series=st.lists(st.floats(-0.05, 0.05).map(lambda r: round(r, 6)), min_size=40, max_size=60, unique=True)
)
def test_a_series_of_gains_and_losses_has_every_measure(name: str, series: list[float]) -> None:
    if min(series) < 0.0 < max(series) and measures.value_at_risk(series):
        assert PAIRS[name][0](series) is not None


@settings(max_examples=40)
@given(series=SERIES, other=st.randoms(use_true_random=False))
def test_beta_and_alpha_are_empyricals(series: list[float], other: Any) -> None:
    benchmark = [round(r / 2 + other.uniform(-0.02, 0.02), 9) for r in series]
    slope = measures.beta(series, benchmark)
    assert (slope is None) == (min(benchmark) == max(benchmark))
    if slope is None:
        return
    assert agree(theirs(empyrical.beta, series, benchmark), slope)
    if (extra := measures.alpha(series, benchmark)) is not None:
        assert agree(theirs(empyrical.alpha, series, benchmark), extra)


@pytest.mark.parametrize(
    ("series", "null"),
    [
        ([0.01, 0.02], ("sortino", "calmar", "omega")),
        ([0.01, 0.01, 0.01], ("sharpe", "sortino", "calmar", "omega")),
        ([0.0, 0.0], ("sharpe", "sortino", "calmar", "omega", "tail_ratio", "stability")),
        ([0.01], ("annual_volatility", "sharpe", "stability")),
        ([-1.0, 0.1], ("stability",)),
        ([], (*PAIRS, "exposure", "beta", "alpha")),
    ],
)
def test_a_ratio_without_an_answer_is_null(series: list[float], null: tuple[str, ...]) -> None:
    found = of_returns(series)
    assert dict.fromkeys(null) == {name: getattr(found, name) for name in null}


def test_a_worked_week() -> None:
    """By hand: 1.1 · 0.9 · 1.0 = 0.99; the peak is 1.1, the trough 0.99."""
    found = of_returns([0.1, -0.1, 0.0], exposed=[True, True, False])
    assert (-0.01, 0.1, 1.0, 0.666667) == (
        found.cumulative_return,
        found.max_drawdown,
        found.omega,
        found.exposure,
    )
    assert 1.587451 == found.annual_volatility  # 0.1 · √252


def test_a_fall_from_the_start_counts_from_the_start() -> None:
    assert 0.5 == measures.max_drawdown([-0.5, 0.1])


def test_every_measure_is_finite_whatever_comes() -> None:
    for series in ([50.0] * 3, [-1.0, -1.0], [1e-300, -1e-300], [-3.0, 0.5]):
        found = of_returns(series, series)
        values = [getattr(found, name) for name in PAIRS]
        assert all(value is None or isfinite(value) for value in values)


def trip(net: str, r: float | None = None) -> Any:
    return SimpleNamespace(net=Decimal(net), r_multiple=r)


def test_round_trips_count_flat_ones_and_divide_money_once() -> None:
    found = of_trips([trip("30", 1.5), trip("10", 0.5), trip("-20", -1.0), trip("0")])
    assert (4, 2, 1) == (found.trades, found.wins, found.losses)
    assert (2.0, 0.5, 1.0, 0.333333) == (
        found.profit_factor,
        found.win_rate,
        found.payoff_ratio,
        found.expectancy_r,
    )


def test_round_trips_without_a_loss_have_no_profit_factor() -> None:
    found = of_trips([trip("30")])
    assert (None, 1.0, None, None) == (
        found.profit_factor,
        found.win_rate,
        found.payoff_ratio,
        found.expectancy_r,
    )
    assert of_trips([]).win_rate is None


def test_rolling_volatility_is_null_until_its_window_is_full() -> None:
    returns = [0.01, -0.01, 0.02, 0.0]
    rolled = measures.rolling_volatility(returns, 3)
    assert [None, None] == rolled[:2]
    assert agree(round(theirs(empyrical.annual_volatility, returns[1:]), 6), rolled[3])
