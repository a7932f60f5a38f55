"""Historical bars have one door: whoever answers gives our integer rows, whole, or says that the read failed.

A range that was read in part is no answer. What an answer leaves out did not trade, or is not known to whoever was
asked; neither is a failure.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal, Protocol, Self

import numpy as np

from market.calendar import EPOCH
from market.feed import ReadFailed, Seen
from market.rows import FIELDS, Int32, Int64, Rows

INTERVALS: Final = (300, 600)
"""Seconds of an intraday bar: five and ten minutes."""
PriceBasis = Literal["as_traded", "vendor_adjusted"]
Progress = Callable[[int, int], None]
"""Called with (symbols done, symbols in all)."""


def silent(done: int, total: int) -> None:
    """A progress that shows nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntradayBars:
    """Bars of the regular session, n of them, each named by its start; in order of (symbol, start).

    symbols: sorted, each once. code: n positions in it. start_at: n instants, microseconds since 1970 UTC.
    interval_s: one of ``INTERVALS``. values: (5, n) in the order of ``FIELDS``; prices in 1e-4 USD, volume in shares.
    """

    symbols: tuple[str, ...]
    code: Int32
    start_at: Int64
    interval_s: int
    values: Int64

    def __len__(self) -> int:
        return len(self.start_at)

    def canonical(self) -> Self:
        """The same bars in their order, against no more symbols than they need."""
        o, h, low, c, v = self.values
        order = np.lexsort((c, low, h, o, v, self.start_at, self.code))
        used, code = np.unique(self.code[order], return_inverse=True)
        return type(self)(
            symbols=tuple(self.symbols[at] for at in used.tolist()),
            code=code.astype(np.int32),
            start_at=self.start_at[order],
            interval_s=self.interval_s,
            values=self.values[:, order],
        )


Daily = Seen[Rows] | ReadFailed
"""Rows in canonical order, ``known_at`` left open: whoever keeps them says since when."""
Intraday = Seen[IntradayBars] | ReadFailed


class Clock(Protocol):
    """What time it is, and how to wait."""

    def now(self) -> datetime:
        """The present instant, UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait so long."""
        ...


class HistoricalBars(Protocol):
    """Finished bars of past sessions. No method raises for what the outside does."""

    @property
    def price_basis(self) -> PriceBasis:
        """Whether prices are those that were traded, or what the vendor made of them since."""
        ...

    def daily(self, symbols: Sequence[str], first: date, last: date) -> Daily:
        """Daily bars of *symbols* on New York dates from *first* to *last*, both included."""
        ...

    def intraday(self, symbols: Sequence[str], interval_s: int, first: date, last: date) -> Intraday:
        """Bars of *interval_s* seconds of those dates' regular sessions."""
        ...


def no_intraday(interval_s: int) -> IntradayBars:
    """Intraday bars, none of them."""
    return IntradayBars(
        symbols=(),
        code=np.zeros(0, np.int32),
        start_at=np.zeros(0, np.int64),
        interval_s=interval_s,
        values=np.zeros((len(FIELDS), 0), np.int64),
    )


def chosen(rows: Rows, symbols: Sequence[str], first: date, last: date) -> Rows:
    """Those of *rows* that are of *symbols*, from *first* to *last*, both included."""
    wanted = frozenset(symbols)
    named = np.array([symbol in wanted for symbol in rows.symbols], np.bool_)
    lo, hi = first.toordinal() - EPOCH, last.toordinal() - EPOCH
    inside = (rows.day >= lo) & (rows.day <= hi)
    return rows.take(inside & named[rows.code] if len(named) else inside).canonical()
