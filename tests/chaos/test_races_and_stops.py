"""Rows 4, 11, 12 and 13: whatever races a stop, one leg lives at most, and what is held is what is covered."""

from typing import Any, Final

import pytest

from execution_v2.reduce import state_digest
from schemas.book import Leg, OrderState
from schemas.reasons.execution import BrokerCode, ReplaceTerminal
from simulation.fault_plan import Fault
from tests.chaos.lines import Refusing, Shuffled, counted
from tests.execution_v2.watched import Watched, events, terminals
from tests.simulation.world import Want, usd

RISE: Final = {3: ("50.00", "53.50", "50.00", "53.40")}
"""At 09:50 the price has passed R1 at 53.00: a trim of 80 is due, and the stop rises to what was paid."""


def risen(script: Any = None, **over: Any) -> Watched:
    """161 shares bought at 09:35; from now on *script* disturbs the line."""
    made = Watched(RISE, want=Want(r1="53.00", r2="80.00"), **over)
    made.cycle(5)
    assert 161 == made.held
    counted(made, script)
    return made


def is_exactly_covered(made: Watched) -> bool:
    return made.held == sum(shares for shares, _ in made.stops())


# -- row 4 ---------------------------------------------------------------------------------------------------


def test_row_4_messages_in_any_order_and_repeated_give_one_end_state_hash_for_hash() -> None:
    ends = set()
    for seed in range(12):
        made = Watched(RISE, want=Want(r1="53.00", r2="80.00"))
        made.door = Shuffled(made.door, seed)
        for minute in (5, 20, 25):
            made.cycle(minute)
        ends.add(state_digest(made.state))
    assert 1 == len(ends)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.UPDATES_LATE,
        Fault.UPDATES_DOUBLED,
        Fault.UPDATES_REORDERED,
        Fault.UPDATES_DROPPED,
        Fault.STREAM_MUTE,
        Fault.STREAM_DOWN,
    ],
)
def test_row_4_a_replace_ends_the_same_however_the_stream_misbehaves(fault: Fault) -> None:
    made = risen({"updates#*": fault})
    result = made.cycle(20)
    assert str(ReplaceTerminal.DONE_REPLACED) == terminals(result)[0]
    assert ([("ENTRY", 161), ("TRIM_R1", 80)], [(81, usd("50.00"))]) == (made.fills(), made.stops())


@pytest.mark.parametrize(
    "fault",
    [
        Fault.ACK_LOST,
        Fault.ACCEPTED_504,
        Fault.DUPLICATE_ID,
        Fault.DUPLICATE_ACK,
        Fault.LATE_ARRIVAL,
        Fault.REPLACE_FILLS_FIRST,
        Fault.REPLACE_REJECTED_LATER,
    ],
)
def test_row_4_of_a_stop_and_its_successor_one_lives_at_most(fault: Fault) -> None:
    made = risen({"replace#1": fault})
    for minute in (20, 25, 30):
        result = made.cycle(minute)
        assert len(made.stops()) <= 1
        assert all(terminals(result)), "every exchange of orders names its end"
    assert is_exactly_covered(made)
    assert {"LIVE"} >= {str(o.state) for o in made.state.orders}


# -- rows 11 and 12 ------------------------------------------------------------------------------------------


def test_row_11_what_the_window_left_is_cancelled_and_what_it_filled_has_its_stop_within_15_seconds() -> None:
    made = Watched(volume=1_000)
    result = made.cycle(5)
    (entry,) = made.orders(Leg.ENTRY)
    assert OrderState.PARTIAL_CANCELLED == entry.state
    assert 0 < made.held < 161
    assert [(made.held, usd("47.00"))] == made.stops()
    gaps = [float(row["longest_s"]) for row in events(result, "stop.covered")]
    assert max(gaps, default=0.0) <= 15


@pytest.mark.parametrize(
    ("code", "times"), [(BrokerCode.STOP_THROUGH_MARKET, 1), (BrokerCode.BROKER_REJECTED, 2)]
)
def test_row_12_a_stop_that_cannot_stand_is_an_exit_in_the_same_cycle(code: BrokerCode, times: int) -> None:
    made = Watched()
    made.door = Refusing(made.door, code, times, lambda request: request.stop is not None)
    made.cycle(5)
    assert (0, [], [("ENTRY", 161), ("EXIT_STOP", 161)]) == (made.held, made.working(), made.fills())


def test_row_12_a_stop_refused_once_for_another_reason_is_sent_again() -> None:
    made = Watched()
    made.door = Refusing(made.door, BrokerCode.BROKER_REJECTED, 1, lambda request: request.stop is not None)
    made.cycle(5)
    assert (161, [(161, usd("47.00"))]) == (made.held, made.stops())


def test_row_12_a_ratchet_accepted_and_then_rejected_leaves_the_old_stop_valid() -> None:
    made = risen({"replace#1": Fault.REPLACE_REJECTED_LATER})
    made.cycle(20)
    assert is_exactly_covered(made)
    made.cycle(25)
    assert ([("ENTRY", 161), ("TRIM_R1", 80)], [(81, usd("50.00"))]) == (made.fills(), made.stops())


def test_row_12_a_stop_that_fills_before_its_ratchet_closes_the_position_and_leaves_no_order() -> None:
    made = risen({"replace#1": Fault.REPLACE_FILLS_FIRST})
    made.cycle(20)
    assert (0, [], ()) == (made.held, made.working(), made.state.positions)


# -- row 13 --------------------------------------------------------------------------------------------------


def test_row_13_a_trim_whose_shares_are_held_sells_nothing_naked_and_is_made_once() -> None:
    made = risen({"submit#1": Fault.HELD_BURST})
    for minute in (20, 25, 30, 35, 40):  # the broker goes on saying so for up to three sales
        made.cycle(minute)
        assert is_exactly_covered(made)
    assert [("ENTRY", 161), ("TRIM_R1", 80)] == made.fills()


def test_row_13_after_a_trim_that_filled_in_part_the_stop_equals_what_is_held() -> None:
    made = risen({"submit#1": Fault.PARTIAL_THEN_REJECT})
    made.cycle(20)
    assert is_exactly_covered(made)
    made.cycle(25)
    assert 80 == sum(shares for reason, shares in made.fills() if reason == "TRIM_R1")
    assert (81, True) == (made.held, is_exactly_covered(made))
