"""What time it is for a run: the driver's own, one that passes as the run waits, the wall's, or the exchange's.

Which of them a book lives by is chosen in ``flows.world``; nothing below asks a machine for the time.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Time(Protocol):
    """A clock that a run can wait by."""

    is_stepped: bool
    """Whether the driver says what time it is: then a session of the past can be played."""

    def now(self) -> datetime:
        """The instant, UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait so long."""
        ...

    def step(self, to: datetime) -> None:
        """A step is due at *to*: a clock that is ours stands there now, any other one knows better."""
        ...


class SteppedClock:
    """A clock that stands where it was set and never goes back; waiting takes no time by it."""

    is_stepped = True

    def __init__(self) -> None:
        self._now: datetime | None = None

    def now(self) -> datetime:
        """The instant it was set to, UTC."""
        assert self._now is not None, "the clock was never set"
        return self._now

    def sleep(self, seconds: float) -> None:
        """Nothing else moves while we wait."""
        assert seconds >= 0

    def step(self, to: datetime) -> None:
        """Move to *to*; standing still is allowed, going back is a bug of the driver."""
        assert self._now is None or to >= self._now, "simulated time went back"
        self._now = to


class PassingClock(SteppedClock):
    """A stepped clock by which waiting takes its time, as it does where an exchange plays inside the day."""

    def sleep(self, seconds: float) -> None:
        """So many seconds pass."""
        super().sleep(seconds)
        self._now = self.now() + timedelta(seconds=seconds)

    def step(self, to: datetime) -> None:
        """Move to *to*; a step that began late, because the one before waited, stays late."""
        self._now = to if self._now is None else max(self._now, to)


class WallClock:
    """The machine's own clock."""

    is_stepped = False

    def now(self) -> datetime:
        """The present instant."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait so long."""
        time.sleep(seconds)

    def step(self, to: datetime) -> None:
        """Nobody sets the wall's clock."""
        del to


class ExchangeClock(WallClock):
    """The clock of an exchange on this machine, which may replay another day: the wall's, moved to agree with it."""

    def __init__(self, ask: Callable[[], datetime | None]) -> None:
        """*ask*: what the exchange says the time is; None: it does not say, and the clock stays as it is."""
        self._ask = ask
        self._ahead = timedelta(0)
        self.is_heard = False

    def now(self) -> datetime:
        """The exchange's instant, as far as it was asked."""
        return super().now() + self._ahead

    def step(self, to: datetime) -> None:
        """Ask the exchange again: it may run faster than the wall, or have been set."""
        del to
        told = self._ask()
        if told is not None:
            self._ahead, self.is_heard = told - super().now(), True


class PlanningClock:
    """*clock* as a plan sees it: what a plan waits for passes at once, and nobody waits."""

    def __init__(self, clock: Time) -> None:
        self._clock = clock
        self._ahead = timedelta(0)
        self.is_stepped = clock.is_stepped

    def now(self) -> datetime:
        """The instant, with what was waited for."""
        return self._clock.now() + self._ahead

    def sleep(self, seconds: float) -> None:
        """So many seconds pass, for the plan alone."""
        assert seconds >= 0
        self._ahead += timedelta(seconds=seconds)

    def step(self, to: datetime) -> None:
        """As the clock does."""
        self._clock.step(to)
