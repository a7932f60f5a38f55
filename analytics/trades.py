"""A session's fills, in their own order, become closed round trips and open lots: the journal alone decides.

Order of work: fills of earlier sessions that were learnt of before any split, then splits (they take effect before the
opening), then the session's fills by (executed_at, symbol, execution_id), then cash. Shares that came or went
without a fill take their place after the fills that were recorded before them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, TypeVar

from analytics import lots as fifo
from analytics.config import TradesConfig
from analytics.exact import divided
from analytics.exit_events import exit_events
from analytics.live_trips import LiveTrips
from analytics.lots import ZERO
from analytics.transfers import Reading, Transfer, due
from analytics.trip import Trip, open_trade, resumed, round_trip
from schemas.base import Fact, SessionDate
from schemas.book import Leg, Side
from schemas.events import ActionApplied, OrderFilled, OrderSubmitting, PositionAdjusted
from schemas.header import Finding
from schemas.ids import content_id, external_intent, position_id, trade_id
from schemas.journal import JournalRecord
from schemas.market import ActionKind
from schemas.observations import BarFacts
from schemas.reasons.analytics import TradeCode
from schemas.reasons.scan import ExitEventType
from schemas.strategy_registry import EXTERNAL
from schemas.trades import Direction, Fill, Lot, Realised, Trades

CASH_IN_LIEU = "cash_in_lieu"

_AS_RECORDED: Final = tuple(name for name in Fill.model_fields if name not in ("order_id", "source"))

Key = tuple[str, str, str | None]
F = TypeVar("F", bound=Fact)


@dataclass(frozen=True, slots=True, kw_only=True)
class TradesInputs:
    """What ``trades.json`` is made from.

    records: the session's journal, from its first record to the close. previous: the session before's, None
    at genesis. bars: the session's daily bar by symbol; one without adds nothing to MAE and MFE.
    """

    book_id: str
    session_date: SessionDate
    records: Sequence[JournalRecord]
    previous: Trades | None
    bars: Mapping[str, BarFacts]


@dataclass(slots=True)
class _Sums:
    gross: Decimal = ZERO
    fees: Decimal = ZERO
    dividends: Decimal = ZERO
    cash: Decimal = ZERO
    transfers: Decimal = ZERO


@dataclass(slots=True)
class _Day:
    """The working state of one run."""

    inputs: TradesInputs
    reading: Reading
    stops: Mapping[str, Decimal]
    live: LiveTrips = field(default_factory=LiveTrips)
    closed: list[Trip] = field(default_factory=list)
    sums: dict[Key, _Sums] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    owner: dict[str, Trip] = field(default_factory=dict)
    """Fill id -> the trip that it closed shares of."""
    booked: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    """Positions that were closed in this session."""

    def sum_of(self, strategy: str, sleeve: str, symbol: str | None) -> _Sums:
        return self.sums.setdefault((strategy, sleeve, symbol), _Sums())


def run(inputs: TradesInputs, config: TradesConfig) -> Trades:
    """Book the session's journal on the lots carried into it (strategy.md 9.1 to 9.3, 9.5)."""
    filled = {
        record.seq: OrderFilled.model_validate(record.data)
        for record in inputs.records
        if record.event == "order.filled"
    }
    day = _Day(inputs, Reading(inputs.records, filled, inputs.previous), _planned_stops(inputs.records))
    fills = _fills(inputs, filled, config.source, day.findings)
    actions = list(_actions(inputs.records))
    for trade in inputs.previous.open_trades if inputs.previous else ():
        day.live.add(resumed(trade))
    gone = {t.data.event_id: -t.shares for t in day.reading.transfers if t.shares < 0}
    late = [
        f for f in fills if f.session_date < inputs.session_date and f.fill_id not in day.reading.after_split
    ]
    _book_all(day, late, before_splits=True)
    _apply(day, actions)
    told_late = {fill.fill_id for fill in late}
    _book_all(day, [fill for fill in fills if fill.fill_id not in told_late], before_splits=False)
    for _, action in actions:
        if action.ratio_num is None and action.kind != ActionKind.DELISTING:
            _cash(day, action)
    trips = [*day.closed, *day.live]
    for trip in trips:
        trip.see(inputs.bars.get(trip.symbol))
    events = exit_events(inputs.session_date, inputs.records, fills, trips, day.owner, gone, config.source)
    closed = [round_trip(trip, inputs.session_date) for trip in day.closed]
    return Trades(
        fills=tuple(fills),
        closed=tuple(sorted(closed, key=lambda t: (t.symbol, t.strategy_id, t.trade_id))),
        open_trades=tuple(open_trade(trip) for trip in day.live),
        realised=tuple(_realised(day.sums)),
        exit_events=events,
        findings=tuple(day.findings),
    )


