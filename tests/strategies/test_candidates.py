"""An intent carries the scan's plan and nothing else; a day without one says why."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.base import SessionDate
from schemas.book import Side
from schemas.candidates import Candidates, EntryModel, TradeIntent
from schemas.strategy_registry import REGISTRY, S1_AVWAP_CORE
from strategies import candidates, scan
from strategies.candidates import CandidateInputs, valid_until
from strategies.config import CandidateConfig, ScanConfig, TrendConfig
from strategies.validity import validate_intent
from tests.strategies.plans import CLOSE, OPEN, intent
from tests.strategies.test_scan import inputs, trend

ASKED = CandidateInputs(
    book_id="SIM", session_date=SessionDate(date(2016, 1, 11)), open_at=OPEN, close_at=CLOSE
)
CONFIG = CandidateConfig()


def made(**changes: Any) -> Candidates:
    return candidates.run(scan.run(inputs(**changes), ScanConfig()), ASKED, CONFIG, TrendConfig())


def test_an_intent_repeats_the_plan_of_its_scan_row() -> None:
    found = scan.run(inputs(), ScanConfig())
    wished = candidates.run(found, ASKED, CONFIG, TrendConfig())
    wish = next(each for each in wished.intents if each.symbol == "AAA")
    row = found.rows[int(wish.scan_ref.rpartition("/")[2])]
    assert "AAA" == row["symbol"]
    levels = {name: Decimal(str(text)) for name, text in row["levels"].items()}
    assert (levels["level"], levels["entry_ref"], levels["limit_cap"]) == (
        wish.entry.level,
        wish.entry.entry_ref,
        wish.entry.limit_cap,
    )
    assert (levels["stop"], levels["r1"], levels["r2"]) == (
        wish.stop_plan.initial_stop,
        wish.exit_plan.r1,
        wish.exit_plan.r2,
    )
    assert (Decimal("0.100000"), Decimal("0.005000")) == (
        wish.intended_notional_fraction,
        wish.intended_risk_fraction,
    )
    assert (S1_AVWAP_CORE, S1_AVWAP_CORE, "1.0.0") == (wish.strategy_id, wish.sleeve_id, wish.model_version)
    assert wish.tags == tuple(sorted(wish.tags))
    assert {"tier:A", f"anchor:{row['chosen']}"} <= set(wish.tags)
    assert () == validate_intent(wish, OPEN, Decimal(1))


def test_the_thesis_is_a_fixed_sentence_over_the_row() -> None:
    wish = next(each for each in made().intents if each.symbol == "AAA")
    assert wish.thesis.startswith(("above ", "reclaimed "))
    assert wish.thesis.endswith(f"AVWAP, tier A, confluence {wish.thesis.rpartition(' ')[2]}")


def test_candidates_stand_by_rank_and_intents_by_symbol() -> None:
    held = {f"S{k}": trend(rise=900 - 40 * k) for k in range(5)} | {"SPY": trend(start=2_000_000)}
    wished = made(bars=held)
    assert [1, 2, 3, 4, 5, 6] == [each.rank for each in wished.candidates]
    symbols = [each.symbol for each in wished.intents]
    assert sorted(symbols) == symbols
    assert {each.intent_id for each in wished.candidates} == {each.intent_id for each in wished.intents}


def test_a_blocked_day_has_no_intent_and_says_why() -> None:
    wished = made(blocking=("DAY_COVERAGE_LOW",))
    assert ((), ()) == (wished.candidates, wished.intents)
    assert [("DATA_DAY_BLOCKED", "DAY_COVERAGE_LOW")] == [(each.code, each.detail) for each in wished.reasons]


def test_a_day_on_which_nothing_passed_says_so() -> None:
    assert ["NO_SYMBOL_PASSED"] == [
        each.code for each in made(blocked_symbols=frozenset({"AAA", "SPY"})).reasons
    ]


def test_a_strategy_that_is_not_enabled_wishes_for_nothing() -> None:
    off = CONFIG.model_copy(update={"strategies_enabled": ()})
    wished = candidates.run(scan.run(inputs(), ScanConfig()), ASKED, off, TrendConfig())
    assert ["STRATEGY_NOT_ENABLED"] == [each.code for each in wished.reasons]
    assert () == wished.intents


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (EntryModel.NEXT_OPEN, OPEN + timedelta(minutes=30)),
        (EntryModel.BOH_10M, CLOSE - timedelta(minutes=30)),
        (EntryModel.LIMIT_AT_LEVEL, CLOSE - timedelta(minutes=10)),
    ],
)
def test_an_intent_expires_with_its_entry_model(model: EntryModel, expected: datetime) -> None:
    assert expected == valid_until(model, OPEN, CLOSE)


def test_the_identity_of_an_intent_holds_no_price_and_no_quantity() -> None:
    first = {each.symbol: each.intent_id for each in made().intents}
    second = {each.symbol: each.intent_id for each in made(bars={"AAA": trend(start=500_000)}).intents}
    assert first["AAA"] == second["AAA"]
    assert first["AAA"] != first["SPY"]


@pytest.mark.parametrize("field", ["strategy_id", "sleeve_id"])
def test_an_intent_without_its_strategy_or_sleeve_is_refused_by_the_schema(field: str) -> None:
    told = intent().model_dump(mode="json")
    del told[field]
    with pytest.raises(ValidationError, match=field):
        TradeIntent.model_validate(told)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"strategy_id": ""}, ["MISSING_STRATEGY_ID", "UNKNOWN_STRATEGY"]),
        ({"sleeve_id": ""}, ["MISSING_STRATEGY_ID"]),
        ({"strategy_id": "S9_NOBODY"}, ["UNKNOWN_STRATEGY"]),
        ({"strategy_id": "EXTERNAL"}, ["STRATEGY_RETIRED", "INVALID_SIDE", "ENTRY_MODEL_NOT_ALLOWED"]),
        ({"symbol": ""}, ["MISSING_SYMBOL"]),
        ({"side": Side.SELL}, ["INVALID_SIDE"]),
        ({"model": EntryModel.SAME_CLOSE}, ["ENTRY_MODEL_NOT_ALLOWED"]),
        ({"intended_risk_fraction": Decimal("0.000000")}, ["INVALID_QTY"]),
        ({"stop": 100}, ["INVALID_LEVELS"]),
        ({"r1": 110}, ["INVALID_LEVELS"]),
        ({"limit_cap": 105}, ["INVALID_LEVELS"]),
        ({"valid_until": OPEN}, ["INVALID_VALID_UNTIL", "STALE_INTENT"]),
        ({"model_version": ""}, ["MISSING_VERSION"]),
        ({"data_version": ""}, ["MISSING_VERSION"]),
    ],
)
def test_every_fault_of_an_intent_is_reported_in_order(
    changes: dict[str, object], expected: list[str]
) -> None:
    assert expected == [finding.code for finding in validate_intent(intent(**changes), OPEN)]


def test_a_quantity_of_zero_is_invalid_and_time_is_asked_only_of_who_has_a_clock() -> None:
    assert ["INVALID_QTY"] == [each.code for each in validate_intent(intent(), OPEN, Decimal(0))]
    assert () == validate_intent(intent(), None)
    late = datetime(2016, 9, 17, tzinfo=UTC)
    assert ["STALE_INTENT"] == [each.code for each in validate_intent(intent(), late)]


def test_the_registry_is_the_table_of_the_design() -> None:
    expected = [
        ("S1_AVWAP_CORE", "active", 10),
        ("S2_INDEX_TREND", "active", 20),
        ("S1_AVWAP_SHADOW", "shadow", 900),
        ("EXTERNAL", "retired", 1000),
    ]
    assert expected == [(row.strategy_id, row.status, row.priority) for row in REGISTRY.values()]
    assert (S1_AVWAP_CORE,) == CONFIG.strategies_enabled
