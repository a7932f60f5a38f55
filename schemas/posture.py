"""Posture between two ticks, and what a person is told of it: why it is constrained, and what unlocks next."""

from schemas.base import Fact, Instant, Measure2, Measure4, Measure6
from schemas.tick import Posture


class DebtTerm(Fact):
    """One addend of the debt."""

    name: str
    value: Measure6


class Unlock(Fact):
    """One row of what the next rung asks for."""

    cond: str
    have: str
    need: str
    ok: bool


class RungChange(Fact):
    """One move of the posture, kept as long as it counts for the flap hold."""

    cycle_no: int
    to: Posture


class PostureState(Fact):
    """What the controller carries from tick to tick. A new book starts GREEN with nothing held against it."""

    posture: Posture = Posture.GREEN
    since: Instant | None = None
    """None: never ticked."""
    causes: tuple[str, ...] = ()
    """Codes of what holds it there, worst first; empty when GREEN."""
    debt: Measure6 = 0.0
    terms: tuple[DebtTerm, ...] = ()
    """Sums to ``debt``; all terms, also those of zero."""
    conf: Measure6 = 1.0
    factor: Measure4 = 1.0
    """Size factor of the next entry: the minimum over posture and warm-up; 0 in ORANGE and RED."""
    healthy: int = 0
    """Cycles in a row that met every row of the next rung."""
    cycle_no: int = 0
    """BEGIN ticks so far."""
    unlock: tuple[Unlock, ...] = ()
    """Rows of the next rung as this tick saw them; empty when GREEN."""
    needed: int = 0
    """Healthy cycles that the next rung needs."""
    ack_needed: tuple[str, ...] = ()
    """Causes (C3, JOURNAL_CORRUPT, DD_BREACH) and divergence ids that a person must acknowledge before RED is left."""
    severity: Measure6 = 0.0
    """Of the contradiction, decaying."""
    streak: int = 0
    mismatch_streak: int = 0
    agreed: int = 0
    """Ticks in a row that found no contradiction."""
    agreed_syncs: int = 0
    """Cycles in a row whose positions agreed."""
    blind: int = 0
    """Cycles in a row without a read of the positions."""
    debts: tuple[Measure6, ...] = ()
    """Debt of the last ticks, oldest first: the growth is fitted to it."""
    over: tuple[tuple[Posture, int], ...] = ()
    """How many ticks running the debt has stood over each band."""
    warm_up: int = 0
    """Cycles of warm-up that are left."""
    changes: tuple[RungChange, ...] = ()
    hold_until: int = 0
    """The cycle up to which a flap holds the worse posture."""
    last_healthy: bool = True
    """The last END was healthy: credits cross the night."""
    age_s: Measure2 = 0.0
    """Active seconds in this posture."""
