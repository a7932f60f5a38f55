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
