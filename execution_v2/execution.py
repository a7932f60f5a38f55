"""``execution.json`` is what the journal says that a cycle did: orders, fills, denials, and what differs."""

from collections.abc import Sequence
from typing import Any, TypeVar

from execution_v2.panel import UNTOLD, Panel
from execution_v2.reduce import state_digest
from execution_v2.transitions import UNKNOWN
from schemas.base import Fact
from schemas.book import BookState, Order
from schemas.cycle import Execution, OrderLine
from schemas.events import (
    EVENTS,
    ActionApplied,
    CycleBegan,
    CycleEnded,
    EntriesBlocked,
    EntryAuthorised,
    EntryDenied,
    IllegalTransition,
    OrderFilled,
    PositionFailed,
    PositionMarked,
    SyncChecked,
)
from schemas.journal import JournalRecord

T = TypeVar("T", bound=Fact)


def run(
    records: Sequence[JournalRecord], state_before: BookState, state_after: BookState, panel: Panel = UNTOLD
) -> Execution:
    """Fold the *records* of one cycle; the states are the book before its first and after its last.

    panel: ``panel.of`` of *state_after*.
    """
    began = of(records, "cycle.began", CycleBegan)
    ended = of(records, "cycle.ended", CycleEnded)
    orders = {o.ord_id: o for o in (*state_after.orders, *state_after.ended_today)}
    causes: dict[str, str] = {}
    for record in records:
        if record.event.startswith("order."):
            for name in _named(record.data):
                causes.setdefault(name, "")
                said = record.data.get("cause") or record.data.get("reason")
                if record.event in _SAYING and said is not None:
                    causes[name] = str(said)
    return Execution(
        slot=began[0].slot if began else "",
        kind=began[0].kind if began else "",
        first_seq=records[0].seq if records else None,
        last_seq=records[-1].seq if records else None,
        state_before_sha256=state_digest(state_before),
        state_after_sha256=state_digest(state_after),
        blocked=tuple(code for row in of(records, "entries.blocked", EntriesBlocked) for code in row.codes),
        authorised=of(records, "entry.authorised", EntryAuthorised),
        denied=of(records, "entry.denied", EntryDenied),
        orders=tuple(_line(orders[name], cause) for name, cause in causes.items() if name in orders),
        fills=of(records, "order.filled", OrderFilled),
        actions=of(records, "action.applied", ActionApplied),
        marks=of(records, "position.marked", PositionMarked),
        sync=of(records, "sync.checked", SyncChecked),
        faults=of(records, "position.failed", PositionFailed),
        illegal=of(records, "order.illegal_transition", IllegalTransition),
        unresolved=tuple(o.ord_id for o in state_after.orders if o.state in UNKNOWN),
        carried=ended[-1].carried if ended else (),
        posture=panel.posture,
        lifecycle=panel.lifecycle,
    )


def of(records: Sequence[JournalRecord], event: str, model: type[T]) -> tuple[T, ...]:
    """The data of every record of *event*, in order."""
    assert EVENTS[event] is model, "an event has one model"
    return tuple(model.model_validate(record.data) for record in records if record.event == event)


_SAYING = frozenset(
    {
        "order.rejected",
        "order.unresolved",
        "order.resolved",
        "order.replace_rejected",
        "order.ended",
        "order.cancelling",
    }
)
"""Events whose cause or reason says how the order came to stand where it stands."""


def _named(data: dict[str, Any]) -> list[str]:
    """Every order that a record is about, the announced one included."""
    names = [data.get("ord_id"), data.get("successor_ord_id")]
    names += [order["ord_id"] for key in ("order", "successor") if (order := data.get(key))]
    return [str(name) for name in names if name]


def _line(order: Order, cause: str) -> OrderLine:
    return OrderLine.model_validate({name: _value(order, name, cause) for name in OrderLine.model_fields})


def _value(order: Order, name: str, cause: str) -> Any:
    return cause if name == "cause" else getattr(order, name)
