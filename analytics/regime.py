"""The regime is read from closes up to P by four measures and one table: no learning, no memory.

Sums are exact integers; every measure is quantised before a threshold sees it. Source: strategy.md 8.1, 8.2.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from analytics.config import RegimeConfig
from schemas.base import SessionDate, quantise
from schemas.header import Finding
from schemas.reasons.analytics import RegimeCode as Code
from schemas.regime import Regime, RegimeLabel, RegimeMeasures, RegimeStatus

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SESSIONS_A_YEAR: Final = 252
VOL_RETURNS: Final = 20
DRAWDOWN_CLOSES: Final = 63
TREND_SHORT: Final = 50
TREND_LONG: Final = 200
BREADTH_BARS: Final = 50
STALE_SESSIONS_MAX: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Closes:
    """Closes of one symbol, 1e-4 USD, oldest first, on the basis of D; and each one's index into sessions."""

    session: Sequence[int]
    close: Sequence[int]

    def __post_init__(self) -> None:
        assert len(self.session) == len(self.close), "every close has its session"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeInputs:
    """What the regime of D is measured from; nothing in it is later than P.

    sessions: panel sessions, P last. benchmark: empty if the store has none. above of members: clean members
    with C >= sma50, and those of them with 50 bars (``breadth_counts``). proxy: IWM, if the store has it.
    """

    sessions: Sequence[date]
    benchmark_symbol: str
    benchmark: Closes
    above: int
    members: int
    proxy: Closes | None = None


def run(inputs: RegimeInputs, config: RegimeConfig) -> Regime:
    """Measure, then label; an input that is not to be had makes the record SKIPPED, with every code."""
    last = len(inputs.sessions) - 1
    used = _within(inputs.benchmark, last, TREND_LONG)
    resolved = used[-1][0] if used else None
    measures, proxied = _measures(inputs, [close for _, close in used], config)
    missing = _missing(inputs, measures, resolved, last)
    info = [Code.BREADTH_PROXY] if proxied else []
    info += [Code.RESOLVED_TO_LAST_SESSION] if resolved is not None and resolved != last else []
    label, confidence, reasons = None, None, missing
    if not missing:
        label, tenths, reasons = _label(measures, config)
        confidence = (tenths - len(info)) / 10
    return Regime(
        status=RegimeStatus.SKIPPED if missing else RegimeStatus.MEASURED,
        label=label,
        confidence=confidence,
        benchmark=inputs.benchmark_symbol,
        data_session=SessionDate(inputs.sessions[last]),
        resolved_session=None if resolved is None else SessionDate(inputs.sessions[resolved]),
        measures=measures,
        reasons=(*reasons, *(Finding(code=code, subject=inputs.benchmark_symbol) for code in info)),
    )


def breadth_counts(
    lo: "NDArray[Any]",
    hi: "NDArray[Any]",
    session: "NDArray[Any]",
    close: "NDArray[Any]",
    clean: "NDArray[np.bool_]",
    last: int,
) -> tuple[int, int]:
    """(above, members) over the symbols of a panel: members are clean, traded at *last* and have 50 bars.

    lo, hi: row range per symbol into the flat arrays; session: index per row; close: 1e-4 USD per row;
    clean: one bool per symbol; last: index of P. The comparison 50*C >= sum of 50 closes is exact in int64.
    """
    import numpy as np

    able = clean & (hi - lo >= BREADTH_BARS)
    ends = np.asarray(hi, dtype=np.int64)[able]
    ends = ends[session[ends - 1] == last]
    rows = ends[:, None] - np.arange(BREADTH_BARS, 0, -1)
    sums = close[rows].sum(axis=1, dtype=np.int64)
    above = close[ends - 1].astype(np.int64) * BREADTH_BARS >= sums
    return int(above.sum()), len(ends)


def _within(closes: Closes, last: int, count: int) -> list[tuple[int, int]]:
    """The latest *count* (session, close) at or before *last*, oldest first."""
    pairs = [(int(s), int(c)) for s, c in zip(closes.session, closes.close, strict=True) if s <= last]
    assert all(a[0] < b[0] for a, b in pairwise(pairs)), "closes come oldest first, one a session"
    return pairs[-count:]


def _measures(inputs: RegimeInputs, closes: list[int], config: RegimeConfig) -> tuple[RegimeMeasures, bool]:
    breadth: float | None = None
    proxied = False
    if inputs.members >= config.breadth_members_min:
        breadth = quantise(inputs.above / inputs.members, 6)
    elif (proxy := _breadth_proxy(inputs)) is not None:
        breadth, proxied = proxy, True
    measures = RegimeMeasures(
        vol20=_vol20(closes),
        drawdown63=_drawdown63(closes),
        trend=_trend(closes),
        breadth=breadth,
        breadth_members=inputs.members,
        breadth_above=inputs.above,
    )
    return measures, proxied


def _vol20(closes: list[int]) -> float | None:
    if len(closes) < VOL_RETURNS + 1:
        return None
    recent = closes[-VOL_RETURNS - 1 :]
    returns = [round((new / old - 1) * 1e7) for old, new in pairwise(recent)]
    # n * sum(r^2) - (sum r)^2 is n^2 times the population variance, exact in integers.
    spread = VOL_RETURNS * sum(r * r for r in returns) - sum(returns) ** 2
    return quantise(math.sqrt(spread) / VOL_RETURNS / 1e7 * math.sqrt(SESSIONS_A_YEAR), 6)


