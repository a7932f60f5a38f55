"""All days of a market cost a few copies of what they say, the same per bar however many bars there are.

python -m tools.benchmarks.scan_history FOLDER RUNS     times the market in FOLDER, in a process of its own
"""

import hashlib
import json
import re
import resource
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from market.calendar import Calendar
from market.rows import FIELDS
from market.sidecar import SYMBOL_SHIFT, Sidecar
from strategies.config import ScanConfig
from strategies.history import history
from strategies.layout import Ints
from strategies.measures import empty_rows
from tools.benchmarks.result import Benchmark, Result, median, result, timed
from tools.benchmarks.workspace import Workspace

ROOT: Final = Path(__file__).resolve().parent.parent.parent
COLUMNS: Final = ("key", "session", *FIELDS, "arrival", "flag")
SIZES: Final = ((320, 1_260, 5), (3_000, 1_260, 3), (10_000, 2_520, 1))
"""Symbols, sessions, runs."""
FLAT_MAX: Final = 1.5
"""Dearest over cheapest bar: 20% above and below the middle."""


def passed(held: Sidecar, calendar: Calendar, look: Any = None) -> int:
    """Run through all days of *held*; the number of rows. *look* is called with each block."""
    first, last = (
        calendar.at(int(held.session[row])) for row in (held.session.argmin(), held.session.argmax())
    )
    rows = 0
    for block in history(held, calendar, ScanConfig(), first, last):
        rows += int(block.at[-1])
        if look is not None:
            look(block)
    return rows


def run(workspace: Workspace) -> Result:
    """All features and anchors of every day beside a copy of arrays of their size."""
    held, calendar = workspace.market.sidecar, workspace.market.calendar
    told = hashlib.sha256()

    def digest(block: Any) -> None:
        told.update(np.ascontiguousarray(block.features.T).data)
        told.update(np.ascontiguousarray(block.anchors.transpose(1, 2, 0)).data)

    rows = passed(held, calendar, digest)
    assert rows == len(held.key), "a row for every bar"
    ours = timed(partial(passed, held, calendar))
    copy = median(timed(partial(_copy, *_filled(rows), *_filled(rows))))
    figures = {"copy_s": copy, "bytes_per_row": sum(each.nbytes for each in empty_rows(1))}
    ratio = median(ours) / copy
    return result("history", ours=ours, ratio=ratio, checksum=told.hexdigest(), at_most=2.0, figures=figures)


def _filled(rows: int) -> tuple[Ints, Ints]:
    features, anchors = empty_rows(rows)
    features.fill(1)
    anchors.fill(1)
    return features, anchors


def _copy(features: Ints, anchors: Ints, into: Ints, beside: Ints) -> None:
    np.copyto(into, features)
    np.copyto(beside, anchors)


def run_flat(workspace: Workspace) -> Result:
    """Nanoseconds per bar of markets of three sizes, each in a process of its own."""
    measured = _measured(workspace)
    cost = {size: each["seconds"] / each["rows"] * 1e9 for size, each in measured.items()}
    figures = {f"ns_per_bar_{rows_of(size)}": value for size, value in cost.items()}
    largest = measured[max(measured)]
    checksum = hashlib.sha256(json.dumps({size: each["rows"] for size, each in measured.items()}).encode())
    ratio = max(cost.values()) / min(cost.values())
    return result(
        "history-flat",
        ours=[largest["seconds"]],
        ratio=ratio,
        checksum=checksum.hexdigest(),
        at_most=FLAT_MAX,
        figures=figures,
    )


def run_memory(workspace: Workspace) -> Result:
    """Peak memory of the process that passes through the largest market, beside that market's bytes."""
    measured = _measured(workspace)
    largest = measured[max(measured)]
    figures = {"peak_mb": largest["peak"] / 1e6, "store_mb": largest["store"] / 1e6}
    return result(
        "history-memory",
        ours=[largest["seconds"]],
        ratio=largest["peak"] / largest["store"],
        checksum=hashlib.sha256(str(int(largest["rows"])).encode()).hexdigest(),
        at_most=3.0,
        figures=figures,
    )


def rows_of(size: int) -> str:
    """0.4M for 403,200."""
    return f"{size / 1e6:.1f}M"


