"""A session says once that nobody was asked for metrics, and one that asked is recomputed from what was answered."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from market.metrics import PROVIDERS
from tests.flows.worlds import NEXT, avwap, dated

EVENT = "universe_network_disallowed"
MADE = f"ledger/SIM/{NEXT}"


def journal(home: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (home / MADE / "journal.jsonl").read_text().splitlines()]


def scan_of(home: Path) -> dict[str, Any]:
    found = json.loads((home / MADE / "scan.json").read_text())
    assert isinstance(found, dict)
    return found


def infos(home: Path) -> set[str]:
    return {finding["code"] for finding in scan_of(home)["info"]}


def failing(home: Path) -> set[str]:
    groups = (group for group in scan_of(home)["others"] if "UNIVERSE_METRIC_FAILED" in group["codes"])
    return {symbol for group in groups for symbol in group["symbols"]}


def with_table(home: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, more: str = "") -> Path:
    """The network open, and a provider whose table says *text*; None: it is not there."""
    path = home / "metrics.csv"
    if text is not None:
        path.write_text(text)
    (home / "avwap.toml").write_text(f'{more}\n[metrics]\nprovider = "file"\nfile = "{path}"\n')
    monkeypatch.setenv("UNIVERSE_ALLOW_NETWORK", "1")
    return path


def test_a_session_says_once_that_the_network_is_shut(home: Path) -> None:
    assert 0 == avwap(home, *dated("day", "SIM", NEXT)).code
    records = journal(home)
    assert [1] == [at for at, record in enumerate(records) if record["event"] == EVENT]
    assert {"code": "UNIVERSE_NETWORK_DISALLOWED", "provider": None} == records[1]["data"]
    assert "UNIVERSE_METRICS_SKIPPED" in infos(home)
    assert not (home / MADE / "observations/metrics.json").exists()
    before = (home / MADE / "journal.jsonl").read_bytes()
    assert 0 == avwap(home, *dated("replay", "SIM", NEXT)).code
    assert 0 == avwap(home, *dated("day", "SIM", NEXT)).code
    assert before == (home / MADE / "journal.jsonl").read_bytes()


@pytest.mark.parametrize("cut", ["after the opening", "inside the event"])
def test_a_session_that_died_as_it_opened_says_it_once_all_the_same(home: Path, cut: str) -> None:
    assert 0 == avwap(home, *dated("premarket", "SIM", NEXT)).code
    path = home / MADE / "journal.jsonl"
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    path.write_bytes(lines[0] + (lines[1][:40] if cut == "inside the event" else b""))
    assert 0 == avwap(home, *dated("premarket", "SIM", NEXT)).code
    assert whole == path.read_bytes()
    assert 1 == whole.count(EVENT.encode())


def test_a_shut_network_imports_no_provider_even_where_one_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_table(home, monkeypatch, None)
    monkeypatch.delenv("UNIVERSE_ALLOW_NETWORK")
    probe = (
        "import sys; from flows.cli import main\n"
        "try: main(sys.argv[1:])\n"
        f"finally: print([m for m in {list(PROVIDERS.values())} if m in sys.modules])"
    )
    words = [*dated("premarket", "SIM", NEXT), "--home", str(home), "--json"]
    done = subprocess.run([sys.executable, "-c", probe, *words], capture_output=True, text=True, check=False)
    assert "[]" == done.stdout.splitlines()[-1], done.stderr
    assert "file" == journal(home)[1]["data"]["provider"]


def test_an_open_network_with_nobody_to_ask_is_no_event(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNIVERSE_ALLOW_NETWORK", "1")
    assert 0 == avwap(home, *dated("premarket", "SIM", NEXT)).code
    assert EVENT not in {record["event"] for record in journal(home)}
    assert "UNIVERSE_METRICS_SKIPPED" in infos(home)


def test_what_was_answered_is_recorded_and_the_session_needs_its_table_no_more(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "symbol,as_of,market_cap_usd\nSPY,2016-01-04,1000\nBABA,2016-01-04,10\n"
    path = with_table(home, monkeypatch, text, "[scan]\nmarket_cap_usd_min = 500\n")
    assert 0 == avwap(home, *dated("day", "SIM", NEXT)).code
    seen = json.loads((home / MADE / "observations/metrics.json").read_text())
    published = Path(__file__).parents[2] / "schemas/json/avwap.observation.metrics.v1.json"
    jsonschema.validate(seen, json.loads(published.read_text()))
    assert seen["ok"] is True
    assert ["BABA", "SPY"] == [row["symbol"] for row in seen["metrics"]]
    inputs = {each["path"].rsplit("/", 1)[-1] for each in scan_of(home)["inputs"]}
    assert {"market.json", "metrics.json"} == inputs
    assert 11 == len(failing(home)), "of twelve names one is known to be large enough"
    assert not {"UNIVERSE_METRICS_SKIPPED", "UNIVERSE_METRICS_UNAVAILABLE"} & infos(home)
    assert EVENT not in {record["event"] for record in journal(home)}
    path.unlink()
    assert 0 == avwap(home, *dated("replay", "SIM", NEXT)).code
    body = avwap(home, "why", "--book", "SIM", "--date", str(NEXT), "SPY", "--json").body
    assert "cap 1000.000000 USD" in json.dumps(body)


def test_a_provider_that_fails_stops_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_table(home, monkeypatch, None, "[scan]\nmarket_cap_usd_min = 500\n")
    assert 0 == avwap(home, *dated("day", "SIM", NEXT)).code
    assert "UNIVERSE_METRICS_UNAVAILABLE" in infos(home)
    assert set() == failing(home)
    assert 0 == avwap(home, *dated("replay", "SIM", NEXT)).code
