"""Gate 18: the symbol's worst case and the cash stay within bounds, and no order of the other side is in the way.

Margin is never used, whatever a broker offers. A protective stop is never lifted to make room: an entry into a
symbol that one protects is refused, whoever's it is, since a broker refuses a buy while a sell works.
"""

from execution_v2.gates.facts import EnforcementConfig, EntryOrder, GateFacts, finding
from schemas.book import ENDED
from schemas.header import Finding
from schemas.reasons.gates import EnvelopeCode


def check(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:
    """Worst case of the symbol, cash, opposite orders."""
    return (*_symbol(entry, facts, config), *_cash(entry, facts), *_opposite(entry, facts))


def _symbol(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:
    """W of the symbol once this entry works, against its share of equity. Unknown is above every limit."""
    if not entry.is_priced or entry.limit is None:
        return ()
    held = None if facts.exposure is None else facts.exposure.of(entry.symbol)
    price = max(entry.limit, facts.marks.get(entry.symbol, entry.limit))
    after = None if held is None else held + entry.quantity * price
    allowed = None if facts.equity is None else config.limits.symbol_pct_max * facts.equity
    if after is None or allowed is None or after > allowed:
        return (finding(EnvelopeCode.EXPOSURE_ENVELOPE, entry.symbol, after, allowed, "worst case"),)
    return ()


def _cash(entry: EntryOrder, facts: GateFacts) -> tuple[Finding, ...]:
    exposure, power = facts.exposure, facts.buying_power
    if exposure is None or exposure.cash is None or exposure.cash_reserved is None or power is None:
        return (finding(EnvelopeCode.BUYING_POWER_UNKNOWN, facts.book_id),)
    left = min(exposure.cash - exposure.cash_reserved, power)
    if entry.notional > left:
        return (finding(EnvelopeCode.BUYING_POWER, entry.symbol, entry.notional, left),)
    return ()


def _opposite(entry: EntryOrder, facts: GateFacts) -> tuple[Finding, ...]:
    """Every working order of ours on the other side, and every one of a stranger; theirs by the broker's id.

    A stranger's buy is in the way too: while it works, the broker would refuse the stop that the entry needs. Asked
    before a send only: what works in the morning may be done by then, and what works then is in the way.
    """
    if facts.moment is None:
        return ()
    ours = () if facts.book is None else facts.book.orders
    found = [
        (order.ord_id, order.side)
        for order in ours
        if order.symbol == entry.symbol and order.side is not entry.side and order.state not in ENDED
    ]
    found += [(order.order_id, order.side) for order in facts.moment.foreign if order.symbol == entry.symbol]
    return tuple(
        finding(EnvelopeCode.OPPOSITE_ORDER_WORKING, entry.symbol, name, detail=side) for name, side in found
    )
