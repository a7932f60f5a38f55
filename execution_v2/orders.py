"""An order's identity comes from what it is for: a plan made again after a crash is the same order again."""

from decimal import Decimal

from execution_v2.attempts import ENTRY_ATTEMPTS_MAX, SENDS_MAX, next_attempt
from execution_v2.client_id import client_order_id
from execution_v2.desk import Desk
from schemas.book import (
    ENDED,
    Leg,
    Order,
    OrderState,
    OrderType,
    Position,
    PositionPlan,
    RiskClass,
    Side,
    TimeInForce,
)
from schemas.candidates import TradeIntent
from schemas.enforcement import AuthorisedEntry
from schemas.ids import ord_id, position_id


def sale(
    desk: Desk,
    position: Position,
    leg: Leg,
    quantity: Decimal,
    reason: str,
    *,
    limit: Decimal | None = None,
    stop: Decimal | None = None,
    basis: str | None = None,
    replaces: str | None = None,
    arrival_price: Decimal | None = None,
) -> Order:
    """A sell of *position*'s shares: the next of its leg, or the one that provably never left, once more."""
    again = _unsent(desk, position.position_id, leg, reason, quantity, limit, stop, replaces)
    if again is not None:
        return again.model_copy(update={"sends": again.sends + 1, "state": OrderState.CREATED})
    revision = {Leg.STOP: position.stops_sent, Leg.TRIM: position.trims_sent, Leg.EXIT: position.exits_sent}[
        leg
    ]
    name = ord_id(position.intent_id, leg.value, revision, 1)
    session = desk.inputs.session_date
    return Order(
        ord_id=name,
        client_order_id=client_order_id(desk.prefix, session, leg, revision, 1, name, epoch=desk.fold.epoch),
        leg=leg,
        revision=revision,
        attempt=1,
        risk_class=RiskClass.REDUCE,
        state=OrderState.CREATED,
        strategy_id=position.strategy_id,
        sleeve_id=position.sleeve_id,
        intent_id=position.intent_id,
        decision_id=position.decision_id,
        position_id=position.position_id,
        symbol=position.symbol,
        side=Side.SELL,
        order_type=_type_of(limit, stop),
        time_in_force=TimeInForce.GTC if leg is Leg.STOP else TimeInForce.DAY,
        quantity=quantity,
        filled=Decimal(0),
        limit=limit,
        stop=stop,
        arrival_price=arrival_price,
        reason=reason,
        basis=basis,
        replaces=replaces,
        session_date=session,
    )


def entry(
    desk: Desk,
    intent: TradeIntent,
    row: AuthorisedEntry,
    *,
    quantity: Decimal,
    limit: Decimal,
    stop: Decimal,
    ref: Decimal,
) -> Order:
    """The next attempt to enter *intent*."""
    attempt, sends = next_attempt(entries_of(desk, intent.intent_id), quantity, limit)
    assert attempt <= ENTRY_ATTEMPTS_MAX, "gate 17 lets no attempt more pass"
    name = ord_id(intent.intent_id, Leg.ENTRY.value, 0, attempt)
    session = desk.inputs.session_date
    return Order(
        ord_id=name,
        client_order_id=client_order_id(
            desk.prefix, session, Leg.ENTRY, 0, attempt, name, epoch=desk.fold.epoch
        ),
        leg=Leg.ENTRY,
        revision=0,
        attempt=attempt,
        risk_class=RiskClass.INCREASE,
        state=OrderState.CREATED,
        strategy_id=intent.strategy_id,
        sleeve_id=intent.sleeve_id,
        intent_id=intent.intent_id,
        decision_id=row.decision_id,
        position_id=position_id(desk.inputs.book_id, intent.strategy_id, intent.symbol, intent.intent_id),
        symbol=intent.symbol,
        side=intent.side,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        quantity=quantity,
        filled=Decimal(0),
        limit=limit,
        arrival_price=ref,
        reason="ENTRY",
        plan=plan_of(intent, stop),
        sends=sends,
        session_date=session,
    )


def entries_of(desk: Desk, intent_id: str) -> tuple[Order, ...]:
    """Entry orders of an intent in this session, by attempt."""
    orders = (*desk.fold.orders.values(), *desk.fold.ended.values())
    found = [o for o in orders if o.leg is Leg.ENTRY and o.intent_id == intent_id]
    return tuple(sorted(found, key=lambda o: o.attempt))


def _unsent(
    desk: Desk,
    position: str,
    leg: Leg,
    reason: str,
    quantity: Decimal,
    limit: Decimal | None,
    stop: Decimal | None,
    replaces: str | None,
) -> Order | None:
    """The order of this session that is the same and provably never left, if its resend is unused."""
    wanted = (position, leg, reason, quantity, limit, stop, replaces)
    for order in desk.fold.ended.values():
        made = (
            order.position_id,
            order.leg,
            order.reason,
            order.quantity,
            order.limit,
            order.stop,
            order.replaces,
        )
        if made == wanted and order.state is OrderState.NEVER_SENT and order.sends < SENDS_MAX:
            return order
    return None


def is_over(order: Order) -> bool:
    """Whether the order ended."""
    return order.state in ENDED


def _type_of(limit: Decimal | None, stop: Decimal | None) -> OrderType:
    if stop is not None:
        return OrderType.STOP
    return OrderType.MARKET if limit is None else OrderType.LIMIT


def plan_of(intent: TradeIntent, stop: Decimal) -> PositionPlan:
    """What a position of *intent* lives by, its first stop at *stop*, USD."""
    return PositionPlan(
        initial_stop=stop,
        level=intent.entry.level,
        entry_ref=intent.entry.entry_ref,
        limit_cap=intent.entry.limit_cap,
        r1=intent.exit_plan.r1,
        r1_fraction=intent.exit_plan.r1_fraction,
        r2=intent.exit_plan.r2,
        r2_fraction=intent.exit_plan.r2_fraction,
        trail_fraction=intent.exit_plan.trail_fraction,
        time_stop_sessions=intent.exit_plan.time_stop_sessions,
    )
