"""The order stream tells each update once, to whoever listens then, and repeats nothing to who comes later.

A websocket on the server's own port: the vendor's actions come as JSON text, and JSON in binary frames goes out. What
the faults make of an update is done here, and here the stream can fall mute or break.
"""

import json
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from simulation.alpaca_server.faults import Faults
from simulation.alpaca_server.words import Json
from simulation.loopback import tear

PATH: Final = "/stream"
_CHUNK: Final = 65_536
_ACTIONS: Final = frozenset({Opcode.TEXT, Opcode.BINARY})


class Line:
    """One client's connection, from its request to change protocols on."""

    def __init__(self, connection: socket.socket, keys: tuple[str, str]) -> None:
        self._socket = connection
        self._keys = keys
        self._protocol = ServerProtocol()
        self._lock = threading.Lock()
        self._is_known = False
        self.is_listening = False

    def run(self, head: bytes) -> None:
        """Serve until either side ends it. *head*: the request as it came."""
        with suppress(OSError):
            self._take(head)
            while self._protocol.state is not State.CLOSED:
                data = self._socket.recv(_CHUNK)
                if not data:
                    break
                self._take(data)
        self.is_listening = False

    def tell(self, message: Json) -> None:
        """Send *message* as a binary frame; a client that has gone hears nothing."""
        with self._lock, suppress(OSError):
            if self._protocol.state is State.OPEN:
                self._protocol.send_binary(json.dumps(message).encode())
                self._flush()

    def end(self) -> None:
        """Break the connection without a farewell."""
        with suppress(OSError):
            tear(self._socket)
            self._socket.shutdown(socket.SHUT_RDWR)

    def _take(self, data: bytes) -> None:
        with self._lock:
            self._protocol.receive_data(data)
            events = self._protocol.events_received()
            for event in events:
                if isinstance(event, Request):
                    self._protocol.send_response(self._protocol.accept(event))
            self._flush()
        for event in events:
            if isinstance(event, Frame) and event.opcode in _ACTIONS:
                self._act(bytes(event.data))

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._socket.sendall(data)
            else:
                self._socket.shutdown(socket.SHUT_WR)  # the farewells are said: the server is who hangs up

    def _act(self, raw: bytes) -> None:
        try:
            asked: Any = json.loads(raw)
        except ValueError:
            asked = None
        given = asked.get("data") if isinstance(asked, dict) else None
        match asked.get("action") if isinstance(asked, dict) else None, given:
            case "authenticate", {"key_id": key, "secret_key": secret}:
                self._is_known = (key, secret) == self._keys
                word = "authorized" if self._is_known else "unauthorized"
                self.tell({"stream": "authorization", "data": {"status": word, "action": "authenticate"}})
            case "listen", {"streams": list(streams)} if self._is_known:
                self.is_listening = "trade_updates" in streams
                heard = [name for name in streams if name == "trade_updates"]
                self.tell({"stream": "listening", "data": {"streams": heard}})
            case _:
                self.tell(
                    {"stream": "listening", "data": {"streams": [], "error": "request is not authorized"}}
                )


class Stream:
    """Everybody who listens. *mute*: they stay connected and hear nothing; what happens meanwhile is lost to them."""

    def __init__(self, keys: tuple[str, str], faults: Faults) -> None:
        self._keys = keys
        self._faults = faults
        self._lines: list[Line] = []
        self._late: list[Json] = []
        self.mute = False

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """Turn the connection of *handler*, which asked for it, into a line, and serve it to its end."""
        line = Line(handler.connection, self._keys)
        self._lines.append(line)
        told = "".join(f"{name}: {value}\r\n" for name, value in handler.headers.items())
        line.run(f"GET {PATH} HTTP/1.1\r\n{told}\r\n".encode())
        self._lines.remove(line)
        handler.close_connection = True

    def listeners(self) -> int:
        """How many listen now."""
        return sum(line.is_listening for line in self._lines)

    def tell(self, updates: Iterable[tuple[int, Json]]) -> None:
        """Tell *updates*, each with its number, as the faults have it."""
        for number, message in updates:
            word = self._faults.update(number)
            if word == "late":
                self._late.append(message)
                continue
            if word == "cut":
                self.cut()
            if word != "drop":
                self._tell(message)
            if word == "double":
                self._tell(message)
            self.release()

    def release(self) -> None:
        """Tell what was held back."""
        held, self._late = self._late, []
        for message in held:
            self._tell(message)

    def cut(self) -> None:
        """Break every connection; clients may come again."""
        for line in tuple(self._lines):
            line.is_listening = False
            line.end()

    def _tell(self, message: Json) -> None:
        for line in tuple(self._lines):
            if line.is_listening and not self.mute:
                line.tell(message)
