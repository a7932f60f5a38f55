"""What is promised of the whole, and which tests hold it; a claim without a test stands among what is not covered.

The laws are those of the architecture. What the execution plane promises besides stands in ``tools/safety_plane.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One promise. tests: node ids without parameters. missing: what none of them would notice; empty: none known."""

    name: str
    text: str
    tests: tuple[str, ...]
    missing: str = ""


def of(file: str, *names: str) -> tuple[str, ...]:
    """Node ids of tests of one file."""
    return tuple(f"tests/{file}::test_{name}" for name in names)


LAWS: Final[Sequence[Claim]] = (
    Claim(
        name="L1",
        text="Same inputs, same bytes.",
        tests=(
            *of("chain/test_golden.py", "the_pinned_sessions_have_the_bytes_they_had"),
            *of("test_house.py", "nothing_below_flows_reads_a_clock_chance_the_environment_or_the_network"),
            *of("ledger/test_canonical.py", "reading_and_writing_again_gives_the_same_bytes"),
            *of("flows/test_prefect.py", "premarket_three_cycles_and_postclose_give_the_same_seal_again"),
        ),
    ),
    Claim(
        name="L2",
        text="Closed on execution: a stage that cannot prove its input blocks new entries, with a code.",
        tests=(
            *of(
                "chain/test_day.py",
                "a_file_damaged_after_the_morning_stops_entries_and_no_exit",
                "a_day_whose_bars_do_not_suffice_makes_no_intent_and_exits_run",
            ),
            *of(
                "chain/test_freshness.py",
                "stale_candidates_are_refused_by_decisions_enforcement_and_cycle_and_exits_go_on",
            ),
            *of(
                "execution_v2/test_gates.py",
                "an_unknown_book_fails_every_gate_that_needs_it_with_its_own_code",
            ),
            *of("portfolio/test_decide.py", "an_input_that_proves_nothing_blocks_every_entry"),
            *of("flows/test_outbox.py", "an_outbox_that_takes_nothing_stops_no_stage_and_is_told"),
        ),
    ),
    Claim(
        name="L3",
        text="A protective exit is never blocked: by no gate, posture, budget, switch, approval or broken file.",
        tests=(
            *of(
                "execution_v2/test_exits_always.py",
                "no_combination_of_shut_gates_and_broken_files_changes_one_exit",
                "with_all_of_it_shut_a_stop_still_sells_what_is_held",
            ),
            *of("execution_v2/test_risk_class.py", "no_gate_and_no_verdict_has_a_type_for_an_exit"),
            *of(
                "execution_v2/test_breaker.py",
                "reads_and_buys_never_pass_144_a_minute_and_an_exit_always_goes",
                "an_exit_waits_at_most_a_second_in_every_state",
            ),
            *of("chain/test_day.py", "a_thrown_kill_switch_stops_entries_and_exits_go_on"),
            *of(
                "execution_v2/test_lifecycle_table.py",
                "what_lowers_exposure_passes_in_every_state_and_what_raises_it_in_two",
            ),
        ),
    ),
    Claim(
        name="L4",
        text="No loop of creating, cancelling or replacing without an attempt budget, a time budget and a named end.",
        tests=(
            *of(
                "execution_v2/test_budgets.py",
                "an_order_nobody_answers_for_is_frozen_after_three_cycles_then_asked_after_once_a_cycle",
                "no_entry_goes_out_after_180_seconds_and_nothing_after_270",
                "an_order_is_asked_after_for_15_seconds_and_five_times_in_one_cycle",
            ),
            *of(
                "execution_v2/test_replace_protocol.py",
                "with_the_window_spent_only_what_lowers_a_sale_is_replaced",
            ),
            *of(
                "execution_v2/test_intraday.py",
                "an_entry_that_got_nothing_ends_with_its_window_and_is_tried_again_up_to_three_times",
            ),
        ),
    ),
    Claim(
        name="L5",
        text="Under ambiguity the worst case is bounded: an order of unknown fate counts as live, in full.",
        tests=(
            *of(
                "execution_v2/test_gate_laws.py",
                "two_hundred_thousand_steps_exceed_no_cap_pass_no_broken_gate_and_refuse_no_exit",
                "the_bookkeeper_would_notice_a_cap_that_always_says_yes",
            ),
            *of(
                "portfolio/test_decide.py",
                "a_working_or_unknown_entry_in_the_symbol_blocks_and_a_stop_does_not",
            ),
        ),
    ),
    Claim(
        name="L6",
        text="Reconciliation outranks request outcomes: a timeout is no failure, a failed read no empty result.",
        tests=(
            *of("execution_v2/test_crash.py", "a_failed_read_is_never_an_empty_one"),
            *of(
                "execution_v2/test_alpaca_reads.py",
                "positions_that_cannot_be_read_are_a_failed_read_and_never_an_empty_one",
            ),
            *of("execution_v2/test_budgets.py", "an_end_is_not_believed_before_its_fills_are_read"),
            *of(
                "chain/test_broker_day.py",
                "reconcile_takes_neither_one_empty_answer_nor_a_failed_read_for_a_flat_book",
            ),
        ),
    ),
    Claim(
        name="L7",
        text="Every decision is replayable from the journal and the recorded observations alone.",
        tests=(
            *of(
                "chain/test_replay.py",
                "every_session_of_a_range_is_recomputed_to_its_own_bytes",
                "an_edit_in_any_file_of_the_day_is_found_by_replay_and_by_verify",
            ),
            *of(
                "chain/test_broker_day.py",
                "a_session_at_the_broker_is_sealed_sound_and_replays_to_its_bytes_without_the_broker",
            ),
        ),
    ),
    Claim(
        name="L8",
        text="One execution plane: strategies emit intents, and only execution_v2 talks to a broker.",
        tests=(
            *of("test_house.py", "the_floors_hold_and_a_planted_import_breaks_its_contract"),
            *of("strategies/test_candidates.py", "the_identity_of_an_intent_holds_no_price_and_no_quantity"),
            *of("execution_v2/test_risk_class.py", "only_risk_class_makes_a_reduction"),
        ),
    ),
    Claim(
        name="L9",
        text="Output of a model is advice: nothing learned places, sizes or blocks an order on its own.",
        tests=of("tools/test_safety_case.py", "no_package_imports_a_library_that_learns_or_asks_a_model"),
        missing="There is no such output yet; a door for it would need tests of its own.",
    ),
    Claim(
        name="L10",
        text="Offline by default: no test and no rerun touches a network, and its use is a setting.",
        tests=(
            *of(
                "flows/test_fetch.py",
                "the_network_is_shut_by_default_and_the_vendor_is_not_even_imported",
            ),
            *of("flows/test_settings.py", "config_check_is_offline"),
            *of("market/test_network.py", "a_shut_network_is_refused_before_the_provider_is_imported"),
            *of(
                "execution_v2/test_books.py",
                "in_a_fresh_interpreter_every_module_of_another_book_imports_no_alpaca",
            ),
        ),
    ),
)

