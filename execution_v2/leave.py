"""A position is covered or it is left; an exit ends flat only: what one cycle cannot finish the next does."""

from decimal import Decimal

from execution_v2 import protect
from execution_v2.broker.port import Seen
from execution_v2.desk import Desk
from execution_v2.orders import sale
from execution_v2.reconcile import awaited_stop
from execution_v2.replace import begun, ended
from execution_v2.risk_class import reduction
from execution_v2.router import Desired, Route, RouteInputs, route
from execution_v2.send import cancel, reduce
from execution_v2.sight import is_halted, is_open, quote_now
from execution_v2.transitions import UNKNOWN, WORKING
from execution_v2.window import watch
from schemas.base import up
from schemas.book import Leg, Order, OrderState, OrderType, Position, RiskClass, Side, TimeInForce
from schemas.events import OrderSubmitting, StopEvent
from schemas.reasons.execution import BrokerCode, OrderCause, ReplaceTerminal, RouteCode, StopCode
from schemas.reasons.scan import ExitEventType
from strategies.exits import StopBasis

_BPS = Decimal(10_000)


def cover(desk: Desk, position_id: str, last: Decimal | None, *, only_naked: bool = False) -> None:
    """See to it that a position has its stop; leave the position when no stop can stand.

    *only_naked*: a working stop stays as it is, whatever its quantity: its position is worked on later.
    """
    position = desk.fold.positions.get(position_id)
    if position is None or (only_naked and desk.fold.orders_of(position_id, Leg.STOP)):
        return
    price = protect.resting_price(position)
    if price is None:
        return  # without plan and stop it is no position of ours to stop: sync reports it
    basis = basis_of(position)
    if not desk.fold.orders_of(position_id, Leg.STOP):
        # Nobody knows which basis the market is on: only a price that is through the stop on both is a stop-out.
        price, basis = min((price, basis), awaited_stop(desk, position, price))
    stand(desk, position_id, price, desk.coverable(position), basis, last)


def stand(
    desk: Desk, position_id: str, price: Decimal, quantity: Decimal, basis: str, last: Decimal | None
) -> None:
    """``protect.set_stop``; and leave the position if the broker lets no stop stand."""
    if not protect.set_stop(desk, position_id, price, quantity, basis):
        leave(desk, position_id, ExitEventType.EXIT_STOP, last, StopCode.STOP_REFUSED_EXIT)


def leave(
    desk: Desk, position_id: str, reason: str, last: Decimal | None, note: str = StopCode.EXIT_CARRIED
) -> None:
    """Sell all of a position: its stop ends, then its shares go. *note*: the event's code if they stay."""
    position = desk.fold.positions.get(position_id)
    if position is None:
        return
    if desk.passes_time and (kept := _kept(desk, position, reason)) is not None:
        _carry(desk, position_id, last, kept)
        return
    if position_id not in desk.fold.positions:
        return  # its own stop was faster
    exchange, stop = begun(desk), _stop_ended(desk, position_id)
    sold = _sell(desk, position_id, reason, last)
    if stop is not None:
        ended(desk, exchange, stop, sold, _terminal(desk, position_id, stop, sold))
    if position_id in desk.fold.positions:
        _carry(desk, position_id, last, note)


def _kept(desk: Desk, position: Position, reason: str) -> str | None:
    """Why nothing is sold or cancelled now; None: the shares are to be sold."""
    if not is_open(desk):
        return StopCode.EXIT_CARRIED
    wish = Desired(
        leg=Leg.EXIT,
        side=Side.SELL,
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        quantity=position.quantity,
    )
    asked = RouteInputs(desired=wish, is_halted=is_halted(desk, position.symbol))
    decision = route(asked)
    if decision.reason is RouteCode.HALT_STOP_KEPT:
        return StopCode.HALT_STOP_KEPT
    if decision.route is Route.PLACE:
        protect.decided(desk, position, asked, decision)
    if reason != ExitEventType.EXIT_STOP:
        return None
    # The broker's own stop is the first line: it gets its time to fire, and one that is firing is left alone.
    for order in desk.fold.orders_of(position.position_id, Leg.STOP):
        if order.state in WORKING and watch(desk, order, desk.config.execution.stop_fires_s).state is (
            OrderState.PARTIAL
        ):
            return StopCode.STOP_FIRING
    return None


def _stop_ended(desk: Desk, position_id: str) -> Order | None:
    """End the position's stops, also one of unknown fate whose id at the broker is known; the last one."""
    last: Order | None = None
    for order in desk.fold.orders_of(position_id, Leg.STOP):
        reachable = desk.passes_time and order.state in _CANCELLABLE and order.order_id is not None
        if order.state in WORKING or reachable:
            last = cancel(desk, order, OrderCause.FOR_EXIT)
    return last


_CANCELLABLE = frozenset({OrderState.REPLACE_UNKNOWN, OrderState.FROZEN})


