"""What the measuring stages obey, apart from the stages: a command that reads the settings measures nothing."""

from decimal import Decimal

from schemas.base import Amount, Fact


class RegimeConfig(Fact):
    """Thresholds of the label table."""

    vol_high: float = 0.30
    vol_elevated: float = 0.20
    drawdown_deep: float = 0.20
    drawdown_moderate: float = 0.10
    trend_down: float = -0.02
    trend_positive: float = 0.02
    breadth_weak: float = 0.45
    breadth_strong: float = 0.55
    breadth_members_min: int = 20


class TradesConfig(Fact):
    """How the fills are named; FIFO is the one method."""

    source: str = "broker"
    """Where the fills come from."""


class SnapshotConfig(Fact):
    """How old a mark may be."""

    mark_age_max: int = 5
    """Sessions; with an older one equity is null."""


class ReconciliationConfig(Fact):
    """Differences that are still agreement, USD."""

    average_price_max: Amount = Decimal("0.000100")
    cash_max: Amount = Decimal("0.010000")
