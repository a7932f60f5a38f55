"""Every question of a cycle passes one counter: how old what we know is, and how often the outside failed us.

It changes no question and no answer; a replay that hears the recorded answers counts the same.
"""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from execution_v2.broker.port import Broker, Rejected, Seen
from execution_v2.broker.recorded import Door, put
from execution_v2.divergence_state import Sent
from market.feed import Feed, ReadFailed
from schemas.base import quantise
from schemas.observations import AccountFacts
from schemas.reasons.execution import BrokerCode
from schemas.tick import Sighting, Source

WINDOW_S: Final = 60
"""Seconds over which a source's error rate is counted (execution.md 9.1)."""
_READS: Final = {
    Source.REST: ("account", "positions", "open_orders"),
    Source.STREAM: ("updates",),
    Source.FILLS: ("fills",),
}
_BY_FEED: Final = frozenset({"quotes", "day_bars", "bars"})


class Tally(Door):
    """The cycle's broker and feed, counted.

    Attributes: requests (to the broker), throttled (of these, refused or failed for their number), quotes_asked,
    quotes_answered (symbols), account_read (the account as last read in this cycle; None: not read), sent (orders
    that left, each with the newest record of that moment).
    """

    def __init__(
        self, broker: Broker, feed: Feed, at: Callable[[], datetime], seq: Callable[[], int]
    ) -> None:
        self._broker, self._feed, self._at, self._seq = broker, feed, at, seq
        self.sent: list[Sent] = []
        self._tries: dict[str, list[tuple[datetime, bool]]] = defaultdict(list)
        self._heard: dict[str, datetime] = {}
        self.requests = self.throttled = self.quotes_asked = self.quotes_answered = 0
        self.account_read: AccountFacts | None = None

    def _call(self, op: str, request: Any) -> Any:
        if op in ("submit", "replace"):
            self.sent.append(Sent(client_order_id=request.client_order_id, after_seq=self._seq()))
        answer = put(self._broker, self._feed, self._at, op, request)
        if op == "quotes":
            self.quotes_asked += len(request)
            self.quotes_answered += len(answer.value) if isinstance(answer, Seen) else 0
        elif op not in _BY_FEED and op not in ("capabilities", "now"):
            self._count(op, answer)
        return answer

    def _count(self, op: str, answer: Any) -> None:
        self.requests += 1
        is_seen = isinstance(answer, Seen)
        if is_seen:
            self._heard[op] = answer.as_of
            if op == "account":
                self.account_read = answer.value
        if is_seen or isinstance(answer, ReadFailed):
            self._tries[op].append((self._at(), is_seen))
        refused = isinstance(answer, Rejected) and answer.reason == BrokerCode.RATE_LIMITED
        limited = isinstance(answer, ReadFailed) and BrokerCode.RATE_LIMITED in answer.cause
        self.throttled += refused or limited

    def sightings(self, now: datetime) -> tuple[Sighting, ...]:
        """How each source stands at *now*: its age is that of the oldest of what it consists of."""
        streams = self._broker.capabilities().stream
        return tuple(self._sighting(source, now, streams) for source in Source)

    def _sighting(self, source: Source, now: datetime, streams: bool) -> Sighting:
        ops = _READS[source]
        heard = [self._heard[op] for op in ops if op in self._heard]
        tries = [ok for op in ops for at, ok in self._tries[op] if (now - at).total_seconds() <= WINDOW_S]
        failed = tries.count(False) / len(tries) if tries else 0.0
        age = quantise((now - min(heard)).total_seconds(), 2) if len(heard) == len(ops) else None
        return Sighting(
            source=source,
            is_on=streams or source is not Source.STREAM,
            age_s=age,
            error_rate=round(failed, 4),
        )

    @property
    def has_positions(self) -> bool:
        """Whether the broker's positions were read."""
        return "positions" in self._heard
