"""An unknown order is looked up until it is settled or its budget is spent; only proof settles it.

The budgets and the proof of absence are those of execution.md 3.3.
"""

from collections.abc import Sequence
from typing import Final

from execution_v2.broker.port import Found, LookUp, LookUpAnswer, NotFound, ReadFailed, Seen
from execution_v2.desk import Asked, Desk
from execution_v2.stop_facts import stop_event, stop_fact
from execution_v2.transitions import IN_FLIGHT, UNKNOWN, is_claimed
from schemas.book import ENDED, Leg, Order, OrderState, RiskClass, TimeInForce
from schemas.events import (
    OrderConfirmed,
    OrderContradicted,
    OrderEnded,
    OrderReplaced,
    OrderResolved,
    OrderUnresolved,
)
from schemas.observations import BrokerOrder
from schemas.reasons.execution import ContradictionCode, OrderCause, StopCode

_ENDS: Final = {
    "cancelled": OrderState.CANCELLED,
    "expired": OrderState.EXPIRED,
    "rejected": OrderState.REJECTED,
    "replaced": OrderState.REPLACED,
    "filled": OrderState.CANCELLED,
}
"""A broker's word for an order that works no more. One that is filled in full has ended by its last fill; one that the
broker filled for fewer shares than it stands for with us (a stop kept as it was over a split) ends here."""
_TO_BE_FOUND: Final = UNKNOWN | {OrderState.CREATED, OrderState.NEVER_SENT}
DONE_FOR_DAY: Final = "done_for_day"
"""A broker's word for an order that fills no more today: the end of a DAY order, and of no other."""


def find_in_flight(desk: Desk) -> None:
    """What the process before left on the wire is unknown, and is looked up before anything else."""
    for order in tuple(desk.fold.orders.values()):
        unknown = IN_FLIGHT.get(order.state)
        if unknown is not None:
            unresolved(desk, order, unknown, OrderCause.FOUND_AT_LOAD)
    for order in tuple(desk.fold.orders.values()):
        if order.state in UNKNOWN:
            resolve(desk, order)
    for order in tuple(desk.fold.orders.values()):
        # A successor whose predecessor was settled in the record before the process died. While that one may still be
        # replaced or stand, what the venue shows of this one alone proves nothing.
        if order.state is OrderState.CREATED and not _may_stand(desk, order.replaces):
            _resolve_successor(desk, order)


def _may_stand(desk: Desk, ord_id: str | None) -> bool:
    order = None if ord_id is None else desk.fold.order(ord_id)
    return order is not None and order.state in UNKNOWN


def resolve(desk: Desk, order: Order, cause: str = OrderCause.VENUE_ENDED) -> None:
    """Look an unknown order up until it is settled or the budget is spent; then it is carried."""
    if OrderState.REPLACE_UNKNOWN in (order.state, order.frozen_from):
        _resolve_replace(desk, order)
    elif order.order_id is not None:
        answer = ask(desk, LookUp(order_id=order.order_id))
        if isinstance(answer, Found):
            adopt(desk, order.ord_id, answer.order, cause)
    else:
        answer = ask(desk, LookUp(client_order_id=order.client_order_id))
        if isinstance(answer, Found):
            adopt(desk, order.ord_id, answer.order, cause)
        elif isinstance(answer, NotFound):
            never_sent(desk, order.ord_id, OrderCause.NOT_FOUND_PROOF)
    _carry(desk, desk.known(order.ord_id))


def _carry(desk: Desk, order: Order) -> None:
    """Leave an order that is still unknown for the next cycle; after the third it is FROZEN."""
    if order.state not in UNKNOWN or order.ord_id in desk.carried:
        return
    desk.carry(order.ord_id)
    if order.state is not OrderState.FROZEN:
        is_last = order.carries + 1 >= desk.config.execution.carries_max
        unresolved(desk, order, OrderState.FROZEN if is_last else order.state, OrderCause.CARRIED)


def _resolve_replace(desk: Desk, old: Order) -> None:
    new = _heir(desk, old)
    assert new is not None, "a replace without a successor"
    found = ask(desk, LookUp(client_order_id=new.client_order_id))
    # A request that was taken and rejected after that left a successor that never stood: the old one does.
    never_stood = isinstance(found, Found) and found.order.status == "rejected" and not found.order.filled
    if isinstance(found, Found) and not never_stood:
        if desk.passes_time and found.order.status == "accepted" and not _is_over_there(desk, old):
            return  # the venue has not exchanged them yet, and may not
        replaced(desk, old, new, found.order)
        return
    assert old.order_id is not None, "a replaced order has the broker's id"
    before = ask(desk, LookUp(order_id=old.order_id))
    if (
        (isinstance(found, NotFound) or never_stood)
        and isinstance(before, Found)
        and before.order.status != "replaced"
    ):
        if new.state not in ENDED:
            never_sent(desk, new.ord_id, OrderCause.NOT_FOUND_PROOF)
        adopt(desk, old.ord_id, before.order, OrderCause.VENUE_ENDED)


