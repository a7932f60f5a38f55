"""Gate 19: an order that nobody can have meant is refused before anyone outside sees it."""

from decimal import Decimal
from typing import Final

from execution_v2.gates.facts import EnforcementConfig, EntryOrder, GateFacts, finding
from schemas.base import tick
from schemas.book import Side, TimeInForce
from schemas.header import Finding
from schemas.reasons.gates import OrderCode

NOTIONAL_MIN_USD: Final = Decimal(1)


def check(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:  # noqa: ARG001
    """Side, quantity, price, time in force, cap and notional; a short is allowed in no book."""
    symbol, quantity, limit = entry.symbol, entry.quantity, entry.limit
    found: list[Finding] = []
    if entry.side is not Side.BUY:
        found.append(finding(OrderCode.SHORT_NOT_ALLOWED, symbol, entry.side))
    countable = quantity.is_finite() and quantity > 0
    if not countable:
        found.append(finding(OrderCode.QTY_INVALID, symbol, quantity, 1))
    elif quantity != quantity.to_integral_value():
        found.append(finding(OrderCode.QTY_FRACTIONAL, symbol, quantity))
    priced = limit is not None and limit.is_finite() and limit > 0
    if limit is None or not priced:
        found.append(finding(OrderCode.PRICE_INVALID, symbol, limit))
    elif limit % tick(limit) != 0:
        found.append(finding(OrderCode.TICK_INVALID, symbol, limit, tick(limit)))
    if entry.time_in_force is not TimeInForce.DAY:
        found.append(finding(OrderCode.TIF_INVALID, symbol, entry.time_in_force, TimeInForce.DAY))
    if limit is not None and priced:
        if limit > entry.limit_cap:
            found.append(finding(OrderCode.LIMIT_ABOVE_CAP, symbol, limit, entry.limit_cap))
        if countable and quantity * limit < NOTIONAL_MIN_USD:
            found.append(finding(OrderCode.NOTIONAL_MIN, symbol, quantity * limit, NOTIONAL_MIN_USD))
    return tuple(found)
