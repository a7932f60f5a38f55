"""Decisions are cumulative, explained, and made on nothing that could not be read."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.decide import arbitrated, run
from portfolio.limits import PortfolioConfig, portfolio_config
from schemas.base import SessionDate
from schemas.book import Leg, OrderState
from schemas.candidates import TradeIntent
from schemas.decisions import Decisions, Verdict
from schemas.ids import decision_id
from schemas.reasons.ledger import ReadFaultCode
from schemas.reconciliation import ReconciliationStatus
from tests.portfolio.books import (
    BOOK,
    CORE,
    NOW,
    D,
    P,
    account,
    batches,
    book,
    candidates,
    config_with,
    decision_inputs,
    intent,
    order,
    position,
    sharing,
    snapshot,
    usd,
)

SIM = portfolio_config("SIM")
SNAPSHOT_STALE = "PORTFOLIO_SNAPSHOT_STALE"
SNAPSHOT_INVALID = "PORTFOLIO_SNAPSHOT_INVALID"


def of(decisions: Decisions, symbol: str) -> Any:
    return next(row for row in decisions.verdicts if row.symbol == symbol)


def codes(row: Any) -> list[str]:
    return [finding.code for finding in row.reasons]


def test_a_wish_within_all_limits_is_allowed_whole_and_its_lineage_named() -> None:
    wish = intent("AAA")
    decisions = run(decision_inputs(wish), SIM)
    row = of(decisions, "AAA")
    assert (Verdict.ALLOW, 156, 156, 156) == (row.verdict, row.q0, row.q1, row.q2)
    assert ["ALLOW_WITHIN_LIMITS"] == codes(row)
    assert (usd("7800"), usd("499.2")) == (row.notional, row.risk)
    assert (decision_id(BOOK, D, wish.intent_id), CORE, 1) == (row.decision_id, row.sleeve_id, row.sequence)


def test_a_wish_beyond_a_limit_is_resized_and_the_room_before_and_after_is_kept() -> None:
    decisions = run(decision_inputs(intent("AAA")), config_with(gross_abs_max_usd="5000"))
    row = of(decisions, "AAA")
    assert (Verdict.RESIZE, 156, 100) == (row.verdict, row.q0, row.q2)
    assert ["LIMIT_GROSS_EXPOSURE"] == codes(row)
    room = next(r for r in row.room if r.cap == "LIMIT_GROSS_EXPOSURE")
    assert (5000, 0, 100) == (room.before, room.after, room.quantity)


def test_with_resizing_off_what_would_be_resized_is_blocked() -> None:
    config = PortfolioConfig(
        **(config_with(gross_abs_max_usd="5000").model_dump() | {"resize_enabled": False})
    )
    row = of(run(decision_inputs(intent("AAA")), config), "AAA")
    assert (Verdict.BLOCK, 0, ["LIMIT_GROSS_EXPOSURE"]) == (row.verdict, row.q2, codes(row))


def test_no_intent_still_gives_a_batch_record() -> None:
    decisions = run(decision_inputs(), SIM)
    assert ((), (), 0) == (decisions.verdicts, decisions.batch.codes, decisions.batch.blocked)
    assert decisions.limits_before == decisions.limits_after


def test_each_is_decided_against_what_those_before_it_left() -> None:
    # 12,000 of gross: 156 shares take 7,800, 84 fit into the 4,200 left, and the third finds nothing.
    rows = [intent(symbol, rank) for rank, symbol in enumerate(("AAA", "BBB", "CCC"), start=1)]
    decisions = run(decision_inputs(*rows), config_with(gross_abs_max_usd="12000"))
    assert [156, 84, 0] == [row.q2 for row in decisions.verdicts]
    assert ["LIMIT_GROSS_EXPOSURE", "BELOW_MIN_NOTIONAL"] == codes(of(decisions, "CCC"))
    assert decisions.limits_after is not None
    assert (2, 2, 12000) == (
        decisions.limits_after.positions,
        decisions.limits_after.entries,
        decisions.limits_after.gross,
    )


def test_net_stands_beside_gross_with_its_sign_and_what_was_allowed() -> None:
    rows = [position("BBB", 30), position("CCC", -10, strategy_id="EXTERNAL")]
    marks = {"AAA": usd("50"), "BBB": usd("20"), "CCC": usd("40")}
    decisions = run(decision_inputs(intent("AAA"), book=book(rows), marks=marks), SIM)
    before, after = decisions.limits_before, decisions.limits_after
    assert before is not None
    assert after is not None
    assert (200, 1000) == (before.net, before.gross)  # 600 long, 400 short
    assert (8000, 8800) == (after.net, after.gross)


def test_thirty_candidates_under_five_entries_a_day_give_the_best_five() -> None:
    rows = [intent(f"S{rank:02d}", rank, notional="0.05") for rank in range(1, 31)]
    decisions = run(decision_inputs(*rows), SIM)
    assert ["S01", "S02", "S03", "S04", "S05"] == [row.symbol for row in decisions.verdicts if row.q2 > 0]
    assert ["LIMIT_MAX_NEW_ENTRIES_PER_DAY"] == codes(of(decisions, "S06"))
    assert (5, 0, 25) == (decisions.batch.allowed, decisions.batch.resized, decisions.batch.blocked)


def test_ten_of_ten_open_give_none() -> None:
    held = [position(f"H{n:02d}", 10) for n in range(10)]
    marks = {row.symbol: usd("50") for row in held} | {"AAA": usd("50")}
    decisions = run(decision_inputs(intent("AAA"), book=book(held), marks=marks), SIM)
    row = decisions.verdicts[0]
    assert (Verdict.BLOCK, ["S2_MAX_POSITIONS", "LIMIT_MAX_OPEN_POSITIONS"]) == (row.verdict, codes(row))


def test_entries_sent_in_this_session_use_up_the_day() -> None:
    sent = book(entry_intents_today=("int_1", "int_2", "int_3", "int_4"))
    decisions = run(decision_inputs(intent("AAA"), intent("BBB", 2), book=sent), SIM)
    assert [156, 0] == [row.q2 for row in decisions.verdicts]


@pytest.mark.parametrize(
    ("over", "batch_codes"),
    [
        ({"candidates": ReadFaultCode.CORRUPT}, ["CANDIDATES_CORRUPT"]),
        ({"day_blocked": ("DAY_COVERAGE_LOW", "DAY_BENCHMARK_BAD")}, ["DATA_DAY_BLOCKED"]),
        ({"snapshot": ReadFaultCode.MISSING}, ["PORTFOLIO_SNAPSHOT_MISSING"]),
        ({"reconciliation": ReconciliationStatus.UNKNOWN}, ["PORTFOLIO_SNAPSHOT_UNRECONCILED"]),
        ({"reconciliation": ReconciliationStatus.DIFFERENT}, ["PORTFOLIO_SNAPSHOT_UNRECONCILED"]),
        ({"reconciliation": ReadFaultCode.CORRUPT}, ["PORTFOLIO_SNAPSHOT_UNRECONCILED"]),
        ({"snapshot": ReadFaultCode.DIGEST_MISMATCH}, [SNAPSHOT_INVALID]),
        ({"snapshot": ReadFaultCode.STALE_INPUT}, [SNAPSHOT_STALE]),
        ({"snapshot": snapshot(complete=False)}, [SNAPSHOT_INVALID]),
        ({"snapshot": snapshot(equity=None)}, [SNAPSHOT_INVALID]),
        ({"snapshot": snapshot(equity="0"), "account": account("0")}, [SNAPSHOT_INVALID]),
        ({"snapshot": snapshot(drawdown=None)}, [SNAPSHOT_INVALID]),
        ({"snapshot": snapshot(drawdown="1.5")}, [SNAPSHOT_INVALID, "LIMIT_DRAWDOWN_THROTTLE"]),
        ({"snapshot": snapshot(closed_session=date(2016, 5, 31))}, [SNAPSHOT_STALE]),
        ({"snapshot_sealed": False}, [SNAPSHOT_STALE]),
        ({"book": ReadFaultCode.MISSING}, ["OPEN_POSITIONS_MISSING"]),
        ({"book": book(session_date=date(2016, 6, 3))}, ["OPEN_POSITIONS_MISSING"]),
        ({"account": ReadFaultCode.DATE_MISMATCH}, ["ACCOUNT_MISSING"]),
        ({"account": account("97999.99")}, ["ACCOUNT_EQUITY_MISMATCH"]),
        ({"account": account("102000.01")}, ["ACCOUNT_EQUITY_MISMATCH"]),
        ({"snapshot": snapshot(drawdown="0.20")}, ["LIMIT_DRAWDOWN_THROTTLE"]),
        ({"snapshot": snapshot(drawdown="-0.20")}, ["LIMIT_DRAWDOWN_THROTTLE"]),
    ],
)
def test_an_input_that_proves_nothing_blocks_every_entry(
    over: dict[str, Any], batch_codes: list[str]
) -> None:
    decisions = run(decision_inputs(intent("AAA"), intent("BBB", 2), **over), SIM)
    assert batch_codes == list(decisions.batch.codes)
    assert all(row.q2 == 0 and row.verdict is Verdict.BLOCK for row in decisions.verdicts)
    assert all(codes(row)[0] == batch_codes[0] for row in decisions.verdicts)
    assert decisions.limits_before == decisions.limits_after


@pytest.mark.parametrize(
    ("over", "passes"),
    [
        ({"account": account("98000")}, True),  # exactly 2% apart
        ({"account": account("102000")}, True),
        ({"snapshot": snapshot(drawdown="0.199999999")}, True),
        ({"snapshot": snapshot(drawdown="-0.10")}, True),
        ({"book": book(session_date=P)}, True),
        ({"book": book(session_date=None)}, True),
    ],
)
def test_at_the_edge_of_a_batch_limit_entries_are_still_decided(over: dict[str, Any], passes: bool) -> None:
    decisions = run(decision_inputs(intent("AAA"), **over), SIM)
    assert passes == (decisions.verdicts[0].q2 > 0)
    assert () == decisions.batch.codes


def test_a_negative_drawdown_is_named_and_guards_all_the_same() -> None:
    batch = run(decision_inputs(snapshot=snapshot(drawdown="-0.25")), SIM).batch
    assert ["LIMIT_DRAWDOWN_THROTTLE", "DRAWDOWN_SIGN_NORMALISED"] == [row.code for row in batch.findings]
    assert ("LIMIT_DRAWDOWN_THROTTLE",) == batch.codes


def test_the_smaller_of_the_two_equities_is_the_one_that_sizes() -> None:
    row = run(decision_inputs(intent("AAA"), account=account("99000")), SIM).verdicts[0]
    assert (99000, 154) == (row.sizing and row.sizing.equity, row.q2)  # 495 / 3.20 = 154.7


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"data_session": SessionDate(date(2016, 5, 31))}, "CANDIDATES_DATE_MISMATCH"),
        ({"intents": (intent("AAA", book_id="ALPACA_LIVE"),)}, "CANDIDATES_BOOK_MISMATCH"),
        ({"intents": (intent("AAA"), intent("AAA", 2))}, "CANDIDATES_SCHEMA_INVALID"),
    ],
)
def test_candidates_of_another_day_or_book_or_with_one_intent_twice_give_no_decision(
    changed: dict[str, Any], code: str
) -> None:
    found = candidates(intent("AAA")).model_copy(update=changed)
    decisions = run(decision_inputs(candidates=found), SIM)
    assert ((code,), ()) == (decisions.batch.codes, decisions.verdicts)


def test_a_symbol_that_the_strategy_holds_is_not_added_to_but_another_strategys_may_be() -> None:
    mine = run(decision_inputs(intent("AAA"), book=book([position("AAA", 10)])), SIM).verdicts[0]
    assert (Verdict.BLOCK, "SYMBOL_ALREADY_HELD") == (mine.verdict, codes(mine)[0])
    theirs = book([position("AAA", 10, strategy_id="EXTERNAL", stop="46.80")])
    shared = sharing(allow_symbol_overlap=True)
    assert 156 == run(decision_inputs(intent("AAA"), book=theirs), SIM, shared).verdicts[0].q2


def test_a_working_or_unknown_entry_in_the_symbol_blocks_and_a_stop_does_not() -> None:
    unknown = book([], [order("AAA", state=OrderState.SUBMIT_UNKNOWN)])
    row = run(decision_inputs(intent("AAA"), book=unknown), SIM).verdicts[0]
    assert (Verdict.BLOCK, "OPEN_ORDER_EXISTS") == (row.verdict, codes(row)[0])
    sleeping = order("BBB", strategy_id="EXTERNAL", leg=Leg.STOP, stop=usd("45"))
    stop = book([position("BBB", 40, strategy_id="EXTERNAL")], [sleeping])
    inputs = decision_inputs(intent("AAA"), book=stop)
    marks = {**inputs.marks, "BBB": usd("50")}
    assert 156 == run(replace(inputs, marks=marks), SIM).verdicts[0].q2


def test_two_strategies_wishing_for_one_symbol_the_first_in_priority_wins() -> None:
    core, trend = intent("AAA", 9), intent("AAA", 1, strategy_id="S2_INDEX_TREND")
    decisions = run(decision_inputs(trend, core), SIM, sharing(allow_unsleeved=True))
    assert [CORE, "S2_INDEX_TREND"] == [row.strategy_id for row in decisions.verdicts]
    assert (156, 0) == (decisions.verdicts[0].q2, decisions.verdicts[1].q2)
    assert "SYMBOL_CONFLICT" in codes(decisions.verdicts[1])


def test_the_order_of_deciding_is_the_registrys_priority_not_the_name_and_strangers_come_last() -> None:
    # By name the stranger and the shadow would go before the index trend.
    names = ("S1_AVWAP_SHADOW", "S0_STRANGER", "S2_INDEX_TREND", CORE)
    rows = [intent("AAA", strategy_id=name) for name in names]
    expected = [CORE, "S2_INDEX_TREND", "S1_AVWAP_SHADOW", "S0_STRANGER"]
    assert expected == [row.strategy_id for row in arbitrated(rows)]


def test_a_blocked_intent_takes_no_symbol_slot_or_cash_from_the_next() -> None:
    late = intent("BBB", 2, until=NOW + timedelta(hours=9))
    now = NOW + timedelta(hours=2)  # 14:30 UTC: past the first one's half hour, within the second's hours
    decisions = run(decision_inputs(intent("AAA"), late, now=now), config_with(entries_per_day_max=1))
    assert ["STALE_INTENT"] == codes(decisions.verdicts[0])
    assert 156 == decisions.verdicts[1].q2


def test_a_wish_that_has_no_size_is_blocked_with_a_reason() -> None:
    row = run(decision_inputs(intent("AAA", stop="50.00")), SIM).verdicts[0]
    assert (Verdict.BLOCK, None, None) == (row.verdict, row.q0, row.sizing)
    assert (0, 0, 0) == (row.q2, row.notional, row.risk)
    assert "INVALID_LEVELS" in codes(row)


def test_a_valid_intent_that_no_size_can_be_made_of_is_blocked_with_a_reason_too() -> None:
    row = run(decision_inputs(intent("AAA", level="0")), SIM).verdicts[0]
    assert (Verdict.BLOCK, ["INVALID_LEVELS"]) == (row.verdict, codes(row))


def test_a_book_of_tickets_sizes_at_the_most_that_may_be_paid() -> None:
    inputs = decision_inputs(intent("AAA", book_id="SCHWAB_401K_MANUAL"), book_id="SCHWAB_401K_MANUAL")
    row = run(inputs, portfolio_config("SCHWAB_401K_MANUAL"), sharing()).verdicts[0]
    assert row.sizing is not None
    assert (usd("50.50"), usd("3.70")) == (row.sizing.price, row.sizing.unit_risk)
    assert 67 == row.q2  # at most 250 USD of risk: 250 / 3.70 = 67.6


@given(rows=batches(), draw=st.data())
def test_the_order_of_rows_in_the_file_changes_nothing(
    rows: tuple[TradeIntent, ...], draw: st.DataObject
) -> None:
    shuffled = draw.draw(st.permutations(rows))
    assert run(decision_inputs(*rows), SIM) == run(decision_inputs(*shuffled), SIM)
    assert arbitrated(rows) == arbitrated(shuffled)


@given(
    rows=batches(),
    gross=st.integers(0, 100_000),
    positions=st.integers(0, 12),
    entries=st.integers(0, 12),
    cash=st.integers(-100, 100_000),
)
def test_no_batch_exceeds_a_limit_whatever_it_wishes(
    rows: tuple[TradeIntent, ...], gross: int, positions: int, entries: int, cash: int
) -> None:
    config = config_with(gross_abs_max_usd=str(gross), positions_max=positions, entries_per_day_max=entries)
    held = book([position("HELD", 20)], cash=str(cash))
    inputs = decision_inputs(*rows, book=held, account=account(cash=str(cash)))
    decisions = run(replace(inputs, marks={**inputs.marks, "HELD": usd("50")}), config)
    allowed = [row for row in decisions.verdicts if row.q2 > 0]
    spent = sum((row.notional for row in allowed), Decimal(0))
    assert spent == 0 or 1_000 + spent <= gross
    assert spent <= max(0, cash)
    assert len(allowed) == 0 or len(allowed) + 1 <= positions
    assert len(allowed) <= entries
    assert all(row.risk <= 1_000 and 1_000 <= row.notional <= 20_000 for row in allowed)
    assert all(row.reasons for row in decisions.verdicts)


@given(rows=batches(8))
def test_one_record_per_intent_and_the_verdict_says_what_the_quantities_say(
    rows: tuple[TradeIntent, ...],
) -> None:
    decisions = run(decision_inputs(*rows), config_with(gross_abs_max_usd="20000"))
    assert sorted(row.intent_id for row in rows) == sorted(row.intent_id for row in decisions.verdicts)
    for row in decisions.verdicts:
        assert row.q0 is not None
        expected = Verdict.BLOCK if row.q2 == 0 else Verdict.ALLOW if row.q2 == row.q0 else Verdict.RESIZE
        assert expected is row.verdict
        assert (expected is Verdict.ALLOW) == (codes(row) == ["ALLOW_WITHIN_LIMITS"])
    assert list(range(1, len(rows) + 1)) == [row.sequence for row in decisions.verdicts]
