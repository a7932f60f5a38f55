"""The scan's measures once more, slowly, by another road: rationals, direct windows, nothing carried forward.

Written from strategy.md 2.1, 2.2, 2.3 and 2.5. It proves the kernel and shares no line with it. One symbol,
one day: the last bar is the bar of P. Quantised values are returned as integers, value * 10**scale. What the whole
scan makes of them, gates, ranks and rows, stands in ``reference_scan``.
"""

# ruff: noqa: RUF009  # a Fraction never changes

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from statistics import median
from typing import Any

F = Fraction
Maybe = Any
"""A Fraction, or None where the page says null; arithmetic on None is a failing test."""
CENT = F(1, 100)


def q(x: Maybe, scale: int) -> Any:
    """rint(x * 10**scale), ties to even: what round() does with a Fraction."""
    return None if x is None else round(x * 10**scale)


def tick(price: Fraction) -> Fraction:
    return CENT if price >= 1 else F(1, 10_000)


def near(price: Fraction) -> Fraction:
    return round(price / tick(price)) * tick(price)


def down(price: Fraction) -> Fraction:
    return price / tick(price) // 1 * tick(price)


def up(price: Fraction) -> Fraction:
    return -(-price / tick(price) // 1) * tick(price)


@dataclass(frozen=True)
class Limits:
    """The thresholds of 1.4, 2.2, 2.4 and 2.5, by the names and with the defaults of the page."""

    price_min: Fraction = F(5)
    adv_shares_min: Fraction = F(400_000)
    adv_usd_min: Fraction = F(10_000_000)
    history_bars_min: int = 80
    earnings_policy: str = "if_known"
    market_gate: bool = True
    gap_min: Fraction = F(4, 100)
    avwap_slope_min: Fraction = F(-5, 10_000)
    distance_max: Fraction = F(8, 100)
    confluence_band: Fraction = F(1, 100)
    atr_usd_min: Fraction = F(1, 2)
    atr_pct_max: Fraction = F(6, 100)
    atr_expansion_max: Fraction = F(115, 100)
    stop_distance_min: Fraction = F(15, 1000)
    unit_risk_pct_max: Fraction = F(8, 100)
    r1_multiple: Fraction = F(1)
    r2_multiple: Fraction = F(2)
    entry_drift_max: Fraction = F(3, 100)
    candidate_cap: int = 20
    at_level: bool = False
    universe_allow: frozenset[str] | None = None
    universe_deny: frozenset[str] = frozenset()
    market_cap_usd_min: int | None = None


PRIORITY = {
    "YTD": 100,
    "EARNINGS": 95,
    "GAP": 90,
    "VOLUME_BREAKOUT": 80,
    "MTD": 70,
    "HIGH_52W": 60,
    "LOW_52W": 55,
    "SWING_LOW": 50,
    "SWING_HIGH": 40,
}


class Symbol:
    """Bars of one symbol up to P: (date, open, high, low, close, volume), prices in e4."""

    def __init__(
        self,
        bars: Sequence[tuple[Any, ...]],
        sessions: Sequence[date],
        dividends: Mapping[date, Fraction] | None = None,
        limits: Limits = Limits(),
        earnings: Sequence[tuple[date, bool]] = (),
    ) -> None:
        """*dividends*: cash by ex-date, basis of D. *earnings*: (date, whether before the open), known at the cut."""
        self.day = [bar[0] for bar in bars]
        self.o, self.h, self.low, self.c = ([F(bar[k], 10_000) for bar in bars] for k in (1, 2, 3, 4))
        self.v = [bar[5] for bar in bars]
        self.t = len(bars) - 1
        self.ranges: dict[int, Fraction] = {}
        self.sessions = list(sessions)
        self.dividends = dividends or {}
        self.limits = limits
        self.earnings = [report for report in earnings if self.sessions[0] <= report[0] <= self.sessions[-1]]

    # 2.1 ---------------------------------------------------------------------------------------------

    def avwap(self, a: int, t: int) -> Maybe:
        if t < a or sum(self.v[a : t + 1]) == 0:
            return None
        money = sum((self.h[i] + self.low[i] + self.c[i]) * self.v[i] for i in range(a, t + 1))
        return F(q(money / sum(self.v[a : t + 1]) / 3, 6), 10**6)

    def vwap20(self, t: int) -> Maybe:
        return self.avwap(t - 19, t) if t >= 19 else None

    def distance(self, line: Maybe) -> Maybe:
        return None if line is None else F(q((self.c[self.t] - line) / line, 6), 10**6)

    def reclaim(self, now: Maybe, before: Maybe) -> bool:
        if now is None or before is None:
            return False
        return self.c[self.t - 1] <= before and self.c[self.t] > now

    def tr(self, i: int) -> Fraction:
        """Kept once computed: the median asks for each of them fourteen times."""
        if i not in self.ranges:
            high, low, before = self.h[i], self.low[i], self.c[i - 1]
            self.ranges[i] = max(high - low, abs(high - before), abs(low - before))
        return self.ranges[i]

    def atr_pct(self, t: int) -> Maybe:
        if t < 14:
            return None
        return F(q(sum(self.tr(i) for i in range(t - 13, t + 1)) / (14 * self.c[t]), 6), 10**6)

    def sma(self, n: int, t: int | None = None) -> Maybe:
        t = self.t if t is None else t
        return sum(self.c[t - n + 1 : t + 1]) / n if t >= n - 1 else None

    def slope50(self, back: int) -> Maybe:
        if self.t < 49 + back:
            return None
        return F(q(self.sma(50) / self.sma(50, self.t - back) - 1, 6), 10**6)

    def adx(self) -> Maybe:
        seed = next(i for i, day in enumerate(self.day) if day.year >= self.day[-1].year - 1)
        if self.t - seed + 1 < 28:
            return None
        moves = []
        for i in range(seed + 1, self.t + 1):
            rise, fall = float(self.h[i] - self.h[i - 1]), float(self.low[i - 1] - self.low[i])
            moves.append(
                (
                    rise if rise > fall and rise > 0 else 0.0,
                    fall if fall > rise and fall > 0 else 0.0,
                    float(self.tr(i)),
                )
            )
        plus, minus, spread = (wilder([m[k] for m in moves]) for k in range(3))
        dx = []
        for p, m, s in zip(plus, minus, spread, strict=True):
            up_, down_ = (100 * p / s, 100 * m / s) if s else (0.0, 0.0)
            dx.append(100 * abs(up_ - down_) / (up_ + down_) if up_ + down_ else 0.0)
        return round(wilder(dx)[-1] * 10_000)

    def weekly(self) -> list[Fraction]:
        closes: dict[tuple[int, int], Fraction] = {}
        for day, close in zip(self.day, self.c, strict=True):
            closes[day.isocalendar()[:2]] = close
        return list(closes.values())

    def fractal(self) -> Maybe:
        window = range(max(1, self.t - 19), self.t)
        found = [i for i in window if self.low[i - 1] > self.low[i] < self.low[i + 1]]
        return found[-1] if found else None

    # 2.2 ---------------------------------------------------------------------------------------------

    def gap_reference(self, i: int) -> Fraction:
        return self.c[i - 1] - self.dividends.get(self.day[i], F(0))

    def is_gap(self, i: int) -> bool:
        reference = self.gap_reference(i)
        return reference > 0 and abs(self.o[i] - reference) / reference >= self.limits.gap_min

    def is_burst(self, i: int) -> bool:
        if i < 19 or self.h[i] <= self.low[i]:
            return False
        return (
            self.v[i] >= F(18, 10) * sum(self.v[i - 19 : i + 1]) / 20
            and (self.c[i] - self.low[i]) / (self.h[i] - self.low[i]) >= F(7, 10)
            and self.c[i] > max(self.h[i - 5 : i])
        )

    def period_start(self, key: Any) -> Maybe:
        a = next(i for i, day in enumerate(self.day) if key(day) == key(self.day[-1]))
        place = self.sessions.index(self.day[a])
        opens = place > 0 and key(self.sessions[place - 1]) != key(self.day[a])
        return a if a > 0 or opens else None

    def answer(self) -> Maybe:
        """The bar that answers the latest report that has one: of its date if before the open, else the next."""
        bars = []
        for day, is_before_open in sorted(self.earnings):
            later = [i for i, own in enumerate(self.day) if own > day or (own == day and is_before_open)]
            bars += later[:1]
        return bars[-1] if bars and bars[-1] >= self.t - 69 else None

    def anchors(self) -> dict[str, int]:
        t = self.t
        gaps = [i for i in range(max(1, t - 59), t + 1) if self.is_gap(i)]
        bursts = [i for i in range(max(0, t - 59), t + 1) if self.is_burst(i)]
        found: dict[str, Maybe] = {
            "YTD": self.period_start(lambda day: day.year),
            "EARNINGS": self.answer(),
            "GAP": gaps[-1] if gaps else None,
            "VOLUME_BREAKOUT": bursts[-1] if bursts else None,
            "MTD": self.period_start(lambda day: (day.year, day.month)),
        }
        if t >= 251:
            found["HIGH_52W"] = last_where(self.h, max(self.h[t - 251 :]), t - 251)
            found["LOW_52W"] = last_where(self.low, min(self.low[t - 251 :]), t - 251)
        if t >= 19:
            found["SWING_LOW"] = last_where(self.low, min(self.low[t - 19 :]), t - 19)
            found["SWING_HIGH"] = last_where(self.h, max(self.h[t - 19 :]), t - 19)
            for name in ("SWING_LOW", "SWING_HIGH"):
                if t - found[name] < 3:
                    found[name] = None
        return {name: a for name, a in found.items() if a is not None}

    def judged(self) -> dict[str, dict[str, Any]]:
        kept: dict[str, dict[str, Any]] = {}
        present = self.anchors()
        for name in sorted(present, key=lambda name: -PRIORITY[name]):
            a, t = present[name], self.t
            owner = next((other for other, row in kept.items() if row["a"] == a and "alias" not in row), None)
            if owner is not None:
                kept[name] = {"a": a, "alias": owner}
                continue
            line, before = self.avwap(a, t), self.avwap(a, t - 1)
            distance, older = self.distance(line), self.avwap(a, t - 5)
            slope = None
            if line is not None and older is not None:
                slope = F(q(line / older - 1, 6), 10**6)
            back = self.reclaim(line, before)
            codes = []
            if a > t - 5:
                codes.append("ANCHOR_TOO_YOUNG")
            if line is None or not self.c[t] > line:
                codes.append("BELOW_AVWAP")
            if not ((slope is not None and slope >= self.limits.avwap_slope_min) or back):
                codes.append("AVWAP_SLOPE_DOWN")
            if distance is None or distance > self.limits.distance_max:
                codes.append("AVWAP_TOO_FAR")
            row = {
                "a": a, "line": line, "distance": distance, "slope": slope, "reclaim": back, "codes": codes
            }  # fmt: skip
            if not codes:
                bonus = (50 if F(1, 1000) <= distance <= F(15, 1000) else 0) + (40 if back else 0)
                row["score"] = PRIORITY[name] - 100 * abs(distance) + bonus
            kept[name] = row
        return kept

    def choice(self, judged: Mapping[str, Mapping[str, Any]]) -> str | None:
        """Highest score; ties by priority, later bar, name."""
        eligible = sorted(name for name, row in judged.items() if "score" in row)
        return max(
            reversed(eligible),
            key=lambda name: (q(judged[name]["score"], 4), PRIORITY[name], judged[name]["a"]),
            default=None,
        )

    def confluence(self, judged: Mapping[str, Mapping[str, Any]], chosen: str) -> int:
        line = judged[chosen]["line"]
        lines = [row["line"] for row in judged.values() if row.get("line") is not None]
        return sum(abs(other - line) <= self.limits.confluence_band * line for other in lines)

    # 2.3 and 2.5 -------------------------------------------------------------------------------------

    def line_labels(self, lines: Sequence[Maybe]) -> tuple[bool, str, str, str]:
        """*lines*: the line at t, t-1, t-2."""
        d = self.distance(lines[0])
        control = "above" if d >= F(2, 1000) else "below" if d <= F(-2, 1000) else "at"
        acceptance = "none"
        if None not in lines:
            signs = [self.c[self.t - k] - line for k, line in enumerate(lines)]
            if all(s > 0 for s in signs):
                acceptance = "accepted_above"
            if all(s < 0 for s in signs):
                acceptance = "accepted_below"
        size = abs(d)
        extension = "balanced" if size <= F(1, 100) else "extended" if size >= F(6, 100) else "stretched"
        return self.reclaim(lines[0], lines[1]), control, acceptance, extension

    def gap_reset(self) -> str:
        for i in range(self.t, max(0, self.t - 20), -1):
            if self.is_gap(i):
                reference, closes = self.gap_reference(i), self.c[i:]
                if self.o[i] > reference:
                    return "gap_up_filled" if min(closes) <= reference else "gap_up_held"
                return "gap_down_filled" if max(closes) >= reference else "gap_down_held"
        return "none"

    def structure(self) -> str:
        if self.slope50(5) is None:
            return "mixed"
        a, b, s = q(self.sma(20), 6), q(self.sma(50), 6), self.slope50(5)
        return "up" if a > b and s > 0 else "down" if a < b and s < 0 else "mixed"

    def levels(self, avwap: Fraction) -> dict[str, Fraction] | None:
        t = self.t
        if t < 14:
            return None
        atr = F(q(sum(self.tr(i) for i in range(t - 13, t + 1)) / 14, 6), 10**6)
        own, level = self.limits, near(avwap)
        ref = level if own.at_level else self.c[t]
        bases = [F(997, 1000) * avwap]
        if self.fractal() is not None:
            bases.append(F(995, 1000) * self.low[self.fractal()])
        bases = [base for base in bases if base < ref]
        base = min(bases) if bases else F(997, 1000) * min(F(q(self.sma(5), 6), 10**6), *self.low[t - 4 :])
        stop = down(min(base, ref - atr, (1 - own.stop_distance_min) * ref))
        pivot = (self.h[t] + self.low[t] + self.c[t]) / 3
        p1, p2 = near(2 * pivot - self.low[t]), near(pivot + self.h[t] - self.low[t])
        r1 = up(max(p1, ref + own.r1_multiple * (ref - stop)))
        r2 = up(max(p2, ref + own.r2_multiple * (ref - stop), r1 + tick(r1)))
        cap = down(min(ref * (1 + own.entry_drift_max), r1 - tick(r1), stop / (1 - own.unit_risk_pct_max)))
        return {"level": level, "entry_ref": ref, "stop": stop, "r1": r1, "r2": r2, "limit_cap": cap}

    # everything --------------------------------------------------------------------------------------

    def features(self) -> dict[str, int | None]:
        t, weekly = self.t, self.weekly()
        trs = [self.tr(i) for i in range(max(1, t - 13), t + 1)]
        pcts = [x for i in range(max(14, t - 119), t + 1) if (x := self.atr_pct(i)) is not None]
        half = median(pcts) if len(pcts) >= 60 else None
        slope10, adx, pct = self.slope50(10), self.adx(), self.atr_pct(t)
        score = None
        if slope10 is not None and adx is not None and half:
            half6 = q(half, 6) / 1e6
            sign = (slope10 > 0) - (slope10 < 0)
            x = 200.0 * float(slope10) + 0.7 * (adx / 1e4) * sign - 10.0 * (float(pct) / half6)
            score = round(x * 1e4)
        pivot = (self.h[t] + self.low[t] + self.c[t]) / 3
        return {
            "close": q(self.c[t], 4),
            "bars": t + 1,
            "vwap20": q(self.vwap20(t), 6),
            "atr14": q(sum(trs) / 14, 6) if t >= 14 else None,
            "atr_pct": q(pct, 6),
            "atr_pct_median": q(half, 6),
            "sma5": q(self.sma(5), 6),
            "sma20": q(self.sma(20), 6),
            "sma50": q(self.sma(50), 6),
            "sma200": q(self.sma(200), 6),
            "sma50_slope5": q(self.slope50(5), 6),
            "sma50_slope10": q(slope10, 6),
            "adx14": adx,
            "trend_score": score,
            "weekly_sma10": q(sum(weekly[-10:]) / 10, 6) if len(weekly) >= 40 else None,
            "weekly_sma40": q(sum(weekly[-40:]) / 40, 6) if len(weekly) >= 40 else None,
            "adv_shares20": q(F(sum(self.v[-20:]), 20), 2) if t >= 19 else None,
            "adv_usd20": q(sum(self.c[i] * self.v[i] for i in range(t - 19, t + 1)) / 20, 2)
            if t >= 19
            else None,
            "pivot_r1": q(near(2 * pivot - self.low[t]), 4),
            "pivot_r2": q(near(pivot + self.h[t] - self.low[t]), 4),
        }


def wilder(xs: Sequence[float]) -> list[float]:
    """y <- y + (x - y)/14, beginning with the first x."""
    ys: list[float] = []
    for x in xs:
        ys.append(x if not ys else ys[-1] + (x - ys[-1]) / 14)
    return ys


def last_where(xs: Sequence[Fraction], value: Fraction, start: int) -> int:
    return max(i for i in range(start, len(xs)) if xs[i] == value)
