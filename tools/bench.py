"""Every figure that the project claims of its speed is measured here, beside a program that computes the same.

    python -m tools.bench            all benchmarks; build/bench.json and docs/bench.md
    python -m tools.bench NAME       that one: its line in build/bench.json is replaced

The page is written when every benchmark has a line. Exit 1 if a bar does not hold.
"""

import json
import os
import platform
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from tools.benchmarks.artifact import SEALED, SPELLED
from tools.benchmarks.decisions import DECISIONS
from tools.benchmarks.execution import APPEND, CYCLE, REBUILD, SEEDS
from tools.benchmarks.fills import CLOSE_200, MILLION
from tools.benchmarks.import_real import IMPORT
from tools.benchmarks.replay import REPLAY
from tools.benchmarks.report import YEAR_PAGE
from tools.benchmarks.result import Benchmark, Result
from tools.benchmarks.scan_history import EVERY_DAY, FLAT, MEMORY
from tools.benchmarks.scan_process import PROCESS
from tools.benchmarks.scan_session import COPY, CUT, ONE_SESSION, STAGE, VS_APPLY, VS_NUMPY, VS_POLARS
from tools.benchmarks.start_up import HELP, STATUS
from tools.benchmarks.verify import COMMAND, VERIFY
from tools.benchmarks.workspace import Workspace

ROOT: Final = Path(__file__).resolve().parent.parent
BENCHMARKS: Final[tuple[Benchmark, ...]] = (
    COPY, VS_APPLY, VS_POLARS, VS_NUMPY, ONE_SESSION, CUT, STAGE, EVERY_DAY, FLAT, MEMORY,
    PROCESS, HELP, STATUS, SPELLED, SEALED, DECISIONS, VERIFY, COMMAND,
    REPLAY, MILLION, CLOSE_200, YEAR_PAGE, CYCLE, SEEDS, APPEND, REBUILD, IMPORT,
)  # fmt: skip
OPTIONAL: Final = frozenset({IMPORT.name})
"""Benchmarks whose input a machine may lack; the page then says nothing of them."""


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Run the benchmarks named, or all, and write what they measured."""
    by_name = {each.name: each for each in BENCHMARKS}
    unknown = [name for name in arguments if name not in by_name]
    if unknown:
        print(f"refused  no benchmark {', '.join(unknown)}; there are {', '.join(by_name)}", file=sys.stderr)
        return 2
    chosen = [by_name[name] for name in arguments] or list(BENCHMARKS)
    measured = {} if not arguments else read(root)
    with tempfile.TemporaryDirectory(prefix="avwap-bench-") as folder:
        workspace = Workspace(Path(folder))
        for benchmark in chosen:
            print(f"running  {benchmark.name}", flush=True)
            found = benchmark.run(workspace)
            if found is not None:
                measured[found.name] = found
                print(f"measured {found.name}: ratio {found.ratio}, median {found.median_s} s", flush=True)
    ordered = [measured[name] for name in by_name if name in measured]
    write(root, ordered)
    missed = [each for each in ordered if not each.holds]
    for each in missed:
        wanted = "at most" if each.at_most else "at least"
        print(f"missed   {each.name}: ratio {each.ratio}, wanted is {wanted} {each.bar}")
    return 1 if missed else 0


def read(root: Path) -> dict[str, Result]:
    """What was measured before, by name; lines of benchmarks that are gone are left out."""
    path = root / "build" / "bench.json"
    if not path.is_file():
        return {}
    names = {each.name for each in BENCHMARKS}
    return {row["name"]: Result(**row) for row in json.loads(path.read_text()) if row["name"] in names}


def write(root: Path, measured: Sequence[Result]) -> None:
    """Write ``build/bench.json``, and the page if no benchmark is missing."""
    build = root / "build"
    build.mkdir(exist_ok=True)
    text = json.dumps([asdict(each) for each in measured], indent=1) + "\n"
    (build / "bench.json").write_text(text, encoding="utf-8")
    print("wrote    build/bench.json")
    missing = {each.name for each in BENCHMARKS} - OPTIONAL - {each.name for each in measured}
    if missing:
        print(f"kept     docs/bench.md: not measured yet: {', '.join(sorted(missing))}")
        return
    (root / "docs").mkdir(exist_ok=True)
    (root / "docs" / "bench.md").write_text(page(measured, machine()), encoding="utf-8")
    print("wrote    docs/bench.md")


def page(measured: Sequence[Result], machine_line: str) -> str:
    """The readable page made from the results."""
    by_name = {each.name: each for each in BENCHMARKS}
    lines = [
        "# Benchmarks",
        "",
        "Made from `build/bench.json` by `make bench` (one of them: `make bench ONLY=name`). Medians; each benchmark",
        "first checks that the programs it compares computed the same. A bar is the ratio wanted: at least, or at most",
        "where it says ≤.",
        "",
        f"Machine: {machine_line}.",
        "",
        "| benchmark | ratio | bar | holds | median | runs | checksum |",
        "|---|---:|---:|---|---:|---:|---|",
    ]
    lines += [
        f"| `{r.name}` | {r.ratio:,.2f} | {_bar(r)} "
        f"| {'yes' if r.holds else 'NO'} | {_seconds(r.median_s)} | {r.runs} | `{r.checksum[:12]}` |"
        for r in measured
    ]
    for r in measured:
        told = by_name[r.name].tell(r)
        lines += ["", f"## {r.name}", "", by_name[r.name].what.rstrip()]
        lines += [f"Here: {told}."] if told else []
    return "\n".join(lines) + "\n"


def _bar(measured: Result) -> str:
    if measured.bar is None:
        return "none"
    return f"≤ {measured.bar:g}" if measured.at_most else f"{measured.bar:,.0f}"


def _seconds(value: float) -> str:
    return f"{value * 1000:,.1f} ms" if value < 1 else f"{value:,.2f} s"


def machine() -> str:
    """CPU model, cores, memory, system and Python: what a reader needs, and nothing that names the machine."""
    cores = os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = _cpu_model()
    return (
        f"{model}, {cores} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}"
    )


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    found = (
        re.search(r"^model name\s*:\s*(.+)$", info.read_text(), flags=re.MULTILINE)
        if info.is_file()
        else None
    )
    return found.group(1).strip() if found else platform.machine()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
