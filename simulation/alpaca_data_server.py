"""Alpaca's market data over HTTP on loopback, faithful in what it says and, by script, in how it fails.

``GET /v2/stocks/bars`` of a ``HistoricalBars``: keys, parameters, pages that may end inside a symbol, quota headers and
error bodies as the vendor has them. Each request takes the next fault of ``script``; when that is used up, the server
behaves.
"""

import base64
import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from market.calendar import EPOCH, NEW_YORK
from market.feed import ReadFailed
from market.feeds.port import HistoricalBars

PATH: Final = "/v2/stocks/bars"
TIMEFRAMES: Final = {"1Day": None, "10Min": 600, "5Min": 300}
SOURCES: Final = frozenset({"iex", "sip", "delayed_sip", "otc", "boats", "overnight"})
ADJUSTMENTS: Final = frozenset({"raw", "split", "dividend", "all"})
LIMIT_MAX: Final = 10_000
LIMIT_DEFAULT: Final = 1_000
GATEWAY_PAGE: Final = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"

Bar = tuple[str, datetime, tuple[int, ...]]
"""symbol, start, OHLCV in 1e-4 USD and shares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A fault: this answer instead of the true one."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """A fault: nothing at all for so long, or until the server closes; then the connection ends."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drip:
    """A fault: the true answer, a byte at a time, *seconds* apart."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A fault: the true answer ends in the middle of its body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """A fault: the connection is torn down before any answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """A fault: the true answer's JSON, made into something else."""

    to: Callable[[dict[str, Any]], Any]


Fault = Answer | Stall | Drip | Cut | Reset | Rewrite | None
"""None: no fault, this once."""


def throttled(retry_after: str | None = None, reset: int | None = None) -> Answer:
    """429 as the vendor says it."""
    headers = {"X-RateLimit-Limit": "200", "X-RateLimit-Remaining": "0"}
    headers |= {"Retry-After": retry_after} if retry_after is not None else {}
    headers |= {"X-RateLimit-Reset": str(reset)} if reset is not None else {}
    return Answer(status=429, body=b'{"message":"too many requests."}', headers=headers)


def gateway(status: int) -> Answer:
    """A 5xx of something between us and the vendor: HTML, no JSON."""
    return Answer(status=status, body=GATEWAY_PAGE, headers={"Content-Type": "text/html"})


class AlpacaDataServer:
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
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """What a client's ``url_override`` is set to."""
        port = self._http.server_address[1]
        return f"http://127.0.0.1:{port}"

    def close(self) -> None:
        """Stop listening, and let go of every stalled connection."""
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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
            page = self._page({name: values[-1] for name, values in parse_qs(parts.query).items()})
        except _Invalid as error:
            return _error(error.status, str(error), quota)
        return Answer(status=200, body=json.dumps(page).encode(), headers=quota)

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

    def _page(self, asked: dict[str, str]) -> dict[str, Any]:
        symbols = sorted(filter(None, asked.get("symbols", "").split(",")))
        if not symbols:
            raise _Invalid(400, "symbols is required")
        if bad := [name for name in symbols if not name.replace(".", "").replace("-", "").isalnum()]:
            raise _Invalid(400, f"invalid symbol(s): {', '.join(bad)}")
        timeframe = asked.get("timeframe", "")
        if timeframe not in TIMEFRAMES:
            raise _Invalid(400, f"invalid timeframe: {timeframe}")
        for name, known in (("feed", SOURCES), ("adjustment", ADJUSTMENTS), ("sort", {"asc", "desc"})):
            if asked.get(name, min(known)) not in known:
                raise _Invalid(400, f"invalid {name}: {asked[name]}")
        if asked.get("asof", "-") != "-":
            _instant("asof", asked["asof"])
        limit = _whole("limit", asked.get("limit", str(LIMIT_DEFAULT)))
        if not 1 <= limit <= LIMIT_MAX:
            raise _Invalid(400, f"limit must be between 1 and {LIMIT_MAX}")
        now = self._now()
        start = _instant("start", asked["start"]) if "start" in asked else _midnight(now)
        end = _instant("end", asked["end"]) if "end" in asked else now
        if end < start:
            raise _Invalid(422, "end should not be before start")
        bars = self._bars(self._sources[asked.get("adjustment", "raw")], symbols, timeframe, start, end)
        bars.sort(key=lambda bar: bar[1], reverse=asked.get("sort") == "desc")
        bars.sort(key=lambda bar: bar[0])
        size = min(limit, self._page_max)
        at = _position(bars, asked["page_token"], timeframe) if "page_token" in asked else 0
        rows: dict[str, list[dict[str, Any]]] = {}
        for symbol, moment, values in bars[at : at + size]:
            rows.setdefault(symbol, []).append(_bar(moment, values))
        more = at + size < len(bars)
        return {"bars": rows, "next_page_token": _token(bars[at + size], timeframe) if more else None}

    def _bars(
        self, source: HistoricalBars, symbols: list[str], timeframe: str, start: datetime, end: datetime
    ) -> list[Bar]:
        """Bars whose start lies from *start* to *end*, both included."""
        first, last = start.astimezone(NEW_YORK).date(), end.astimezone(NEW_YORK).date()
        interval = TIMEFRAMES[timeframe]
        found: list[Bar] = []
        if interval is None:
            seen = source.daily(symbols, first, last)
            assert not isinstance(seen, ReadFailed), "the server's own market can be read"
            rows = seen.value
            starts = [_midnight_of(date.fromordinal(day + EPOCH)) for day in rows.day.tolist()]
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


