"""Every effect is recorded before it leaves, and what came of it after; no answer is believed more than it says.

An answer that proves nothing leaves the order live, in full, until a look-up settles it (L5, L6). Entries come as
``Authorised``, all else as ``Reduction``.
"""

from typing import Final

from execution_v2.attempts import SENDS_MAX
from execution_v2.broker.port import (
    CancelOrder,
    Confirmed,
    Denied,
    Outcome,
    Rejected,
    SubmitOrder,
    Unresolved,
)
from execution_v2.desk import Desk
from execution_v2.enforce import Authorised
from execution_v2.gates.facts import Phase
from execution_v2.resolve import follow, never_sent, resolve, unresolved
from execution_v2.risk_class import Reduction
from execution_v2.stop_facts import stop_fact
from schemas.book import ENDED, Order, OrderState
from schemas.events import OrderCancelling, OrderConfirmed, OrderEnded, OrderRejected, OrderSubmitting
from schemas.reasons.execution import BrokerCode

CANCELS_MAX: Final = 3
"""Cancels of one order in a row, while the broker shows it still open (execution.md 7)."""


def enter(desk: Desk, authorised: Authorised, order: Order) -> Order:
    """Send an entry that every gate let pass on the facts of this cycle."""
    entry = authorised.entry
    assert authorised.phase is Phase.S, "authorised for the session is not authorised to be sent"
    assert (order.intent_id, order.quantity, order.limit) == (
        entry.intent_id,
        entry.quantity,
        entry.limit,
    ), "an entry other than the one that was authorised"
    return _submit(desk, order)


def reduce(desk: Desk, reduction: Reduction) -> Order:
    """Send what can only lower exposure; at once a second time if the first provably never left."""
    order = _submit(desk, reduction.order)
    if order.state is OrderState.NEVER_SENT and order.sends < SENDS_MAX:
        order = _submit(desk, order.model_copy(update={"sends": order.sends + 1}))
    return order


def cancel(desk: Desk, order: Order, cause: str) -> Order:
    """End a working order; its fills are read before the end is believed."""
    for _ in range(CANCELS_MAX):
        order = _cancel(desk, order, cause)
        if order.state not in (OrderState.LIVE, OrderState.PARTIAL):
            break
    return order


def _cancel(desk: Desk, order: Order, cause: str) -> Order:
    assert order.order_id is not None, "a working order has the broker's id"
    desk.note(("order.cancelling", OrderCancelling(ord_id=order.ord_id, cause=cause)))
    outcome = desk.ports.broker.cancel(CancelOrder(order_id=order.order_id))
    if isinstance(outcome, Confirmed):
        if outcome.order.filled > desk.known(order.ord_id).filled:
            desk.import_fills()
        if desk.known(order.ord_id).state not in ENDED:
            ended = OrderEnded(ord_id=order.ord_id, state=OrderState.CANCELLED, cause=cause)
            desk.note(("order.ended", ended))
    else:
        unresolved(desk, order, OrderState.CANCEL_UNKNOWN, cause_of(outcome))
        resolve(desk, desk.known(order.ord_id), cause)
    return desk.known(order.ord_id)


def _submit(desk: Desk, order: Order) -> Order:
    desk.note(("order.submitting", OrderSubmitting(order=order)))
    request = SubmitOrder(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        order_type=order.order_type,
        time_in_force=order.time_in_force,
        limit=order.limit,
        stop=order.stop,
    )
    outcome = desk.ports.broker.submit(request)
    if isinstance(outcome, Confirmed):
        confirmed = OrderConfirmed(ord_id=order.ord_id, order_id=outcome.order.order_id)
        desk.note(("order.confirmed", confirmed), *stop_fact(desk.fold, order))
        follow(desk, order.ord_id, outcome.order)
    elif isinstance(outcome, Rejected) and outcome.reason != BrokerCode.DUPLICATE_CLIENT_ID:
        refused = OrderRejected(ord_id=order.ord_id, reason=outcome.reason, raw=outcome.raw)
        desk.note(("order.rejected", refused))
    elif isinstance(outcome, Denied):
        never_sent(desk, order.ord_id, outcome.code)
    else:  # a used client id proves that an order arrived, never that it was refused
        unresolved(desk, order, OrderState.SUBMIT_UNKNOWN, cause_of(outcome))
        resolve(desk, desk.known(order.ord_id))
    return desk.known(order.ord_id)


def cause_of(outcome: Outcome) -> str:
    """Why an outcome is not the one wished for."""
    match outcome:
        case Rejected(reason=reason):
            return reason
        case Denied(code=code):
            return code
        case Unresolved(cause=cause):
            return cause
        case _:
            return ""
