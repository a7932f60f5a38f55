"""A day of risk attribution is a plain sum of its events: by reason, by regime, by symbol, and nothing is spread.

Two sums per reason: of every event that carries it, and of the steps that are counted under it alone. The second adds
up to the day's delta. Source: strategy.md 9.10.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from analytics.exact import divided
from analytics.lots import ZERO
from schemas.risk_attribution import (
    CodeCount,
    ReasonSum,
    RegimeSeen,
    RegimeSum,
    RiskEvent,
    RiskSummary,
    Spread,
    SymbolSum,
)

TOP: Final = 25


def summary(events: Sequence[RiskEvent], regime: RegimeSeen) -> RiskSummary:
    """The day of *events*; *regime*: that of its morning, which a day without an event has too."""
    modulated = sum(1 for event in events if event.delta.quantity != 0)
    symbols = _by_symbol(events)
    return RiskSummary(
        decisions=len(events),
        modulated=modulated,
        unmodified=len(events) - modulated,
        baseline_notional=_sum(event.baseline.notional for event in events),
        modulated_notional=_sum(event.modulated.notional for event in events),
        delta_notional=_sum(event.delta.notional for event in events),
        hypothetical_delta_notional=_sum(
            event.hypothetical.delta.notional for event in events if event.hypothetical is not None
        ),
        regime=regime,
        fraction=_spread(events),
        by_reason=_by_reason(events),
        by_regime=_by_regime(events),
        hard_caps=counted(code for event in events for code in event.hard_caps_applied),
        top_symbols=symbols[:TOP],
        symbols_left_out=len(symbols[TOP:]),
    )


def counted(codes: Iterable[str]) -> tuple[CodeCount, ...]:
    """How often each of *codes* is there, by code."""
    found: dict[str, int] = {}
    for code in codes:
        found[code] = found.get(code, 0) + 1
    return tuple(CodeCount(code=code, decisions=n) for code, n in sorted(found.items()))


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, ZERO)


def _spread(events: Sequence[RiskEvent]) -> Spread:
    known = sorted(
        event.delta.notional_fraction for event in events if event.delta.notional_fraction is not None
    )
    if not known:
        return Spread(min=None, median=None, max=None)
    half = len(known) // 2
    middle = known[half] if len(known) % 2 else divided(known[half - 1] + known[half], 2, 9)
    return Spread(min=known[0], median=middle, max=known[-1])


def _by_reason(events: Sequence[RiskEvent]) -> tuple[ReasonSum, ...]:
    rows = []
    for code in sorted({code for event in events for code in event.reason_codes}):
        carrying = [event for event in events if code in event.reason_codes]
        parts = [part for event in events for part in event.components if part.code == code]
        rows.append(
            ReasonSum(
                code=code,
                decisions=len(carrying),
                delta_notional=_sum(event.delta.notional for event in carrying),
                delta_notional_exclusive=_sum(part.notional for part in parts),
            )
        )
    return tuple(sorted(rows, key=lambda row: (-abs(row.delta_notional_exclusive), row.code)))


def _by_regime(events: Sequence[RiskEvent]) -> tuple[RegimeSum, ...]:
    labels = sorted({event.regime.label for event in events}, key=lambda label: label or "")
    return tuple(
        RegimeSum(
            label=label,
            decisions=len(under),
            baseline_notional=_sum(event.baseline.notional for event in under),
            modulated_notional=_sum(event.modulated.notional for event in under),
            delta_notional=_sum(event.delta.notional for event in under),
        )
        for label in labels
        for under in [[event for event in events if event.regime.label == label]]
    )


def _by_symbol(events: Sequence[RiskEvent]) -> tuple[SymbolSum, ...]:
    rows, lost = [], [event for event in events if event.delta.notional != 0]
    for symbol in sorted({event.symbol for event in lost}):
        mine = [event for event in lost if event.symbol == symbol]
        rows.append(
            SymbolSum(
                symbol=symbol,
                decisions=len(mine),
                delta_notional=_sum(event.delta.notional for event in mine),
                events=tuple(event.decision_id for event in mine),
            )
        )
    return tuple(sorted(rows, key=lambda row: (-abs(row.delta_notional), row.symbol)))
