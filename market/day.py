"""A day is blocked by shares, never by one symbol: a feed that fails, fails for many at once.

The shares are over liquid members (strategy.md 1.5), coverage over all members; each is tested by
cross-multiplying and needs at least three symbols behind it, or a tiny universe would block itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from market.calendar import CALENDAR_BACK, Calendar
from market.checks import BIT, LEAPS, NOW, REPEATS, TWINS, Checked
from market.config import ContractConfig
from market.panel import Panel
from market.rows import Bools
from schemas.base import quantise
from schemas.header import Finding
from schemas.observations import Acknowledgement, SessionHours
from schemas.reasons.market import BarCode, DayCode

Hours = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractInputs:
    """What the contract judges.

    acknowledged: quarantines that an operator lifted for D. broker: its calendar over D and at least
    ``CALENDAR_BACK`` sessions before it, None if there is none, which is enough only where ``simulated``.
    expected_version: the recorded ``data_version``, when a day is judged again.
    """

    panel: Panel
    calendar: Calendar
    simulated: bool
    acknowledged: tuple[Acknowledgement, ...] = ()
    broker: tuple[SessionHours, ...] | None = None
    expected_version: str | None = None


def day_findings(
    inputs: ContractInputs, config: ContractConfig, checked: Checked, member: Bools, liquid: Bools
) -> tuple[Finding, ...]:
    """Every finding about the day, in the order of ``DayCode``; member and liquid say who counts, (n,)."""
    panel = inputs.panel
    return (
        *_calendar(inputs, config, checked, liquid),
        *_benchmark(inputs, checked),
        *_coverage(config, checked, member),
        *_shares(
            (DayCode.DAY_QUARANTINE_HIGH, checked.q != 0, config.quarantine_max),
            (DayCode.DAY_IDENTICAL_SERIES, checked.q >> TWINS & 1 != 0, config.identical_max),
            (DayCode.DAY_STALE_FEED, checked.state & REPEATS != 0, config.stale_feed_max),
            of=liquid,
            least=config.symbols_min,
        ),
        *_moves(panel, config, checked, liquid),
        *_version(inputs),
    )


def _calendar(
    inputs: ContractInputs, config: ContractConfig, checked: Checked, liquid: Bools
) -> Iterator[Finding]:
    """Library, broker and bars agree on D and the 5 sessions before it, or nobody knows what day it is."""
    panel, calendar = inputs.panel, inputs.calendar
    day = panel.session_date
    code = DayCode.DAY_CALENDAR_DISAGREEMENT
    wanted = day + timedelta(days=config.calendar_ahead_days)
    if calendar.valid_until < wanted:
        yield _finding(code, day, calendar.valid_until, wanted, "the calendar library ends too soon")
    past = panel.sessions[-CALENDAR_BACK:]
    if inputs.broker is not None:
        told: dict[date, Hours] = {
            each.session: (each.open_at, each.close_at) for each in inputs.broker if each.session >= past[0]
        }
        ours: dict[date, Hours] = {
            each: (calendar.open_at(each), calendar.close_at(each)) for each in (*past, day)
        }
        for each in sorted({*told, *ours}):
            if each <= day and told.get(each) != ours.get(each):
                yield _finding(
                    code, each, _hours(told.get(each)), _hours(ours.get(each)), "broker and library"
                )
    total = int(liquid.sum())
    if total >= config.symbols_min:
        yield from _bars_against(panel, checked, liquid, config.present_min, total)
    if inputs.broker is None and not inputs.simulated:
        yield _finding(DayCode.CALENDAR_SOURCE_MISSING, day, None, None, "no broker calendar was recorded")


def _bars_against(
    panel: Panel, checked: Checked, liquid: Bools, least: Decimal, total: int
) -> Iterator[Finding]:
    code = DayCode.DAY_CALENDAR_DISAGREEMENT
    past = panel.sessions[-CALENDAR_BACK:]
    for back, each in enumerate(reversed(past)):
        here = int((liquid & (checked.seen >> back & 1 != 0)).sum())
        if _below(here, total, least):
            yield _finding(code, each, _ratio(here, total), least, "share of liquid members with a bar")
    ghosts: dict[date, set[int]] = {}
    for at, day in zip(panel.defects.phantom_symbol.tolist(), panel.defects.phantom_date, strict=True):
        if day >= past[0] and liquid[at]:
            ghosts.setdefault(day, set()).add(at)
    for day in sorted(ghosts):
        if not _below(len(ghosts[day]), total, least):
            detail = "share of liquid members with a bar on a date that is no session"
            yield _finding(code, day, _ratio(len(ghosts[day]), total), least, detail)


def _benchmark(inputs: ContractInputs, checked: Checked) -> Iterator[Finding]:
    panel = inputs.panel
    at = panel.position(panel.benchmark)
    if inputs.simulated and not panel.benchmark_held:
        yield _finding(DayCode.BENCHMARK_ABSENT, panel.benchmark, None, None, "the store never held it")
    elif at is None or not checked.state[at] & NOW:
        yield _finding(DayCode.DAY_BENCHMARK_BAD, panel.benchmark, None, panel.data_session, "no bar at P")
    elif checked.q[at]:
        codes = " ".join(code for code in BarCode if checked.q[at] >> BIT[code] & 1)
        yield _finding(
            DayCode.DAY_BENCHMARK_BAD, panel.benchmark, codes, None, "the benchmark is quarantined"
        )


def _coverage(config: ContractConfig, checked: Checked, member: Bools) -> Iterator[Finding]:
    now = int((member & (checked.state & NOW != 0)).sum())
    before = int((member & (checked.seen >> 1 != 0)).sum())
    if before - now >= config.symbols_min and _below(now, before, config.coverage_min):
        detail = f"{now} members have a bar at P, {before} had one in the 5 sessions before"
        yield _finding(DayCode.DAY_COVERAGE_LOW, "members", _ratio(now, before), config.coverage_min, detail)
    elif not member.any():
        yield _finding(
            DayCode.DAY_COVERAGE_LOW, "members", None, config.coverage_min, "no symbol has a recent bar"
        )


def _shares(*rows: tuple[DayCode, Bools, Decimal], of: Bools, least: int) -> Iterator[Finding]:
    """A finding for each (code, who has it, largest share) that is exceeded among *of*."""
    total = int(of.sum())
    for code, found, most in rows:
        part = int((found & of).sum())
        if part >= least and _above(part, total, most):
            yield _finding(code, "liquid members", _ratio(part, total), most, f"{part} of {total}")


def _moves(panel: Panel, config: ContractConfig, checked: Checked, liquid: Bools) -> Iterator[Finding]:
    leapt = checked.state & LEAPS != 0
    at = panel.position(panel.benchmark)
    # An unknown move of the benchmark explains nothing: then the day is judged as if it had stood still.
    if at is not None and checked.state[at] & NOW and panel.hi[at] - panel.lo[at] > 1:
        was, now = (int(panel.close[panel.hi[at] - back]) for back in (2, 1))
        if was > 0 and not _below(abs(now - was), was, config.benchmark_move_max):
            return
    row = (DayCode.DAY_MOVE_IMPLAUSIBLE, leapt, config.move_share_max)
    yield from _shares(row, of=liquid, least=config.symbols_min)


def _version(inputs: ContractInputs) -> Iterator[Finding]:
    if inputs.expected_version is not None and inputs.expected_version != inputs.panel.data_version:
        yield _finding(
            DayCode.DAY_SNAPSHOT_CORRUPT,
            inputs.panel.session_date,
            inputs.panel.data_version,
            inputs.expected_version,
            "the bars known at the cut are not those that were recorded",
        )


def _below(part: int, whole: int, least: Decimal) -> bool:
    return part * 1_000_000 < int(least * 1_000_000) * whole


def _above(part: int, whole: int, most: Decimal) -> bool:
    return part * 1_000_000 > int(most * 1_000_000) * whole


def _ratio(part: int, whole: int) -> float | None:
    return quantise(part / whole, 6) if whole else None


def _hours(hours: Hours | None) -> str:
    return "no session" if hours is None else f"{hours[0]:%H:%M}-{hours[1]:%H:%M} UTC"


def _finding(code: DayCode, subject: object, observed: object, threshold: object, detail: str) -> Finding:
    shown = [
        each if isinstance(each, (float, int)) or each is None else str(each)
        for each in (observed, threshold)
    ]
    return Finding(code=code, subject=str(subject), observed=shown[0], threshold=shown[1], detail=detail)
