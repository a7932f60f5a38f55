"""What a sleeve earned in a session is the change of all that its strategies brought and hold, to the cent.

From the state's own sums at the opening and now, and the marks of two moments: the snapshot of P and the present.
So a position that was closed this morning counts as one that is still held, splits and dividends included.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portfolio.exposure import total
from portfolio.sleeves import Sharing, parse_daily_pnl, session_pnl
from schemas.book import BookState
from schemas.reasons.ledger import ReadFaultCode
from schemas.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class SleevePnl:
    """Profit of the session by sleeve_id, USD, None where unknown; and what is wrong with what a person stated."""

    by_sleeve: Mapping[str, Decimal | None]
    faults: tuple[str, ...]


def sleeve_pnl(sharing: Sharing, earned: Mapping[str, Decimal | None], stated: str | None) -> SleevePnl:
    """*earned* by strategy gathered by sleeve; *stated* (``S2_DAILY_PNL_JSON``), if given, is the only source."""
    told, faults = (None, ()) if stated is None else parse_daily_pnl(stated, sharing)
    return SleevePnl(by_sleeve=session_pnl(sharing, earned, told), faults=faults)


def before_the_open(book: BookState | None, marks: Mapping[str, Decimal]) -> dict[str, Decimal | None]:
    """By strategy: nothing has moved since the close of P; what is held without a mark is unknown."""
    if book is None:
        return {}
    parts: dict[str, list[Decimal | None]] = defaultdict(list)
    for position in book.positions:
        parts[position.strategy_id].append(Decimal(0) if position.symbol in marks else None)
    return {name: total(found) for name, found in parts.items()}


def since_the_close(
    book: BookState, marks: Mapping[str, Decimal], snapshot: Snapshot | ReadFaultCode, session: date
) -> dict[str, Decimal | None]:
    """By strategy: what it brought since the opening, and by how much what it holds is worth more than at P's close."""
    brought = {row.strategy_id: row.realised - row.at_open for row in book.results}
    parts: dict[str, list[Decimal | None]] = defaultdict(list)
    for position in book.positions:
        mark = marks.get(position.symbol)
        worth = None if mark is None else position.quantity * mark
        parts[position.strategy_id] += [position.cash_flow, worth]
    if isinstance(snapshot, ReadFaultCode) or book.session_date != session:
        # Without the other end of the span nothing is known of any strategy that held or closed anything.
        return dict.fromkeys({*brought, *parts})
    for row in snapshot.positions:
        parts[row.strategy_id].append(-row.notional)
    return {name: total([brought.get(name, Decimal(0)), *parts[name]]) for name in sorted({*brought, *parts})}
