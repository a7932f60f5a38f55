"""The simulated exchange answers through the same door as any broker, and shows no price before its time."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

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
    AssetFacts,
    ClockFacts,
    IntradayBarFacts,
    QuoteFacts,
    SessionHours,
)
from simulation.account import Stage
from simulation.exchange import Exchange
from simulation.intraday import IntradayExchange
from simulation.path import regrouped
from simulation.tape import Hours, IntradayTape, Tape

Simulated = Exchange | IntradayExchange

_INTERVALS_S: Final = (60, 300, 600)


class SimBroker:
    """Broker and feed of the SIM book. *now*: the instant of the moment, UTC, injected."""

    def __init__(self, exchange: Simulated, tape: Tape, hours: Hours, now: Callable[[], datetime]) -> None:
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
        return Seen(as_of=now, value=self._exchange.account())

    def positions(self) -> Positions:
        now = self._arrive()
        return Seen(as_of=now, value=self._exchange.positions())

    def open_orders(self) -> Orders:
        now = self._arrive()
        return Seen(as_of=now, value=self._exchange.open_orders())

    def closed_orders(self, since: SessionDate) -> Orders:
        now = self._arrive()
        return Seen(as_of=now, value=self._exchange.closed_orders(since))

    def fills(self, since: SessionDate) -> Fills:
        now = self._arrive()
        return Seen(as_of=now, value=self._exchange.fills(since))

    def events(self, session: SessionDate) -> Events:
        now = self._arrive()
        return Seen(as_of=now, value=self._exchange.events(session))

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
        bars = ((symbol, self._tape.bar(symbol, session)) for symbol in sorted(set(symbols)))
        return Seen(
            as_of=now, value=tuple(bar.facts(symbol, session) for symbol, bar in bars if bar is not None)
        )

    def bars(
        self, symbols: Sequence[str], seconds: int, first: SessionDate, last: SessionDate
    ) -> IntradayBars:
        del symbols, seconds, first, last
        return ReadFailed(cause="the tape holds daily bars")

    def _arrive(self) -> datetime:
        now = self._now()
        self._exchange.advance(now)
        return now


class IntradayBroker(SimBroker):
    """Broker and feed of the SIM book on intraday bars: quotes with their spread, closed bars, and an order stream."""

    def __init__(
        self, exchange: IntradayExchange, tape: IntradayTape, hours: Hours, now: Callable[[], datetime]
    ) -> None:
        super().__init__(exchange, tape, hours, now)
        self._floor = exchange
        self._bars = tape
        self._heard = len(exchange.updates_since(0))
        self._closed: dict[tuple[str, int, SessionDate], tuple[tuple[datetime, IntradayBarFacts], ...]] = {}

    def capabilities(self) -> Capabilities:
        return Capabilities(day_trade_fields=True, stream=True)

    def assets(self, symbols: Sequence[str]) -> Assets:
        """Halted is a symbol without a bar at this moment of the session; what never traded has no row."""
        now = self._arrive()
        rows = tuple(
            AssetFacts(
                symbol=symbol,
                is_tradable=symbol not in self._floor.flags.untradable,
                is_halted=self._floor.is_halted(symbol),
            )
            for symbol in sorted(set(symbols))
            if self._floor.last(symbol) is not None
        )
        return Seen(as_of=now, value=rows)

    def updates(self) -> Updates:
        """What happened since this broker was made or last asked: an exchange repeats nothing to who comes anew."""
        now = self._arrive()
        found = self._floor.updates_since(self._heard)
        self._heard += len(found)
        return Seen(as_of=now, value=tuple(update for _, update in found))

    def quotes(self, symbols: Sequence[str]) -> Quotes:
        """The last price with its spread, each with its own instant; no row before the session's first bar."""
        now = self._arrive()
        if self._floor.state.session != now.date():
            return Seen(as_of=now, value=())
        found = ((symbol, self._floor.quote(symbol)) for symbol in sorted(set(symbols)))
        rows = tuple(
            QuoteFacts(symbol=symbol, last=q.last, bid=q.bid, ask=q.ask, as_of=q.as_of)
            for symbol, q in found
            if q is not None
        )
        return Seen(as_of=now, value=rows)

    def bars(
        self, symbols: Sequence[str], seconds: int, first: SessionDate, last: SessionDate
    ) -> IntradayBars:
        """Bars whose end lies behind us; ReadFailed for an interval that the tape's bars do not divide."""
        now = self._arrive()
        rows: list[IntradayBarFacts] = []
        for symbol in sorted(set(symbols)):
            for session in self._hours.sessions(first, min(last, now.date())):
                held = self._bars.bars(symbol, session)
                if seconds not in _INTERVALS_S or any(seconds % bar.seconds for bar in held):
                    return ReadFailed(cause=f"the tape has no bars of {seconds} s")
                rows += [facts for end, facts in self._facts(symbol, seconds, session) if end <= now]
        return Seen(as_of=now, value=tuple(rows))

    def _facts(
        self, symbol: str, seconds: int, session: SessionDate
    ) -> tuple[tuple[datetime, IntradayBarFacts], ...]:
        """Every bar of *session* with the instant from which on it may be shown."""
        made = self._closed.get((symbol, seconds, session))
        if made is None:
            held = tuple(bar for bar in self._bars.bars(symbol, session) if bar.volume > 0)
            made = tuple(
                (
                    bar.end_at,
                    IntradayBarFacts(
                        symbol=symbol,
                        start_at=bar.start_at,
                        seconds=seconds,
                        open=bar.open,
                        high=bar.high,
                        low=bar.low,
                        close=bar.close,
                        volume=Decimal(bar.volume),
                    ),
                )
                for bar in regrouped(held, self._hours.open_at(session), seconds)
            )
            self._closed[symbol, seconds, session] = made
        return made
