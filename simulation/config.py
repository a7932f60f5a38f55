"""What the simulated exchange is given and charges, in one light place."""

from decimal import Decimal

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