PROMISES: Final[Sequence[Claim]] = (
    Claim(
        name="One order",
        text="A request without an answer never becomes a second order.",
        tests=(
            *of(
                "contract/test_alpaca_faults.py",
                "an_order_taken_and_answered_504_was_posted_once_with_our_id_and_is_found",
            ),
            *of("execution_v2/test_alpaca_orders.py", "a_write_is_never_sent_twice_and_never_believed"),
            *of("contract/test_broker_contract.py", "a_client_id_is_taken_once"),
        ),
        missing="The vendor's own paper account is asked on request, not by the gate.",
    ),
    Claim(
        name="Protected",
        text="Whatever is held is covered when a cycle ends, or a gap is on record.",
        tests=(
            *of("execution_v2/test_intraday.py", "every_cycle_ends_covered"),
            *of(
                "chain/test_broker_day.py",
                "a_morning_that_never_came_holds_up_entries_and_neither_stops_nor_the_close",
            ),
            *of(
                "execution_v2/test_rebuild.py",
                "a_stop_whose_record_was_lost_protects_again_and_no_second_one_is_sent",
            ),
        ),
    ),
    Claim(
        name="Crash",
        text="A crash at any write loses nothing.",
        tests=(
            *of(
                "chain/test_crash.py",
                "a_day_that_crashes_once_ends_as_the_undisturbed_one",
                "a_day_that_crashes_again_in_its_restart_ends_as_the_undisturbed_one",
            ),
            *of("ledger/test_disk.py", "a_write_that_dies_at_any_step_leaves_the_old_file_or_the_new"),
        ),
        missing="The gate dies at a sample of the points; `make prove-crash` at every one.",
    ),
    Claim(
        name="Changed bytes",
        text="A changed byte is found and named.",
        tests=(
            *of("ledger/test_verify.py", "a_flip_of_any_byte_of_a_sealed_day_is_detected_and_located"),
            *of(
                "chain/test_carried.py",
                "a_flipped_byte_anywhere_in_a_sealed_folder_is_found_and_its_file_named",
            ),
        ),
        missing="`avwap verify` reads no file of `reliability/`: the command itself holds it against its journals.",
    ),
    Claim(
        name="No look-ahead",
        text="No stage of a session sees what came after its morning.",
        tests=of(
            "chain/test_lookahead.py",
            "no_alteration_of_what_d_may_not_see_changes_a_byte_of_a_sealed_session",
            "a_house_that_looks_one_session_ahead_is_caught",
        ),
    ),
    Claim(
        name="One speaker",
        text="Of two processes or hosts on one book one acts.",
        tests=(
            *of(
                "chain/test_day.py", "of_two_processes_on_one_book_one_acts_and_the_other_is_refused_at_once"
            ),
            *of(
                "execution_v2/test_takeover.py",
                "a_host_of_before_sends_nothing_once_it_sees_the_epoch_working_or_ended",
            ),
        ),
        missing="Where no order of ours is at the broker, an old host that wakes sees no higher epoch there.",
    ),
    Claim(
        name="Right book",
        text="A misspelt or unset book, switch or permission is never a live one.",
        tests=(
            *of("flows/test_cli.py", "a_misspelt_book_is_an_error_and_never_another_book"),
            *of("flows/test_settings.py", "a_misspelt_kill_switch_counts_as_set"),
            *of("flows/test_world.py", "the_live_book_is_not_opened_on_the_paper_host"),
        ),
    ),
    Claim(
        name="Window",
        text="Prefect is a window: the record is the same without it.",
        tests=of(
            "flows/test_prefect.py",
            "premarket_three_cycles_and_postclose_give_the_same_seal_again",
            "a_cycle_at_a_broker_is_never_retried_by_prefect",
        ),
    ),
    Claim(
        name="Stream",
        text="A stream that is down makes entries smaller, and stops none, however long.",
        tests=of(
            "execution_v2/test_posture_floors.py",
            "a_stream_that_is_down_is_yellow_and_no_more_however_long",
            "a_contradiction_escalates_faster_than_any_staleness",
        ),
    ),
    Claim(
        name="A person",
        text="What only a person can judge waits for one, who is told why and what unlocks next.",
        tests=(
            *of("execution_v2/test_lifecycle_step.py", "an_emergency_does_not_end_by_itself"),
            *of(
                "execution_v2/test_posture_ladder.py",
                "red_that_a_person_has_to_answer_is_left_after_the_answer_only",
                "a_person_is_told_why_since_when_and_what_unlocks_next",
            ),
        ),
    ),
    Claim(
        name="Second fold",
        text="A record that does not lead to what stands is found in its cycle, and holds entries back in it.",
        tests=of(
            "execution_v2/test_divergence.py",
            "an_honest_session_has_nothing_to_find_at_any_check",
            "before_every_entry_the_records_since_are_judged_all_the_same",
            "a_hole_between_two_records_is_a_ledger_gap_until_a_person_says_so",
        ),
    ),
)
