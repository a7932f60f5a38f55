"""Of each bar the revision known at the cut, and of each company the bars under all its names, in one row order."""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np

from market.calendar import EPOCH, Calendar
from market.rows import FIELDS, Bools, Int32, Int64
from market.sidecar import SYMBOL_SHIFT, Sidecar
from market.symbols import Names
from schemas.base import SessionDate

COLUMNS: Final = (*FIELDS, "flag")


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
class BarsInForce:
    """Rows that count on D. lo, hi: per symbol of the sidecar, rows lo:hi of ``flat`` (``COLUMNS``) and ``session``.

    session: numbers of the calendar. mapped: whether the arrays are the sidecar's own, not to be written to.
    """

    flat: dict[str, Any]
    session: Int32
    lo: Int64
    hi: Int64
    mapped: bool


def bars_in_force(
    held: Sidecar, first: int, last: int, cut: int, names: Names, calendar: Calendar
) -> BarsInForce:
    """Bars of the sessions *first* to *last* as known at the cut of session *cut*, under the names of that day.

    Where nothing was restated, told late or renamed the rows are the mapped ones; else what counts is copied.
    """
    base = np.arange(len(held.symbols), dtype=np.int64) << SYMBOL_SHIFT
    odd = _odd(held, first, last)
    known = held.arrival[odd] <= cut
    superseded = known & ~_is_latest(held.key[odd], known)
    dropped = odd[~known | superseded]
    if not len(dropped) and not names.changes:
        lo = np.searchsorted(held.key, base | first, "left").astype(np.int64)
        hi = np.searchsorted(held.key, base | last, "right").astype(np.int64)
        flat = {name: getattr(held, name) for name in COLUMNS}
        return BarsInForce(flat=flat, session=held.session, lo=lo, hi=hi, mapped=True)
    counts = (held.session >= first) & (held.session <= last)
    counts[dropped] = False
    at = np.flatnonzero(counts).astype(np.int64)
    key = held.key[at]
    lo = np.searchsorted(key, base, "left").astype(np.int64)
    hi = np.append(lo[1:], len(at)).astype(np.int64)
    if names.changes:
        at, lo, hi = _renamed(held, (at, lo, hi), key, names, calendar)
    flat = {name: getattr(held, name)[at] for name in COLUMNS}
    return BarsInForce(flat=flat, session=held.session[at], lo=lo, hi=hi, mapped=False)


def restated(
    held: Sidecar, span: tuple[int, int], since: int, cut: int, names: Names, calendar: Calendar
) -> tuple[Restatement, ...]:
    """Bars of the sessions *span* that had a revision at the cut of *since* and have another at that of *cut*."""
    odd = _odd(held, *span)
    key, arrival = held.key[odd], held.arrival[odd]
    then, now = arrival <= since, arrival <= cut
    before, after = odd[_is_latest(key, then)], odd[_is_latest(key, now)]
    old, new = held.key[before], held.key[after]
    at = np.searchsorted(old, new)
    at[at == len(old)] = 0
    moved = (old[at] == new) & (before[at] != after) if len(old) else np.zeros(len(new), np.bool_)
    pairs = zip(before[at[moved]].tolist(), after[moved].tolist(), strict=True) if len(old) else ()
    found = []
    for b, a in pairs:
        session = calendar.at(int(held.session[a]))
        symbol = names.owner(held.symbols[int(held.key[a]) >> SYMBOL_SHIFT], session, is_bar=True)
        if symbol is not None:
            told = Restatement(
                symbol=symbol, session=session,
                close_before_e4=int(held.close[b]), close_after_e4=int(held.close[a]),
                volume_before=int(held.volume[b]), volume_after=int(held.volume[a]),
            )  # fmt: skip
            found.append(told)
    return tuple(found)


def _odd(held: Sidecar, first: int, last: int) -> Int64:
    session = held.session[held.odd]
    found: Int64 = held.odd[(session >= first) & (session <= last)]
    return found


def _is_latest(key: Int64, known: Bools) -> Bools:
    """Which of the rows are known and not followed by a known one of the same bar; *key* is sorted.

    Revisions of one bar stand in the order in which they arrived, so the known ones come first.
    """
    followed = np.zeros(len(key), np.bool_)
    followed[:-1] = (key[1:] == key[:-1]) & known[1:]
    return known & ~followed


def _renamed(
    held: Sidecar, rows: tuple[Int64, Int64, Int64], key: Int64, names: Names, calendar: Calendar
) -> tuple[Int64, Int64, Int64]:
    """Rows (at, lo, hi) with those of every touched ticker replaced by its company's, in the same order."""
    at, lo, hi = rows
    pieces: dict[int, Int64] = {}
    for symbol in sorted(names.tickers):
        code = place(held.symbols, symbol)
        if code is None:
            continue
        parts = [np.zeros(0, np.int64)]
        for ticker, start, stop in names.spans(symbol):
            of = place(held.symbols, ticker)
            if of is not None:
                begin, end = (_number(calendar, day, edge) for day, edge in ((start, 0), (stop, 1)))
                low, high = np.searchsorted(
                    key, [of << SYMBOL_SHIFT | begin, of << SYMBOL_SHIFT | end], "left"
                )
                parts.append(at[low:high])
        pieces[code] = np.concatenate(parts)
    size = hi - lo
    whole, done = [], 0
    for code in sorted(pieces):
        whole += [at[done : lo[code]], pieces[code]]
        size[code], done = len(pieces[code]), int(hi[code])
    upto = np.cumsum(size)
    return np.concatenate([*whole, at[done:]]), upto - size, upto


def _number(calendar: Calendar, day: date | None, open_end: int) -> int:
    """Number of the first session from *day* on; without a day the edge of all sessions."""
    if day is None:
        return open_end * len(calendar.days)
    return bisect_left(calendar.days, day.toordinal() - EPOCH)


def place(symbols: tuple[str, ...], symbol: str) -> int | None:
    """Where *symbol* stands in the sorted *symbols*, or ``None``."""
    at = bisect_left(symbols, symbol)
    return at if at < len(symbols) and symbols[at] == symbol else None
