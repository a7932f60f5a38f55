"""A strategy exists once it has a row in this frozen table; an id that is not here may not trade.

The registry says what a strategy is allowed to do (sides, entry models, horizon), not what it does: the rules
stand in ``strategies/``. ``priority`` is static, and the only ordering across strategies.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Self

from pydantic import Field, model_validator

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
    """One row of the registry: what a strategy trades, how long, in which ways, and what kind of risk that is.

    Who may open a position states sides, entry models and horizon; who may not (``retired``) states none.
    """

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

    @model_validator(mode="after")
    def _whole(self) -> Self:
        least, most = self.holding_sessions_min, self.holding_sessions_max
        if not self.sleeve_id or not self.asset_universe:
            raise ValueError(f"{self.strategy_id}: sleeve_id and asset_universe are wanted")
        if self.status is StrategyStatus.RETIRED:
            if self.sides or self.entry_models:
                raise ValueError(f"{self.strategy_id}: a retired strategy opens nothing")
        elif not self.sides or not self.entry_models or least is None or most is None:
            raise ValueError(f"{self.strategy_id}: sides, entry_models and both holding_sessions are wanted")
        if least is not None and most is not None and not 1 <= least <= most:
            raise ValueError(f"{self.strategy_id}: no horizon of {least} to {most} sessions")
        if EntryModel.SAME_CLOSE in self.entry_models:
            raise ValueError(f"{self.strategy_id}: same_close is for research alone")
        return self


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


def registry(rows: Iterable[StrategyMeta]) -> Mapping[str, StrategyMeta]:
    """*rows* by id, frozen. Errors: ValueError for an id or a priority that stands twice."""
    table: dict[str, StrategyMeta] = {}
    priorities: dict[int, str] = {}
    for row in rows:
        if row.strategy_id in table:
            raise ValueError(f"{row.strategy_id} is registered twice")
        other = priorities.setdefault(row.priority, row.strategy_id)
        if other != row.strategy_id:
            raise ValueError(
                f"{other} and {row.strategy_id} have one priority: nobody could say who goes first"
            )
        table[row.strategy_id] = row
    return MappingProxyType(table)


_BUY: Final = (Side.BUY,)
_NEXT_OPEN: Final = (EntryModel.NEXT_OPEN,)
_ACTIVE, _SHADOW, _RETIRED = StrategyStatus.ACTIVE, StrategyStatus.SHADOW, StrategyStatus.RETIRED

REGISTRY: Final = registry(
    (
        _row(S1_AVWAP_CORE, "1.0.0", _ACTIVE, 10, "us_equities", _BUY, _AVWAP_ENTRIES, (1, 60)),
        _row(S2_INDEX_TREND, "0.1.0", _ACTIVE, 20, "us_index_etfs", _BUY, _NEXT_OPEN, (5, 120)),
        _row(S1_AVWAP_SHADOW, "1.0.0", _SHADOW, 900, "us_equities", _BUY, _AVWAP_ENTRIES, (1, 60)),
        _row(EXTERNAL, "1.0.0", _RETIRED, 1000, "any", (), (), (None, None)),
    )
)


def strategy(strategy_id: str) -> StrategyMeta | None:
    """The registry row of *strategy_id*, or ``None`` when nobody registered it."""
    return REGISTRY.get(strategy_id)


def in_order(strategies: Iterable[str]) -> tuple[StrategyMeta, ...]:
    """The registered ones of *strategies*, each once, in the order of arbitration: by priority."""
    found = (REGISTRY[each] for each in set(strategies) if each in REGISTRY)
    return tuple(sorted(found, key=lambda row: row.priority))


def enabled_faults(strategies: Iterable[str]) -> tuple[str, ...]:
    """Why *strategies* cannot all be enabled, one line for each that cannot."""
    found: list[str] = []
    seen: set[str] = set()
    active = ", ".join(row.strategy_id for row in REGISTRY.values() if row.status is StrategyStatus.ACTIVE)
    for each in strategies:
        meta = strategy(each)
        if meta is None:
            found.append(
                f"{each}: UNKNOWN_STRATEGY, no strategy of that name is registered; there are {active}"
            )
        elif meta.status is StrategyStatus.SHADOW:
            found.append(f"{each}: a shadow is not enabled but named in SHADOW_STRATEGY_IDS")
        elif meta.status is StrategyStatus.RETIRED:
            found.append(f"{each}: STRATEGY_RETIRED, it opens no position")
        if each in seen:
            found.append(f"{each}: named twice")
        seen.add(each)
    return tuple(found)
