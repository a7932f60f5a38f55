"""Every state under every set of causes has the outcome that the table of execution.md 10 states, at each kind of tick.

The outcomes stand in ``lifecycle_table.csv``, typed from the design; the code's own table is compared with them.
"""

import csv
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest

from execution_v2 import lifecycle_table as table
from execution_v2.lifecycle_table import Action, allows, is_legal
from schemas.lifecycle import Lifecycle
from schemas.reasons.lifecycle import LifecycleCause, LifecycleReason
from tests.execution_v2.lifecycle_world import (
    CLASSES,
    CONFIG,
    MEANT,
    C,
    S,
    T,
    before,
    facts,
    moved,
    posture,
    tick,
)

FILE: Final = Path(__file__).with_name("lifecycle_table.csv")
EVENTS: Final[dict[str, tuple[Any, bool]]] = {
    "begin": (T.BEGIN, False),
    "first": (T.BEGIN, True),
    "spot": (T.SPOT, False),
    "end": (T.END, False),
}
SETS: Final = ["".join(each) for each in product("1-", "2-", "3-", "4-")]


def typed() -> dict[tuple[Lifecycle, str], dict[str, Lifecycle]]:
    """(state, set of classes) -> outcome by event; asserts that the file says each once."""
    lines = [line for line in FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    found: dict[tuple[Lifecycle, str], dict[str, Lifecycle]] = {}
    for row in csv.DictReader(lines):
        for each in SETS:
            if all(p in ("?", c) for p, c in zip(row["causes"], each, strict=True)):
                key = (S(row["state"]), each)
                assert key not in found, f"{key} twice"
                found[key] = {name: S(row[name]) for name in EVENTS}
    return found


TYPED: Final = typed()


def causes_of(each: str, pick: int) -> set[LifecycleCause]:
    """One cause of each class in the set *each*, another one for another *pick*; 99: all that can hold at once."""
    rows = [CLASSES[c] for c in each if c in CLASSES]
    found = {c for row in rows for c in (row if pick == 99 else (row[pick % len(row)],))}
    return found - {C.POSTURE_YELLOW} if {C.POSTURE_RED, C.POSTURE_YELLOW} <= found else found


def test_the_file_states_every_state_with_every_set_of_causes() -> None:
    assert {(state, each) for state in S for each in SETS} == set(TYPED)


@pytest.mark.parametrize("state", list(S))
@pytest.mark.parametrize("event", list(EVENTS))
def test_every_state_with_every_set_of_causes_has_its_stated_outcome(state: Lifecycle, event: str) -> None:
    kind, is_first = EVENTS[event]
    faults = []
    for each in SETS:
        for pick in (*range(6), 99):
            shown = causes_of(each, pick)
            after, changed = moved(before(state, shown, shown), kind, shown, is_first=is_first)
            want = TYPED[state, each][event]
            if after.state is not want:
                faults.append((each, sorted(shown), after.state, want))
            assert (changed is None) == (after.state is state)
            assert changed is None or (state, want) == (changed.before, changed.after)
    assert [] == faults


@pytest.mark.parametrize("state", list(S))
def test_a_cause_that_is_new_holds_as_one_that_was_there(state: Lifecycle) -> None:
    for (name, each), row in TYPED.items():
        if name is state and state in (S.INIT, S.READY, S.ACTIVE, S.THROTTLED):
            shown = causes_of(each, 0)
            assert row["begin"] is moved(before(state, (), shown), T.BEGIN, shown)[0].state


def test_a_cause_persists_although_no_tick_shows_it_any_more() -> None:
    for name, state in MEANT.items():
        for cause in CLASSES[name]:
            # The pause of a person who resumed, an emergency acknowledged: those two end with the word itself.
            if cause in (C.OPERATOR_PAUSE, C.OPERATOR_EMERGENCY):
                continue
            after, _ = moved(before(state, {cause}), T.BEGIN)
            assert (state, (str(cause),)) == (after.state, after.causes)


def test_the_codes_table_is_the_designs() -> None:
    assert {MEANT[name]: row for name, row in CLASSES.items()} == dict(table.CAUSES)


# --- moves ----------------------------------------------------------------------------------------

REASONS: Final = [*(c.value for c in LifecycleCause), *(r.value for r in LifecycleReason)]
MOVES: Final = """
    INIT -> READY EMERGENCY DEGRADED PAUSED
    READY -> INIT ACTIVE THROTTLED EMERGENCY DEGRADED PAUSED
    ACTIVE -> INIT THROTTLED EMERGENCY DEGRADED PAUSED
    THROTTLED -> INIT ACTIVE EMERGENCY DEGRADED PAUSED
    PAUSED -> READY EMERGENCY DEGRADED
    DEGRADED -> READY PAUSED EMERGENCY
    EMERGENCY -> READY PAUSED DEGRADED
"""


def test_the_moves_are_those_of_the_table_and_no_other() -> None:
    wanted = {
        (S(left), S(name))
        for line in MOVES.split("\n")
        if line.strip()
        for left, _, right in (line.strip().partition(" -> "),)
        for name in right.split()
    }
    pairs = {(a, b) for a in S for b in S for reason in REASONS if is_legal(a, b, reason)}
    assert wanted == pairs


@pytest.mark.parametrize(
    ("one", "other"),
    [(S.INIT, S.ACTIVE), (S.EMERGENCY, S.ACTIVE), (S.EMERGENCY, S.THROTTLED), (S.PAUSED, S.ACTIVE)],
)
def test_these_moves_are_illegal_whatever_the_reason(one: Lifecycle, other: Lifecycle) -> None:
    assert [] == [reason for reason in REASONS if is_legal(one, other, reason)]


def test_emergency_leads_to_ready_by_row_11_alone() -> None:
    reasons = [reason for reason in REASONS if is_legal(S.EMERGENCY, S.READY, reason)]
    assert ["EMERGENCY_CLEARED"] == reasons


def test_an_illegal_move_is_asserted_where_it_would_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    from execution_v2 import lifecycle

    monkeypatch.setattr(lifecycle, "_move", lambda *_: (S.ACTIVE, LifecycleReason.ARMED))
    with pytest.raises(AssertionError, match="INIT -> ACTIVE by ARMED is not in the table"):
        lifecycle.step(before(S.INIT, ()), tick(), posture(), facts(), CONFIG)


def test_every_state_can_be_reached_and_left() -> None:
    near = {a: {b for b in S if any(is_legal(a, b, reason) for reason in REASONS)} for a in S}
    for start in S:
        reached, edge = {start}, {start}
        while edge:
            edge = {b for a in edge for b in near[a]} - reached
            reached |= edge
        assert set(S) == reached


# --- what a state allows --------------------------------------------------------------------------


def test_what_lowers_exposure_passes_in_every_state_and_what_raises_it_in_two() -> None:
    assert all(allows(state, Action.REDUCE) and allows(state, Action.CANCEL) for state in S)
    assert [S.ACTIVE, S.THROTTLED] == [state for state in S if allows(state, Action.INCREASE)]
