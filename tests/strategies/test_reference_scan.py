"""The scan's whole artifact and every explanation agree with the slow reference, on markets made to be difficult."""

import os
import tempfile
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.calendar import Calendar
from market.panel import Panel
from schemas.reasons.scan import ScanCode
from schemas.scan import Scan
from strategies import scan
from strategies.explain import explain
from tests.strategies import reference_scan
from tests.strategies.markets import DAYS, config_of, inputs_from, market, panel_from
from tests.strategies.reference import Limits
from tests.strategies.reference_scan import Market, judge

F = Fraction
EXAMPLES = 400 if os.environ.get("AVWAP_FULL") else 30
LIMITS = (
    Limits(),
    Limits(at_level=True),
    Limits(earnings_policy="required", market_gate=False, candidate_cap=1),
    Limits(earnings_policy="off", candidate_cap=0, atr_usd_min=F(0), atr_pct_max=F(1, 2)),
    Limits(
        gap_min=F(2, 100), distance_max=F(1, 2), avwap_slope_min=F(-1, 10), confluence_band=F(5, 100),
        unit_risk_pct_max=F(2, 100), stop_distance_min=F(3, 100), r1_multiple=F(3, 2), r2_multiple=F(5, 2),
        entry_drift_max=F(1, 100), atr_expansion_max=F(2), price_min=F(0), history_bars_min=1,
        universe_allow=frozenset({"S0", "S1", "S2", "SPY"}), universe_deny=frozenset({"S1"}),
        market_cap_usd_min=10**9,
    ),
)  # fmt: skip
"""The defaults, the other entry model, and every threshold moved at least once."""


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    return Calendar()


def spelled(found: Scan) -> dict[str, Any]:
    """The artifact in the reference's words."""
    counts = found.counts
    return {
        "data_session": found.data_session,
        "entry_model": str(found.entry_model),
        "benchmark_above_sma200": found.benchmark_above_sma200,
        "day_codes": found.day_codes,
        "info": [finding.code for finding in found.info],
        "counts": (counts.scanned, counts.full, counts.passed, counts.candidates),
        "rows": [dict(row) for row in found.rows],
        "others": [dict(group) for group in found.others],
    }


def partings(want: Any, have: Any, at: str = "") -> list[str]:
    """Every place where two trees of dicts and lists part."""
    if isinstance(want, dict) and isinstance(have, dict):
        keys = sorted({*want, *have})
        return [p for key in keys for p in partings(want.get(key), have.get(key), f"{at}/{key}")]
    if isinstance(want, list | tuple) and isinstance(have, list | tuple) and len(want) == len(have):
        return [
            p for k, pair in enumerate(zip(want, have, strict=True)) for p in partings(*pair, f"{at}/{k}")
        ]
    return [] if want == have else [f"{at}: want {want!r}, have {have!r}"]


def check(made: Market, limits: Limits, calendar: Calendar) -> dict[str, Any]:
    """As ``compare``, by way of a store."""
    with tempfile.TemporaryDirectory() as folder:
        return compare(made, panel_from(made, calendar, Path(folder)), limits)


def compare(made: Market, panel: Panel, limits: Limits) -> dict[str, Any]:
    """The artifact and every symbol's explanation beside the reference's; returns the reference's scan."""
    inputs = inputs_from(made, panel)
    found = scan.run(inputs, config_of(limits))
    judged = judge(made, limits)
    want = reference_scan.scan(made, limits, judged)
    assert [] == partings(want, spelled(found)), made.made_by
    by_symbol = {row["symbol"]: row["codes"] for row in found.rows if "rank" not in row}
    by_symbol |= {symbol: group["codes"] for group in found.others for symbol in group["symbols"]}
    for symbol in made.bars:
        told = explain(inputs, config_of(limits), symbol)
        assert told is not None
        slow = judged[symbol]
        full: dict[str, Any] = (
            slow.measured() if slow.is_measured else {"features": {}, "anchors": [], "labels": {}}
        )
        have: dict[str, Any] = {
            "features": told.features,
            "anchors": list(told.anchors),
            "labels": told.labels,
        }
        have |= {"chosen": told.chosen, "levels": told.levels, "has_bar": told.has_bar_at_p}
        full |= {"chosen": slow.chosen, "levels": full.get("levels", {}), "has_bar": slow.has_bar}
        full.pop("confluence", None)
        assert [] == partings(full, have), (symbol, made.made_by)
        gates = [row.code for row in told.gates if not row.passed]
        codes = [code for code in by_symbol.get(symbol, []) if code in {row.code for row in told.gates}]
        assert codes == gates, (symbol, made.made_by)
    return want


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**40), st.sampled_from(DAYS), st.sampled_from(LIMITS))
def test_rows_codes_ranks_and_explanations_agree_on_any_market(
    calendar: Calendar, seed: int, today: date, limits: Limits
) -> None:
    check(market(calendar, seed, today), limits, calendar)


def test_the_markets_hold_every_code_every_anchor_and_every_verdict(calendar: Calendar) -> None:
    """A comparison on markets where nothing happens would prove nothing."""
    codes: set[str] = set()
    anchors: set[str] = set()
    verdicts: set[str] = set()
    for seed in range(30):
        made, limits = market(calendar, seed, DAYS[seed % len(DAYS)]), LIMITS[seed % len(LIMITS)]
        want = reference_scan.scan(made, limits, judge(made, limits))
        for row in want["rows"]:
            anchors |= {a["a"] for a in row["anchors"]} | {
                n for a in row["anchors"] for n in a.get("also", ())
            }
            verdicts.add(row["verdict"])
            codes |= set(row["codes"])
        codes |= {code for group in want["others"] for code in group["codes"]}
    assert set() == {str(code) for code in ScanCode} - codes
    assert {"CANDIDATE", "CAPPED", "REJECTED"} == verdicts
    assert 9 == len(anchors)
