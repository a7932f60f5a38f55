"""Gate 1: real money moves only where the flag is on, both halves of the token agree, and so does the host.

Only ALPACA_LIVE is asked for flag and token; the host must be the book's own in every Alpaca book. The token
is compared at the edge (``token_fault``) and never recorded, so that a replay needs no secret.
"""

import hmac
from typing import Final

from execution_v2.gates.facts import EnforcementConfig, EntryOrder, GateFacts, finding
from schemas.header import Finding
from schemas.observations import ControlObservation
from schemas.reasons.gates import LiveCode

LIVE_BOOK: Final = "ALPACA_LIVE"
ALPACA_BOOKS: Final = frozenset({"ALPACA_LIVE", "ALPACA_PAPER"})
TOKEN_CHARACTERS_MIN: Final = 12


def token_fault(token: str | None, token_file: str | None) -> LiveCode | None:
    """Which token rule is broken; None: both halves agree.

    Args:
        token: ``LIVE_CONFIRM_TOKEN``; None: not set. Fewer than 12 characters are no token.
        token_file: text of ``control/live_confirm_token.txt``; None: missing or unreadable.
    """
    if token is None or len(token.strip()) < TOKEN_CHARACTERS_MIN:
        return LiveCode.LIVE_TOKEN_MISSING
    if token_file is None:
        return LiveCode.LIVE_TOKEN_FILE_MISSING
    if not token_file.strip():
        return LiveCode.LIVE_TOKEN_FILE_EMPTY
    # In constant time: how far a guess was right must not show in how long the answer took.
    if not hmac.compare_digest(token.strip().encode(), token_file.strip().encode()):
        return LiveCode.LIVE_TOKEN_MISMATCH
    return None


def check_book(facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:  # noqa: ARG001
    """Whether this book may send entries to its broker at all."""
    return faults(facts.control, facts.book_id)


def faults(control: ControlObservation | None, book_id: str) -> tuple[Finding, ...]:
    """What keeps real money where it is; empty: nothing does."""
    found: list[Finding] = []
    if book_id == LIVE_BOOK:
        if control is None or not control.live_trading:
            found.append(finding(LiveCode.LIVE_TRADING_OFF, book_id, control and control.live_trading, True))
        if control is None or control.live_token_ok is not True:
            fault = None if control is None else control.live_token_fault
            # A fault by no name of ours proves no token either.
            code = next((code for code in LiveCode if code == fault), LiveCode.LIVE_TOKEN_MISSING)
            found.append(finding(code, book_id))
    if book_id in ALPACA_BOOKS and (control is None or control.live_host_ok is not True):
        found.append(finding(LiveCode.LIVE_HOST_MISMATCH, book_id, control and control.live_host_ok, True))
    return tuple(found)


def check(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:  # noqa: ARG001
    """The same answer for every entry."""
    return check_book(facts, config)
