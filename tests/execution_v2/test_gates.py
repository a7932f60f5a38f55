"""Each gate refuses with each of its codes, and two failing together speak in the documented order."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import partial
from itertools import combinations
from typing import Any, Final, get_type_hints

import pytest

from execution_v2.enforce import Authorised, Refused, judge
from execution_v2.gates import live
from execution_v2.gates.facts import EnforcementConfig, EntryOrder, GateFacts, Phase
from execution_v2.gates.table import GATES
from portfolio.exposure import measure
from schemas.book import Leg, OrderState, Side, StopOut, TimeInForce
from schemas.reasons import gates as reasons
from schemas.reasons.gates import LiveCode
from schemas.reasons.ledger import ReadFaultCode
from tests.portfolio.books import CORE, D, P, book, config_with, control, order, position, usd

BOOK: Final = "ALPACA_LIVE"  # the one book that every gate asks
MARKS: Final = {"AAA": usd("50"), "HELD": usd("50")}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One entry and all that a gate may know; ``good()`` passes every gate."""

    entry: EntryOrder
    facts: GateFacts
    config: EnforcementConfig

    def entry_with(self, **over: Any) -> "World":
        return replace(self, entry=replace(self.entry, **over))

    def facts_with(self, **over: Any) -> "World":
        return replace(self, facts=replace(self.facts, **over))

    def control_with(self, **over: Any) -> "World":
        assert self.facts.control is not None
        return self.facts_with(control=self.facts.control.model_copy(update=over))

    def config_with(self, **over: Any) -> "World":
        return replace(self, config=self.config.model_copy(update=over))

    def limits_with(self, **over: Any) -> "World":
        limits = self.config.limits.model_copy(update=over)
        return self.config_with(portfolio=self.config.portfolio.model_copy(update={"limits": limits}))

    def book_with(self, **over: Any) -> "World":
        assert self.facts.book is not None
        state = self.facts.book.model_copy(update=over)
        return self.facts_with(book=state, exposure=measure(state, MARKS, D))

    def judged(self, phase: Phase = Phase.S) -> Authorised | Refused:
        return judge(self.entry, self.facts, self.config, phase)


def good() -> World:
    state = book([position("HELD", 10)])
    return World(
        entry=EntryOrder(
            intent_id="int_AAA",
            decision_id="dec_AAA",
            strategy_id=CORE,
            sleeve_id=CORE,
            symbol="AAA",
            side=Side.BUY,
            rank=1,
            quantity=Decimal(10),
            limit=usd("50.00"),
            limit_cap=usd("50.50"),
            stop=usd("46.80"),
            time_in_force=TimeInForce.DAY,
        ),
        facts=GateFacts(
            book_id=BOOK,
            session_date=D,
            data_session=P,
            control=control(),
            book=state,
            exposure=measure(state, MARKS, D),
            marks=MARKS,
            equity=usd("100000"),
            decisions=ReadFaultCode.MISSING,  # not asked while decisions do not bind
            candidates_fault=None,
            enforcement_fault=None,
            observed={"account": D, "positions": D, "orders": D},
        ),
        config=EnforcementConfig(portfolio=config_with(BOOK), allowlist=("AAA",)),
    )


def out(session: date) -> StopOut:
    return StopOut(strategy_id=CORE, symbol="AAA", session_date=session)


def unreadable(name: str, fault: ReadFaultCode, world: World) -> World:
    return world.facts_with(**{f"{name.lower()}_fault": fault})


def unreadable_decisions(fault: ReadFaultCode, world: World) -> World:
    return world.config_with(decision_enforce=True).facts_with(decisions=fault)


