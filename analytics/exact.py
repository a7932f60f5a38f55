"""Money is divided once, at a stated scale, from exact operands: no rounding of a rounding."""

from decimal import Decimal
from fractions import Fraction

MICROS = 10**6


def divided(numerator: Decimal | int, denominator: Decimal | int, scale: int) -> Decimal:
    """numerator / denominator, half to even at *scale* decimals. ZeroDivisionError is a caller's bug."""
    exact = Fraction(numerator) / Fraction(denominator)
    return Decimal(round(exact * 10**scale)).scaleb(-scale)


def share_of(fee: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """The part's share of a fee, rounded down at scale 6; the last part takes what is left, not this."""
    return Decimal(int(fee * MICROS) * int(part) // int(whole)).scaleb(-6)