def _drawdown63(closes: list[int]) -> float | None:
    if len(closes) < DRAWDOWN_CLOSES:
        return None
    peak, deepest = 0, Fraction(0)
    for close in closes[-DRAWDOWN_CLOSES:]:
        peak = max(peak, close)
        deepest = max(deepest, Fraction(peak - close, peak))
    return quantise(deepest.numerator / deepest.denominator, 6)


def _trend(closes: list[int]) -> float | None:
    if len(closes) < TREND_LONG:
        return None
    short = quantise(sum(closes[-TREND_SHORT:]) / (TREND_SHORT * 10_000), 6)
    long = quantise(sum(closes[-TREND_LONG:]) / (TREND_LONG * 10_000), 6)
    return quantise(short / long - 1, 6) if short is not None and long else None


def _breadth_proxy(inputs: RegimeInputs) -> float | None:
    """1 if proxy/benchmark is at or above its mean over 50 common sessions, else 0."""
    if inputs.proxy is None:
        return None
    last = len(inputs.sessions) - 1
    base = dict(_within(inputs.benchmark, last, len(inputs.sessions)))
    ratios = [Fraction(c, base[s]) for s, c in _within(inputs.proxy, last, len(inputs.sessions)) if s in base]
    if len(ratios) < BREADTH_BARS:
        return None
    return 1.0 if ratios[-1] * BREADTH_BARS >= sum(ratios[-BREADTH_BARS:]) else 0.0


def _missing(inputs: RegimeInputs, found: RegimeMeasures, resolved: int | None, last: int) -> list[Finding]:
    """Why no label can be given, in order. Of an absent benchmark the histories are not reported as well."""
    symbol, findings = inputs.benchmark_symbol, []
    if resolved is None:
        findings.append(Finding(code=Code.MISSING_SYMBOL_SPY, subject=symbol, detail="no bar at or before P"))
    else:
        bars = min(len(inputs.benchmark.close), TREND_LONG)
        if last - resolved > STALE_SESSIONS_MAX:
            findings.append(
                Finding(
                    code=Code.EXCESSIVE_PRICE_STALENESS,
                    subject=symbol,
                    observed=last - resolved,
                    threshold=STALE_SESSIONS_MAX,
                    detail="sessions between the last bar and P",
                )
            )
        for measure, code, need in (
            (found.vol20, Code.INSUFFICIENT_VOL_HISTORY, VOL_RETURNS + 1),
            (found.drawdown63, Code.INSUFFICIENT_DRAWDOWN_HISTORY, DRAWDOWN_CLOSES),
            (found.trend, Code.INSUFFICIENT_TREND_HISTORY, TREND_LONG),
        ):
            if measure is None:
                findings.append(
                    Finding(code=code, subject=symbol, observed=bars, threshold=need, detail="closes")
                )
    if found.breadth is None:
        findings.append(
            Finding(
                code=Code.INSUFFICIENT_BREADTH,
                subject=symbol,
                observed=inputs.members,
                detail="clean members with 50 bars, and no proxy",
            )
        )
    return findings


def _label(found: RegimeMeasures, config: RegimeConfig) -> tuple[RegimeLabel, int, list[Finding]]:
    """(label, confidence in tenths, votes): the first row of the table that holds."""
    vol, fall, trend, breadth = found.vol20, found.drawdown63, found.trend, found.breadth
    assert vol is not None, "a missing measure is never labelled"
    assert fall is not None, "a missing measure is never labelled"
    assert trend is not None, "a missing measure is never labelled"
    assert breadth is not None, "a missing measure is never labelled"

    def votes(*rows: tuple[bool, Code, float, float]) -> list[Finding]:
        return [
            Finding(code=code, subject="market", observed=seen, threshold=limit)
            for holds, code, seen, limit in rows
            if holds
        ]

    stressed = votes(
        (vol >= config.vol_high, Code.VOL_HIGH, vol, config.vol_high),
        (fall >= config.drawdown_deep, Code.DRAWDOWN_DEEP, fall, config.drawdown_deep),
        (trend <= config.trend_down, Code.TREND_DOWN, trend, config.trend_down),
    )
    if fall >= config.drawdown_deep or (vol >= config.vol_high and trend <= config.trend_down):
        return RegimeLabel.STRESSED, min(10, 7 + len(stressed)), stressed
    risk_off = votes(
        (vol >= config.vol_elevated, Code.VOL_ELEVATED, vol, config.vol_elevated),
        (fall >= config.drawdown_moderate, Code.DRAWDOWN_MODERATE, fall, config.drawdown_moderate),
        (trend < 0, Code.TREND_NEGATIVE, trend, 0.0),
        (breadth <= config.breadth_weak, Code.BREADTH_WEAK, breadth, config.breadth_weak),
    )
    if risk_off:
        return RegimeLabel.RISK_OFF, min(9, 5 + len(risk_off)), risk_off
    risk_on = votes(
        (vol <= config.vol_elevated, Code.VOL_CALM, vol, config.vol_elevated),
        (fall < config.drawdown_moderate, Code.DRAWDOWN_SHALLOW, fall, config.drawdown_moderate),
        (trend >= config.trend_positive, Code.TREND_POSITIVE, trend, config.trend_positive),
        (breadth >= config.breadth_strong, Code.BREADTH_STRONG, breadth, config.breadth_strong),
    )
    if len(risk_on) == 4:
        return RegimeLabel.RISK_ON, 9, risk_on
    return RegimeLabel.NEUTRAL, 4, [Finding(code=Code.MIXED_SIGNALS, subject="market")]
