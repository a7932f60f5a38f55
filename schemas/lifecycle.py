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
    """When that state was entered; None: never ticked."""
    reason: str | None = None
    """Why it was entered."""
    causes: tuple[str, ...] = ()
    """Causes that hold, in the order of the table; a state is left only when none of its own remains."""
    clean: tuple[str, ...] = ()
    """Those that this cycle's BEGIN found gone and that nothing has shown since: its END drops them."""
    peak: Amount | None = None
    """Highest equity so far, moved by flows; None: the next equity that is read starts it."""
    day_start: Amount | None = None
    """Equity that the session began with, moved by flows: the last one that was known before it."""
    equity: Amount | None = None
    """Last equity that was known, moved by flows."""
    flows: Amount = Decimal("0.000000")
    """Net flows when those three were last moved."""
    session: SessionDate | None = None
    """Session of the last tick; a loss of the day is of that one."""
    flat_reads: int = 0
    """Reads in a row, two at most, that saw every own position covered, or none held."""
    unsynced: int = 0
    """Cycles in a row without a completed comparison of positions."""
    acked: tuple[str, ...] = ()
    """Causes of EMERGENCY that a person has answered for, and that hold no longer than they have to."""
    emergency_causes: tuple[str, ...] = ()
    """Every cause of EMERGENCY since it was entered: they say who may go on after it."""
    operator_emergency: bool = False
    """A person declared an emergency, and nobody acknowledged that it is over."""
    paused: bool = False
    """A person, or the end of an emergency, paused it, and nobody resumed."""
    flatten: bool = False
    """A person wants every own position sold in this EMERGENCY."""


class LifecycleChanged(Fact):
    """One transition: one record, one log line, one count."""

    before: Lifecycle
    after: Lifecycle
    reason: str
    causes: tuple[str, ...]
    inputs_sha256: str
    """Digest of the tick that it was decided on."""
    seconds_in_previous: int | None
    """By the wall's clock, nights included; None: it was the book's first tick."""
    evidence: str | None = None


class Ending(StrEnum):
    """What ends a cause."""

    ITSELF = "ITSELF"
    """One whole cycle that does not show it."""
    NEXT_SESSION = "NEXT_SESSION"
    PERSON = "PERSON"


class Holding(Fact):
    """One cause that holds, which state it means, and what ends it."""

    cause: str
    means: Lifecycle
    ending: Ending
    is_answered: bool
    """A person's word on it was given; the next cycle takes it in."""
    command: str | None
    """For that word, as it is typed, capitals standing for what only its author knows; None: none is needed."""


class LifecycleView(Fact):
    """What a person is told: what the book may do, since when, what holds it, and what ends that."""

    state: Lifecycle
    since: Instant | None
    reason: str | None
    causes: tuple[Holding, ...]
    """Worst first; those of a lesser state wait behind the one that stands."""
    ack_needed: tuple[str, ...]
    """Causes that wait for a person's ``ack``."""
    commands: tuple[str, ...]
    """What a person types, in this order; empty: nothing waits for one."""
