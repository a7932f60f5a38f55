"""Rows 1, 2, 3, 7 and 8: an answer that is lost, late or contradicted doubles no order and no share."""

from decimal import Decimal

import pytest

from schemas.book import Leg, OrderState
from simulation.config import IntradayConfig
from simulation.fault_plan import POSSIBLE, Fault
from tests.chaos.lines import counted
from tests.execution_v2.watched import Watched, events
from tests.simulation.world import usd

EVERYTHING = {f"{op}#*": Fault.STALL for op in POSSIBLE if Fault.STALL in POSSIBLE[op]}


def test_row_1_an_acknowledgement_after_the_fill_changes_nothing() -> None:
    made = Watched()
    heard = counted(made, {"submit#1": Fault.ACK_LOST, "updates#*": Fault.UPDATES_REORDERED})
    made.cycle(5)
    (entry,) = made.orders(Leg.ENTRY)
    assert (OrderState.FILLED, [("ENTRY", 161)]) == (entry.state, made.fills())
    told = made.cycle(10)
    assert [] == events(told, "order.filled") + events(told, "order.confirmed")
    assert (161, [(161, usd("47.00"))]) == (made.held, made.stops())
    assert 1 == heard.posts().count(entry.client_order_id)


def test_row_2_a_cancel_of_an_order_that_is_gone_is_decided_by_fills_and_look_ups() -> None:
    made = Watched(volume=1_000)
    heard = counted(made, {"cancel#1": Fault.FILLED_BEFORE_CANCEL})
    made.cycle(5)
    (entry,) = made.orders(Leg.ENTRY)
    assert (OrderState.FILLED, 161) == (entry.state, made.held)
    assert [(161, usd("47.00"))] == made.stops()
    first = next(at for at, (name, _) in enumerate(heard.calls) if name == "cancel")
    after = [request for name, request in heard.calls[first:] if name == "lookup"]
    assert len([request for request in after if request.order_id == entry.order_id]) <= 5


def test_row_3_a_fill_after_the_cancel_was_confirmed_is_booked_once_and_covered() -> None:
    made = Watched(volume=1_000)
    counted(made, {"cancel#1": Fault.FILL_AFTER_CANCEL_ACK})
    results = [made.cycle(5), made.cycle(10), made.cycle(15)]
    told = [row["code"] for result in results for row in events(result, "order.contradicted")]
    assert ["FILL_AFTER_END"] == told
    assert made.held == sum(shares for _, shares in made.fills())
    assert 0 < made.held <= 161, "never above what was wished for"
    assert made.held == sum(shares for shares, _ in made.stops())
    assert 1 == len(made.orders(Leg.ENTRY)), "what filled in part is not tried again"


def test_row_7_when_every_call_times_out_a_cycle_ends_within_its_budgets() -> None:
    made = Watched()
    heard = counted(made)
    made.cycle(5)
    made.door = made.faulty(EVERYTHING)
    heard.calls.clear()
    began = made.at(10)
    result = made.cycle(10)
    assert (made.clock.now() - began).total_seconds() <= 300
    assert 1 == len(events(result, "cycle.ended"))
    assert [] == heard.asked("submit", "cancel", "replace")
    assert [(161, usd("47.00"))] == made.stops()


def test_row_7_an_order_that_nobody_answers_for_is_frozen_after_three_cycles_under_its_one_id() -> None:
    made = Watched(rules=IntradayConfig(place_latency_s=Decimal(3_000)))
    heard = counted(made, {"submit#1": Fault.ACK_LOST, "lookup#*": Fault.READ_FAILED})
    states = []
    for minute in (5, 10, 15):
        made.cycle(minute)
        (entry,) = made.orders(Leg.ENTRY)
        states.append(entry.state)
    assert [OrderState.SUBMIT_UNKNOWN, OrderState.SUBMIT_UNKNOWN, OrderState.FROZEN] == states
    assert [entry.client_order_id] == heard.posts()
    made.door = made.broker
    made.cycle(20)
    assert OrderState.CANCELLED == made.orders(Leg.ENTRY)[0].state
    assert ([], 0) == (made.working(), made.held)
    assert len(heard.posts()) == len(set(heard.posts())), "no id was ever sent twice"


@pytest.mark.parametrize(
    "fault",
    [Fault.ACK_LOST, Fault.ACCEPTED_504, Fault.BODY_CUT, Fault.DUPLICATE_ID, Fault.STALL, Fault.RESET],
)
def test_row_8_an_order_whose_answer_is_lost_is_found_by_its_client_id(fault: Fault) -> None:
    made = Watched()
    heard = counted(made, {"submit#1": fault})
    made.cycle(5)
    made.cycle(10)
    (entry,) = made.orders(Leg.ENTRY)
    assert 161 == made.held
    orders = [o.client_order_id for o in made.exchange.state.orders.values() if o.side == "buy"]
    assert [entry.client_order_id] == orders, "one order at the exchange"
    # DUPLICATE_ID is a line that delivers the one request twice.
    assert heard.posts().count(entry.client_order_id) <= (2 if fault is Fault.DUPLICATE_ID else entry.sends)
    named = {request.client_order_id for request in heard.asked("lookup")}
    assert entry.client_order_id in named
    assert [(161, usd("47.00"))] == made.stops()
