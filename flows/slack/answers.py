"""What Slack's answer means is one of four: taken, not now, never, or nobody knows.

What was lost on the way is never *not taken*: a request that left may have been carried out, whatever came back.
"""

from dataclasses import dataclass
from typing import Final, Protocol

from schemas.reasons.messages import MessageCode

OURS: Final = frozenset(
    {
        "cannot_reply_to_message",
        "invalid_arg_name",
        "invalid_arguments",
        "invalid_array_arg",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_charset",
        "invalid_form_data",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "markdown_text_conflict",
        "metadata_too_large",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
    }
)
"""Errors of the message: no other one fails for it, and this one fails however often it is tried."""
PASSING: Final = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded", "team_added_to_org"})
"""Said before anything was done."""
UNSURE: Final = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})
"""Said when something may have been done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """It is in the channel. *ts*: by which Slack knows it."""

    channel: str
    ts: str
    was_found: bool = False
    """It was there already: an earlier request had arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotNow:
    """It was not taken, and may be later. *after_s*: seconds that Slack asked for; None: none."""

    code: MessageCode
    detail: str
    after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Never:
    """It was refused. *is_channel*: for token or channel, so that each other message would be refused as well."""

    code: MessageCode
    detail: str
    is_channel: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NobodyKnows:
    """It may be in the channel."""

    detail: str
    code: MessageCode = MessageCode.SLACK_UNANSWERED


Answer = Taken | NotNow | Never | NobodyKnows


class Sender(Protocol):
    """The line to a channel."""

    def post(self, body: dict[str, object], seconds: float) -> Answer:
        """Send *body* and wait *seconds* at most. Never raises for what the other side does."""

    def find(self, message_id: str, since: float, seconds: float) -> Taken | None:
        """The message of that id in the channel, if it can be seen there since *since* (seconds of Unix time)."""


def of_error(status: int, error: str, after_s: float | None) -> Answer:
    """The meaning of an answer that is not ok. *error*: Slack's word for it; empty: it was no answer of Slack's."""
    if status == 429 or error in PASSING:
        return NotNow(code=MessageCode.SLACK_RATE_LIMITED, detail=error or f"HTTP {status}", after_s=after_s)
    if status >= 500 or error in UNSURE or (status == 200 and not error):
        return NobodyKnows(detail=error or f"HTTP {status}, and no answer of Slack's")
    if error in OURS or (not error and status in (400, 413, 414, 415, 422)):
        return Never(
            code=MessageCode.SLACK_MESSAGE_REFUSED, detail=error or f"HTTP {status}", is_channel=False
        )
    return Never(code=MessageCode.SLACK_REFUSED, detail=error or f"HTTP {status}", is_channel=True)
