"""A paper book on a simulated exchange that speaks the vendor's protocol on this machine, on a clock that tests set."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.request import Request, urlopen

from execution_v2.broker.alpaca_config import AlpacaConfig
from flows import pipeline
from flows.acting import acting, ready_day
from flows.day import Day
from flows.house import House
from flows.pipeline import Outcome
from flows.run import catch_up, session_for_cycle
from flows.settings import Settings
from flows.stages import opening
from flows.stages.slots import Slot, slots
from simulation.alpaca_server import KEY_ID, SECRET_KEY, AlpacaServer
from simulation.config import ExchangeConfig, IntradayConfig
from simulation.intraday import IntradayExchange
from simulation.intraday_tape import PathTape
from simulation.tape import StoreTape

BOOK: Final = "ALPACA_PAPER"
SLEEVES: Final = {BOOK: {"sleeves": {"S1_AVWAP_CORE": {"sleeve_id": "S1_AVWAP_CORE"}}}}


class Clock:
    """A clock of a broker's book: a driver can only wait by it. ``to`` is the test's hand.

    It stands by itself; while it ``runs``, it keeps pace with other processes.
    """

    is_stepped = False

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._since: float | None = None

    def now(self) -> datetime:
        ran = 0.0 if self._since is None else time.monotonic() - self._since
        return self._at + timedelta(seconds=ran)

    def sleep(self, seconds: float) -> None:
        self._at += timedelta(seconds=seconds)

    def step(self, to: datetime) -> None:
        """A step is due; what time it is, the clock knows better."""

    def to(self, at: datetime) -> None:
        """It is *at*, or later already."""
        self._at = max(self._at, at)

    @contextmanager
    def runs(self) -> Iterator[None]:
        """Keep pace with the machine's clock, and stand where that has come to."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._at, self._since = self.now(), None


class Paper:
    """The paper book, its exchange, and the steps of a session as three flows take them, each in a fresh house."""

    def __init__(
        self,
        server: AlpacaServer,
        clock: Clock,
        market: House,
        home: Path,
        on: date,
        exchange: IntradayExchange,
    ) -> None:
        self.server, self.clock, self.home, self.exchange = server, clock, home, exchange
        self._market = market
        self.day: Day
        self.on(on)

    def on(self, session: date) -> None:
        """The steps that follow are of *session*."""
        self.day = ready_day(self.house(), BOOK, session)

    def house(self) -> House:
        """A fresh one, as a new process has it."""
        made = House(self.settings(), time=self.clock)
        for name in ("calendar", "store", "sidecar"):
            made.__dict__[name] = getattr(self._market, name)
        return made

    def settings(self) -> Settings:
        """Those of a home whose broker is this machine's."""
        config = AlpacaConfig(
            url_override=self.server.url,
            data_url_override=self.server.data_url,
            stream_url_override=self.server.stream_url,
        )
        return Settings(
            home=self.home,
            alpaca=config,
            apca_api_key_id=KEY_ID,
            apca_api_secret_key=SECRET_KEY,
            books=SLEEVES,
        )

    def again(self) -> Day:
        """The session, as a new process opens it."""
        return ready_day(self.house(), BOOK, self.day.session)

    def premarket(self) -> Outcome:
        """The morning of the session."""
        day = self.again()
        self.clock.to(day.house.calendar.cut_at(day.session))
        outcome = Outcome(day)
        with acting(day.house, BOOK, "premarket") as (world, guard):
            catch_up(day.house, day, world, guard)
            session = opening.open_session(day, world, guard)
            pipeline.run_premarket(day, world, session, outcome)
        return outcome

    def cycle(self, slot: Slot) -> Outcome:
        """One cycle, by a process of its own."""
        day = self.again()
        self.clock.to(slot.at)
        outcome = Outcome(day)
        with acting(day.house, BOOK, f"cycle {slot.name}") as (world, guard):
            session = session_for_cycle(day.house, day, world, guard)
            pipeline.run_cycle(day, world, session, slot, outcome)
        return outcome

    def close(self) -> Outcome:
        """Twenty minutes after the close."""
        day = self.again()
        self.clock.to(day.house.calendar.close_at(day.session) + pipeline.CLOSE_AFTER)
        outcome = Outcome(day)
        with acting(day.house, BOOK, "postclose") as (world, guard):
            pipeline.run_close(day, world, opening.resume_session(day, guard), outcome)
        return outcome

    def buy_by_hand(self, symbol: str, shares: int) -> None:
        """Somebody buys on the broker's own page."""
        self._by_hand(symbol, shares, "buy")

    def sell_by_hand(self, symbol: str, shares: int) -> None:
        """Somebody cancels the stops there, and sells."""
        for order in json.loads(self._ask("GET", "/v2/orders?status=open", None)):
            if order["symbol"] == symbol:
                self._ask("DELETE", f"/v2/orders/{order['id']}", None)
        self._by_hand(symbol, shares, "sell")

    def _by_hand(self, symbol: str, shares: int, side: str) -> None:
        body = {"symbol": symbol, "qty": str(shares), "side": side, "type": "market", "time_in_force": "day"}
        self._ask("POST", "/v2/orders", json.dumps(body).encode())

    def _ask(self, method: str, path: str, body: bytes | None) -> bytes:
        headers = {"APCA-API-KEY-ID": KEY_ID, "APCA-API-SECRET-KEY": SECRET_KEY}
        request = Request(f"{self.server.url}{path}", body, headers, method=method)
        with urlopen(request) as answer:
            said: bytes = answer.read()
        return said

    def some(self, *names: str) -> Sequence[Slot]:
        """The cycles of those names."""
        return [slot for slot in slots(self.day) if slot.name in names]


@contextmanager
def paper(
    market: House,
    home: Path,
    on: date,
    rules: IntradayConfig | None = None,
    exchange_of: House | None = None,
) -> Iterator[Paper]:
    """The book on the eve of *on*, its exchange listening. *rules*: of that exchange.

    *exchange_of*: the market that it plays, where that is another one than the book knows of.
    """
    home.joinpath("ledger").mkdir(parents=True)
    calendar = market.calendar
    clock = Clock(calendar.cut_at(on))
    tape = PathTape(StoreTape((exchange_of or market).sidecar, calendar), calendar)
    exchange = IntradayExchange(None, "exchange", tape, calendar, ExchangeConfig(), rules)
    with AlpacaServer(exchange, clock.now) as server:
        yield Paper(server, clock, market, home, on, exchange)
