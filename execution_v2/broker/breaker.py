"""A broker that fails five times running is given no new exposure until it has answered twice; exits go on, slower.

A pure state machine per operation (execution.md 12.2). The state is a frozen record: whoever keeps it between two
processes writes it down as it is and hands it back.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from pydantic import Field

from schemas.base import Fact, Instant

FAILURES_MAX: Final = 5
"""Infrastructure errors running after which a circuit opens."""
OPEN_S: Final = 30
OPEN_S_MAX: Final = 300
SUCCESSES_TO_CLOSE: Final = 2
PROBE_LOST_S: Final = 30
"""A probe whose end nobody recorded in that time died with its process, and another may go."""
EXIT_PAUSE_S: Final = 1.0
"""Between two requests that only lower exposure, while a circuit is open."""


class Lane(StrEnum):
    """What a request is for. Only INCREASE is ever refused."""

    INCREASE = "INCREASE"
    READ = "READ"
    EXIT = "EXIT"
    """REDUCE, CANCEL, and the look-ups of either."""


class State(StrEnum):
    """Closed: all is well. Open: nothing is added. Probing: the open time is over, one request at a time may try."""

    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"


class Circuit(Fact):
    """What is known of one operation.

    failures: errors running while closed. successes: answers running while probing. open_s: 0 while closed.
    """

    failures: int = Field(default=0, ge=0)
    successes: int = Field(default=0, ge=0)
    opened_at: Instant | None = None
    open_s: int = Field(default=0, ge=0, le=OPEN_S_MAX)
    probe_at: Instant | None = None
    """When the probe left that is not answered yet."""

    def state(self, now: datetime) -> State:
        """What it is at *now*."""
        if self.opened_at is None:
            return State.CLOSED
        # From both sides: a clock set back by a day must not keep it open for that day.
        return State.OPEN if abs(now - self.opened_at) < timedelta(seconds=self.open_s) else State.PROBING

    def may_increase(self, now: datetime) -> bool:
        """Whether a request that adds exposure may go; while probing, only if no other is on its way."""
        state = self.state(now)
        if state is State.PROBING:
            return self.probe_at is None or abs(now - self.probe_at) >= timedelta(seconds=PROBE_LOST_S)
        return state is State.CLOSED

    def sent(self, now: datetime) -> "Circuit":
        """After a request left: while probing it is the probe."""
        return self if self.state(now) is not State.PROBING else self.model_copy(update={"probe_at": now})

    def opened(self, now: datetime) -> "Circuit":
        """Open from *now*: for 30 s, or twice as long as the last time in a row, at most 300 s."""
        return Circuit(opened_at=now, open_s=min(max(OPEN_S, 2 * self.open_s), OPEN_S_MAX))

    def after(self, now: datetime, *, answered: bool) -> "Circuit":
        """After a request whose end is known. What ends while the circuit is open moves nothing: it waits its time."""
        state = self.state(now)
        if state is State.OPEN:
            return self
        if state is State.PROBING:
            if not answered:
                return self.opened(now)
            if self.successes + 1 >= SUCCESSES_TO_CLOSE:
                return Circuit()
            return self.model_copy(update={"successes": self.successes + 1, "probe_at": None})
        if answered:
            return Circuit()
        worse = Circuit(failures=self.failures + 1)
        return worse.opened(now) if worse.failures >= FAILURES_MAX else worse


class Breaker(Fact):
    """The circuits of one broker by operation; an operation without a row never failed."""

    circuits: dict[str, Circuit] = Field(default_factory=dict)
    exit_at: Instant | None = None
    """When the last request passed an open circuit."""

    def circuit(self, operation: str) -> Circuit:
        """That of *operation*."""
        return self.circuits.get(operation, Circuit())

    def is_open(self, now: datetime) -> bool:
        """Whether anything is open: then nothing is added."""
        return any(circuit.state(now) is State.OPEN for circuit in self.circuits.values())

    def may_increase(self, operation: str, now: datetime) -> bool:
        """Whether *operation* may add exposure: with any other circuit open, its outcome could not be looked up."""
        return not self.is_open(now) and self.circuit(operation).may_increase(now)

    def wait_s(self, operation: str, now: datetime) -> float:
        """Seconds that a request of another lane waits before it goes: it is slowed, never refused."""
        if self.exit_at is None or self.circuit(operation).state(now) is State.CLOSED:
            return 0.0
        # A clock that went back must not make an exit wait for the difference.
        since = max((now - self.exit_at).total_seconds(), 0.0)
        return max(EXIT_PAUSE_S - since, 0.0)

    def sent(self, operation: str, now: datetime) -> "Breaker":
        """After a request of *operation* left."""
        circuit = self.circuit(operation)
        if circuit.state(now) is State.CLOSED:
            return self
        return self._with(operation, circuit.sent(now), exit_at=now)

    def after(self, operation: str, now: datetime, *, answered: bool) -> "Breaker":
        """After *operation* ended. answered: the broker spoke, a refusal included; else its machinery failed."""
        return self._with(operation, self.circuit(operation).after(now, answered=answered), self.exit_at)

    def opened(self, operation: str, now: datetime) -> "Breaker":
        """With the circuit of *operation* open at once, whatever came before."""
        return self._with(operation, self.circuit(operation).opened(now), self.exit_at)

    def _with(self, operation: str, circuit: Circuit, exit_at: datetime | None) -> "Breaker":
        changed: Mapping[str, Circuit] = {**self.circuits, operation: circuit}
        rows = {name: each for name, each in sorted(changed.items()) if each != Circuit()}
        return Breaker(circuits=rows, exit_at=exit_at)


Keep = Callable[[Breaker], None]
"""Whoever writes the state down for the next process."""
