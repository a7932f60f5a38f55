"""Reason codes of the posture: what holds it down, and what its way back waits for."""

from enum import StrEnum


class PostureCode(StrEnum):
    """What allows no better posture than its own (execution.md 9.4); order is precedence among equals."""

    REST_STALE = "REST_STALE"
    STREAM_STALE = "STREAM_STALE"
    FILLS_STALE = "FILLS_STALE"
    CLOCK_SKEW = "CLOCK_SKEW"
    SOURCES_STALE = "SOURCES_STALE"
    SOURCES_DEAD = "SOURCES_DEAD"
    POSITIONS_UNREAD = "POSITIONS_UNREAD"
    CONTRADICTION_C2 = "CONTRADICTION_C2"
    CONTRADICTION_C3 = "CONTRADICTION_C3"
    FROZEN = "FROZEN"
    GAVE_UP = "GAVE_UP"
    PROOF_OVERTURNED = "PROOF_OVERTURNED"
    EXTERNAL = "EXTERNAL"
    POSITION_SYNC = "POSITION_SYNC"
    RECORD_FAILING = "RECORD_FAILING"
    JOURNAL_CORRUPT = "JOURNAL_CORRUPT"
    PROTECTION_GAP = "PROTECTION_GAP"
    DD_BREACH = "DD_BREACH"
    DEBT = "DEBT"
    DEBT_GROWTH = "DEBT_GROWTH"
    POSTURE_FLAP_HOLD = "POSTURE_FLAP_HOLD"


class RecoveryCode(StrEnum):
    """Stands first among the causes once nothing holds the posture down but the ladder itself."""

    RECOVERING = "RECOVERING"
