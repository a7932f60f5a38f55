"""Where the contract is put to the test: an adapter, its clock, and a market that is open."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr

from execution_v2.broker.alpaca_config import AlpacaConfig
from execution_v2.broker.books import AlpacaAccess, adapter_for
from execution_v2.broker.port import Broker, CancelOrder, Seen, SubmitOrder
from flows.clocks import WallClock
from ledger.disk import LocalDisk
from market.calendar import Calendar
from market.feed import Feed
from schemas.base import SessionDate
from schemas.book import OrderType, Side, TimeInForce
from simulation.alpaca_server import KEY_ID, SECRET_KEY, AlpacaServer, Script
from simulation.intraday_tape import FIVE_MINUTES
from tests.simulation.floor_world import Pit, pathed
from tests.simulation.world import DAYS, WeekHours, World, bar

SYMBOL: Final = "AAA"
DAY: Final = bar("50.00", "50.50", "49.50", "50.20")
LIQUID: Final = "SPY"
"""What is traded, one share at a time and far from its price, where an account is real."""


@dataclass(kw_only=True)
class Place:
    """One adapter in an open market in which *symbol* trades around *price*."""

    broker: Broker
    feed: Feed
    symbol: str = SYMBOL
    price: Decimal
    session: SessionDate
    now: Callable[[], datetime]
    wait: Callable[[], None]
    """Lets a little time pass there."""
    run: str = "c"
    """Part of every client id: a real account remembers those of earlier runs."""

    def name(self, what: str) -> str:
        """A client id of this run."""
        return f"{self.run}-{what}"

    def order(self, what: str, side: Side, quantity: int, **price: Any) -> SubmitOrder:
        """A limit order of the day, or a stop good till cancelled, by which of the prices is given."""
        is_stop = "stop" in price
        return SubmitOrder(
            client_order_id=self.name(what),
            symbol=self.symbol,
            side=side,
            quantity=Decimal(quantity),
            order_type=OrderType.STOP if is_stop else OrderType.LIMIT,
            time_in_force=TimeInForce.GTC if is_stop else TimeInForce.DAY,
            **{name: Decimal(value) for name, value in price.items()},
        )

    def until(self, done: Callable[[], bool]) -> None:
        """Wait for what a broker may do in its own time; fails if it never does."""
        for _ in range(500):
            if done():
                return
            self.wait()
        raise AssertionError("it did not come about")


def seen(answer: Any) -> Any:
    """The value of a read that succeeded."""
    assert isinstance(answer, Seen), answer
    return answer.value


@contextmanager
def simulated(root: Path) -> Iterator[Place]:
    """The simulated adapter, five minutes into a session."""
    world = _world(root)
    yield Place(
        broker=world.sim,
        feed=world.sim,
        price=Decimal("50.00"),
        session=DAYS[0],
        now=lambda: world.at,
        wait=lambda: _pass(world),
    )


def _world(root: Path) -> World:
    days = {(SYMBOL, day): DAY for day in DAYS}
    world = World(disk=LocalDisk(root), bars=days)
    world.at = WeekHours().open_at(DAYS[0]) + timedelta(minutes=5)
    return world


def _pass(world: World) -> None:
    world.at += timedelta(seconds=1)


@contextmanager
def intraday(root: Path) -> Iterator[Place]:
    """The simulated adapter over the exchange that follows each symbol's path, five minutes into a session."""
    del root
    pit = Pit(pathed(*[DAY] * len(DAYS))).at(0, 5)
    yield Place(
        broker=pit.broker,
        feed=pit.broker,
        price=Decimal("50.00"),
        session=DAYS[0],
        now=lambda: pit.now,
        wait=lambda: _step(pit),
    )


def _step(pit: Pit) -> None:
    pit.now += timedelta(seconds=1)


@contextmanager
def alpaca(root: Path) -> Iterator[Place]:
    """Alpaca's adapter, as its book opens it, over the protocol server in front of the intraday exchange."""
    del root
    with served() as (place, _, _):
        yield place


