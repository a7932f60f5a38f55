"""The scan's measures as a polars program: one aggregation over the grouped bars, in polars' own threads.

Only the tail that can matter is touched wherever polars lets one say so; averages since an anchor come from
cumulative sums and a gather.
"""

from typing import Any

import numpy as np
import polars as pl

from tools.benchmarks.found import PRIORITY, Found, finish, quantised

OPEN, HIGH, LOW, CLOSE, VOLUME = (pl.col(name) for name in ("open", "high", "low", "close", "volume"))


def measure(bars: pl.DataFrame) -> Found:
    """Features, anchors, choice and levels at the last bar of each symbol of a frame as of ``Workspace.frame``."""
    last = bars["date"].max()
    grouped = bars.group_by("symbol", maintain_order=True)
    rows = grouped.agg(pl.len().alias("bars"), *_averages(), *_weekly(), *_ranges(), *_events(last))
    rows = rows.with_columns(adx14=_adx(bars, last))
    features = {name: rows[name].to_numpy() for name in rows.columns}
    slope, adx = quantised(features["slope10"], 6), quantised(features["adx14"], 4)
    expansion = features["atr_pct"] / quantised(features["atr_pct_median"], 6)
    features["trend_score"] = 200 * slope + 0.7 * adx * np.sign(slope) - 10 * expansion
    session = int(bars["session"][-1])
    features["fractal"] = session - features["FRACTAL"]
    return finish(Found(features=features, anchors=_anchors(bars, rows, session)), session)


def _from(n: int, value: pl.Expr) -> pl.Expr:
    """Null before the n-th bar."""
    return pl.when(pl.len() >= n).then(value)


def _averages() -> list[pl.Expr]:
    typical = (HIGH + LOW + CLOSE) / 3
    return [
        *(_from(n, CLOSE.tail(n).mean()).alias(f"sma{n}") for n in (5, 20, 50, 200)),
        *(
            _from(50 + n, CLOSE.tail(50).mean() / CLOSE.slice(-50 - n, 50).mean() - 1).alias(f"slope{n}")
            for n in (5, 10)
        ),
        _from(20, (typical * VOLUME).tail(20).sum() / VOLUME.tail(20).sum()).alias("vwap20"),
        _from(20, VOLUME.tail(20).mean()).alias("adv_shares20"),
        _from(20, (CLOSE * VOLUME).tail(20).mean()).alias("adv_usd20"),
        *(each.last().alias(name) for each, name in ((CLOSE, "close"), (HIGH, "high"), (LOW, "low"))),
        LOW.tail(5).min().alias("low5"),
    ]


def _weekly() -> list[pl.Expr]:
    week = pl.col("date").dt.truncate("1w")
    closes = CLOSE.filter(week != week.shift(-1).fill_null(week.max() + pl.duration(days=7))).tail(40)
    return [pl.when(closes.len() >= 40).then(closes.tail(n).mean()).alias(f"weekly{n}") for n in (10, 40)]


def _ranges() -> list[pl.Expr]:
    h, low, c = HIGH.tail(134), LOW.tail(134), CLOSE.tail(134)
    before = c.shift(1)
    reach = pl.max_horizontal(h - low, (h - before).abs(), (low - before).abs())
    reach = pl.when(before.is_not_null()).then(reach)
    mean = reach.rolling_mean(14)
    pct = ((mean / c * 1e6).round(7).round(0, mode="half_to_even") / 1e6).tail(120)
    median = pl.when(pct.drop_nulls().len() >= 60).then(pct.median())
    return [mean.last().alias("atr14"), pct.last().alias("atr_pct"), median.alias("atr_pct_median")]


def _adx(bars: pl.DataFrame, last: Any) -> pl.Series:
    rise, fall = HIGH.diff().round(4), (-LOW.diff()).round(4)
    recent = bars.filter(pl.col("date") >= pl.datetime(last.year - 1, 1, 1)).select(
        "symbol",
        up=pl.when((rise > fall) & (rise > 0)).then(rise).otherwise(0.0),
        down=pl.when((fall > rise) & (fall > 0)).then(fall).otherwise(0.0),
        n=pl.int_range(pl.len()).over("symbol"),
    )
    plus, minus = (
        pl.col("up").ewm_mean(alpha=1 / 14, adjust=False),
        pl.col("down").ewm_mean(alpha=1 / 14, adjust=False),
    )
    moves = recent.filter(pl.col("n") > 0).group_by("symbol", maintain_order=True)
    total = plus + minus
    dx = pl.when(total > 0).then(100 * (plus - minus).abs() / total).otherwise(0.0)
    return moves.agg(adx=pl.when(pl.len() >= 27).then(dx.ewm_mean(alpha=1 / 14, adjust=False).last()))["adx"]


