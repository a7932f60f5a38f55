"""The doors to the outside that a book's run is given: broker, feed and clock. Each is chosen here, once.

In the SIM book time is stepped: the driver sets the clock to the instant a step is due at, so that a backfilled
session, a rerun and a Prefect run see the same instants and write the same bytes. An Alpaca book lives by the wall's
clock, and nothing of the vendor's is imported for another book.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from flows.clocks import ExchangeClock, PassingClock, SteppedClock, Time, WallClock
from flows.settings import operable

if TYPE_CHECKING:
    from execution_v2.broker.books import AlpacaAccess, Doors
    from execution_v2.broker.breaker import Breaker
    from execution_v2.broker.port import Broker
    from flows.house import House
    from ledger.disk import Disk
    from market.feed import Feed

__all__ = ["SteppedClock", "World", "open_world"]


def _nothing() -> None:
    """A world that leaves no machine has nothing to end."""


def _no_line() -> bool | None:
    """Nor does it fail."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Where orders go, where prices come from, and what time it is.

    host_ok: whether the broker's host is the book's own; None: orders leave no machine. faults: why nothing is added
    over this broker (the start-up probe). breaker_open: whether it failed so often of late that nothing is added; None:
    there is no line. close: ends what runs beside the cycle.
    """

    broker: "Broker"
    feed: "Feed"
    clock: Time
    host: str | None = None
    host_ok: bool | None = None
    faults: tuple[str, ...] = ()
    breaker_open: Callable[[], bool | None] = _no_line
    close: Callable[[], None] = _nothing

    @property
    def is_stepped(self) -> bool:
        """Whether the driver says what time it is."""
        return self.clock.is_stepped

    def pause(self, seconds: float) -> None:
        """Wait by the world's clock."""
        self.clock.sleep(seconds)


def open_world(house: "House", book_id: str) -> World:
    """The outside of *book_id*. Errors: ``UsageFault`` for a book without an adapter, or one that cannot be reached
    as it is configured."""
    from execution_v2.broker.books import adapter_for

    operable(book_id)
    asked: list[Callable[[], datetime | None]] = []
    clock = _clock(house, book_id, lambda: asked[0]() if asked else None)
    doors = adapter_for(
        book_id,
        simulated=lambda: _simulated(house, book_id, clock),
        alpaca=lambda: _access(house, book_id, clock),
    )
    if isinstance(clock, ExchangeClock):
        asked.append(lambda: _told(doors))
        clock.step(clock.now())

    return World(
        broker=doors.broker,
        feed=doors.feed,
        clock=clock,
        host=doors.host,
        host_ok=doors.host_ok,
        faults=doors.faults,
        breaker_open=lambda: _is_open(doors, clock),
        close=doors.close,
    )


def _is_open(doors: "Doors", clock: Time) -> bool | None:
    kept = doors.breaker()
    return None if kept is None else bool(doors.faults) or kept.is_open(clock.now())


def _clock(house: "House", book_id: str, ask: Callable[[], datetime | None]) -> Time:
    settings = house.settings
    if book_id == "SIM":
        return PassingClock() if settings.is_intraday(book_id) else SteppedClock()
    if house.time is not None:
        return house.time
    return WallClock() if settings.alpaca.url_override is None else ExchangeClock(ask)


def _told(doors: "Doors") -> datetime | None:
    """What the exchange's clock shows; None outside its sessions' days, or if it does not answer."""
    from market.feed import Seen

    seen = doors.broker.clock()
    return seen.value.now if isinstance(seen, Seen) else None


def _simulated(house: "House", book_id: str, clock: Time) -> "Doors":
    from execution_v2.broker.books import Doors
    from ledger import layout
    from simulation.adapter import IntradayBroker, SimBroker
    from simulation.exchange import Exchange
    from simulation.intraday import IntradayExchange
    from simulation.intraday_tape import PathTape
    from simulation.tape import StoreTape

    days, settings, path = StoreTape(house.sidecar, house.calendar), house.settings, layout.exchange(book_id)
    # On the disk of the house: where that dies, the exchange's machine dies too, and a torn request never arrived.
    if not settings.is_intraday(book_id):
        exchange = Exchange(house.disk, path, days, house.calendar, settings.exchange)
        broker = SimBroker(exchange, days, house.calendar, clock.now)
        return Doors(broker=broker, feed=broker)
    tape = PathTape(days, house.calendar, seconds=settings.sim.seconds)
    floor = IntradayExchange(house.disk, path, tape, house.calendar, settings.exchange, settings.sim.orders)
    inside = IntradayBroker(floor, tape, house.calendar, clock.now)
    return Doors(broker=inside, feed=inside)


def _access(house: "House", book_id: str, clock: Time) -> "AlpacaAccess":
    from execution_v2.broker.books import AlpacaAccess

    settings, keep = house.settings, partial(keep_breaker, house.disk, book_id)
    kept = kept_breaker(house.disk, book_id, clock.now())
    if kept is not None:
        keep(kept)  # one that could not be read is from now on what it was taken for, and ends
    return AlpacaAccess(
        config=settings.alpaca,
        key_id=settings.apca_api_key_id,
        secret_key=settings.apca_api_secret_key,
        calendar=house.calendar,
        clock=clock,
        breaker=kept,
        keep=keep,
    )


def kept_breaker(disk: "Disk", book_id: str, now: datetime) -> "Breaker | None":
    """As the process before left it. One that cannot be read opens for its shortest time: lost evidence loosens
    nothing."""
    from pydantic import ValidationError

    from execution_v2.broker.breaker import Breaker
    from ledger import layout
    from ledger.canonical import Malformed, parse_canonical_line

    path = layout.breaker(book_id)
    if not disk.exists(path):
        return None
    try:
        return Breaker.model_validate(parse_canonical_line(disk.read(path)))
    except (Malformed, ValidationError):
        return Breaker().opened("submit", now)


def keep_breaker(disk: "Disk", book_id: str, breaker: "Breaker") -> None:
    """Write how the line stands, for the next process. A full disk holds up nothing."""
    from ledger import layout
    from ledger.canonical import line_bytes, plain
    from schemas.errors import Denied
    from schemas.reasons.ledger import LedgerCode

    try:
        disk.write(layout.breaker(book_id), line_bytes(plain(breaker)))
    except Denied as error:
        if error.code != LedgerCode.LEDGER_UNAVAILABLE:
            raise
