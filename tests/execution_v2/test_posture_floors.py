"""A floor acts on the tick that sees it, and a lost stream never costs more than half the size."""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from schemas.posture import PostureState
from schemas.tick import Posture, Source, Verdict
from tests.execution_v2.posture_ticks import (
    NEW,
    B,
    E,
    S,
    after,
    contradicting,
    cycles,
    diverging,
    good,
    sightings,
    sourced,
    verdict,
)

RANK: Final = list(Posture).index
FLOORS: Final[list[tuple[str, str, Mapping[str, Any]]]] = [
    ("YELLOW", "REST_STALE", {"sightings": sightings(rest=151.0)}),
    ("YELLOW", "STREAM_STALE", {"sightings": sightings(stream=None)}),
    ("YELLOW", "FILLS_STALE", {"sightings": sightings(fills=286.0)}),
    ("YELLOW", "CLOCK_SKEW", {"sightings": sightings(rest=-3.0)}),
    ("ORANGE", "SOURCES_STALE", {"sightings": sightings(rest=151.0, stream=None)}),
    ("RED", "SOURCES_DEAD", {"sightings": sightings(None, None, None)}),
    ("ORANGE", "POSITIONS_UNREAD", {"has_positions": False}),
    ("ORANGE", "CONTRADICTION_C2", {"contradictions": (contradicting("C1"), contradicting("C2"))}),
    ("RED", "CONTRADICTION_C3", {"contradictions": (contradicting("C3"),)}),
    ("ORANGE", "FROZEN", {"frozen_orders": 1}),
    ("ORANGE", "GAVE_UP", {"gave_up": 1}),
    ("ORANGE", "PROOF_OVERTURNED", {"overturned": ("AAPL",)}),
    ("ORANGE", "EXTERNAL", {"external": ("AAPL",)}),
    ("YELLOW", "POSITION_SYNC", {"syncs": ("YELLOW",)}),
    ("RED", "POSITION_SYNC", {"syncs": ("ORANGE", "RED")}),
    ("ORANGE", "RECORD_FAILING", {"record_faults": ("LEDGER_UNAVAILABLE",)}),
    ("RED", "JOURNAL_CORRUPT", {"is_corrupt": True}),
    ("ORANGE", "PROTECTION_GAP", {"gap_s": 61}),
    ("RED", "PROTECTION_GAP", {"gap_s": 331}),
    ("ORANGE", "DECISION", {"verdict": verdict(diverging())}),
    ("RED", "STATE_HASH", {"verdict": verdict(diverging("RED", 1.0))}),
    ("ORANGE", "STALE_VERDICT", {"verdict": None}),
]


@pytest.mark.parametrize(("posture", "code", "change"), FLOORS, ids=[f"{p}-{c}" for p, c, _ in FLOORS])
@pytest.mark.parametrize("kind", [B, S, E])
def test_what_is_known_to_be_wrong_acts_at_once_and_says_its_name(
    posture: str, code: str, change: Mapping[str, Any], kind: Any
) -> None:
    state = after(NEW, good(kind, **change))
    assert posture == state.posture
    assert code == state.causes[0]
    assert state.entered_by == state.causes
    assert {"YELLOW": 0.5, "ORANGE": 0.0, "RED": 0.0}[posture] == state.factor


def test_just_within_the_line_nothing_is_held() -> None:
    state = after(NEW, good(B, sightings=sightings(150.0, 55.0, 285.0), gap_s=60))
    assert (Posture.GREEN, 1.0) == (state.posture, state.factor)


def test_two_cycles_without_positions_are_red_and_two_ticks_of_one_are_not() -> None:
    assert Posture.ORANGE == cycles(NEW, 1, has_positions=False).posture
    assert Posture.RED == cycles(NEW, 2, has_positions=False).posture


def test_drawn_down_is_red_and_asks_for_a_person() -> None:
    state = after(NEW, good(E), drawn_down=True)
    assert (Posture.RED, ("DD_BREACH",), ("DD_BREACH",)) == (state.posture, state.causes, state.ack_needed)


