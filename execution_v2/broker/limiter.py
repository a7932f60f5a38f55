"""An account's requests of a minute are bounded, and a fifth of them is kept for exits and look-ups.

A pure sliding window (execution.md 6). An exit is never refused by it: past the bound exits go one a second.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from execution_v2.broker.breaker import EXIT_PAUSE_S, Lane

WINDOW: Final = timedelta(seconds=60)
REQUESTS_PER_MIN: Final = 180
"""Of the 200 that the broker takes."""
RESERVED_PER_MIN: Final = 36
"""20 % of them, for REDUCE, CANCEL and look-ups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Instants of the requests of the last minute, oldest first."""

    sent: tuple[datetime, ...] = ()
    per_min: int = REQUESTS_PER_MIN
    reserved: int = RESERVED_PER_MIN

    def __post_init__(self) -> None:
        assert 0 <= self.reserved <= self.per_min, "more is kept back than there is"

    def at(self, now: datetime) -> "Window":
        """The window as it is at *now*."""
        # From both sides: an instant after now is one that a clock set back has left behind.
        kept = tuple(each for each in self.sent if now - WINDOW < each <= now)
        return Window(sent=kept, per_min=self.per_min, reserved=self.reserved)

    def admits(self, lane: Lane, now: datetime) -> bool:
        """Whether a request of *lane* may go now. Always, for an exit."""
        return lane is Lane.EXIT or len(self.at(now).sent) < self.per_min - self.reserved

    def wait_s(self, now: datetime) -> float:
        """Seconds that an exit waits first: none below the bound."""
        current = self.at(now)
        if len(current.sent) < self.per_min:
            return 0.0
        return max(EXIT_PAUSE_S - (now - current.sent[-1]).total_seconds(), 0.0)

    def after(self, now: datetime) -> "Window":
        """With one more request, sent at *now*."""
        current = self.at(now)
        return Window(sent=(*current.sent, now), per_min=self.per_min, reserved=self.reserved)
