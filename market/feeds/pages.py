"""A page counts only if every bar in it is one that was asked for: what does not read as a bar fails the read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from math import isfinite
from typing import Any, Final

import numpy as np

from market.calendar import EPOCH, NEW_YORK, Calendar
from market.feeds.port import IntradayBars
from market.imports import ticks
from market.rows import NULL, Bools, Int64, Rows, microseconds

PRICES: Final = ("o", "h", "l", "c")
CLOSE_AFTER: Final = timedelta(minutes=20)
"""A day's bar is final so long after the close (strategy.md 1.1)."""
INTRADAY_AFTER: Final = timedelta(seconds=5)


class Malformed(Exception):
    """A page that is none, and why. It never leaves the feed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request asks for: *symbols*, and instants [start, end)."""

    symbols: frozenset[str]
    start: datetime
    end: datetime
    is_daily: bool


@dataclass(slots=True)
class Columns:
    """Bars as they arrive, a column each."""

    symbol: list[str] = field(default_factory=list)
    start: list[datetime] = field(default_factory=list)
    prices: list[tuple[float, ...]] = field(default_factory=list)
    volume: list[int] = field(default_factory=list)


def dates_asked(symbols: frozenset[str], first: date, last: date, *, is_daily: bool) -> Asked:
    """New York dates from *first* to *last*, both included, as instants."""
    return Asked(
        symbols=symbols,
        start=_midnight(first),
        end=_midnight(last + timedelta(days=1)),
        is_daily=is_daily,
    )


def take(body: Any, asked: Asked, into: Columns, known: dict[str, datetime]) -> str | None:
    """Add the bars of the page *body* to *into*; returns the token of the next page, None after the last.

    Args: known: stamps read before, as a bar's stamp comes once for every symbol.
    Errors: ``Malformed``; *into* is of no use then.
    """
    bars = body.get("bars", {}) if isinstance(body, Mapping) else None
    if bars is None and isinstance(body, Mapping):
        bars = {}  # null: no symbol of the request has a bar
    if not isinstance(bars, Mapping) or "next_page_token" not in body:
        raise Malformed("no page of bars")
    for symbol, rows in bars.items():
        if symbol not in asked.symbols:
            raise Malformed(f"bars of {str(symbol)[:20]}, which nobody asked for")
        if rows is not None and not isinstance(rows, list):
            raise Malformed(f"{symbol}: no list of bars")
        for row in rows or ():
            _take_bar(symbol, row, asked, into, known)
    token = body["next_page_token"]
    if token is not None and not (isinstance(token, str) and token):
        raise Malformed("a page token that is none")
    return token


def _take_bar(symbol: str, row: Any, asked: Asked, into: Columns, known: dict[str, datetime]) -> None:
    if not isinstance(row, Mapping):
        raise Malformed(f"{symbol}: no bar")
    stamp = row.get("t")
    if not isinstance(stamp, str):
        raise Malformed(f"{symbol}: a bar without its instant")
    start = known.get(stamp)
    if start is None:
        start = known[stamp] = _start(stamp, asked)
    prices: tuple[Any, ...] = tuple(row.get(name) for name in PRICES)
    volume: Any = row.get("v")
    if not all(_is_number(price) for price in prices) or not _is_number(volume) or volume != int(volume):
        raise Malformed(f"{symbol} {stamp}: a price or the volume is no number")
    if not 0 <= volume < 2**53:
        raise Malformed(f"{symbol} {stamp}: a volume of {volume}")
    into.symbol.append(symbol)
    into.start.append(start)
    into.prices.append(prices)
    into.volume.append(int(volume))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _start(stamp: str, asked: Asked) -> datetime:
    try:
        start = datetime.fromisoformat(stamp)
    except ValueError as error:
        raise Malformed(f"{stamp[:40]!r} is no instant") from error
    if start.tzinfo is None or not asked.start <= start < asked.end:
        raise Malformed(f"a bar of {stamp[:40]}, which nobody asked for")
    local = start.astimezone(NEW_YORK)
    if asked.is_daily and local.time() != time():
        # Read by its UTC date, the bar of a Monday stamped otherwise would be Sunday's or Tuesday's.
        raise Malformed(f"a day's bar stamped {stamp[:40]}, which is no midnight of New York")
    return start


def daily_rows(columns: Columns, calendar: Calendar, now: datetime) -> Rows:
    """The finished bars of *columns* as rows, under their New York dates, in canonical order."""
    symbols, code = _codes(columns.symbol)
    days = {start: start.astimezone(NEW_YORK).date() for start in set(columns.start)}
    final = {start: _is_final(day, calendar, now) for start, day in days.items()}
    rows = Rows(
        symbols=symbols,
        code=code,
        day=np.array([days[start].toordinal() - EPOCH for start in columns.start], np.int32),
        values=_values(columns),
        known_at=np.full(len(code), NULL, np.int64),
        vintage=np.zeros(len(code), np.int32),
    )
    return rows.take(np.array([final[start] for start in columns.start], np.bool_)).canonical()


def _is_final(day: date, calendar: Calendar, now: datetime) -> bool:
    """A bar of a date that is no session is the contract's to judge, once that date is over."""
    ends = (
        calendar.close_at(day) + CLOSE_AFTER
        if calendar.is_session(day)
        else _midnight(day + timedelta(days=1))
    )
    return now >= ends


def intraday_bars(columns: Columns, interval_s: int, calendar: Calendar, now: datetime) -> IntradayBars:
    """The finished bars of regular sessions among *columns*."""
    symbols, code = _codes(columns.symbol)
    length = timedelta(seconds=interval_s)
    starts = set(columns.start)
    kept = {s: _is_regular(s, calendar) and now >= s + length + INTRADAY_AFTER for s in starts}
    at: Bools = np.array([kept[start] for start in columns.start], np.bool_)
    start_at = np.array([microseconds(s) for s in columns.start], np.int64)
    return IntradayBars(
        symbols=symbols,
        code=code[at],
        start_at=start_at[at],
        interval_s=interval_s,
        values=_values(columns)[:, at],
    ).canonical()


def _is_regular(start: datetime, calendar: Calendar) -> bool:
    day = start.astimezone(NEW_YORK).date()
    return calendar.is_session(day) and calendar.open_at(day) <= start < calendar.close_at(day)


def _codes(names: list[str]) -> tuple[tuple[str, ...], np.ndarray[Any, np.dtype[np.int32]]]:
    symbols = tuple(sorted(set(names)))
    place = {symbol: at for at, symbol in enumerate(symbols)}
    return symbols, np.array([place[name] for name in names], np.int32)


def _values(columns: Columns) -> Int64:
    """Prices by the digits that they came with: the shortest ones of a float are those of up to 15 digits."""
    prices = np.array(columns.prices, np.float64).reshape(-1, len(PRICES))
    return np.vstack([*(ticks(column) for column in prices.T), np.array(columns.volume, np.int64)])


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), NEW_YORK).astimezone(UTC)
