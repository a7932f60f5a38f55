"""Gate 14: a symbol whose orders, shares or stops are in doubt gets no more, and a few of them hold up the book.

Judged before each send, on what the cycle found when it compared book and broker. A cycle that could not read
both has not been released to enter anything.
"""

from decimal import Decimal
from typing import Final

from execution_v2.gates.facts import EnforcementConfig, EntryOrder, GateFacts, finding
from execution_v2.transitions import UNKNOWN
from schemas.book import BookState, Leg, OrderState
from schemas.header import Finding
from schemas.reasons.gates import QuarantineCode

FROZEN_SYMBOLS_MAX: Final = 3
"""From this many on nothing is entered anywhere: the fault is then hardly the symbols' (starting value)."""


def check(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:  # noqa: ARG001
    """The symbol's own doubts, in the order of the codes; then the book's."""
    book, moment, symbol = facts.book, facts.moment, entry.symbol
    if book is None or moment is None or moment.held_up is None:
        detail = "book and broker were not compared"
        return (finding(QuarantineCode.REBUILD_NOT_RELEASED, facts.book_id, detail=detail),)
    found: list[Finding] = []
    orders = [order for order in book.orders if order.symbol == symbol]
    for order in orders:
        if order.state in UNKNOWN and order.state is not OrderState.FROZEN:
            found.append(finding(QuarantineCode.SYMBOL_AMBIGUOUS, symbol, order.ord_id, detail=order.state))
    frozen = moment.held_up | {order.symbol for order in book.orders if order.state is OrderState.FROZEN}
    frozen |= {row.symbol for row in book.quarantined}
    if symbol in frozen:
        found.append(finding(QuarantineCode.SYMBOL_FROZEN, symbol))
    for position_id, bare in _uncovered(book, symbol):
        found.append(finding(QuarantineCode.SYMBOL_UNPROTECTED, symbol, bare, 0, position_id))
    if len(frozen) >= FROZEN_SYMBOLS_MAX:
        found.append(finding(QuarantineCode.BOOK_FROZEN, facts.book_id, len(frozen), FROZEN_SYMBOLS_MAX))
    return tuple(found)


def _uncovered(book: BookState, symbol: str) -> list[tuple[str, Decimal]]:
    """(position, shares without a confirmed stop) of *symbol*; a stop whose fate is unknown covers nothing."""
    found = []
    for position in book.positions:
        if position.symbol != symbol or position.plan is None:
            continue  # without a plan of ours there is no stop that we owe it
        covered = sum(
            (
                order.quantity - order.filled
                for order in book.orders
                if order.position_id == position.position_id
                and order.leg is Leg.STOP
                and order.state in (OrderState.LIVE, OrderState.PARTIAL)
            ),
            Decimal(0),
        )
        if covered < position.quantity:
            found.append((position.position_id, position.quantity - covered))
    return found
