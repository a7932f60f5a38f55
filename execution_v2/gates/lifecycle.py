"""Gate 13: a book that is starting, paused, degraded or in an emergency enters nothing.

Judged before each send on the state of that moment's tick; a book without one has not even begun.
"""

from execution_v2.gates.facts import EnforcementConfig, EntryOrder, GateFacts, finding
from schemas.header import Finding
from schemas.lifecycle import Lifecycle
from schemas.reasons.gates import LifecycleGateCode

_SHUT = {
    Lifecycle.INIT: LifecycleGateCode.LIFECYCLE_INIT,
    Lifecycle.READY: LifecycleGateCode.LIFECYCLE_READY,
    Lifecycle.PAUSED: LifecycleGateCode.LIFECYCLE_PAUSED,
    Lifecycle.DEGRADED: LifecycleGateCode.LIFECYCLE_DEGRADED,
    Lifecycle.EMERGENCY: LifecycleGateCode.LIFECYCLE_EMERGENCY,
}


def check(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:  # noqa: ARG001
    """ACTIVE passes, THROTTLED for one entry a cycle."""
    moment, book_id = facts.moment, facts.book_id
    if moment is None or moment.lifecycle is None:
        return (finding(LifecycleGateCode.LIFECYCLE_UNKNOWN, book_id, detail="no tick of this cycle"),)
    state = moment.lifecycle
    detail = ", ".join(state.causes)
    if state.state in _SHUT:
        return (finding(_SHUT[state.state], book_id, state.state, Lifecycle.ACTIVE, detail),)
    if state.state is Lifecycle.THROTTLED and moment.entries_in_cycle >= 1:
        code = LifecycleGateCode.LIFECYCLE_ONE_PER_CYCLE
        return (finding(code, book_id, moment.entries_in_cycle, 1, detail),)
    return ()
