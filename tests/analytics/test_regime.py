"""The regime table row by row, the measures from closes made to reach them, and what keeps a label away."""

import math
import statistics
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.config import RegimeConfig
from analytics.regime import Closes, RegimeInputs, _label, breadth_counts, run
from schemas.regime import Regime, RegimeLabel, RegimeMeasures, RegimeStatus

CONFIG = RegimeConfig()


def sessions(count: int) -> list[date]:
    return [date(2015, 1, 1) + timedelta(days=i) for i in range(count)]


def measured(closes: list[int], *, above: int = 60, members: int = 100, last: int | None = None) -> Regime:
    days = sessions(len(closes) if last is None else last + 1)
    benchmark = Closes(session=range(len(closes)), close=closes)
    return run(
        RegimeInputs(
            sessions=days, benchmark_symbol="SPY", benchmark=benchmark, above=above, members=members
        ),
        CONFIG,
    )


def codes(regime: Regime) -> list[str]:
    return [finding.code for finding in regime.reasons]


def labelled(vol: float, fall: float, trend: float, breadth: float) -> tuple[str, int, list[str]]:
    measures = RegimeMeasures(vol20=vol, drawdown63=fall, trend=trend, breadth=breadth)
    label, tenths, votes = _label(measures, CONFIG)
    return label, tenths, [vote.code for vote in votes]


# fmt: off
TABLE = [
    # label, tenths of confidence, votes            vol, drawdown, trend, breadth: by hand from the table
    (("STRESSED", 8, ["DRAWDOWN_DEEP"]),             (0.15, 0.20, 0.05, 0.60)),
    (("STRESSED", 9, ["VOL_HIGH", "TREND_DOWN"]),    (0.30, 0.05, -0.02, 0.60)),
    (("STRESSED", 10, ["VOL_HIGH", "DRAWDOWN_DEEP", "TREND_DOWN"]), (0.45, 0.31, -0.09, 0.10)),
    (("RISK_OFF", 6, ["VOL_ELEVATED"]),              (0.30, 0.05, -0.00, 0.60)),
    (("RISK_OFF", 6, ["VOL_ELEVATED"]),              (0.20, 0.05, 0.03, 0.60)),
    (("RISK_OFF", 6, ["DRAWDOWN_MODERATE"]),         (0.10, 0.10, 0.03, 0.60)),
    (("RISK_OFF", 7, ["TREND_NEGATIVE", "BREADTH_WEAK"]), (0.10, 0.05, -0.000001, 0.45)),
    (("RISK_OFF", 9, ["VOL_ELEVATED", "DRAWDOWN_MODERATE", "TREND_NEGATIVE", "BREADTH_WEAK"]),
     (0.25, 0.19, -0.01, 0.2)),
    (("RISK_ON", 9, ["VOL_CALM", "DRAWDOWN_SHALLOW", "TREND_POSITIVE", "BREADTH_STRONG"]),
     (0.199999, 0.099999, 0.02, 0.55)),
    (("NEUTRAL", 4, ["MIXED_SIGNALS"]),              (0.10, 0.05, 0.019999, 0.60)),
    (("NEUTRAL", 4, ["MIXED_SIGNALS"]),              (0.10, 0.05, 0.03, 0.549999)),
    # a millionth short of a threshold, and at the next one that does not hold
    (("RISK_OFF", 6, ["DRAWDOWN_MODERATE"]),         (0.10, 0.199999, 0.05, 0.60)),
    (("RISK_OFF", 7, ["VOL_ELEVATED", "TREND_NEGATIVE"]), (0.299999, 0.05, -0.02, 0.60)),
    (("RISK_OFF", 7, ["VOL_ELEVATED", "TREND_NEGATIVE"]), (0.30, 0.05, -0.019999, 0.60)),
    (("NEUTRAL", 4, ["MIXED_SIGNALS"]),              (0.199999, 0.099999, 0.0, 0.450001)),
    (("RISK_OFF", 6, ["BREADTH_WEAK"]),              (0.199999, 0.099999, 0.02, 0.45)),
]
# fmt: on


