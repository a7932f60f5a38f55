"""A decision says of every intent how much of it the portfolio allows, and which limit bound.

``decisions.json`` holds one record per intent, in the order of deciding, and one batch record even when there
is no intent. The limits are cumulative: each intent is decided against what those before it left. Shadows come
last, against a book of their own, and are never allowed.
"""

from collections.abc import Iterable
from enum import StrEnum
from functools import cached_property
from typing import ClassVar

from schemas.base import Amount, Fact, Fraction6, Measure2, Price, SessionDate, Shares
from schemas.book import Side
from schemas.header import Artifact, Finding
from schemas.ids import content_id


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


class Conflict(Fact):
    """One meeting of two strategies in a symbol (strategy.md 7.6), kept with its loser."""

    rule: str
    """The reason code of the static rule that settled it."""
    symbol: str
    winner: str
    """Id of the intent, position or order that went first, or stands."""
    winner_strategy_id: str
    loser: str
    """The intent decided here."""
    loser_strategy_id: str
    quantity_before: Shares | None
    """What the loser would have got but for this rule; None: it had no size."""
    quantity_after: Shares


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
    sector: str | None
    """As of D, as the table of sectors spells it. None: the table does not name the symbol, or there is none."""
    conflicts: tuple[Conflict, ...]
    shadow_of: str | None
    """Only of a clone: the intent of the active strategy that it repeats."""
    shadow_verdict: Verdict | None
    """Only of a shadow, which is blocked: what would have been, and ``shadow_q2`` how many shares."""
    shadow_q2: Shares | None


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
    net: Amount | None
    """Positions at their marks with their sign, and what the batch allowed, USD; no cap looks at it."""
    cash: Amount | None
    cash_reserved: Amount | None


class Controls(Fact):
    """The limits of a book that the regime moves (strategy.md 8.3)."""

    positions_max: int
    entries_per_day_max: int
    gross_pct_max: Fraction6
    gross_abs_max_usd: Amount
    symbol_pct_max: Fraction6


class Modulation(Fact):
    """What the regime made of the book's limits that morning: there only while E2_REGIME_RISK_MODULATION is on."""

    policy: str
    """Name and version of the table of multipliers."""
    label: str | None
    """The regime's; None without one for P, and then nothing is opened."""
    confidence: Measure2 | None
    risk_multiplier: Fraction6
    """The table's, halved by a low confidence."""
    new_position_multiplier: Fraction6
    drawdown_guard: Fraction6
    """0 where the drawdown throttle blocks, else 1."""
    risk: Fraction6
    """m: the smaller of risk_multiplier and guard."""
    new_positions: Fraction6
    """w: the smaller of new_position_multiplier and guard."""
    reasons: tuple[Finding, ...]
    base: Controls
    modulated: Controls


class Batch(Fact):
    """What holds for every intent of the session."""

    codes: tuple[str, ...]
    """The blocking codes, in order; empty when entries may be decided one by one."""
    findings: tuple[Finding, ...]
    equity: Amount | None
    allowed: int
    resized: int
    blocked: int
    shadows: int
    """Verdicts of shadow strategies, which none of the three counts."""


class SleeveCaps(Fact):
    """What was configured for one strategy. None is no cap."""

    strategy_id: str
    sleeve_id: str
    max_daily_loss: Amount | None
    max_gross_exposure: Amount | None
    max_concurrent_positions: int | None


class Share(Fact):
    """What one strategy takes of the book. None: unknown."""

    positions: int
    gross: Amount | None


class SleeveShare(Share):
    """What a sleeve takes, and what its caps have left. None there: no cap, or unknown."""

    positions_left: int | None
    gross_left: Amount | None


class SleeveUse(Fact):
    """One sleeve around the batch."""

    sleeve_id: str
    """UNSLEEVED and EXTERNAL for what is in no configured one."""
    pnl: Amount | None
    """Of the session, USD; None: unknown, or nobody asks."""
    loss_left: Amount | None
    """How much more it may lose; None: no cap, or unknown."""
    before: SleeveShare
    after: SleeveShare


class StrategyUse(Fact):
    """One strategy around the batch."""

    strategy_id: str
    sleeve_id: str
    before: Share
    after: Share


class Sleeves(Fact):
    """How the strategies share the book: as configured, and as used. Uses add up to ``limits_before``/``_after``."""

    configuration: tuple[SleeveCaps, ...]
    allow_unsleeved: bool
    allow_symbol_overlap: bool
    uses: tuple[SleeveUse, ...]
    """Sorted by sleeve_id; empty when positions or orders of the book are unknown. So are ``strategies``."""
    strategies: tuple[StrategyUse, ...]


class Decisions(Artifact):
    """``decisions.json``."""

    SCHEMA: ClassVar[str] = "avwap.decisions"
    STAGE: ClassVar[str] = "decisions"
    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"modulation"})

    data_session: SessionDate
    """P: the session whose close was decided upon."""
    batch: Batch
    verdicts: tuple[Decision, ...]
    """In arbitration order (``sequence``), shadows last."""
    binding: str = ""
    """Content id of what binds in this file (``binding_of``): a hand that changes a verdict leaves it behind."""
    sleeves: Sleeves
    limits_before: LimitsUse | None
    """None when positions or orders of the book are unknown."""
    limits_after: LimitsUse | None
    modulation: Modulation | None = None
    """None while E2 is off, and then left out of the bytes."""

    def of(self, intent_id: str) -> Decision | None:
        """The decision on *intent_id*, or None; of two, the first."""
        rows, found = self.index
        if rows is self.verdicts:
            return found.get(intent_id)
        # A changed copy carries the index of what it was copied from.
        return next((row for row in self.verdicts if row.intent_id == intent_id), None)

    @cached_property
    def index(self) -> tuple[tuple[Decision, ...], dict[str, Decision]]:
        """The verdicts, and each by its intent: every entry is looked up, by more than one gate."""
        return self.verdicts, {row.intent_id: row for row in reversed(self.verdicts)}

    @property
    def is_intact(self) -> bool:
        """Whether what binds is what was decided."""
        return self.binding == self.rebound

    @property
    def rebound(self) -> str:
        """The binding that these verdicts should carry."""
        return binding_of(self.batch.codes, self.verdicts)


def binding_of(codes: Iterable[str], verdicts: Iterable[Decision]) -> str:
    """Content id of everything that an entry could be made on: what blocks the batch, and each verdict."""
    rows = [
        (
            row.decision_id,
            row.intent_id,
            row.strategy_id,
            row.sleeve_id,
            row.symbol,
            row.side,
            row.verdict,
            format(row.q2, "f"),
        )
        for row in verdicts
    ]
    return content_id("bnd_", list(codes), rows)