CASES: Final[dict[StrEnum, Callable[[World], World]]] = {
    LiveCode.LIVE_TRADING_OFF: lambda w: w.control_with(live_trading=False),
    **{
        code: partial(World.control_with, live_token_ok=False, live_token_fault=code)
        for code in (
            LiveCode.LIVE_TOKEN_MISSING,
            LiveCode.LIVE_TOKEN_FILE_MISSING,
            LiveCode.LIVE_TOKEN_FILE_EMPTY,
            LiveCode.LIVE_TOKEN_MISMATCH,
        )
    },
    LiveCode.LIVE_HOST_MISMATCH: lambda w: w.control_with(live_host_ok=None),
    reasons.KillSwitchCode.KILL_SWITCH_ENV: lambda w: w.control_with(kill_env=True),
    reasons.KillSwitchCode.KILL_SWITCH_FILE: lambda w: w.control_with(kill_file="KILL_SWITCH"),
    reasons.KillSwitchCode.KILL_SWITCH_PERSISTED: lambda w: w.book_with(killed=True),
    reasons.KillSwitchCode.KILL_SWITCH_UNREADABLE: lambda w: w.control_with(kill_unreadable="no permission"),
    reasons.AllowlistCode.ALLOWLIST_EMPTY: lambda w: w.config_with(allowlist=None),
    reasons.AllowlistCode.ALLOWLIST_BLOCKED: lambda w: w.config_with(allowlist=("BBB",)),
    reasons.AllowlistCode.SYMBOL_MISSING: lambda w: w.entry_with(symbol="").config_with(allowlist=("",)),
    reasons.RiskCode.EQUITY_UNKNOWN: lambda w: w.facts_with(equity=None),
    reasons.RiskCode.STOP_MISSING: lambda w: w.entry_with(stop=None),
    reasons.RiskCode.STOP_WRONG_SIDE: lambda w: w.entry_with(stop=usd("50.00")),
    reasons.RiskCode.RISK_PER_TRADE_ABS: lambda w: w.limits_with(risk_per_trade_abs_max_usd=usd("31.99")),
    reasons.RiskCode.RISK_PER_TRADE_PCT: lambda w: w.limits_with(risk_per_trade_pct_max=usd("0.000319")),
    reasons.GrossCode.MARK_UNKNOWN: lambda w: w.facts_with(marks={"HELD": usd("50")}),
    # 500 held and 500 wished
    reasons.GrossCode.GROSS_EXPOSURE_ABS: lambda w: w.limits_with(gross_abs_max_usd=usd("999.99")),
    reasons.GrossCode.GROSS_EXPOSURE_PCT: lambda w: w.limits_with(gross_pct_max=usd("0.009999")),
    reasons.PositionsCode.POSITIONS_MAX: lambda w: w.limits_with(positions_max=1),
    reasons.EntriesCode.ENTRIES_PER_DAY_MAX: lambda w: w.limits_with(entries_per_day_max=0),
    reasons.FreshnessCode.OBSERVATION_INCOMPLETE: lambda w: w.facts_with(
        observed={"account": D, "orders": D}
    ),
    reasons.FreshnessCode.OBSERVATION_STALE: lambda w: w.facts_with(
        observed={"account": P, "positions": D, "orders": D}
    ),
    **{
        reasons.FreshnessCode[f"{name}_{fault}"]: partial(unreadable, name, fault)
        for name in ("CANDIDATES", "ENFORCEMENT")
        for fault in ReadFaultCode
    },
    **{
        reasons.DecisionCode[f"DECISION_{fault}"]: partial(unreadable_decisions, fault)
        for fault in ReadFaultCode
    },
    reasons.RepetitionCode.DUPLICATE_INTENT: lambda w: w.book_with(entry_intents_today=("int_AAA",)),
    reasons.RepetitionCode.ENTRY_WORKING: lambda w: w.book_with(
        orders=(order("AAA", 1, state=OrderState.CANCEL_UNKNOWN),)
    ),
    reasons.RepetitionCode.POSITION_OPEN: lambda w: w.book_with(positions=(position("AAA", 1),)),
    reasons.RepetitionCode.ONE_SHOT_USED: lambda w: w.book_with(
        ended_today=(order("AAA", 5, filled=Decimal(5), state=OrderState.FILLED),)
    ),
    reasons.RepetitionCode.COOLDOWN_ACTIVE: lambda w: w.book_with(stop_outs=(out(P),)),
    # A short with its stop above: what other gates ask of a short, they ask mirrored.
    reasons.OrderCode.SHORT_NOT_ALLOWED: lambda w: w.entry_with(side=Side.SELL, stop=usd("53.20")),
    reasons.OrderCode.QTY_INVALID: lambda w: w.entry_with(quantity=Decimal(0)),
    reasons.OrderCode.QTY_FRACTIONAL: lambda w: w.entry_with(quantity=usd("1.5")),
    reasons.OrderCode.PRICE_INVALID: lambda w: w.entry_with(limit=None),
    reasons.OrderCode.TICK_INVALID: lambda w: w.entry_with(limit=usd("50.001")),
    reasons.OrderCode.TIF_INVALID: lambda w: w.entry_with(time_in_force=TimeInForce.GTC),
    reasons.OrderCode.LIMIT_ABOVE_CAP: lambda w: w.entry_with(limit=usd("50.51")),
    reasons.OrderCode.NOTIONAL_MIN: lambda w: w.entry_with(
        quantity=Decimal(1), limit=usd("0.99"), stop=usd("0.90")
    ),
}


