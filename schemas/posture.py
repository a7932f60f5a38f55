"""Posture between two ticks, and what a person is told of it: why it is constrained, and what unlocks next."""

from schemas.base import Fact, Instant, Measure4, Measure6
from schemas.tick import Posture


class DebtTerm(Fact):
    """One addend of the debt."""

    name: str
    value: Measure6


class Floor(Fact):
    """One thing that allows no better posture than its own."""

    code: str
    """A ``PostureCode`` or the category of a divergence."""
    posture: Posture
    subject: str = ""
    """What it is about: a source, a symbol, a divergence id."""
    ack: str | None = None
    """What a person has to acknowledge before RED is left; None: it ends by itself."""


class Unlock(Fact):
    """One row of what the next rung asks for."""

    cond: str
    have: str
    need: str
    ok: bool


class RungChange(Fact):
    """One move of the posture, kept as long as it counts for the flap hold."""

    cycle_no: int
    was: Posture
    to: Posture


class PostureState(Fact):
    """What the controller carries from tick to tick. A new book starts GREEN with nothing held against it."""

    posture: Posture = Posture.GREEN
    since: Instant | None = None
    """None: never ticked."""
    age_s: int = 0
    """Active seconds in this posture."""
    causes: tuple[str, ...] = ()
    """Codes of what holds it there, worst first; RECOVERING first if nothing does any more; empty when GREEN."""
    entered_by: tuple[str, ...] = ()
    """Causes as they were when it last got worse; kept on the way up until GREEN."""
    floors: tuple[Floor, ...] = ()
    """What the last tick found, worst first."""
    debt: Measure6 = 0.0
    terms: tuple[DebtTerm, ...] = ()
    """Sums to ``debt``; all terms, also those of zero."""
    conf: Measure6 = 1.0
    factor: Measure4 = 1.0
    """Size factor of the next entry: the minimum over posture and warm-up; 0 in ORANGE and RED."""
    healthy: int = 0
    """Cycles in a row that met every row of the next rung."""
    cycle_no: int = 0
    """Cycles so far; one that died before its END and the one after it count once."""
    unlock: tuple[Unlock, ...] = ()
    """Rows of the next rung as this tick saw them; empty when GREEN."""
    needed: int = 0
    """Healthy cycles that the next rung needs."""
    ack_needed: tuple[str, ...] = ()
    """What a person must acknowledge before RED is left: codes, and ids of divergences; sorted."""
    severity: Measure6 = 0.0
    """Of the contradiction, decaying."""
    streak: int = 0
    mismatch_streak: int = 0
    agreed: int = 0
    """Ticks in a row whose comparison was whole and found nothing of C2 or worse."""
    agreed_cycles: int = 0
    """Cycles in a row that began so: the severity fades with them."""
    agreed_syncs: int = 0
    """Cycles in a row whose positions agreed."""
    blind: int = 0
    """Cycles in a row without a read of the positions."""
    gravity: Measure6 = 0.0
    """G of the divergences that are open; one is closed by a later verdict only."""
    debts: tuple[Measure6, ...] = ()
    """Debt of the last ticks, oldest first: the growth is fitted to it."""
    over_yellow: int = 0
    """Ticks running that the debt has stood over the YELLOW band ..."""
    over_orange: int = 0
    """... and over the ORANGE band."""
    after_red: bool = False
    """RED was entered, and no YELLOW was reached since: the next one begins a warm-up."""
    warm_up: int = 0
    """Cycles of warm-up that are left, this one included."""
    changes: tuple[RungChange, ...] = ()
    hold_until: int = 0
    """The cycle up to which a flap holds the posture; 0: none does."""
    has_ended: bool = True
    """The last cycle came to its END; a SPOT after it changes nothing about that."""
    last_healthy: bool = True
    """It did, and that END and what followed were healthy: credits cross the night."""


class PostureView(Fact):
    """What a person is told: why it is constrained, since when, and what unlocks next."""

    posture: Posture
    since: Instant | None
    age_s: int
    causes: tuple[str, ...]
    entered_by: tuple[str, ...]
    debt: Measure6
    debt_terms: dict[str, Measure6]
    conf: Measure6
    floors: tuple[Floor, ...]
    size_factor: Measure4
    warm_up_left: int
    """Cycles for which a warm-up still makes entries smaller."""
    next_rung: Posture | None
    """None: GREEN."""
    unlock: tuple[Unlock, ...]
    healthy_count: int
    needed: int
    eta_cycles: int
    """Cycles to the next rung if from now on everything is well and whatever needs it is acknowledged ..."""
    eta_full_cycles: int
    """... and to entries of full size."""
    operator_ack_required: tuple[str, ...]
