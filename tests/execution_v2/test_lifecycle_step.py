"""A book starts, slows down, waits and goes on as execution.md 10 says: when each cause begins, and what ends it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from execution_v2.lifecycle import size_factor, step
from execution_v2.lifecycle_causes import LifecycleConfig
from ledger.canonical import artifact_bytes, digest, plain
from schemas.book import LossRun
from schemas.lifecycle import Lifecycle, LifecycleState
from schemas.posture import PostureState
from schemas.reasons.lifecycle import LifecycleCause
from schemas.tick import Posture
from tests.execution_v2.lifecycle_world import (
    AT,
    CLASSES,
    CONFIG,
    START,
    Book,
    C,
    S,
    T,
    active,
    facts,
    moved,
    posture,
    tick,
)

# --- starting -------------------------------------------------------------------------------------


def test_a_new_book_works_from_its_second_cycle_on() -> None:
    book = Book().cycle()
    assert [("INIT", "READY", "REBUILD_RELEASED"), ("READY", "ACTIVE", "ARMED")] == book.moves
    assert S.ACTIVE is book.take(T.BEGIN).state.state


def test_on_daily_bars_a_session_is_at_work_in_its_second_cycle() -> None:
    book = active().night().cycle().take(T.BEGIN)
    assert [
        ("ACTIVE", "INIT", "SESSION_OPENED"),
        ("INIT", "READY", "REBUILD_RELEASED"),
        ("READY", "ACTIVE", "ARMED"),
    ] == book.moves


@pytest.mark.parametrize("night", ["POSTURE_RED", "OPERATOR_PAUSE", "KILL_SWITCH"])
def test_what_holds_a_book_holds_it_over_the_night(night: str) -> None:
    book = active()
    if night == "OPERATOR_PAUSE":
        book.act("pause")
    held = book.cycle({night} - {"OPERATOR_PAUSE"}).state.state
    assert held in (S.DEGRADED, S.PAUSED, S.EMERGENCY)
    assert held is book.night().take(T.BEGIN, {night} - {"OPERATOR_PAUSE"}).state.state


def test_a_book_that_was_not_released_stays_at_its_start() -> None:
    assert [] == Book().cycle(is_released=False).cycle(is_released=False).moves


def test_a_book_that_nobody_arms_is_watched_and_enters_nothing() -> None:
    assert S.READY is Book().cycle(may_arm=False).cycle(may_arm=False).state.state


@pytest.mark.parametrize(
    ("level", "want"),
    [(Posture.GREEN, S.ACTIVE), (Posture.YELLOW, S.THROTTLED), (Posture.ORANGE, S.READY)],
)
def test_it_is_armed_in_yellow_at_the_worst(level: Posture, want: Lifecycle) -> None:
    ready = LifecycleState(state=S.READY)
    assert want is step(ready, tick(), PostureState(posture=level), facts(), CONFIG)[0].state


def test_an_orange_posture_slows_a_book_down_like_a_yellow_one() -> None:
    orange = PostureState(posture=Posture.ORANGE)
    assert ("POSTURE_YELLOW",) == step(active().state, tick(), orange, facts(), CONFIG)[0].causes


def test_a_restart_goes_on_from_what_was_written() -> None:
    book = active().act("pause").cycle({C.API_PRESSURE})
    again = LifecycleState.model_validate_json(book.state.model_dump_json())
    assert book.state == again
    assert moved(book.state, T.BEGIN) == moved(again, T.BEGIN)


# --- what a whole cycle ends ----------------------------------------------------------------------

B, E, P = T.BEGIN, T.END, T.SPOT


@pytest.mark.parametrize("cause", [*CLASSES["2"], *CLASSES["4"]])
def test_one_whole_cycle_without_it_ends_a_cause(cause: LifecycleCause) -> None:
    book = active()
    for _ in range(2):
        book.cycle({cause})
    over = {"unsynced": 0} if cause is C.RECONCILE_FAILED else {}
    book.state = book.state.model_copy(update=over)
    held = book.state.state
    assert held is book.take(B).state.state
    after = book.take(E).state
    assert ((), S.ACTIVE if held is S.THROTTLED else S.READY) == (after.causes, after.state)


@pytest.mark.parametrize(
    ("ticks", "is_over"),
    [
        ("B E", True),
        ("E", False),
        ("E B", False),
        ("E B E", True),
        ("b E", False),
        ("b E B E", True),
        ("B e", False),
        ("B e B E", True),
        ("B p E", False),
        ("B P E", True),
        ("B B E", True),
        ("B p E B E", True),
    ],
)
def test_the_whole_cycle_is_counted_from_the_last_bad_tick(ticks: str, is_over: bool) -> None:
    # Small letters are ticks that show the cause; BEGIN, SPOT, END.
    book = active().take(E, {C.FEED_STALE})
    for letter in ticks.split():
        shown = {C.FEED_STALE} if letter.islower() else set()
        book.take({"B": B, "E": E, "P": P}[letter.upper()], shown)
    assert is_over == (book.state.state is not S.DEGRADED)


def test_causes_that_take_turns_end_each_by_itself_and_the_state_with_the_last() -> None:
    book = active().cycle({C.FEED_STALE}).cycle({C.OBSERVATION_INCOMPLETE})
    assert ("OBSERVATION_INCOMPLETE",) == book.state.causes
    assert S.READY is book.cycle().state.state


def test_a_comparison_that_failed_counts_from_the_second_cycle_on() -> None:
    book = active()
    assert S.ACTIVE is book.cycle(has_synced=False).state.state
    assert S.DEGRADED is book.take(B, has_synced=False).state.state


def test_one_that_came_late_in_its_cycle_is_one() -> None:
    book = active().take(B, has_synced=False).take(E, has_synced=True)
    assert S.ACTIVE is book.take(B, has_synced=False).state.state


def test_no_quote_is_missed_where_none_was_asked_for() -> None:
    assert S.ACTIVE is active().take(B, quotes_asked=0, quotes_answered=0).state.state
    assert S.DEGRADED is active().take(B, quotes_asked=1, quotes_answered=0).state.state


def test_the_twentieth_of_a_cycles_requests_may_be_turned_away_and_no_more() -> None:
    assert S.ACTIVE is active().take(B, requests=40, throttled=2).state.state
    assert S.THROTTLED is active().take(B, requests=39, throttled=2).state.state
    assert S.ACTIVE is active().take(B, requests=0, throttled=0).state.state


def test_a_worse_cause_waits_for_no_lesser_one() -> None:
    book = active().cycle({C.POSTURE_YELLOW}).act("pause").cycle().cycle({C.FEED_STALE})
    assert ["THROTTLED", "PAUSED", "DEGRADED"] == [after for _, after, _ in book.moves]
    assert [("DEGRADED", "PAUSED", "DEGRADE_CLEARED")] == book.cycle().moves[3:]


# --- losses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("equity", "want"), [("97000.000001", S.ACTIVE), ("97000", S.PAUSED)])
def test_three_in_a_hundred_lost_in_a_session_pause_its_rest(equity: str, want: Lifecycle) -> None:
    assert want is active().take(B, equity=Decimal(equity)).state.state


def test_a_loss_of_the_night_is_one_of_the_session_that_follows() -> None:
    book = active().night().take(B, equity=Decimal(96_900))
    assert (S.PAUSED, ("LOSS_LIMIT",)) == (book.state.state, book.state.causes)


def test_what_was_lost_and_won_back_pauses_all_the_same_and_the_next_session_ends_it() -> None:
    book = active().cycle(equity=Decimal(96_000)).cycle(equity=Decimal(101_000))
    assert S.PAUSED is book.state.state
    book.equity = Decimal(101_000)
    assert [("PAUSED", "READY", "PAUSE_CLEARED")] == book.night().take(B).moves[1:]


def test_money_taken_out_is_no_loss_and_money_paid_in_hides_none() -> None:
    out: dict[str, Any] = {"equity": Decimal(50_000), "net_flows": Decimal(-50_000)}
    assert S.ACTIVE is active().take(B, **out).state.state
    paid: dict[str, Any] = {"equity": Decimal(106_000), "net_flows": Decimal(10_000)}
    assert ("LOSS_LIMIT",) == active().take(B, **paid).state.causes


@pytest.mark.parametrize(("equity", "want"), [("80000.000001", S.PAUSED), ("80000", S.EMERGENCY)])
def test_a_fall_of_a_fifth_from_the_peak_is_an_emergency(equity: str, want: Lifecycle) -> None:
    assert want is active().take(B, equity=Decimal(equity)).state.state


def test_the_peak_is_the_highest_equity_of_all_sessions() -> None:
    book = active().cycle(equity=Decimal(125_000))
    book.equity = Decimal(122_000)
    book.night().cycle().cycle()
    assert Decimal(125_000) == book.state.peak
    assert ("DD_BREACH", "LOSS_LIMIT") == book.take(B, equity=Decimal(100_000)).state.causes


def test_an_equity_that_nobody_read_shows_no_loss_and_ends_none() -> None:
    assert () == active().take(B, equity=None).state.causes
    book = active().cycle(equity=Decimal(80_000)).act("ack", "DD_BREACH").cycle(equity=None)
    assert "DD_BREACH" in book.state.causes
    assert "DD_BREACH" not in book.cycle(equity=Decimal(80_000)).state.causes


def test_who_has_nothing_loses_nothing() -> None:
    book = active().take(B, equity=Decimal(10_000), net_flows=Decimal(-90_000))
    out: dict[str, Any] = {"equity": Decimal(-10), "net_flows": Decimal(-100_010)}
    assert (Decimal(-10), ()) == (book.take(B, **out).state.peak, book.state.causes)


def test_a_limit_that_is_null_is_off() -> None:
    off = LifecycleConfig(
        dd_breach_fraction=None, day_loss_fraction=None, losses_max_strategy=None, losses_max_book=None
    )
    runs = (LossRun(strategy_id="", losses=99), LossRun(strategy_id="S1", losses=99))
    assert () == active(off).take(B, equity=Decimal(1), loss_runs=runs).state.causes


@pytest.mark.parametrize(
    ("name", "losses", "is_held"), [("S1", 4, False), ("S1", 5, True), ("", 7, False), ("", 8, True)]
)
def test_five_losses_of_a_strategy_or_eight_of_the_book_pause_it(
    name: str, losses: int, is_held: bool
) -> None:
    book = active().take(B, loss_runs=(LossRun(strategy_id=name, losses=losses),))
    assert is_held == (book.state.causes == ("CONSEC_LOSS",)) == (book.state.state is S.PAUSED)


def test_a_win_does_not_end_the_wait_and_a_person_does() -> None:
    book = active().cycle({C.CONSEC_LOSS}).cycle().night().cycle()
    assert S.PAUSED is book.state.state
    assert [("PAUSED", "READY", "PAUSE_CLEARED")] == book.act("resume").take(B).moves[1:]


# --- emergency ------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", CLASSES["1"])
def test_an_emergency_does_not_end_by_itself(cause: LifecycleCause) -> None:
    book = active()
    if cause is C.OPERATOR_EMERGENCY:
        book.act("emergency")
    low = {"equity": Decimal(80_000)} if cause is C.DD_BREACH else {}
    book.cycle({cause}, **low)
    for _ in range(30):
        book.cycle().night()
    assert [("ACTIVE", "EMERGENCY", str(cause))] == book.moves


@pytest.mark.parametrize("cause", ["OPERATOR_EMERGENCY", "JOURNAL_CORRUPT", "DD_BREACH"])
def test_an_answer_to_its_cause_leads_to_a_pause_that_a_person_ends(cause: str) -> None:
    book = active()
    book.equity = Decimal(80_000) if cause == "DD_BREACH" else START
    if cause == "OPERATOR_EMERGENCY":
        book.act("emergency")
    book.take(B, {cause}).night().cycle().cycle()
    book.act("ack", cause).cycle()
    assert [("EMERGENCY", "PAUSED", "EMERGENCY_CLEARED")] == book.moves[1:2]
    assert [("PAUSED", "READY", "PAUSE_CLEARED")] == book.act("resume").take(B).moves[2:]
    assert book.equity == book.state.peak


@pytest.mark.parametrize(
    ("name", "want"), [("SIM", S.READY), ("ALPACA_PAPER", S.READY), ("ALPACA_LIVE", S.PAUSED)]
)
def test_a_kill_switch_alone_ends_with_its_end_where_no_money_is_at_stake(name: str, want: Lifecycle) -> None:
    book = active(CONFIG.for_book(name)).cycle({C.KILL_SWITCH}).kill(on=False)
    assert want is book.take(B).state.state


def test_with_another_cause_beside_it_a_person_resumes_in_any_book() -> None:
    book = active().cycle({C.KILL_SWITCH}).act("emergency").cycle({C.KILL_SWITCH})
    book.act("ack", "OPERATOR_EMERGENCY").cycle({C.KILL_SWITCH}).kill(on=False)
    assert S.PAUSED is book.take(B).state.state


def test_a_switch_removed_by_hand_waits_for_its_record() -> None:
    book = active().cycle({C.KILL_SWITCH}).cycle().cycle()
    assert (S.EMERGENCY, ("KILL_SWITCH",)) == (book.state.state, book.state.causes)
    assert S.READY is book.kill(on=False).take(B).state.state


def test_a_record_before_the_variable_is_unset_is_one_and_a_switch_set_again_needs_another() -> None:
    book = active().cycle({C.KILL_SWITCH}).kill(on=False).cycle({C.KILL_SWITCH})
    assert S.EMERGENCY is book.state.state
    book.kill(on=True).cycle()
    assert S.EMERGENCY is book.state.state
    assert S.READY is book.kill(on=False).take(B).state.state


def test_a_switch_that_the_journal_alone_tells_of_is_one() -> None:
    assert ("KILL_SWITCH",) == active().take(B, killed=True).state.causes


@pytest.mark.parametrize("over", [{"is_corrupt": True}, {"record_faults": ("JOURNAL_CORRUPT",)}])
def test_a_journal_that_broke_is_an_emergency_however_it_is_told(over: dict[str, Any]) -> None:
    assert ("JOURNAL_CORRUPT",) == active().take(B, **over).state.causes


def test_what_comes_back_after_its_answer_needs_another() -> None:
    book = active().cycle({C.JOURNAL_CORRUPT}).act("ack", "JOURNAL_CORRUPT").cycle({C.JOURNAL_CORRUPT})
    assert S.EMERGENCY is book.cycle().cycle().state.state
    assert S.PAUSED is book.act("ack", "JOURNAL_CORRUPT").take(B).state.state


def test_it_ends_with_two_reads_that_saw_every_position_covered() -> None:
    book = active().take(B, {C.KILL_SWITCH}).take(E, is_covered=False).kill(on=False)
    assert S.EMERGENCY is book.take(B).state.state
    assert S.EMERGENCY is book.take(P, has_positions=False).state.state
    assert S.EMERGENCY is book.take(E).state.state
    assert S.READY is book.take(B).state.state


def test_causes_that_waited_behind_it_hold_then() -> None:
    book = active().cycle({C.KILL_SWITCH, C.FEED_STALE}).kill(on=False)
    assert S.DEGRADED is book.take(B, {C.FEED_STALE}).state.state
    book = active().act("pause").cycle({C.KILL_SWITCH}).kill(on=False)
    assert S.PAUSED is book.take(B).state.state


def test_while_everything_is_to_be_sold_it_lasts_until_nothing_is_held() -> None:
    book = active().act("emergency").cycle().act("flatten").act("ack", "OPERATOR_EMERGENCY").cycle()
    assert (S.EMERGENCY, True) == (book.state.state, book.state.flatten)
    book.take(B, is_flat=True)
    assert (S.PAUSED, False) == (book.state.state, book.state.flatten)


# --- what is told ---------------------------------------------------------------------------------


def test_a_transition_names_its_tick_and_the_seconds_before_it_by_the_wall() -> None:
    book = active()
    since = book.state.since
    assert since is not None
    at = since + timedelta(days=3, seconds=7)
    seen = tick(T.BEGIN, {C.FEED_STALE}, at=at)
    _, changed = step(book.state, seen, posture(), facts(), CONFIG)
    assert changed is not None
    assert ("ACTIVE", "DEGRADED", "FEED_STALE", ("FEED_STALE",)) == (
        changed.before,
        changed.after,
        changed.reason,
        changed.causes,
    )
    assert 3 * 86_400 + 7 == changed.seconds_in_previous
    assert digest(artifact_bytes(plain(seen))) == changed.inputs_sha256


def test_a_clock_that_was_set_back_counts_nothing() -> None:
    book = active()
    _, changed = moved(book.state, T.BEGIN, {C.FEED_STALE}, at=AT - timedelta(days=1))
    assert changed is not None
    assert 0 == changed.seconds_in_previous


def test_the_reason_is_the_worst_cause_that_is_new() -> None:
    book = active().cycle({C.API_PRESSURE}).take(B, {C.API_PRESSURE, C.LEDGER_UNAVAILABLE, C.FEED_STALE})
    assert "FEED_STALE" == book.moves[-1][2] == book.state.reason


def test_a_throttled_book_enters_at_half_the_size() -> None:
    factors = {state: size_factor(LifecycleState(state=state), CONFIG) for state in S}
    assert {**dict.fromkeys(S, Decimal(1)), S.THROTTLED: Decimal("0.5")} == factors
