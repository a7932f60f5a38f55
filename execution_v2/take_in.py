"""An order that only the broker remembers gets its record again: from then on it lives as any other of ours.

Its client id says leg, revision and attempt, and whose it is where an intent or a position of that identity is known.
Otherwise it belongs to the one position of its symbol, or to nobody (strategy EXTERNAL).
"""

from decimal import Decimal
from typing import Any

from execution_v2.adjusted import external_position_id
from execution_v2.client_id import Named, digest_of, named_by
from execution_v2.desk import Desk
from execution_v2.orders import plan_of
from schemas.book import Leg, Order, OrderState, OrderType, Position, RiskClass, Side
from schemas.candidates import Candidates
from schemas.events import OrderConfirmed, OrderSubmitting
from schemas.ids import content_id, external_intent, ord_id, position_id
from schemas.observations import BrokerOrder
from schemas.strategy_registry import EXTERNAL


def take_in(desk: Desk, order: BrokerOrder, reason: str) -> Order:
    """Announce *order* as found, with what is known of whose it is; the order as it stands then."""
    named = named_by(order.client_order_id)
    made = _made(desk, order, named, reason)
    confirmed = OrderConfirmed(ord_id=made.ord_id, order_id=order.order_id)
    desk.note(("order.submitting", OrderSubmitting(order=made)), ("order.confirmed", confirmed))
    return desk.known(made.ord_id)


def owner(desk: Desk, order: BrokerOrder) -> Position | None:
    """The position that a reducing *order* belongs to: the one its id names, or else the only one of the symbol."""
    held = [p for p in desk.fold.freeze().positions if p.symbol == order.symbol]
    named = named_by(order.client_order_id)
    for position in held:
        if named is not None and _names(named, position.intent_id):
            return position
    return held[0] if len(held) == 1 else None


def _names(named: Named, intent: str) -> bool:
    """Whether the id is that of an order of *intent*."""
    return named.digest == digest_of(ord_id(intent, named.leg.value, named.revision, named.attempt))


def _made(desk: Desk, order: BrokerOrder, named: Named | None, reason: str) -> Order:
    leg = named.leg if named is not None else _leg(order)
    facts = _entry(desk, order, named) if leg is Leg.ENTRY else _sale(desk, order, named)
    if desk.fold.order(facts["ord_id"]) is not None:
        facts["ord_id"] = _orphan_id(order)  # that order is known, under another client id
    return Order(
        client_order_id=order.client_order_id,
        leg=leg,
        revision=0 if named is None else named.revision,
        attempt=1 if named is None else named.attempt,
        risk_class=RiskClass.INCREASE if leg is Leg.ENTRY else RiskClass.REDUCE,
        state=OrderState.CREATED,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        time_in_force=order.time_in_force,
        quantity=order.quantity,
        filled=Decimal(0),
        limit=order.limit,
        stop=order.stop,
        reason=reason,
        session_date=desk.inputs.session_date,
        **facts,
    )


def _leg(order: BrokerOrder) -> Leg:
    if order.side is Side.BUY:
        return Leg.ENTRY
    return Leg.STOP if order.order_type is OrderType.STOP else Leg.EXIT


def _entry(desk: Desk, order: BrokerOrder, named: Named | None) -> dict[str, Any]:
    wished = desk.inputs.candidates
    intents = wished.intents if isinstance(wished, Candidates) else ()
    intent = next((each for each in intents if named is not None and _names(named, each.intent_id)), None)
    if intent is None or named is None:
        return _nobodys(desk, order)
    return {
        "ord_id": ord_id(intent.intent_id, named.leg.value, named.revision, named.attempt),
        "strategy_id": intent.strategy_id,
        "sleeve_id": intent.sleeve_id,
        "intent_id": intent.intent_id,
        "position_id": position_id(desk.inputs.book_id, intent.strategy_id, intent.symbol, intent.intent_id),
        "plan": plan_of(intent, intent.stop_plan.initial_stop),
    }


def _sale(desk: Desk, order: BrokerOrder, named: Named | None) -> dict[str, Any]:
    position = owner(desk, order)
    if position is None:
        return _nobodys(desk, order)
    is_named = named is not None and _names(named, position.intent_id)
    return {
        "ord_id": ord_id(position.intent_id, named.leg.value, named.revision, named.attempt)
        if is_named and named is not None
        else _orphan_id(order),
        "strategy_id": position.strategy_id,
        "sleeve_id": position.sleeve_id,
        "intent_id": position.intent_id,
        "decision_id": position.decision_id,
        "position_id": position.position_id,
    }


def _nobodys(desk: Desk, order: BrokerOrder) -> dict[str, Any]:
    session = desk.inputs.session_date
    return {
        "ord_id": _orphan_id(order),
        "strategy_id": EXTERNAL,
        "sleeve_id": EXTERNAL,
        "intent_id": external_intent(session),
        "position_id": external_position_id(desk.inputs.book_id, order.symbol, session),
    }


def _orphan_id(order: BrokerOrder) -> str:
    """The id of an order whose identity is lost: it follows from the one thing that is left of it."""
    return content_id("ord_", "orphan", order.client_order_id)
