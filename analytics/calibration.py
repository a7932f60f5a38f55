"""What fills cost against the price on arrival becomes the cost table's rows, where enough of them were seen.

A bucket with too few fills keeps the costs that it had, and says so. A symbol whose turnover nobody knows counts in
the last bucket, as it would pay there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from analytics.exact import divided
from analytics.lots import ZERO
from schemas.base import SessionDate, quantise
from schemas.book import Side
from schemas.calibration import CalibratedBucket, Calibration, MeasuredSlippage
from schemas.observations import BarFacts
from schemas.trades import Fill

FILLS_MIN: Final = 30
"""Fills below which a bucket's mean is chance; the usual least sample of a mean."""
ADV_BARS: Final = 20
BPS: Final = 10_000
AT_THEIR_LIMIT: Final = "TRIM_"
"""Beginning of the reasons of orders that fill at their own price (strategy.md 10.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A row of the table in force; costs in bps."""

    adv_usd_min: Decimal
    slippage_bps: Decimal
    half_spread_bps: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFills:
    """A session's fills, and the dollar volume of their symbols up to P; a symbol without one is left out."""

    session: SessionDate
    fills: Sequence[Fill]
    adv_usd20: dict[str, Decimal]


@dataclass(slots=True)
class _Seen:
    bps: list[Decimal]
    cost: Decimal = ZERO
    notional: Decimal = ZERO


def adv_usd20(bars: Sequence[BarFacts]) -> Decimal | None:
    """Mean of close times volume over the last 20 of *bars*, USD; None with fewer."""
    last = bars[-ADV_BARS:]
    if len(last) < ADV_BARS:
        return None
    return divided(sum((bar.close * bar.volume for bar in last), ZERO), ADV_BARS, 6)


def run(book_id: str, days: Sequence[SessionFills], table: Sequence[Bucket], fills_min: int) -> Calibration:
    """The rows of *table*, dearest last, measured on *days*, oldest first and at least one."""
    assert days, "a calibration is of at least one session"
    assert table, "a table has a row"
    seen = [_Seen([]) for _ in table]
    at_limit = without = 0
    for day in days:
        for fill in day.fills:
            if fill.reason.startswith(AT_THEIR_LIMIT):
                at_limit += 1
            elif fill.arrival_price is None:
                without += 1
            else:
                _see(seen[_row(day.adv_usd20.get(fill.symbol), table)], fill, fill.arrival_price)
    return Calibration(
        book=book_id,
        first=days[0].session,
        last=days[-1].session,
        sessions=len(days),
        fills_min=fills_min,
        fills_used=sum(len(each.bps) for each in seen),
        fills_at_their_limit=at_limit,
        fills_without_arrival=without,
        buckets=tuple(_bucket(row, each, fills_min) for row, each in zip(table, seen, strict=True)),
    )


def _row(adv: Decimal | None, table: Sequence[Bucket]) -> int:
    reached = (at for at, row in enumerate(table) if adv is not None and adv >= row.adv_usd_min)
    return next(reached, len(table) - 1)


def _see(seen: _Seen, fill: Fill, arrival: Decimal) -> None:
    worse = fill.price - arrival if fill.side is Side.BUY else arrival - fill.price
    seen.bps.append(divided(worse * BPS, arrival, 6))
    seen.cost += worse * fill.quantity
    seen.notional += arrival * fill.quantity


def _bucket(row: Bucket, seen: _Seen, fills_min: int) -> CalibratedBucket:
    mean = divided(seen.cost * BPS, seen.notional, 6) if seen.bps else None
    slippage, half_spread = row.slippage_bps, row.half_spread_bps
    is_measured = mean is not None and len(seen.bps) >= fills_min
    if is_measured and mean is not None:
        whole = max(ZERO, mean)
        half_spread = min(row.half_spread_bps, whole)
        slippage = whole - half_spread
    points = _percentiles(seen.bps, (5, 50, 95))
    return CalibratedBucket(
        adv_usd_min=row.adv_usd_min,
        slippage_bps=slippage,
        half_spread_bps=half_spread,
        calibrated=is_measured,
        measured=MeasuredSlippage(
            fills=len(seen.bps),
            notional=seen.notional,
            mean_bps=None if mean is None else quantise(float(mean), 4),
            p05_bps=points[0],
            p50_bps=points[1],
            p95_bps=points[2],
        ),
    )


def _percentiles(values: Iterable[Decimal], percents: Sequence[int]) -> list[float | None]:
    """Linear percentiles; None of nothing."""
    rows = sorted(values)
    if not rows:
        return [None for _ in percents]
    found: list[float | None] = []
    for percent in percents:
        below, rest = divmod((len(rows) - 1) * percent, 100)
        above = rows[min(below + 1, len(rows) - 1)]
        found.append(quantise(float(rows[below] + (above - rows[below]) * rest / 100), 4))
    return found
