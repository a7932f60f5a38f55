"""Every order at the broker falls into one row of one table, and the row says what we do about it.

Table 4.2 of execution.md, first match wins. Pure and total: an order that fits nothing is the last row. The book is
long only: what sells while nothing is held was meant to reduce.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal

from schemas.book import ENDED, OrderState, OrderType, Side
from schemas.observations import BrokerOrder
from schemas.reasons.sync import OrphanCode

ZERO: Final = Decimal(0)


class OrphanAction(StrEnum):
    """What is done about an order."""

    HOLD = "HOLD"
    IGNORE = "IGNORE"
    ADOPT = "ADOPT"
    CANCEL = "CANCEL"
    FREEZE = "FREEZE"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanFacts:
    """What is known about one order at the broker.

    Attributes:
        is_whole: every read of the observation succeeded.
        is_own: its client id starts with this book's prefix.
        state: as our fold has it; None: no record of ours names it.
        position: shares of its symbol at the broker, signed.
        is_flat_twice: two agreeing reads show none, far enough apart.
        claimed: remaining shares of the other orders that reduce this position, less those of the stop it succeeds.
        succeeds: it stands in the place of a stop that we know.
        has_owner: a position of ours that it can belong to is known.
        is_tightest: of the stops that work for the symbol it is the one to keep.
    """

    is_whole: bool = True
    is_own: bool = True
    state: OrderState | None = None
    position: Decimal = ZERO
    is_flat_twice: bool = False
    claimed: Decimal = ZERO
    succeeds: bool = False
    has_owner: bool = True
    is_tightest: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One order, its row of the table, and what that asks for."""

    row: int
    action: OrphanAction
    code: OrphanCode
    order: BrokerOrder = field(repr=False)


def classify(
    order: BrokerOrder, facts: OrphanFacts, entry: Literal["cancel", "freeze"] = "cancel"
) -> Verdict:
    """The first row of the table that fits. *entry*: what becomes of an entry that no record names."""
    row, action, code = _row(order, facts)
    if code is OrphanCode.ORPHAN_ENTRY and entry == "freeze":
        action = OrphanAction.FREEZE
    return Verdict(row=row, action=action, code=code, order=order)


def _row(order: BrokerOrder, facts: OrphanFacts) -> tuple[int, OrphanAction, OrphanCode]:
    if not facts.is_whole:
        return 1, OrphanAction.HOLD, OrphanCode.OBSERVATION_INCOMPLETE
    if not facts.is_own:
        return 2, OrphanAction.IGNORE, OrphanCode.FOREIGN_ORDER
    if facts.state is not None and facts.state not in ENDED:
        return 3, OrphanAction.ADOPT, OrphanCode.KNOWN_WORKING_ORDER
    if facts.state is not None:
        return 4, OrphanAction.FREEZE, OrphanCode.LEDGER_BROKER_CONTRADICTION
    if not reduces(order, facts.position):
        return 10, OrphanAction.CANCEL, OrphanCode.ORPHAN_ENTRY
    return _reducing(order, facts)


def _reducing(order: BrokerOrder, facts: OrphanFacts) -> tuple[int, OrphanAction, OrphanCode]:
    """Rows 5 to 9, and 11, of an own order that no record names."""
    is_stop = order.order_type is OrderType.STOP
    fits = left(order) + facts.claimed <= abs(facts.position)
    if not facts.position:
        if facts.is_flat_twice:
            return 9, OrphanAction.CANCEL, OrphanCode.REDUCE_WITHOUT_POSITION
    elif facts.has_owner and is_stop:
        if facts.succeeds and fits:
            return 5, OrphanAction.ADOPT, OrphanCode.REPLACEMENT_FOUND
        if fits:
            return 6, OrphanAction.ADOPT, OrphanCode.PROTECTION_CANDIDATE
        action = OrphanAction.ADOPT if facts.is_tightest else OrphanAction.CANCEL
        return 7, action, OrphanCode.DUPLICATE_PROTECTION
    elif facts.has_owner and fits:
        return 8, OrphanAction.ADOPT, OrphanCode.EXIT_CANDIDATE
    return 11, OrphanAction.FREEZE, OrphanCode.UNCLASSIFIED_ORPHAN


def reduces(order: BrokerOrder, position: Decimal) -> bool:
    """Whether it works against *position*; with none held, whether it sells."""
    return order.side is (Side.BUY if position < 0 else Side.SELL)


def left(order: BrokerOrder) -> Decimal:
    """Shares that it may still fill."""
    remaining: Decimal = order.quantity - order.filled
    return remaining


def in_order(orders: Iterable[BrokerOrder]) -> tuple[BrokerOrder, ...]:
    """Orders by symbol, then client id: the order in which they are judged, whatever the broker's."""
    return tuple(sorted(orders, key=lambda o: (o.symbol, o.client_order_id, o.order_id)))


def tightest(stops: Iterable[BrokerOrder]) -> BrokerOrder | None:
    """The stop nearest to the price: of sells the highest, of buys the lowest; of equals the first by client id."""
    found = in_order(stops)
    return min(found, key=lambda o: (_distance(o), o.client_order_id), default=None)


def _distance(order: BrokerOrder) -> Decimal:
    price = ZERO if order.stop is None else Decimal(order.stop)
    return price if order.side is Side.BUY else -price


def with_claims(
    order: BrokerOrder, facts: OrphanFacts, working: Sequence[BrokerOrder], own: Collection[str]
) -> OrphanFacts:
    """*facts* with what the other *working* orders of the symbol claim, and which of our stops is the one to keep.

    The stop that *order* succeeds claims nothing besides it: the venue keeps one of the two.

    Args:
        own: the broker's ids of this book's orders; what others ordered claims shares too, and is no stop of ours.
    """
    rivals = [
        other
        for other in working
        if other.symbol == order.symbol
        and other.order_id not in (order.order_id, order.replaces)
        and reduces(other, facts.position)
    ]
    ours = [other for other in rivals if other.order_id in own]
    stops = [other for other in (*ours, order) if other.order_type is OrderType.STOP]
    best = tightest(stops)
    return replace(
        facts,
        claimed=sum((left(other) for other in rivals), ZERO),
        is_tightest=best is not None and best.order_id == order.order_id,
    )
