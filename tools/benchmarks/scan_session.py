"""The scan's compiled kernel and a plain pandas group-by measure the same values, and one of them waits."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np

from schemas.scan import AnchorName
from strategies import layout, scan
from strategies.config import ScanConfig
from strategies.measures import Measures, measure
from tools.benchmarks.found import PRIORITY, Found
from tools.benchmarks.result import RUNS, Benchmark, Result, median, result, timed
from tools.benchmarks.workspace import Workspace

BAR: Final = 200.0
APPLIED: Final = 100
"""Symbols to which the naive function is applied; all of them would take half a minute a run."""
SLACK: Final = 0.01
"""Of one unit at the stored scale, beside the half unit of rounding: what a float sum may be off."""
FEATURES: Final = (
    ("vwap20", layout.VWAP20, 6), ("atr14", layout.ATR14, 6), ("atr_pct", layout.ATR_PCT, 6),
    ("atr_pct_median", layout.ATR_PCT_MEDIAN, 6), ("sma5", layout.SMA5, 6), ("sma20", layout.SMA20, 6),
    ("sma50", layout.SMA50, 6), ("sma200", layout.SMA200, 6), ("slope5", layout.SLOPE5, 6),
    ("slope10", layout.SLOPE10, 6), ("adx14", layout.ADX14, 4), ("trend_score", layout.TREND_SCORE, 4),
    ("weekly10", layout.WEEKLY10, 6), ("weekly40", layout.WEEKLY40, 6),
    ("adv_shares20", layout.ADV_SHARES20, 2), ("adv_usd20", layout.ADV_USD20, 2), ("low5", layout.LOW5, 4),
)  # fmt: skip
PLAN: Final = (
    ("level", layout.LEVEL), ("stop", layout.STOP), ("r1", layout.R1), ("r2", layout.R2),
    ("limit_cap", layout.LIMIT_CAP),
)  # fmt: skip
LINE: Final = (("v", layout.A_AVWAP), ("d", layout.A_DISTANCE), ("s", layout.A_SLOPE))


def compare(ours: Measures, theirs: Found) -> tuple[int, str]:
    """How many values were compared, and the checksum of the kernel's.

    Errors: AssertionError naming the first measure that differs at its stored scale.
    """
    told = hashlib.sha256()
    compared = 0
    has_row = ours.at >= 0
    assert has_row.all(), "every symbol of the benchmark has a bar at P"
    for name, column, scale in FEATURES:
        values = ours.features[ours.at, column]
        compared += _same(name, values, theirs.features[name], scale)
        told.update(np.ascontiguousarray(values, "<i8").tobytes())
    fractal = ours.features[ours.at, layout.FRACTAL_LOW]
    assert (fractal == np.nan_to_num(theirs.features["fractal"], nan=-1)).all(), "fractal_low differs"
    for k, name in enumerate(AnchorName):
        rows = ours.anchors[ours.at, k]
        told.update(np.ascontiguousarray(rows, "<i8").tobytes())
        other = theirs.anchors.get(str(name))
        if other is None:
            assert (rows[:, layout.A_SESSION] == -1).all(), f"{name}: only the kernel has it"
            continue
        assert (rows[:, layout.A_SESSION] == np.nan_to_num(other["on"], nan=-1)).all(), f"{name}: other bars"
        is_kept = (rows[:, layout.A_SESSION] >= 0) & (rows[:, layout.A_ALIAS_OF] < 0)
        for key, at in LINE:
            compared += _same(f"{name} {key}", rows[is_kept, at], other[key][is_kept], 6)
        assert (rows[is_kept, layout.A_RECLAIM] == other["r"][is_kept]).all(), f"{name}: another reclaim"
        compared += 2 * len(rows)
    return compared + _same_choice(ours, theirs), told.hexdigest()


def _same_choice(ours: Measures, theirs: Found) -> int:
    """The chosen anchor, its confluence and the price plan, where there is one."""
    f = ours.features[ours.at]
    place = np.array([list(AnchorName).index(AnchorName(name)) for name in PRIORITY] + [-1])
    assert (f[:, layout.CHOSEN] == place[theirs.choice["chosen"]]).all(), "another anchor is chosen"
    is_chosen = f[:, layout.CHOSEN] >= 0
    assert is_chosen.any(), "nothing is chosen: nothing was compared"
    same = f[is_chosen, layout.CONFLUENCE] == theirs.choice["confluence"][is_chosen]
    assert same.all(), "another confluence"
    for name, column in PLAN:
        _same(name, f[is_chosen, column], theirs.choice[name][is_chosen], 4)
    return len(f) + (1 + len(PLAN)) * int(is_chosen.sum())


def _same(name: str, ours: Any, theirs: Any, scale: int) -> int:
    """Assert that floats *theirs* lie within half a unit of the stored integers *ours*."""
    is_null = ours == layout.NULL
    assert (is_null == np.isnan(theirs)).all(), f"{name}: null here and not there"
    unit = theirs * 10.0**scale
    off = np.abs(np.where(is_null, 0.0, unit - ours)) - np.abs(np.where(is_null, 0.0, unit)) * 1e-12
    worst = int(np.argmax(off)) if len(off) else 0
    assert len(off) == 0 or off[worst] <= 0.5 + SLACK, (
        f"{name}: row {worst}: {ours[worst]} and {unit[worst]} at scale {scale}"
    )
    return len(ours)


def run(workspace: Workspace) -> Result:
    """The kernel's measures over the panel against pandas over all bars."""
    from tools.benchmarks import scan_pandas

    return _against(workspace, "scan-one-session", partial(scan_pandas.measure, workspace.frame), BAR)


