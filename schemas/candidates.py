"""A trade intent is a wish with a price plan: it knows no account, no size and no order.

``candidates.json`` carries the ranked candidates of a scan and one intent for each. No candidate is an empty
list with its reasons, never a missing file. The schema demands that every field is there; whether its content
is good is judged by ``strategies.validity``, which reports all findings instead of refusing the whole file.
"""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from schemas.base import Amount, Fact, Fraction6, Instant, Price, Ratio4, SessionDate, Shares
from schemas.book import Side, TimeInForce
from schemas.header import Artifact, Finding
from schemas.strategy_registry import EntryModel

__all__ = [
    "Candidate",
    "Candidates",
    "Entry",
    "EntryModel",
    "ExitPlan",
    "PositionEffect",
    "Side",
    "StopPlan",
    "TimeInForce",
    "TradeIntent",
]


class PositionEffect(StrEnum):
    """What an order does to a position; an intent only opens."""

    OPEN = "open"
    REDUCE = "reduce"


class Entry(Fact):
    """How and near which price the position is to be opened."""

    model: EntryModel
    level: Price
    """The chosen AVWAP at the tick: the price to hold."""
    entry_ref: Price
    """The price that the plan was made at."""
    limit_cap: Price
    """Never pay more than this."""


class StopPlan(Fact):
    """Where the position is wrong."""

    initial_stop: Price
    policy: str = "structural_v1"


class ExitPlan(Fact):
    """Where shares are taken off, and how the rest is trailed. Copied into the position at its first fill."""

    r1: Price
    r1_fraction: Fraction6
    r2: Price
    r2_fraction: Fraction6
    trail_fraction: Fraction6
    time_stop_sessions: int | None = None


class TradeIntent(Fact):
    """One wish to open one position in one session. Append-only (strategy.md 3.2)."""

    intent_id: str
    book_id: str
    session_date: SessionDate
    """D: the session in which it may trade."""
    data_session: SessionDate
    """P: the last session that it knows."""
    strategy_id: str
    sleeve_id: str
    model_version: str
    data_version: str
    symbol: str
    side: Side
    position_effect: PositionEffect = PositionEffect.OPEN
    intended_notional_fraction: Fraction6
    """Of book equity: the wish before any limit."""
    intended_risk_fraction: Fraction6
    entry: Entry
    stop_plan: StopPlan
    exit_plan: ExitPlan
    time_in_force: TimeInForce = TimeInForce.DAY
    valid_from: Instant
    valid_until: Instant
    """From this instant on the intent is stale wherever it is met."""
    thesis: str
    tags: tuple[str, ...]
    rank: int
    scan_ref: str = Field(pattern=r"^(/trend)?/rows/(0|[1-9][0-9]*)$")
    """JSON pointer to the row of ``scan.json`` that it was made from."""


class Candidate(Fact):
    """One ranked row of the scan, with the measures that sizing needs beside the intent."""

    rank: int
    """Within its strategy: signals of different strategies are never compared."""
    symbol: str
    intent_id: str
    strategy_id: str
    sleeve_id: str
    tier: str | None
    anchor: str | None
    trend_score: Ratio4 | None
    """These three are of ``S1_AVWAP_CORE``; null for a strategy that has none of them."""
    close: Price
    adv_shares20: Shares
    """Mean shares a day over the last 20 bars, floored to whole shares."""
    adv_usd20: Amount
    scan_ref: str


class Candidates(Artifact):
    """Candidates by the strategy's priority, then rank; their intents sorted by (symbol, strategy_id, intent_id)."""

    SCHEMA: ClassVar[str] = "avwap.candidates"
    STAGE: ClassVar[str] = "candidates"

    data_session: SessionDate
    data_version: str
    strategies: tuple[str, ...]
    """The enabled strategies that were asked."""
    reasons: tuple[Finding, ...]
    """Why there is no candidate, or fewer than there might be; empty on an ordinary day."""
    candidates: tuple[Candidate, ...]
    intents: tuple[TradeIntent, ...]
