"""The exchange is an outside party: its state is its own log, and it plays each day by the bar and by rules.

Driven by an injected instant: ``advance(now)`` plays the opens and closes that lie behind it (strategy.md
10.1). At an open corporate actions come first, then stops that the price gapped through. After the open a
marketable order fills at the open's price; what is sent after the close fills at what the bar allowed. In the
bar a stop comes before a target. Every change is one line of ``exchange.jsonl``, appended and synced before
it is answered; the state is the fold of that log, and an unterminated last line never arrived.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final

from execution_v2.broker.port import (
    CancelOrder,
    Confirmed,
    Found,
    LookUp,
    LookUpAnswer,
    NotFound,
    Outcome,
    Rejected,
    ReplaceOrder,
    SubmitOrder,
)
from ledger.canonical import line_bytes, parse, plain
from ledger.disk import Disk
from schemas.base import SessionDate, down, instant
from schemas.book import OrderType, Side, TimeInForce
from schemas.ids import content_id
from schemas.market import ActionKind, CorporateAction
from schemas.observations import BrokerFill, BrokerOrder, CorporateEvent
from schemas.reasons.execution import BrokerCode
from simulation.account import AccountState, Effect, Stage
from simulation.config import ExchangeConfig
from simulation.costs import cost_bps, fee, priced
from simulation.tape import Hours, Tape, TapeBar

_SPLITS: Final = frozenset({ActionKind.SPLIT, ActionKind.STOCK_DIVIDEND})
_AMOUNT: Final = Decimal("0.000001")
_PRICE: Final = Decimal("0.0001")


class Exchange:
    """One account at the simulated exchange.

    Args:
        disk, path: where its log lies; opened, checked and folded here, a torn tail cut off.
        tape, hours: what truly happened, and when it was open.
    """

    def __init__(self, disk: Disk, path: str, tape: Tape, hours: Hours, config: ExchangeConfig) -> None:
        self._disk = disk
        self._path = path
        self._tape = tape
        self._hours = hours
        self._config = config
        self.state = AccountState()
        self._lines = 0
        self._load()

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
        order = BrokerOrder(
            order_id=content_id("xo_", request.client_order_id),
            client_order_id=request.client_order_id,
            symbol=request.symbol,
            side=request.side,
            order_type=request.order_type,
            time_in_force=request.time_in_force,
            quantity=request.quantity,
            filled=Decimal(0),
            limit=request.limit,
            stop=request.stop,
            status="open",
        )
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
        order = old.model_copy(
            update={
                "order_id": content_id("xo_", request.client_order_id),
                "client_order_id": request.client_order_id,
                "quantity": request.quantity,
                "filled": Decimal(0),
                "limit": old.limit if request.limit is None else request.limit,
                "stop": old.stop if request.stop is None else request.stop,
            }
        )
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
        self._log("cancel", now, [_ended(order, "cancelled")])
        return Confirmed(order=self.state.orders[order.order_id])

    def lookup(self, request: LookUp) -> LookUpAnswer:
        """The order as it stands, working or ended."""
        order_id = request.order_id
        if request.client_order_id is not None:
            order_id = self.state.by_client.get(request.client_order_id)
        order = self.state.orders.get(order_id or "")
        return NotFound() if order is None else Found(order=order)

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
            free = self.state.quantity(order.symbol) - sum(_rest(o) for o in others if o.side is Side.SELL)
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
        return sum((_rest(o) * Decimal(o.limit or 0) for o in buys), Decimal(0))

    def _at_once(self, order: BrokerOrder, now: datetime) -> list[Effect]:
        """What an order just taken gets: at the open's price until the close, then what the bar allowed."""
        bar = self._today(order.symbol)
        if bar is None or order.order_type is OrderType.STOP:
            return []
        quantity, price = _rest(order), None
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
        effects = [_ended(o, "expired") for o in self.state.orders_open() if _is_day(o)]
        holdings = dict(self.state.holdings)
        stops = {o.order_id: o for o in self.state.orders_open() if not _is_day(o)}
        for action in self._tape.actions(session):
            held = holdings.get(action.symbol)
            if held is None:
                continue
            made = self._apply(action, held[0], session, at)
            effects += made
            for effect in made:
                if effect.event is not None and effect.quantity is not None:
                    del holdings[action.symbol]
                    holdings[effect.event.new_symbol or action.symbol] = (effect.quantity, held[1])
                    if effect.event.new_symbol:
                        effects += _renamed(stops, action.symbol, effect.event.new_symbol)
            num, den = action.ratio_num, action.ratio_den
            if action.kind in _SPLITS and num and den:
                for order in [o for o in stops.values() if o.symbol == action.symbol]:
                    stops[order.order_id] = _split_order(order, num, den)
                    effects.append(Effect(kind="order", order=stops[order.order_id]))
        for symbol in sorted(holdings):
            if self._is_delisted(symbol, session):
                gone = [order for order in stops.values() if order.symbol == symbol]
                effects += [_ended(stops.pop(order.order_id), "cancelled") for order in gone]
                effects.append(self._delist(symbol, holdings[symbol][0], session, at))
        effects.append(Effect(kind="phase", session=session, stage=Stage.OPEN))
        for order in sorted(stops.values(), key=_key):
            bar = self._tape.bar(order.symbol, session)
            if bar is not None and order.stop is not None and bar.open <= order.stop:
                price = self._priced(order.symbol, bar.open, Side.SELL, session)
                effects.append(self._fill(order, _rest(order), price, at, session))
        return effects

    def _apply(
        self, action: CorporateAction, quantity: Decimal, session: SessionDate, at: datetime
    ) -> list[Effect]:
        """What *action* does to *quantity* shares held at the close before."""
        num, den, cash = action.ratio_num, action.ratio_den, Decimal(0)
        after = quantity
        if action.kind in _SPLITS and num and den:
            whole = quantity * num / den
            after = whole.to_integral_value(rounding=ROUND_FLOOR)
            close = self._tape.close_before(action.symbol, session) or Decimal(0)
            cash = ((whole - after) * close * den / num).quantize(_AMOUNT, ROUND_FLOOR)
        elif action.kind is ActionKind.CASH_DIVIDEND and action.cash_usd:
            num = den = None
            cash = quantity * action.cash_usd
        elif action.kind is ActionKind.SYMBOL_CHANGE and action.new_symbol:
            num = den = None
        else:
            return []
        event = CorporateEvent(
            event_id=content_id("xv_", action.symbol, session, action.kind),
            kind=action.kind,
            symbol=action.symbol,
            ratio_num=num,
            ratio_den=den,
            new_symbol=action.new_symbol if action.kind is ActionKind.SYMBOL_CHANGE else None,
            cash=cash,
            at=at,
            session_date=session,
        )
        return [Effect(kind="event", event=event, quantity=after)]

    def _is_delisted(self, symbol: str, session: SessionDate) -> bool:
        """Whether *symbol* traded in none of the sessions before, nor trades in this one."""
        span = timedelta(days=7 + 2 * self._config.delisting_sessions)
        recent = self._hours.sessions(session - span, session)[-self._config.delisting_sessions - 1 :]
        names = self._names(symbol, session)
        return all(self._tape.bar(name, each) is None for each in recent for name in names)

    def _names(self, symbol: str, session: SessionDate) -> list[str]:
        """*symbol* and what its shares were called before, newest first; *session* is the one being played."""
        today = (a for a in self._tape.actions(session) if a.kind is ActionKind.SYMBOL_CHANGE)
        changes = [(a.symbol, a.new_symbol) for a in today]
        for played, events in sorted(self.state.events.items(), reverse=True):
            changes += [(e.symbol or "", e.new_symbol) for e in events if played < session]
        names = [symbol]
        for old, new in changes:
            if new == names[-1]:
                names.append(old)
        return names

    def close_before(self, symbol: str, session: SessionDate) -> Decimal | None:
        """The last close of a holding before *session*, under whatever name it traded then."""
        closes = (self._tape.close_before(name, session) for name in self._names(symbol, session))
        return next((close for close in closes if close is not None), None)

    def _delist(self, symbol: str, quantity: Decimal, session: SessionDate, at: datetime) -> Effect:
        """Pay a holding out at the last close less the haircut: no price was recorded for its end."""
        close = self.close_before(symbol, session) or Decimal(0)
        price = (close * (1 - self._config.delisting_haircut)).quantize(_PRICE, ROUND_FLOOR)
        event = CorporateEvent(
            event_id=content_id("xv_", symbol, session, ActionKind.DELISTING),
            kind=ActionKind.DELISTING,
            symbol=symbol,
            cash=quantity * price,
            at=at,
            session_date=session,
        )
        return Effect(kind="event", event=event, quantity=Decimal(0))

    def _play_bar(self, session: SessionDate, at: datetime) -> list[Effect]:
        effects: list[Effect] = []
        for order in sorted(self.state.orders_open(), key=_key):
            bar = self._tape.bar(order.symbol, session)
            fill = None
            if bar is not None and order.side is Side.SELL:
                fill = self._fill_in_bar(order, bar, at, session)
            if fill is not None:
                effects.append(fill)
            elif _is_day(order):
                effects.append(_ended(order, "expired"))
        return [*effects, Effect(kind="phase", session=session, stage=Stage.CLOSED)]

    def _fill_in_bar(
        self, order: BrokerOrder, bar: TapeBar, at: datetime, session: SessionDate
    ) -> Effect | None:
        if order.stop is not None and bar.low <= order.stop:
            price = self._priced(order.symbol, min(Decimal(order.stop), bar.open), Side.SELL)
            return self._fill(order, _rest(order), price, at, session)
        # Stop first: the bar does not tell which of the two it touched before.
        if order.order_type is OrderType.LIMIT and order.limit is not None and bar.high >= order.limit:
            stopped = any(o.stop is not None and bar.low <= o.stop for o in self.state.working(order.symbol))
            if not stopped:
                return self._fill(order, _rest(order), max(bar.open, Decimal(order.limit)), at, session)
        return None

    def _fill(
        self,
        order: BrokerOrder,
        quantity: Decimal,
        price: Decimal,
        at: datetime,
        session: SessionDate | None = None,
    ) -> Effect:
        played = session or self.state.session
        assert played is not None, "a fill outside every session"
        fill = BrokerFill(
            execution_id=content_id("xe_", order.order_id, format(order.filled, "f")),
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            quantity=quantity,
            price=price,
            fee=fee(order.side, quantity, price, self._config.costs),
            executed_at=at,
            session_date=played,
        )
        return Effect(kind="fill", fill=fill)

    def _priced(self, symbol: str, ref: Decimal, side: Side, session: SessionDate | None = None) -> Decimal:
        played = session or self.state.session
        assert played is not None, "a price outside every session"
        turnovers = (self._tape.adv_usd20(name, played) for name in self._names(symbol, played))
        turnover = next((each for each in turnovers if each is not None), None)
        return priced(ref, side, cost_bps(turnover, self._config.costs))

    def _today(self, symbol: str) -> TapeBar | None:
        return None if self.state.session is None else self._tape.bar(symbol, self.state.session)

    # -- the log ---------------------------------------------------------------------------------------------

    def _log(self, op: str, at: datetime, effects: Sequence[Effect]) -> None:
        line: dict[str, Any] = {
            "n": self._lines + 1,
            "op": op,
            "at": instant(at),
            "effects": [plain(effect) for effect in effects],
        }
        self._disk.append(self._path, line_bytes(line))
        self._lines += 1
        for effect in effects:
            self.state.apply(effect)

    def _load(self) -> None:
        if not self._disk.exists(self._path):
            return
        data = self._disk.read(self._path)
        whole = data[: data.rfind(b"\n") + 1]
        if whole != data:
            self._disk.write(self._path, whole)  # that call never arrived
        for line in whole.splitlines():
            for effect in parse(line)["effects"]:
                self.state.apply(Effect.model_validate(effect))
            self._lines += 1


