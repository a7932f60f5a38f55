"""The operator's summary tells what the day's risk attribution says, in lines; it explains, and advises nothing.

A template over ``attribution.json``: the same file gives the same lines. Source: strategy.md 9.10, E3.3.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from schemas.attribution import Attribution
from schemas.risk_attribution import RiskSummary

NAMED_MAX: Final = 5
"""Symbols and reasons that are named; the rest are in the file."""


def operator_lines(attribution: Attribution) -> tuple[str, ...]:
    """Plain lines of text, not escaped; none where the file has no daily summary of risk."""
    day = attribution.risk_summary
    return () if day is None else tuple(_lines(day))


def _lines(day: RiskSummary) -> Iterator[str]:
    yield _exposure(day)
    seen = day.regime
    sure = "" if seen.confidence is None else f", confidence {seen.confidence:.2f}"
    yield f"regime {seen.label or 'not known'}{sure}, policy {seen.throttle_policy}"
    if day.hypothetical_delta_notional:
        yield f"modulation was off; it would have taken {_usd(-day.hypothetical_delta_notional)} off"
    reasons = [row for row in day.by_reason if row.delta_notional_exclusive]
    if reasons:
        yield (
            "by reason: "
            + ", ".join(
                f"{row.code} {_usd(-row.delta_notional_exclusive)} ({_times(row.decisions)})"
                for row in reasons[:NAMED_MAX]
            )
            + _rest(len(reasons))
        )
    if day.hard_caps:
        yield "caps that bound: " + ", ".join(f"{row.code} {_times(row.decisions)}" for row in day.hard_caps)
    if day.top_symbols:
        named = ", ".join(f"{row.symbol} {_usd(-row.delta_notional)}" for row in day.top_symbols[:NAMED_MAX])
        yield f"by symbol: {named}" + _rest(len(day.top_symbols) + day.symbols_left_out)


def _exposure(day: RiskSummary) -> str:
    if day.decisions == 0:
        return "no entry was sized, so nothing was taken off"
    sized = _counted(day.decisions, "sized entry", "sized entries")
    if day.modulated == 0:
        return f"nothing was taken off: {_usd(day.baseline_notional)} in {sized}"
    share = -day.delta_notional / day.baseline_notional
    return (
        f"{_usd(-day.delta_notional)} taken off {_usd(day.baseline_notional)} ({share:.1%}), "
        f"leaving {_usd(day.modulated_notional)}; {day.modulated} of {sized} made smaller"
    )


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _times(count: int) -> str:
    return _counted(count, "decision", "decisions")


def _rest(count: int) -> str:
    return f", and {count - NAMED_MAX} more" if count > NAMED_MAX else ""


def _usd(amount: Decimal) -> str:
    return f"{amount:,.2f} USD"