def _measured(workspace: Workspace) -> dict[int, dict[str, float]]:
    """By number of bars: seconds (median), rows, peak and store bytes. Measured once for both benchmarks."""
    kept: dict[int, dict[str, float]] = workspace.__dict__.setdefault("_history_measured", {})
    if not kept:
        for symbols, sessions, runs in SIZES:
            folder = workspace.folder / f"tiled-{symbols}-{sessions}"
            tile(workspace.market.sidecar, folder, symbols, sessions)
            command = [sys.executable, "-m", "tools.benchmarks.scan_history", str(folder), str(runs)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
            kept[symbols * sessions] = json.loads(done.stdout)
    return kept


def tile(held: Sidecar, folder: Path, symbols: int, sessions: int) -> None:
    """A market of *symbols* x *sessions* bars below *folder*: the paths of *held* that are whole, again and again."""
    counts = np.bincount(held.key >> SYMBOL_SHIFT, minlength=len(held.symbols))
    length = int(counts.max())
    starts = np.searchsorted(held.key, np.flatnonzero(counts == length) << SYMBOL_SHIFT)
    last = int(held.session.max())
    own = np.resize(starts, symbols)
    at = (own[:, None] + np.arange(length - sessions, length) % length).ravel()
    session = np.tile(np.arange(last - sessions + 1, last + 1, dtype=np.int32), symbols)
    code = np.repeat(np.arange(symbols, dtype=np.int64), sessions)
    arrays = {name: getattr(held, name)[at] for name in FIELDS}
    arrays |= {"key": (code << SYMBOL_SHIFT) | session, "session": session, "arrival": session + np.int32(1)}
    arrays["flag"] = np.zeros(len(at), np.uint8)
    folder.mkdir()
    for name in COLUMNS:
        np.save(folder / f"{name}.npy", arrays[name])


def opened(folder: Path) -> Sidecar:
    """The market that ``tile`` made, memory-mapped as a sidecar is."""
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="c").view(np.ndarray) for name in COLUMNS}
    symbols = int(arrays["key"][-1] >> SYMBOL_SHIFT) + 1
    none = np.zeros(0, np.int32)
    return Sidecar(
        folder=folder,
        symbols=tuple(f"S{k:05}" for k in range(symbols)),
        plain=True,
        odd=np.zeros(0, np.int64),
        phantom_code=none,
        phantom_day=none,
        phantom_arrival=none,
        actions=(),
        membership=(),
        sectors=(),
        earnings=(),
        retold=frozenset(),
        versions=(),
        **arrays,
    )


def main(folder: Path, runs: int) -> None:
    """Print seconds, rows, peak and store bytes of passing through *folder*'s market."""
    held, calendar = opened(folder), Calendar()
    rows = passed(held, calendar)
    seconds = median(timed(partial(passed, held, calendar), runs))
    store = sum((folder / f"{name}.npy").stat().st_size for name in COLUMNS)
    print(json.dumps({"seconds": seconds, "rows": rows, "peak": peak_bytes(), "store": store}))


def peak_bytes() -> int:
    """The most memory that this process ever had resident."""
    status = Path("/proc/self/status")
    if status.is_file():  # getrusage counts what the parent had when it forked
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(), flags=re.MULTILINE)
        assert found is not None, "the kernel says what a process had at most"
        return int(found.group(1)) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


EVERY_DAY: Final = Benchmark(
    name="history",
    what="""\
Ours: `strategies.history.history` over every session of the 3,000 x 1,260 bars: all features, anchors, labels and
levels of each bar's day, in blocks whose memory is used again, by two threads. Theirs: `np.copyto` of arrays as
large as all that it said (114 int64 of each row), in one thread, both sides touched before. Ratio: our median over
the copy's. A copy computes nothing; where the time of a row goes, and what is left to be had, is told in ADR 18.""",
    run=run,
    tell=lambda r: f"{r.median_s * 1000:,.0f} ms against {r.figures['copy_s'] * 1000:,.0f} ms",
)
FLAT: Final = Benchmark(
    name="history-flat",
    what="""\
The same pass over 320 x 1,260, 3,000 x 1,260 and 10,000 x 2,520 bars, each in a process of its own; the larger
markets repeat the paths of the smaller. Ratio: the dearest bar over the cheapest.""",
    run=run_flat,
    tell=lambda r: ", ".join(f"{key[11:]}: {value:.0f} ns a bar" for key, value in r.figures.items()),
)
MEMORY: Final = Benchmark(
    name="history-memory",
    what="""\
Peak resident memory of the process that passes through 10,000 x 2,520 bars, its interpreter, compiler and the mapped
pages of the market included. Ratio: that over the bytes of the market's arrays on disk.""",
    run=run_memory,
    tell=lambda r: f"{r.figures['peak_mb']:,.0f} MB beside a store of {r.figures['store_mb']:,.0f} MB",
)

if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