def _ended(order: BrokerOrder, status: str) -> Effect:
    return Effect(kind="order", order=order.model_copy(update={"status": status}))


def _renamed(stops: dict[str, BrokerOrder], old: str, new: str) -> list[Effect]:
    """The working stops of *old* under the name *new*: shares that are held stay protected."""
    moved = [order.model_copy(update={"symbol": new}) for order in stops.values() if order.symbol == old]
    stops.update((order.order_id, order) for order in moved)
    return [Effect(kind="order", order=order) for order in moved]


def _rest(order: BrokerOrder) -> Decimal:
    return Decimal(order.quantity - order.filled)


def _is_day(order: BrokerOrder) -> bool:
    return order.time_in_force is TimeInForce.DAY


_key: Final[Callable[[BrokerOrder], tuple[str, str]]] = lambda order: (order.symbol, order.order_id)  # noqa: E731


def _split_order(order: BrokerOrder, num: int, den: int) -> BrokerOrder:
    """A working stop on the new basis: shares floored, price down to the tick."""
    changes: dict[str, Any] = {
        "quantity": (order.quantity * num / den).to_integral_value(rounding=ROUND_FLOOR)
    }
    if order.stop is not None:
        changes["stop"] = down(order.stop * den / num)
    if not changes["quantity"]:
        changes["status"] = "cancelled"
    return order.model_copy(update=changes)
