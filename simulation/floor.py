"""Inside a day the exchange follows each symbol's path, and whatever happens does so at one instant of it.

Driven by an injected instant: ``advance(now)`` plays opens, closes, requests that fall due, and every order that the
path touches, in order of time; cut however finely, the same things happen (``simulation.path``). A marketable limit
fills at the touch, a resting one when the touch reaches it; a stop is triggered by the price, and fills there with the
cost of strategy.md 10.2, or at the first price behind a gap. No bar gives orders more than ``participation_max`` of its
volume: the rest works on in later bars. A symbol without a bar is halted: nothing fills, and its quote grows old.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from execution_v2.broker.port import Rejected
from ledger.disk import Disk
from market.rows import microseconds
from schemas.base import SessionDate
from schemas.book import OrderType, Side
from schemas.observations import AccountFacts, BrokerOrder, OrderUpdate
from simulation.account import ZERO, Effect, Mark, Stage
from simulation.config import ExchangeConfig, IntradayConfig
from simulation.costs import half_spread_bps
from simulation.order_rules import Asked, Flags, day_trades, is_successor, refusal
from simulation.path import moment, usd
from simulation.prices import Prices, Quote, Row, level, quoted
from simulation.tape import Hours, IntradayTape
from simulation.updates import told
from simulation.venue import Venue, by_symbol, ended, is_day, rest_of

_TICK: Final = Decimal("0.0001")
FILLABLE: Final = frozenset({"open", "pending_replace", "pending_cancel"})
"""Statuses of an order that can fill now."""


class Floor(Venue):
    """One account, and all that happens to it without its asking.

    *flags*: what the broker says of account and symbols, to be changed at any time; it is not part of the log.
    """

    def __init__(
        self,
        disk: Disk | None,
        path: str,
        tape: IntradayTape,
        hours: Hours,
        config: ExchangeConfig,
        rules: IntradayConfig | None = None,
        flags: Flags | None = None,
    ) -> None:
        self.flags = flags or Flags()
        self._rules = rules or IntradayConfig()
        self._prices = Prices(tape)
        self._t = 0
        self._is_played = False
        self._marks: dict[str, Mark] = {}
        self._triggered: set[str] = set()
        self._placed: dict[str, date] = {}
        self._used: dict[tuple[str, int], Decimal] = {}
        self._spreads: dict[tuple[str, SessionDate], Decimal] = {}
        self._told: list[OrderUpdate] = []
        super().__init__(disk, path, tape, hours, config)

    # -- time ------------------------------------------------------------------------------------------------

    def advance(self, now: datetime) -> None:
        """Play everything up to *now*; an instant that was played already changes nothing."""
        t = microseconds(now)
        if self._is_played and t <= self._t:
            return
        if self._lines == 0:
            self._log("genesis", now, [Effect(kind="cash", cash=self._config.starting_capital_usd)])
        first = self.state.session or SessionDate(now.date())
        for session in self._hours.sessions(first, now.date()):
            at = self._hours.open_at(session)
            if now >= at and (self.state.session is None or session > self.state.session):
                self._until(microseconds(at))
                self._log("open", at, self._open(session, at))
            if self.state.session == session and self.state.stage is Stage.OPEN:
                at = self._hours.close_at(session)
                self._until(microseconds(min(now, at)))
                if now >= at:
                    self._log("close", at, self._close(session))
        if t > self._t or not self._is_played:
            self._until(t)
        self._is_played = True

    def _until(self, end: int) -> None:
        """Play what happens from the instant played last to *end*, both included, in order of time."""
        while (happens := self._next(end)) is not None:
            t, _, order_id, row = happens
            self._t = t  # what is asked from here on is asked of this instant
            if row is None:
                self._fall_due(self._marks[order_id], moment(t))
            else:
                self._strike(self.state.orders[order_id], row, t)
        self._t = max(self._t, end)

    def _next(self, end: int) -> tuple[int, tuple[int, str], str, Row | None] | None:
        """What happens first: (instant, its place among those of one instant, order, the bar that touches it)."""
        found: list[tuple[int, tuple[int, str], str, Row | None]] = []
        for order_id, mark in self._marks.items():
            assert mark.due is not None, "a request that never falls due"
            due = max(microseconds(mark.due), self._t)
            if due <= end:
                found.append((due, (0, order_id), order_id, None))
        session = self.state.session
        if session is not None and self.state.stage is Stage.OPEN:
            for order in self.state.orders_open():
                touch = self._touch(order, session, end)
                if touch is not None:
                    # A stop before a limit: of two that one instant touches, the one against us.
                    place = 2 if order.order_type is OrderType.LIMIT else 1
                    found.append((touch[0], (place, order.order_id), order.order_id, touch[1]))
        return min(found, key=lambda each: each[:2], default=None)

    def _touch(self, order: BrokerOrder, session: SessionDate, end: int) -> tuple[int, Row] | None:
        """When *order* can fill next, until *end*, and in which bar."""
        if order.status not in FILLABLE or order.symbol in self.flags.halted:
            return None
        is_market = order.order_type is OrderType.MARKET or order.order_id in self._triggered
        where = None if is_market else level(order, self._half_spread(order.symbol, session))
        for row in self._prices.rows(order.symbol, session, self._t, end):
            if self._t >= row.t1 or self._left(order.symbol, row) <= 0:
                continue
            if where is None:
                t: int | None = max(row.t0, self._t)
            else:
                t = row.first(where[0], falling=where[1], since=self._t)
            if t is not None:
                return (t, row) if t <= end else None
        return None

    def _left(self, symbol: str, row: Row) -> Decimal:
        """Shares that *row* still gives to orders."""
        most = (self._config.participation_max * row.bar.volume).to_integral_value(rounding=ROUND_FLOOR)
        used = self._used.get((symbol, row.t0), ZERO)
        return Decimal(max(most, 1)) - used

    # -- what happens ----------------------------------------------------------------------------------------

    def _strike(self, order: BrokerOrder, row: Row, t: int) -> None:
        """Fill *order* at the price of *t*, as far as bar, holding and cash go."""
        price = self._fill_price(order, row.price(t))
        quantity = min(rest_of(order), self._left(order.symbol, row))
        if order.side is Side.SELL:
            quantity = min(quantity, self.state.quantity(order.symbol))
        else:
            dues = price + self._config.costs.commission_per_share
            spare = max(ZERO, self.state.cash - self._reserved(order))
            quantity = min(quantity, (spare / dues).to_integral_value(rounding=ROUND_FLOOR))
        marks = []
        if order.order_type is OrderType.STOP and order.order_id not in self._triggered:
            marks.append(Mark(kind="triggered", order_id=order.order_id))
        if quantity <= 0:
            self._log("unpaid", moment(t), [ended(order, "cancelled")], marks)
        else:
            self._log("fill", moment(t), [self._fill(order, quantity, price, moment(t))], marks)

    def _fill_price(self, order: BrokerOrder, price: int) -> Decimal:
        session = self.state.session
        assert session is not None, "a fill outside every session"
        if order.limit is not None:
            touch = quoted(price, 0, self._half_spread(order.symbol, session))
            limit = Decimal(order.limit)
            return min(touch.ask, limit) if order.side is Side.BUY else max(touch.bid, limit)
        ref = usd(price)
        if order.stop is not None and order.order_id not in self._triggered:
            ref = min(ref, order.stop) if order.side is Side.SELL else max(ref, order.stop)
        return self._priced(order.symbol, ref, order.side)

    def _fall_due(self, mark: Mark, at: datetime) -> None:
        """End what *mark* left pending."""
        order = self.state.orders[mark.order_id]
        if mark.kind == "placing":
            self._log("placed", at, [ended(order, "open")])
        elif mark.kind == "cancelling":
            self._log("cancelled", at, [ended(order, "cancelled")])
        else:
            assert mark.successor is not None, "a replacement by nothing"
            new = self.state.orders[mark.successor]
            if not order.is_working:
                self._log("replace_refused", at, [ended(new, "rejected")])
            elif self._refusal(new, order) is not None:
                self._log("replace_refused", at, [ended(new, "rejected"), ended(order, "open")])
            else:
                self._log("replaced", at, [replaced(order, new), ended(new, "open")])

    def _open(self, session: SessionDate, at: datetime) -> list[Effect]:
        effects: list[Effect] = []
        resting = {order.order_id: order for order in sorted(self.state.orders_open(), key=by_symbol)}
        for order in tuple(resting.values()):
            if (
                not is_day(order)
                and (session.toordinal() - self._placed[order.order_id].toordinal())
                >= self._rules.gtc_days_max
            ):
                effects.append(ended(resting.pop(order.order_id), "expired"))
        effects += self._overnight(resting, session, at, self._rules.gtc_on_split)
        queued = [o for o in resting.values() if o.status == "accepted" and o.order_id not in self._marks]
        effects += [ended(order, "open") for order in queued if not is_successor(order)]
        return [*effects, Effect(kind="phase", session=session, stage=Stage.OPEN)]

    def _close(self, session: SessionDate) -> list[Effect]:
        day = sorted(filter(is_day, self.state.orders_open()), key=by_symbol)
        effects = [ended(order, "rejected" if is_successor(order) else "expired") for order in day]
        return [*effects, Effect(kind="phase", session=session, stage=Stage.CLOSED)]

    # -- what a broker shows ---------------------------------------------------------------------------------

    def quote(self, symbol: str) -> Quote | None:
        """Bid, ask and last of the session, with their instant: while nothing trades they grow old. None before."""
        session = self.state.session
        halted = self.flags.halted.get(symbol)
        t = self._t if halted is None else min(self._t, microseconds(halted))
        seen = None if session is None else self._prices.seen(symbol, session, t)
        if session is None or seen is None:
            return None
        return quoted(*seen, self._half_spread(symbol, session))

    def last(self, symbol: str) -> Decimal | None:
        """The last price, today's or before; None for what never traded."""
        quote = self.quote(symbol)
        if quote is not None:
            return quote.last
        if self.state.session is None:
            today = self._hours.session(moment(self._t).date())
            return None if today is None else self._tape.close_before(symbol, today)
        close = self.close_before(symbol, self.state.session)
        return None if close is None else self._rebased(symbol, self.state.session, close)

    def _rebased(self, symbol: str, session: SessionDate, close: Decimal) -> Decimal:
        """A close before *session* on its basis: what splits and does not trade has its new price all the same."""
        for action in self._tape.actions(session):
            if action.symbol == symbol and action.ratio_num and action.ratio_den:
                close = max(_TICK, (close * action.ratio_den / action.ratio_num).quantize(_TICK))
        return close

    def is_halted(self, symbol: str) -> bool:
        """Whether nothing trades in *symbol* although the session is open."""
        session = self.state.session
        if symbol in self.flags.halted:
            return True
        if session is None or self.state.stage is not Stage.OPEN:
            return False
        return self._prices.row(symbol, session, self._t) is None

    def account(self) -> AccountFacts:
        """Cash and equity as of the moment, with what the flags say."""
        trades = self.flags.day_trades_before + day_trades(self.state)
        changes = {"restricted": self.flags.restricted, "day_trades": trades}
        return super().account().model_copy(update=changes)

    def updates_since(self, seq: int) -> tuple[tuple[int, OrderUpdate], ...]:
        """Trade updates after number *seq*, each with its number from 1, in the order in which they happened."""
        return tuple(enumerate(self._told[seq:], start=seq + 1))

    # -- rules and memory ------------------------------------------------------------------------------------

    def _refusal(self, order: BrokerOrder, without: BrokerOrder | None) -> Rejected | None:
        last = self.last(order.symbol)
        asked = Asked(
            state=self.state,
            last=last,
            power=self.state.cash - self._reserved(without),
            cost=ZERO if last is None else self._most(order, last),
            is_day_trade_too_many=self._is_day_trade_too_many(order),
            without=without,
        )
        return refusal(order, asked, self.flags)

    def _is_day_trade_too_many(self, order: BrokerOrder) -> bool:
        if not self.flags.day_trade_protected or not self.state.bought_today(order.symbol):
            return False
        return self.flags.day_trades_before + day_trades(self.state) >= self._rules.day_trades_max

    def _buying_power(self) -> Decimal:
        return max(ZERO, self.state.cash - self._reserved(None))

    def _reserved(self, without: BrokerOrder | None) -> Decimal:
        """Cash that working buys may need, but for that of *without*."""
        total = ZERO
        for order in self.state.orders_open():
            is_other = without is None or order.order_id != without.order_id
            if order.side is Side.BUY and is_other and not is_successor(order):
                total += rest_of(order) * self._most(order, self.last(order.symbol) or ZERO)
        return total

    def _most(self, order: BrokerOrder, last: Decimal) -> Decimal:
        """The most that a share of *order* is reckoned to cost."""
        if order.limit is not None:
            return Decimal(order.limit)
        ref = last if order.stop is None else max(last, order.stop)
        return ref if self.state.session is None else self._priced(order.symbol, ref, order.side)

    def _half_spread(self, symbol: str, session: SessionDate) -> Decimal:
        half = self._spreads.get((symbol, session))
        if half is None:
            known = (self._tape.adv_usd20(name, session) for name in self._names(symbol, session))
            turnover = next((each for each in known if each is not None), None)
            half = self._spreads[symbol, session] = half_spread_bps(turnover, self._config.costs)
        return half

    def _fold(self, at: datetime, effects: Sequence[Effect], marks: Sequence[Mark]) -> None:
        t = microseconds(at)
        for effect in effects:
            order = effect.order
            before = None if order is None else self.state.orders.get(order.order_id)
            self.state.apply(effect, at)
            if order is not None:
                self._placed.setdefault(order.order_id, at.date())
            if effect.fill is not None:
                row = self._prices.row(effect.fill.symbol, effect.fill.session_date, t)
                if row is not None:
                    spent = self._used.get((effect.fill.symbol, row.t0), ZERO)
                    self._used[effect.fill.symbol, row.t0] = spent + effect.fill.quantity
            update = told(before, effect, self.state, at)
            if update is not None:
                self._told.append(update)
        for mark in marks:
            if mark.kind == "triggered":
                self._triggered.add(mark.order_id)
            else:
                self._marks[mark.order_id] = mark
        for order_id in [name for name, mark in self._marks.items() if self._is_done(mark)]:
            del self._marks[order_id]
        self._t = max(self._t, t)

    def _is_done(self, mark: Mark) -> bool:
        """Whether what *mark* left pending has come to its end."""
        if mark.successor is not None:
            return self.state.orders[mark.successor].status != "accepted"
        wanted = "accepted" if mark.kind == "placing" else "pending_cancel"
        return self.state.orders[mark.order_id].status != wanted


def replaced(old: BrokerOrder, new: BrokerOrder) -> Effect:
    """*old* gives way to *new*."""
    changes = {"status": "replaced", "replaced_by": new.order_id}
    return Effect(kind="order", order=old.model_copy(update=changes))
