"""The way back goes one rung at a time, on healthy cycles, past a person where one is needed, and then slowly."""

from datetime import timedelta
from typing import Any, Final

import pytest

from execution_v2.posture import view
from schemas.posture import PostureState
from schemas.tick import Posture, Source
from tests.execution_v2.posture_ticks import (
    CONFIG,
    NEW,
    B,
    E,
    S,
    after,
    contradicting,
    cycles,
    cycles_until,
    diverging,
    good,
    sightings,
    sourced,
    verdict,
)

WELL: Final = cycles(NEW, 4)
GAP: Final[dict[str, Any]] = {"gap_s": 331}
"""RED that ends by itself."""


def fallen(state: PostureState = WELL, **change: Any) -> PostureState:
    """*state* after a cycle that begins with *change* and ends well."""
    return after(state, good(B, **change), good(E))


def climb(state: PostureState, count: int) -> list[tuple[str, float]]:
    """(posture, factor) at the BEGIN of so many perfect cycles."""
    seen = []
    for _ in range(count):
        state = after(state, good(B))
        seen.append((state.posture[0], state.factor))
        state = after(state, good(E))
    return seen


def test_from_red_it_takes_seven_cycles_to_green_and_fourteen_to_full_size() -> None:
    expected = [("R", 0.0)] * 2 + [("O", 0.0)] * 2 + [("Y", 0.25)] * 2 + [("G", 0.25)] + [("G", 0.5)] * 6
    assert [*expected, ("G", 1.0)] == climb(fallen(**GAP), 14)


def test_from_orange_and_from_yellow_no_warm_up_follows() -> None:
    assert [("O", 0.0), ("Y", 0.5), ("Y", 0.5), ("G", 1.0)] == climb(fallen(frozen_orders=1), 4)
    assert [("Y", 0.5), ("G", 1.0)] == climb(fallen(syncs=("YELLOW",)), 2)


def test_a_warm_up_stands_still_in_orange_and_begins_anew_after_red() -> None:
    warming = cycles(fallen(**GAP), 8)
    assert (Posture.GREEN, 6) == (warming.posture, warming.warm_up)
    orange = cycles(warming, 5, frozen_orders=1)
    assert (Posture.ORANGE, 5) == (orange.posture, orange.warm_up)
    again = fallen(warming, **GAP)
    assert (Posture.RED, 0) == (again.posture, again.warm_up)
    assert 17 == cycles_until(again, lambda s: s.warm_up == 9), "12 of the flap's hold, then 3 and 2"


def test_posture_improves_at_a_begin_only() -> None:
    state = cycles(fallen(syncs=("YELLOW",)), 1)
    assert Posture.YELLOW == after(state, good(S), good(E), good(S), good(E)).posture
    assert Posture.GREEN == after(state, good(B)).posture


def test_one_tick_that_misses_a_row_starts_the_count_anew() -> None:
    counted = cycles(fallen(**GAP), 2)
    assert 2 == counted.healthy
    for kind in (B, S, E):
        assert 0 == after(counted, good(kind, unknown_orders=1, unknown_oldest_s=5)).healthy


def test_a_session_never_improves_in_its_first_cycle_and_keeps_what_it_earned() -> None:
    counted = cycles(fallen(**GAP), 2)
    first = after(counted, good(B, is_first=True), good(E))
    assert (Posture.RED, 3) == (first.posture, first.healthy)
    assert Posture.ORANGE == after(first, good(B)).posture


def test_credits_cross_the_night_only_if_the_last_end_was_healthy() -> None:
    counted, first = cycles(fallen(**GAP), 1), good(B, is_first=True)
    assert 2 == after(counted, first).healthy
    ill = after(counted, good(B), good(E, unknown_orders=1, unknown_oldest_s=5))
    assert 1 == after(ill, first).healthy
    died = after(counted, good(B))
    assert (2, 0) == (died.healthy, after(died, first).healthy)


def test_a_look_after_the_end_spoils_the_credit_only_if_it_is_bad() -> None:
    counted = cycles(fallen(**GAP), 1)
    assert 2 == after(counted, good(S), good(B, is_first=True)).healthy
    assert 1 == after(counted, good(S, **GAP), good(B, is_first=True)).healthy


