"""The exchange plays a day by its bar: every rule by one example, typed by hand, and its log is its memory."""

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from execution_v2.broker.port import (
    CancelOrder,
    Confirmed,
    Found,
    LookUp,
    NotFound,
    Outcome,
    Rejected,
    ReplaceOrder,
    SubmitOrder,
)
from ledger import layout
from ledger.disk import LocalDisk
from schemas.book import OrderType, Side, TimeInForce
from schemas.market import ActionKind, CorporateAction
from schemas.observations import BrokerOrder
from simulation.exchange import Exchange
from simulation.tape import TapeBar
from tests.simulation.world import BOOK, DAYS, WeekHours, World, bar, usd

FLAT = bar("50.00", "50.50", "49.50", "50.20")
HOURS = WeekHours()


class Floor:
    """An exchange on two typed days of AAA, and a hand that sends orders to it."""

    def __init__(self, root: Path, *days: TapeBar | None, **over: Any) -> None:
        bars = {("AAA", DAYS[n]): row for n, row in enumerate(days) if row is not None}
        self.world = World(disk=LocalDisk(root), bars=bars, **over)
        self.exchange: Exchange = self.world.exchange
        self.now: datetime = HOURS.open_at(DAYS[0])

    def at(self, day: int, minute: int) -> "Floor":
        """*minute* minutes after the open of that day; 390 is the close."""
        self.now = HOURS.open_at(DAYS[day]) + timedelta(minutes=minute)
        self.exchange.advance(self.now)
        return self

    def send(self, name: str, side: Side, quantity: int, **over: Any) -> Outcome:
        kind = OrderType.STOP if "stop" in over else OrderType.LIMIT if "limit" in over else OrderType.MARKET
        request = SubmitOrder(
            client_order_id=name,
            symbol="AAA",
            side=side,
            quantity=Decimal(quantity),
            order_type=kind,
            time_in_force=TimeInForce.GTC if kind is OrderType.STOP else TimeInForce.DAY,
            **{key: usd(value) for key, value in over.items()},
        )
        return self.exchange.submit(request, self.now)

    def order(self, name: str) -> BrokerOrder:
        found = self.exchange.lookup(LookUp(client_order_id=name))
        assert isinstance(found, Found)
        return found.order

    def prices(self, day: int) -> list[Decimal]:
        return [fill.price for fill in self.exchange.state.fills[DAYS[day]]]

    def bought(self, quantity: int = 100) -> "Floor":
        """Holding *quantity* shares, bought at the first open."""
        self.at(0, 5).send("buy", Side.BUY, quantity, limit="51.00")
        return self


def reason(outcome: Outcome) -> str:
    assert isinstance(outcome, Rejected)
    return outcome.reason


def test_a_buy_after_the_open_pays_the_open_and_its_cost(tmp_path: Path) -> None:
    floor = Floor(tmp_path, FLAT).bought()
    assert [usd("50.0225")] == floor.prices(0)  # 4.5 bps of 50.00
    assert usd("94997.75") == floor.exchange.state.cash


def test_a_limit_below_open_plus_cost_is_missed_although_the_day_trades_lower(tmp_path: Path) -> None:
    floor = Floor(tmp_path, FLAT).at(0, 5)
    floor.send("low", Side.BUY, 100, limit="50.02")
    floor.at(0, 390)
    assert ("expired", Decimal(0)) == (floor.order("low").status, floor.order("low").filled)


def test_a_buy_takes_at_most_five_percent_of_the_days_volume(tmp_path: Path) -> None:
    floor = Floor(tmp_path, bar("50.00", "50.50", "49.50", "50.20", volume=1_999)).bought()
    assert ("open", Decimal(99)) == (floor.order("buy").status, floor.order("buy").filled)


def test_a_day_without_volume_or_bar_fills_nothing_and_takes_no_order(tmp_path: Path) -> None:
    floor = Floor(tmp_path, bar("50", "50", "50", "50", volume=0), None).at(0, 5)
    assert "NOT_TRADABLE" == reason(floor.send("a", Side.BUY, 1, limit="51.00"))
    assert "NOT_TRADABLE" == reason(floor.at(1, 5).send("b", Side.BUY, 1, limit="51.00"))


