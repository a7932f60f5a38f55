"""Every gate is asked of every symbol, and what fails is a bit; nothing unknown ever passes.

Vectorised over the kernel's integer columns. Bits stand in the order of ``ScanCode``, so a mask read from
the low end is the ordered list of a verdict's codes (strategy.md 2.4). Thresholds are integers too.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from schemas.reasons.scan import ScanCode
from strategies import layout
from strategies.config import EarningsPolicy, ScanConfig
from strategies.layout import NULL, Ints
from strategies.measures import ppm

CODES: Final = tuple(ScanCode)
BIT: Final = {code: 1 << place for place, code in enumerate(CODES)}
OUTSIDE: Final = sum(
    BIT[code]
    for code in (
        ScanCode.UNIVERSE_NOT_MEMBER,
        ScanCode.UNIVERSE_LIST,
        ScanCode.UNIVERSE_METRIC_FAILED,
        ScanCode.DATA_QUARANTINED,
        ScanCode.CORP_ACTION_TODAY,
        ScanCode.HISTORY_SHORT,
        ScanCode.PRICE_BELOW_MIN,
        ScanCode.ADV_SHARES_LOW,
        ScanCode.ADV_DOLLARS_LOW,
    )
)
"""G2 to G6: a symbol with one of these gets a short row."""

TIER_NONE, TIER_A, TIER_B = 0, 1, 2
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of each symbol beside its bars; arrays of shape (symbols,)."""

    is_member: Bools
    is_listed: Bools
    """Not on the deny list, and on the allow list if there is one."""
    meets_metrics: Bools
    """By what a provider answered (U2); true of all where none did."""
    is_quarantined: Bools
    has_action: Bools
    is_reporting: Bools
    """Earnings are due from D to the second session after it."""
    has_earnings: Bools
    """Some report of the symbol, past or announced, is recorded."""
    close_as_traded: Ints
    """e4, NULL without a bar at P."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What holds for every symbol: no B finding, and the benchmark above its mean (G8)."""

    is_open: bool
    is_market_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """Failed gates as bits, the trend tier, and whether G9 could be asked; arrays of shape (symbols,)."""

    failed: Ints
    tier: Ints
    has_weeks: Bools


def judge(features: Ints, anchors: Ints, standing: Standing, day: Day, config: ScanConfig) -> Verdicts:
    """All sixteen gates. *features* (symbols, FEATURES) holds NULL where there is no measure."""
    failed = np.zeros(len(features), np.int64)

    def demand(code: ScanCode, passes: Bools | bool) -> None:
        failed[~np.broadcast_to(np.asarray(passes, np.bool_), failed.shape)] |= BIT[code]

    f = _Columns(features)
    demand(ScanCode.DATA_DAY_BLOCKED, day.is_open)
    demand(ScanCode.UNIVERSE_NOT_MEMBER, standing.is_member)
    demand(ScanCode.UNIVERSE_LIST, standing.is_listed)
    demand(ScanCode.UNIVERSE_METRIC_FAILED, standing.meets_metrics)
    demand(ScanCode.DATA_QUARANTINED, ~standing.is_quarantined)
    demand(ScanCode.CORP_ACTION_TODAY, ~standing.has_action)
    demand(ScanCode.HISTORY_SHORT, f.at_least(layout.BARS, config.history_bars_min))
    demand(ScanCode.PRICE_BELOW_MIN, standing.close_as_traded >= _whole(config.price_min, 4))
    demand(ScanCode.ADV_SHARES_LOW, f.at_least(layout.ADV_SHARES20, _whole(config.adv_shares_min, 2)))
    demand(ScanCode.ADV_DOLLARS_LOW, f.at_least(layout.ADV_USD20, _whole(config.adv_usd_min, 2)))
    demand(ScanCode.EARNINGS_NEAR, _is_quiet(standing, config.earnings_policy))
    demand(ScanCode.MARKET_GATE_CLOSED, day.is_market_up or not config.market_gate)
    weeks = f[layout.WEEKS]
    is_young = (weeks != NULL) & (weeks < 40)
    demand(ScanCode.WEEKLY_NOT_ALIGNED, is_young | f.above(layout.WEEKLY10, layout.WEEKLY40))
    _demand_volatility(f, demand, config)
    tier = _tier(f)
    demand(ScanCode.NO_TREND_TIER, tier != TIER_NONE)
    has_anchor = f[layout.CHOSEN] >= 0
    demand(ScanCode.NO_ELIGIBLE_ANCHOR, has_anchor)
    failed |= np.where(has_anchor, 0, _anchor_bits(anchors))
    _demand_levels(f, demand, config)
    return Verdicts(failed=failed, tier=tier, has_weeks=~is_young)


