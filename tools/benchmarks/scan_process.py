"""A whole `avwap scan` process costs little more than the libraries and the compiled kernel that it stands on."""

import hashlib
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Final

from ledger import layout
from tools.benchmarks.result import Benchmark, Result, median, result, side_by_side
from tools.benchmarks.workspace import Workspace

BOOK: Final = "SIM"
ROOT: Final = Path(__file__).resolve().parent.parent.parent
AT_MOST: Final = 1.6
LIBRARIES: Final = """
import numba
import numpy as np
import pyarrow
from strategies.kernel import scan_rows
from strategies.layout import Bars, Dividends, Events, Sessions, Wilder, Working

none, flag, day, price = (np.zeros(0, kind) for kind in ("i8", "?", "i4", "i8"))
flat, cube, real = np.zeros((0, 0), "i8"), np.zeros((0, 0, 0), "i8"), np.zeros((0, 0))
room = Working(flat, flat, flat, cube, flat, Wilder(flat, flat, real, real, flat))
day.flags.writeable = price.flags.writeable = False
scan_rows(
    none, none, Bars(day, *[price] * 5), Sessions(none, none, none, flag, flag, none),
    Dividends(*[none] * 4), Events(*[none] * 5), none, 0, none, flat, cube, room,
)
assert scan_rows.stats.cache_hits and not scan_rows.stats.cache_misses, "the kernel was compiled, not loaded"
"""
"""The other process: it imports, and loads the kernel for no symbol at all."""


def run(workspace: Workspace) -> Result:
    """Time the process, kernel cache and page cache warm, beside one that imports and loads and does nothing."""
    house, session = workspace.market, workspace.session
    words = ["--book", BOOK, "--date", session.isoformat(), "--home", str(house.settings.home), "--json"]
    command = [str(Path(sys.executable).with_name("avwap")), "scan", *words]
    path = layout.artifact(BOOK, session, "scan")
    run_process(command)
    first = house.disk.read(path)
    others = [sys.executable, "-c", LIBRARIES]
    ours, theirs = side_by_side(partial(run_process, command), partial(run_process, others))
    assert first == house.disk.read(path), "every process wrote the same scan"
    checksum = hashlib.sha256(first).hexdigest()
    ratio = median(ours) / median(theirs)
    return result("scan-process", ours=ours, ratio=ratio, checksum=checksum, at_most=AT_MOST)


def run_process(command: list[str]) -> str:
    """What a process of its own says; one that fails ends the benchmark."""
    environment = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


PROCESS: Final = Benchmark(
    name="scan-process",
    what="""\
A fresh process `avwap scan --json` over 3,000 symbols with warm caches: settings, store, panel, data contract, kernel,
gates, `scan.json` spelled and verified against the one on disk, candidates. Every run's file has the same bytes.
Theirs: a fresh process that imports numba and pyarrow, loads the cached kernel and ends. Ratio: our median over
theirs.""",
    run=run,
)