def run_cut(workspace: Workspace) -> Result:
    """The same against a pandas that was told where the panel begins."""
    from tools.benchmarks import scan_pandas

    bars = workspace.frame
    own = bars[bars["session"] >= 0].reset_index(drop=True)
    return _against(workspace, "scan-panel-only", partial(scan_pandas.measure, own), None)


def run_polars(workspace: Workspace) -> Result:
    """The same against polars over all bars."""
    import polars as pl

    from tools.benchmarks import scan_polars

    frame = pl.from_pandas(workspace.frame)
    return _against(workspace, "scan-vs-polars", partial(scan_polars.measure, frame), 20.0)


def run_numpy(workspace: Workspace) -> Result:
    """The same against numpy on matrices."""
    from tools.benchmarks import scan_numpy

    matrix = scan_numpy.matrix_of(workspace.frame)
    return _against(workspace, "scan-vs-numpy", partial(scan_numpy.measure, matrix), 10.0)


def run_apply(workspace: Workspace) -> Result:
    """The same against a function applied to each symbol's frame: fewer symbols, fewer runs, scaled."""
    from tools.benchmarks import scan_apply

    bars = workspace.frame
    few = bars[bars["symbol"] < APPLIED].reset_index(drop=True)
    theirs = partial(scan_apply.measure, few)
    scale = workspace.symbols / few["symbol"].nunique()
    return _against(workspace, "scan-vs-apply", theirs, 1_000.0, runs=3, scale=scale, symbols=APPLIED)


def _against(
    workspace: Workspace,
    name: str,
    theirs: Callable[[], Found],
    bar: float | None,
    *,
    runs: int = RUNS,
    scale: float = 1.0,
    symbols: int | None = None,
) -> Result:
    panel, config = workspace.panel, ScanConfig()
    measures = measure(panel, config)
    own = replace(measures, at=measures.at[:symbols])
    compared, checksum = compare(own, theirs())
    print(f"equal    {compared:,} values of {len(own.at):,} symbols", flush=True)
    ours = timed(partial(measure, panel, config))
    other = median(timed(theirs, runs)) * scale
    return result(
        name,
        ours=ours,
        ratio=other / median(ours),
        checksum=checksum,
        bar=bar,
        figures={"theirs_s": other},
    )


def run_copy(workspace: Workspace) -> Result:
    """The kernel beside a copy of the bars: of all that the store holds, and of the panel's alone."""
    panel, config = workspace.panel, ScanConfig()
    ours = timed(partial(measure, panel, config))
    columns = [panel.session, panel.open, panel.high, panel.low, panel.close, panel.volume]
    whole = _copied([np.asarray(column) for column in columns])
    rows = np.concatenate([np.arange(lo, hi) for lo, hi in zip(panel.lo, panel.hi, strict=True)])
    read = _copied([np.asarray(column)[rows] for column in columns])
    told = hashlib.sha256()
    for values in (measure(panel, config).features, measure(panel, config).anchors):
        told.update(np.ascontiguousarray(values, "<i8").tobytes())
    return result(
        "scan-vs-copy",
        ours=ours,
        ratio=median(ours) / whole,
        checksum=told.hexdigest(),
        at_most=2.5,
        figures={"copy_s": whole, "panel_copy_s": read, "ratio_to_panel_copy": median(ours) / read},
    )