def codes_of(failed: int) -> list[str]:
    """The codes of a mask, in gate order."""
    return [str(code) for code in CODES if failed & BIT[code]]


class _Columns:
    """Feature columns compared so that NULL makes every comparison false."""

    def __init__(self, features: Ints) -> None:
        self._features = features

    def __getitem__(self, column: int) -> Ints:
        return self._features[:, column]

    def known(self, *columns: int) -> Bools:
        found: Bools = np.logical_and.reduce([self[column] != NULL for column in columns])
        return found

    def at_least(self, column: int, threshold: int) -> Bools:
        return self.known(column) & (self[column] >= threshold)

    def above(self, column: int, other: int) -> Bools:
        return self.known(column, other) & (self[column] > self[other])


def _is_quiet(standing: Standing, policy: EarningsPolicy) -> Bools | bool:
    """G7. Unknown passes under ``if_known`` and refuses under ``required``."""
    if policy is EarningsPolicy.OFF:
        return True
    is_answered = standing.has_earnings if policy is EarningsPolicy.REQUIRED else True
    return ~standing.is_reporting & is_answered


def _demand_volatility(f: _Columns, demand: Any, config: ScanConfig) -> None:
    pct, median = f[layout.ATR_PCT], f[layout.ATR_PCT_MEDIAN]
    demand(ScanCode.ATR_TOO_SMALL, f.at_least(layout.ATR14, _whole(config.atr_usd_min, 6)))
    demand(ScanCode.ATR_PCT_TOO_HIGH, f.known(layout.ATR_PCT) & (pct <= ppm(config.atr_pct_max)))
    is_known = f.known(layout.ATR_PCT, layout.ATR_PCT_MEDIAN)
    is_calm = pct * layout.PPM <= ppm(config.atr_expansion_max) * median
    demand(ScanCode.ATR_EXPANDED, is_known & is_calm)


def _tier(f: _Columns) -> Ints:
    close = np.where(f.known(layout.SMA50), f[layout.CLOSE], 0) * 100
    is_a = f.known(layout.SMA20, layout.SMA50) & (close > f[layout.SMA20])
    is_a &= f[layout.SMA20] >= f[layout.SMA50]
    is_b = f.known(layout.SMA50) & (close > f[layout.SMA50]) & f.at_least(layout.SLOPE10, 1)
    return np.where(is_a, TIER_A, np.where(is_b, TIER_B, TIER_NONE)).astype(np.int64)


def _anchor_bits(anchors: Ints) -> Ints:
    fails = anchors[:, :, layout.A_FAILS]
    seen = np.bitwise_or.reduce(np.where(fails == NULL, 0, fails), axis=1)
    bits = np.zeros(len(anchors), np.int64)
    for flag, code in (
        (layout.TOO_YOUNG, ScanCode.ANCHOR_TOO_YOUNG),
        (layout.BELOW, ScanCode.BELOW_AVWAP),
        (layout.SLOPE_DOWN, ScanCode.AVWAP_SLOPE_DOWN),
        (layout.TOO_FAR, ScanCode.AVWAP_TOO_FAR),
    ):
        bits |= np.where(seen & flag, BIT[code], 0)
    return bits


def _demand_levels(f: _Columns, demand: Any, config: ScanConfig) -> None:
    ref, stop = f[layout.ENTRY_REF], f[layout.STOP]
    is_known = f.known(layout.ENTRY_REF, layout.STOP)
    is_ordered = (stop > 0) & (stop < ref) & (ref < f[layout.R1]) & (f[layout.R1] < f[layout.R2])
    demand(ScanCode.LEVELS_INVALID, is_known & is_ordered)
    risk = np.where(is_known, ref - stop, 0)
    price = np.where(is_known, ref, 0)
    demand(
        ScanCode.UNIT_RISK_TOO_WIDE,
        is_known & (risk * layout.PPM <= ppm(config.unit_risk_pct_max) * price),
    )


def _whole(threshold: Decimal, scale: int) -> int:
    """The least integer at *scale* that is not below *threshold*: x >= threshold iff q >= this."""
    return int(threshold.scaleb(scale).to_integral_value(rounding="ROUND_CEILING"))
