"""Money is divided once, at a stated scale, from exact operands: no rounding of a rounding."""

from decimal import Decimal

MICROS = 10**6


def divided(numerator: Decimal | int, denominator: Decimal | int, scale: int) -> Decimal:
    """numerator / denominator, half to even at *scale* decimals. ZeroDivisionError is a caller's bug."""
    # In whole numbers: reducing every fraction on the way was a quarter of a day's reconstruction.
    above, below = numerator.as_integer_ratio()
    over, under = denominator.as_integer_ratio()
    top, bottom = above * under * 10**scale, below * over
    if bottom < 0:
        top, bottom = -top, -bottom
    whole, rest = divmod(top, bottom)
    is_up = 2 * rest > bottom or (2 * rest == bottom and whole % 2 == 1)
    return Decimal(whole + is_up).scaleb(-scale)


def share_of(fee: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """The part's share of a fee, rounded down at scale 6; the last part takes what is left, not this."""
    return Decimal(int(fee * MICROS) * int(part) // int(whole)).scaleb(-6)