@pytest.mark.parametrize(("expected", "measures"), TABLE)
def test_each_row_of_the_table_gives_its_label_at_its_threshold(
    expected: tuple[str, int, list[str]], measures: tuple[float, float, float, float]
) -> None:
    assert expected == labelled(*measures)


def slowly(vol: float, fall: float, trend: float, breadth: float) -> tuple[str, int]:
    """The table of strategy.md 8.2 once more, in words as near to it as Python has."""
    high, deep, down = vol >= 0.3, fall >= 0.2, trend <= -0.02
    if deep or (high and down):
        return "STRESSED", min(10, 7 + high + deep + down)
    against = sum([vol >= 0.2, fall >= 0.1, trend < 0, breadth <= 0.45])
    if against:
        return "RISK_OFF", min(9, 5 + against)
    if vol <= 0.2 and fall < 0.1 and trend >= 0.02 and breadth >= 0.55:
        return "RISK_ON", 9
    return "NEUTRAL", 4


def about(*limits: float) -> st.SearchStrategy[float]:
    """A measure at one of *limits*, or up to three millionths beside it."""
    steps = st.integers(-3, 3)
    return st.builds(lambda limit, step: round(limit * 1e6 + step) / 1e6, st.sampled_from(limits), steps)


@given(about(0.1, 0.2, 0.3, 0.5), about(0.05, 0.1, 0.2), about(-0.02, 0.0, 0.02), about(0.3, 0.45, 0.55))
def test_the_table_read_a_second_time_gives_the_same_label(
    vol: float, fall: float, trend: float, breadth: float
) -> None:
    assert slowly(vol, fall, trend, breadth) == labelled(vol, fall, trend, breadth)[:2]


@given(
    about(0.1, 0.2, 0.3, 0.5),
    about(0.05, 0.1, 0.2),
    about(-0.02, 0.0, 0.02),
    st.integers(0, 10**6).map(lambda millionths: millionths / 1e6),
)
def test_a_label_on_which_no_member_and_every_member_agree_holds_for_any_breadth(
    vol: float, fall: float, trend: float, breadth: float
) -> None:
    ends = {labelled(vol, fall, trend, end)[0] for end in (0.0, 1.0)}
    if len(ends) == 1:
        assert ends == {labelled(vol, fall, trend, breadth)[0]}


@pytest.mark.parametrize(
    ("missing", "closes"),
    [
        (["INSUFFICIENT_VOL_HISTORY", "INSUFFICIENT_DRAWDOWN_HISTORY", "INSUFFICIENT_TREND_HISTORY"], 20),
        (["INSUFFICIENT_DRAWDOWN_HISTORY", "INSUFFICIENT_TREND_HISTORY"], 21),
        (["INSUFFICIENT_DRAWDOWN_HISTORY", "INSUFFICIENT_TREND_HISTORY"], 62),
        (["INSUFFICIENT_TREND_HISTORY"], 63),
        (["INSUFFICIENT_TREND_HISTORY"], 199),
        (["MIXED_SIGNALS"], 200),
    ],
)
def test_each_history_is_enough_at_its_length_and_one_short_is_not(missing: list[str], closes: int) -> None:
    assert missing == codes(measured([1_000_000] * closes))


def test_twenty_members_are_enough_and_nineteen_are_not() -> None:
    assert 0.5 == measured([1_000_000] * 200, above=10, members=20).measures.breadth
    assert ["INSUFFICIENT_BREADTH"] == codes(measured([1_000_000] * 200, above=19, members=19))


def test_a_flat_market_has_no_volatility_no_drawdown_and_no_trend() -> None:
    regime = measured([1_000_000] * 200)
    assert RegimeMeasures(
        vol20=0.0, drawdown63=0.0, trend=0.0, breadth=0.6, breadth_members=100, breadth_above=60
    ) == (regime.measures)
    assert (RegimeLabel.NEUTRAL, 0.4) == (regime.label, regime.confidence)


def test_a_steady_climb_is_risk_on_and_its_trend_is_the_ratio_of_the_means() -> None:
    # 200 closes 100.00, 100.10 … 119.90: mean of 200 is 109.95, of the last 50 is 117.45; 117.45/109.95 - 1.
    regime = measured([1_000_000 + 1_000 * i for i in range(200)])
    assert 0.068213 == regime.measures.trend
    assert (RegimeLabel.RISK_ON, 0.9) == (regime.label, regime.confidence)


