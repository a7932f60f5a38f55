"""Whatever the days bring: book and exchange agree to the cent, every share has its stop, no stop ever loosens."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.memory import MemoryDisk
from schemas.base import SessionDate
from schemas.book import BookState, Leg
from schemas.journal import JournalRecord
from schemas.market import ActionKind, CorporateAction
from simulation.tape import TapeBar
from tests.simulation.world import DAYS, LIQUID, Want, World

SYMBOLS = ("AAA", "BBB", "CCC")
LAST = 5


@st.composite
def days(draw: st.DrawFn) -> TapeBar | None:
    """A day between 46 and 55, sometimes thin, sometimes none."""
    if draw(st.integers(0, 14)) == 0:
        return None
    ticks = draw(st.lists(st.integers(4700, 5400), min_size=2, max_size=2))
    opened, close = (Decimal(tick).scaleb(-2) for tick in ticks)
    up, down = (Decimal(draw(st.integers(0, 120))).scaleb(-2) for _ in range(2))
    volume = draw(st.sampled_from([0, 500, 3_000, 1_000_000]))
    return TapeBar(
        open=opened, close=close, high=max(opened, close) + up, low=min(opened, close) - down, volume=volume
    )


@st.composite
def actions(draw: st.DrawFn) -> tuple[CorporateAction, ...]:
    """Sometimes a split or a dividend in the middle of the week."""
    kind = draw(st.sampled_from([None, None, ActionKind.SPLIT, ActionKind.CASH_DIVIDEND]))
    if kind is None:
        return ()
    symbol, day = draw(st.sampled_from(SYMBOLS)), DAYS[draw(st.integers(1, LAST - 1))]
    if kind is ActionKind.SPLIT:
        num, den = draw(st.sampled_from([(2, 1), (3, 2), (1, 3), (7, 1)]))
        return (CorporateAction(symbol=symbol, ex_date=day, kind=kind, ratio_num=num, ratio_den=den),)
    return (CorporateAction(symbol=symbol, ex_date=day, kind=kind, cash_usd=Decimal("0.37")),)


@st.composite
def weeks(draw: st.DrawFn) -> dict[str, Any]:
    """Five days of three symbols, and what is wished for on each of them."""
    bars = {}
    wants: dict[SessionDate, list[Want]] = {}
    for day in DAYS[:LAST]:
        for symbol in SYMBOLS:
            row = draw(days())
            if row is not None:
                bars[symbol, day] = row
        wished = draw(st.lists(st.sampled_from(SYMBOLS), unique=True, max_size=3))
        for rank, symbol in enumerate(wished, start=1):
            seen = bars.get((symbol, day))
            ref = seen.open if seen is not None else Decimal(50)
            stop = ref * Decimal(draw(st.sampled_from(["0.93", "0.96", "0.985"])))
            wants.setdefault(day, []).append(
                Want(
                    symbol=symbol,
                    ref=f"{ref:.2f}",
                    stop=f"{stop:.2f}",
                    r1=f"{ref * Decimal('1.03'):.2f}",
                    r2=f"{ref * Decimal('1.06'):.2f}",
                    level=f"{ref:.2f}",
                    rank=rank,
                    time_stop=draw(st.sampled_from([None, 1, 2])),
                )
            )
    return {"bars": bars, "wants": wants, "acts": draw(actions())}


def agree(made: World, state: BookState) -> None:
    """Book and exchange tell one story, exactly, and every share that is held is stopped."""
    account = made.exchange.state
    assert state.cash == account.cash
    brought = sum((r.realised for r in state.results), Decimal(0))
    brought += sum((p.cash_flow for p in state.positions), Decimal(0))
    assert state.cash == state.starting_capital + state.net_flows + brought, "a cent belongs to no position"
    held = {symbol: quantity for symbol, (quantity, _) in account.holdings.items()}
    assert {p.symbol: p.quantity for p in state.positions} == held
    ours = {o.order_id: (o.quantity, o.stop, o.filled) for o in state.orders}
    assert ours == {o.order_id: (o.quantity, o.stop, o.filled) for o in account.orders_open()}
    stops = {o.symbol: o.quantity for o in state.orders if o.leg is Leg.STOP}
    assert held == stops


def stop_prices(records: list[JournalRecord]) -> Iterator[tuple[str, Decimal | None, Decimal]]:
    for record in records:
        if record.event in ("stop.placed", "stop.ratcheted", "stop.resized"):
            before = record.data["stop_before"]
            yield (
                str(record.data["position_id"]),
                None if before is None else Decimal(str(before)),
                Decimal(str(record.data["stop_after"])),
            )


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(week=weeks())
def test_book_and_exchange_agree_every_share_is_stopped_and_no_stop_loosens(week: dict[str, Any]) -> None:
    made = World(disk=MemoryDisk(), adv=dict.fromkeys(SYMBOLS, LIQUID), **week)
    for day in DAYS[:LAST]:
        for slot in ("0930", "0935", "1600"):
            agree(made, made.run(day, until=slot))
        records = list(made.journal(day).records)
        for _, before, after in stop_prices(records):
            assert before is None or after >= before, "a stop loosened"
        told = {r.event for r in records}
        assert not told & {"position.failed", "order.illegal_transition", "stop.lost"}
        assert {"IN_SYNC"} == {r.data["status"] for r in records if r.event == "sync.checked"}
        opened = [r for r in records if r.event == "order.submitting" and "ENTRY" in str(r.data)]
        assert len({str(r.data["order"]) for r in opened}) == len(opened), "an entry was sent twice"
