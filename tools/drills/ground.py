"""A drill's ground: a made-up market, an exchange on this machine that speaks the vendor's protocol, and hosts.

A host is a home of its own and the processes that are started on it, as an operator starts them; the exchange is the
one thing that hosts share.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

from flows.house import House
from flows.settings import Settings
from market.calendar import Calendar
from market.synthetic import tiny
from schemas.base import SessionDate
from simulation.alpaca_server import KEY_ID, SECRET_KEY, AlpacaServer, Script
from simulation.config import ExchangeConfig
from simulation.intraday import IntradayExchange
from simulation.intraday_tape import PathTape
from simulation.path import IntradayBar
from simulation.tape import StoreTape
from tools.drills.notes import Notes

BOOK: Final = "ALPACA_PAPER"
SEED: Final = 7
BARS: Final = (date(2023, 1, 3), date(2024, 8, 30))
ON: Final = date(2024, 7, 19)
"""The session that drills play: two names are bought at 09:35, and both are held for days."""
MADE_ANEW: Final = ("index.sqlite*", "lock", "lock.flock")
"""What is no part of a book's record: it is left out of a copy."""
WRITES: Final = ("POST", "PATCH", "DELETE")
COMMAND_S: Final = 180.0
"""No command of a drill takes so long, on a busy machine and with its kernels compiled first."""
SLOT: Final = 5
"""Minutes from one cycle to the next."""
SLOTS_MAX: Final = 8
"""By then a book has bought what its morning authorised."""


class PassingTime:
    """The exchange's clock: it keeps pace with the machine's, from where it was set."""

    def __init__(self, at: datetime) -> None:
        self._at, self._since = at, time.monotonic()

    def now(self) -> datetime:
        """The instant, UTC."""
        return self._at + timedelta(seconds=time.monotonic() - self._since)

    def to(self, at: datetime) -> None:
        """It is *at*, or later already."""
        self._at, self._since = max(self.now(), at), time.monotonic()


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command did: its exit code, and all that it printed."""

    code: int
    text: str

    @property
    def body(self) -> dict[str, Any]:
        """The one object that ``--json`` prints."""
        found: dict[str, Any] = json.loads(self.text)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A stop as the exchange shows it."""

    shares: int
    price: Decimal
    client_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rise:
    """What a name does on the drill's day: from that *minute* of the session on it trades at *price*."""

    symbol: str
    minute: int
    price: Decimal


class RisenTape(PathTape):
    """The made-up market, in which one name rises."""

    def __init__(self, days: StoreTape, calendar: Calendar, rise: Rise) -> None:
        super().__init__(days, calendar)
        self._rise = rise

    def bars(self, symbol: str, session: SessionDate) -> tuple[IntradayBar, ...]:
        rows, price = super().bars(symbol, session), self._rise.price
        if symbol != self._rise.symbol:
            return rows
        first = self._rise.minute // 5
        flat = (replace(row, open=price, high=price, low=price, close=price) for row in rows[first:])
        return (*rows[:first], *flat)


