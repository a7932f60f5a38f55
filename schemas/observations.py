"""An outside fact as received, with the instant at which it was so. A failed read carries no rows.

The premarket observations of a session are artifacts under ``observations/``; what a cycle asks and is
answered is recorded call by call in ``cycles/<HHMM>/observations/calls.jsonl``.
"""

from datetime import date
from typing import ClassVar, Final

from pydantic import Field

from schemas.base import SYMBOL_PATTERN, Amount, Fact, Instant, Price, SessionDate, Shares
from schemas.book import OrderType, Side, TimeInForce
from schemas.header import Artifact
from schemas.reasons.market import BarCode


class AccountFacts(Fact):
    """The account as the broker states it, USD."""

    equity: Amount
    cash: Amount
    buying_power: Amount
    restricted: bool = False
    day_trades: int | None = None
    """Day trades of the last five sessions as the broker counts them; None: it does not say."""


class BrokerPosition(Fact):
    """One symbol's shares at the broker; it knows nothing of strategies."""

    symbol: str
    quantity: Shares
    average_price: Amount


WORKING: Final = frozenset({"open", "accepted", "pending_replace", "pending_cancel"})
"""Statuses of an order that may still fill. Only ``open`` can be replaced."""


class BrokerOrder(Fact):
    """An order as the broker shows it.

    ``status``: one of ``WORKING``, or an end: filled, cancelled, replaced, expired, rejected.
    """

    order_id: str
    client_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Shares
    filled: Shares
    limit: Price | None = None
    stop: Price | None = None
    status: str
    replaced_by: str | None = None
    replaces: str | None = None
    ended_at: Instant | None = None
    """When it ended there; None while it works, and of a broker that does not say."""

    @property
    def is_working(self) -> bool:
        """Whether it may still fill."""
        return self.status in WORKING


class BrokerFill(Fact):
    """One execution. Price after costs, fee in USD."""

    execution_id: str
    order_id: str
    client_order_id: str
    symbol: str
    side: Side
    quantity: Shares
    price: Price
    fee: Amount
    executed_at: Instant
    session_date: SessionDate


class OrderUpdate(Fact):
    """One message of the broker's order stream: it hastens what reads would tell, and proves nothing missing.

    ``event``: the broker's word, unknown ones kept as they came. Quantity and price: of the execution, if it is one.
    """

    event: str
    order: BrokerOrder
    execution_id: str | None = None
    quantity: Shares | None = None
    price: Price | None = None
    position_quantity: Shares | None = None
    at: Instant


class AssetFacts(Fact):
    """Whether a symbol can be traded now. ``is_halted`` None: the broker does not say."""

    symbol: str
    is_tradable: bool
    is_halted: bool | None = None


class CorporateEvent(Fact):
    """What the broker did to holdings or cash without a fill: split, cash in lieu, dividend, change of symbol.

    new_symbol: what the shares of ``symbol`` are called from now on.
    """

    event_id: str
    kind: str
    symbol: str | None
    ratio_num: int | None = None
    ratio_den: int | None = None
    new_symbol: str | None = None
    cash: Amount
    at: Instant
    session_date: SessionDate


class ClockFacts(Fact):
    """The broker's clock and today's hours; the exits follow this clock alone."""

    now: Instant
    is_open: bool
    session_date: SessionDate
    open_at: Instant
    close_at: Instant


class SessionHours(Fact):
    """One session as the broker's calendar states it."""

    session: SessionDate
    open_at: Instant
    close_at: Instant


class Acknowledgement(Fact):
    """An operator looked at the bars and lets one quarantine of one symbol pass for one session."""

    symbol: str
    code: BarCode
    session_date: SessionDate
    operator: str
    reason: str
    at: Instant


class QuoteFacts(Fact):
    """Last known price of a symbol. On daily bars bid and ask are None: the spread is unknown and not asked."""

    symbol: str
    last: Price
    bid: Price | None = None
    ask: Price | None = None
    as_of: Instant


class BarFacts(Fact):
    """A finished daily bar of the session, as traded."""

    symbol: str
    session_date: SessionDate
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Shares


class IntradayBarFacts(Fact):
    """A closed bar of *seconds* from *start_at*, as traded."""

    symbol: str
    start_at: Instant
    seconds: int
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Shares


class SymbolMetrics(Fact):
    """What a provider knew of a company on ``as_of``; None is not known."""

    symbol: str = Field(pattern=SYMBOL_PATTERN)
    as_of: date
    market_cap_usd: Amount | None = None
    float_shares: Shares | None = None
    listing: str | None = None
    """Where it is listed, as the provider spells it."""


