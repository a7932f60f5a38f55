"""An account at the exchange is the fold of what happened to it: cash, holdings and orders."""

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal

from schemas.base import Amount, Fact, Instant, SessionDate, Shares
from schemas.book import Side
from schemas.observations import BrokerFill, BrokerOrder, CorporateEvent

_SIX: Final = Decimal("0.000001")
ZERO: Final = Decimal(0)


class Stage(StrEnum):
    """Where the exchange's day stands: the open was played, or the whole bar was."""

    OPEN = "open"
    CLOSED = "closed"


class Effect(Fact):
    """One elementary change; what it carries depends on *kind*."""

    kind: Literal["cash", "order", "fill", "event", "phase"]
    cash: Amount | None = None
    order: BrokerOrder | None = None
    """The order as it stands from now on."""
    fill: BrokerFill | None = None
    event: CorporateEvent | None = None
    quantity: Shares | None = None
    """Shares held after the event, under the symbol that they then have."""
    session: SessionDate | None = None
    stage: Stage | None = None


class Mark(Fact):
    """What an exchange that plays the day by the minute must remember of an order beside the order itself.

    ``triggered``: its stop was touched. The others fall due at *due*: the order is placed, exchanged for *successor*,
    or ended.
    """

    kind: Literal["triggered", "placing", "replacing", "cancelling"]
    order_id: str
    due: Instant | None = None
    successor: str | None = None


class AccountState:
    """Cash, holdings and orders, with what happened session by session."""

    def __init__(self) -> None:
        self.cash = ZERO
        self.session: SessionDate | None = None
        self.stage: Stage | None = None
        self.holdings: dict[str, tuple[Decimal, Decimal]] = {}
        """Symbol -> (shares, average price)."""
        self.orders: dict[str, BrokerOrder] = {}
        self.by_client: dict[str, str] = {}
        self.fills: dict[SessionDate, list[BrokerFill]] = defaultdict(list)
        self.events: dict[SessionDate, list[CorporateEvent]] = defaultdict(list)
        self._open: dict[str, BrokerOrder] = {}
        self._ended: dict[str, SessionDate | None] = {}

    def apply(self, effect: Effect, at: datetime) -> None:
        """Take one effect, of the instant *at*."""
        if effect.cash is not None:
            self.cash += effect.cash
        if effect.order is not None:
            self._keep(effect.order, at)
        if effect.fill is not None:
            self._filled(effect.fill)
        if effect.event is not None:
            self._happened(effect.event, effect.quantity)
        if effect.session is not None:
            self.session, self.stage = effect.session, effect.stage
        assert self.cash >= 0, "the exchange lends nothing"

    def quantity(self, symbol: str) -> Decimal:
        """Shares held of *symbol*."""
        return self.holdings.get(symbol, (ZERO, ZERO))[0]

    def orders_open(self) -> list[BrokerOrder]:
        """Every working order."""
        return list(self._open.values())

    def working(self, symbol: str) -> list[BrokerOrder]:
        """Working orders of *symbol*."""
        return [order for order in self._open.values() if order.symbol == symbol]

    def ended_since(self, since: SessionDate) -> list[BrokerOrder]:
        """Orders that ended in *since* or later."""
        return [self.orders[name] for name, at in self._ended.items() if at is not None and at >= since]

    def bought_today(self, symbol: str) -> Decimal:
        """Shares of *symbol* bought in the session being played."""
        if self.session is None:
            return ZERO
        fills = self.fills.get(self.session, [])
        return sum((f.quantity for f in fills if f.symbol == symbol and f.side is Side.BUY), ZERO)

    def _keep(self, order: BrokerOrder, at: datetime) -> None:
        if not order.is_working and order.ended_at is None:
            order = order.model_copy(update={"ended_at": at})
        self.orders[order.order_id] = order
        self.by_client[order.client_order_id] = order.order_id
        if order.is_working:
            self._open[order.order_id] = order
        else:
            self._open.pop(order.order_id, None)
            self._ended.setdefault(order.order_id, self.session)

    def _filled(self, fill: BrokerFill) -> None:
        order = self.orders[fill.order_id]
        filled = order.filled + fill.quantity
        assert filled <= order.quantity, "the exchange filled more than was asked"
        status = "filled" if filled == order.quantity else order.status
        self._keep(order.model_copy(update={"filled": filled, "status": status}), fill.executed_at)
        self.fills[fill.session_date].append(fill)
        notional = fill.quantity * fill.price
        held, average = self.holdings.get(fill.symbol, (ZERO, ZERO))
        if fill.side is Side.BUY:
            self.cash -= notional + fill.fee
            total = held + fill.quantity
            average = ((held * average + notional) / total).quantize(_SIX)
        else:
            self.cash += notional - fill.fee
            total = held - fill.quantity
        assert total >= 0, "the exchange sold shares that nobody holds"
        self._hold(fill.symbol, total, average)

    def _happened(self, event: CorporateEvent, quantity: Decimal | None) -> None:
        self.events[event.session_date].append(event)
        self.cash += event.cash
        if event.symbol is None or quantity is None:
            return
        held, average = self.holdings[event.symbol]
        if event.ratio_num and event.ratio_den:
            average = (average * event.ratio_den / event.ratio_num).quantize(_SIX)
        assert held >= 0, "a short holding"
        self._hold(event.symbol, ZERO if event.new_symbol else quantity, average)
        if event.new_symbol:
            there, paid = self.holdings.get(event.new_symbol, (ZERO, ZERO))
            average = ((there * paid + quantity * average) / (there + quantity)).quantize(_SIX)
            self._hold(event.new_symbol, there + quantity, average)

    def _hold(self, symbol: str, quantity: Decimal, average: Decimal) -> None:
        if quantity:
            self.holdings[symbol] = (quantity, average)
        else:
            self.holdings.pop(symbol, None)
