"""A panel is what was known at the cut of D, on the price basis of D, and nothing older than can matter.

It runs from P0 to P, where P is the session before D and P0 the earlier of the first session of calendar
year(P) - 1 and the session 300 before P (strategy.md 1.3). Without a split inside it the arrays are the
sidecar's own memory-mapped pages; a split copies only the pages of its symbol, a restatement or a symbol change
copies the bars that count. A symbol is the name that a company has on D; its bars are those of all its names.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, Final

import numpy as np

from market.actions import blocks_entries, factors, known_actions, named, renamed, takes_effect
from market.calendar import EPOCH, Calendar
from market.inforce import Restatement, bars_in_force, place, restated
from market.rows import FIELDS, Bools, Int32, Int64, UInt8, rhe_divide
from market.sidecar import PRICE_NULL, SYMBOL_SHIFT, Sidecar, open_sidecar
from market.store import BarStore
from market.symbols import Names, names_on
from market.universe import earnings_on, members_on, sectors_on
from schemas.base import SessionDate
from schemas.errors import UsageFault
from schemas.market import ActionKind, CorporateAction, EarningsEvent
from schemas.reasons.market import MarketFault

SESSIONS_BACK: Final = 300
BEYOND: Final = 2**62
"""Stands for an adjusted value that int64 could not hold: beyond every bound, so that nothing is measured from it."""


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
class Panel:
    """Bars of every symbol that has one from P0 to P. n symbols; flat arrays hold more rows than the panel's.

    sessions: P0..P. lo, hi: (n,) the rows of symbol k are lo[k]:hi[k], oldest first, never empty.
    session: position in ``sessions`` of each row. open..close: 1e-4 USD on the basis of D, -1 if missing.
    volume: shares on the basis of D, 0 if missing. Rows outside every lo:hi have no meaning. Never write to
    them.
    actions: known at the cut, ex_date from P0 on (also after D), each under the symbol that its company has on D;
    told: the same as recorded. names: the symbol changes behind that. since: the session whose cut ``restated``
    compares with. benchmark_held: whether the store, as of the cut, ever held a bar of ``benchmark``.
    members: the universe of D, ``None`` without a membership table. sectors: symbol -> sector as of D.
    earnings: events known at the cut, by (symbol, date). ahead: the two sessions after D, as far as the calendar
    goes. unsplit: the last close, 1e-4 USD as traded, of each symbol whose basis changes between P and D.
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
    told: tuple[CorporateAction, ...] = ()
    names: Names = field(default_factory=Names)
    data_version: str
    benchmark: str
    benchmark_held: bool
    members: frozenset[str] | None = None
    sectors: Mapping[str, str] = field(default_factory=dict)
    earnings: tuple[EarningsEvent, ...] = ()
    ahead: tuple[SessionDate, ...] = ()
    unsplit: Mapping[str, int] = field(default_factory=dict)

    def position(self, symbol: str) -> int | None:
        """Where *symbol* stands in ``symbols``, or ``None`` if it has no bar in the panel."""
        return place(self.symbols, symbol)

    def current(self, symbol: str) -> str:
        """What *symbol*, a ticker before D, is called on D: itself, unless its company changed it for D's session."""
        today = (a for a in self.told_today() if a.kind is ActionKind.SYMBOL_CHANGE and a.symbol == symbol)
        return next((a.new_symbol for a in today if a.new_symbol is not None), symbol)

    def told_today(self) -> tuple[CorporateAction, ...]:
        """Those of ``told`` that take effect on D."""
        return tuple(a for a in self.told if takes_effect(a, self.data_session, self.session_date))

    def last_close_e4(self, symbol: str) -> int | None:
        """The last close in the panel, basis of D; ``None`` without a bar or a price."""
        at = self.position(symbol)
        close = int(self.close[self.hi[at] - 1]) if at is not None else PRICE_NULL
        return close if close > 0 else None

    def blocking_symbols(self) -> frozenset[str]:
        """Symbols in which a corporate action forbids new entries on D (``CORP_ACTION_TODAY``)."""
        return frozenset(
            symbol
            for action in self.actions
            if blocks_entries(action, self.data_session, self.session_date, self.last_close_e4(action.symbol))
            for symbol in named(action)
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
    first = first_session(calendar, last)
    known = known_actions(held.actions, today)
    names = names_on(known, session, lambda symbol, day: _traded_before(held, calendar, symbol, day))
    told = tuple(a for a in known if a.ex_date >= calendar.at(first))
    actions = renamed(told, names)
    since_index = calendar.index(since)
    assert since_index is not None, "the last sealed session is a session"
    assert since_index < today, "the last sealed session lies before D"
    bars = bars_in_force(held, first, last, today, names, calendar)
    present = np.flatnonzero(bars.hi > bars.lo)
    whole = len(present) == len(held.symbols)
    symbols = held.symbols if whole else tuple(held.symbols[at] for at in present.tolist())
    lo, hi = bars.lo[present], bars.hi[present]
    relative = bars.session - np.int32(first)
    ratios, flat = factors(actions, session), bars.flat
    unsplit = _unsplit(flat["close"], symbols, hi, ratios, p_date)
    if ratios and bars.mapped:
        flat |= held.remapped()  # an own mapping: what is written here must not reach another day's panel
    _adjust(flat, symbols, lo, hi, relative, ratios, calendar, first)
    code = place(held.symbols, benchmark)
    return Panel(
        session_date=session, data_session=p_date, since=since,
        sessions=calendar.sessions(calendar.at(first), p_date),
        symbols=symbols, lo=lo, hi=hi, session=relative,
        open=flat["open"], high=flat["high"], low=flat["low"], close=flat["close"], volume=flat["volume"],
        defects=_defects(held, flat["flag"], relative, lo, hi, symbols, names, (first, today), calendar),
        restated=restated(held, (first, last), since_index, today, names, calendar),
        actions=actions, told=told, names=names, unsplit=unsplit,
        data_version=held.data_version(today),
        benchmark=benchmark,
        benchmark_held=code is not None and _held_by(held, code, today),
        members=members_on(held, today, session, names),
        sectors=sectors_on(held, today, p_date, names),
        earnings=earnings_on(held, today, calendar.at(first), names),
        ahead=calendar.sessions(session, min(session + timedelta(days=14), calendar.valid_until))[1:3],
    )  # fmt: skip


def _unsplit(
    close: Int64,
    symbols: tuple[str, ...],
    hi: Int64,
    ratios: Mapping[str, tuple[tuple[date, Fraction], ...]],
    p_date: date,
) -> dict[str, int]:
    """The last closes, 1e-4 USD as traded, of the symbols whose basis changes between P and D."""
    places = {symbol: place(symbols, symbol) for symbol, own in ratios.items() if own[-1][0] > p_date}
    return {symbol: int(close[hi[at] - 1]) for symbol, at in places.items() if at is not None}


def first_session(calendar: Calendar, last: int) -> int:
    """The number of P0 for the P numbered *last*."""
    new_year = date(calendar.at(last).year - 1, 1, 1)
    if new_year < calendar.first_date or last < SESSIONS_BACK:
        raise UsageFault(
            MarketFault.CALENDAR_OUT_OF_RANGE,
            f"the panel of P = {calendar.at(last)} begins before the calendar does ({calendar.first_date})",
            safe="nothing was started",
            next="choose a later session",
        )
    of_year = bisect_left(calendar.days, new_year.toordinal() - EPOCH)
    return min(of_year, last - SESSIONS_BACK)


def _held_by(held: Sidecar, code: int, cut: int) -> bool:
    lo, hi = np.searchsorted(held.key, [code << SYMBOL_SHIFT, (code + 1) << SYMBOL_SHIFT])
    return bool((held.arrival[lo:hi] <= cut).any())


def _traded_before(held: Sidecar, calendar: Calendar, symbol: str, day: date) -> bool:
    code = place(held.symbols, symbol)
    if code is None:
        return False
    number = bisect_left(calendar.days, day.toordinal() - EPOCH)
    lo, hi = np.searchsorted(held.key, [code << SYMBOL_SHIFT, code << SYMBOL_SHIFT | number])
    return bool(hi > lo)


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
        at = place(symbols, symbol)
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
            put_on_basis(flat, slice(start, stop), factor)
            start = max(start, stop)


def put_on_basis(flat: dict[str, Any], rows: slice, factor: Fraction) -> None:
    """Divide the prices of *rows* by *factor* and multiply their volume by it, each rounded once, in place."""
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
            rhe_divide(raw * up, down)
            if safe
            else np.array([min(round(Fraction(v * up, down)), BEYOND) for v in wide], np.int64)
        )
        flat[name][rows] = np.where(raw > 0, scaled, raw)


