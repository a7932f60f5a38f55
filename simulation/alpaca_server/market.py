"""The exchange's prices are shown as the vendor's data, and none before its time: a bar from its end on."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, cast

from market.calendar import NEW_YORK
from schemas.base import SessionDate
from simulation.adapter import Simulated
from simulation.bar_pages import Bar, Invalid, midnight, stamp
from simulation.intraday import IntradayExchange
from simulation.path import IntradayBar, regrouped, ticks
from simulation.tape import IntradayTape, TapeBar

_SHOWN_SHARES: Final = 100
"""Size of both sides of a quote: the exchange does not know of sizes."""


def bars_of(
    exchange: Simulated,
    now: datetime,
    symbols: Sequence[str],
    seconds: int | None,
    start: datetime,
    end: datetime,
) -> list[Bar]:
    """Bars that start from *start* to *end* and have ended by *now*, as traded whatever adjustment is asked."""
    first = SessionDate(start.astimezone(NEW_YORK).date())
    last = min(end, now).astimezone(NEW_YORK).date()
    found: list[Bar] = []
    for session in exchange.hours.sessions(first, last):
        for symbol in symbols:
            made = (
                _day(exchange, symbol, session)
                if seconds is None
                else _inside(exchange, symbol, session, seconds)
            )
            found += [(symbol, at, row) for at, ends, row in made if start <= at <= end and ends <= now]
    return found


def quote(exchange: Simulated, symbol: str, now: datetime) -> dict[str, Any] | None:
    """The latest quote; None before the session's first price. On daily bars both sides are the last price."""
    if isinstance(exchange, IntradayExchange):
        told = exchange.quote(symbol)
        if told is None:
            return None
        bid, ask, at = told.bid, told.ask, told.as_of
    else:
        last = exchange.last(symbol)
        if last is None:
            return None
        bid = ask = last
        at = now
    return {
        "t": stamp(at),
        "ax": "V",
        "ap": float(ask),
        "as": _SHOWN_SHARES,
        "bx": "V",
        "bp": float(bid),
        "bs": _SHOWN_SHARES,
        "c": ["R"],
        "z": "C",
    }


def price(exchange: Simulated, symbol: str) -> Decimal | None:
    """The last price, of this session or of one before."""
    last = exchange.last(symbol)
    session = exchange.state.session
    return exchange.close_before(symbol, session) if last is None and session is not None else last


def _day(
    exchange: Simulated, symbol: str, session: SessionDate
) -> list[tuple[datetime, datetime, tuple[int, ...]]]:
    bar = exchange.tape.bar(symbol, session)
    return [] if bar is None else [(midnight(session), exchange.hours.close_at(session), _values(bar))]


def _inside(
    exchange: Simulated, symbol: str, session: SessionDate, seconds: int
) -> list[tuple[datetime, datetime, tuple[int, ...]]]:
    if not isinstance(exchange, IntradayExchange):
        return []
    held = tuple(bar for bar in cast(IntradayTape, exchange.tape).bars(symbol, session) if bar.volume > 0)
    if any(seconds % bar.seconds for bar in held):
        raise Invalid(422, f"there are no bars of {seconds} seconds: those of the tape are longer")
    made = regrouped(held, exchange.hours.open_at(session), seconds)
    return [(bar.start_at, bar.start_at + timedelta(seconds=seconds), _values(bar)) for bar in made]


def _values(bar: TapeBar | IntradayBar) -> tuple[int, ...]:
    return (*(ticks(price) for price in (bar.open, bar.high, bar.low, bar.close)), bar.volume)
