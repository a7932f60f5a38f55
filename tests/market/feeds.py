"""A made-up market under odd names, and Alpaca's client on a server of our own that serves it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, Final

from pydantic import SecretStr

from market.calendar import Calendar
from market.feeds.alpaca import AlpacaBars, Credentials
from market.feeds.config import FeedConfig
from market.feeds.port import HistoricalBars
from market.feeds.synthetic import SyntheticBars
from market.synthetic import SyntheticMarket, tiny
from simulation.alpaca_data_server import AlpacaDataServer
from simulation.loopback import Fault

FIRST: Final = date(2016, 9, 1)
LAST: Final = date(2016, 12, 30)
NOW: Final = datetime(2017, 1, 3, 13, tzinfo=UTC)
KEYS: Final = ("PKTESTKEYID000000", "secret-of-the-tests-0123456789")
ODD: Final = ("NAN", "ON", "TRUE")
"""Tickers that a careless reader takes for a missing number or a truth."""


@dataclass
class StepClock:
    """Time that passes only where somebody waits; ``waits`` are those waits, seconds."""

    at: datetime = NOW
    waits: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.at += timedelta(seconds=seconds)


@cache
def odd_market(calendar: Calendar) -> SyntheticMarket:
    """Twelve names, three of them odd."""
    made = tiny(3, FIRST, LAST, calendar)
    names = dict(zip([name for name in made.rows.symbols if name != "SPY"], ODD, strict=False))
    renamed = tuple(names.get(name, name) for name in made.rows.symbols)
    order = {name: at for at, name in enumerate(sorted(renamed))}
    rows = replace(made.rows, symbols=renamed, code=made.rows.code)
    moved = [order[name] for name in renamed]
    code = rows.code.copy()
    for at, to in enumerate(moved):
        code[rows.code == at] = to
    return SyntheticMarket(
        rows=replace(rows, symbols=tuple(sorted(renamed)), code=code).canonical(), actions=()
    )


def synthetic(calendar: Calendar) -> SyntheticBars:
    return SyntheticBars(odd_market(calendar), calendar, lambda: NOW)


@dataclass
class Line:
    """The client, the server at its other end, and the client's clock."""

    feed: AlpacaBars
    server: AlpacaDataServer
    clock: StepClock


@contextmanager
def alpaca(
    calendar: Calendar,
    *,
    bars: HistoricalBars | None = None,
    script: Sequence[Fault] = (),
    keys: tuple[str, str] = KEYS,
    clock: StepClock | None = None,
    server: dict[str, Any] | None = None,
    **config: Any,
) -> Iterator[Line]:
    """A line between the two. *server*: what the server is given beside; *config*: the feed's settings."""
    clock = clock or StepClock()
    held = bars or synthetic(calendar)
    with AlpacaDataServer(
        held, clock.now, key_id=KEYS[0], secret_key=KEYS[1], script=script, **(server or {})
    ) as at:
        given = {"url": at.url, "allow_network": True, "connect_s": 2.0, "read_s": 5.0, **config}
        credentials = Credentials(key_id=SecretStr(keys[0]), secret_key=SecretStr(keys[1]))
        yield Line(AlpacaBars(FeedConfig(**given), credentials, calendar, clock), at, clock)
