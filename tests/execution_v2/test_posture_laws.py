"""Losing evidence never loosens; a rung fires if and only if all its rows are met; nothing shortens the way back."""

from collections.abc import Callable
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from execution_v2.posture import step, view
from execution_v2.posture.ladder import flaps
from schemas.base import quantise
from schemas.posture import PostureState, RungChange
from schemas.reasons.posture import PostureCode
from schemas.tick import Posture, Tick, TickKind
from tests.execution_v2.posture_ticks import (
    CONFIG,
    NEW,
    NONE,
    B,
    E,
    S,
    after,
    good,
    pasts,
    ticks,
    worsened,
)

RANK: Final = list(Posture).index
BETTER: Final = {Posture.RED: Posture.ORANGE, Posture.ORANGE: Posture.YELLOW, Posture.YELLOW: Posture.GREEN}


@st.composite
def worse_pairs(draw: Callable[[Any], Any]) -> tuple[Tick, Tick]:
    tick = draw(ticks())
    return tick, draw(worsened(tick))


@settings(max_examples=200)
@given(
    before=pasts(), pair=worse_pairs(), drawn=st.sampled_from([(False, False), (False, True), (True, True)])
)
def test_losing_evidence_never_loosens_any_knob(
    before: PostureState, pair: tuple[Tick, Tick], drawn: tuple[bool, bool]
) -> None:
    more, less = (
        step(before, tick, CONFIG, acks=NONE, drawn_down=down) for tick, down in zip(pair, drawn, strict=True)
    )
    assert RANK(less.posture) >= RANK(more.posture)
    assert less.factor <= more.factor
    assert less.debt >= more.debt
    assert less.conf <= more.conf
    assert all(bad.value >= well.value for bad, well in zip(less.terms, more.terms, strict=True))
    if less.posture is more.posture:
        assert less.healthy <= more.healthy
        assert set(less.ack_needed) >= set(more.ack_needed)
        assert [] == [
            bad.cond for bad, well in zip(less.unlock, more.unlock, strict=True) if bad.ok and not well.ok
        ]


@settings(max_examples=80)
@given(before=pasts(), tick=ticks())
def test_the_terms_sum_to_the_debt_exactly(before: PostureState, tick: Tick) -> None:
    state = after(before, tick)
    assert state.debt == quantise(sum(term.value for term in state.terms), 6)
    assert 11 == len(state.terms)
    assert all(term.value >= 0 for term in state.terms)


@settings(max_examples=80)
@given(before=pasts(), tick=ticks(kinds=st.just(S)))
def test_a_spot_only_tightens_and_taken_twice_changes_nothing_more(before: PostureState, tick: Tick) -> None:
    once = after(before, tick)
    assert RANK(once.posture) >= RANK(before.posture)
    assert once.factor <= before.factor
    assert once.cycle_no == before.cycle_no
    assert once.healthy in (0, before.healthy)
    assert once == after(once, tick)


@settings(max_examples=80)
@given(before=pasts(), tick=ticks())
def test_what_is_told_is_what_is_so(before: PostureState, tick: Tick) -> None:
    state = after(before, tick)
    told = view(state, CONFIG)
    assert (state.posture is Posture.GREEN) == (told.next_rung is None) == (not told.causes)
    assert (state.posture is Posture.GREEN) == (0 == told.needed) == (() == told.unlock)
    assert not told.floors or RANK(told.floors[0].posture) <= RANK(told.posture)
    assert sorted(-RANK(floor.posture) for floor in told.floors) == [-RANK(f.posture) for f in told.floors]
    assert state == PostureState.model_validate_json(state.model_dump_json())


def may_rise(before: PostureState, state: PostureState, tick: Tick, open_acks: set[str]) -> bool:
    """Execution.md 9.5 once more, from the tick and from what the step measured, without the ladder's code."""
    flap = PostureCode.POSTURE_FLAP_HOLD
    floors = [RANK(floor.posture) for floor in state.floors if floor.code != flap]
    recent = [c for c in before.changes if c.cycle_no > state.cycle_no - 12]
    change = RungChange(cycle_no=state.cycle_no, was=before.posture, to=BETTER[before.posture])
    is_held = 0 < before.hold_until and state.cycle_no <= before.hold_until
    if is_held or flaps([*recent, change], CONFIG):
        return False
    if any(floor >= RANK(before.posture) for floor in floors):
        return False
    match before.posture:
        case Posture.RED:
            met = state.debt <= 1.575 and not tick.unknown_orders and state.agreed_syncs >= 2
            return met and not open_acks
        case Posture.ORANGE:
            verdict = tick.verdict
            met = state.debt <= 1.0125 and state.agreed >= 2 and tick.is_covered
            return met and verdict is not None and not verdict.divergences
        case _:
            on = [row for row in tick.sightings if row.is_on]
            is_fresh = all(row.age_s is not None and row.age_s >= 0 for row in on)
            return state.debt <= 0.6 and is_fresh and worth_of_weakest(tick) >= 0.7


