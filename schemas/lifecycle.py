"""Lifecycle between two ticks: what the book as a whole may do, and the causes that must end before it may do more."""

from decimal import Decimal
from enum import StrEnum

from schemas.base import Amount, Fact, Instant, SessionDate


class Lifecycle(StrEnum):
    """States of a book (execution.md 10)."""

    INIT = "INIT"
    READY = "READY"
    ACTIVE = "ACTIVE"
    THROTTLED = "THROTTLED"
    PAUSED = "PAUSED"
    DEGRADED = "DEGRADED"
    EMERGENCY = "EMERGENCY"


class LifecycleState(Fact):
    """What the machine carries from tick to tick. A new book starts INIT."""

    state: Lifecycle = Lifecycle.INIT
    since: Instant | None = None
    causes: tuple[str, ...] = ()
    """Reasons that hold, in the order of the table; a state is left only when none of its own remains."""
    clean: int = 0
    """Ticks in a row without a cause of the present state; a whole cycle is BEGIN and END."""
    peak: Amount | None = None
    """Highest equity so far, moved by flows; restarted by the acknowledgement of a drawdown."""
    day_start: Amount | None = None
    """Equity as the session's first tick saw it, moved by flows."""
    flows: Amount = Decimal(0)
    """Net flows when peak and day_start were last moved."""
    loss_session: SessionDate | None = None
    """Session in which the day's loss reached its limit."""
    flat_reads: int = 0
    """Reads in a row that saw every own position covered, or none held."""
    unsynced: int = 0
    """Cycles in a row without a completed comparison of positions."""
    acked: tuple[str, ...] = ()
    """Causes of EMERGENCY that a person acknowledged and that have not recurred."""
    operator_emergency: bool = False
    paused: bool = False
    """A person paused it and nobody resumed."""


class LifecycleChanged(Fact):
    """One transition: one record, one log line, one count."""

    before: Lifecycle
    after: Lifecycle
    reason: str
    causes: tuple[str, ...]
    inputs_sha256: str
    """Digest of the tick that it was decided on."""
    seconds_in_previous: int | None
    evidence: str | None = None
