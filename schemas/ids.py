"""An id is the hash of what identifies a thing, and of nothing that can change during its life."""

import hashlib
import json
from typing import Any

ID_HEX_DIGITS = 20


def content_id(prefix: str, *identity: Any) -> str:
    """``prefix + first 20 hex digits of sha256`` of the compact canonical JSON of *identity*.

    *identity*: strings, ints, dates (as ISO text) or lists of these; a float or a quantity is a caller's bug.
    """
    plain = [part.isoformat() if hasattr(part, "isoformat") else part for part in identity]
    assert all(isinstance(part, (str, int, list, type(None))) for part in plain), (
        "identity must be text or ints"
    )
    text = json.dumps(plain, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
    return prefix + hashlib.sha256(text.encode()).hexdigest()[:ID_HEX_DIGITS]


def intent_id(book_id: str, session_date: Any, strategy_id: str, symbol: str, side: str, purpose: str) -> str:
    """Id of a trade intent (strategy.md 3.2)."""
    return content_id("int_", book_id, session_date, strategy_id, symbol, side, purpose)


def decision_id(book_id: str, session_date: Any, intent: str) -> str:
    """Id of a decision: one per intent and session."""
    return content_id("dec_", book_id, session_date, intent)


def ord_id(intent: str, leg: str, revision: int, attempt: int) -> str:
    """Id of one order: one attempt to carry out one leg of an intent (execution.md 1.1)."""
    return content_id("ord_", intent, leg, revision, attempt)


def position_id(book_id: str, strategy_id: str, symbol: str, opening_intent: str) -> str:
    """Id of a position: the shares of one strategy in one symbol, from flat to flat."""
    return content_id("pos_", book_id, strategy_id, symbol, opening_intent)


def external_intent(session_date: Any) -> str:
    """What stands for the opening intent of shares that none opened: the session in which they were first seen."""
    return f"external:{session_date.isoformat()}"


def trade_id(position: str) -> str:
    """Id of the round trip that a position becomes."""
    return content_id("trd_", position)


def fill_id(book_id: str, symbol: str, broker_execution_id: str) -> str:
    """Id of a fill, from the broker's execution id."""
    return content_id("fil_", book_id, symbol, broker_execution_id)


def exit_event_id(position: str, sequence: int) -> str:
    """Id of an exit event: the n-th of its position."""
    return content_id("exv_", position, sequence)
