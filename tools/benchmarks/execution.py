"""What the execution plane costs beside what nothing saves it: its own bytes, a bare fsync, a read of its files."""

import hashlib
import itertools
import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from execution_v2.index import rows_of
from execution_v2.store import IntentIndex
from ledger import layout
from ledger.canonical import digest
from ledger.disk import LocalDisk
from ledger.journal import Journal, parse_chain
from ledger.memory import MemoryDisk
from ledger.seal import sessions_of
from market.calendar import Calendar
from schemas.base import SessionDate
from schemas.journal import JournalRecord
from simulation.seeds.market import BOOK
from simulation.seeds.run import SESSIONS, Run
from simulation.seeds.tally import Tally
from tools.benchmarks.crowded import INTENTS, POSITIONS, Crowded
from tools.benchmarks.result import RUNS, Benchmark, Result, median, result, side_by_side, timed
from tools.benchmarks.workspace import Workspace

SHORT, FULL = range(8), range(1)
"""Seeds that are timed, of short and of full sessions ..."""
GATE: Final = (1_000, 20)
"""... and how many of each the gate plays ..."""
GATE_CPU_S: Final = 8 * 60 * 2
"""... within eight minutes of two cores."""
PLAYED: Final = SESSIONS + 1
"""A run ends with a session that nothing disturbs."""
YEAR: Final = 252
YEAR_SEED: Final = 5
APPENDS: Final = 500


def run_cycle(workspace: Workspace) -> Result:
    """One cycle of a crowded book, the broker's own time left out, beside spelling what it leaves."""
    del workspace
    crowd = Crowded()
    crowd.cycle()
    ours, theirs, requests = [], [], 0
    for _ in range(RUNS):
        done = crowd.cycle()
        ours.append(done.seconds - done.outside_s)
        requests = done.requests
        theirs.append(median(timed(done.spell, 3)))
        assert (POSITIONS + INTENTS) == done.covered, "every position ends with its stop"
    ratio = median(ours) / median(theirs)
    figures = {"theirs_s": median(theirs), "requests": requests, "records": len(done.records)}
    return result("cycle", ours=ours, ratio=ratio, checksum=digest(done.spell()), figures=figures)


def _play(seeds: range, *, full: bool) -> Tally:
    total, calendar = Tally(), Calendar()
    for seed in seeds:
        run = Run(seed, calendar, full=full)
        total.add(run.go())
    return total


def run_seeds(workspace: Workspace) -> Result:
    """Processor time of whole seeded runs, reckoned up to the gate's."""
    del workspace
    spent: dict[bool, list[float]] = {False: [], True: []}
    met = Tally()
    for seeds, full in ((SHORT, False), (FULL, True)):
        for _ in range(RUNS):
            began = time.process_time()
            played = _play(seeds, full=full)
            spent[full].append((time.process_time() - began) / len(seeds))
        met.add(played)
    gate_s = GATE[0] * median(spent[False]) + GATE[1] * median(spent[True])
    figures = {
        "sessions_per_core_s": PLAYED / median(spent[False]),
        "full_sessions_per_core_s": PLAYED / median(spent[True]),
        "gate_cpu_s": gate_s,
    }
    told = f"{met.cycles} {met.steps} {met.orders} {met.crashes}"
    return result(
        "seeds",
        ours=spent[False],
        ratio=gate_s / GATE_CPU_S,
        checksum=digest(told.encode()),
        at_most=1.0,
        figures=figures,
    )


def year() -> MemoryDisk:
    """The journals of a year of a simulated book under faults."""
    run = Run(YEAR_SEED, Calendar(), sessions=YEAR - 1)
    run.go()
    return run.disk


def _records(disk: MemoryDisk) -> Iterator[tuple[SessionDate, tuple[JournalRecord, ...]]]:
    for session in sessions_of(disk, BOOK):
        path = layout.journal(BOOK, session)
        yield session, parse_chain(disk.read(path), path).records


def run_append(workspace: Workspace) -> Result:
    """``Journal.append``, a record at a time, beside a write and fsync of the same bytes into an open file."""
    root = workspace.folder / "append"
    root.mkdir()
    run = Run(YEAR_SEED, Calendar())
    run.go()
    entries = [(r.event, r.ts, r.cycle, r.data) for _, records in _records(run.disk) for r in records][
        :APPENDS
    ]
    path = layout.journal(BOOK, sessions_of(run.disk, BOOK)[0])
    numbers = itertools.count()
    last = LocalDisk(root / "none")

    def ours() -> None:
        nonlocal last
        last = LocalDisk(root / f"ledger-{next(numbers)}")
        journal = Journal.open(last, path)
        for entry in entries:
            journal.append([entry])

    ours()
    lines = last.read(path).splitlines(keepends=True)
    assert len(lines) == len(entries), "one line a record"

    def theirs() -> None:
        _plainly(root / f"plain-{next(numbers)}", lines)

    spent, bare = side_by_side(ours, theirs)
    assert lines == last.read(path).splitlines(keepends=True), "the same bytes in every run"
    figures = {"append_us": median(spent) / len(lines) * 1e6, "bare_us": median(bare) / len(lines) * 1e6}
    checksum = digest(b"".join(lines))
    return result(
        "journal-append", ours=spent, ratio=median(spent) / median(bare), checksum=checksum, figures=figures
    )


