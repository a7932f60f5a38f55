"""Exposure is what could come true: every possibly-live order counts in full, and an unknown mark is no zero.

W of execution.md 1.3, per symbol and for the book, and the slots and cash that go with it. A batch moves it
on by ``after``: what one entry is allowed, the next one finds taken. The same is measured of each strategy's own
shares and orders, without offset against another's: sleeves are counted from these parts.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import chain
from operator import is_

from schemas.book import ENDED, BookState, Leg, Order, OrderState, Position, Side
from schemas.observations import BrokerOrder
from schemas.strategy_registry import EXTERNAL

_REPLACING = frozenset({OrderState.REPLACING, OrderState.REPLACE_UNKNOWN})
_ZERO = Decimal(0)
Working = tuple[Side, Decimal, Decimal | None]
"""Side, shares that may still trade, limit."""
Row = Position | Order | BrokerOrder


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
    return Recount().measure(book, marks, session_date, cash=cash, foreign=foreign)


class Recount:
    """``measure`` of a book that moves on: a symbol is counted anew where a row of it, or its mark, is another.

    Rows are frozen, so the same object says the same; an equal one is counted again, for its digits may differ.
    """

    def __init__(self) -> None:
        self._known: dict[str, _Part] = {}

    def measure(
        self,
        book: BookState,
        marks: Mapping[str, Decimal],
        session_date: date,
        *,
        cash: Decimal | None = None,
        foreign: Iterable[BrokerOrder] = (),
    ) -> Exposure:
        """As the function of that name, of the same arguments, digit for digit."""
        rows: dict[str, list[Row]] = defaultdict(list)
        every: Iterator[Row] = chain(book.positions, book.orders, foreign)
        for row in every:
            rows[row.symbol].append(row)
        known, self._known = self._known, {}
        for symbol in sorted(rows):
            own, mark = rows[symbol], marks.get(symbol)
            part = known.get(symbol)
            if part is None or not part.is_of(own, mark):
                part = _part(own, book.orders, mark)
            self._known[symbol] = part
        counted = self._known
        parts = {(name, symbol): w for symbol, part in counted.items() for name, w in part.strategies.items()}
        slots = {(each.strategy_id, each.symbol) for each in book.positions}
        slots |= {(each.strategy_id, each.symbol) for each in book.orders if _is_entry(each)}
        is_today = book.session_date == session_date
        return Exposure(
            symbols={symbol: part.worst for symbol, part in counted.items()},
            parts=dict(sorted(parts.items())),
            gross=total(part.worst for part in counted.values()),
            net=total(part.net for part in counted.values()),
            cash=book.cash if cash is None else cash,
            cash_reserved=total(part.payable for part in counted.values()),
            slots=frozenset(slots),
            entry_intents=frozenset(book.entry_intents_today) if is_today else frozenset(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What one symbol brings, USD, and the very rows and mark that it was counted from.

    keeps: whether it follows from those alone; an order being replaced depends on another one besides.
    """

    rows: Sequence[Row]
    mark: Decimal | None
    keeps: bool
    worst: Decimal | None
    strategies: Mapping[str, Decimal | None]
    net: Decimal | None
    payable: Decimal | None

    def is_of(self, rows: Sequence[Row], mark: Decimal | None) -> bool:
        """Whether it was counted from these."""
        same = self.keeps and self.mark is mark and len(self.rows) == len(rows)
        return same and all(map(is_, self.rows, rows))


def _part(rows: Sequence[Row], orders: Iterable[Order], mark: Decimal | None) -> _Part:
    """Of one symbol. *orders*: all of the book, among which may be what replaces one of *rows*."""
    held: dict[str, Decimal] = defaultdict(Decimal)
    working: dict[str, list[Working]] = defaultdict(list)
    own = [row for row in rows if isinstance(row, Order)]
    for row in rows:
        if isinstance(row, Order):
            working[row.strategy_id].append((row.side, remaining(row, orders), row.limit))
        elif isinstance(row, BrokerOrder):
            working[EXTERNAL].append((row.side, row.quantity - row.filled, row.limit))
        else:
            held[row.strategy_id] += row.quantity
    names = sorted({*held, *working})
    every = [row for name in names for row in working[name]]
    return _Part(
        rows=rows,
        mark=mark,
        keeps=not any(order.state in _REPLACING for order in own),
        worst=worst_case(sum((held[name] for name in names), _ZERO), every, mark),
        strategies={name: worst_case(held[name], working[name], mark) for name in names},
        net=total(None if mark is None else held[name] * mark for name in names),
        payable=total(_payable(order, orders, mark) for order in own if _is_entry(order)),
    )


def _is_entry(order: Order) -> bool:
    return order.leg is Leg.ENTRY and order.state not in ENDED


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


def _payable(order: Order, orders: Iterable[Order], mark: Decimal | None) -> Decimal | None:
    if order.side is not Side.BUY:
        return _ZERO
    price = mark if order.limit is None else order.limit
    return None if price is None else remaining(order, orders) * price


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
