"""A symbol is judged by its own bars: no neighbour, however dirty, changes what is said of it."""

import tempfile
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from market.calendar import Calendar
from market.contract import ContractResult
from schemas.reasons.market import BarCode
from tests.market.test_contract import D, P, scaled, with_bar
from tests.market.worlds import Row, judged, split, steady, store_with

CLEAN = ("AAA", "NAN", "SPY")
OWN = "MMM"
"""Has defects of its own, which must neither go nor grow."""


@cache
def exchange() -> Calendar:
    return Calendar(2014, 2017)


def sessions() -> list[date]:
    return list(exchange().sessions(date(2016, 5, 2), P))


def given_rows() -> list[Row]:
    """The symbols whose verdicts are watched."""
    own = with_bar(with_bar(steady(OWN, sessions()), -3, high=90.0), 5, volume=0)
    return [row for name in CLEAN for row in steady(name, sessions())] + own


@st.composite
def dirty(draw: st.DrawFn) -> list[Row]:
    """Bars of one neighbour with up to six defects of any kind."""
    name = draw(st.sampled_from(["A", "AAB", "BBB", "NA", "NANA", "ON", "SPX", "TRUE", "ZZZ"]))
    rows = steady(name, sessions(), close=draw(st.sampled_from([1.0, 50.0, 3000.0])))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(1, len(rows) - 1))
        kinds = "gone twice differs ghost null zero flat jump cross idle".split()
        kind = draw(st.sampled_from(kinds))
        day = rows[at][1]
        match kind:
            case "gone":
                rows = rows[:at] + rows[at + 1 :] if len(rows) > 2 else rows
            case "twice":
                rows = [*rows, rows[at]]
            case "differs":
                rows = [*rows, (*rows[at][:6], 7)]
            case "ghost":
                rows = [*rows, (name, day + timedelta(days=5 - day.weekday()), *rows[at][2:])]
            case "null":
                rows = with_bar(rows, at, open=None)  # type: ignore[arg-type]
            case "zero":
                rows = with_bar(rows, at, low=0.0)
            case "flat":
                rows = with_bar(rows, at, open=9.0, high=9.0, low=9.0, close=9.0)
            case "jump":
                rows = scaled(rows, at, draw(st.sampled_from([0.01, 0.5, 1.5, 3.0])))
            case "cross":
                rows = with_bar(rows, at, high=0.5)
            case _:
                rows = with_bar(rows, at, volume=0)
    return rows


def said(result: ContractResult) -> dict[str, object]:
    """All that the contract says of each symbol that is no neighbour."""
    return {name: result.findings(name) for name in (*CLEAN, OWN)}


@cache
def alone() -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        return said(judged(store_with(Path(folder), given_rows()), exchange(), D))


@settings(max_examples=40)
@given(neighbours=st.lists(dirty(), min_size=1, max_size=3), told=st.booleans())
def test_dirty_neighbours_change_no_finding_of_another(neighbours: list[list[Row]], told: bool) -> None:
    actions = [split(rows[0][0], sessions()[-5], 2, 1) for rows in neighbours[:1]] if told else []
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for rows in neighbours for row in rows]
        result = judged(store_with(Path(folder), given_rows() + rows, actions), exchange(), D)
    assert alone() == said(result)
    assert set(result.quarantine) <= {OWN} | {rows[0][0] for rows in neighbours}


def test_the_one_exception_is_a_series_that_is_somebody_elses() -> None:
    with tempfile.TemporaryDirectory() as folder:
        twin: list[Row] = [("ZZZ", *row[1:]) for row in given_rows() if row[0] == "AAA"]
        result = judged(store_with(Path(folder), given_rows() + twin), exchange(), D)
    changed = {name for name, findings in said(result).items() if findings != alone()[name]}
    assert {"AAA"} == changed
    assert (BarCode.BARS_IDENTICAL_SERIES,) == result.quarantine["AAA"]
