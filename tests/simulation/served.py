"""A simulated exchange behind its server, and the real clients that talk to it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from alpaca.data.historical.stock import StockHistoricalDataClient
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import (
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopOrderRequest,
)
from alpaca.trading.stream import TradingStream
from requests.adapters import HTTPAdapter

from simulation.alpaca_server import KEY_ID, SECRET_KEY, AlpacaServer
from simulation.alpaca_server.faults import Faults, Script
from simulation.tape import TapeBar
from tests.simulation.floor_world import Pit, pathed
from tests.simulation.world import DAYS, WeekHours, bar

PATIENCE_S = 0.5
"""How long the client waits for an answer that may never come."""
UP = bar("50.00", "52.00", "49.00", "51.00", 7_800_000)


class _Impatient(HTTPAdapter):
    def send(self, request: Any, *args: Any, **options: Any) -> Any:
        return super().send(request, *args, **{**options, "timeout": PATIENCE_S})


class Served:
    """The exchange in ``pit``, its ``server``, and the vendor's client, which retries nothing."""

    def __init__(self, pit: Pit, server: AlpacaServer) -> None:
        self.pit = pit
        self.server = server
        self.client: Any = TradingClient(KEY_ID, SECRET_KEY, url_override=server.url)
        self.client._retry = 0
        self.client._session.mount("http://", _Impatient())
        self.data: Any = StockHistoricalDataClient(KEY_ID, SECRET_KEY, url_override=server.data_url)

    def at(self, day: int, minute: float) -> None:
        """*minute* minutes after the open of that day; the stream hears of what happened."""
        self.pit.now = WeekHours().open_at(DAYS[day]) + timedelta(minutes=minute)
        self.server.tick()

    def buy(self, name: str, quantity: int, limit: float | None = None) -> Any:
        common = {
            "symbol": "AAA",
            "qty": quantity,
            "side": OrderSide.BUY,
            "time_in_force": TimeInForce.DAY,
            "client_order_id": name,
        }
        made = (
            MarketOrderRequest(**common) if limit is None else LimitOrderRequest(**common, limit_price=limit)
        )
        return self.client.submit_order(made)

    def stop(self, name: str, quantity: int, price: float) -> Any:
        return self.client.submit_order(
            StopOrderRequest(
                symbol="AAA",
                qty=quantity,
                side=OrderSide.SELL,
                time_in_force=TimeInForce.GTC,
                stop_price=price,
                client_order_id=name,
            )
        )

    def replace(self, order_id: Any, name: str, **changes: Any) -> Any:
        return self.client.replace_order_by_id(order_id, ReplaceOrderRequest(client_order_id=name, **changes))


@contextmanager
def served(
    *days: TapeBar | None, faults: Faults | None = None, minute: float = 5, **rules: Any
) -> Iterator[Served]:
    """The exchange, *minute* minutes into the first of *days*."""
    pit = Pit(pathed(*(days or (UP, UP))), **rules)
    pit.at(0, minute)

    def step(to: datetime) -> None:
        pit.now = to

    with AlpacaServer(pit.exchange, lambda: pit.now, faults=faults or Script(), step=step) as server:
        at = Served(pit, server)
        try:
            yield at
        finally:
            at.client._session.close()
            at.data._session.close()


def comes_about(done: Callable[[], bool]) -> bool:
    """Whether *done* holds within a few seconds: the server's own thread may be a moment behind."""
    pause = threading.Event()
    for _ in range(500):
        if done():
            return True
        pause.wait(0.01)
    return False


class Heard:
    """The vendor's stream in a thread: what it brought, and ``until`` it has brought enough. *already*: who listens."""

    def __init__(self, server: AlpacaServer, already: int = 0) -> None:
        self._server = server
        self._news = threading.Condition()
        self.updates: list[Any] = []
        self._stream = TradingStream(KEY_ID, SECRET_KEY, url_override=server.stream_url)
        # Who has lost the line waits a second before it comes again; a test need not.
        self._stream._reconnect_min_backoff = self._stream._reconnect_max_backoff = 0.02
        self._stream.subscribe_trade_updates(self._hear)
        self._thread = threading.Thread(target=self._stream.run, daemon=True)
        self._thread.start()
        self.until(lambda: server.stream.listeners() == already + 1)

    async def _hear(self, update: Any) -> None:
        with self._news:
            self.updates.append(update)
            self._news.notify_all()

    def until(self, done: Callable[[], bool]) -> None:
        """Wait until *done*; fails after a few seconds."""
        for _ in range(500):
            with self._news:
                if done():
                    return
                self._news.wait(0.01)
        raise AssertionError(f"it did not come about: {self.said()}")

    def said(self) -> list[str]:
        """event and client id of each update."""
        words = [getattr(each.event, "value", each.event) for each in self.updates]
        return [
            f"{word} {each.order.client_order_id}" for word, each in zip(words, self.updates, strict=True)
        ]

    def close(self) -> None:
        self._stream.stop()
        self._server.stream.cut()
        self._thread.join(5)


@contextmanager
def listening(server: AlpacaServer) -> Iterator[Heard]:
    """A client of the stream, known and listening."""
    heard = Heard(server)
    try:
        yield heard
    finally:
        heard.close()
