"""Every request of a cycle passes here: it takes time, it is checked, and the process may die before it or after it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from execution_v2.broker.port import Confirmed
from execution_v2.reduce import Fold
from ledger.faulty import SimulatedCrash
from market.feed import Seen
from schemas.base import SessionDate
from simulation.seeds.watch import Watch

CALL_S: Final = 0.05
"""What one request takes when nothing disturbs it."""


class Clock:
    """The run's one clock: it moves when somebody waits, and never back."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        """The instant, UTC."""
        return self._at

    def wait(self, seconds: float) -> None:
        """So many seconds pass."""
        self._at += timedelta(seconds=seconds)

    def to(self, at: datetime) -> None:
        """It is *at*, or later already."""
        self._at = max(self._at, at)


class Line:
    """Broker and feed as one process sees them.

    Args:
        outside: the faulty broker and feed.
        fold: what the journal on disk says now, whoever wrote it.
        dies_at: number of the port call (from 1) around which the process dies; ``after`` it was answered, or before
            it left. None: it lives.
        before_call: called with each call's number before it leaves; another process may have its turn there.
        speaks: whether this process still holds the book; the one request that it may send after is not its fault.
        since: the session's open: a quote of before is no mark.
    """

    def __init__(
        self,
        outside: Any,
        clock: Clock,
        watch: Watch,
        fold: Callable[[], Fold],
        session: SessionDate,
        equity: Decimal,
        *,
        dies_at: int | None = None,
        after: bool = False,
        before_call: Callable[[int], None],
        speaks: Callable[[], bool],
        since: datetime,
    ) -> None:
        self._outside = outside
        self._clock = clock
        self._watch = watch
        self._fold = fold
        self._session = session
        self._equity = equity
        self._dies_at = dies_at
        self._after = after
        self._before_call = before_call
        self._speaks = speaks
        self._since = since
        self._quoted: set[str] = set()
        self.calls = 0
        self.paused_s = 0.0

    def __getattr__(self, name: str) -> Any:
        ask = getattr(self._outside, name)

        def call(*args: Any) -> Any:
            return self._call(name, ask, args)

        return call

    def pause(self, seconds: float) -> None:
        """Wait."""
        self.paused_s += seconds
        self._clock.wait(seconds)

    def _call(self, name: str, ask: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        self.calls += 1
        self._watch.asked(self.calls, self.paused_s)
        self._before_call(self.calls)
        if not self._speaks():
            pass  # announced while it held the book, and sent when it did not: the next reads tell what came of it
        elif name == "submit":
            self._watch.submit(args[0], self._fold(), self._session, self._equity)
        elif name == "replace":
            self._watch.replace(args[0], self._fold())
        elif name == "cancel":
            self._watch.cancel(args[0])
        if self.calls == self._dies_at and not self._after:
            raise SimulatedCrash(f"died before call {self.calls}, {name}")
        self._clock.wait(CALL_S)
        answer = ask(*args)
        if self.calls == self._dies_at and self._after:
            raise SimulatedCrash(f"died after call {self.calls}, {name}")
        if name == "cancel" and isinstance(answer, Confirmed) and not answer.order.is_working:
            self._watch.told_ended.add(answer.order.order_id)
        if isinstance(answer, Seen):
            self._watch.laws.seen.add(name)
        if name == "account" and isinstance(answer, Seen):
            self._equity = answer.value.equity  # what the caps of this cycle are fractions of
        if name == "quotes" and isinstance(answer, Seen):
            today = [row for row in answer.value if row.as_of >= self._since]
            for row in today:  # of several prices of one cycle a cap may rest on any
                known = (
                    self._watch.marks.get(row.symbol, row.last) if row.symbol in self._quoted else row.last
                )
                self._watch.marks[row.symbol] = min(known, row.last)
                self._quoted.add(row.symbol)
        return answer
