"""Gate 5: a list that is set names every symbol that may be entered, and live money needs one."""

from execution_v2.gates.facts import EnforcementConfig, EntryOrder, GateFacts, finding
from execution_v2.gates.live import LIVE_BOOK
from schemas.header import Finding
from schemas.reasons.gates import AllowlistCode


def check(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:
    """ALPACA_LIVE without a list, or any book with an empty one, may enter nothing."""
    listed = config.allowlist
    found: list[Finding] = []
    if listed == () or (listed is None and facts.book_id == LIVE_BOOK):
        found.append(finding(AllowlistCode.ALLOWLIST_EMPTY, facts.book_id))
    elif listed is not None and entry.symbol not in listed:
        found.append(
            finding(AllowlistCode.ALLOWLIST_BLOCKED, entry.symbol, entry.symbol, len(listed), "listed")
        )
    if not entry.symbol:
        found.append(finding(AllowlistCode.SYMBOL_MISSING, entry.intent_id))
    return tuple(found)