@contextmanager
def served(
    faults: Script | None = None, bar_s: int = FIVE_MINUTES, **rules: Any
) -> Iterator[tuple[Place, AlpacaServer, Pit]]:
    """The same with the server and the exchange behind it in hand. *rules*: of the exchange, latencies say.

    *bar_s*: seconds of a bar of the exchange.
    """
    pit = Pit(pathed(*[DAY] * len(DAYS), seconds=bar_s), **rules).at(0, 5)
    with AlpacaServer(pit.exchange, lambda: pit.now, faults=faults) as server:
        config = AlpacaConfig(
            url_override=server.url,
            data_url_override=server.data_url,
            stream_url_override=server.stream_url,
            write_s=1.0,
            read_s=1.0,
        )
        access = AlpacaAccess(
            config=config,
            key_id=SecretStr(KEY_ID),
            secret_key=SecretStr(SECRET_KEY),
            calendar=_calendar(),
            clock=PitClock(pit),
        )
        doors = adapter_for("ALPACA_PAPER", simulated=_never, alpaca=lambda: access)
        try:
            yield (
                Place(
                    broker=doors.broker,
                    feed=doors.feed,
                    price=Decimal("50.00"),
                    session=DAYS[0],
                    now=lambda: pit.now,
                    wait=lambda: _look_again(pit),
                ),
                server,
                pit,
            )
        finally:
            doors.close()


@cache
def _calendar() -> Calendar:
    return Calendar(2025, 2027)


def _look_again(pit: Pit) -> None:
    """A moment of the exchange, and one of ours for what comes over the wire."""
    pit.now += timedelta(milliseconds=20)
    threading.Event().wait(0.02)


@dataclass(frozen=True, slots=True)
class PitClock:
    """The exchange's time, which passes where somebody waits."""

    pit: Pit

    def now(self) -> datetime:
        return self.pit.now

    def sleep(self, seconds: float) -> None:
        self.pit.now += timedelta(seconds=seconds)


@contextmanager
def paper(root: Path) -> Iterator[Place]:
    """A real paper account, in an open market. What a test leaves working is cancelled."""
    del root
    keys = [os.environ.get(name, "") for name in ("APCA_API_KEY_ID", "APCA_API_SECRET_KEY")]
    if not all(keys):
        pytest.fail("AVWAP_CONTRACT_PAPER=1 wants APCA_API_KEY_ID and APCA_API_SECRET_KEY of a paper account")
    access = AlpacaAccess(
        config=AlpacaConfig(),
        key_id=SecretStr(keys[0]),
        secret_key=SecretStr(keys[1]),
        calendar=Calendar(),
        clock=WallClock(),
    )
    doors = adapter_for("ALPACA_PAPER", simulated=_never, alpaca=lambda: access)
    run = f"ct{WallClock().now():%y%m%d%H%M%S%f}"
    try:
        clock = doors.broker.clock()
        if not isinstance(clock, Seen) or not clock.value.is_open:
            pytest.skip(f"a real account is compared while its market is open: {clock}")
        (quote,) = seen(doors.feed.quotes([LIQUID]))
        yield Place(
            broker=doors.broker,
            feed=doors.feed,
            symbol=LIQUID,
            price=quote.last.quantize(Decimal("0.01")),
            session=clock.value.session_date,
            now=WallClock().now,
            wait=lambda: WallClock().sleep(0.2),
            run=run,
        )
        working = doors.broker.open_orders()
        for order in working.value if isinstance(working, Seen) else ():
            if order.client_order_id.startswith(run):
                doors.broker.cancel(CancelOrder(order_id=order.order_id))
    finally:
        doors.close()


def _never() -> Any:
    raise AssertionError("a paper account is not simulated")


ASKED_FOR_PAPER: Final = os.environ.get("AVWAP_CONTRACT_PAPER") == "1"
PLACES: Final[Mapping[str, Callable[[Path], AbstractContextManager[Place]]]] = {
    "alpaca": alpaca,
    "intraday": intraday,
    "simulated": simulated,
    **({"paper": paper} if ASKED_FOR_PAPER else {}),
}
