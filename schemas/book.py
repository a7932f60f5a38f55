"""What a book holds: positions, orders and cash, as the fold of its journals. ``book.json`` is that fold.

Every position, order and share names the strategy and sleeve it belongs to. A position carries its plan,
copied at the first fill, so that it is managed whether or not its symbol is ever scanned again.
"""

from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final

from schemas.base import Amount, Fact, Fraction6, Instant, Price, SessionDate, Shares
from schemas.header import Artifact
from schemas.lifecycle import LifecycleState
from schemas.posture import PostureState
from schemas.tick import TickKind


class Side(StrEnum):
    """Direction of an order."""

    BUY = "buy"
    SELL = "sell"


class Leg(StrEnum):
    """Which part of an intent an order carries out."""

    ENTRY = "E"
    STOP = "S"
    TRIM = "T"
    EXIT = "X"


class RiskClass(StrEnum):
    """What an order does to exposure; follows from exposure, never from a caller's flag."""

    INCREASE = "INCREASE"
    REDUCE = "REDUCE"


class OrderType(StrEnum):
    """Order types that we use; protective stops are stop-market, never stop-limit."""

    LIMIT = "limit"
    MARKET = "market"
    STOP = "stop"


class TimeInForce(StrEnum):
    """``day`` for entries, trims and exits; ``gtc`` for protective stops."""

    DAY = "day"
    GTC = "gtc"


class OrderState(StrEnum):
    """Life of one order (execution.md 3.1)."""

    CREATED = "CREATED"
    SUBMITTING = "SUBMITTING"
    SUBMIT_UNKNOWN = "SUBMIT_UNKNOWN"
    LIVE = "LIVE"
    PARTIAL = "PARTIAL"
    REPLACING = "REPLACING"
    REPLACE_UNKNOWN = "REPLACE_UNKNOWN"
    CANCELLING = "CANCELLING"
    CANCEL_UNKNOWN = "CANCEL_UNKNOWN"
    FROZEN = "FROZEN"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    PARTIAL_CANCELLED = "PARTIAL_CANCELLED"
    REPLACED = "REPLACED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    NEVER_SENT = "NEVER_SENT"
    DENIED = "DENIED"


ENDED: Final = frozenset(
    {
        OrderState.FILLED,
        OrderState.CANCELLED,
        OrderState.PARTIAL_CANCELLED,
        OrderState.REPLACED,
        OrderState.REJECTED,
        OrderState.EXPIRED,
        OrderState.NEVER_SENT,
        OrderState.DENIED,
    }
)
"""Terminal states. Everything else, unknowns included, is possibly live and counts in full (L5)."""


class PositionPlan(Fact):
    """How a position will be left, copied from its intent at the first fill."""

    initial_stop: Price
    level: Price
    entry_ref: Price
    limit_cap: Price
    r1: Price
    r1_fraction: Fraction6
    r2: Price
    r2_fraction: Fraction6
    trail_fraction: Fraction6
    time_stop_sessions: int | None = None


class Order(Fact):
    """One order: one attempt to carry out one leg of an intent."""

    ord_id: str
    client_order_id: str
    order_id: str | None = None
    """The broker's id, once known."""
    leg: Leg
    revision: int
    attempt: int
    risk_class: RiskClass
    state: OrderState
    strategy_id: str
    sleeve_id: str
    intent_id: str
    """The opening intent; for stops, trims and exits that of their position."""
    decision_id: str | None = None
    position_id: str
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Shares
    filled: Shares
    limit: Price | None = None
    stop: Price | None = None
    arrival_price: Price | None = None
    """Reference price at submission, from which slippage is measured."""
    reason: str
    """Why it was sent: ENTRY, STOP_INITIAL, STOP_RATCHET, TRIM_R1, EXIT_TIME …"""
    basis: str | None = None
    """Stops only: what the price rests on."""
    plan: PositionPlan | None = None
    """Entries only: the plan that the position takes over; its initial_stop is stop' of strategy.md 4.2."""
    replaces: str | None = None
    sends: int = 1
    """How often it was announced: 2 after the one resend that a proven absence allows."""
    session_date: SessionDate
    """Session of the first send."""
    carries: int = 0
    """Cycles that ended without knowing what became of it; the third freezes it."""
    frozen_from: OrderState | None = None
    """What it was before it was FROZEN: an absence proves something only of an order that nobody ever saw."""
    is_stated: bool = False
    """A person said how it ended: what the broker tells later is not booked a second time. Or, of one that works, that
    it does: it covers nothing until the broker shows it (``execution_v2.transitions``)."""


