"""An entry is checked against the price of the moment, and every check that says no is reported.

These rules know a plan, a quote and an instant; no account and no order (strategy.md 4). ``execution_v2`` and
``simulation`` call them. The limit price is the slippage bound: nothing here is drawn at random.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from schemas.base import down
from schemas.candidates import EntryModel, TradeIntent
from schemas.header import Finding
from schemas.reasons.scan import EntryCode
from strategies.config import EntryConfig

_BPS: Final = Decimal(10_000)
_BOH_BARS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The reference price of a cycle, USD. ``ref`` is the ask, else the last trade, else ``None``.

    ``spread_asked`` is off on daily bars, where nobody can know a spread; on, an unknown spread is too wide.
    """

    ref: Decimal | None
    age_s: Decimal = Decimal(0)
    bid: Decimal | None = None
    ask: Decimal | None = None
    spread_asked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotBar:
    """One closed 10-minute bar, built of complete smaller bars."""

    start_at: datetime
    close: Decimal
    volume: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldVerdict:
    """Whether break and hold is confirmed, and every finding; an info may stand beside a confirmation."""

    confirmed: bool
    findings: tuple[Finding, ...]


def planned_stop(ref: Decimal, intent: TradeIntent, config: EntryConfig) -> Decimal:
    """stop': the intent's stop, or lower, so that it lies ``stop_distance_min`` below *ref*. At the tick."""
    nearest: Decimal = down((1 - config.stop_distance_min) * ref)
    stop: Decimal = intent.stop_plan.initial_stop
    return min(stop, nearest)


def entry_limit(ref: Decimal, intent: TradeIntent, config: EntryConfig) -> Decimal:
    """The limit price at the tick: the most that this entry may pay (strategy.md 4.3)."""
    if intent.entry.model is EntryModel.LIMIT_AT_LEVEL:
        return down(intent.entry.level)
    cap: Decimal = intent.entry.limit_cap
    return min(down(ref * (1 + config.limit_band)), cap)


def unit_risk_max(price: Decimal, config: EntryConfig) -> Decimal:
    """The widest distance from *price* to its stop, USD per share, unrounded."""
    fraction: Decimal = config.unit_risk_pct_max
    return fraction * price


def check_entry(intent: TradeIntent, quote: Quote, now: datetime, config: EntryConfig) -> tuple[Finding, ...]:
    """Every reason against entering *intent* at *quote* and *now*, in table order; empty when there is none.

    Covers the checks of 4.2 that need no intraday bars; SIZE_ZERO belongs to whoever sizes. Without a
    reference price nothing about it can be judged: QUOTE_STALE then stands alone beside STALE_INTENT.
    """
    found: list[Finding] = []
    symbol = intent.symbol

    def add(code: EntryCode, observed: object, threshold: object, detail: str = "") -> None:
        found.append(
            Finding(
                code=code, subject=symbol, observed=_text(observed), threshold=_text(threshold), detail=detail
            )
        )

    if now >= intent.valid_until:
        add(EntryCode.STALE_INTENT, now.isoformat(), intent.valid_until.isoformat())
    ref = quote.ref
    if ref is None or ref <= 0 or quote.age_s > config.quote_age_s_max:
        add(EntryCode.QUOTE_STALE, None if ref is None else quote.age_s, config.quote_age_s_max, "seconds")
        return tuple(found)
    if quote.spread_asked:
        spread = _spread_bps(quote)
        if spread is None or spread > config.spread_bps_max:
            add(EntryCode.SPREAD_TOO_WIDE, spread, config.spread_bps_max, "bps of mid")
    entry_ref = intent.entry.entry_ref
    # Cross-multiplied: a quotient would be compared after a rounding that nobody asked for.
    if abs(ref - entry_ref) > config.entry_drift_max * entry_ref:
        add(EntryCode.PRICE_DRIFT, ref, entry_ref, f"more than {config.entry_drift_max} away")
    if ref <= intent.stop_plan.initial_stop:
        add(EntryCode.PRICE_BELOW_STOP, ref, intent.stop_plan.initial_stop)
    if ref >= intent.exit_plan.r1:
        add(EntryCode.PRICE_BEYOND_R1, ref, intent.exit_plan.r1)
    if ref > intent.entry.limit_cap:
        add(EntryCode.LIMIT_ABOVE_CAP, ref, intent.entry.limit_cap)
    limit = entry_limit(ref, intent, config)
    risk = limit - planned_stop(ref, intent, config)
    if risk > unit_risk_max(limit, config):
        add(EntryCode.UNIT_RISK_TOO_WIDE, risk, unit_risk_max(limit, config), "USD per share")
    return tuple(found)


def boh(
    bars: Sequence[SlotBar], level: Decimal, avg_volume: Decimal | None, config: EntryConfig, symbol: str
) -> HoldVerdict:
    """Break and hold over *level* on exactly two closed 10-minute bars (strategy.md 4.1).

    The break is strict, the hold is not, and only the first bar's volume is asked. *avg_volume* is the mean
    of the same slot over earlier sessions, ``None`` or 0 when unknown: the clause is then skipped with an
    info, or refuses where ``boh_volume_required``.
    """

    def finding(code: EntryCode, observed: object, threshold: object) -> Finding:
        return Finding(code=code, subject=symbol, observed=_text(observed), threshold=_text(threshold))

    if len(bars) != _BOH_BARS:
        return HoldVerdict(
            confirmed=False, findings=(finding(EntryCode.BOH_BAR_COUNT, len(bars), _BOH_BARS),)
        )
    first, last = bars
    found: list[Finding] = []
    if not (first.close > level and last.close >= level):
        found.append(finding(EntryCode.BOH_NOT_CONFIRMED, min(first.close, last.close), level))
    confirmed = not found
    if not avg_volume:
        found.append(finding(EntryCode.BOH_VOLUME_UNCHECKED, first.volume, None))
        confirmed = confirmed and not config.boh_volume_required
    elif first.volume < config.boh_volume_ratio * avg_volume:
        found.append(finding(EntryCode.BOH_VOLUME_LOW, first.volume, config.boh_volume_ratio * avg_volume))
        confirmed = False
    return HoldVerdict(confirmed=confirmed, findings=tuple(found))


def _spread_bps(quote: Quote) -> Decimal | None:
    if quote.bid is None or quote.ask is None or quote.bid <= 0 or quote.ask < quote.bid:
        return None
    return (quote.ask - quote.bid) * 2 * _BPS / (quote.ask + quote.bid)


def _text(value: object) -> str | int | None:
    if value is None or isinstance(value, (str, int)):
        return value
    return format(value, "f") if isinstance(value, Decimal) else str(value)
