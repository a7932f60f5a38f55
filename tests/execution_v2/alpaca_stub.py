"""A few lines of a broker on loopback: it takes orders, answers as it is told to, and remembers every request."""

import json
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from execution_v2.broker.alpaca import AlpacaBroker
from execution_v2.broker.alpaca_config import AlpacaConfig
from execution_v2.broker.breaker import Breaker
from execution_v2.broker.port import SubmitOrder
from market.feeds.alpaca import Credentials
from schemas.book import OrderType, Side, TimeInForce

KEYS: Final = ("PKSTUBKEYID0000000", "stub-secret-0123456789abcdef")
NOW: Final = datetime(2016, 3, 9, 15, tzinfo=UTC)
ORDER: Final[Mapping[str, Any]] = {
    "id": "00000000-0000-4000-8000-000000000001",
    "client_order_id": "aw1-abcdef-000-20160309-e000-1",
    "symbol": "AAPL",
    "side": "buy",
    "type": "limit",
    "time_in_force": "day",
    "qty": "10",
    "filled_qty": "0",
    "limit_price": "101.25",
    "stop_price": None,
    "status": "new",
    "submitted_at": "2016-03-09T15:00:00.123456789Z",
    "updated_at": "2016-03-09T15:00:00.123456789Z",
    "replaced_by": None,
    "replaces": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """What the next request of a kind gets. *acts*: the order is taken first."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    acts: bool = False
    how: str = "whole"
    """whole; mute: nothing until the server closes; reset: the connection is torn down; cut: half a body."""


@dataclass
class Time:
    """Time that passes where somebody waits, or by itself, *step* seconds a look."""

    at: datetime = NOW
    step: float = 0.0
    waits: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        self.at += timedelta(seconds=self.step)
        return self.at

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.at += timedelta(seconds=seconds)


class Stub:
    """``script``: method or method and path -> what the next such requests get, in turn; then the truth."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.script: dict[str, list[Say]] = {}
        self.gets: dict[str, Any] = {}
        self.orders: dict[str, dict[str, Any]] = {}
        self.closing = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        port = self._http.server_address[1]
        return f"http://127.0.0.1:{port}"

    def sent(self, method: str) -> list[Any]:
        """Bodies of every request of *method*."""
        return [body for each, _, _, body in self.requests if each == method]

    def close(self) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()

    def answer(self, method: str, target: str, body: Any) -> Say:
        parts = urlsplit(target)
        path, query = parts.path.removeprefix("/v2"), {k: v[-1] for k, v in parse_qs(parts.query).items()}
        self.requests.append((method, path, query, body))
        told = self.script.get(f"{method} {path}") or self.script.get(method)
        if told:
            say = told.pop(0)
            if say.acts:
                self._true(method, path, query, body)
            return say
        return self._true(method, path, query, body)

    def _true(self, method: str, path: str, query: dict[str, str], body: Any) -> Say:
        if method == "POST":
            if any(o["client_order_id"] == body["client_order_id"] for o in self.orders.values()):
                return Say(status=422, body={"code": 40010001, "message": "client_order_id must be unique"})
            made = {
                **ORDER,
                **{k: str(v) for k, v in body.items()},
                "id": f"00000000-0000-4000-8000-{len(self.orders) + 1:012d}",
            }
            self.orders[made["id"]] = made
            return Say(body=made)
        if path == "/orders:by_client_order_id":
            rows = [o for o in self.orders.values() if o["client_order_id"] == query["client_order_id"]]
        elif path.startswith("/orders/"):
            rows = [o for o in self.orders.values() if path.endswith(o["id"])]
        else:
            return Say(body=self.gets[path]) if path in self.gets else _absent()
        if not rows:
            return _absent()
        if method == "DELETE":
            rows[0]["status"] = "pending_cancel"
            return Say(status=204)
        if method == "PATCH":
            return Say(
                body={**rows[0], **{k: str(v) for k, v in body.items()}, "id": rows[0]["id"][:-1] + "9"}
            )
        return Say(body=rows[0])


def _absent() -> Say:
    return Say(status=404, body={"code": 40410000, "message": "order not found"})


def _handler(stub: Stub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            say = stub.answer(self.command, self.path, json.loads(raw) if raw else None)
            if say.how == "mute":
                stub.closing.wait()
            if say.how in ("mute", "reset"):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.close()
                return
            body = say.body if isinstance(say.body, bytes) else json.dumps(say.body).encode()
            body = b"" if say.status == 204 else body
            self.send_response(say.status)
            for name, value in say.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if say.how == "cut" else body)
            self.close_connection = self.close_connection or say.how == "cut"

        do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Nothing is printed."""

    return Handler


@contextmanager
def stubbed(
    time: Time | None = None, breaker: Breaker | None = None, **config: Any
) -> Iterator[tuple[AlpacaBroker, Stub]]:
    """The adapter and the stub at its other end."""
    stub = Stub()
    given = {"url_override": stub.url, "write_s": 0.5, "read_s": 1.0, **config}
    credentials = Credentials(key_id=SecretStr(KEYS[0]), secret_key=SecretStr(KEYS[1]))
    broker = AlpacaBroker(AlpacaConfig(**given), credentials, time or Time(), paper=True, breaker=breaker)
    try:
        yield broker, stub
    finally:
        broker.close()
        stub.close()


def buy(n: int = 1) -> SubmitOrder:
    """A limited buy of ten shares."""
    return SubmitOrder(
        client_order_id=f"aw1-abcdef-000-20160309-e000-{n}",
        symbol="AAPL",
        side=Side.BUY,
        quantity=Decimal(10),
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        limit=Decimal("101.25"),
    )


def stop(n: int = 7) -> SubmitOrder:
    """A protective stop of ten shares."""
    return SubmitOrder(
        client_order_id=f"aw1-abcdef-000-20160309-s000-{n}",
        symbol="AAPL",
        side=Side.SELL,
        quantity=Decimal(10),
        order_type=OrderType.STOP,
        time_in_force=TimeInForce.GTC,
        stop=Decimal("95.5"),
    )
