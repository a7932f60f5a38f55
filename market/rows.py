"""Bars as received are rows of integers in one canonical order, whatever order a file gave them.

The order is (symbol, session_date, known_at, vintage, volume, open, high, low, close). Within one revision
the
last row is the one kept when a feed repeats itself: the fuller print has the larger volume.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]
UInt8 = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

FIELDS: Final = ("open", "high", "low", "close", "volume")
NULL: Final = int(np.iinfo(np.int64).min)
"""Stands for a missing value in memory; on disk it is a Parquet null."""


def microseconds(moment: datetime) -> int:
    """*moment*, which knows its offset, as rows keep it: microseconds since 1970 UTC."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of the store, n of them.

    symbols: sorted, each once. code: n positions in it. day: n dates, days since 1970-01-01.
    values: (5, n) in the order of ``FIELDS``; prices in 1e-4 USD as traded, volume in shares; ``NULL`` if
    missing.
    known_at: n instants, microseconds since 1970 UTC; ``NULL`` where 20 min after the close is assumed.
    vintage: n numbers of the import that brought the row.
    """

    symbols: tuple[str, ...]
    code: Int32
    day: Int32
    values: Int64
    known_at: Int64
    vintage: Int32

    def __len__(self) -> int:
        return len(self.day)

    @property
    def key(self) -> Int64:
        """(symbol, date) as one number, in the same order."""
        return (self.code.astype(np.int64) << 32) | self.day.astype(np.int64)

    def take(self, at: Any) -> Self:
        """The rows at *at* (a mask, slice or positions), against the same symbols."""
        return type(self)(
            symbols=self.symbols,
            code=self.code[at],
            day=self.day[at],
            values=self.values[:, at],
            known_at=self.known_at[at],
            vintage=self.vintage[at],
        )

    def dated(self, known_at: int) -> Self:
        """The same rows, known since *known_at* where they do not say it, in canonical order."""
        return type(self)(
            symbols=self.symbols,
            code=self.code,
            day=self.day,
            values=self.values,
            known_at=np.where(self.known_at == NULL, known_at, self.known_at),
            vintage=self.vintage,
        ).canonical()

    def canonical(self) -> Self:
        """The same rows in canonical order, against no more symbols than they need."""
        key = self.key
        order = np.argsort(key, kind="stable")
        tied = np.zeros(len(key), np.bool_)
        same = key[order][1:] == key[order][:-1]
        tied[1:] |= same
        tied[:-1] |= same
        slots = np.flatnonzero(tied)
        among = order[slots]
        o, h, low, c, v = (column[among] for column in self.values)
        ranked = np.lexsort((c, low, h, o, v, self.vintage[among], self.known_at[among], key[among]))
        order[slots] = among[ranked]
        return self.take(order).compact()

    def compact(self) -> Self:
        """The same rows against the symbols that occur in them."""
        used, code = np.unique(self.code, return_inverse=True)
        if len(used) == len(self.symbols):
            return self
        return type(self)(
            symbols=tuple(self.symbols[at] for at in used.tolist()),
            code=code.astype(np.int32),
            day=self.day,
            values=self.values,
            known_at=self.known_at,
            vintage=self.vintage,
        )

    def against(self, symbols: tuple[str, ...]) -> Self:
        """The same rows with codes that point into *symbols*, which holds every symbol of theirs, sorted."""
        position = {symbol: at for at, symbol in enumerate(symbols)}
        moved = np.array([position[symbol] for symbol in self.symbols], np.int32)
        return type(self)(
            symbols=symbols,
            code=moved[self.code] if len(moved) else self.code,
            day=self.day,
            values=self.values,
            known_at=self.known_at,
            vintage=self.vintage,
        )


def no_rows() -> Rows:
    """Rows, none of them."""
    return Rows(
        symbols=(),
        code=np.zeros(0, np.int32),
        day=np.zeros(0, np.int32),
        values=np.zeros((len(FIELDS), 0), np.int64),
        known_at=np.zeros(0, np.int64),
        vintage=np.zeros(0, np.int32),
    )


def concatenated(parts: list[Rows]) -> Rows:
    """All rows of *parts* against their common symbols, in canonical order."""
    if not parts:
        return no_rows()
    symbols = tuple(sorted({symbol for part in parts for symbol in part.symbols}))
    aligned = [part.against(symbols) for part in parts]
    if len(aligned) == 1:
        return aligned[0].canonical()
    return Rows(
        symbols=symbols,
        code=np.concatenate([part.code for part in aligned]),
        day=np.concatenate([part.day for part in aligned]),
        values=np.concatenate([part.values for part in aligned], axis=1),
        known_at=np.concatenate([part.known_at for part in aligned]),
        vintage=np.concatenate([part.vintage for part in aligned]),
    ).canonical()


def rhe_divide(numerator: Int64, denominator: int) -> Int64:
    """numerator / denominator, each rounded half to even. Positive denominators only."""
    assert denominator > 0, "a factor is positive"
    quotient, remainder = np.divmod(numerator, denominator)
    twice = 2 * remainder
    up = (twice > denominator) | ((twice == denominator) & (quotient % 2 != 0))
    rounded: Int64 = quotient + up.astype(np.int64)
    return rounded
