"""A file of bars answers like any feed; one that cannot be read is a failed read, not an empty market.

Daily bars: the columns that ``avwap data import`` takes. Intraday bars: symbol, start_at (an instant with its offset),
open, high, low, close, volume; ``write_intraday`` makes such a file, and its metadata says whose prices they are.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np

from market.calendar import Calendar
from market.feed import ReadFailed, Seen
from market.feeds.port import INTERVALS, Daily, Intraday, IntradayBars, PriceBasis, chosen
from market.imports import NEEDED, bar_rows, price_ticks, shares
from market.rows import FIELDS, NULL, Int64, microseconds
from market.tables import file_bytes, read_table, wrong_values
from schemas.errors import UsageFault
from schemas.reasons.market import FeedCode

INTRADAY_NEEDED: Final = ("symbol", "start_at", *FIELDS)
BASIS_KEY: Final = b"avwap.price_basis"


class FileBars:
    """``HistoricalBars`` of one CSV or Parquet file. *now*: the instant of reading."""

    def __init__(self, path: Path, calendar: Calendar, now: Callable[[], datetime]) -> None:
        self._path = path
        self._calendar = calendar
        self._now = now

    @property
    def price_basis(self) -> PriceBasis:
        return "as_traded"

    def daily(self, symbols: Sequence[str], first: date, last: date) -> Daily:
        try:
            table = read_table(self._path, file_bytes(self._path), NEEDED, numbers=FIELDS)
            rows, _ = bar_rows(self._path, table)
        except UsageFault as error:
            return _unreadable(error.message)
        return Seen(as_of=self._now(), value=chosen(rows, symbols, first, last))

    def intraday(self, symbols: Sequence[str], interval_s: int, first: date, last: date) -> Intraday:
        assert interval_s in INTERVALS, "five or ten minutes"
        try:
            table = read_table(self._path, file_bytes(self._path), INTRADAY_NEEDED, numbers=FIELDS)
            bars = _intraday(self._path, table, interval_s)
        except (UsageFault, ValueError) as error:
            return _unreadable(error.message if isinstance(error, UsageFault) else str(error))
        if (found := _spacing_s(bars)) not in (None, interval_s):
            return _unreadable(f"{self._path.name} holds bars of {found} s, not of {interval_s}")
        return Seen(as_of=self._now(), value=self._asked(bars, symbols, first, last))

    def _asked(self, bars: IntradayBars, symbols: Sequence[str], first: date, last: date) -> IntradayBars:
        """Those of *bars* that lie in the regular sessions asked for."""
        wanted = frozenset(symbols)
        named = np.array([symbol in wanted for symbol in bars.symbols], np.bool_)
        kept = named[bars.code] if len(named) else np.zeros(0, np.bool_)
        inside = np.zeros(len(bars), np.bool_)
        for session in self._calendar.sessions(first, last):
            opens, closes = self._calendar.open_at(session), self._calendar.close_at(session)
            inside |= (bars.start_at >= microseconds(opens)) & (bars.start_at < microseconds(closes))
        at = kept & inside
        return IntradayBars(
            symbols=bars.symbols,
            code=bars.code[at],
            start_at=bars.start_at[at],
            interval_s=bars.interval_s,
            values=bars.values[:, at],
        ).canonical()


def intraday_bytes(bars: IntradayBars, price_basis: PriceBasis) -> bytes:
    """*bars* as a Parquet file: prices as decimals of scale 4, instants in UTC."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = pa.array(bars.symbols, pa.string())
    columns: dict[str, Any] = {
        "symbol": pa.DictionaryArray.from_arrays(pa.array(bars.code), names).cast(pa.string()),
        "start_at": pa.array(bars.start_at, pa.int64()).cast(pa.timestamp("us", "UTC")),
    }
    for name, values in zip(FIELDS, bars.values, strict=True):
        columns[name] = (
            pa.array(values, pa.int64(), mask=values == NULL) if name == "volume" else _decimals(values)
        )
    table = pa.table(columns).replace_schema_metadata({BASIS_KEY: price_basis.encode()})
    buffer = BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _decimals(values: Int64) -> Any:
    """1e-4 USD as Arrow decimals: a decimal is its unscaled number in 128 bits, low half first."""
    import pyarrow as pa

    wide = np.stack([values, values >> 63], axis=1).astype("<i8")
    held = pa.array(values != NULL)
    return pa.Array.from_buffers(
        pa.decimal128(18, 4), len(values), [held.buffers()[1], pa.py_buffer(wide.tobytes())]
    )


def _intraday(path: Path, table: Any, interval_s: int) -> IntradayBars:
    names = [str(name) for name in table["symbol"].to_pylist()]
    symbols = tuple(sorted(set(names)))
    place = {symbol: at for at, symbol in enumerate(symbols)}
    prices = [price_ticks(path, table[name], name) for name in FIELDS[:-1]]
    return IntradayBars(
        symbols=symbols,
        code=np.array([place[name] for name in names], np.int32),
        start_at=np.array([_start(path, value) for value in table["start_at"].to_pylist()], np.int64),
        interval_s=interval_s,
        values=np.stack([*prices, shares(path, table["volume"])]),
    )


def _spacing_s(bars: IntradayBars) -> int | None:
    """Seconds between the two bars of one symbol that lie closest together; None if no symbol has two."""
    held = bars.canonical()
    gaps = np.diff(held.start_at)[(held.code[1:] == held.code[:-1])]
    gaps = gaps[gaps > 0]
    return int(gaps.min()) // 1_000_000 if len(gaps) else None


def _start(path: Path, value: Any) -> int:
    """Microseconds since 1970. Errors: ``UsageFault(IMPORT_VALUES)`` for what is no instant."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as error:
        raise wrong_values(path, "start_at", f"holds {value!r}, which is no instant") from error
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise wrong_values(path, "start_at", f"holds {value}, which lacks its offset from UTC")
    return microseconds(moment)


def _unreadable(why: str) -> ReadFailed:
    return ReadFailed(cause=f"{FeedCode.FEED_FILE_UNREADABLE}: {why}")
