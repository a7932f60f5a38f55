"""What a feed gives goes in whole, with the instant at which we first held it, or nothing is written at all."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import numpy as np

from flows.clocks import WallClock
from flows.progress import bar
from market.calendar import EPOCH
from market.feed import ReadFailed
from market.feeds.files import intraday_bytes
from market.feeds.port import HistoricalBars, Progress
from market.rows import Rows
from schemas.errors import Denied, UsageFault
from schemas.reasons.market import FeedCode

if TYPE_CHECKING:
    from flows.house import House

DAY: Final = "1Day"
INTERVAL_S: Final = {"10Min": 600, "5Min": 300}
TIMEFRAMES: Final = (DAY, *INTERVAL_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to fetch: *symbols*, sorted, on New York dates from *first* to *last*, both included."""

    symbols: tuple[str, ...]
    first: date
    last: date
    timeframe: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a fetch did. known_at: since when its daily bars count as known; None: 20 min after each close."""

    rows: int
    added: int
    present: int
    without_bars: tuple[str, ...]
    first: date | None
    last: date | None
    known_at: datetime | None = None


def alpaca(at: "House", progress: Progress) -> HistoricalBars:
    """Alpaca's feed as the settings have it.

    Errors: ``Denied(FEED_NETWORK_DISALLOWED)`` before anything of the vendor's is imported;
    ``UsageFault(FEED_CREDENTIALS_MISSING)``.
    """
    settings = at.settings
    if not settings.feed.allow_network:
        raise Denied(
            FeedCode.FEED_NETWORK_DISALLOWED,
            "[feed] allow_network is off, so nothing may be fetched",
            safe="no address was looked up and nothing was written",
            next="AVWAP_FEED__ALLOW_NETWORK=1 before the command opens it once, avwap.toml for good",
        )
    keys = {
        "APCA_API_KEY_ID": settings.apca_api_key_id,
        "APCA_API_SECRET_KEY": settings.apca_api_secret_key,
    }
    missing = [name for name, value in keys.items() if value is None or not value.get_secret_value().strip()]
    if missing:
        raise UsageFault(
            FeedCode.FEED_CREDENTIALS_MISSING,
            f"{' and '.join(missing)} not set",
            safe="nothing was asked and nothing was written",
            next="set both in the environment of this command; they are stored nowhere",
        )
    from market.feeds.alpaca import AlpacaBars, Credentials

    key_id, secret_key = keys.values()
    assert key_id is not None, "checked above"
    assert secret_key is not None, "checked above"
    credentials = Credentials(key_id=key_id, secret_key=secret_key)
    return AlpacaBars(settings.feed, credentials, at.calendar, WallClock(), progress)


def fetch(at: "House", wish: Wish, out: Path | None, *, from_now_on: bool, quiet: bool) -> Fetched:
    """Daily bars into the store as one vintage, intraday bars into the Parquet file *out*.

    Args: from_now_on: daily bars count as known from the instant of the fetch; else 20 min after each close.
    Errors: as ``alpaca``; ``Denied`` with the feed's code, the symbols and the dates where a read failed;
    ``UsageFault`` FEED_BASIS_ADJUSTED, IMPORT_RESTATES. Nothing is written then.
    """
    at.calendar.sessions(
        wish.first, wish.last
    )  # a date that nobody knows is refused before anything is asked
    with bar(f"fetching {wish.timeframe}", len(wish.symbols), quiet=quiet) as step:
        feed = alpaca(at, lambda done, total: step(done, f"{done:,} of {total:,} symbols"))
        if wish.timeframe == DAY:
            return _daily(at, feed, wish, from_now_on=from_now_on)
        assert out is not None, "intraday bars go into a file"
        return _intraday(feed, wish, out)


def _daily(at: "House", feed: HistoricalBars, wish: Wish, *, from_now_on: bool) -> Fetched:
    settings = at.settings.feed
    if feed.price_basis != "as_traded":
        raise UsageFault(
            FeedCode.FEED_BASIS_ADJUSTED,
            f"[feed] adjustment is {settings.adjustment}, and the store keeps prices as they were traded",
            safe="nothing was asked and the store is unchanged",
            next="set it to raw, and import the corporate actions beside the bars",
        )
    seen = feed.daily(wish.symbols, wish.first, wish.last)
    if isinstance(seen, ReadFailed):
        _refuse(seen.cause, "the store is unchanged")
    rows = seen.value
    known_at = seen.as_of if from_now_on else None
    added, present = at.store.append_bars(
        rows, f"alpaca {settings.source} {DAY}", source_sha256=_digest(rows), known_at=known_at
    )
    days = (
        [date.fromordinal(int(day) + EPOCH) for day in (rows.day.min(), rows.day.max())] if len(rows) else []
    )
    return Fetched(
        rows=len(rows),
        added=added,
        present=present,
        without_bars=_absent(wish, rows.symbols),
        first=days[0] if days else None,
        last=days[-1] if days else None,
        known_at=known_at,
    )


def _intraday(feed: HistoricalBars, wish: Wish, out: Path) -> Fetched:
    seen = feed.intraday(wish.symbols, INTERVAL_S[wish.timeframe], wish.first, wish.last)
    if isinstance(seen, ReadFailed):
        _refuse(seen.cause, f"{out.name} was not written")
    bars = seen.value
    beside = out.with_name(f".{out.name}.part")
    beside.write_bytes(intraday_bytes(bars, feed.price_basis))
    beside.replace(out)
    ends = (
        [datetime.fromtimestamp(int(t) / 1e6, UTC).date() for t in bars.start_at[[0, -1]]]
        if len(bars)
        else []
    )
    return Fetched(
        rows=len(bars),
        added=len(bars),
        present=0,
        without_bars=_absent(wish, bars.symbols),
        first=min(ends, default=None),
        last=max(ends, default=None),
    )


def _absent(wish: Wish, there: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(set(wish.symbols) - set(there)))


def _digest(rows: Rows) -> str:
    """sha256 over symbols, dates and values, as a file's import names the file's bytes."""
    told = hashlib.sha256("\n".join(rows.symbols).encode())
    for part, kind in ((rows.code, "<i4"), (rows.day, "<i4"), (rows.values, "<i8")):
        told.update(np.ascontiguousarray(part, kind).tobytes())
    return told.hexdigest()


def _refuse(cause: str, safe: str) -> NoReturn:
    code, _, why = cause.partition(": ")
    raise Denied(
        code,
        why,
        safe=f"what had been read by then was dropped: {safe}",
        next=f"grep -rn {code} runbooks/ says what to do; the same command starts from the beginning",
    )
