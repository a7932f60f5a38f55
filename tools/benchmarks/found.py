"""What every comparison program hands back, and the part that all of them share: which anchor, which prices.

Values are floats in USD, one per symbol; what a later formula takes quantised is rounded where strategy.md
says so. NaN where there is nothing.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
PRIORITY: Final = {
    "YTD": 100, "GAP": 90, "VOLUME_BREAKOUT": 80, "MTD": 70,
    "HIGH_52W": 60, "LOW_52W": 55, "SWING_LOW": 50, "SWING_HIGH": 40,
}  # fmt: skip
"""Anchors of a market without reports of earnings, highest priority first."""


@dataclass(slots=True, kw_only=True)
class Found:
    """features: by name. anchors: by name, ``on`` (number of the session), ``v``, ``d``, ``s``, ``r``.

    choice: ``chosen`` (place in PRIORITY or -1), ``confluence``, and the price plan, made by ``finish``.
    """

    features: dict[str, Any]
    anchors: dict[str, dict[str, Any]]
    choice: dict[str, Any] = field(default_factory=dict)


def quantised(values: Any, scale: int) -> Any:
    """To the stored scale, ties to even; rounded twice, for a float just beside a tie is meant to be one."""
    unit = 10.0**scale
    return np.round(np.round(np.asarray(values) * unit, 7)) / unit


def finish(found: Found, session: int) -> Found:
    """Eligibility, choice, confluence and levels, vectorised over the symbols; *session* is that of P."""
    with np.errstate(invalid="ignore"):
        _choose(found, session)
        _plan(found)
    return found


def _choose(found: Found, session: int) -> None:
    close = np.asarray(found.features["close"])
    best = np.full(len(close), -np.inf)
    chosen = np.full(len(close), -1)
    line = np.full(len(close), np.nan)
    taken: list[Floats] = []
    lines = []
    for k, (name, priority) in enumerate(PRIORITY.items()):
        own = {key: np.asarray(column, float) for key, column in found.anchors[name].items()}
        is_kept = ~np.isnan(own["on"])
        for other in taken:
            is_kept &= own["on"] != other
        taken.append(own["on"])
        v, d, s = own["v"], quantised(own["d"], 6), quantised(own["s"], 6)
        is_old = own["on"] <= session - 5
        is_back = own["r"] == 1
        is_eligible = is_kept & is_old & (close > v) & ((s >= -0.0005) | is_back) & (d <= 0.08)
        near = np.where((d >= 0.001) & (d <= 0.015), 50.0, 0.0)
        score = np.where(
            is_eligible, np.round(priority - 100 * np.abs(d) + near + 40.0 * is_back, 4), -np.inf
        )
        is_better = score > best
        best, line = np.where(is_better, score, best), np.where(is_better, v, line)
        chosen[is_better] = k
        lines.append(np.where(is_kept, v, np.nan))
    close_by = [np.abs(other - line) <= 0.01 * line + 1e-12 for other in lines]
    found.choice |= {"chosen": chosen, "line": line, "confluence": np.sum(close_by, axis=0)}


def _plan(found: Found) -> None:
    f, line = found.features, found.choice["line"]
    ref, atr = np.asarray(f["close"]), quantised(f["atr14"], 6)
    bases = [0.995 * np.asarray(f["fractal_price"]), 0.997 * line]
    base = np.fmin(*(np.where(each < ref - 1e-12, each, np.nan) for each in bases))
    rest = 0.997 * np.fmin(quantised(f["sma5"], 6), np.asarray(f["low5"]))
    base = np.where(np.isnan(base), rest, base)
    stop = _down(np.minimum(np.minimum(base, ref - atr), 0.985 * ref))
    high, low = np.asarray(f["high"]), np.asarray(f["low"])
    pivot = (high + low + ref) / 3
    r1 = _up(np.maximum(_near(2 * pivot - low), 2 * ref - stop))
    beyond = r1 + _tick(r1)
    r2 = _up(np.maximum(np.maximum(_near(pivot + high - low), 3 * ref - 2 * stop), beyond))
    cap = _down(np.minimum(np.minimum(1.03 * ref, r1 - _tick(r1)), stop / 0.92))
    found.choice |= {"level": _near(line), "stop": stop, "r1": r1, "r2": r2, "limit_cap": cap}


def _tick(price: Any) -> Any:
    return np.where(price >= 1 - 1e-12, 0.01, 0.0001)


def _near(price: Any) -> Any:
    return np.round(np.round(price / _tick(price), 7)) * _tick(price)


def _down(price: Any) -> Any:
    return np.floor(price / _tick(price) + 1e-7) * _tick(price)


def _up(price: Any) -> Any:
    return np.ceil(price / _tick(price) - 1e-7) * _tick(price)
