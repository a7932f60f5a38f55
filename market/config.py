"""Every threshold of the data contract stands in one light place: importing it costs no numpy."""

from decimal import Decimal

from schemas.base import Fact, Fraction6, Price


class ContractConfig(Fact):
    """Thresholds of the day, as fractions, and the floors that make a member liquid (strategy.md 1.4,
    U3-U5)."""

    coverage_min: Fraction6 = Decimal("0.970000")
    quarantine_max: Fraction6 = Decimal("0.050000")
    identical_max: Fraction6 = Decimal("0.005000")
    stale_feed_max: Fraction6 = Decimal("0.020000")
    move_share_max: Fraction6 = Decimal("0.100000")
    benchmark_move_max: Fraction6 = Decimal("0.050000")
    present_min: Fraction6 = Decimal("0.500000")
    price_min: Price = Decimal("5.0000")
    adv_shares_min: int = 400_000
    adv_usd_min: int = 10_000_000
