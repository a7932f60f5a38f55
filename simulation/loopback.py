"""A server on loopback answers as it is told, and its line can fail in every way in which a line fails.

What the simulated vendors have in common: the vocabulary of faults, and the one place where each is carried out.
"""

import json
import socket
import struct
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

HOST: Final = "127.0.0.1"
GATEWAY_PAGE: Final = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer; as a fault: this one instead of the true one."""

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

    to: Callable[[Any], Any]


Fault = Answer | Stall | Drip | Cut | Reset | Rewrite | None
"""None: no fault, this once."""


def json_answer(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
    """*body* as JSON."""
    return Answer(status=status, body=json.dumps(body).encode(), headers=headers or {})


def throttled(retry_after: str | None = None, reset: int | None = None) -> Answer:
    """429 as the vendor says it."""
    headers = {"X-RateLimit-Limit": "200", "X-RateLimit-Remaining": "0"}
    headers |= {"Retry-After": retry_after} if retry_after is not None else {}
    headers |= {"X-RateLimit-Reset": str(reset)} if reset is not None else {}
    return Answer(status=429, body=b'{"message":"too many requests."}', headers=headers)


def gateway(status: int) -> Answer:
    """A 5xx of something between us and the vendor: HTML, no JSON."""
    return Answer(status=status, body=GATEWAY_PAGE, headers={"Content-Type": "text/html"})


def deliver(to: BaseHTTPRequestHandler, fault: Fault, truth: Answer, closing: threading.Event) -> None:
    """Answer with *truth*, or with what *fault* makes of it. A client that has gone away has its answer: none."""
    with suppress(ConnectionError):
        match fault:
            case None:
                _send(to, truth)
            case Answer():
                _send(to, fault)
            case Rewrite() if not truth.body:
                _send(to, truth)
            case Rewrite(to=made):
                body = json.dumps(made(json.loads(truth.body))).encode()
                _send(to, Answer(status=truth.status, body=body, headers=truth.headers))
            case Stall(seconds=seconds):
                closing.wait(seconds)
                to.close_connection = True
            case Drip(seconds=seconds):
                _head(to, truth)
                for byte in truth.body:
                    to.wfile.write(bytes([byte]))
                    if closing.wait(seconds):
                        break
                to.close_connection = True
            case Cut():
                _head(to, truth)
                to.wfile.write(truth.body[: len(truth.body) // 2])
                to.close_connection = True
            case Reset():
                tear(to.connection)
                to.close_connection = True


def tear(line: socket.socket) -> None:
    """Make the end of *line* a reset instead of a farewell."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed in the middle of a line is no fault of the server's."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Loopback:
    """Listens on this machine alone, from construction on until ``close``; a context manager too.

    Errors: ``OSError`` if *port* is taken; 0 takes any that is free.
    """

    def __init__(self, handler: type[BaseHTTPRequestHandler], port: int) -> None:
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self._http = _Server((HOST, port), handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """What a client's ``url_override`` is set to."""
        return f"http://{HOST}:{self._http.server_address[1]}"

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


def _send(to: BaseHTTPRequestHandler, answer: Answer) -> None:
    _head(to, answer)
    to.wfile.write(answer.body)


def _head(to: BaseHTTPRequestHandler, answer: Answer) -> None:
    to.send_response(answer.status)
    told = {"Content-Type": "application/json; charset=UTF-8"}
    if answer.status != 204:
        told["Content-Length"] = str(len(answer.body))
    for name, value in {**told, **answer.headers}.items():
        to.send_header(name, value)
    to.end_headers()
