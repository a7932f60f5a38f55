"""A server that answers as Slack's Web API does, on loopback, and fails in each way that a line to it can.

``chat.postMessage``, ``conversations.history`` and ``auth.test`` with bearer token, form or JSON bodies, ok:false at
HTTP 200, 429 with Retry-After, metadata in the history, and the limits of a message. A script says, call by call, what
goes wrong with the posts; when it is over, each is taken.
"""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

TOKEN = "xoxb-1111-2222-THESECRETTOKEN"
CHANNEL = "C0123456789"


class Go(Enum):
    """What becomes of a post."""

    TAKE = "take"
    THROTTLE = "throttle"
    """429, Retry-After: 2."""
    BUSY = "busy"
    """503 with a page of HTML."""
    LATE = "late"
    """The post is taken, the answer comes after the test's patience."""
    CUT = "cut"
    """The post is taken, and the connection dropped without an answer."""
    LOST = "lost"
    """The connection is dropped and nothing was taken."""
    DRIP = "drip"
    """Headers byte by byte, for ever."""
    NONSENSE = "nonsense"
    """HTTP 200 and a list."""


@dataclass(slots=True)
class Slack:
    """The channel as it stands, and what was asked. *script*: what becomes of the next posts; a text is an error."""

    script: list[Go | str] = field(default_factory=list)
    channel: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    can_read: bool = True
    stop: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Take a message, or say why not."""
        if body.get("channel") != CHANNEL:
            return {"ok": False, "error": "channel_not_found"}
        blocks = body.get("blocks") or []
        if not body.get("text") and not blocks:
            return {"ok": False, "error": "no_text"}
        texts = [part["text"] for b in blocks for part in (b.get("elements") or [b["text"]])]
        if len(blocks) > 50 or any(not 1 <= len(text) <= 3000 for text in texts):
            return {"ok": False, "error": "invalid_blocks"}
        if len(body.get("text", "")) > 40000:
            return {"ok": False, "error": "msg_too_long"}
        ts = f"{1_700_000_000 + len(self.channel)}.000100"
        self.channel.append({"type": "message", "ts": ts, **body})
        return {"ok": True, "channel": CHANNEL, "ts": ts, "message": {"text": body.get("text", "")}}

    def ids(self) -> list[str]:
        """The messages' own ids, as they came."""
        return [each.get("metadata", {}).get("event_payload", {}).get("id", "plain") for each in self.channel]


def _body(raw: bytes, kind: str) -> dict[str, Any]:
    if kind.startswith("application/json"):
        found: dict[str, Any] = json.loads(raw)
        return found
    return {
        name: json.loads(value) if name in ("blocks", "metadata") else value
        for name, value in parse_qsl(raw.decode())
    }


def _handler(slack: Slack) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            del format, args

        def _say(self, status: int, body: Any, **headers: str) -> None:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            kind = "text/html" if isinstance(body, bytes) else "application/json; charset=utf-8"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            method = self.path.split("?")[0].removeprefix("/api/")
            slack.calls.append(method)
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            slack.tokens.add(token)
            if token != TOKEN:
                self._say(200, {"ok": False, "error": "invalid_auth"})
                return
            body = _body(raw, self.headers.get("Content-Type", "")) if raw else {}
            if method == "chat.postMessage":
                self._post(body)
            elif method == "conversations.history":
                self._history(body)
            else:
                self._say(200, {"ok": True, "user": "avwap"})

        def _history(self, body: dict[str, Any]) -> None:
            if not slack.can_read:
                self._say(200, {"ok": False, "error": "missing_scope"})
                return
            newest = list(reversed(slack.channel))
            at, size = int(body.get("cursor") or 0), int(body["limit"])
            more = str(at + size) if at + size < len(newest) else ""
            page = {"messages": newest[at : at + size], "response_metadata": {"next_cursor": more}}
            self._say(200, {"ok": True, "has_more": bool(more), **page})

        def _post(self, body: dict[str, Any]) -> None:
            do = slack.script.pop(0) if slack.script else Go.TAKE
            if isinstance(do, str):
                self._say(200, {"ok": False, "error": do})
            elif do is Go.THROTTLE:
                self._say(429, {"ok": False, "error": "ratelimited"}, Retry_After="2")
            elif do is Go.BUSY:
                self._say(503, b"<html>upstream</html>")
            elif do is Go.NONSENSE:
                self._say(200, [])
            elif do is Go.TAKE:
                self._say(200, slack.post(body))
            else:
                if do in (Go.LATE, Go.CUT):
                    slack.post(body)
                self.close_connection = True
                if do is Go.LATE:
                    slack.stop.wait(20)
                while do is Go.DRIP and not slack.stop.wait(0.1):
                    self.wfile.write(b"H")

    return Handler


@contextmanager
def listening(script: Sequence[Go | str] = ()) -> Iterator[Slack]:
    """A Slack whose posts go as *script* says."""
    slack = Slack(script=list(script))

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: Any, client_address: Any) -> None:
            del request, client_address  # whoever asked has gone: that is what some tests are about

    server = Quiet(("127.0.0.1", 0), _handler(slack))
    port = server.server_address[1]
    slack.url = f"http://127.0.0.1:{port}/api/"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield slack
    finally:
        slack.stop.set()
        server.shutdown()
        server.server_close()
