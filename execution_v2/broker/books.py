"""A book names its broker, and no other book's broker is so much as imported for it.

A misspelt, unset or not yet operable book is an error; it never falls back on one that trades.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from execution_v2.broker.alpaca_config import AlpacaConfig
from execution_v2.broker.breaker import Breaker, Keep
from execution_v2.broker.port import Broker
from market.feed import Feed
from schemas.errors import UsageFault
from schemas.reasons.edge import EdgeCode
from schemas.reasons.gates import LiveCode
from schemas.reasons.market import FeedCode

if TYPE_CHECKING:
    from market.calendar import Calendar
    from market.feeds.port import Clock

SIM: Final = "SIM"
MANUAL: Final = "SCHWAB_401K_MANUAL"
ALPACA_HOSTS: Final = {"ALPACA_PAPER": "paper", "ALPACA_LIVE": "live"}
"""Book -> what ``[alpaca] host`` must say for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Where a book's orders go and its prices come from.

    host: for the record at the start; None: orders leave no machine. host_ok: whether it is the book's own; None with
    *host*. faults: why nothing is added over it (the start-up probe). breaker: how the line stands, to be kept for the
    next process; None: it has none. close: ends what runs beside the cycle.
    """

    broker: Broker
    feed: Feed
    host: str | None = None
    host_ok: bool | None = None
    faults: tuple[str, ...] = ()
    breaker: Callable[[], Breaker | None] = lambda: None
    close: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlpacaAccess:
    """What an Alpaca book is opened with. *breaker*: as the process before left it; *keep*: told of each change."""

    config: AlpacaConfig
    key_id: SecretStr | None
    secret_key: SecretStr | None
    calendar: "Calendar"
    clock: "Clock"
    breaker: Breaker | None = None
    keep: Keep | None = None


def adapter_for(book_id: str, *, simulated: Callable[[], Doors], alpaca: Callable[[], AlpacaAccess]) -> Doors:
    """The doors of *book_id*; only what that book needs is called and imported.

    Errors: ``UsageFault``: BOOK_UNKNOWN, BOOK_NOT_OPERABLE, LIVE_HOST_MISMATCH, FEED_CREDENTIALS_MISSING.
    """
    if book_id == SIM:
        return simulated()
    if book_id in ALPACA_HOSTS:
        return _alpaca(book_id, alpaca())
    if book_id == MANUAL:
        raise UsageFault(
            EdgeCode.BOOK_NOT_OPERABLE,
            f"{book_id} is traded by hand, and manual tickets come later",
            safe="no broker was contacted",
            next="run the same command with --book SIM",
        )
    raise UsageFault(
        EdgeCode.BOOK_UNKNOWN,
        f"{book_id!r} is no book",
        safe="no broker was contacted",
        next=f"name one of {', '.join((SIM, *ALPACA_HOSTS, MANUAL))} with --book",
    )


def _alpaca(book_id: str, access: AlpacaAccess) -> Doors:
    wanted, config = ALPACA_HOSTS[book_id], access.config
    if config.host != wanted:
        raise UsageFault(
            LiveCode.LIVE_HOST_MISMATCH,
            f"{book_id} belongs to the {wanted} host, and [alpaca] host is {config.host}",
            safe="no broker was contacted",
            next=f'set host = "{wanted}" under [alpaca] in avwap.toml if that book is meant',
        )
    keys = {"APCA_API_KEY_ID": access.key_id, "APCA_API_SECRET_KEY": access.secret_key}
    missing = [name for name, value in keys.items() if value is None or not value.get_secret_value().strip()]
    if missing:
        raise UsageFault(
            FeedCode.FEED_CREDENTIALS_MISSING,
            f"{' and '.join(missing)} not set",
            safe="no broker was contacted",
            next=f"set both, of the account of {book_id}, in the environment of this command; they are stored nowhere",
        )
    from execution_v2.broker.alpaca import AlpacaBroker
    from execution_v2.broker.alpaca_feed import AlpacaFeed
    from market.feeds.alpaca import Credentials

    assert access.key_id is not None, "checked above"
    assert access.secret_key is not None, "checked above"
    credentials = Credentials(key_id=access.key_id, secret_key=access.secret_key)
    broker = AlpacaBroker(
        config,
        credentials,
        access.clock,
        paper=wanted == "paper",
        breaker=access.breaker,
        keep=access.keep,
    )
    feed = AlpacaFeed(config, credentials, access.calendar, access.clock, broker.traffic)

    def close() -> None:
        broker.close()
        feed.close()

    return Doors(
        broker=broker,
        feed=feed,
        host=broker.host,
        host_ok=broker.host_ok,
        faults=broker.faults(),
        breaker=lambda: broker.breaker,
        close=close,
    )
