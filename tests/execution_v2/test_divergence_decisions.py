"""A decision that does not follow from what stands beside it is found: gates, entries, the router, ticks."""

from collections.abc import Callable
from typing import Any

import pytest

from execution_v2.divergence_decisions import Decisions
from execution_v2.reduce import Fold, empty_state
from schemas.events import (
    RouterDecided,
    TickTaken,
)
from schemas.header import Finding
from schemas.journal import JournalRecord
from schemas.lifecycle import LifecycleState
from schemas.order_events import OrderSubmitting, RouterFacts
from schemas.posture import PostureState
from schemas.tick import (
    DivergenceCategory,
    Posture,
)
from tests.execution_v2.shadowed import Shadowed, authorised
from tests.execution_v2.ticks import quiet

C = DivergenceCategory


def test_a_gate_that_failed_and_an_entry_that_was_authorised_all_the_same_are_a_decision() -> None:
    made = Shadowed()
    told = authorised(made)
    shut = told.gates[0].model_copy(
        update={"passed": False, "findings": (Finding(code="KILL_SWITCH_ENV", subject="env"),)}
    )
    other = told.model_copy(update={"gates": (shut, *told.gates[1:]), "symbol": "BBB", "intent_id": "int_b"})
    made.note(("entry.authorised", other))
    assert [(C.DECISION, Posture.ORANGE, False)] == made.found()


@pytest.mark.parametrize(
    "gates",
    [
        lambda rows: rows[1:],
        lambda rows: (rows[1], rows[0], *rows[2:]),
        lambda rows: (rows[0].model_copy(update={"passed": False}), *rows[1:]),
    ],
    ids=["one was not asked", "out of order", "failed without a finding"],
)
def test_gates_that_were_not_asked_as_the_table_says_are_a_decision(gates: Callable[[Any], Any]) -> None:
    made = Shadowed()
    told = authorised(made)
    made.note(
        ("entry.authorised", told.model_copy(update={"gates": gates(told.gates), "symbol": "BBB"})),
    )
    assert {C.DECISION} == {row[0] for row in made.found()}


def test_an_entry_into_what_the_record_shows_open_or_sent_as_nobody_authorised_is_a_decision() -> None:
    made = Shadowed()
    made.note(("entry.authorised", authorised(made)))
    assert [C.DECISION] == [row[0] for row in made.found()]
    assert "/gates/repetition" == made.check()[0].pointer
    unasked = Shadowed()
    entry = next(o for o in unasked.day.state.ended_today if o.leg == "E")
    again = entry.model_copy(update={"ord_id": "ord_b", "client_order_id": "aw1-b", "intent_id": "int_b"})
    unasked.note(("order.submitting", OrderSubmitting(order=again)))
    assert [(C.DECISION, Posture.ORANGE, False)] == unasked.found()


def test_a_denial_by_another_code_than_its_first_failing_gate_is_a_decision() -> None:
    shadowed = Shadowed()
    told = authorised(shadowed)
    shut = told.gates[1].model_copy(
        update={"passed": False, "findings": (Finding(code="KILL_SWITCH_ENV", subject="env"),)}
    )
    data = {
        "intent_id": "int_b",
        "strategy_id": told.strategy_id,
        "sleeve_id": told.sleeve_id,
        "symbol": "BBB",
        "findings": [],
        "gates": [g.model_dump(mode="json") for g in (told.gates[0], shut, *told.gates[2:])],
    }
    for code, expected in (("KILL_SWITCH_ENV", []), ("QUOTE_STALE", [C.DECISION])):
        shadowed.journal.append([("entry.denied", shadowed.day.clock.now(), "1000", {**data, "code": code})])
        assert expected == [each[0] for each in shadowed.found()]


def test_a_router_row_that_its_own_facts_do_not_lead_to_is_a_decision() -> None:
    made = Shadowed()
    (row,) = [r for r in made.records() if r.event == "router.decided"]
    told = RouterDecided.model_validate(row.data)
    assert isinstance(told.facts, RouterFacts)
    made.note(("router.decided", told))
    assert [] == made.found()
    made.note(("router.decided", told.model_copy(update={"decision": "CANCEL"})))
    assert [(C.DECISION, Posture.ORANGE, False)] == made.found()
    assert "PLACE NO_EXISTING_ORDER" == made.check()[0].expected


def test_a_tick_that_leads_elsewhere_than_it_was_recorded_is_a_decision() -> None:
    told = TickTaken(slot="1000", tick=quiet(), posture=PostureState(), lifecycle=LifecycleState())
    data = told.model_dump(mode="json")
    record = JournalRecord(seq=9, prev="0" * 64, ts=quiet().at, event="tick.taken", cycle="1000", data=data)
    worse = PostureState(posture=Posture.ORANGE)
    for posture, expected in ((PostureState(), []), (worse, ["/posture/posture"])):
        checks = Decisions(lambda before, tick, made=posture: (made, LifecycleState()))  # type: ignore[misc]
        assert expected == [row.pointer for row in checks.check(Fold(empty_state()), record)]
