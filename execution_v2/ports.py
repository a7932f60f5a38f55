"""A cycle is given what it may know and the doors it may use; it finds nothing for itself.

Everything in ``CycleInputs`` was recorded before the cycle began; whatever else a cycle learns comes through
one of the ``Ports``, each of which the edge records.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from execution_v2.broker.port import Broker
from execution_v2.config import ExecutionConfig
from execution_v2.evidence import EvidencePort
from execution_v2.gates.facts import EnforcementConfig
from execution_v2.lifecycle_causes import LifecycleConfig
from execution_v2.posture.config import PostureConfig
from execution_v2.stop_facts import StopFact
from market.feed import Feed
from schemas.base import SessionDate
from schemas.book import BookState, Order
from schemas.candidates import Candidates
from schemas.cycle import CycleKind
from schemas.decisions import Decisions
from schemas.enforcement import Enforcement
from schemas.events import StopCovered
from schemas.journal import JournalRecord
from schemas.observations import BarFacts, ControlObservation
from schemas.reasons.gates import RecordCode
from schemas.reasons.ledger import ReadFaultCode
from schemas.snapshot import Snapshot
from strategies.config import EntryConfig, ExitConfig

Entry = tuple[str, datetime, str | None, Any]
"""What a journal takes: (event, ts, cycle, data), data being the event's ``Fact``."""


class JournalPort(Protocol):
    """The session's journal: what it returns is on disk. ``ledger.journal.Journal`` is one."""

    def append(self, entries: Iterable[Entry]) -> Sequence[JournalRecord]: ...


class IndexPort(Protocol):
    """Who may move an order on: ``execution_v2.store.IntentIndex`` is one."""

    def move(self, orders: Iterable[Order], session: SessionDate, seq: int) -> None:
        """Claim what the record *seq* made of *orders*. Errors: ``Denied`` CAS_LOST, and nothing may be sent."""
        ...


def nothing_wrong() -> RecordCode | None:
    """What is wrong with a record that cannot fail."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The doors of a cycle. ``pause`` waits that many seconds; in simulated time it does nothing."""

    broker: Broker
    feed: Feed
    journal: JournalPort
    now: Callable[[], datetime]
    """UTC. Asked once, when the cycle begins: every record of a daily-bar cycle carries that instant."""
    pause: Callable[[float], None]
    index: IndexPort | None = None
    """Claims each change of an order after its record and before its effect; None: nobody else could act."""
    record_fault: Callable[[], RecordCode | None] = nothing_wrong
    """Why nothing may be entered on this record; exits go out all the same, and are written down later."""
    records: Callable[[], Sequence[JournalRecord]] | None = None
    """The session's records so far, oldest first; None: only those of the cycle are known."""
    reread: Callable[[], bytes] | None = None
    """The session's journal as it lies on disk; None: nobody reads it again."""
    evidence: EvidencePort | None = None
    """Where the reads behind a finding are kept; None: nowhere, as in a replay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleInputs:
    """What a cycle knows when it begins.

    What only entries need comes as it was read or as the fault that kept it: nothing is entered then, and
    exits run as ever (L2, L3).
    """

    book_id: str
    session_date: SessionDate
    data_session: SessionDate
    slot: str
    """Name of the cycle's folder: ``0935``, or ``0935-2`` for a second run."""
    kind: CycleKind
    state: BookState
    """Fold of every journal of the book, this session's included as far as it goes."""
    carried: BookState | None = None
    """Fold of the journals of earlier sessions, for the second fold; None: ``state`` is where it begins."""
    is_first: bool = False
    """Whether it is the first cycle of its session: nothing is entered in that one (INTRADAY; by kind elsewhere)."""
    gaps: tuple[StopCovered, ...] = ()
    """Per position the session's last word on its protection (``coverage.told``); INTRADAY cycles count on from it."""
    untold: tuple[StopFact, ...] = ()
    """What ``stop_facts.untold`` finds missing in the journal that a process before left."""
    open_at: datetime
    close_at: datetime
    sessions: tuple[SessionDate, ...]
    """The session and as many before it as are known, oldest first; counts how long a position is held."""
    history: Mapping[str, tuple[BarFacts, ...]]
    """Daily bars up to P on the basis of D, oldest first (the last 220 suffice), of symbols held or to be
    entered. A symbol without them gets no structural stop."""
    marks: Mapping[str, Decimal]
    """Last known prices on the basis of D, for exposure; a quote of the cycle overrides them."""
    sectors: Mapping[str, str] | None = None
    """Symbol -> sector as of D; None: there is no table of sectors, and no cap on one."""
    splits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Splits effective today by the market's facts, (new, old) by symbol, without those that a record of the session
    has booked. INTRADAY cycles book one when the broker's quantity agrees."""
    candidates: Candidates | ReadFaultCode = ReadFaultCode.MISSING
    decisions: Decisions | ReadFaultCode = ReadFaultCode.MISSING
    enforcement: Enforcement | ReadFaultCode = ReadFaultCode.MISSING
    snapshot: Snapshot | ReadFaultCode = ReadFaultCode.MISSING
    """Of P."""
    control: ControlObservation | ReadFaultCode = ReadFaultCode.MISSING
    stated_pnl: str | None = None
    """``S2_DAILY_PNL_JSON`` as the morning recorded it; None: not given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleConfig:
    """Every setting that a cycle obeys."""

    execution: ExecutionConfig
    entry: EntryConfig
    exits: ExitConfig
    gates: EnforcementConfig
    posture: PostureConfig = field(default_factory=PostureConfig)
    lifecycle: LifecycleConfig = field(default_factory=LifecycleConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleResult:
    """What a cycle leaves in memory; ``execution.run`` and ``stops.run`` fold it into the two artifacts."""

    records: tuple[JournalRecord, ...]
    state_before: BookState
    state_after: BookState
    carried: tuple[str, ...]
