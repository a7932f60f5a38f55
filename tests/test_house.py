"""The house keeps its own rules, each rule is shown a breach that it finds, and no test file is left out."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, cast

import pytest

from tests.tracked import PACKAGES, ROOT, pyproject, sources, text
from tools import house
from tools.house import Breach

LATER: Final = "to-do".replace("-", "").upper()
Rule = Callable[[str, str], tuple[Breach, ...]]

AMBIENT_ALLOWED: Final[Mapping[tuple[str, str], str]] = {
    ("ledger/lock.py", "os.getpid"): "the lock tells a person which process holds it; no sealed byte does",
    (
        "market/feeds/alpaca.py",
        "requests",
    ): "the vendor's client speaks through it; time-outs go in, errors come out",
    ("market/feeds/alpaca.py", "requests.adapters"): "as above",
    ("market/feeds/alpaca.py", "requests.exceptions"): "as above",
    ("market/feeds/alpaca.py", "urllib3.exceptions"): "as above",
    ("execution_v2/broker/alpaca_line.py", "requests"): "as the feed's: time-outs go in, errors come out",
    ("execution_v2/broker/alpaca_line.py", "requests.adapters"): "as above",
    ("execution_v2/broker/alpaca_line.py", "requests.exceptions"): "as above",
    ("execution_v2/broker/alpaca_line.py", "urllib3.exceptions"): "as above",
    ("execution_v2/broker/alpaca_stream.py", "asyncio"): "the vendor's stream is told to end on its own loop",
    (
        "execution_v2/broker/alpaca_stream.py",
        "threading",
    ): "the stream runs beside the cycle, and is drained by it",
    ("simulation/loopback.py", "socket"): "tears a connection down, which is one of its faults",
    ("simulation/loopback.py", "threading"): "a server answers beside its client, and no byte is sealed",
    ("simulation/alpaca_server/stream.py", "socket"): "as the loopback's, for a connection that is a stream",
    ("simulation/alpaca_server/stream.py", "threading"): "as above",
    ("market/sidecar.py", "os.getpid"): "names a temporary folder that is gone with the rename",
}
"""(file, name) -> why this file may read the machine although it lies below flows/."""

BROAD_EXCEPT_ALLOWED: Final[Mapping[str, str]] = {
    "flows/cli.py": "the console: told with its place, exit 1",
    "flows/guard.py": "the stage edge, for one intent: recorded with it, so that the other intents are decided",
    "flows/pipeline.py": "the stage edge: recorded as a refusal, so that exits and the close go on",
}
"""File -> which of the three boundaries it is: a flow's stage edge, the notifier, the console."""

LONG_ALLOWED: Final[Mapping[tuple[str, str], str]] = {}
"""(file, function name, or "" for the file itself) -> why it is one idea all the same."""


def breaches(rule: Rule, *folders: str) -> list[Breach]:
    """Every breach of *rule* in the folders' sources."""
    return [breach for name in sources(*folders) for breach in rule(name, text(name))]


def assert_none(found: list[Breach]) -> None:
    """Fails with every breach by its place."""
    assert not found, "\n" + "\n".join(str(breach) for breach in found)


def test_nothing_below_flows_reads_a_clock_chance_the_environment_or_the_network() -> None:
    below = [package for package in PACKAGES if package != "flows"]
    found = [b for b in breaches(house.ambient, *below) if (b.path, b.what) not in AMBIENT_ALLOWED]
    assert_none(found)


def test_a_broad_except_stands_at_a_boundary_only() -> None:
    found = [
        b for b in breaches(house.broad_excepts, *PACKAGES, "tools") if b.path not in BROAD_EXCEPT_ALLOWED
    ]
    assert_none(found)


def test_files_and_functions_fit_a_reader() -> None:
    found = [
        breach
        for rule in (house.long_file, house.long_functions)
        for breach in breaches(rule, *PACKAGES, "tools", "tests")
        if (breach.path, breach.what.split(" has ")[0] if " has " in breach.what else "") not in LONG_ALLOWED
    ]
    assert_none(found)


def test_every_module_opens_with_its_claim() -> None:
    assert_none(breaches(house.no_claim, *PACKAGES, "tools", "tests"))


def test_nothing_is_left_for_later_in_the_code() -> None:
    assert_none(breaches(house.unfinished, *PACKAGES, "tools", "tests"))


def test_every_exception_that_was_granted_is_still_needed() -> None:
    granted = (
        {path for path, _ in AMBIENT_ALLOWED} | set(BROAD_EXCEPT_ALLOWED) | {path for path, _ in LONG_ALLOWED}
    )
    rules = (house.ambient, house.broad_excepts, house.long_file, house.long_functions)
    there = granted & set(sources(*PACKAGES, "tools", "tests"))
    needed = {path for path in there if any(rule(path, text(path)) for rule in rules)}
    assert set() == granted - needed


