"""What a monitor reads is what the files say: no number for what is unknown, and a broken file costs only its own."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flows.metrics_text import counter, gauge, ratio, sample, text
from tests.flows.worlds import DAY, SEALED, avwap, refused

METRICS = ("metrics", "--book", "SIM")


def lines(home: Path, *more: str) -> dict[str, str]:
    """Name with labels -> value, of every sample."""
    said = avwap(home, *METRICS, *more)
    assert 0 == said.code, said.err
    rows = [line for line in said.out.splitlines() if not line.startswith("#")]
    found = dict(line.rsplit(" ", 1) for line in rows)
    assert len(found) == len(rows), "a sample is told once"
    return found


def artifact(home: Path, name: str) -> dict[str, Any]:
    found = json.loads((home / DAY / name).read_text())
    assert isinstance(found, dict)
    return found


def test_the_numbers_are_those_of_the_artifacts(ready: Path) -> None:
    found = lines(ready)
    close = artifact(ready, "snapshot.json")
    assert close["equity"] == found['avwap_equity_usd{book="SIM"}']
    assert str(len(close["positions"])) == found['avwap_positions{book="SIM"}']
    assert str(len(artifact(ready, "trades.json")["fills"])) == found['avwap_fills_total{book="SIM"}']
    assert "1" == found['avwap_reconciliation_status{book="SIM",status="CLEAN"}']
    assert "1" == found["avwap_metrics_schema_version"]
    assert "1" == found[f'avwap_metrics_session{{book="SIM",session="{SEALED}"}}']


def test_the_weeks_ratios_carry_numerator_and_denominator_and_none_at_zero(ready: Path) -> None:
    found = lines(ready)
    week = avwap(ready, "reliability", "--book", "SIM", "--week", str(SEALED), "--json").body
    for name, key in (("in_sync_ratio", "in_sync"), ("entry_denied_ratio", "denied")):
        rate, of = week["reliability"][key], f'{{book="SIM",week="{week["week"]}"}}'
        assert str(rate["numerator"]) == found[f"avwap_{name}_numerator{of}"]
        assert str(rate["denominator"]) == found[f"avwap_{name}_denominator{of}"]
        assert (None if rate["value"] is None else str(rate["value"])) == found.get(f"avwap_{name}{of}")
    replaces = f'{{book="SIM",week="{week["week"]}"}}'
    assert "0" == found[f"avwap_replace_gave_up_ratio_denominator{replaces}"]
    assert f"avwap_replace_gave_up_ratio{replaces}" not in found


def test_a_library_of_prometheus_reads_it(ready: Path) -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    told = avwap(ready, *METRICS).out
    families = {each.name: each for each in parser.text_string_to_metric_families(told)}
    assert ("summary", "counter") == (families["avwap_cycle_requests"].type, families["avwap_sync"].type)
    assert Decimal(artifact(ready, "snapshot.json")["cash"]) == Decimal(
        str(families["avwap_cash_usd"].samples[0].value)
    )


def test_a_file_that_cannot_be_read_costs_its_own_numbers_and_is_named(home: Path) -> None:
    (home / DAY / "parity.json").write_text("{}\n")
    found = lines(home)
    assert {"parity"} == {
        name.split('part="')[1].split('"')[0] for name in found if "metrics_absent" in name
    } - {"replay"}
    assert 'avwap_parity_differences{book="SIM"}' not in found
    assert 'avwap_equity_usd{book="SIM"}' in found


def test_a_file_is_written_whole_or_not_at_all_and_the_same_twice(ready: Path, tmp_path: Path) -> None:
    out = tmp_path / "avwap.prom"
    assert 0 == avwap(ready, *METRICS, "--out", str(out)).code
    before = out.read_bytes()
    assert before.endswith(b"\n")
    assert 0 == avwap(ready, *METRICS, "--out", str(out)).code
    assert ([out], before) == (list(tmp_path.iterdir()), out.read_bytes())


def test_what_cannot_be_told_is_refused(home: Path, tmp_path: Path) -> None:
    refused(avwap(home, "metrics", "--book", "SIMM"), 2, "BOOK_UNKNOWN", "usage")
    refused(avwap(home, "metrics", "--book", "ALPACA_PAPER"), 2, "SESSION_NOT_SEALED", "usage")
    refused(avwap(home, *METRICS, "--date", "2016-03-12"), 2, "NOT_A_SESSION", "usage")
    said = avwap(home, *METRICS, "--out", str(tmp_path / "no" / "folder.prom"))
    assert "FILE_UNREADABLE" in said.err
    assert 0 != said.code


def test_labels_are_escaped_and_an_unknown_number_has_no_sample() -> None:
    odd = gauge("avwap_x", "a\\b\nc", sample(1, {"of": 'say "\\"\n'}), sample(None, {"of": "nobody"}))
    assert '# HELP avwap_x a\\\\b\\nc\n# TYPE avwap_x gauge\navwap_x{of="say \\"\\\\\\"\\n"} 1\n' == text(
        [odd]
    )
    halves = ratio("avwap_r", "r", [(0, 0, None, {})])
    assert ["avwap_r_numerator 0", "avwap_r_denominator 0"] == [
        line for line in text(halves).splitlines() if line[0] != "#"
    ]


def test_a_family_told_twice_or_a_counter_by_another_name_is_our_fault() -> None:
    once = gauge("avwap_x", "x", sample(1, {}))
    with pytest.raises(AssertionError, match="twice"):
        text([once, once])
    with pytest.raises(AssertionError, match="says so"):
        counter("avwap_x", "x")
