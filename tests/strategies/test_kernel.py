"""The kernel against the slow reference, and the laws it must keep: no look-ahead, no order, no old rows."""

import hashlib
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import strategies
from market.panel import Panel
from schemas.market import ActionKind, CorporateAction
from schemas.strategy_registry import EntryModel
from strategies import kernel, layout
from strategies.config import ScanConfig
from strategies.measures import (
    Measures,
    dividends_table,
    empty_rows,
    events_table,
    measure,
    parameters,
    sessions_table,
    working,
)
from tests.strategies.comparison import differences
from tests.strategies.panels import Bar, panel_of, weekdays
from tests.strategies.walks import Walk, walk, walks

SESSIONS = weekdays(date(2014, 10, 6), 330)
CONFIG = ScanConfig()


def flat(n: int, price: int = 1_000_000, volume: int = 1_000_000, first: int = 0) -> list[Bar]:
    """*n* bars that do nothing."""
    return [(first + i, price, price, price, price, volume) for i in range(n)]


def one(bars: list[Bar], column: int) -> int:
    """One feature of one symbol."""
    return int(measure(panel_of({"AAA": bars}, SESSIONS[: bars[-1][0] + 1]), CONFIG).features[0, column])


def anchor(bars: list[Bar], name: int, column: int) -> int:
    """One column of one anchor of one symbol."""
    measures = measure(panel_of({"AAA": bars}, SESSIONS[: bars[-1][0] + 1]), CONFIG)
    return int(measures.anchors[0, name, column])


def same(one_side: Measures, other: Measures) -> bool:
    return all(
        np.array_equal(getattr(one_side, name), getattr(other, name))
        for name in ("at", "features", "anchors")
    )


@settings(max_examples=150, deadline=None)
@given(walks(), st.booleans())
def test_every_output_agrees_with_the_slow_reference(series: Walk, at_level: bool) -> None:
    config = CONFIG.model_copy(
        update={"entry_model": EntryModel.LIMIT_AT_LEVEL if at_level else EntryModel.NEXT_OPEN}
    )
    measures = measure(panel_of({"AAA": series.bars}, SESSIONS), config)
    assert [] == differences(series.bars, SESSIONS, measures, 0, at_level=at_level)


@pytest.mark.parametrize("days", [8, 61, 62, 64, 70, 325])
def test_the_turn_of_year_and_month_agrees_with_the_slow_reference(days: int) -> None:
    series = walk(7, days, start=300_000, swing=0.01, gap=0.05, missing=0.1, grain=100, drift=0.001)
    measures = measure(panel_of({"AAA": series.bars}, SESSIONS[:days]), CONFIG)
    assert [] == differences(series.bars, SESSIONS[:days], measures, 0)


def test_a_cash_dividend_is_taken_off_the_reference_of_a_gap_and_agrees_with_the_slow_reference() -> None:
    series = walk(3, 330, start=200_000, swing=0.01, gap=0.08, missing=0.0, grain=100, drift=0.0)
    cash: dict[date, Fraction] = {SESSIONS[i]: Fraction(1, 2) for i in range(280, 330, 3)}
    actions = [
        CorporateAction(
            symbol="AAA",
            ex_date=day,
            kind=ActionKind.CASH_DIVIDEND,
            ratio_num=None,
            ratio_den=None,
            cash_usd=Decimal("0.500000"),
            new_symbol=None,
            known_at=None,
        )
        for day in cash
    ]
    measures = measure(panel_of({"AAA": series.bars}, SESSIONS, actions=actions), CONFIG)
    assert [] == differences(series.bars, SESSIONS, measures, 0, dividends=cash)
    assert differences(series.bars, SESSIONS, measures, 0), "the dividends changed nothing: a blind test"


@settings(max_examples=15, deadline=None)
@given(walks(), walks())
def test_rows_after_p_and_other_symbols_change_nothing(series: Walk, other: Walk) -> None:
    alone = measure(panel_of({"AAA": series.bars}, SESSIONS), CONFIG)
    panel = panel_of({"AAA": series.bars, "BBB": other.bars}, SESSIONS)
    wild = np.concatenate([panel.close, panel.close[:5] * 7])
    columns = {name: np.concatenate([getattr(panel, name), wild[-5:]]) for name in ("open", "high", "low")}
    longer = _replace(panel, **columns, close=wild, session=np.append(panel.session, [0, 1, 2, 3, 4]))
    longer = _replace(longer, volume=np.append(panel.volume, [9, 9, 9, 9, 9]))
    assert np.array_equal(alone.features[0], measure(longer, CONFIG).features[0])
    assert np.array_equal(alone.anchors[0], measure(longer, CONFIG).anchors[0])