@pytest.mark.parametrize(
    ("rule", "planted", "what"),
    [
        (house.ambient, "from datetime import datetime\nx = datetime.now()\n", "datetime.now"),
        (house.ambient, "import datetime\nx = datetime.datetime.now()\n", "datetime.datetime.now"),
        (house.ambient, "import os\nx = os.environ['HOME']\n", "os.environ"),
        (house.ambient, "from os import environ\n", "os.environ"),
        (house.ambient, "import time\n", "time"),
        (house.ambient, "def f():\n    import random\n", "random"),
        (house.ambient, "from urllib.request import urlopen\n", "urllib.request"),
        (house.ambient, "from urllib import request\n", "urllib.request"),
        (house.ambient, "import uuid\n", "uuid"),
        (house.ambient, "r = np.random.default_rng()\n", "default_rng() without a seed"),
        (house.broad_excepts, "try: f()\nexcept Exception: pass\n", "broad except"),
        (house.broad_excepts, "try: f()\nexcept (ValueError, BaseException) as e: log(e)\n", "broad except"),
        (house.broad_excepts, "try: f()\nexcept: x = 1\n", "broad except"),
        (house.no_claim, '"""x."""\n', "the module does not open with its one idea as a claim"),
        (house.unfinished, f"# {LATER}: all of it\n", LATER),
    ],
)  # fmt: skip
def test_a_planted_breach_is_found(rule: Rule, planted: str, what: str) -> None:
    assert [what] == [breach.what for breach in rule("planted.py", planted)]


@pytest.mark.parametrize(
    ("rule", "innocent"),
    [
        (house.ambient, "now = clock.now()\n"),
        (house.ambient, "from datetime import datetime, timedelta\nx = datetime.fromisoformat(s)\n"),
        (house.ambient, "r = np.random.default_rng(seed)\n"),
        (house.broad_excepts, "try: f()\nexcept BaseException:\n    undo()\n    raise\n"),
        (house.broad_excepts, "try: f()\nexcept (KeyError, OSError): pass\n"),
    ],
)
def test_an_innocent_line_is_not(rule: Rule, innocent: str) -> None:
    assert () == rule("innocent.py", innocent)


def test_a_file_or_function_of_one_line_too_many_is_found() -> None:
    fits = "def f():\n" + "    x = 1\n" * (house.FUNCTION_LINES_MAX - 1)
    assert () == house.long_functions("a.py", fits)
    assert 1 == len(house.long_functions("a.py", fits + "    x = 1\n"))
    assert () == house.long_file("a.py", "\n" * house.FILE_LINES_MAX)
    assert 1 == len(house.long_file("a.py", "\n" * (house.FILE_LINES_MAX + 1)))


def test_every_package_is_known_to_pyproject_and_to_the_floors() -> None:
    on_disk = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "tools"}
    tool = cast(dict[str, Any], pyproject()["tool"])
    layers = tool["importlinter"]["contracts"][0]["layers"]
    floors = {name.strip() for layer in layers for name in layer.split("|")}
    found = {pattern.rstrip("*") for pattern in tool["setuptools"]["packages"]["find"]["include"]}
    assert set(PACKAGES) == on_disk == floors == found == set(tool["importlinter"]["root_packages"])


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """import-linter's verdict on the packages in *folder*."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("", "", ""),
        ("schemas", "import flows", "Floors"),
        ("analytics", "import execution_v2", "Floors"),
        ("strategies", "import prefect", "Prefect is imported in flows only"),
        ("flows", "import alpaca.trading", "The alpaca and Slack SDKs stay in modules of their own"),
        ("ledger", "def f():\n    import pandas", "Contracts and ledger stay light"),
        ("flows", "from tests import realdata", "Product code imports neither tests nor tools"),
    ],
)
def test_the_floors_hold_and_a_planted_import_breaks_its_contract(
    tmp_path: Path, module: str, line: str, contract: str
) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name in sources(*PACKAGES):
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    if module:
        (tmp_path / module / "planted.py").write_text(line + "\n")
    verdict = lint_imports(tmp_path)
    broken = [row for row in verdict.stdout.splitlines() if " BROKEN" in row]
    if not module:
        assert (0, []) == (verdict.returncode, broken), verdict.stdout + verdict.stderr
    else:
        assert verdict.returncode == 1, verdict.stdout + verdict.stderr
        assert len(broken) == 1
        assert broken[0].startswith(contract)


def defines_tests(source: str) -> bool:
    """Whether pytest would find a test in *source* if it looked."""
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        for node in ast.walk(ast.parse(source))
    )


def test_every_file_with_a_test_is_collected() -> None:
    listing = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-qq", "-p", "no:cacheprovider"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    collected = {line.partition(":")[0] for line in listing.stdout.splitlines() if line.startswith("tests/")}
    with_tests = {name for name in sources("tests") if defines_tests(text(name))}
    named_so = {name for name in sources("tests") if Path(name).name.startswith("test_")}
    assert with_tests == collected, listing.stdout[-2000:]
    assert named_so == with_tests, "a test_*.py file holds no test"
