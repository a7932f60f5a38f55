"""The simulated exchange answers through the same door as any broker, and shows no price before its time."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

from execution_v2.broker.port import (
    Account,
    Assets,
    CancelOrder,
    Capabilities,
    Clock,
    Events,
    Fills,
    LookUp,
    LookUpAnswer,
    Orders,
    Outcome,
    Positions,
    ReadFailed,
    ReplaceOrder,
    Seen,
    Sessions,
    SubmitOrder,
    Updates,
)
from market.feed import DayBars, IntradayBars, Quotes
from schemas.base import SessionDate
from schemas.observations import (
    AccountFacts,
    AssetFacts,
    BarFacts,
    BrokerPosition,
    ClockFacts,
    QuoteFacts,
    SessionHours,
)
from simulation.account import Stage
from simulation.exchange import Exchange
from simulation.tape import Hours, Tape


class SimBroker:
    """Broker and feed of the SIM book. *now*: the instant of the moment, UTC, injected."""

    def __init__(self, exchange: Exchange, tape: Tape, hours: Hours, now: Callable[[], datetime]) -> None:
        self._exchange = exchange
        self._tape = tape
        self._hours = hours
        self._now = now

    def capabilities(self) -> Capabilities:
        return Capabilities()

    def submit(self, request: SubmitOrder) -> Outcome:
        now = self._arrive()
        return self._exchange.submit(request, now)

    def replace(self, request: ReplaceOrder) -> Outcome:
        now = self._arrive()
        return self._exchange.replace(request, now)

    def cancel(self, request: CancelOrder) -> Outcome:
        now = self._arrive()
        return self._exchange.cancel(request, now)

    def lookup(self, request: LookUp) -> LookUpAnswer:
        self._arrive()
        return self._exchange.lookup(request)

    def account(self) -> Account:
        now = self._arrive()
        state = self._exchange.state
        worth = Decimal(0)
        for symbol, (quantity, average) in state.holdings.items():
            mark = self._exchange.last(symbol)
            if mark is None and state.session is not None:
                mark = self._exchange.close_before(symbol, state.session)
            worth += quantity * (average if mark is None else mark)
        facts = AccountFacts(equity=state.cash + worth, cash=state.cash, buying_power=state.cash)
        return Seen(as_of=now, value=facts)

    def positions(self) -> Positions:
        now = self._arrive()
        rows = (
            BrokerPosition(symbol=symbol, quantity=quantity, average_price=average)
            for symbol, (quantity, average) in sorted(self._exchange.state.holdings.items())
        )
        return Seen(as_of=now, value=tuple(rows))

    def open_orders(self) -> Orders:
        now = self._arrive()
        rows = sorted(self._exchange.state.orders_open(), key=lambda o: (o.symbol, o.client_order_id))
        return Seen(as_of=now, value=tuple(rows))

    def closed_orders(self, since: SessionDate) -> Orders:
        now = self._arrive()
        rows = self._exchange.state.ended_since(since)
        return Seen(as_of=now, value=tuple(sorted(rows, key=lambda o: (o.symbol, o.client_order_id))))

    def fills(self, since: SessionDate) -> Fills:
        now = self._arrive()
        found = [
            fill
            for session, fills in self._exchange.state.fills.items()
            if session >= since
            for fill in fills
        ]
        found.sort(key=lambda fill: (fill.executed_at, fill.symbol, fill.execution_id))
        return Seen(as_of=now, value=tuple(found))

    def events(self, session: SessionDate) -> Events:
        now = self._arrive()
        found = sorted(self._exchange.state.events.get(session, []), key=lambda e: (e.at, e.event_id))
        return Seen(as_of=now, value=tuple(found))

    def assets(self, symbols: Sequence[str]) -> Assets:
        """A symbol is halted on a day of which the tape has no bar."""
        now = self._arrive()
        rows = []
        for symbol in sorted(set(symbols)):
            trades = self._exchange.last(symbol) is not None
            rows.append(AssetFacts(symbol=symbol, is_tradable=True, is_halted=not trades))
        return Seen(as_of=now, value=tuple(rows))

    def updates(self) -> Updates:
        return ReadFailed(cause="this exchange has no stream")

    def clock(self) -> Clock:
        now = self._arrive()
        session = self._hours.session(now.date())
        if session is None:
            return ReadFailed(cause=f"{now.date()} is no session")
        open_at, close_at = self._hours.open_at(session), self._hours.close_at(session)
        facts = ClockFacts(
            now=now,
            is_open=open_at <= now < close_at,
            session_date=session,
            open_at=open_at,
            close_at=close_at,
        )
        return Seen(as_of=now, value=facts)

    def calendar(self, first: SessionDate, last: SessionDate) -> Sessions:
        """The exchange's own calendar. Asking for it is no moment of the session: nothing is played for it."""
        rows = (
            SessionHours(session=each, open_at=self._hours.open_at(each), close_at=self._hours.close_at(each))
            for each in self._hours.sessions(first, last)
        )
        return Seen(as_of=self._now(), value=tuple(rows))

    def quotes(self, symbols: Sequence[str]) -> Quotes:
        """The open's price until the close, then the close; nothing before the day's open."""
        now = self._arrive()
        if self._exchange.state.session != now.date():
            return Seen(as_of=now, value=())
        rows = []
        for symbol in sorted(set(symbols)):
            last = self._exchange.last(symbol)
            if last is not None:
                rows.append(QuoteFacts(symbol=symbol, last=last, as_of=now))
        return Seen(as_of=now, value=tuple(rows))

    def day_bars(self, symbols: Sequence[str], session: SessionDate) -> DayBars:
        """Bars of *session* once the exchange has played it."""
        now = self._arrive()
        state = self._exchange.state
        if state.session is None or session > state.session:
            return Seen(as_of=now, value=())
        if session == state.session and state.stage is not Stage.CLOSED:
            return Seen(as_of=now, value=())
        rows = []
        for symbol in sorted(set(symbols)):
            bar = self._tape.bar(symbol, session)
            if bar is not None:
                rows.append(
                    BarFacts(
                        symbol=symbol,
                        session_date=session,
                        open=bar.open,
                        high=bar.high,
                        low=bar.low,
                        close=bar.close,
                        volume=Decimal(bar.volume),
                    )
                )
        return Seen(as_of=now, value=tuple(rows))

    def bars(
        self, symbols: Sequence[str], seconds: int, first: SessionDate, last: SessionDate
    ) -> IntradayBars:
        del symbols, seconds, first, last
        return ReadFailed(cause="the tape holds daily bars")

    def _arrive(self) -> datetime:
        now = self._now()
        self._exchange.advance(now)
        return now
