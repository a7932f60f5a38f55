"""Alpaca's historical bars through its own client, which is given what it lacks: time-outs, bounds and patience.

The client as shipped waits for ever, repeats by a rule of its own and follows page tokens without end. Here its
repetitions are off, each page is asked for by itself, and a read that does not come to its end is ``ReadFailed``.
Beside the broker's adapter the one module that imports ``alpaca``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from io import BytesIO
from typing import Any, Final

from alpaca.common.enums import Sort
from alpaca.common.exceptions import APIError
from alpaca.data.enums import Adjustment, DataFeed
from alpaca.data.historical.stock import StockHistoricalDataClient
from alpaca.data.requests import StockBarsRequest
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit
from pydantic import SecretStr
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.exceptions import JSONDecodeError, ReadTimeout, RequestException
from urllib3.exceptions import HTTPError

from market.calendar import Calendar
from market.feed import ReadFailed, Seen
from market.feeds.config import FeedConfig
from market.feeds.pages import Asked, Columns, Malformed, daily_rows, dates_asked, intraday_bars, take
from market.feeds.patience import Refusal, pause, quota_pause, refused
from market.feeds.port import INTERVALS, Clock, Daily, Intraday, PriceBasis, Progress, silent
from schemas.reasons.market import FeedCode

PATH: Final = "/stocks/bars"
CHUNK_BYTES: Final = 1 << 16
MINUTE_S: Final = 60
"""Bars that a cycle may ask for; no import takes them."""
DETAIL_CHARS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who asks. Neither part is ever shown."""

    key_id: SecretStr
    secret_key: SecretStr

    def redacted(self, text: str) -> str:
        """*text* without them: a server may repeat what it was sent."""
        for secret in (self.key_id, self.secret_key):
            text = text.replace(secret.get_secret_value(), "…")
        return text


