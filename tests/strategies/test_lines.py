"""The line that is drawn ends in the value that decided, whatever market it runs through."""

import tempfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.calendar import Calendar
from strategies.explain import explain
from strategies.lines import Bar, anchored, bars_of, mean
from tests.strategies.markets import DAYS, config_of, inputs_from, market, panel_from
from tests.strategies.reference import Limits


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    return Calendar(2012, 2024)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**40), st.sampled_from(DAYS))
def test_every_anchor_and_mean_ends_in_the_scans_own_value(
    calendar: Calendar, seed: int, today: date
) -> None:
    made = market(calendar, seed, today)
    with tempfile.TemporaryDirectory() as folder:
        panel = panel_from(made, calendar, Path(folder))
        inputs = inputs_from(made, panel)
        for symbol in panel.symbols:
            told = explain(inputs, config_of(Limits()), symbol)
            assert told is not None
            bars = bars_of(panel, symbol)
            for row in told.anchors:
                assert row["v"] == anchored(bars, panel.sessions, date.fromisoformat(str(row["on"])))[-1], (
                    symbol,
                    row["a"],
                )
            if told.features:
                for length in (5, 20, 50, 200):
                    assert told.features[f"sma{length}"] == mean(bars, length)[-1], (symbol, length)


def bar(session: int, price: int, volume: int) -> Bar:
    return Bar(session=session, open=price, high=price, low=price, close=price, volume=volume)


SESSIONS = tuple(date(2016, 1, day) for day in range(4, 9))


def test_a_line_worked_by_hand() -> None:
    bars = [bar(0, 90_000, 5), bar(1, 100_000, 100), bar(2, 130_000, 200), bar(4, 110_000, 0)]
    # (10 * 100 + 13 * 200) / 300 = 12; nothing traded on the last.
    assert (None, 10.0, 12.0, 12.0) == anchored(bars, SESSIONS, SESSIONS[1])


def test_there_is_no_line_until_a_share_traded() -> None:
    bars = [bar(0, 100_000, 0), bar(1, 100_000, 7)]
    assert (None, 10.0) == anchored(bars, SESSIONS, SESSIONS[0])


def test_a_bar_without_a_price_weighs_nothing_and_breaks_a_mean() -> None:
    bars = [bar(0, 100_000, 10), bar(1, -1, 1_000), bar(2, 120_000, 10), bar(3, 140_000, 10)]
    assert (10.0, 10.0, 11.0, 12.0) == anchored(bars, SESSIONS, SESSIONS[0])
    assert (None, None, None, 13.0) == mean(bars, 2)
