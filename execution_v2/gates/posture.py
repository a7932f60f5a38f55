"""Gate 12: what is entered shrinks with what is known, and stops where evidence is contradicted.

Judged before each send on the posture of that moment's tick; a book that no tick has judged is not known well.
"""

from execution_v2.gates.facts import EnforcementConfig, EntryOrder, GateFacts, finding
from schemas.header import Finding
from schemas.reasons.gates import PostureGateCode
from schemas.tick import Posture

_SHUT = {Posture.ORANGE: PostureGateCode.POSTURE_ORANGE, Posture.RED: PostureGateCode.POSTURE_RED}


def check(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:  # noqa: ARG001
    """ORANGE and RED enter nothing; YELLOW one entry a cycle; a size scaled to nothing is none."""
    moment, book_id = facts.moment, facts.book_id
    if moment is None or moment.posture is None:
        return (finding(PostureGateCode.POSTURE_UNKNOWN, book_id, detail="no tick of this cycle"),)
    state = moment.posture
    detail = ", ".join(state.causes)
    if state.posture in _SHUT:
        return (finding(_SHUT[state.posture], book_id, state.posture, Posture.YELLOW, detail),)
    found = []
    if entry.scaled_to_zero:
        code = PostureGateCode.POSTURE_SIZE_ZERO
        found.append(finding(code, entry.symbol, str(moment.size_factor), detail=detail))
    if state.posture is Posture.YELLOW and moment.entries_in_cycle >= 1:
        code = PostureGateCode.POSTURE_ONE_PER_CYCLE
        found.append(finding(code, book_id, moment.entries_in_cycle, 1, detail))
    return tuple(found)