class Position(Fact):
    """Shares of one strategy in one symbol from flat to flat."""

    position_id: str
    strategy_id: str
    sleeve_id: str
    intent_id: str
    decision_id: str | None = None
    symbol: str
    quantity: Shares
    quantity_opened: Shares
    average_entry: Amount
    entered_at: Instant
    entry_session: SessionDate
    plan: PositionPlan | None
    """None only for a position that no intent of ours opened."""
    high_water: Price | None = None
    r1_touched: bool = False
    r2_touched: bool = False
    stop_price: Price | None = None
    """Price of the last stop that a broker held for it; a stop that gets lost is placed there again."""
    stop_basis: str | None = None
    """What that stop rests on (``strategies.exits.StopBasis``)."""
    stops_sent: int = 0
    """Stop orders announced for it so far: the next one's revision. Likewise trims and exits."""
    trims_sent: int = 0
    exits_sent: int = 0
    cash_flow: Amount = Decimal(0)
    """Cash that it brought less cash that it took, so far; its result once it is flat."""


class StopOut(Fact):
    """A position that its stop closed; the symbol cools down to the end of the next session."""

    strategy_id: str
    symbol: str
    session_date: SessionDate


class Closing(Fact):
    """A position that went flat, and what it came to."""

    strategy_id: str
    sleeve_id: str
    symbol: str
    session_date: SessionDate
    net: Amount
    """Every cent that it brought less every cent that it took: fees, dividends and cash in lieu included."""
    cost: Amount
    """What its shares were bought for."""
    by_stop: bool


class StrategyResult(Fact):
    """What a strategy's closed positions came to, and how it stood when the session opened."""

    strategy_id: str
    realised: Amount
    """Sum of every closed position's net result."""
    at_open: Amount
    """That sum, and the cash flow of what it held, as this session opened."""


class LossRun(Fact):
    """Losing positions in a row. ``strategy_id`` is empty for the book's own count, over all strategies."""

    strategy_id: str
    losses: int


class Quarantined(Fact):
    """A symbol in which nothing is entered until book and broker agree on it again, and why."""

    symbol: str
    code: str


class Ticked(Fact):
    """The last tick of a cycle, so that a cycle that died and runs again earns nothing twice."""

    slot: str
    """Of the cycle: ``0935``, whichever run of it."""
    kind: TickKind
    began_at: Instant
    """Of the last BEGIN."""
    first_slot: str
    """The first slot of the session that was ticked."""
    session_date: SessionDate


class BookState(Fact):
    """Fold of every journal of a book up to a point. ``orders`` holds the possibly-live ones only."""

    session_date: SessionDate | None
    """The session whose journal is being folded; None before the first."""
    starting_capital: Amount
    net_flows: Amount
    cash: Amount
    positions: tuple[Position, ...]
    """Sorted by (symbol, strategy_id)."""
    orders: tuple[Order, ...]
    """Possibly live, sorted by (symbol, ord_id)."""
    ended_today: tuple[Order, ...]
    """Orders that ended in this session, same order; emptied when a session opens."""
    entry_intents_today: tuple[str, ...]
    """Intents with an entry sent or possibly sent in this session, sorted. Counts intents, not attempts."""
    stop_outs: tuple[StopOut, ...]
    """Those of this session and the one before."""
    executions: tuple[str, ...]
    """Ids of the executions and corporate events booked in this session, sorted: each is booked once."""
    executions_before: tuple[str, ...] = ()
    """Likewise those of the session that the book was open in before: its last minutes may have been seen by nobody."""
    previous_session: SessionDate | None = None
    """That session; executions are asked for from it on."""
    killed: bool = False
    """A journaled KILL_ON without KILL_OFF."""
    results: tuple[StrategyResult, ...] = ()
    """Sorted by strategy."""
    closings: tuple[Closing, ...] = ()
    """Positions that went flat, of the last 100 days, in the order in which they did."""
    loss_runs: tuple[LossRun, ...] = ()
    """Runs of losses that nothing has ended, sorted by strategy."""
    quarantined: tuple[Quarantined, ...] = ()
    """Sorted by symbol."""
    gave_up: tuple[str, ...] = ()
    """Orders whose replacement was given up and whose fate is still unknown, sorted."""
    acks: tuple[str, ...] = ()
    """What an operator acknowledged since the last tick: codes and ids of divergences, sorted."""
    known_external: tuple[str, ...] = ()
    """Symbols of shares that others hold in the account, and that a person acknowledged, while they are there."""
    posture: PostureState = PostureState()
    lifecycle: LifecycleState = LifecycleState()
    ticked: Ticked | None = None
    """None: no cycle has judged yet how much the book knows."""
    epoch: int = 0
    """How often the book was taken over by another host; every order sent since carries it."""


class Book(Artifact):
    """``observations/book.json``: the fold at the session's opening, before anything in it is done."""

    SCHEMA: ClassVar[str] = "avwap.book"
    STAGE: ClassVar[str] = "book"

    state: BookState
    state_sha256: str
    """Digest of the canonical state. ``session.opened`` names that of the state carried over, before it."""
