"""What book and broker hold is laid side by side now, by the rows that a cycle would make, and nothing is changed.

The book's record is read on a copy and its lock is not asked. One empty answer proves nothing: where the broker shows
none of what we hold, it is asked once more, later.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from execution_v2.broker.port import Events, Fills
from execution_v2.position_sync import SyncFacts, SyncRow, cash_drifts, sync_row
from execution_v2.reconcile import by_symbol, quantities
from flows import standing
from flows.dry import copied
from flows.house import House
from flows.settings import operable
from flows.status import latest_state
from flows.world import World, open_world
from market.feed import ReadFailed, Seen
from schemas.book import BookState, OrderType, Side
from schemas.observations import BrokerOrder
from schemas.reasons.sync import SyncStatus

ZERO = Decimal(0)


def now_at(house: House, book_id: str) -> dict[str, Any]:
    """Every symbol that either side holds, with its status, and the account's cash; what could not be read by name.

    Errors: ``UsageFault`` SESSION_NOT_OPEN, or for a book that cannot be reached.
    """
    session, state, _ = latest_state(house, operable(book_id))
    world = open_world(copied(house, book_id), book_id)
    try:
        return _compared(house, world, book_id, session, state)
    finally:
        world.close()


def _compared(house: House, world: World, book_id: str, session: date, state: BookState) -> dict[str, Any]:
    at = _instant(house, book_id, session)
    world.clock.step(at)
    broker, house_session = world.broker, house.calendar.session(session)
    assert house_session is not None, "a book opens sessions alone"
    account, positions, working = broker.account(), broker.positions(), broker.open_orders()
    fills, events = broker.fills(house_session), broker.events(house_session)
    ours = by_symbol(state.positions)
    first = quantities(positions)
    again = None
    if first is not None and any(not first.get(symbol) for symbol in ours):
        world.pause(house.settings.execution.confirm_spread_s)
        again = quantities(broker.positions())
    rows = _rows(state, ours, first, again, fills)
    reads = {
        "account": account,
        "positions": positions,
        "orders": working,
        "fills": fills,
        "events": events,
    }
    stops: dict[str, Decimal] = defaultdict(Decimal)
    for order in working.value if isinstance(working, Seen) else ():
        if order.side is Side.SELL and order.order_type is OrderType.STOP:
            stops[order.symbol] += order.quantity - order.filled
    seen = account.value if isinstance(account, Seen) else None
    drifts = seen is not None and cash_drifts(state.cash, seen.cash, seen.equity)
    return {
        "book": book_id,
        "session": session.isoformat(),
        "as_of": world.clock.now().isoformat(),
        "rows": [
            {
                "symbol": row.symbol,
                "ours": f"{row.ours:f}",
                "broker": "" if row.broker is None else f"{row.broker:f}",
                "stops": f"{stops[row.symbol]:f}" if isinstance(working, Seen) else "",
                "status": str(row.status),
                "a cycle would": str(row.action),
            }
            for row in rows
        ],
        "cash": {
            "ours": f"{state.cash:,.2f}",
            "broker": "" if seen is None else f"{seen.cash:,.2f}",
            "drift": "" if seen is None else f"{seen.cash - state.cash:f}",
            "status": str(
                SyncStatus.UNKNOWN
                if seen is None
                else SyncStatus.CASH_DRIFT
                if drifts
                else SyncStatus.IN_SYNC
            ),
        },
        "due": _due(state, events),
        "uncovered": [] if not isinstance(working, Seen) else _uncovered(rows, working.value),
        "unread": {name: read.cause for name, read in reads.items() if isinstance(read, ReadFailed)},
    }


def is_clean(told: dict[str, Any]) -> bool:
    """Whether everything was read and agrees, and a sell works for every share."""
    statuses = [row["status"] for row in (*told["rows"], told["cash"])]
    return (
        not told["unread"]
        and not told["uncovered"]
        and all(status == SyncStatus.IN_SYNC for status in statuses)
    )


def _uncovered(rows: Sequence[SyncRow], working: Sequence[BrokerOrder]) -> list[str]:
    """Symbols of which both sides hold more shares than the broker works to sell, by a stop or otherwise."""
    sells: dict[str, Decimal] = defaultdict(Decimal)
    for order in working:
        if order.side is Side.SELL:
            sells[order.symbol] += order.quantity - order.filled
    return [row.symbol for row in rows if sells[row.symbol] < min(row.ours, row.broker or ZERO)]


def _instant(house: House, book_id: str, session: date) -> datetime:
    """Where our own exchange stands: at the last record of the session, or after its close."""
    records = standing.records_of(house, book_id, session)
    return max(record.ts for record in records)


def _rows(
    state: BookState,
    ours: Mapping[str, Decimal],
    first: Mapping[str, Decimal] | None,
    again: Mapping[str, Decimal] | None,
    fills: Fills,
) -> list[SyncRow]:
    """One row for each symbol, by symbol; the later of two reads counts."""
    latest = again if again is not None else first
    unbooked = _unbooked(state, fills)
    return [
        sync_row(
            SyncFacts(
                symbol=symbol,
                ours=ours.get(symbol, ZERO),
                broker=None if latest is None else latest.get(symbol, ZERO),
                before=None if first is None or again is None else first.get(symbol, ZERO),
                unbooked=unbooked.get(symbol, ZERO),
            )
        )
        for symbol in sorted({*ours, *(latest or {})})
    ]


def _due(state: BookState, events: Events) -> list[str]:
    """Cash of events of the broker that no record holds yet: the next cycle books it."""
    booked = {*state.executions, *state.executions_before}
    return [
        f"{event.kind} of {event.symbol or 'the account'}, {event.cash:,.2f} USD"
        for event in (events.value if isinstance(events, Seen) else ())
        if event.cash and event.event_id not in booked
    ]


def _unbooked(state: BookState, fills: Fills) -> dict[str, Decimal]:
    """Executions of own orders that no record of ours holds yet, by symbol, signed."""
    known = {order.client_order_id for order in (*state.orders, *state.ended_today)}
    booked = set(state.executions)
    found: dict[str, Decimal] = defaultdict(Decimal)
    for fill in fills.value if isinstance(fills, Seen) else ():
        if fill.client_order_id in known and fill.execution_id not in booked:
            found[fill.symbol] += fill.quantity if fill.side is Side.BUY else -fill.quantity
    return dict(found)
