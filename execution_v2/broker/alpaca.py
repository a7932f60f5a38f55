"""Alpaca answers through our port: every outcome is one of the table's, and a read is whole or has failed.

Table 3.3 of execution.md, over ``alpaca_line`` (how a request goes) and ``alpaca_wire`` (what an answer says).
Books are long only, so a buy adds exposure and may be refused by the breaker; everything else passes it.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlsplit

from alpaca.common.enums import BaseURL
from alpaca.trading.client import TradingClient
from alpaca.trading.requests import (
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopOrderRequest,
)

from execution_v2.broker import alpaca_wire as wire
from execution_v2.broker.alpaca_config import AlpacaConfig
from execution_v2.broker.alpaca_line import Line, Lost, Reply, Traffic
from execution_v2.broker.alpaca_pages import activities_of, orders_of
from execution_v2.broker.alpaca_stream import AlpacaStream
from execution_v2.broker.breaker import Breaker, Keep, Lane
from execution_v2.broker.port import (
    Account,
    Assets,
    CancelOrder,
    Capabilities,
    Clock,
    Confirmed,
    Denied,
    Events,
    Fills,
    Found,
    LookUp,
    LookUpAnswer,
    NotFound,
    Orders,
    Outcome,
    Positions,
    ReadFailed,
    Rejected,
    ReplaceOrder,
    Seen,
    Sessions,
    SubmitOrder,
    Unresolved,
    Updates,
)
from market.calendar import NEW_YORK
from market.feeds.alpaca import Credentials
from market.feeds.port import Clock as Time
from schemas.base import SessionDate, tick
from schemas.book import OrderType, Side
from schemas.observations import AssetFacts, BrokerOrder, ClockFacts, SessionHours
from schemas.reasons.execution import BrokerCode, LineCode

GTC_LIVES: Final = timedelta(days=100)
"""The broker ends a good-till-cancelled order after 90 days: what ended today was sent within this time."""
LOOKUPS_MAX: Final = 50
"""Orders that one read of executions asks after one by one, since executions do not name our ids."""

T = TypeVar("T")


class AlpacaBroker:
    """Broker of an Alpaca book, over the vendor's client.

    *paper*: which of the vendor's hosts, unless ``config.url_override`` names one of this machine.
    *breaker*: as a process before left it; *keep*: told of each change of it.
    """

    def __init__(
        self,
        config: AlpacaConfig,
        credentials: Credentials,
        clock: Time,
        *,
        paper: bool,
        breaker: Breaker | None = None,
        keep: Keep | None = None,
    ) -> None:
        client = TradingClient(
            api_key=credentials.key_id.get_secret_value(),
            secret_key=credentials.secret_key.get_secret_value(),
            paper=paper,
            raw_data=True,
            url_override=config.url_override,
        )
        self.traffic = Traffic(breaker=breaker or Breaker(), keep=keep)
        own = BaseURL.TRADING_PAPER if paper else BaseURL.TRADING_LIVE
        self._own_host = urlsplit(config.url_override or own.value).hostname
        self._line = Line(client, config, credentials, clock, self.traffic)
        self._clock = clock
        self._stream = AlpacaStream(config, credentials, paper=paper)
        self._client_ids: dict[str, str] = {}
        self._hours: dict[date, SessionHours] = {}

    @property
    def host(self) -> str:
        """Where requests go; the edge logs it at the start."""
        return self._line.host

    @property
    def host_ok(self) -> bool:
        """Whether requests go to the host that this book was opened for."""
        return self.host == self._own_host

    @property
    def breaker(self) -> Breaker:
        """How the line stands; whoever starts the next process hands it back."""
        return self.traffic.breaker

    def faults(self) -> tuple[str, ...]:
        """The start-up probe: why nothing is added over this adapter. Empty: retries are off, time-outs stand."""
        return self._line.faults()

    def close(self) -> None:
        """End the stream, within 5 s, and let the connections go."""
        self._stream.close()
        self._line.close()

    def capabilities(self) -> Capabilities:
        return Capabilities(day_trade_fields=True, stream=True)

    # -- orders --------------------------------------------------------------------------------------------

    def submit(self, request: SubmitOrder) -> Outcome:
        lane = Lane.INCREASE if request.side is Side.BUY else Lane.EXIT
        try:
            fields = _order_fields(request)
        except ValueError as error:
            return Rejected(reason=BrokerCode.BROKER_REJECTED, raw=_short(error))
        mark = self._stream.heard
        answer = self._line.ask("submit", lane, "POST", "/orders", fields)
        return self._outcome(answer, request.client_order_id, mark, is_new=True)

    def replace(self, request: ReplaceOrder) -> Outcome:
        try:
            fields = ReplaceOrderRequest(
                qty=int(request.quantity),
                limit_price=_money(request.limit),
                stop_price=_money(request.stop),
                client_order_id=request.client_order_id,
            ).to_request_fields()
        except ValueError as error:
            return Rejected(reason=BrokerCode.BROKER_REJECTED, raw=_short(error))
        mark = self._stream.heard
        answer = self._line.ask("replace", Lane.EXIT, "PATCH", _order_path(request.order_id), fields)
        return self._outcome(answer, request.client_order_id, mark, is_new=False)

    def cancel(self, request: CancelOrder) -> Outcome:
        """The broker takes a cancel before it carries it out: only an order that shows as cancelled is confirmed."""
        mark = self._stream.heard
        answer = self._line.ask("cancel", Lane.EXIT, "DELETE", _order_path(request.order_id))
        if isinstance(answer, Lost) or not answer.is_good:
            return self._not_confirmed(answer, is_new=False)
        self._stream.expect(self._clock.now(), mark)
        found = self.lookup(LookUp(order_id=request.order_id))
        if isinstance(found, Found) and found.order.status == "cancelled":
            return Confirmed(order=found.order)
        if isinstance(found, Found) and not found.order.is_working:
            return Rejected(reason=BrokerCode.NOT_WORKING, raw=f"it is {found.order.status}")
        return Unresolved(cause=LineCode.CANCEL_PENDING, sent="yes")

    def lookup(self, request: LookUp) -> LookUpAnswer:
        by_ours = request.client_order_id is not None
        path = "/orders:by_client_order_id" if by_ours else _order_path(request.order_id or "")
        params = {"client_order_id": request.client_order_id} if by_ours else None
        answer = self._line.ask("lookup", Lane.EXIT, "GET", path, params)
        if isinstance(answer, Reply) and answer.status == 404 and isinstance(answer.body, dict):
            return NotFound()
        found = self._parsed(answer, self._order)
        if isinstance(found, ReadFailed):
            return found
        asked, is_it = (
            (request.client_order_id, found.client_order_id)
            if by_ours
            else (request.order_id, found.order_id)
        )
        return Found(order=found) if asked == is_it else _failed(f"asked after {asked}, told of {is_it}")

    def _outcome(self, answer: Reply | Lost, client_order_id: str, mark: int, *, is_new: bool) -> Outcome:
        """What a POST or PATCH came to, by table 3.3."""
        if isinstance(answer, Lost) or not answer.is_good:
            return self._not_confirmed(answer, is_new=is_new)
        found = self._parsed(answer, self._order)
        if isinstance(found, ReadFailed):
            return Unresolved(cause=found.cause, sent="yes")
        if found.client_order_id != client_order_id:
            return Unresolved(cause=f"{LineCode.ANSWER_UNREADABLE}: told of another order", sent="yes")
        self._stream.expect(self._clock.now(), mark)
        return Confirmed(order=found)

    def _not_confirmed(self, answer: Reply | Lost, *, is_new: bool) -> Outcome:
        if isinstance(answer, Lost):
            if answer.left == "no":
                return Denied(code=answer.code)
            return Unresolved(cause=str(answer), sent=answer.left)
        code = wire.refusal(answer.status, answer.body, is_new=is_new)
        if code is None:
            return Unresolved(cause=f"{LineCode.BROKER_ERRED}: HTTP {answer.status}", sent="yes")
        if code is BrokerCode.RATE_LIMITED:
            return Rejected(reason=code, raw="" if answer.wait_s is None else str(answer.wait_s))
        return Rejected(reason=code, raw=self._line.redacted(wire.message(answer.body)))

    # -- reads ---------------------------------------------------------------------------------------------

    def account(self) -> Account:
        return self._read("account", "/account", None, wire.account)

    def positions(self) -> Positions:
        return self._read(
            "positions",
            "/positions",
            None,
            lambda body: tuple(sorted(map(wire.position, wire.rows(body)), key=lambda row: row.symbol)),
        )

    def open_orders(self) -> Orders:
        at = self._clock.now()
        rows = orders_of(self._rows, "open_orders", "open", None)
        return rows if isinstance(rows, ReadFailed) else self._told(at, rows, lambda _: True)

    def closed_orders(self, since: SessionDate) -> Orders:
        at = self._clock.now()
        rows = orders_of(self._rows, "closed_orders", "closed", _midnight(since) - GTC_LIVES)
        if isinstance(rows, ReadFailed):
            return rows
        return self._told(at, rows, lambda row: wire.ended_on(row) >= since)

    def fills(self, since: SessionDate) -> Fills:
        at = self._clock.now()
        rows = activities_of(self._rows, {"activity_types": "FILL", "after": _midnight(since).isoformat()})
        if isinstance(rows, ReadFailed):
            return rows
        fault = self._name_orders({str(row.get("order_id")) for row in rows}, since)
        if fault is not None:
            return fault
        try:
            made = [wire.fill(row, self._client_ids[str(row.get("order_id"))]) for row in rows]
        except wire.UNREADABLE as error:
            return _failed(_short(error))
        kept = (fill for fill in made if fill.session_date >= since)
        return Seen(
            as_of=at, value=tuple(sorted(kept, key=lambda f: (f.executed_at, f.symbol, f.execution_id)))
        )

    def events(self, session: SessionDate) -> Events:
        at = self._clock.now()
        rows = activities_of(self._rows, {"category": "non_trade_activity", "date": session.isoformat()})
        if isinstance(rows, ReadFailed):
            return rows
        try:
            made = [wire.event(row, session) for row in rows if row.get("activity_type") != "FILL"]
        except wire.UNREADABLE as error:
            return _failed(_short(error))
        return Seen(as_of=at, value=tuple(sorted(made, key=lambda e: (e.at, e.event_id))))

    def assets(self, symbols: Sequence[str]) -> Assets:
        at, found = self._clock.now(), []
        for symbol in sorted(set(symbols)):
            answer = self._line.ask("assets", Lane.READ, "GET", f"/assets/{quote(symbol, safe='')}")
            if isinstance(answer, Reply) and answer.status == 404 and isinstance(answer.body, dict):
                continue
            row = self._parsed(answer, wire.asset)
            if isinstance(row, ReadFailed):
                return row
            if row.symbol != symbol:
                return _failed(f"asked after {symbol}, told of {row.symbol}")
            found.append(AssetFacts(symbol=symbol, is_tradable=row.is_tradable))
        return Seen(as_of=at, value=tuple(found))

    def updates(self) -> Updates:
        return self._stream.drain(self._clock.now())

    def clock(self) -> Clock:
        seen = self._read("clock", "/clock", None, wire.clock)
        if isinstance(seen, ReadFailed):
            return seen
        now, is_open = seen.value
        day = now.astimezone(NEW_YORK).date()
        if day not in self._hours:
            sessions = self.calendar(SessionDate(day), SessionDate(day))
            if isinstance(sessions, ReadFailed):
                return sessions
            self._hours |= {row.session: row for row in sessions.value}
        today = self._hours.get(day)
        if today is None:
            return ReadFailed(cause=f"{day} is no session")
        facts = ClockFacts(
            now=now,
            is_open=is_open is True,
            session_date=today.session,
            open_at=today.open_at,
            close_at=today.close_at,
        )
        return Seen(as_of=seen.as_of, value=facts)

    def calendar(self, first: SessionDate, last: SessionDate) -> Sessions:
        def parse(body: Any) -> tuple[SessionHours, ...]:
            found = sorted(map(wire.hours, wire.rows(body)), key=lambda row: row.session)
            return tuple(row for row in found if first <= row.session <= last)

        return self._read(
            "calendar", "/calendar", {"start": first.isoformat(), "end": last.isoformat()}, parse
        )

    # -- how a read goes -----------------------------------------------------------------------------------

    def _read(self, op: str, path: str, params: Any, parse: Callable[[Any], T]) -> Seen[T] | ReadFailed:
        at = self._clock.now()
        found = self._parsed(self._line.ask(op, Lane.READ, "GET", path, params), parse)
        return found if isinstance(found, ReadFailed) else Seen(as_of=at, value=found)

    def _parsed(self, answer: Reply | Lost, parse: Callable[[Any], T]) -> T | ReadFailed:
        """What *answer* says, or why it says nothing."""
        if isinstance(answer, Lost):
            return ReadFailed(cause=str(answer))
        if not answer.is_good:
            code = wire.refusal(answer.status, answer.body, is_new=False) or LineCode.BROKER_ERRED
            said = self._line.redacted(wire.message(answer.body))
            return ReadFailed(cause=f"{code}: HTTP {answer.status} {said}".rstrip())
        try:
            return parse(answer.body)
        except wire.UNREADABLE as error:
            return _failed(self._line.redacted(_short(error)))

    def _rows(self, op: str, path: str, params: Any) -> list[wire.Json] | ReadFailed:
        """One page of a listing."""
        return self._parsed(self._line.ask(op, Lane.READ, "GET", path, params), wire.rows)

    def _order(self, row: Any) -> BrokerOrder:
        found = wire.order(row)
        self._client_ids[found.order_id] = found.client_order_id
        return found

    def _told(self, at: datetime, rows: list[wire.Json], keep: Callable[[wire.Json], bool]) -> Orders:
        try:
            found = [self._order(row) for row in rows if keep(row)]
        except wire.UNREADABLE as error:
            return _failed(_short(error))
        return Seen(as_of=at, value=tuple(sorted(found, key=lambda o: (o.symbol, o.client_order_id))))

    def _name_orders(self, order_ids: set[str], since: SessionDate) -> ReadFailed | None:
        """Learn our ids of *order_ids*: from a list of recent orders, the older ones one by one."""
        if order_ids - self._client_ids.keys():
            rows = orders_of(self._rows, "all_orders", "all", _midnight(since))
            if isinstance(rows, ReadFailed):
                return rows
            self._client_ids |= {str(row.get("id")): str(row.get("client_order_id")) for row in rows}
        unknown = sorted(order_ids - self._client_ids.keys())
        if len(unknown) > LOOKUPS_MAX:
            return _failed(f"{len(unknown)} executions of orders from before {since}")
        for order_id in unknown:
            found = self.lookup(LookUp(order_id=order_id))
            if not isinstance(found, Found):
                return _failed(f"an execution of order {order_id}, which the broker does not show")
        return None


def _order_fields(request: SubmitOrder) -> dict[str, Any]:
    """The body of a new order, made by the vendor's own models from quantised numbers."""
    common = {
        "symbol": request.symbol,
        "qty": int(request.quantity),
        "side": request.side.value,
        "time_in_force": request.time_in_force.value,
        "client_order_id": request.client_order_id,
    }
    match request.order_type:
        case OrderType.LIMIT:
            made: Any = LimitOrderRequest(**common, limit_price=_money(request.limit))
        case OrderType.STOP:
            made = StopOrderRequest(**common, stop_price=_money(request.stop))
        case OrderType.MARKET:
            made = MarketOrderRequest(**common)
    fields: dict[str, Any] = made.to_request_fields()
    return fields


def _money(price: Any) -> float | None:
    """A price on its tick as the vendor's models want it: the shortest digits of that float are the price's own."""
    return None if price is None else float(price.quantize(tick(price)))


def _order_path(order_id: str) -> str:
    return f"/orders/{quote(order_id, safe='')}"


def _midnight(session: date) -> datetime:
    return datetime.combine(session, time(), NEW_YORK)


def _failed(why: str) -> ReadFailed:
    return ReadFailed(cause=f"{LineCode.ANSWER_UNREADABLE}: {why}")


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