def _book_all(day: _Day, fills: Sequence[Fill], *, before_splits: bool) -> None:
    """*fills* in their order, and between them the transfers whose turn it is."""
    for fill in (None, *fills):
        if fill is not None:
            _book(day, fill)
            day.booked.add(fill.fill_id)
        for transfer in due(day.reading.transfers, day.booked, before_splits=before_splits):
            _transfer(day, transfer)


def _apply(day: _Day, actions: Iterable[tuple[JournalRecord, ActionApplied]]) -> None:
    """What changes lots without a fill: splits, and the ends and new names of companies."""
    for record, action in actions:
        if action.ratio_num is not None:
            _split(day, action, record)
        elif action.kind == ActionKind.DELISTING:
            _delist(day, action, record)
        elif action.new_symbol is not None:
            _rename(day, action, action.new_symbol)


def exit_reason(fill: Fill) -> str:
    """Why shares were sold: a protective stop that fired is ``EXIT_STOP``, else the order's own reason."""
    return ExitEventType.EXIT_STOP if fill.reason.startswith("STOP_") else fill.reason


def _of(records: Sequence[JournalRecord], event: str, model: type[F]) -> Iterator[tuple[JournalRecord, F]]:
    for record in records:
        if record.event == event:
            yield record, model.model_validate(record.data)


def _actions(records: Sequence[JournalRecord]) -> Iterator[tuple[JournalRecord, ActionApplied]]:
    """Events without a fill; one that is told again is booked once, as the fold books it."""
    seen: set[str] = set()
    for record, action in _of(records, "action.applied", ActionApplied):
        if action.event_id not in seen:
            seen.add(action.event_id)
            yield record, action


def _planned_stops(records: Sequence[JournalRecord]) -> dict[str, Decimal]:
    """Initial stop by position, from the plans that the entries carried."""
    orders = (data.order for _, data in _of(records, "order.submitting", OrderSubmitting))
    return {o.position_id: o.plan.initial_stop for o in orders if o.leg is Leg.ENTRY and o.plan is not None}


def _fills(
    inputs: TradesInputs, filled: Mapping[int, OrderFilled], source: str, findings: list[Finding]
) -> list[Fill]:
    """The session's canonical fills in order of work; the same id told twice counts once."""
    known = {fill.fill_id: fill for fill in (inputs.previous.fills if inputs.previous else ())}
    new: list[Fill] = []
    for data in filled.values():
        # Each field was judged as the record's, in the type that it has here.
        told = {name: getattr(data, name) for name in _AS_RECORDED}
        fill = Fill.model_construct(**told, order_id=data.ord_id, source=source)
        before = known.setdefault(fill.fill_id, fill)
        if before is fill:
            new.append(fill)
        elif before != fill:
            changed = [name for name in Fill.model_fields if getattr(before, name) != getattr(fill, name)]
            findings.append(
                Finding(
                    code=TradeCode.FILL_CONFLICT,
                    subject=fill.fill_id,
                    observed=str(getattr(fill, changed[0])),
                    threshold=str(getattr(before, changed[0])),
                    detail=f"{', '.join(changed)}: told twice, differently; the first stands",
                )
            )
    return sorted(new, key=lambda f: (f.executed_at, f.symbol, f.execution_id))


