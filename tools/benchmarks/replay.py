"""A stored session is recomputed in a few milliseconds per file, and a range as fast as the machine has cores."""

import os
import time
from functools import partial
from typing import Final

from flows.day import open_day
from flows.house import House
from flows.replay import Replayed, replay
from flows.replay_range import replay_range
from ledger import layout
from ledger.canonical import digest
from ledger.seal import sessions_of
from schemas.base import SessionDate
from tools.benchmarks.result import Benchmark, Result, median, result, timed
from tools.benchmarks.workspace import Workspace

BOOK: Final = "SIM"
MS_A_FILE_MAX: Final = 5.0


def sessions(house: House) -> tuple[SessionDate, ...]:
    """The book's sessions but its first folder, which holds no stage."""
    return sessions_of(house.disk, BOOK)[1:]


def all_of(house: House) -> list[Replayed]:
    """Every session recomputed, in this process."""
    return [replay(house, open_day(house, BOOK, each)) for each in sessions(house)]


def run(workspace: Workspace) -> Result:
    """``flows.replay.replay`` of every session; the files recomputed are those on disk, byte by byte."""
    house = House(workspace.book.settings)
    verdicts = all_of(house)
    assert all(each.identical for each in verdicts), "a session of the benchmark's book diverges"
    files = sum(each.files for each in verdicts)
    ours = timed(partial(all_of, house))
    cores = len(os.sched_getaffinity(0))
    began = time.perf_counter()
    again = replay_range(house, BOOK, sessions(house), cores, lambda _: None)
    together = time.perf_counter() - began
    assert list(again) == verdicts, "several processes come to the same verdicts"
    seals = b"".join(house.disk.read(layout.manifest(BOOK, each)) for each in sessions(house))
    return result(
        "replay",
        ours=ours,
        ratio=median(ours) / files * 1000,
        checksum=digest(seals),
        at_most=MS_A_FILE_MAX,
        figures={
            "sessions_per_s": len(verdicts) / median(ours),
            "sessions_per_s_range": len(verdicts) / together,
            "jobs": float(cores),
            "files": float(files),
        },
    )


def _told(found: Result) -> str:
    of = found.figures
    return (
        f"{of['sessions_per_s']:,.1f} sessions a second in one process, {of['sessions_per_s_range']:,.1f} with "
        f"{of['jobs']:,.0f} processes, their start included; {of['files']:,.0f} files"
    )


REPLAY: Final = Benchmark(
    name="replay",
    what="""\
`flows.replay.replay` of a SIM book of ten sessions over 200 symbols, market open: every stage of every session
recomputed from its recordings and each file compared. "Ratio": milliseconds per file of the days.""",
    run=run,
    tell=_told,
)
