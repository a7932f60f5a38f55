"""A person says how a FROZEN order ended, or that it works; the record is a fact of the journal like any other."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from execution_v2.order_fold import STATED
from execution_v2.transitions import is_settled
from flows.house import House
from flows.intents import one_of
from flows.settings import book_of
from flows.stages.opening import PENDING
from flows.status import latest_state
from flows.switch import journal_now, open_session
from ledger import layout
from schemas.base import Fact, SessionDate
from schemas.book import Order, OrderState
from schemas.errors import UsageFault
from schemas.events import OrderFilled, OrderOperatorResolved
from schemas.ids import fill_id
from schemas.reasons.edge import EdgeCode

LIVE: Final = "live"
"""The one that is no end: the broker's own list shows the order working, and looking it up fails."""
OUTCOMES: Final = {
    "filled": OrderState.FILLED,
    "cancelled": OrderState.CANCELLED,
    "never_sent": OrderState.NEVER_SENT,
    LIVE: OrderState.LIVE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a person says of an order.

    quantity, price: of the shares that filled and that no record tells of. order_id: the broker's, of one that is live.
    """

    outcome: str
    quantity: Decimal | None
    price: Decimal | None
    operator: str
    reason: str
    evidence: str
    order_id: str | None = None


def resolve(house: House, book_id: str, name: str, said: Statement) -> list[str]:
    """Journal *said* of the order *name* for the next cycle; returns what was written, one line each.

    Errors: ``UsageFault`` ORDER_UNKNOWN, ORDER_NOT_FROZEN, or USAGE for figures that cannot be meant.
    """
    book_of(book_id)
    latest, state, _ = latest_state(house, book_id)
    known = {order.ord_id: order for order in (*state.orders, *state.ended_today)}
    order = one_of(known, book_id, name)
    if order.state is not OrderState.FROZEN:
        raise _not_frozen(book_id, f"{order.ord_id} is {order.state}")
    pending = layout.control(book_id, PENDING)
    if house.disk.exists(pending) and order.ord_id.encode() in house.disk.read(pending):
        raise _not_frozen(book_id, f"a statement about {order.ord_id} waits for the next session already")
    quantity = _quantity(order, said)
    wrong = _misnamed(order, said)
    if wrong:
        raise _meaningless(order, said, wrong)
    now = datetime.now(UTC)
    rows: list[tuple[str, Fact]] = []
    if quantity:
        session = open_session(house, book_id) or house.calendar.next(SessionDate(latest))
        rows.append(("order.filled", _fill(book_id, order, said, quantity, session, now)))
    end = OrderOperatorResolved(
        ord_id=order.ord_id,
        state=OUTCOMES[said.outcome],
        operator=said.operator,
        reason=said.reason,
        evidence=said.evidence,
        order_id=said.order_id,
    )
    rows.append(("order.operator_resolved", end))
    wrote = journal_now(house, book_id, rows, now, "avwap operator resolve")
    told = f"{order.symbol} {order.leg} {order.ord_id}: {said.outcome}"
    lines = [wrote, f"stated   {told}{f', {quantity:f} shares at {said.price}' if quantity else ''}"]
    if said.outcome == LIVE:
        lines.append(
            "until    the broker's list shows it under that id, it counts as live and covers nothing"
        )
    return lines


def _quantity(order: Order, said: Statement) -> Decimal:
    """The shares that *said* adds to what is known to have filled."""
    rest = order.quantity - order.filled
    quantity = said.quantity or Decimal(0)
    if said.outcome == "filled":
        quantity = said.quantity if said.quantity is not None else rest
        wrong = f"{rest:f} shares are left of it" if quantity != rest else ""
    elif said.outcome == "cancelled":
        wrong = (
            "" if 0 <= quantity < rest else f"fewer than the {rest:f} shares that are left can have filled"
        )
    elif said.outcome == LIVE:
        wrong = (
            "the fills of an order that works are the broker's to tell: leave --qty out" if quantity else ""
        )
    else:
        wrong = "an order that was never sent has no fill" if quantity or order.filled else ""
    if quantity != quantity.to_integral_value():
        wrong = f"{quantity} is no whole number of shares"
    if quantity and (said.price is None or said.price <= 0):
        wrong = "a fill has a price above 0: give --price"
    if wrong:
        raise _meaningless(order, said, wrong)
    return quantity


def _misnamed(order: Order, said: Statement) -> str:
    """What is wrong about the broker's id that *said* names or leaves out; empty when nothing is."""
    if said.outcome != LIVE:
        return "" if said.order_id is None else "--order-id belongs to an order that is live"
    if said.order_id is None:
        return "give --order-id, the broker's own id of it, as its list shows it"
    if order.order_id not in (None, said.order_id):
        return f"the broker called it {order.order_id} before; {said.order_id} is another order"
    if is_settled(order):
        return "a person said before how it ended, and its fills with it; only an end can be said of it now"
    return ""


def _meaningless(order: Order, said: Statement, why: str) -> UsageFault:
    return UsageFault(
        EdgeCode.USAGE,
        f"{order.ord_id} cannot be {said.outcome} like that: {why}",
        safe="nothing was changed",
        next="avwap operator resolve --help shows what each outcome takes",
    )


def _fill(
    book_id: str, order: Order, said: Statement, quantity: Decimal, session: date, now: datetime
) -> OrderFilled:
    assert said.price is not None, "a fill without a price was refused"
    execution = f"{STATED}{order.ord_id}:{order.filled + quantity:f}"
    return OrderFilled(
        ord_id=order.ord_id,
        fill_id=fill_id(book_id, order.symbol, execution),
        execution_id=execution,
        decision_id=order.decision_id,
        intent_id=order.intent_id,
        position_id=order.position_id,
        strategy_id=order.strategy_id,
        sleeve_id=order.sleeve_id,
        symbol=order.symbol,
        side=order.side,
        quantity=quantity,
        price=said.price,
        fee=Decimal(0),
        executed_at=now,
        session_date=SessionDate(session),
        arrival_price=order.arrival_price,
        reason=order.reason,
    )


def _not_frozen(book_id: str, why: str) -> UsageFault:
    return UsageFault(
        EdgeCode.ORDER_NOT_FROZEN,
        f"{why}; a person speaks of an order only while it is FROZEN",
        safe="nothing was changed; the broker is asked at the start of every cycle",
        next=f"avwap intents list --book {book_id} --working shows what every order waits for",
    )
