"""What the exchange does not keep of an order, its ids and instants in the vendor's form, is told from its updates.

Ids are made of the exchange's own, so the same run has the same ids. An exchange that tells no updates, as the one of
daily bars, is looked at after each request instead: an instant is then the one at which the change was first seen.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from schemas.observations import BrokerFill, BrokerOrder, OrderUpdate
from simulation.adapter import Simulated

_ENDS: Final = {
    "filled": "filled_at",
    "cancelled": "canceled_at",
    "expired": "expired_at",
    "replaced": "replaced_at",
    "rejected": "failed_at",
}
"""Our status -> the vendor's name of its instant."""


def uuid_of(*identity: str) -> str:
    """An id in the form of a UUID, made of *identity* alone."""
    made = hashlib.sha256("\x1f".join(identity).encode()).hexdigest()
    return f"{made[:8]}-{made[8:12]}-4{made[13:16]}-8{made[17:20]}-{made[20:32]}"


def order_uuid(order_id: str) -> str:
    """The vendor's id of one of the exchange's orders."""
    return uuid_of("order", order_id)


@dataclass(slots=True, kw_only=True)
class Life:
    """Instants of one order. *ends*: the vendor's name of an end -> when."""

    submitted_at: datetime
    updated_at: datetime
    looked: tuple[str, Decimal]
    """Status and filled shares when it was last looked at."""
    ends: dict[str, datetime] = field(default_factory=dict)


class History:
    """Orders of one exchange with their instants and executions, as of the last ``note``."""

    def __init__(self, exchange: Simulated) -> None:
        self._exchange = exchange
        self._seq = 0
        self._lives: dict[str, Life] = {}
        self._named: dict[str, str] = {}
        self._fills: dict[str, list[BrokerFill]] = {}
        self._counted = 0

    def note(self, now: datetime) -> Iterator[tuple[int, OrderUpdate]]:
        """Take what happened since the last time, and tell it update by update, each with its number."""
        self._count_fills()
        for seq, update in self._exchange.updates_since(self._seq):
            self._seq = seq
            self._look(update.order, update.at)
            yield seq, update
        for order in self._exchange.state.orders.values():
            self._look(order, now)

    def life(self, order: BrokerOrder) -> Life:
        """Instants of *order*, which was noted."""
        return self._lives[order.order_id]

    def order(self, uuid: str) -> BrokerOrder | None:
        """The order of that id as it stands."""
        order_id = self._named.get(uuid)
        return None if order_id is None else self._exchange.state.orders[order_id]

    def orders(self) -> list[BrokerOrder]:
        """Every order, by the instant at which it was sent."""
        return sorted(self._exchange.state.orders.values(), key=self._sent)

    def fills(self, order_id: str) -> list[BrokerFill]:
        """Its executions, oldest first."""
        return self._fills.get(order_id, [])

    def average(self, order: BrokerOrder) -> Decimal | None:
        """Mean price of the executions that *order*, as it stood then, had; None for none."""
        shares = spent = Decimal(0)
        for fill in self.fills(order.order_id):
            if shares < order.filled:
                shares += fill.quantity
                spent += fill.quantity * fill.price
        return (spent / shares).quantize(Decimal("0.000001")) if shares else None

    def _sent(self, order: BrokerOrder) -> tuple[datetime, str]:
        return self.life(order).submitted_at, order.order_id

    def _look(self, order: BrokerOrder, at: datetime) -> None:
        shown = (order.status, order.filled)
        life = self._lives.get(order.order_id)
        if life is None:
            life = self._lives[order.order_id] = Life(submitted_at=at, updated_at=at, looked=shown)
            self._named[order_uuid(order.order_id)] = order.order_id
        elif life.looked == shown:
            return
        life.looked, life.updated_at = shown, at
        if order.status in _ENDS:
            fills = self.fills(order.order_id) if order.status == "filled" else []
            life.ends.setdefault(_ENDS[order.status], fills[-1].executed_at if fills else at)

    def _count_fills(self) -> None:
        told = self._exchange.state.fills.values()
        if sum(map(len, told)) == self._counted:
            return
        self._fills = {}
        for fill in (fill for fills in told for fill in fills):
            self._fills.setdefault(fill.order_id, []).append(fill)
        self._counted = sum(map(len, told))
