"""One port of this machine speaks the vendor's whole protocol, and remembers every request that came.

Trading, market data and the order stream share the port. Each request is answered alone, in the order in which they
come in; what it caused is told to the stream before its own answer goes out, as it may well come about.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from simulation.adapter import Simulated
from simulation.alpaca_server.api import Api
from simulation.alpaca_server.asked import fields
from simulation.alpaca_server.faults import Faults, Script, Trouble, seconds_of, written
from simulation.alpaca_server.mishaps import Asked
from simulation.alpaca_server.refusals import INVALID, Refusal, unauthorised
from simulation.alpaca_server.stream import PATH, Stream
from simulation.loopback import Answer, Loopback, deliver, json_answer

# They open nothing but this exchange.
KEY_ID: Final = "PKSIMULATED000000000"
SECRET_KEY: Final = "simulated-exchange-secret-0000000000000"
_OWN: Final = "/sim/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it came in, and what befell it. ``at``: of the injected clock."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    at: datetime
    trouble: str | None


class AlpacaServer(Loopback):
    """Listens from construction on until ``close``; a context manager too.

    Args:
        exchange: whose account is shown; nobody else may move it meanwhile.
        now: the instant of the moment, UTC. step: sets it, for ``POST /sim/clock``; None where it follows a clock.
        faults: what befalls requests and updates; by default nothing. A ``Script`` may be added to at any time.
    Attributes: ``requests``: all that came, in order, without the keys; ``stream``: to cut it, or make it mute.
    """

    def __init__(
        self,
        exchange: Simulated,
        now: Callable[[], datetime],
        *,
        faults: Faults | None = None,
        step: Callable[[datetime], None] | None = None,
        key_id: str = KEY_ID,
        secret_key: str = SECRET_KEY,
        port: int = 0,
    ) -> None:
        self.faults: Faults = Script() if faults is None else faults
        self.requests: list[Request] = []
        self.stream = Stream((key_id, secret_key), self.faults)
        self._now = now
        self._keys = (key_id, secret_key)
        self._api = Api(exchange, now, step)
        self._last: dict[tuple[str, str], Answer] = {}
        self._api.answer("GET", "/sim/clock", {}, b"")
        self._api.told()  # the stream tells nobody what happened before it
        super().__init__(_handler(self), port)

    @property
    def data_url(self) -> str:
        """The ``url_override`` of a client of market data."""
        return self.url

    @property
    def stream_url(self) -> str:
        """The ``url_override`` of the order stream."""
        return self.url.replace("http://", "ws://") + PATH

    def sent(self, method: str, path: str = "/v2/orders") -> list[Request]:
        """The requests of *method* whose path begins with *path*."""
        return [each for each in self.requests if each.method == method and each.path.startswith(path)]

    def tick(self) -> None:
        """Play up to now, and tell what happened: for a clock that moves while nobody asks."""
        with self.lock:
            self.stream.tell(self._api.told())

    def close(self) -> None:
        """Stop listening, and let go of every connection."""
        self.stream.cut()
        super().close()

    def take(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[Trouble | None, Answer]:
        """What befalls a request, and its true answer, given in its turn. ``/sim/`` asks no keys and meets nothing."""
        parts = urlsplit(target)
        path = unquote(parts.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        with self.lock:
            if path == f"{_OWN}faults":
                return None, self._faulty(method, body)
            if path.startswith(_OWN):
                return None, self._asked(method, path, query, body)
            trouble = self.faults.request(len(self.requests) + 1, method, path)
            at, answer = self._now(), None
            is_known = (headers.get("APCA-API-KEY-ID"), headers.get("APCA-API-SECRET-KEY")) == self._keys
            if trouble is not None and trouble.mishap is not None:
                ask = partial(self._asked, method, path, query, body)
                around = Asked(method=method, path=path, body=body, now=at, answer=ask)
                answer, happened = self._happening(trouble, around) if is_known else (None, False)
                trouble = trouble if happened else None
            name = None if trouble is None else trouble.name
            self.requests.append(
                Request(method=method, path=path, query=query, body=body, at=at, trouble=name)
            )
            if answer is not None:
                return trouble, answer
            if not is_known:
                return trouble, unauthorised().answer
            if trouble is not None and not trouble.reaches:
                return trouble, Answer(status=504)
            answer = self._asked(method, path, query, body)
            if method == "GET":
                before = self._last.get((method, target), answer)
                self._last[method, target] = answer
                answer = before if trouble is not None and trouble.stale else answer
            return trouble, answer

    def _happening(self, trouble: Trouble, around: Asked) -> tuple[Answer | None, bool]:
        """The answer, None if the request was not put yet, and whether the mishap of *trouble* happened around it."""
        assert trouble.mishap is not None, "nothing is to happen"
        self.stream.tell(self._api.told())  # what was before it is told before it
        answer, happened = self._api.scene.happen(trouble.mishap, around, trouble.seconds)
        if happened:
            self.faults.met[trouble.name] += 1
            self.stream.tell(self._api.told())
        return answer, happened

    def _asked(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> Answer:
        """The true answer; the stream hears what it caused."""
        answer = self._api.answer(method, path, query, body)
        self.stream.tell(self._api.told())
        return answer

    def _faulty(self, method: str, body: bytes) -> Answer:
        """``/sim/faults``: those met so far.

        A POST adds some, halts or resumes a symbol, or sets the stream ``mute``, ``heard`` or ``cut``.
        """
        try:
            if method == "POST":
                given = fields(body)
                if {"halt", "resume"} & set(given):
                    self._stopped(given)
                    return self._met()
                match given.pop("stream", None):
                    case "cut":
                        self.stream.cut()
                    case "mute" | "heard" as word:
                        self.stream.mute = word == "mute"
                    case None:
                        written(given, self.faults)
                    case _:
                        raise Refusal(422, INVALID, "stream is mute, heard or cut")
        except Refusal as no:
            return no.answer
        return self._met()

    def _met(self) -> Answer:
        return json_answer(200, {"met": dict(sorted(self.faults.met.items()))})

    def _stopped(self, given: Mapping[str, Any]) -> None:
        """Halt a symbol, or resume it. Errors: ``Refusal``."""
        self.stream.tell(self._api.told())
        scene, now = self._api.scene, self._now()
        match dict(given):
            case {"halt": str(symbol), **rest} if set(rest) <= {"seconds"}:
                lasts = seconds_of(rest)
                if lasts <= 0 or not scene.halt(symbol, now, lasts):
                    raise Refusal(422, INVALID, f"{symbol} never traded here, or is halted for no time")
                self.faults.met["halt"] += 1
            case {"resume": str(symbol), **rest} if not rest:
                if not scene.resume(symbol, now):
                    raise Refusal(422, INVALID, f"{symbol} is not halted")
                self.stream.tell(self._api.told())
            case _:
                raise Refusal(422, INVALID, "halt is a symbol, with seconds if wanted; resume is a symbol")


def _handler(server: AlpacaServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            if self.path == PATH and self.headers.get("Upgrade", "").lower() == "websocket":
                server.stream.serve(self)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            given = {name.upper(): value for name, value in self.headers.items()}
            trouble, truth = server.take(self.command, self.path, given, body)
            deliver(self, None if trouble is None else trouble.how, truth, server.closing)

        do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is printed: ``requests`` has it all, without the keys."""

    return Handler