class MetricsObservation(Artifact):
    """``observations/metrics.json``: what a provider of metrics answered, by symbol; absent if none was asked."""

    SCHEMA: ClassVar[str] = "avwap.observation.metrics"
    STAGE: ClassVar[str] = "observe"

    ok: bool
    as_of: Instant
    provider: str
    metrics: tuple[SymbolMetrics, ...]
    cause: str | None = None


class AccountObservation(Artifact):
    """``observations/account.json``."""

    SCHEMA: ClassVar[str] = "avwap.observation.account"
    STAGE: ClassVar[str] = "observe"

    ok: bool
    as_of: Instant
    account: AccountFacts | None
    cause: str | None = None


class PositionsObservation(Artifact):
    """``observations/positions.json``, sorted by symbol."""

    SCHEMA: ClassVar[str] = "avwap.observation.positions"
    STAGE: ClassVar[str] = "observe"

    ok: bool
    as_of: Instant
    positions: tuple[BrokerPosition, ...]
    cause: str | None = None


class OrdersObservation(Artifact):
    """``observations/orders.json``: open orders, sorted by (symbol, client_order_id)."""

    SCHEMA: ClassVar[str] = "avwap.observation.orders"
    STAGE: ClassVar[str] = "observe"

    ok: bool
    as_of: Instant
    orders: tuple[BrokerOrder, ...]
    cause: str | None = None


class ClockObservation(Artifact):
    """``observations/clock.json``."""

    SCHEMA: ClassVar[str] = "avwap.observation.clock"
    STAGE: ClassVar[str] = "observe"

    ok: bool
    as_of: Instant
    clock: ClockFacts | None
    cause: str | None = None


class CalendarObservation(Artifact):
    """``observations/calendar.json``: the broker's sessions from *first* to *last* = D, oldest first."""

    SCHEMA: ClassVar[str] = "avwap.observation.calendar"
    STAGE: ClassVar[str] = "observe"

    ok: bool
    as_of: Instant
    first: SessionDate
    last: SessionDate
    sessions: tuple[SessionHours, ...]
    cause: str | None = None


class AcknowledgedObservation(Artifact):
    """``observations/acknowledged.json``: what an operator lifted for D, by (symbol, code); absent without any."""

    SCHEMA: ClassVar[str] = "avwap.observation.acknowledged"
    STAGE: ClassVar[str] = "observe"

    acknowledged: tuple[Acknowledgement, ...]


class SleevePnlObservation(Artifact):
    """``observations/sleeve_pnl.json``: ``S2_DAILY_PNL_JSON`` as this morning had it; absent if it was not set."""

    SCHEMA: ClassVar[str] = "avwap.observation.sleeve_pnl"
    STAGE: ClassVar[str] = "observe"

    as_of: Instant
    text: str
    """As received; whether it can be meant, the decisions judge."""


class CloseObservation(Artifact):
    """``observations/close.json``: what the postclose saw; account, positions, open orders and official closes.

    ``marks`` are official closes of D for every symbol held or traded in the session, sorted by symbol.
    """

    SCHEMA: ClassVar[str] = "avwap.observation.close"
    STAGE: ClassVar[str] = "observe"

    ok: bool
    as_of: Instant
    account: AccountFacts | None
    positions: tuple[BrokerPosition, ...]
    orders: tuple[BrokerOrder, ...]
    marks: tuple[BarFacts, ...]
    causes: tuple[str, ...] = ()


class ControlObservation(Artifact):
    """``observations/control.json``: what the operator's switches said when the session was authorised."""

    SCHEMA: ClassVar[str] = "avwap.observation.control"
    STAGE: ClassVar[str] = "observe"

    as_of: Instant
    kill_env: bool
    """``KILL_SWITCH`` set in the environment."""
    kill_file: str | None
    """Which file was seen: ``control/KILL_SWITCH`` of the book or ``KILL_SWITCH`` in the root."""
    kill_unreadable: str | None
    """Why a switch could not be read; then it counts as set."""
    live_trading: bool
    live_token_ok: bool | None
    """Whether the confirmation token matched its file; None where no token is asked."""
    live_token_fault: str | None = None
    """Which token rule is broken (``execution_v2.gates.live.token_fault``); the token is never kept."""
    live_host_ok: bool | None = None
    """Whether the broker's host is the one of this book; None where the book has none."""
    breaker_open: bool | None = None
    """Whether the line failed so often of late that nothing is added over it; None where there is none."""
