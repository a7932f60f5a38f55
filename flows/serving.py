"""The simulated exchange is opened on a file of bars, and its time follows the wall's, at a speed, or stands still.

The edge of ``avwap serve exchange``: files, the machine's clock and its ports are met here.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from market.calendar import NEW_YORK
from market.feed import ReadFailed
from schemas.errors import UsageFault
from schemas.reasons.edge import EdgeCode
from simulation.alpaca_server import AlpacaServer, Seeded
from simulation.file_tape import FileMarket, market_of
from simulation.intraday import IntradayExchange

if TYPE_CHECKING:
    from flows.house import House

AFTER: Final = timedelta(minutes=30)
"""How long after the last close time goes on; then it stands: behind it there are no prices."""
TICK_S: Final = 0.05
SAFE: Final = "no server was started and nothing was written"


class ReplayClock:
    """Time from *start* on at *speed* seconds to a second of *wall*, until *end*, where it stands still."""

    def __init__(
        self, start: datetime, end: datetime, speed: float, wall: Callable[[], float] = time.monotonic
    ) -> None:
        self._start = start
        self._end = end
        self._speed = speed
        self._wall = wall
        self._since = wall()

    def now(self) -> datetime:
        """The instant, UTC."""
        left = (self._end - self._start).total_seconds()
        gone = (self._wall() - self._since) * self._speed
        return self._end if gone >= left else self._start + timedelta(seconds=gone)

    def step(self, to: datetime) -> None:
        """It is *to* now, or the end, and goes on from there."""
        self._start = min(to, self._end)
        self._since = self._wall()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to serve. *at*: when it begins, None: the first open. *speed* 0: time is stepped by its clients alone."""

    bars: Path
    port: int
    at: datetime | None
    speed: float
    fault_seed: int | None
    fault_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """An exchange that is open."""

    server: AlpacaServer
    exchange: IntradayExchange
    market: FileMarket
    clock: ReplayClock

    def until_stopped(self) -> None:
        """Let time pass and tell the stream what it brings, until the keyboard says stop."""
        while True:
            self.server.tick()
            time.sleep(TICK_S)


def opened(house: "House", wish: Wish) -> Open:
    """Open the exchange of *wish*. Errors: ``UsageFault`` for what cannot be meant."""
    if not math.isfinite(wish.speed) or wish.speed < 0:
        raise _usage(
            f"--speed {wish.speed}: seconds that pass in one second are wanted", "60 plays an hour a minute"
        )
    if wish.fault_seed is None and wish.fault_rate:
        raise _usage(
            "--fault-rate goes with --fault-seed, which names the faults that are drawn", "give both"
        )
    market = _market(house, wish.bars)
    first = house.calendar.open_at(market.first)
    end = house.calendar.close_at(market.last) + AFTER
    start = first if wish.at is None else wish.at
    if not first.date() <= start.date() or start > end:
        raise _usage(
            f"--at {start.astimezone(NEW_YORK):%Y-%m-%dT%H:%M} lies outside of the bars",
            f"they go from {market.first} to {market.last}",
        )
    clock = ReplayClock(start, end, wish.speed)
    settings = house.settings
    exchange = IntradayExchange(None, "", market.tape, house.calendar, settings.exchange, settings.sim.orders)
    faults = None if wish.fault_seed is None else Seeded(wish.fault_seed, wish.fault_rate)
    try:
        server = AlpacaServer(exchange, clock.now, step=clock.step, faults=faults, port=wish.port)
    except OSError as error:
        raise _usage(
            f"--port {wish.port}: {error.strerror}",
            "stop who listens there, or choose another; 0 takes any that is free",
        ) from error
    return Open(server=server, exchange=exchange, market=market, clock=clock)


def _market(house: "House", path: Path) -> FileMarket:
    try:
        found = market_of(path, house.calendar)
    except UsageFault as error:
        raise UsageFault(error.code, error.message, safe=SAFE, next=error.next) from error
    if isinstance(found, ReadFailed):
        raise _usage(
            f"--bars {found.cause}",
            "bars of a day, of ten or of five minutes are wanted: avwap data fetch --help shows how to get some",
        )
    return found


def _usage(why: str, then: str) -> UsageFault:
    return UsageFault(EdgeCode.USAGE, why, safe=SAFE, next=then)
