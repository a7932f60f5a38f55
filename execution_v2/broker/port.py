"""One door leads to a broker, and no answer on this side of it is an exception: unknown is an outcome.

The contract of execution.md 12.1. Requests carry Decimals and our own client id; an adapter translates both
ways, and whatever surprises it becomes ``Unresolved`` or ``ReadFailed``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

from market.feed import ReadFailed, Seen
from schemas.base import SessionDate
from schemas.book import OrderType, Side, TimeInForce
from schemas.observations import (
    AccountFacts,
    AssetFacts,
    BrokerFill,
    BrokerOrder,
    BrokerPosition,
    ClockFacts,
    CorporateEvent,
    OrderUpdate,
    SessionHours,
)

__all__ = [
    "Account",
    "Assets",
    "Broker",
    "Capabilities",
    "CancelOrder",
    "Clock",
    "Confirmed",
    "Denied",
    "Events",
    "Fills",
    "Found",
    "LookUp",
    "LookUpAnswer",
    "NotFound",
    "Orders",
    "Outcome",
    "Positions",
    "ReadFailed",
    "Rejected",
    "ReplaceOrder",
    "Seen",
    "Sessions",
    "SubmitOrder",
    "Unresolved",
    "Updates",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOrder:
    """A new order. Prices USD on the tick, quantity whole shares."""

    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    order_type: OrderType
    time_in_force: TimeInForce
    limit: Decimal | None = None
    stop: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceOrder:
    """Exchange a working order for another, atomically at the venue: a new order id under our new client id.

    *quantity* is the successor's unfilled quantity.
    """

    order_id: str
    client_order_id: str
    quantity: Decimal
    limit: Decimal | None = None
    stop: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """End a working order."""

    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """Ask after one order, by our id or by the broker's; exactly one of them."""

    client_order_id: str | None = None
    order_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """The broker says that it holds *order* (for a replace: the successor; for a cancel: the ended order)."""

    order: BrokerOrder
    answer: Literal["confirmed"] = "confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The broker provably said no. *reason* is one of ``schemas.reasons.execution.BrokerCode``.

    *raw*: its words; of RATE_LIMITED the whole seconds to wait and nothing else, empty if it named none.
    """

    reason: str
    raw: str = ""
    answer: Literal["rejected"] = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """We never asked: the request did not leave."""

    code: str
    answer: Literal["denied"] = "denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """No definite answer. *sent*: whether the request surely left, or may have."""

    cause: str
    sent: Literal["yes", "maybe"] = "maybe"
    answer: Literal["unresolved"] = "unresolved"


Outcome = Confirmed | Rejected | Denied | Unresolved


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The broker knows this order, working or ended."""

    order: BrokerOrder
    answer: Literal["found"] = "found"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFound:
    """The broker answered, and does not know it (yet): one such answer is not a proof (execution.md 3.3)."""

    answer: Literal["not_found"] = "not_found"


LookUpAnswer = Found | NotFound | ReadFailed
Account = Seen[AccountFacts] | ReadFailed
Positions = Seen[tuple[BrokerPosition, ...]] | ReadFailed
"""Sorted by symbol."""
Orders = Seen[tuple[BrokerOrder, ...]] | ReadFailed
"""Working orders, sorted by (symbol, client id)."""
Fills = Seen[tuple[BrokerFill, ...]] | ReadFailed
"""Sorted by (executed_at, symbol, execution id)."""
Events = Seen[tuple[CorporateEvent, ...]] | ReadFailed
"""Sorted by (at, event id)."""
Clock = Seen[ClockFacts] | ReadFailed
Sessions = Seen[tuple[SessionHours, ...]] | ReadFailed
"""Oldest first."""
Assets = Seen[tuple[AssetFacts, ...]] | ReadFailed
"""Sorted by symbol; a symbol that the broker does not know has no row."""
Updates = Seen[tuple[OrderUpdate, ...]] | ReadFailed
"""What the stream brought since it was last asked, in order of arrival; ReadFailed: it is down or mute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a broker can do; an adapter knows it without asking anybody, and the contract suite holds it to it."""

    patch_stop: bool = True
    """A working stop is replaced in one step, under a new order id."""
    opposite_side_rule: bool = True
    """A buy is refused while a sell stop or market sell of its symbol works, and the reverse."""
    holds_shares: bool = True
    """Shares that a working sell may sell are held for it."""
    day_trade_fields: bool = False
    stream: bool = False
    places_orders: bool = True
    """What is submitted goes to a market; without it a person places the order by hand."""


class Broker(Protocol):
    """What every adapter answers. Methods never raise for what the outside does."""

    def capabilities(self) -> Capabilities: ...

    def submit(self, request: SubmitOrder) -> Outcome: ...

    def replace(self, request: ReplaceOrder) -> Outcome: ...

    def cancel(self, request: CancelOrder) -> Outcome: ...

    def lookup(self, request: LookUp) -> LookUpAnswer: ...

    def account(self) -> Account: ...

    def positions(self) -> Positions: ...

    def open_orders(self) -> Orders: ...

    def closed_orders(self, since: SessionDate) -> Orders:
        """Orders that ended in *since* or a later session."""
        ...

    def fills(self, since: SessionDate) -> Fills:
        """Executions of *since* and later sessions."""
        ...

    def events(self, session: SessionDate) -> Events:
        """What happened to holdings or cash in *session* without a fill."""
        ...

    def assets(self, symbols: Sequence[str]) -> Assets:
        """Whether *symbols* can be traded now."""
        ...

    def updates(self) -> Updates:
        """What the order stream brought since it was last asked; it is opened by the first call."""
        ...

    def clock(self) -> Clock: ...

    def calendar(self, first: SessionDate, last: SessionDate) -> Sessions:
        """The broker's own calendar from *first* to *last*, both included."""
        ...