def test_a_contradiction_at_an_end_spoils_the_begin_after_it() -> None:
    state = after(fallen(frozen_orders=1), good(B), good(E, contradictions=(contradicting("C2"),)))
    began = after(state, good(B))
    assert ["ticks running without contradiction"] == [row.cond for row in began.unlock if not row.ok]
    assert 0 == began.healthy
    assert 1 == after(began, good(E), good(B)).healthy


def test_a_verdict_that_is_missing_is_no_good_one() -> None:
    state = after(fallen(frozen_orders=1), good(B, verdict=None))
    row = next(row for row in state.unlock if row.cond == "replay verdict of this cycle")
    assert ("none", "good", False) == (row.have, row.need, row.ok)


def test_a_night_of_whatever_length_earns_nothing() -> None:
    counted, tick = cycles(fallen(**GAP), 1), good(B, is_first=True)
    later = tick.model_copy(update={"at": tick.at + timedelta(days=400)})
    assert after(counted, tick) == after(counted, later)


def test_a_day_of_two_cycles_deadlocks_nothing() -> None:
    state, days = fallen(**GAP), 0
    while state.posture is not Posture.GREEN:
        state = after(state, good(B, is_first=True), good(E), good(B), good(E))
        days += 1
    # 1 2 | 3, then ORANGE | 1 2 YELLOW | 1 2 GREEN: a first cycle counts, and moves nothing.
    assert 4 == days


def test_a_cycle_that_died_and_the_one_after_it_count_once() -> None:
    state = fallen(**GAP)
    for _ in range(20):
        state = after(state, good(B))
    assert (Posture.RED, 1) == (state.posture, state.healthy)
    assert [("R", 0.0), ("O", 0.0)] == climb(after(state, good(E)), 2)


@pytest.mark.parametrize(
    ("row", "change"),
    [
        ("debt", {"unknown_orders": 0, "unknown_oldest_s": 900, "gave_up": 1}),
        ("nothing holds RED or worse", {"gap_s": 331}),
        ("unknown orders that are not FROZEN", {"unknown_orders": 1, "unknown_oldest_s": 1}),
        ("cycles running whose positions agreed", {"is_in_sync": False}),
    ],
)
def test_red_is_not_left_while_a_row_is_missed(row: str, change: dict[str, Any]) -> None:
    state = cycles(fallen(**GAP), 8, **change)
    assert Posture.RED == state.posture
    assert [row] == [each.cond for each in state.unlock if not each.ok]


@pytest.mark.parametrize(
    ("row", "change"),
    [
        ("nothing holds ORANGE or worse", {"frozen_orders": 1}),
        ("ticks running without contradiction", {"has_synced": False}),
        ("every own position covered", {"is_covered": False}),
        ("replay verdict of this cycle", {"verdict": verdict(diverging("GREEN", 0.0))}),
    ],
)
def test_orange_is_not_left_while_a_row_is_missed(row: str, change: dict[str, Any]) -> None:
    state = cycles(fallen(frozen_orders=1), 8, **change)
    assert Posture.ORANGE == state.posture
    assert [row] == [each.cond for each in state.unlock if not each.ok]


@pytest.mark.parametrize(
    ("rows", "change"),
    [
        (["freshness of the weakest source"], {"sightings": sightings(rest=132.0)}),  # 108 / 180 = 0.6
        (["nothing holds YELLOW or worse"], {"syncs": ("YELLOW",)}),
        (["debt"], {"ambiguous_symbols": 3, "unknown_oldest_s": 30}),  # 0.6 + 0.1, and no band
    ],
)
def test_yellow_is_not_left_while_a_row_is_missed(rows: list[str], change: dict[str, Any]) -> None:
    state = cycles(fallen(syncs=("YELLOW",)), 12, **change)
    assert Posture.YELLOW == state.posture
    assert rows == [each.cond for each in state.unlock if not each.ok]


