"""The stream of order updates hastens what reads would tell, and says so itself whenever it may have missed something.

The vendor's stream runs in a thread of its own; ``drain`` takes what it brought. It replays nothing after a break, so
each new connection is a gap, told once: the reads of the cycle close it.
"""

import asyncio
import logging
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from alpaca.trading.stream import TradingStream

from execution_v2.broker import alpaca_wire as wire
from execution_v2.broker.alpaca_config import AlpacaConfig
from execution_v2.broker.port import ReadFailed, Seen, Updates
from market.feeds.alpaca import Credentials
from schemas.observations import OrderUpdate
from schemas.reasons.execution import LineCode

KEPT_MAX: Final = 10_000
"""Updates that wait to be drained; what comes beyond them is a gap."""
STOP_S: Final = 5.0

# The vendor's stream logs what our own record says better; without a handler Python would print it on the console.
logging.getLogger("alpaca").addHandler(logging.NullHandler())


class _Stream(TradingStream):
    """The vendor's stream, telling when it is up: connected, known to the broker, and listening."""

    def __init__(self, owner: "AlpacaStream", **options: Any) -> None:
        super().__init__(**options)
        self._owner = owner
        self.asked_to_stop = threading.Event()

    async def _start_ws(self) -> None:
        if self.asked_to_stop.is_set():
            self._should_run = False  # stopped while there was no loop yet to tell
            return
        await super()._start_ws()  # type: ignore[no-untyped-call]

    async def _dispatch(self, msg: Any) -> None:
        if isinstance(msg, Mapping) and msg.get("stream") == "listening":
            self._owner.connected()
        elif isinstance(msg, Mapping) and msg.get("stream") == "trade_updates":
            self._owner.take(msg.get("data"))

    async def close(self) -> None:
        self._owner.dropped()
        await super().close()


async def _heard(_: Any) -> None:
    """The vendor opens no stream without a handler; ``_dispatch`` has taken the message before it."""


class AlpacaStream:
    """Updates of one account. Nothing connects before the first ``drain``."""

    def __init__(self, config: AlpacaConfig, credentials: Credentials, *, paper: bool) -> None:
        self._config = config
        self._options = {
            "api_key": credentials.key_id.get_secret_value(),
            "secret_key": credentials.secret_key.get_secret_value(),
            "paper": paper,
            "raw_data": True,
            "url_override": config.stream_url_override,
            "websocket_params": {
                "open_timeout": config.connect_s,
                "close_timeout": 1,
                "ping_interval": 10,
                "ping_timeout": config.stream_mute_s,
                "max_queue": 1024,
            },
        }
        # An exchange of our own without a stream must not send the keys to the vendor's.
        self._has_stream = config.url_override is None or config.stream_url_override is not None
        self._lock = threading.Lock()
        self._up = threading.Event()
        self._stream: _Stream | None = None
        self._thread: threading.Thread | None = None
        self._kept: list[OrderUpdate] = []
        self._connections = 0
        self._gaps: list[str] = []
        self._expected: tuple[datetime, int] | None = None
        self.heard = 0
        """Messages that came, readable or not."""
        self.faults = 0
        """Messages that could not be read."""

    # -- called by the stream's thread ---------------------------------------------------------------------

    def connected(self) -> None:
        """The broker listens to us."""
        with self._lock:
            self._connections += 1
            if self._connections > 1:
                self._gaps.append("connected anew")
        self._up.set()

    def dropped(self) -> None:
        """The connection ended."""
        self._up.clear()

    def take(self, data: Any) -> None:
        """One message. What cannot be read is counted, and is a gap."""
        try:
            update = wire.update(data)
        except wire.UNREADABLE as error:
            with self._lock:
                self.heard += 1
                self.faults += 1
                self._gaps.append(f"unreadable: {str(error)[:80]}")
            return
        with self._lock:
            self.heard += 1
            if len(self._kept) < KEPT_MAX:
                self._kept.append(update)
            else:
                self._gaps.append("more than can be kept")

    # -- called by the adapter -----------------------------------------------------------------------------

    def expect(self, now: datetime, mark: int) -> None:
        """An order was confirmed at *now*: the stream has something to say, after its *mark*-th message."""
        with self._lock:
            if self._thread is not None and self._expected is None:
                self._expected = (now, mark)

    def drain(self, now: datetime) -> Updates:
        """What came since the last call, in order of arrival; ``ReadFailed`` while down or mute, and once per gap."""
        if not self._has_stream:
            return ReadFailed(cause=f"{LineCode.STREAM_DOWN}: this exchange has no stream")
        if self._thread is None:
            self._open()
        if not self._up.is_set():
            return ReadFailed(cause=f"{LineCode.STREAM_DOWN}: not connected")
        with self._lock:
            if self._expected is not None:
                since, mark = self._expected
                if self.heard > mark:
                    self._expected = None
                elif (now - since).total_seconds() > self._config.stream_mute_s:
                    return ReadFailed(cause=f"{LineCode.STREAM_MUTE}: silent since {since.isoformat()}")
            if self._gaps:
                told, self._gaps = self._gaps, []
                return ReadFailed(cause=f"{LineCode.STREAM_GAP}: {told[0]} ({len(told)})")
            kept, self._kept = self._kept, []
        return Seen(as_of=now, value=tuple(kept))

    def close(self) -> None:
        """Stop the thread, within 5 s; it is a daemon, and dies with the process if the network holds it longer."""
        stream, thread = self._stream, self._thread
        if stream is None or thread is None:
            return
        stream.asked_to_stop.set()
        loop: asyncio.AbstractEventLoop | None = vars(stream)["_loop"]
        if loop is not None and loop.is_running():
            # First the order to stop, then the connection: the vendor alone would wait out a silence of 5 s.
            asyncio.run_coroutine_threadsafe(_end(stream), loop)
        thread.join(STOP_S)
        self._stream, self._thread = None, None
        self._up.clear()

    def _open(self) -> None:
        """Connect, and wait as long as a connection may take."""
        stream = _Stream(self, **self._options)
        stream.subscribe_trade_updates(_heard)
        self._stream = stream
        self._thread = threading.Thread(target=stream.run, name="alpaca-stream", daemon=True)
        self._thread.start()
        self._up.wait(self._config.connect_s)


async def _end(stream: _Stream) -> None:
    await stream.stop_ws()
    await stream.close()
