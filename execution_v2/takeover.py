"""A book speaks from one host: the new one raises the epoch and sends its stops anew under it, which the old one sees.

Execution.md 3.4, Failover. Nothing is raised while an order's fate is unknown or the broker cannot be read. It may die
after any record: the epoch then stands, and what was not sent anew yet is by the next run, or by the next cycle.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from execution_v2.client_id import epoch_of
from execution_v2.desk import Desk
from execution_v2.protect import decided, exchange, is_of_before, is_ready
from execution_v2.replace import has_room
from execution_v2.resolve import find_in_flight, look_after_missing, look_after_reopened
from execution_v2.risk_class import reducible
from execution_v2.router import Desired, Route, RouteInputs, route
from execution_v2.transitions import IN_FLIGHT, UNKNOWN, WORKING
from market.feed import ReadFailed, Seen
from schemas.book import Leg, Order, OrderState
from schemas.errors import Denied
from schemas.events import EpochRaised, OperatorAct
from schemas.journal import JournalRecord
from schemas.observations import BrokerOrder
from schemas.reasons.execution import OrderCause, TakeoverCode

T = TypeVar("T")
TAKEOVER: Final = "takeover"
"""Verb of the record that says that a takeover is done: another one after it raises the epoch again."""
UNRAISED: Final = "the epoch was not raised and nothing was sent; the stops at the broker stand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """An own order that still stands under an older epoch, and why."""

    name: str
    symbol: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a takeover came to.

    epoch: the book's, from here on. raised: whether this run raised it. reissued: stops that stand under it, sent anew
    now or by a run before. left: own orders of an older epoch. Both empty: no order of ours is at the broker.
    """

    epoch: int
    raised: bool
    reissued: tuple[Order, ...]
    left: tuple[Left, ...]

    @property
    def is_seen(self) -> bool:
        """Whether a host of an older epoch can see at the broker that it speaks for the book no more."""
        return bool(self.reissued)


def take_over(desk: Desk, earlier: Sequence[JournalRecord], operator: str, reason: str) -> Taken:
    """Raise the epoch, and send every own working stop anew under it, as it stands.

    Args:
        earlier: the session's records so far, by which a run that died half-way is known.
    Errors: ``Denied`` TAKEOVER_BROKER_UNREAD, TAKEOVER_ORDER_UNSETTLED; whatever the journal raises.
    """
    own = _settled(desk)
    stops = _stops(desk)
    strangers = [o for o in own if desk.by_client_id(o.client_order_id) is None]
    if not stops and not strangers:
        return Taken(epoch=desk.fold.epoch, raised=False, reissued=(), left=())
    raised = not _is_under_way(earlier, operator, reason)
    if raised:
        seen = (epoch_of(desk.prefix, o.client_order_id) or 0 for o in own)
        epoch = 1 + max(desk.fold.epoch, *seen)
        desk.note(("epoch.raised", EpochRaised(epoch=epoch, operator=operator, reason=reason)))
    left = [*(_left(o) for o in strangers), *_reissue_all(desk, stops)]
    done = tuple(o for o in _stops(desk) if not is_of_before(desk, o))
    if done and not left:
        act = OperatorAct(
            verb=TAKEOVER,
            operator=operator,
            reason=reason,
            subject=f"epoch {desk.fold.epoch}",
            detail=len(done),
        )
        desk.note(("operator.acted", act))
    return Taken(epoch=desk.fold.epoch, raised=raised, reissued=done, left=tuple(left))


def _settled(desk: Desk) -> tuple[BrokerOrder, ...]:
    """Own working orders at the broker, once everything was read and no order's fate is unknown."""
    broker = desk.ports.broker
    find_in_flight(desk)
    desk.import_fills()
    working = _read(desk, "open orders", broker.open_orders)
    if "fills" in desk.blind:
        raise unread("fills", "no answer")
    desk.shown = {row.order_id: row for row in working}
    look_after_missing(desk, working)
    look_after_reopened(desk, working)
    unsettled = [o for o in desk.fold.orders.values() if o.state in _UNSETTLED]
    if unsettled:
        names = ", ".join(f"{o.symbol} {o.ord_id} {o.state}" for o in unsettled)
        raise Denied(
            TakeoverCode.TAKEOVER_ORDER_UNSETTLED,
            f"the broker was asked, and nobody knows yet what became of: {names}",
            safe=UNRAISED,
            next="keep the old host off; run this again in a minute, or see avwap intents show ORDER",
        )
    return tuple(o for o in working if epoch_of(desk.prefix, o.client_order_id) is not None)