def test_a_frozen_order_keeps_orange_until_somebody_resolves_it() -> None:
    state = cycles(WELL, 300, frozen_orders=1)
    assert (Posture.ORANGE, ("FROZEN",)) == (state.posture, state.causes)
    row = next(row for row in state.unlock if not row.ok)
    assert ("FROZEN", "nothing") == (row.have, row.need)
    assert 2 == cycles_until(state, lambda s: s.posture is Posture.YELLOW)


# --- acknowledgements ------------------------------------------------------------------------------

RED_CLAMP: Final[dict[str, Any]] = {"verdict": verdict(diverging("RED", 1.0, "lost"))}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("CONTRADICTION_C3", {"contradictions": (contradicting("C3"),)}),
        ("JOURNAL_CORRUPT", {"is_corrupt": True}),
        ("div_lost", RED_CLAMP),
    ],
)
def test_red_that_a_person_has_to_answer_is_left_after_the_answer_only(
    name: str, change: dict[str, Any]
) -> None:
    waiting = cycles(fallen(**change), 50)
    assert (Posture.RED, (name,)) == (waiting.posture, waiting.ack_needed)
    assert [f"missing {name}"] == [row.have for row in waiting.unlock if not row.ok]
    assert Posture.RED == cycles(after(waiting, good(E), acks=["DD_BREACH", "div_other"]), 9).posture
    answered = after(waiting, good(E), acks=[name])
    assert [("R", 0.0), ("R", 0.0), ("O", 0.0)] == climb(answered, 3)


def test_a_drawdown_has_to_be_answered_too() -> None:
    waiting = cycles(after(WELL, good(B), good(E), drawn_down=True), 20)
    assert ("DD_BREACH",) == waiting.ack_needed
    assert 3 == cycles_until(waiting, lambda s: s.posture is Posture.ORANGE)


def test_red_by_a_gap_a_blind_cycle_or_the_sync_asks_nobody() -> None:
    blind = cycles(WELL, 2, has_positions=False)
    assert [()] * 3 == [s.ack_needed for s in (fallen(**GAP), blind, fallen(syncs=("RED",)))]


def test_an_answer_given_while_it_still_holds_is_kept_but_lifts_no_floor() -> None:
    held = fallen(WELL, is_corrupt=True)
    held = after(held, good(B, is_corrupt=True), good(E, is_corrupt=True))
    answered = after(held, good(B, is_corrupt=True), acks=["JOURNAL_CORRUPT"])
    assert (Posture.RED, ()) == (answered.posture, answered.ack_needed)
    still = cycles(after(answered, good(E, is_corrupt=True)), 20, is_corrupt=True)
    assert (Posture.RED, ()) == (still.posture, still.ack_needed)
    assert Posture.ORANGE == after(cycles(still, 2), good(B)).posture


def test_what_ended_and_comes_back_has_to_be_answered_anew() -> None:
    answered = after(fallen(is_corrupt=True), good(B), acks=["JOURNAL_CORRUPT"])
    assert () == answered.ack_needed
    again = after(answered, good(E, is_corrupt=True))
    assert ("JOURNAL_CORRUPT",) == again.ack_needed
    at_once = after(fallen(is_corrupt=True), good(B, is_corrupt=True), acks=["JOURNAL_CORRUPT"])
    assert ("JOURNAL_CORRUPT",) == at_once.ack_needed, "given before it came back"


def test_every_cause_wants_its_own_answer() -> None:
    state = fallen(is_corrupt=True, **RED_CLAMP)
    assert ("JOURNAL_CORRUPT", "div_lost") == state.ack_needed
    assert ("div_lost",) == after(state, good(S), acks=["JOURNAL_CORRUPT"]).ack_needed


def test_a_divergence_whose_check_is_missing_stays_open() -> None:
    state = cycles(fallen(**GAP), 1)
    clamped = after(state, good(B, **RED_CLAMP), acks=[])
    unchecked = cycles(after(clamped, good(E, verdict=None), acks=["div_lost"]), 30, verdict=None)
    assert (Posture.RED, ()) == (unchecked.posture, unchecked.ack_needed)
    assert ("STATE_HASH", "STALE_VERDICT") == unchecked.causes


# --- flap ------------------------------------------------------------------------------------------


