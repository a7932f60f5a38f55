"""A window adds up the daily summaries of its last N sessions that have one, and says which reasons persist."""

from typing import ClassVar

from schemas.base import Amount, Fact, Fraction9, SessionDate
from schemas.header import Artifact
from schemas.risk_attribution import CodeCount, RiskSums


class ReasonOver(Fact):
    """One reason over the window."""

    code: str
    sessions: int
    """With at least one decision that carries it ..."""
    share: Fraction9
    """... out of those of the window: how persistent it is."""
    sessions_dominant: int
    """In which no other reason took off more by itself."""
    decisions: int
    delta_notional: Amount
    delta_notional_exclusive: Amount


class RegimeOver(Fact):
    """How often one label stood over the window's mornings, and what was taken off under it."""

    label: str | None
    sessions: int
    share: Fraction9
    delta_notional: Amount


class SymbolOver(Fact):
    """One symbol over the window."""

    symbol: str
    sessions: int
    decisions: int
    delta_notional: Amount


class RollingRisk(Artifact, RiskSums):
    """``rolling/<N>D/<SESSION_DATE>.json``."""

    SCHEMA: ClassVar[str] = "avwap.rolling"
    STAGE: ClassVar[str] = "rolling"

    window: int
    """N."""
    sessions: tuple[SessionDate, ...]
    """The N last that have a summary, oldest first; between them may lie some that have none."""
    delta_fraction: Fraction9 | None
    """delta_notional / baseline_notional; null where there was no baseline."""
    by_reason: tuple[ReasonOver, ...]
    """By abs(delta_notional_exclusive), largest first, then by code."""
    dominant_reason: str | None
    """The first of ``by_reason``, if it took anything off by itself."""
    by_regime: tuple[RegimeOver, ...]
    """Most sessions first."""
    hard_caps: tuple[CodeCount, ...]
    top_symbols: tuple[SymbolOver, ...]
    """As in a day, at most 25, from the days' own tables."""
    symbols_left_out: int
    """Behind the 25 here, or behind those of a day."""
