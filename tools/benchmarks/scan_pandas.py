"""The scan's measures as a plain pandas program: group-by columns over all bars, the last row of each symbol.

Written from strategy.md 2.1 and 2.2 and not from the kernel. Values are floats in USD; what a later formula
takes quantised is rounded where the design says so. It is written as one would write it: vectorised
group-by, shift, rolling and ewm, no Python loop over symbols.
"""

from typing import Any

import numpy as np
import pandas as pd

from tools.benchmarks.found import PRIORITY, Found, finish


def measure(bars: pd.DataFrame) -> Found:
    """Features, anchors, choice and levels at the last bar of each symbol.

    Args:
        bars: columns symbol, session (a number, rising), date (datetime64), open, high, low, close, volume;
            sorted by symbol and session.
    """
    df = bars.copy()
    df["n"] = df.groupby("symbol").cumcount()
    _averages(df)
    _ranges(df)
    _adx(df)
    at = _extremes(df) | _events(df)
    features, anchors = _features(df, at), _anchors(df, at)
    rows = {name: own.reindex(features.index).astype(float) for name, own in anchors.items()}
    found = Found(
        features={name: features[name].to_numpy() for name in features.columns},
        anchors={name: {key: own[key].to_numpy() for key in own.columns} for name, own in rows.items()},
    )
    return finish(found, int(bars["session"].iloc[-1]))


def _rolling(df: pd.DataFrame, column: str, n: int, least: int | None = None) -> Any:
    return df.groupby("symbol")[column].rolling(n, min_periods=least or n)


def _quantised(values: pd.Series, scale: int) -> pd.Series:
    """To the stored scale, ties to even; rounded twice, for a float just beside a tie is meant to be one."""
    unit = 10.0**scale
    return (values * unit).round(7).round() / unit


def _averages(df: pd.DataFrame) -> None:
    by = df.groupby("symbol")
    for n in (5, 20, 50, 200):
        df[f"sma{n}"] = _rolling(df, "close", n).mean().to_numpy()
    for n in (5, 10):
        df[f"slope{n}"] = df["sma50"] / by["sma50"].shift(n) - 1
    df["pv"] = (df["high"] + df["low"] + df["close"]) / 3 * df["volume"]
    df["cv"] = df["close"] * df["volume"]
    df["sum_pv"] = by["pv"].cumsum()
    df["sum_v"] = by["volume"].cumsum()
    df["vwap20"] = _rolling(df, "pv", 20).sum().to_numpy() / _rolling(df, "volume", 20).sum().to_numpy()
    df["adv_shares20"] = _rolling(df, "volume", 20).mean().to_numpy()
    df["adv_usd20"] = _rolling(df, "cv", 20).mean().to_numpy()
    df["week"] = df["date"] - pd.to_timedelta(df["date"].dt.day_of_week, unit="D")


def _ranges(df: pd.DataFrame) -> None:
    before = df.groupby("symbol")["close"].shift(1)
    df["before"] = before
    reach = pd.concat(
        [df["high"] - df["low"], (df["high"] - before).abs(), (df["low"] - before).abs()], axis=1
    )
    df["tr"] = reach.max(axis=1).where(before.notna())
    df["atr14"] = _rolling(df, "tr", 14).mean().to_numpy()
    df["atr_pct"] = _quantised(df["atr14"] / df["close"], 6)
    df["atr_pct_median"] = _rolling(df, "atr_pct", 120, 60).median().to_numpy()


def _adx(df: pd.DataFrame) -> None:
    """Wilder, from the second bar of the year before the last one's on: the first only gives what came before."""
    last_year = df["date"].max().year
    recent = df[df["date"].dt.year >= last_year - 1]
    by = recent.groupby("symbol")
    rise, fall = by["high"].diff().round(4), (-by["low"].diff()).round(4)
    moves = pd.DataFrame(
        {
            "symbol": recent["symbol"],
            "plus": rise.where((rise > fall) & (rise > 0), 0.0),
            "minus": fall.where((fall > rise) & (fall > 0), 0.0),
            "spread": recent["tr"],
        }
    )[by.cumcount() > 0]
    smooth = moves.groupby("symbol")[["plus", "minus", "spread"]].ewm(alpha=1 / 14, adjust=False).mean()
    plus = (100 * smooth["plus"] / smooth["spread"]).where(smooth["spread"] > 0, 0.0).to_numpy()
    minus = (100 * smooth["minus"] / smooth["spread"]).where(smooth["spread"] > 0, 0.0).to_numpy()
    total = plus + minus
    moves["dx"] = np.divide(100 * np.abs(plus - minus), total, out=np.zeros_like(total), where=total > 0)
    adx = moves.groupby("symbol")["dx"].ewm(alpha=1 / 14, adjust=False).mean()
    df["adx14"] = pd.Series(adx.to_numpy(), moves.index).where(moves.groupby("symbol").cumcount() >= 26)


