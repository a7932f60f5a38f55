"""What a vendor's feed may do is set here, and the network is shut until somebody opens it."""

from enum import StrEnum
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from schemas.base import Fact


class Adjustment(StrEnum):
    """What the vendor makes of prices. Only ``raw`` is what was traded."""

    RAW = "raw"
    SPLIT = "split"
    DIVIDEND = "dividend"
    ALL = "all"


class Source(StrEnum):
    """Whose trades the bars are made of: IEX alone, or all exchanges (SIP), which a subscription opens."""

    IEX = "iex"
    SIP = "sip"
    DELAYED_SIP = "delayed_sip"
    OTC = "otc"


class FeedConfig(Fact):
    """Alpaca's historical bars. Seconds are seconds of the wall clock."""

    allow_network: bool = False
    """Off: no command fetches anything."""
    url: str | None = None
    """Where the market data API lies; None: the vendor's own address, as its client knows it."""
    source: Source = Source.IEX
    adjustment: Adjustment = Adjustment.RAW
    asof: str = Field(default="-", pattern=r"^(-|\d{4}-\d{2}-\d{2})$")
    """Date on which the vendor reads the names; ``-``: as they were called on each bar's own date, no mapping."""
    connect_s: float = Field(default=5.0, gt=0, le=60)
    read_s: float = Field(default=30.0, gt=0, le=300)
    """Longest silence inside an answer."""
    budget_s: float = Field(default=1800.0, gt=0, le=86_400)
    """Longest time for one request of ours, all pages, waits and repetitions together."""
    attempts_max: int = Field(default=6, ge=1, le=20)
    """Tries for one page."""
    pause_s: float = Field(default=1.0, ge=0, le=60)
    """Before the second try; doubled before each further one."""
    pause_s_max: float = Field(default=60.0, ge=0, le=600)
    symbols_per_request: int = Field(default=100, ge=1, le=500)
    page_bars: int = Field(default=10_000, ge=1, le=10_000)
    pages_max: int = Field(default=20_000, ge=1)
    """Pages of one group of symbols; the vendor's client itself would follow them for ever."""

    @field_validator("url")
    @classmethod
    def _not_in_the_clear(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        is_near = parts.hostname in {"127.0.0.1", "::1", "localhost"}
        if parts.scheme != "https" and not (parts.scheme == "http" and is_near):
            raise ValueError("an https address is wanted: the keys travel with every request")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("an address without user, query or fragment is wanted")
        return url.rstrip("/")


class MetricsConfig(Fact):
    """Who is asked for metrics. Nobody, by default."""

    provider: Literal["file"] | None = None
    file: str | None = None
    """Of the provider ``file``: a table of metrics, CSV or Parquet."""

    @model_validator(mode="after")
    def _has_its_file(self) -> "MetricsConfig":
        if self.provider == "file" and not self.file:
            raise ValueError("provider = file: it wants the path of its table, file")
        return self
