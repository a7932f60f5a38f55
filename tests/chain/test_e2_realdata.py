"""On real bars of 2016 modulation lowers exposure, and neither scan nor candidates hear of it.

The benchmark's own file has two rows with an open below the low, and such a row takes the benchmark, and with it every
entry, out for as long as the panel holds it. They are corrected by a later vintage: the open raised to the low.
"""

from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from analytics.comparison import Comparison, lowered, measures, of_labels
from flows.comparison import compare
from flows.house import House
from flows.settings import load
from market.imports import import_bars
from tests.realdata import real_data

FIRST, LAST = date(2016, 3, 14), date(2016, 3, 18)
SYMBOLS = 300
CORRECTED = """\
symbol,date,open,high,low,close,volume
SPY,2015-03-05,209.850006,210.800003,209.850006,210.460007,76873000
SPY,2015-03-30,206.960007,208.610001,206.960007,208.25,96180400
"""


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """A week in which the benchmark had just come back above its anchors, on the most traded names."""
    home = tmp_path_factory.mktemp("real")
    house = House(load(home))
    house.root.mkdir()
    most_traded(home / "bars.parquet")
    import_bars(house.root, home / "bars.parquet")
    import_bars(house.root, real_data("index_spy_vix_daily_2010_2018.parquet"))
    (home / "corrected.csv").write_text(CORRECTED)
    import_bars(house.root, home / "corrected.csv", known_at=datetime(2015, 4, 1, 12, tzinfo=UTC))
    return compare(house, FIRST, LAST, home / "runs", lambda done, what: None)


def most_traded(to: Path) -> None:
    """The SYMBOLS names with the most dollars traded over both years, as a file of their own."""
    table = pq.read_table(real_data("us_wide_daily_2015_2016.parquet"))
    table = table.append_column("usd", pc.multiply(table["close"], table["volume"]))
    ranked = table.group_by("symbol").aggregate([("usd", "sum")]).sort_by([("usd_sum", "descending")])
    names = ranked["symbol"].slice(0, SYMBOLS).combine_chunks()
    pq.write_table(table.filter(pc.is_in(table["symbol"], value_set=names)).drop(["usd"]), to)


def test_scan_candidates_and_regime_are_the_same_in_both_runs(compared: Comparison) -> None:
    assert {"regime.json": 5, "scan.json": 5, "candidates.json": 5} == compared.alike


def test_the_week_is_risk_off_and_a_fifth_is_held_of_what_would_have_been(compared: Comparison) -> None:
    assert ["RISK_OFF"] == [row.label for row in of_labels(compared)]
    without, with_ = measures(compared.plain), measures(compared.modulated)
    assert without.entries > with_.entries > 0
    assert without.exposure_max is not None
    assert with_.exposure_max is not None
    assert with_.exposure_max <= 0.2 < without.exposure_max
    assert lowered(compared.modulated).intents > 0 == lowered(compared.plain).intents
