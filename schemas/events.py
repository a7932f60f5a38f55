"""Every journal event, typed. One change of state is one record, written before the effect it announces.

``EVENTS`` maps the event's name to the model of its ``data``; reader and writer refuse a name outside it.
"""

from typing import Final

from schemas.base import (
    Amount,
    Fact,
    Instant,
    Measure2,
    Measure4,
    Measure6,
    Price,
    Scalar,
    SessionDate,
    Shares,
)
from schemas.header import Finding, InputRef
from schemas.lifecycle import LifecycleChanged, LifecycleState
from schemas.order_events import (
    IllegalTransition,
    OrderCancelling,
    OrderConfirmed,
    OrderContradicted,
    OrderEnded,
    OrderFilled,
    OrderOperatorResolved,
    OrderRejected,
    OrderReplaced,
    OrderReplaceRejected,
    OrderReplacing,
    OrderResolved,
    OrderSubmitting,
    OrderUnresolved,
    RouterDecided,
    RouterFacts,
)
from schemas.posture import DebtTerm, PostureState
from schemas.tick import Divergence, Posture, Tick

__all__ = [
    "IllegalTransition",
    "OrderCancelling",
    "OrderConfirmed",
    "OrderContradicted",
    "OrderEnded",
    "OrderFilled",
    "OrderOperatorResolved",
    "OrderRejected",
    "OrderReplaced",
    "OrderReplaceRejected",
    "OrderReplacing",
    "OrderResolved",
    "OrderSubmitting",
    "OrderUnresolved",
    "RouterDecided",
    "RouterFacts",
]
"""What ``order_events`` declares and the rest imports from here, beside what follows."""


class SessionOpened(Fact):
    """First record of a session's journal: the hash of the state that it carries over."""

    prev_tail: str
    carried_state_sha256: str
    book_id: str
    session_date: SessionDate


class UniverseNetworkDisallowed(Fact):
    """This session's universe was made without a provider of metrics: UNIVERSE_ALLOW_NETWORK is off (U2)."""

    code: str
    provider: str | None
    """Who would have been asked; None: nobody is configured."""


class AccountFunded(Fact):
    """Capital in (or out, negative). The genesis funding comes from the first account observation."""

    amount: Amount
    genesis: bool


class CycleBegan(Fact):
    """A cycle starts acting."""

    slot: str
    kind: str
    """open, entries, close on daily bars; intraday otherwise."""


class CycleEnded(Fact):
    """A cycle ended by itself; ``carried`` names orders and exits left for the next."""

    slot: str
    carried: tuple[str, ...]


class CycleGap(Fact):
    """Cycles that were due and never began, from *first* to *last* (HHMM): nothing was watched meanwhile."""

    missed: int
    first: str
    last: str


class GateVerdict(Fact):
    """What one gate said of one entry; exits are never handed to a gate."""

    gate: str
    phase: str
    passed: bool
    findings: tuple[Finding, ...]


class EntryAuthorised(Fact):
    """An intent that passed every gate on the facts of the moment; its order is announced next."""

    intent_id: str
    strategy_id: str
    sleeve_id: str
    symbol: str
    quantity: Shares
    limit: Price
    stop: Price
    gates: tuple[GateVerdict, ...]


class EntryDenied(Fact):
    """An intent that is not sent in this cycle: by a gate or by the strategy's own checks."""

    intent_id: str
    strategy_id: str
    sleeve_id: str
    symbol: str
    code: str
    findings: tuple[Finding, ...]
    gates: tuple[GateVerdict, ...] = ()
    """Empty when a check before the gates said no."""


class EntriesBlocked(Fact):
    """No entry is tried in this cycle, named or not: a file that entries rest on cannot be used.

    ``codes``: why the enforcement cannot, then the candidates if they cannot either.
    """

    codes: tuple[str, ...]


class BlockedBy(Fact):
    """How many entries one code refused."""

    code: str
    entries: int


class EntriesEnforced(Fact):
    """What the morning's enforcement came to, and what it rested on; ``fault`` instead, where there is no file.

    ``blocked`` counts the refused by the code of their verdict; ``book_codes`` are those of the whole book.
    """

    fault: str | None = None
    file: InputRef | None = None
    inputs: tuple[InputRef, ...] = ()
    config_sha256: str | None = None
    code_version: str | None = None
    decision_enforced: bool | None = None
    authorised: int = 0
    refused: int = 0
    blocked: tuple[BlockedBy, ...] = ()
    book_codes: tuple[str, ...] = ()


class JournalLate(Fact):
    """The records after this one were made while the journal could not be written; they carry their own time."""

    records: int
    first_at: Instant


class PositionMarked(Fact):
    """Path facts of a position that its exits depend on: high water and touched targets."""

    position_id: str
    strategy_id: str
    sleeve_id: str
    symbol: str
    high_water: Price | None
    r1_touched: bool
    r2_touched: bool


class StopEvent(Fact):
    """What became of a protective stop in this pass: placed, ratcheted, held, resized, lost."""

    position_id: str
    strategy_id: str
    sleeve_id: str
    symbol: str
    quantity: Shares
    stop_before: Price | None
    stop_after: Price | None
    basis: str | None
    reason: str
    last: Price | None = None


class ReplaceEnded(Fact):
    """How an exchange of orders ended; ``points``: what was ambiguous on the way (execution.md 7)."""

    ord_id: str
    successor_ord_id: str | None
    position_id: str
    symbol: str
    terminal: str
    points: int
    queries: int
    wall_s: Measure2