def _replace(panel: Panel, **columns: np.ndarray) -> Panel:
    fields = {name: getattr(panel, name) for name in panel.__dataclass_fields__}
    columns["session"] = columns.get("session", panel.session).astype(np.int32)
    return Panel(**(fields | columns))


@settings(max_examples=10, deadline=None)
@given(st.lists(walks(), min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_symbols_and_rows_in_memory_is_irrelevant(series: list[Walk], order: object) -> None:
    names = [f"S{k}" for k in range(len(series))]
    straight = measure(panel_of(dict(zip(names, (s.bars for s in series), strict=True)), SESSIONS), CONFIG)
    turned = list(enumerate(names))
    order.shuffle(turned)  # type: ignore[attr-defined]
    shuffled = measure(panel_of({name: series[k].bars for k, name in turned}, SESSIONS), CONFIG)
    for place, (k, _) in enumerate(turned):
        assert np.array_equal(straight.features[k], shuffled.features[place])
        assert np.array_equal(straight.anchors[k], shuffled.anchors[place])


YEARS = weekdays(date(2013, 6, 3), 680)


def first_of_panel(p: int) -> int:
    """P0 by the rule: the earlier of the first session of the year before and the session 300 before."""
    year = next(i for i, day in enumerate(YEARS) if day.year >= YEARS[p].year - 1)
    return min(year, p - 300)


@settings(max_examples=15, deadline=None)
@given(walks(sessions=len(YEARS)))
def test_the_pass_over_all_days_equals_the_scan_of_each_day_bit_for_bit(series: Walk) -> None:
    """Over the turn of a year, where P0 leaps and old bars leave the panel."""
    n, days = len(YEARS), 30
    assert YEARS[n - days].year < YEARS[-1].year
    panel_from = np.array([first_of_panel(p) if p >= 300 else 0 for p in range(n)], np.int64)
    panel = panel_of({"AAA": series.bars}, YEARS)
    start = int(np.searchsorted(panel.session, n - days))
    rows = len(panel.session) - start
    features, anchors = empty_rows(rows)
    bars = layout.Bars(panel.session, panel.open, panel.high, panel.low, panel.close, panel.volume)
    beside = (dividends_table(panel), events_table(panel))
    tail = (*beside, np.array([start]), 0, parameters(CONFIG), features, anchors)
    kernel.scan_rows(panel.lo, panel.hi, bars, sessions_table(YEARS, panel_from), *tail, working(n))
    for row in range(rows):
        p = int(panel.session[start + row])
        p0 = first_of_panel(p)
        window = [(bar[0] - p0, *bar[1:]) for bar in series.bars if p0 <= bar[0] <= p]
        alone = measure(panel_of({"AAA": window}, YEARS[p0 : p + 1]), CONFIG)
        for column in (layout.SESSION, layout.FRACTAL_LOW):
            alone.features[0, column] += p0 if alone.features[0, column] >= 0 else 0
        places = alone.anchors[0, :, layout.A_SESSION]
        places[places >= 0] += p0
        assert np.array_equal(features[:, row], alone.features[0]), p
        assert np.array_equal(anchors[:, :, row], alone.anchors[0]), p


def test_a_symbol_without_a_bar_at_p_has_no_row() -> None:
    measures = measure(panel_of({"AAA": flat(100), "BBB": flat(99)}, SESSIONS[:100]), CONFIG)
    assert [0, -1] == measures.at.tolist()
    assert 1 == len(measures.features)


OUTSIDE = (
    (-1, 1, 1, 1, 5),
    (50, 50, 0, 50, 5),
    (50, 50, 50, 50, -5),
    (10**11, 10**11, 10**11, 10**11, 5),
    (2**62, 2**62, -(2**62), 2**62, 5),
    (50, 50, 50, 50, 2**45),
)


@pytest.mark.parametrize("bad", OUTSIDE)
def test_a_bar_outside_the_bounds_leaves_its_panel_without_a_measure(bad: tuple[int, ...]) -> None:
    bars = flat(120)
    bars[40] = (40, *bad)
    assert layout.NULL == one(bars, layout.ATR_PCT_MEDIAN)
    assert layout.NULL == one(bars, layout.SMA5)
    assert layout.NULL == one(bars, layout.ADX14)


def test_the_sums_hold_at_the_greatest_turnover_that_the_bounds_admit() -> None:
    price, volume = 20_000_000_000, 300_000
    assert 3 * price * volume < layout.BAR_MAX
    assert price * 100 == one(flat(329, price, volume), layout.VWAP20)


def test_avwap_of_two_bars_is_the_mean_weighted_by_volume() -> None:
    """(10 * 100 + 12 * 300)/400 = 11.5 USD over twenty bars of which eighteen traded nothing."""
    bars = [*flat(18, 90_000, 0), (18, *(100_000,) * 4, 100), (19, *(120_000,) * 4, 300)]
    assert 11_500_000 == one(bars, layout.VWAP20)


def test_without_a_share_traded_there_is_no_avwap() -> None:
    assert layout.NULL == one(flat(25, volume=0), layout.VWAP20)


def test_a_mean_that_lies_half_way_goes_to_the_even_digit() -> None:
    """200 closes of 1.0000 and one 0.0001 more: 1.0000005 is half way and becomes 1.000000."""
    bars = flat(200, 10_000)
    bars[199] = (199, 10_000, 10_001, 10_000, 10_001, 1)
    assert 1_000_000 == one(bars, layout.SMA200)


@pytest.mark.parametrize(
    ("opens", "expected"), [(1_039_900, -1), (1_040_000, 99), (960_000, 99), (960_100, -1)]
)
def test_a_gap_of_exactly_four_percent_is_a_gap_in_either_direction(opens: int, expected: int) -> None:
    bars = flat(100)
    bars[99] = (99, opens, max(opens, 1_000_000), min(opens, 1_000_000), 1_000_000, 10)
    assert expected == anchor(bars, layout.GAP, layout.A_SESSION)


@pytest.mark.parametrize(("age", "present"), [(60, True), (61, False)])
def test_a_gap_is_an_anchor_for_sixty_bars(age: int, present: bool) -> None:
    bars = [*flat(150 - age), *flat(age, 1_100_000, first=150 - age)]
    assert present == (anchor(bars, layout.GAP, layout.A_SESSION) >= 0)


def test_a_swing_low_counts_once_it_is_three_bars_old_and_equal_lows_give_the_later() -> None:
    bars = flat(100)
    for place in (94, 96):
        bars[place] = (place, 1_000_000, 1_000_000, 990_000, 1_000_000, 10)
    assert 96 == anchor(bars, layout.SWING_LOW, layout.A_SESSION)
    bars[97] = (97, 1_000_000, 1_000_000, 980_000, 1_000_000, 10)
    assert -1 == anchor(bars, layout.SWING_LOW, layout.A_SESSION)


def test_two_anchors_on_one_bar_are_one_with_an_alias() -> None:
    """The last gap is also the first bar of the month: GAP stays, MTD is its alias."""
    place = next(i for i in range(90, 120) if SESSIONS[i].month != SESSIONS[i - 1].month)
    bars = [*flat(place), *flat(10, 1_100_000, first=place)]
    assert layout.GAP == anchor(bars, layout.MTD, layout.A_ALIAS_OF)
    assert -1 == anchor(bars, layout.GAP, layout.A_ALIAS_OF)


def test_a_year_that_begins_before_the_first_bar_has_no_ytd_anchor() -> None:
    """Listed in mid January: the first bar loaded is not the first of the year."""
    opening = next(i for i in range(1, 330) if SESSIONS[i].year == 2015)
    listed = flat(100, first=opening + 5)
    assert -1 == anchor(listed, layout.YTD, layout.A_SESSION)
    assert opening == anchor(flat(100, first=opening), layout.YTD, layout.A_SESSION)


def test_the_helpers_digest_is_current() -> None:
    """numba's cache would miss an edit of a helper: put this digest into kernel.py after each one."""
    folder = Path(str(strategies.__file__)).parent
    text = b"".join((folder / name).read_bytes() for name in kernel.HELPERS)
    assert hashlib.sha256(text).hexdigest() == kernel.HELPERS_SHA256
