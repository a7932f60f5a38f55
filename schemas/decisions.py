"""A decision says of every intent how much of it the portfolio allows, and which limit bound.

``decisions.json`` holds one record per intent, in the order of deciding, and one batch record even when there
is no intent. The limits are cumulative: each intent is decided against what those before it left.
"""

from enum import StrEnum
from typing import ClassVar

from schemas.base import Amount, Fact, Fraction6, Price, SessionDate, Shares
from schemas.book import Side
from schemas.header import Artifact, Finding


class Verdict(StrEnum):
    """ALLOW: all that was asked; RESIZE: less; BLOCK: nothing."""

    ALLOW = "ALLOW"
    RESIZE = "RESIZE"
    BLOCK = "BLOCK"


class RoomUnit(StrEnum):
    """What a cap is counted in."""

    USD = "usd"
    SHARES = "shares"


class Room(Fact):
    """What one cap had left for an intent, and after it. None: unknown, so no room."""

    cap: str
    """The cap's reason code, whether or not it bound."""
    unit: RoomUnit
    before: Amount | None
    after: Amount | None
    quantity: Shares
    """*before* in whole shares of this intent, floored, never negative."""


class Sizing(Fact):
    """The numbers that the size was made from (strategy.md 5)."""

    equity: Amount
    """E: the smaller of snapshot equity and observed account equity."""
    price: Price
    stop: Price
    unit_risk: Price
    distance: Fraction6
    """How far the price stands above the level, as a fraction of it, never negative."""
    distance_scale: Fraction6
    correlation: Fraction6 | None
    """rho: mean absolute correlation with what is held or allowed. None: there is nothing, or it is not asked."""
    correlation_penalty: Fraction6
    """pi: by how much that lowers the scale."""
    scale: Fraction6


class Decision(Fact):
    """What is allowed of one intent, and why not the rest."""

    decision_id: str
    intent_id: str
    strategy_id: str
    sleeve_id: str
    symbol: str
    side: Side
    rank: int
    sequence: int
    """Position in the order of deciding, from 1."""
    verdict: Verdict
    q0: Shares | None
    """The target before any limit; None when it could not be computed."""
    q1: Shares | None
    """After the caps."""
    q2: Shares
    """What may be bought: after modulation and minimum; 0 when blocked."""
    sizing: Sizing | None
    notional: Amount
    """q2 at the sizing price, USD."""
    risk: Amount
    """q2 times the unit risk, USD."""
    reasons: tuple[Finding, ...]
    """Every finding, batch findings first; the first blocking one names the verdict."""
    room: tuple[Room, ...]


class LimitsUse(Fact):
    """How much of the book's limits is in use. None: unknown, and then nothing new is allowed."""

    positions: int
    """Open positions, working entries and what the batch allowed, by (strategy, symbol)."""
    positions_max: int
    entries: int
    """Intents of this session sent, possibly sent or allowed."""
    entries_max: int
    gross: Amount | None
    """Worst-case exposure with what the batch allowed, USD."""
    gross_max: Amount | None
    cash: Amount | None
    cash_reserved: Amount | None


class Batch(Fact):
    """What holds for every intent of the session."""

    codes: tuple[str, ...]
    """The blocking codes, in order; empty when entries may be decided one by one."""
    findings: tuple[Finding, ...]
    equity: Amount | None
    allowed: int
    resized: int
    blocked: int


class Decisions(Artifact):
    """``decisions.json``."""

    SCHEMA: ClassVar[str] = "avwap.decisions"
    STAGE: ClassVar[str] = "decisions"

    data_session: SessionDate
    """P: the session whose close was decided upon."""
    batch: Batch
    verdicts: tuple[Decision, ...]
    """In arbitration order (``sequence``)."""
    limits_before: LimitsUse | None
    """None when positions or orders of the book are unknown."""
    limits_after: LimitsUse | None

    def of(self, intent_id: str) -> Decision | None:
        """The decision on *intent_id*, or None."""
        return next((row for row in self.verdicts if row.intent_id == intent_id), None)
