"""Bars are given in pages that may end inside a symbol, named, checked and refused as the vendor does it.

``GET /v2/stocks/bars``, whoever's the bars are: parameters in, one page of JSON out.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, Final

from market.calendar import NEW_YORK

PATH: Final = "/v2/stocks/bars"
TIMEFRAMES: Final = {"1Day": None, "10Min": 600, "5Min": 300, "1Min": 60}
"""Name -> seconds; None: a day."""
SOURCES: Final = frozenset({"iex", "sip", "delayed_sip", "otc", "boats", "overnight"})
ADJUSTMENTS: Final = frozenset({"raw", "split", "dividend", "all"})
LIMIT_MAX: Final = 10_000
LIMIT_DEFAULT: Final = 1_000

Bar = tuple[str, datetime, tuple[int, ...]]
"""symbol, start, OHLCV in 1e-4 USD and shares."""
BarsOf = Callable[[str, Sequence[str], int | None, datetime, datetime], Sequence[Bar]]
"""(adjustment, symbols, seconds or None for days, first start, last start) -> bars, in any order."""


class Invalid(Exception):
    """A request that the vendor would refuse, with the *status* of the refusal."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def page(
    asked: Mapping[str, str], bars_of: BarsOf, now: datetime, page_max: int = LIMIT_MAX
) -> dict[str, Any]:
    """One page, as the parameters *asked* want it. Errors: ``Invalid``."""
    symbols = sorted(filter(None, asked.get("symbols", "").split(",")))
    if not symbols:
        raise Invalid(400, "symbols is required")
    if bad := [name for name in symbols if not name.replace(".", "").replace("-", "").isalnum()]:
        raise Invalid(400, f"invalid symbol(s): {', '.join(bad)}")
    timeframe = asked.get("timeframe", "")
    if timeframe not in TIMEFRAMES:
        raise Invalid(400, f"invalid timeframe: {timeframe}")
    for name, known in (("feed", SOURCES), ("adjustment", ADJUSTMENTS), ("sort", {"asc", "desc"})):
        if asked.get(name, min(known)) not in known:
            raise Invalid(400, f"invalid {name}: {asked[name]}")
    if asked.get("asof", "-") != "-":
        _instant("asof", asked["asof"])
    limit = _whole("limit", asked.get("limit", str(LIMIT_DEFAULT)))
    if not 1 <= limit <= LIMIT_MAX:
        raise Invalid(400, f"limit must be between 1 and {LIMIT_MAX}")
    start = (
        _instant("start", asked["start"]) if "start" in asked else midnight(now.astimezone(NEW_YORK).date())
    )
    end = _instant("end", asked["end"]) if "end" in asked else now
    if end < start:
        raise Invalid(422, "end should not be before start")
    bars = list(bars_of(asked.get("adjustment", "raw"), symbols, TIMEFRAMES[timeframe], start, end))
    bars.sort(key=lambda bar: bar[1], reverse=asked.get("sort") == "desc")
    bars.sort(key=lambda bar: bar[0])
    size = min(limit, page_max)
    at = _position(bars, asked["page_token"], timeframe) if "page_token" in asked else 0
    rows: dict[str, list[dict[str, Any]]] = {}
    for symbol, moment, values in bars[at : at + size]:
        rows.setdefault(symbol, []).append(_bar(moment, values))
    more = at + size < len(bars)
    return {"bars": rows, "next_page_token": _token(bars[at + size], timeframe) if more else None}


def _bar(moment: datetime, values: tuple[int, ...]) -> dict[str, Any]:
    opened, high, low, closed = (value / 10_000 for value in values[:4])
    mean = round((high + low + closed) / 3, 6)
    return {
        "t": stamp(moment),
        "o": opened,
        "h": high,
        "l": low,
        "c": closed,
        "v": values[4],
        "n": values[4] // 100,
        "vw": mean,
    }


def stamp(moment: datetime) -> str:
    """RFC 3339, UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _token(bar: Bar, timeframe: str) -> str:
    """Names the bar that the next page begins with."""
    return base64.b64encode(f"{bar[0]}|{timeframe}|{stamp(bar[1])}".encode()).decode()


def _position(bars: list[Bar], token: str, timeframe: str) -> int:
    try:
        symbol, of, at = base64.b64decode(token, validate=True).decode().split("|")
    except ValueError:
        symbol, of, at = "", "", ""
    places = (place for place, bar in enumerate(bars) if bar[0] == symbol and stamp(bar[1]) == at)
    found = next(places, None)
    if found is None or of != timeframe:
        raise Invalid(400, "invalid page_token")
    return found


def _whole(name: str, text: str) -> int:
    if not text.isdigit():
        raise Invalid(400, f"invalid {name}: {text}")
    return int(text)


def _instant(name: str, text: str) -> datetime:
    """An RFC 3339 instant, or a date: its midnight in New York."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(400, f"invalid {name}: {text}") from None
    return moment.replace(tzinfo=NEW_YORK) if moment.tzinfo is None else moment


def midnight(day: date) -> datetime:
    """New York's midnight, which is what a daily bar is named by."""
    return datetime.combine(day, time(), NEW_YORK)
