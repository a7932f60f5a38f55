"""Gate 4: while Phase C is on, real money enters one symbol of one strategy on one date that a person wrote down.

Off, or in a book without real money, it passes and changes nothing. The date must be that of the session, so a
setting that was forgotten opens no other day.
"""

from datetime import date

from execution_v2.gates.facts import EnforcementConfig, EntryOrder, GateFacts, finding
from execution_v2.gates.live import LIVE_BOOK
from schemas.header import Finding
from schemas.reasons.gates import PhaseCCode


def check_book(facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:
    """The date, a list of exactly one symbol, and exactly one strategy with entries in this session."""
    if not _is_asked(facts, config):
        return ()
    found = list(_date(facts, config.live_enable_date))
    book_id, listed, strategies = facts.book_id, config.allowlist or (), facts.entry_strategies
    if len(listed) != 1:
        found.append(finding(PhaseCCode.PHASE_C_ALLOWLIST_NOT_SINGLE, book_id, len(listed), 1, "symbols"))
    # None wishes for anything on a day without intents: nothing is entered then, and nothing is wrong.
    if strategies is None or len(strategies) > 1:
        names = None if strategies is None else ",".join(sorted(strategies))
        found.append(finding(PhaseCCode.PHASE_C_STRATEGY_NOT_SINGLE, book_id, names, 1, "strategies"))
    return tuple(found)


def check(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:
    """The book's answer, and whether this is the one symbol."""
    if not _is_asked(facts, config):
        return ()
    found = list(check_book(facts, config))
    if (entry.symbol,) != (config.allowlist or ()):
        listed = ",".join(config.allowlist or ())
        found.append(finding(PhaseCCode.PHASE_C_SYMBOL_MISMATCH, entry.symbol, entry.symbol, listed))
    return tuple(found)


def _is_asked(facts: GateFacts, config: EnforcementConfig) -> bool:
    return config.phase_c and facts.book_id == LIVE_BOOK


def _date(facts: GateFacts, written: str | None) -> tuple[Finding, ...]:
    if not written:
        return (finding(PhaseCCode.PHASE_C_DATE_MISSING, facts.book_id, None, facts.session_date),)
    try:
        enabled = date.fromisoformat(written)
    except ValueError:
        return (finding(PhaseCCode.PHASE_C_DATE_INVALID, facts.book_id, written, "YYYY-MM-DD"),)
    if enabled != facts.session_date:
        return (finding(PhaseCCode.PHASE_C_DATE_MISMATCH, facts.book_id, enabled, facts.session_date),)
    return ()
