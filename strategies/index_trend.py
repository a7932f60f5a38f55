"""``S2_INDEX_TREND`` buys an index or sector fund that makes a new high in a rising long trend, and lets it run.

A pure function of (panel, data contract, actions, config), long only, off unless ``strategies_enabled`` names it.
Every fund of ``trend.universe`` gets a verdict with all its reasons. C is the close of P; measures are those of the
scan's kernel, compared as its integers; a null passes nothing.

| # | condition to pass | code |
|---|---|---|
| T1 | no B finding | `DATA_DAY_BLOCKED` |
| T2 | not on `universe_deny`; on `universe_allow` if that is set | `UNIVERSE_LIST` |
| T3 | no Q finding | `DATA_QUARANTINED` |
| T4 | no blocking action on D | `CORP_ACTION_TODAY` |
| T5 | bars >= `history_bars_min` 200, the last of them at P | `HISTORY_SHORT` |
| T6 | price, shares and turnover as the scan's G6 | `PRICE_BELOW_MIN` `ADV_SHARES_LOW` `ADV_DOLLARS_LOW` |
| T7 | C > sma200 | `TREND_BELOW_SMA200` |
| T8 | sma50 > sma200 | `TREND_NOT_RISING` |
| T9 | C >= high, the highest close of the `high_bars` 55 bars before P | `TREND_NO_NEW_HIGH` |
| T10 | 0 < stop < entry_ref < r1 < r2, and stop < limit_cap < r1 | `LEVELS_INVALID` |
| T11 | entry_ref - stop <= `unit_risk_pct_max` of entry_ref | `UNIT_RISK_TOO_WIDE` |

A fund belongs to no membership table, has no company's metrics and reports no earnings, and its own trend is its
market gate: of the scan's gates those are not asked. *Ranking* of those without a code: lead = sma50/sma200 - 1
(scale 6) descending, symbol. Ranks above `candidate_cap` 5 keep their verdict with `CANDIDATE_CAP`.

| level | formula |
|---|---|
| level | down(high): the old high is the price to hold |
| entry_ref | C |
| stop | down(min(C - `atr_multiple` 3 * atr14, (1 - `stop_distance_min`) * C)); u = C - stop |
| r1, r2 | up(C + `r1_multiple` 2 * u); up(max(C + `r2_multiple` 4 * u, r1 + tick)) |
| limit_cap | down(min(C * (1 + `entry_drift_max`), r1 - tick, stop / (1 - `unit_risk_pct_max`))) |

Its exits are those of every position. `r1_fraction` and `r2_fraction` are 0: nothing is sold at a target, r1 lifts the
stop to breakeven, from r2 on it trails. What has not seen r1 after `time_stop_sessions` 120 is sold.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

import numpy as np

from market.panel import Panel
from schemas.base import Scalar, down, tick, up
from schemas.header import Finding
from schemas.reasons.scan import ScanCode, TrendCode
from schemas.scan import ScanVerdict, TrendLevels, TrendMeasures, TrendRow, TrendScan
from strategies import layout
from strategies.config import ScanConfig, TrendConfig
from strategies.layout import NULL
from strategies.measures import measure
from strategies.rows import decimal_of
from strategies.scan import ScanInputs

_UNMEASURED = (NULL,) * layout.FEATURES


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fund:
    """One fund at P. f: its feature row, all NULL without a bar at P. high, traded: e4, NULL if not to be had."""

    symbol: str
    f: tuple[int, ...]
    high: int
    traded: int


def run(inputs: ScanInputs, config: TrendConfig, scan: ScanConfig) -> TrendScan:
    """A verdict on every fund of the universe, ranked."""
    judged = [(fund, _judge(fund, inputs, config, scan)) for fund in _funds(inputs.panel, config, scan)]
    passed = sorted((f for f, row in judged if not row.reasons), key=lambda f: (-_lead(f.f), f.symbol))
    ranks = {fund.symbol: place for place, fund in enumerate(passed, start=1)}
    return TrendScan(rows=tuple(_ranked(row, ranks.get(row.symbol), config) for _, row in judged))


def _funds(panel: Panel, config: TrendConfig, scan: ScanConfig) -> list[_Fund]:
    """The universe by symbol, measured alone: no symbol's measures know another symbol."""
    places = {name: panel.position(name) for name in sorted(set(config.universe))}
    kept = sorted(at for at in places.values() if at is not None)
    alone = replace(
        panel, symbols=tuple(panel.symbols[at] for at in kept), lo=panel.lo[kept], hi=panel.hi[kept]
    )
    rows = {}
    if kept:
        measured = measure(alone, scan)
        rows = {
            name: tuple(measured.features[row].tolist())
            for name, row in zip(alone.symbols, measured.at.tolist(), strict=True)
            if row >= 0
        }
    return [_fund(panel, name, at, rows.get(name, _UNMEASURED), config) for name, at in places.items()]


