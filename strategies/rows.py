"""Integer columns become the readable part of a full scan row: one division per measure, none repeated.

q/10**k is the float nearest to the decimal that q stands for, so a file shows exactly the quantised value.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from market.panel import Panel
from schemas.scan import ANCHOR_LETTERS, AnchorName, AnchorRow, Labels
from strategies import layout
from strategies.layout import NULL, Ints

MEASURES: Final[Mapping[str, tuple[int, int]]] = {
    "vwap20": (layout.VWAP20, 6),
    "atr14": (layout.ATR14, 6),
    "atr_pct": (layout.ATR_PCT, 6),
    "atr_pct_median": (layout.ATR_PCT_MEDIAN, 6),
    "sma5": (layout.SMA5, 6),
    "sma20": (layout.SMA20, 6),
    "sma50": (layout.SMA50, 6),
    "sma200": (layout.SMA200, 6),
    "sma50_slope5": (layout.SLOPE5, 6),
    "sma50_slope10": (layout.SLOPE10, 6),
    "adx14": (layout.ADX14, 4),
    "trend_score": (layout.TREND_SCORE, 4),
    "weekly_sma10": (layout.WEEKLY10, 6),
    "weekly_sma40": (layout.WEEKLY40, 6),
    "adv_shares20": (layout.ADV_SHARES20, 2),
    "adv_usd20": (layout.ADV_USD20, 2),
}
"""Name on disk -> column and scale."""
POWERS: Final = {name: (column, 10**scale) for name, (column, scale) in MEASURES.items()}
PRICES: Final = {"close": layout.CLOSE, "pivot_r1": layout.PIVOT_R1, "pivot_r2": layout.PIVOT_R2}
LEVELS: Final = {
    "level": layout.LEVEL,
    "entry_ref": layout.ENTRY_REF,
    "stop": layout.STOP,
    "r1": layout.R1,
    "r2": layout.R2,
    "limit_cap": layout.LIMIT_CAP,
}
NAMES: Final = tuple(str(name) for name in AnchorName)
FAILS: Final = tuple(
    zip((layout.TOO_YOUNG, layout.BELOW, layout.SLOPE_DOWN, layout.TOO_FAR), ANCHOR_LETTERS, strict=True)
)
FAILED: Final = tuple(
    "".join(letter for bit, letter in FAILS if bits & bit) for bits in range(sum(bit for bit, _ in FAILS) + 1)
)
"""Bits of the failed conditions -> their letters, in order."""
CONTROL: Final = {1: "above", 0: "at", -1: "below"}
ACCEPTANCE: Final = {1: "accepted_above", 0: "none", -1: "accepted_below"}
EXTENSION: Final = ("balanced", "stretched", "extended")
GAP_RESET: Final = ("none", "gap_up_held", "gap_up_filled", "gap_down_held", "gap_down_filled")
STRUCTURE: Final = {1: "up", 0: "mixed", -1: "down"}


def full_rows(
    panel: Panel, features: Ints, anchors: Ints, wanted: Ints, strength: Mapping[str, float]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """For each panel position in *wanted* the keys that a full row has beyond symbol, verdict and codes."""
    days = [session.isoformat() for session in panel.sessions]
    own = features[wanted].tolist()
    for k, f, rows in zip(wanted.tolist(), own, anchors[wanted].tolist(), strict=True):
        yield k, full_row(days, f, rows, strength.get(panel.symbols[k]))


def full_row(
    days: Sequence[str], f: Sequence[int], anchors: Sequence[Sequence[int]], sector_rs: float | None
) -> dict[str, Any]:
    """Features, anchors, labels and levels of one symbol from its integer columns; *days*: the panel's sessions."""
    row: dict[str, Any] = {"features": _features(days, f), "anchors": _anchors(days, anchors)}
    if sector_rs is not None:
        row["features"]["sector_rs"] = sector_rs
    row["labels"] = _labels(f)
    if f[layout.CHOSEN] >= 0:
        row["chosen"] = NAMES[f[layout.CHOSEN]]
        row["confluence"] = f[layout.CONFLUENCE]
        if f[layout.STOP] != NULL:
            row["levels"] = {name: price(f[column]) for name, column in LEVELS.items()}
    return row


def usd(e4: int) -> Decimal:
    """A price in USD at scale 4."""
    return Decimal(e4).scaleb(-4)


def price(e4: int) -> str:
    """``usd`` as a file spells it. A stop that the plan puts below nothing is negative, and fails its gate."""
    return f"{e4 // 10_000}.{e4 % 10_000:04d}" if e4 >= 0 else f"-{price(-e4)}"


def decimal_of(q: int, scale: int) -> float | None:
    """The measure that the integer *q* stands for; ``None`` for NULL."""
    return None if q == NULL else q / 10**scale


def _features(days: Sequence[str], f: Sequence[int]) -> dict[str, Any]:
    found: dict[str, Any] = {name: price(f[column]) for name, column in PRICES.items()}
    found["bars"] = f[layout.BARS]
    for name, (column, power) in POWERS.items():
        q = f[column]
        found[name] = None if q == NULL else q / power
    if f[layout.FRACTAL_LOW] >= 0:
        found["fractal_low"] = days[f[layout.FRACTAL_LOW]]
    return found


def _anchors(days: Sequence[str], anchors: Sequence[Sequence[int]]) -> list[AnchorRow]:
    kept: dict[int, AnchorRow] = {}
    for k, a in enumerate(anchors):
        if a[layout.A_SESSION] < 0:
            continue
        if a[layout.A_ALIAS_OF] >= 0:
            kept[a[layout.A_ALIAS_OF]].setdefault("also", []).append(NAMES[k])
            continue
        row: AnchorRow = {
            "a": NAMES[k],
            "on": days[a[layout.A_SESSION]],
            "v": decimal_of(a[layout.A_AVWAP], 6),
            "d": decimal_of(a[layout.A_DISTANCE], 6),
            "s": decimal_of(a[layout.A_SLOPE], 6),
        }
        if a[layout.A_RECLAIM]:
            row["r"] = True
        if a[layout.A_FAILS]:
            row["no"] = FAILED[a[layout.A_FAILS]]
        else:
            row["q"] = decimal_of(a[layout.A_SCORE], 4)
        kept[k] = row
    return list(kept.values())


def _labels(f: Sequence[int]) -> Labels:
    labels: Labels = {"structure": STRUCTURE[f[layout.STRUCTURE]]}
    if f[layout.GAP_RESET]:
        labels["gap_reset"] = GAP_RESET[f[layout.GAP_RESET]]
    if f[layout.LINE_VWAP20] != NULL:
        labels["vwap20"] = _line(f, layout.LINE_VWAP20)
    if f[layout.LINE_CHOSEN] != NULL:
        labels["chosen"] = _line(f, layout.LINE_CHOSEN)
    return labels


def _line(f: Sequence[int], at: int) -> list[str]:
    control, acceptance, extension = CONTROL[f[at + 1]], ACCEPTANCE[f[at + 2]], EXTENSION[f[at + 3]]
    words = [control, extension]
    if acceptance != "none":
        words.append(acceptance)
    if f[at]:
        words.append("reclaim")
    return words
