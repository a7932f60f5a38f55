"""A file of bars goes in as its digits stand, or not at all: one clear error, and the store is unchanged.

Columns: symbol, date (or session_date), open, high, low, close, volume; optional known_at; others are
ignored and named. Symbols are text, so that the tickers NAN, TRUE and ON survive. Prices are rounded
half-even at 1e-4 USD once, here, from the decimal digits of the source. A row without a usable symbol or
date is set aside and counted.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from market.calendar import EPOCH, FIRST_YEAR, LAST_YEAR
from market.rows import FIELDS, NULL, Int32, Int64, Rows, microseconds
from market.store import BarStore, Progress, silent
from market.tables import file_bytes, read_table, wrong_values
from schemas.base import SYMBOL_PATTERN
from schemas.reasons.market import SetAside

NEEDED: Final = ("symbol", "date", *FIELDS)
OPTIONAL: Final = ("known_at",)
PRICE_MAX_USD: Final = 1e8
"""A kernel's exact sums need a bound; the dearest share ever listed cost under 1e6 USD. Above it a value is
null."""
TIE_BAND: Final = 1e-5
"""Where a float times 10⁴ lies this close to a tie, only the decimal digits can say which way it rounds."""


Aside = tuple[SetAside, int, tuple[str, ...]]
"""(reason, rows, up to three examples)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did."""

    kind: str
    source: str
    rows_read: int
    rows_added: int
    rows_present: int
    symbols: int
    first: date | None
    last: date | None
    columns_ignored: tuple[str, ...]
    set_aside: tuple[Aside, ...]


def import_bars(
    root: Path,
    path: Path,
    source: str | None = None,
    *,
    known_at: datetime | None = None,
    progress: Progress = silent,
    store: BarStore | None = None,
) -> ImportReport:
    """Bring the bars of a CSV or Parquet file into the store of the data root *root*.

    Args: source: who says so, by default the file's name. known_at: see ``BarStore.append_bars``.
    Errors: ``UsageFault`` IMPORT_UNREADABLE, IMPORT_COLUMNS, IMPORT_VALUES, IMPORT_RESTATES; nothing is
    changed.
    """
    data = file_bytes(path)
    table = read_table(path, data, NEEDED, numbers=FIELDS)
    ignored = tuple(name for name in table.column_names if name not in (*NEEDED, *OPTIONAL))
    rows, aside = bar_rows(path, table)
    name = source or path.name
    added, present = (store or BarStore(root)).append_bars(
        rows, name, source_sha256=hashlib.sha256(data).hexdigest(), known_at=known_at, progress=progress
    )
    day = rows.day
    return ImportReport(
        kind="bars", source=name, rows_read=table.num_rows, rows_added=added, rows_present=present,
        symbols=len(np.unique(rows.code)),
        first=date.fromordinal(int(day.min()) + EPOCH) if len(day) else None,
        last=date.fromordinal(int(day.max()) + EPOCH) if len(day) else None,
        columns_ignored=ignored, set_aside=aside,
    )  # fmt: skip


def bar_rows(path: Path, table: Any) -> tuple[Rows, tuple[Aside, ...]]:
    """The rows of a table with the columns ``NEEDED`` in canonical order, and what was set aside."""
    import pyarrow as pa
    import pyarrow.compute as pc

    symbol = pc.dictionary_encode(table["symbol"].cast(pa.string()).fill_null("")).combine_chunks()
    if isinstance(symbol, pa.ChunkedArray):
        symbol = symbol.unify_dictionaries().chunk(0)
    names = symbol.dictionary.to_pylist()
    order = sorted(range(len(names)), key=names.__getitem__)
    rank = np.empty(len(names), np.int32)
    rank[order] = np.arange(len(names), dtype=np.int32)
    code = rank[symbol.indices.to_numpy()]
    symbols = tuple(names[at] for at in order)
    named = np.array([re.match(SYMBOL_PATTERN, name) is not None for name in symbols], np.bool_)[code]
    day, dated = dates(path, table["date"], "date")
    values = np.stack(
        [price_ticks(path, table[name], name) for name in FIELDS[:-1]] + [shares(path, table["volume"])]
    )
    known = _known(path, table)
    keep = named & dated
    aside = []
    for reason, bad in ((SetAside.SYMBOL_INVALID, ~named), (SetAside.DATE_INVALID, named & ~dated)):
        if at := np.flatnonzero(bad).tolist():
            shown = tuple(f"row {i + 1}: {table['symbol'][i]} {table['date'][i]}" for i in at[:3])
            aside.append((reason, len(at), shown))
    rows = Rows(
        symbols=symbols, code=code, day=day, values=values, known_at=known,
        vintage=np.zeros(len(day), np.int32),
    )  # fmt: skip
    return rows.take(keep).canonical(), tuple(aside)


def dates(path: Path, column: Any, name: str) -> tuple[Int32, npt.NDArray[np.bool_]]:
    """Days since 1970 and whether there is a date, inside the calendar's years."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        column = pc.strptime(column.cast(pa.string()), format="%Y-%m-%d", unit="s", error_is_null=True)
    elif not (pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.tz is None)):
        raise wrong_values(path, name, f"has the type {kind}; a date or text like 2016-09-01 is wanted")
    try:
        column = column.cast(pa.date32())
    except pa.ArrowInvalid as error:
        raise wrong_values(path, name, f"holds a time of day ({error})") from error
    days = column.cast(pa.int32()).fill_null(np.iinfo(np.int32).min).to_numpy().astype(np.int32)
    first, last = (date(FIRST_YEAR, 1, 1).toordinal() - EPOCH, date(LAST_YEAR, 12, 31).toordinal() - EPOCH)
    return days, (days >= first) & (days <= last)