def test_an_entry_against_which_nothing_speaks_is_authorised_and_every_gate_says_so() -> None:
    result = good().judged()
    assert isinstance(result, Authorised)
    assert [gate.name for gate in GATES] == [row.gate for row in result.gates]


@pytest.mark.parametrize("code", CASES, ids=str)
def test_one_thing_wrong_is_refused_with_its_own_code(code: StrEnum) -> None:
    result = CASES[code](good()).judged()
    assert isinstance(result, Refused)
    assert code == result.code
    failed = [row.gate for row in result.gates if not row.passed]
    assert [result.gate, *ALSO_FAILING.get(code, [])] == failed


ALSO_FAILING: Final[dict[StrEnum, list[str]]] = {
    # No symbol has no mark, and without equity a percentage of it is no limit that could be kept.
    reasons.AllowlistCode.SYMBOL_MISSING: ["gross_exposure"],
    reasons.RiskCode.EQUITY_UNKNOWN: ["gross_exposure"],
}
OTHERWISE_TESTED: Final = {
    # An unknown book fails gate 2 first; see below. Decisions with content are made in test_enforce.py.
    "POSITIONS_UNKNOWN",
    "ENTRY_COUNT_UNKNOWN",
    "DECISION_INTENT_NOT_FOUND",
    "DECISION_BLOCKED",
}


def test_every_code_that_the_gates_declare_has_a_case() -> None:
    enums = [x for x in vars(reasons).values() if isinstance(x, type) and issubclass(x, StrEnum) and len(x)]
    declared = {str(code) for enum in enums for code in enum}
    assert declared == {str(code) for code in CASES} | OTHERWISE_TESTED


def test_an_unknown_book_fails_every_gate_that_needs_it_with_its_own_code() -> None:
    result = good().facts_with(book=None, exposure=None).judged()
    assert isinstance(result, Refused)
    failed = {row.gate: row.findings[0].code for row in result.gates if not row.passed}
    assert failed == {
        "kill_switch": "KILL_SWITCH_UNREADABLE",
        "gross_exposure": "MARK_UNKNOWN",
        "positions": "POSITIONS_UNKNOWN",
        "entries_per_day": "ENTRY_COUNT_UNKNOWN",
        "repetition": "DUPLICATE_INTENT",
    }


BREAKS: Final[dict[str, StrEnum]] = {
    "live": LiveCode.LIVE_TRADING_OFF,
    "kill_switch": reasons.KillSwitchCode.KILL_SWITCH_ENV,
    "allowlist": reasons.AllowlistCode.ALLOWLIST_BLOCKED,
    "risk_per_trade": reasons.RiskCode.STOP_MISSING,
    "gross_exposure": reasons.GrossCode.MARK_UNKNOWN,
    "positions": reasons.PositionsCode.POSITIONS_MAX,
    "entries_per_day": reasons.EntriesCode.ENTRIES_PER_DAY_MAX,
    "decision": reasons.DecisionCode.DECISION_MISSING,
    "freshness": reasons.FreshnessCode.CANDIDATES_MISSING,
    "repetition": reasons.RepetitionCode.COOLDOWN_ACTIVE,
    "order_validity": reasons.OrderCode.TIF_INVALID,
}
assert list(BREAKS) == [gate.name for gate in GATES]


@pytest.mark.parametrize(("first", "second"), list(combinations(BREAKS, 2)))
def test_of_two_failing_gates_the_earlier_names_the_verdict_and_both_are_reported(
    first: str, second: str
) -> None:
    world = CASES[BREAKS[first]](CASES[BREAKS[second]](good()))
    result = world.judged()
    assert isinstance(result, Refused)
    assert (first, BREAKS[first]) == (result.gate, result.code)
    assert [first, second] == [row.gate for row in result.gates if not row.passed]


@pytest.mark.parametrize(
    "limits",
    [
        {"risk_per_trade_abs_max_usd": usd("32")},  # 10 shares, 3.20 to the stop
        {"risk_per_trade_pct_max": usd("0.00032")},
        {"gross_abs_max_usd": usd("1000")},  # 500 held, 500 wished
        {"gross_pct_max": usd("0.01")},
        {"positions_max": 2, "entries_per_day_max": 1},
    ],
)
def test_an_entry_that_fills_a_limit_exactly_is_within_it(limits: dict[str, Any]) -> None:
    assert isinstance(good().limits_with(**limits).judged(), Authorised)