def _plainly(path: Path, lines: list[bytes]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        for line in lines:
            os.write(handle, line)
            os.fsync(handle)
    finally:
        os.close(handle)


def run_rebuild(workspace: Workspace) -> Result:
    """A year's journals into the index, beside reading and hashing their files."""
    root = workspace.folder / "year"
    made = year()
    disk = LocalDisk(root)
    files = [layout.journal(BOOK, session) for session in sessions_of(made, BOOK)]
    for name in files:
        disk.write(name, made.read(name))
    assert len(files) >= YEAR, "a year has that many sessions"
    index = IntentIndex(root / layout.index(BOOK))

    def ours() -> dict[str, Any]:
        journals = (
            (session, parse_chain(disk.read(path), path).records)
            for session, path in zip(sessions_of(disk, BOOK), files, strict=True)
        )
        rows: dict[str, Any] = rows_of(journals)
        assert "REBUILT" == index.rebuild(rows)
        return rows

    rows = ours()
    assert index.rows() == rows, "the index holds what the journals say"
    spent, bare = side_by_side(ours, partial(_hashed, root, files))
    records = sum(len(records) for _, records in _records(made))
    index.close()
    figures = {"theirs_s": median(bare), "records": records, "orders": len(rows)}
    checksum = digest("".join(_hashed(root, files)).encode())
    return result(
        "index-rebuild", ours=spent, ratio=median(spent) / median(bare), checksum=checksum, figures=figures
    )


def _hashed(root: Path, files: list[str]) -> list[str]:
    return [hashlib.sha256((root / name).read_bytes()).hexdigest() for name in files]


CYCLE: Final = Benchmark(
    name="cycle",
    what=f"""\
One cycle on intraday bars of a book with {POSITIONS} positions, each with its stop, and {INTENTS} intents that all
enter, the time inside broker and feed left out, journal in memory. Theirs: spelling all that it leaves, its
records and its two artifacts, as they lie on disk. Every position ends with its stop. Ratio: our median over
theirs.""",
    run=run_cycle,
    tell=lambda r: (
        f"{r.median_s * 1000:,.0f} ms, {r.figures['requests']:,.0f} requests, "
        f"{r.figures['records']:,.0f} records; their spelling {r.figures['theirs_s'] * 1000:,.0f} ms"
    ),
)
SEEDS: Final = Benchmark(
    name="seeds",
    what=f"""\
Whole seeded runs of `simulation.seeds`, faults, crashes and every check included, in processor time of one core:
{len(SHORT)} of eight cycles a session, {len(FULL)} of all. Ratio: that time, reckoned up to the {GATE[0]:,} short and
{GATE[1]} full runs of `make prove-seeds`, over the eight minutes of two cores that they may take. Median: of one
short run.""",
    run=run_seeds,
    tell=lambda r: (
        f"{r.figures['sessions_per_core_s']:,.0f} sessions of eight cycles a second and core, "
        f"{r.figures['full_sessions_per_core_s']:,.1f} of every cycle"
    ),
)
APPEND: Final = Benchmark(
    name="journal-append",
    what=f"""\
`Journal.append` of {APPENDS} records of a simulated book, one at a time, each fsynced before it is believed.
Theirs: a write and an fsync of the same lines into a file that stays open. Both leave the same bytes. Ratio: our
median over theirs.""",
    run=run_append,
    tell=lambda r: f"{r.figures['append_us']:,.0f} µs a record against {r.figures['bare_us']:,.0f} µs",
)
REBUILD: Final = Benchmark(
    name="index-rebuild",
    what=f"""\
The index of intents made anew from the journals of {YEAR} sessions: read, each line proved against its chain,
folded, and written in one transaction. Theirs: open, read and `hashlib.sha256` of the same files. The rows read
back as folded. Ratio: our median over theirs.""",
    run=run_rebuild,
    tell=lambda r: (
        f"{r.figures['records']:,.0f} records and {r.figures['orders']:,.0f} orders in "
        f"{r.median_s:,.2f} s against {r.figures['theirs_s'] * 1000:,.0f} ms"
    ),
)
