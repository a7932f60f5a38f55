"""Small markets made by hand: rows as plain tuples in USD, a store around them, a judgement of one day."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import numpy as np

from market.calendar import EPOCH, Calendar
from market.config import ContractConfig
from market.contract import ContractInputs, ContractResult, run
from market.imports import ImportReport
from market.panel import load_panel
from market.rows import NULL, Rows, microseconds
from market.sidecar import Sidecar
from market.store import BarStore
from schemas.base import SessionDate
from schemas.market import ActionKind, CorporateAction, FactKind

Row = tuple[str, date, float | None, float | None, float | None, float | None, int | None]
"""symbol, date, open, high, low, close (USD), volume."""


def rows_of(rows: Sequence[Row], known_at: datetime | None = None) -> Rows:
    """*rows* in canonical order."""
    names = tuple(sorted({row[0] for row in rows}))
    values = [[NULL if x is None else round(x * 10_000) for x in row[2:6]] for row in rows]
    volumes = [NULL if row[6] is None else row[6] for row in rows]
    known = NULL if known_at is None else microseconds(known_at)
    return Rows(
        symbols=names,
        code=np.array([names.index(row[0]) for row in rows], np.int32),
        day=np.array([row[1].toordinal() - EPOCH for row in rows], np.int32),
        values=np.array([[*v, n] for v, n in zip(values, volumes, strict=True)], np.int64)
        .reshape(-1, 5)
        .T.copy(),
        known_at=np.full(len(rows), known, np.int64),
        vintage=np.zeros(len(rows), np.int32),
    ).canonical()


def steady(symbol: str, sessions: Sequence[date], close: float = 50.0, volume: int = 1_000_000) -> list[Row]:
    """Bars without any defect: no two alike, no two symbols alike, each day a little up or down."""
    own = sum(map(ord, symbol)) % 97 / 100
    made: list[Row] = []
    for at, day in enumerate(sessions):
        c = round(close + own + (at % 7) * 0.11, 2)
        made.append((symbol, day, c - 0.05, c + 0.20, c - 0.25, c, volume + at * 100))
    return made


def store_with(
    root: Path, rows: Sequence[Row], actions: Sequence[CorporateAction] = (), known_at: datetime | None = None
) -> BarStore:
    """A store of the root that holds *rows* and *actions*."""
    store = BarStore(root)
    store.append_bars(rows_of(rows), "by hand", known_at=known_at)
    if actions:
        store.append_facts(FactKind.ACTIONS, actions, "by hand")
    return store


def split(symbol: str, ex: date, num: int, den: int, known_at: datetime | None = None) -> CorporateAction:
    return CorporateAction(
        symbol=symbol, ex_date=ex, kind=ActionKind.SPLIT, ratio_num=num, ratio_den=den, known_at=known_at
    )


@dataclass(frozen=True, slots=True)
class Known:
    """A file of bars in a store of its own."""

    store: BarStore
    sidecar: Sidecar
    report: ImportReport
    calendar: Calendar

    def on(self, day: date) -> ContractResult:
        """The contract on the morning of *day*, SIM."""
        panel = load_panel(self.store, self.calendar, SessionDate(day), sidecar=self.sidecar)
        return run(ContractInputs(panel=panel, calendar=self.calendar, simulated=True), ContractConfig())


Files = Callable[[str], Known]
"""Name of a real file -> the file in its store; skips when absent."""


def judged(store: BarStore, calendar: Calendar, day: date, **inputs: object) -> ContractResult:
    """The contract on the morning of *day*, SIM unless told otherwise."""
    session = calendar.session(day)
    assert session is not None
    since = inputs.pop("since", None)
    panel = load_panel(store, calendar, session, since=since)  # type: ignore[arg-type]
    if "members" in inputs:
        panel = replace(panel, members=inputs.pop("members"))  # type: ignore[arg-type]
    config = inputs.pop("config", ContractConfig())
    given = {"simulated": True, **inputs}
    return run(ContractInputs(panel=panel, calendar=calendar, **given), config)  # type: ignore[arg-type]
