"""The table of limits is the one of the design, typed in again by hand, and nonsense is refused by name."""

import runpy
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from portfolio import limits
from portfolio.limits import LIMITS, LimitsConfig, SizingPrice, portfolio_config
from tests.portfolio.books import config_with


@pytest.mark.parametrize(
    ("book_id", "risk_usd", "risk", "gross_usd", "gross", "positions", "entries", "minimum", "symbol_usd"),
    [
        ("SIM", 1000, "0.01", 100000, "1.00", 10, 5, 1000, None),
        ("ALPACA_PAPER", 1000, "0.01", 100000, "1.00", 10, 5, 1000, None),
        ("ALPACA_LIVE", 50, "0.005", 5000, "0.50", 5, 2, 100, 1000),
        ("SCHWAB_401K_MANUAL", 250, "0.005", 25000, "0.50", 10, 5, 500, None),
    ],
)
def test_every_book_has_the_limits_of_the_table(
    book_id: str,
    risk_usd: int,
    risk: str,
    gross_usd: int,
    gross: str,
    positions: int,
    entries: int,
    minimum: int,
    symbol_usd: int | None,
) -> None:
    stated = LIMITS[book_id]
    assert (risk_usd, Decimal(risk)) == (stated.risk_per_trade_abs_max_usd, stated.risk_per_trade_pct_max)
    assert (gross_usd, Decimal(gross)) == (stated.gross_abs_max_usd, stated.gross_pct_max)
    assert (positions, entries) == (stated.positions_max, stated.entries_per_day_max)
    assert (minimum, symbol_usd) == (stated.notional_usd_min, stated.symbol_notional_usd_max)
    assert (Decimal("0.20"), Decimal("0.20")) == (stated.symbol_pct_max, stated.drawdown_max)


def test_the_table_comes_of_the_numbers_written_in_its_module() -> None:
    made = runpy.run_path(limits.__file__, run_name="portfolio.limits")["LIMITS"]
    for book_id, row in LIMITS.items():
        assert row.model_dump() == made[book_id].model_dump()
        assert Decimal("0.30") == made[book_id].sector_pct_max
        assert Decimal("0.01") == made[book_id].adv_participation_max


def test_a_book_that_nobody_configured_has_no_limits_to_fall_back_on() -> None:
    with pytest.raises(KeyError):
        portfolio_config("ALPACA_LIFE")


def test_only_the_book_of_tickets_is_sized_at_the_cap() -> None:
    at_cap = [name for name in LIMITS if portfolio_config(name).sizing_price is SizingPrice.LIMIT_CAP]
    assert ["SCHWAB_401K_MANUAL"] == at_cap


@pytest.mark.parametrize(
    ("key", "value"), [("gross_pct_max", "150"), ("positions_max", -1), ("risk_per_trade_abs_max_usd", "-1")]
)
def test_a_percentage_written_whole_or_a_negative_limit_is_refused_by_its_key(key: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=key):
        config_with(**{key: value})


def test_a_limit_that_is_left_out_is_an_error_and_no_default() -> None:
    kept = {key: value for key, value in LIMITS["SIM"].model_dump().items() if key != "gross_pct_max"}
    with pytest.raises(ValidationError, match="gross_pct_max"):
        LimitsConfig(**kept)
