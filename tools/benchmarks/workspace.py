"""The markets that benchmarks share are made of a seed, once per run, in a folder that is thrown away."""

from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np

from flows.house import House
from flows.run import run_range
from flows.settings import load
from market.panel import Panel
from market.synthetic import generate
from schemas.base import SessionDate

SYMBOLS: Final = 3000
BARS: Final = 1260
FIRST: Final = date(2011, 6, 15)
"""So that the bars end in mid-June: year and month have begun, and the panel is neither short nor long."""
BOOK_SYMBOLS: Final = 200
BOOK_BARS: Final = (date(2015, 1, 2), date(2016, 6, 30))
BOOK_SESSIONS: Final = (date(2016, 6, 1), date(2016, 6, 14))


class Workspace:
    """Lazily made houses below *folder*. symbols, bars: the size of the large market; tests take less."""

    def __init__(self, folder: Path, symbols: int = SYMBOLS, bars: int = BARS) -> None:
        self.folder = folder
        self.symbols = symbols
        self.bars = bars

    @cached_property
    def market(self) -> House:
        """*symbols* x *bars* synthetic bars in a store, its sidecar built; no book."""
        house = House(load(self.folder / "market"))
        sessions = house.calendar.sessions(FIRST, house.calendar.next(FIRST, self.bars))[: self.bars]
        print(f"making   {self.symbols:,} x {self.bars:,} bars", flush=True)
        generate(1, self.symbols, sessions[0], sessions[-1], house.calendar).install(house.store)
        _ = house.sidecar
        return house

    @property
    def session(self) -> SessionDate:
        """The last session of that market: its scan reads the bars up to the one before."""
        return self.market.calendar.at(int(self.market.sidecar.session.max()))

    @cached_property
    def panel(self) -> Panel:
        """The panel of the session after the market's last bar: all bars lie before it."""
        return self.market.panel(self.market.calendar.next(self.session))

    @cached_property
    def frame(self) -> Any:
        """Every bar as pandas would hold it, prices in USD; ``session`` counts from the panel's first."""
        import pandas as pd

        panel, calendar = self.panel, self.market.calendar
        ends = panel.hi
        session = np.asarray(panel.session[: ends[-1]])
        oldest = int(session.min())
        newest = calendar.index(panel.data_session)
        assert newest is not None, "P is a session"
        shown = [
            calendar.at(newest - len(panel.sessions) + 1 + at) for at in range(oldest, len(panel.sessions))
        ]
        names = ("open", "high", "low", "close")
        return pd.DataFrame(
            {
                "symbol": np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0)),
                "session": session,
                "date": np.array(shown, "datetime64[ns]")[session - oldest],
                **{name: np.asarray(getattr(panel, name)[: ends[-1]]) / 1e4 for name in names},
                "volume": np.asarray(panel.volume[: ends[-1]]).astype(float),
            }
        )

    @cached_property
    def book(self) -> House:
        """A SIM book of ten sealed sessions over 200 symbols."""
        house = House(load(self.folder / "book"))
        generate(2, BOOK_SYMBOLS, *BOOK_BARS, house.calendar).install(house.store)
        print("making   ten sealed sessions", flush=True)
        done = run_range(house, "SIM", *BOOK_SESSIONS, lambda _: None, "bench")
        assert done.exit_code == 0, "the book of the benchmark runs clean"
        return house
