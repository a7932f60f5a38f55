"""A session is a date on which the exchange trades; only the calendar makes one.

The sessions come from ``exchange_calendars`` (XNYS, with an explicit start and end, so that the table does
not depend on today). Importing that library costs a second, and a daily command needs a few hundred numbers
of it: ``Calendar.cached`` keeps them in a small disposable file that names the library's version and
carries its own digest. A file that fails its digest is made again, never believed.
"""

import contextlib
import hashlib
import json
import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Final, Self
from zoneinfo import ZoneInfo

from ledger.disk import LocalDisk
from schemas.base import SessionDate
from schemas.errors import Denied, UsageFault
from schemas.reasons.market import MarketFault

NEW_YORK: Final = ZoneInfo("America/New_York")
CUT_LOCAL: Final = time(8, 30)
"""What is known by then on the morning of D is D's market snapshot (strategy.md 1.1)."""
EPOCH: Final = date(1970, 1, 1).toordinal()
FIRST_YEAR: Final = 1990
LAST_YEAR: Final = 2027
"""The exchange publishes its holidays about two years ahead; past that a rule is a guess."""
REGULAR_SESSION_MINUTES: Final = 390
CALENDAR_BACK: Final = 5
"""Sessions before D on which library, broker and bars are compared (strategy.md 1.6)."""


class Calendar:
    """The sessions of XNYS from 1 January of one year to 31 December of another, with opens and closes.

    A date outside raises ``UsageFault(CALENDAR_OUT_OF_RANGE)``: "no session" is a fact, "unknown" is not.
    """

    __slots__ = ("_closes", "_opens", "days", "fingerprint", "first_date", "valid_until")

    def __init__(self, first_year: int = FIRST_YEAR, last_year: int = LAST_YEAR) -> None:
        self._fill(first_year, last_year, _from_library(first_year, last_year))

    @classmethod
    def cached(cls, root: Path, first_year: int = FIRST_YEAR, last_year: int = LAST_YEAR) -> Self:
        """The same calendar, through a disposable table under ``MARKET/calendar/`` of the data root
        *root*."""
        name = f"MARKET/calendar/xnys-{version('exchange_calendars')}-{first_year}-{last_year}.json"
        table = _read_table(root / name)
        if table is None:
            table = _from_library(first_year, last_year)
            with contextlib.suppress(Denied):  # a root that cannot be written to can still be read
                LocalDisk(root).write(name, _table_bytes(table))
        calendar = cls.__new__(cls)
        calendar._fill(first_year, last_year, table)
        return calendar

    def _fill(self, first_year: int, last_year: int, table: "Table") -> None:
        self.days, self._opens, self._closes = table
        self.first_date = date(first_year, 1, 1)
        self.valid_until = date(last_year, 12, 31)
        self.fingerprint = hashlib.sha256(_table_bytes(table)).hexdigest()

    def index(self, day: date) -> int | None:
        """Position of *day* among the sessions, or ``None`` if the exchange does not trade on it."""
        ordinal = self._day(day)
        at = bisect_left(self.days, ordinal)
        return at if at < len(self.days) and self.days[at] == ordinal else None

    def at(self, index: int) -> SessionDate:
        """The session at *index*; ``UsageFault`` outside the table."""
        if not 0 <= index < len(self.days):
            raise self._outside(f"session number {index}")
        return SessionDate(date.fromordinal(self.days[index] + EPOCH))

    def session(self, day: date) -> SessionDate | None:
        """*day* as a session, or ``None`` if the exchange does not trade on it."""
        return None if self.index(day) is None else SessionDate(day)

    def is_session(self, day: date) -> bool:
        return self.index(day) is not None

    def previous(self, day: date, n: int = 1) -> SessionDate:
        """The n-th session strictly before *day*, which need not be a session itself."""
        assert n >= 1, "the session itself is no previous one"
        return self.at(bisect_left(self.days, self._day(day)) - n)

    def next(self, day: date, n: int = 1) -> SessionDate:
        """The n-th session strictly after *day*."""
        assert n >= 1, "the session itself is no next one"
        return self.at(bisect_right(self.days, self._day(day)) + n - 1)

    def sessions(self, first: date, last: date) -> tuple[SessionDate, ...]:
        """Every session from *first* to *last*, both included; empty if *last* is earlier."""
        lo, hi = bisect_left(self.days, self._day(first)), bisect_right(self.days, self._day(last))
        return tuple(SessionDate(date.fromordinal(day + EPOCH)) for day in self.days[lo:hi])

    def open_at(self, session: date) -> datetime:
        return _instant(self._opens[self._known(session)])

    def close_at(self, session: date) -> datetime:
        return _instant(self._closes[self._known(session)])

    def is_early_close(self, session: date) -> bool:
        at = self._known(session)
        return self._closes[at] - self._opens[at] < REGULAR_SESSION_MINUTES

    def cut_at(self, session: date) -> datetime:
        """08:30 New York of *session*: what was known by then is its market snapshot."""
        self._known(session)
        return datetime.combine(session, CUT_LOCAL, NEW_YORK).astimezone(UTC)

    def _known(self, session: date) -> int:
        at = self.index(session)
        if at is None:
            raise UsageFault(
                MarketFault.NOT_A_SESSION,
                f"{session} is no session of XNYS",
                safe="nothing was started",
                next=f"the session before it is {self.previous(session)}, the one after {self.next(session)}",
            )
        return at

    def _day(self, day: date) -> int:
        if not self.first_date <= day <= self.valid_until:
            raise self._outside(str(day))
        return day.toordinal() - EPOCH

    def _outside(self, what: str) -> UsageFault:
        return UsageFault(
            MarketFault.CALENDAR_OUT_OF_RANGE,
            f"{what} lies outside the calendar, which knows {self.first_date} to {self.valid_until}",
            safe="nothing was started",
            next="choose a date inside, or update exchange-calendars and the calendar's last year",
        )


Table = tuple[Sequence[int], Sequence[int], Sequence[int]]
"""Sessions as days since 1970-01-01; opens and closes as minutes since then, UTC."""


def _instant(minutes: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)


def _from_library(first_year: int, last_year: int) -> Table:
    import exchange_calendars
    import numpy as np

    with warnings.catch_warnings():
        # The library calls pandas in a way that pandas will drop one day; the pinned pair works, and the
        # answer is compared with the exchange's own dates in the tests.
        warnings.simplefilter("ignore", DeprecationWarning)
        library = exchange_calendars.get_calendar(
            "XNYS", start=f"{first_year}-01-01", end=f"{last_year}-12-31"
        )
    minute = np.dtype("datetime64[m]")
    days = library.sessions.to_numpy().astype("datetime64[D]").astype(np.int64)
    opens = library.opens.dt.tz_localize(None).to_numpy().astype(minute).astype(np.int64)
    closes = library.closes.dt.tz_localize(None).to_numpy().astype(minute).astype(np.int64)
    return days.tolist(), opens.tolist(), closes.tolist()


def _table_bytes(table: Table) -> bytes:
    days, opens, closes = (list(column) for column in table)
    text = json.dumps([days, opens, closes], separators=(",", ":"))
    return f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}\n".encode()


def _read_table(path: Path) -> Table | None:
    """The table in *path*, or ``None`` if there is none or its bytes are not what was written."""
    try:
        digest, _, text = path.read_text("ascii").partition("\n")
    except (OSError, UnicodeDecodeError):
        return None
    if hashlib.sha256(text.strip().encode()).hexdigest() != digest:
        return None
    days, opens, closes = json.loads(text)
    return days, opens, closes
