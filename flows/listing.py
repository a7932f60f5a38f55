"""A ranking fits the window it is read in: columns that matter least give way, and no row folds before they have."""

from collections.abc import Sequence
from typing import Any, Final

from flows import console
from flows.exports import Rejection, rejections, top_rows
from schemas.scan import Scan, ScanVerdict, TrendScan

GIVES_WAY: Final = ("labels", "confl", "r2", "score", "since", "distance", "r1", "tier")
"""Columns in the order in which they are left out."""
REJECTIONS: Final = 6


def told(scan: Scan, top: int) -> dict[str, Any]:
    """What ``--json`` says: the market gate, the best *top* rows in full, and every code that turned a symbol away."""
    return {
        "market_gate": _gate(scan),
        "benchmark_above_sma200": scan.benchmark_above_sma200,
        "counts": scan.counts.model_dump(),
        "day_codes": list(scan.day_codes),
        "top": top_rows(scan, top),
        "rejections": [
            {"code": each.code, "first": each.first, "carried": each.carried} for each in rejections(scan)
        ],
        **({} if scan.trend is None else {"trend": scan.trend.model_dump(mode="json")["rows"]}),
    }


def tell(scan: Scan, top: int) -> None:
    """The market gate, the best *top* rows, what turned most of the others away, and the funds that trend."""
    found = top_rows(scan, top)
    if found:
        console.fitted(f"Best {len(found)} of {scan.counts.passed:,} that passed", found, GIVES_WAY)
    elif not scan.counts.passed:
        _tell_rejections(rejections(scan)[:REJECTIONS], scan)
    console.note(f"gate      market {_gate(scan)}: {_why(scan)}")
    if scan.trend is not None:
        console.note(f"trend     {_trend(scan.trend)}")
    if scan.day_codes:
        console.note(f"blocked   {', '.join(scan.day_codes)}: no entry on this day")


def _tell_rejections(found: Sequence[Rejection], scan: Scan) -> None:
    console.table(
        f"None of {scan.counts.scanned:,} symbols passed. What turned most away",
        ("code", "first", "carried by"),
        ((each.code, f"{each.first:,}", f"{each.carried:,}") for each in found),
        right=("first", "carried by"),
    )


def _trend(found: TrendScan) -> str:
    """The index trend's candidates, best first."""
    chosen = sorted(
        (row for row in found.rows if row.verdict is ScanVerdict.CANDIDATE), key=lambda row: row.rank or 0
    )
    names = f": {', '.join(row.symbol for row in chosen)}" if chosen else ""
    return f"{len(chosen)} of {len(found.rows)} funds{names}"


def _gate(scan: Scan) -> str:
    is_up = scan.benchmark_above_sma200
    return "not measured" if is_up is None else "open" if is_up else "shut"


def _why(scan: Scan) -> str:
    if scan.benchmark_above_sma200 is None:
        return f"{scan.benchmark} has no mean of 200 bars"
    side = "above" if scan.benchmark_above_sma200 else "not above"
    return f"{scan.benchmark} closed {side} its mean of 200 bars"
