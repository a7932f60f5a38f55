"""A command that reads two small files starts in the time of an interpreter: it imports no heavy library."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flows.worlds import NEXT, SEALED

HEAVY = ("prefect", "pandas", "numba", "numpy", "pyarrow", "alpaca", "slack_sdk", "exchange_calendars")
PROBE = """
import json, sys
from flows.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    print(json.dumps([end.code, sorted(sys.modules)]), file=sys.stderr)
"""


def imported(*words: str, whole: bool = False) -> tuple[int, set[str]]:
    """Exit code of a command in a fresh interpreter, and the modules that it has imported by its end.

    Of each the top-level name, or the *whole* one.
    """
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *words], capture_output=True, text=True, timeout=60, check=True
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    return code or 0, {name if whole else name.split(".", 1)[0] for name in modules}


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("day", "--help"),
        ("config", "check", "--home", "HOME"),
        ("config", "show", "--home", "HOME"),
        ("show", f"HOME/ledger/SIM/{SEALED}/decisions.json"),
        ("status", "--book", "SIM", "--home", "HOME"),
        ("verify", "--book", "SIM", "--home", "HOME"),
    ],
    ids=lambda words: "-".join(words[:2]).replace("HOME/ledger/SIM/", ""),
)
def test_a_light_command_imports_nothing_heavy(ready: Path, words: tuple[str, ...]) -> None:
    code, modules = imported(*(word.replace("HOME", str(ready)) for word in words))
    assert 0 == code
    assert "pydantic" in modules or "--help" in words
    assert [] == [name for name in HEAVY if name in modules]


def test_the_probe_would_see_a_heavy_import(ready: Path) -> None:
    _, modules = imported("data", "snapshot", "--date", str(SEALED), "--home", str(ready))
    assert "numpy" in modules


def test_a_scan_for_a_program_imports_no_reader_of_parquet_and_no_other_stage(home: Path) -> None:
    words = ("scan", "--book", "SIM", "--date", str(NEXT), "--home", str(home), "--json")
    code, modules = imported(*words, whole=True)
    assert 0 == code
    assert "strategies.kernel" in modules
    unwanted = ("pyarrow", "pandas", "flows.pipeline", "flows.stages.opening", "analytics.trades", "jinja2")
    assert [] == [name for name in unwanted if name in modules]


def test_a_status_imports_configs_and_not_their_stages(ready: Path) -> None:
    code, modules = imported("status", "--book", "SIM", "--home", str(ready), whole=True)
    assert 0 == code
    assert "analytics.config" in modules
    unwanted = (
        "analytics.trades",
        "execution_v2.ports",
        "portfolio.sleeves",
        "ledger.verify",
        "flows.pipeline",
    )
    assert [] == [name for name in unwanted if name in modules]


def test_a_day_runs_without_prefect(ready: Path) -> None:
    code, modules = imported("day", "--book", "SIM", "--date", str(SEALED), "--home", str(ready))
    assert 0 == code
    assert "prefect" not in modules