def _fund(panel: Panel, symbol: str, at: int | None, f: tuple[int, ...], config: TrendConfig) -> _Fund:
    high = NULL
    if at is not None and f[layout.SESSION] != NULL:
        before = panel.close[max(panel.lo[at], panel.hi[at] - 1 - config.high_bars) : panel.hi[at] - 1]
        if len(before) == config.high_bars and bool(np.all(before > 0)):
            high = int(before.max())
    close = f[layout.CLOSE]
    return _Fund(
        symbol=symbol, f=f, high=high, traded=panel.unsplit.get(symbol, close) if close > 0 else NULL
    )


def _judge(fund: _Fund, inputs: ScanInputs, config: TrendConfig, scan: ScanConfig) -> TrendRow:
    """Every rule asked, in order; rank and cap come after all are judged."""
    f, symbol = fund.f, fund.symbol
    levels = _levels(fund, config, scan)
    found: list[Finding] = []

    def demand(code: str, passes: bool, observed: Scalar = None, threshold: Scalar = None) -> None:
        if not passes:
            found.append(Finding(code=code, subject=symbol, observed=observed, threshold=threshold))

    held = inputs.quarantine.get(symbol, ())
    is_listed = scan.universe_allow is None or symbol in scan.universe_allow
    demand(ScanCode.DATA_DAY_BLOCKED, not inputs.blocking, _joined(inputs.blocking))
    demand(ScanCode.UNIVERSE_LIST, is_listed and symbol not in scan.universe_deny)
    demand(ScanCode.DATA_QUARANTINED, symbol not in inputs.quarantine, _joined(held))
    demand(ScanCode.CORP_ACTION_TODAY, symbol not in inputs.blocked_symbols)
    bars = 0 if f[layout.BARS] == NULL else f[layout.BARS]
    demand(ScanCode.HISTORY_SHORT, bars >= config.history_bars_min, bars, config.history_bars_min)
    for code, seen, scale, least in (
        (ScanCode.PRICE_BELOW_MIN, fund.traded, 4, scan.price_min),
        (ScanCode.ADV_SHARES_LOW, f[layout.ADV_SHARES20], 2, scan.adv_shares_min),
        (ScanCode.ADV_DOLLARS_LOW, f[layout.ADV_USD20], 2, scan.adv_usd_min),
    ):
        value = _exact(seen, scale)
        demand(code, value is not None and value >= least, _text(value), _text(least))
    close, sma50, sma200 = _exact(f[layout.CLOSE], 4), _exact(f[layout.SMA50], 6), _exact(f[layout.SMA200], 6)
    high = _exact(fund.high, 4)
    above = close is not None and sma200 is not None and close > sma200
    rising = sma50 is not None and sma200 is not None and sma50 > sma200
    demand(TrendCode.TREND_BELOW_SMA200, above, _text(close), _text(sma200))
    demand(TrendCode.TREND_NOT_RISING, rising, _text(sma50), _text(sma200))
    reached = close is not None and high is not None and close >= high
    demand(TrendCode.TREND_NO_NEW_HIGH, reached, _text(close), _text(high))
    demand(ScanCode.LEVELS_INVALID, levels is not None and _is_ordered(levels))
    risk = None if levels is None else levels.entry_ref - levels.stop
    most = None if levels is None else scan.unit_risk_pct_max * levels.entry_ref
    is_narrow = risk is not None and most is not None and risk <= most
    demand(ScanCode.UNIT_RISK_TOO_WIDE, is_narrow, _text(risk), _text(most))
    return TrendRow(
        symbol=symbol,
        verdict=ScanVerdict.REJECTED,
        reasons=tuple(found),
        rank=None,
        measures=_measures(fund, bars),
        levels=levels,
    )


