"""Gate 15: what an entry rests on was read whole and is of this session by its header, not by a file time."""

from execution_v2.gates.facts import (
    OBSERVATIONS_ASKED,
    EnforcementConfig,
    EntryOrder,
    GateFacts,
    finding,
)
from schemas.header import Finding
from schemas.reasons.gates import FreshnessCode


def check_book(facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:  # noqa: ARG001
    """Candidates, the enforcement that named the entry, and the observations of today: those that every moment
    asks for, and whatever else this one has made (in the morning, the broker's clock)."""
    found: list[Finding] = []
    if facts.candidates_fault is not None:
        found.append(finding(FreshnessCode[f"CANDIDATES_{facts.candidates_fault}"], facts.book_id))
    if facts.enforcement_fault is not None:
        found.append(finding(FreshnessCode[f"ENFORCEMENT_{facts.enforcement_fault}"], facts.book_id))
    today = facts.session_date
    others = sorted(facts.observed.keys() - set(OBSERVATIONS_ASKED))
    seen = {name: facts.observed.get(name) for name in (*OBSERVATIONS_ASKED, *others)}
    found += [
        finding(FreshnessCode.OBSERVATION_INCOMPLETE, facts.book_id, None, today, name)
        for name, date in seen.items()
        if date is None
    ]
    found += [
        finding(FreshnessCode.OBSERVATION_STALE, facts.book_id, date, today, name)
        for name, date in seen.items()
        if date is not None and date != today
    ]
    return tuple(found)


def check(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:  # noqa: ARG001
    """The same answer for every entry."""
    return check_book(facts, config)
