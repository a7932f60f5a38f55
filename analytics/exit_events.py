"""Every change on the way out of a position is one event, numbered from its first to its last.

Derived from the journal (strategy.md 9.5): what the stop did, when a trim or exit was ordered, each fill that sold,
and what left without one, at no price. The quantities of a position's ``EXIT_FILLED`` events sum to what it sold.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from analytics.exact import divided
from analytics.trip import Trip
from schemas.base import SessionDate
from schemas.book import Leg
from schemas.events import (
    ActionApplied,
    OrderFilled,
    OrderSubmitting,
    PositionAdjusted,
    PositionMarked,
    StopEvent,
)
from schemas.ids import exit_event_id
from schemas.journal import JournalRecord
from schemas.market import ActionKind
from schemas.reasons.scan import ExitEventType
from schemas.trades import ExitEvent, Fill

BROKER: Final = "broker"
_BY_EVENT: Final = {
    "stop.placed": ExitEventType.STOP_INITIAL,
    "stop.ratcheted": ExitEventType.STOP_RATCHET,
    "stop.held": ExitEventType.STOP_HELD,
    "stop.resized": ExitEventType.STOP_HELD,
}
"""Where the record's own reason is no type. A lost stop is an incident of its cycle, not an exit event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What one record says, before it is numbered."""

    kind: ExitEventType
    position_id: str
    at: datetime
    phase: str
    quantity: Decimal
    reason: str
    intent_id: str | None = None
    order_id: str | None = None
    price: Decimal | None = None
    stop_before: Decimal | None = None
    stop_after: Decimal | None = None
    basis: str | None = None
    high_water: Decimal | None = None


def exit_events(
    session: SessionDate,
    records: Sequence[JournalRecord],
    fills: Sequence[Fill],
    trips: Sequence[Trip],
    owner: Mapping[str, Trip],
    gone: Mapping[str, Decimal],
    source: str,
) -> tuple[ExitEvent, ...]:
    """The session's events, sorted by (symbol, position_id, sequence); raises each trip's count by its own.

    owner: by fill id, the trip of which the fill closed shares. gone: by the id of their event, shares that left
    without a fill and that no later sale explained. ``average_entry`` is that of the end of the session;
    ``high_water`` as last marked in it before the event.
    """
    by_position = {trip.position_id: trip for trip in trips}
    booked = {fill.fill_id: fill for fill in fills}
    events: list[ExitEvent] = []
    for told in _tell(records, booked, owner, gone):
        trip = by_position.get(told.position_id)
        if trip is None:
            continue  # a stop record of a position whose entry never filled
        trip.events += 1
        events.append(
            ExitEvent(
                event_id=exit_event_id(trip.position_id, trip.events),
                event_type=told.kind,
                strategy_id=trip.strategy_id,
                sleeve_id=trip.sleeve_id,
                symbol=trip.symbol,
                position_id=trip.position_id,
                trade_id=trip.trade_id,
                intent_id=told.intent_id or trip.intent_id,
                order_id=told.order_id,
                sequence=trip.events,
                at=told.at,
                session_date=session,
                phase=told.phase,
                quantity=told.quantity,
                price=told.price,
                stop_before=told.stop_before,
                stop_after=told.stop_after,
                stop_basis=told.basis,
                reason=told.reason,
                average_entry=trip.average_entry if trip.quantity_opened else None,
                high_water=told.high_water,
                source=source,
            )
        )
    return tuple(sorted(events, key=lambda e: (e.symbol, e.position_id, e.sequence)))