class _Invalid(Exception):
    """A request that the vendor would refuse."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


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
            with suppress(ConnectionError):  # a client that has gone away has its answer: none
                self._give(fault, truth)

        def _give(self, fault: Fault, truth: Answer) -> None:
            match fault:
                case Answer():
                    self._send(fault)
                case Stall(seconds=seconds):
                    server.closing.wait(seconds)
                    self.close_connection = True
                case Drip(seconds=seconds):
                    self._head(truth)
                    for byte in truth.body:
                        self.wfile.write(bytes([byte]))
                        if server.closing.wait(seconds):
                            break
                    self.close_connection = True
                case Cut():
                    self._head(truth)
                    self.wfile.write(truth.body[: len(truth.body) // 2])
                    self.close_connection = True
                case Reset():
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                case Rewrite(to=to):
                    body = json.dumps(to(json.loads(truth.body))).encode()
                    self._send(Answer(status=truth.status, body=body, headers=truth.headers))
                case None:
                    self._send(truth)

        def _send(self, answer: Answer) -> None:
            self._head(answer)
            self.wfile.write(answer.body)

        def _head(self, answer: Answer) -> None:
            self.send_response(answer.status)
            told = {
                "Content-Type": "application/json; charset=UTF-8",
                "Content-Length": str(len(answer.body)),
            }
            for name, value in {**told, **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is printed: ``requests`` has it all, without the keys."""

    return Handler


def _error(status: int, message: str, headers: Mapping[str, str]) -> Answer:
    return Answer(status=status, body=json.dumps({"message": message}).encode(), headers=headers)


def _bar(moment: datetime, values: tuple[int, ...]) -> dict[str, Any]:
    opened, high, low, closed = (value / 10_000 for value in values[:4])
    mean = round((high + low + closed) / 3, 6)
    stamp = _stamp(moment)
    return {
        "t": stamp,
        "o": opened,
        "h": high,
        "l": low,
        "c": closed,
        "v": values[4],
        "n": values[4] // 100,
        "vw": mean,
    }


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _token(bar: Bar, timeframe: str) -> str:
    """Names the bar that the next page begins with."""
    return base64.b64encode(f"{bar[0]}|{timeframe}|{_stamp(bar[1])}".encode()).decode()


def _position(bars: list[Bar], token: str, timeframe: str) -> int:
    try:
        symbol, of, stamp = base64.b64decode(token, validate=True).decode().split("|")
    except ValueError:
        symbol, of, stamp = "", "", ""
    places = (at for at, bar in enumerate(bars) if bar[0] == symbol and _stamp(bar[1]) == stamp)
    found = next(places, None)
    if found is None or of != timeframe:
        raise _Invalid(400, "invalid page_token")
    return found


def _whole(name: str, text: str) -> int:
    if not text.isdigit():
        raise _Invalid(400, f"invalid {name}: {text}")
    return int(text)


def _instant(name: str, text: str) -> datetime:
    """An RFC 3339 instant, or a date: its midnight in New York."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _Invalid(400, f"invalid {name}: {text}") from None
    return moment.replace(tzinfo=NEW_YORK) if moment.tzinfo is None else moment


def _midnight(now: datetime) -> datetime:
    return _midnight_of(now.astimezone(NEW_YORK).date())


def _midnight_of(day: date) -> datetime:
    return datetime.combine(day, time(), NEW_YORK)
