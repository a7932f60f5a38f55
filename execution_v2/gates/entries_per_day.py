"""Gate 9: a session starts a bounded number of entries, counted by intent, the unknown ones included."""

from execution_v2.gates.facts import EnforcementConfig, EntryOrder, GateFacts, finding
from schemas.header import Finding
from schemas.reasons.gates import EntriesCode


def check(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:
    """A second attempt of one intent does not count twice."""
    if facts.exposure is None:
        return (finding(EntriesCode.ENTRY_COUNT_UNKNOWN, facts.book_id),)
    intents = facts.exposure.entry_intents | {entry.intent_id}
    limit = config.limits.entries_per_day_max
    if len(intents) <= limit:
        return ()
    return (finding(EntriesCode.ENTRIES_PER_DAY_MAX, entry.symbol, len(intents), limit, "with this entry"),)
