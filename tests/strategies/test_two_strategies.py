"""Strategies stand side by side in one candidates file: each has its own ranks, ids and plan, and moves no other."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from ledger.canonical import plain
from portfolio import decide
from portfolio.limits import portfolio_config
from schemas.base import SessionDate
from schemas.book import Side
from schemas.candidates import Candidates, EntryModel
from schemas.decisions import Verdict
from schemas.scan import Scan
from schemas.strategy_registry import (
    REGISTRY,
    S1_AVWAP_CORE,
    S2_INDEX_TREND,
    StrategyMeta,
    StrategyStatus,
    enabled_faults,
    in_order,
    registry,
)
from strategies import candidates, index_trend, scan
from strategies.candidates import CandidateInputs
from strategies.config import CandidateConfig, ScanConfig, TrendConfig
from strategies.validity import validate_intent
from tests.portfolio.books import decision_inputs, intent, sharing
from tests.strategies.plans import CLOSE, OPEN
from tests.strategies.test_index_trend import inputs, rising
from tests.strategies.test_scan import trend as calm

ASKED = CandidateInputs(
    book_id="SIM", session_date=SessionDate(date(2016, 1, 11)), open_at=OPEN, close_at=CLOSE
)
TREND = TrendConfig(universe=("QQQ", "SPY"))
HELD = {"AAA": calm(), "BBB": calm(rise=650), "QQQ": rising(rise=900), "SPY": rising(start=2_000_000)}
BOTH = (S1_AVWAP_CORE, S2_INDEX_TREND)


def scanned(*, with_trend: bool, **changes: Any) -> Scan:
    given = inputs(HELD, **changes)
    found = scan.run(given, ScanConfig())
    trend = index_trend.run(given, TREND, ScanConfig()) if with_trend else None
    return found.model_copy(update={"trend": trend})


def wished(strategies: tuple[str, ...], asked: CandidateInputs = ASKED, **changes: Any) -> Candidates:
    config = CandidateConfig(strategies_enabled=strategies)
    found = scanned(with_trend=S2_INDEX_TREND in strategies, **changes)
    return candidates.run(found, asked, config, TREND)


def of(found: Candidates, strategy_id: str) -> list[dict[str, Any]]:
    told = plain(found)
    rows = [*told["candidates"], *told["intents"]]
    return [row for row in rows if row["strategy_id"] == strategy_id]


def test_a_fund_is_wished_for_with_its_own_plan_and_nothing_sold_at_a_target() -> None:
    found = scanned(with_trend=True)
    intents = candidates.run(
        found, ASKED, CandidateConfig(strategies_enabled=(S2_INDEX_TREND,)), TREND
    ).intents
    assert ["QQQ", "SPY"] == [each.symbol for each in intents]
    wish = intents[0]
    assert (S2_INDEX_TREND, S2_INDEX_TREND, "0.1.0") == (wish.strategy_id, wish.sleeve_id, wish.model_version)
    assert (Side.BUY, EntryModel.NEXT_OPEN, 1) == (wish.side, wish.entry.model, wish.rank)
    assert found.trend is not None
    row = found.trend.rows[int(wish.scan_ref.removeprefix("/trend/rows/"))]
    assert "QQQ" == row.symbol
    assert row.levels is not None
    plan = {**wish.entry.model_dump(exclude={"model"}), "stop": wish.stop_plan.initial_stop}
    plan |= {"r1": wish.exit_plan.r1, "r2": wish.exit_plan.r2}
    assert row.levels.model_dump() == plan
    assert (0, 0, Decimal("0.500000"), 120) == (
        wish.exit_plan.r1_fraction,
        wish.exit_plan.r2_fraction,
        wish.exit_plan.trail_fraction,
        wish.exit_plan.time_stop_sessions,
    )
    # QQQ closes at 40 + 0.09 i: sma50 67.405, sma200 60.655.
    assert "new 55-bar high, sma50 11.13% above sma200" == wish.thesis
    assert ("high:55", "trend:rising") == wish.tags
    assert () == validate_intent(wish, OPEN, Decimal(1))


def test_candidates_stand_by_priority_then_rank_and_no_id_is_shared() -> None:
    found = wished(BOTH)
    order = [(each.strategy_id, each.rank) for each in found.candidates]
    first = [each for each in order if each[0] == S1_AVWAP_CORE]
    assert [*first, (S2_INDEX_TREND, 1), (S2_INDEX_TREND, 2)] == order
    assert list(range(1, len(first) + 1)) == [rank for _, rank in first]
    assert len(found.intents) == len({each.intent_id for each in found.intents}) == len(order)
    keys = [(each.symbol, each.strategy_id) for each in found.intents]
    assert sorted(keys) == keys
    shared = {each.symbol for each in found.intents if each.strategy_id == S1_AVWAP_CORE} & {"QQQ", "SPY"}
    assert shared, "one symbol is wished for by both, or this test shows nothing"
    assert BOTH == found.strategies


def test_the_order_in_which_strategies_are_enabled_moves_nothing_but_its_own_record() -> None:
    one, other = wished(BOTH), wished(tuple(reversed(BOTH)))
    assert one == other.model_copy(update={"strategies": BOTH})


def test_the_first_strategy_wishes_the_same_whether_or_not_there_is_a_second() -> None:
    alone, beside = wished((S1_AVWAP_CORE,)), wished(BOTH)
    assert of(alone, S1_AVWAP_CORE)
    assert of(alone, S1_AVWAP_CORE) == of(beside, S1_AVWAP_CORE)
    assert [] == of(alone, S2_INDEX_TREND)


def test_a_sleeve_of_the_book_stands_on_intent_and_candidate() -> None:
    asked = CandidateInputs(
        book_id="SIM",
        session_date=ASKED.session_date,
        open_at=OPEN,
        close_at=CLOSE,
        sleeves={S2_INDEX_TREND: "FUNDS"},
    )
    found = wished(BOTH, asked)
    assert {"FUNDS"} == {row["sleeve_id"] for row in of(found, S2_INDEX_TREND)}
    assert {S1_AVWAP_CORE} == {row["sleeve_id"] for row in of(found, S1_AVWAP_CORE)}


def test_a_blocked_day_and_a_day_without_a_new_high_say_so_for_each_strategy() -> None:
    blocked = wished(BOTH, blocking=("DAY_COVERAGE_LOW",))
    assert (["DATA_DAY_BLOCKED"], ()) == ([each.code for each in blocked.reasons], blocked.intents)
    held = wished(BOTH, quarantine={"QQQ": ("BARS_GAP",), "SPY": ("BARS_GAP",)})
    assert [("NO_SYMBOL_PASSED", S2_INDEX_TREND)] == [(each.code, each.subject) for each in held.reasons]
    assert [] == of(held, S2_INDEX_TREND)
    assert of(held, S1_AVWAP_CORE)


def test_every_active_strategy_of_the_registry_has_rules_to_wish_by() -> None:
    active = [row.strategy_id for row in REGISTRY.values() if row.status is StrategyStatus.ACTIVE]
    assert list(BOTH) == active
    for each in active:
        assert of(wished((each,)), each)


# The registry --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("enabled", "fault"),
    [
        (("S9_NOBODY",), "S9_NOBODY: UNKNOWN_STRATEGY"),
        (("s2_index_trend",), "s2_index_trend: UNKNOWN_STRATEGY"),
        (("S1_AVWAP_SHADOW",), "S1_AVWAP_SHADOW: a shadow is not enabled"),
        (("EXTERNAL",), "EXTERNAL: STRATEGY_RETIRED"),
        ((S1_AVWAP_CORE, S1_AVWAP_CORE), "S1_AVWAP_CORE: named twice"),
    ],
)
def test_what_may_not_run_is_refused_where_it_is_configured(enabled: tuple[str, ...], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        CandidateConfig(strategies_enabled=enabled)


def test_all_faults_of_a_list_are_told_at_once() -> None:
    assert ["S8_A:", "EXTERNAL:", "S9_B:"] == [
        each.split()[0] for each in enabled_faults(("S8_A", S2_INDEX_TREND, "EXTERNAL", "S9_B"))
    ]
    assert () == enabled_faults(BOTH)
    assert () == enabled_faults(())


def row(**changes: Any) -> StrategyMeta:
    fields = REGISTRY[S2_INDEX_TREND].model_dump() | {"strategy_id": "S3_OTHER", "priority": 30} | changes
    return StrategyMeta(**fields)


@pytest.mark.parametrize(
    "changes",
    [
        {"strategy_id": "TREND"},
        {"strategy_id": "S3_x"},
        {"model_version": "1"},
        {"sleeve_id": ""},
        {"asset_universe": ""},
        {"sides": ()},
        {"entry_models": ()},
        {"entry_models": (EntryModel.SAME_CLOSE,)},
        {"holding_sessions_max": None},
        {"holding_sessions_min": 0},
        {"holding_sessions_min": 121},
        {"risk_profile": "bold"},
        {"status": StrategyStatus.RETIRED},
    ],
)
def test_a_row_of_the_registry_that_cannot_be_meant_is_refused(changes: dict[str, Any]) -> None:
    assert "S3_OTHER" == row().strategy_id
    with pytest.raises(ValidationError):
        row(**changes)


def test_no_two_strategies_share_an_id_or_a_priority() -> None:
    assert ["S2_INDEX_TREND", "S3_OTHER"] == list(registry((REGISTRY[S2_INDEX_TREND], row())))
    with pytest.raises(ValueError, match="registered twice"):
        registry((row(), row(priority=31)))
    with pytest.raises(ValueError, match="one priority"):
        registry((row(), row(strategy_id="S4_OTHER")))


def test_the_order_of_arbitration_is_the_priority_and_forgets_who_is_unknown() -> None:
    asked = ("EXTERNAL", S2_INDEX_TREND, "S9_NOBODY", S1_AVWAP_CORE, S2_INDEX_TREND)
    assert [S1_AVWAP_CORE, S2_INDEX_TREND, "EXTERNAL"] == [each.strategy_id for each in in_order(asked)]


def test_an_intent_of_a_strategy_that_nobody_registered_is_blocked_by_its_first_reader_and_holds_up_no_other() -> (
    None
):
    stranger = intent("AAA", strategy_id="S9_NOBODY")
    decided = decide.run(decision_inputs(stranger, intent("BBB")), portfolio_config("SIM"), sharing())
    found = {each.symbol: (each.verdict, each.reasons[0].code) for each in decided.verdicts}
    assert (Verdict.BLOCK, "UNKNOWN_STRATEGY") == found["AAA"]
    assert (Verdict.ALLOW, "ALLOW_WITHIN_LIMITS") == found["BBB"]
    assert () == decided.batch.codes
