"""The scan's measures as most people first write them: a function of one symbol's frame, applied to each symbol."""

from typing import Any

import numpy as np
import pandas as pd

from tools.benchmarks.found import PRIORITY, Found, finish, quantised

FEATURES = (
    "close", "high", "low", "low5", "sma5", "sma20", "sma50", "sma200", "slope5", "slope10", "vwap20", "atr14",
    "atr_pct", "atr_pct_median", "adx14", "trend_score", "weekly10", "weekly40", "adv_shares20", "adv_usd20",
    "fractal", "fractal_price",
)  # fmt: skip


def measure(bars: pd.DataFrame) -> Found:
    """Features, anchors, choice and levels at the last bar of each symbol of a frame as of ``Workspace.frame``."""
    rows = bars.groupby("symbol").apply(_one)
    anchors = {
        name: {key: rows[f"{name} {key}"].to_numpy(dtype=float) for key in ("on", "v", "d", "s", "r")}
        for name in PRIORITY
    }
    features = {name: rows[name].to_numpy(dtype=float) for name in FEATURES}
    return finish(Found(features=features, anchors=anchors), int(bars["session"].iloc[-1]))


def _one(own: pd.DataFrame) -> pd.Series:
    df = own.reset_index(drop=True)
    row = _averages(df) | _trend(df)
    row["trend_score"] = np.nan
    if not np.isnan(row["slope10"]) and row["atr_pct_median"] > 0:
        slope, adx = quantised(row["slope10"], 6), quantised(row["adx14"], 4)
        expansion = row["atr_pct"] / quantised(row["atr_pct_median"], 6)
        row["trend_score"] = 200 * slope + 0.7 * adx * np.sign(slope) - 10 * expansion
    places = _places(df)
    fractal = places.pop("FRACTAL")
    row["fractal"] = np.nan if fractal is None else df["session"][fractal]
    row["fractal_price"] = np.nan if fractal is None else df["low"][fractal]
    for name, a in places.items():
        row |= {f"{name} {key}": value for key, value in _anchor(df, a).items()}
    return pd.Series(row)


def _averages(df: pd.DataFrame) -> dict[str, Any]:
    close, volume = df["close"], df["volume"]
    row: dict[str, Any] = {f"sma{n}": close.rolling(n).mean().iloc[-1] for n in (5, 20, 50, 200)}
    sma50 = close.rolling(50).mean()
    for n in (5, 10):
        row[f"slope{n}"] = (sma50 / sma50.shift(n) - 1).iloc[-1]
    pv = (df["high"] + df["low"] + close) / 3 * volume
    row["vwap20"] = (pv.rolling(20).sum() / volume.rolling(20).sum()).iloc[-1]
    row["adv_shares20"] = volume.rolling(20).mean().iloc[-1]
    row["adv_usd20"] = (close * volume).rolling(20).mean().iloc[-1]
    weekly = close.groupby(df["date"] - pd.to_timedelta(df["date"].dt.day_of_week, unit="D")).last()
    for n in (10, 40):
        row[f"weekly{n}"] = weekly.rolling(n).mean().iloc[-1] if len(weekly) >= 40 else np.nan
    row |= {name: df[name].iloc[-1] for name in ("close", "high", "low")}
    row["low5"] = df["low"].rolling(5).min().iloc[-1]
    return row


def _trend(df: pd.DataFrame) -> dict[str, Any]:
    before = df["close"].shift(1)
    reach = pd.concat(
        [df["high"] - df["low"], (df["high"] - before).abs(), (df["low"] - before).abs()], axis=1
    )
    true_range = reach.max(axis=1).where(before.notna())
    atr = true_range.rolling(14).mean()
    pct = pd.Series(quantised(atr / df["close"], 6))
    recent = df[df["date"].dt.year >= df["date"].iloc[-1].year - 1]
    rise, fall = recent["high"].diff().round(4).iloc[1:], (-recent["low"].diff()).round(4).iloc[1:]
    plus = rise.where((rise > fall) & (rise > 0), 0.0).ewm(alpha=1 / 14, adjust=False).mean()
    minus = fall.where((fall > rise) & (fall > 0), 0.0).ewm(alpha=1 / 14, adjust=False).mean()
    dx = (100 * (plus - minus).abs() / (plus + minus)).where(plus + minus > 0, 0.0)
    return {
        "atr14": atr.iloc[-1],
        "atr_pct": pct.iloc[-1],
        "atr_pct_median": pct.rolling(120, min_periods=60).median().iloc[-1],
        "adx14": dx.ewm(alpha=1 / 14, adjust=False).mean().iloc[-1] if len(recent) >= 28 else np.nan,
    }


def _places(df: pd.DataFrame) -> dict[str, int | None]:
    last = len(df) - 1
    before, span = df["close"].shift(1), df["high"] - df["low"]
    gap = ((df["open"] - before).abs() / before).round(10) >= 0.04
    loud = df["volume"] >= 1.8 * df["volume"].rolling(20).mean() * (1 - 1e-12)
    strong = ((df["close"] - df["low"]) / span.where(span > 0)).round(10) >= 0.70
    burst = loud & strong & (df["close"] > df["high"].rolling(5).max().shift(1))
    fractal = (df["low"] < df["low"].shift(1)) & (df["low"] < df["low"].shift(-1))
    found = {"GAP": _last(gap, 60), "VOLUME_BREAKOUT": _last(burst, 60), "FRACTAL": _last(fractal, 20)}
    for name, key in (("YTD", df["date"].dt.year), ("MTD", df["date"].dt.year * 12 + df["date"].dt.month)):
        found[name] = int((key == key.iloc[-1]).idxmax()) or None  # the first loaded bar opens no year
    for name, x, n in (
        ("HIGH_52W", df["high"], 252), ("LOW_52W", -df["low"], 252),
        ("SWING_LOW", -df["low"], 20), ("SWING_HIGH", df["high"], 20),
    ):  # fmt: skip
        if len(df) < n:
            found[name] = None
            continue
        window = x.iloc[-n:]
        at = int(window[window == window.max()].index[-1])
        found[name] = at if n == 252 or at <= last - 3 else None
    return found


def _last(happened: pd.Series, window: int) -> int | None:
    recent = happened.iloc[-window:]
    return int(recent[recent].index[-1]) if recent.any() else None


def _anchor(df: pd.DataFrame, a: int | None) -> dict[str, Any]:
    if a is None:
        return dict.fromkeys(("on", "v", "d", "s", "r"), np.nan)
    since = df.iloc[a:]
    pv = ((since["high"] + since["low"] + since["close"]) / 3 * since["volume"]).cumsum()
    line = pd.Series(quantised(pv / since["volume"].cumsum(), 6), since.index).reindex(range(len(df)))
    close, before = df["close"].iloc[-1], df["close"].iloc[-2]
    now, then = line.iloc[-1], line.iloc[-2]
    return {
        "on": df["session"][a],
        "v": now,
        "d": (close - now) / now,
        "s": now / line.iloc[-6] - 1,
        "r": float(before <= then and close > now),
    }
