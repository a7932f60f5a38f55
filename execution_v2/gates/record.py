"""Gate 3: what cannot be put on record is not entered.

In the morning the session's journal is read whole; in a cycle the first append of its own is the probe. A fence
that was lost needs no code here: the append raises it, and its process neither writes nor sends anything more.
"""

from execution_v2.gates.facts import EnforcementConfig, EntryOrder, GateFacts, finding
from schemas.header import Finding
from schemas.reasons.gates import RecordCode


def check_book(facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:  # noqa: ARG001
    """A journal that nobody probed counts as unavailable."""
    if facts.record is None:
        return (finding(RecordCode.LEDGER_UNAVAILABLE, facts.book_id, detail="the journal was not probed"),)
    return tuple(finding(code, facts.book_id, detail="journal") for code in facts.record)


def check(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:  # noqa: ARG001
    """The same answer for every entry."""
    return check_book(facts, config)