def test_before_the_open_the_history_of_the_session_is_not_asked_yet() -> None:
    repeated = good().book_with(stop_outs=(out(D),))
    assert isinstance(repeated.judged(Phase.E), Authorised)
    assert isinstance(repeated.judged(Phase.S), Refused)


def test_in_a_book_without_real_money_the_live_flag_and_token_are_not_asked() -> None:
    shut = good().control_with(live_trading=False, live_token_ok=None, live_host_ok=None)
    assert isinstance(shut.facts_with(book_id="SIM").judged(), Authorised)
    paper = shut.facts_with(book_id="ALPACA_PAPER").judged()
    assert isinstance(paper, Refused)
    assert paper.code == LiveCode.LIVE_HOST_MISMATCH


def test_switches_that_nobody_could_read_shut_live_and_kill_gates() -> None:
    result = good().facts_with(control=None).judged()
    assert isinstance(result, Refused)
    live_findings, kill_findings = (row.findings for row in result.gates[:2])
    assert [LiveCode.LIVE_TRADING_OFF, LiveCode.LIVE_TOKEN_MISSING, LiveCode.LIVE_HOST_MISMATCH] == [
        row.code for row in live_findings
    ]
    assert ["KILL_SWITCH_UNREADABLE"] == [row.code for row in kill_findings]


def test_a_cooldown_ends_with_the_session_after_the_stop_out() -> None:
    assert isinstance(good().book_with(stop_outs=(out(date(2016, 5, 31)),)).judged(), Authorised)


def test_an_unset_list_outside_live_money_allows_all_and_an_empty_one_none() -> None:
    paper = good().facts_with(book_id="SIM")
    assert isinstance(paper.config_with(allowlist=None).judged(), Authorised)
    assert isinstance(paper.config_with(allowlist=()).judged(), Refused)


def test_an_addition_and_a_second_attempt_take_no_second_slot() -> None:
    again = good().book_with(positions=(position("AAA", 1),), entry_intents_today=("int_AAA",))
    result = again.limits_with(positions_max=1, entries_per_day_max=1).judged(Phase.E)
    assert isinstance(result, Authorised)


def test_another_strategys_position_or_stop_in_the_symbol_is_no_repetition() -> None:
    other = good().book_with(
        positions=(position("AAA", 5, strategy_id="EXTERNAL"),),
        orders=(order("AAA", 5, leg=Leg.STOP, stop=usd("45"), strategy_id="EXTERNAL"),),
    )
    assert isinstance(other.judged(), Authorised)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("field", ["quantity", "limit", "stop"])
def test_what_is_no_number_is_refused_and_stops_no_gate(field: str, number: str) -> None:
    result = good().entry_with(**{field: Decimal(number)}).judged()
    assert isinstance(result, Refused)
    assert len(GATES) == len(result.gates)


@pytest.mark.parametrize(
    ("token", "file", "fault"),
    [
        (None, "correct-horse", LiveCode.LIVE_TOKEN_MISSING),
        ("eleven-char", "eleven-char", LiveCode.LIVE_TOKEN_MISSING),
        ("correct-horse", None, LiveCode.LIVE_TOKEN_FILE_MISSING),
        ("correct-horse", " \n", LiveCode.LIVE_TOKEN_FILE_EMPTY),
        ("correct-horse", "correct-horsf", LiveCode.LIVE_TOKEN_MISMATCH),
        ("correct-horse", "correct-horse\n", None),
        ("twelve-chars", "twelve-chars", None),
    ],
)
def test_both_halves_of_the_token_must_be_there_and_agree(
    token: str | None, file: str | None, fault: LiveCode | None
) -> None:
    assert fault == live.token_fault(token, file)


def test_a_gate_takes_an_entry_by_type_and_an_exit_handed_in_by_force_is_a_programming_error() -> None:
    assert [EntryOrder] * len(GATES) == [get_type_hints(gate.check)["entry"] for gate in GATES]
    world, stop = good(), order("AAA", leg=Leg.STOP, stop=usd("45"))
    with pytest.raises(AssertionError, match="L3"):
        judge(stop, world.facts, world.config, Phase.S)  # type: ignore[arg-type]


def test_nobody_else_can_authorise_an_entry() -> None:
    result = good().judged()
    assert isinstance(result, Authorised)
    with pytest.raises(AssertionError, match="only"):
        Authorised(entry=result.entry, phase=Phase.S, gates=(), made_by=object())
    with pytest.raises((TypeError, ValueError), match="made_by"):  # 3.13 says TypeError
        replace(result, phase=Phase.E)  # type: ignore[call-arg]
