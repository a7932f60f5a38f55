"""The scan's compiled kernel and a plain pandas group-by measure the same values, and one of them waits."""

import hashlib
from functools import partial
from typing import Any, Final

import numpy as np

from schemas.scan import AnchorName
from strategies import layout, scan
from strategies.config import ScanConfig
from strategies.measures import Measures, measure
from tools.benchmarks.result import Benchmark, Result, median, result, timed
from tools.benchmarks.workspace import Workspace

BAR: Final = 200.0
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
LINE: Final = (("v", layout.A_AVWAP), ("d", layout.A_DISTANCE), ("s", layout.A_SLOPE))


def compare(ours: Measures, theirs: Any) -> tuple[int, str]:
    """How many values were compared, and the checksum of the kernel's.

    Errors: AssertionError naming the first measure that differs at its stored scale.
    """
    told = hashlib.sha256()
    compared = 0
    has_row = ours.at >= 0
    assert has_row.all(), "every symbol of the benchmark has a bar at P"
    for name, column, scale in FEATURES:
        values = ours.features[ours.at, column]
        compared += _same(name, values, theirs.features[name].to_numpy(), scale)
        told.update(np.ascontiguousarray(values, "<i8").tobytes())
    fractal = ours.features[ours.at, layout.FRACTAL_LOW]
    assert (fractal == theirs.features["fractal"].fillna(-1).to_numpy()).all(), "fractal_low differs"
    for k, name in enumerate(AnchorName):
        rows = ours.anchors[ours.at, k]
        other = theirs.anchors[str(name)].reindex(range(len(rows)))
        assert (rows[:, layout.A_SESSION] == other["on"].fillna(-1).to_numpy()).all(), f"{name}: other bars"
        is_kept = (rows[:, layout.A_SESSION] >= 0) & (rows[:, layout.A_ALIAS_OF] < 0)
        for key, at in LINE:
            compared += _same(f"{name} {key}", rows[is_kept, at], other.loc[is_kept, key].to_numpy(), 6)
        reclaims = other.loc[is_kept, "r"].to_numpy(dtype=bool)
        assert (rows[is_kept, layout.A_RECLAIM] == reclaims).all(), f"{name}: another reclaim"
        compared += 2 * len(rows)
        told.update(np.ascontiguousarray(rows, "<i8").tobytes())
    return compared, told.hexdigest()


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
    return _against(workspace, "scan-one-session", workspace.frame, BAR)


def run_cut(workspace: Workspace) -> Result:
    """The same against a pandas that was told where the panel begins."""
    bars = workspace.frame
    return _against(workspace, "scan-panel-only", bars[bars["session"] >= 0].reset_index(drop=True), None)


def _against(workspace: Workspace, name: str, bars: Any, bar: float | None) -> Result:
    from tools.benchmarks import scan_pandas

    panel, config = workspace.panel, ScanConfig()
    compared, checksum = compare(measure(panel, config), scan_pandas.measure(bars))
    print(f"equal    {compared:,} values of {len(panel.symbols):,} symbols", flush=True)
    ours = timed(partial(measure, panel, config))
    theirs = timed(partial(scan_pandas.measure, bars))
    return result(name, ours=ours, ratio=median(theirs) / median(ours), checksum=checksum, bar=bar)


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
Ours: `strategies.measures.measure`, as the scan calls it: every feature, all eight anchors, labels and levels of
3,000 symbols at one session, by the compiled kernel in four threads, from the opened panel (memory-mapped columns,
page cache warm) to the integer rows. Theirs: `tools/benchmarks/scan_pandas.py`, a vectorised group-by over the
3,000 x 1,260 bars in a ready data frame, which measures the features and anchors and leaves out labels, choice and
levels. Loading is in neither. Every value is compared first, at its stored scale. Ratio: their median over ours.""",
    run=run,
)
CUT: Final = Benchmark(
    name="scan-panel-only",
    what="""\
The same two programs when pandas, too, is given the panel's bars only (here 3,000 x 367) and not all 1,260, which takes
knowing that nothing older matters. Ratio: their median over ours.""",
    run=run_cut,
)
STAGE: Final = Benchmark(
    name="scan-stage",
    what="""\
The whole pure stage `strategies.scan.run` on the same panel: measures, gates, ranks and the artifact's rows, without
reading and writing. Ratio: its median over that of the kernel alone.""",
    run=run_whole,
)
