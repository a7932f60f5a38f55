"""The scan's measures as a vectorised numpy program: one matrix per field, symbols down, sessions across.

It needs what the kernel does not: that a symbol, once listed, has a bar on every session. Before that stands NaN,
which makes a mean over too short a history NaN by itself. It is written to be fast: no
window reaches back farther than it must, and what recurs (Wilder) goes forward in time for all symbols at once.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tools.benchmarks.found import Floats, Found, finish, quantised

REACH = 260


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """open … volume: (symbols, sessions), USD and shares. dates: (sessions,). first: number of the first session."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    dates: Any
    first: int
    listed: Any
    """Column of each symbol's first bar."""


def matrix_of(frame: Any) -> Matrix:
    """The matrix of a frame sorted by symbol and session. Errors: AssertionError if a bar is missing."""
    sessions = np.sort(frame["session"].unique())
    symbol, column = frame["symbol"].to_numpy(), frame["session"].to_numpy() - sessions[0]
    fields = {}
    for name in ("open", "high", "low", "close", "volume"):
        fields[name] = np.full((int(symbol[-1]) + 1, len(sessions)), np.nan)
        fields[name][symbol, column] = frame[name].to_numpy()
    listed = np.isnan(fields["close"]).sum(axis=1)
    assert listed.sum() + len(frame) == fields["close"].size, "the rows fill the matrix"
    dates = np.zeros(len(sessions), "datetime64[D]")
    dates[column] = frame["date"].to_numpy().astype("datetime64[D]")
    return Matrix(dates=dates, first=int(sessions[0]), listed=listed, **fields)


def measure(m: Matrix) -> Found:
    """Features, anchors, choice and levels at the last session."""
    with np.errstate(invalid="ignore", divide="ignore"):
        features = _averages(m) | _ranges(m) | {"adx14": _adx(m)}
        slope, adx = quantised(features["slope10"], 6), quantised(features["adx14"], 4)
        expansion = quantised(features["atr_pct"], 6) / quantised(features["atr_pct_median"], 6)
        features["trend_score"] = 200 * slope + 0.7 * adx * np.sign(slope) - 10 * expansion
        places = _events(m) | _extremes(m)
        fractal = places.pop("FRACTAL")
        features["fractal"] = np.where(fractal >= 0, fractal + m.first, np.nan)
        at = np.arange(len(fractal)), np.maximum(fractal, 0)
        features["fractal_price"] = np.where(fractal >= 0, m.low[at], np.nan)
        return finish(Found(features=features, anchors=_anchors(m, places)), m.first + m.close.shape[1] - 1)


def _averages(m: Matrix) -> dict[str, Any]:
    c, v, t = m.close, m.volume, m.close.shape[1]
    found: dict[str, Any] = {f"sma{n}": c[:, -n:].mean(axis=1) for n in (5, 20, 50, 200)}
    for n in (5, 10):
        found[f"slope{n}"] = found["sma50"] / c[:, t - 50 - n : t - n].mean(axis=1) - 1
    typical = (m.high[:, -20:] + m.low[:, -20:] + c[:, -20:]) / 3
    found["vwap20"] = (typical * v[:, -20:]).sum(axis=1) / v[:, -20:].sum(axis=1)
    found["adv_shares20"] = v[:, -20:].mean(axis=1)
    found["adv_usd20"] = (c[:, -20:] * v[:, -20:]).mean(axis=1)
    week = (m.dates.astype(np.int64) + 3) // 7
    closes = c[:, np.flatnonzero(np.append(week[1:] != week[:-1], True))[-40:]]
    found["weekly40"] = closes.mean(axis=1)
    found["weekly10"] = np.where(np.isnan(found["weekly40"]), np.nan, closes[:, -10:].mean(axis=1))
    found |= {
        "close": c[:, -1],
        "high": m.high[:, -1],
        "low": m.low[:, -1],
        "low5": m.low[:, -5:].min(axis=1),
    }
    return found


def _ranges(m: Matrix) -> dict[str, Any]:
    h, low, c = m.high[:, -133:], m.low[:, -133:], m.close[:, -134:]
    reach = np.maximum(h - low, np.maximum(np.abs(h - c[:, :-1]), np.abs(low - c[:, :-1])))
    total = np.cumsum(reach, axis=1)
    total = np.concatenate([total[:, 13:14], total[:, 14:] - total[:, :-14]], axis=1)
    pct = quantised(total / (14 * c[:, -120:]), 6)
    return {"atr14": total[:, -1] / 14, "atr_pct": pct[:, -1], "atr_pct_median": _median(pct)}


def _median(pct: Floats) -> Floats:
    held = 120 - np.isnan(pct).sum(axis=1)
    middle = np.median(pct, axis=1)
    for row in np.flatnonzero((held < 120) & (held >= 60)):
        middle[row] = np.nanmedian(pct[row])
    return middle


