"""A panel is what was known at the cut of D, on the price basis of D, and nothing older than can matter.

It runs from P0 to P, where P is the session before D and P0 the earlier of the first session of calendar
year(P) - 1 and the session 300 before P (strategy.md 1.3). Without a split inside it the arrays are the
sidecar's own memory-mapped pages; a split copies only the pages of its symbol.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, Final

import numpy as np

from market.actions import blocks_entries, factors, known_actions
from market.calendar import EPOCH, Calendar
from market.rows import FIELDS, Bools, Int32, Int64, UInt8, rhe_divide
from market.sidecar import PRICE_NULL, SYMBOL_SHIFT, Sidecar, open_sidecar
from market.store import BarStore
from schemas.base import SessionDate
from schemas.errors import UsageFault
from schemas.market import CorporateAction, EarningsEvent
from schemas.reasons.market import MarketFault

SESSIONS_BACK: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Defects:
    """What was dropped on the way into the flat arrays, for symbols of the panel; positions in
    ``Panel.symbols``.

    duplicate_*: a session with several rows in the revision in force; differs: whether their values do.
    phantom_*: a row on a date that is no session, with that date.
    """

    duplicate_symbol: Int64
    duplicate_session: Int32
    duplicate_differs: Bools
    phantom_symbol: Int64
    phantom_date: tuple[date, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restatement:
    """A bar whose values, as traded, changed between the cut of ``since`` and that of D."""

    symbol: str
    session: SessionDate
    close_before_e4: int
    close_after_e4: int
    volume_before: int
    volume_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Bars of every symbol that has one from P0 to P. n symbols; flat arrays hold more rows than the panel's.

    sessions: P0..P. lo, hi: (n,) the rows of symbol k are lo[k]:hi[k], oldest first, never empty.
    session: position in ``sessions`` of each row. open..close: 1e-4 USD on the basis of D, -1 if missing.
    volume: shares on the basis of D, 0 if missing. Rows outside every lo:hi have no meaning. Never write to
    them.
    actions: known at the cut, ex_date from P0 on (also after D). since: the session whose cut ``restated``
    compares with. benchmark_held: whether the store, as of the cut, ever held a bar of ``benchmark``.
    members: the universe of D, ``None`` without a membership table. sectors: symbol -> sector as of D.
    earnings: events known at the cut, by (symbol, date). ahead: the two sessions after D, as far as the calendar
    goes.
    """

    session_date: SessionDate
    data_session: SessionDate
    since: SessionDate
    sessions: tuple[SessionDate, ...]
    symbols: tuple[str, ...]
    lo: Int64
    hi: Int64
    session: Int32
    open: Int64
    high: Int64
    low: Int64
    close: Int64
    volume: Int64
    defects: Defects
    restated: tuple[Restatement, ...]
    actions: tuple[CorporateAction, ...]
    data_version: str
    benchmark: str
    benchmark_held: bool
    members: frozenset[str] | None = None
    sectors: Mapping[str, str] = field(default_factory=dict)
    earnings: tuple[EarningsEvent, ...] = ()
    ahead: tuple[SessionDate, ...] = ()

    def position(self, symbol: str) -> int | None:
        """Where *symbol* stands in ``symbols``, or ``None`` if it has no bar in the panel."""
        return _place(self.symbols, symbol)

    def last_close_e4(self, symbol: str) -> int | None:
        """The last close in the panel, basis of D; ``None`` without a bar or a price."""
        at = self.position(symbol)
        close = int(self.close[self.hi[at] - 1]) if at is not None else PRICE_NULL
        return close if close > 0 else None

    def blocking_symbols(self) -> frozenset[str]:
        """Symbols in which a corporate action forbids new entries on D (``CORP_ACTION_TODAY``)."""
        return frozenset(
            action.symbol
            for action in self.actions
            if blocks_entries(action, self.session_date, self.last_close_e4(action.symbol))
        )


