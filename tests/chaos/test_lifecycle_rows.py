"""Rows 16 to 18 as the lifecycle tells them: what stops entries says so, ends as stated, and holds up no exit."""

from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import pytest

from execution_v2.lifecycle import LifecycleConfig
from execution_v2.ports import Ports
from schemas.book import OrderState
from schemas.events import KillSet, OperatorAct
from schemas.reasons.gates import RecordCode
from simulation.fault_plan import Fault
from tests.chaos.week import Week
from tests.execution_v2.watched import Watched
from tests.portfolio.books import control
from tests.simulation.world import CONFIG, Want, usd

KILLED: Final = {"control": control(kill_env=True)}
TENDER: Final = replace(CONFIG, lifecycle=LifecycleConfig(throttled_max=Decimal("0.010000")))
"""A hundredth of a cycle's requests turned away is too much."""
RISE: Final = {3: ("50.00", "53.50", "50.00", "53.40")}


def stands(made: Watched) -> tuple[str, tuple[str, ...]]:
    state = made.state.lifecycle
    return str(state.state), state.causes


def moves(made: Watched) -> list[tuple[str, str]]:
    """Every transition of the session: where to, and why."""
    rows = [r.data for r in made.journal.records if r.event == "lifecycle.changed"]
    return [(str(row["after"]), str(row["reason"])) for row in rows]


def say(made: Watched, event: str, row: Any) -> None:
    made.journal.append([(event, made.clock.now(), None, row)])


def test_row_16_a_kill_switch_in_mid_exit_is_an_emergency_and_the_exit_completes() -> None:
    made = Watched(RISE, want=Want(r1="53.00", r2="80.00"))
    made.cycle(0)
    made.cycle(5)
    made.exchange.halt("AAA", made.at(19))
    made.cycle(20)  # the trim is due, and waits for trading
    made.exchange.resume("AAA", made.at(22))
    made.cycle(25, **KILLED)
    assert ("EMERGENCY", ("KILL_SWITCH",)) == stands(made)
    assert ([("ENTRY", 161), ("TRIM_R1", 80)], [(81, usd("50.00"))]) == (made.fills(), made.stops())


def test_row_16_the_switch_that_is_gone_waits_for_its_record_and_entries_for_both() -> None:
    made = Watched()
    made.cycle(0, **KILLED)
    made.cycle(5, **KILLED)
    made.cycle(10)
    assert (0, "EMERGENCY") == (made.held, stands(made)[0])
    say(made, "kill.set", KillSet(on=False, operator="jo", reason="looked at it"))
    made.cycle(15)
    assert [("READY", "EMERGENCY_CLEARED"), ("ACTIVE", "ARMED")] == moves(made)[-2:]
    made.cycle(20)
    assert 161 == made.held


class Kept(Watched):
    """A book whose record has *fault* from now on."""

    fault: RecordCode | None = None

    def ports(self) -> Ports:
        return replace(super().ports(), record_fault=lambda: self.fault)


@pytest.mark.parametrize(
    ("fault", "state"),
    [(RecordCode.LEDGER_UNAVAILABLE, "DEGRADED"), (RecordCode.JOURNAL_CORRUPT, "EMERGENCY")],
)
def test_row_17_a_record_that_fails_stops_entries_and_no_trim(fault: RecordCode, state: str) -> None:
    made = Kept(RISE, want=Want(r1="53.00", r2="80.00"))
    made.cycle(0)
    made.cycle(5)
    made.fault = fault
    made.cycle(20)
    assert state == stands(made)[0]
    assert fault in stands(made)[1]
    assert ([("ENTRY", 161), ("TRIM_R1", 80)], [(81, usd("50.00"))]) == (made.fills(), made.stops())


def test_row_17_a_disk_with_room_again_lets_go_on_after_a_whole_cycle_and_a_broken_journal_never() -> None:
    made = Kept()
    made.fault = RecordCode.LEDGER_UNAVAILABLE
    made.cycle(0)
    made.fault = None
    for minute in (5, 10, 15, 20, 25, 30):
        made.cycle(minute)
    assert [
        ("DEGRADED", "LEDGER_UNAVAILABLE"),
        ("READY", "DEGRADE_CLEARED"),
        ("THROTTLED", "ARMED"),
        ("ACTIVE", "THROTTLE_CLEARED"),
    ] == moves(made)
    assert 80 == made.held, "the first entry after it was half the size"
    made.fault = RecordCode.JOURNAL_CORRUPT
    made.cycle(35)
    made.fault = None
    for minute in (40, 45, 50, 55):
        made.cycle(minute)
    assert "EMERGENCY" == stands(made)[0]
    row = OperatorAct(verb="ack", operator="jo", reason="rebuilt", subject="JOURNAL_CORRUPT")
    say(made, "operator.acted", row)
    made.cycle(60)
    assert ("DEGRADED", ("POSTURE_RED", "OPERATOR_PAUSE")) == stands(made)


def test_row_17_a_429_slows_entries_down_for_a_whole_cycle_and_the_trim_comes_a_cycle_later() -> None:
    made = Watched(RISE, want=Want(r1="53.00", r2="80.00"), config=TENDER)
    made.cycle(0)
    made.cycle(5)
    made.door = made.faulty({"submit#1": Fault.RATE_LIMITED})
    made.cycle(20)
    assert ("THROTTLED", ("API_PRESSURE",)) == stands(made)
    made.door = made.broker
    made.cycle(25)
    assert ([("ENTRY", 161), ("TRIM_R1", 80)], [(81, usd("50.00"))]) == (made.fills(), made.stops())
    assert [("THROTTLED", "API_PRESSURE"), ("ACTIVE", "THROTTLE_CLEARED")] == moves(made)[-2:]


def test_row_18_monday_begins_at_init_and_nothing_improves_before_its_second_cycle() -> None:
    made = Week(
        [{}, {}, {}, RISE, {0: ("53.40", "53.40", "53.40", "53.40")}], want=Want(r1="53.00", r2="80.00")
    )
    made.cycle(0)
    made.cycle(5)
    for _ in range(3):
        made.next_day()
    made.door = made.faulty({"replace#1": Fault.ACK_LOST, "lookup#*": Fault.READ_FAILED})
    made.cycle(20)
    (unknown,) = [o for o in made.state.orders if o.state is OrderState.REPLACE_UNKNOWN]
    assert Decimal(161) == unknown.quantity
    assert "ORANGE" == made.state.posture.posture
    made.next_day()
    made.door = made.broker
    made.cycle(0)
    assert [("INIT", "SESSION_OPENED"), ("READY", "REBUILD_RELEASED")] == moves(made)
    assert "ORANGE" == made.state.posture.posture, "a first cycle improves nothing"
    made.cycle(5)
    made.cycle(10)
    assert [("THROTTLED", "ARMED")] == moves(made)[2:]
