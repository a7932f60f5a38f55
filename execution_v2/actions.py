"""A split changes shares and levels, a dividend cash, a new symbol a name; each counts once, before fills."""

from decimal import ROUND_FLOOR, Decimal
from typing import Final

from execution_v2.desk import Desk
from execution_v2.splits import split_quantity
from market.feed import Seen
from schemas.book import Position
from schemas.events import ActionApplied
from schemas.market import ActionKind
from schemas.observations import CorporateEvent
from schemas.strategy_registry import EXTERNAL

_AMOUNT: Final = Decimal("0.000001")


def import_events(desk: Desk) -> None:
    """Book every corporate event of the session that is not booked yet, in the broker's order."""
    events = desk.ports.broker.events(desk.inputs.session_date)
    if not isinstance(events, Seen):
        desk.blind.add("events")
        return
    if desk.passes_time and any(event.ratio_num is not None for event in events.value):
        desk.import_fills(earlier_only=True)  # what filled before the split counts in shares of before it
    for event in events.value:
        book_event(desk, event)


def book_event(desk: Desk, event: CorporateEvent) -> None:
    """Book *event* on the positions of its symbol, if it is not booked yet."""
    rows = [row for row in _shares(desk, event) if not desk.fold.is_booked(row.event_id)]
    if rows:
        desk.note(*(("action.applied", row) for row in rows))


def _shares(desk: Desk, event: CorporateEvent) -> list[ActionApplied]:
    """The event split over the positions of its symbol: cash by their shares, the odd rest to the last."""
    held = [p for p in desk.fold.freeze().positions if p.symbol == event.symbol]
    if not held:
        return [_row(event, event.event_id, None, event.cash)]
    total = sum((p.quantity for p in held), Decimal(0))
    strategies = [p.strategy_id for p in held]
    rows: list[ActionApplied] = []
    left = Decimal(event.cash)
    for position in held:
        part = (event.cash * position.quantity / total).quantize(_AMOUNT, ROUND_FLOOR)
        cash = left if position is held[-1] else part
        left -= cash
        # Shares without an intent may be two positions of one strategy: then each is named by itself.
        is_alone = strategies.count(position.strategy_id) == 1
        whose = position.strategy_id if is_alone else position.position_id
        name = event.event_id if len(held) == 1 else f"{event.event_id}:{whose}"
        rows.append(_row(event, name, position, cash))
    return rows


def _row(event: CorporateEvent, name: str, position: Position | None, cash: Decimal) -> ActionApplied:
    is_split = event.ratio_num is not None and event.ratio_den is not None
    after = None
    if position is not None:
        after = Decimal(0) if event.kind == ActionKind.DELISTING else position.quantity
        if event.ratio_num is not None and event.ratio_den is not None:
            after = split_quantity(position.quantity, event.ratio_num, event.ratio_den)
    return ActionApplied(
        event_id=name,
        kind=event.kind,
        symbol=event.symbol,
        position_id=None if position is None else position.position_id,
        strategy_id=EXTERNAL if position is None else position.strategy_id,
        sleeve_id=EXTERNAL if position is None else position.sleeve_id,
        ratio_num=event.ratio_num if is_split else None,
        ratio_den=event.ratio_den if is_split else None,
        quantity_before=None if position is None else position.quantity,
        quantity_after=after,
        new_symbol=event.new_symbol,
        cash=cash,
    )
