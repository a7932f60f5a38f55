"""A read is tried again only when that may help, as long as the vendor asks for and no longer than we allow."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from market.feeds.config import FeedConfig
from schemas.reasons.market import FeedCode

TOO_MANY: Final = 429
SERVER_FAULT: Final = 500
RESET_MARGIN_S: Final = 0.5
"""The vendor tells the end of a minute in whole seconds, by a clock of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One try that brought no page. ``wait_s``: how long the vendor asks us to wait, if it does."""

    code: FeedCode
    detail: str
    may_pass: bool
    """Whether another try may help; a wrong key stays wrong."""
    wait_s: float | None = None


def refused(status: int, detail: str, headers: Mapping[str, str], now: datetime) -> Refusal:
    """What an answer other than 200 means. *headers*: case-insensitive, as received."""
    told = f"{status} {detail}".strip()
    if status == TOO_MANY:
        return Refusal(code=FeedCode.FEED_THROTTLED, detail=told, may_pass=True, wait_s=_asked(headers, now))
    if status >= SERVER_FAULT:
        wait = _retry_after(headers, now)
        return Refusal(code=FeedCode.FEED_ERRED, detail=told, may_pass=True, wait_s=wait)
    return Refusal(code=FeedCode.FEED_REFUSED, detail=told, may_pass=False)


def pause(refusal: Refusal, attempt: int, config: FeedConfig) -> float:
    """Seconds before the try after *attempt* (from 1): as asked, else doubling from ``pause_s``."""
    doubled = min(config.pause_s * 2.0 ** (attempt - 1), config.pause_s_max)
    return doubled if refusal.wait_s is None else refusal.wait_s


def quota_pause(headers: Mapping[str, str], now: datetime) -> float:
    """Seconds to wait before the next request, so that it is not thrown away; 0 while the vendor still takes some."""
    left = _number(headers.get("X-RateLimit-Remaining"))
    return (_reset(headers, now) or 0.0) if left is not None and left < 1 else 0.0


def _asked(headers: Mapping[str, str], now: datetime) -> float | None:
    told = _retry_after(headers, now)
    return told if told is not None else _reset(headers, now)


def _retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds, or an HTTP date."""
    text = headers.get("Retry-After")
    seconds = _number(text)
    if seconds is not None or text is None:
        return seconds
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max((moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds(), 0.0)


def _reset(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds until the instant, in seconds since 1970, at which the quota is whole again."""
    at = _number(headers.get("X-RateLimit-Reset"))
    return None if at is None else max(at - now.timestamp() + RESET_MARGIN_S, 0.0)


def _number(text: str | None) -> float | None:
    text = (text or "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 13 else None
