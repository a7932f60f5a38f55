"""Every threshold of the strategy in one light place: importing it costs no numba, and all of it is hashed.

Fractions are Decimals of scale 6 (0.04, not 4) because thresholds on integers are compared as integers; a
``None`` setting is no limit.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final

from pydantic import Field, field_validator

from schemas.base import Amount, Fact, Fraction6, Price, Shares
from schemas.strategy_registry import STRATEGIES_ENABLED_DEFAULT, EntryModel, enabled_faults


class EarningsPolicy(StrEnum):
    """``if_known``: no record is an info; ``required``: no record refuses; ``off``: not asked."""

    IF_KNOWN = "if_known"
    REQUIRED = "required"
    OFF = "off"


SECTOR_FUNDS: Final[Mapping[str, str]] = {
    "Communication Services": "XLC",
    "Consumer Discretionary": "XLY",
    "Consumer Staples": "XLP",
    "Energy": "XLE",
    "Financials": "XLF",
    "Health Care": "XLV",
    "Industrials": "XLI",
    "Industries": "XLI",
    "Information Technology": "XLK",
    "Materials": "XLB",
    "Real Estate": "XLRE",
    "Telecommunication Services": "XLK",
    "Telecommunications Services": "XLK",
    "Utilities": "XLU",
}
"""GICS sector, in every spelling that tables of the years used -> the SPDR fund that held it. Telecommunications
lay in the technology fund until communication services got a fund of their own in 2018."""


class ScanConfig(Fact):
    """Thresholds of the scan (strategy.md 1.4, 2.2, 2.4, 2.5)."""

    entry_model: EntryModel = EntryModel.NEXT_OPEN
    """Decides ``entry_ref``: the close of P, or the level for ``limit_at_level``."""
    universe_allow: tuple[str, ...] | None = None
    universe_deny: tuple[str, ...] = ()
    market_cap_usd_min: Amount | None = None
    """U2, as the two below: asked only of what a provider of metrics answered. ``None``: not asked."""
    float_shares_min: Shares | None = None
    listings: tuple[str, ...] | None = None
    price_min: Price = Decimal("5.0000")
    adv_shares_min: Shares = Decimal(400_000)
    adv_usd_min: Amount = Decimal("10000000.000000")
    history_bars_min: int = Field(default=80, ge=1)
    earnings_policy: EarningsPolicy = EarningsPolicy.IF_KNOWN
    sector_funds: dict[str, str] = Field(default_factory=lambda: dict(SECTOR_FUNDS))
    """Sector -> the fund of ``sector_rs``, which is information only; a sector without a line has none."""
    market_gate: bool = True
    gap_min: Fraction6 = Decimal("0.040000")
    avwap_slope_min: Fraction6 = Decimal("-0.000500")
    distance_max: Fraction6 = Decimal("0.080000")
    confluence_band: Fraction6 = Decimal("0.010000")
    atr_usd_min: Price = Decimal("0.5000")
    atr_pct_max: Fraction6 = Decimal("0.060000")
    atr_expansion_max: Fraction6 = Decimal("1.150000")
    stop_distance_min: Fraction6 = Decimal("0.015000")
    unit_risk_pct_max: Fraction6 = Decimal("0.080000")
    r1_multiple: Fraction6 = Decimal("1.000000")
    r2_multiple: Fraction6 = Decimal("2.000000")
    entry_drift_max: Fraction6 = Decimal("0.030000")
    candidate_cap: int = Field(default=20, ge=0)


class CandidateConfig(Fact):
    """What an intent wishes for (strategy.md 3.2)."""

    strategies_enabled: tuple[str, ...] = STRATEGIES_ENABLED_DEFAULT
    """Those that run. With none, no session has a candidate."""
    entry_model: EntryModel = EntryModel.NEXT_OPEN
    intended_notional_fraction: Fraction6 = Decimal("0.100000")
    intended_risk_fraction: Fraction6 = Decimal("0.005000")
    r1_fraction: Fraction6 = Decimal("0.500000")
    r2_fraction: Fraction6 = Decimal("0.500000")
    trail_fraction: Fraction6 = Decimal("0.500000")
    time_stop_sessions: int | None = None

    @field_validator("strategies_enabled")
    @classmethod
    def _may_run(cls, strategies_enabled: tuple[str, ...]) -> tuple[str, ...]:
        faults = enabled_faults(strategies_enabled)
        if faults:
            raise ValueError("\n".join(faults))
        return strategies_enabled


TREND_FUNDS: Final = (
    "DIA", "IWM", "QQQ", "SPY",
    "XLB", "XLC", "XLE", "XLF", "XLI", "XLK", "XLP", "XLRE", "XLU", "XLV", "XLY",
)  # fmt: skip
"""The large index funds and the SPDR sector funds."""


class TrendConfig(Fact):
    """Thresholds and wish of ``S2_INDEX_TREND`` (``strategies.index_trend``); what is not here is the scan's."""

    universe: tuple[str, ...] = TREND_FUNDS
    history_bars_min: int = Field(default=200, ge=1)
    high_bars: int = Field(default=55, ge=1, le=250)
    """Bars before P whose highest close has to be reached."""
    atr_multiple: Fraction6 = Field(default=Decimal("3.000000"), gt=0)
    """The stop lies so many average true ranges below the close."""
    r1_multiple: Fraction6 = Field(default=Decimal("2.000000"), gt=0)
    r2_multiple: Fraction6 = Field(default=Decimal("4.000000"), gt=0)
    r1_fraction: Fraction6 = Field(default=Decimal("0.000000"), ge=0, le=1)
    r2_fraction: Fraction6 = Field(default=Decimal("0.000000"), ge=0, le=1)
    trail_fraction: Fraction6 = Field(default=Decimal("0.500000"), gt=0)
    time_stop_sessions: int | None = Field(default=120, ge=1)
    intended_notional_fraction: Fraction6 = Field(default=Decimal("0.100000"), gt=0)
    intended_risk_fraction: Fraction6 = Field(default=Decimal("0.005000"), gt=0)
    candidate_cap: int = Field(default=5, ge=0)


