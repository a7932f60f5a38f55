"""A guess in floats, corrected by integers, is the half-even quotient of a pocket calculator without limits."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from strategies.exact import avwap_each, mean_each, ratio_each, relative_each
from strategies.layout import BEYOND, NULL, PPM, W_AT, W_SCRATCH
from strategies.ticks import rhe_near
from strategies.windows import extreme, median

PRICES = st.integers(1, 40_000_000_000 - 1)
SHARES = st.one_of(st.integers(1, 40), st.integers(1, 260 << 45))


def column(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def empty() -> np.ndarray:
    return np.zeros(1, np.int64)


@given(numerator=st.integers(-(2**50), 2**50), denominator=st.integers(1, 2**40))
@example(numerator=5, denominator=2)
@example(numerator=-5, denominator=2)
@example(numerator=7, denominator=2)
@example(numerator=2**50 - 1, denominator=2)
def test_a_corrected_guess_is_the_half_even_quotient(numerator: int, denominator: int) -> None:
    assert round(Fraction(numerator, denominator)) == rhe_near(numerator, denominator)


@given(shares=SHARES, price=st.integers(0, 40_000_000_000 - 1), more=st.integers(0, 10**6))
@example(shares=2**20, price=1, more=3 * 2**19)
def test_an_average_price_is_exact_to_the_greatest_volume(shares: int, price: int, more: int) -> None:
    total = min(3 * price * shares + more, 2**62)
    out = empty()
    avwap_each(column(total), column(shares), column(0), column(0), out)
    assert round(Fraction(100 * total, 3 * shares)) == out[0]


def test_where_nothing_was_traded_there_is_no_average() -> None:
    out = empty()
    avwap_each(column(5), column(7), column(5), column(7), out)
    assert out[0] == NULL


@given(value=PRICES, base=st.integers(1, 4_000_000_000_000))
def test_a_relation_is_exact_whether_near_or_far(value: int, base: int) -> None:
    out = empty()
    relative_each(column(value), 100, column(base), out)
    assert round(Fraction((100 * value - base) * PPM, base)) == out[0]


@given(total=st.integers(0, 200 * 40_000_000_000), n=st.sampled_from([5, 10, 14, 20, 40, 50, 200, 2000]))
def test_a_mean_is_exact(total: int, n: int) -> None:
    out = empty()
    mean_each(column(total), 100, n, column(n), n, out)
    assert round(Fraction(100 * total, n)) == out[0]


@given(ranges=st.integers(0, 14 * 40_000_000_000 // 100), close=PRICES)
def test_a_relative_range_is_exact(ranges: int, close: int) -> None:
    out = empty()
    ratio_each(column(ranges), column(close), 14, out)
    assert round(Fraction(PPM * ranges, 14 * close)) == out[0]


@given(st.lists(st.integers(0, 400), min_size=60, max_size=120))
def test_the_median_is_the_middle_or_the_half_even_mean_of_the_middle_two(values: list[int]) -> None:
    ordered = sorted(values)
    expected = round(Fraction(ordered[(len(values) - 1) // 2] + ordered[len(values) // 2], 2))
    assert expected == median(column(*values), np.full(122, BEYOND))


@pytest.mark.parametrize("sign", [1, -1])
@given(prices=st.lists(st.integers(1, 9), min_size=1, max_size=70), first=st.integers(0, 69))
def test_the_extreme_of_a_window_is_the_latest_of_the_highest(
    sign: int, prices: list[int], first: int
) -> None:
    """One row looks through its window and many share theirs; both say what a search by hand says."""
    first = min(first, len(prices) - 1)
    w = np.zeros((W_AT + 1, len(prices) + 1), np.int64)
    assert W_SCRATCH != W_AT
    extreme(column(*prices), sign, 20, first, 0, w)
    for t in range(first, len(prices)):
        window = range(max(0, t - 19), t + 1)
        assert max(window, key=lambda i: (sign * prices[i], i)) == w[W_AT, t]
