"""A person woken at night reads why nothing is entered, what ends that, and what to type: one case for each mishap."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from execution_v2 import panel
from execution_v2 import posture as control
from execution_v2.posture import PostureConfig
from execution_v2.reduce import empty_state
from flows.posture import PAGES, told
from flows.words import RUNBOOKS, WORDS
from schemas.events import KillSet, OperatorAct
from schemas.lifecycle import Ending, Lifecycle, LifecycleState
from schemas.posture import Floor, PostureState
from schemas.reasons.gates import RecordCode
from schemas.reasons.lifecycle import LifecycleCause, LifecycleReason
from schemas.reasons.posture import PostureCode, RecoveryCode
from schemas.tick import DivergenceCategory, Posture
from simulation.fault_plan import Fault
from tests.chaos.test_lifecycle_rows import KILLED, Kept, say
from tests.execution_v2.posture_ticks import NEW, E, after, contradicting, cycles, good, sightings
from tests.execution_v2.watched import Watched
from tests.flows.worlds import avwap

CONFIG = PostureConfig()
WHO = '--operator NAME --reason "WHY"'


def lines(made: Watched) -> list[str]:
    return told(panel.of(made.state, "SIM", CONFIG), CONFIG)


def under(found: list[str], label: str) -> list[str]:
    """What stands behind *label*, and on the lines below it that have none."""
    start = next(i for i, line in enumerate(found) if line.startswith(label))
    rest = next(
        (i for i, line in enumerate(found[start + 1 :], start + 1) if not line.startswith(" ")), len(found)
    )
    return [line[10:] for line in found[start:rest]]


def begun(minutes: tuple[int, ...] = (0, 5)) -> Watched:
    made = Watched()
    for minute in minutes:
        made.cycle(minute)
    return made


def test_every_cause_has_its_words() -> None:
    codes: list[str] = [*PostureCode, *RecoveryCode, *DivergenceCategory, *LifecycleCause, *LifecycleReason]
    assert [] == [code for code in codes if code not in WORDS]
    assert [] == [code for code in WORDS if code not in codes]


def test_a_quiet_book_is_told_in_a_few_lines() -> None:
    found = lines(begun())
    assert ["entries   as planned; stops and exits go on", "posture   GREEN: allows entries"] == found[:2]
    assert "to do     nobody has to do anything" == found[-1]
    assert 6 == len(found)


def test_a_book_without_a_cycle_says_so() -> None:
    (line,) = told(panel.of(empty_state(), "SIM", CONFIG), CONFIG)
    assert line.startswith("posture   no cycle has judged yet")


def test_positions_that_are_not_read_say_what_is_missing_and_call_nobody() -> None:
    made = begun()
    made.door = made.faulty({"positions#*": Fault.READ_FAILED})
    made.cycle(10)
    made.cycle(15)
    found = lines(made)
    assert "entries   NONE, RED and DEGRADED; stops and exits go on" == found[0]
    assert "POSITIONS_UNREAD: the broker's positions could not be read [RED]" == under(found, "why")[0]
    assert [
        "MISSING  nothing holds RED or worse: now POSITIONS_UNREAD, needs nothing",
        "MISSING  cycles running whose positions agreed: now 0, needs 2",
    ] == [line for line in under(found, "unlocks") if line.startswith("MISSING")]
    assert [
        "0 of 3 such cycles; if all is well from now on, 4 cycles to ORANGE and 15 cycles to full size"
    ] == under(found, "so far")
    assert ["nobody has to do anything"] == under(found, "to do")


def test_the_way_back_says_that_only_time_is_missing_and_what_it_was() -> None:
    made = begun()
    made.door = made.faulty({"positions#*": Fault.READ_FAILED})
    made.cycle(10)
    made.cycle(15)
    made.door = made.broker
    for minute in (20, 25, 30):
        made.cycle(minute)
    told_why = "RECOVERING: nothing holds it any more; healthy cycles are counted; it was POSITIONS_UNREAD, REST_STALE"
    assert [told_why] == under(lines(made), "why")


def test_the_cycles_to_come_are_as_many_as_it_was_said() -> None:
    made = begun()
    made.door = made.faulty({"positions#*": Fault.READ_FAILED})
    made.cycle(10)
    made.cycle(15)
    made.door = made.broker
    view = panel.of(made.state, "SIM", CONFIG).posture
    assert view is not None
    for number in range(1, view.eta_cycles + 1):
        assert "RED" == made.state.posture.posture
        made.cycle(15 + 5 * number)
    assert view.next_rung == made.state.posture.posture


def test_a_full_disk_names_the_disk_and_a_broken_journal_the_person() -> None:
    made = Kept()
    made.fault = RecordCode.LEDGER_UNAVAILABLE
    made.cycle(0)
    found = lines(made)
    assert "look at the disk first" in under(found, "why")[0]
    assert ["nobody has to do anything"] == under(found, "to do")
    made.fault = RecordCode.JOURNAL_CORRUPT
    made.cycle(5)
    found = lines(made)
    assert "entries   NONE, RED and EMERGENCY; stops and exits go on" == found[0]
    first, *asked, resume, note = under(found, "to do")
    assert "look now: JOURNAL_CORRUPT, CORRUPT, runbooks/ledger.md" == first
    assert f"avwap operator ack --book SIM --cause JOURNAL_CORRUPT {WHO}" == asked[0]
    assert all(" ack " in each for each in asked), "what replay found is answered for by its id"
    assert f"avwap operator resume --book SIM {WHO}" == resume
    assert "once each cause is found and gone; the resume is taken after the next cycle" == note
    assert "if all is well and acknowledged from now on" in under(found, "so far")[0]


def test_a_kill_switch_is_said_before_a_posture_that_would_allow_entries() -> None:
    made = begun((0,))
    made.cycle(5, **KILLED)
    found = lines(made)
    assert "entries   NONE, EMERGENCY; stops and exits go on" == found[0]
    assert [f"avwap kill off --book SIM {WHO}"] == under(found, "to do")
    say(made, "kill.set", KillSet(on=False, operator="jo", reason="over"))
    found = lines(made)
    assert "a person has answered; the next cycle takes it in" in under(found, "held by")[0]
    assert ["nobody has to do anything"] == under(found, "to do")


def test_a_pause_names_its_resume_and_an_emergency_both_words() -> None:
    made = begun((0,))
    say(made, "operator.acted", OperatorAct(verb="pause", operator="jo", reason="away"))
    made.cycle(5)
    found = lines(made)
    assert "entries   NONE, PAUSED; stops and exits go on" == found[0]
    assert [f"avwap operator resume --book SIM {WHO}"] == under(found, "to do")
    say(made, "operator.acted", OperatorAct(verb="emergency", operator="jo", reason="fills"))
    made.cycle(10)
    assert [
        f"avwap operator ack --book SIM --cause OPERATOR_EMERGENCY {WHO}",
        f"avwap operator resume --book SIM {WHO}",
    ] == under(lines(made), "to do")[:2]


def test_an_acknowledgement_that_was_given_is_not_asked_for_again() -> None:
    posture = PostureState(
        posture=Posture.RED,
        floors=(Floor(code="CONTRADICTION_C3", posture=Posture.RED, subject="AAA", ack="CONTRADICTION_C3"),),
        ack_needed=("CONTRADICTION_C3", "div_1"),
    )
    asked = panel.lifecycle_view(LifecycleState(), posture, "SIM", said=("div_1",)).commands
    assert (f"avwap operator ack --book SIM --cause CONTRADICTION_C3 {WHO}",) == asked


def test_what_others_hold_and_an_order_without_a_fate_name_their_commands() -> None:
    floors = (
        Floor(code="EXTERNAL", posture=Posture.ORANGE, subject="AAA, BBB"),
        Floor(code="FROZEN", posture=Posture.ORANGE, subject="1 orders"),
    )
    acts = panel.posture_commands(PostureState(posture=Posture.ORANGE, floors=floors), "SIM")
    assert ["EXTERNAL:AAA", "EXTERNAL:BBB"] == [act.split()[6] for act in acts[:2]]
    assert acts[2].startswith("avwap operator resolve --book SIM ORDER")


def seen(posture: PostureState, state: LifecycleState | None = None) -> list[str]:
    """The lines of two states that no cycle made here."""
    view = panel.lifecycle_view(state or LifecycleState(state=Lifecycle.ACTIVE), posture, "SIM")
    return told(panel.Panel(posture=control.view(posture, CONFIG), lifecycle=view), CONFIG)


def test_a_position_without_its_stop_sends_a_person_there_at_once() -> None:
    found = seen(after(NEW, good(gap_s=400, gap_breaches=1, is_covered=False)))
    assert ["PROTECTION_GAP (400 s): a position has no confirmed stop [RED]"] == under(found, "why")
    assert ["look now: PROTECTION_GAP, runbooks/missing-stop.md"] == under(found, "to do")
    assert (
        "1.25 = gap 0.75 + breaches 0.50; bands: YELLOW 0.8, ORANGE 1.35, RED 2.1" == under(found, "debt")[0]
    )


def test_a_stream_that_is_down_halves_sizes_and_calls_nobody() -> None:
    found = seen(cycles(NEW, 3, sightings=sightings(stream=None)))
    assert "entries   smaller, YELLOW; stops and exits go on" == found[0]
    assert "posture   YELLOW: allows one entry per cycle, smaller; sizes times 0.5" == found[1]
    assert ["nobody has to do anything"] == under(found, "to do")


def test_a_contradiction_that_is_gone_waits_for_its_acknowledgement_and_says_so() -> None:
    at_odds = after(NEW, good(contradictions=(contradicting("C3"),)))
    ack = f"avwap operator ack --book SIM --cause CONTRADICTION_C3 {WHO}"
    assert ["look now: CONTRADICTION_C3, runbooks/position-mismatch.md", ack] == under(
        seen(at_odds), "to do"
    )[:2]
    found = seen(cycles(after(at_odds, good(E)), 2))
    assert ["RECOVERING: nothing holds it but an acknowledgement; it was CONTRADICTION_C3"] == under(
        found, "why"
    )
    assert ack == under(found, "to do")[0]
    assert "MISSING  acknowledged by an operator: now missing CONTRADICTION_C3, needs all" in under(
        found, "unlocks"
    )


def test_a_drawdown_needs_two_words_of_a_person() -> None:
    state = LifecycleState(
        state=Lifecycle.EMERGENCY, causes=("DD_BREACH",), emergency_causes=("DD_BREACH",), reason="DD_BREACH"
    )
    found = seen(after(NEW, good(), drawn_down=True), state)
    assert "entries   NONE, RED and EMERGENCY; stops and exits go on" == found[0]
    assert [
        f"avwap operator ack --book SIM --cause DD_BREACH {WHO}",
        f"avwap operator resume --book SIM {WHO}",
    ] == under(found, "to do")[:2]


def test_every_page_that_a_code_names_is_there() -> None:
    root = Path(__file__).resolve().parents[2]
    assert [] == [page for page in {*RUNBOOKS.values(), *PAGES} if not (root / page).is_file()]


@pytest.mark.parametrize(
    ("cause", "ending"),
    [("LOSS_LIMIT", Ending.NEXT_SESSION), ("WARM_UP", Ending.ITSELF), ("DD_BREACH", Ending.PERSON)],
)
def test_each_cause_says_what_ends_it(cause: str, ending: Ending) -> None:
    view = panel.lifecycle_view(LifecycleState(causes=(cause,)), PostureState(), "SIM")
    assert [(cause, ending)] == [(row.cause, row.ending) for row in view.causes]


def test_status_tells_the_panel_and_its_json_has_all_of_it(home: Any) -> None:
    said = avwap(home, "status", "--book", "SIM")
    assert "entries   as planned; stops and exits go on" in said.out
    body = avwap(home, "status", "--book", "SIM", "--json").body
    assert ("GREEN", "ACTIVE") == (body["posture"]["posture"], body["lifecycle"]["state"])
    assert 0 == Decimal(str(body["posture"]["eta_full_cycles"]))
    path = f"{home}/ledger/SIM/{body['book']['session']}/cycles/1600/execution.json"
    kept = avwap(None, "show", path, "--json").body["content"]
    assert (body["posture"], body["lifecycle"]) == (kept["posture"], kept["lifecycle"])
