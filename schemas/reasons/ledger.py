"""What a fail-closed read can meet, and what can be wrong with the ledger itself.

Readers prefix a read's outcome with the artifact's name (``DECISION_MISSING``).
"""

from enum import StrEnum


class ReadFaultCode(StrEnum):
    """Outcomes of a read that is not a valid object; of two that apply, the earlier one is told.

    With one exception: another version is told before its payload is judged, whose fields would only read as
    a broken schema.
    """

    MISSING = "MISSING"
    CORRUPT = "CORRUPT"
    SCHEMA_INVALID = "SCHEMA_INVALID"
    VERSION_UNSUPPORTED = "VERSION_UNSUPPORTED"
    DATE_MISMATCH = "DATE_MISMATCH"
    BOOK_MISMATCH = "BOOK_MISMATCH"
    DIGEST_MISMATCH = "DIGEST_MISMATCH"
    STALE_INPUT = "STALE_INPUT"


class LedgerCode(StrEnum):
    """Faults of the ledger itself."""

    ARTIFACT_DIVERGENCE = "ARTIFACT_DIVERGENCE"
    JOURNAL_CORRUPT = "JOURNAL_CORRUPT"
    JOURNAL_TORN_TAIL = "JOURNAL_TORN_TAIL"
    SEAL_BROKEN = "SEAL_BROKEN"
    CHAIN_BROKEN = "CHAIN_BROKEN"
    FILE_UNLISTED = "FILE_UNLISTED"
    FILE_MISSING = "FILE_MISSING"
    CARRIED_STATE_DIFFERS = "CARRIED_STATE_DIFFERS"
    LOCK_BUSY = "LOCK_BUSY"
    FENCE_LOST = "FENCE_LOST"
    LEDGER_UNAVAILABLE = "LEDGER_UNAVAILABLE"
    CAS_LOST = "CAS_LOST"
    INDEX_DIFFERS = "INDEX_DIFFERS"
