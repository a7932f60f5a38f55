"""A session's journal in a few words: typed records, chained by number alone, for the tests of analytics."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from schemas.base import Fact, SessionDate
from schemas.book import Leg, Order, OrderState, OrderType, PositionPlan, RiskClass, Side, TimeInForce
from schemas.events import EVENTS, ActionApplied, OrderFilled, OrderSubmitting, StopEvent
from schemas.ids import fill_id
from schemas.journal import ZEROS, JournalRecord
from schemas.observations import BarFacts

BOOK = "SIM"
CORE = "S1_AVWAP_CORE"
DAYS = tuple(SessionDate(date(2024, 3, 4) + timedelta(days=i)) for i in range(5))
"""Monday 2024-03-04 to Friday."""
PLAN = PositionPlan(
    initial_stop="95.0000",
    level="97.0000",
    entry_ref="100.0000",
    limit_cap="101.0000",
    r1="110.0000",
    r1_fraction="0.500000",
    r2="120.0000",
    r2_fraction="0.500000",
    trail_fraction="0.250000",
)


def at(day: SessionDate, minute: int = 0) -> datetime:
    """An instant *minute* minutes after 14:30 UTC, the opening."""
    return datetime(day.year, day.month, day.day, 14, 30, tzinfo=UTC) + timedelta(minutes=minute)


def fill(
    day: SessionDate,
    side: str,
    quantity: int,
    price: str,
    *,
    fee: str = "0",
    minute: int = 5,
    symbol: str = "ABC",
    strategy: str = CORE,
    reason: str | None = None,
    arrival: str | None = None,
    execution: str | None = None,
    position: str | None = None,
    intent: str | None = None,
    order_id: str | None = None,
) -> OrderFilled:
    """One execution; its id follows from what it says unless *execution* is given."""
    execution = execution or f"x-{day}-{symbol}-{strategy}-{side}-{quantity}-{price}-{minute}"
    return OrderFilled(
        ord_id=order_id or f"ord_{execution}",
        fill_id=fill_id(BOOK, symbol, execution),
        execution_id=execution,
        decision_id=None,
        intent_id=intent or f"int_{strategy}_{symbol}",
        position_id=position or f"pos_{strategy}_{symbol}",
        strategy_id=strategy,
        sleeve_id=f"{strategy}_SLEEVE",
        symbol=symbol,
        side=Side(side),
        quantity=Decimal(quantity),
        price=price,
        fee=fee,
        executed_at=at(day, minute),
        session_date=day,
        arrival_price=arrival,
        reason=reason or ("ENTRY" if side == "buy" else "EXIT_TIME"),
    )


def entry_order(day: SessionDate, *, symbol: str = "ABC", strategy: str = CORE) -> OrderSubmitting:
    """The announcement of an entry whose plan is ``PLAN``."""
    return OrderSubmitting(order=order(day, Leg.ENTRY, "ENTRY", symbol=symbol, strategy=strategy, plan=PLAN))


def order(
    day: SessionDate,
    leg: Leg,
    reason: str,
    *,
    symbol: str = "ABC",
    strategy: str = CORE,
    quantity: int = 10,
    stop: str | None = None,
    limit: str | None = None,
    plan: PositionPlan | None = None,
) -> Order:
    """An order of one position, live."""
    return Order(
        ord_id=f"ord_{day}_{leg}_{reason}_{symbol}_{strategy}",
        client_order_id=f"client_{day}_{leg}_{reason}_{symbol}_{strategy}",
        leg=leg,
        revision=0,
        attempt=0,
        risk_class=RiskClass.INCREASE if leg is Leg.ENTRY else RiskClass.REDUCE,
        state=OrderState.LIVE,
        strategy_id=strategy,
        sleeve_id=f"{strategy}_SLEEVE",
        intent_id=f"int_{strategy}_{symbol}",
        position_id=f"pos_{strategy}_{symbol}",
        symbol=symbol,
        side=Side.BUY if leg is Leg.ENTRY else Side.SELL,
        order_type=OrderType.STOP if leg is Leg.STOP else OrderType.LIMIT,
        time_in_force=TimeInForce.GTC if leg is Leg.STOP else TimeInForce.DAY,
        quantity=Decimal(quantity),
        filled=Decimal(0),
        limit=limit,
        stop=stop,
        reason=reason,
        plan=plan,
        session_date=day,
    )


def stop_event(
    reason: str, after: str, *, before: str | None = None, basis: str = "planned", symbol: str = "ABC"
) -> StopEvent:
    """A stop of ten shares of *symbol* that became *after*."""
    return StopEvent(
        position_id=f"pos_{CORE}_{symbol}",
        strategy_id=CORE,
        sleeve_id=f"{CORE}_SLEEVE",
        symbol=symbol,
        quantity=Decimal(10),
        stop_before=before,
        stop_after=after,
        basis=basis,
        reason=reason,
    )


def action(
    kind: str,
    *,
    cash: str = "0",
    ratio: tuple[int, int] | None = None,
    before: int | None = None,
    after: int | None = None,
    symbol: str | None = "ABC",
    strategy: str = CORE,
    event: str = "ev_1",
) -> ActionApplied:
    """A split, a dividend, or (without a symbol) cash that belongs to nobody."""
    return ActionApplied(
        event_id=event,
        kind=kind,
        symbol=symbol,
        position_id=None if symbol is None else f"pos_{strategy}_{symbol}",
        strategy_id=strategy if symbol else "EXTERNAL",
        sleeve_id=f"{strategy}_SLEEVE" if symbol else "EXTERNAL",
        ratio_num=ratio and ratio[0],
        ratio_den=ratio and ratio[1],
        quantity_before=None if before is None else Decimal(before),
        quantity_after=None if after is None else Decimal(after),
        cash=cash,
    )


def bar(
    day: SessionDate,
    open_: str,
    high: str,
    low: str,
    close: str,
    *,
    symbol: str = "ABC",
    volume: int = 1_000_000,
) -> BarFacts:
    return BarFacts(
        symbol=symbol,
        session_date=day,
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=Decimal(volume),
    )


def journal(
    day: SessionDate, *data: Fact | tuple[str, Fact], cycle: str | None = "0935"
) -> list[JournalRecord]:
    """Records of *data* in order, a minute apart; (name, data) where several events share a model."""
    names = {model: name for name, model in reversed(EVENTS.items())}
    pairs: Iterable[tuple[str, Fact]] = (
        item if isinstance(item, tuple) else (names[type(item)], item) for item in data
    )
    return [
        JournalRecord(
            seq=i + 1,
            prev=ZEROS,
            ts=at(day, i),
            event=name,
            cycle=cycle,
            data=fact.model_dump(mode="json", by_alias=True),
        )
        for i, (name, fact) in enumerate(pairs)
    ]
