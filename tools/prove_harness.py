"""The seeds are worth what they would have caught: every planted bug has to break a seed of those that the gate plays.

python -m tools.prove_harness                     every plant, each against the gate's short seeds until one fails
python -m tools.prove_harness --only stop-loosened
python -m tools.prove_harness --list              what each plant breaks, and which invariant has to notice
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Final

from rich.table import Table

from flows.console import OUT
from schemas.errors import Corrupt, Denied
from simulation.seeds.plants import PLANTS, Plant, planted
from simulation.seeds.watch import Violated
from tools.soak import GATE, play

SEEDS: Final = GATE[0]
"""Short seeds of the gate: a plant that none of these notices has survived."""
DERAILED: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    Corrupt,
    Denied,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""How a run under a plant may end otherwise; only a violated invariant counts as a catch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of one plant. ``seed`` None: it survived. ``also``: how runs before that one broke otherwise."""

    plant: str
    seed: int | None
    found: str
    invariant: str
    seconds: float
    also: Counter[str]


def prove(name: str, seeds: int = SEEDS) -> Verdict:
    """Play seeds from 0 with plant *name* until an invariant that has to catch it does."""
    plant, began = PLANTS[name], time.perf_counter()
    also: Counter[str] = Counter()
    with planted(plant):
        for seed in range(seeds):
            broken = _broken(seed)
            if broken is not None and broken[0] in plant.caught_by:
                spent = time.perf_counter() - began
                return Verdict(
                    plant=name, seed=seed, invariant=broken[0], found=broken[1], seconds=spent, also=also
                )
            if broken is not None:
                also[broken[0]] += 1
    spent = time.perf_counter() - began
    return Verdict(plant=name, seed=None, invariant="", found="", seconds=spent, also=also)


def _broken(seed: int) -> tuple[str, str] | None:
    """The invariant that *seed* violates, or the exception it ends with, and what was found; None if it is sound."""
    try:
        play((seed, False))
    except Violated as error:
        return error.invariant, error.found
    except DERAILED as error:
        return type(error).__name__, str(error)
    return None


def _line(verdict: Verdict) -> str:
    if verdict.seed is None:
        wanted = ", ".join(sorted(PLANTS[verdict.plant].caught_by))
        seen = f", though runs broke by {dict(verdict.also)}" if verdict.also else ""
        return f"SURVIVED  {verdict.plant:<28} no seed violated {wanted}{seen}"
    where = f"seed {verdict.seed:<4} {verdict.invariant:<6} {verdict.seconds:5.1f} s"
    return f"caught    {verdict.plant:<28} {where}  {verdict.found[:90]}"


def _list(plants: Iterable[Plant]) -> None:
    table = Table(box=None)
    for title in ("plant", "what it breaks", "caught by"):
        table.add_column(title)
    for plant in plants:
        table.add_row(plant.name, plant.breaks, ", ".join(sorted(plant.caught_by)))
    OUT.print(table)


def main(arguments: Sequence[str]) -> int:
    """Exit 0 if every plant was caught, 1 if one survived, 2 for a name that no plant has."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.prove_harness",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", metavar="PLANT", help="these plants alone")
    parser.add_argument(
        "--seeds", type=int, default=SEEDS, help="seeds to try (default %(default)s, as the gate)"
    )
    parser.add_argument("--list", action="store_true", help="say what each plant breaks, and play nothing")
    asked = parser.parse_args(arguments)
    names = list(PLANTS) if asked.only is None else asked.only
    unknown = [name for name in names if name not in PLANTS]
    if unknown:
        print(
            f"no plant is called {', '.join(unknown)}; nothing was played. --list names them all.",
            file=sys.stderr,
        )
        return 2
    if asked.list:
        _list(PLANTS[name] for name in names)
        return 0
    survived = 0
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for verdict in pool.map(prove, names, [asked.seeds] * len(names)):
            print(_line(verdict), flush=True)
            survived += verdict.seed is None
    print(f"{len(names) - survived} of {len(names)} plants caught within {asked.seeds:,} seeds")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