def _book(day: _Day, fill: Fill) -> None:
    trip = day.live.of_fill(fill)
    sums = day.sum_of(fill.strategy_id, fill.sleeve_id, fill.symbol)
    sums.fees += fill.fee
    if fill.fill_id in day.reading.paid:
        _late_sale(day, fill, trip, sums)
        return
    applied = fifo.apply(trip.lots if trip else (), fill)
    if trip is not None and applied.matches:
        trip.leave(applied, fill, exit_reason(fill))
        sums.gross += sum((match.gross for match in applied.matches), ZERO)
        day.owner[fill.fill_id] = trip
        if fill.session_date < day.inputs.session_date and trip.is_flat:
            trip.ended_on = fill.session_date
        _retire(day, trip)
    if applied.opened is not None:
        trip = day.live.of_fill(fill) or _opened(day, fill)
        trip.enter(applied.opened, fill, day.inputs.bars.get(fill.symbol))
        day.live.add(trip)


def _late_sale(day: _Day, fill: Fill, trip: Trip | None, sums: _Sums) -> None:
    """A sale of shares whose cost left with an earlier session's record: its proceeds stand against that cost."""
    proceeds = fill.price * fill.quantity
    sums.transfers += proceeds
    if trip is not None:
        trip.transfers += proceeds
        trip.fees_out += fill.fee
    day.findings.append(
        Finding(
            code=TradeCode.LATE_SALE,
            subject=fill.fill_id,
            observed=str(proceeds),
            detail=f"{fill.quantity} {fill.symbol} of {fill.session_date.isoformat()}, booked out before",
        )
    )


def _transfer(day: _Day, transfer: Transfer) -> None:
    """Shares come at the price stated, else at the position's average; those that go take their cost along."""
    data, shares = transfer.data, transfer.shares
    if not shares:
        return
    trip = day.live.of_transfer(data)
    sums = day.sum_of(data.strategy_id, data.sleeve_id, data.symbol)
    if shares > 0:
        trip = trip or _came(day, data)
        held = sum((lot.quantity for lot in trip.lots), ZERO)
        price = divided(fifo.cost(trip.lots), held, 6) if held else data.average_price or ZERO
        lot = Lot(
            fill_id=data.event_id,
            strategy_id=data.strategy_id,
            sleeve_id=data.sleeve_id,
            quantity=shares,
            price=price,
            fee=ZERO,
            opened_at=data.at,
            opened_session=day.inputs.session_date,
        )
        trip.take_in(lot)
        day.live.add(trip)
        sums.transfers += price * shares
    elif trip is not None:
        sums.transfers -= trip.give_up(-shares, data.kind, data.at)
        _retire(day, trip)
    day.findings.append(
        Finding(
            code=TradeCode.SHARES_WITHOUT_FILL,
            subject=data.position_id,
            observed=f"{data.quantity_after:f}",
            threshold=f"{data.quantity_after - shares:f}",
            detail=f"{data.symbol}: {data.kind}, {data.reason}",
        )
    )


def _came(day: _Day, data: PositionAdjusted) -> Trip:
    """The trip of a position that no fill opened."""
    return Trip(
        trade_id=trade_id(data.position_id),
        position_id=data.position_id,
        strategy_id=data.strategy_id,
        sleeve_id=data.sleeve_id,
        symbol=data.symbol,
        intent_id=external_intent(day.inputs.session_date),
        decision_id=None,
        direction=Direction.LONG,
        entered_at=data.at,
        entry_session=day.inputs.session_date,
        initial_stop=None,
    )


def _retire(day: _Day, trip: Trip) -> None:
    if trip.is_flat:
        day.live.remove(trip)
        day.closed.append(trip)
        day.used.add(trip.position_id)