_UNSETTLED: Final = UNKNOWN | frozenset(IN_FLIGHT) | {OrderState.CREATED}


def _read(desk: Desk, name: str, call: Callable[[], Seen[T] | ReadFailed]) -> T:
    """What *call* reads, asked as often as a cycle asks."""
    answer = call()
    for _ in range(desk.config.execution.observe_tries - 1):
        if isinstance(answer, Seen):
            break
        desk.pause(desk.config.execution.observe_pause_s)
        answer = call()
    if isinstance(answer, ReadFailed):
        raise unread(name, answer.cause)
    return answer.value


def unread(name: str, cause: str) -> Denied:
    """The refusal where *name* of the broker could not be read."""
    return Denied(
        TakeoverCode.TAKEOVER_BROKER_UNREAD,
        f"the broker's {name} could not be read: {cause}",
        safe=UNRAISED,
        next="keep the old host off; run this again once avwap reconcile answers",
    )


def _is_under_way(earlier: Sequence[JournalRecord], operator: str, reason: str) -> bool:
    """Whether this very takeover was begun in this session and not finished: its epoch stands.

    By another person or for another reason it is another move, and silences whoever spoke under that epoch.
    """
    for record in reversed(earlier):
        if record.event == "epoch.raised":
            begun = EpochRaised.model_validate(record.data)
            return (begun.operator, begun.reason) == (operator, reason)
        if record.event == "operator.acted" and record.data["verb"] == TAKEOVER:
            return False
    return False


def _stops(desk: Desk) -> tuple[Order, ...]:
    found = (o for o in desk.fold.orders.values() if o.leg is Leg.STOP and o.state in WORKING)
    return tuple(sorted(found, key=lambda o: (o.symbol, o.ord_id)))


def _left(order: BrokerOrder) -> Left:
    """No record here names it: a cycle adopts or cancels it, with its evidence, and sends a stop anew then."""
    return Left(name=order.client_order_id, symbol=order.symbol, reason=TakeoverCode.TAKEOVER_NO_RECORD)


def _reissue_all(desk: Desk, stops: Sequence[Order]) -> list[Left]:
    """Send anew what is of an older epoch; what could not be, with its reason."""
    left = []
    for order in stops:
        if is_of_before(desk, order):
            reason = _reissue(desk, order)
            if reason is not None:
                left.append(Left(name=order.ord_id, symbol=order.symbol, reason=reason))
    return left


def _reissue(desk: Desk, order: Order) -> str | None:
    """One stop under the new epoch, as it stands. Returns why it was not sent anew; None: it was."""
    position = desk.fold.positions.get(order.position_id)
    if position is None:
        return OrderCause.POSITION_FLAT
    others = [o for o in desk.fold.orders.values() if o.ord_id != order.ord_id]
    wish = Desired(
        leg=order.leg,
        side=order.side,
        order_type=order.order_type,
        time_in_force=order.time_in_force,
        quantity=order.quantity,
        stop=order.stop,
    )
    asked = RouteInputs(
        desired=wish,
        existing=order,
        bound=reducible(order.symbol, desk.fold.positions.values(), others),
        renews=True,
        is_ready=is_ready(desk, order),
        has_budget=has_room(desk, order.symbol),
    )
    decision = route(asked)
    if decision.route is not Route.REPLACE or decision.desired is None:
        return decision.reason
    decided(desk, position, asked, decision)
    assert order.basis is not None, "a stop without its basis"
    refused = exchange(desk, position, order, decision.desired, order.basis)
    if refused is not None:
        return refused
    stands = any(o.replaces == order.ord_id and not is_of_before(desk, o) for o in _stops(desk))
    return None if stands else TakeoverCode.TAKEOVER_ORDER_UNSETTLED
