"""The exchange is an outside party: its state is its own log, and it plays each day by the bar and by rules.

Driven by an injected instant: ``advance(now)`` plays the opens and closes that lie behind it (strategy.md
10.1). At an open corporate actions come first, then stops that the price gapped through. After the open a
marketable order fills at the open's price; what is sent after the close fills at what the bar allowed. In the
bar a stop comes before a target. Every change is one line of ``exchange.jsonl``, appended and synced before
it is answered; the state is the fold of that log, and an unterminated last line never arrived.
"""

from datetime import datetime
from decimal import ROUND_FLOOR, Decimal

from execution_v2.broker.port import CancelOrder, Confirmed, Outcome, Rejected, ReplaceOrder, SubmitOrder
from schemas.base import SessionDate
from schemas.book import OrderType, Side
from schemas.observations import BrokerOrder
from schemas.reasons.execution import BrokerCode
from simulation.account import Effect, Stage
from simulation.config import GtcOnSplit
from simulation.tape import TapeBar
from simulation.venue import Venue, by_symbol, ended, is_day, rest_of, successor, taken


class Exchange(Venue):
    """One account at the simulated exchange of daily bars."""

    def advance(self, now: datetime) -> None:
        """Play every open and close up to *now*; each is one line of the log."""
        if self._lines == 0:
            funded = Effect(kind="cash", cash=self._config.starting_capital_usd)
            self._log("genesis", now, [funded])
        first = self.state.session or SessionDate(now.date())
        for session in self._hours.sessions(first, now.date()):
            at = self._hours.open_at(session)
            if now >= at and (self.state.session is None or session > self.state.session):
                self._log("open", at, self._play_open(session, at))
            at = self._hours.close_at(session)
            if now >= at and self.state.session == session and self.state.stage is Stage.OPEN:
                self._log("close", at, self._play_bar(session, at))

    # -- requests --------------------------------------------------------------------------------------------

    def submit(self, request: SubmitOrder, now: datetime) -> Outcome:
        """Take a new order and fill what can be filled at once."""
        if request.client_order_id in self.state.by_client:
            return Rejected(reason=BrokerCode.DUPLICATE_CLIENT_ID, raw="client order id was used")
        order = taken(request, "open")
        refusal = self._refusal(order, now, without=None)
        if refusal is not None:
            return refusal
        effects = [Effect(kind="order", order=order), *self._at_once(order, now)]
        self._log("submit", now, effects)
        return Confirmed(order=self.state.orders[order.order_id])

    def replace(self, request: ReplaceOrder, now: datetime) -> Outcome:
        """Exchange a working order for its successor in one step, or leave it as it is."""
        old = self.state.orders.get(request.order_id)
        if request.client_order_id in self.state.by_client:
            return Rejected(reason=BrokerCode.DUPLICATE_CLIENT_ID, raw="client order id was used")
        if old is None or old.status != "open":
            return Rejected(reason=BrokerCode.NOT_WORKING, raw="no such working order")
        order = successor(old, request)
        refusal = self._refusal(order, now, without=old)
        if refusal is not None:
            return refusal
        replaced = old.model_copy(update={"status": "replaced", "replaced_by": order.order_id})
        effects = [Effect(kind="order", order=replaced), Effect(kind="order", order=order)]
        self._log("replace", now, [*effects, *self._at_once(order, now)])
        return Confirmed(order=self.state.orders[order.order_id])

    def cancel(self, request: CancelOrder, now: datetime) -> Outcome:
        """End a working order."""
        order = self.state.orders.get(request.order_id)
        if order is None or order.status != "open":
            return Rejected(reason=BrokerCode.NOT_WORKING, raw="no such working order")
        self._log("cancel", now, [ended(order, "cancelled")])
        return Confirmed(order=self.state.orders[order.order_id])

    def last(self, symbol: str) -> Decimal | None:
        """The price of the moment: the open until the close, then the close; None when nothing traded."""
        bar = self._today(symbol)
        if bar is None:
            return None
        return bar.open if self.state.stage is Stage.OPEN else bar.close

    # -- rules -----------------------------------------------------------------------------------------------

    def _refusal(self, order: BrokerOrder, now: datetime, without: BrokerOrder | None) -> Rejected | None:
        """Why *order* cannot be taken, or None. *without*: the order that it would replace."""

        def no(code: BrokerCode, raw: str) -> Rejected:
            return Rejected(reason=code, raw=raw)

        others = [o for o in self.state.working(order.symbol) if o != without]
        price = order.stop if order.order_type is OrderType.STOP else order.limit
        if order.quantity <= 0 or (order.order_type is not OrderType.MARKET and not price):
            return no(BrokerCode.BROKER_REJECTED, "quantity or price is missing")
        is_trading = self.state.session == now.date() and self._today(order.symbol) is not None
        if order.order_type is not OrderType.STOP and not is_trading:
            return no(BrokerCode.NOT_TRADABLE, "no trading in the symbol now")
        if order.side is Side.SELL:
            free = self.state.quantity(order.symbol) - sum(rest_of(o) for o in others if o.side is Side.SELL)
            if order.quantity > free:
                return no(BrokerCode.INSUFFICIENT_QTY_HELD, f"{free} shares are free")
            if order.order_type is not OrderType.LIMIT and any(o.side is Side.BUY for o in others):
                return no(BrokerCode.OPPOSITE_SIDE_ORDER, "a buy is working")
            last = self.last(order.symbol)
            if order.stop is not None and last is not None and order.stop >= last:
                return no(BrokerCode.STOP_THROUGH_MARKET, f"the last price is {last}")
            return None
        if any(o.side is Side.SELL and o.order_type is not OrderType.LIMIT for o in others):
            return no(BrokerCode.OPPOSITE_SIDE_ORDER, "a sell stop or market sell is working")
        if order.quantity * self._most(order) > self.state.cash - self._reserved():
            return no(BrokerCode.INSUFFICIENT_BUYING_POWER, f"cash {self.state.cash}")
        return None

    def _most(self, order: BrokerOrder) -> Decimal:
        if order.limit is not None:
            return Decimal(order.limit)
        last = self.last(order.symbol)
        assert last is not None, "a market order in a symbol that trades"
        return self._priced(order.symbol, last, Side.BUY)

    def _reserved(self) -> Decimal:
        buys = [o for o in self.state.orders_open() if o.side is Side.BUY and o.limit is not None]
        return sum((rest_of(o) * Decimal(o.limit or 0) for o in buys), Decimal(0))

    def _at_once(self, order: BrokerOrder, now: datetime) -> list[Effect]:
        """What an order just taken gets: at the open's price until the close, then what the bar allowed."""
        bar = self._today(order.symbol)
        if bar is None or order.order_type is OrderType.STOP:
            return []
        quantity, price = rest_of(order), None
        if order.side is Side.BUY and self.state.stage is Stage.OPEN:
            price = self._priced(order.symbol, bar.open, Side.BUY)
            if order.limit is not None and price > order.limit:
                return []  # the open costs more than the limit: missed, and nothing fills later in the bar
            most = (self._config.participation_max * bar.volume).to_integral_value(rounding=ROUND_FLOOR)
            quantity = min(quantity, most - self.state.bought_today(order.symbol))
        elif order.side is Side.SELL:
            price = self._sale_price(order, bar)
        if price is None or quantity <= 0:
            return []
        return [self._fill(order, quantity, price, now)]

    def _sale_price(self, order: BrokerOrder, bar: TapeBar) -> Decimal | None:
        is_open = self.state.stage is Stage.OPEN
        if order.order_type is OrderType.MARKET:
            return self._priced(order.symbol, bar.open if is_open else bar.close, Side.SELL)
        assert order.limit is not None, "a limit order without its price"
        limit = Decimal(order.limit)
        return max(bar.open, limit) if (bar.open if is_open else bar.high) >= limit else None

    def _play_open(self, session: SessionDate, at: datetime) -> list[Effect]:
        effects = [ended(o, "expired") for o in self.state.orders_open() if is_day(o)]
        stops = {o.order_id: o for o in self.state.orders_open() if not is_day(o)}
        effects += self._overnight(stops, session, at, GtcOnSplit.CHANGE)
        effects.append(Effect(kind="phase", session=session, stage=Stage.OPEN))
        for order in sorted(stops.values(), key=by_symbol):
            bar = self._tape.bar(order.symbol, session)
            if bar is not None and order.stop is not None and bar.open <= order.stop:
                price = self._priced(order.symbol, bar.open, Side.SELL, session)
                effects.append(self._fill(order, rest_of(order), price, at, session))
        return effects

    def _play_bar(self, session: SessionDate, at: datetime) -> list[Effect]:
        effects: list[Effect] = []
        for order in sorted(self.state.orders_open(), key=by_symbol):
            bar = self._tape.bar(order.symbol, session)
            fill = None
            if bar is not None and order.side is Side.SELL:
                fill = self._fill_in_bar(order, bar, at, session)
            if fill is not None:
                effects.append(fill)
            elif is_day(order):
                effects.append(ended(order, "expired"))
        return [*effects, Effect(kind="phase", session=session, stage=Stage.CLOSED)]

    def _fill_in_bar(
        self, order: BrokerOrder, bar: TapeBar, at: datetime, session: SessionDate
    ) -> Effect | None:
        if order.stop is not None and bar.low <= order.stop:
            price = self._priced(order.symbol, min(Decimal(order.stop), bar.open), Side.SELL)
            return self._fill(order, rest_of(order), price, at, session)
        # Stop first: the bar does not tell which of the two it touched before.
        if order.order_type is OrderType.LIMIT and order.limit is not None and bar.high >= order.limit:
            stopped = any(o.stop is not None and bar.low <= o.stop for o in self.state.working(order.symbol))
            if not stopped:
                return self._fill(order, rest_of(order), max(bar.open, Decimal(order.limit)), at, session)
        return None

    def _today(self, symbol: str) -> TapeBar | None:
        return None if self.state.session is None else self._tape.bar(symbol, self.state.session)
