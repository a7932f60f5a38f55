"""The tests run in one fixed world: hash seed, zone, locale, order, examples; and a count closes the run.

    python tests/run_tests.py [pytest arguments]     the suite, or a part of it
    python tests/run_tests.py --prove [--all]        one day in many worlds, one seal (tools/prove.py)

The process replaces itself by one whose environment holds only what is listed here, so that a developer's
shell, a stray LIVE_TRADING or a Turkish locale cannot decide a test. What came of each is left in build/tests.json.
"""

import os
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
FIXED: Final = {
    "PYTHONHASHSEED": "0",
    "TZ": "UTC",
    "LC_ALL": "C",
    "PYTHONUTF8": "1",
    "COLUMNS": "120",
    "TERM": "dumb",
    "NO_COLOR": "1",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}
KEPT: Final = (
    "PATH",
    "HOME",
    "TMPDIR",
    "CI",
    "AVWAP_TEST_DATA",
    "AVWAP_FULL",
    "LD_LIBRARY_PATH",
    "NUMBA_CACHE_DIR",
)
MARK: Final = "AVWAP_RUN_TESTS"


class Count:
    """A pytest plugin: one outcome per test, an error in set-up or tear-down outranking a pass."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what became of one phase of one test."""
        before = self.outcomes.get(report.nodeid)
        if report.failed or before == "failed":
            self.outcomes[report.nodeid] = "failed"
        elif report.skipped:
            self.outcomes[report.nodeid] = "skipped"
        elif report.when == "call":
            self.outcomes[report.nodeid] = "passed"

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be collected is a failure; one that skips itself whole is a skip."""
        if report.failed or report.skipped:
            self.outcomes[report.nodeid] = str(report.outcome)

    def line(self) -> str:
        """The closing count."""
        count = {kind: list(self.outcomes.values()).count(kind) for kind in ("passed", "skipped", "failed")}
        return "AVWAP " + ", ".join(f"{number} {kind}" for kind, number in count.items())


def fixed_environment(inherited: dict[str, str]) -> dict[str, str]:
    """The whole environment of the tests: what is fixed, and of *inherited* only what a machine needs."""
    return {name: inherited[name] for name in KEPT if name in inherited} | FIXED | {MARK: "1"}


def main(arguments: list[str]) -> int:
    """Run the tests or the proof; the exit code is pytest's, or 4 for seals that differ."""
    if os.environ.get(MARK) != "1":
        environment = fixed_environment(dict(os.environ))
        os.execve(sys.executable, [sys.executable, __file__, *arguments], environment)
    del os.environ[MARK]  # a test that starts this runner gets a whole one
    os.chdir(ROOT)
    sys.path[0] = str(ROOT)
    if arguments[:1] == ["--prove"]:
        from tools import prove

        return prove.main(arguments[1:])
    from tools import test_record

    tested = test_record.tree_of()
    count = Count()
    fixed = ["-p", "no:randomly", "-p", "no:cacheprovider", "--hypothesis-profile=gate", "-q"]
    code = pytest.main([*fixed, *arguments], plugins=[count])
    print(count.line())
    test_record.note(count.outcomes, tested)
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
