"""Each symbol's difference gets its name, its evidence and its remedy; what both sides hold is protected meanwhile.

The comparison of a cycle on intraday bars (execution.md 5). Rows are pure (``position_sync``); here they meet the desk.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from execution_v2.adjusted import external_position_id
from execution_v2.broker.port import Account, Fills, Orders, Positions
from execution_v2.desk import Desk
from execution_v2.position_sync import SyncAction, SyncFacts, SyncRow, cash_drifts, sync_row
from execution_v2.protect import resting_price
from execution_v2.transitions import UNKNOWN, is_settled
from market.feed import Seen
from schemas.base import down
from schemas.book import Leg, Position, Side
from schemas.events import ActionApplied, PositionAdjusted
from schemas.header import Finding
from schemas.ids import content_id, external_intent
from schemas.observations import BrokerFill
from schemas.reasons.sync import AdjustCode, SyncStatus
from schemas.strategy_registry import EXTERNAL
from strategies.exits import StopBasis

GRACE_MIN_S = 2.0
"""A record younger than this at the broker's read may not show there yet (5.1)."""


_MISSED: Final = frozenset({SyncStatus.UNKNOWN, SyncStatus.PHANTOM})
"""What an earlier cycle called a position that two reads did not show."""


@dataclass(slots=True, kw_only=True)
class Seeing:
    """What the cycle read, as it stands after the last read.

    ``again``: positions once more, far enough after the first. ``found``: symbols of which we held nothing before an
    own order without a record was booked.
    """

    account: Account
    working: Orders
    closed: Orders
    positions: Positions
    again: Positions | None = None
    fills: Fills | None = None
    found: set[str]

    @property
    def latest(self) -> Mapping[str, Decimal] | None:
        """Shares by symbol at the broker, by the last read that succeeded; None: none did."""
        read = self.again if isinstance(self.again, Seen) else self.positions
        return quantities(read)

    @property
    def as_of(self) -> datetime | None:
        """Instant of that read."""
        read = self.again if isinstance(self.again, Seen) else self.positions
        return read.as_of if isinstance(read, Seen) else None

    def is_flat_twice(self, symbol: str, spread_s: float) -> bool:
        """Whether two reads, far enough apart, show nothing of *symbol*."""
        if not isinstance(self.positions, Seen) or not isinstance(self.again, Seen):
            return False
        apart = (self.again.as_of - self.positions.as_of).total_seconds()
        both = (quantities(self.positions), quantities(self.again))
        return apart >= spread_s and all(read is not None and not read.get(symbol) for read in both)

    def is_steady(self, symbol: str) -> bool:
        """Whether both reads show the same of *symbol*."""
        first, second = quantities(self.positions), None if self.again is None else quantities(self.again)
        return first is not None and second is not None and first.get(symbol) == second.get(symbol)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """A stop that a position should have now: *quantity* shares at *price*. 0 shares: none may work."""

    position_id: str
    quantity: Decimal
    price: Decimal
    basis: str = StopBasis.PLANNED


def quantities(read: Positions) -> Mapping[str, Decimal] | None:
    """Shares by symbol; None for a read that failed."""
    return {row.symbol: Decimal(row.quantity) for row in read.value} if isinstance(read, Seen) else None


def held(desk: Desk) -> dict[str, Decimal]:
    """Our shares by symbol, as the cycle has them."""
    return by_symbol(desk.fold.positions.values())


def by_symbol(positions: Iterable[Position]) -> dict[str, Decimal]:
    """Shares by symbol, all strategies together: a broker knows nothing of them."""
    ours: dict[str, Decimal] = defaultdict(Decimal)
    for position in positions:
        ours[position.symbol] += position.quantity
    return ours


def is_gone(desk: Desk, seeing: Seeing, symbol: str) -> bool:
    """Whether the broker holds nothing of *symbol*: two reads agree, and so does our book or an earlier cycle.

    Two reads of one moment can be stale alike; a position wrongly taken for gone would lose its stop.
    """
    if not seeing.is_flat_twice(symbol, desk.config.execution.confirm_spread_s):
        return False
    seen = {row.symbol for row in desk.inputs.state.quarantined if row.code in _MISSED}
    return not held(desk).get(symbol) or symbol in seen


