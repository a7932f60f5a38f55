"""What one cycle did, and how every position was protected at its end: folds of the cycle's journal records.

Nothing stands in ``execution.json`` or ``stops.json`` that the journal lacks.
"""

from enum import StrEnum
from typing import ClassVar

from schemas.base import Fact, Price, Shares
from schemas.book import Leg, OrderState, OrderType, RiskClass, Side
from schemas.events import (
    ActionApplied,
    EntryAuthorised,
    EntryDenied,
    IllegalTransition,
    OrderFilled,
    PositionFailed,
    PositionMarked,
    StopEvent,
    SyncChecked,
)
from schemas.header import Artifact
from schemas.lifecycle import LifecycleView
from schemas.posture import PostureView


class CycleKind(StrEnum):
    """What a cycle is for. On daily bars a session has the first three; on intraday bars all its slots are the last."""

    OPEN = "open"
    """0930: observe, import, reconcile, protect, exits at the open; enters nothing."""
    ENTRIES = "entries"
    """0935: entries in authorised order, each protected at once."""
    CLOSE = "close"
    """1600 (1300): the bar was played; targets, then the stops for the next session."""
    INTRADAY = "intraday"
    """Any slot of a session that is watched on intraday bars: exits at every one, entries but in the first."""


class OrderLine(Fact):
    """One order that this cycle announced, changed or ended, as it stood at the cycle's end."""

    ord_id: str
    client_order_id: str
    order_id: str | None
    leg: Leg
    revision: int
    attempt: int
    sends: int
    risk_class: RiskClass
    strategy_id: str
    sleeve_id: str
    intent_id: str
    decision_id: str | None
    position_id: str
    symbol: str
    side: Side
    order_type: OrderType
    quantity: Shares
    filled: Shares
    limit: Price | None
    stop: Price | None
    arrival_price: Price | None
    reason: str
    replaces: str | None
    state: OrderState
    cause: str
    """Why it stands there: a broker's reason, ENTRY_MISSED_LIMIT … Empty when nothing needs saying."""


class Execution(Artifact):
    """``cycles/<slot>/execution.json``; every list in the order of the journal."""

    SCHEMA: ClassVar[str] = "avwap.execution"
    STAGE: ClassVar[str] = "execution"

    slot: str
    kind: str
    first_seq: int | None
    """Journal records of the cycle, first and last; None for a cycle that recorded nothing."""
    last_seq: int | None
    state_before_sha256: str
    state_after_sha256: str
    blocked: tuple[str, ...]
    """Why no entry at all could be tried: the codes of files that entries rest on; empty on an ordinary day."""
    authorised: tuple[EntryAuthorised, ...]
    denied: tuple[EntryDenied, ...]
    orders: tuple[OrderLine, ...]
    fills: tuple[OrderFilled, ...]
    actions: tuple[ActionApplied, ...]
    marks: tuple[PositionMarked, ...]
    sync: tuple[SyncChecked, ...]
    faults: tuple[PositionFailed, ...]
    illegal: tuple[IllegalTransition, ...]
    unresolved: tuple[str, ...]
    """Orders whose fate is unknown at the cycle's end; they count as live in full (L5)."""
    carried: tuple[str, ...]
    posture: PostureView | None = None
    """How much was known at the cycle's end, and what was allowed on it; None: no tick has judged it."""
    lifecycle: LifecycleView | None = None
    """What the book as a whole might do then."""


class StopLine(Fact):
    """One position that the cycle saw, and its protection."""

    position_id: str
    strategy_id: str
    sleeve_id: str
    symbol: str
    quantity: Shares
    """Held at the cycle's end; 0 when it was closed."""
    covered: Shares
    """Shares that confirmed working stops would sell."""
    stop_before: Price | None
    stop_after: Price | None
    basis: str | None
    """Where the price of the last stop event came from; None when there was no event."""
    reason: str
    """Code of the last stop event; STOP_UNCHANGED without one, POSITION_CLOSED when nothing is held."""
    gap_s: int
    """Seconds from the cycle's first uncovered fill to the stop's confirmation."""
    gap_open: bool
    """Still uncovered at the cycle's end."""


class Stops(Artifact):
    """``cycles/<slot>/stops.json``: sorted by (symbol, strategy_id); events in the order of the journal."""

    SCHEMA: ClassVar[str] = "avwap.stops"
    STAGE: ClassVar[str] = "stops"

    slot: str
    positions: tuple[StopLine, ...]
    events: tuple[StopEvent, ...]
