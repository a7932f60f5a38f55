"""What a cycle knew when it judged how much it knows: the one input of posture and lifecycle, recorded as measured.

A tick is taken at a cycle's BEGIN (after observing), at a SPOT before each entry, and at its END. Nothing here is
judged yet: ages, counts and values only. A number that nobody could measure is null, and null is never good.
"""

from enum import StrEnum

from schemas.base import Amount, Fact, Instant, Measure2, Measure4


class TickKind(StrEnum):
    """When in a cycle the tick was taken; a SPOT may only tighten."""

    BEGIN = "BEGIN"
    SPOT = "SPOT"
    END = "END"


class Posture(StrEnum):
    """How much may be risked on what is known, best first."""

    GREEN = "GREEN"
    YELLOW = "YELLOW"
    ORANGE = "ORANGE"
    RED = "RED"


class Source(StrEnum):
    """Where evidence comes from."""

    REST = "rest"
    """Account, positions and open orders: the oldest of the three."""
    STREAM = "stream"
    """Order updates: the last frame or pong."""
    FILLS = "fills"
    """The last read of executions that succeeded."""


class Sighting(Fact):
    """When one source was last heard, and how often it failed."""

    source: Source
    is_on: bool
    """False: switched off by configuration, and then without weight."""
    age_s: Measure2 | None
    """Seconds since it was last heard; None: never in this cycle. Negative: its stamp lies in our future."""
    error_rate: Measure4
    """Failed reads among those of the last 60 s; 0 where none was tried."""


class ContradictionGrade(StrEnum):
    """How far two accounts of one thing differ (execution.md 9.2); C0, no difference, leaves no line."""

    C1 = "C1"
    C2 = "C2"
    C3 = "C3"


class Contradicting(Fact):
    """Two accounts of one thing that differ past the grace."""

    grade: ContradictionGrade
    subject: str
    """A symbol, an order, or ``account``."""
    code: str
    """Status of the position sync, contradiction code of an order, or CASH_DRIFT."""


class DivergenceCategory(StrEnum):
    """What replay found to differ (execution.md 11)."""

    LEDGER_GAP = "LEDGER_GAP"
    CORRUPT = "CORRUPT"
    STATE_HASH = "STATE_HASH"
    NONDETERMINISM = "NONDETERMINISM"
    POSITION = "POSITION"
    ORPHAN = "ORPHAN"
    ILLEGAL_TRANSITION = "ILLEGAL_TRANSITION"
    DECISION = "DECISION"
    REPLACE_RACE = "REPLACE_RACE"
    CONTRADICTION = "CONTRADICTION"
    PROTECTION_GAP = "PROTECTION_GAP"
    STALE_VERDICT = "STALE_VERDICT"
    UNKNOWN = "UNKNOWN"


class Divergence(Fact):
    """One difference between the record and what stands, as found."""

    divergence_id: str
    """``div_`` + hash of book, category and subject: what recurs has the same id, and is acknowledged by it."""
    category: DivergenceCategory
    severity: Measure4
    clamp: Posture
    needs_ack: bool
    ord_id: str | None = None
    seq: int | None = None
    pointer: str
    expected: str
    actual: str
    count: int = 1
    """How often it occurred in this cycle."""


class Verdict(Fact):
    """What the shadow fold of this cycle said, last; without one in this cycle the verdict is stale."""

    seq: int
    """The record that it was folded up to."""
    divergences: tuple[Divergence, ...]
    """Sorted by (category, divergence_id); empty: all agrees."""
    state_sha256: str | None = None
    """Digest of the shadow's state after that record, on one line: a later process that folds up to it must come to
    the same. None but at END, and while records wait for their disk."""


class Tick(Fact):
    """Everything that posture and lifecycle may look at, beside their own past."""

    kind: TickKind
    at: Instant
    is_first: bool
    """In the first cycle of its session."""
    active_s: int
    """Seconds of regular session credited since the previous BEGIN, at most two slots; 0 but at BEGIN."""
    sightings: tuple[Sighting, ...]
    """One per source, in the order of ``Source``."""
    elapsed_s: Measure2 | None = None
    """Seconds since the cycle began, where time passes within it; None: no grace for a source not heard yet."""
    contradictions: tuple[Contradicting, ...] = ()
    has_positions: bool
    """The broker's positions were read in this cycle."""
    is_in_sync: bool
    """They were compared with ours, and agreed."""
    has_synced: bool
    """The comparison was completed, whatever it said."""
    unknown_orders: int
    """Orders whose fate is unknown and that are not FROZEN."""
    unknown_oldest_s: int | None
    """Active seconds since the oldest of them became unknown; None without any."""
    ambiguous_symbols: int
    frozen_orders: int
    gave_up: int
    """Replacements that were given up and are still open."""
    overturned: tuple[str, ...] = ()
    """Orders whose proven absence was overturned, or that filled after their end, in symbols not yet synced."""
    external: tuple[str, ...] = ()
    """Symbols that the broker holds, that we do not, and that nobody acknowledged."""
    syncs: tuple[str, ...] = ()
    """Floors that the position sync named (``SyncRow.floor``), as postures."""
    gap_s: int
    """Regular-session seconds for which the longest open coverage gap has been open; 0 without one."""
    gap_breaches: int
    """Gaps of this session over the error line of 60 s that are open."""
    is_covered: bool
    """Every own position is covered by confirmed stops or working exits."""
    record_faults: tuple[str, ...] = ()
    """Codes of gate 3 that hold now."""
    is_corrupt: bool = False
    """The journal broke in its middle."""
    verdict: Verdict | None
    """Of this cycle; None: none yet, which is stale."""
    equity: Amount | None
    """Of the account, as observed in this cycle."""
    net_flows: Amount
    """Cash paid in less cash taken out since the book began: moves the peak and the day's start, is no gain."""
    is_held: bool
    """Rebuild said HOLD: an endpoint of the observation failed."""
    is_released: bool
    """Rebuild was released in this cycle, all reads are well and the clocks agree."""
    is_breaker_open: bool
    quotes_asked: int
    quotes_answered: int
    requests: int
    """Requests of this cycle to the broker."""
    throttled: int
    """Those answered by 429."""
    killed_by: tuple[str, ...] = ()
    """Sources of the kill switch that are set (codes of gate 2)."""
    may_arm: bool
    """Configuration lets READY become ACTIVE by itself; ALPACA_LIVE: gate 1 is open."""