def _ranked(row: TrendRow, rank: int | None, config: TrendConfig) -> TrendRow:
    if rank is None:
        return row
    if rank <= config.candidate_cap:
        return row.model_copy(update={"rank": rank, "verdict": ScanVerdict.CANDIDATE})
    cap = Finding(
        code=ScanCode.CANDIDATE_CAP, subject=row.symbol, observed=rank, threshold=config.candidate_cap
    )
    return row.model_copy(update={"rank": rank, "verdict": ScanVerdict.CAPPED, "reasons": (cap,)})


def _levels(fund: _Fund, config: TrendConfig, scan: ScanConfig) -> TrendLevels | None:
    """The price plan; ``None`` without close, high or ATR. Nothing here promises that it is in order."""
    close, atr, high = (
        _exact(fund.f[layout.CLOSE], 4),
        _exact(fund.f[layout.ATR14], 6),
        _exact(fund.high, 4),
    )
    if close is None or atr is None or high is None or close <= 0:
        return None
    stop = down(min(close - config.atr_multiple * atr, (1 - scan.stop_distance_min) * close))
    risk = close - stop
    r1 = up(close + config.r1_multiple * risk)
    r2 = up(max(close + config.r2_multiple * risk, r1 + tick(r1)))
    drift, widest = close * (1 + scan.entry_drift_max), stop / (1 - scan.unit_risk_pct_max)
    return TrendLevels(
        level=down(high),
        entry_ref=close,
        stop=stop,
        r1=r1,
        r2=r2,
        limit_cap=down(min(drift, r1 - tick(r1), widest)),
    )


def _is_ordered(levels: TrendLevels) -> bool:
    is_plan = 0 < levels.stop < levels.entry_ref < levels.r1 < levels.r2
    return bool(is_plan and levels.stop < levels.limit_cap < levels.r1)


def _lead(f: tuple[int, ...]) -> int:
    """sma50/sma200 - 1 in millionths, half to even; NULL if either is missing."""
    sma50, sma200 = f[layout.SMA50], f[layout.SMA200]
    if sma50 == NULL or sma200 == NULL or sma200 <= 0:
        return NULL
    return round(Fraction((sma50 - sma200) * layout.PPM, sma200))


def _measures(fund: _Fund, bars: int) -> TrendMeasures:
    f = fund.f
    shares, usd = _exact(f[layout.ADV_SHARES20], 2), _exact(f[layout.ADV_USD20], 2)
    return TrendMeasures(
        close=_exact(f[layout.CLOSE], 4),
        bars=bars,
        sma50=decimal_of(f[layout.SMA50], 6),
        sma200=decimal_of(f[layout.SMA200], 6),
        lead=decimal_of(_lead(f), 6),
        high=_exact(fund.high, 4),
        atr14=decimal_of(f[layout.ATR14], 6),
        # Down: a cap on participation is a limit, and one share over a limit is a breach.
        adv_shares20=None if shares is None else Decimal(int(shares)),
        adv_usd20=usd,
    )


def _exact(q: int, scale: int) -> Decimal | None:
    return None if q == NULL else Decimal(q).scaleb(-scale)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def _joined(codes: Iterable[str]) -> str | None:
    return ", ".join(str(code) for code in codes) or None
