"""A guess in floats, corrected by integers, is the half-even quotient of a pocket calculator without limits."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from strategies.exact import avwap_each, mean_each, ratio_each, relative_each, relatives_each
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


BARS = st.tuples(SHARES, st.integers(0, 40_000_000_000 - 1), st.integers(0, 10**6))


@given(stretches=st.tuples(BARS, BARS, BARS))
@example(stretches=((2**20, 1, 3 * 2**19), (1, 1, 0), (260 << 45, 40_000_000_000 - 1, 0)))
@example(stretches=((1, 0, 1), (260 << 45, 1, 0), (260 << 45, 1, 0)))
def test_three_average_prices_of_one_division_are_exact_to_the_greatest_volume(
    stretches: tuple[tuple[int, int, int], ...],
) -> None:
    totals = [min(3 * price * shares + more, 2**62) for shares, price, more in stretches]
    none, out = (column(0), column(0), column(0)), (empty(), empty(), empty())
    pv = (column(totals[0]), column(totals[1]), column(totals[2]))
    shares = (column(stretches[0][0]), column(stretches[1][0]), column(stretches[2][0]))
    avwap_each(pv, shares, none, none, out)
    expected = [round(Fraction(100 * t, 3 * each[0])) for t, each in zip(totals, stretches, strict=True)]
    assert expected == [each[0] for each in out]


def test_where_nothing_was_traded_there_is_no_average_and_the_others_stay() -> None:
    out = (empty(), empty(), empty())
    pv, shares = (column(5), column(60), column(5)), (column(7), column(9), column(6))
    before, sold = (column(5), column(0), column(5)), (column(7), column(7), column(8))
    avwap_each(pv, shares, before, sold, out)
    assert [NULL, 1000, NULL] == [each[0] for each in out]


BASES = st.integers(1, 4_000_000_000_000)


@given(value=PRICES, base=BASES)
def test_a_relation_is_exact_whether_near_or_far(value: int, base: int) -> None:
    out = empty()
    relative_each(column(value), 100, column(base), out)
    assert round(Fraction((100 * value - base) * PPM, base)) == out[0]


@given(value=PRICES, base=BASES, line=BASES, before=BASES)
@example(value=40_000_000_000 - 1, base=1, line=1, before=4_000_000_000_000)
@example(value=1, base=3, line=4_000_000_000_000, before=1)
@example(value=562_949_953, base=100, line=5, before=4)
def test_two_relations_of_one_division_are_exact(value: int, base: int, line: int, before: int) -> None:
    out = (empty(), empty())
    relatives_each((column(value), column(line)), (100, 1), (column(base), column(before)), out)
    expected = [Fraction((100 * value - base) * PPM, base), Fraction((line - before) * PPM, before)]
    assert [round(each) for each in expected] == [each[0] for each in out]


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
