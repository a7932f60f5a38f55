"""An order is unknown from the record that says so to the record that says what became of it.

What the fold of the execution plane keeps as a state is followed here for its time: when it began, when it ended, and
how many intents and symbols it touched at each cycle's end.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from analytics.reliability_measures import spread
from schemas.book import Leg, Order, OrderState
from schemas.events import (
    IllegalTransition,
    OrderFilled,
    OrderReplaced,
    OrderReplaceRejected,
    OrderReplacing,
    OrderResolved,
    OrderSubmitting,
    OrderUnresolved,
)
from schemas.journal import JournalRecord
from schemas.reliability import Ambiguity, Surface

S = OrderState

UNKNOWN: Final = frozenset({S.SUBMIT_UNKNOWN, S.REPLACE_UNKNOWN, S.CANCEL_UNKNOWN, S.FROZEN})
"""Nobody knows; a FROZEN order is no better known for being left alone."""
_TOLD_BY_A_PART: Final = frozenset({S.SUBMIT_UNKNOWN, S.FROZEN})
"""A partial fill proves that such an order lives; what a replace or a cancel came to, it does not tell."""
_STATED: Final = "operator:"
"""Starts the execution id of a fill that a person stated: the record after it says how the order ended."""

Window = tuple[datetime, datetime]
"""Opening and close of one session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """From when to when one order was unknown."""

    leg: Leg | None
    since: datetime
    until: datetime


@dataclass(slots=True, kw_only=True)
class _Known:
    """What must be known of an order to follow it."""

    leg: Leg | None = None
    intent_id: str = ""
    symbol: str = ""
    left: Decimal | None = None
    """Shares not filled; None: nobody announced it."""


class Unknowns:
    """Orders of unknown fate while records arrive. Read ``episodes`` (ended), ``open`` and the surfaces."""

    def __init__(self, carried: Iterable[Order], since: datetime) -> None:
        """*carried*: orders that were possibly live before the first record; those unknown are so since *since*."""
        self.episodes: list[Episode] = []
        self.intents: list[int] = []
        self.symbols: list[int] = []
        orders = tuple(carried)
        self.open = {order.ord_id: (order.state, since) for order in orders if order.state in UNKNOWN}
        self._known = {order.ord_id: _known(order) for order in orders}
        self._ended: dict[str, tuple[OrderState, Episode]] = {}

    def begin(self) -> None:
        """What is counted begins here; what is open stays so, from when it became unknown."""
        self.episodes.clear()
        self.intents.clear()
        self.symbols.clear()

    def take(self, record: JournalRecord) -> None:
        """One record; those of other kinds change nothing."""
        if record.event == "cycle.ended":
            # What nobody announced may be of any intent and symbol: it counts as one of its own.
            known = [self._known.get(name, _Known(intent_id=name, symbol=name)) for name in self.open]
            self.intents.append(len({each.intent_id for each in known}))
            self.symbols.append(len({each.symbol for each in known}))
            return
        act = _HANDLERS.get(record.event)
        if act is not None:
            act(self, record.data, record.ts)

    def surface(self) -> Surface:
        """How much was unknown at once."""
        return Surface(intents=spread(self.intents), symbols=spread(self.symbols))

    # -- one method per kind of record ------------------------------------------------------------------------

    def _submitting(self, data: Mapping[str, Any], at: datetime) -> None:
        order = OrderSubmitting.model_validate(data).order
        self._known[order.ord_id] = _known(order)
        self._end(order.ord_id, at)

    def _replacing(self, data: Mapping[str, Any], at: datetime) -> None:
        told = OrderReplacing.model_validate(data)
        self._known.setdefault(told.successor.ord_id, _known(told.successor))
        self._end(told.ord_id, at)

    def _unresolved(self, data: Mapping[str, Any], at: datetime) -> None:
        told = OrderUnresolved.model_validate(data)
        self._to(told.ord_id, told.state, at)

    def _resolved(self, data: Mapping[str, Any], at: datetime) -> None:
        told = OrderResolved.model_validate(data)
        self._to(told.ord_id, told.state, at)

    def _answered(self, data: Mapping[str, Any], at: datetime) -> None:
        self._end(str(data["ord_id"]), at)

    def _replaced(self, data: Mapping[str, Any], at: datetime) -> None:
        told = OrderReplaced.model_validate(data)
        self._end(told.ord_id, at)
        self._end(told.successor_ord_id, at)

    def _replace_rejected(self, data: Mapping[str, Any], at: datetime) -> None:
        told = OrderReplaceRejected.model_validate(data)
        self._end(told.ord_id, at)
        self._end(told.successor_ord_id, at)

    def _filled(self, data: Mapping[str, Any], at: datetime) -> None:
        told = OrderFilled.model_validate(data)
        known = self._known.setdefault(told.ord_id, _Known(intent_id=told.intent_id, symbol=told.symbol))
        known.left = None if known.left is None else known.left - told.quantity
        if told.execution_id.startswith(_STATED):
            return
        standing = self.open.get(told.ord_id)
        is_whole = known.left is not None and known.left <= 0
        if standing is not None and (is_whole or standing[0] in _TOLD_BY_A_PART):
            self._end(told.ord_id, at)

    def _illegal(self, data: Mapping[str, Any], _: datetime) -> None:
        """The move before was refused, and the order's state kept: what was taken from it is taken back."""
        told = IllegalTransition.model_validate(data)
        if told.state not in UNKNOWN:
            self.open.pop(told.ord_id, None)
        elif told.ord_id not in self.open and told.ord_id in self._ended:
            state, episode = self._ended.pop(told.ord_id)
            self.open[told.ord_id] = (state, episode.since)
            if episode in self.episodes:
                self.episodes.remove(episode)

    # -- the leaves -------------------------------------------------------------------------------------------

    def _to(self, ord_id: str, state: OrderState, at: datetime) -> None:
        if state not in UNKNOWN:
            self._end(ord_id, at)
            return
        _, since = self.open.get(ord_id, (state, at))
        self.open[ord_id] = (state, since)

    def _end(self, ord_id: str, at: datetime) -> None:
        standing = self.open.pop(ord_id, None)
        if standing is None:
            return
        state, since = standing
        leg = self._known.get(ord_id, _Known()).leg
        episode = Episode(leg=leg, since=since, until=max(since, at))
        self.episodes.append(episode)
        self._ended[ord_id] = (state, episode)

    def legs_open(self) -> list[Leg | None]:
        """The leg of each order that is still unknown."""
        return [self._known.get(name, _Known()).leg for name in self.open]


