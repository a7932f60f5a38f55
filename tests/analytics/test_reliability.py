"""What a week came to, worked out by hand; and any stream of records counted a second, slower way."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from analytics.reliability_measures import rate, spread
from execution_v2.reduce import empty_state
from schemas.base import Fact
from schemas.book import Leg, OrderState
from schemas.events import (
    BlockedBy,
    CycleBegan,
    CycleEnded,
    CycleGap,
    EntriesEnforced,
    EntryAuthorised,
    EntryDenied,
    IllegalTransition,
    OrderContradicted,
    OrderResolved,
    OrderUnresolved,
    RebuildDecided,
    ReplaceEnded,
    SyncChecked,
    TickTaken,
)
from schemas.lifecycle import Lifecycle, LifecycleChanged, LifecycleState
from schemas.reliability import (
    Clamp,
    Count,
    Denial,
    PostureSeconds,
    ProtectiveGaps,
    Rate,
    Reliability,
    Spread,
)
from schemas.tick import Divergence, DivergenceCategory, Posture
from tests.analytics.journal_of import DAYS, at, fill
from tests.analytics.weeks import (
    authorised,
    confirmed,
    cover,
    denied,
    held,
    measured,
    replaced,
    sent,
    ticked,
    unknown,
)

MINUTE = 60.0
NOTE = CycleBegan(slot="0935", kind="entries")
"""A record that nothing here depends on: a minute passes."""
END = CycleEnded(slot="0935", carried=())


# --- measures ---------------------------------------------------------------------------------------------


def test_a_ratio_of_nothing_is_null_and_carries_both_its_zeros() -> None:
    assert Rate(numerator=0, denominator=0, value=None) == rate(0, 0)
    assert Rate(numerator=1, denominator=3, value=0.333333) == rate(1, 3)


def test_of_twenty_values_the_nineteenth_is_the_95th_percentile() -> None:
    assert Spread(count=20, sum=210.0, mean=10.5, p95=19.0, max=20.0) == spread(list(range(20, 0, -1)))
    assert Spread(count=1, sum=7.0, mean=7.0, p95=7.0, max=7.0) == spread([7])
    assert Spread(count=0, sum=0.0, mean=None, p95=None, max=None) == spread([])


# --- unknown orders ---------------------------------------------------------------------------------------


def test_an_order_is_unknown_from_the_record_that_says_so_to_the_one_that_knows_better() -> None:
    week = measured([sent("ABC"), unknown("ABC"), NOTE, unknown("ABC"), NOTE, confirmed("ABC")])
    assert (1, 4 * MINUTE, 0) == (week.ambiguity.wall.count, week.ambiguity.wall.sum, week.ambiguity.open)
    assert [Leg.ENTRY] == [row.leg for row in week.ambiguity_by_leg]


def test_a_night_counts_by_the_clock_and_not_as_active_time() -> None:
    week = measured([sent("ABC"), unknown("ABC")], [NOTE, confirmed("ABC")])
    assert 24 * 3600 == week.ambiguity.wall.sum
    # Monday from minute 1 to the close, Tuesday from the opening to minute 1.
    assert 389 * MINUTE + MINUTE == week.ambiguity.active.sum


def test_legs_are_told_apart_and_what_is_still_unknown_is_open_and_no_duration() -> None:
    stop = Leg.STOP
    week = measured([sent("ABC"), sent("ABC", stop), unknown("ABC"), unknown("ABC", stop), confirmed("ABC")])
    entry, protective = week.ambiguity_by_leg
    assert (Leg.ENTRY, 2 * MINUTE, 0) == (entry.leg, entry.wall.sum, entry.open)
    assert (Leg.STOP, 0, 1) == (protective.leg, protective.wall.count, protective.open)
    assert (1, 1) == (week.ambiguity.wall.count, week.ambiguity.open)


def test_a_frozen_order_stays_unknown_until_it_is_answered() -> None:
    froze = unknown("ABC", state="FROZEN")
    week = measured([sent("ABC"), unknown("ABC"), froze, NOTE, confirmed("ABC")])
    assert (1, 3 * MINUTE) == (week.ambiguity.wall.count, week.ambiguity.wall.sum)


def test_a_partial_fill_proves_a_send_and_not_a_cancel() -> None:
    part = fill(DAYS[0], "buy", 4, "10.00", order_id="ord_E_ABC")
    rest = fill(DAYS[0], "buy", 6, "10.00", order_id="ord_E_ABC", minute=6)
    sending = measured([sent("ABC"), unknown("ABC"), part])
    assert (1, 0) == (sending.ambiguity.wall.count, sending.ambiguity.open)
    cancelling = [sent("ABC"), unknown("ABC", state="CANCEL_UNKNOWN"), part]
    assert 1 == measured(cancelling).ambiguity.open
    assert 0 == measured([*cancelling, rest]).ambiguity.open


def test_a_move_that_the_table_refused_ended_nothing() -> None:
    refused = IllegalTransition(
        ord_id="ord_E_ABC", state=OrderState.SUBMIT_UNKNOWN, event="order.resolved", detail=""
    )
    gone = OrderResolved(ord_id="ord_E_ABC", state=OrderState.NEVER_SENT, order_id=None, cause="PROOF")
    week = measured([sent("ABC"), unknown("ABC"), gone, refused, NOTE, confirmed("ABC")])
    assert (1, 4 * MINUTE) == (week.ambiguity.wall.count, week.ambiguity.wall.sum)


def test_what_became_unknown_before_the_week_counts_from_then_and_ends_in_the_week() -> None:
    week = measured([NOTE, confirmed("ABC")], before=[[sent("ABC"), unknown("ABC")]])
    assert (1, 24 * 3600) == (week.ambiguity.wall.count, week.ambiguity.wall.sum)


def test_what_ended_before_the_week_is_not_counted_in_it() -> None:
    week = measured([NOTE], before=[[sent("ABC"), unknown("ABC"), confirmed("ABC")]])
    assert (0, 0) == (week.ambiguity.wall.count, week.ambiguity.open)


def test_an_order_that_the_book_brought_along_keeps_its_leg() -> None:
    carried = sent("ABC", Leg.STOP).order.model_copy(update={"state": OrderState.CANCEL_UNKNOWN})
    opening = empty_state().model_copy(update={"orders": (carried,)})
    week = measured([NOTE, confirmed("ABC", Leg.STOP)], opening=opening)
    assert [(Leg.STOP, MINUTE)] == [(row.leg, row.wall.sum) for row in week.ambiguity_by_leg]


def test_the_surface_counts_intents_and_symbols_at_each_cycles_end() -> None:
    stop = Leg.STOP  # of the same intent as its entry
    week = measured(
        [
            *(sent("ABC"), sent("ABC", stop), sent("XYZ"), END),
            *(unknown("ABC"), unknown("ABC", stop), END),
            *(unknown("XYZ"), END),
        ]
    )
    assert (3, 3.0, 1.0, 2.0) == (
        week.surface.intents.count, week.surface.intents.sum, week.surface.intents.mean,
        week.surface.symbols.max,
    )  # fmt: skip


# --- replaces, gaps, posture ------------------------------------------------------------------------------


def test_of_four_replaces_one_was_ambiguous_and_two_were_given_up() -> None:
    ended = [("REPLACED", 0), ("GAVE_UP_OLD_MAYBE_LIVE", 2), ("GAVE_UP_NEW_MAYBE_LIVE", 0), ("REPLACED", 0)]
    replaces = measured([replaced(*each) for each in ended]).replaces
    assert (1, 4, 0.25) == _of(replaces.ambiguous)
    assert (2, 4, 0.5) == _of(replaces.gave_up)
    assert (2, Count(name="REPLACED", count=2)) == (replaces.points, replaces.terminals[-1])


def test_the_last_word_on_a_position_in_a_session_counts_and_an_open_gap_up_to_the_close() -> None:
    week = measured(
        [cover("a", 3.0, 3.0), cover("a", 10.5, 7.5), cover("b", 1.0, 1.0, open_minute=389)],
        [cover("a", 2.0, 2.0)],
    )
    # b: one second, and the minute before the close.
    assert ProtectiveGaps(sum_s=73.5, max_s=60.0, positions=3, open=0) == week.gaps
    assert 1 == measured([cover("b", 0.0, 0.0, open_minute=1)]).gaps.open


def test_time_belongs_to_the_posture_that_held_before_the_begin_and_to_its_worst_cause() -> None:
    blind, stale = held("RED", "BLIND", "STALE"), held("ORANGE", "STALE")
    week = measured(
        [
            ticked("BEGIN", blind, active_s=300),
            ticked("END", blind, requests=10),
            ticked("BEGIN", stale, active_s=600),
            ticked("END", stale, requests=30),
            ticked("BEGIN", stale, active_s=100),
        ]
    )
    assert [("GREEN", "", 300), ("ORANGE", "STALE", 100), ("RED", "BLIND", 600)] == [
        (row.posture, row.cause, row.seconds.numerator) for row in week.postures
    ]
    assert {1000} == {row.seconds.denominator for row in week.postures}
    assert (2, 20.0, 30.0) == (
        week.cycles.requests.count, week.cycles.requests.mean, week.cycles.requests.max
    )  # fmt: skip


def test_a_week_begins_with_the_posture_that_the_one_before_left() -> None:
    first = ticked("BEGIN", held("GREEN"), active_s=5)
    after = measured([first], before=[[ticked("END", held("ORANGE", "STALE"))]])
    opening = empty_state().model_copy(update={"posture": held("ORANGE", "STALE")})
    expected = PostureSeconds(
        posture=Posture.ORANGE, cause="STALE", seconds=Rate(numerator=5, denominator=5, value=1.0)
    )
    assert (expected,) == after.postures == measured([first], opening=opening).postures


# --- entries ----------------------------------------------------------------------------------------------


def test_an_attempt_is_counted_once_and_its_reasons_each() -> None:
    week = measured(
        [
            authorised(),
            denied(("posture", "POSTURE_ORANGE"), ("lifecycle", "PAUSED"), ("sleeve", "CAP")),
            denied(("sleeve", "CAP")),
            denied(code="SIZE_ZERO"),
        ]
    )
    assert (3, 4, 0.75) == _of(week.denied)
    assert (1, 4, 0.25) == _of(week.clamped)
    assert (
        Clamp(reason="PAUSED", refused=1, reduced=0),
        Clamp(reason="POSTURE_ORANGE", refused=1, reduced=0),
    ) == week.clamps
    assert [
        ("cycle", "", "SIZE_ZERO", 1), ("cycle", "lifecycle", "PAUSED", 1),
        ("cycle", "posture", "POSTURE_ORANGE", 1), ("cycle", "sleeve", "CAP", 2),
    ] == [tuple(row.model_dump().values()) for row in week.denials]  # fmt: skip


def test_an_entry_let_pass_at_half_its_size_is_reduced_by_the_worst_cause() -> None:
    week = measured([ticked("SPOT", held("YELLOW", "STREAM_STALE")), authorised()])
    assert (Clamp(reason="STREAM_STALE", refused=0, reduced=1),) == week.clamps
    assert ((1, 1, 1.0), (0, 1, 0.0)) == (_of(week.clamped), _of(week.denied))


def test_an_entry_of_a_throttled_book_is_reduced_by_what_throttles_it() -> None:
    throttled = LifecycleState(state=Lifecycle.THROTTLED, causes=("API_PRESSURE",))
    week = measured([ticked("SPOT", held("GREEN"), throttled), authorised(), NOTE, authorised()])
    assert (Clamp(reason="API_PRESSURE", refused=0, reduced=2),) == week.clamps
    assert (2, 2, 1.0) == _of(week.clamped)


def test_a_posture_that_throttles_and_reduces_is_named_once() -> None:
    causes = ("POSTURE_YELLOW", "API_PRESSURE")
    throttled = LifecycleState(state=Lifecycle.THROTTLED, causes=causes)
    week = measured([ticked("SPOT", held("YELLOW", "STREAM_STALE"), throttled), authorised()])
    assert ["API_PRESSURE", "STREAM_STALE"] == [row.reason for row in week.clamps]
    assert (1, 1, 1.0) == _of(week.clamped)
    # The posture is well again, and its clean cycle not over: the lifecycle alone reduces, and by that cause.
    lingers = LifecycleState(state=Lifecycle.THROTTLED, causes=("POSTURE_YELLOW",))
    week = measured([ticked("SPOT", held("GREEN"), lingers), authorised()])
    assert ["POSTURE_YELLOW"] == [row.reason for row in week.clamps]


def test_of_a_morning_enforced_twice_the_last_file_counts() -> None:
    def enforced(n: int) -> EntriesEnforced:
        return EntriesEnforced(blocked=(BlockedBy(code="CAP", entries=n),))

    week = measured([enforced(5), enforced(2)], [enforced(1)])
    assert (Denial(phase="morning", gate="", code="CAP", entries=3),) == week.denials


# --- counts -----------------------------------------------------------------------------------------------


def test_the_rest_is_counted_by_its_names() -> None:
    moved = LifecycleChanged(
        before=Lifecycle.ACTIVE, after=Lifecycle.DEGRADED, reason="FEED_STALE", causes=("FEED_STALE",),
        inputs_sha256="0" * 64, seconds_in_previous=5,
    )  # fmt: skip
    orphan = RebuildDecided(
        client_order_id="c", order_id="1", symbol="ABC", quantity=1, row=1, action="CANCEL", code="ORPHAN",
        evidence_id="ev_1",
    )  # fmt: skip
    late = OrderContradicted(ord_id="o", state=OrderState.CANCELLED, code="FILL_AFTER_END", detail="")
    illegal = IllegalTransition(ord_id="o", state=OrderState.FILLED, event="order.ended", detail="")
    week = measured(
        [
            *(NOTE, moved, orphan, late, illegal, END, CycleGap(missed=3, first="1000", last="1010")),
            *(SyncChecked(status=name, findings=()) for name in ("IN_SYNC", "PHANTOM", "IN_SYNC")),
        ]
    )
    assert (1, 1, 3) == (week.cycles.began, week.cycles.ended, week.cycles.missed)
    assert [("ACTIVE", "DEGRADED", "FEED_STALE", 1)] == [
        tuple(row.model_dump().values()) for row in week.transitions
    ]
    assert [("CANCEL", "ORPHAN", 1)] == [tuple(row.model_dump().values()) for row in week.orphans]
    assert [("FILLED", "order.ended", 1)] == [tuple(row.model_dump().values()) for row in week.illegal]
    assert (Count(name="FILL_AFTER_END", count=1),) == week.contradictions
    assert ((2, 3, 0.666667), 2) == (_of(week.in_sync), len(week.syncs))


def test_divergences_are_counted_by_record_and_by_id() -> None:
    named = (("ORPHAN", "div_1"), ("ORPHAN", "div_1"), ("ORPHAN", "div_2"), ("POSITION", "div_3"))
    found = [
        Divergence(
            divergence_id=each, category=DivergenceCategory(name), severity=0.9, clamp=Posture.ORANGE, needs_ack=False,
            pointer="/orders", expected="0", actual="1",
        )
        for name, each in named
    ]  # fmt: skip
    week = measured(found)
    assert [("ORPHAN", 3, 2), ("POSITION", 1, 1)] == [
        tuple(row.model_dump().values()) for row in week.divergences
    ]


# --- any stream -------------------------------------------------------------------------------------------

NAMES = ("ABC", "XYZ")
POSTURES = ("GREEN", "YELLOW", "ORANGE", "RED")
names, legs = st.sampled_from(NAMES), st.sampled_from([Leg.ENTRY, Leg.STOP])
told: st.SearchStrategy[Fact] = st.one_of(
    st.builds(sent, names, legs),
    st.builds(unknown, names, legs, st.sampled_from(["SUBMIT_UNKNOWN", "FROZEN"])),
    st.builds(confirmed, names, legs),
    st.builds(replaced, st.sampled_from(["REPLACED", "GAVE_UP_OLD_MAYBE_LIVE"]), st.integers(0, 2)),
    st.builds(lambda code: denied(("posture", code), ("sleeve", "CAP")), st.sampled_from(["A", "B"])),
    st.builds(authorised),
    st.builds(
        lambda kind, name, s, n: ticked(kind, held(name, name), active_s=s if kind == "BEGIN" else 0, requests=n),
        st.sampled_from(["BEGIN", "SPOT", "END"]), st.sampled_from(POSTURES), st.integers(0, 600),
        st.integers(0, 50),
    ),
    st.just(END),
)  # fmt: skip


@given(days=st.lists(st.lists(told, max_size=12), min_size=1, max_size=4))
def test_any_stream_of_records_comes_to_what_a_slow_recount_says(days: list[list[Fact]]) -> None:
    days[0] = [*(sent(symbol, leg) for symbol in NAMES for leg in (Leg.ENTRY, Leg.STOP)), *days[0]]
    week = measured(*days)
    stream = [
        (at(day, i), fact) for day, facts in zip(DAYS, days, strict=False) for i, fact in enumerate(facts)
    ]
    _recount_unknown(week, stream)
    facts = [fact for _, fact in stream]
    ended = [fact for fact in facts if isinstance(fact, ReplaceEnded)]
    assert sum(each.points > 0 for each in ended) == week.replaces.ambiguous.numerator
    assert sum(each.terminal.startswith("GAVE") for each in ended) == week.replaces.gave_up.numerator
    assert len(ended) == week.replaces.gave_up.denominator
    ticks = [fact for fact in facts if isinstance(fact, TickTaken)]
    seconds = dict.fromkeys(POSTURES, 0)
    for number, taken in enumerate(ticks):
        before = ticks[number - 1].posture.posture if number else Posture.GREEN
        seconds[before] += taken.tick.active_s
    counted = dict.fromkeys(POSTURES, 0)
    for row in week.postures:
        counted[row.posture] += row.seconds.numerator
    assert seconds == counted
    _recount_entries(week, facts)


def _recount_unknown(week: Reliability, stream: Sequence[tuple[datetime, Fact]]) -> None:
    """By definition: an order is unknown after a record if the last word on it so far says so."""
    moments = [moment for moment, _ in stream]
    surface, durations, waiting = [], [], 0
    for name in (f"ord_{leg}_{symbol}" for leg in (Leg.ENTRY, Leg.STOP) for symbol in NAMES):
        standing = [_last_word(name, [fact for _, fact in stream[: i + 1]]) for i in range(len(stream))]
        for i, is_unknown in enumerate(standing):
            if is_unknown and not (i and standing[i - 1]):
                end = next((j for j in range(i, len(standing)) if not standing[j]), None)
                waiting += end is None
                if end is not None:
                    durations.append((moments[end] - moments[i]) / timedelta(seconds=1))
    for i, (_, fact) in enumerate(stream):
        if fact is END:
            open_ = {s for s in NAMES for g in (Leg.ENTRY, Leg.STOP)
                     if _last_word(f"ord_{g}_{s}", [each for _, each in stream[: i + 1]])}  # fmt: skip
            surface.append(len(open_))
    assert (len(durations), sum(durations), waiting) == (
        week.ambiguity.wall.count, week.ambiguity.wall.sum, week.ambiguity.open
    )  # fmt: skip
    assert (len(surface), sum(surface), max(surface, default=None)) == (
        week.surface.symbols.count, week.surface.symbols.sum, week.surface.symbols.max
    )  # fmt: skip


def _last_word(ord_id: str, facts: Sequence[Fact]) -> bool:
    said = [
        isinstance(fact, OrderUnresolved)
        for fact in facts
        if getattr(fact, "ord_id", None) == ord_id
        or getattr(getattr(fact, "order", None), "ord_id", None) == ord_id
    ]
    return bool(said) and said[-1]


def _recount_entries(week: Reliability, facts: Sequence[Fact]) -> None:
    refused = [fact for fact in facts if isinstance(fact, EntryDenied)]
    reduced, factor = 0, 1.0
    for fact in facts:
        factor = fact.posture.factor if isinstance(fact, TickTaken) else factor
        reduced += isinstance(fact, EntryAuthorised) and factor < 1
    attempts = len(refused) + sum(isinstance(fact, EntryAuthorised) for fact in facts)
    assert (len(refused), attempts) == (week.denied.numerator, week.denied.denominator)
    assert (len(refused) + reduced, attempts) == (week.clamped.numerator, week.clamped.denominator)
    assert reduced == sum(row.reduced for row in week.clamps)
    assert len(refused) == sum(row.refused for row in week.clamps)


def _of(found: Rate) -> tuple[int, int, float | None]:
    return found.numerator, found.denominator, found.value
