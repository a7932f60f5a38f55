"""Puts one row of the kernel beside the reference and names every difference."""

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from schemas.scan import AnchorName
from strategies import layout
from strategies.layout import NULL
from strategies.measures import Measures
from tests.strategies.panels import Bar
from tests.strategies.reference import Limits, Symbol, q

FEATURE_COLUMNS = {
    "close": layout.CLOSE,
    "bars": layout.BARS,
    "vwap20": layout.VWAP20,
    "atr14": layout.ATR14,
    "atr_pct": layout.ATR_PCT,
    "atr_pct_median": layout.ATR_PCT_MEDIAN,
    "sma5": layout.SMA5,
    "sma20": layout.SMA20,
    "sma50": layout.SMA50,
    "sma200": layout.SMA200,
    "sma50_slope5": layout.SLOPE5,
    "sma50_slope10": layout.SLOPE10,
    "adx14": layout.ADX14,
    "trend_score": layout.TREND_SCORE,
    "weekly_sma10": layout.WEEKLY10,
    "weekly_sma40": layout.WEEKLY40,
    "adv_shares20": layout.ADV_SHARES20,
    "adv_usd20": layout.ADV_USD20,
    "pivot_r1": layout.PIVOT_R1,
    "pivot_r2": layout.PIVOT_R2,
}
CONTROL = {1: "above", 0: "at", -1: "below"}
ACCEPTANCE = {1: "accepted_above", 0: "none", -1: "accepted_below"}
EXTENSION = ("balanced", "stretched", "extended")
GAP_RESET = ("none", "gap_up_held", "gap_up_filled", "gap_down_held", "gap_down_filled")
STRUCTURE = {1: "up", 0: "mixed", -1: "down"}
FAILS = (
    (layout.TOO_YOUNG, "ANCHOR_TOO_YOUNG"),
    (layout.BELOW, "BELOW_AVWAP"),
    (layout.SLOPE_DOWN, "AVWAP_SLOPE_DOWN"),
    (layout.TOO_FAR, "AVWAP_TOO_FAR"),
)


def differences(
    bars: Sequence[Bar],
    sessions: Sequence[date],
    measures: Measures,
    row: int,
    *,
    dividends: Mapping[date, Fraction] | None = None,
    at_level: bool = False,
    earnings: Sequence[tuple[date, bool]] = (),
) -> list[str]:
    """What differs between the kernel's *row* and the reference on *bars*; empty when nothing does."""
    dated = [(sessions[bar[0]], *bar[1:]) for bar in bars]
    slow = Symbol(dated, sessions, dividends, Limits(at_level=at_level), earnings)
    f, anchors = measures.features[row].tolist(), measures.anchors[row].tolist()
    want: dict[str, Any] = dict(slow.features())
    have: dict[str, Any] = {name: _measure(f[column]) for name, column in FEATURE_COLUMNS.items()}
    fractal = slow.fractal()
    want["fractal_low"] = -1 if fractal is None else bars[fractal][0]
    have["fractal_low"] = f[layout.FRACTAL_LOW]
    want["gap_reset"], have["gap_reset"] = slow.gap_reset(), GAP_RESET[f[layout.GAP_RESET]]
    want["structure"], have["structure"] = slow.structure(), STRUCTURE[f[layout.STRUCTURE]]
    lines = [slow.vwap20(slow.t - k) for k in range(3)]
    want["line vwap20"] = slow.line_labels(lines) if lines[0] is not None else None
    have["line vwap20"] = _labels(f, layout.LINE_VWAP20)
    judged = slow.judged()
    names = [str(name) for name in AnchorName]
    for name, columns in zip(names, anchors, strict=True):
        want[name] = _wanted_anchor(judged.get(name), bars)
        have[name] = _had_anchor(columns, names)
    chosen = slow.choice(judged)
    want["chosen"], have["chosen"] = chosen, names[f[layout.CHOSEN]] if f[layout.CHOSEN] >= 0 else None
    if chosen is not None:
        line, a = judged[chosen]["line"], judged[chosen]["a"]
        want["confluence"] = slow.confluence(judged, chosen)
        have["confluence"] = f[layout.CONFLUENCE]
        want["line chosen"] = slow.line_labels([slow.avwap(a, slow.t - k) for k in range(3)])
        have["line chosen"] = _labels(f, layout.LINE_CHOSEN)
        levels = slow.levels(line)
        want["levels"] = None if levels is None else [q(x, 4) for x in levels.values()]
        got = f[layout.LEVEL : layout.LIMIT_CAP + 1]
        have["levels"] = None if got[0] == NULL else got
    return [f"{key}: want {want[key]}, have {have[key]}" for key in want if want[key] != have[key]]


def _measure(value: int) -> int | None:
    return None if value == NULL else value


def _labels(f: Sequence[int], at: int) -> tuple[bool, str, str, str] | None:
    if f[at] == NULL:
        return None
    return bool(f[at]), CONTROL[f[at + 1]], ACCEPTANCE[f[at + 2]], EXTENSION[f[at + 3]]


def _wanted_anchor(row: Mapping[str, Any] | None, bars: Sequence[Bar]) -> Any:
    if row is None:
        return None
    if "alias" in row:
        return bars[row["a"]][0], row["alias"]
    numbers = [q(row[name], 6) for name in ("line", "distance", "slope")]
    return bars[row["a"]][0], *numbers, row["reclaim"], row["codes"], q(row.get("score"), 4)


def _had_anchor(columns: Sequence[int], names: Sequence[str]) -> Any:
    session = columns[layout.A_SESSION]
    if session < 0:
        return None
    if columns[layout.A_ALIAS_OF] >= 0:
        return session, names[columns[layout.A_ALIAS_OF]]
    numbers = [_measure(columns[k]) for k in (layout.A_AVWAP, layout.A_DISTANCE, layout.A_SLOPE)]
    codes = [code for bit, code in FAILS if columns[layout.A_FAILS] & bit]
    return session, *numbers, bool(columns[layout.A_RECLAIM]), codes, _measure(columns[layout.A_SCORE])