def worth_of_weakest(tick: Tick) -> float:
    """Freshness by the table of 9.1."""
    scales = {"rest": (60, 240), "stream": (20, 90), "fills": (90, 480)}
    worths = []
    for row in tick.sightings:
        if row.is_on:
            warn, crit = scales[row.source.value]
            age = crit if row.age_s is None else row.age_s
            worths.append(min(1, max(0, (crit - age) / (crit - warn))) * (1 - row.error_rate))
    return round(min(worths), 6)


class Book(RuleBasedStateMachine):
    """A book over sessions, with a model beside it that counts what the ladder must not shorten."""

    def __init__(self) -> None:
        super().__init__()
        self.state = NEW
        self.is_first = True
        self.begins = 0
        self.since_red: int | None = None
        """BEGINs since RED was entered last; None: never."""
        self.changes: list[int] = []
        self.missing: set[str] = set()

    def take(self, tick: Tick, acks: frozenset[str] = NONE) -> None:
        before = self.state
        self.state = state = step(before, tick, CONFIG, acks=acks, drawn_down=False)
        asking = [{f.ack for f in s.floors if f.ack and f.posture is Posture.RED} for s in (before, state)]
        self.missing = (self.missing - acks) | (asking[1] - asking[0])
        if before.posture is not Posture.RED and state.posture is not Posture.RED:
            self.missing = set()
        self.begins += tick.kind is B
        if self.since_red is not None:
            self.since_red += tick.kind is B
        if state.posture is Posture.RED and before.posture is not Posture.RED:
            self.since_red = 0
        rose = RANK(before.posture) - RANK(state.posture)
        self.check_rise(before, tick, rose)
        if rose > 0 and before.posture is Posture.RED:
            self.missing = set()

    def check_rise(self, before: PostureState, tick: Tick, rose: int) -> None:
        state = self.state
        if before.posture is Posture.GREEN:
            return
        is_first_count = 0 if tick.is_first and not before.last_healthy else before.healthy
        is_new = tick.kind is B and before.has_ended
        met = may_rise(before, state, tick, self.missing)
        enough = is_first_count + is_new >= {"RED": 3, "ORANGE": 2, "YELLOW": 2}[before.posture]
        expected = tick.kind is B and not tick.is_first and met and enough
        assert expected == (rose > 0), (before, tick, state)
        assert rose <= 1
        if not met and rose == 0:
            assert state.healthy == 0

    @rule(tick=ticks(most=2))
    def something_is_wrong(self, tick: Tick) -> None:
        self.take(tick.model_copy(update={"is_first": self.is_first}))

    @rule(count=st.integers(1, 9))
    def all_is_well(self, count: int) -> None:
        for _ in range(count):
            self.take(good(B, is_first=self.is_first, active_s=300))
            self.take(good(E, is_first=self.is_first))
            self.is_first = False

    @rule()
    def a_process_dies_in_a_good_cycle(self) -> None:
        self.take(good(B, is_first=self.is_first))

    @rule()
    def a_night_passes(self) -> None:
        self.is_first = True

    @rule(kind=st.sampled_from([B, E]))
    def a_person_acknowledges(self, kind: TickKind) -> None:
        self.take(good(kind, is_first=self.is_first), frozenset(self.state.ack_needed))

    @invariant()
    def nobody_is_at_full_size_sooner_than_the_ladder_allows(self) -> None:
        if self.since_red is None:
            return
        if self.state.posture is Posture.GREEN:
            assert self.since_red >= 7
        if self.state.factor == 1:
            assert self.since_red >= 14

    @invariant()
    def what_is_asked_of_a_person_is_what_happened(self) -> None:
        if self.state.posture is Posture.RED:
            assert self.missing == set(self.state.ack_needed)
        else:
            assert () == self.state.ack_needed

    @invariant()
    def orange_and_red_enter_nothing(self) -> None:
        assert (RANK(self.state.posture) >= 2) == (0 == self.state.factor)


TestBook = Book.TestCase
TestBook.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)
