"""Sizes by hand, by a second implementation in fractions, and by laws that no input may break."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portfolio import sizing
from portfolio.exposure import Exposure, measure
from portfolio.limits import portfolio_config
from portfolio.sizing import Wish, size
from schemas.reasons.portfolio import CapCode
from tests.portfolio.books import D, book, cents, config_with, position, usd

FLAT = measure(book(), {}, D)
E = usd("100000")
UNBOUNDED: dict[str, Any] = {
    "risk_per_trade_abs_max_usd": usd("1e9"),
    "risk_per_trade_pct_max": usd("10"),
    "gross_abs_max_usd": usd("1e9"),
    "gross_pct_max": usd("10"),
    "symbol_pct_max": usd("10"),
    "adv_participation_max": usd("10"),
    "notional_usd_min": usd("0"),
}


def wish(**over: Any) -> Wish:
    fields: dict[str, Any] = {
        "price": "50.00",
        "stop": "46.80",
        "level": "50.00",
        "notional_fraction": "0.10",
        "risk_fraction": "0.005",
        "adv_shares20": "1000000",
    }
    fields = {key: usd(value) for key, value in (fields | over).items()}
    return Wish(symbol="AAA", **fields)


def codes(result: sizing.Sized) -> list[str]:
    return [row.code for row in result.findings]


def test_half_a_percent_of_100000_at_3_20_a_share_buys_156() -> None:
    # 100,000 * 0.005 = 500; 500 / 3.20 = 156.25. The notional wish alone would be 10,000 / 50 = 200.
    result = size(wish(), equity=E, exposure=FLAT, config=portfolio_config("SIM"))
    assert (156, 156, 156, []) == (result.q0, result.q1, result.q2, codes(result))


def test_two_percent_above_the_level_the_same_wish_buys_103() -> None:
    # d = 50/49 - 1 = 0.020408; d/0.06 = 0.340133; g = 0.659867; 500 * g = 329.9335; / 3.20 = 103.1
    result = size(wish(level="49.00"), equity=E, exposure=FLAT, config=portfolio_config("SIM"))
    assert (usd("0.020408"), usd("0.659867")) == (result.sizing.distance, result.sizing.distance_scale)
    assert (103, 103) == (result.q0, result.q2)


def test_a_narrow_stop_is_bound_by_the_notional_wish() -> None:
    # 500 / 1.00 = 500 by risk, 10,000 / 50 = 200 by notional.
    assert 200 == size(wish(stop="49.00"), equity=E, exposure=FLAT, config=portfolio_config("SIM")).q0


def test_far_above_the_level_a_quarter_of_the_wish_is_left() -> None:
    # d = 0.25 > 0.06, so g = 0.25: 500 * 0.25 / 3.20 = 39.06
    assert 39 == size(wish(level="40.00"), equity=E, exposure=FLAT, config=portfolio_config("SIM")).q0


def test_below_the_level_nothing_is_scaled() -> None:
    assert 156 == size(wish(level="55.00"), equity=E, exposure=FLAT, config=portfolio_config("SIM")).q0


HELD = measure(book([position("AAA", 300)], cash="100000"), {"AAA": usd("50")}, D)


@pytest.mark.parametrize(
    ("code", "quantity", "limits", "exposure", "over"),
    [
        # 100 USD / 3.20 = 31.25
        (CapCode.LIMIT_RISK_PER_TRADE, 31, {"risk_per_trade_abs_max_usd": "100"}, FLAT, {}),
        # 100,000 * 0.002 = 200; / 3.20 = 62.5
        (CapCode.LIMIT_RISK_PER_TRADE, 62, {"risk_per_trade_pct_max": "0.002"}, FLAT, {}),
        # 20,000 less 300 * 50 held = 5,000; / 50
        (CapCode.LIMIT_SYMBOL_CONCENTRATION, 100, {}, HELD, {}),
        (CapCode.LIMIT_SYMBOL_NOTIONAL, 20, {"symbol_notional_usd_max": "1000"}, FLAT, {}),
        # 20,040 less 15,000 = 5,040; / 50 = 100.8
        (
            CapCode.LIMIT_GROSS_EXPOSURE,
            100,
            {"gross_abs_max_usd": "20040", "symbol_pct_max": "1"},
            HELD,
            {},
        ),
        # 4,000 of cash less 1,000 reserved; / 50
        (
            CapCode.LIMIT_BUYING_POWER,
            60,
            {},
            replace(FLAT, cash=usd("4000"), cash_reserved=usd("1000")),
            {},
        ),
        # a hundredth of 9,999 shares a day
        (CapCode.LIMIT_ADV_PARTICIPATION, 99, {}, FLAT, {"adv_shares20": "9999"}),
    ],
)
def test_each_cap_lowers_the_quantity_to_its_room_and_says_so(
    code: CapCode, quantity: int, limits: dict[str, str], exposure: Exposure, over: dict[str, str]
) -> None:
    result = size(wish(**over), equity=E, exposure=exposure, config=config_with(**limits))
    assert (quantity, [code]) == (result.q2, codes(result))


@pytest.mark.parametrize(
    ("code", "exposure", "adv"),
    [
        (CapCode.LIMIT_SYMBOL_CONCENTRATION, replace(FLAT, symbols={"AAA": None}), usd("1000000")),
        (CapCode.LIMIT_GROSS_EXPOSURE, replace(FLAT, gross=None), usd("1000000")),
        (CapCode.LIMIT_BUYING_POWER, replace(FLAT, cash=None), usd("1000000")),
        (CapCode.LIMIT_BUYING_POWER, replace(FLAT, cash_reserved=None), usd("1000000")),
        (CapCode.LIMIT_ADV_PARTICIPATION, FLAT, None),
    ],
)
def test_a_measure_that_is_unknown_leaves_no_room(
    code: CapCode, exposure: Exposure, adv: Decimal | None
) -> None:
    unknown = replace(wish(), adv_shares20=adv)
    result = size(unknown, equity=E, exposure=exposure, config=portfolio_config("SIM"))
    assert (0, [code, CapCode.BELOW_MIN_NOTIONAL]) == (result.q2, codes(result))
    assert result.findings[0].observed is None


@pytest.mark.parametrize("key", ["risk_per_trade_abs_max_usd", "risk_per_trade_pct_max", "gross_pct_max",
                                 "gross_abs_max_usd", "symbol_pct_max", "adv_participation_max"])  # fmt: skip
def test_a_limit_of_zero_allows_nothing(key: str) -> None:
    assert 0 == size(wish(), equity=E, exposure=FLAT, config=config_with(**{key: "0"})).q2


def test_an_account_in_debt_buys_nothing() -> None:
    assert 0 == size(wish(), equity=usd("-5"), exposure=FLAT, config=portfolio_config("SIM")).q0


def test_the_smallest_entry_is_exactly_the_minimum() -> None:
    twenty = {"risk_per_trade_abs_max_usd": "64"}  # 64 / 3.20 = 20 shares = 1,000 USD
    assert 20 == size(wish(), equity=E, exposure=FLAT, config=config_with(**twenty)).q2
    dearer = config_with(**twenty, notional_usd_min="1000.01")
    assert 0 == size(wish(), equity=E, exposure=FLAT, config=dearer).q2


WISHES = st.builds(
    Wish,
    symbol=st.just("AAA"),
    price=cents(501, 90_000),
    stop=cents(100, 500),
    level=cents(100, 90_000),
    notional_fraction=cents(1, 100),
    risk_fraction=cents(1, 100),
    adv_shares20=st.none() | cents(0, 10**9),
)
EQUITIES = st.integers(0, 5 * 10**14).map(lambda n: Decimal(n).scaleb(-6))


@given(wish=WISHES, equity=EQUITIES, cash=cents(-(10**6), 10**9), held=st.none() | cents(0, 10**9))
def test_a_size_fits_every_room_and_never_exceeds_the_wish(
    wish: Wish, equity: Decimal, cash: Decimal, held: Decimal | None
) -> None:
    exposure = replace(FLAT, cash=cash, gross=held, symbols={"AAA": held})
    result = size(wish, equity=equity, exposure=exposure, config=config_with(symbol_notional_usd_max="30000"))
    assert 0 <= result.q2 <= result.q1 <= result.q0
    for room in result.rooms:
        assert result.q2 == 0 or (room.before is not None and result.q2 * room.per_share <= room.before)


@given(wish=WISHES, equity=EQUITIES, minimum=cents(0, 10**7))
def test_a_minimum_can_only_turn_a_quantity_into_nothing(
    wish: Wish, equity: Decimal, minimum: Decimal
) -> None:
    bare = size(wish, equity=equity, exposure=FLAT, config=config_with(notional_usd_min="0"))
    bounded = size(wish, equity=equity, exposure=FLAT, config=config_with(notional_usd_min=minimum))
    assert bounded.q2 in (0, bare.q2)
    assert (bounded.q2 == 0) == (bare.q2 == 0 or bare.q2 * wish.price < minimum)


@given(wish=WISHES, equity=EQUITIES)
def test_the_target_equals_the_formula_in_exact_fractions(wish: Wish, equity: Decimal) -> None:
    def half_even(value: Fraction) -> Fraction:
        return Fraction(round(value * 10**6), 10**6)  # Fraction rounds ties to even

    d = max(Fraction(0), half_even(Fraction(wish.price) / Fraction(wish.level) - 1))
    g = max(Fraction(1, 4), 1 - min(half_even(d / Fraction(6, 100)), Fraction(1)))
    budget = [
        floor(Fraction(equity) * Fraction(f) * 10**4) for f in (wish.risk_fraction, wish.notional_fraction)
    ]
    by_risk = floor(Fraction(budget[0], 10**4) * g / Fraction(wish.price - wish.stop))
    by_notional = floor(Fraction(budget[1], 10**4) * g / Fraction(wish.price))
    assert (
        min(by_risk, by_notional)
        == size(wish, equity=equity, exposure=FLAT, config=config_with(**UNBOUNDED)).q0
    )


@given(numerator=st.integers(-(10**12), 10**12), denominator=st.integers(1, 10**6))
@example(numerator=5, denominator=2)
@example(numerator=7, denominator=2)
def test_rounding_is_to_the_nearest_and_ties_to_even(numerator: int, denominator: int) -> None:
    assert round(Fraction(numerator, denominator)) == sizing.round_half_even(numerator, denominator)


@given(equity_e6=st.integers(0, 5 * 10**14), fraction_ppm=st.integers(0, 10**6))
def test_no_step_of_the_equity_share_leaves_an_int64(equity_e6: int, fraction_ppm: int) -> None:
    assert equity_e6 * fraction_ppm // 10**8 == sizing.share_of(equity_e6, fraction_ppm)
    assert max((equity_e6 // 10**8) * fraction_ppm, (equity_e6 % 10**8) * fraction_ppm) < 2**63
    assert sizing.share_of(equity_e6, fraction_ppm) * sizing.PPM < 2**63