def _extremes(df: pd.DataFrame) -> dict[str, pd.Series]:
    """The bar, by its number, of the latest highest high and lowest low of the windows."""
    found = {}
    last = df.groupby("symbol")["n"].last()
    age = last.reindex(df["symbol"]).to_numpy() - df["n"].to_numpy()
    for name, column, n, kind in (
        ("HIGH_52W", "high", 252, "max"), ("LOW_52W", "low", 252, "min"),
        ("SWING_LOW", "low", 20, "min"), ("SWING_HIGH", "high", 20, "max"),
    ):  # fmt: skip
        df[name] = _rolling(df, column, n).agg(kind).to_numpy()
        bound = df.groupby("symbol")[name].tail(1).set_axis(last.index)
        is_best = (df[column].to_numpy() == bound.reindex(df["symbol"]).to_numpy()) & (age < n)
        best = df[is_best].groupby("symbol")["n"].last().reindex(last.index)
        found[name] = best.where((n == 252) | (last - best >= 3))
    df["low5"] = _rolling(df, "low", 5).min().to_numpy()
    return found


def _events(df: pd.DataFrame) -> dict[str, pd.Series]:
    """Gaps, volume breakouts, fractal lows and the first bars of year and month, by the bar's number."""
    found = {}
    by = df.groupby("symbol")
    last = by["n"].last()
    is_gap = ((df["open"] - df["before"]).abs() / df["before"]).round(10) >= 0.04
    mean20 = _rolling(df, "volume", 20).mean().to_numpy()
    ceiling = _rolling(df, "high", 5).max().groupby(level=0).shift(1).to_numpy()
    span = df["high"] - df["low"]
    is_loud = (df["volume"] >= 1.8 * mean20 * (1 - 1e-12)) & (span > 0)
    is_burst = is_loud & (((df["close"] - df["low"]) / span).round(10) >= 0.70) & (df["close"] > ceiling)
    is_fractal = (df["low"] < by["low"].shift(1)) & (df["low"] < by["low"].shift(-1))
    for name, happened, window in (
        ("GAP", is_gap, 60),
        ("VOLUME_BREAKOUT", is_burst, 60),
        ("FRACTAL", is_fractal, 20),
    ):
        at = df[happened].groupby("symbol")["n"].last().reindex(last.index)
        found[name] = at.where(at > last - window)
    for name, key in (("YTD", df["date"].dt.year), ("MTD", df["date"].dt.year * 12 + df["date"].dt.month)):
        is_current = key == key.groupby(df["symbol"]).transform("last")
        at = df[is_current].groupby("symbol")["n"].first()
        found[name] = at.where(at > 0)  # a first loaded bar is no first bar of a year
    return found


def _features(df: pd.DataFrame, at: dict[str, pd.Series]) -> pd.DataFrame:
    last = df.groupby("symbol").tail(1).set_index("symbol")
    weekly = df.groupby(["symbol", "week"])["close"].last()
    for n in (10, 40):
        mean = weekly.groupby("symbol").rolling(n).mean().groupby(level=0).last()
        last[f"weekly{n}"] = mean.where(weekly.groupby("symbol").size() >= 40)
    slope, adx = _quantised(last["slope10"], 6), _quantised(last["adx14"], 4)
    expansion = last["atr_pct"] / _quantised(last["atr_pct_median"], 6)
    last["trend_score"] = 200 * slope + 0.7 * adx * np.sign(slope) - 10 * expansion
    last["fractal"] = _column_at(df, at["FRACTAL"], "session")
    last["fractal_price"] = _column_at(df, at["FRACTAL"], "low")
    return last


def _column_at(df: pd.DataFrame, number: pd.Series, column: str) -> pd.Series:
    at = pd.MultiIndex.from_arrays([number.index, number])
    keyed = df.set_index(["symbol", "n"])[column]
    return pd.Series(keyed.reindex(at).to_numpy(), number.index)


def _anchors(df: pd.DataFrame, at: dict[str, pd.Series]) -> dict[str, pd.DataFrame]:
    by = df.groupby("symbol")
    keyed = df.set_index(["symbol", "n"])
    then = {lag: df[by.cumcount(ascending=False) == lag].set_index("symbol") for lag in (0, 1, 5)}
    made = {}
    for name in PRIORITY:
        start = at[name].dropna()
        rows = keyed.loc[list(zip(start.index, start.astype(int), strict=True))].reset_index("n")
        line = {}
        for lag, bar in then.items():
            bar = bar.loc[rows.index]
            pv = bar["sum_pv"] - rows["sum_pv"] + rows["pv"]
            shares = bar["sum_v"] - rows["sum_v"] + rows["volume"]
            line[lag] = _quantised(pv / shares.where(shares > 0), 6).where(bar["n"] >= rows["n"])
        close, before = then[0].loc[rows.index, "close"], then[1].loc[rows.index, "close"]
        made[name] = pd.DataFrame(
            {
                "on": rows["session"],
                "v": line[0],
                "d": (close - line[0]) / line[0],
                "s": line[0] / line[5] - 1,
                "r": (before <= line[1]) & (close > line[0]),
            }
        )
    return made
