"""The whole scan once more, slowly: from bars as traded to every row, code and rank, one symbol after the other.

Written from strategy.md 1.2 to 1.4, 1.7 and 2.4 on top of ``reference``; it shares no line with ``strategies``. What
the data contract and the universe say of a symbol is given. The result is spelled as ``scan.json`` spells it.
"""

# ruff: noqa: RUF009  # a Fraction never changes

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.strategies.reference import Limits, Maybe, Symbol, q

F = Fraction
Bar = tuple[Any, ...]
"""Date, open, high, low, close as traded (e4), volume as traded."""
PRICE_BOUND, VOLUME_BOUND, TURNOVER_BOUND, LOOKS_BACK = 40_000_000_000, 2**45, 2**54, 260
"""The bounds of the kernel: beyond them, and only there, a symbol has no measure at all."""
MOVES_PRICE = ("split", "stock_dividend", "spin_off")
BLOCKS_ON_ITS_DAY = ("split", "stock_dividend", "symbol_change")
BLOCKS_FROM_ANNOUNCEMENT = ("spin_off", "merger", "delisting")
LETTER = {"ANCHOR_TOO_YOUNG": "Y", "BELOW_AVWAP": "B", "AVWAP_SLOPE_DOWN": "S", "AVWAP_TOO_FAR": "F"}
SCALES = {"adx14": 4, "trend_score": 4, "adv_shares20": 2, "adv_usd20": 2}
PRICES = ("close", "pivot_r1", "pivot_r2")


@dataclass(frozen=True)
class Action:
    symbol: str
    ex: date
    kind: str
    num: int = 1
    den: int = 1
    cash: Fraction = F(0)


@dataclass(frozen=True, kw_only=True)
class Market:
    """What is known at the cut of *today*. earnings: symbol -> (date, whether before the open)."""

    made_by: str
    sessions: Sequence[date]
    today: date
    ahead: Sequence[date]
    bars: Mapping[str, Sequence[Bar]] = field(repr=False)
    actions: Sequence[Action] = field(default=(), repr=False)
    benchmark: str = "SPY"
    members: frozenset[str] | None = None
    market_caps: Mapping[str, int | None] | None = None
    """USD, as a provider told them; None: none was asked."""
    earnings: Mapping[str, Sequence[tuple[date, bool]]] = field(default_factory=dict, repr=False)
    sectors: Mapping[str, str] = field(default_factory=dict, repr=False)
    funds: Mapping[str, str] = field(default_factory=dict, repr=False)
    quarantine: Mapping[str, Sequence[str]] = field(default_factory=dict)
    warnings: Mapping[str, Sequence[str]] = field(default_factory=dict)
    blocking: Sequence[str] = ()

    def ratio(self, symbol: str, after: date) -> Fraction:
        """F of 1.2 for a bar of the date *after*."""
        product = F(1)
        for action in self.actions:
            if action.symbol == symbol and action.kind in MOVES_PRICE and after < action.ex <= self.today:
                product *= F(action.num, action.den)
        return product

    def adjusted(self, symbol: str) -> list[Bar]:
        """The bars on the basis of D, each value rounded once from the raw one."""
        if all(action.symbol != symbol or action.kind not in MOVES_PRICE for action in self.actions):
            return list(self.bars[symbol])
        made: list[Bar] = []
        for day, *prices, volume in self.bars[symbol]:
            ratio = self.ratio(symbol, day)
            made.append((day, *(round(F(price) / ratio) for price in prices), round(volume * ratio)))
        return made

    def dividends(self, symbol: str) -> dict[date, Fraction]:
        """Cash by ex-date, on the basis of D, rounded to e4."""
        found: dict[date, Fraction] = {}
        for action in self.actions:
            if action.symbol == symbol and action.kind == "cash_dividend":
                cash = round(action.cash / self.ratio(symbol, action.ex) * 10_000)
                found[action.ex] = found.get(action.ex, F(0)) + F(cash, 10_000)
        return found

    def blocked(self) -> set[str]:
        """G4: symbols with an action that forbids entries on D (1.7)."""
        found = set()
        for action in self.actions:
            is_today = action.ex == self.today
            if action.kind in BLOCKS_FROM_ANNOUNCEMENT or (is_today and action.kind in BLOCKS_ON_ITS_DAY):
                found.add(action.symbol)
            if is_today and action.kind == "cash_dividend" and self.bars.get(action.symbol):
                close = F(self.adjusted(action.symbol)[-1][4], 10_000)
                if action.cash >= F(5, 100) * close:
                    found.add(action.symbol)
        return found


