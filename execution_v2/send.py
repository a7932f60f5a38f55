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
from execution_v2.hearing import listen
from execution_v2.resolve import follow, identify, never_sent, resolve, unresolved
from execution_v2.risk_class import Reduction
from execution_v2.stop_facts import stop_fact
from schemas.book import ENDED, Order, OrderState, RiskClass
from schemas.events import OrderCancelling, OrderConfirmed, OrderRejected, OrderSubmitting
from schemas.reasons.execution import BrokerCode, OrderCause

CANCELS_MAX: Final = 3
"""Cancels of one order in a row, while the broker shows it still open (execution.md 7)."""

_UNPROVEN: Final = frozenset({BrokerCode.DUPLICATE_CLIENT_ID, BrokerCode.RATE_LIMITED})
"""Refusals after which the order may live: a used client id proves an arrival, and a 429 is no broker's word."""
RETRY_AFTER_S: Final = 3.0
"""How long a broker that names no time is left alone after it said that we ask too much ..."""
RETRY_AFTER_S_MAX: Final = 30.0
"""... and the longest that it may ask for."""


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


def _late(desk: Desk, order: Order) -> Order:
    """The cycle's time is spent: the order never left, nothing is announced, and the next cycle plans it again."""
    desk.carry(order.ord_id)
    return order.model_copy(update={"state": OrderState.NEVER_SENT})


def reduce(desk: Desk, reduction: Reduction) -> Order:
    """Send what can only lower exposure; at once a second time if the first provably never left."""
    order = _submit(desk, reduction.order)
    known = desk.fold.order(order.ord_id)
    if known is not None and known.state is OrderState.NEVER_SENT and order.sends < SENDS_MAX:
        order = _submit(desk, order.model_copy(update={"sends": order.sends + 1}))
    return order


def cancel(desk: Desk, order: Order, cause: str) -> Order:
    """End a working order; its fills are read before the end is believed. One without the broker's id is carried."""
    order = identify(desk, order)
    if order.order_id is None or order.state in ENDED:
        return order
    for _ in range(CANCELS_MAX):
        if not desk.has_time(RiskClass.REDUCE):
            desk.carry(order.ord_id)
            break
        order = _cancel(desk, order, cause)
        if order.state not in (OrderState.LIVE, OrderState.PARTIAL):
            break
    listen(desk)
    return desk.known(order.ord_id)


def _cancel(desk: Desk, order: Order, cause: str) -> Order:
    assert order.order_id is not None, "a working order has the broker's id"
    desk.note(("order.cancelling", OrderCancelling(ord_id=order.ord_id, cause=cause)))
    outcome = desk.ports.broker.cancel(CancelOrder(order_id=order.order_id))
    if isinstance(outcome, Confirmed) and not outcome.order.is_working:
        follow(desk, order.ord_id, outcome.order, cause)
        if desk.known(order.ord_id).state not in ENDED:  # its fills could not be read: no end before they are
            unresolved(desk, order, OrderState.CANCEL_UNKNOWN, OrderCause.FILLS_UNREAD)
            desk.carry(order.ord_id)
    else:
        unresolved(desk, order, OrderState.CANCEL_UNKNOWN, cause_of(outcome))
        heed(desk, outcome)
        resolve(desk, desk.known(order.ord_id), cause)
    return desk.known(order.ord_id)


def _submit(desk: Desk, order: Order) -> Order:
    if not desk.has_time(order.risk_class):
        return _late(desk, order)
    desk.note(("order.submitting", OrderSubmitting(order=order)))
    if order.risk_class is RiskClass.INCREASE and (fault := desk.ports.record_fault()) is not None:
        never_sent(desk, order.ord_id, fault)  # the announcement itself did not come to disk
        return desk.known(order.ord_id)
    outcome = desk.ports.broker.submit(request_of(order))
    desk.tick()  # what is confirmed is confirmed now, not when it was sent
    if isinstance(outcome, Confirmed):
        confirmed = OrderConfirmed(ord_id=order.ord_id, order_id=outcome.order.order_id)
        desk.note(("order.confirmed", confirmed), *stop_fact(desk.fold, order))
        follow(desk, order.ord_id, outcome.order)
    elif isinstance(outcome, Rejected) and outcome.reason not in _UNPROVEN:
        refused = OrderRejected(ord_id=order.ord_id, reason=outcome.reason, raw=outcome.raw)
        desk.note(("order.rejected", refused))
    elif isinstance(outcome, Denied):
        never_sent(desk, order.ord_id, outcome.code)
    else:
        unresolved(desk, order, OrderState.SUBMIT_UNKNOWN, cause_of(outcome))
        heed(desk, outcome)
        resolve(desk, desk.known(order.ord_id))
    listen(desk)
    return desk.known(order.ord_id)


def request_of(order: Order) -> SubmitOrder:
    """What the broker is asked for *order*."""
    return SubmitOrder(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        order_type=order.order_type,
        time_in_force=order.time_in_force,
        limit=order.limit,
        stop=order.stop,
    )


def heed(desk: Desk, outcome: Outcome) -> None:
    """Leave a broker alone that said we ask too much, for as long as it says."""
    if isinstance(outcome, Rejected) and outcome.reason == BrokerCode.RATE_LIMITED:
        desk.pause(retry_after_s(outcome.raw))


def retry_after_s(raw: str) -> float:
    """Seconds that *raw*, of a RATE_LIMITED refusal, asks for; 3 if it names none, 30 at most.

    The port's promise: whole seconds and nothing else, empty if the broker named none.
    """
    return min(float(raw), RETRY_AFTER_S_MAX) if raw.isascii() and raw.isdigit() else RETRY_AFTER_S


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