def _is_over_there(desk: Desk, old: Order) -> bool:
    """Whether the order to be replaced is shown as working no more; until it is, all of its shares may sell."""
    before = ask(desk, LookUp(order_id=old.order_id))
    return isinstance(before, Found) and not before.order.is_working


def _resolve_successor(desk: Desk, new: Order) -> None:
    found = ask(desk, LookUp(client_order_id=new.client_order_id))
    if isinstance(found, Found):
        adopt(desk, new.ord_id, found.order, OrderCause.VENUE_ENDED)
    elif isinstance(found, NotFound):
        never_sent(desk, new.ord_id, OrderCause.NOT_FOUND_PROOF)


def ask(desk: Desk, request: LookUp) -> LookUpAnswer:
    """An answer that counts: found, or not found with proof (3.3); ReadFailed for neither.

    Every look-up of an order in this cycle counts against one budget. Of a FROZEN order a failed look-up is the
    only one: a broker that does not answer is asked once per cycle.
    """
    config = desk.config.execution
    order = _order_of(desk, request)
    name = order.ord_id if order is not None else str(request.client_order_id or request.order_id)
    asked = desk.asked.setdefault(name, Asked(since=desk.at))
    answer: LookUpAnswer = ReadFailed(cause="the look-ups of this cycle are spent")
    absent, spread = 0, 0.0
    for pause in config.query_pauses_s[asked.count : config.queries_max]:
        desk.pause(pause)
        is_over = (desk.at - asked.since).total_seconds() > config.query_seconds_max
        if is_over or not desk.has_time(RiskClass.REDUCE):
            break
        asked.count += 1
        answer = desk.ports.broker.lookup(request)
        if isinstance(answer, Found):
            desk.heard.add(name)
            if not _is_ending(order, answer.order):
                return answer
        if isinstance(answer, NotFound):
            spread += pause if absent else 0.0
            absent += 1
        elif order is not None and order.state is OrderState.FROZEN:
            return answer
    if isinstance(answer, Found):
        return answer
    if absent < config.not_found_min or spread < config.not_found_spread_s:
        return ReadFailed(cause="no proof of absence")
    return _absence(desk, request, order, name)


def _is_ending(order: Order | None, found: BrokerOrder) -> bool:
    """Whether the broker has taken the cancel and the order is about to end: it is asked after until it has."""
    return order is not None and order.state is OrderState.CANCEL_UNKNOWN and found.status == "pending_cancel"


def _absence(desk: Desk, request: LookUp, order: Order | None, name: str) -> NotFound | ReadFailed:
    """Repeated absence proves something only if the fills agree, and the broker knows other orders or lists them."""
    since = desk.inputs.session_date if order is None else min(order.session_date, desk.inputs.session_date)
    fills = desk.ports.broker.fills(since)
    named = request.client_order_id or request.order_id
    if isinstance(fills, ReadFailed) or any(
        named in (fill.client_order_id, fill.order_id) for fill in fills.value
    ):
        return ReadFailed(cause="the fills do not agree")
    if not desk.heard - {name}:
        listed = desk.ports.broker.open_orders()
        if not isinstance(listed, Seen) or any(
            named in (row.client_order_id, row.order_id) for row in listed.value
        ):
            return ReadFailed(cause="no list of orders agrees")
    return NotFound()


def _order_of(desk: Desk, request: LookUp) -> Order | None:
    if request.client_order_id is not None:
        return desk.by_client_id(request.client_order_id)
    orders = (*desk.fold.orders.values(), *desk.fold.ended.values())
    return next((order for order in orders if order.order_id == request.order_id), None)


def adopt(desk: Desk, ord_id: str, order: BrokerOrder, cause: str) -> None:
    """Believe a look-up: the order stands as the broker shows it."""
    if desk.known(ord_id).state in _TO_BE_FOUND:
        was_sent = desk.known(ord_id).order_id is not None
        resolved = OrderResolved(
            ord_id=ord_id, state=OrderState.LIVE, order_id=order.order_id, cause=OrderCause.ARRIVED
        )
        fact = () if was_sent else stop_fact(desk.fold, desk.known(ord_id))
        desk.note(("order.resolved", resolved), *fact)
    follow(desk, ord_id, order, cause)


def follow(desk: Desk, ord_id: str, order: BrokerOrder, cause: str = OrderCause.VENUE_ENDED) -> None:
    """Take over fills first, then the end that the broker shows; an end whose fills are unread is not believed."""
    if order.filled < desk.known(ord_id).filled:
        desk.stale(desk.known(ord_id), f"{order.filled} filled after {desk.known(ord_id).filled}")
        return
    if order.filled > desk.known(ord_id).filled:
        desk.import_fills()
        if order.filled > desk.known(ord_id).filled and desk.passes_time:
            desk.import_older(desk.known(ord_id))
    known, end = desk.known(ord_id), end_of(order)
    if end is None or known.state in ENDED:
        return
    if known.filled < order.filled:
        desk.carry(ord_id)
        return
    heir = _heir(desk, known) if end is OrderState.REPLACED else None
    if heir is not None and heir.state not in ENDED:
        found = ask(desk, LookUp(client_order_id=heir.client_order_id))
        if isinstance(found, Found):
            replaced(desk, known, heir, found.order)
        else:
            desk.carry(ord_id)
        return
    ended = OrderEnded(ord_id=ord_id, state=end, cause=cause, ended_at=order.ended_at)
    desk.note(("order.ended", ended))


