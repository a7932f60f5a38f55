"""A week's reliability is counted, not judged: how long things were unknown, uncovered or held back, out of how many.

Every ratio carries its numerator and denominator; one of nothing is null, which is neither good nor bad.
"""

from typing import ClassVar

from pydantic import Field

from schemas.base import Fact, Measure2, Measure6, SessionDate
from schemas.book import Leg, OrderState
from schemas.header import Artifact
from schemas.lifecycle import Lifecycle
from schemas.tick import DivergenceCategory, Posture


class Rate(Fact):
    """``value`` = numerator / denominator; null of 0 / 0."""

    numerator: int
    denominator: int
    value: Measure6 | None


class Spread(Fact):
    """Of *count* values: their sum (the numerator of the mean), mean, 95th percentile by nearest rank, and maximum.

    Null where there is no value.
    """

    count: int
    sum: Measure2
    mean: Measure6 | None
    p95: Measure2 | None
    max: Measure2 | None


class Count(Fact):
    """How often one thing happened."""

    name: str
    count: int


class Cycles(Fact):
    """What ran. ``requests``: to the broker, per cycle, as its END tick counted them."""

    began: int
    ended: int
    missed: int
    """Slots that were due and never began."""
    requests: Spread


class Ambiguity(Fact):
    """How long the fate of orders was unknown, for episodes that ended in the week."""

    leg: Leg | None
    """Null: all legs, or, in a row of its own, orders that no record of the week or the book before names."""
    wall: Spread
    """Seconds of the clock."""
    active: Spread
    """Seconds of regular session."""
    open: int
    """Orders still unknown at the week's end."""


class Surface(Fact):
    """How much was unknown at once: intents and symbols with an order of unknown fate, at each cycle's end."""

    intents: Spread
    symbols: Spread


class DivergenceCount(Fact):
    """Divergences of one category."""

    category: DivergenceCategory
    found: int
    """Records; one that is found again in a later cycle is counted again."""
    distinct: int
    """Divergence ids among them."""


class Replaces(Fact):
    """Exchanges of orders, by how they ended."""

    terminals: tuple[Count, ...]
    """Sorted by name."""
    points: int
    """Ambiguous points on the way, summed."""
    ambiguous: Rate
    """Replaces with an ambiguous point, of all."""
    gave_up: Rate
    """Replaces that ended in a GAVE_UP, of all."""


class ProtectiveGaps(Fact):
    """Regular seconds in which positions lay without full cover. A gap that is open at a close counts up to it."""

    sum_s: Measure2
    max_s: Measure2
    """Of one gap."""
    positions: int
    """Positions with a gap, counted once per session."""
    open: int
    """Of the last session, open after its last record."""


class PostureSeconds(Fact):
    """Active seconds spent in one posture for one cause, the worst that held."""

    posture: Posture
    cause: str
    """Empty for GREEN, and where no cause was recorded."""
    seconds: Rate
    """Of the active seconds of the week."""


class Clamp(Fact):
    """Attempts at an entry that posture or lifecycle refused, or let pass at a part of their size."""

    reason: str
    refused: int
    reduced: int


class Denial(Fact):
    """Entries that one gate refused for one code; an entry refused for three codes stands in three rows."""

    phase: str
    """``morning``: in the file of the day's enforcement; ``cycle``: at an attempt to send."""
    gate: str
    """Empty: a check before the gates, or the morning's file, which names codes alone."""
    code: str
    entries: int


class Transition(Fact):
    """Changes of the lifecycle from one state to another for one reason."""

    before: Lifecycle
    after: Lifecycle
    reason: str
    count: int


class IllegalMove(Fact):
    """Records that the table of orders refused, by the order's state and the event."""

    state: OrderState
    event: str
    count: int


class OrphanCount(Fact):
    """Own orders at the broker that no record named, by what was done with them."""

    action: str
    code: str
    count: int


class Reliability(Artifact):
    """``reliability/<week>.json``: one week of one book, from its journals alone. Lists are sorted by their keys."""

    SCHEMA: ClassVar[str] = "avwap.reliability"
    STAGE: ClassVar[str] = "reliability"

    week: str = Field(pattern=r"^[0-9]{4}-W[0-9]{2}$", description="ISO week")
    sessions: tuple[SessionDate, ...]
    """Those counted."""
    cycles: Cycles
    ambiguity: Ambiguity
    ambiguity_by_leg: tuple[Ambiguity, ...]
    surface: Surface
    divergences: tuple[DivergenceCount, ...]
    replaces: Replaces
    gaps: ProtectiveGaps
    postures: tuple[PostureSeconds, ...]
    """Best posture first; of one posture the longest first."""
    clamped: Rate
    """Attempts at an entry that posture or lifecycle refused or reduced, of all attempts."""
    clamps: tuple[Clamp, ...]
    denied: Rate
    """Attempts at an entry that were refused for whatever reason, of all attempts."""
    denials: tuple[Denial, ...]
    transitions: tuple[Transition, ...]
    illegal: tuple[IllegalMove, ...]
    contradictions: tuple[Count, ...]
    """News that an order's end ruled out, by code."""
    orphans: tuple[OrphanCount, ...]
    syncs: tuple[Count, ...]
    """Comparisons of positions, by status."""
    in_sync: Rate