def load_panel(
    store: BarStore,
    calendar: Calendar,
    session: SessionDate,
    *,
    benchmark: str = "SPY",
    since: SessionDate | None = None,
    sidecar: Sidecar | None = None,
) -> Panel:
    """The panel of D = *session*.

    Args:
        since: the last sealed session, for restatements and actions; by default P.
        sidecar: an opened one, for callers that load many days; by default the store's present one.
    Errors: ``UsageFault(NOT_A_SESSION | CALENDAR_OUT_OF_RANGE)``; ``Corrupt(STORE_CORRUPT)`` from a first
    build.
    """
    today = calendar.index(session)
    if today is None:
        calendar.open_at(session)  # raises NOT_A_SESSION with the neighbours
    assert today is not None, "a session has a number"
    held = sidecar if sidecar is not None else open_sidecar(store, calendar)
    p_date = calendar.previous(session)
    since = since if since is not None else p_date
    last = today - 1
    first = _first(calendar, last)
    actions = tuple(a for a in known_actions(held.actions, today) if a.ex_date >= calendar.at(first))
    since_index = calendar.index(since)
    assert since_index is not None, "the last sealed session is a session"
    assert since_index < today, "the last sealed session lies before D"
    restated: tuple[Restatement, ...] = ()
    if held.plain:
        flat = {name: getattr(held, name) for name in (*FIELDS, "flag")}
        key, row_session = held.key, held.session
    else:
        now = _in_force(held, first, last, today)
        restated = _restated(held, now, _in_force(held, first, last, since_index), calendar)
        flat = {name: getattr(held, name)[now] for name in (*FIELDS, "flag")}
        key, row_session = held.key[now], held.session[now]
    base = np.arange(len(held.symbols), dtype=np.int64) << SYMBOL_SHIFT
    lo = np.searchsorted(key, base | first, "left").astype(np.int64)
    hi = np.searchsorted(key, base | last, "right").astype(np.int64)
    present = np.flatnonzero(hi > lo)
    symbols = (
        held.symbols if len(present) == len(base) else tuple(held.symbols[at] for at in present.tolist())
    )
    lo, hi = lo[present], hi[present]
    relative = row_session - np.int32(first)
    ratios = factors(actions, session)
    if ratios and held.plain:
        flat |= held.remapped()  # an own mapping: what is written here must not reach another day's panel
    _adjust(flat, symbols, lo, hi, relative, ratios, calendar, first)
    code = _place(held.symbols, benchmark)
    return Panel(
        session_date=session, data_session=p_date, since=since,
        sessions=calendar.sessions(calendar.at(first), p_date),
        symbols=symbols, lo=lo, hi=hi, session=relative,
        open=flat["open"], high=flat["high"], low=flat["low"], close=flat["close"], volume=flat["volume"],
        defects=_defects(held, flat["flag"], relative, lo, hi, present, calendar, (first, last, today)),
        restated=restated, actions=actions,
        data_version=held.data_version(today),
        benchmark=benchmark,
        benchmark_held=code is not None and _held_by(held, code, today),
        ahead=calendar.sessions(session, min(session + timedelta(days=14), calendar.valid_until))[1:3],
    )  # fmt: skip


def _place(symbols: tuple[str, ...], symbol: str) -> int | None:
    at = bisect_left(symbols, symbol)
    return at if at < len(symbols) and symbols[at] == symbol else None


def _first(calendar: Calendar, last: int) -> int:
    """The number of P0 for the P numbered *last*."""
    new_year = date(calendar.at(last).year - 1, 1, 1)
    if new_year < calendar.first_date or last < SESSIONS_BACK:
        raise UsageFault(
            MarketFault.CALENDAR_OUT_OF_RANGE,
            f"the panel of P = {calendar.at(last)} begins before the calendar does ({calendar.first_date})",
            safe="nothing was started",
            next="choose a later session",
        )
    of_year = calendar.index(calendar.sessions(new_year, date(new_year.year, 12, 31))[0])
    assert of_year is not None, "every year has a first session"
    return min(of_year, last - SESSIONS_BACK)


def _in_force(held: Sidecar, first: int, last: int, cut: int) -> Int64:
    """Rows of sessions first..last, of each bar the latest revision known at the cut of session *cut*."""
    known = (held.session >= first) & (held.session <= last) & (held.arrival <= cut)
    at = np.flatnonzero(known).astype(np.int64)
    latest = np.ones(len(at), np.bool_)
    latest[:-1] = held.key[at][1:] != held.key[at][:-1]
    return at[latest]


