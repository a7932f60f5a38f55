"""``stops.json`` is what the journal says of every position's protection: before, after, why, how much."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from execution_v2.execution import of
from execution_v2.transitions import WORKING
from schemas.book import BookState, Leg, Position
from schemas.cycle import StopLine, Stops
from schemas.events import CycleBegan, OrderFilled, StopEvent
from schemas.journal import JournalRecord
from schemas.reasons.execution import StopCode

_NAMES = ("stop.placed", "stop.ratcheted", "stop.held", "stop.resized", "stop.lost")


def run(records: Sequence[JournalRecord], state_before: BookState, state_after: BookState) -> Stops:
    """Fold the *records* of one cycle; the states are the book before its first and after its last."""
    began = of(records, "cycle.began", CycleBegan)
    told = [(r, StopEvent.model_validate(r.data)) for r in records if r.event in _NAMES]
    before = {p.position_id: p for p in state_before.positions}
    after = {p.position_id: p for p in state_after.positions}
    bought: dict[str, datetime] = {}
    for fill in of(records, "order.filled", OrderFilled):
        if fill.side == "buy":
            bought.setdefault(fill.position_id, fill.executed_at)
    # A position opened and closed within the cycle stands in neither state, but in the stop events.
    lines = [
        _line(name, before.get(name), after.get(name), bought.get(name), told, state_after)
        for name in {*before, *after, *(event.position_id for _, event in told)}
    ]
    return Stops(
        slot=began[0].slot if began else "",
        positions=tuple(sorted(lines, key=lambda line: (line.symbol, line.strategy_id, line.position_id))),
        events=tuple(event for _, event in told),
    )


def _line(
    name: str,
    before: Position | None,
    after: Position | None,
    bought: datetime | None,
    told: Sequence[tuple[JournalRecord, StopEvent]],
    state_after: BookState,
) -> StopLine:
    mine = [(record, event) for record, event in told if event.position_id == name]
    who = after or before or mine[-1][1]
    working = [
        o for o in state_after.orders if o.position_id == name and o.leg is Leg.STOP and o.state in WORKING
    ]
    covered = sum((o.quantity - o.filled for o in working), Decimal(0))
    held = Decimal(0) if after is None else after.quantity
    last = mine[-1][1] if mine else None
    reason = StopCode.STOP_UNCHANGED if last is None else last.reason
    stop_after = max((o.stop for o in working if o.stop is not None), default=None)
    return StopLine(
        position_id=name,
        strategy_id=who.strategy_id,
        sleeve_id=who.sleeve_id,
        symbol=who.symbol,
        quantity=held,
        covered=covered,
        stop_before=None if before is None else before.stop_price,
        stop_after=stop_after,
        basis=None if last is None else last.basis,
        reason=reason if held else StopCode.POSITION_CLOSED,
        gap_s=_gap(bought, mine),
        gap_open=covered < held,
    )


def _gap(bought: datetime | None, mine: Sequence[tuple[JournalRecord, StopEvent]]) -> int:
    """Whole seconds from *bought*, the position's first buy in this cycle, to the stop that followed it."""
    placed = next((record.ts for record, event in mine if event.stop_after is not None), None)
    if bought is None or placed is None:
        return 0
    return max(0, int((placed - bought).total_seconds()))
