"""A full exit on intraday bars: steps, holders, halts, and stops that are faster, firing or of unknown fate."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from execution_v2.broker.port import Rejected, Seen
from execution_v2.desk import Desk
from execution_v2.leave import cover, leave, step_price
from execution_v2.protect import clear_flat, set_stop
from schemas.book import Leg, OrderType, Side, TimeInForce
from schemas.observations import BrokerOrder
from schemas.reasons.execution import ReplaceTerminal
from simulation.config import IntradayConfig
from simulation.fault_plan import Fault
from tests.execution_v2.watched import Watched
from tests.simulation.world import usd


def bought(**over: Any) -> tuple[Watched, str]:
    """161 shares with their stop at 47.00."""
    made = Watched(**over)
    made.cycle(5)
    (position,) = made.state.positions
    assert [(161, usd("47.00"))] == made.stops()
    return made, position.position_id


def told(desk: Desk, event: str, key: str) -> list[str]:
    return [str(record.data[key]) for record in desk.records if record.event == event]


def test_an_exit_takes_the_stop_away_and_sells_all_at_once() -> None:
    made, name = bought()
    desk = made.desk(10)
    leave(desk, name, "EXIT_TIME", usd("50.00"))
    assert (0, [], [("ENTRY", 161), ("EXIT_TIME", 161)]) == (made.held, made.working(), made.fills())
    assert [ReplaceTerminal.FLATTENED] == told(desk, "replace.ended", "terminal")
    assert [] == desk.carried


def test_its_price_steps_are_50_and_150_bps_below_the_bid_and_then_the_market() -> None:
    made, _ = bought()
    desk = made.desk(10)
    assert [usd("49.75"), usd("49.25"), None] == [step_price(desk, "AAA", n) for n in range(3)]


def test_a_dead_feed_does_not_keep_a_position() -> None:
    made, name = bought()
    made.door = made.faulty({"quotes#*": Fault.READ_FAILED, "bars#*": Fault.READ_FAILED})
    leave(made.desk(10), name, "EXIT_TIME", None)
    (order,) = made.orders(Leg.EXIT)
    assert (0, OrderType.MARKET) == (made.held, order.order_type)


def test_a_rejected_sell_goes_on_to_the_next_step_and_ends_flat() -> None:
    made, name = bought()
    made.door = made.faulty({"submit#1": Fault.PARTIAL_THEN_REJECT})
    leave(made.desk(10), name, "EXIT_TIME", usd("50.00"))
    assert (0, []) == (made.held, made.stops())
    assert 161 == sum(quantity for reason, quantity in made.fills() if reason == "EXIT_TIME")


def test_three_sells_that_are_refused_leave_the_stop_placed_again_and_the_exit_carried() -> None:
    made, name = bought()
    made.door = made.faulty({f"submit#{n}": Fault.REJECT_BURST for n in (1, 2, 3)})
    desk = made.desk(10)
    leave(desk, name, "EXIT_TIME", usd("50.00"))
    assert (161, [name]) == (made.held, desk.carried)
    assert ["EXIT_CARRIED"] == told(desk, "stop.held", "reason")
    made.door = made.broker
    made.cycle(15)
    assert [161] == [quantity for quantity, _ in made.stops()]


def test_a_halted_symbol_keeps_its_stop_and_nothing_is_sent() -> None:
    made, name = bought()
    made.exchange.halt("AAA", made.at(9))
    desk = made.desk(10)
    leave(desk, name, "EXIT_TIME", usd("50.00"))
    assert (161, [(161, usd("47.00"))]) == (made.held, made.stops())
    assert ["HALT_STOP_KEPT"] == told(desk, "stop.held", "reason")
    assert [] == told(desk, "order.submitting", "order")
    made.exchange.resume("AAA", made.at(12))
    leave(made.desk(15), name, "EXIT_TIME", usd("50.00"))
    assert 0 == made.held


def test_after_the_close_an_exit_waits_and_its_stop_stays() -> None:
    made, name = bought()
    desk = made.desk(395)
    leave(desk, name, "EXIT_TIME", usd("50.00"))
    assert (161, [(161, usd("47.00"))], [name]) == (made.held, made.stops(), desk.carried)


def test_the_brokers_own_stop_gets_its_time_to_fire() -> None:
    made, name = bought()
    (stop,) = made.orders(Leg.STOP)
    desk = made.desk(10)
    made.exchange.print_through(str(stop.order_id), None, made.clock.now())
    leave(desk, name, "EXIT_STOP", usd("46.90"))
    assert (0, []) == (made.held, made.orders(Leg.EXIT))


def test_one_that_does_not_fire_within_ten_seconds_is_sold_by_hand() -> None:
    made, name = bought()
    desk = made.desk(10)
    began = made.clock.now()
    leave(desk, name, "EXIT_STOP", usd("46.90"))
    assert 0 == made.held
    assert (made.clock.now() - began).total_seconds() >= 10


def test_a_stop_that_is_firing_is_waited_for_and_nothing_is_sold_beside_it() -> None:
    made, name = bought()
    (stop,) = made.orders(Leg.STOP)
    desk = made.desk(10)
    made.exchange.print_through(str(stop.order_id), Decimal(60), made.clock.now())
    leave(desk, name, "EXIT_STOP", usd("46.90"))
    assert (0, []) == (made.held, made.orders(Leg.EXIT))


def test_one_that_is_still_firing_after_its_time_is_left_alone() -> None:
    made, name = bought()
    (stop,) = made.orders(Leg.STOP)
    made.exchange.print_through(str(stop.order_id), Decimal(60), made.at(10))
    desk = made.desk(10)
    desk.import_fills()
    made.door = made.faulty({"lookup#*": Fault.READ_FAILED})
    desk.ports = made.ports()
    leave(desk, name, "EXIT_STOP", usd("46.90"))
    assert ["STOP_FIRING"] == told(desk, "stop.held", "reason")
    assert ([], [name]) == (made.orders(Leg.EXIT), desk.carried)


def test_while_its_stop_is_of_unknown_fate_no_share_is_sold_twice() -> None:
    made, name = bought()
    made.door = made.faulty({"cancel#*": Fault.REQUEST_LOST, "lookup#*": Fault.READ_FAILED})
    desk = made.desk(10)
    leave(desk, name, "EXIT_TIME", usd("50.00"))
    assert (161, []) == (made.held, made.orders(Leg.EXIT))
    assert [ReplaceTerminal.GAVE_UP_OLD_MAYBE_LIVE] == told(desk, "replace.ended", "terminal")
    assert name in desk.carried


def test_a_fill_that_comes_before_the_cancel_is_never_sold_again() -> None:
    made, name = bought()
    made.door = made.faulty({"cancel#1": Fault.FILLED_BEFORE_CANCEL})
    leave(made.desk(10), name, "EXIT_TIME", usd("50.00"))
    assert 161 == sum(quantity for reason, quantity in made.fills() if reason != "ENTRY")
    assert (0, []) == (made.held, made.working())


def test_shares_that_a_strangers_order_holds_are_left_and_told() -> None:
    made, name = bought()
    desk = made.desk(10)
    made.door = _Held(made.door, Decimal(61))
    desk.ports = made.ports()
    leave(desk, name, "EXIT_TIME", usd("50.00"))
    assert "HELD_BY_OTHERS" in told(desk, "stop.held", "reason")
    assert ("EXIT_TIME", 100) in made.fills()
    assert 61 == made.held


class _Held:
    """A line to a broker at which somebody else's order holds shares."""

    def __init__(self, inner: Any, quantity: Decimal) -> None:
        self._inner = inner
        self._quantity = quantity

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def submit(self, request: Any) -> Any:
        if request.side is Side.SELL and request.quantity > 161 - self._quantity:
            return Rejected(reason="INSUFFICIENT_QTY_HELD", raw="held")
        return self._inner.submit(request)

    def open_orders(self) -> Any:
        read = self._inner.open_orders()
        theirs = BrokerOrder(
            order_id="theirs",
            client_order_id="somebody",
            symbol="AAA",
            side=Side.SELL,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            quantity=self._quantity,
            filled=Decimal(0),
            limit=usd("90.00"),
            status="open",
        )
        return Seen(as_of=read.as_of, value=(*read.value, theirs))


