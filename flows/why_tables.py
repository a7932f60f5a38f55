"""What the scan measured of one symbol, laid out for reading: few wide tables, and a dash for what cannot be had."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flows.stories import percent
from schemas.scan import ANCHOR_LETTERS, Scan, TrendRow

Rows = list[dict[str, str]]

MEASURES: Final = {
    "Price and means": ("close", "vwap20", "sma5", "sma20", "sma50", "sma200", "weekly_sma10", "weekly_sma40"),
    "Range and trend": (
        "atr14", "atr_pct", "atr_pct_median", "sma50_slope5", "sma50_slope10", "adx14", "trend_score",
    ),
    "Volume, history and pivots": (
        "bars", "adv_shares20", "adv_usd20", "pivot_r1", "pivot_r2", "fractal_low", "sector_rs",
    ),
}  # fmt: skip
"""Title -> features of strategy.md 2.1, in one row each. A feature that is in no row would be lost: a test counts."""
FRACTIONS: Final = frozenset({"atr_pct", "atr_pct_median", "sma50_slope5", "sma50_slope10"})


def measured(told: Mapping[str, Any], *, recomputed: bool) -> list[dict[str, Any]]:
    """Sections of rows from ``measured`` of ``flows.why.explain``. *recomputed*: not read from the scan's own row."""
    features, anchors = told["features"], told["anchors"]
    source = "recomputed" if recomputed else "as recorded"
    sections = [
        {"title": f"{title} ({source})", "rows": [_measures(features, names)] if features else []}
        for title, names in MEASURES.items()
    ]
    return [
        *sections,
        {"title": "Anchors", "rows": [_anchor(each, told["chosen"]) for each in anchors]},
        {"title": "Labels", "rows": _labels(told["labels"])},
        {
            "title": "Levels",
            "rows": [{n: str(v) for n, v in told["levels"].items()}] if told["levels"] else [],
        },
        {"title": "Gates of the scan", "rows": _gates(told["gates"])},
    ]


def trend_row(scan: Scan, symbol: str) -> TrendRow | None:
    """What the index trend said of *symbol*; ``None`` if it is no fund of its universe, or the strategy is off."""
    rows = () if scan.trend is None else scan.trend.rows
    return next((row for row in rows if row.symbol == symbol), None)


def trend(scan: Scan, symbol: str) -> list[dict[str, Any]]:
    """Sections of the index trend's verdict on *symbol*, as recorded; none where it has no verdict."""
    row = trend_row(scan, symbol)
    if row is None:
        return []
    seen = row.measures.model_dump(mode="json")
    told = {
        name: "-" if seen[name] is None else str(seen[name]) for name in ("close", "high", "sma50", "sma200")
    }
    plan = {} if row.levels is None else row.levels.model_dump(mode="json")
    return [
        {
            "title": "Index trend",
            "rows": [
                {
                    "verdict": row.verdict,
                    "rank": "-" if row.rank is None else str(row.rank),
                    **told,
                    "lead": percent(row.measures.lead, 3),
                }
            ],
        },
        {"title": "Levels of the index trend", "rows": [plan] if plan else []},
        {
            "title": "What spoke against it",
            "rows": [
                {"code": each.code, "observed": str(each.observed), "wanted": str(each.threshold)}
                for each in row.reasons
            ],
        },
    ]


def _measures(features: Mapping[str, Any], names: Sequence[str]) -> dict[str, str]:
    return {name: _measure(name, features.get(name)) for name in names}


def _measure(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name in FRACTIONS:
        return percent(value, 3)
    return f"{value:,.0f}" if name in ("adv_shares20", "adv_usd20") else str(value)


def _anchor(row: Mapping[str, Any], chosen: str | None) -> dict[str, str]:
    no = [ANCHOR_LETTERS[letter] for letter in row.get("no", "")]
    return {
        "anchor": row["a"],
        "on": str(row["on"]),
        "avwap": "-" if row["v"] is None else f"{row['v']:.4f}",
        "distance": percent(row["d"]),
        "slope5": percent(row["s"], 3),
        "reclaim": "yes" if row.get("r") else "",
        "score": f"{row['q']:.4f}" if row.get("q") is not None else "-",
        "verdict": ", ".join(no) if no else "chosen" if row["a"] == chosen else "eligible",
        "same bar": ", ".join(row.get("also", ())),
    }


def _labels(labels: Mapping[str, Any]) -> Rows:
    return [
        {"line": name, "labels": " ".join(value) if isinstance(value, list) else str(value)}
        for name, value in labels.items()
    ]


def _gates(gates: Sequence[Mapping[str, Any]]) -> Rows:
    return [
        {
            "gate": each["gate"],
            "code": str(each["code"]),
            "passed": "yes" if each["passed"] else "NO",
            "observed": _said(each["observed"]),
            "wanted": " ".join(filter(None, (_said(each["threshold"]), each["detail"]))),
        }
        for each in gates
    ]


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)
