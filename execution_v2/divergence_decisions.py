"""A decision that its own inputs do not lead to was not made by the rules: each is derived again, and compared.

Asked of one record at a time, against the shadow's fold as of just before it. Entries, their gates, the router, posture
and lifecycle; each as far as records carry what it was decided on.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final

from execution_v2.divergence import Found
from execution_v2.gates.facts import Phase
from execution_v2.gates.table import GATES
from execution_v2.reduce import Fold
from execution_v2.router import Desired, RouteInputs, route
from ledger.canonical import first_difference, plain
from schemas.book import Leg, OrderState, RiskClass
from schemas.events import (
    EntryAuthorised,
    EntryDenied,
    GateVerdict,
    OrderSubmitting,
    RouterDecided,
    TickTaken,
)
from schemas.journal import JournalRecord
from schemas.lifecycle import Lifecycle, LifecycleState
from schemas.posture import PostureState
from schemas.tick import DivergenceCategory, Posture

Step = Callable[[Fold, TickTaken], tuple[PostureState, LifecycleState]]
"""Where a tick leads: posture and lifecycle after it, from the fold as of just before it, which it leaves as it is."""

ASKED: Final = tuple(gate.name for gate in GATES if Phase.S in gate.phases)
"""The gates of a send, in the order of their verdicts."""
_ENTRY: Final = "ENTRY"
"""Reason of an order that an authorised entry became."""
_SHUT_POSTURES: Final = frozenset({Posture.ORANGE, Posture.RED})
_OPEN_STATES: Final = frozenset({Lifecycle.ACTIVE, Lifecycle.THROTTLED})


class Decisions:
    """What was decided in the journal's records, derived again. *step*: None until cycles take ticks."""

    def __init__(self, step: Step | None = None) -> None:
        self._step = step
        self._authorised: dict[tuple[str | None, str], EntryAuthorised] = {}

    def check(self, before: Fold, record: JournalRecord) -> Iterator[Found]:
        """What of *record* does not follow. *before*: the fold without it."""
        match record.event:
            case "entry.authorised":
                yield from self._entry(before, record, EntryAuthorised.model_validate(record.data))
            case "entry.denied":
                yield from _denied(record, EntryDenied.model_validate(record.data))
            case "order.submitting" if _is_entry(record):
                yield from self._sent(record, OrderSubmitting.model_validate(record.data))
            case "router.decided":
                yield from _routed(before, record, RouterDecided.model_validate(record.data))
            case "tick.taken":
                yield from self._ticked(before, record, TickTaken.model_validate(record.data))

    def _entry(self, before: Fold, record: JournalRecord, data: EntryAuthorised) -> Iterator[Found]:
        self._authorised[record.cycle, data.intent_id] = data
        yield from _gates(record, data.intent_id, data.gates)
        for row in data.gates:
            if not row.passed:
                yield _wrong(record, data.intent_id, f"/gates/{row.gate}", "a denial", "authorised")
        for pointer, why in _shut(before, data):
            yield _wrong(record, data.intent_id, pointer, f"a denial: {why}", "authorised")

    def _sent(self, record: JournalRecord, data: OrderSubmitting) -> Iterator[Found]:
        """An entry leaves as it was authorised in the same cycle, or not at all."""
        order = data.order
        asked = self._authorised.get((record.cycle, order.intent_id))
        if asked is None:
            yield _wrong(record, order.intent_id, "/order", "an authorisation of this cycle", "sent without")
        elif (asked.quantity, asked.limit) != (order.quantity, order.limit):
            told = f"{asked.quantity} at {asked.limit}"
            yield _wrong(record, order.intent_id, "/order", told, f"{order.quantity} at {order.limit}")

    def _ticked(self, before: Fold, record: JournalRecord, data: TickTaken) -> Iterator[Found]:
        """Posture and lifecycle follow from what they were and from what the tick measured."""
        if self._step is None:
            return
        posture, lifecycle = self._step(before, data)
        for name, again, told in (
            ("posture", posture, data.posture),
            ("lifecycle", lifecycle, data.lifecycle),
        ):
            parting = None if again == told else first_difference(plain(again), plain(told))
            if parting is not None:
                where = f"/{name}{parting.pointer}"
                yield _wrong(record, name, where, str(parting.expected), str(parting.actual))


