"""A person's act is refused with a code, a reason and a way on where its condition does not hold, and folded else."""

from typing import Any

import pytest

from execution_v2.lifecycle import flattens
from execution_v2.lifecycle_acts import ack_needed, operated, refused, switched
from schemas.events import KillSet, OperatorAct
from schemas.lifecycle import LifecycleState
from tests.execution_v2.lifecycle_world import CLASSES, C, S, active


def said(verb: str, state: LifecycleState, subject: str | None = None, **over: Any) -> str | None:
    """The code that *verb* is refused by; None: it is taken."""
    given = {"posture_acks": (), "has_losses": False, "is_flat": False, **over}
    found = refused(verb, subject, state, **given)
    assert found is None or (found.why and found.next)
    return None if found is None else str(found.code)


def act(state: LifecycleState, verb: str, subject: str | None = None) -> LifecycleState:
    return operated(state, OperatorAct(verb=verb, operator="jo", reason="why", subject=subject))


def test_a_paused_book_is_not_paused_twice() -> None:
    state = active().state
    assert None is said("pause", state)
    assert "ALREADY_PAUSED" == said("pause", act(state, "pause"))


def test_a_pause_is_taken_in_every_state() -> None:
    assert [None] * len(S) == [said("pause", LifecycleState(state=state)) for state in S]


def test_there_is_something_to_resume_after_a_pause_or_losses() -> None:
    assert "NOTHING_TO_RESUME" == said("resume", active().state)
    assert None is said("resume", act(active().state, "pause"))
    assert None is said("resume", active().cycle({C.CONSEC_LOSS}).state)
    assert None is said("resume", active().state, has_losses=True)


@pytest.mark.parametrize("cause", [*CLASSES["1"], *CLASSES["2"], C.LOSS_LIMIT])
def test_a_resume_is_refused_while_a_cause_that_it_does_not_end_holds(cause: str) -> None:
    paused = act(active().state, "pause").model_copy(update={"causes": (str(cause), "OPERATOR_PAUSE")})
    found = refused("resume", None, paused, posture_acks=(), has_losses=True, is_flat=False)
    assert found is not None
    assert ("RESUME_CAUSE_ACTIVE", True) == (found.code, found.why.startswith(f"{cause} still holds"))


@pytest.mark.parametrize("cause", CLASSES["4"])
def test_what_only_slows_a_book_down_holds_up_no_resume(cause: str) -> None:
    assert None is said("resume", active().act("pause").cycle({C(cause)}).state)


def test_an_emergency_that_was_just_declared_holds_a_resume_up() -> None:
    assert "RESUME_CAUSE_ACTIVE" == said("resume", active().act("pause").act("emergency").state)


def test_a_resume_that_comes_before_the_next_cycle_is_told_to_wait_for_it() -> None:
    state = active().act("emergency").cycle().act("ack", "OPERATOR_EMERGENCY").state
    found = refused("resume", None, state, posture_acks=(), has_losses=False, is_flat=False)
    assert found is not None
    assert "the next cycle takes the answer in; resume after it" == found.next


def test_an_emergency_is_declared_once() -> None:
    state = act(active().state, "emergency")
    assert (None, "ALREADY_EMERGENCY") == (said("emergency", active().state), said("emergency", state))
    assert None is said("emergency", act(state, "ack", "OPERATOR_EMERGENCY"))


@pytest.mark.parametrize("cause", ["JOURNAL_CORRUPT", "OPERATOR_EMERGENCY", "DD_BREACH"])
def test_an_acknowledgement_is_taken_once_and_only_where_it_is_needed(cause: str) -> None:
    assert "ACK_NOT_NEEDED" == said("ack", active().state, cause)
    held = LifecycleState(
        state=S.EMERGENCY, causes=(cause,), operator_emergency=cause == "OPERATOR_EMERGENCY"
    )
    assert (cause,) == ack_needed(held)
    assert None is said("ack", held, cause)
    assert "ACK_NOT_NEEDED" == said("ack", act(held, "ack", cause), cause)


def test_one_that_the_posture_waits_for_is_taken_too() -> None:
    state = active().state
    assert None is said("ack", state, "div_1", posture_acks=("C3", "div_1"))
    assert "ACK_NOT_NEEDED" == said("ack", state, "div_2", posture_acks=("C3", "div_1"))
    assert act(state, "ack", "div_1") == state


def test_a_kill_switch_is_lifted_and_not_acknowledged() -> None:
    state = active().cycle({C.KILL_SWITCH}).state
    found = refused("ack", "KILL_SWITCH", state, posture_acks=(), has_losses=False, is_flat=False)
    assert found is not None
    assert ("ACK_NOT_NEEDED", "avwap kill off --book {book}, with who and why") == (found.code, found.next)


def test_an_emergency_declared_again_before_a_tick_waits_for_a_word_of_its_own() -> None:
    book = active().act("emergency").cycle().act("ack", "OPERATOR_EMERGENCY").act("emergency")
    assert ("OPERATOR_EMERGENCY",) == ack_needed(book.state)
    assert S.EMERGENCY is book.cycle().cycle().state.state


def test_a_drawdowns_acknowledgement_starts_the_peak_anew() -> None:
    state = LifecycleState(state=S.EMERGENCY, causes=("DD_BREACH",), peak=100, equity=70)
    after = act(state, "ack", "DD_BREACH")
    assert (None, ("DD_BREACH",)) == (after.peak, after.acked)


def test_everything_is_sold_in_an_emergency_only_once_and_if_anything_is_held() -> None:
    state = active().state
    assert "FLATTEN_NEEDS_EMERGENCY" == said("flatten", state)
    assert act(state, "flatten") == state
    declared = act(state, "emergency")
    assert None is said("flatten", declared)
    assert "NOTHING_TO_FLATTEN" == said("flatten", declared, is_flat=True)
    wished = act(declared, "flatten")
    assert "ALREADY_FLATTENING" == said("flatten", wished)
    assert (False, True) == (flattens(wished), flattens(wished.model_copy(update={"state": S.EMERGENCY})))


def test_acts_of_other_matters_change_nothing() -> None:
    state = active().state
    assert all(state is act(state, verb, "AAPL") for verb in ("accept", "resolve", "takeover"))


def test_a_lifted_switch_answers_only_for_one_that_a_tick_has_seen() -> None:
    off, on = KillSet(on=False, operator="jo", reason="why"), KillSet(on=True, operator="jo", reason="why")
    state = active().state
    assert state is switched(state, off)
    held = LifecycleState(state=S.EMERGENCY, causes=("KILL_SWITCH",))
    assert ("KILL_SWITCH",) == switched(held, off).acked
    assert () == switched(switched(held, off), on).acked
