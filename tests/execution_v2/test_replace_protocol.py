"""Each row of the replace protocol at an exchange that misbehaves by script."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from execution_v2.replace import points
from execution_v2.resolve import find_in_flight, resolve
from schemas.book import Leg, OrderState
from schemas.reasons.execution import ReplaceTerminal
from simulation.config import IntradayConfig
from simulation.fault_plan import Fault
from tests.execution_v2.watched import Watched, events, terminals
from tests.simulation.world import Want, usd

T = ReplaceTerminal
RISE = {3: ("50.00", "53.50", "50.00", "53.40")}
"""Past R1 at 53.00 the stop goes to breakeven, by one replace with room for the trim."""


def risen(**over: Any) -> Watched:
    """161 shares bought at 09:35; at 09:50 the price has passed R1."""
    made = Watched(RISE, want=Want(r1="53.00", r2="80.00"), **over)
    made.cycle(5)
    assert 161 == made.held
    return made


def test_a_replace_is_done_when_the_old_order_shows_replaced() -> None:
    made = risen()
    result = made.cycle(20)
    assert [str(T.DONE_REPLACED)] == terminals(result)[:1]
    (row, *_) = events(result, "replace.ended")
    assert (0, 1) == (row["points"], row["queries"])
    assert [("ENTRY", 161), ("TRIM_R1", 80)] == made.fills()
    assert [(81, usd("50.00"))] == made.stops()


def test_accepted_is_not_replaced_and_a_slow_venue_is_waited_for() -> None:
    made = risen(rules=IntradayConfig(replace_latency_s=Decimal("1.5")))
    result = made.cycle(20)
    (row, *_) = events(result, "replace.ended")
    assert str(T.DONE_REPLACED) == row["terminal"]
    assert float(row["wall_s"]) >= 1.5
    assert [81] == [quantity for quantity, _ in made.stops()]


def test_accepted_and_rejected_afterwards_keeps_the_old_stop() -> None:
    made = risen(script={"replace#1": Fault.REPLACE_REJECTED_LATER})
    result = made.cycle(20)
    assert str(T.DONE_OLD_KEPT) == terminals(result)[0]
    assert OrderState.REJECTED in {o.state for o in made.orders(Leg.STOP)}
    assert made.held == sum(quantity for quantity, _ in made.stops())


def test_a_stop_that_filled_first_leaves_nothing_to_replace() -> None:
    made = risen(script={"replace#1": Fault.REPLACE_FILLS_FIRST})
    result = made.cycle(20)
    assert str(T.DONE_FILLED_BEFORE_REPLACE) == terminals(result)[0]
    assert (0, [], []) == (made.held, made.stops(), made.working())


@pytest.mark.parametrize("fault", [Fault.ACCEPTED_504, Fault.ACK_LOST, Fault.BODY_CUT])
def test_an_unanswered_replace_that_landed_is_found_and_not_sent_again(fault: Fault) -> None:
    made = risen(script={"replace#1": fault})
    result = made.cycle(20)
    (row, *_) = events(result, "replace.ended")
    assert (str(T.DONE_REPLACED), 2) == (row["terminal"], row["points"])
    assert 1 == len(events(result, "order.replacing"))
    assert [81] == [quantity for quantity, _ in made.stops()]


def test_a_replace_that_provably_never_arrived_is_sent_once_more_under_its_id() -> None:
    made = risen(script={"replace#1": Fault.REQUEST_LOST})
    result = made.cycle(20)
    sent = [row["successor"] for row in events(result, "order.replacing")][:2]
    assert [1, 2] == [row["sends"] for row in sent]
    assert 1 == len({row["client_order_id"] for row in sent})
    assert str(T.DONE_REPLACED) == terminals(result)[0]


def test_two_lost_answers_are_four_points_and_it_is_given_up() -> None:
    made = risen(script={"replace#*": Fault.REQUEST_LOST})
    result = made.cycle(20)
    (row, *_) = events(result, "replace.ended")
    assert 4 == row["points"]
    assert row["terminal"] in (T.DONE_OLD_KEPT, T.GAVE_UP_NEW_MAYBE_LIVE)
    # Nothing was sold: the old stop still claims every share.
    assert [("ENTRY", 161)] == made.fills()
    assert [161] == [quantity for quantity, _ in made.stops()]


def test_nobody_answers_and_the_new_order_may_be_live() -> None:
    made = risen(script={"replace#1": Fault.ACK_LOST, "lookup#*": Fault.READ_FAILED})
    result = made.cycle(20)
    assert str(T.GAVE_UP_NEW_MAYBE_LIVE) in terminals(result)
    assert any(o.state is OrderState.REPLACE_UNKNOWN for o in made.orders(Leg.STOP))
    assert [("ENTRY", 161)] == made.fills()
    made.door = made.broker
    made.cycle(25)
    made.cycle(30)
    assert made.held == sum(quantity for quantity, _ in made.stops())


@pytest.mark.parametrize("is_answered", [True, False])
def test_an_accepted_successor_stands_only_once_the_order_before_it_is_seen_to_be_gone(
    is_answered: bool,
) -> None:
    made = risen(rules=IntradayConfig(replace_latency_s=Decimal(900)))
    made.cycle(20)
    (old,) = (o for o in made.orders(Leg.STOP) if o.state is OrderState.REPLACE_UNKNOWN)
    silent = {} if is_answered else {f"lookup#{number}": Fault.READ_FAILED for number in range(2, 20)}
    made.door = made.faulty(silent)
    desk = made.desk(22)
    resolve(desk, old)
    # Whether the old one is shown working or not shown at all: all 161 shares may still be sold by it.
    assert OrderState.REPLACE_UNKNOWN is desk.known(old.ord_id).state
    assert [OrderState.CREATED] == [o.state for o in desk.fold.orders.values() if o.replaces == old.ord_id]
    made.door = made.broker
    desk = made.desk(37)
    resolve(desk, desk.known(old.ord_id))
    assert OrderState.REPLACED is desk.known(old.ord_id).state


def test_with_the_window_spent_only_what_lowers_a_sale_is_replaced() -> None:
    made = risen()
    config = made.config.execution.model_copy(update={"replaces_per_cycle_symbol_max": 0})
    made.config = replace(made.config, execution=config)
    # Room for the trim is made from the reserve, for it lowers what may be sold.
    result = made.cycle(20)
    assert [("ENTRY", 161), ("TRIM_R1", 80)] == made.fills()
    assert {"RESERVED_BUDGET"} == {
        row["reason"] for row in events(result, "router.decided") if row["decision"] == "REPLACE"
    }


def test_points_count_what_was_ambiguous_and_nothing_else() -> None:
    made = risen(script={"replace#1": Fault.ACK_LOST})
    result = made.cycle(20)
    assert 2 == points(result.records)
    assert 0 == points(risen().cycle(20).records)


def test_while_nobody_knows_of_the_old_stop_its_successor_is_not_settled_on_its_own() -> None:
    made = risen(rules=IntradayConfig(replace_latency_s=Decimal(900)))
    made.cycle(20)
    desk = made.desk(22)
    find_in_flight(desk)
    (old,) = (o for o in desk.fold.orders.values() if o.state is OrderState.REPLACE_UNKNOWN)
    assert [OrderState.CREATED] == [o.state for o in desk.fold.orders.values() if o.replaces == old.ord_id]
    assert made.held >= sum(int(o.quantity) for o in desk.fold.orders.values() if o.state is OrderState.LIVE)