def judge(market: Market, limits: Limits) -> dict[str, "Judged"]:
    """Every symbol of *market*, judged."""
    return {symbol: Judged(market, symbol, limits) for symbol in sorted(market.bars)}


def scan(market: Market, limits: Limits, judged: Mapping[str, "Judged"]) -> dict[str, Any]:
    """Everything that ``scan.json`` says of *market*, without its header."""
    benchmark = judged.get(market.benchmark)
    is_up = benchmark.above_sma200() if benchmark is not None else None
    gate_open = not limits.market_gate or benchmark is None or bool(is_up)
    day = ["DATA_DAY_BLOCKED", *market.blocking] if market.blocking else []
    codes = {symbol: [*day, *each.codes(gate_open)] for symbol, each in judged.items()}
    passed = sorted(
        (symbol for symbol in judged if not codes[symbol]),
        key=lambda symbol: (judged[symbol].tier, -judged[symbol].features["trend_score"], symbol),
    )
    rows, groups = [], dict[tuple[str, ...], list[str]]()
    for symbol, each in judged.items():
        if not each.is_full:
            groups.setdefault(tuple(codes[symbol]), []).append(symbol)
            continue
        rank = passed.index(symbol) + 1 if symbol in passed else None
        rows.append(each.row(codes[symbol], rank))
    return {
        "data_session": market.sessions[-1],
        "entry_model": "limit_at_level" if limits.at_level else "next_open",
        "benchmark_above_sma200": is_up,
        "day_codes": tuple(day),
        "info": _info(market, limits),
        "counts": (len(judged), len(rows), len(passed), min(len(passed), limits.candidate_cap)),
        "rows": rows,
        "others": [
            {"verdict": "REJECTED", "codes": list(group), "symbols": groups[group]}
            for group in sorted(groups)
        ],
    }


def _info(market: Market, limits: Limits) -> list[str]:
    info = ["UNIVERSE_NOT_POINT_IN_TIME"] if market.members is None else []
    info += ["UNIVERSE_METRICS_SKIPPED"] if market.market_caps is None else []
    if limits.earnings_policy != "off" and not market.earnings:
        info.append("EARNINGS_UNKNOWN")
    return info