def test_a_floor_names_what_it_is_about() -> None:
    state = after(NEW, good(B, external=tuple("ABCDEFG"), sightings=sightings(stream=None)))
    assert ["A, B, C, D, E and 2 more", "stream"] == [floor.subject for floor in state.floors]


@pytest.mark.parametrize("slow", [{"age_s": None}, {"age_s": 9_000.0}, {"error_rate": 1.0}, {"age_s": 70.0}])
def test_a_stream_that_is_down_is_yellow_and_no_more_however_long(slow: dict[str, Any]) -> None:
    down, state = sourced(Source.STREAM, **slow), cycles(NEW, 4)
    for cycle in range(700):
        for kind in (B, S, E):
            state = after(state, good(kind, sightings=down, is_first=cycle % 78 == 0))
            assert (Posture.YELLOW, 0.5) == (state.posture, state.factor)
    assert ("STREAM_STALE",) == state.causes


def test_a_stream_that_comes_and_goes_is_yellow_and_no_more() -> None:
    state, seen = NEW, set()
    for cycle in range(500):
        down = sightings(stream=None if cycle * cycle % 11 < 5 else 0.0)
        state = after(state, good(B, sightings=down), good(E))
        seen.add(state.posture)
    assert {Posture.GREEN, Posture.YELLOW} == seen


def test_after_a_stream_outage_green_returns_by_the_ladder() -> None:
    state = cycles(NEW, 50, sightings=sightings(stream=None))
    assert Posture.YELLOW == after(state, good(B)).posture
    assert Posture.GREEN == after(cycles(state, 1), good(B)).posture


def test_a_contradiction_escalates_faster_than_any_staleness() -> None:
    differs = {"contradictions": (contradicting("C2"),), "is_in_sync": False}
    at_odds, stale = after(NEW, good(B, **differs)), after(NEW, good(B, sightings=sightings(stream=None)))
    assert Posture.ORANGE == at_odds.posture
    assert RANK(stale.posture) < RANK(at_odds.posture)
    for _ in range(200):
        at_odds = cycles(at_odds, 1, **differs)
        stale = cycles(stale, 1, sightings=sightings(stream=None))
        assert at_odds.debt > stale.debt
    assert at_odds.debt == 1.5205  # 0.35 * 0.63 + 0.3 + 0.4 + 0.6
    dead = cycles(NEW, 200, sightings=sightings(None, None, None), has_positions=True)
    assert dead.debt == 0.59  # 0.35 + 3 * 0.08: what is old is old, and does not grow


@pytest.mark.parametrize("slots", [["0930", "0935", "1600"]])
def test_a_healthy_book_on_daily_bars_is_at_full_size_from_its_first_cycle_on(slots: list[str]) -> None:
    quiet = sourced(Source.STREAM, is_on=False, age_s=None)
    state = NEW
    for _ in range(20):
        for slot in slots:
            for kind in (B, S, E):
                state = after(state, good(kind, sightings=quiet, is_first=slot == slots[0]))
                assert (Posture.GREEN, 1.0, 0.0, ()) == (
                    state.posture,
                    state.factor,
                    state.debt,
                    state.causes,
                )


def test_a_book_on_daily_bars_climbs_the_ladder_in_its_three_cycles_a_day() -> None:
    quiet = sourced(Source.STREAM, is_on=False, age_s=None)
    state, postures = after(NEW, good(B, is_corrupt=True, sightings=quiet), good(E, sightings=quiet)), []
    for _ in range(3):
        for first in (True, False, False):
            acks = state.ack_needed
            tick = good(B, sightings=quiet, is_first=first)
            state = after(after(state, tick, acks=acks), good(E, sightings=quiet))
            postures.append(state.posture[0])
    # Three cycles out of RED; two out of ORANGE, the second of them at 0935; YELLOW's second is a 0930, and waits.
    assert "RRO" + "OYY" + "YGG" == "".join(postures)


def test_no_verdict_at_all_is_worse_than_a_good_one_at_every_kind_of_tick() -> None:
    state: PostureState = cycles(NEW, 3)
    for kind in (B, S, E):
        assert Posture.ORANGE == after(state, good(kind, verdict=None)).posture
        assert Posture.GREEN == after(state, good(kind, verdict=Verdict(seq=9, divergences=()))).posture