def _is_entry(record: JournalRecord) -> bool:
    """Whether the order that *record* announces is an entry of ours; one that was found names what it was found as."""
    order = record.data.get("order")
    return isinstance(order, dict) and (order.get("leg"), order.get("reason")) == (Leg.ENTRY, _ENTRY)


def _gates(record: JournalRecord, subject: str, gates: tuple[GateVerdict, ...]) -> Iterator[Found]:
    """Every gate of a send was asked, in order, and each verdict follows from its findings."""
    asked = tuple(row.gate for row in gates)
    if asked != ASKED:
        yield _wrong(record, subject, "/gates", ", ".join(ASKED), ", ".join(asked))
    for row in gates:
        if row.passed is bool(row.findings):
            told = "passed" if row.passed else "failed"
            wanted = "failed" if row.findings else "passed"
            yield _wrong(record, subject, f"/gates/{row.gate}/passed", wanted, told)


def _denied(record: JournalRecord, data: EntryDenied) -> Iterator[Found]:
    """The first gate that failed names the denial; without gates a check before them said no."""
    if not data.gates:
        return
    yield from _gates(record, data.intent_id, data.gates)
    first = next((row for row in data.gates if row.findings), None)
    code = "none: every gate passed" if first is None else first.findings[0].code
    if code != data.code:
        yield _wrong(record, data.intent_id, "/code", code, data.code)


def _shut(before: Fold, data: EntryAuthorised) -> Iterator[tuple[str, str]]:
    """Gates whose inputs the journal itself holds, asked again: (gate, what it would have said)."""
    if before.killed:
        yield "/gates/kill_switch", "the switch is set"
    if before.ticked is not None and before.posture.posture in _SHUT_POSTURES:
        yield "/gates/posture", before.posture.posture
    if before.ticked is not None and before.lifecycle.state not in _OPEN_STATES:
        yield "/gates/lifecycle", before.lifecycle.state
    who = (data.strategy_id, data.symbol)
    mine = [order for order in before.orders.values() if order.symbol == data.symbol]
    if data.symbol in before.quarantined:
        yield "/gates/quarantine", "the symbol is in quarantine"
    elif any(order.state is OrderState.FROZEN for order in mine):
        yield "/gates/quarantine", "an order of the symbol is FROZEN"
    if any((p.strategy_id, p.symbol) == who for p in before.positions.values()):
        yield "/gates/repetition", "the position is open"
    if any(order.leg is Leg.ENTRY and order.strategy_id == data.strategy_id for order in mine):
        yield "/gates/repetition", "an entry works"


def _routed(before: Fold, record: JournalRecord, data: RouterDecided) -> Iterator[Found]:
    """The router's row again, from the wish and the facts that stand beside it."""
    facts = data.facts
    if facts is None:
        return  # written before records carried them
    existing = None if facts.existing is None else before.order(facts.existing)
    if facts.existing is not None and existing is None:
        yield _wrong(record, data.position_id, "/facts/existing", "an order of ours", facts.existing)
        return
    wish = Desired(
        leg=Leg(data.leg),
        side=facts.side,
        order_type=facts.order_type,
        time_in_force=facts.time_in_force,
        quantity=Decimal(facts.quantity),
        limit=facts.limit,
        stop=facts.stop,
    )
    again = route(
        RouteInputs(
            desired=wish,
            existing=existing,
            risk=RiskClass(data.risk_class),
            bound=facts.bound,
            renews=facts.renews,
            is_ready=facts.is_ready,
            has_budget=facts.has_budget,
            is_halted=facts.is_halted,
        )
    )
    if (again.route, again.reason) != (data.decision, data.reason):
        told = f"{data.decision} {data.reason}"
        yield _wrong(record, data.position_id, "/decision", f"{again.route} {again.reason}", told)


def _wrong(record: JournalRecord, subject: str, pointer: str, expected: str, actual: str) -> Found:
    return Found(
        category=DivergenceCategory.DECISION,
        subject=f"{record.event}:{subject}",
        seq=record.seq,
        pointer=pointer,
        expected=expected,
        actual=actual,
    )
