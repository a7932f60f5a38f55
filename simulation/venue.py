"""Whatever its hours, an exchange is an outside party: its state is the fold of its own log, and of nothing else.

What the daily and the intraday exchange have in common: the log, the account, what happens to holdings overnight, and
what a fill costs. Every change is one line, appended and synced before it is answered; an unterminated last line never
arrived.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final

from execution_v2.broker.port import Found, LookUp, LookUpAnswer, NotFound, ReplaceOrder, SubmitOrder
from ledger.canonical import line_bytes, parse, plain
from ledger.disk import Disk
from schemas.base import SessionDate, down, instant
from schemas.book import Side, TimeInForce
from schemas.ids import content_id
from schemas.market import ActionKind, CorporateAction
from schemas.observations import (
    AccountFacts,
    BrokerFill,
    BrokerOrder,
    BrokerPosition,
    CorporateEvent,
    OrderUpdate,
)
from simulation.account import ZERO, AccountState, Effect, Mark
from simulation.config import ExchangeConfig, GtcOnSplit
from simulation.costs import cost_bps, fee, priced
from simulation.tape import Hours, Tape

_SPLITS: Final = frozenset({ActionKind.SPLIT, ActionKind.STOCK_DIVIDEND})
_AMOUNT: Final = Decimal("0.000001")
_PRICE: Final = Decimal("0.0001")


class Venue(ABC):
    """One account at a simulated exchange.

    Args:
        disk, path: where its log lies; opened, checked and folded here, a torn tail cut off. None: it is not kept.
        tape, hours: what truly happened, and when it was open.
    """

    def __init__(
        self, disk: Disk | None, path: str, tape: Tape, hours: Hours, config: ExchangeConfig
    ) -> None:
        self._disk = disk
        self._path = path
        self._tape = tape
        self._hours = hours
        self._config = config
        self.state = AccountState()
        self._lines = 0
        self._load()

    # -- what a broker shows ---------------------------------------------------------------------------------

    @property
    def tape(self) -> Tape:
        """What truly happened: only who keeps silent about the future may read it."""
        return self._tape

    @property
    def hours(self) -> Hours:
        """When it is open."""
        return self._hours

    @abstractmethod
    def last(self, symbol: str) -> Decimal | None:
        """The price of the moment, USD; None when nothing traded."""

    def lookup(self, request: LookUp) -> LookUpAnswer:
        """The order as it stands, working or ended."""
        order_id = request.order_id
        if request.client_order_id is not None:
            order_id = self.state.by_client.get(request.client_order_id)
        order = self.state.orders.get(order_id or "")
        return NotFound() if order is None else Found(order=order)

    def account(self) -> AccountFacts:
        """Cash, and equity at the prices of the moment."""
        worth = Decimal(0)
        for symbol, (quantity, average) in self.state.holdings.items():
            mark = self.last(symbol)
            if mark is None and self.state.session is not None:
                mark = self.close_before(symbol, self.state.session)
            worth += quantity * (average if mark is None else mark)
        cash = self.state.cash
        return AccountFacts(equity=cash + worth, cash=cash, buying_power=self._buying_power())

    def positions(self) -> tuple[BrokerPosition, ...]:
        """Holdings, sorted by symbol."""
        return tuple(
            BrokerPosition(symbol=symbol, quantity=quantity, average_price=average)
            for symbol, (quantity, average) in sorted(self.state.holdings.items())
        )

    def open_orders(self) -> tuple[BrokerOrder, ...]:
        """Working orders, sorted by (symbol, client id)."""
        return _listed(self.state.orders_open())

    def closed_orders(self, since: SessionDate) -> tuple[BrokerOrder, ...]:
        """Orders that ended in *since* or later, sorted by (symbol, client id)."""
        return _listed(self.state.ended_since(since))

    def fills(self, since: SessionDate) -> tuple[BrokerFill, ...]:
        """Executions of *since* and later sessions, sorted by (executed_at, symbol, execution id)."""
        found = [fill for session, fills in self.state.fills.items() if session >= since for fill in fills]
        return tuple(sorted(found, key=lambda fill: (fill.executed_at, fill.symbol, fill.execution_id)))

    def events(self, session: SessionDate) -> tuple[CorporateEvent, ...]:
        """What happened to holdings or cash in *session* without a fill, sorted by (at, event id)."""
        return tuple(sorted(self.state.events.get(session, []), key=lambda e: (e.at, e.event_id)))

    def updates_since(self, seq: int) -> tuple[tuple[int, OrderUpdate], ...]:
        """Trade updates after number *seq*, each with its number from 1. This exchange has none to tell."""
        del seq
        return ()

    def close_before(self, symbol: str, session: SessionDate) -> Decimal | None:
        """The last close of a holding before *session*, under whatever name it traded then."""
        closes = (self._tape.close_before(name, session) for name in self._names(symbol, session))
        return next((close for close in closes if close is not None), None)

    def _buying_power(self) -> Decimal:
        return self.state.cash

    # -- overnight -------------------------------------------------------------------------------------------

    def _overnight(
        self, stops: dict[str, BrokerOrder], session: SessionDate, at: datetime, on_split: GtcOnSplit
    ) -> list[Effect]:
        """Corporate actions on holdings and on the resting orders *stops*, which is brought up to date."""
        effects: list[Effect] = []
        holdings = dict(self.state.holdings)
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
            if action.kind in _SPLITS and num and den and on_split is not GtcOnSplit.KEEP:
                for order in [o for o in stops.values() if o.symbol == action.symbol]:
                    effects.append(_after_split(stops, order, num, den, on_split))
        for symbol in sorted(holdings):
            if self._is_delisted(symbol, session):
                gone = [order for order in stops.values() if order.symbol == symbol]
                effects += [ended(stops.pop(order.order_id), "cancelled") for order in gone]
                effects.append(self._delist(symbol, holdings[symbol][0], session, at))
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

    # -- fills -----------------------------------------------------------------------------------------------

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

    # -- the log ---------------------------------------------------------------------------------------------

    def _log(self, op: str, at: datetime, effects: Sequence[Effect], marks: Sequence[Mark] = ()) -> None:
        if self._disk is not None:
            line: dict[str, Any] = {
                "n": self._lines + 1,
                "op": op,
                "at": instant(at),
                "effects": [plain(effect) for effect in effects],
            }
            if marks:
                line["marks"] = [plain(mark) for mark in marks]
            self._disk.append(self._path, line_bytes(line))
        self._lines += 1
        self._fold(at, effects, marks)

    def _fold(self, at: datetime, effects: Sequence[Effect], marks: Sequence[Mark]) -> None:
        """Take one line of the log, just written or read again."""
        del marks
        for effect in effects:
            self.state.apply(effect, at)

    def _load(self) -> None:
        if self._disk is None or not self._disk.exists(self._path):
            return
        data = self._disk.read(self._path)
        whole = data[: data.rfind(b"\n") + 1]
        if whole != data:
            self._disk.write(self._path, whole)  # that call never arrived
        for raw in whole.splitlines():
            line = parse(raw)
            effects = [Effect.model_validate(effect) for effect in line["effects"]]
            marks = [Mark.model_validate(mark) for mark in line.get("marks", ())]
            self._lines += 1
            self._fold(datetime.fromisoformat(line["at"]), effects, marks)


def taken(request: SubmitOrder, status: str) -> BrokerOrder:
    """The order that *request* asks for, nothing of it filled."""
    return BrokerOrder(
        order_id=content_id("xo_", request.client_order_id),
        client_order_id=request.client_order_id,
        symbol=request.symbol,
        side=request.side,
        order_type=request.order_type,
        time_in_force=request.time_in_force,
        quantity=request.quantity,
        filled=ZERO,
        limit=request.limit,
        stop=request.stop,
        status=status,
    )


def successor(old: BrokerOrder, request: ReplaceOrder) -> BrokerOrder:
    """*old* as *request* wants it, under a new id, nothing of it filled."""
    return old.model_copy(
        update={
            "order_id": content_id("xo_", request.client_order_id),
            "client_order_id": request.client_order_id,
            "quantity": request.quantity,
            "filled": ZERO,
            "limit": old.limit if request.limit is None else request.limit,
            "stop": old.stop if request.stop is None else request.stop,
        }
    )


def ended(order: BrokerOrder, status: str) -> Effect:
    """*order* with the status of its end, or any other."""
    return Effect(kind="order", order=order.model_copy(update={"status": status}))


def rest_of(order: BrokerOrder) -> Decimal:
    """Shares that have not filled."""
    return Decimal(order.quantity - order.filled)


def is_day(order: BrokerOrder) -> bool:
    """Whether the order ends with its session."""
    return order.time_in_force is TimeInForce.DAY


def by_symbol(order: BrokerOrder) -> tuple[str, str]:
    """The order in which orders are played."""
    return order.symbol, order.order_id


def _listed(orders: Iterable[BrokerOrder]) -> tuple[BrokerOrder, ...]:
    return tuple(sorted(orders, key=lambda order: (order.symbol, order.client_order_id)))


def _renamed(stops: dict[str, BrokerOrder], old: str, new: str) -> list[Effect]:
    """The working stops of *old* under the name *new*: shares that are held stay protected."""
    moved = [order.model_copy(update={"symbol": new}) for order in stops.values() if order.symbol == old]
    stops.update((order.order_id, order) for order in moved)
    return [Effect(kind="order", order=order) for order in moved]


def _after_split(
    stops: dict[str, BrokerOrder], order: BrokerOrder, num: int, den: int, on_split: GtcOnSplit
) -> Effect:
    """The resting *order* as the broker makes it: on the new basis, or gone."""
    if on_split is GtcOnSplit.DROP:
        return ended(stops.pop(order.order_id), "cancelled")
    stops[order.order_id] = _split_order(order, num, den)
    return Effect(kind="order", order=stops[order.order_id])


def _split_order(order: BrokerOrder, num: int, den: int) -> BrokerOrder:
    """A working stop on the new basis: shares floored, price down to the tick."""
    rest = (rest_of(order) * num / den).to_integral_value(rounding=ROUND_FLOOR)
    changes: dict[str, Any] = {"quantity": order.filled + rest}
    if order.stop is not None:
        changes["stop"] = down(order.stop * den / num)
    if order.limit is not None:
        changes["limit"] = down(order.limit * den / num)
    if not rest:
        changes["status"] = "cancelled"
    return order.model_copy(update=changes)