class Judged:
    """One symbol against all gates. Without a bar at P, or beyond the bounds, every measure is null."""

    def __init__(self, market: Market, symbol: str, limits: Limits) -> None:
        self.market, self.symbol, self.limits = market, symbol, limits
        bars = market.adjusted(symbol)
        self.has_bar = bars[-1][0] == market.sessions[-1]
        self.bars = len(bars)
        self.is_measured = self.has_bar and is_within_bounds(bars)
        self.features: Mapping[str, Maybe] = {}
        self.anchors: Mapping[str, Mapping[str, Any]] = {}
        self.chosen: str | None = None
        self.levels: Mapping[str, Fraction] | None = None
        if self.is_measured:
            known = market.earnings.get(symbol, ())
            self.slow = Symbol(bars, market.sessions, market.dividends(symbol), limits, known)
            self.features = self.slow.features()
            self.anchors = self.slow.judged()
            self.chosen = self.slow.choice(self.anchors)
            if self.chosen is not None:
                self.levels = self.slow.levels(self.anchors[self.chosen]["line"])
        self.tier = self._tier()
        self.is_full = not self._outside()

    def _of(self, name: str) -> Maybe:
        return self.features.get(name)

    def _at_least(self, name: str, scale: int, threshold: Fraction) -> bool:
        value = self.features.get(name)
        return value is not None and F(value, 10**scale) >= threshold

    def _above(self, name: str, other: str) -> bool:
        left, right = self.features.get(name), self.features.get(other)
        return left is not None and right is not None and left > right

    def above_sma200(self) -> bool | None:
        line = self.features.get("sma200")
        return None if line is None else self.features["close"] * 100 > line

    def _outside(self) -> list[str]:
        """G2 to G6."""
        market, own, symbol = self.market, self.limits, self.symbol
        allow = own.universe_allow
        traded = market.bars[symbol][-1][4] if self.has_bar else None
        asked = (
            ("UNIVERSE_NOT_MEMBER", market.members is None or symbol in market.members),
            ("UNIVERSE_LIST", symbol not in own.universe_deny and (allow is None or symbol in allow)),
            ("UNIVERSE_METRIC_FAILED", self._is_worth_it()),
            ("DATA_QUARANTINED", symbol not in market.quarantine),
            ("CORP_ACTION_TODAY", symbol not in market.blocked()),
            ("HISTORY_SHORT", self.has_bar and self.bars >= own.history_bars_min),
            ("PRICE_BELOW_MIN", traded is not None and F(traded, 10_000) >= own.price_min),
            ("ADV_SHARES_LOW", self._at_least("adv_shares20", 2, own.adv_shares_min)),
            ("ADV_DOLLARS_LOW", self._at_least("adv_usd20", 2, own.adv_usd_min)),
        )
        found = []
        for code, passes in asked:
            if not passes:
                found.append(code)
                found += market.quarantine[symbol] if code == "DATA_QUARANTINED" else ()
        return found

    def _is_worth_it(self) -> bool:
        """U2: a threshold is asked of an answer only; whom the answer leaves out does not reach it."""
        told, least = self.market.market_caps, self.limits.market_cap_usd_min
        if told is None or least is None:
            return True
        cap = told.get(self.symbol)
        return cap is not None and cap >= least

    def _tier(self) -> str | None:
        close, sma20, sma50 = (self._of(name) for name in ("close", "sma20", "sma50"))
        if sma50 is None:
            return None
        if close * 100 > sma20 and sma20 >= sma50:
            return "A"
        slope = self.features["sma50_slope10"]
        return "B" if close * 100 > sma50 and slope is not None and slope > 0 else None

    def is_young(self) -> bool:
        """Measured, and without forty weekly closes: G9 is not asked."""
        return self.is_measured and len(self.slow.weekly()) < 40

    def _reports_soon(self) -> bool:
        """G7, a null record included."""
        known = self.market.earnings.get(self.symbol, ())
        if self.limits.earnings_policy == "off":
            return False
        if not known and self.limits.earnings_policy == "required":
            return True
        return any(self.market.today <= day <= self.market.ahead[-1] for day, _ in known)

    def _is_calm(self) -> bool:
        pct, half = self.features.get("atr_pct"), self.features.get("atr_pct_median")
        return pct is not None and half is not None and pct <= self.limits.atr_expansion_max * half

    def codes(self, gate_open: bool) -> list[str]:
        """G2 to G16: every code, in order."""
        own, pct, plan = self.limits, self.features.get("atr_pct"), self.levels
        found = self._outside()
        asked = (
            ("EARNINGS_NEAR", not self._reports_soon()),
            ("MARKET_GATE_CLOSED", gate_open),
            ("WEEKLY_NOT_ALIGNED", self.is_young() or self._above("weekly_sma10", "weekly_sma40")),
            ("ATR_TOO_SMALL", self._at_least("atr14", 6, own.atr_usd_min)),
            ("ATR_PCT_TOO_HIGH", pct is not None and F(pct, 10**6) <= own.atr_pct_max),
            ("ATR_EXPANDED", self._is_calm()),
            ("NO_TREND_TIER", self.tier is not None),
            ("NO_ELIGIBLE_ANCHOR", self.chosen is not None),
        )
        found += [code for code, passes in asked if not passes]
        if self.chosen is None:
            seen = {code for row in self.anchors.values() for code in row.get("codes", ())}
            found += [code for code in LETTER if code in seen]
        if plan is None or not 0 < plan["stop"] < plan["entry_ref"] < plan["r1"] < plan["r2"]:
            found.append("LEVELS_INVALID")
        widest = own.unit_risk_pct_max * plan["entry_ref"] if plan is not None else F(0)
        if plan is None or plan["entry_ref"] - plan["stop"] > widest:
            found.append("UNIT_RISK_TOO_WIDE")
        return found

    def row(self, codes: list[str], rank: int | None) -> dict[str, Any]:
        row: dict[str, Any] = {"symbol": self.symbol, "verdict": "REJECTED", "codes": codes}
        if rank is not None:
            is_kept = rank <= self.limits.candidate_cap
            row |= {"rank": rank, "verdict": "CANDIDATE" if is_kept else "CAPPED"}
            row["codes"] = [] if is_kept else ["CANDIDATE_CAP"]
        if self.tier is not None:
            row["tier"] = self.tier
        if self.symbol in self.market.sectors:
            row["sector"] = self.market.sectors[self.symbol]
        if self._infos():
            row["info"] = self._infos()
        if self.symbol in self.market.warnings:
            row["warnings"] = list(self.market.warnings[self.symbol])
        return row | self.measured()

    def _infos(self) -> list[str]:
        info, market = [], self.market
        if self.limits.earnings_policy != "off" and market.earnings and not market.earnings.get(self.symbol):
            info.append("EARNINGS_UNKNOWN")
        if self.is_young():
            info.append("WEEKLY_NOT_APPLICABLE")
        return info

    def measured(self) -> dict[str, Any]:
        """Features, anchors, labels, choice and levels."""
        features: dict[str, Any] = {}
        for name, value in self.features.items():
            scale = 4 if name in PRICES else SCALES.get(name, 6)
            features[name] = _price(value) if name in PRICES else _measure(value, scale)
        features["bars"] = self.bars
        slow, fractal = self.slow, self.slow.fractal()
        if fractal is not None:
            features["fractal_low"] = slow.day[fractal].isoformat()
        strength = self._sector_rs()
        if strength is not None:
            features["sector_rs"] = strength
        row: dict[str, Any] = {"features": features, "anchors": self._anchors(), "labels": self._labels()}
        if self.chosen is not None:
            row |= {"chosen": self.chosen, "confluence": slow.confluence(self.anchors, self.chosen)}
        if self.levels is not None:
            row["levels"] = {name: _price(q(price, 4)) for name, price in self.levels.items()}
        return row

    def _anchors(self) -> list[dict[str, Any]]:
        rows: dict[str, dict[str, Any]] = {}
        for name, own in self.anchors.items():
            if "alias" in own:
                rows[own["alias"]].setdefault("also", []).append(name)
                continue
            row = {"a": name, "on": self.slow.day[own["a"]].isoformat()}
            row |= {
                k: _measure(q(own[n], 6), 6) for k, n in (("v", "line"), ("d", "distance"), ("s", "slope"))
            }
            if own["reclaim"]:
                row["r"] = True
            if own["codes"]:
                row["no"] = "".join(LETTER[code] for code in own["codes"])
            else:
                row["q"] = _measure(q(own["score"], 4), 4)
            rows[name] = row
        return list(rows.values())

    def _labels(self) -> dict[str, Any]:
        slow = self.slow
        labels: dict[str, Any] = {"structure": slow.structure()}
        if slow.gap_reset() != "none":
            labels["gap_reset"] = slow.gap_reset()
        lines = {"vwap20": [slow.vwap20(slow.t - k) for k in range(3)]}
        if self.chosen is not None:
            a = self.anchors[self.chosen]["a"]
            lines["chosen"] = [slow.avwap(a, slow.t - k) for k in range(3)]
        for name, line in lines.items():
            if line[0] is not None:
                reclaim, control, acceptance, extension = slow.line_labels(line)
                words = [control, extension, *([acceptance] if acceptance != "none" else [])]
                labels[name] = [*words, *(["reclaim"] if reclaim else [])]
        return labels

    def _sector_rs(self) -> float | None:
        market = self.market
        fund = market.funds.get(market.sectors.get(self.symbol, ""), "")
        ends = [_twenty_bars(market, symbol) for symbol in (fund, market.benchmark)]
        return None if None in ends else _measure(q(ends[0] / ends[1], 6), 6)


def _twenty_bars(market: Market, symbol: str) -> Maybe:
    bars = market.adjusted(symbol) if symbol in market.bars else []
    if len(bars) < 21 or bars[-1][0] != market.sessions[-1] or min(bars[-1][4], bars[-21][4]) <= 0:
        return None
    return F(bars[-1][4], bars[-21][4])


def is_within_bounds(bars: Sequence[Bar]) -> bool:
    """Whether the kernel may measure the last of *bars*."""
    for back, (_, o, h, low, c, v) in enumerate(reversed(bars)):
        if not all(0 < price < PRICE_BOUND for price in (h, low, c)):
            return False
        is_whole = 0 < o < PRICE_BOUND and 0 <= v < VOLUME_BOUND and (h + low + c) * v < TURNOVER_BOUND
        if back < LOOKS_BACK and not is_whole:
            return False
    return True


def _measure(value: int | None, scale: int) -> float | None:
    return None if value is None else value / 10**scale


def _price(e4: int) -> str:
    return f"{Decimal(e4).scaleb(-4):f}"