def test_a_stop_that_the_open_gaps_through_fills_at_the_open_less_cost(tmp_path: Path) -> None:
    floor = Floor(tmp_path, FLAT, bar("46.00", "47", "45", "46.5")).bought()
    floor.send("stop", Side.SELL, 100, stop="48.00")
    floor.at(1, 0)
    assert [usd("45.9793")] == floor.prices(1)  # 46.00 * 0.99955, down


def test_a_stop_touched_in_the_bar_fills_at_the_stop_less_cost_and_before_a_target(tmp_path: Path) -> None:
    floor = Floor(tmp_path, bar("50.00", "56.00", "47.90", "55.00")).bought()
    floor.send("stop", Side.SELL, 50, stop="48.00")
    floor.send("target", Side.SELL, 50, limit="53.00")
    floor.at(0, 390)
    assert [usd("50.0225"), usd("47.9784")] == floor.prices(0)
    assert "expired" == floor.order("target").status


def test_a_target_sent_after_the_close_fills_at_its_price_or_a_better_open_without_cost(
    tmp_path: Path,
) -> None:
    floor = Floor(tmp_path, FLAT, bar("54.00", "56.00", "52.00", "55.00")).bought()
    floor.at(1, 390)
    floor.send("r1", Side.SELL, 50, limit="53.00")
    floor.send("r2", Side.SELL, 25, limit="55.50")
    floor.send("r3", Side.SELL, 10, limit="56.01")
    assert [usd("54.00"), usd("55.50")] == floor.prices(1)
    assert "open" == floor.order("r3").status
    assert "expired" == floor.at(2, 0).order("r3").status


def test_a_market_sell_pays_the_cost_at_the_open_and_at_the_close(tmp_path: Path) -> None:
    floor = Floor(tmp_path, FLAT).bought()
    floor.send(
        "now",
        Side.SELL,
        40,
    )
    floor.at(0, 390).send("later", Side.SELL, 60)
    assert [usd("49.9775"), usd("50.1774")] == floor.prices(0)[1:]


def test_refusals_name_their_reason_and_change_nothing(tmp_path: Path) -> None:
    floor = Floor(tmp_path, FLAT).bought()
    before = floor.world.disk.read(layout.exchange(BOOK))
    assert "DUPLICATE_CLIENT_ID" == reason(floor.send("buy", Side.BUY, 1, limit="51.00"))
    assert "INSUFFICIENT_BUYING_POWER" == reason(floor.send("x", Side.BUY, 3000, limit="51.00"))
    assert "INSUFFICIENT_QTY_HELD" == reason(floor.send("x", Side.SELL, 101))
    assert "STOP_THROUGH_MARKET" == reason(floor.send("x", Side.SELL, 100, stop="50.00"))
    assert "BROKER_REJECTED" == reason(floor.send("x", Side.SELL, 0, stop="48.00"))
    assert before == floor.world.disk.read(layout.exchange(BOOK))


def test_shares_of_a_working_sell_are_held_and_no_buy_stands_beside_a_stop(tmp_path: Path) -> None:
    floor = Floor(tmp_path, FLAT).bought()
    floor.send("stop", Side.SELL, 60, stop="48.00")
    assert "INSUFFICIENT_QTY_HELD" == reason(floor.send("x", Side.SELL, 41))
    assert "OPPOSITE_SIDE_ORDER" == reason(floor.send("x", Side.BUY, 1, limit="51.00"))


def test_a_stop_is_refused_while_a_buy_works(tmp_path: Path) -> None:
    floor = Floor(tmp_path, bar("50", "50.5", "49.5", "50.2", volume=1000)).bought()
    assert "OPPOSITE_SIDE_ORDER" == reason(floor.send("stop", Side.SELL, 10, stop="48.00"))


