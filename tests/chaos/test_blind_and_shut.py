"""Rows 10, 16, 17 and 20: what cannot be read or is switched off stops entries, and no stop and no exit."""

from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import pytest

from execution_v2.ports import Ports
from schemas.book import Leg, OrderType, Side, TimeInForce
from schemas.observations import BrokerOrder
from schemas.reasons.execution import BrokerCode
from schemas.reasons.gates import RecordCode
from simulation.config import IntradayConfig
from simulation.fault_plan import Fault
from tests.chaos.lines import Counting, Refusing, counted
from tests.chaos.week import Week
from tests.execution_v2.watched import Watched, events
from tests.portfolio.books import control
from tests.simulation.world import Want, usd

KILLED: Final = {"control": control(kill_env=True)}
RISE: Final = {3: ("50.00", "53.50", "50.00", "53.40")}


def held(bars: Any = None, **over: Any) -> Watched:
    """161 shares with their stop at 47.00."""
    made = Watched(bars, want=Want(r1="53.00", r2="80.00"), **over)
    made.cycle(5)
    assert (161, [(161, usd("47.00"))]) == (made.held, made.stops())
    return made


def denied(result: Any) -> list[str]:
    return [str(row["code"]) for row in events(result, "entry.denied")]


# -- row 10 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault.READ_FAILED, Fault.EMPTY, Fault.STALL])
def test_row_10_positions_that_are_not_read_or_empty_cancel_no_stop_and_close_nothing(fault: Fault) -> None:
    made = held()
    heard = counted(made, {"positions#*": fault})
    result = made.cycle(10)
    assert [] == heard.asked("cancel", "replace", "submit")
    assert [] == events(result, "position.adjusted")
    made.door = made.broker
    made.cycle(15)
    assert [161] == [int(position.quantity) for position in made.state.positions]
    assert (161, [(161, usd("47.00"))]) == (made.held, made.stops())


# -- row 16 --------------------------------------------------------------------------------------------------


def test_row_16_an_exit_begun_before_the_kill_switch_completes_while_it_is_set() -> None:
    made = Week([{}, {}, {}], want=Want(time_stop=1, r1="80.00", r2="90.00"))
    made.cycle(5)
    made.next_day()
    made.next_day()
    made.door = Refusing(made.door, BrokerCode.BROKER_REJECTED, 3, lambda request: request.stop is None)
    result = made.cycle(5)
    assert ["EXIT_CARRIED"] == [row["reason"] for row in events(result, "stop.held")]
    assert (161, [(161, usd("47.00"))]) == (made.held, made.stops())
    made.cycle(10, **KILLED)
    assert (0, [], ()) == (made.held, made.working(), made.state.positions)
    assert [("EXIT_TIME", 161)] == made.fills()


def test_row_16_with_every_gate_shut_a_working_entry_is_cancelled_once_and_what_it_bought_is_covered() -> (
    None
):
    made = Watched(rules=IntradayConfig(place_latency_s=Decimal(2)))
    heard = counted(made, {"lookup#*": Fault.READ_FAILED, "cancel#*": Fault.REQUEST_LOST})
    made.cycle(5)  # the process believes it works, and could not end it
    heard.calls.clear()
    made.door = made.broker
    result = made.cycle(10, **KILLED)
    assert [] == [request for request in heard.asked("submit") if request.side is Side.BUY]
    assert "buy" not in made.working()
    assert len(events(result, "order.cancelling")) <= 1
    assert made.held == sum(shares for shares, _ in made.stops())


# -- row 17 --------------------------------------------------------------------------------------------------


class FullDisk(Watched):
    """A book whose record cannot be kept from now on."""

    fault: RecordCode | None = None

    def ports(self) -> Ports:
        return replace(super().ports(), record_fault=lambda: self.fault)


def test_row_17_on_a_full_disk_nothing_is_entered() -> None:
    made = FullDisk()
    made.fault = RecordCode.LEDGER_UNAVAILABLE
    heard = counted(made)
    assert ["LEDGER_UNAVAILABLE"] == denied(made.cycle(5))
    assert ([], 0) == (heard.posts(), made.held)


def test_row_17_on_a_full_disk_trims_and_stops_go_on() -> None:
    made = FullDisk(RISE, want=Want(r1="53.00", r2="80.00"))
    made.cycle(5)
    made.fault = RecordCode.LEDGER_UNAVAILABLE
    made.cycle(20)
    assert ([("ENTRY", 161), ("TRIM_R1", 80)], [(81, usd("50.00"))]) == (made.fills(), made.stops())


def test_row_17_in_a_storm_of_429_no_order_is_doubled_and_the_stop_stands_when_it_is_over() -> None:
    made = Watched()
    heard = counted(made, {"submit#*": Fault.RATE_LIMITED, "cancel#*": Fault.RATE_LIMITED})
    began = made.at(5)
    made.cycle(5)
    assert (made.clock.now() - began).total_seconds() <= 300
    assert ([], 0) == (heard.posts(), made.held)
    made.door = made.broker
    made.cycle(10)
    assert (161, [(161, usd("47.00"))]) == (made.held, made.stops())
    assert len(heard.posts()) == len(set(heard.posts()))


# -- row 20 --------------------------------------------------------------------------------------------------


class Shared:
    """An account in which somebody else's order works, too."""

    def __init__(self, inner: Counting) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def open_orders(self) -> Any:
        read = self._inner.open_orders()
        theirs = BrokerOrder(
            order_id="theirs",
            client_order_id="somebody",
            symbol="AAA",
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            quantity=Decimal(1_000),
            filled=Decimal(0),
            limit=usd("49.00"),
            status="open",
        )
        return replace(read, value=(*read.value, theirs))


def test_row_20_a_strangers_order_counts_against_the_caps_and_is_never_touched() -> None:
    made = Watched()
    heard = counted(made)
    made.door = Shared(heard)
    result = made.cycle(5)
    assert denied(result), "1,000 shares at 49.00 leave no room for one entry"
    assert [] == [r for r in heard.asked("cancel", "replace") if r.order_id == "theirs"]
    (told,) = events(result, "sync.checked")
    assert ["FOREIGN_ORDER"] == [row["code"] for row in told["findings"]]


@pytest.mark.parametrize(
    "code", [BrokerCode.INSUFFICIENT_BUYING_POWER, BrokerCode.OPPOSITE_SIDE_ORDER, BrokerCode.BROKER_REJECTED]
)
def test_row_20_an_entry_that_the_broker_refuses_is_tried_three_times_in_a_session_and_no_more(
    code: BrokerCode,
) -> None:
    made = Watched()
    heard = counted(made)
    made.door = Refusing(heard, code, 99, lambda request: request.side is Side.BUY)
    refusals = []
    for minute in (5, 10, 15, 20, 25):
        result = made.cycle(minute)
        refusals += [str(row["reason"]) for row in events(result, "order.rejected")]
    assert [str(code)] * 3 == refusals
    assert ["ATTEMPTS_MAX"] == denied(result)
    assert (3, 0) == (len(made.orders(Leg.ENTRY)), made.held)
