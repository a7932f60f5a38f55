"""Why a message did not reach people, or not yet: the channel, the line, the message itself, or a duplicate."""

from enum import StrEnum


class MessageCode(StrEnum):
    """Reasons in the outbox, and refusals of ``avwap notify``."""

    SLACK_OFF = "SLACK_OFF"
    SLACK_REFUSED = "SLACK_REFUSED"
    SLACK_MESSAGE_INVALID = "SLACK_MESSAGE_INVALID"
    SLACK_MESSAGE_REFUSED = "SLACK_MESSAGE_REFUSED"
    SLACK_RATE_LIMITED = "SLACK_RATE_LIMITED"
    SLACK_UNREACHABLE = "SLACK_UNREACHABLE"
    SLACK_UNANSWERED = "SLACK_UNANSWERED"
    SLACK_ATTEMPTS_SPENT = "SLACK_ATTEMPTS_SPENT"
    MESSAGE_DUPLICATE = "MESSAGE_DUPLICATE"
    MESSAGE_COALESCED = "MESSAGE_COALESCED"
    FLUSH_BUSY = "FLUSH_BUSY"
    STAGE_ABSENT = "STAGE_ABSENT"