def _copied(columns: list[Any]) -> float:
    """Median seconds of copying *columns* to memory that was written to before."""
    room = [np.zeros_like(column) for column in columns]

    def copy() -> None:
        for column, own in zip(columns, room, strict=True):
            np.copyto(own, column)

    return median(timed(copy))


def run_whole(workspace: Workspace) -> Result:
    """The whole scan stage beside its kernel: gates, ranks, rows of an artifact."""
    panel, config = workspace.panel, ScanConfig()
    inputs = scan.ScanInputs(
        panel=panel, quarantine={}, warnings={}, blocking=(), blocked_symbols=frozenset()
    )
    kernel = timed(partial(measure, panel, config))
    whole = timed(partial(scan.run, inputs, config))
    checksum = hashlib.sha256(scan.run(inputs, config).model_dump_json().encode()).hexdigest()
    return result("scan-stage", ours=whole, ratio=median(whole) / median(kernel), checksum=checksum)


ONE_SESSION: Final = Benchmark(
    name="scan-one-session",
    what="""\
Ours: `strategies.measures.measure`, as the scan calls it: every feature, all nine anchors, labels and levels of
3,000 symbols at one session, by the compiled kernel in two threads, from the opened panel (memory-mapped columns,
page cache warm) to the integer rows. Theirs: `tools/benchmarks/scan_pandas.py`, a vectorised group-by over the 3,000
x 1,260 bars in a ready data frame, which measures features, anchors, choice and levels and leaves out the labels.
Loading is in neither. Every value is compared first, at its stored scale. Ratio: their median over ours.""",
    run=run,
)
CUT: Final = Benchmark(
    name="scan-panel-only",
    what="""\
The same two programs when pandas, too, is given the panel's bars only (here 3,000 x 367) and not all 1,260, which
takes knowing that nothing older matters. Ratio: their median over ours.""",
    run=run_cut,
)
STAGE: Final = Benchmark(
    name="scan-stage",
    what="""\
The whole pure stage `strategies.scan.run` on the same panel: measures, gates, ranks and the artifact's rows, without
reading and writing. Ratio: its median over that of the kernel alone.""",
    run=run_whole,
)
COPY: Final = Benchmark(
    name="scan-vs-copy",
    what="""\
The same kernel beside `np.copyto` of the market's 3,000 x 1,260 bars (session and five values, 44 bytes each) into
memory that is already there, in one thread. Ratio: our median over the copy's. The kernel reads the panel of the
session alone, 367 of the 1,260 bars; beside a copy of just those it stands as told below.""",
    run=run_copy,
    tell=lambda r: f"{r.figures['ratio_to_panel_copy']:.1f} times a copy of the panel's own bars",
)
VS_APPLY: Final = Benchmark(
    name="scan-vs-apply",
    what="""\
Theirs: `tools/benchmarks/scan_apply.py`, a pandas function of one symbol, applied to each group of all bars. It is
timed three times on 100 symbols and scaled to 3,000. Choice and levels are made by the part that all comparison
programs share (`found.py`). Every value is compared first. Ratio: their median over ours.""",
    run=run_apply,
    tell=lambda r: f"{r.figures['theirs_s']:.1f} s against {r.median_s * 1000:.1f} ms",
)
VS_POLARS: Final = Benchmark(
    name="scan-vs-polars",
    what="""\
Theirs: `tools/benchmarks/scan_polars.py`, one aggregation of all bars in polars' own threads, windows cut to their
tails. Every value is compared first. Ratio: their median over ours.""",
    run=run_polars,
    tell=lambda r: f"{r.figures['theirs_s'] * 1000:.0f} ms against {r.median_s * 1000:.1f} ms",
)
VS_NUMPY: Final = Benchmark(
    name="scan-vs-numpy",
    what="""\
Theirs: `tools/benchmarks/scan_numpy.py`, matrices of symbols by sessions, every window cut to the bars that it
needs, the Wilder recursion forward in time for all symbols at once. It cannot do what the kernel does with halted
symbols. Every value is compared first. Ratio: their median over ours. numpy has one thread and the kernel two: on two
cores that are busy with other work the ratio is that of the processor time, half of what it is on idle ones.""",
    run=run_numpy,
    tell=lambda r: f"{r.figures['theirs_s'] * 1000:.0f} ms against {r.median_s * 1000:.1f} ms",
)
