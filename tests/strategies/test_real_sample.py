"""On real bars, defects and all, the kernel and the slow reference agree in every output."""

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from schemas.base import SessionDate
from strategies.config import ScanConfig
from strategies.measures import measure
from tests.realdata import real_data
from tests.strategies.comparison import differences
from tests.strategies.panels import Bar, panel_of


@pytest.mark.parametrize("last", [date(2015, 12, 31), date(2016, 1, 4), date(2016, 9, 1), date(2016, 12, 29)])
def test_a_sample_of_real_symbols_agrees_with_the_slow_reference(last: date) -> None:
    table = pq.read_table(real_data("us_wide_daily_2015_2016.parquet"))
    table = table.filter(pc.less_equal(table["date"], pa.scalar(last)))
    days = sorted(set(pc.unique(table["date"]).to_pylist()))
    counts = pc.value_counts(table["date"])
    crowded = {row["values"].as_py() for row in counts if row["counts"].as_py() > 1_000}
    sessions = tuple(SessionDate(day) for day in days if day in crowded)
    index = {day: place for place, day in enumerate(sessions)}
    names = sorted(pc.unique(table["symbol"]).to_pylist())[3::170]
    rows = table.filter(pc.is_in(table["symbol"], pa.array(names))).to_pylist()
    held: dict[str, dict[int, Bar]] = {}
    for row in rows:
        prices = [row[name] for name in ("open", "high", "low", "close")]
        if row["date"] in index and all(price is not None and price > 0 for price in prices):
            place = index[row["date"]]
            bar = (place, *(int(np.rint(price * 10_000)) for price in prices), int(row["volume"]))
            held.setdefault(row["symbol"], {})[place] = bar
    bars = {symbol: [own[k] for k in sorted(own)] for symbol, own in held.items()}
    bars = {symbol: own for symbol, own in bars.items() if own[-1][0] == len(sessions) - 1}
    measures = measure(panel_of(bars, sessions), ScanConfig())
    assert len(bars) > 20
    for k, (symbol, own) in enumerate(bars.items()):
        assert [] == differences(own, sessions, measures, int(measures.at[k])), symbol
