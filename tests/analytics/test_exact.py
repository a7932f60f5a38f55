"""Money divided in whole numbers is what the exact fraction rounds to, half to even, at every scale and sign."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analytics.exact import divided

SOME = st.one_of(
    st.integers(-(10**12), 10**12),
    st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9),
)


@given(SOME, SOME.filter(bool), st.integers(0, 9))
@example(1, 2, 0)
@example(3, 2, 0)
@example(-1, 2, 0)
@example(Decimal("-2.5"), -1, 0)
@example(Decimal("0.0000005"), 1, 6)
def test_a_quotient_is_the_exact_one_rounded_half_to_even(
    above: Decimal | int, below: Decimal | int, scale: int
) -> None:
    exact = Fraction(above) / Fraction(below) * 10**scale
    assert Decimal(round(exact)).scaleb(-scale) == divided(above, below, scale)


def test_a_division_by_nothing_is_a_callers_bug() -> None:
    with pytest.raises(ZeroDivisionError):
        divided(1, 0, 6)
