"""What a stop's confirmation changed is told in the same append; where a crash cut that, the next cycle tells it.

An append keeps whole lines from its front. So a journal may end with a confirmation whose second line never
arrived; the state is whole then, and only the telling is missing.
"""

from collections.abc import Sequence
from decimal import Decimal

from execution_v2.reduce import Fold, fold_records
from schemas.book import BookState, Leg, Order, OrderState
from schemas.events import StopEvent
from schemas.journal import JournalRecord
from schemas.reasons.execution import StopCode

StopFact = tuple[str, StopEvent]


def stop_fact(fold: Fold, order: Order) -> tuple[StopFact, ...]:
    """What it changes that the broker now holds *order*, *fold* being the book before; none but for a stop."""
    if order.leg is not Leg.STOP:
        return ()
    held = fold.positions.get(order.position_id)
    before = held.stop_price if held is not None else None
    if order.replaces is None:
        event = "stop.placed"
    elif before is None or order.stop is None or order.stop > before:
        event = "stop.ratcheted"
    else:
        event = "stop.resized"
    return ((event, stop_event(fold, order, order.reason)),)


def stop_event(fold: Fold, order: Order, reason: str) -> StopEvent:
    """What became of the stop *order*, *fold* being the book before."""
    held = fold.positions.get(order.position_id)
    is_lost = reason == StopCode.STOP_LOST
    return StopEvent(
        position_id=order.position_id,
        strategy_id=order.strategy_id,
        sleeve_id=order.sleeve_id,
        symbol=order.symbol,
        quantity=Decimal(0) if is_lost else order.quantity,
        stop_before=held.stop_price if held is not None else None,
        stop_after=None if is_lost else order.stop,
        basis=order.basis,
        reason=reason,
    )


def untold(carried: BookState, records: Sequence[JournalRecord]) -> tuple[StopFact, ...]:
    """The fact that the session's *records* end without: their last append was cut after its first line."""
    mine = [record for record in records if record.cycle is not None]
    if not mine:
        return ()
    last = mine[-1]
    name = last.data.get("successor_ord_id" if last.event == "order.replaced" else "ord_id")
    is_found = last.event == "order.resolved" and last.data["state"] == OrderState.LIVE
    if last.event not in ("order.confirmed", "order.replaced") and not is_found:
        return ()
    before = Fold(fold_records(carried, [record for record in records if record.seq < last.seq]))
    order = before.order(str(name))
    # One that had the broker's id was known to stand before: it was looked up for its end, and changed nothing.
    return () if order is None or order.order_id is not None else stop_fact(before, order)
