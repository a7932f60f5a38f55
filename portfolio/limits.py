"""Each book's limits stand in one table, which decisions and gates both read.

0 means that nothing is allowed. No limit has a default of its own: a book states all of them, and only one
typed ``| None`` may be absent, which then is no limit. Percent and dollar limits are separate keys.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import Field, field_validator

from schemas.base import Amount, Fact, Fraction6
from schemas.strategy_registry import EXTERNAL, REGISTRY, S1_AVWAP_CORE

Limit = Annotated[Amount, Field(ge=0)]
"""USD, never negative."""
Share = Annotated[Fraction6, Field(ge=0, le=10)]
"""A fraction (150% is 1.5); above 10 it is surely a percentage."""
Count = Annotated[int, Field(ge=0)]


class LimitsConfig(Fact):
    """The limits of one book (execution.md 2.1, strategy.md 5); all starting values."""

    risk_per_trade_abs_max_usd: Limit
    risk_per_trade_pct_max: Share
    gross_abs_max_usd: Limit
    gross_pct_max: Share
    symbol_pct_max: Share
    """Of equity, on the worst-case exposure in the symbol, all strategies."""
    symbol_notional_usd_max: Limit | None
    sector_pct_max: Share
    """Of equity, on the worst-case exposure in the sector; symbols without one share a bucket."""
    positions_max: Count
    entries_per_day_max: Count
    adv_participation_max: Share
    """Of the mean shares a day over 20 sessions."""
    drawdown_max: Share
    """From this fall below the equity peak on, nothing new."""
    notional_usd_min: Limit
    """A smaller entry is not worth its costs: it becomes none."""


class Sleeve(Fact):
    """What one strategy, or several that name the same sleeve, may lose, hold and open. None is no cap."""

    sleeve_id: str = Field(pattern=r"^[A-Z][A-Z0-9_]{0,47}$")
    max_daily_loss: Limit | None = None
    """USD of the session, realised and unrealised."""
    max_gross_exposure: Limit | None = None
    max_concurrent_positions: Count | None = None


UNSLEEVED: Final = "UNSLEEVED"
"""Where strategies without a sleeve are counted, where such are allowed."""


def table_faults(sleeves: Mapping[str, Sleeve]) -> tuple[str, ...]:
    """Why *sleeves*, strategy to sleeve, cannot be meant as a whole, in the order of its strategies."""
    found: list[str] = []
    stated: dict[str, tuple[str, Sleeve]] = {}
    for strategy_id, sleeve in sorted(sleeves.items()):
        if strategy_id not in REGISTRY or strategy_id == EXTERNAL:
            found.append(f"{strategy_id}: no strategy of that name opens positions")
        if sleeve.sleeve_id in (UNSLEEVED, EXTERNAL):
            found.append(f"{strategy_id}: sleeve_id {sleeve.sleeve_id} is reserved")
        first = stated.setdefault(sleeve.sleeve_id, (strategy_id, sleeve))
        if first[1] != sleeve:
            found.append(f"{strategy_id}: shares {sleeve.sleeve_id} with {first[0]} and states other caps")
    return tuple(found)


class SizingPrice(StrEnum):
    """The price that a size is made at before the open."""

    ENTRY_REF = "entry_ref"
    LIMIT_CAP = "limit_cap"
    """Books of tickets, where a person may pay up to the cap."""


class PortfolioConfig(Fact):
    """What sizing and deciding read."""

    limits: LimitsConfig
    sizing_price: SizingPrice = SizingPrice.ENTRY_REF
    distance_scale_min: Share = Decimal("0.250000")
    distance_ref: Annotated[Fraction6, Field(gt=0)] = Decimal("0.060000")
    """The distance above the level at which the size would reach 0, were there no minimum."""
    account_gap_max: Share = Decimal("0.020000")
    """How far the account's equity may lie from the snapshot's, as a fraction of the latter."""
    resize_enabled: bool = True
    """Off: an intent that would be resized is blocked."""
    correlation_penalty: bool = True
    """Whether a symbol that moves with what is held already is bought smaller."""
    corr_min: Annotated[Fraction6, Field(ge=0, lt=1)] = Decimal("0.600000")
    """Mean absolute correlation from which on the penalty grows, to its whole at 1."""
    corr_penalty_max: Annotated[Fraction6, Field(ge=0, le=1)] = Decimal("0.500000")
    sleeves: dict[str, Sleeve] = Field(default_factory=dict)
    """Strategy -> its sleeve, unless S2_SLEEVES_JSON or S2_SLEEVES_FILE say otherwise."""

    @field_validator("sleeves")
    @classmethod
    def _meant(cls, sleeves: dict[str, Sleeve]) -> dict[str, Sleeve]:
        faults = table_faults(sleeves)
        if faults:
            raise ValueError("\n".join(faults))
        return sleeves


def _limits(
    risk: tuple[str, str],
    gross: tuple[str, str],
    counts: tuple[int, int],
    notional_min: str,
    symbol_notional: str | None = None,
) -> LimitsConfig:
    return LimitsConfig(
        risk_per_trade_abs_max_usd=Decimal(risk[0]),
        risk_per_trade_pct_max=Decimal(risk[1]),
        gross_abs_max_usd=Decimal(gross[0]),
        gross_pct_max=Decimal(gross[1]),
        symbol_pct_max=Decimal("0.20"),
        symbol_notional_usd_max=None if symbol_notional is None else Decimal(symbol_notional),
        sector_pct_max=Decimal("0.30"),
        positions_max=counts[0],
        entries_per_day_max=counts[1],
        adv_participation_max=Decimal("0.01"),
        drawdown_max=Decimal("0.20"),
        notional_usd_min=Decimal(notional_min),
    )


LIMITS: Final[Mapping[str, LimitsConfig]] = MappingProxyType(
    {
        "SIM": _limits(("1000", "0.01"), ("100000", "1.00"), (10, 5), "1000"),
        "ALPACA_PAPER": _limits(("1000", "0.01"), ("100000", "1.00"), (10, 5), "1000"),
        "ALPACA_LIVE": _limits(("50", "0.005"), ("5000", "0.50"), (5, 2), "100", symbol_notional="1000"),
        "SCHWAB_401K_MANUAL": _limits(("250", "0.005"), ("25000", "0.50"), (10, 5), "500"),
    }
)
"""Book -> its limits. A book that is not here has none, and does not trade."""


SLEEVES: Final[Mapping[str, Mapping[str, Sleeve]]] = MappingProxyType(
    {
        "SIM": {
            S1_AVWAP_CORE: Sleeve(
                sleeve_id=S1_AVWAP_CORE,
                max_daily_loss=Decimal("2000"),
                max_gross_exposure=Decimal("100000"),
                max_concurrent_positions=10,
            )
        }
    }
)
"""Book -> its sleeves. A book that is not here has none, and enters nothing until it states some."""


def portfolio_config(book_id: str) -> PortfolioConfig:
    """The shipped configuration of *book_id*. KeyError for an unknown book: there is no default book."""
    tickets = book_id == "SCHWAB_401K_MANUAL"
    return PortfolioConfig(
        limits=LIMITS[book_id],
        sizing_price=SizingPrice.LIMIT_CAP if tickets else SizingPrice.ENTRY_REF,
        sleeves=dict(SLEEVES.get(book_id, {})),
    )
