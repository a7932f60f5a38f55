"""A window over daily summaries is their sum, and counts in how many of its sessions a reason was there, or led.

The last N sessions that have a summary, by their own dates; with fewer there is no window, which is no error. Source:
strategy.md 9.10.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from analytics.exact import divided
from analytics.lots import ZERO
from analytics.risk_summary import TOP
from schemas.base import SessionDate
from schemas.risk_attribution import CodeCount, RiskSummary
from schemas.rolling import ReasonOver, RegimeOver, RollingRisk, SymbolOver

WINDOWS: Final = (5, 20, 60)
Daily = tuple[SessionDate, RiskSummary]
_SUMS: Final = (
    "decisions",
    "modulated",
    "unmodified",
    "baseline_notional",
    "modulated_notional",
    "delta_notional",
    "hypothetical_delta_notional",
)


def run(days: Sequence[Daily], window: int) -> RollingRisk | None:
    """The window of the last *window* of *days* (oldest first, one per session); None if there are fewer."""
    assert window >= 1, "a window of no session says nothing"
    assert [day for day, _ in days] == sorted({day for day, _ in days}), "one summary a session, oldest first"
    if len(days) < window:
        return None
    kept = days[-window:]
    summaries = [found for _, found in kept]
    sums = {name: sum(getattr(each, name) for each in summaries) for name in _SUMS}
    reasons, symbols = _by_reason(summaries), _by_symbol(summaries)
    base, leads = sums["baseline_notional"], reasons and reasons[0].delta_notional_exclusive != 0
    return RollingRisk(
        window=window,
        sessions=tuple(day for day, _ in kept),
        **sums,
        delta_fraction=divided(sums["delta_notional"], base, 9) if base else None,
        by_reason=reasons,
        dominant_reason=reasons[0].code if leads else None,
        by_regime=_by_regime(summaries),
        hard_caps=_hard_caps(summaries),
        top_symbols=symbols[:TOP],
        symbols_left_out=len(symbols[TOP:]) + sum(each.symbols_left_out for each in summaries),
    )


def dominant(day: RiskSummary) -> str | None:
    """The reason that took off most by itself; None on a day that lost nothing."""
    first = day.by_reason[0] if day.by_reason else None
    return first.code if first is not None and first.delta_notional_exclusive != 0 else None


def _by_reason(days: Sequence[RiskSummary]) -> tuple[ReasonOver, ...]:
    rows = []
    for code in sorted({row.code for day in days for row in day.by_reason}):
        mine = [row for day in days for row in day.by_reason if row.code == code]
        rows.append(
            ReasonOver(
                code=code,
                sessions=len(mine),
                share=divided(len(mine), len(days), 9),
                sessions_dominant=sum(1 for day in days if dominant(day) == code),
                decisions=sum(row.decisions for row in mine),
                delta_notional=sum((row.delta_notional for row in mine), ZERO),
                delta_notional_exclusive=sum((row.delta_notional_exclusive for row in mine), ZERO),
            )
        )
    return tuple(sorted(rows, key=lambda row: (-abs(row.delta_notional_exclusive), row.code)))


def _by_regime(days: Sequence[RiskSummary]) -> tuple[RegimeOver, ...]:
    found: dict[str | None, list[Decimal]] = {}
    for day in days:
        found.setdefault(day.regime.label, []).append(day.delta_notional)
    rows = [
        RegimeOver(
            label=label,
            sessions=len(deltas),
            share=divided(len(deltas), len(days), 9),
            delta_notional=sum(deltas, ZERO),
        )
        for label, deltas in found.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.sessions, row.label or "")))


def _hard_caps(days: Sequence[RiskSummary]) -> tuple[CodeCount, ...]:
    found: dict[str, int] = {}
    for row in (row for day in days for row in day.hard_caps):
        found[row.code] = found.get(row.code, 0) + row.decisions
    return tuple(CodeCount(code=code, decisions=n) for code, n in sorted(found.items()))


def _by_symbol(days: Sequence[RiskSummary]) -> tuple[SymbolOver, ...]:
    rows = []
    for symbol in sorted({row.symbol for day in days for row in day.top_symbols}):
        mine = [row for day in days for row in day.top_symbols if row.symbol == symbol]
        rows.append(
            SymbolOver(
                symbol=symbol,
                sessions=len(mine),
                decisions=sum(row.decisions for row in mine),
                delta_notional=sum((row.delta_notional for row in mine), ZERO),
            )
        )
    return tuple(sorted(rows, key=lambda row: (-abs(row.delta_notional), row.symbol)))
