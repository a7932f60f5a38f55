"""A strategy exists once it has a row in this frozen table; an id that is not here may not trade.

The registry says what a strategy is allowed to do (sides, entry models, horizon), not what it does: the rules
stand in ``strategies/``. ``priority`` is static, and the only ordering across strategies.
"""

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from pydantic import Field

from schemas.base import Fact
from schemas.book import Side

STRATEGY_ID_PATTERN: Final = r"^(S[0-9]+_[A-Z0-9_]{2,40}|EXTERNAL)$"


class EntryModel(StrEnum):
    """How an entry is made (strategy.md 4.3)."""

    BOH_10M = "boh_10m"
    NEXT_OPEN = "next_open"
    LIMIT_AT_LEVEL = "limit_at_level"
    SAME_CLOSE = "same_close"
    """Research only: filled at the close that gave the signal. No registered strategy may trade it."""


class StrategyStatus(StrEnum):
    """``active``: decided and executed; ``shadow``: decided, never executed; ``retired``: exits only."""

    ACTIVE = "active"
    SHADOW = "shadow"
    RETIRED = "retired"


class RiskProfile(StrEnum):
    """What kind of exposure a strategy takes."""

    DIRECTIONAL = "directional"
    NEUTRAL = "neutral"
    CONVEX = "convex"


class StrategyMeta(Fact):
    """One row of the registry."""

    strategy_id: str = Field(pattern=STRATEGY_ID_PATTERN)
    model_version: str = Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")
    """Semantic version, raised with any change of a rule."""
    status: StrategyStatus
    priority: int
    """Unique, lower first."""
    sleeve_id: str
    asset_universe: str
    holding_sessions_min: int | None
    holding_sessions_max: int | None
    sides: tuple[Side, ...]
    entry_models: tuple[EntryModel, ...]
    risk_profile: RiskProfile


S1_AVWAP_CORE: Final = "S1_AVWAP_CORE"
S2_INDEX_TREND: Final = "S2_INDEX_TREND"
S1_AVWAP_SHADOW: Final = "S1_AVWAP_SHADOW"
EXTERNAL: Final = "EXTERNAL"
"""Owns what the broker shows and no strategy opened."""

STRATEGIES_ENABLED_DEFAULT: Final = (S1_AVWAP_CORE,)

_AVWAP_ENTRIES: Final = (EntryModel.BOH_10M, EntryModel.NEXT_OPEN, EntryModel.LIMIT_AT_LEVEL)


def _row(
    strategy_id: str,
    version: str,
    status: StrategyStatus,
    priority: int,
    universe: str,
    sides: tuple[Side, ...],
    entries: tuple[EntryModel, ...],
    horizon: tuple[int | None, int | None],
) -> StrategyMeta:
    return StrategyMeta(
        strategy_id=strategy_id,
        model_version=version,
        status=status,
        priority=priority,
        sleeve_id=strategy_id,
        asset_universe=universe,
        holding_sessions_min=horizon[0],
        holding_sessions_max=horizon[1],
        sides=sides,
        entry_models=entries,
        risk_profile=RiskProfile.DIRECTIONAL,
    )


REGISTRY: Final = MappingProxyType(
    {
        row.strategy_id: row
        for row in (
            _row(
                S1_AVWAP_CORE,
                "1.0.0",
                StrategyStatus.ACTIVE,
                10,
                "us_equities",
                (Side.BUY,),
                _AVWAP_ENTRIES,
                (1, 60),
            ),
            _row(
                S2_INDEX_TREND,
                "0.1.0",
                StrategyStatus.ACTIVE,
                20,
                "us_index_etfs",
                (Side.BUY,),
                (EntryModel.NEXT_OPEN,),
                (5, 120),
            ),
            _row(
                S1_AVWAP_SHADOW,
                "1.0.0",
                StrategyStatus.SHADOW,
                900,
                "us_equities",
                (Side.BUY,),
                _AVWAP_ENTRIES,
                (1, 60),
            ),
            _row(EXTERNAL, "1.0.0", StrategyStatus.RETIRED, 1000, "any", (), (), (None, None)),
        )
    }
)
assert len({row.priority for row in REGISTRY.values()}) == len(REGISTRY), "two strategies of one priority"


def strategy(strategy_id: str) -> StrategyMeta | None:
    """The registry row of *strategy_id*, or ``None`` when nobody registered it."""
    return REGISTRY.get(strategy_id)