def compare(desk: Desk, seeing: Seeing) -> tuple[SyncRow, ...]:
    """One row per symbol that either side holds, by symbol; the symbols of orders that were found included."""
    latest, ours = seeing.latest, held(desk)
    missing, splits_due = unbooked(desk, seeing.fills), waiting(desk)
    young = _young(desk, seeing.as_of)
    differing = {
        name for name in {*ours, *(latest or {})} if ours.get(name, 0) != (latest or {}).get(name, 0)
    }
    splits = _splits(desk) if differing else {}
    rows = []
    for symbol in sorted({*ours, *(latest or {}), *seeing.found}):
        mine = Decimal(0) if symbol in seeing.found else ours.get(symbol, Decimal(0))
        is_confirmed = is_gone(desk, seeing, symbol)
        # While an order of the symbol is unknown it may have sold what is gone: absence proves nothing then.
        is_open = any(o.symbol == symbol and o.state in UNKNOWN for o in desk.fold.orders.values())
        rows.append(
            sync_row(
                SyncFacts(
                    symbol=symbol,
                    ours=mine,
                    broker=None if latest is None else latest.get(symbol, Decimal(0)),
                    before=Decimal(0) if is_confirmed and not is_open else None,
                    unbooked=missing.get(symbol, Decimal(0)),
                    young=young.get(symbol, ()),
                    split=splits.get(symbol),
                    awaited=splits_due.get(symbol),
                    has_own_order=symbol in seeing.found,
                )
            )
        )
    return tuple(rows)


def findings_of(desk: Desk, rows: Iterable[SyncRow], account: Account) -> list[Finding]:
    """What differs, by symbol; then the account's cash."""
    found = [
        Finding(
            code=row.status,
            subject=row.symbol,
            observed=None if row.broker is None else format(row.broker, "f"),
            threshold=format(row.ours, "f"),
            detail=row.floor or "",
        )
        for row in rows
        if row.status is not SyncStatus.IN_SYNC
    ]
    if isinstance(account, Seen):
        cash, ours = account.value.cash, desk.fold.cash
        if cash_drifts(ours, cash, account.value.equity):
            drift = Finding(
                code=SyncStatus.CASH_DRIFT,
                subject=desk.inputs.book_id,
                observed=format(cash, "f"),
                threshold=format(ours, "f"),
            )
            found.append(drift)
    return found


def act(desk: Desk, rows: Iterable[SyncRow]) -> None:
    """Book what the rows explain: fills that were not booked, and positions that are gone; remember splits."""
    rows = tuple(rows)
    desk.ratios = {r.symbol: r.ratio for r in rows if r.ratio is not None and r.action is SyncAction.COVER}
    if any(row.action is SyncAction.IMPORT_FILLS for row in rows):
        desk.import_fills()
    for row in rows:
        if row.action is SyncAction.CLOSE_OURS:
            for position in _positions(desk, row.symbol):
                desk.note(("position.adjusted", _gone(desk, position)))


def covers(desk: Desk, seeing: Seeing, rows: Iterable[SyncRow]) -> tuple[Cover, ...]:
    """Stops that follow from the rows: for no more than both sides hold, and for shares that came without a plan.

    A lesser quantity counts once two reads agree on it: until then the stop stands as it is.
    """
    made: list[Cover] = []
    by_symbol = {r.symbol: r for r in rows if r.protect is None or seeing.is_steady(r.symbol)}
    left = {row.symbol: row.protect for row in by_symbol.values() if row.protect is not None}
    for position in desk.fold.freeze().positions:
        row, basis = by_symbol.get(position.symbol), str(StopBasis.PLANNED)
        price = resting_price(position)
        if price is None:
            price = down(position.average_entry * (1 - desk.config.execution.recovered_stop_fraction))
        elif row is None or (row.protect is None and row.action is not SyncAction.BOOK_AND_PROTECT):
            continue
        if row is not None and row.ratio is not None and row.action is SyncAction.COVER:
            if desk.fold.orders_of(position.position_id, Leg.STOP):
                continue  # covered as it is: which stop is right, a person decides
            price, basis = awaited_stop(desk, position, price)
        quantity = min(position.quantity, left.get(position.symbol, position.quantity))
        if position.symbol in left:
            left[position.symbol] = (left[position.symbol] or Decimal(0)) - quantity
        made.append(Cover(position_id=position.position_id, quantity=quantity, price=price, basis=basis))
    return tuple(made)


