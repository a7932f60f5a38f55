"""Gate 8: open positions and entries that may become one, counted by (strategy, symbol), stay bounded."""

from execution_v2.gates.facts import EnforcementConfig, EntryOrder, GateFacts, finding
from schemas.header import Finding
from schemas.reasons.gates import PositionsCode


def check(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:
    """Positions that nobody of ours opened count too; an addition to one's own does not count twice."""
    if facts.exposure is None:
        return (finding(PositionsCode.POSITIONS_UNKNOWN, facts.book_id),)
    slots = facts.exposure.slots | {(entry.strategy_id, entry.symbol)}
    limit = config.limits.positions_max
    if len(slots) <= limit:
        return ()
    return (finding(PositionsCode.POSITIONS_MAX, entry.symbol, len(slots), limit, "with this entry"),)
