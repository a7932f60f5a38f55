"""One tiny market and one warm-up for the whole chain: made once, and a test takes a copy of the book it needs."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from flows.day import Day, open_day
from flows.house import House
from flows.run import Range, run_range
from flows.settings import Settings
from ledger.disk import Disk
from market.calendar import Calendar
from market.rows import Rows
from market.synthetic import tiny

BOOK: Final = "SIM"
SEED: Final = 7
BARS: Final = (date(2023, 1, 3), date(2025, 6, 30))
OPENED: Final = date(2024, 7, 19)
"""The book's first session: two entries, so that a genesis and a trade stand in one day."""
HELD_DAY: Final = date(2024, 8, 5)
"""Positions held: one is trimmed at the close, others' stops are ratcheted; and one entry at 0935."""
TRIM_DAY: Final = date(2024, 8, 12)
"""One entry at 0935, two ratchets, one trim at the close."""
STOP_DAY: Final = date(2024, 8, 20)
"""A gap through a stop at the open, one entry at 0935, one ratchet."""


def house_at(market: House, home: Path, disk: Disk | None = None, **flags: Any) -> House:
    """A fresh house at *home*, as a new process has it, on the market that *market* has open."""
    made = House(Settings(home=home, **flags), disk)
    for name in ("calendar", "store", "sidecar"):
        made.__dict__[name] = getattr(market, name)
    return made


def play(house: House, first: date, last: date | None = None) -> Range:
    """Run the sessions from *first* to *last* (default: that one), as the command line does."""
    return run_range(house, BOOK, first, last or first, lambda result: None, "test")


def _linked(source: str, target: str) -> None:
    """A sealed file is never written to again, only replaced, so that a second name for it is as good as a copy."""
    if Path(source).parent.name == BOOK:
        shutil.copyfile(source, target)
    else:
        os.link(source, target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A market, and the book as it stood on the eve of each day that tests play.

    ``market``: the house whose root holds the bars. ``eves``: session -> home of the book before it.
    """

    market: House
    eves: Mapping[date, Path]

    def fresh(self, at: Path, eve_of: date | None = None) -> Path:
        """A home at *at* with a copy of the book on the eve of *eve_of*; without it, one with no book."""
        if eve_of is None:
            (at / "ledger").mkdir(parents=True)
        else:
            shutil.copytree(self.eves[eve_of], at, copy_function=_linked)
        return at

    def house(self, home: Path, disk: Disk | None = None, **flags: Any) -> House:
        """A fresh house at *home*."""
        return house_at(self.market, home, disk, **flags)

    def day(self, house: House, on: date) -> Day:
        """The session *on* of the book in *house*."""
        return open_day(house, BOOK, on)


def market_of(at: Path, altered: Callable[[Rows, Calendar], Rows] = lambda rows, calendar: rows) -> House:
    """A house at *at* whose store holds the tiny market, its rows *altered* first."""
    house = House(Settings(home=at))
    house.root.mkdir(parents=True)
    made = tiny(SEED, *BARS, house.calendar)
    replace(made, rows=altered(made.rows, house.calendar)).install(house.store)
    return house


def ground(at: Path) -> Ground:
    """Make the market, then run the warm-up, keeping a copy of the book on the eve of each played day."""
    market = market_of(at / "market")
    running = at / "running"
    (running / "ledger").mkdir(parents=True)
    eves: dict[date, Path] = {}
    first = OPENED
    for played in (HELD_DAY, TRIM_DAY, STOP_DAY):
        house = house_at(market, running)
        eve = house.calendar.previous(played)
        done = play(house, first, eve)
        assert done.exit_code == 0, "the warm-up ran clean"
        eves[played] = shutil.copytree(running, at / f"eve-{played}")
        first = played
    return Ground(market=market, eves=eves)
