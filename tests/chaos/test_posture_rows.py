"""Rows 3, 5, 6, 7 and 10 as the posture tells them: what is not known makes entries smaller, and holds up no exit."""

from decimal import Decimal
from typing import Final

import pytest

from schemas.book import OrderState
from simulation.config import IntradayConfig
from simulation.fault_plan import Fault
from tests.chaos.lines import counted
from tests.execution_v2.watched import Watched, events
from tests.simulation.world import Want, usd

RISE: Final = {3: ("50.00", "53.50", "50.00", "53.40")}
PLAN: Final = Want(r1="53.00", r2="80.00")
TRIMMED: Final = ([("ENTRY", 161), ("TRIM_R1", 80)], [(81, usd("50.00"))])
DEAF: Final = {"updates#*": Fault.STREAM_DOWN}


def at(made: Watched) -> str:
    return str(made.state.posture.posture)


def walk(made: Watched, *minutes: int) -> list[str]:
    """The posture after the cycle of each of *minutes*."""
    found = []
    for minute in minutes:
        made.cycle(minute)
        found.append(at(made))
    return found


def factors(made: Watched) -> list[float]:
    """The size factor after every tick of the session, each once for as long as it stood."""
    rows = [float(r.data["posture"]["factor"]) for r in made.journal.records if r.event == "tick.taken"]  # type: ignore[index, call-overload, arg-type]
    return [row for number, row in enumerate(rows) if not number or rows[number - 1] != row]


# -- row 3 ---------------------------------------------------------------------------------------------------


def test_row_3_a_fill_after_its_cancel_is_orange_until_synced_and_the_ladder_leads_back() -> None:
    made = Watched(volume=1_000)
    counted(made, {"cancel#1": Fault.FILL_AFTER_CANCEL_ACK})
    made.cycle(5)
    assert ("ORANGE", ("PROOF_OVERTURNED",)) == (at(made), made.state.posture.causes)
    assert made.held == sum(shares for shares, _ in made.stops())
    made.cycle(10)
    assert ("ORANGE", ("RECOVERING",)) == (at(made), made.state.posture.causes), "synced, and not yet trusted"
    assert ["YELLOW", "YELLOW", "GREEN"] == walk(made, 15, 20, 25)


# -- row 5 ---------------------------------------------------------------------------------------------------


def test_row_5_without_the_stream_a_whole_session_is_yellow_and_no_worse_and_entries_are_half() -> None:
    made = Watched(RISE, want=PLAN, script=DEAF)
    minutes = range(0, 390, 5)
    assert ["YELLOW"] * len(minutes) == walk(made, *minutes)
    assert [("ENTRY", 80), ("TRIM_R1", 40)] == made.fills(), "161 shares were decided"
    assert [(40, usd("50.00"))] == made.stops()
    assert ("STREAM_STALE",) == made.state.posture.causes
    assert "THROTTLED" == made.state.lifecycle.state


def test_row_5_when_the_stream_is_back_the_ladder_leads_to_green_after_two_healthy_cycles() -> None:
    made = Watched(script=DEAF)
    assert ["YELLOW"] * 3 == walk(made, 0, 5, 10)
    made.door = made.broker
    assert ["YELLOW", "GREEN"] == walk(made, 15, 20)
    assert "ACTIVE" == made.state.lifecycle.state


# -- row 6 ---------------------------------------------------------------------------------------------------


def test_row_6_two_stale_sources_are_orange_and_what_is_due_is_sold_in_that_cycle() -> None:
    made = Watched(RISE, want=PLAN)
    assert ["GREEN"] * 2 == walk(made, 0, 5)
    made.door = made.faulty({"account#*": Fault.READ_FAILED, **DEAF})
    assert ["ORANGE"] == walk(made, 20)
    assert {"SOURCES_STALE", "REST_STALE", "STREAM_STALE"} <= set(made.state.posture.causes)
    assert TRIMMED == (made.fills(), made.stops())
    assert 0 == made.state.posture.factor


def test_row_6_without_positions_for_two_cycles_it_is_red_and_the_trim_of_the_second_is_sold() -> None:
    made = Watched({5: RISE[3]}, want=PLAN)
    walk(made, 0, 5)
    made.door = made.faulty({"positions#*": Fault.READ_FAILED, **DEAF})
    assert ["ORANGE"] == walk(made, 20)
    assert [(161, usd("47.00"))] == made.stops()
    assert ["RED"] == walk(made, 30)
    assert TRIMMED == (made.fills(), made.stops())
    assert "DEGRADED" == made.state.lifecycle.state


def test_row_6_the_way_back_from_red_takes_seven_cycles_and_begins_with_a_quarter() -> None:
    made = Watched()
    walk(made, 0, 5)
    made.door = made.faulty({"positions#*": Fault.READ_FAILED})
    assert ["ORANGE", "RED"] == walk(made, 10, 15)
    made.door = made.broker
    back = ["RED", "RED", "RED", "ORANGE", "ORANGE", "YELLOW", "YELLOW", "GREEN"]
    assert back == walk(made, *range(20, 60, 5))
    walk(made, *range(60, 105, 5))
    assert [1.0, 0.0, 0.25, 0.5, 1.0] == factors(made)


# -- row 7 ---------------------------------------------------------------------------------------------------


def test_row_7_a_frozen_order_keeps_orange_until_somebody_answers_for_it() -> None:
    made = Watched(rules=IntradayConfig(place_latency_s=Decimal(3_000)))
    counted(made, {"submit#1": Fault.ACK_LOST, "lookup#*": Fault.READ_FAILED})
    walk(made, 5, 10, 15)
    assert [OrderState.FROZEN] == [order.state for order in made.state.orders]
    assert ["ORANGE"] * 3 == walk(made, 20, 25, 30)
    assert ("FROZEN",) == made.state.posture.causes
    made.door = made.broker
    assert ["ORANGE", "YELLOW", "YELLOW", "GREEN"] == walk(made, 35, 40, 45, 50)


# -- row 10 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault.READ_FAILED, Fault.STALL])
def test_row_10_positions_that_are_not_read_are_orange_and_red_in_the_second_cycle(fault: Fault) -> None:
    made = Watched(want=PLAN)
    walk(made, 0, 5)
    made.door = made.faulty({"positions#*": fault})
    assert ["ORANGE", "RED"] == walk(made, 10, 15)
    assert "POSITIONS_UNREAD" == made.state.posture.causes[0]
    assert (161, [(161, usd("47.00"))]) == (made.held, made.stops())


def test_row_10_a_book_that_cannot_see_its_positions_enters_nothing_and_says_why() -> None:
    made = Watched(script={"positions#*": Fault.READ_FAILED})
    made.cycle(0)
    denied = [str(row["code"]) for row in events(made.cycle(5), "entry.denied")]
    assert [] == made.fills()
    assert len(denied) == 1
