"""The benchmark's record has seven keys, its page is made from it, and unequal programs are not compared."""

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from market.calendar import Calendar
from strategies import layout
from strategies.config import ScanConfig
from strategies.measures import measure
from tools import bench
from tools.benchmarks import (
    artifact,
    decisions,
    scan_apply,
    scan_history,
    scan_numpy,
    scan_pandas,
    scan_polars,
    scan_session,
)
from tools.benchmarks.result import Result, result
from tools.benchmarks.workspace import Workspace

KEYS = {"name", "ratio", "bar", "holds", "median_s", "runs", "checksum", "at_most", "figures"}


FIGURES = {
    "ratio_to_panel_copy": 7.5, "copy_s": 0.4, "theirs_s": 3.0, "peak_mb": 900.0, "store_mb": 800.0,
    "ns_per_bar_1M": 9.0, "bytes": 8.7e6, "requests": 400.0, "records": 500.0, "sessions_per_core_s": 20.0,
    "full_sessions_per_core_s": 5.0, "append_us": 900.0, "bare_us": 300.0, "orders": 700.0,
    "sessions_per_s": 6.0, "sessions_per_s_range": 10.0, "jobs": 2.0, "files": 340.0, "us_per_fill": 70.0,
    "growth": 1.1,
}  # fmt: skip


def measured(name: str, ratio: float = 250.0) -> Result:
    return result(name, ours=[0.3, 0.1, 0.2], ratio=ratio, checksum="ab" * 32, bar=200.0, figures=FIGURES)


def test_a_result_is_the_median_and_says_whether_its_bar_holds() -> None:
    assert (0.2, 3, True) == (measured("x").median_s, measured("x").runs, measured("x").holds)
    assert measured("x", 200.0).holds
    assert not measured("x", 199.99).holds
    assert result("x", ours=[1.0], ratio=0.1, checksum="").holds, "no bar, nothing to miss"


def test_a_bar_may_be_the_most_that_is_wanted() -> None:
    most = [result("x", ours=[1.0], ratio=ratio, checksum="", at_most=2.0) for ratio in (1.9, 2.0, 2.01)]
    assert [True, True, False] == [each.holds for each in most]
    assert "| `history` | 1.90 | ≤ 2 | yes |" in bench.page(
        [replace(most[0], name="history", figures=FIGURES)], "m"
    )


def test_the_record_is_a_list_of_nine_keys_and_reads_back(tmp_path: Path) -> None:
    every = [measured(each.name) for each in bench.BENCHMARKS]
    bench.write(tmp_path, every)
    rows = json.loads((tmp_path / "build" / "bench.json").read_text())
    assert [KEYS] * len(every) == [set(row) for row in rows]
    assert {each.name: each for each in every} == bench.read(tmp_path)


def test_the_page_tells_every_benchmark_and_waits_until_all_are_measured(tmp_path: Path) -> None:
    bench.write(tmp_path, [measured("verify")])
    assert not (tmp_path / "docs").exists()
    bench.write(tmp_path, [measured(each.name, 12345.0) for each in bench.BENCHMARKS])
    page = (tmp_path / "docs" / "bench.md").read_text()
    for each in bench.BENCHMARKS:
        assert f"| `{each.name}` | 12,345.00 | 200 | yes | 200.0 ms | 3 |" in page
        assert f"## {each.name}\n" in page
    assert f"Machine: {bench.machine()}." in page


def test_an_unknown_benchmark_is_refused_and_writes_nothing(tmp_path: Path) -> None:
    assert 2 == bench.main(["no-such"], tmp_path)
    assert [] == list(tmp_path.iterdir())


def test_kernel_and_every_program_measure_the_same_and_a_changed_value_is_found(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, symbols=60, bars=420)
    ours = measure(workspace.panel, ScanConfig())
    frame = workspace.frame
    programs = {
        "apply": scan_apply.measure(frame),
        "polars": scan_polars.measure(pl.from_pandas(frame)),
        "numpy": scan_numpy.measure(scan_numpy.matrix_of(frame)),
    }
    theirs = scan_pandas.measure(frame)
    for name, other in programs.items():
        assert scan_session.compare(ours, theirs) == scan_session.compare(ours, other), name
    compared, checksum = scan_session.compare(ours, theirs)
    assert compared > 60 * 40
    assert (compared, checksum) == scan_session.compare(ours, theirs)
    features = ours.features.copy()
    features[7, layout.SMA200] += 1
    with pytest.raises(AssertionError, match="sma200: row 7"):
        scan_session.compare(replace(ours, features=features), theirs)


def test_the_pass_over_a_tiled_market_gives_a_row_for_every_bar(tmp_path: Path) -> None:
    held = Workspace(tmp_path, symbols=20, bars=400).market.sidecar
    scan_history.tile(held, tmp_path / "tiled", 30, 600)
    tiled = scan_history.opened(tmp_path / "tiled")
    assert 30 * 600 == len(tiled.key) == scan_history.passed(tiled, Calendar())
    whole = [k for k in range(len(held.symbols)) if (held.key >> 20 == k).sum() == 400]
    assert tiled.close[200:600].tolist() == held.close[held.key >> 20 == whole[0]].tolist()


def test_what_is_spelled_is_what_is_sealed_and_other_values_are_not_compared(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, symbols=60, bars=420)
    spelled, sealed = artifact.run_spelled(workspace), artifact.run_sealed(workspace)
    assert spelled.checksum == sealed.checksum
    assert spelled.at_most
    assert sealed.at_most


def test_the_benchmark_of_decisions_decides_what_its_gates_let_pass(tmp_path: Path) -> None:
    few = decisions.run(Workspace(tmp_path), intents=120, positions=10)
    assert few.at_most
    assert few.checksum == decisions.run(Workspace(tmp_path), intents=120, positions=10).checksum