class Host:
    """One machine with a home of its own. *name*: as the notes call it."""

    def __init__(self, ground: "Ground", name: str, home: Path) -> None:
        self._ground = ground
        self.name, self.home = name, home

    @property
    def book(self) -> Path:
        """The folder of the book on this host."""
        return self.home / "ledger" / BOOK

    def folder(self, book: str) -> Path:
        """The folder of *book* on this host."""
        return self.home / "ledger" / book

    def run(self, *words: str, env: dict[str, str] | None = None) -> Said:
        """``avwap`` with *words* on this host, in a process of its own."""
        self._ground.notes.ran(f"[{self.name}] avwap {_typed(words)}")
        return self.quietly(*words, env=env)

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """A command that is not waited for."""
        self._ground.notes.ran(f"[{self.name}] avwap {_typed(words)} &")
        return subprocess.Popen(
            self._line(words), env=_env({}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def _line(self, words: Sequence[str]) -> list[str]:
        program = "from flows.cli import main; main()"
        return [sys.executable, "-c", program, *words, "--home", str(self.home)]

    def quietly(self, *words: str, env: dict[str, str] | None = None) -> Said:
        """The same, untold."""
        done = subprocess.run(
            self._line(words),
            env=_env(env or {}),
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_S,
        )
        return Said(code=done.returncode, text=done.stdout + done.stderr)

    def cycle(self, minute: int) -> Said:
        """The cycle that is due at that minute of the session."""
        self._ground.at(minute)
        return self.run("cycle", "--book", BOOK)

    def journal(self, book: str = BOOK) -> list[dict[str, Any]]:
        """The records of the session, oldest first."""
        path = self.folder(book) / str(ON) / "journal.jsonl"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


class Ground:
    """What every drill has.

    ``server``: what came to the exchange; ``exchange``: what is true there; ``minute``: of the last cycle.
    """

    def __init__(
        self,
        notes: Notes,
        root: Path,
        market: House,
        exchange: IntradayExchange,
        clock: PassingTime,
    ) -> None:
        self.notes, self.exchange, self.faults = notes, exchange, Script()
        self._root, self._market, self._clock = root, market, clock
        self.minute = 0
        self.entries_max = 2
        self.server = AlpacaServer(exchange, clock.now, faults=self.faults)

    def at(self, minute: int) -> None:
        """It is that minute of the session, or later already."""
        opened = self._market.calendar.open_at(_session(self._market))
        self._clock.to(opened + timedelta(minutes=minute))

    def next_slot(self) -> int:
        """The minute of the session at which the next cycle is due; one later with each call."""
        self.minute += SLOT
        return self.minute

    def until_bought(self, host: Host) -> Host:
        """Let *host* run its cycles until it has bought; gives another host with the book as of before that cycle."""
        for number in range(SLOTS_MAX):
            before = self.host(f"twin-{number}", book_of=host, told=False)
            host.cycle(self.next_slot())
            if self.holdings():
                return before
        raise AssertionError(
            f"nothing was bought in {SLOTS_MAX} cycles: a drill's market is to have a candidate"
        )

    def host(self, name: str, book_of: Host | None = None, *, told: bool = True, sim: bool = False) -> Host:
        """A machine with the market's bars and this exchange's address, and a copy of the book of *book_of*.

        *sim*: the simulated book there lives inside the day.
        """
        home = self._root / name
        shutil.copytree(self._market.root.parent, home, copy_function=os.link)
        (home / "avwap.toml").write_text(self._settings(sim))
        made = Host(self, name, home)
        if book_of is not None:
            if told:
                self.notes.ran(f"rsync -a {book_of.name}:ledger/{BOOK}/ {name}:ledger/{BOOK}/")
            shutil.copytree(book_of.book, made.book, ignore=shutil.ignore_patterns(*MADE_ANEW))
        return made

    def _settings(self, sim: bool) -> str:
        """Few entries a day: what is shown needs no more, and each waits for its fill by the wall's clock."""
        sleeve = 'sleeves.S1_AVWAP_CORE]\nsleeve_id = "S1_AVWAP_CORE"\n'
        return (
            f'[alpaca]\nurl_override = "{self.server.url}"\ndata_url_override = "{self.server.data_url}"\n'
            f'stream_url_override = "{self.server.stream_url}"\n'
            + ('[sim]\nbars = "intraday"\n' if sim else "")
            + f"[books.{BOOK}.limits]\nentries_per_day_max = {self.entries_max}\n[books.{BOOK}.{sleeve}"
        )

    def bodies(self) -> list[tuple[str, dict[str, Any]]]:
        """Every request so far that asked for a change: its method and what it asked for."""
        return [
            (each.method, json.loads(each.body) if each.body else {"path": each.path})
            for each in self.server.requests
            if each.method in WRITES and each.path.startswith("/v2/orders")
        ]

    def writes(self) -> list[tuple[str, str]]:
        """The same, by the client id or path it names."""
        return [
            (method, str(body.get("client_order_id") or body.get("path"))) for method, body in self.bodies()
        ]

    def stops(self) -> dict[str, Stop]:
        """By symbol, the stop that works at the exchange."""
        return {
            o.symbol: Stop(shares=int(o.quantity - o.filled), price=o.stop, client_order_id=o.client_order_id)
            for o in self.exchange.open_orders()
            if o.stop is not None
        }

    def holdings(self) -> dict[str, int]:
        """Symbol -> shares at the exchange."""
        return {name: int(row[0]) for name, row in self.exchange.state.holdings.items() if row[0]}

    def by_hand(self, symbol: str, shares: int, side: str) -> None:
        """Somebody trades on the broker's own page; before a sale, the stops there are cancelled."""
        if side == "sell":
            for order in json.loads(self._ask("GET", "/v2/orders?status=open", None)):
                if order["symbol"] == symbol:
                    self._ask("DELETE", f"/v2/orders/{order['id']}", None)
        body = {"symbol": symbol, "qty": str(shares), "side": side, "type": "market", "time_in_force": "day"}
        self._ask("POST", "/v2/orders", json.dumps(body).encode())

    def _ask(self, method: str, path: str, body: bytes | None) -> bytes:
        headers = {"APCA-API-KEY-ID": KEY_ID, "APCA-API-SECRET-KEY": SECRET_KEY}
        with urlopen(Request(f"{self.server.url}{path}", body, headers, method=method)) as answer:
            said: bytes = answer.read()
        return said


@contextmanager
def ground(notes: Notes, root: Path, rise: Rise | None = None) -> Iterator[Ground]:
    """The ground below *root*, on the eve of the session, its exchange listening."""
    market = House(Settings(home=root / "market"))
    market.root.mkdir(parents=True)
    tiny(SEED, *BARS, market.calendar).install(market.store)
    clock = PassingTime(market.calendar.cut_at(_session(market)))
    days = StoreTape(market.sidecar, market.calendar)
    tape = PathTape(days, market.calendar) if rise is None else RisenTape(days, market.calendar, rise)
    exchange = IntradayExchange(None, "exchange", tape, market.calendar, ExchangeConfig())
    made = Ground(notes, root, market, exchange, clock)
    with made.server:
        yield made


def opened(made: Ground, name: str = "old") -> Host:
    """A host whose book has opened the session and made its first cycle, in which nothing is entered."""
    host = made.host(name)
    host.run("premarket", "--book", BOOK, "--date", str(ON))
    host.cycle(0)
    return host


def sha256(path: Path) -> str:
    """Of one file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _session(market: House) -> SessionDate:
    session = market.calendar.session(ON)
    assert session is not None, "drills play a session of the exchange"
    return session


def _env(more: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, "APCA_API_KEY_ID": KEY_ID, "APCA_API_SECRET_KEY": SECRET_KEY, **more}


def _typed(words: Sequence[str]) -> str:
    return " ".join(f'"{word}"' if " " in word else word for word in words)
