"""A command that reads little starts in the time of a few bare interpreters: what it does not need is not imported."""

import hashlib
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from tools.benchmarks.result import Benchmark, Result, median, result, side_by_side
from tools.benchmarks.scan_process import run_process
from tools.benchmarks.workspace import Workspace

RUNS: Final = 15
"""A process of milliseconds swings more than one of seconds."""
HELP_AT_MOST: Final = 12.0
STATUS_AT_MOST: Final = 25.0


def run_help(_: Workspace) -> Result:
    """``avwap --help`` beside ``python -c pass``."""
    return _measured("start-help", ["--help"], HELP_AT_MOST)


def run_status(workspace: Workspace) -> Result:
    """``avwap status`` of a book of ten sealed sessions, beside the same."""
    home = str(workspace.book.settings.home)
    return _measured("start-status", ["status", "--book", "SIM", "--home", home, "--json"], STATUS_AT_MOST)


def _measured(name: str, words: Sequence[str], at_most: float) -> Result:
    command = [str(Path(sys.executable).with_name("avwap")), *words]
    bare = [sys.executable, "-c", "pass"]
    said = run_process(command)
    assert said, "the command says something"
    ours, theirs = side_by_side(partial(run_process, command), partial(run_process, bare), RUNS)
    assert said == run_process(command), "every process said the same"
    checksum = hashlib.sha256(said.encode()).hexdigest()
    return result(name, ours=ours, ratio=median(ours) / median(theirs), checksum=checksum, at_most=at_most)


HELP: Final = Benchmark(
    name="start-help",
    what=f"""\
A fresh process `avwap --help` beside a fresh `python -c pass` of the same environment, {RUNS} runs each. Ratio: our
median over theirs.""",
    run=run_help,
)
STATUS: Final = Benchmark(
    name="start-status",
    what="""\
The same for `avwap status --json` of a SIM book of ten sealed sessions: settings, the newest `book.json` and journal
read and folded, lock and switches looked at.""",
    run=run_status,
)
