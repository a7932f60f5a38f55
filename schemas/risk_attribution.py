"""Risk attribution says of each size what the regime took off it and by which step; the steps add up to the whole.

The quantities are those of the morning's sizing, before anybody knew whether the entry would be made. Shadows take
no room of the book, and are in none of these.
"""

from enum import StrEnum

from schemas.base import Amount, Fact, Fraction6, Fraction9, Measure2, Price, SessionDate, Shares


class Step(StrEnum):
    """The steps from q1 to q2, in the order in which they are taken."""

    MULTIPLIER = "multiplier"
    HAIRCUT = "haircut"
    DRAWDOWN_GUARD = "drawdown_guard"
    POSITION_CAP = "position_cap"
    GROSS_CAP = "gross_cap"
    MINIMUM = "minimum"


class Quantity(Fact):
    """Shares, and what they come to at the sizing price, USD."""

    quantity: Shares
    notional: Amount


class Component(Fact):
    """What one step changed; never above 0."""

    step: Step
    code: str
    """The reason that this step's change is counted under."""
    quantity: Shares
    notional: Amount


class Delta(Fact):
    """Modulated less baseline; the fractions are of the baseline, null where that is 0."""

    quantity: Shares
    notional: Amount
    quantity_fraction: Fraction9 | None
    notional_fraction: Fraction9 | None


class Outcome(Fact):
    """What modulation made of a size. ``components`` holds every step, and adds up to ``delta``."""

    modulated: Quantity
    delta: Delta
    components: tuple[Component, ...]
    hard_caps_applied: tuple[str, ...]
    """Caps that bound, sorted."""
    reason_codes: tuple[str, ...]
    """Unique and sorted; empty where nothing was taken off."""


class RegimeSeen(Fact):
    """The regime that the morning was modulated by, or would have been."""

    label: str | None
    confidence: Measure2 | None
    throttle_policy: str
    """Name and version of the table of multipliers: ``E2@1``."""


class DrawdownGuard(Fact):
    """Whether the book's own fall shut it, which it does under any regime."""

    applied: bool
    drawdown: Fraction9 | None
    threshold: Fraction6


class RiskEvent(Outcome):
    """One sized decision. ``hypothetical``: what modulation would have made of it; null while E2 is on."""

    decision_id: str
    session_date: SessionDate
    strategy_id: str
    symbol: str
    price: Price
    baseline: Quantity
    """q1, after the caps, before the regime."""
    regime: RegimeSeen
    drawdown_guard: DrawdownGuard
    hypothetical: Outcome | None


class Spread(Fact):
    """Of the notional fractions of the events that have one; null of none."""

    min: Fraction9 | None
    median: Fraction9 | None
    max: Fraction9 | None


class ReasonSum(Fact):
    """One reason. ``delta_notional``: of all events that carry it, so that two reasons count one event twice;
    ``delta_notional_exclusive``: of the steps that are counted under it, which add up to the day's delta.
    """

    code: str
    decisions: int
    delta_notional: Amount
    delta_notional_exclusive: Amount


class RegimeSum(Fact):
    """The decisions under one label."""

    label: str | None
    decisions: int
    baseline_notional: Amount
    modulated_notional: Amount
    delta_notional: Amount


class CodeCount(Fact):
    """How many decisions a code bound."""

    code: str
    decisions: int


class SymbolSum(Fact):
    """One symbol's decisions that lost something; ``events``: their ids, in order of deciding."""

    symbol: str
    decisions: int
    delta_notional: Amount
    events: tuple[str, ...]


class RiskSums(Fact):
    """What a day and a window of days both add up."""

    decisions: int
    modulated: int
    """Those of which something was taken off."""
    unmodified: int
    baseline_notional: Amount
    modulated_notional: Amount
    delta_notional: Amount
    hypothetical_delta_notional: Amount
    """What E2 would have taken off; 0 while it is on, for then it is in ``delta_notional``."""


class RiskSummary(RiskSums):
    """The day."""

    regime: RegimeSeen
    fraction: Spread
    by_reason: tuple[ReasonSum, ...]
    """By abs(delta_notional_exclusive), largest first, then by code."""
    by_regime: tuple[RegimeSum, ...]
    hard_caps: tuple[CodeCount, ...]
    top_symbols: tuple[SymbolSum, ...]
    """By abs(delta_notional), largest first, then by symbol; at most 25, none that lost nothing."""
    symbols_left_out: int
    """Symbols that lost something and stand behind the 25."""
