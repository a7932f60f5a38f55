"""What the simulated exchange is given and charges, in one light place."""

from decimal import Decimal
from enum import StrEnum
from typing import Literal

from pydantic import Field

from schemas.base import Amount, Fact, Fraction6
from simulation.costs import CostConfig


class ExchangeConfig(Fact):
    """What the simulated exchange is given and what it charges."""

    starting_capital_usd: Amount = Field(default=Decimal("100000.000000"), gt=0)
    participation_max: Fraction6 = Decimal("0.050000")
    """The most of a day's volume that buys of one symbol may take."""
    costs: CostConfig = CostConfig()
    delisting_sessions: int = Field(default=5, ge=1)
    """Sessions in a row without a trade after which a holding counts as delisted (ADR 8)."""
    delisting_haircut: Fraction6 = Decimal("0.300000")
    """What a delisting takes off the last close where no price was recorded for it."""


class GtcOnSplit(StrEnum):
    """What the broker does to a resting order of a symbol that splits overnight."""

    KEEP = "keep"
    CHANGE = "change"
    DROP = "drop"


class IntradayConfig(Fact):
    """How the intraday exchange treats orders; of latencies 0 answers at once."""

    place_latency_s: Fraction6 = Field(default=Decimal("0.000000"), ge=0)
    """Seconds for which a new order is ``accepted`` before it works."""
    replace_latency_s: Fraction6 = Field(default=Decimal("0.000000"), ge=0)
    cancel_latency_s: Fraction6 = Field(default=Decimal("0.000000"), ge=0)
    gtc_days_max: int = Field(default=90, ge=1)
    """Calendar days after which a resting order is aged out."""
    gtc_on_split: GtcOnSplit = GtcOnSplit.CHANGE
    day_trades_max: int = Field(default=3, ge=0)
    """Day trades of five sessions that a protected account may make."""


class SimConfig(Fact):
    """How the SIM book is watched."""

    bars: Literal["daily", "intraday"] = "daily"
    """daily: three cycles a session on daily bars; intraday: one every five minutes on the bars inside the day."""
    seconds: Literal[60, 300] = 300
    """Of the bars into which a day is laid out."""
    orders: IntradayConfig = IntradayConfig()
    """How the intraday exchange treats orders; not asked on daily bars."""
