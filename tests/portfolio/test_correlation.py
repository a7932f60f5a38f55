"""Correlations are exact: the fast way says what the slow one says, and the slow one what the definition says."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portfolio.correlation import (
    COMMON_MIN,
    RETURN_EXACT,
    RETURN_MAX,
    RETURNS,
    Correlations,
    abs_correlation,
    daily_returns,
)
from portfolio.decide import run
from portfolio.limits import PortfolioConfig, portfolio_config
from portfolio.sizing import PPM, penalty_ppm
from tests.portfolio.books import book, decision_inputs, intent, position, returns_of, usd

SIM = portfolio_config("SIM")
ONE = st.one_of(st.none(), st.integers(-(10**6), 10**6))
ROW = st.lists(ONE, min_size=RETURNS, max_size=RETURNS).map(tuple)
WIDE = st.lists(st.integers(-3 * RETURN_MAX, 3 * RETURN_MAX), min_size=RETURNS, max_size=RETURNS).map(tuple)

EDGE = tuple(RETURN_EXACT - n if n % 3 else -RETURN_EXACT for n in range(RETURNS))
"""As large as sums in binary64 are exact for."""


def test_a_return_needs_both_of_its_closes_and_is_rounded_half_to_even() -> None:
    closes = (10_000, 10_100, None, 10_100, 9_999, 20_000_000, 20_000_001, 20_000_000, 20_000_003)
    assert (100_000, None, None, -100_000, 19_992_000_200, 0, 0, 2) == daily_returns(closes)


def by_definition(first: tuple[int, ...], second: tuple[int, ...]) -> int:
    """abs of Pearson's r in ppm, in sixty digits."""
    with localcontext() as context:
        context.prec = 60
        n = Decimal(len(first))
        mean_x, mean_y = sum(map(Decimal, first)) / n, sum(map(Decimal, second)) / n
        pairs = [(x - mean_x, y - mean_y) for x, y in zip(first, second, strict=True)]
        var_x, var_y = sum(x * x for x, _ in pairs), sum(y * y for _, y in pairs)
        r = sum((x * y for x, y in pairs), Decimal(0)) / (Decimal(var_x).sqrt() * Decimal(var_y).sqrt())
        return int((abs(r) * PPM).quantize(Decimal(1)))


@given(first=ROW, second=ROW)
def test_the_slow_way_is_the_definition(
    first: tuple[int | None, ...], second: tuple[int | None, ...]
) -> None:
    x = tuple(each or 0 for each in first)
    y = tuple(each or 0 for each in second)
    if len(set(x)) > 1 and len(set(y)) > 1:
        assert by_definition(x, y) == abs_correlation(x, y)


@given(rows=st.lists(st.one_of(ROW, WIDE), min_size=2, max_size=6))
@example(rows=[(5,) * RETURNS, tuple(range(RETURNS))])
@example(rows=[tuple(range(RETURNS)), tuple(range(RETURNS)), tuple(-7 * n for n in range(RETURNS))])
@example(rows=[EDGE, tuple(-x for x in EDGE), (RETURN_EXACT, *EDGE[1:]), (RETURN_EXACT + 1, *EDGE[1:])])
@example(rows=[(RETURN_EXACT,) * (RETURNS - 1) + (RETURN_EXACT - 1,), tuple(range(RETURNS))])
def test_the_fast_way_says_what_the_slow_one_says(rows: list[tuple[int | None, ...]]) -> None:
    table = {f"S{n}": row for n, row in enumerate(rows)}
    others = sorted(table)[1:]
    slow = [abs_correlation(table["S0"], table[name]) for name in others]
    found = Correlations(table).mean_abs("S0", others)
    assert found is not None
    assert abs(found * len(others) - sum(slow)) * 2 <= len(others)


@pytest.mark.parametrize(("common", "expected"), [(COMMON_MIN, 0), (COMMON_MIN - 1, PPM)])
def test_with_too_few_common_sessions_two_symbols_count_as_one(common: int, expected: int) -> None:
    up_down = tuple(1 if n % 2 else -1 for n in range(RETURNS))
    pairs = tuple(1 if n % 4 < 2 else -1 for n in range(RETURNS))
    cut = tuple(x if n < common else None for n, x in enumerate(pairs))
    assert expected == abs_correlation(up_down, cut)


def test_a_symbol_that_never_moved_or_has_no_bars_counts_as_moving_with_all() -> None:
    table = {"AAA": tuple(range(RETURNS)), "BBB": (0,) * RETURNS}
    assert PPM == Correlations(table).mean_abs("AAA", ["BBB"])
    assert PPM == Correlations(table).mean_abs("AAA", ["NONE"])
    assert PPM == Correlations(table).mean_abs("NONE", ["AAA"])
    assert None is Correlations(table).mean_abs("AAA", [])


def test_each_question_is_answered_of_the_symbols_that_it_names() -> None:
    table = returns_of(["AAA", "BBB", "CCC"]) | {"DDD": returns_of(["AAA"])["AAA"]}
    asked = (["BBB"], ["DDD"], ["BBB", "DDD"], ["BBB", "DDD"], ["CCC", "DDD", "NONE"], ["BBB"])
    kept = Correlations(table)
    found = [kept.mean_abs("AAA", others) for others in asked]
    assert found == [Correlations(table).mean_abs("AAA", others) for others in asked]
    assert PPM == found[1]
    assert found[0] == found[-1] != PPM


@pytest.mark.parametrize(
    ("rho", "expected"),
    [
        (None, 0), (0, 0), (600_000, 0), (600_001, 1), (600_002, 2), (700_000, 125_000), (800_000, 250_000),
        (1_000_000, 500_000),
    ],
)  # fmt: skip
def test_the_penalty_grows_from_the_least_correlation_to_its_most(rho: int | None, expected: int) -> None:
    assert expected == penalty_ppm(rho, 600_000, 500_000)


def test_what_moves_with_the_book_is_bought_at_half() -> None:
    same = returns_of(["HELD"])["HELD"]
    inputs = decision_inputs(
        intent("AAA"),
        book=book([position("HELD", 10)]),
        marks={"AAA": usd("50"), "HELD": usd("50")},
        returns={"AAA": same, "HELD": same},
    )
    row = run(inputs, SIM).verdicts[0]
    assert row.sizing is not None
    assert (usd("1"), usd("0.5"), usd("0.5")) == (
        row.sizing.correlation,
        row.sizing.correlation_penalty,
        row.sizing.scale,
    )
    assert 78 == row.q2
    off = PortfolioConfig(**(SIM.model_dump() | {"correlation_penalty": False}))
    assert 156 == run(inputs, off).verdicts[0].q2


def test_what_the_batch_allowed_counts_as_held() -> None:
    same = returns_of(["AAA"])["AAA"]
    inputs = decision_inputs(intent("AAA"), intent("BBB", 2), returns={"AAA": same, "BBB": same})
    assert [156, 78] == [row.q2 for row in run(inputs, SIM).verdicts]
