"""Before the open a sleeve's profit of the session is how far its marks lie from the close of P; the unknown is named.

strategy.md 7.3. Deciding happens before the open. A sleeve that sold something in the session already is decided too
late for that: its profit counts as unknown, and a loss cap blocks.

``execution_v2.sleeve_facts`` answers the same question before a send, by another road: from the sums that the journal
keeps. On the morning of a split the book still counts the old shares at the new price, so that those sums would tell
a loss that nobody had; here such a mark is left out, and what was sold is not looked up but said to be unknown. By the
first cycle the split is booked, and the sums are right and whole. ``portfolio.sleeves.session_pnl`` gathers both.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal

from portfolio.batch import DecisionInputs
from portfolio.exposure import total
from portfolio.sleeves import Sharing, session_pnl
from schemas.book import BookState, Leg, Position
from schemas.reasons.ledger import ReadFaultCode
from schemas.snapshot import PositionMark


def profit_of_session(
    inputs: DecisionInputs, book: BookState, sharing: Sharing, stated: Mapping[str, Decimal] | None
) -> dict[str, Decimal | None]:
    """Profit of D so far by sleeve_id, USD; None: unknown. *stated*: ``S2_DAILY_PNL_JSON`` of this morning."""
    marked = () if isinstance(inputs.snapshot, ReadFaultCode) else inputs.snapshot.positions
    before = {row.position_id: row for row in marked}
    parts: dict[str, list[Decimal | None]] = defaultdict(list)
    for position in book.positions:
        parts[position.strategy_id].append(_change(position, before.get(position.position_id), inputs))
    for strategy_id in _sold(book, inputs):
        parts[strategy_id].append(None)
    return session_pnl(sharing, {name: total(found) for name, found in parts.items()}, stated)


def _change(position: Position, before: PositionMark | None, inputs: DecisionInputs) -> Decimal | None:
    """What *position* is worth more than at the close of P, or than what was paid for it since."""
    mark = inputs.marks.get(position.symbol)
    if position.symbol in inputs.rebased:
        then = mark  # a split moves the number, not the value
    elif before is not None:
        then = before.mark
    else:
        then = position.average_entry if position.entry_session == inputs.session_date else None
    return None if mark is None or then is None else position.quantity * (mark - then)


def _sold(book: BookState, inputs: DecisionInputs) -> Iterator[str]:
    """Strategies that sold something in this session: for what, is not looked up here."""
    if book.session_date != inputs.session_date:
        return
    for order in (*book.orders, *book.ended_today):
        if order.leg is not Leg.ENTRY and order.filled > 0:
            yield order.strategy_id
