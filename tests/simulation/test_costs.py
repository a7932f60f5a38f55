"""What a fill costs: the table, typed by hand, rounded against us."""

from decimal import Decimal

import pytest

from schemas.book import Side
from simulation.costs import CostConfig, SlippageModel, cost_bps, fee, priced
from tests.simulation.world import usd

CONFIG = CostConfig()


@pytest.mark.parametrize(
    ("adv", "bps"),
    [
        ("250000000", "2.5"),
        ("249999999.99", "4.5"),
        ("50000000", "4.5"),
        ("49999999", "8"),
        ("10000000", "8"),
        ("9999999", "20"),
    ],
)
def test_a_bucket_begins_at_its_turnover(adv: str, bps: str) -> None:
    assert usd(bps) == cost_bps(usd(adv), CONFIG)


def test_an_unknown_turnover_pays_the_dearest_bucket() -> None:
    assert usd("20") == cost_bps(None, CONFIG)


def test_the_fixed_model_knows_one_slippage_and_no_spread() -> None:
    fixed = CostConfig(slippage_model=SlippageModel.FIXED, slippage_bps=usd("7"))
    assert usd("7") == cost_bps(usd("250000000"), fixed)


def test_prices_are_rounded_against_us_to_a_hundredth_of_a_cent() -> None:
    # 33.33 * 1.00045 = 33.3449985, 33.33 * 0.99955 = 33.3150015
    assert usd("33.3450") == priced(usd("33.33"), Side.BUY, usd("4.5"))
    assert usd("33.3150") == priced(usd("33.33"), Side.SELL, usd("4.5"))


def test_a_sale_of_1000_shares_at_50_pays_1_39_and_16_6_cents() -> None:
    # 50,000 * 0.0000278 = 1.39; 1000 * 0.000166 = 0.166
    assert usd("1.556") == fee(Side.SELL, Decimal(1000), usd("50"), CONFIG)


def test_the_per_share_part_of_a_sale_is_capped_and_the_rest_is_not() -> None:
    # 100,000 * 0.000166 = 16.60, capped at 8.30; 100,000 * 0.0000278 = 2.78
    assert usd("11.08") == fee(Side.SELL, Decimal(100_000), usd("1"), CONFIG)


def test_a_fee_is_rounded_up_at_six_decimals_and_a_buy_pays_none() -> None:
    # 1 * 0.01 * 0.0000278 + 0.000166 = 0.000166278
    assert usd("0.000167") == fee(Side.SELL, Decimal(1), usd("0.01"), CONFIG)
    assert usd("0") == fee(Side.BUY, Decimal(1000), usd("50"), CONFIG)
