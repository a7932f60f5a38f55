"""Every gate speaks for itself, the ranking is total, and the rows say what was measured."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from schemas.reasons.scan import ScanCode
from schemas.scan import Scan
from strategies import scan
from strategies.config import EarningsPolicy, ScanConfig
from strategies.explain import explain
from strategies.lookup import standing_of
from strategies.rows import MEASURES, decimal_of
from strategies.scan import ScanInputs, judge_all
from tests.strategies.panels import Bar, panel_of, weekdays
from tests.strategies.walks import walk

SESSIONS = weekdays(date(2014, 10, 6), 330)
CONFIG = ScanConfig()


def trend(n: int = 330, *, start: int = 400_000, rise: int = 700, volume: int = 2_000_000) -> list[Bar]:
    """A calm climb with a dip every fifth bar: it passes every gate."""
    bars: list[Bar] = []
    for i in range(330 - n, 330):
        close = start + rise * i - (3_000 if i % 5 == 0 else 0)
        bars.append((i, close - 500, close + 4_000, close - 4_000, close, volume))
    return bars


def inputs(bars: Mapping[str, Sequence[Bar]] | None = None, **changes: Any) -> ScanInputs:
    held = bars or {"AAA": trend(), "SPY": trend(start=2_000_000)}
    actions = changes.pop("actions", ())
    panel = panel_of({symbol: held[symbol] for symbol in sorted(held)}, SESSIONS, actions=actions)
    fields: dict[str, Any] = {
        "panel": replace(panel, members=changes.pop("members", None)),
        "quarantine": {},
        "warnings": {},
        "blocking": (),
        "blocked_symbols": frozenset(),
    }
    return ScanInputs(**(fields | changes))


def codes(found: Scan, symbol: str = "AAA") -> tuple[str, ...]:
    standing = standing_of(found, symbol)
    assert standing is not None
    return standing.codes


def config(**changes: object) -> ScanConfig:
    return CONFIG.model_copy(update=changes)


def test_a_calm_trend_is_a_candidate_in_full() -> None:
    found = scan.run(inputs(), CONFIG)
    row = found.rows[0]
    assert ("AAA", "CANDIDATE", [], "A") == (row["symbol"], row["verdict"], row["codes"], row["tier"])
    assert (2, 2, 2, 2) == tuple(found.counts.model_dump().values())
    prices = [Decimal(row["levels"][name]) for name in ("stop", "entry_ref", "r1", "r2")]
    assert [Decimal(0), *prices] == sorted({Decimal(0), *prices})


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"universe_deny": ("AAA",)}, ScanCode.UNIVERSE_LIST),
        ({"universe_allow": ("SPY",)}, ScanCode.UNIVERSE_LIST),
        ({"history_bars_min": 331}, ScanCode.HISTORY_SHORT),
        ({"price_min": Decimal("1000.0000")}, ScanCode.PRICE_BELOW_MIN),
        ({"adv_shares_min": Decimal(2_000_001)}, ScanCode.ADV_SHARES_LOW),
        ({"adv_usd_min": Decimal("999999999.000000")}, ScanCode.ADV_DOLLARS_LOW),
        ({"earnings_policy": EarningsPolicy.REQUIRED}, ScanCode.EARNINGS_NEAR),
        ({"atr_usd_min": Decimal("5.0000")}, ScanCode.ATR_TOO_SMALL),
        ({"atr_pct_max": Decimal("0.001000")}, ScanCode.ATR_PCT_TOO_HIGH),
        ({"atr_expansion_max": Decimal("0.500000")}, ScanCode.ATR_EXPANDED),
        ({"distance_max": Decimal("-1.000000")}, ScanCode.NO_ELIGIBLE_ANCHOR),
        ({"unit_risk_pct_max": Decimal("0.010000")}, ScanCode.UNIT_RISK_TOO_WIDE),
    ],
)
def test_each_threshold_refuses_with_its_own_code(settings: dict[str, object], expected: str) -> None:
    assert expected in codes(scan.run(inputs(), config(**settings)))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"blocking": ("DAY_COVERAGE_LOW",)}, ("DATA_DAY_BLOCKED", "DAY_COVERAGE_LOW")),
        ({"members": frozenset({"SPY"})}, ("UNIVERSE_NOT_MEMBER",)),
        ({"quarantine": {"AAA": ("BARS_GAP", "BARS_FLAT")}}, ("DATA_QUARANTINED", "BARS_GAP", "BARS_FLAT")),
        ({"blocked_symbols": frozenset({"AAA"})}, ("CORP_ACTION_TODAY",)),
    ],
)
def test_what_the_data_contract_says_comes_with_its_codes_in_order(
    changes: dict[str, Any], expected: tuple[str, ...]
) -> None:
    assert expected == codes(scan.run(inputs(**changes), CONFIG))


def test_a_blocked_day_leaves_the_scan_but_ranks_nobody() -> None:
    found = scan.run(inputs(blocking=("DAY_STALE_FEED",)), CONFIG)
    assert ("DATA_DAY_BLOCKED", "DAY_STALE_FEED") == found.day_codes
    assert 0 == found.counts.candidates
    assert all("rank" not in row for row in found.rows)
    assert "features" in found.rows[0]


def test_a_falling_benchmark_closes_the_market_gate_and_an_absent_one_does_not() -> None:
    falling = {"AAA": trend(), "SPY": trend(start=2_000_000, rise=-1_500)}
    assert ("MARKET_GATE_CLOSED",) == codes(scan.run(inputs(falling), CONFIG))
    assert () == codes(scan.run(inputs(falling), config(market_gate=False)))
    assert () == codes(scan.run(inputs({"AAA": trend()}), CONFIG))


def test_a_benchmark_too_young_for_its_mean_closes_the_gate() -> None:
    found = scan.run(inputs({"AAA": trend(), "SPY": trend(150)}), CONFIG)
    assert None is found.benchmark_above_sma200
    assert "MARKET_GATE_CLOSED" in codes(found)


def test_a_symbol_without_a_bar_at_p_fails_every_gate_that_asks_for_a_measure() -> None:
    found = codes(scan.run(inputs({"AAA": trend()[:-1], "SPY": trend()}), CONFIG))
    assert ScanCode.HISTORY_SHORT == found[0]
    assert {"PRICE_BELOW_MIN", "WEEKLY_NOT_ALIGNED", "NO_TREND_TIER", "LEVELS_INVALID"} <= set(found)


def test_weeks_are_no_gate_before_there_are_forty_of_them() -> None:
    row = scan.run(inputs({"AAA": trend(120), "SPY": trend()}), CONFIG).rows[0]
    assert ["WEEKLY_NOT_APPLICABLE"] == row["info"]
    assert "WEEKLY_NOT_ALIGNED" not in row["codes"]


def test_codes_come_in_gate_order() -> None:
    held = {"AAA": walk(5, 330, start=30_000, swing=0.05, gap=0.05, missing=0.3, grain=1, drift=-0.002).bars}
    found = codes(scan.run(inputs(held, blocking=("DAY_STALE_FEED",)), CONFIG))
    order = [str(code) for code in ScanCode]
    own = [code for code in found if code in order]
    assert sorted(own, key=order.index) == own
    assert len(own) > 5


def test_ranks_follow_tier_then_trend_score_then_symbol_and_the_cap_cuts_by_rank() -> None:
    held = {f"S{k}": trend(rise=600 + 40 * (k // 2)) for k in range(6)} | {"SPY": trend(start=2_000_000)}
    found = scan.run(inputs(held), config(candidate_cap=3))
    ranked = sorted((row for row in found.rows if "rank" in row), key=lambda row: row["rank"])
    keys = [(row["tier"], -(row["features"]["trend_score"] or 0), row["symbol"]) for row in ranked]
    assert sorted(keys) == keys
    assert list(range(1, len(ranked) + 1)) == [row["rank"] for row in ranked]
    assert ["CANDIDATE"] * 3 + ["CAPPED"] * (len(ranked) - 3) == [row["verdict"] for row in ranked]
    assert all(row["codes"] == ["CANDIDATE_CAP"] for row in ranked[3:])


def test_the_price_floor_is_about_the_price_that_was_traded() -> None:
    """A 2 for 1 split on D halves the basis, and half of 4.9999, rounded, doubles to 5.0000: that never traded."""
    held = {"AAA": trend(start=15_000, rise=70), "SPY": trend()}
    halved = inputs(held)
    assert "PRICE_BELOW_MIN" in codes(scan.run(halved, CONFIG)), "3.80 was traded"
    for traded, is_low in ((49_999, True), (50_000, False)):
        panel = replace(halved.panel, unsplit={"AAA": traded})
        found = codes(scan.run(replace(halved, panel=panel), CONFIG))
        assert is_low is ("PRICE_BELOW_MIN" in found), traded


def test_rows_are_sorted_and_every_symbol_is_said_exactly_once() -> None:
    held = {f"S{k}": trend(rise=600, volume=2_000_000 if k % 2 else 1_000) for k in (5, 2, 9, 1, 4)}
    found = scan.run(inputs(held), CONFIG)
    assert sorted(row["symbol"] for row in found.rows) == [row["symbol"] for row in found.rows]
    said = [row["symbol"] for row in found.rows] + [s for group in found.others for s in group["symbols"]]
    assert sorted(held) == sorted(said)
    assert len(found.rows) == found.counts.full


def test_a_row_reads_back_equal_and_its_measures_are_the_quantised_integers() -> None:
    found = scan.run(inputs(), CONFIG)
    again = Scan.model_validate(json.loads(json.dumps(found.model_dump(mode="json"))))
    assert found == again
    judged = judge_all(inputs(), CONFIG)
    for name, (column, scale) in MEASURES.items():
        q = int(judged.features[0, column])
        assert decimal_of(q, scale) == again.rows[0]["features"][name]  # type: ignore[literal-required]
        assert q == round(Decimal(repr(again.rows[0]["features"][name])) * 10**scale)  # type: ignore[literal-required]


def test_why_sees_the_very_verdict_of_the_scan() -> None:
    held = {
        "AAA": trend(),
        "BBB": walk(11, 330, start=300_000, swing=0.03, gap=0.05, missing=0.02, grain=100, drift=0.0).bars,
        "CCC": trend(40),
        "SPY": trend(start=2_000_000),
    }
    asked = inputs(held, quarantine={"CCC": ("BARS_GAP",)})
    found = scan.run(asked, CONFIG)
    for symbol in held:
        told = explain(asked, CONFIG, symbol)
        assert told is not None
        failed = [row.code for row in told.gates if not row.passed]
        assert [code for code in codes(found, symbol) if code in {row.code for row in told.gates}] == failed
        row = standing_of(found, symbol).row  # type: ignore[union-attr]
        if row is not None:
            assert row["features"] == told.features
            assert row["anchors"] == list(told.anchors)
    assert None is explain(asked, CONFIG, "ZZZ")


def test_a_reference_into_the_scan_leads_to_its_row() -> None:
    found = scan.run(inputs(), CONFIG)
    assert "SPY" == found.rows[1]["symbol"]