def test_a_replace_is_one_step_under_a_new_id_or_leaves_the_old_order_as_it_is(tmp_path: Path) -> None:
    floor = Floor(tmp_path, FLAT).bought()
    floor.send("stop", Side.SELL, 100, stop="48.00")
    old = floor.order("stop")

    def replace(name: str, quantity: int, stop: str) -> Outcome:
        request = ReplaceOrder(
            order_id=old.order_id, client_order_id=name, quantity=Decimal(quantity), stop=usd(stop)
        )
        return floor.exchange.replace(request, floor.now)

    assert "STOP_THROUGH_MARKET" == reason(replace("high", 100, "50.00"))
    assert "INSUFFICIENT_QTY_HELD" == reason(replace("more", 101, "49.00"))
    assert old == floor.order("stop")
    assert isinstance(replace("next", 60, "49.00"), Confirmed)
    new = floor.order("next")
    assert ("replaced", new.order_id) == (floor.order("stop").status, floor.order("stop").replaced_by)
    assert ("open", Decimal(60), usd("49.00")) == (new.status, new.quantity, new.stop)
    assert "NOT_WORKING" == reason(replace("again", 60, "49.10"))
    assert "NOT_WORKING" == reason(floor.exchange.cancel(CancelOrder(order_id=old.order_id), floor.now))


def split(num: int, den: int) -> CorporateAction:
    return CorporateAction(symbol="AAA", ex_date=DAYS[1], kind=ActionKind.SPLIT, ratio_num=num, ratio_den=den)


def test_a_split_adjusts_shares_and_stop_and_pays_the_fraction_in_cash(tmp_path: Path) -> None:
    after = bar("33.00", "33.50", "32.50", "33.20")
    floor = Floor(tmp_path, FLAT, after, acts=(split(3, 2),)).bought(101)
    floor.send("stop", Side.SELL, 101, stop="47.11")
    cash = floor.exchange.state.cash
    floor.at(1, 0)
    assert {"AAA": (Decimal(151), usd("33.348333"))} == floor.exchange.state.holdings
    stop = floor.order("stop")
    assert (Decimal(151), usd("31.40"), "open") == (stop.quantity, stop.stop, stop.status)
    # Half a share at the close before, 50.20 * 2/3 = 33.466666...
    assert usd("16.733333") == floor.exchange.state.cash - cash


def test_a_dividend_pays_the_shares_held_at_the_close_before(tmp_path: Path) -> None:
    paid = CorporateAction(symbol="AAA", ex_date=DAYS[1], kind=ActionKind.CASH_DIVIDEND, cash_usd=usd("0.25"))
    floor = Floor(tmp_path, FLAT, FLAT, acts=(paid,)).bought()
    cash = floor.exchange.state.cash
    assert usd("25") == floor.at(1, 0).exchange.state.cash - cash


def test_the_log_alone_gives_the_same_exchange_again(tmp_path: Path) -> None:
    floor = Floor(tmp_path, FLAT, bar("46.00", "47", "45", "46.5")).bought()
    floor.send("stop", Side.SELL, 60, stop="48.00")
    floor.at(1, 390)
    again = Floor(tmp_path, FLAT, bar("46.00", "47", "45", "46.5")).exchange.state
    mine = floor.exchange.state
    assert (mine.cash, mine.holdings, mine.orders) == (again.cash, again.holdings, again.orders)
    assert (mine.fills, mine.session, mine.stage) == (again.fills, again.session, again.stage)


def test_a_torn_last_line_is_a_call_that_never_arrived(tmp_path: Path) -> None:
    floor = Floor(tmp_path, FLAT).bought()
    path = tmp_path / layout.exchange(BOOK)
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    again = Floor(tmp_path, FLAT).at(0, 5)
    assert isinstance(again.exchange.lookup(LookUp(client_order_id="buy")), NotFound)
    again.bought()
    assert whole == path.read_bytes()
    assert floor.order("buy") == again.order("buy")


def test_no_price_is_shown_before_its_time(tmp_path: Path) -> None:
    world = Floor(tmp_path, FLAT).world
    for minute, last, bars in ((-60, None, 0), (0, "50.00", 0), (5, "50.00", 0), (390, "50.20", 1)):
        world.at = HOURS.open_at(DAYS[0]) + timedelta(minutes=minute)
        quotes, days = world.sim.quotes(["AAA"]), world.sim.day_bars(["AAA"], DAYS[0])
        assert quotes.answer == days.answer == "seen"
        assert ([] if last is None else [usd(last)]) == [row.last for row in quotes.value]
        assert bars == len(days.value)


@pytest.mark.parametrize("minute", [-60, 395])
def test_day_orders_find_no_market_before_the_open(minute: int, tmp_path: Path) -> None:
    floor = Floor(tmp_path, FLAT, FLAT).bought()
    outcome = floor.at(1, minute).send("x", Side.SELL, 10)
    assert (minute > 0) == isinstance(outcome, Confirmed)
