"""A number on disk has one spelling and one scale; what does not fit is refused, never rounded."""

import math
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.base import Amount, Fact, Measure6, Price, Shares, down, instant, quantise, tick, up


class Row(Fact):
    """One field of each kind."""

    price: Price = Decimal(0)
    amount: Amount = Decimal(0)
    shares: Shares = Decimal(0)
    measure: Measure6 = 0.0


def test_a_price_is_written_with_four_decimals() -> None:
    assert '"94.1000"' in Row(price=Decimal("94.1")).model_dump_json()


@pytest.mark.parametrize(
    "value", ["94.10001", "1e3", "9_6", " 96", "NaN", "Infinity", "", "ninety", 94.1, True, None]
)
def test_what_is_no_decimal_of_its_scale_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        Row.model_validate({"price": value})


def test_minus_zero_is_zero() -> None:
    assert '"0.0000"' in Row(price=Decimal("-0")).model_dump_json()


def test_shares_are_whole() -> None:
    with pytest.raises(ValidationError):
        Row(shares=Decimal("1.5"))


def test_an_unknown_field_is_refused_and_a_known_one_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Row.model_validate({"prise": "1.0000"})
    with pytest.raises(ValidationError):
        Row().price = Decimal(1)  # type: ignore[misc]


@pytest.mark.parametrize("value", [0.1234567, math.nan, math.inf])
def test_a_measure_that_is_not_quantised_never_reaches_a_model(value: float) -> None:
    with pytest.raises(ValidationError):
        Row(measure=value)


@given(st.floats(min_value=-1e9, max_value=1e9), st.integers(0, 6))
def test_a_quantised_measure_is_within_half_a_step_and_stays_put(value: float, scale: int) -> None:
    once = quantise(value, scale)
    assert once is not None
    assert abs(once - value) <= 0.5 * 10.0**-scale * (1 + 1e-9) + abs(value) * 1e-15
    assert once == quantise(once, scale)
    assert math.copysign(1.0, once) == 1.0 or once < 0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1.7e308])
def test_what_is_not_finite_is_missing(value: float) -> None:
    assert quantise(value, 6) is None


def test_half_goes_to_even() -> None:
    assert (0.0, 2.0, 2.0) == (quantise(0.5, 0), quantise(1.5, 0), quantise(2.5, 0))


def test_the_tick_is_a_cent_from_one_dollar_on_and_a_hundredth_of_it_below() -> None:
    assert Decimal("0.01") == tick(Decimal("1.0000"))
    assert Decimal("0.0001") == tick(Decimal("0.9999"))


@given(st.decimals(min_value="0.0001", max_value="5000", places=4))
def test_down_and_up_enclose_a_price_by_less_than_a_tick(price: Decimal) -> None:
    below, above = down(price), up(price)
    assert below <= price <= above
    assert price - below < tick(price)
    assert above - price < tick(price)
    assert (below, above) == (down(below), up(above))


def test_an_instant_has_one_spelling_whatever_its_zone() -> None:
    assert "2026-11-25T14:30:00Z" == instant(datetime.fromisoformat("2026-11-25T09:30:00-05:00"))
