"""Gate 10: while decisions bind, only what was allowed is entered, and no more of it.

Off, it passes whatever ``decisions.json`` says or lacks: the quantity is then strategy.md 5's for the intent
alone, and the other gates bound it.
"""

from execution_v2.gates.facts import EnforcementConfig, EntryOrder, GateFacts, finding
from schemas.decisions import Verdict
from schemas.header import Finding
from schemas.reasons.gates import DecisionCode
from schemas.reasons.ledger import ReadFaultCode


def check_book(facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:
    """Whether the file can be read."""
    if config.decision_enforce and isinstance(facts.decisions, ReadFaultCode):
        return (finding(DecisionCode[f"DECISION_{facts.decisions}"], facts.book_id),)
    return ()


def check(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:
    """ALLOW and RESIZE pass up to their quantity; all else fails."""
    if not config.decision_enforce or isinstance(facts.decisions, ReadFaultCode):
        return check_book(facts, config)
    decision = facts.decisions.of(entry.intent_id)
    if decision is None:
        return (finding(DecisionCode.DECISION_INTENT_NOT_FOUND, entry.symbol, entry.intent_id),)
    if decision.verdict is Verdict.BLOCK:
        why = decision.reasons[0].code if decision.reasons else ""
        return (finding(DecisionCode.DECISION_BLOCKED, entry.symbol, decision.verdict, detail=why),)
    if entry.is_priced and entry.quantity > decision.q2:
        detail = "more than was allowed"
        return (finding(DecisionCode.DECISION_BLOCKED, entry.symbol, entry.quantity, decision.q2, detail),)
    return ()