class StopCovered(Fact):
    """For how long a position lay without its full protection in this session so far, in its regular seconds."""

    position_id: str
    strategy_id: str
    sleeve_id: str
    symbol: str
    gap_s: Measure2
    """Sum of the gaps that ended."""
    longest_s: Measure2
    """The longest one, the open one counted up to this record."""
    open_since: Instant | None
    """Since when it lies open; None: it is covered."""
    closed_since: Instant | None = None
    closed_at: Instant | None = None
    """From when to when the last gap that ended lay open: an end that is learnt of late may lie in or before it."""


class ActionApplied(Fact):
    """A split, dividend or other broker event that changed a quantity, a basis or cash without a fill.

    For a split: quantity and plan levels of the position are adjusted by ratio_num/ratio_den (new per old). For a
    change of symbol: position and working orders go by ``new_symbol``, and nothing else of them changes.
    """

    event_id: str
    kind: str
    symbol: str | None
    position_id: str | None
    strategy_id: str
    sleeve_id: str
    ratio_num: int | None
    ratio_den: int | None
    quantity_before: Shares | None
    quantity_after: Shares | None
    new_symbol: str | None = None
    cash: Amount


class SyncChecked(Fact):
    """Positions of book and broker were compared; rows name what differs."""

    status: str
    findings: tuple[Finding, ...]


class RebuildDecided(Fact):
    """An own order at the broker that no record names was judged (execution.md 4.2), before anything is done."""

    client_order_id: str
    order_id: str
    symbol: str
    quantity: Shares
    row: int
    action: str
    code: str
    evidence_id: str


class RebuildReleased(Fact):
    """The cycle knows where it stands: every read succeeded, and what differs is named."""

    findings: tuple[Finding, ...]


class PositionAdjusted(Fact):
    """The broker's quantity became ours without a fill, a split or an event of the broker."""

    event_id: str
    kind: str
    position_id: str
    strategy_id: str
    sleeve_id: str
    symbol: str
    quantity_before: Shares
    quantity_after: Shares
    average_price: Amount | None = None
    """Of a position that this record opens."""
    operator: str | None = None
    reason: str
    at: Instant


class RemedyDecided(Fact):
    """Whether shares that nobody can explain are sold."""

    symbol: str
    code: str
    quantity: Shares
    operator: str | None = None
    evidence_id: str


class PositionFailed(Fact):
    """An invariant broke while one position was worked on; the others went on (L3)."""

    position_id: str
    strategy_id: str
    sleeve_id: str
    symbol: str
    code: str
    detail: str


class TickTaken(Fact):
    """What was known at a tick, and where posture and lifecycle stand after it: ``step`` gives the same again."""

    slot: str
    tick: Tick
    posture: PostureState
    lifecycle: LifecycleState


class PostureChanged(Fact):
    """The posture moved; the tick before this record says on what."""

    before: Posture
    after: Posture
    causes: tuple[str, ...]
    """Worst first."""
    debt: Measure6
    terms: tuple[DebtTerm, ...]
    factor: Measure4


class KillSet(Fact):
    """A person set or lifted the kill switch."""

    on: bool
    operator: str
    reason: str


class OperatorAct(Fact):
    """A person's decision, with who and why."""

    verb: str
    operator: str
    reason: str
    subject: str | None = None
    detail: Scalar = None


class EpochRaised(Fact):
    """The book lives on this host from here on; every order is sent under that epoch (execution.md 3.4)."""

    epoch: int
    operator: str
    reason: str


EVENTS: Final[dict[str, type[Fact]]] = {
    "session.opened": SessionOpened,
    "universe_network_disallowed": UniverseNetworkDisallowed,
    "account.funded": AccountFunded,
    "cycle.began": CycleBegan,
    "cycle.ended": CycleEnded,
    "cycle.gap": CycleGap,
    "entry.authorised": EntryAuthorised,
    "entry.denied": EntryDenied,
    "entries.blocked": EntriesBlocked,
    "entries.enforced": EntriesEnforced,
    "order.submitting": OrderSubmitting,
    "order.confirmed": OrderConfirmed,
    "order.rejected": OrderRejected,
    "order.unresolved": OrderUnresolved,
    "order.resolved": OrderResolved,
    "order.replacing": OrderReplacing,
    "order.replaced": OrderReplaced,
    "order.replace_rejected": OrderReplaceRejected,
    "order.cancelling": OrderCancelling,
    "order.ended": OrderEnded,
    "order.filled": OrderFilled,
    "order.illegal_transition": IllegalTransition,
    "order.contradicted": OrderContradicted,
    "order.operator_resolved": OrderOperatorResolved,
    "journal.late": JournalLate,
    "position.marked": PositionMarked,
    "position.failed": PositionFailed,
    "stop.placed": StopEvent,
    "stop.ratcheted": StopEvent,
    "stop.held": StopEvent,
    "stop.resized": StopEvent,
    "stop.lost": StopEvent,
    "stop.covered": StopCovered,
    "router.decided": RouterDecided,
    "replace.ended": ReplaceEnded,
    "action.applied": ActionApplied,
    "sync.checked": SyncChecked,
    "rebuild.decided": RebuildDecided,
    "rebuild.released": RebuildReleased,
    "position.adjusted": PositionAdjusted,
    "remedy.decided": RemedyDecided,
    "tick.taken": TickTaken,
    "posture.changed": PostureChanged,
    "lifecycle.changed": LifecycleChanged,
    "divergence.found": Divergence,
    "kill.set": KillSet,
    "operator.acted": OperatorAct,
    "epoch.raised": EpochRaised,
}
