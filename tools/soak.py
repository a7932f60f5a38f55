"""Many seeds, one verdict: every run keeps every invariant, or the command is told that repeats the one that did not.

python -m tools.soak                              what the gate runs: 1,000 short seeds and 20 full ones
python -m tools.soak --seeds 100000 --only-full   the long one: every slot of every session
python -m tools.soak --seed 4711 [--only-full]    one seed, with what it met and where it broke
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Final

from rich.table import Table

from flows.console import OUT
from flows.progress import bar
from market.calendar import Calendar
from simulation.seeds.kept import KEPT
from simulation.seeds.run import Run
from simulation.seeds.tally import Tally

GATE: Final = (1_000, 20)
"""Short and full seeds of the gate."""
Job = tuple[int, bool]
"""(seed, whether every slot of its sessions is played)."""


@dataclass(slots=True)
class Total:
    """What the runs met, summed; and the seeds that failed, with why."""

    seeds: int = 0
    tally: Tally = field(default_factory=Tally)
    failed: list[tuple[Job, BaseException]] = field(default_factory=list)

    def add(self, job: Job, met: Tally, error: BaseException | None) -> None:
        """Take one run in."""
        self.seeds += 1
        self.tally.add(met)
        if error is not None:
            self.failed.append((job, error))


@cache
def _calendar() -> Calendar:
    return Calendar()


def play(job: Job) -> Tally:
    """Run one seed. Errors: whatever broke it."""
    seed, full = job
    return Run(seed, _calendar(), full=full).go()


def soak(jobs: Sequence[Job], workers: int) -> Total:
    """Run *jobs* on *workers* processes; what comes of each is the same whatever their number."""
    total = Total()
    with bar("seeds", len(jobs)) as step, ProcessPoolExecutor(workers) as pool:
        for job, run in [(job, pool.submit(play, job)) for job in jobs]:
            error = run.exception()
            total.add(job, Tally() if error else run.result(), error)
            step(total.seeds, f"{total.tally.cycles:,} cycles, {len(total.failed)} failed")
    return total


def _rows(total: Total, spent_s: float) -> Iterator[tuple[str, str]]:
    met = total.tally
    yield "seeds", f"{total.seeds:,}"
    yield "cycles", f"{met.cycles:,} in {spent_s:.0f} s"
    yield "steps (requests and records)", f"{met.steps:,}"
    yield "orders at the exchange", f"{met.orders:,}"
    yield "entries authorised", f"{met.entries:,}, {met.entries / max(1, total.seeds):.1f} a seed"
    yield "faults", f"{met.faults.total():,}: {_counts(met.faults)}"
    yield "crashes, takeovers", f"{met.crashes:,}, {met.takeovers:,}"
    yield "unknown outcomes, by how each ended", f"{met.ambiguous.total():,}: {_counts(met.ambiguous)}"
    yield "cycles ended in each posture", _parts(met.postures)
    yield "... and state", _parts(met.states)
    yield "largest debt", f"{met.debt_max:.3f}"
    yield "divergences, by category", f"{met.divergences.total():,}: {_counts(met.divergences)}"
    yield "entries denied by posture and lifecycle", f"{met.clamps.total():,}: {_counts(met.clamps)}"
    yield "acts of the operator", f"{met.acts.total():,}: {_counts(met.acts)}"
    yield "checks, by invariant", f"{met.checks.total():,}: {_counts(met.checks)}"
    yield "requests in one cycle, most", f"{met.calls_max}"
    yield "longest gap of a stop in full seeds, session seconds", f"{met.gap_s_max:.0f}"
    yield "largest exposure over its cap", f"{max(Decimal(0), met.over_cap):.4f}"


def _parts(counts: Counter[str]) -> str:
    whole = max(1, counts.total())
    return ", ".join(f"{name} {count:,} ({count / whole:.1%})" for name, count in counts.most_common())


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()) if count)


def show(total: Total, spent_s: float) -> None:
    """Print what was met, and how to repeat each failure."""
    table = Table(show_header=False, box=None)
    for name, value in _rows(total, spent_s):
        table.add_row(name, value)
    OUT.print(table)
    for (seed, full), why in total.failed[:20]:
        print(
            f"FAILED  {why}\n  repeat it: python -m tools.soak --seed {seed}{' --only-full' if full else ''}"
        )


def _jobs(asked: argparse.Namespace) -> list[Job]:
    if asked.seed is not None:
        return [(asked.seed, asked.only_full)]
    if asked.only_full:
        return [(seed, True) for seed in range(asked.first, asked.first + asked.seeds)]
    short = [(seed, False) for seed in range(asked.first, asked.first + asked.seeds)]
    return [*KEPT, *short, *((seed, True) for seed in range(asked.first, asked.first + asked.full))]


def main(arguments: Sequence[str]) -> int:
    """Exit 0 if every seed kept every invariant, else 1."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.soak", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--seeds", type=int, default=GATE[0], help="how many seeds (default %(default)s)")
    parser.add_argument("--full", type=int, default=GATE[1], help="how many of them again at full length")
    parser.add_argument("--only-full", action="store_true", help="play every slot of every session")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default 0)")
    parser.add_argument("--seed", type=int, help="this seed alone, with its traceback")
    asked = parser.parse_args(arguments)
    began = time.perf_counter()
    total = soak(_jobs(asked), os.cpu_count() or 1)
    if asked.seed is not None:
        for _, error in total.failed:
            print(error.__cause__ or error, file=sys.stderr)  # the traceback of the process that ran it
    show(total, time.perf_counter() - began)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