def awaited_stop(desk: Desk, position: Position, price: Decimal) -> tuple[Decimal, str]:
    """Price and basis of a stop at *price* that is placed anew: after the split, where one is suspected (5.1)."""
    ratio, basis = desk.ratios.get(position.symbol), position.stop_basis or StopBasis.PLANNED
    if ratio is None or basis == StopBasis.SPLIT_AWAITED:
        return price, basis
    return down(price * ratio[1] / ratio[0]), StopBasis.SPLIT_AWAITED


def external(desk: Desk, seeing: Seeing, rows: Iterable[SyncRow]) -> tuple[Position, ...]:
    """The shares of EXTERNAL rows as positions that count, at the broker's average price."""
    read = seeing.again if isinstance(seeing.again, Seen) else seeing.positions
    named = {row.symbol for row in rows if row.status is SyncStatus.EXTERNAL}
    session = desk.inputs.session_date
    return tuple(
        Position(
            position_id=external_position_id(desk.inputs.book_id, row.symbol, session),
            strategy_id=EXTERNAL,
            sleeve_id=EXTERNAL,
            intent_id=external_intent(session),
            symbol=row.symbol,
            quantity=row.quantity,
            quantity_opened=row.quantity,
            average_entry=row.average_price,
            entered_at=desk.at,
            entry_session=session,
            plan=None,
        )
        for row in (read.value if isinstance(read, Seen) else ())
        if row.symbol in named
    )


def _positions(desk: Desk, symbol: str) -> list[Position]:
    return [p for p in desk.fold.freeze().positions if p.symbol == symbol]


def _gone(desk: Desk, position: Position) -> PositionAdjusted:
    inputs = desk.inputs
    return PositionAdjusted(
        event_id=content_id("adj_", inputs.book_id, inputs.session_date, position.position_id, "gone"),
        kind=AdjustCode.EXTERNAL_CLOSE,
        position_id=position.position_id,
        strategy_id=position.strategy_id,
        sleeve_id=position.sleeve_id,
        symbol=position.symbol,
        quantity_before=position.quantity,
        quantity_after=Decimal(0),
        reason=SyncStatus.PHANTOM,
        at=desk.at,
    )


def _signed(side: Side, quantity: Decimal) -> Decimal:
    return quantity if side is Side.BUY else -quantity


def unbooked(desk: Desk, fills: Fills | None) -> Mapping[str, Decimal]:
    """Executions of orders that we know and have not booked, by symbol, signed."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for fill in fills.value if isinstance(fills, Seen) else ():
        if fill.execution_id and not desk.fold.is_booked(fill.execution_id) and _is_known(desk, fill):
            found[fill.symbol] += _signed(fill.side, fill.quantity)
    return found


def _is_known(desk: Desk, fill: BrokerFill) -> bool:
    order = desk.by_client_id(fill.client_order_id)
    return order is not None and not is_settled(order)


def _young(desk: Desk, as_of: datetime | None) -> Mapping[str, tuple[Decimal, ...]]:
    """What this cycle booked that happened within the grace of the broker's read, or after it; newest last."""
    found: dict[str, list[Decimal]] = defaultdict(list)
    for record in desk.records if as_of is not None else ():
        if record.event == "order.filled" and as_of is not None:
            happened = datetime.fromisoformat(str(record.data["executed_at"]))
            if happened > as_of - timedelta(seconds=GRACE_MIN_S):
                change = _signed(Side(str(record.data["side"])), Decimal(str(record.data["quantity"])))
                found[str(record.data["symbol"])].append(change)
    return {symbol: tuple(rows) for symbol, rows in found.items()}


def waiting(desk: Desk) -> Mapping[str, tuple[int, int]]:
    """Splits of today by the market's facts, (new, old) by symbol, of what is held and not yet on the new basis."""
    told = (ActionApplied.model_validate(r.data) for r in desk.records if r.event == "action.applied")
    booked = {row.symbol for row in told if row.ratio_num is not None}
    ours = held(desk)
    return {name: ratio for name, ratio in desk.inputs.splits.items() if name in ours and name not in booked}


def _splits(desk: Desk) -> Mapping[str, tuple[int, int]]:
    """Splits of the session as the broker tells them; asked only where something differs."""
    events = desk.ports.broker.events(desk.inputs.session_date)
    return {
        event.symbol: (event.ratio_num, event.ratio_den)
        for event in (events.value if isinstance(events, Seen) else ())
        if event.symbol and event.ratio_num is not None and event.ratio_den is not None
    }
