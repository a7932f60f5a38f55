"""What happens to an order is a record of its own: announced, answered, moved, filled, ended, contradicted.

``schemas.events.EVENTS`` names them all; import them from there.
"""

from schemas.base import Amount, Fact, Instant, Price, SessionDate, Shares
from schemas.book import Order, OrderState, OrderType, Side, TimeInForce


class OrderSubmitting(Fact):
    """Written and synced before the first byte leaves. The order is possibly live from here on."""

    order: Order


class OrderConfirmed(Fact):
    """The broker says that it holds the order."""

    ord_id: str
    order_id: str


class OrderRejected(Fact):
    """The broker provably said no."""

    ord_id: str
    reason: str
    raw: str


class OrderUnresolved(Fact):
    """No definite answer: SUBMIT_UNKNOWN, REPLACE_UNKNOWN or CANCEL_UNKNOWN; counts as live in full."""

    ord_id: str
    state: OrderState
    cause: str


class OrderResolved(Fact):
    """A look-up settled an unknown order."""

    ord_id: str
    state: OrderState
    order_id: str | None
    cause: str


class OrderReplacing(Fact):
    """A replace is about to be sent; *successor* becomes live when the broker says so."""

    ord_id: str
    successor: Order


class OrderReplaced(Fact):
    """The broker replaced *ord_id* by *successor_ord_id* under a new id."""

    ord_id: str
    successor_ord_id: str
    successor_order_id: str


class OrderReplaceRejected(Fact):
    """The broker refused the replace; the old order stays as it was."""

    ord_id: str
    successor_ord_id: str
    reason: str


class OrderCancelling(Fact):
    """A cancel is about to be sent."""

    ord_id: str
    cause: str


class OrderEnded(Fact):
    """The order reached a terminal state without a fill of ours in this record."""

    ord_id: str
    state: OrderState
    cause: str
    ended_at: Instant | None = None
    """When the broker says that it ended, which may be long before anybody looked; None: it does not say."""


class OrderFilled(Fact):
    """One execution, booked once by its id."""

    ord_id: str
    fill_id: str
    execution_id: str
    decision_id: str | None
    intent_id: str
    position_id: str
    strategy_id: str
    sleeve_id: str
    symbol: str
    side: Side
    quantity: Shares
    price: Price
    fee: Amount
    executed_at: Instant
    session_date: SessionDate
    arrival_price: Price | None
    reason: str
    """The order's reason: ENTRY, STOP_INITIAL, STOP_RATCHET, TRIM_R1, TRIM_R2, EXIT_TIME …"""
    order_id: str | None = None
    """The broker's id of the order: a fill may be the first that we hear of it."""


class OrderOperatorResolved(Fact):
    """A person says how a FROZEN order ended, and on what evidence; its fill, if any, is the record before.

    Or that it works (LIVE), under that id of the broker's: it covers nothing until the broker shows it.
    """

    ord_id: str
    state: OrderState
    order_id: str | None = None
    operator: str
    reason: str
    evidence: str


class OrderContradicted(Fact):
    """The broker told of an order what its end, or its proof of absence, ruled out; *state* is what we held."""

    ord_id: str
    state: OrderState
    code: str
    detail: str


class IllegalTransition(Fact):
    """A record that the order's table does not allow; the state was kept."""

    ord_id: str
    state: OrderState
    event: str
    detail: str


class RouterFacts(Fact):
    """What a decision of the router rested on: the wish, the order that stands, and the facts of the moment."""

    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Shares
    limit: Price | None
    stop: Price | None
    existing: str | None
    """The ord_id of the order of the same leg; None: none."""
    bound: Shares | None
    is_halted: bool
    renews: bool
    is_ready: bool
    has_budget: bool


class RouterDecided(Fact):
    """What the router wants done with a wish of one position, where that is anything at all (execution.md 6)."""

    position_id: str
    strategy_id: str
    sleeve_id: str
    symbol: str
    leg: str
    decision: str
    reason: str
    risk_class: str
    facts: RouterFacts | None = None
    """None: written before decisions carried them."""
