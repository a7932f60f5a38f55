"""What is promised of the execution plane: its invariants, and the outcome of every row of its chaos matrix.

An invariant names its tests, as a law does. A row's tests are found by their names, so that a new scenario is in the
case as soon as it is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tools.safety_claims import Claim, of


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the chaos matrix; its tests are those of ``tests/chaos`` whose names begin with it."""

    number: int
    trouble: str
    outcome: str
    missing: str = ""


INVARIANTS: Final[Sequence[Claim]] = (
    Claim(
        name="I1",
        text="No gate, posture, state, switch, approval, limit or file fault denies REDUCE, CANCEL or QUERY.",
        tests=(
            *of(
                "execution_v2/test_exits_always.py",
                "no_combination_of_shut_gates_and_broken_files_changes_one_exit",
            ),
            *of("execution_v2/test_router.py", "no_row_of_entries_ever_meets_a_reduction"),
            *of(
                "execution_v2/test_lifecycle_table.py",
                "what_lowers_exposure_passes_in_every_state_and_what_raises_it_in_two",
            ),
        ),
    ),
    Claim(
        name="I2",
        text="At most one risk-increasing order per intent, leg and attempt, across retries, processes and restarts.",
        tests=(
            *of(
                "execution_v2/test_crash.py",
                "an_unanswered_request_is_looked_up_and_never_sent_under_another_id",
            ),
            *of("execution_v2/test_cycle.py", "a_cycle_run_twice_does_nothing_twice"),
            *of(
                "chain/test_broker_day.py",
                "a_process_killed_while_its_order_is_on_the_wire_leaves_one_order_per_id_and_every_position_covered",
            ),
        ),
    ),
    Claim(
        name="I3",
        text="Every loop has an attempt budget, a time budget and a named end.",
        tests=of(
            "execution_v2/test_budgets.py",
            "no_entry_goes_out_after_180_seconds_and_nothing_after_270",
            "a_wait_is_what_the_broker_names_and_at_most_30_seconds",
        ),
    ),
    Claim(
        name="I4",
        text="The worst case stays within its caps at every send.",
        tests=of(
            "execution_v2/test_gate_laws.py",
            "two_hundred_thousand_steps_exceed_no_cap_pass_no_broken_gate_and_refuse_no_exit",
        ),
    ),
    Claim(
        name="I5",
        text="Reconciliation outranks request outcomes.",
        tests=(
            *of(
                "execution_v2/test_laws.py",
                "book_and_exchange_agree_every_share_is_stopped_and_no_stop_loosens",
            ),
            *of("execution_v2/test_position_sync.py", "every_status_of_a_symbol_has_a_case"),
        ),
    ),
    Claim(
        name="I6",
        text="A failed observation is never an empty one; a missing number is neither 0 nor good.",
        tests=(
            *of("execution_v2/test_crash.py", "a_failed_read_is_never_an_empty_one"),
            *of("execution_v2/test_gates.py", "what_is_no_number_is_refused_and_stops_no_gate"),
            *of("portfolio/test_noticed.py", "what_is_unknown_stays_so_whatever_is_added"),
        ),
    ),
    Claim(
        name="I7",
        text="Losing evidence never loosens a knob.",
        tests=(
            *of("execution_v2/test_posture_laws.py", "losing_evidence_never_loosens_any_knob"),
            *of(
                "execution_v2/test_posture_debt.py",
                "a_term_grows_with_its_input",
                "a_comparison_that_was_not_made_acquits_nobody",
            ),
            *of(
                "execution_v2/test_divergence_state.py",
                "without_a_verdict_of_this_cycle_it_is_stale_and_never_good",
            ),
        ),
    ),
    Claim(
        name="I8",
        text="Recovery goes one rung at a time, on observed health.",
        tests=(
            *of(
                "execution_v2/test_posture_ladder.py",
                "from_red_it_takes_seven_cycles_to_green_and_fourteen_to_full_size",
                "posture_improves_at_a_begin_only",
                "one_tick_that_misses_a_row_starts_the_count_anew",
                "a_night_of_whatever_length_earns_nothing",
            ),
            *of(
                "execution_v2/test_lifecycle_table.py",
                "every_state_with_every_set_of_causes_has_its_stated_outcome",
            ),
        ),
    ),
    Claim(
        name="I9",
        text="The record that announces an order is on disk before its first byte leaves.",
        tests=(
            *of("ledger/test_memory.py", "an_append_that_forgets_its_fsync_loses_everything_with_the_power"),
            *of("chain/test_crash.py", "a_day_that_crashes_once_ends_as_the_undisturbed_one"),
            *of("execution_v2/test_crash_intraday.py", "a_day_that_crashes_once_ends_as_the_undisturbed_one"),
        ),
    ),
    Claim(
        name="I10",
        text="The fold of the journal equals live state, hash for hash.",
        tests=(
            *of(
                "execution_v2/test_reduce.py",
                "one_record_at_a_time_and_all_at_once_give_one_state_hash_for_hash",
            ),
            *of("ledger/test_carry.py", "every_carried_state_is_the_fold_of_the_sealed_journals_before"),
            *of(
                "chain/test_reliability.py",
                "on_a_faulty_exchange_the_same_orders_are_unknown_after_every_cycle",
            ),
        ),
    ),
    Claim(
        name="I11",
        text="One change of state is one journal record, one log line, one count.",
        tests=of("execution_v2/test_reduce.py", "a_fill_is_booked_once_in_every_state_and_never_lost"),
        missing="No metrics exporter counts yet: the counts are those of the weekly artifact, made from the records.",
    ),
    Claim(
        name="I12",
        text="A foreign order is never cancelled or changed.",
        tests=(
            *of(
                "execution_v2/test_orphans.py",
                "every_order_has_one_verdict_and_what_is_cancelled_is_ours_and_unknown",
            ),
            *of(
                "chaos/test_blind_and_shut.py",
                "row_20_a_strangers_order_counts_against_the_caps_and_is_never_touched",
            ),
        ),
    ),
    Claim(
        name="I13",
        text="No send of ours lets the sells that may be live exceed what is certainly held.",
        tests=(
            *of("execution_v2/test_router.py", "a_sale_beyond_its_bound_is_cut_to_it_and_goes_on"),
            *of(
                "execution_v2/test_leaving.py",
                "while_its_stop_is_of_unknown_fate_no_share_is_sold_twice",
                "of_two_stops_that_would_sell_more_than_is_held_the_tightest_stays",
            ),
        ),
    ),
    Claim(
        name="I14",
        text="A protective stop never loosens, and never sells more than is held when sent.",
        tests=(
            *of("strategies/test_exits.py", "a_long_stop_never_moves_down_and_is_never_absent"),
            *of("execution_v2/test_router.py", "a_stop_that_is_replaced_never_stands_lower"),
            *of(
                "execution_v2/test_laws.py",
                "book_and_exchange_agree_every_share_is_stopped_and_no_stop_loosens",
            ),
        ),
    ),
)

