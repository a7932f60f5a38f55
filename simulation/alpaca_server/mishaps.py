"""A mishap happens at the venue around one request, and the exchange stays sound: it truly halts, fills or refuses.

What its sender is told is what such a venue would tell; what happened is in the exchange's own state and on its stream.
"""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from schemas.observations import BrokerOrder
from simulation.account import ZERO
from simulation.adapter import Simulated
from simulation.alpaca_server import asked, market
from simulation.alpaca_server.history import History
from simulation.alpaca_server.refusals import Refusal
from simulation.intraday import IntradayExchange
from simulation.loopback import Answer
from simulation.venue import rest_of


class Mishap(StrEnum):
    """What can happen at the venue around one request."""

    HALT = "halt"
    """Before a new order comes, its symbol stops trading, for so many seconds."""
    PARTIAL_THEN_REJECT = "partial_then_reject"
    """A new order is taken, half of what is left of it fills, and the rest is rejected after all."""
    FILL_AFTER_CANCEL = "fill_after_cancel"
    """A cancel is acknowledged, and the order fills all the same."""
    FILLED_BEFORE_CANCEL = "filled_before_cancel"
    """The order fills while its cancel is under way; the cancel is refused."""
    REPLACE_FILLS_FIRST = "replace_fills_first"
    """The order fills while its replacement is under way; the replacement is refused."""
    REPLACE_REJECTED_LATER = "replace_rejected_later"
    """A replacement is taken, and rejected afterwards: the old order works on."""


OF: Final = {
    "POST": (Mishap.HALT, Mishap.PARTIAL_THEN_REJECT),
    "PATCH": (Mishap.REPLACE_FILLS_FIRST, Mishap.REPLACE_REJECTED_LATER),
    "DELETE": (Mishap.FILL_AFTER_CANCEL, Mishap.FILLED_BEFORE_CANCEL),
}
"""Method of a request about orders -> what can happen around it."""
_ORDER: Final = re.compile(r"/v2/orders/([0-9a-f-]{36})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The request that a mishap happens around. *answer*: has its true effect, and says what it was."""

    method: str
    path: str
    body: bytes
    now: datetime
    answer: Callable[[], Answer]


class Scene:
    """The venue behind the scenes, halts and their ends included. Nothing happens where bars are daily.

    *shown*: an order as it is told, of one that *history* need not have noted yet.
    """

    def __init__(self, exchange: Simulated, history: History, shown: Callable[[BrokerOrder], Answer]) -> None:
        self._exchange = exchange
        self._history = history
        self._shown = shown
        self._ends: dict[str, datetime] = {}

    def play(self, now: datetime) -> None:
        """The exchange, up to *now*: a halt ends at its own instant and not at the next request."""
        if isinstance(self._exchange, IntradayExchange):
            for symbol, end in sorted(self._ends.items(), key=lambda each: (each[1], each[0])):
                if end <= now:
                    self.resume(symbol, end)
        self._exchange.advance(now)

    def halt(self, symbol: str, now: datetime, seconds: float) -> bool:
        """*symbol* stops trading for *seconds*, or for longer if it is halted longer; False if it cannot."""
        if not isinstance(self._exchange, IntradayExchange) or market.price(self._exchange, symbol) is None:
            return False
        self._exchange.halt(symbol, now)
        end = now + timedelta(seconds=seconds)
        self._ends[symbol] = max(end, self._ends.get(symbol, end))
        return True

    def resume(self, symbol: str, now: datetime) -> bool:
        """*symbol* trades again; False if it was not halted."""
        if not isinstance(self._exchange, IntradayExchange) or self._ends.pop(symbol, None) is None:
            return False
        self._exchange.resume(symbol, now)
        return True

    def happen(self, mishap: Mishap, around: Asked, seconds: float) -> tuple[Answer | None, bool]:
        """The answer to the request, None if it was not put yet, and whether *mishap* happened around it."""
        if not isinstance(self._exchange, IntradayExchange) or mishap not in OF.get(around.method, ()):
            return None, False
        if around.method == "POST":
            return self._sent(self._exchange, mishap, around, seconds)
        named = _ORDER.fullmatch(around.path)
        order = None if named is None else self._history.order(named[1])
        if order is None:
            return None, False
        if mishap is Mishap.REPLACE_REJECTED_LATER:
            return self._replaced_in_vain(self._exchange, order, around)
        if not self._exchange.print_through(order.order_id, None, around.now):
            return None, False
        return (Answer(status=204) if mishap is Mishap.FILL_AFTER_CANCEL else around.answer()), True

    def _sent(
        self, exchange: IntradayExchange, mishap: Mishap, around: Asked, seconds: float
    ) -> tuple[Answer | None, bool]:
        if around.path != "/v2/orders":
            return None, False
        if mishap is Mishap.HALT:
            symbol = ""
            with suppress(Refusal):
                symbol = str(asked.fields(around.body).get("symbol", ""))
            return (around.answer(), True) if self.halt(symbol, around.now, seconds) else (None, False)
        answer = around.answer()
        order = self._history.order(json.loads(answer.body)["id"]) if answer.status == 200 else None
        half = ZERO if order is None else rest_of(order) // 2
        if order is None or not half or not exchange.print_through(order.order_id, half, around.now):
            return answer, False
        return answer, exchange.kill(order.order_id, around.now)

    def _replaced_in_vain(
        self, exchange: IntradayExchange, order: BrokerOrder, around: Asked
    ) -> tuple[Answer | None, bool]:
        wish = None
        with suppress(Refusal):
            wish = asked.replacement(asked.fields(around.body), order, "")
        if wish is None or not wish.client_order_id:
            return None, False
        taken = exchange.replace_in_vain(wish, around.now)
        return (None, False) if taken is None else (self._shown(taken), True)
