"""Which of Alpaca's hosts is meant is said twice, by the book and here; any other host is this machine's own.

Nothing of the vendor's is imported by reading a setting.
"""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from market.feeds.config import Source
from schemas.base import Fact

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class AlpacaConfig(Fact):
    """How Alpaca's trading account is reached. Seconds are seconds of the wall clock."""

    host: Literal["paper", "live"] = "paper"
    """Must agree with the book: ALPACA_PAPER with paper, ALPACA_LIVE with live."""
    url_override: str | None = None
    """Where an exchange of our own listens instead, on this machine alone and for paper alone."""
    data_url_override: str | None = None
    stream_url_override: str | None = None
    source: Source = Source.IEX
    """Whose quotes and bars are read."""
    connect_s: float = Field(default=3.0, gt=0, le=30)
    write_s: float = Field(default=5.0, gt=0, le=60)
    """Longest wait for the answer to a POST, PATCH or DELETE."""
    read_s: float = Field(default=10.0, gt=0, le=60)
    """Longest time for one read, its repetitions included."""
    reads_max: int = Field(default=3, ge=1, le=5)
    """Times that one read is tried. Nothing that changes an order is ever tried twice."""
    read_pause_s: float = Field(default=0.25, ge=0, le=5)
    """Before the second try; doubled before the third."""
    stream_mute_s: float = Field(default=20.0, gt=0, le=600)
    """Silence of the stream after a confirmed order, from which on it counts as dead."""

    @field_validator("url_override", "data_url_override", "stream_url_override")
    @classmethod
    def _is_near(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in {"http", "ws"} or parts.hostname not in LOOPBACK or parts.username:
            raise ValueError(
                "only an address of this machine may stand in for the broker's, http://127.0.0.1:PORT"
            )
        return url.rstrip("/")

    @model_validator(mode="after")
    def _live_is_live(self) -> "AlpacaConfig":
        if self.host == "live" and (self.url_override or self.data_url_override or self.stream_url_override):
            raise ValueError("host = live: it takes no other address")
        if self.url_override is None and (self.data_url_override or self.stream_url_override):
            raise ValueError("data_url_override and stream_url_override go with url_override")
        return self