class TimedDoor(HTTPAdapter):
    """A transport that repeats nothing, and gives up on anything at ``deadline``.

    ``headers``: those of the last answer; they tell how many requests the vendor still takes.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(max_retries=0)
        self._now = now
        self.deadline: datetime | None = None
        self.headers: Mapping[str, str] = {}

    def _sent(
        self, request: PreparedRequest, silence_s: tuple[float, float], options: dict[str, Any]
    ) -> Response:
        """The answer, read to its end. *silence_s*: how long the line may be silent, connecting and after."""
        left = self._left()
        options["timeout"] = (min(silence_s[0], left), min(silence_s[1], left))
        options["stream"] = True
        response = super().send(request, **options)
        self.headers = response.headers
        response.raw = BytesIO(self._whole(response))
        return response

    def _whole(self, response: Response) -> bytes:
        """The body, as far as it arrives before the deadline: a server that drips a byte a second is never silent."""
        parts = []
        with response:
            while part := response.raw.read1(CHUNK_BYTES, decode_content=True):
                parts.append(part)
                self._left()
        return b"".join(parts)

    def _left(self) -> float:
        assert self.deadline is not None, "a request has a deadline"
        left = (self.deadline - self._now()).total_seconds()
        if left <= 0:
            raise ReadTimeout("the time for this is used up")
        return left


class _Door(TimedDoor):
    """One deadline for all requests of a read."""

    def __init__(self, config: FeedConfig, now: Callable[[], datetime]) -> None:
        super().__init__(now)
        self._silence_s = config.connect_s, config.read_s

    def send(self, request: PreparedRequest, **options: Any) -> Response:  # type: ignore[override]
        return self._sent(request, self._silence_s, options)


class AlpacaBars:
    """``HistoricalBars`` from Alpaca, or from whoever speaks its protocol at ``config.url``."""

    def __init__(
        self,
        config: FeedConfig,
        credentials: Credentials,
        calendar: Calendar,
        clock: Clock,
        progress: Progress = silent,
    ) -> None:
        self._config = config
        self._credentials = credentials
        self._calendar = calendar
        self._clock = clock
        self._progress = progress
        self._client = StockHistoricalDataClient(
            api_key=credentials.key_id.get_secret_value(),
            secret_key=credentials.secret_key.get_secret_value(),
            raw_data=True,
            url_override=config.url,
        )
        self._door = _Door(config, clock.now)
        session = self._client._session
        session.trust_env = (
            False  # no proxy, .netrc or bundle that the environment names: settings alone decide
        )
        session.mount("https://", self._door)
        session.mount("http://", self._door)
        self._client._retry = 0

    @property
    def price_basis(self) -> PriceBasis:
        return "as_traded" if self._config.adjustment == "raw" else "vendor_adjusted"

    def close(self) -> None:
        """Let the connections go."""
        self._client._session.close()

    def daily(self, symbols: Sequence[str], first: date, last: date) -> Daily:
        asked = dates_asked(frozenset(symbols), first, last, is_daily=True)
        found = self._read(asked, TimeFrame(1, TimeFrameUnit.Day))
        now = self._clock.now()
        if isinstance(found, ReadFailed):
            return found
        return Seen(as_of=now, value=daily_rows(found, self._calendar, now))

    def intraday(self, symbols: Sequence[str], interval_s: int, first: date, last: date) -> Intraday:
        assert interval_s in (MINUTE_S, *INTERVALS), "one, five or ten minutes"
        asked = dates_asked(frozenset(symbols), first, last, is_daily=False)
        found = self._read(asked, TimeFrame(interval_s // 60, TimeFrameUnit.Minute))
        now = self._clock.now()
        if isinstance(found, ReadFailed):
            return found
        return Seen(as_of=now, value=intraday_bars(found, interval_s, self._calendar, now))

    def _read(self, asked: Asked, timeframe: TimeFrame) -> Columns | ReadFailed:
        """Every page of every group of symbols, or why not."""
        self._door.deadline = self._clock.now() + timedelta(seconds=self._config.budget_s)
        columns, known = Columns(), dict[str, datetime]()
        names, size = sorted(asked.symbols), self._config.symbols_per_request
        if asked.start >= asked.end:
            return columns
        for at in range(0, len(names), size):
            group = names[at : at + size]
            refusal = self._read_group(group, asked, timeframe, columns, known)
            if refusal is not None:
                span = group[0] if len(group) == 1 else f"{group[0]} to {group[-1]} ({len(group)} symbols)"
                day = asked.start.date(), (asked.end - timedelta(days=1)).date()
                return ReadFailed(cause=f"{refusal.code}: {refusal.detail}; {span}, {day[0]} to {day[1]}")
            self._progress(at + len(group), len(names))
        return columns

    def _read_group(
        self,
        group: list[str],
        asked: Asked,
        timeframe: TimeFrame,
        into: Columns,
        known: dict[str, datetime],
    ) -> Refusal | None:
        """Follow the pages of *group* to the last one; a refusal if they do not end."""
        params = self._params(group, asked, timeframe)
        tokens: set[str] = set()
        for _ in range(self._config.pages_max):
            page = self._page(params)
            if isinstance(page, Refusal):
                return page
            try:
                token = take(page, asked, into, known)
            except Malformed as error:
                return _lost(FeedCode.FEED_MALFORMED, self._credentials.redacted(str(error)))
            if token is None:
                return None
            if token in tokens:
                return _lost(
                    FeedCode.FEED_PAGES_ENDLESS, f"page {len(tokens) + 1} names an earlier one as its next"
                )
            tokens.add(token)
            params["page_token"] = token
        return _lost(FeedCode.FEED_PAGES_ENDLESS, f"more than {self._config.pages_max} pages")

    def _params(self, group: list[str], asked: Asked, timeframe: TimeFrame) -> dict[str, Any]:
        request = StockBarsRequest(
            symbol_or_symbols=group,
            timeframe=timeframe,
            start=asked.start,
            end=asked.end - timedelta(seconds=1),  # the vendor's end is included, ours is not
            adjustment=Adjustment(self._config.adjustment.value),
            feed=DataFeed(self._config.source.value),
            asof=self._config.asof,
            sort=Sort.ASC,
        )
        return {**request.to_request_fields(), "limit": self._config.page_bars}

    def _page(self, params: dict[str, Any]) -> Any:
        """One page, asked for as often as that may help; a ``Refusal`` if it does not come."""
        config, clock, deadline = self._config, self._clock, self._door.deadline
        assert deadline is not None
        wait = quota_pause(self._door.headers, clock.now())
        for attempt in range(1, config.attempts_max + 1):
            if wait > 0:
                if clock.now() + timedelta(seconds=wait) >= deadline:
                    return _lost(
                        FeedCode.FEED_BUDGET_SPENT,
                        f"{wait:.0f} s to wait, and the {config.budget_s:.0f} s of this read end before",
                    )
                clock.sleep(wait)
            page = self._once(params)
            if not isinstance(page, Refusal):
                return page
            if not page.may_pass:
                return page
            if clock.now() >= deadline:
                return _lost(
                    FeedCode.FEED_BUDGET_SPENT, f"the {config.budget_s:.0f} s are over; {page.detail}"
                )
            wait = pause(page, attempt, config)
        return _lost(page.code, f"{page.detail}, after {config.attempts_max} tries")

    def _once(self, params: dict[str, Any]) -> Any:
        """One try. No exception of the transport leaves it."""
        try:
            page = self._client.get(PATH, dict(params))
        except APIError as error:
            if error.status_code is None:
                return _try_again(FeedCode.FEED_ERRED, "an answer without a status")
            told = self._credentials.redacted(_said(error))
            return refused(error.status_code, told, self._door.headers, self._clock.now())
        except JSONDecodeError:
            return _try_again(FeedCode.FEED_MALFORMED, "the answer is no JSON")
        except (RequestException, HTTPError) as error:
            # The text of these names the address with every symbol in it; the kind says enough.
            return _try_again(FeedCode.FEED_UNREACHABLE, type(error).__name__)
        return page if page is not None else _try_again(FeedCode.FEED_MALFORMED, "the answer is empty")


def _try_again(code: FeedCode, detail: str) -> Refusal:
    return Refusal(code=code, detail=detail, may_pass=True)


def _lost(code: FeedCode, detail: str) -> Refusal:
    return Refusal(code=code, detail=detail, may_pass=False)


def _said(error: APIError) -> str:
    """The vendor's own words, if the body is its JSON; a gateway's page says nothing to anybody."""
    try:
        told = error.message
    except (ValueError, KeyError, TypeError):
        return ""
    return " ".join(str(told).split())[:DETAIL_CHARS]
