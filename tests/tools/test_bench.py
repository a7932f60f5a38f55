"""The benchmark's record has seven keys, its page is made from it, and unequal programs are not compared."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from strategies import layout
from strategies.config import ScanConfig
from strategies.measures import measure
from tools import bench
from tools.benchmarks import scan_pandas, scan_session
from tools.benchmarks.result import Result, result
from tools.benchmarks.workspace import Workspace

KEYS = {"name", "ratio", "bar", "holds", "median_s", "runs", "checksum"}


def measured(name: str, ratio: float = 250.0) -> Result:
    return result(name, ours=[0.3, 0.1, 0.2], ratio=ratio, checksum="ab" * 32, bar=200.0)


def test_a_result_is_the_median_and_says_whether_its_bar_holds() -> None:
    assert (0.2, 3, True) == (measured("x").median_s, measured("x").runs, measured("x").holds)
    assert measured("x", 200.0).holds
    assert not measured("x", 199.99).holds
    assert result("x", ours=[1.0], ratio=0.1, checksum="").holds, "no bar, nothing to miss"


def test_the_record_is_a_list_of_seven_keys_and_reads_back(tmp_path: Path) -> None:
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


def test_kernel_and_pandas_measure_the_same_and_a_changed_value_is_found(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, symbols=60, bars=420)
    ours = measure(workspace.panel, ScanConfig())
    theirs = scan_pandas.measure(workspace.frame)
    compared, checksum = scan_session.compare(ours, theirs)
    assert compared > 60 * 40
    assert (compared, checksum) == scan_session.compare(ours, theirs)
    features = ours.features.copy()
    features[7, layout.SMA200] += 1
    with pytest.raises(AssertionError, match="sma200: row 7"):
        scan_session.compare(replace(ours, features=features), theirs)