def _age(happened: pl.Expr) -> pl.Expr:
    """Sessions since it last happened, among those at hand; null if it did not."""
    return happened.reverse().arg_true().first()


def _events(last: Any) -> list[pl.Expr]:
    o, h, low, c, v, before = (*(x.tail(60) for x in (OPEN, HIGH, LOW, CLOSE, VOLUME)), CLOSE.slice(-61, 60))
    gap = ((o - before).abs() / before).round(10) >= 0.04
    mean20, ceiling = VOLUME.tail(79).rolling_mean(20).tail(60), HIGH.slice(-65, 64).rolling_max(5).tail(60)
    strong = ((c - low) / (h - low)).round(10) >= 0.70
    burst = (v >= 1.8 * mean20 * (1 - 1e-12)) & (h > low) & strong & (c > ceiling)
    lows = LOW.slice(-20, 19)
    fractal = _age((lows < LOW.slice(-21, 19)) & (lows < LOW.tail(19))) + 1
    found = {"GAP": _age(gap), "VOLUME_BREAKOUT": _age(burst), "FRACTAL": fractal}
    date = pl.col("date")
    for name, month in (("YTD", 1), ("MTD", last.month)):
        bars = (date >= pl.datetime(last.year, month, 1)).sum().cast(pl.Int64)
        found[name] = pl.when(bars < pl.len()).then(bars - 1)  # the first loaded bar opens no year
    for name, x, n in (
        ("HIGH_52W", HIGH, 252),
        ("LOW_52W", -LOW, 252),
        ("SWING_LOW", -LOW, 20),
        ("SWING_HIGH", HIGH, 20),
    ):
        age = x.tail(n).reverse().arg_max()
        found[name] = _from(n, age if n == 252 else pl.when(age >= 3).then(age))
    price = LOW.reverse().get(fractal).alias("fractal_price")
    return [*(age.cast(pl.Float64).alias(name) for name, age in found.items()), price]


def _anchors(bars: pl.DataFrame, rows: pl.DataFrame, session: int) -> dict[str, dict[str, Any]]:
    ends = rows["bars"].cum_sum().to_numpy().astype(np.int64) - 1
    sums = bars.select(
        pv=((HIGH + LOW + CLOSE) / 3 * VOLUME).cum_sum().over("symbol"),
        shares=VOLUME.cum_sum().over("symbol"),
    )
    at = (ends[:, None] - np.arange(7)).ravel()
    pv, shares = (sums[name].gather(at).to_numpy().reshape(-1, 7) for name in ("pv", "shares"))
    close = bars["close"].gather(at).to_numpy().reshape(-1, 7)
    made = {}
    for name in PRIORITY:
        age = rows[name].to_numpy()
        row = ends - np.nan_to_num(age).astype(np.int64)
        before = [sums[each].gather(row).to_numpy() - own for each, own in _own(bars, row)]
        line = {}
        for lag in (0, 1, 5):
            traded = shares[:, lag] - before[1]
            average = (pv[:, lag] - before[0]) / np.where(traded > 0, traded, np.nan)
            line[lag] = np.where(age >= lag, quantised(average, 6), np.nan)
        made[name] = {
            "on": session - age,
            "v": line[0],
            "d": (close[:, 0] - line[0]) / line[0],
            "s": line[0] / line[5] - 1,
            "r": np.where(np.isnan(age), np.nan, (close[:, 1] <= line[1]) & (close[:, 0] > line[0])),
        }
    return made


def _own(bars: pl.DataFrame, row: Any) -> list[tuple[str, Any]]:
    """What the anchors' own bars add to the cumulative sums."""
    own = {name: bars[name].gather(row).to_numpy() for name in ("high", "low", "close", "volume")}
    return [("pv", (own["high"] + own["low"] + own["close"]) / 3 * own["volume"]), ("shares", own["volume"])]
