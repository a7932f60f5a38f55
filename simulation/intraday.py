"""A request is judged, written down and answered at one instant of the floor's time; latency makes some fall due later.

The exchange of intraday bars as a broker's server sees it, and the hand that lets a simulation halt a symbol or print
through an order.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from execution_v2.broker.port import CancelOrder, Confirmed, Outcome, Rejected, ReplaceOrder, SubmitOrder
from schemas.book import OrderType, Side
from schemas.observations import BrokerOrder
from schemas.reasons.execution import BrokerCode
from simulation.account import Effect, Mark, Stage
from simulation.floor import FILLABLE, Floor, replaced
from simulation.order_rules import is_successor
from simulation.venue import ended, rest_of, successor, taken


class IntradayExchange(Floor):
    """One account at the simulated exchange of intraday bars."""

    # -- requests --------------------------------------------------------------------------------------------

    def submit(self, request: SubmitOrder, now: datetime) -> Outcome:
        """Take a new order and fill what can be filled at once; outside the session it is queued for the next."""
        self.advance(now)
        if request.client_order_id in self.state.by_client:
            return Rejected(reason=BrokerCode.DUPLICATE_CLIENT_ID, raw="client_order_id must be unique")
        latency = self._rules.place_latency_s
        is_open = self.state.stage is Stage.OPEN
        order = taken(request, "open" if is_open and not latency else "accepted")
        refused = self._refusal(order, None)
        if refused is not None:
            return refused
        marks = [self._mark("placing", order, latency, now)] if is_open and latency else []
        self._log("submit", now, [Effect(kind="order", order=order)], marks)
        self._until(self._t)
        return Confirmed(order=self.state.orders[order.order_id])

    def replace(self, request: ReplaceOrder, now: datetime) -> Outcome:
        """Exchange a working order for its successor, at once or after the latency; refused while it is pending."""
        self.advance(now)
        if request.client_order_id in self.state.by_client:
            return Rejected(reason=BrokerCode.DUPLICATE_CLIENT_ID, raw="client_order_id must be unique")
        old = self.state.orders.get(request.order_id)
        if old is None or old.status != "open" or old.order_id in self._triggered:
            return Rejected(reason=BrokerCode.NOT_WORKING, raw=_state_of(old))
        latency = self._rules.replace_latency_s
        links = {"replaces": old.order_id, "status": "accepted" if latency else "open"}
        new = successor(old, request).model_copy(update=links)
        refused = self._refusal(new, old)
        if refused is not None:
            return refused
        made = Effect(kind="order", order=new)
        if latency:
            mark = self._mark("replacing", old, latency, now, new.order_id)
            self._log("replace", now, [ended(old, "pending_replace"), made], [mark])
        else:
            self._log("replace", now, [replaced(old, new), made])
        self._until(self._t)
        return Confirmed(order=self.state.orders[new.order_id])

    def cancel(self, request: CancelOrder, now: datetime) -> Outcome:
        """End a working order, at once or after the latency; until then it may fill."""
        self.advance(now)
        order = self.state.orders.get(request.order_id)
        if order is None or order.status not in ("open", "accepted") or is_successor(order):
            return Rejected(reason=BrokerCode.NOT_WORKING, raw=_state_of(order))
        latency = self._rules.cancel_latency_s
        if latency:
            mark = self._mark("cancelling", order, latency, now)
            self._log("cancel", now, [ended(order, "pending_cancel")], [mark])
        else:
            self._log("cancel", now, [ended(order, "cancelled")])
        return Confirmed(order=self.state.orders[order.order_id])

    # -- the hand behind the scenes --------------------------------------------------------------------------

    def halt(self, symbol: str, now: datetime) -> None:
        """Nothing trades in *symbol* from *now* on."""
        self.advance(now)
        self.flags.halted.setdefault(symbol, now)

    def resume(self, symbol: str, now: datetime) -> None:
        """*symbol* trades again, at whatever its path shows at *now*."""
        self.advance(now)
        self.flags.halted.pop(symbol, None)
        self._until(self._t)

    def print_through(self, order_id: str, quantity: Decimal | None, now: datetime) -> bool:
        """Somebody trades against a working order at its own price; False if nothing could fill. None: all of it."""
        self.advance(now)
        order = self.state.orders.get(order_id)
        last = None if order is None else self.last(order.symbol)
        is_open = self.state.stage is Stage.OPEN
        if order is None or last is None or not is_open or order.status not in FILLABLE:
            return False
        price = Decimal(order.limit or order.stop or last)
        shares = rest_of(order) if quantity is None else min(quantity, rest_of(order))
        if order.side is Side.SELL:
            shares = min(shares, self.state.quantity(order.symbol))
        elif shares * price > self.state.cash - self._reserved(order):
            return False
        if shares <= 0:
            return False
        is_stop = order.order_type is OrderType.STOP
        marks = [Mark(kind="triggered", order_id=order_id)] if is_stop else []
        self._log("print", now, [self._fill(order, shares, price, now)], marks)
        return True

    def kill(self, order_id: str, now: datetime) -> bool:
        """The venue rejects a working order after all; False if it had ended."""
        self.advance(now)
        order = self.state.orders.get(order_id)
        if order is None or not order.is_working:
            return False
        self._log("kill", now, [ended(order, "rejected")])
        return True

    def replace_in_vain(self, request: ReplaceOrder, now: datetime) -> BrokerOrder | None:
        """Take a replacement and reject it afterwards: the old order works on. As it was taken; None if it is not."""
        self.advance(now)
        old = self.state.orders.get(request.order_id)
        is_used = request.client_order_id in self.state.by_client
        if old is None or old.status != "open" or old.order_id in self._triggered or is_used:
            return None
        links = {"replaces": old.order_id, "status": "accepted"}
        new = successor(old, request).model_copy(update=links)
        self._log("replace", now, [ended(old, "pending_replace"), Effect(kind="order", order=new)])
        self._log("replace_refused", now, [ended(new, "rejected"), ended(old, "open")])
        return new

    def _mark(
        self,
        kind: Literal["placing", "replacing", "cancelling"],
        order: BrokerOrder,
        latency_s: Decimal,
        now: datetime,
        successor: str | None = None,
    ) -> Mark:
        due = now + timedelta(seconds=float(latency_s))
        return Mark(kind=kind, order_id=order.order_id, due=due, successor=successor)


def _state_of(order: BrokerOrder | None) -> str:
    return "order not found" if order is None else f"order is in state {order.status}"
