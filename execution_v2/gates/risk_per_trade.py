"""Gate 6: what one entry loses at its stop stays within dollars and within a share of equity."""

from decimal import Decimal

from execution_v2.gates.facts import EnforcementConfig, EntryOrder, GateFacts, finding
from schemas.book import Side
from schemas.header import Finding
from schemas.reasons.gates import RiskCode


def risk_of(entry: EntryOrder) -> Decimal:
    """quantity * abs(limit - stop), USD; limit and stop are known."""
    assert entry.limit is not None, "risk is asked of a priced entry only"
    assert entry.stop is not None, "risk is asked of an entry with a stop only"
    return entry.quantity * abs(entry.limit - entry.stop)


def check(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:
    """An entry without a stop on its losing side has no risk that could be compared."""
    limits, symbol = config.limits, entry.symbol
    found: list[Finding] = []
    if facts.equity is None:
        found.append(finding(RiskCode.EQUITY_UNKNOWN, facts.book_id))
    if entry.stop is None or not entry.stop.is_finite() or entry.stop <= 0:
        found.append(finding(RiskCode.STOP_MISSING, symbol, entry.stop))
        return tuple(found)
    if entry.limit is None or not entry.is_priced:
        return tuple(found)
    wrong = entry.stop >= entry.limit if entry.side is Side.BUY else entry.stop <= entry.limit
    if wrong:
        found.append(finding(RiskCode.STOP_WRONG_SIDE, symbol, entry.stop, entry.limit))
    risk = risk_of(entry)
    if risk > limits.risk_per_trade_abs_max_usd:
        found.append(finding(RiskCode.RISK_PER_TRADE_ABS, symbol, risk, limits.risk_per_trade_abs_max_usd))
    if facts.equity is not None and risk > limits.risk_per_trade_pct_max * facts.equity:
        allowed = limits.risk_per_trade_pct_max * facts.equity
        found.append(finding(RiskCode.RISK_PER_TRADE_PCT, symbol, risk, allowed))
    return tuple(found)
