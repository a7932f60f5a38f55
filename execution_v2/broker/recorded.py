"""What was asked and answered is recorded call by call; a replay answers the same questions alike.

One line per call: ``{n, op, request, outcome}``. A replay that is asked anything else has found a divergence,
and says where; one that outlives its recording stands where the recorded process died.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from execution_v2.broker.port import (
    Account,
    Assets,
    Broker,
    CancelOrder,
    Capabilities,
    Clock,
    Events,
    Fills,
    LookUp,
    LookUpAnswer,
    Orders,
    Outcome,
    Positions,
    ReplaceOrder,
    Sessions,
    SubmitOrder,
    Updates,
)
from ledger.canonical import Malformed, first_difference, line_bytes, parse_canonical_line
from market.feed import DayBars, Feed, IntradayBars, Quotes
from schemas.base import Instant, SessionDate
from schemas.errors import Corrupt
from schemas.reasons.execution import CycleFault

Sink = Callable[[bytes], None]
"""Takes one line; the edge appends it to ``cycles/<slot>/observations/calls.jsonl``."""

_OPS: Final[dict[str, tuple[Any, Any]]] = {
    "capabilities": (None, Capabilities),
    "submit": (SubmitOrder, Outcome),
    "replace": (ReplaceOrder, Outcome),
    "cancel": (CancelOrder, Outcome),
    "lookup": (LookUp, LookUpAnswer),
    "account": (None, Account),
    "positions": (None, Positions),
    "open_orders": (None, Orders),
    "closed_orders": (SessionDate, Orders),
    "fills": (SessionDate, Fills),
    "events": (SessionDate, Events),
    "assets": (tuple[str, ...], Assets),
    "updates": (None, Updates),
    "clock": (None, Clock),
    "calendar": (tuple[SessionDate, SessionDate], Sessions),
    "quotes": (tuple[str, ...], Quotes),
    "day_bars": (tuple[tuple[str, ...], SessionDate], DayBars),
    "bars": (tuple[tuple[str, ...], int, SessionDate, SessionDate], IntradayBars),
    "now": (None, Instant),
}
"""Operation -> (type of its request, type of its answer)."""


class ReplayDiverged(Corrupt):
    """The replayed code asked something else than the recorded one did. Attributes: n, expected, actual."""

    def __init__(self, n: int, pointer: str, expected: object, actual: object) -> None:
        super().__init__(
            CycleFault.REPLAY_DIVERGED,
            f"call {n} at {pointer or '/'}: recorded {expected!r}, now {actual!r}",
            safe="nothing was sent: a replay has no broker",
            next="the first differing call names the decision that changed",
        )
        self.n = n
        self.expected = expected
        self.actual = actual


class RecordingEnded(Exception):
    """The recording stops here: the recorded process died before this call was answered."""


class Door(ABC):
    """Broker and feed in one, every call handed to ``_call``."""

    def capabilities(self) -> Capabilities:
        answer: Capabilities = self._call("capabilities", None)
        return answer

    def submit(self, request: SubmitOrder) -> Outcome:
        answer: Outcome = self._call("submit", request)
        return answer

    def replace(self, request: ReplaceOrder) -> Outcome:
        answer: Outcome = self._call("replace", request)
        return answer

    def cancel(self, request: CancelOrder) -> Outcome:
        answer: Outcome = self._call("cancel", request)
        return answer

    def lookup(self, request: LookUp) -> LookUpAnswer:
        answer: LookUpAnswer = self._call("lookup", request)
        return answer

    def account(self) -> Account:
        answer: Account = self._call("account", None)
        return answer

    def positions(self) -> Positions:
        answer: Positions = self._call("positions", None)
        return answer

    def open_orders(self) -> Orders:
        answer: Orders = self._call("open_orders", None)
        return answer

    def closed_orders(self, since: SessionDate) -> Orders:
        answer: Orders = self._call("closed_orders", since)
        return answer

    def fills(self, since: SessionDate) -> Fills:
        answer: Fills = self._call("fills", since)
        return answer

    def events(self, session: SessionDate) -> Events:
        answer: Events = self._call("events", session)
        return answer

    def assets(self, symbols: Sequence[str]) -> Assets:
        answer: Assets = self._call("assets", tuple(symbols))
        return answer

    def updates(self) -> Updates:
        answer: Updates = self._call("updates", None)
        return answer

    def clock(self) -> Clock:
        answer: Clock = self._call("clock", None)
        return answer

    def calendar(self, first: SessionDate, last: SessionDate) -> Sessions:
        answer: Sessions = self._call("calendar", (first, last))
        return answer

    def quotes(self, symbols: Sequence[str]) -> Quotes:
        answer: Quotes = self._call("quotes", tuple(symbols))
        return answer

    def day_bars(self, symbols: Sequence[str], session: SessionDate) -> DayBars:
        answer: DayBars = self._call("day_bars", (tuple(symbols), session))
        return answer

    def bars(
        self, symbols: Sequence[str], seconds: int, first: SessionDate, last: SessionDate
    ) -> IntradayBars:
        answer: IntradayBars = self._call("bars", (tuple(symbols), seconds, first, last))
        return answer

    def now(self) -> datetime:
        answer: datetime = self._call("now", None)
        return answer

    @abstractmethod
    def _call(self, op: str, request: Any) -> Any:
        """The answer to *op*, of the type that its row in the table names."""


def put(broker: Broker, feed: Feed, now: Callable[[], datetime], op: str, request: Any) -> Any:
    """Put one question of the table to whom it concerns; *request* as ``Door`` packs it."""
    if op == "now":
        return now()
    if op in ("day_bars", "bars"):
        return getattr(feed, op)(*request)
    if op == "calendar":
        return broker.calendar(*request)
    if op == "quotes":
        return feed.quotes(request)
    ask = getattr(broker, op)
    return ask() if request is None else ask(request)


class RecordingBroker(Door):
    """Asks *broker*, *feed* and *now*, and hands each call with its answer to *sink* before giving it back.

    *first*: number of the first call, for a recording that goes on.
    """

    def __init__(
        self, broker: Broker, feed: Feed, now: Callable[[], datetime], sink: Sink, first: int = 1
    ) -> None:
        self._broker = broker
        self._feed = feed
        self._now = now
        self._sink = sink
        self._next = first

    def _call(self, op: str, request: Any) -> Any:
        outcome = put(self._broker, self._feed, self._now, op, request)
        line = {"n": self._next, "op": op, "request": _dump(op, 0, request), "outcome": _dump(op, 1, outcome)}
        self._sink(line_bytes(line))
        self._next += 1
        return outcome


class ReplayBroker(Door):
    """Answers from a recording, in order. Errors: ``ReplayDiverged``, ``RecordingEnded``, ``Corrupt``.

    *lines*: with or without their newline; an unterminated last line was never answered, and whoever reads
    the file drops it.
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = [line.rstrip(b"\n") + b"\n" for line in lines]
        self._at = 0

    @property
    def unasked(self) -> int:
        """Recorded calls that the replay has not made: above 0 at its end, it did less than was recorded."""
        return len(self._lines) - self._at

    def _call(self, op: str, request: Any) -> Any:
        if self._at >= len(self._lines):
            raise RecordingEnded(f"call {self._at + 1}, {op}: the recording holds {len(self._lines)}")
        try:
            line = parse_canonical_line(self._lines[self._at])
        except Malformed as error:
            raise Corrupt(CycleFault.REPLAY_DIVERGED, f"recorded call {self._at + 1}: {error}") from error
        self._at += 1
        asked = {"n": self._at, "op": op, "request": _dump(op, 0, request)}
        recorded = {key: line.get(key) for key in asked}
        difference = first_difference(recorded, asked)
        if difference is not None:
            raise ReplayDiverged(self._at, difference.pointer, difference.expected, difference.actual)
        try:
            return _adapter(op, 1).validate_python(line["outcome"])
        except (ValidationError, KeyError) as error:
            raise Corrupt(CycleFault.REPLAY_DIVERGED, f"recorded call {self._at}: {error}") from error


@cache
def _adapter(op: str, which: int) -> TypeAdapter[Any]:
    return TypeAdapter(_OPS[op][which])


def _dump(op: str, which: int, value: Any) -> Any:
    return None if value is None else _adapter(op, which).dump_python(value, mode="json", by_alias=True)