def told(unknowns: Unknowns, windows: Sequence[Window]) -> tuple[Ambiguity, tuple[Ambiguity, ...]]:
    """(over all legs, one row per leg that was unknown, in the order of ``Leg``, nameless last).

    Args: windows: every session that an episode reaches into, for its active seconds.
    """
    waiting = unknowns.legs_open()
    seen = {each.leg for each in unknowns.episodes} | set(waiting)
    legs = [*(leg for leg in Leg if leg in seen), *([None] if None in seen else [])]
    rows = tuple(
        _row(leg, [e for e in unknowns.episodes if e.leg is leg], waiting.count(leg), windows) for leg in legs
    )
    return _row(None, unknowns.episodes, len(waiting), windows), rows


def active_seconds(since: datetime, until: datetime, windows: Iterable[Window]) -> float:
    """Seconds of regular session between two instants."""
    return sum(
        max(0.0, (min(until, close_at) - max(since, open_at)).total_seconds())
        for open_at, close_at in windows
    )


def _row(leg: Leg | None, episodes: Sequence[Episode], waiting: int, windows: Sequence[Window]) -> Ambiguity:
    return Ambiguity(
        leg=leg,
        wall=spread([(each.until - each.since).total_seconds() for each in episodes]),
        active=spread([active_seconds(each.since, each.until, windows) for each in episodes]),
        open=waiting,
    )


def _known(order: Order) -> _Known:
    left = order.quantity - order.filled
    return _Known(leg=order.leg, intent_id=order.intent_id, symbol=order.symbol, left=left)


_HANDLERS: Final[Mapping[str, Callable[[Unknowns, Mapping[str, Any], datetime], None]]] = {
    "order.submitting": Unknowns._submitting,
    "order.replacing": Unknowns._replacing,
    "order.unresolved": Unknowns._unresolved,
    "order.resolved": Unknowns._resolved,
    "order.confirmed": Unknowns._answered,
    "order.rejected": Unknowns._answered,
    "order.cancelling": Unknowns._answered,
    "order.ended": Unknowns._answered,
    "order.operator_resolved": Unknowns._answered,
    "order.replaced": Unknowns._replaced,
    "order.replace_rejected": Unknowns._replace_rejected,
    "order.filled": Unknowns._filled,
    "order.illegal_transition": Unknowns._illegal,
}
