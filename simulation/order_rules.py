"""An order is taken or refused by rules that look at the account as it stands, each with the broker's own code."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from execution_v2.broker.port import Rejected
from schemas.base import down
from schemas.book import OrderType, Side
from schemas.observations import BrokerOrder
from schemas.reasons.execution import BrokerCode
from simulation.account import AccountState

DAY_TRADE_SESSIONS: Final = 5


@dataclass(slots=True, kw_only=True)
class Flags:
    """What the broker says of the account and its symbols; whoever drives a simulation sets it."""

    restricted: bool = False
    """The account may close positions and open none."""
    day_trade_protected: bool = False
    """A sale that would be a day trade too many is refused."""
    day_trades_before: int = 0
    """Day trades made elsewhere in the last five sessions."""
    untradable: set[str] = field(default_factory=set)
    halted: dict[str, datetime] = field(default_factory=dict)
    """Symbol -> since when nothing trades; see ``IntradayExchange.halt``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the rules know of the moment at which an order is judged. *without*: the order that it would replace."""

    state: AccountState
    last: Decimal | None
    power: Decimal
    """Cash that no other working buy has reserved."""
    cost: Decimal
    """The most that a share of this order may cost."""
    is_day_trade_too_many: bool
    without: BrokerOrder | None = None


def refusal(order: BrokerOrder, asked: Asked, flags: Flags) -> Rejected | None:
    """Why *order* cannot be taken, or None."""
    price = order.stop if order.order_type is OrderType.STOP else order.limit
    if order.quantity <= 0 or (order.order_type is not OrderType.MARKET and not price):
        return _no(BrokerCode.BROKER_REJECTED, "quantity or price is missing")
    if any(each is not None and each != down(each) for each in (order.stop, order.limit)):
        return _no(BrokerCode.BROKER_REJECTED, f"sub-penny increment: {price}")
    if asked.last is None or order.symbol in flags.untradable:
        return _no(BrokerCode.NOT_TRADABLE, f"asset {order.symbol} is not tradable")
    others = [o for o in asked.state.working(order.symbol) if o != asked.without and not is_successor(o)]
    if order.side is Side.SELL:
        return _sale(order, asked, others)
    return _purchase(order, asked, others, flags)


def _sale(order: BrokerOrder, asked: Asked, others: list[BrokerOrder]) -> Rejected | None:
    claimed = sum((o.quantity - o.filled for o in others if o.side is Side.SELL), Decimal(0))
    free = asked.state.quantity(order.symbol) - claimed
    if order.quantity > free:
        return _no(
            BrokerCode.INSUFFICIENT_QTY_HELD,
            f"insufficient qty available for order (requested: {order.quantity}, available: {free})",
        )
    if order.order_type is not OrderType.LIMIT and any(o.side is Side.BUY for o in others):
        return _no(BrokerCode.OPPOSITE_SIDE_ORDER, "opposite side market/stop order exists")
    if order.stop is not None and asked.last is not None and order.stop >= asked.last:
        return _no(BrokerCode.STOP_THROUGH_MARKET, f"stop price must be less than {asked.last}")
    if asked.is_day_trade_too_many:
        return _no(BrokerCode.DAY_TRADE_REJECTED, "pattern day trading protection")
    return None


def _purchase(order: BrokerOrder, asked: Asked, others: list[BrokerOrder], flags: Flags) -> Rejected | None:
    if flags.restricted:
        return _no(BrokerCode.BROKER_REJECTED, "account is restricted to closing orders")
    if any(o.side is Side.SELL and o.order_type is not OrderType.LIMIT for o in others):
        return _no(BrokerCode.OPPOSITE_SIDE_ORDER, "opposite side market/stop order exists")
    if order.order_type is not OrderType.LIMIT and any(o.side is Side.SELL for o in others):
        return _no(BrokerCode.OPPOSITE_SIDE_ORDER, "opposite side limit order exists")
    if order.stop is not None and asked.last is not None and order.stop <= asked.last:
        return _no(BrokerCode.STOP_THROUGH_MARKET, f"stop price must be greater than {asked.last}")
    if order.quantity * asked.cost > asked.power:
        return _no(BrokerCode.INSUFFICIENT_BUYING_POWER, f"insufficient buying power: {asked.power}")
    return None


def is_successor(order: BrokerOrder) -> bool:
    """Whether the order waits for the one that it replaces: it claims nothing of its own yet."""
    return order.status == "accepted" and order.replaces is not None


def day_trades(state: AccountState) -> int:
    """Symbols bought and then sold within one session, over the last five with fills."""
    count = 0
    for session in sorted(state.fills)[-DAY_TRADE_SESSIONS:]:
        bought: set[str] = set()
        traded: set[str] = set()
        for fill in state.fills[session]:
            if fill.side is Side.BUY:
                bought.add(fill.symbol)
            elif fill.symbol in bought:
                traded.add(fill.symbol)
        count += len(traded)
    return count


def _no(code: BrokerCode, raw: str) -> Rejected:
    return Rejected(reason=code, raw=raw)