def _numbers(path: Path, column: Any, name: str) -> Any:
    import pyarrow as pa

    kind = column.type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
        raise wrong_values(path, name, f"has the type {kind}; numbers are wanted")
    return column


def price_ticks(path: Path, column: Any, name: str) -> Int64:
    """Prices in 1e-4 USD, ``NULL`` for what is no finite number below the bound. Errors: as ``shares``."""
    import pyarrow as pa

    numbers = _numbers(path, column, name).cast(pa.float64()).fill_null(np.nan).to_numpy()
    return ticks(numbers)


def ticks(prices: npt.NDArray[np.float64]) -> Int64:
    """USD to 1e-4 USD: the shortest decimal digits of each float, rounded half to even; ``NULL`` if not
    finite.

    Errors: none; a magnitude above ``PRICE_MAX_USD`` is ``NULL`` too.
    """
    usable = np.isfinite(prices) & (np.abs(prices) <= PRICE_MAX_USD)
    scaled = np.where(usable, prices, 0.0) * 1e4
    whole = np.rint(scaled)
    made: Int64 = whole.astype(np.int64)
    # The product is off by at most an ulp or so: only near a tie can that change the rounding.
    near = np.flatnonzero(np.abs(np.abs(scaled - np.floor(scaled)) - 0.5) < TIE_BAND + np.abs(scaled) * 1e-15)
    for at in near.tolist():
        digits = Decimal(repr(float(prices[at]))).scaleb(4)
        made[at] = int(digits.to_integral_value(rounding=ROUND_HALF_EVEN))
    made[~usable] = NULL
    return made


def shares(path: Path, column: Any) -> Int64:
    """Whole shares, ``NULL`` for what is no finite number. Errors: ``UsageFault(IMPORT_VALUES)``."""
    import pyarrow as pa

    column = _numbers(path, column, "volume")
    if pa.types.is_integer(column.type):
        return np.asarray(column.cast(pa.int64()).fill_null(NULL).to_numpy(), np.int64)
    numbers = column.cast(pa.float64()).fill_null(np.nan).to_numpy()
    usable = np.isfinite(numbers) & (np.abs(numbers) < 2.0**53)
    return np.where(usable, np.rint(np.where(usable, numbers, 0.0)), 0.0).astype(np.int64) + np.where(
        usable, 0, NULL
    )


def _known(path: Path, table: Any) -> Int64:
    if "known_at" not in table.column_names:
        return np.full(table.num_rows, NULL, np.int64)
    found = np.full(table.num_rows, NULL, np.int64)
    for at, value in enumerate(table["known_at"].to_pylist()):
        if value in (None, ""):
            continue
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        except ValueError as error:
            raise wrong_values(path, "known_at", f"row {at + 1}: {value!r} is no instant") from error
        if not isinstance(moment, datetime) or moment.tzinfo is None:
            raise wrong_values(path, "known_at", f"row {at + 1}: {value} lacks its offset from UTC")
        found[at] = microseconds(moment)
    return found
