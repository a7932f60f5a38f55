"""Between a sound exchange and its caller anything may go wrong, and the exchange stays sound.

``FaultyBroker`` stands at the port. It loses, doubles, delays and distorts what passes, by its plan; what truly
happened is the exchange's own affair, so a simulation can compare the two.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Protocol

from execution_v2.broker.port import (
    Broker,
    CancelOrder,
    Confirmed,
    Denied,
    Found,
    LookUp,
    NotFound,
    Outcome,
    ReadFailed,
    Rejected,
    ReplaceOrder,
    Seen,
    SubmitOrder,
    Unresolved,
)
from execution_v2.broker.recorded import Door
from market.feed import Feed
from schemas.book import Side
from schemas.ids import content_id
from schemas.observations import BrokerOrder, OrderUpdate
from schemas.reasons.execution import BrokerCode, LineCode
from simulation.chance import Chance
from simulation.fault_plan import POSSIBLE, Fault, FaultPlan

F = Fault
TIMEOUT_S: Final = 5.0
"""How long a caller waits for an answer that does not come."""
LATE_S: Final = (0.5, 4.0)
"""How long after the caller gave up a late request lands: within the 5 s that a proof of absence takes."""
HALT_S: Final = (60, 1800)
BURST: Final = 3
"""The most calls in a row that one burst or one silence takes."""
_REMEMBERED: Final = 6
_SPREAD: Final = frozenset({"day_bars", "bars", "calendar"})
"""Operations whose request is a tuple of arguments."""


class Outside(Broker, Feed, Protocol):
    """Broker and feed in one."""


class Hand(Protocol):
    """The hand behind the scenes: what happens at the venue itself (``IntradayExchange``)."""

    def print_through(self, order_id: str, quantity: Decimal | None, now: datetime) -> bool: ...

    def kill(self, order_id: str, now: datetime) -> bool: ...

    def halt(self, symbol: str, now: datetime) -> None: ...

    def resume(self, symbol: str, now: datetime) -> None: ...


class FaultyBroker(Door):
    """*inner* with what *plan* does to it.

    Args:
        now, wait: the simulation's clock, and how a caller that hears nothing lets its time-out pass.
        hand: the venue, for the faults that happen there; without it these do not.
    Attributes: number (of calls so far), counts (faults that took effect, by kind).
    """

    def __init__(
        self,
        inner: Outside,
        plan: FaultPlan,
        now: Callable[[], datetime],
        wait: Callable[[float], None],
        hand: Hand | None = None,
    ) -> None:
        self._inner = inner
        self._plan = plan
        self._clock = now
        self._wait = wait
        self._hand = hand
        self.number = 0
        self.counts: Counter[Fault] = Counter()
        self._places: Counter[str] = Counter()
        self._past: dict[tuple[str, Any], deque[Seen[Any]]] = defaultdict(lambda: deque(maxlen=_REMEMBERED))
        self._late: list[tuple[datetime, str, Any]] = []
        self._halted: list[tuple[datetime, str]] = []
        self._bursts: dict[tuple[Fault, str], int] = {}
        self._ghosts: dict[str, BrokerOrder] = {}
        self._kept_back: tuple[OrderUpdate, ...] = ()
        self._is_fresh = True

    def _call(self, op: str, request: Any) -> Any:
        if op == "now":
            return self._clock()
        if op == "capabilities":
            return self._inner.capabilities()
        self.number += 1
        self._overdue()
        symbol = self._symbol(request)
        names = [op] if symbol is None else [op, symbol, f"{op}/{symbol}"]
        self._places.update(names)
        how = self._plan.how(self.number)
        fault = self._burst(op, symbol or "")
        self._is_fresh = fault is None
        if fault is None:
            fault = self._plan.at(self.number, op, {name: self._places[name] for name in names})
        if fault is not None:
            disturbed = self._disturbed(fault, op, request, how)
            if disturbed is not None:
                self.counts[fault] += 1
                return disturbed
        return self._ask(op, request)

    def _disturbed(self, fault: Fault, op: str, request: Any, how: Chance) -> Any:
        """The answer under *fault*; None if it cannot happen here, and then nothing has."""
        if fault not in POSSIBLE[op]:
            return None
        if op in ("submit", "replace", "cancel"):
            return self._write(fault, op, request, how)
        if op == "updates":
            return self._stream(fault, how)
        return self._read(fault, op, request, how)

    # -- requests --------------------------------------------------------------------------------------------

    def _write(self, fault: Fault, op: str, request: Any, how: Chance) -> Outcome | None:
        match fault:
            case F.NOT_SENT:
                return Denied(code=LineCode.NOT_SENT)
            case F.REQUEST_LOST:
                return self._unheard(LineCode.ANSWER_LOST)
            case F.ACCEPTED_504:
                self._ask(op, request)
                return Unresolved(cause=f"{LineCode.BROKER_ERRED}: HTTP 504", sent="yes")
            case F.ACK_LOST:
                self._ask(op, request)
                return self._unheard(LineCode.ANSWER_LOST)
            case F.BODY_CUT:
                self._ask(op, request)
                return Unresolved(cause=LineCode.ANSWER_UNREADABLE, sent="yes")
            case F.RESET:
                if how.happens(0.5):
                    self._ask(op, request)
                return Unresolved(cause=f"{LineCode.ANSWER_LOST}: connection reset", sent="maybe")
            case F.STALL:
                answer = self._unheard(LineCode.ANSWER_LOST)
                if how.happens(0.5):
                    self._ask(op, request)
                return answer
            case F.LATE_ARRIVAL:
                answer = self._unheard(LineCode.ANSWER_LOST)
                self._late.append((self._clock() + timedelta(seconds=how.between(*LATE_S)), op, request))
                return answer
            case F.DUPLICATE_ACK:
                first: Outcome = self._ask(op, request)
                self._ask(op, request)
                return first
            case F.DUPLICATE_ID:
                self._ask(op, request)
                second: Outcome = self._ask(op, request)
                return second
            case F.RATE_LIMITED:
                return Rejected(reason=BrokerCode.RATE_LIMITED, raw=str(1 + how.below(5)))
        return self._refused(fault, request, how) or self._at_venue(fault, op, request, how)

    def _refused(self, fault: Fault, request: Any, how: Chance) -> Rejected | None:
        """A refusal that comes in bursts."""
        if not isinstance(request, SubmitOrder):
            return None
        if fault is F.HELD_BURST and request.side is Side.SELL:
            self._go_on(fault, request.symbol, how)
            return Rejected(reason=BrokerCode.INSUFFICIENT_QTY_HELD, raw="available: 0")
        if fault is F.REJECT_BURST:
            self._go_on(fault, "", how)
            return Rejected(reason=BrokerCode.BROKER_REJECTED, raw="try again later")
        return None

    def _at_venue(self, fault: Fault, op: str, request: Any, how: Chance) -> Outcome | None:
        """What happens at the venue around a request that arrives."""
        if fault is F.REPLACE_REJECTED_LATER and isinstance(request, ReplaceOrder):
            return self._ghost(request)
        hand, now = self._hand, self._clock()
        if hand is None:
            return None
        if isinstance(request, SubmitOrder):
            return self._venue_submit(fault, request, how, hand)
        before = self._inner.lookup(LookUp(order_id=request.order_id))
        if not isinstance(before, Found) or not before.order.is_working:
            return None
        order = before.order
        part = None if how.happens(0.5) else _some(order, how)
        if fault is F.FILL_AFTER_CANCEL_ACK:
            if not hand.print_through(order.order_id, part, now):
                return None
            self._ask(op, request)
            return Confirmed(order=order.model_copy(update={"status": "cancelled"}))
        if fault in (F.FILLED_BEFORE_CANCEL, F.REPLACE_FILLS_FIRST):
            if not hand.print_through(order.order_id, None, now):
                return None
            answer: Outcome = self._ask(op, request)
            return answer
        return None

    def _venue_submit(self, fault: Fault, request: SubmitOrder, how: Chance, hand: Hand) -> Outcome | None:
        now = self._clock()
        if fault is F.HALT:
            hand.halt(request.symbol, now)
            self._halted.append((now + timedelta(seconds=how.between(*HALT_S)), request.symbol))
            halted: Outcome = self._ask("submit", request)
            return halted
        if fault is not F.PARTIAL_THEN_REJECT:
            return None
        answer: Outcome = self._ask("submit", request)
        if isinstance(answer, Confirmed) and answer.order.is_working:
            hand.print_through(answer.order.order_id, _some(answer.order, how), now)
            hand.kill(answer.order.order_id, now)
        return answer

    def _ghost(self, request: ReplaceOrder) -> Outcome | None:
        """Take a replacement that will have been rejected whenever somebody looks."""
        before = self._inner.lookup(LookUp(order_id=request.order_id))
        if not isinstance(before, Found) or before.order.status != "open":
            return None
        changes = {
            "order_id": content_id("xg_", request.client_order_id),
            "client_order_id": request.client_order_id,
            "quantity": request.quantity,
            "filled": Decimal(0),
            "limit": before.order.limit if request.limit is None else request.limit,
            "stop": before.order.stop if request.stop is None else request.stop,
            "replaces": before.order.order_id,
        }
        new = before.order.model_copy(update={**changes, "status": "accepted"})
        self._ghosts[new.client_order_id] = new.model_copy(update={"status": "rejected"})
        return Confirmed(order=new)

    def _unheard(self, cause: str) -> Unresolved:
        self._wait(TIMEOUT_S)
        return Unresolved(cause=cause, sent="maybe")

    # -- reads -----------------------------------------------------------------------------------------------

    def _read(self, fault: Fault, op: str, request: Any, how: Chance) -> Any:
        if fault is F.READ_FAILED:
            return ReadFailed(cause=LineCode.ANSWER_LOST)
        if fault is F.STALL:
            self._wait(TIMEOUT_S)
            return ReadFailed(cause=LineCode.ANSWER_LOST)
        if fault is F.NOT_SEEN_YET:
            return NotFound()
        past = self._past.get((op, request))
        if fault in (F.STALE_OLD, F.STALE_FRESH):
            if not past:
                return None
            old = how.pick(past)
            return old if fault is F.STALE_OLD else replace(old, as_of=self._clock())
        answer = self._ask(op, request)
        if not isinstance(answer, Seen):
            return None
        if fault is F.EMPTY:
            return replace(answer, value=())
        if fault is F.PARTIAL_PAGE and isinstance(answer.value, tuple):
            return replace(answer, value=answer.value[: len(answer.value) // 2])
        if fault is F.CLOCK_SKEW:
            shifted = answer.value.now + timedelta(seconds=how.between(-90, 90))
            return replace(answer, value=answer.value.model_copy(update={"now": shifted}))
        return None

    def _stream(self, fault: Fault, how: Chance) -> Any:
        """What the stream brings under *fault*; before its first call there is none that could fail."""
        if fault is F.UPDATES_LATE:
            answer = self._inner.updates()
            if isinstance(answer, Seen):
                self._kept_back = (*self._kept_back, *answer.value)
                return replace(answer, value=())
            return answer
        if fault in (F.STREAM_MUTE, F.STREAM_DOWN):
            self._go_on(fault, "", how)
        answer = self._ask("updates", None)
        if not isinstance(answer, Seen):
            return answer
        rows = answer.value
        match fault:
            case F.UPDATES_DOUBLED:
                return replace(answer, value=(*rows, *rows))
            case F.UPDATES_REORDERED:
                return replace(answer, value=rows[::-1])
            case F.UPDATES_DROPPED:
                lost = how.below(len(rows) + 1)
                return replace(answer, value=(*rows[:lost], *rows[lost + 1 :]))
            case F.STREAM_MUTE:
                return replace(answer, value=())
            case F.STREAM_DOWN:
                return ReadFailed(cause=LineCode.STREAM_DOWN)
        return None

    # -- what passes undisturbed -----------------------------------------------------------------------------

    def _ask(self, op: str, request: Any) -> Any:
        """Hand *request* on, and remember what a read answered."""
        if op in ("submit", "replace") and request.client_order_id in self._ghosts:
            return Rejected(reason=BrokerCode.DUPLICATE_CLIENT_ID, raw="client_order_id must be unique")
        if op == "lookup" and (ghost := self._ghost_of(request)) is not None:
            return Found(order=ghost)
        ask = getattr(self._inner, op)
        answer = ask() if request is None else ask(*request) if op in _SPREAD else ask(request)
        if op == "updates" and isinstance(answer, Seen) and self._kept_back:
            answer = replace(answer, value=(*self._kept_back, *answer.value))
            self._kept_back = ()
        elif op != "updates" and isinstance(answer, Seen):
            self._past[op, request].append(answer)
        return answer

    def _ghost_of(self, request: LookUp) -> BrokerOrder | None:
        if request.client_order_id is not None:
            return self._ghosts.get(request.client_order_id)
        return next((each for each in self._ghosts.values() if each.order_id == request.order_id), None)

    def _overdue(self) -> None:
        """Let land what was under way, and trade again what was halted long enough."""
        now = self._clock()
        due = [each for each in self._late if each[0] <= now]
        self._late = [each for each in self._late if each[0] > now]
        for _, op, request in due:
            self._ask(op, request)
        for at, symbol in [each for each in self._halted if each[0] <= now]:
            self._halted.remove((at, symbol))
            if self._hand is not None and all(name != symbol for _, name in self._halted):
                self._hand.resume(symbol, now)

    def _burst(self, op: str, symbol: str) -> Fault | None:
        """The fault that goes on from an earlier call, if one does."""
        wanted = "updates" if op == "updates" else "submit"
        for (fault, where), left in tuple(self._bursts.items()):
            is_stream = fault in (F.STREAM_MUTE, F.STREAM_DOWN)
            if op == wanted and is_stream == (op == "updates") and where in ("", symbol):
                self._bursts[fault, where] = left - 1
                if left <= 1:
                    del self._bursts[fault, where]
                return fault
        return None

    def _go_on(self, fault: Fault, where: str, how: Chance) -> None:
        """Begin a burst, unless this call is part of one."""
        more = how.below(BURST)
        if self._is_fresh and more:
            self._bursts[fault, where] = more

    def _symbol(self, request: Any) -> str | None:
        if isinstance(request, SubmitOrder):
            return request.symbol
        if isinstance(request, (ReplaceOrder, CancelOrder)):
            found = self._inner.lookup(LookUp(order_id=request.order_id))
            return found.order.symbol if isinstance(found, Found) else None
        return None


def _some(order: BrokerOrder, how: Chance) -> Decimal:
    """A part of what has not filled, one share at least."""
    return Decimal(1 + how.below(max(1, int(order.quantity - order.filled) - 1)))