class EntryConfig(Fact):
    """Checks and limit price of a cycle (strategy.md 4)."""

    quote_age_s_max: int = 15
    spread_bps_max: Fraction6 = Decimal("50.000000")
    entry_drift_max: Fraction6 = Decimal("0.030000")
    limit_band: Fraction6 = Decimal("0.001000")
    stop_distance_min: Fraction6 = Decimal("0.015000")
    unit_risk_pct_max: Fraction6 = Decimal("0.080000")
    boh_volume_ratio: Fraction6 = Decimal("0.800000")
    boh_volume_required: bool = False
    boh_early_s: int = Field(default=1200, ge=0)
    """Seconds from the open before which break and hold enters nothing: two of its bars."""
    boh_level_slack: Fraction6 = Decimal("0.002000")
    """How far below the level the price may be when a confirmed break is entered."""
    boh_average_sessions: int = Field(default=20, ge=1)
    boh_average_min: int = Field(default=5, ge=1)
    """Earlier sessions whose volume makes an average; with fewer than the minimum there is none."""
    rvol_min: Fraction6 = Decimal("0.800000")


class ExitConfig(Fact):
    """Stops and targets of a held position (strategy.md 6)."""

    stop_buffer_usd: Price = Decimal("0.1000")
    stop_buffer_fraction: Fraction6 = Decimal("0.000500")
    """5 bps of the swing low."""
    stop_distance_min: Fraction6 = Decimal("0.015000")
    bars_min: int = 6
    """Fewest 5-minute bars that make an intraday structure."""
    daily_bars: int = 220
    early_s: int = 1200
    early_bars: int = 4
