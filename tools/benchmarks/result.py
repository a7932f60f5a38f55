"""A benchmark's result is a few values, of which the checksum is the same on every machine."""

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tools.benchmarks.workspace import Workspace

RUNS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line of ``build/bench.json``.

    ratio: as the benchmark's text defines it. bar: the ratio wanted, at least or (``at_most``) at most; ``None``:
    none is promised. median_s: of our own program, over *runs* runs, seconds. checksum: sha256 of what was
    computed. figures: what else was measured, by name.
    """

    name: str
    ratio: float
    bar: float | None
    holds: bool
    median_s: float
    runs: int
    checksum: str
    at_most: bool = False
    figures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """What is timed, and how.

    what: says exactly what both programs are and what the ratio means. run: ``None`` when skipped, having
    said why. tell: one more figure for the page, from the result.
    """

    name: str
    what: str
    run: "Callable[[Workspace], Result | None]"
    tell: Callable[[Result], str] = lambda _: ""


def result(
    name: str,
    *,
    ours: list[float],
    ratio: float,
    checksum: str,
    bar: float | None = None,
    at_most: float | None = None,
    figures: Mapping[str, float] = MappingProxyType({}),
) -> Result:
    """A result of the runs *ours*, rounded to what a clock can mean; *bar* or *at_most* is the ratio wanted."""
    holds = (bar is None or ratio >= bar) and (at_most is None or ratio <= at_most)
    return Result(
        name=name,
        ratio=round(ratio, 2),
        bar=bar if at_most is None else at_most,
        holds=holds,
        median_s=round(statistics.median(ours), 6),
        runs=len(ours),
        checksum=checksum,
        at_most=at_most is not None,
        figures={key: round(value, 4) for key, value in figures.items()},
    )


def timed(run: Callable[[], object], runs: int = RUNS) -> list[float]:
    """Seconds of *runs* runs, after one that warms caches and is not counted; no collection within a run."""
    run()
    return [_once(run) for _ in range(runs)]


def side_by_side(
    ours: Callable[[], object], theirs: Callable[[], object], runs: int = RUNS
) -> tuple[list[float], list[float]]:
    """As ``timed`` of both, run by turns, so that a machine that slows down slows both."""
    ours()
    theirs()
    pairs = [(_once(ours), _once(theirs)) for _ in range(runs)]
    return [left for left, _ in pairs], [right for _, right in pairs]


def _once(run: Callable[[], object]) -> float:
    gc.collect()
    gc.disable()
    began = time.perf_counter()
    run()
    seconds = time.perf_counter() - began
    gc.enable()
    return seconds


def median(seconds: list[float]) -> float:
    """The middle run."""
    return statistics.median(seconds)
