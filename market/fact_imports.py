"""Facts and restatements come from files as bars do: what is none is set aside with its row, the rest goes in."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import ValidationError

from market.calendar import EPOCH
from market.facts import EVENING, KINDS, MarketFact, dated
from market.imports import ImportReport, bar_rows, dates
from market.rows import Rows
from market.store import BarStore, Progress, silent
from market.tables import ALIASES, file_bytes, read_table
from schemas.market import FactKind
from schemas.reasons.market import SetAside

RESTATEMENT_COLUMNS: Final = ("symbol", "date", "file_date_later", "close_later", "volume_later")


def import_facts(
    root: Path,
    path: Path,
    kind: FactKind,
    source: str | None = None,
    *,
    known_at: datetime | None = None,
    store: BarStore | None = None,
) -> ImportReport:
    """Bring the facts of a CSV or Parquet file into the store; columns are the fields of their record.

    Args: source: who says so, by default the file's name. known_at: for the rows that do not say it.
    Errors: ``UsageFault`` IMPORT_UNREADABLE, IMPORT_COLUMNS, IMPORT_RESTATES; nothing is changed.
    """
    about = KINDS[kind]
    data = file_bytes(path)
    table = read_table(path, data, about.needed, aliases={**ALIASES, **about.aliases})
    fields = [name for name in table.column_names if name in about.model.model_fields]
    facts: list[MarketFact] = []
    bad: list[str] = []
    for line, record in enumerate(table.select(fields).to_pylist(), 2):
        given = {name: value for name, value in record.items() if value not in (None, "")}
        try:
            facts.append(about.model.model_validate(given))  # type: ignore[arg-type]
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            bad.append(f"row {line}: {given.get('symbol', '')} {where}: {first['msg']}".replace("  ", " "))
    name = source or path.name
    added, present = (store or BarStore(root)).append_facts(
        kind, facts, name, source_sha256=hashlib.sha256(data).hexdigest(), known_at=known_at
    )
    days = sorted(map(dated, facts))
    return ImportReport(
        kind=kind, source=name, rows_read=table.num_rows, rows_added=added, rows_present=present,
        symbols=len({fact.symbol for fact in facts}),
        first=days[0] if days else None, last=days[-1] if days else None,
        columns_ignored=tuple(n for n in table.column_names if n not in fields),
        set_aside=((SetAside.FACT_INVALID, len(bad), tuple(bad[:3])),) if bad else (),
    )  # fmt: skip


def import_restatements(
    root: Path,
    path: Path,
    source: str | None = None,
    *,
    progress: Progress = silent,
    store: BarStore | None = None,
) -> ImportReport:
    """Bring later tellings of bars into the store: ``RESTATEMENT_COLUMNS``, close and volume as received.

    Such a row restates close and volume alone. Open, high and low stay those of the revision in force, unscaled:
    a close that no longer lies between them is for the data contract to find. It became known on the evening of
    ``file_date_later``. Errors: as ``import_bars``.
    """
    import pyarrow as pa

    data = file_bytes(path)
    numbers = ("close_later", "volume_later")
    table = read_table(path, data, RESTATEMENT_COLUMNS, numbers=numbers)
    told, is_told = dates(path, table["file_date_later"], "file_date_later")
    seconds = told.astype(np.int64) * 86_400 + EVENING.hour * 3_600
    columns = {"symbol": table["symbol"], "date": table["date"], "volume": table["volume_later"]}
    columns |= dict.fromkeys(("open", "high", "low", "close"), table["close_later"])
    columns["known_at"] = pa.array(np.where(is_told, seconds, 0), pa.timestamp("s", "UTC"))
    rows, aside = bar_rows(path, pa.table(columns).filter(pa.array(is_told)))
    unknown: list[str] = []
    name = source or path.name
    added, present = (store or BarStore(root)).append_restatements(
        _restating(rows, unknown), name, source_sha256=hashlib.sha256(data).hexdigest(), progress=progress
    )
    if undated := np.flatnonzero(~is_told).tolist():
        shown = tuple(f"row {i + 2}: {table['symbol'][i]} {table['date'][i]}" for i in undated[:3])
        aside = (*aside, (SetAside.DATE_INVALID, len(undated), shown))
    if unknown:
        aside = (*aside, (SetAside.BAR_UNKNOWN, len(unknown), tuple(unknown[:3])))
    return ImportReport(
        kind="restatements", source=name, rows_read=table.num_rows, rows_added=added, rows_present=present,
        symbols=len(np.unique(rows.code)), first=_day(rows, min), last=_day(rows, max),
        columns_ignored=tuple(n for n in table.column_names if n not in RESTATEMENT_COLUMNS), set_aside=aside,
    )  # fmt: skip


def _restating(told: Rows, unknown: list[str]) -> Callable[[Rows], Rows]:
    """Of the rows held the same bars with close and volume of *told*; those that nobody holds go to *unknown*."""

    def restate(held: Rows) -> Rows:
        symbols = tuple(sorted({*held.symbols, *told.symbols}))
        old, new = held.against(symbols), told.against(symbols)
        low = np.searchsorted(old.key, new.key, "left")
        at = np.searchsorted(old.key, new.key, "right") - 1
        if len(old):
            # Revisions of one bar stand in the order in which they became known: back to the one in force then.
            while (late := (at >= low) & (old.known_at[at] > new.known_at)).any():
                at[late] -= 1
        is_held = at >= low
        for row in np.flatnonzero(~is_held).tolist():
            unknown.append(f"{symbols[new.code[row]]} {date.fromordinal(int(new.day[row]) + EPOCH)}")
        values = new.values[:, is_held].copy()
        values[:3] = old.values[:3, at[is_held]]
        return replace(new.take(is_held), values=values).canonical()

    return restate


def _day(rows: Rows, pick: Callable[[list[int]], int]) -> date | None:
    return date.fromordinal(pick(rows.day.tolist()) + EPOCH) if len(rows) else None
