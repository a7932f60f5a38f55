"""Alpaca's market data over HTTP on loopback, faithful in what it says and, by script, in how it fails.

``GET /v2/stocks/bars`` of a ``HistoricalBars``: keys, parameters, pages that may end inside a symbol, quota headers and
error bodies as the vendor has them. Each request takes the next fault of ``script``; when that is used up, the server
behaves.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from market.calendar import EPOCH, NEW_YORK
from market.feed import ReadFailed
from market.feeds.port import HistoricalBars
from simulation.bar_pages import ADJUSTMENTS, LIMIT_MAX, PATH, Bar, Invalid, midnight, page
from simulation.loopback import Answer, Fault, Loopback, deliver, json_answer


class AlpacaDataServer(Loopback):
    """The server, listening from construction on until ``close``; a context manager too.

    Args:
        bars: what it serves. *adjusted*: what it serves instead for an adjustment other than ``raw``.
        page_max: most bars of a page, whatever the client asks for: the vendor gives fewer too when it likes.
        per_minute: requests that it takes in a minute of *now*'s clock; None: any number.
    Attributes: ``requests``: the parameters of every request, in order; ``script``: faults still to come.
    """

    def __init__(
        self,
        bars: HistoricalBars,
        now: Callable[[], datetime],
        *,
        key_id: str,
        secret_key: str,
        adjusted: Mapping[str, HistoricalBars] | None = None,
        page_max: int = LIMIT_MAX,
        per_minute: int | None = None,
        script: Sequence[Fault] = (),
        port: int = 0,
    ) -> None:
        self._sources = dict.fromkeys(ADJUSTMENTS, bars) | dict(adjusted or {})
        self._now = now
        self._keys = (key_id, secret_key)
        self._page_max = page_max
        self._per_minute = per_minute
        self._minute: tuple[int, int] = (0, 0)
        self.script = list(script)
        self.requests: list[dict[str, str]] = []
        super().__init__(_handler(self), port)

    def answer(self, path: str, headers: Mapping[str, str], quota: Mapping[str, str]) -> Answer:
        """The true answer to a GET of *path*."""
        parts = urlsplit(path)
        given = (headers.get("APCA-API-KEY-ID"), headers.get("APCA-API-SECRET-KEY"))
        if None in given:
            return _error(401, "unauthorized.", quota)
        if given != self._keys:
            return _error(403, "forbidden.", quota)
        if parts.path != PATH:
            return _error(404, "endpoint not found.", quota)
        if quota.get("X-RateLimit-Remaining") == "-1":
            return _error(429, "too many requests.", {**quota, "X-RateLimit-Remaining": "0"})
        try:
            asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            told = page(asked, self._bars, self._now(), self._page_max)
        except Invalid as error:
            return _error(error.status, str(error), quota)
        return json_answer(200, told, quota)

    def quota(self) -> dict[str, str]:
        """Headers of one more request of this minute; a remainder of -1 says that it is one too many."""
        if self._per_minute is None:
            return {}
        minute = int(self._now().timestamp()) // 60
        used = self._minute[1] + 1 if self._minute[0] == minute else 1
        self._minute = (minute, used)
        return {
            "X-RateLimit-Limit": str(self._per_minute),
            "X-RateLimit-Remaining": str(max(self._per_minute - used, -1)),
            "X-RateLimit-Reset": str((minute + 1) * 60),
        }

    def _bars(
        self, adjustment: str, symbols: Sequence[str], interval: int | None, start: datetime, end: datetime
    ) -> list[Bar]:
        """Bars whose start lies from *start* to *end*, both included."""
        source = self._sources[adjustment]
        first, last = start.astimezone(NEW_YORK).date(), end.astimezone(NEW_YORK).date()
        found: list[Bar] = []
        if interval is None:
            seen = source.daily(symbols, first, last)
            assert not isinstance(seen, ReadFailed), "the server's own market can be read"
            rows = seen.value
            starts = [midnight(date.fromordinal(day + EPOCH)) for day in rows.day.tolist()]
            named = [rows.symbols[code] for code in rows.code.tolist()]
            values = rows.values.T.tolist()
        else:
            told = source.intraday(symbols, interval, first, last)
            assert not isinstance(told, ReadFailed), "the server's own market can be read"
            bars = told.value
            zero = datetime(1970, 1, 1, tzinfo=UTC)
            starts = [zero + timedelta(microseconds=at) for at in bars.start_at.tolist()]
            named = [bars.symbols[code] for code in bars.code.tolist()]
            values = bars.values.T.tolist()
        for symbol, moment, row in zip(named, starts, values, strict=True):
            if start <= moment <= end:
                found.append((symbol, moment, tuple(row)))
        return found


def _handler(server: AlpacaDataServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with server.lock:
                query = parse_qs(urlsplit(self.path).query)
                server.requests.append({name: values[-1] for name, values in query.items()})
                fault = server.script.pop(0) if server.script else None
                given = {name.upper(): value for name, value in self.headers.items()}
                truth = server.answer(self.path, given, server.quota())
            deliver(self, fault, truth, server.closing)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is printed: ``requests`` has it all, without the keys."""

    return Handler


def _error(status: int, message: str, headers: Mapping[str, str]) -> Answer:
    return json_answer(status, {"message": message}, headers)
