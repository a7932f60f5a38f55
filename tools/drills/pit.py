"""One name at an exchange, forty shares of it held, and orders that are sent there as the router decides."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from execution_v2.broker.port import CancelOrder, Confirmed, ReplaceOrder, SubmitOrder
from execution_v2.router import Decision, Desired, Route
from market.calendar import Calendar
from schemas.base import SessionDate
from schemas.book import Leg, Order, OrderState, OrderType, RiskClass, Side, TimeInForce
from schemas.observations import BrokerOrder
from simulation.config import ExchangeConfig, IntradayConfig
from simulation.intraday import IntradayExchange
from simulation.intraday_tape import BarsTape
from simulation.path import IntradayBar

SYMBOL: Final = "AAA"
ON: Final = SessionDate(date(2024, 3, 5))
HELD: Final = Decimal(40)
PRICE: Final = Decimal("50.00")
STOP: Final = Decimal("47.00")
_LEGS: Final = {OrderType.STOP: Leg.STOP, OrderType.MARKET: Leg.EXIT, OrderType.LIMIT: Leg.ENTRY}


def stop_wish(quantity: Decimal = HELD, stop: Decimal = STOP) -> Desired:
    """The stop that should stand."""
    return Desired(
        leg=Leg.STOP,
        side=Side.SELL,
        order_type=OrderType.STOP,
        time_in_force=TimeInForce.GTC,
        quantity=quantity,
        stop=stop,
    )


def entry_wish(quantity: Decimal = HELD, limit: Decimal = PRICE) -> Desired:
    """The entry that should stand."""
    return Desired(
        leg=Leg.ENTRY,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        quantity=quantity,
        limit=limit,
    )


def exit_wish(quantity: Decimal = HELD) -> Desired:
    """The sale that should be made."""
    return Desired(
        leg=Leg.EXIT,
        side=Side.SELL,
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        quantity=quantity,
    )


class Pit:
    """The exchange five minutes after its open. *latency_s*: for which it shows a new order as accepted only."""

    def __init__(self, hours: Calendar, latency_s: int = 0) -> None:
        opens = hours.open_at(ON)
        bars = tuple(_flat(opens + timedelta(minutes=5 * n)) for n in range(78))
        tape = BarsTape(held={(SYMBOL, ON): bars}, adv={SYMBOL: Decimal(50_000_000)}, before={SYMBOL: PRICE})
        rules = IntradayConfig(place_latency_s=Decimal(latency_s))
        self.exchange = IntradayExchange(None, "", tape, hours, ExchangeConfig(), rules)
        self._at, self._sent = opens + timedelta(minutes=5), 0
        bought = self.place(
            Desired(
                leg=Leg.ENTRY,
                side=Side.BUY,
                order_type=OrderType.MARKET,
                time_in_force=TimeInForce.DAY,
                quantity=HELD,
            )
        )
        self._at += timedelta(seconds=2 * latency_s)
        self.exchange.advance(self._at)
        assert self.seen(bought).filled == HELD, "the drill begins with shares"

    def place(self, wish: Desired) -> Order:
        """An order of ours is sent; as the exchange shows it."""
        self._sent += 1
        request = SubmitOrder(
            client_order_id=f"drill-{self._sent}",
            symbol=SYMBOL,
            side=wish.side,
            quantity=wish.quantity,
            order_type=wish.order_type,
            time_in_force=wish.time_in_force,
            limit=wish.limit,
            stop=wish.stop,
        )
        answer = self.exchange.submit(request, self._at)
        assert isinstance(answer, Confirmed), f"the exchange refused: {answer}"
        return _ours(answer.order)

    def traded(self, order: Order, shares: int) -> Order:
        """Somebody trades so many shares against *order*; as the exchange shows it then."""
        assert order.order_id is not None, "an order that was never sent"
        self.exchange.print_through(order.order_id, Decimal(shares), self._at)
        return self.seen(order)

    def seen(self, order: Order) -> Order:
        """*order* as the exchange shows it now."""
        return _ours(self.exchange.state.orders[order.order_id or ""])

    def is_ready(self, order: Order) -> bool:
        """Whether the exchange shows *order* open."""
        return self.exchange.state.orders[order.order_id or ""].status == "open"

    def halt(self) -> bool:
        """Nothing trades in the name; whether the exchange says so."""
        self.exchange.halt(SYMBOL, self._at)
        return self.exchange.is_halted(SYMBOL)

    def carry_out(self, decision: Decision, existing: Order | None) -> str:
        """Do what was decided, and nothing else; the orders that stand afterwards."""
        wish, order_id = decision.desired, None if existing is None else existing.order_id
        if decision.route in (Route.CANCEL, Route.CANCEL_THEN_PLACE):
            assert order_id is not None, "nothing to cancel"
            self.exchange.cancel(CancelOrder(order_id=order_id), self._at)
        if decision.route in (Route.PLACE, Route.CANCEL_THEN_PLACE):
            assert wish is not None, "nothing to place"
            self.place(wish)
        if decision.route is Route.REPLACE:
            assert wish is not None, "nothing to replace it by"
            assert existing is not None, "nothing to replace"
            assert order_id is not None, "an order that was never sent"
            self._sent += 1
            request = ReplaceOrder(
                order_id=order_id,
                client_order_id=f"drill-{self._sent}",
                quantity=wish.quantity - existing.filled,
                stop=wish.stop,
            )
            answer = self.exchange.replace(request, self._at)
            assert isinstance(answer, Confirmed), f"the exchange refused: {answer}"
        return self.standing()

    def standing(self) -> str:
        """The orders that work, as one would read them aloud."""
        return ", ".join(_told(order) for order in self.exchange.open_orders()) or "none"


def _flat(at: datetime) -> IntradayBar:
    return IntradayBar(
        start_at=at, seconds=300, open=PRICE, high=PRICE, low=PRICE, close=PRICE, volume=100_000
    )


def _told(order: BrokerOrder) -> str:
    what = "stop" if order.order_type is OrderType.STOP else order.side
    price = order.stop if order.limit is None else order.limit
    at = "" if price is None else f" at {price:.2f}"
    return f"{what} {order.quantity - order.filled} {order.time_in_force}{at}"


def _ours(order: BrokerOrder) -> Order:
    """An order of ours as the book would hold it."""
    is_buy = order.side is Side.BUY
    return Order(
        ord_id=f"ord_{order.client_order_id}",
        client_order_id=order.client_order_id,
        order_id=order.order_id,
        leg=_LEGS[order.order_type],
        revision=1,
        attempt=1,
        risk_class=RiskClass.INCREASE if is_buy else RiskClass.REDUCE,
        state=OrderState.PARTIAL if order.filled else OrderState.LIVE,
        strategy_id="S1_AVWAP_CORE",
        sleeve_id="S1_AVWAP_CORE",
        intent_id="int_drill",
        position_id="pos_drill",
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        time_in_force=order.time_in_force,
        quantity=order.quantity,
        filled=order.filled,
        limit=order.limit,
        stop=order.stop,
        reason="DRILL",
        session_date=ON,
    )
