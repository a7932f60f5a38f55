"""Where messages go is a setting, and none by default; the token is in the environment and in no file.

Nothing of the vendor's is imported by reading a setting.
"""

from typing import Final
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from schemas.base import Fact

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class SlackConfig(Fact):
    """How Slack is reached. Seconds are seconds of the wall clock."""

    channel: str | None = Field(default=None, min_length=1, max_length=80)
    """Id of the channel (C0123456789), or its name; None: nothing is sent, messages wait in the outbox."""
    books: tuple[str, ...] = ("ALPACA_PAPER", "ALPACA_LIVE")
    """Books whose stages send; a backfill of SIM would tell of years."""
    url_override: str | None = None
    """Where a server on this machine listens instead of Slack, as http://127.0.0.1:PORT/api/."""
    request_s: float = Field(default=4.0, gt=0, le=30)
    """Longest wait for the answer to one request."""
    stage_s: float = Field(default=8.0, gt=0, le=60)
    """Longest time that the end of a stage gives to sending; what is left waits for the next one."""
    pause_s: float = Field(default=1.0, ge=0, le=10)
    """Between two messages that are not critical: Slack takes one a second in a channel."""
    notices_max: int = Field(default=20, ge=1, le=500)
    """Notices that may wait; of more, the oldest are dropped and counted."""
    same_words_s: float = Field(default=900.0, ge=0, le=86400)
    """For so long after a message was taken, another one in the same words is not sent."""
    attempts_max: int = Field(default=20, ge=1, le=1000)
    """Tries of a message after which it is a dead letter; a critical one is tried for ever."""

    @field_validator("url_override")
    @classmethod
    def _is_near(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname not in LOOPBACK or parts.username:
            # The token goes wherever this points.
            raise ValueError(
                "only an address of this machine may stand in for Slack's, http://127.0.0.1:PORT"
            )
        return url.rstrip("/") + "/"
