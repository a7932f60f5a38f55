"""Phase E authorises in order, reserves for each, and refuses all on an input that it cannot trust."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution_v2.enforce import EnforcementInputs, run
from execution_v2.gates.facts import EnforcementConfig, Phase
from execution_v2.gates.table import GATES
from portfolio import decide
from portfolio.limits import portfolio_config
from schemas.candidates import TradeIntent
from schemas.decisions import Decisions
from schemas.enforcement import Enforcement
from schemas.ids import decision_id
from schemas.reasons.ledger import ReadFaultCode
from tests.portfolio.books import (
    BOOK,
    D,
    P,
    account,
    batches,
    book,
    candidates,
    config_with,
    control,
    decision_inputs,
    intent,
    marks_of,
    position,
    snapshot,
    usd,
)

SIM = portfolio_config("SIM")
FREE = EnforcementConfig(portfolio=SIM)
BOUND = EnforcementConfig(portfolio=SIM, decision_enforce=True)


def inputs(*intents: TradeIntent, **over: Any) -> EnforcementInputs:
    """Good inputs with the decisions that belong to them."""
    base = EnforcementInputs(
        book_id=BOOK,
        session_date=D,
        data_session=P,
        candidates=candidates(*intents),
        decisions=decide.run(decision_inputs(*intents), SIM),
        snapshot=snapshot(),
        book=book(),
        account=account(),
        control=control(),
        marks=marks_of(intents),
        observed={"account": D, "positions": D, "orders": D},
        record=(),
    )
    return replace(base, **over)


def codes(result: Enforcement) -> dict[str, str]:
    return {row.symbol: row.code for row in result.refused}


def batch_codes(result: Enforcement) -> list[str]:
    return [finding.code for row in result.book_gates for finding in row.findings]


def test_what_was_allowed_is_authorised_with_its_lineage_and_reserves_its_gross_cash_and_risk() -> None:
    wish = intent("AAA")
    result = run(inputs(wish), BOUND)
    (row,) = result.authorised
    assert (156, usd("50"), usd("46.80")) == (row.quantity, row.limit, row.stop)
    assert wish.intent_id == row.intent_id
    assert decision_id(BOOK, D, wish.intent_id) == row.decision_id
    assert (1, 7800, 7800, usd("499.2")) == (
        result.reserved.entries,
        result.reserved.gross,
        result.reserved.cash,
        result.reserved.risk,
    )
    assert [gate.name for gate in GATES if Phase.E in gate.phases] == [gate.gate for gate in row.gates]


def test_a_resized_decision_binds_with_its_quantity() -> None:
    wish = intent("AAA")
    resized = decide.run(decision_inputs(wish), config_with(gross_abs_max_usd="5000"))
    assert [100] == [row.quantity for row in run(inputs(wish, decisions=resized), BOUND).authorised]


def test_a_blocked_decision_an_unknown_intent_and_an_unread_file_refuse_while_decisions_bind() -> None:
    wish = intent("AAA")
    blocked = decide.run(decision_inputs(wish, day_blocked=("DAY_COVERAGE_LOW",)), SIM)
    assert {"AAA": "DECISION_BLOCKED"} == codes(run(inputs(wish, decisions=blocked), BOUND))
    others = decide.run(decision_inputs(intent("BBB")), SIM)
    assert {"AAA": "DECISION_INTENT_NOT_FOUND"} == codes(run(inputs(wish, decisions=others), BOUND))
    unread = run(inputs(wish, decisions=ReadFaultCode.STALE_INPUT), BOUND)
    assert ({"AAA": "DECISION_STALE_INPUT"}, ["DECISION_STALE_INPUT"]) == (codes(unread), batch_codes(unread))


def test_while_decisions_do_not_bind_the_intent_is_sized_alone_and_the_gates_bound_the_sum() -> None:
    # Each alone is worth 156 * 50 = 7,800; 12,000 of gross hold one of them, and a gate never resizes.
    rows = (intent("AAA"), intent("BBB", 2))
    config = EnforcementConfig(portfolio=config_with(gross_abs_max_usd="12000"))
    result = run(inputs(*rows, decisions=ReadFaultCode.MISSING), config)
    assert [("AAA", 156)] == [(row.symbol, row.quantity) for row in result.authorised]
    assert {"BBB": "GROSS_EXPOSURE_ABS"} == codes(result)
    assert (7_800, None) == (result.reserved.gross, result.authorised[0].decision_id)


def test_a_refused_entry_reserves_nothing_for_those_behind_it() -> None:
    rows = (intent("AAA"), intent("BBB", 2))
    config = EnforcementConfig(portfolio=config_with(entries_per_day_max=1), allowlist=("BBB",))
    result = run(inputs(*rows), config)
    assert ({"AAA": "ALLOWLIST_BLOCKED"}, ["BBB"]) == (
        codes(result),
        [row.symbol for row in result.authorised],
    )


def test_thirty_candidates_under_five_entries_a_day_give_five_with_and_without_decisions() -> None:
    rows = tuple(intent(f"S{rank:02d}", rank, notional="0.05") for rank in range(1, 31))
    for config in (FREE, BOUND):
        result = run(inputs(*rows), config)
        assert ["S01", "S02", "S03", "S04", "S05"] == [row.symbol for row in result.authorised]
        assert 25 == len(result.refused)


def test_ten_of_ten_open_give_none() -> None:
    held = [position(f"H{n:02d}", 10) for n in range(10)]
    marks = {row.symbol: usd("50") for row in held} | {"AAA": usd("50")}
    assert {"AAA": "POSITIONS_MAX"} == codes(run(inputs(intent("AAA"), book=book(held), marks=marks), FREE))


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({"control": ReadFaultCode.MISSING}, "KILL_SWITCH_UNREADABLE"),
        ({"control": control(kill_env=True)}, "KILL_SWITCH_ENV"),
        ({"book": ReadFaultCode.CORRUPT}, "KILL_SWITCH_UNREADABLE"),
        ({"account": ReadFaultCode.MISSING}, "EQUITY_UNKNOWN"),
        ({"snapshot": ReadFaultCode.MISSING}, "QTY_INVALID"),
        ({"observed": {"account": D, "positions": None, "orders": D}}, "OBSERVATION_INCOMPLETE"),
        ({"observed": {"account": D, "positions": D, "orders": P}}, "OBSERVATION_STALE"),
        ({"marks": {}}, "MARK_UNKNOWN"),
    ],
)
def test_an_input_that_could_not_be_trusted_authorises_nothing(over: dict[str, Any], code: str) -> None:
    result = run(inputs(intent("AAA"), **over), FREE)
    assert ((), {"AAA": code}) == (result.authorised, codes(result))


@pytest.mark.parametrize("fault", ReadFaultCode)
def test_unread_candidates_leave_no_entry_and_the_book_says_why(fault: ReadFaultCode) -> None:
    result = run(inputs(candidates=fault), FREE)
    assert ((), ()) == (result.authorised, result.refused)
    assert [f"CANDIDATES_{fault}"] == batch_codes(result)


def test_on_a_day_without_intents_the_gates_of_the_book_are_judged_all_the_same() -> None:
    result = run(inputs(control=control(kill_file="KILL_SWITCH")), FREE)
    assert ["KILL_SWITCH_FILE"] == batch_codes(result)
    asked = ["live", "kill_switch", "record", "phase_c", "decision", "sleeve", "freshness"]
    assert asked == [row.gate for row in result.book_gates]


@given(rows=batches(), draw=st.data())
def test_the_order_of_rows_in_the_files_changes_nothing(
    rows: tuple[TradeIntent, ...], draw: st.DataObject
) -> None:
    shuffled = draw.draw(st.permutations(rows))
    assert run(inputs(*rows), FREE) == run(inputs(*shuffled), FREE)


@given(
    rows=batches(),
    enforce=st.booleans(),
    gross=st.integers(0, 60_000),
    positions=st.integers(0, 8),
    entries=st.integers(0, 8),
)
def test_reservations_never_exceed_a_limit_whatever_is_wished(
    rows: tuple[TradeIntent, ...], enforce: bool, gross: int, positions: int, entries: int
) -> None:
    portfolio = config_with(
        gross_abs_max_usd=Decimal(gross), positions_max=positions, entries_per_day_max=entries
    )
    result = run(inputs(*rows), EnforcementConfig(portfolio=portfolio, decision_enforce=enforce))
    assert result.reserved.gross <= gross
    assert result.reserved.entries <= min(positions, entries)
    assert all(row.risk <= 1_000 for row in result.authorised)
    assert len(rows) == len(result.authorised) + len(result.refused)


@given(rows=batches())
def test_what_the_decisions_allow_passes_the_gates_on_the_same_facts(rows: tuple[TradeIntent, ...]) -> None:
    given_inputs = inputs(*rows)
    assert not isinstance(given_inputs.decisions, ReadFaultCode)
    allowed = [row.intent_id for row in given_inputs.decisions.verdicts if row.q2 > 0]
    assert allowed == [row.intent_id for row in run(given_inputs, BOUND).authorised]


@given(rows=batches(6), enforce=st.booleans())
def test_both_files_read_back_as_they_were_written(rows: tuple[TradeIntent, ...], enforce: bool) -> None:
    decisions = decide.run(decision_inputs(*rows), config_with(gross_abs_max_usd="9000"))
    assert decisions == Decisions.model_validate_json(decisions.model_dump_json())
    config = EnforcementConfig(portfolio=SIM, decision_enforce=enforce)
    result = run(inputs(*rows, decisions=decisions), config)
    assert result == Enforcement.model_validate_json(result.model_dump_json())