CHAOS: Final[Sequence[Row]] = (
    Row(number=1, trouble="acknowledgement after the fill", outcome="filled once, nothing else changes"),
    Row(
        number=2,
        trouble="a cancel meets an order that is gone",
        outcome="fills and look-ups decide, five at most",
    ),
    Row(
        number=3,
        trouble="fill after a confirmed cancel",
        outcome="booked once, covered, never above the wish",
    ),
    Row(
        number=4,
        trouble="replace race, stream shuffled and doubled",
        outcome="one end state, one live stop, a named end",
    ),
    Row(
        number=5,
        trouble="no stream for a session, REST healthy",
        outcome="YELLOW and no worse; GREEN by the ladder",
        missing="That entries of such a session go at half their size: the posture's own tests hold it, on ticks.",
    ),
    Row(number=6, trouble="REST stale and stream late", outcome="ORANGE, then RED; exits in each cycle"),
    Row(number=7, trouble="every call times out", outcome="budgets hold; FROZEN after three cycles; one id"),
    Row(number=8, trouble="an order lands and its answer is lost", outcome="one order, found by its id"),
    Row(number=9, trouble="death at every point of a position's life", outcome="the crash law"),
    Row(
        number=10,
        trouble="positions unread, or empty once",
        outcome="no protection cancelled, nothing closed",
    ),
    Row(
        number=11,
        trouble="partial fill at the window's end",
        outcome="the rest cancelled, covered within 15 s",
    ),
    Row(
        number=12,
        trouble="a stop refused; a ratchet taken and rejected",
        outcome="exit in the cycle; the old stop; flat",
    ),
    Row(
        number=13,
        trouble="sale against held shares; partial trim",
        outcome="nothing naked, stop equals what is held",
    ),
    Row(
        number=14, trouble="halt, early close, old stop, split", outcome="no entry, one stop for every share"
    ),
    Row(number=15, trouble="two processes, two hosts", outcome="one speaker, one order per id"),
    Row(
        number=16,
        trouble="kill switch in mid exit; every gate shut",
        outcome="exit completes, entries cancelled",
    ),
    Row(number=17, trouble="full disk, corrupt journal, storms", outcome="entries refused, exits work"),
    Row(number=18, trouble="unknown over a weekend", outcome="counted, resolved in the first cycle"),
    Row(
        number=19,
        trouble="injected divergence of each category",
        outcome="clamp before the next entry, exits go out",
    ),
    Row(number=20, trouble="stranger's order, refused entries", outcome="untouched and counted, no loop"),
    Row(
        number=21,
        trouble="telemetry, messages, evidence writer down",
        outcome="trading unaffected, drops counted",
        missing="Tickets in Slack do not exist yet: repeated, forged, stale and unmatched ones are not tried.",
    ),
)