def end_of(order: BrokerOrder) -> OrderState | None:
    """The end that the broker shows, other than by a last fill; None: it works, or its fills say the rest."""
    if order.status == DONE_FOR_DAY and order.time_in_force is TimeInForce.DAY:
        return OrderState.EXPIRED
    return _ENDS.get(order.status)


def _heir(desk: Desk, old: Order) -> Order | None:
    """The newest successor that was announced for *old*."""
    orders = (*desk.fold.orders.values(), *desk.fold.ended.values())
    return max((o for o in orders if o.replaces == old.ord_id), key=lambda o: o.revision, default=None)


def identify(desk: Desk, order: Order) -> Order:
    """The broker's id of a working order of which only its fills told; without an answer it is carried."""
    if order.order_id is not None:
        return order
    answer = ask(desk, LookUp(client_order_id=order.client_order_id))
    if not isinstance(answer, Found):
        desk.carry(order.ord_id)
        return order
    desk.note(("order.confirmed", OrderConfirmed(ord_id=order.ord_id, order_id=answer.order.order_id)))
    follow(desk, order.ord_id, answer.order)
    return desk.known(order.ord_id)


def _confirm_stated(desk: Desk, working: Sequence[BrokerOrder]) -> None:
    """An order that a person said works, and that the broker lists, is confirmed: from here on its word counts."""
    listed = {order.order_id for order in working if order.is_working}
    for order in tuple(desk.fold.orders.values()):
        if is_claimed(order) and order.order_id in listed:
            assert order.order_id is not None, "a listed order has the broker's id"
            desk.note(("order.confirmed", OrderConfirmed(ord_id=order.ord_id, order_id=order.order_id)))


def look_after_missing(desk: Desk, working: Sequence[BrokerOrder]) -> None:
    """An order that we hold for working and the broker does not list has ended there: ask how."""
    _confirm_stated(desk, working)
    listed = {order.order_id for order in working}
    for order in tuple(desk.fold.orders.values()):
        is_working = order.state in (OrderState.LIVE, OrderState.PARTIAL)
        if is_working and order.order_id is not None and order.order_id not in listed:
            answer = ask(desk, LookUp(order_id=order.order_id))
            if isinstance(answer, Found):
                follow(desk, order.ord_id, answer.order)
                ended = desk.known(order.ord_id).state
                if order.leg is Leg.STOP and ended in ENDED and ended is not OrderState.FILLED:
                    desk.note(("stop.lost", stop_event(desk.fold, order, StopCode.STOP_LOST)))
                continue
            if isinstance(answer, NotFound):  # it was there, and there is no trace of how it ended
                unresolved(desk, order, OrderState.FROZEN, OrderCause.MISSING_AT_BROKER)
            desk.carry(order.ord_id)


def look_after_reopened(desk: Desk, working: Sequence[BrokerOrder]) -> None:
    """An order that ended for us and that the broker lists as working is asked after; one of us is wrong."""
    for row in working:
        order = next((o for o in desk.fold.ended.values() if o.client_order_id == row.client_order_id), None)
        if order is None:
            continue
        answer = ask(desk, LookUp(client_order_id=order.client_order_id))
        if not isinstance(answer, Found):
            desk.carry(order.ord_id)
        elif not answer.order.is_working:
            desk.stale(order, f"listed as {row.status}, and looked up as {answer.order.status}")
        elif order.state is OrderState.NEVER_SENT:
            adopt(desk, order.ord_id, answer.order, OrderCause.VENUE_ENDED)
        else:
            told = OrderContradicted(
                ord_id=order.ord_id,
                state=order.state,
                code=ContradictionCode.LEDGER_BROKER_CONTRADICTION,
                detail=f"the broker shows it {answer.order.status}",
            )
            desk.note(("order.contradicted", told))
            unresolved(desk, order, OrderState.FROZEN, ContradictionCode.LEDGER_BROKER_CONTRADICTION)
            desk.carry(order.ord_id)


def replaced(desk: Desk, old: Order, new: Order, found: BrokerOrder) -> None:
    """The venue holds *new* as *found*, and *old* no more."""
    replaced = OrderReplaced(
        ord_id=old.ord_id, successor_ord_id=new.ord_id, successor_order_id=found.order_id
    )
    desk.note(("order.replaced", replaced), *stop_fact(desk.fold, new))
    follow(desk, new.ord_id, found)


def never_sent(desk: Desk, ord_id: str, cause: str) -> None:
    """The order provably never arrived."""
    absent = OrderResolved(ord_id=ord_id, state=OrderState.NEVER_SENT, order_id=None, cause=cause)
    desk.note(("order.resolved", absent))


def unresolved(desk: Desk, order: Order, state: OrderState, cause: str) -> None:
    """Nobody knows what became of the request; *state* says which one it was."""
    desk.note(("order.unresolved", OrderUnresolved(ord_id=order.ord_id, state=state, cause=cause)))
