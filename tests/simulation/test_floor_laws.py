"""Whatever is sent to the intraday exchange, money and shares add up, and no cut of time changes what happens."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.book import Side
from simulation.config import ExchangeConfig
from simulation.path import day_bars, ticks, usd
from simulation.tape import TapeBar
from tests.simulation.floor_world import HOURS, Pit, pathed
from tests.simulation.world import DAYS

CASH: Final = Decimal(100_000)
Act = tuple[str, int, int, int]
"""What is done, shares, cents from 50.00, minutes that pass before it."""

ACTS: Final = st.lists(
    st.tuples(
        st.sampled_from(["buy", "sell", "stop", "market", "dump", "replace", "cancel", "print"]),
        st.integers(1, 400),
        st.integers(-300, 300),
        st.integers(0, 90),
    ),
    max_size=14,
)


@st.composite
def days(draw: st.DrawFn) -> TapeBar:
    low = draw(st.integers(470_000, 500_000))
    high = low + draw(st.integers(0, 40_000))
    opened, closed = draw(st.integers(low, high)), draw(st.integers(low, high))
    volume = draw(st.sampled_from([90, 3_000, 100_000, 5_000_000]))
    return TapeBar(open=usd(opened), high=usd(high), low=usd(low), close=usd(closed), volume=volume)


def play(pit: Pit, acts: list[Act], look: Callable[[Pit], None]) -> None:
    """Do *acts* on a first and what is left of a second day, looking after each."""
    minute, day = 0, 0
    for number, (what, shares, cents, wait) in enumerate(acts):
        minute += wait
        if minute > 390 and day == 0:
            day, minute = 1, minute - 390
        pit.at(day, min(minute, 395))
        price = str(Decimal(50) + Decimal(cents) / 100)
        name = f"o{number}"
        working = [order.client_order_id for order in pit.exchange.open_orders()]
        if what in ("buy", "sell"):
            pit.send(name, Side(what), shares, limit=price)
        elif what == "stop":
            pit.sell(name, shares, stop=price)
        elif what in ("market", "dump"):
            pit.send(name, Side.BUY if what == "market" else Side.SELL, shares)
        elif working and what == "replace":
            old = pit.order(working[0])
            over = {"stop": price} if old.stop is not None else {"limit": price}
            pit.replace(working[0], name, shares, **over)
        elif working and what == "cancel":
            pit.cancel(working[0])
        elif working:
            pit.exchange.print_through(pit.order(working[0]).order_id, Decimal(shares), pit.now)
        look(pit)
    pit.at(1, 390)
    look(pit)


def adds_up(pit: Pit) -> None:
    state = pit.exchange.state
    cash, shares = CASH, Decimal(0)
    for fill in pit.exchange.fills(DAYS[0]):
        sign = 1 if fill.side is Side.BUY else -1
        shares += sign * fill.quantity
        cash -= sign * fill.quantity * fill.price + fill.fee
    assert cash == state.cash >= 0
    assert shares == state.quantity("AAA") >= 0
    for order in state.orders.values():
        filled = sum(f.quantity for f in pit.exchange.fills(DAYS[0]) if f.order_id == order.order_id)
        assert filled == order.filled <= order.quantity
        assert (order.status == "filled") == (order.filled == order.quantity)


@settings(max_examples=60, deadline=None)
@given(st.tuples(days(), days()), ACTS, st.sampled_from(["0", "3", "900"]))
def test_cash_and_shares_are_what_the_fills_made_of_them(
    made: tuple[TapeBar, TapeBar], acts: list[Act], latency: str
) -> None:
    latencies: dict[str, Any] = {f"{what}_latency_s": latency for what in ("place", "replace", "cancel")}
    play(Pit(pathed(*made), config=ExchangeConfig(), **latencies), acts, adds_up)


class Finely(Pit):
    """A pit whose exchange is told the time every *step* minutes."""

    step = 1

    def at(self, day: int, minute: float) -> Pit:
        target = HOURS.open_at(DAYS[day]) + timedelta(minutes=minute)
        while self.now + timedelta(minutes=self.step) < target:
            self.now += timedelta(minutes=self.step)
            self.exchange.advance(self.now)
        return super().at(day, minute)


@settings(max_examples=25, deadline=None)
@given(st.tuples(days(), days()), ACTS, st.integers(1, 50), st.sampled_from(["0", "200"]))
def test_time_cut_in_any_way_plays_the_same(
    made: tuple[TapeBar, TapeBar], acts: list[Act], step: int, latency: str
) -> None:
    coarse, fine = (kind(pathed(*made), replace_latency_s=latency) for kind in (Pit, Finely))
    assert isinstance(fine, Finely)
    fine.step = step
    play(coarse, acts, lambda pit: None)
    play(fine, acts, lambda pit: None)
    assert coarse.told() == fine.told()


@given(days(), st.sampled_from([60, 300]))
def test_the_bars_of_a_day_give_it_back(made: TapeBar, seconds: int) -> None:
    prices = (made.open, made.high, made.low, made.close)
    bars = day_bars(prices, made.volume, HOURS.open_at(DAYS[0]), HOURS.close_at(DAYS[0]), seconds)
    assert prices == (
        bars[0].open,
        max(bar.high for bar in bars),
        min(bar.low for bar in bars),
        bars[-1].close,
    )
    assert made.volume == sum(bar.volume for bar in bars)
    assert all(ticks(a.close) == ticks(b.open) for a, b in pairwise(bars))
