"""Exposure is what could come true: every possibly-live order counts in full, and an unknown mark is no zero.

W of execution.md 1.3, per symbol and for the book, and the slots and cash that go with it. A batch moves it
on by ``after``: what one entry is allowed, the next one finds taken.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from schemas.book import ENDED, BookState, Leg, Order, OrderState, Side
from schemas.observations import BrokerOrder

_REPLACING = frozenset({OrderState.REPLACING, OrderState.REPLACE_UNKNOWN})
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Worst case of a book at one moment, USD. ``None`` is unknown, and allows no increase.

    Attributes:
        symbols: W per symbol with a position or a possibly-live order; a symbol that is not here has none.
        gross: sum of W over the symbols.
        cash: settled and unsettled cash of the book; margin is never counted.
        cash_reserved: what working and decided entries would pay at their limits.
        slots: (strategy_id, symbol) of open positions and possibly-live or decided entries.
        entry_intents: intents of this session sent, possibly sent or decided.
    """

    symbols: Mapping[str, Decimal | None]
    gross: Decimal | None
    cash: Decimal | None
    cash_reserved: Decimal | None
    slots: frozenset[tuple[str, str]]
    entry_intents: frozenset[str]

    def of(self, symbol: str) -> Decimal | None:
        """W of *symbol*: 0 without position and order."""
        return self.symbols.get(symbol, _ZERO)

    def after(
        self, *, intent_id: str, strategy_id: str, symbol: str, quantity: int, price: Decimal
    ) -> "Exposure":
        """The exposure once *quantity* shares at *price* are reserved for one more entry."""
        assert quantity > 0, "a denied entry reserves nothing"
        notional = quantity * price
        return replace(
            self,
            symbols={**self.symbols, symbol: _plus(self.of(symbol), notional)},
            gross=_plus(self.gross, notional),
            cash_reserved=_plus(self.cash_reserved, notional),
            slots=self.slots | {(strategy_id, symbol)},
            entry_intents=self.entry_intents | {intent_id},
        )


def measure(
    book: BookState,
    marks: Mapping[str, Decimal],
    session_date: date,
    *,
    cash: Decimal | None = None,
    foreign: Iterable[BrokerOrder] = (),
) -> Exposure:
    """Worst-case exposure of *book* for *session_date*.

    Args:
        book: positions as reconciled, and every possibly-live order of ours.
        marks: last known price per symbol, USD; one that is held or worked and not here makes W unknown.
        session_date: entries of an earlier session in *book* are not today's.
        cash: the account's, if observed; else the book's own.
        foreign: open orders of others at the broker; they count in W, not in our slots or cash.
    """
    held: dict[str, Decimal] = defaultdict(Decimal)
    for position in book.positions:
        held[position.symbol] += position.quantity
    working: dict[str, list[tuple[Side, Decimal, Decimal | None]]] = defaultdict(list)
    for order in book.orders:
        working[order.symbol].append((order.side, remaining(order, book.orders), order.limit))
    for other in foreign:
        working[other.symbol].append((other.side, other.quantity - other.filled, other.limit))

    symbols = {
        symbol: worst_case(held[symbol], working[symbol], marks.get(symbol))
        for symbol in sorted(set(held) | set(working))
    }
    entries = [order for order in book.orders if order.leg is Leg.ENTRY and order.state not in ENDED]
    slots = {(row.strategy_id, row.symbol) for row in book.positions}
    slots |= {(row.strategy_id, row.symbol) for row in entries}
    return Exposure(
        symbols=symbols,
        gross=_total(symbols.values()),
        cash=book.cash if cash is None else cash,
        cash_reserved=_total(_payable(order, book.orders, marks) for order in entries),
        slots=frozenset(slots),
        entry_intents=frozenset(book.entry_intents_today)
        if book.session_date == session_date
        else frozenset(),
    )


def remaining(order: Order, orders: Iterable[Order]) -> Decimal:
    """Shares of *order* that may still trade; *orders* are those it may be replaced by one of.

    While a replace is on its way the venue keeps one of the two, so the larger counts; the successor itself
    counts 0 until it is known to live.
    """
    if order.state in ENDED or order.state is OrderState.CREATED:
        return _ZERO
    rest: Decimal = order.quantity - order.filled
    if order.state in _REPLACING:
        rest = max(rest, *(other.quantity for other in orders if other.replaces == order.ord_id), _ZERO)
    return rest


def worst_case(
    quantity: Decimal, working: Iterable[tuple[Side, Decimal, Decimal | None]], mark: Decimal | None
) -> Decimal | None:
    """W of one symbol holding *quantity*; *working*: (side, remaining, limit). None without a mark."""
    rows = [row for row in working if row[1] > 0]
    if quantity == 0 and not rows:
        return _ZERO
    if mark is None:
        return None
    buys = [(rest, limit) for side, rest, limit in rows if side is Side.BUY]
    sells = sum((rest for side, rest, _ in rows if side is Side.SELL), _ZERO)
    high = quantity + sum((rest for rest, _ in buys), _ZERO)
    long = _ZERO
    if high > 0:
        at_limit = sum((rest * max(mark, mark if limit is None else limit) for rest, limit in buys), _ZERO)
        long = max(_ZERO, quantity) * mark + at_limit
    short = max(_ZERO, sells - quantity) * mark
    return max(long, short)


def _payable(order: Order, orders: Iterable[Order], marks: Mapping[str, Decimal]) -> Decimal | None:
    if order.side is not Side.BUY:
        return _ZERO
    price = marks.get(order.symbol) if order.limit is None else order.limit
    return None if price is None else remaining(order, orders) * price


def _total(values: Iterable[Decimal | None]) -> Decimal | None:
    total = _ZERO
    for value in values:
        if value is None:
            return None
        total += value
    return total


def _plus(value: Decimal | None, more: Decimal) -> Decimal | None:
    return None if value is None else value + more
