"""Freshness, confidence and debt, by figures that were worked out by hand; each term grows with its input."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from execution_v2.posture import PostureConfig, debt
from execution_v2.posture.contradiction import follow
from execution_v2.posture.freshness import confidence, heard
from schemas.posture import PostureState
from schemas.tick import Posture, Sighting, Source
from tests.execution_v2.posture_ticks import (
    CONFIG,
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


def worth(source: Source, **change: object) -> float | None:
    """What *source* is worth in a tick that is perfect but for it."""
    elapsed_s = change.pop("elapsed_s", None)
    tick = good(B, sightings=sourced(source, **change), elapsed_s=elapsed_s)
    return next(row.worth for row in heard(tick, CONFIG) if row.source is source)


@pytest.mark.parametrize(
    ("expected", "source", "age_s"),
    [
        (1.0, Source.REST, 60.0),
        (0.5, Source.REST, 150.0),  # (240 - 150) / 180
        (0.0, Source.REST, 240.0),
        (0.5, Source.STREAM, 55.0),  # (90 - 55) / 70
        (0.142857, Source.STREAM, 80.0),  # 10 / 70
        (0.5, Source.FILLS, 285.0),  # (480 - 285) / 390
        (0.0, Source.FILLS, 9_999.0),
        (1.0, Source.FILLS, -2.0),
        (0.0, Source.FILLS, -2.01),
    ],
)
def test_freshness_is_one_up_to_warn_and_nothing_from_crit_on(
    expected: float, source: Source, age_s: float
) -> None:
    assert expected == worth(source, age_s=age_s)


def test_failed_reads_take_their_part() -> None:
    assert 0.4 == worth(Source.REST, age_s=150.0, error_rate=0.2)
    assert 0.0 == worth(Source.REST, error_rate=1.0)


def test_a_source_never_heard_counts_from_the_cycles_beginning_for_thirty_seconds() -> None:
    assert 0.857143 == worth(Source.STREAM, age_s=None, elapsed_s=30.0)  # 60 / 70
    assert 0.0 == worth(Source.STREAM, age_s=None, elapsed_s=30.01)
    assert 0.0 == worth(Source.STREAM, age_s=None)


def test_a_source_that_is_off_has_no_weight_and_one_that_fails_keeps_its_own() -> None:
    off = heard(good(B, sightings=sourced(Source.STREAM, is_on=False, age_s=None)), CONFIG)
    assert 1.0 == confidence(off, 0.0, 0, CONFIG)
    down = heard(good(B, sightings=sightings(stream=None)), CONFIG)
    assert 0.65 == confidence(down, 0.0, 0, CONFIG)
    half = heard(good(B, sightings=sightings(rest=150.0)), CONFIG)
    assert 0.775 == confidence(half, 0.0, 0, CONFIG)  # 0.225 + 0.35 + 0.20
    assert 0.385 == confidence(half, 0.6, 1, CONFIG)  # less 0.27 and 0.12
    assert 0.0 == confidence(half, 1.0, 9, CONFIG)  # less 0.45 and 0.36: never below zero


@pytest.mark.parametrize("unknown", [math.nan, math.inf])
def test_what_is_no_number_makes_the_confidence_zero(unknown: float) -> None:
    rows = tuple(row.model_copy(update={"age_s": unknown}) for row in good(B).sightings)
    tick = good(B).model_copy(update={"sightings": (rows[0], *good(B).sightings[1:])})
    assert 0.0 == confidence(heard(tick, CONFIG), 0.0, 0, CONFIG)


def test_a_source_without_a_line_and_no_source_at_all_make_it_zero() -> None:
    missing = heard(good(B, sightings=good(B).sightings[1:]), CONFIG)
    assert [None, 1.0, 1.0] == [row.worth for row in missing]
    assert 0.0 == confidence(missing, 0.0, 0, CONFIG)
    off = tuple(Sighting(source=s, is_on=False, age_s=0.0, error_rate=0.0) for s in Source)
    assert () == heard(good(B, sightings=off), CONFIG)
    assert 0.0 == confidence((), 0.0, 0, CONFIG)


def test_every_term_of_one_bad_tick_by_hand() -> None:
    tick = good(
        B,
        sightings=sightings(rest=150.0),
        contradictions=(contradicting("C2"),),
        is_in_sync=False,
        unknown_orders=1,
        unknown_oldest_s=150,
        ambiguous_symbols=1,
        gap_s=45,
        gap_breaches=1,
        gave_up=1,
        verdict=verdict(diverging(severity=0.7)),
    )
    state = after(NEW, tick)
    assert 0.385 == state.conf
    assert {
        "confidence": 0.21525,  # 0.35 * 0.615
        "sources": 0.08,
        "severity": 0.3,
        "streak": 0.08,
        "unknown": 0.5,
        "ambiguous": 0.2,
        "mismatch": 0.03,
        "gap": 0.125,  # 0.25 * 45 / 90
        "breaches": 0.5,
        "gave_up": 0.6,
        "divergence": 0.245,  # 0.35 * 0.7
    } == {term.name: term.value for term in state.terms}
    assert 2.87525 == state.debt


def test_terms_with_a_most_stop_there() -> None:
    bad = {
        "contradictions": (contradicting("C3"),),
        "is_in_sync": False,
        "unknown_orders": 9,
        "unknown_oldest_s": 9_000,
        "gap_s": 9_000,
        "verdict": verdict(*(diverging("RED", 1.0, name, count=9) for name in "abcd")),
    }
    terms = {term.name: term.value for term in cycles(NEW, 12, **bad).terms}
    assert (0.5, 0.4, 1.0, 0.6, 0.75, 1.05) == tuple(
        terms[name] for name in ("severity", "streak", "unknown", "mismatch", "gap", "divergence")
    )


def test_an_unknown_order_of_unknown_age_is_as_old_as_any() -> None:
    terms = {t.name: t.value for t in after(NEW, good(B, unknown_orders=1)).terms}
    assert 1.0 == terms["unknown"]


def test_no_verdict_weighs_as_a_stale_one_and_closes_nothing() -> None:
    def divergence_term(state: PostureState) -> float:
        return next(term.value for term in state.terms if term.name == "divergence")

    stale = after(NEW, good(B, verdict=None))
    assert 0.175 == divergence_term(stale)  # 0.35 * 0.5
    assert ("STALE_VERDICT",) == stale.causes
    clamped = after(NEW, good(B, verdict=verdict(diverging("RED", 1.0))))
    later = after(clamped, good(E, verdict=None))
    assert 0.35 == divergence_term(later)
    assert ("STATE_HASH", "STALE_VERDICT") == later.causes
    assert ("RECOVERING",) == after(later, good(B)).causes


_UP = st.integers(0, 2_000)


@given(low=_UP, more=_UP, name=st.sampled_from(["unknown_oldest_s", "ambiguous_symbols", "gap_s", "gave_up"]))
def test_a_term_grows_with_its_input(low: int, more: int, name: str) -> None:
    terms = ({"unknown_oldest_s": "unknown", "ambiguous_symbols": "ambiguous", "gap_s": "gap"}).get(
        name, name
    )
    small, large = (
        next(t.value for t in after(NEW, good(B, **{name: value})).terms if t.name == terms)
        for value in (low, low + more)
    )
    assert small <= large


# --- contradiction ---------------------------------------------------------------------------------


def test_a_contradiction_halves_with_each_cycle_that_agrees_and_is_forgotten_after_three() -> None:
    state = after(NEW, good(B, contradictions=(contradicting("C3"),)), good(E))
    severities = []
    for _ in range(3):
        state = cycles(state, 1)
        severities.append(state.severity)
    assert [0.5, 0.25, 0.0] == severities


def test_a_comparison_that_was_not_made_acquits_nobody() -> None:
    state = after(NEW, good(B, contradictions=(contradicting("C2"),)), good(E))
    unseen = cycles(state, 5, has_synced=False, is_in_sync=False)
    assert (0.6, 0, 0) == (unseen.severity, unseen.streak, unseen.agreed)
    assert state.streak == 0  # +1 and -1


def test_a_streak_counts_up_by_ticks_that_differ_and_down_by_those_that_agree() -> None:
    state = cycles(NEW, 2, contradictions=(contradicting("C2"),))
    assert 4 == state.streak
    assert 3 == after(state, good(B)).streak
    assert 4 == after(state, good(B, has_synced=False)).streak
    assert 5 == cycles(state, 9, contradictions=(contradicting("C2"),)).streak


def test_a_share_of_difference_is_reported_and_leaves_the_streak_alone() -> None:
    state = cycles(NEW, 30, contradictions=(contradicting("C1"),))
    assert (Posture.GREEN, 1.0, 0.25, 0) == (state.posture, state.factor, state.severity, state.streak)
    assert 0.164375 == state.debt  # 0.35 * 0.1125 + 0.125


def test_a_cycle_without_positions_is_counted_once() -> None:
    blind = [
        follow(NEW, good(kind, has_positions=False), CONFIG, is_new=kind is B).blind for kind in (B, S, E)
    ]
    assert [1, 1, 1] == blind
    assert 1 == cycles(NEW, 1, has_positions=False).blind
    assert 2 == cycles(NEW, 2, has_positions=False).blind


# --- bands and growth ------------------------------------------------------------------------------


def test_the_slope_is_that_of_least_squares() -> None:
    assert 0.1 == debt.slope([0.1, 0.2, 0.3, 0.4, 0.5])
    assert 0.2 == debt.slope([0.0, 0.0, 0.0, 0.0, 1.0])  # 2 * 1 / 10
    assert 0.0 == debt.slope([0.7] * 8)


def reached(owed: float, *debts: float, over: int = 0) -> tuple[Posture | None, Posture | None]:
    """(band held, growth) at a BEGIN after ticks of *debts*; *over*: ticks that both bands were reached."""
    before = PostureState(debts=debts, over_yellow=over, over_orange=over)
    bands = debt.bands(before, good(B), owed, CONFIG)
    return bands.reached, bands.growth


@pytest.mark.parametrize(
    ("expected", "owed", "over"),
    [
        (None, 0.8, 0),
        (Posture.YELLOW, 0.8, 1),
        (None, 0.799999, 1),
        (Posture.YELLOW, 1.349999, 1),
        (Posture.ORANGE, 1.35, 1),
        (None, 2.099999, 0),
        (Posture.RED, 2.1, 0),
    ],
)
def test_a_band_holds_from_its_second_tick_on_and_red_at_once(
    expected: Posture | None, owed: float, over: int
) -> None:
    assert expected == reached(owed, over=over)[0]


def test_growth_raises_to_the_band_it_reaches_and_never_beyond_orange() -> None:
    assert Posture.YELLOW == reached(0.5, 0.1, 0.2, 0.3, 0.4)[1]  # 0.5 + 3 * 0.1
    assert reached(0.49, 0.09, 0.19, 0.29, 0.39)[1] is None
    assert Posture.ORANGE == reached(2.0, 0.0, 0.5, 1.0, 1.5)[1]
    assert reached(0.5, 0.2, 0.3, 0.4)[1] is None, "four ticks are too few"
    assert reached(1.0, 1.4, 1.3, 1.2, 1.1)[1] is None, "it falls"


def test_parameters_out_of_order_are_refused_all_at_once() -> None:
    with pytest.raises(
        ValidationError, match=r"band_yellow < band_orange < band_red; rest_warn_s < rest_crit_s"
    ):
        PostureConfig(band_yellow=2.0, rest_warn_s=300)
    with pytest.raises(ValidationError):
        PostureConfig(rest_weight=math.nan)