def _adx(m: Matrix) -> Floats:
    """Wilder from the second bar of the year before the last on; time is the outer, contiguous axis."""
    seed = int(np.searchsorted(m.dates.astype("datetime64[Y]"), m.dates[-1].astype("datetime64[Y]") - 1))
    h, low = m.high[:, seed:].T.copy(), m.low[:, seed:].T.copy()
    rise, fall = np.diff(h, axis=0).round(4), (-np.diff(low, axis=0)).round(4)
    up = np.where((rise > fall) & (rise > 0), rise, 0.0)
    down = np.where((fall > rise) & (fall > 0), fall, 0.0)
    # The first movement stands for itself: it is divided by 1, and so is all before it, which is 0.
    divisor = np.where(np.arange(len(up))[:, None] + seed <= m.listed, 1.0, 14.0)
    divisor[0] = 1.0
    up[np.isnan(rise)] = down[np.isnan(rise)] = 0.0
    plus, minus, smooth = (np.zeros(up.shape[1]) for _ in range(3))
    for step in range(len(up)):
        plus += (up[step] - plus) / divisor[step]
        minus += (down[step] - minus) / divisor[step]
        total = plus + minus
        dx = np.divide(100 * np.abs(plus - minus), total, out=np.zeros_like(total), where=total > 0)
        smooth += (dx - smooth) / divisor[step]
    return np.where(m.close.shape[1] - np.maximum(m.listed, seed) >= 28, smooth, np.nan)


def _last(happened: Any, t: int) -> Any:
    """The number of the last session of t on which it happened, of those that *happened* has; -1: on none."""
    back = happened[:, ::-1].argmax(axis=1)
    return np.where(happened.any(axis=1), t - 1 - back, -1)


def _events(m: Matrix) -> dict[str, Any]:
    t = m.close.shape[1]
    o, h, low, c, v = (x[:, -80:] for x in (m.open, m.high, m.low, m.close, m.volume))
    before = c[:, -61:-1]
    gap = np.round(np.abs(o[:, -60:] - before) / before, 10) >= 0.04
    sums = np.cumsum(np.nan_to_num(v), axis=1)
    mean20 = (sums[:, -60:] - sums[:, -80:-20]) / 20
    ceiling = np.maximum.reduce([h[:, -60 - lag : 80 - lag] for lag in range(1, 6)])
    span = h[:, -60:] - low[:, -60:]
    high_close = np.round((c[:, -60:] - low[:, -60:]) / np.where(span > 0, span, 1), 10) >= 0.70
    loud = v[:, -60:] >= 1.8 * mean20 * (1 - 1e-12)
    burst = loud & (span > 0) & high_close & (c[:, -60:] > ceiling)
    lows = low[:, -21:]
    fractal = (lows[:, 1:-1] < lows[:, :-2]) & (lows[:, 1:-1] < lows[:, 2:])
    period = {name: m.dates.astype(f"datetime64[{unit}]") for name, unit in (("YTD", "Y"), ("MTD", "M"))}
    found = {}
    for name, own in period.items():
        start = int(np.searchsorted(own, own[-1]))
        found[name] = np.where(m.listed < start, start, -1)
    return found | {
        "GAP": _last(gap, t),
        "VOLUME_BREAKOUT": _last(burst, t),
        "FRACTAL": _last(fractal, t - 1),
    }


def _extremes(m: Matrix) -> dict[str, Any]:
    t, found = m.close.shape[1], {}
    for name, values, n in (
        ("HIGH_52W", m.high, 252), ("LOW_52W", -m.low, 252), ("SWING_LOW", -m.low, 20), ("SWING_HIGH", m.high, 20),
    ):  # fmt: skip
        at = t - 1 - values[:, t - n :][:, ::-1].argmax(axis=1)
        is_there = (t - m.listed >= n) & ((n == 252) | (at <= t - 4))
        found[name] = np.where(is_there, at, -1)
    return found


def _anchors(m: Matrix, places: dict[str, Any]) -> dict[str, dict[str, Any]]:
    t = m.close.shape[1]
    base = t - REACH
    tail = slice(base, None)
    typical = (m.high[:, tail] + m.low[:, tail] + m.close[:, tail]) / 3
    pv = np.cumsum(np.nan_to_num(typical * m.volume[:, tail]), axis=1)
    shares = np.cumsum(np.nan_to_num(m.volume[:, tail]), axis=1)
    pv, shares = (np.concatenate([np.zeros((len(x), 1)), x], axis=1) for x in (pv, shares))
    close, before = m.close[:, -1], m.close[:, -2]
    every, made = np.arange(len(close)), {}
    for name, a in places.items():
        at = np.maximum(a - base, 0)
        line = {}
        for lag in (0, 1, 5):
            traded = shares[:, REACH - lag] - shares[every, at]
            average = (pv[:, REACH - lag] - pv[every, at]) / np.where(traded > 0, traded, np.nan)
            line[lag] = np.where((a >= 0) & (a <= t - 1 - lag), quantised(average, 6), np.nan)
        made[name] = {
            "on": np.where(a >= 0, a + m.first, np.nan),
            "v": line[0],
            "d": (close - line[0]) / line[0],
            "s": line[0] / line[5] - 1,
            "r": np.where(a >= 0, (before <= line[1]) & (close > line[0]), np.nan),
        }
    return made