def _defects(
    held: Sidecar,
    flag: UInt8,
    session: Int32,
    lo: Int64,
    hi: Int64,
    symbols: tuple[str, ...],
    names: Names,
    span: tuple[int, int],
    calendar: Calendar,
) -> Defects:
    first, today = span
    flagged = np.flatnonzero(flag)
    owner = np.searchsorted(lo, flagged, "right") - 1
    inside = (owner >= 0) & (flagged < hi[owner]) if len(lo) else np.zeros(len(flagged), np.bool_)
    flagged, owner = flagged[inside], owner[inside]
    # Up to the eve of D: the holiday between P and D is a date that a feed likes to fill, too.
    days = (calendar.days[first], calendar.days[today])
    ghost = (held.phantom_day >= days[0]) & (held.phantom_day < days[1]) & (held.phantom_arrival <= today)
    found: list[tuple[int, date]] = []
    for code, day in zip(held.phantom_code[ghost].tolist(), held.phantom_day[ghost].tolist(), strict=True):
        when = date.fromordinal(day + EPOCH)
        name = names.owner(held.symbols[code], when, is_bar=True)
        at = None if name is None else place(symbols, name)
        if at is not None:
            found.append((at, when))
    return Defects(
        duplicate_symbol=owner.astype(np.int64),
        duplicate_session=session[flagged],
        duplicate_differs=flag[flagged] == 2,
        phantom_symbol=np.array([at for at, _ in found], np.int64),
        phantom_date=tuple(when for _, when in found),
    )