def _tell(
    records: Sequence[JournalRecord],
    booked: Mapping[str, Fill],
    owner: Mapping[str, Trip],
    gone: Mapping[str, Decimal],
) -> Iterator[_Told]:
    seen: set[str] = set()
    high: dict[str, Decimal | None] = {}
    for record in records:
        # The slot, not the folder: a cycle run again after a crash (0935-2) tells the same events.
        phase = (record.cycle or BROKER).partition("-")[0]
        if record.event == "position.marked":
            mark = PositionMarked.model_validate(record.data)
            high[mark.position_id] = mark.high_water
        elif record.event in _BY_EVENT:
            yield _of_stop(record, phase, high)
        elif record.event == "order.submitting":
            order = OrderSubmitting.model_validate(record.data).order
            if order.leg in (Leg.TRIM, Leg.EXIT) and order.ord_id not in seen:
                seen.add(order.ord_id)
                yield _Told(
                    kind=_kind(order.reason, ExitEventType.EXIT_STOP),
                    position_id=order.position_id,
                    at=record.ts,
                    phase=phase,
                    quantity=order.quantity,
                    reason=order.reason,
                    intent_id=order.intent_id,
                    order_id=order.ord_id,
                    price=order.limit,
                    high_water=high.get(order.position_id),
                )
        elif record.event == "action.applied":
            action = ActionApplied.model_validate(record.data)
            if action.kind == ActionKind.DELISTING and action.position_id and action.event_id not in seen:
                seen.add(action.event_id)
                yield _of_delisting(action, action.position_id, record, phase, high)
        elif record.event == "position.adjusted":
            adjusted = PositionAdjusted.model_validate(record.data)
            if adjusted.event_id in gone and adjusted.event_id not in seen:
                seen.add(adjusted.event_id)
                yield _of_transfer(adjusted, gone[adjusted.event_id], phase, high)
        elif record.event == "order.filled":
            data = OrderFilled.model_validate(record.data)
            fill = booked.get(data.fill_id)
            # Told once by its first record: a fill that is told again, alike or not, closed nothing more.
            if fill is not None and data.fill_id in owner and data.fill_id not in seen:
                yield from _of_fill(fill, owner[data.fill_id], phase, high, data.ord_id not in seen)
                seen.update((data.fill_id, data.ord_id))


def _of_stop(record: JournalRecord, phase: str, high: Mapping[str, Decimal | None]) -> _Told:
    stop = StopEvent.model_validate(record.data)
    return _Told(
        kind=_kind(stop.reason, _BY_EVENT[record.event]),
        position_id=stop.position_id,
        at=record.ts,
        phase=phase,
        quantity=stop.quantity,
        reason=stop.reason,
        price=stop.last,
        stop_before=stop.stop_before,
        stop_after=stop.stop_after,
        basis=stop.basis,
        high_water=high.get(stop.position_id),
    )


def _of_delisting(
    action: ActionApplied,
    position_id: str,
    record: JournalRecord,
    phase: str,
    high: Mapping[str, Decimal | None],
) -> _Told:
    held = Decimal(action.quantity_before or 0)
    return _Told(
        kind=ExitEventType.EXIT_DELISTING,
        position_id=position_id,
        at=record.ts,
        phase=phase,
        quantity=held,
        reason=ExitEventType.EXIT_DELISTING,
        price=divided(action.cash, held, 4) if held else None,
        high_water=high.get(position_id),
    )


def _of_transfer(
    data: PositionAdjusted, shares: Decimal, phase: str, high: Mapping[str, Decimal | None]
) -> _Told:
    """Shares are gone, and nobody saw them sold: there is no price, and none is made up."""
    return _Told(
        kind=ExitEventType(data.kind),
        position_id=data.position_id,
        at=data.at,
        phase=phase,
        quantity=shares,
        reason=data.kind,
        high_water=high.get(data.position_id),
    )


def _of_fill(
    fill: Fill, trip: Trip, phase: str, high: Mapping[str, Decimal | None], is_first: bool
) -> Iterator[_Told]:
    """A stop that fired at the broker is the decision and its execution in one: two events."""
    closed = sum((m.quantity for m in trip.matches if m.exit_fill_id == fill.fill_id), Decimal(0))
    fired = fill.reason.startswith("STOP_")
    reason = ExitEventType.EXIT_STOP if fired else fill.reason
    kinds = [ExitEventType.EXIT_STOP] if fired and is_first else []
    for kind in (*kinds, ExitEventType.EXIT_FILLED):
        yield _Told(
            kind=kind,
            position_id=trip.position_id,
            at=fill.executed_at,
            phase=phase,
            quantity=closed,
            reason=str(reason),
            intent_id=fill.intent_id,
            order_id=fill.order_id,
            price=fill.price,
            high_water=high.get(trip.position_id),
        )


def _kind(reason: str, otherwise: ExitEventType) -> ExitEventType:
    return ExitEventType(reason) if reason in set(ExitEventType) else otherwise
