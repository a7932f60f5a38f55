"""Exposure is what could come true: every possibly-live order counts in full, and an unknown mark is no zero.

W of execution.md 1.3, per symbol and for the book, and the slots and cash that go with it. A batch moves it
on by ``after``: what one entry is allowed, the next one finds taken. The same is measured of each strategy's own
shares and orders, without offset against another's: sleeves are counted from these parts.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from schemas.book import ENDED, BookState, Leg, Order, OrderState, Side
from schemas.observations import BrokerOrder
from schemas.strategy_registry import EXTERNAL

_REPLACING = frozenset({OrderState.REPLACING, OrderState.REPLACE_UNKNOWN})
_ZERO = Decimal(0)
Working = tuple[Side, Decimal, Decimal | None]
"""Side, shares that may still trade, limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Worst case of a book at one moment, USD. ``None`` is unknown, and allows no increase.

    Attributes:
        symbols: W per symbol with a position or a possibly-live order; a symbol that is not here has none.
        parts: W by (strategy_id, symbol), of that strategy's positions and orders alone.
        gross: sum of W over the symbols.
        net: positions at their marks with their sign, and what the batch allowed.
        cash: settled and unsettled cash of the book; margin is never counted.
        cash_reserved: what working and decided entries would pay at their limits.
        slots: (strategy_id, symbol) of open positions and possibly-live or decided entries.
        entry_intents: intents of this session sent, possibly sent or decided.
    """

    symbols: Mapping[str, Decimal | None]
    parts: Mapping[tuple[str, str], Decimal | None]
    gross: Decimal | None
    net: Decimal | None
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
        notional, part = quantity * price, (strategy_id, symbol)
        return replace(
            self,
            symbols={**self.symbols, symbol: plus(self.of(symbol), notional)},
            parts={**self.parts, part: plus(self.parts.get(part, _ZERO), notional)},
            gross=plus(self.gross, notional),
            net=plus(self.net, notional),
            cash_reserved=plus(self.cash_reserved, notional),
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
    held: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for position in book.positions:
        held[position.strategy_id, position.symbol] += position.quantity
    working: dict[tuple[str, str], list[Working]] = defaultdict(list)
    for order in book.orders:
        row = (order.side, remaining(order, book.orders), order.limit)
        working[order.strategy_id, order.symbol].append(row)
    for other in foreign:
        row = (other.side, other.quantity - other.filled, other.limit)
        working[EXTERNAL, other.symbol].append(row)

    keys = sorted(set(held) | set(working))
    parts = {key: worst_case(held[key], working[key], marks.get(key[1])) for key in keys}
    symbols = _of_symbols(held, working, marks)
    entries = [order for order in book.orders if order.leg is Leg.ENTRY and order.state not in ENDED]
    slots = {(row.strategy_id, row.symbol) for row in book.positions}
    slots |= {(row.strategy_id, row.symbol) for row in entries}
    return Exposure(
        symbols=symbols,
        parts=parts,
        gross=total(symbols.values()),
        net=total(_valued(quantity, marks.get(symbol)) for (_, symbol), quantity in held.items()),
        cash=book.cash if cash is None else cash,
        cash_reserved=total(_payable(order, book.orders, marks) for order in entries),
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


def worst_case(quantity: Decimal, working: Iterable[Working], mark: Decimal | None) -> Decimal | None:
    """W of one symbol holding *quantity*. None without a mark."""
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


def _of_symbols(
    held: Mapping[tuple[str, str], Decimal],
    working: Mapping[tuple[str, str], list[Working]],
    marks: Mapping[str, Decimal],
) -> dict[str, Decimal | None]:
    """W per symbol, all strategies together."""
    shares: dict[str, Decimal] = defaultdict(Decimal)
    for (_, symbol), quantity in held.items():
        shares[symbol] += quantity
    rows: dict[str, list[Working]] = defaultdict(list)
    for (_, symbol), own in working.items():
        rows[symbol] += own
    symbols = sorted(set(shares) | set(rows))
    return {symbol: worst_case(shares[symbol], rows[symbol], marks.get(symbol)) for symbol in symbols}


def _valued(quantity: Decimal, mark: Decimal | None) -> Decimal | None:
    return None if mark is None else quantity * mark


def total(values: Iterable[Decimal | None]) -> Decimal | None:
    """The sum of *values*; None as soon as one of them is unknown."""
    found = _ZERO
    for value in values:
        if value is None:
            return None
        found += value
    return found


def plus(value: Decimal | None, more: Decimal) -> Decimal | None:
    """*value* and *more*; None stays unknown."""
    return None if value is None else value + more
