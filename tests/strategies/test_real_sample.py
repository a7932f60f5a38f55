"""On real bars, defects and all, the scan's artifact and its explanations agree with the slow reference."""

import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from market.calendar import EPOCH, Calendar
from market.config import ContractConfig
from market.contract import ContractInputs
from market.contract import run as judged_by_the_contract
from market.panel import load_panel
from market.rows import NULL, Rows
from market.store import BarStore
from schemas.base import SessionDate
from tests.realdata import real_data
from tests.strategies.reference import Limits
from tests.strategies.reference_scan import Market
from tests.strategies.test_reference_scan import compare

EACH = 20 if os.environ.get("AVWAP_FULL") else 110
"""Of every so many symbols one is compared; the gate takes some sixty, the full run three hundred."""
WIDE = (
    "us_wide_daily_2015_2016.parquet",
    EACH,
    ("AA", "AOS", "CBX", "CSB", "CUI", "ITEK", "KKR", "MSG", "ON"),
)
LARGE = ("us_sp500_daily_2012_2018.parquet", EACH // 14, ("AAPL", "SPY"))
"""File, step between symbols, and symbols that the sample must have: splits, copies, impossible prices, halts."""


def bars_of(name: str, step: int, wanted: Sequence[str], last: date) -> dict[str, list[tuple[Any, ...]]]:
    """symbol -> bars as traded up to *last*; a row that no import would keep, or a second one of a day, is left out."""
    table = pq.read_table(real_data(name))
    table = table.filter(pc.less_equal(table["date"], pa.scalar(last)))
    names = sorted(pc.unique(table["symbol"]).to_pylist())
    names = sorted({*names[3::step], *(set(wanted) & set(names))})
    held: dict[str, dict[date, tuple[Any, ...]]] = {}
    for row in table.filter(pc.is_in(table["symbol"], pa.array(names))).to_pylist():
        prices = [row[column] for column in ("open", "high", "low", "close")]
        if all(price is not None for price in prices):
            bar = (row["date"], *(int(np.rint(price * 10_000)) for price in prices), int(row["volume"]))
            held.setdefault(row["symbol"], {}).setdefault(row["date"], bar)
    return {symbol: [own[day] for day in sorted(own)] for symbol, own in held.items()}


def store_of(bars: dict[str, list[tuple[Any, ...]]], root: Path) -> BarStore:
    names = tuple(sorted(bars))
    flat = [(k, *bar) for k, name in enumerate(names) for bar in bars[name]]
    rows = Rows(
        symbols=names,
        code=np.array([row[0] for row in flat], np.int32),
        day=np.array([row[1].toordinal() - EPOCH for row in flat], np.int32),
        values=np.array([[row[k] for row in flat] for k in range(2, 7)], np.int64),
        known_at=np.full(len(flat), NULL, np.int64),
        vintage=np.zeros(len(flat), np.int32),
    ).canonical()
    store = BarStore(root)
    store.append_bars(rows, "sample")
    return store


@pytest.mark.parametrize(
    ("source", "days"),
    [
        (
            WIDE,
            (date(2016, 1, 5), date(2016, 9, 2), date(2016, 12, 30)),
        ),
        (LARGE, (date(2016, 1, 4), date(2018, 12, 31))),
    ],
)
def test_a_sample_of_real_symbols_agrees_with_the_slow_reference(
    source: tuple[str, int, tuple[str, ...]], days: tuple[date, ...], tmp_path: Path
) -> None:
    calendar = Calendar()
    every = bars_of(*source, last=days[-1])
    assert len(every) >= 60
    store = store_of(every, tmp_path)
    for today in days:
        panel = load_panel(store, calendar, SessionDate(today), benchmark="AAPL")
        contract = judged_by_the_contract(
            ContractInputs(panel=panel, calendar=calendar, simulated=True), ContractConfig()
        )
        p = calendar.previous(today)
        first = min(calendar.sessions(date(p.year - 1, 1, 1), p)[0], calendar.previous(p, 300))
        sessions = calendar.sessions(first, p)
        known = set(sessions)
        seen = {s: [bar for bar in own if bar[0] in known] for s, own in every.items()}
        market = Market(
            made_by=f"{source[0]} {today}",
            sessions=sessions,
            today=today,
            ahead=calendar.sessions(today, calendar.next(today, 2))[1:],
            bars={symbol: own for symbol, own in seen.items() if own},
            benchmark="AAPL",
            quarantine=contract.quarantine,
            warnings=contract.warnings,
            blocking=contract.blocking,
        )
        compare(market, panel, Limits())
