"""The made-up market is one market per seed, sound by the contract, and lively enough to trade."""

from datetime import date
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from market.calendar import Calendar
from market.panel import load_panel
from market.store import BarStore
from market.synthetic import SyntheticMarket, generate, tiny
from tests.market.worlds import judged

FIRST, LAST = date(2023, 1, 3), date(2024, 9, 30)


@pytest.fixture(scope="module")
def market(calendar: Calendar) -> SyntheticMarket:
    return generate(7, 60, FIRST, LAST, calendar)


def closes(market: SyntheticMarket, symbol: str) -> np.ndarray:
    return market.rows.values[3][market.rows.code == market.rows.symbols.index(symbol)]


def test_a_seed_is_one_market(market: SyntheticMarket, calendar: Calendar) -> None:
    assert market.digest == generate(7, 60, FIRST, LAST, calendar).digest
    assert market.digest != generate(8, 60, FIRST, LAST, calendar).digest
    # Typed in from a first run: another machine or library that gives another world shows here.
    assert "9f233488ebfcb3b359153b814d33fa4af280eb0b5dc818b4af2912ad70454bf8" == market.digest
    assert (
        "88b62406921c058067c9ac1abfc4a8b5a4188d645d61dae42e1828d750d19052"
        == tiny(7, FIRST, LAST, calendar).digest
    )


def test_a_name_has_the_same_path_in_a_larger_market(market: SyntheticMarket, calendar: Calendar) -> None:
    larger = generate(7, 80, FIRST, LAST, calendar)
    assert set(market.rows.symbols) < set(larger.rows.symbols)
    for symbol in market.rows.symbols:
        assert (closes(market, symbol) == closes(larger, symbol)).all()


def test_prices_are_cents_above_one_dollar_and_bars_are_whole(market: SyntheticMarket) -> None:
    o, h, low, c, v = market.rows.values
    assert (market.rows.values[:4] % 100 == 0).all()
    assert (low >= 10_000).all()
    assert (low <= np.minimum(o, c)).all()
    assert (h >= np.maximum(o, c)).all()
    assert (v > 0).all()


def test_its_splits_are_told_and_traded(market: SyntheticMarket, calendar: Calendar) -> None:
    assert [Fraction(2), Fraction(3, 2)] == sorted(
        (Fraction(a.ratio_num or 0, a.ratio_den or 1) for a in market.actions), reverse=True
    )
    sessions = calendar.sessions(FIRST, LAST)
    for action in market.actions:
        series = closes(market, action.symbol)
        at = list(sessions).index(calendar.session(action.ex_date))  # type: ignore[arg-type]
        ratio = Fraction(action.ratio_num or 0, action.ratio_den or 1)
        assert abs(series[at] * ratio / series[at - 1] - 1) < Fraction(1, 8)


def test_it_has_a_crash_and_a_calm(market: SyntheticMarket) -> None:
    spy = closes(market, "SPY").astype(float)
    returns = spy[1:] / spy[:-1] - 1
    n = len(spy)
    assert spy[n * 2 // 5 + 12] / spy[n * 2 // 5 - 1] < 0.92
    assert returns[n * 3 // 5 + 1 : n * 3 // 4 - 1].std() < 0.6 * returns[: n // 3].std()
    assert spy[-1] > spy[-200:].mean(), "the market gate is open at the end"


def test_the_contract_lets_every_ordinary_day_of_it_through(
    market: SyntheticMarket, calendar: Calendar, tmp_path: Path
) -> None:
    store = BarStore(tmp_path)
    market.install(store)
    market.install(store)
    assert 2 == len(store.manifest().vintages), "a second installation adds nothing"
    for day in calendar.sessions(date(2024, 7, 1), date(2024, 9, 30))[::7]:
        result = judged(store, calendar, day)
        assert not result.observation.blocked, result.observation.findings
        assert len(result.quarantine) <= 2
        assert result.observation.liquid_members >= 40
    panel = load_panel(store, calendar, calendar.sessions(LAST, LAST)[0])
    assert any(panel.hi[k] - panel.lo[k] < 200 for k in range(len(panel.symbols))), "some names are young"


def test_a_tiny_market_is_twelve_names(calendar: Calendar) -> None:
    small = tiny(1, date(2024, 1, 2), LAST, calendar)
    assert 12 == len(small.rows.symbols)
    assert "SPY" in small.rows.symbols
