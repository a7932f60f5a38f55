"""The doors to the outside that a book's run is given: broker, feed and clock. Each is chosen here, once.

In the SIM book time is stepped: the driver sets the clock to the instant a step is due at, so that a backfilled
session, a rerun and a Prefect run see the same instants and write the same bytes.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from flows.settings import operable

if TYPE_CHECKING:
    from execution_v2.broker.port import Broker
    from flows.house import House
    from market.feed import Feed


class SteppedClock:
    """A clock that stands where it was set and never goes back."""

    def __init__(self) -> None:
        self._now: datetime | None = None

    def now(self) -> datetime:
        """The instant it was set to, UTC."""
        assert self._now is not None, "the clock was never set"
        return self._now

    def step(self, to: datetime) -> None:
        """Move to *to*; standing still is allowed, going back is a bug of the driver."""
        assert self._now is None or to >= self._now, "simulated time went back"
        self._now = to


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Where orders go, where prices come from, and what time it is."""

    broker: "Broker"
    feed: "Feed"
    clock: SteppedClock

    def pause(self, seconds: float) -> None:
        """Waiting takes no simulated time: nothing else moves while we wait."""
        assert seconds >= 0


def open_world(house: "House", book_id: str) -> World:
    """The outside of *book_id*. Errors: ``UsageFault`` for a book without an adapter."""
    operable(book_id)
    from ledger import layout
    from simulation.adapter import SimBroker
    from simulation.exchange import Exchange
    from simulation.tape import StoreTape

    clock = SteppedClock()
    tape = StoreTape(house.sidecar, house.calendar)
    # On the disk of the house: where that dies, the exchange's machine dies too, and a torn request never arrived.
    exchange = Exchange(house.disk, layout.exchange(book_id), tape, house.calendar, house.settings.exchange)
    broker = SimBroker(exchange, tape, house.calendar, clock.now)
    return World(broker=broker, feed=broker, clock=clock)
