"""Prices of an Alpaca book: latest quotes as they are, and bars that are closed.

Bars come through the reader that imports history, held to a cycle's patience instead of an import's.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from alpaca.data.historical.stock import StockHistoricalDataClient

from execution_v2.broker import alpaca_wire as wire
from execution_v2.broker.alpaca_config import AlpacaConfig
from execution_v2.broker.alpaca_line import Line, Lost, Traffic
from execution_v2.broker.breaker import Lane
from market.calendar import EPOCH, Calendar
from market.feed import DayBars, IntradayBars, Quotes, ReadFailed, Seen
from market.feeds.alpaca import AlpacaBars, Credentials
from market.feeds.config import FeedConfig
from market.feeds.port import Clock
from schemas.base import SessionDate
from schemas.observations import BarFacts, IntradayBarFacts, QuoteFacts
from schemas.reasons.execution import LineCode

SYMBOLS_PER_REQUEST: Final = 100
UNITS_PER_USD: Final = 10_000
BARS_BUDGET_S: Final = 30.0
"""For all pages of one request of ours."""
MICROSECONDS: Final = 1_000_000


class AlpacaFeed:
    """Feed of an Alpaca book. *traffic*: the one of its broker; quotes count in its window and its breaker."""

    def __init__(
        self,
        config: AlpacaConfig,
        credentials: Credentials,
        calendar: Calendar,
        clock: Clock,
        traffic: Traffic,
    ) -> None:
        client = StockHistoricalDataClient(
            api_key=credentials.key_id.get_secret_value(),
            secret_key=credentials.secret_key.get_secret_value(),
            raw_data=True,
            url_override=config.data_url_override,
        )
        # An exchange of our own without prices must not send the keys to the vendor's.
        self._has_data = config.url_override is None or config.data_url_override is not None
        self._line = Line(client, config, credentials, clock, traffic)
        self._source = config.source.value
        self._clock = clock
        self._bars = AlpacaBars(
            FeedConfig(
                allow_network=True,
                url=config.data_url_override,
                source=config.source,
                connect_s=config.connect_s,
                read_s=config.read_s,
                budget_s=BARS_BUDGET_S,
                attempts_max=config.reads_max,
                pause_s=config.read_pause_s,
                pause_s_max=2.0,
            ),
            credentials,
            calendar,
            clock,
        )

    def quotes(self, symbols: Sequence[str]) -> Quotes:
        at, names = self._clock.now(), sorted(set(symbols))
        if not self._has_data:
            return _no_data()
        found: list[QuoteFacts] = []
        for first in range(0, len(names), SYMBOLS_PER_REQUEST):
            group = names[first : first + SYMBOLS_PER_REQUEST]
            params = {"symbols": ",".join(group), "feed": self._source}
            answer = self._line.ask("quotes", Lane.READ, "GET", "/stocks/quotes/latest", params)
            if isinstance(answer, Lost):
                return ReadFailed(cause=str(answer))
            if not answer.is_good:
                said = self._line.redacted(wire.message(answer.body))
                return ReadFailed(cause=f"{LineCode.BROKER_ERRED}: HTTP {answer.status} {said}".rstrip())
            try:
                found += _quotes(answer.body, group)
            except wire.UNREADABLE as error:
                return ReadFailed(cause=f"{LineCode.ANSWER_UNREADABLE}: {str(error)[:200]}")
        return Seen(as_of=at, value=tuple(found))

    def day_bars(self, symbols: Sequence[str], session: SessionDate) -> DayBars:
        if not self._has_data:
            return _no_data()
        seen = self._bars.daily(sorted(set(symbols)), session, session)
        if isinstance(seen, ReadFailed):
            return seen
        rows = seen.value
        made = [
            BarFacts(
                symbol=rows.symbols[code],
                session_date=SessionDate(date.fromordinal(day + EPOCH)),
                **_prices(values),
            )
            for code, day, values in zip(
                rows.code.tolist(), rows.day.tolist(), rows.values.T.tolist(), strict=True
            )
        ]
        return Seen(as_of=seen.as_of, value=tuple(sorted(made, key=lambda bar: bar.symbol)))

    def bars(
        self, symbols: Sequence[str], seconds: int, first: SessionDate, last: SessionDate
    ) -> IntradayBars:
        if not self._has_data:
            return _no_data()
        seen = self._bars.intraday(sorted(set(symbols)), seconds, first, last)
        if isinstance(seen, ReadFailed):
            return seen
        found = seen.value
        made = [
            IntradayBarFacts(
                symbol=found.symbols[code],
                start_at=datetime.fromtimestamp(start / MICROSECONDS, UTC),
                seconds=seconds,
                **_prices(values),
            )
            for code, start, values in zip(
                found.code.tolist(), found.start_at.tolist(), found.values.T.tolist(), strict=True
            )
        ]
        return Seen(as_of=seen.as_of, value=tuple(made))

    def close(self) -> None:
        """Let the connections go."""
        self._line.close()
        self._bars.close()


def _quotes(body: Any, group: Sequence[str]) -> list[QuoteFacts]:
    """Quotes of *group* in its order. A symbol without one has no row."""
    told = body.get("quotes") if isinstance(body, dict) else None
    if not isinstance(told, dict):
        raise wire.Malformed("no table of quotes")
    made = (wire.quote(symbol, told[symbol]) for symbol in group if told.get(symbol) is not None)
    return [each for each in made if each is not None]


def _prices(values: Sequence[int]) -> dict[str, Decimal]:
    names = ("open", "high", "low", "close")
    prices = {name: Decimal(value) / UNITS_PER_USD for name, value in zip(names, values, strict=False)}
    return {**prices, "volume": Decimal(values[len(names)])}


def _no_data() -> ReadFailed:
    return ReadFailed(cause=f"{LineCode.NOT_SENT}: this exchange serves no prices")