def _opened(day: _Day, fill: Fill) -> Trip:
    """A new trip. A position id that was already used up gets an ordinal: one intent can cross zero twice."""
    used = day.used
    wanted, ordinal = fill.position_id, 1
    if wanted in used:
        wanted = position_id(day.inputs.book_id, fill.strategy_id, fill.symbol, fill.intent_id)
    while wanted in used:
        ordinal += 1
        wanted = content_id(
            "pos_", day.inputs.book_id, fill.strategy_id, fill.symbol, fill.intent_id, ordinal
        )
    return Trip(
        trade_id=trade_id(wanted),
        position_id=wanted,
        strategy_id=fill.strategy_id,
        sleeve_id=fill.sleeve_id,
        symbol=fill.symbol,
        intent_id=fill.intent_id,
        decision_id=fill.decision_id,
        direction=Direction.LONG if fill.side is Side.BUY else Direction.SHORT,
        entered_at=fill.executed_at,
        entry_session=fill.session_date,
        initial_stop=day.stops.get(wanted),
        is_carried=(is_late := fill.session_date < day.inputs.session_date),
        sessions_held=1 + is_late,
    )


def _split(day: _Day, action: ActionApplied, record: JournalRecord) -> None:
    assert action.ratio_num is not None, "a split has a ratio"
    assert action.ratio_den is not None, "a split has a ratio"
    trip = _trip_of(day, action)
    if trip is None or action.quantity_after is None:
        _cash(day, action)
        return
    realised = trip.split(action.ratio_num, action.ratio_den, action.quantity_after, action.cash, record.ts)
    day.sum_of(trip.strategy_id, trip.sleeve_id, trip.symbol).gross += realised
    _retire(day, trip)


def _delist(day: _Day, action: ActionApplied, record: JournalRecord) -> None:
    """The position was paid out and is no more."""
    trip = _trip_of(day, action)
    if trip is None or trip.is_flat:
        _cash(day, action)
        return
    realised = trip.delist(action.cash, record.ts, day.inputs.session_date)
    day.sum_of(trip.strategy_id, trip.sleeve_id, trip.symbol).gross += realised
    _retire(day, trip)


def _rename(day: _Day, action: ActionApplied, name: str) -> None:
    """The trip goes on under the new symbol."""
    trip = day.live.of_action(action)
    if trip is not None:
        day.live.rename(trip, name)


def _cash(day: _Day, action: ActionApplied) -> None:
    """Cash without a fill: a position's own, or nobody's."""
    if not action.cash:
        return
    trip = _trip_of(day, action)
    is_owned = action.position_id is not None or (
        action.symbol is not None and action.strategy_id != EXTERNAL
    )
    if not is_owned:
        day.sum_of(EXTERNAL, EXTERNAL, None).cash += action.cash
        return
    if trip is None:
        day.findings.append(
            Finding(
                code=TradeCode.ACTION_WITHOUT_POSITION,
                subject=action.event_id,
                observed=str(action.cash),
                detail=f"{action.kind} of {action.symbol}, booked to {action.strategy_id}",
            )
        )
    sums = day.sum_of(action.strategy_id, action.sleeve_id, action.symbol)
    if action.kind == CASH_IN_LIEU or action.ratio_num is not None:
        sums.gross += action.cash
        if trip is not None:
            trip.gross += action.cash
    else:
        sums.dividends += action.cash
        if trip is not None:
            trip.dividends += action.cash


def _trip_of(day: _Day, action: ActionApplied) -> Trip | None:
    """The position that the event belongs to: the one held, or one that was closed in this session."""
    if (trip := day.live.of_action(action)) is not None:
        return trip
    return next((trip for trip in day.closed if trip.position_id == action.position_id), None)


def _realised(sums: Mapping[Key, _Sums]) -> Iterator[Realised]:
    for key in sorted(sums, key=lambda k: (k[0], k[1], k[2] or "")):
        row = sums[key]
        yield Realised(
            strategy_id=key[0],
            sleeve_id=key[1],
            symbol=key[2],
            gross=row.gross,
            fees=row.fees,
            dividends=row.dividends,
            cash_movements=row.cash,
            transfers=row.transfers,
        )
