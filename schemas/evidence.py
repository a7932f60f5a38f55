"""What was found, on which reads it rests, and what was done: a summary that stands beside those reads.

``cycles/<HHMM>/evidence/<ev_id>/``: ``summary.json``, ``inputs/*.json`` as received, ``sha256sums``.
"""

from enum import StrEnum

from schemas.base import Fact, Instant, Scalar, SessionDate


class EvidenceMode(StrEnum):
    """What the evidence is of (execution.md 5.3)."""

    POSITION_SYNC = "position_sync"
    REBUILD = "rebuild"
    REPLACE = "replace"
    LIFECYCLE = "lifecycle"
    REPLAY = "replay"
    REMEDY = "remedy"
    MANUAL = "manual"


class EvidenceSide(Fact):
    """One side of a comparison: what it holds, and as of when. ``as_of`` None: it could not be read."""

    quantity: Scalar
    as_of: Instant | None


class EvidenceSummary(Fact):
    """``summary.json`` of one piece of evidence."""

    evidence_id: str
    mode: EvidenceMode
    book_id: str
    session_date: SessionDate
    cycle: str
    symbol: str
    reason: str
    action: str
    ours: EvidenceSide
    broker: EvidenceSide
    fills: tuple[str, ...]
    """Execution ids that were considered, sorted."""
    config_sha256: str
