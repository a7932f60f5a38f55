"""The stream brings updates in their order, and says itself when it is down, mute, or may have missed something."""

import json
import threading
import time as wall
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from pydantic import SecretStr
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from execution_v2.broker.alpaca_config import AlpacaConfig
from execution_v2.broker.alpaca_stream import AlpacaStream
from execution_v2.broker.port import ReadFailed, Seen, Updates
from market.feeds.alpaca import Credentials
from schemas.reasons.execution import LineCode
from tests.execution_v2.alpaca_stub import KEYS, NOW, ORDER


class Caster:
    """A trade-update stream that says what it is told to."""

    def __init__(self, accepts: bool = True) -> None:
        self.accepts = accepts
        self.lines: list[ServerConnection] = []
        self.listening = threading.Event()
        self._server = serve(self._speak, "127.0.0.1", 0)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}/stream"

    def say(self, data: Any) -> None:
        message = data if isinstance(data, bytes) else {"stream": "trade_updates", "data": data}
        self.lines[-1].send(message if isinstance(message, bytes) else json.dumps(message).encode())

    def cut(self) -> None:
        self.listening.clear()
        self.lines[-1].close()

    def close(self) -> None:
        for line in self.lines:
            line.close()
        self._server.shutdown()

    def _speak(self, line: ServerConnection) -> None:
        try:
            asked = json.loads(line.recv())
            status = "authorized" if self.accepts else "unauthorized"
            line.send(
                json.dumps(
                    {"stream": "authorization", "data": {"action": asked["action"], "status": status}}
                ).encode()
            )
            line.recv()
            self.lines.append(line)  # before the client hears of it: from then on a test may speak
            line.send(json.dumps({"stream": "listening", "data": {"streams": ["trade_updates"]}}).encode())
            self.listening.set()
            for _ in line:
                pass
        except ConnectionClosed:
            return


@contextmanager
def cast(accepts: bool = True, **config: Any) -> Iterator[tuple[AlpacaStream, Caster]]:
    caster = Caster(accepts)
    given = {"url_override": "http://127.0.0.1:9", "stream_url_override": caster.url, **config}
    credentials = Credentials(key_id=SecretStr(KEYS[0]), secret_key=SecretStr(KEYS[1]))
    stream = AlpacaStream(AlpacaConfig(**given), credentials, paper=True)
    try:
        yield stream, caster
    finally:
        stream.close()
        caster.close()


def update(event: str, **fields: Any) -> dict[str, Any]:
    return {"event": event, "timestamp": NOW.isoformat(), "order": dict(ORDER), **fields}


def until(ask: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    """The first answer that is *wanted*, asked for as long as a busy machine may take."""
    ends = wall.monotonic() + 10
    pause = threading.Event()
    while not wanted(answer := ask()) and wall.monotonic() < ends:
        pause.wait(0.01)
    return answer


def events(stream: AlpacaStream, count: int) -> list[str]:
    until(lambda: stream.heard, lambda heard: heard >= count)
    answer = stream.drain(NOW)
    assert isinstance(answer, Seen), answer
    return [row.event for row in answer.value]


def is_seen(answer: Updates) -> bool:
    return isinstance(answer, Seen)


def cause(answer: Updates) -> str:
    assert isinstance(answer, ReadFailed), answer
    return answer.cause.partition(":")[0]


def test_updates_come_in_their_order_once_and_unknown_events_by_their_own_name() -> None:
    with cast() as (stream, caster):
        assert Seen(as_of=NOW, value=()) == stream.drain(NOW)
        caster.say(update("new"))
        caster.say(update("partial_fill", price=101.2, qty=4, position_qty="4", execution_id="x1"))
        caster.say(update("moonwalked"))
        assert ["new", "partial_fill", "moonwalked"] == events(stream, 3)
        assert [] == events(stream, 3)


def test_an_unreadable_message_is_counted_and_is_a_gap_told_once() -> None:
    with cast() as (stream, caster):
        stream.drain(NOW)
        caster.say({"event": "fill", "order": None})
        caster.say(update("new"))
        until(lambda: stream.heard, lambda heard: heard >= 2)
        assert LineCode.STREAM_GAP == cause(stream.drain(NOW))
        assert ["new"] == events(stream, 2)
        assert 1 == stream.faults


def test_a_connection_that_was_cut_comes_back_and_says_that_something_may_be_missing() -> None:
    with cast() as (stream, caster):
        stream.drain(NOW)
        caster.cut()
        assert LineCode.STREAM_DOWN == cause(
            until(lambda: stream.drain(NOW), lambda answer: isinstance(answer, ReadFailed))
        )
        assert LineCode.STREAM_GAP == cause(
            until(lambda: stream.drain(NOW), lambda answer: not str(answer).count(LineCode.STREAM_DOWN))
        )
        assert is_seen(stream.drain(NOW))


def test_a_stream_silent_about_a_confirmed_order_is_mute_until_it_speaks() -> None:
    with cast(stream_mute_s=5) as (stream, caster):
        stream.drain(NOW)
        stream.expect(NOW, stream.heard)
        assert is_seen(stream.drain(NOW + timedelta(seconds=5)))
        assert LineCode.STREAM_MUTE == cause(stream.drain(NOW + timedelta(seconds=6)))
        caster.say(update("new"))
        assert ["new"] == events(stream, 1)


def test_an_update_that_came_before_the_answer_to_its_order_is_not_waited_for() -> None:
    with cast(stream_mute_s=5) as (stream, caster):
        stream.drain(NOW)
        mark = stream.heard
        caster.say(update("new"))
        until(lambda: stream.heard, lambda heard: heard >= 1)
        stream.expect(NOW, mark)
        assert is_seen(stream.drain(NOW + timedelta(seconds=60)))


def test_keys_that_are_refused_leave_the_stream_down() -> None:
    with cast(accepts=False, connect_s=0.3) as (stream, _):
        assert LineCode.STREAM_DOWN == cause(stream.drain(NOW))


def test_where_nobody_listens_the_caller_is_let_go_in_time() -> None:
    began = wall.monotonic()
    with cast(stream_url_override="ws://127.0.0.1:9/stream", connect_s=0.3) as (stream, _):
        assert LineCode.STREAM_DOWN == cause(stream.drain(NOW))
    assert wall.monotonic() - began < 5


def test_a_quiet_stream_stops_at_once_and_a_second_time_too() -> None:
    with cast() as (stream, _):
        stream.drain(NOW)
        thread = stream._thread
        began = wall.monotonic()
        stream.close()
        stream.close()
        assert wall.monotonic() - began < 5
        assert thread is not None
        assert not thread.is_alive()


def test_an_exchange_of_our_own_without_a_stream_never_sees_the_vendors() -> None:
    with cast(stream_url_override=None) as (stream, _):
        assert LineCode.STREAM_DOWN == cause(stream.drain(NOW))
        assert stream._thread is None
