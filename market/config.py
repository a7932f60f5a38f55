"""Every threshold of the data contract stands in one light place: importing it costs no numpy.

Windows (the last 5, 20 and 252 bars) are not here: measures rest on them, and a setting could not move both.
"""

from decimal import Decimal

from pydantic import Field

from schemas.base import Fact, Fraction4, Fraction6, Price


class ContractConfig(Fact):
    """Thresholds of strategy.md 1.5, first of single symbols, then of the day; last, what makes a member liquid
    (1.4, U3-U5). Each value itself is still allowed; what lies beyond it is found."""

    gaps_year_max: int = Field(default=3, ge=0, le=252)
    """Sessions without a bar among the last 252 that only warn."""
    zero_volume_max: int = Field(default=2, ge=0, le=20)
    """Of the last 20 bars, how many may lack volume."""
    flat_max: int = Field(default=2, ge=0, le=20)
    """Of the last 20 bars, how many may have one single price."""
    outlier_max: Fraction4 = Field(default=Decimal("0.4000"), gt=0, le=100)
    """Move from close to close that no action explains."""
    reverted_max: Fraction4 = Field(default=Decimal("0.1000"), ge=0, lt=1)
    """How far from the close before an outlier the close after it may lie for the outlier to count as undone."""
    spike_max: Fraction4 = Field(default=Decimal("1.5000"), ge=1, le=100)
    """High over the body's top, or the body's bottom over the low."""
    residue_close_max: Fraction4 = Field(default=Decimal("0.0500"), ge=0, lt=1)
    """How near to a split's ratio the close has to land."""
    residue_open_max: Fraction4 = Field(default=Decimal("0.0300"), ge=0, lt=1)
    """How near to it the open has to land."""
    residue_volume_max: Fraction4 = Field(default=Decimal("5.0000"), gt=0, le=1000)
    """Volume, in medians of 20 bars, above which the move is believed to be one."""
    restated_close_max: Fraction6 = Field(default=Decimal("0.005000"), ge=0, le=1)
    restated_volume_max: Fraction6 = Field(default=Decimal("0.100000"), ge=0, le=1)
    symbols_min: int = Field(default=3, ge=1)
    """How many symbols a share needs behind it before it may block a day."""
    coverage_min: Fraction6 = Decimal("0.970000")
    quarantine_max: Fraction6 = Decimal("0.050000")
    identical_max: Fraction6 = Decimal("0.005000")
    stale_feed_max: Fraction6 = Decimal("0.020000")
    leap_max: Fraction4 = Field(default=Decimal("0.2000"), gt=0, le=100)
    """Move from close to close of which ``move_share_max`` counts the movers."""
    move_share_max: Fraction6 = Decimal("0.100000")
    benchmark_move_max: Fraction6 = Decimal("0.050000")
    present_min: Fraction6 = Decimal("0.500000")
    calendar_ahead_days: int = Field(default=30, ge=0, le=366)
    """How far past D the calendar library has to know its sessions."""
    price_min: Price = Decimal("5.0000")
    adv_shares_min: int = 400_000
    adv_usd_min: int = 10_000_000