def _sell(desk: Desk, position_id: str, reason: str, last: Decimal | None) -> Order | None:
    """Sell what no other order claims, step by step; the last order sent."""
    sent: Order | None = None
    is_retried = False
    for step in range(_sold_at(desk, position_id), desk.config.execution.exit_orders_max):
        position = desk.fold.positions.get(position_id)
        if position is None or not desk.has_time(RiskClass.REDUCE):
            break
        limit = step_price(desk, position.symbol, step)
        quantity = Decimal(position.quantity)
        if is_retried:
            quantity = _free(desk, position)
        wish = sale(desk, position, Leg.EXIT, quantity, reason, limit=limit, arrival_price=last)
        made = reduction(wish, desk.fold.positions.values(), desk.fold.orders.values())
        if made is None:
            break  # every share is claimed by an order whose fate is unknown
        sent = watch(desk, reduce(desk, made), desk.config.execution.exit_wait_s)
        if sent.state in WORKING:
            sent = cancel(desk, sent, OrderCause.CARRIED)
        if sent.state is OrderState.REJECTED and desk.passes_time:
            code = protect.refusal(desk, "order.rejected", "ord_id", sent.ord_id)
            if code == BrokerCode.INSUFFICIENT_QTY_HELD:
                if is_retried:
                    break
                is_retried = True
    return sent


def _sold_at(desk: Desk, position_id: str) -> int:
    """Sells of this exit that the cycle has sent already: every pass of it draws on one budget."""
    if not desk.passes_time:
        return 0
    sent = [OrderSubmitting.model_validate(record.data).order for record in desk.told("order.submitting")]
    return sum(1 for order in sent if order.leg is Leg.EXIT and order.position_id == position_id)


def step_price(desk: Desk, symbol: str, step: int) -> Decimal | None:
    """Limit of the *step*-th sell, USD on the tick; None: at market, as without a fresh bid."""
    steps = desk.config.execution.exit_steps_bps
    if not desk.passes_time or step >= len(steps):
        return None
    quote = quote_now(desk, symbol)
    if quote is None or quote.bid is None:
        return None
    return up(Decimal(quote.bid) * (1 - Decimal(steps[step]) / _BPS))


def _free(desk: Desk, position: Position) -> Decimal:
    """Shares of *position* that no order at the broker holds; a foreign order that holds some is told."""
    read = desk.ports.broker.open_orders()
    if not isinstance(read, Seen):
        return Decimal(position.quantity)
    desk.shown = {row.order_id: row for row in read.value}
    sells = [row for row in read.value if row.symbol == position.symbol and row.side is Side.SELL]
    ours = {o.client_order_id for o in (*desk.fold.orders.values(), *desk.fold.ended.values())}
    foreign = [row for row in sells if row.client_order_id not in ours]
    if foreign:
        desk.note(("stop.held", _event(position, StopCode.HELD_BY_OTHERS)))
    free = position.quantity - sum((row.quantity - row.filled for row in sells), Decimal(0))
    return max(Decimal(0), Decimal(free))


def _terminal(desk: Desk, position_id: str, stop: Order, sold: Order | None) -> ReplaceTerminal:
    """What the stop's exchange for a sale came to."""
    stop, position = desk.known(stop.ord_id), desk.fold.positions.get(position_id)
    if stop.state in UNKNOWN:
        return ReplaceTerminal.GAVE_UP_OLD_MAYBE_LIVE
    if sold is not None and desk.fold.order(sold.ord_id) is not None:
        if desk.known(sold.ord_id).state in UNKNOWN:
            return ReplaceTerminal.GAVE_UP_NEW_MAYBE_LIVE
        return ReplaceTerminal.FLATTENED if position is None else ReplaceTerminal.DONE_CANCELLED_ONLY
    if stop.state is OrderState.FILLED:
        return ReplaceTerminal.DONE_FILLED_BEFORE_REPLACE
    if position is None:
        return ReplaceTerminal.DONE_ALREADY_FILLED
    is_residual = 0 < position.quantity < 1
    return ReplaceTerminal.DONE_RESIDUAL_DROPPED if is_residual else ReplaceTerminal.DONE_CANCELLED_ONLY


def _carry(desk: Desk, position_id: str, last: Decimal | None, note: str) -> None:
    """Shares stay: said, left for the next cycle, and covered meanwhile if a stop can stand."""
    held = desk.fold.positions[position_id]
    desk.carry(position_id)
    desk.note(("stop.held", _event(held, note)))
    price = protect.resting_price(held)
    if price is None:
        return
    may_stand = desk.passes_time if last is None else price < last
    if may_stand or note == StopCode.HALT_STOP_KEPT:
        protect.set_stop(desk, position_id, price, desk.coverable(held), basis_of(held))


def basis_of(position: Position) -> str:
    """What its stop rests on."""
    return position.stop_basis or StopBasis.PLANNED


def _event(held: Position, reason: str) -> StopEvent:
    return protect.held(held, held.quantity, held.stop_price, held.stop_basis, reason)