def test_falling_far_and_climbing_back_is_no_flap() -> None:
    state = cycles(fallen(fallen(fallen(syncs=("YELLOW",)), frozen_orders=1), **GAP), 6)
    assert 4 < len(state.changes)
    assert Posture.GREEN == after(state, good(B)).posture


def test_more_than_three_changes_with_a_relapse_hold_for_twelve_cycles_more() -> None:
    once = cycles(fallen(syncs=("YELLOW",)), 2)
    assert Posture.GREEN == once.posture
    twice = fallen(once, syncs=("YELLOW",))
    assert 3 == len(twice.changes)
    held = after(twice, good(B))
    assert (Posture.YELLOW, ("POSTURE_FLAP_HOLD",)) == (held.posture, held.causes)
    assert "13 cycles left" == held.unlock[-1].have
    # Twelve cycles of it after this one, then two healthy ones.
    assert 14 == cycles_until(after(held, good(E)), lambda s: s.posture is Posture.GREEN)


def test_a_fall_that_makes_the_fourth_change_holds_at_once() -> None:
    state = fallen(cycles(fallen(syncs=("YELLOW",)), 2), syncs=("YELLOW",))
    worse = after(state, good(B, frozen_orders=1))
    assert Posture.ORANGE == worse.posture
    assert "POSTURE_FLAP_HOLD" in worse.causes
    assert worse.hold_until == worse.cycle_no + 12


def test_changes_that_lie_further_apart_are_no_flap() -> None:
    state = fallen(cycles(fallen(syncs=("YELLOW",)), 12), syncs=("YELLOW",))
    assert Posture.GREEN == cycles(state, 2).posture


# --- what is told ----------------------------------------------------------------------------------


def test_a_new_book_is_green_with_nothing_to_tell() -> None:
    told = view(NEW, CONFIG)
    assert (Posture.GREEN, None, 0, 0, 1.0) == (
        told.posture,
        told.next_rung,
        told.eta_cycles,
        told.eta_full_cycles,
        told.size_factor,
    )


@pytest.mark.parametrize(
    ("expected", "state"),
    [
        ((3, 14), fallen(**GAP)),
        ((3, 14), after(WELL, good(B, **GAP))),
        ((1, 12), cycles(fallen(**GAP), 2)),
        ((2, 4), fallen(frozen_orders=1)),
        ((2, 2), fallen(syncs=("YELLOW",))),
        ((3, 14), fallen(is_corrupt=True)),
        ((0, 7), cycles(fallen(**GAP), 7)),
        ((14, 14), after(fallen(cycles(fallen(syncs=("YELLOW",)), 2), syncs=("YELLOW",)), good(B), good(E))),
    ],
)
def test_the_least_number_of_cycles_is_what_perfect_cycles_take(
    expected: tuple[int, int], state: PostureState
) -> None:
    told = view(state, CONFIG)
    assert expected == (told.eta_cycles, told.eta_full_cycles)
    ended = state if state.has_ended else after(state, good(E))
    if told.eta_cycles:
        assert told.eta_cycles == cycles_until(ended, lambda s: s.posture is told.next_rung)
    assert told.eta_full_cycles == cycles_until(ended, lambda s: s.factor == 1)


def test_a_person_is_told_why_since_when_and_what_unlocks_next() -> None:
    began = fallen(is_corrupt=True)
    told = view(cycles(began, 2, active_s=300), CONFIG)
    assert ("RECOVERING",) == told.causes
    assert ("JOURNAL_CORRUPT",) == told.entered_by
    assert (began.since, 1_200, Posture.ORANGE) == (told.since, told.age_s, told.next_rung)
    assert ("JOURNAL_CORRUPT",) == told.operator_ack_required
    assert ["debt", "nothing holds RED or worse"] == [row.cond for row in told.unlock][:2]
    assert ("0.000000", "<= 1.575000", True) == (told.unlock[0].have, told.unlock[0].need, told.unlock[0].ok)
    assert (0, 3) == (told.healthy_count, told.needed)


def test_what_a_stream_that_is_off_says_is_nobodys_concern() -> None:
    off = sourced(Source.STREAM, is_on=False, age_s=None, error_rate=1.0)
    assert Posture.GREEN == cycles(fallen(syncs=("YELLOW",)), 2, sightings=off).posture
