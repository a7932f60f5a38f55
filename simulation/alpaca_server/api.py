"""A path of the vendor's trading interface is one method here, and each request is one step of the exchange.

Orders, positions, account, clock, calendar, assets, activities and prices. A request for anything else is answered as
the vendor answers for a path that it does not have.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from execution_v2.broker.port import CancelOrder, Confirmed, Found, LookUp, Outcome, Rejected, ReplaceOrder
from market.calendar import NEW_YORK
from schemas.base import SessionDate
from schemas.book import Side
from schemas.observations import BrokerOrder
from simulation.adapter import Simulated
from simulation.alpaca_server import asked, market, words
from simulation.alpaca_server.history import History, order_uuid, uuid_of
from simulation.alpaca_server.mishaps import Scene
from simulation.alpaca_server.refusals import INVALID, UNPROCESSABLE, Refusal, not_found, of_order
from simulation.bar_pages import Invalid, page, stamp
from simulation.loopback import Answer, json_answer
from simulation.venue import rest_of

Query = Mapping[str, str]
_ACTIVITIES_MAX: Final = 100
_FIRST: Final = date(1990, 1, 1)


class Api:
    """Answers of one exchange. *now*: the instant of the moment, UTC; *step*: sets it, where it can be set."""

    def __init__(
        self,
        exchange: Simulated,
        now: Callable[[], datetime],
        step: Callable[[datetime], None] | None,
    ) -> None:
        self._exchange = exchange
        self._now = now
        self._step = step
        self._requests = 0
        self._pending: list[tuple[int, words.Json]] = []
        self.history = History(exchange)
        self.scene = Scene(exchange, self.history, self._noted)

    def answer(self, method: str, path: str, query: Query, body: bytes) -> Answer:
        """What the vendor answers, the exchange having done what was asked."""
        self._requests += 1
        self.scene.play(self._now())
        self._note()
        for verb, pattern, act in _ROUTES:
            fits = re.fullmatch(pattern, path) if verb == method else None
            if fits is not None:
                try:
                    return act(self, fits.groups(), query, body)
                except Refusal as no:
                    return no.answer
                except Invalid as no:
                    return json_answer(no.status, {"message": str(no)})
        return not_found("endpoint").answer

    @property
    def is_open(self) -> bool:
        """Whether the market is open."""
        return words.clock(self._now(), self._exchange.hours)["is_open"] is True

    def told(self) -> list[tuple[int, words.Json]]:
        """The updates since the last time, played up to now, each with its number."""
        self.scene.play(self._now())
        self._note()
        made, self._pending = self._pending, []
        return made

    # -- orders ----------------------------------------------------------------------------------------------

    def submit(self, _: Any, __: Query, body: bytes) -> Answer:
        wish = asked.new_order(asked.fields(body), self._made_up())
        outcome = self._exchange.submit(wish, self._now())
        return self._ordered(outcome, wish.symbol, wish.side, wish.quantity)

    def replace(self, parts: tuple[str, ...], _: Query, body: bytes) -> Answer:
        old = self._known(parts[0])
        given = asked.fields(body)
        if not old.is_working:
            raise Refusal(
                422, UNPROCESSABLE, f'order is already in "{words.status(old, is_open=True)}" state'
            )
        wish: ReplaceOrder = asked.replacement(given, old, self._made_up())
        outcome = self._exchange.replace(wish, self._now())
        return self._ordered(outcome, old.symbol, old.side, wish.quantity)

    def cancel(self, parts: tuple[str, ...], _: Query, __: bytes) -> Answer:
        order = self._known(parts[0])
        outcome = self._exchange.cancel(CancelOrder(order_id=order.order_id), self._now())
        if isinstance(outcome, Rejected):
            raise Refusal(422, UNPROCESSABLE, f"order is not cancelable: {outcome.raw}")
        return Answer(status=204)

    def cancel_all(self, _: Any, __: Query, ___: bytes) -> Answer:
        rows = []
        for order in self._exchange.open_orders():
            outcome = self._exchange.cancel(CancelOrder(order_id=order.order_id), self._now())
            rows.append(
                {
                    "id": order_uuid(order.order_id),
                    "status": 200 if isinstance(outcome, Confirmed) else 422,
                }
            )
        return json_answer(207, rows)

    def order(self, parts: tuple[str, ...], _: Query, __: bytes) -> Answer:
        return self._shown(self._known(parts[0]))

    def by_client_id(self, _: Any, query: Query, __: bytes) -> Answer:
        name = query.get("client_order_id", "")
        found = self._exchange.lookup(LookUp(client_order_id=name))
        if not isinstance(found, Found):
            raise not_found(f"order for {name}")
        return self._shown(found.order)

    def orders(self, _: Any, query: Query, __: bytes) -> Answer:
        state = asked.one_of(query, "status", ("open", "closed", "all"))
        direction = asked.one_of(query, "direction", ("desc", "asc"))
        side = asked.one_of(query, "side", ("", "buy", "sell"))
        limit = asked.limit_of(query)
        after, until = asked.instant(query, "after"), asked.instant(query, "until")
        symbols = frozenset(filter(None, query.get("symbols", "").split(",")))
        rows = [
            order
            for order in self.history.orders()
            if (state == "all" or order.is_working == (state == "open"))
            and (not side or order.side.value == side)
            and (not symbols or order.symbol in symbols)
            and (after is None or self.history.life(order).submitted_at > after)
            and (until is None or self.history.life(order).submitted_at <= until)
        ]
        rows = rows if direction == "asc" else rows[::-1]
        return json_answer(200, [self._words(order) for order in rows[:limit]])

    # -- the account -----------------------------------------------------------------------------------------

    def account(self, _: Any, __: Query, ___: bytes) -> Answer:
        return json_answer(200, words.account(self._exchange.account()))

    def positions(self, _: Any, __: Query, ___: bytes) -> Answer:
        return json_answer(200, self._positions())

    def position(self, parts: tuple[str, ...], _: Query, __: bytes) -> Answer:
        for row in self._positions():
            if parts[0] in (row["symbol"], row["asset_id"]):
                return json_answer(200, row)
        raise Refusal(404, 40410000, "position does not exist")

    def activities(self, parts: tuple[str, ...], query: Query, _: bytes) -> Answer:
        """Executions and other events, oldest or newest first; ``page_token`` is the id of the last one seen."""
        named = (
            parts[0] if parts and parts[0] else query.get("activity_types", query.get("activity_type", ""))
        )
        kinds = frozenset(filter(None, named.split(",")))
        category = asked.one_of(query, "category", ("", "trade_activity", "non_trade_activity"))
        direction = asked.one_of(query, "direction", ("desc", "asc"))
        size = (
            asked.limit_of(query, "page_size", _ACTIVITIES_MAX) if "page_size" in query else _ACTIVITIES_MAX
        )
        rows = sorted(self._activities(), key=lambda row: str(row[1]["id"]), reverse=direction == "desc")
        after, until, day = (asked.instant(query, name) for name in ("after", "until", "date"))
        wanted = [
            row
            for at, row in rows
            if (not kinds or row["activity_type"] in kinds)
            and (not category or (row["activity_type"] == "FILL") == (category == "trade_activity"))
            and (after is None or at > after)
            and (until is None or at < until)
            and (day is None or at.astimezone(NEW_YORK).date() == day.astimezone(NEW_YORK).date())
        ]
        token = query.get("page_token")
        if token is not None:
            ids = [row["id"] for row in wanted]
            if token not in ids:
                raise Refusal(422, INVALID, "invalid page_token")
            wanted = wanted[ids.index(token) + 1 :]
        return json_answer(200, wanted[:size])

    # -- the market ------------------------------------------------------------------------------------------

    def clock(self, _: Any, __: Query, ___: bytes) -> Answer:
        return json_answer(200, words.clock(self._now(), self._exchange.hours))

    def calendar(self, _: Any, query: Query, __: bytes) -> Answer:
        start, end = asked.instant(query, "start"), asked.instant(query, "end")
        today = self._now().astimezone(NEW_YORK).date()
        first = start.date() if start is not None else today
        last = end.date() if end is not None else first + timedelta(days=365)
        hours = self._exchange.hours
        return json_answer(
            200, [words.session(each, hours) for each in hours.sessions(max(first, _FIRST), last)]
        )

    def asset(self, parts: tuple[str, ...], _: Query, __: bytes) -> Answer:
        symbol = parts[0]
        if market.price(self._exchange, symbol) is None:
            raise not_found(f"asset {symbol}")
        flags = getattr(self._exchange, "flags", None)
        return json_answer(
            200, words.asset(symbol, is_tradable=flags is None or symbol not in flags.untradable)
        )

    def quotes(self, _: Any, query: Query, __: bytes) -> Answer:
        symbols = sorted(set(filter(None, query.get("symbols", "").split(","))))
        if not symbols:
            raise Invalid(400, "symbols is required")
        told = {symbol: market.quote(self._exchange, symbol, self._now()) for symbol in symbols}
        return json_answer(200, {"quotes": {symbol: row for symbol, row in told.items() if row is not None}})

    def bars(self, _: Any, query: Query, __: bytes) -> Answer:
        now = self._now()
        return json_answer(
            200, page(query, lambda _adjusted, *rest: market.bars_of(self._exchange, now, *rest), now)
        )

    # -- time ------------------------------------------------------------------------------------------------

    def time(self, _: Any, __: Query, ___: bytes) -> Answer:
        return json_answer(200, {"now": stamp(self._now()), "can_step": self._step is not None})

    def step(self, _: Any, __: Query, body: bytes) -> Answer:
        """Time moves to ``now`` or by ``seconds``, forward alone."""
        given = asked.fields(body)
        if self._step is None:
            raise Refusal(422, UNPROCESSABLE, "this exchange's time follows another clock")
        seconds, named = given.get("seconds"), given.get("now")
        if isinstance(named, str):
            to = asked.instant({"now": named}, "now")
        else:
            to = self._now() + timedelta(seconds=float(seconds)) if isinstance(seconds, Decimal) else None
        if to is None or to < self._now():
            raise Refusal(422, INVALID, "now (an instant) or seconds is required, and time goes forward")
        self._step(to)
        self.scene.play(self._now())
        return self.time((), {}, b"")

    # -- inside ----------------------------------------------------------------------------------------------

    def _made_up(self) -> str:
        return uuid_of("client", str(self._requests), stamp(self._now()))

    def _known(self, uuid: str) -> BrokerOrder:
        order = self.history.order(uuid)
        if order is None:
            raise not_found(f"order {uuid}")
        return order

    def _note(self) -> None:
        for seq, update in self.history.note(self._now()):
            self._pending.append((seq, words.update(update, self.history, is_open=self.is_open)))

    def _ordered(self, outcome: Outcome, symbol: str, side: Side, quantity: Decimal) -> Answer:
        if isinstance(outcome, Rejected):
            raise of_order(outcome, symbol, side, quantity, self._exchange.state)
        assert isinstance(outcome, Confirmed), "an exchange that is here says yes or no"
        return self._noted(outcome.order)

    def _noted(self, order: BrokerOrder) -> Answer:
        self._note()
        return self._shown(order)

    def _shown(self, order: BrokerOrder) -> Answer:
        return json_answer(200, self._words(order))

    def _words(self, order: BrokerOrder) -> words.Json:
        return words.order(order, self.history, is_open=self.is_open)

    def _positions(self) -> list[words.Json]:
        rows = []
        for row in self._exchange.positions():
            price = market.price(self._exchange, row.symbol)
            session = self._exchange.state.session
            close = None if session is None else self._exchange.close_before(row.symbol, session)
            sells = [order for order in self._exchange.state.working(row.symbol) if order.side is Side.SELL]
            free = max(row.quantity - sum(map(rest_of, sells), Decimal(0)), Decimal(0))
            price = row.average_price if price is None else price
            rows.append(words.position(row, price, price if close is None else close, free))
        return rows

    def _activities(self) -> Iterator[tuple[datetime, words.Json]]:
        state = self._exchange.state
        for order_id, order in state.orders.items():
            before = Decimal(0)
            for fill in self.history.fills(order_id):
                yield fill.executed_at, words.fill(fill, before, order.quantity)
                before += fill.quantity
        for session in tuple(state.events):
            for event in self._exchange.events(SessionDate(session)):
                yield event.at, words.event(event)


_ID: Final = r"([0-9a-f-]{36})"
_SYMBOL: Final = r"([A-Za-z0-9.%-]{1,40})"
_ROUTES: Final[tuple[tuple[str, str, Callable[[Api, Any, Query, bytes], Answer]], ...]] = (
    ("POST", "/v2/orders", Api.submit),
    ("GET", "/v2/orders", Api.orders),
    ("DELETE", "/v2/orders", Api.cancel_all),
    ("GET", "/v2/orders:by_client_order_id", Api.by_client_id),
    ("GET", f"/v2/orders/{_ID}", Api.order),
    ("PATCH", f"/v2/orders/{_ID}", Api.replace),
    ("DELETE", f"/v2/orders/{_ID}", Api.cancel),
    ("GET", "/v2/account", Api.account),
    ("GET", "/v2/account/activities(?:/([A-Z]+))?", Api.activities),
    ("GET", "/v2/positions", Api.positions),
    ("GET", f"/v2/positions/{_SYMBOL}", Api.position),
    ("GET", "/v2/clock", Api.clock),
    ("GET", "/v2/calendar", Api.calendar),
    ("GET", f"/v2/assets/{_SYMBOL}", Api.asset),
    ("GET", "/v2/stocks/quotes/latest", Api.quotes),
    ("GET", "/v2/stocks/bars", Api.bars),
    ("GET", "/sim/clock", Api.time),
    ("POST", "/sim/clock", Api.step),
)
