"""Whatever a symbol is, ``why`` shows it whole: every measure, anchor and gate in order, or why there is none."""

import json
from pathlib import Path
from typing import Any, Final

from flows.why_tables import FRACTIONS, MEASURES
from schemas.reasons.scan import ScanCode
from schemas.scan import Features
from tests.flows.worlds import SEALED, avwap, unchanged

GATES: Final = [f"G{number}" for number in range(1, 17)]
WORDS: Final = ("why", "--book", "SIM", "--date", str(SEALED))


def scan_of(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home / f"ledger/SIM/{SEALED}/scan.json").read_text())
    return found


def told(home: Path, symbol: str) -> dict[str, Any]:
    said = avwap(home, *WORDS, symbol, "--json")
    assert 0 == said.code, said.err
    return said.body


def symbols(scan: dict[str, Any]) -> dict[str, list[str]]:
    """Every symbol of the scan, and its codes."""
    full = {row["symbol"]: row["codes"] for row in scan["rows"]}
    return full | {symbol: group["codes"] for group in scan["others"] for symbol in group["symbols"]}


def test_every_feature_has_its_place_in_one_table() -> None:
    laid_out = [name for names in MEASURES.values() for name in names]
    assert sorted(Features.__annotations__) == sorted(laid_out)
    assert set(laid_out) >= FRACTIONS


def test_every_symbol_of_a_scan_is_shown_whole_and_its_failed_gates_are_its_codes(ready: Path) -> None:
    scan = scan_of(ready)
    for symbol, codes in symbols(scan).items():
        body = told(ready, symbol)
        gates = body["measured"]["gates"]
        assert GATES == list(dict.fromkeys(each["gate"] for each in gates))
        own = [code for code in codes if code in set(ScanCode) and code != ScanCode.CANDIDATE_CAP]
        letters = {"ANCHOR_TOO_YOUNG", "BELOW_AVWAP", "AVWAP_SLOPE_DOWN", "AVWAP_TOO_FAR"}
        assert [c for c in own if c not in letters] == [each["code"] for each in gates if not each["passed"]]
        assert codes == body["codes"]


def test_what_is_recomputed_is_what_the_scan_recorded(ready: Path) -> None:
    for row in scan_of(ready)["rows"]:
        found = told(ready, row["symbol"])["measured"]
        for name in ("features", "anchors", "labels"):
            assert row[name] == found[name], (row["symbol"], name)
        assert row.get("levels", {}) == found["levels"]


def test_a_symbol_outside_data_or_liquidity_is_measured_all_the_same(home: Path) -> None:
    (home / "avwap.toml").write_text("[scan]\nadv_usd_min = 1000000000000\n")
    assert 0 == avwap(home, "scan", "--book", "SIM", "--date", "2016-03-10").code
    said = avwap(home, "why", "--book", "SIM", "--date", "2016-03-10", "SPY", "--json").body
    assert "ADV_DOLLARS_LOW" in said["codes"]
    assert set(said["measured"]["features"]) > {"sma200", "adx14", "trend_score"}
    assert said["measured"]["anchors"]


def test_a_symbol_outside_the_universe_is_shown_with_the_gate_that_it_fails(home: Path) -> None:
    (home / "members.csv").write_text("symbol,start,end,known_at\nSPY,2010-01-01,,2010-01-01T12:00:00Z\n")
    said = avwap(home, "data", "import", str(home / "members.csv"), "--kind", "membership")
    assert 0 == said.code, said.err
    assert 0 == avwap(home, "scan", "--book", "SIM", "--date", "2016-03-10").code
    outsider = next(symbol for symbol in symbols(scan_of(home)) if symbol != "SPY")
    said = avwap(home, "why", "--book", "SIM", "--date", "2016-03-10", outsider, "--json")
    gate = said.body["measured"]["gates"][1]
    assert ("UNIVERSE_NOT_MEMBER", False) == (gate["code"], gate["passed"])
    assert said.body["measured"]["features"]["close"]


def test_without_the_snapshot_the_record_is_shown_and_the_loss_is_told(home: Path) -> None:
    path = home / f"ledger/SIM/{SEALED}/scan.json"
    scan = scan_of(home)
    path.write_text(path.read_text().replace(scan["data_version"], "0" * 20))
    row = scan["rows"][0]
    body = told(home, row["symbol"])
    assert f"the store holds {scan['data_version']} for {SEALED}" in body["snapshot"]
    assert row["features"] == body["measured"]["features"]
    assert [] == body["measured"]["gates"]
    said = avwap(home, *WORDS, row["symbol"])
    assert "(as recorded)" in said.out
    assert "nothing was recomputed" in said.out


def test_a_ticker_that_was_never_seen_is_refused_with_those_most_like_it(home: Path) -> None:
    assert "did you mean SPY" in unchanged(home, 2, "SYMBOL_NOT_SCANNED", *WORDS, "SPYX").err


def test_the_tables_name_verdict_snapshot_gates_and_anchors(ready: Path) -> None:
    scan = scan_of(ready)
    best = next(row for row in scan["rows"] if row.get("rank") == 1)
    out = avwap(ready, *WORDS, best["symbol"]).out
    assert f"recomputed from the recorded snapshot {scan['data_version']}" in out
    for title in (
        "Scan",
        "Price and means (recomputed)",
        "Anchors",
        "Labels",
        "Levels",
        "Gates of the scan",
        "Decision",
    ):
        assert f"\n{title}" in out, title
    assert "chosen" in out
