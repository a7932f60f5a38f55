"""Reason codes of execution: what a broker said, why an order ended, what became of a stop."""

from enum import StrEnum


class BrokerCode(StrEnum):
    """Why a broker refused a request (execution.md 3.3)."""

    DUPLICATE_CLIENT_ID = "DUPLICATE_CLIENT_ID"
    INSUFFICIENT_BUYING_POWER = "INSUFFICIENT_BUYING_POWER"
    INSUFFICIENT_QTY_HELD = "INSUFFICIENT_QTY_HELD"
    OPPOSITE_SIDE_ORDER = "OPPOSITE_SIDE_ORDER"
    STOP_THROUGH_MARKET = "STOP_THROUGH_MARKET"
    NOT_TRADABLE = "NOT_TRADABLE"
    NOT_WORKING = "NOT_WORKING"
    DAY_TRADE_REJECTED = "DAY_TRADE_REJECTED"
    BROKER_REJECTED = "BROKER_REJECTED"
    AUTH_FAILED = "AUTH_FAILED"
    RATE_LIMITED = "RATE_LIMITED"


class LineCode(StrEnum):
    """Why a request never left, or why nothing is known of its end."""

    NOT_SENT = "NOT_SENT"
    REQUEST_BUDGET_SPENT = "REQUEST_BUDGET_SPENT"
    ANSWER_LOST = "ANSWER_LOST"
    ANSWER_UNREADABLE = "ANSWER_UNREADABLE"
    BROKER_ERRED = "BROKER_ERRED"
    CANCEL_PENDING = "CANCEL_PENDING"
    LISTING_ENDLESS = "LISTING_ENDLESS"
    STREAM_DOWN = "STREAM_DOWN"
    STREAM_MUTE = "STREAM_MUTE"
    STREAM_GAP = "STREAM_GAP"


class OrderCause(StrEnum):
    """Why an order ended, or what is known of one that has not."""

    ENTRY_MISSED_LIMIT = "ENTRY_MISSED_LIMIT"
    ENTRY_WINDOW_ENDED = "ENTRY_WINDOW_ENDED"
    FOR_EXIT = "FOR_EXIT"
    POSITION_FLAT = "POSITION_FLAT"
    VENUE_ENDED = "VENUE_ENDED"
    FOUND_AT_LOAD = "FOUND_AT_LOAD"
    NOT_FOUND_PROOF = "NOT_FOUND_PROOF"
    ARRIVED = "ARRIVED"
    CARRIED = "CARRIED"
    FILLS_UNREAD = "FILLS_UNREAD"
    MISSING_AT_BROKER = "MISSING_AT_BROKER"


class ContradictionCode(StrEnum):
    """What the broker told of an order that had ended, or was proved never to have been."""

    PROOF_OVERTURNED = "PROOF_OVERTURNED"
    FILL_AFTER_END = "FILL_AFTER_END"
    LEDGER_BROKER_CONTRADICTION = "LEDGER_BROKER_CONTRADICTION"
    STALE_EVENT = "STALE_EVENT"


class EntryStop(StrEnum):
    """Why an authorised entry was not sent, before any gate was asked."""

    INTENT_MISSING = "INTENT_MISSING"
    SIZE_ZERO = "SIZE_ZERO"


class StopCode(StrEnum):
    """What became of a protective stop."""

    STOP_RESIZED = "STOP_RESIZED"
    STOP_LOST = "STOP_LOST"
    STOP_REFUSED_EXIT = "STOP_REFUSED_EXIT"
    STOP_UNCHANGED = "STOP_UNCHANGED"
    POSITION_CLOSED = "POSITION_CLOSED"
    EXIT_CARRIED = "EXIT_CARRIED"


class SyncCode(StrEnum):
    """What differs between book and broker; entries of the symbol wait, exits do not."""

    SYMBOL_MISSING_INTERNAL = "SYMBOL_MISSING_INTERNAL"
    SYMBOL_MISSING_BROKER = "SYMBOL_MISSING_BROKER"
    QTY_MISMATCH = "QTY_MISMATCH"
    SIGN_MISMATCH = "SIGN_MISMATCH"
    CASH_MISMATCH = "CASH_MISMATCH"
    STOP_QTY_MISMATCH = "STOP_QTY_MISMATCH"
    OBSERVATION_FAILED = "OBSERVATION_FAILED"
    ORPHAN_ENTRY = "ORPHAN_ENTRY"
    PROTECTION_CANDIDATE = "PROTECTION_CANDIDATE"
    UNCLASSIFIED_ORPHAN = "UNCLASSIFIED_ORPHAN"
    FOREIGN_ORDER = "FOREIGN_ORDER"


class CycleFault(StrEnum):
    """What went wrong inside a cycle."""

    INVARIANT_BROKEN = "INVARIANT_BROKEN"
    REPLAY_DIVERGED = "REPLAY_DIVERGED"
