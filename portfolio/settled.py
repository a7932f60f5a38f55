"""After a corporate action a symbol is entered again once book and broker hold the same shares under the same stops.

An action changes both sides, and not at one moment. Until they agree nobody knows what an order of a hundred
shares would mean, so entries of that symbol wait; exits never come here.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from schemas.book import BookState, OrderState, OrderType, Side
from schemas.observations import BrokerOrder, BrokerPosition

SESSIONS_BACK: Final = 5
"""An action this many sessions old is looked at no more: what differs then, the reconciliation says."""


def unsettled(
    book: BookState,
    positions: Iterable[BrokerPosition] | None,
    orders: Iterable[BrokerOrder] | None,
    names: Mapping[str, Iterable[str]],
) -> dict[str, str]:
    """Symbols in which book and broker disagree, each with what differs, among those with a recent action.

    Args:
        positions, orders: as the broker showed them this morning; None, not read, agrees with nothing held.
        names: symbol today -> the tickers that its shares may be booked under on either side.
    """
    ours, theirs = Counter[str](), Counter[str]()
    for position in book.positions:
        ours[position.symbol] += int(position.quantity)
    for row in positions or ():
        theirs[row.symbol] += int(row.quantity)
    found: dict[str, str] = {}
    for symbol in sorted(names):
        tickers = sorted(set(names[symbol]) | {symbol})
        differing = [name for name in tickers if ours[name] != theirs[name]]
        if differing:
            name = differing[0]
            found[symbol] = f"{name}: the book holds {ours[name]}, the broker {theirs[name]}"
        elif _stops(book, tickers) != _worked(orders or (), tickers):
            found[symbol] = f"{symbol}: the working stops of book and broker differ in shares or price"
    return found


def _stops(book: BookState, tickers: list[str]) -> Counter[tuple[str, Decimal, Decimal | None]]:
    live = (o for o in book.orders if o.symbol in tickers and o.state is OrderState.LIVE)
    return Counter((o.symbol, o.quantity, o.stop) for o in live if o.order_type is OrderType.STOP)


def _worked(
    orders: Iterable[BrokerOrder], tickers: list[str]
) -> Counter[tuple[str, Decimal, Decimal | None]]:
    sells = (o for o in orders if o.symbol in tickers and o.side is Side.SELL)
    return Counter((o.symbol, o.quantity, o.stop) for o in sells if o.order_type is OrderType.STOP)
