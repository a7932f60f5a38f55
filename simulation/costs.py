"""A fill costs slippage and half the spread against us, by how much of the stock trades in a day.

The table of strategy.md 10.2. Prices are rounded against us to 0.0001; fees fall on sales alone.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import Final

from schemas.base import Amount, Fact, Fraction6, Fraction9
from schemas.book import Side

_PRICE: Final = Decimal("0.0001")
_AMOUNT: Final = Decimal("0.000001")
_BPS: Final = Decimal(10_000)


class CostBucket(Fact):
    """Cost in bps of the reference price where ``adv_usd20`` reaches *adv_usd_min*."""

    adv_usd_min: Amount
    slippage_bps: Fraction6
    half_spread_bps: Fraction6


class SlippageModel(StrEnum):
    """``adv_bucket``: the table; ``fixed``: one slippage for all, no spread."""

    ADV_BUCKET = "adv_bucket"
    FIXED = "fixed"


def _bucket(minimum: str, slippage: str, half_spread: str) -> CostBucket:
    return CostBucket(
        adv_usd_min=Decimal(minimum), slippage_bps=Decimal(slippage), half_spread_bps=Decimal(half_spread)
    )


class CostConfig(Fact):
    """What trading costs on the simulated exchange."""

    slippage_model: SlippageModel = SlippageModel.ADV_BUCKET
    slippage_bps: Fraction6 = Decimal("5.000000")
    """Of the fixed model alone."""
    buckets: tuple[CostBucket, ...] = (
        _bucket("250000000", "1.5", "1.0"),
        _bucket("50000000", "3.0", "1.5"),
        _bucket("10000000", "5.0", "3.0"),
        _bucket("0", "12.0", "8.0"),
    )
    """Dearest last; a symbol whose turnover is unknown pays the last."""
    commission_per_share: Fraction6 = Decimal("0.000000")
    sale_fee_fraction: Fraction9 = Decimal("0.000027800")
    """Of the notional of a sale (SEC section 31)."""
    sale_fee_per_share: Fraction6 = Decimal("0.000166")
    sale_fee_per_share_max: Amount = Decimal("8.300000")
    """Cap of the per-share part, for one execution (FINRA TAF)."""


def half_spread_bps(adv_usd20: Decimal | None, config: CostConfig) -> Decimal:
    """Half the distance of bid and ask, in bps of the reference price; the fixed model has no spread."""
    if config.slippage_model is SlippageModel.FIXED:
        return Decimal(0)
    half: Decimal = _bucket_of(adv_usd20, config).half_spread_bps
    return half


def _bucket_of(adv_usd20: Decimal | None, config: CostConfig) -> CostBucket:
    reached = (b for b in config.buckets if adv_usd20 is not None and adv_usd20 >= b.adv_usd_min)
    return next(reached, config.buckets[-1])


def cost_bps(adv_usd20: Decimal | None, config: CostConfig) -> Decimal:
    """Slippage and half spread together, in bps of the reference price."""
    if config.slippage_model is SlippageModel.FIXED:
        fixed: Decimal = config.slippage_bps
        return fixed
    bucket = _bucket_of(adv_usd20, config)
    both: Decimal = bucket.slippage_bps + bucket.half_spread_bps
    return both


def priced(ref: Decimal, side: Side, bps: Decimal) -> Decimal:
    """*ref* with its cost, rounded against us to 0.0001: up for a buy, down for a sale."""
    if side is Side.BUY:
        return (ref * (1 + bps / _BPS)).quantize(_PRICE, ROUND_CEILING)
    return (ref * (1 - bps / _BPS)).quantize(_PRICE, ROUND_FLOOR)


def fee(side: Side, quantity: Decimal, price: Decimal, config: CostConfig) -> Decimal:
    """Fee of one execution, USD, rounded up at 6 decimals. Buys pay the commission alone."""
    total: Decimal = quantity * config.commission_per_share
    if side is Side.SELL:
        total += quantity * price * config.sale_fee_fraction
        total += min(quantity * config.sale_fee_per_share, config.sale_fee_per_share_max)
    return total.quantize(_AMOUNT, ROUND_CEILING)
