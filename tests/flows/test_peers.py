"""Sectors, returns and changed bases are read off the panel of D, and off nothing after P."""

from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import pytest

from flows.peers import peers, rebased, returns, sectors
from market.panel import Panel
from portfolio.correlation import RETURNS
from tests.chain.days import HELD_DAY, market_of


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Panel:
    house = market_of(tmp_path_factory.mktemp("peers"))
    return house.panel(house.calendar.session(HELD_DAY))  # type: ignore[arg-type]


def closes(panel: Panel, symbol: str) -> list[int]:
    at = panel.position(symbol)
    assert at is not None
    return [int(each) for each in panel.close[panel.lo[at] : panel.hi[at]]]


def test_returns_are_those_of_the_last_sixty_sessions(panel: Panel) -> None:
    found = returns(panel, ["SPY", "NOBODY"])
    assert {"SPY"} == set(found)
    last = closes(panel, "SPY")[-RETURNS - 1 :]
    expected = [round((now / before - 1) * 1e7) for before, now in pairwise(last)]
    assert RETURNS == len(found["SPY"])
    assert all(
        got is not None and abs(got - want) <= 1 for got, want in zip(found["SPY"], expected, strict=True)
    )


def test_a_session_without_a_bar_has_no_return_and_neither_has_the_next(panel: Panel) -> None:
    at = panel.position("SPY")
    assert at is not None
    row = int(panel.hi[at]) - 10
    close = panel.close.copy()
    close[row] = -1
    holed = returns(replace(panel, close=close), ["SPY"])["SPY"]
    whole = returns(panel, ["SPY"])["SPY"]
    assert [RETURNS - 10, RETURNS - 9] == [n for n, each in enumerate(holed) if each is None]
    assert whole[: RETURNS - 10] == holed[: RETURNS - 10]


def test_a_symbol_that_stopped_trading_has_returns_only_where_it_traded(panel: Panel) -> None:
    at = panel.position("SPY")
    assert at is not None
    hi = panel.hi.copy()
    hi[at] -= 5
    short = returns(replace(panel, hi=hi), ["SPY"])["SPY"]
    assert (None,) * 5 == short[-5:]
    assert returns(panel, ["SPY"])["SPY"][:-5] == short[:-5]


def test_without_a_table_of_sectors_there_is_none_and_with_one_only_what_it_names(panel: Panel) -> None:
    assert None is sectors(replace(panel, sectors={}), ["SPY"])
    named = replace(panel, sectors={"SPY": "Funds", "LOKU": "Energy"})
    assert {"SPY": "Funds"} == sectors(named, ["SPY", "ZAYA"])
    assert {"SPY": "Funds"} == peers(named, ["SPY", "ZAYA"]).sectors


def test_a_basis_that_changes_between_p_and_d_is_named(panel: Panel) -> None:
    assert frozenset() == rebased(replace(panel, unsplit={}), ["SPY"])
    assert frozenset({"SPY"}) == rebased(replace(panel, unsplit={"SPY": 1, "LOKU": 2}), ["SPY", "ZAYA"])


def test_rows_after_the_last_session_change_nothing(panel: Panel) -> None:
    assert date(2024, 8, 2) == panel.data_session
    wild = panel.close.copy()
    inside = np.zeros(len(wild), np.bool_)
    for lo, hi in zip(panel.lo.tolist(), panel.hi.tolist(), strict=True):
        inside[lo:hi] = True
    wild[~inside] = 1
    symbols = list(panel.symbols)
    assert returns(panel, symbols) == returns(replace(panel, close=wild), symbols)