def _restated(held: Sidecar, now: Int64, before: Int64, calendar: Calendar) -> tuple[Restatement, ...]:
    _, old, new = np.intersect1d(held.key[before], held.key[now], assume_unique=True, return_indices=True)
    pairs = [(b, a) for b, a in zip(before[old].tolist(), now[new].tolist(), strict=True) if a != b]
    return tuple(
        Restatement(
            symbol=held.symbols[int(held.key[a]) >> SYMBOL_SHIFT],
            session=calendar.at(int(held.session[a])),
            close_before_e4=int(held.close[b]), close_after_e4=int(held.close[a]),
            volume_before=int(held.volume[b]), volume_after=int(held.volume[a]),
        )
        for b, a in pairs
    )  # fmt: skip


def _held_by(held: Sidecar, code: int, cut: int) -> bool:
    lo, hi = np.searchsorted(held.key, [code << SYMBOL_SHIFT, (code + 1) << SYMBOL_SHIFT])
    return bool((held.arrival[lo:hi] <= cut).any())


def _adjust(
    flat: dict[str, Any],
    symbols: tuple[str, ...],
    lo: Int64,
    hi: Int64,
    session: Int32,
    ratios: dict[str, tuple[tuple[date, Fraction], ...]],
    calendar: Calendar,
    first: int,
) -> None:
    """Put the rows of each split symbol on the basis of D, each value rounded once from the raw one."""
    for symbol in sorted(ratios):
        at = _place(symbols, symbol)
        if at is None:
            continue
        rows = slice(int(lo[at]), int(hi[at]))
        # The number of sessions of the panel before the ex-date: a bar of the ex-date itself is on the new
        # basis.
        ex = [
            int(np.searchsorted(calendar.days, day.toordinal() - EPOCH, "left")) - first
            for day, _ in ratios[symbol]
        ]
        start = rows.start
        for step, limit in enumerate(ex):
            stop = rows.start + int(np.searchsorted(session[rows], limit, "left"))
            factor = Fraction(1)
            for _, ratio in ratios[symbol][step:]:
                factor *= ratio
            _apply(flat, slice(start, stop), factor)
            start = max(start, stop)


def _apply(flat: dict[str, Any], rows: slice, factor: Fraction) -> None:
    if rows.stop <= rows.start:
        return
    num, den = factor.numerator, factor.denominator
    for name in FIELDS:
        raw: Int64 = flat[name][rows]
        up, down = (num, den) if name == "volume" else (den, num)
        # Python's integers cannot wrap; past 62 bits numpy's would.
        safe = int(raw.max(initial=0)) * up < 2**62
        wide = raw.astype(object)
        scaled = (
            rhe_divide(raw * up, down) if safe else np.array([round(Fraction(v * up, down)) for v in wide])
        )
        flat[name][rows] = np.where(raw > 0, scaled, raw)


def _defects(
    held: Sidecar,
    flag: UInt8,
    session: Int32,
    lo: Int64,
    hi: Int64,
    present: Int64,
    calendar: Calendar,
    span: tuple[int, int, int],
) -> Defects:
    first, last, today = span
    flagged = np.flatnonzero(flag)
    owner = np.searchsorted(lo, flagged, "right") - 1
    inside = (owner >= 0) & (flagged < hi[owner]) if len(lo) else np.zeros(len(flagged), np.bool_)
    flagged, owner = flagged[inside], owner[inside]
    days = (calendar.days[first], calendar.days[last])
    ghost = (held.phantom_day >= days[0]) & (held.phantom_day <= days[1]) & (held.phantom_arrival <= today)
    place = np.full(len(held.symbols), -1, np.int64)
    place[present] = np.arange(len(present))
    of = place[held.phantom_code[ghost]]
    when = held.phantom_day[ghost][of >= 0]
    return Defects(
        duplicate_symbol=owner.astype(np.int64),
        duplicate_session=session[flagged],
        duplicate_differs=flag[flagged] == 2,
        phantom_symbol=of[of >= 0],
        phantom_date=tuple(date.fromordinal(day + EPOCH) for day in when.tolist()),
    )
