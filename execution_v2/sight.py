"""A cycle on intraday bars sees prices with their age, closed bars and halts; a price that is too old is none."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from execution_v2.desk import Desk
from market.feed import Seen
from schemas.observations import IntradayBarFacts, QuoteFacts
from strategies.swings import Bar

BAR_S: Final = 300
SESSIONS: Final = 3
"""Sessions whose intraday bars make structure, the present one included (strategy.md 6.3)."""


@dataclass(slots=True, kw_only=True)
class Sight:
    """What the cycle saw. ``quotes`` by symbol; ``bars``: closed, of 300 s, oldest first.

    ``based``: those of ``bars`` whose prices are of today's basis, and ``daily``, ``intraday``: days and these as the
    strategy reads them; all kept from when ``exits`` first asks.
    """

    quotes: dict[str, QuoteFacts] = field(default_factory=dict)
    bars: Mapping[str, tuple[IntradayBarFacts, ...]] = field(default_factory=dict)
    based: dict[str, tuple[IntradayBarFacts, ...]] = field(default_factory=dict)
    daily: dict[str, tuple[Bar, ...]] = field(default_factory=dict)
    intraday: dict[str, tuple[Bar, ...]] = field(default_factory=dict)


def look(desk: Desk, symbols: Iterable[str]) -> Sight:
    """Prices and bars of *symbols*; a failed read is no price and no bar, and holds up nothing but entries."""
    names = tuple(sorted(set(symbols)))
    if not names:
        return Sight()
    sessions = desk.inputs.sessions[-SESSIONS:] or (desk.inputs.session_date,)
    read = desk.ports.feed.bars(names, BAR_S, sessions[0], desk.inputs.session_date)
    rows: dict[str, list[IntradayBarFacts]] = defaultdict(list)
    for row in read.value if isinstance(read, Seen) else ():
        rows[row.symbol].append(row)
    sight = Sight(bars={name: tuple(found) for name, found in rows.items()})
    look_again(desk, sight, names)
    return sight


def look_again(desk: Desk, sight: Sight, names: tuple[str, ...]) -> None:
    """Bring the quotes of *names* up to date; one that is not told any more is no longer a price."""
    read = desk.ports.feed.quotes(names)
    found = {row.symbol: row for row in read.value} if isinstance(read, Seen) else {}
    for name in names:
        sight.quotes.pop(name, None)
        if name in found:
            sight.quotes[name] = found[name]


def fresh(desk: Desk, quote: QuoteFacts | None) -> QuoteFacts | None:
    """The quote, if it is young enough to act on."""
    if quote is None or (quote.bid is not None and quote.ask is not None and quote.bid > quote.ask):
        return None
    age = (desk.at - quote.as_of).total_seconds()
    return quote if age <= desk.config.gates.quote_age_s_max else None


def fresh_last(desk: Desk, sight: Sight, symbol: str) -> Decimal | None:
    """The last price of *symbol*, None when it is too old or unknown."""
    quote = fresh(desk, sight.quotes.get(symbol))
    return None if quote is None else Decimal(quote.last)


def quote_now(desk: Desk, symbol: str) -> QuoteFacts | None:
    """A quote asked for at this moment, if it is young enough to act on."""
    sight = Sight()
    look_again(desk, sight, (symbol,))
    return fresh(desk, sight.quotes.get(symbol))


def is_halted(desk: Desk, symbol: str) -> bool:
    """Whether the broker says that *symbol* does not trade now; silence is no halt."""
    read = desk.ports.broker.assets((symbol,))
    row = next((row for row in read.value if row.symbol == symbol), None) if isinstance(read, Seen) else None
    return row is not None and row.is_halted is True


def is_open(desk: Desk) -> bool:
    """Whether the market is open by our calendar, and the broker's clock does not say otherwise."""
    desk.tick()
    clock = desk.clock()
    by_calendar = desk.inputs.open_at <= desk.at < desk.inputs.close_at
    return by_calendar and (clock is None or clock.is_open)