def test_a_fall_of_a_quarter_inside_63_closes_is_stressed_and_outside_them_is_forgotten() -> None:
    fallen = [1_000_000] * 180 + [750_000] * 20
    assert 0.25 == measured(fallen).measures.drawdown63
    assert RegimeLabel.STRESSED == measured(fallen).label
    assert 0.0 == measured([1_000_000] * 137 + [750_000] * 63).measures.drawdown63


def test_two_alternating_closes_give_the_volatility_that_a_second_road_computes() -> None:
    closes = [1_000_000 + (10_000 if i % 2 else 0) for i in range(200)]
    returns = [closes[i] / closes[i - 1] - 1 for i in range(180, 200)]
    expected = statistics.pstdev(returns) * math.sqrt(252)
    assert measured(closes).measures.vol20 == pytest.approx(expected, abs=2e-6)


def test_a_store_without_the_benchmark_is_skipped_with_its_code_alone() -> None:
    regime = measured([], last=199)
    assert (RegimeStatus.SKIPPED, None, None) == (regime.status, regime.label, regime.confidence)
    assert ["MISSING_SYMBOL_SPY"] == codes(regime)
    assert regime.resolved_session is None


def test_a_short_history_and_no_breadth_are_reported_together() -> None:
    assert ["INSUFFICIENT_TREND_HISTORY", "INSUFFICIENT_BREADTH"] == codes(
        measured([1_000_000] * 199, members=19)
    )


def test_a_benchmark_three_sessions_late_costs_a_tenth_and_four_sessions_late_the_label() -> None:
    climb = [1_000_000 + 1_000 * i for i in range(200)]
    late = measured(climb, last=202)
    assert (RegimeLabel.RISK_ON, 0.8) == (late.label, late.confidence)
    assert "RESOLVED_TO_LAST_SESSION" == codes(late)[-1]
    stale = measured(climb, last=203)
    assert (None, ["EXCESSIVE_PRICE_STALENESS", "RESOLVED_TO_LAST_SESSION"]) == (stale.label, codes(stale))


@pytest.mark.parametrize(("expected", "last_close"), [(1.0, 500_000), (0.0, 499_999)])
def test_too_few_members_are_replaced_by_the_small_caps_against_their_mean(
    expected: float, last_close: int
) -> None:
    spy = Closes(session=range(200), close=[1_000_000] * 200)
    iwm = Closes(session=range(200), close=[500_000] * 199 + [last_close])
    regime = run(
        RegimeInputs(
            sessions=sessions(200), benchmark_symbol="SPY", benchmark=spy, above=9, members=10, proxy=iwm
        ),
        CONFIG,
    )
    assert expected == regime.measures.breadth
    assert "BREADTH_PROXY" == codes(regime)[-1]


def test_breadth_counts_clean_members_of_50_bars_that_traded_on_p() -> None:
    # above its mean, at it, below it, 49 bars only, not clean, left a session early
    bars = [[100] * 49 + [101], [100] * 50, [100] * 49 + [99], [100] * 49, [100] * 50, [100] * 50]
    ends = [60, 60, 60, 60, 60, 59]
    hi = np.cumsum([len(b) for b in bars])
    lo = hi - [len(b) for b in bars]
    session = np.concatenate([np.arange(e - len(b), e) for e, b in zip(ends, bars, strict=True)])
    clean = np.array([True, True, True, True, False, True])
    assert (2, 3) == breadth_counts(lo, hi, session, np.concatenate(bars), clean, 59)


@given(st.lists(st.integers(10_000, 5_000_000), min_size=200, max_size=220), st.data())
def test_closes_after_p_never_change_the_label_and_measures_stay_in_their_ranges(
    closes: list[int], data: st.DataObject
) -> None:
    after = data.draw(st.lists(st.integers(10_000, 5_000_000), max_size=5))
    plain, longer = measured(closes), measured(closes + after, last=len(closes) - 1)
    assert plain == longer
    assert 0 <= (plain.measures.drawdown63 or 0) < 1
    assert 0.4 <= (plain.confidence or 0) <= 1