# -- stops ---------------------------------------------------------------------------------------------------


def test_a_stop_through_the_market_is_an_exit_in_the_same_cycle() -> None:
    made, name = bought()
    (stop,) = made.orders(Leg.STOP)
    made.exchange.kill(str(stop.order_id), made.at(8))
    made.cycle(10)
    assert [161] == [quantity for quantity, _ in made.stops()], "a lost stop is placed again"
    desk = made.desk(12)
    assert set_stop(desk, name, usd("47.00"), Decimal(0), "planned")
    assert [] == made.stops()
    desk = made.desk(13)
    assert not set_stop(desk, name, usd("50.50"), Decimal(161), "planned")


def test_a_stop_older_than_eighty_days_is_issued_again_as_it_is() -> None:
    made, name = bought()
    desk = made.desk(10)
    old = desk.inputs.session_date - timedelta(days=81)
    desk.fold.orders = {
        key: order.model_copy(update={"session_date": old}) for key, order in desk.fold.orders.items()
    }
    cover(desk, name, None)
    before, after = made.orders(Leg.STOP)
    assert (before.stop, before.quantity, 1) == (after.stop, after.quantity, after.revision)
    assert [(161, usd("47.00"))] == made.stops()


def test_shares_that_a_stop_cannot_take_over_yet_get_one_of_their_own_and_are_merged_later() -> None:
    made, name = bought(rules=IntradayConfig())
    desk = made.desk(10)
    assert set_stop(desk, name, usd("47.00"), Decimal(100), "planned")
    assert [(100, usd("47.00"))] == made.stops()
    desk = made.desk(11)
    (row,) = made.exchange.open_orders()
    desk.shown = {row.order_id: row.model_copy(update={"status": "accepted"})}
    cover(desk, name, None)
    assert [(100, usd("47.00")), (61, usd("47.00"))] == made.stops()
    assert ["ABORT_NOT_READY"] == told(desk, "replace.ended", "terminal")
    desk = made.desk(12)
    cover(desk, name, None)
    assert [(161, usd("47.00"))] == made.stops()


def test_of_two_stops_that_would_sell_more_than_is_held_the_tightest_stays() -> None:
    made, name = bought()
    desk = made.desk(10)
    assert set_stop(desk, name, usd("47.00"), Decimal(100), "planned")
    desk = made.desk(11)
    (row,) = made.exchange.open_orders()
    desk.shown = {row.order_id: row.model_copy(update={"status": "accepted"})}
    cover(desk, name, None)
    desk = made.desk(12)
    assert set_stop(desk, name, usd("47.50"), Decimal(120), "trail")
    assert [(120, usd("47.50"))] == made.stops()


def test_a_stop_without_a_position_is_taken_away() -> None:
    made, name = bought()
    desk = made.desk(10)
    del desk.fold.positions[name]
    clear_flat(desk)
    assert [] == made.stops()
