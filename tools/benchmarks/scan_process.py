"""A whole `avwap scan` process costs little more than the import of the compiler that its kernel needs."""

import hashlib
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Final

from ledger import layout
from tools.benchmarks.result import Benchmark, Result, median, result, timed
from tools.benchmarks.workspace import Workspace

BOOK: Final = "SIM"
ROOT: Final = Path(__file__).resolve().parent.parent.parent


def run(workspace: Workspace) -> Result:
    """Time the process, kernel cache and page cache warm, beside ``python -c "import numba"``."""
    house, session = workspace.market, workspace.session
    words = ["--book", BOOK, "--date", session.isoformat(), "--home", str(house.settings.home), "--json"]
    command = [str(Path(sys.executable).with_name("avwap")), "scan", *words]
    path = layout.artifact(BOOK, session, "scan")
    _process(command)
    first = house.disk.read(path)
    ours = timed(partial(_process, command))
    assert first == house.disk.read(path), "every process wrote the same scan"
    theirs = timed(partial(_process, [sys.executable, "-c", "import numba"]))
    checksum = hashlib.sha256(first).hexdigest()
    return result("scan-process", ours=ours, ratio=median(ours) / median(theirs), checksum=checksum)


def _process(command: list[str]) -> None:
    environment = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


PROCESS: Final = Benchmark(
    name="scan-process",
    what="""\
A fresh process `avwap scan --json` over 3,000 symbols with warm caches: settings, store, panel, data contract, kernel,
gates, `scan.json` spelled and verified against the one on disk, candidates. Every run's file has the same bytes. Ratio:
its median over that of a fresh `python -c "import numba"`.""",
    run=run,
)
