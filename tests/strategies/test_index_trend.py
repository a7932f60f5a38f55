"""The index trend wishes for what its table says, tells every reason, and knows nothing but the panel."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.book import PositionPlan
from schemas.scan import ScanVerdict, TrendRow, TrendScan
from strategies import index_trend
from strategies.config import ExitConfig, ScanConfig, TrendConfig
from strategies.exits import ManagedPosition, MarketView, Phase, StopBasis, manage
from strategies.scan import ScanInputs
from tests.strategies.panels import Bar, panel_of, weekdays
from tests.strategies.plans import CLOSE, OPEN
from tests.strategies.walks import Walk, walks

SESSIONS = weekdays(date(2014, 10, 6), 330)
TREND = TrendConfig(universe=("SPY",))
SCAN = ScanConfig()


def rising(n: int = 330, *, start: int = 400_000, rise: int = 700, reach: int = 4_000) -> list[Bar]:
    """Closes on a straight line, each bar *reach* to both sides of its close. e4."""
    closes = [start + rise * i for i in range(330 - n, 330)]
    return [
        (330 - n + k, close, close + reach, close - reach, close, 2_000_000) for k, close in enumerate(closes)
    ]


def ending(close: int, bars: list[Bar] | None = None) -> list[Bar]:
    """The same with another last close, inside its bar's range."""
    *before, (session, o, high, low, _, volume) = bars or rising()
    return [*before, (session, o, max(high, close), min(low, close), close, volume)]


def inputs(bars: Mapping[str, Sequence[Bar]], **changes: Any) -> ScanInputs:
    fields: dict[str, Any] = {
        "panel": panel_of({symbol: bars[symbol] for symbol in sorted(bars)}, SESSIONS),
        "quarantine": {},
        "warnings": {},
        "blocking": (),
        "blocked_symbols": frozenset(),
    }
    return ScanInputs(**(fields | changes))


def judged(bars: Sequence[Bar], scan: ScanConfig = SCAN, **changes: Any) -> TrendRow:
    (row,) = index_trend.run(inputs({"SPY": bars}, **changes), TREND, scan).rows
    return row


def codes(row: TrendRow) -> list[str]:
    return [each.code for each in row.reasons]


def test_a_straight_rise_is_bought_at_its_new_high_with_a_plan_worked_out_by_hand() -> None:
    # Close i is 40 + 0.07 i USD, i = 0..329, every range 0.80, so ATR 0.80 and the last close 63.03.
    row = judged(rising())
    assert (ScanVerdict.CANDIDATE, 1, ()) == (row.verdict, row.rank, row.reasons)
    seen = row.measures
    assert (Decimal("63.0300"), 330, Decimal("62.9600")) == (seen.close, seen.bars, seen.high)
    # Means of the last 50 and 200: the closes in their middle, i = 304.5 and 229.5.
    assert (61.315, 56.065, 0.8) == (seen.sma50, seen.sma200, seen.atr14)
    assert 0.093641 == seen.lead  # 61.315/56.065 - 1 = 0.0936413...
    assert {
        "level": Decimal("62.9600"),
        "entry_ref": Decimal("63.0300"),
        "stop": Decimal("60.6300"),  # 63.03 - 3*0.80, farther than 1.5%
        "r1": Decimal("67.8300"),  # + 2*2.40
        "r2": Decimal("72.6300"),  # + 4*2.40
        "limit_cap": Decimal("64.9200"),  # 3% above; r1 - tick and stop/0.92 = 65.90 are higher
    } == row.levels.model_dump()  # type: ignore[union-attr]


def test_a_quiet_fund_keeps_the_least_distance_to_its_stop() -> None:
    row = judged(rising(reach=500))  # ATR 0.12 at 63.03: three of them are 0.36, 1.5% are 0.95
    assert row.levels is not None
    assert Decimal("62.0800") == row.levels.stop  # 62.08455 rounded down


@pytest.mark.parametrize(
    ("bars", "changes", "expected"),
    [
        (rising(), {"blocking": ("DAY_STALE_FEED",)}, ["DATA_DAY_BLOCKED"]),
        (rising(), {"quarantine": {"SPY": ("BARS_GAP",)}}, ["DATA_QUARANTINED"]),
        (rising(), {"blocked_symbols": frozenset({"SPY"})}, ["CORP_ACTION_TODAY"]),
        (rising(199), {}, ["HISTORY_SHORT", "TREND_BELOW_SMA200", "TREND_NOT_RISING"]),
        (rising(200), {}, []),
        (rising(start=40_000, rise=20, reach=400), {}, ["PRICE_BELOW_MIN", "ADV_DOLLARS_LOW"]),
        (ending(629_599), {}, ["TREND_NO_NEW_HIGH"]),
        (ending(629_600), {}, []),  # at the old high is a new one
        (
            ending(500_000),
            {},
            ["TREND_BELOW_SMA200", "TREND_NO_NEW_HIGH", "UNIT_RISK_TOO_WIDE"],
        ),
        (rising(start=800_000, rise=-700), {}, ["TREND_BELOW_SMA200", "TREND_NOT_RISING", "TREND_NO_NEW_HIGH"]),
        (rising(reach=8_500), {}, ["UNIT_RISK_TOO_WIDE"]),  # ATR 1.70: 5.10 of 63.03 are 8.1%
        (rising(reach=8_400), {}, []),  # ATR 1.68: 5.04 of 63.03 are 7.996%
    ],
)  # fmt: skip
def test_every_rule_that_fails_is_told_in_order(
    bars: list[Bar], changes: dict[str, Any], expected: list[str]
) -> None:
    row = judged(bars, **changes)
    assert expected == codes(row)
    assert (ScanVerdict.REJECTED if expected else ScanVerdict.CANDIDATE) is row.verdict


def test_the_lists_and_floors_of_the_scan_hold_for_funds_too() -> None:
    def with_scan(**changes: Any) -> list[str]:
        return codes(judged(rising(), SCAN.model_copy(update=changes)))

    assert ["UNIVERSE_LIST"] == with_scan(universe_deny=("SPY",))
    assert ["UNIVERSE_LIST"] == with_scan(universe_allow=("QQQ",))
    assert [] == with_scan(universe_allow=("SPY",))
    assert ["ADV_SHARES_LOW"] == with_scan(adv_shares_min=Decimal(2_000_001))
    assert ["ADV_DOLLARS_LOW"] == with_scan(adv_usd_min=Decimal("130000000"))


def test_a_reason_keeps_what_was_seen_beside_what_was_wanted() -> None:
    (reason,) = judged(ending(629_599)).reasons
    assert ("SPY", "62.9599", "62.9600") == (reason.subject, reason.observed, reason.threshold)


def test_a_fund_without_bars_or_without_one_at_p_has_a_verdict_and_passes_nothing() -> None:
    everything = [
        "HISTORY_SHORT", "PRICE_BELOW_MIN", "ADV_SHARES_LOW", "ADV_DOLLARS_LOW", "TREND_BELOW_SMA200",
        "TREND_NOT_RISING", "TREND_NO_NEW_HIGH", "LEVELS_INVALID", "UNIT_RISK_TOO_WIDE",
    ]  # fmt: skip
    both = TrendConfig(universe=("SPY", "QQQ"))
    found = index_trend.run(inputs({"SPY": rising()[:-1], "ZZZ": rising()}), both, SCAN)
    assert [("QQQ", everything), ("SPY", everything)] == [(row.symbol, codes(row)) for row in found.rows]
    assert {None} == {row.levels for row in found.rows}


def test_ranks_follow_the_lead_then_the_symbol_and_the_cap_cuts_by_rank() -> None:
    names = ("AAA", "BBB", "CCC")
    held = {"AAA": rising(rise=500), "BBB": rising(rise=900), "CCC": rising(rise=500)}
    config = TrendConfig(universe=names, candidate_cap=2)
    found = index_trend.run(inputs(held), config, SCAN)
    assert [("AAA", 2), ("BBB", 1), ("CCC", 3)] == [(row.symbol, row.rank) for row in found.rows]
    assert [[], [], ["CANDIDATE_CAP"]] == [codes(row) for row in found.rows]
    assert ScanVerdict.CAPPED is found.rows[2].verdict


def test_no_other_symbol_of_the_market_changes_a_byte_of_a_funds_row() -> None:
    alone = index_trend.run(inputs({"SPY": rising()}), TREND, SCAN)
    others = {"AAA": rising(rise=-500), "SPY": rising(), "ZZZ": rising(120)}
    assert alone == index_trend.run(inputs(others), TREND, SCAN)
    assert alone == index_trend.run(inputs(others), TrendConfig(universe=("SPY", "SPY")), SCAN)


def test_nothing_older_than_the_longest_window_changes_a_byte_but_the_count_of_bars() -> None:
    def without_count(found: TrendScan) -> dict[str, Any]:
        (row,) = found.model_dump()["rows"]
        del row["measures"]["bars"]
        return dict(row)

    wild = [
        (s, 9 * c, 9 * c, 9 * c, 9 * c, v) if s < 100 else (s, o, h, low, c, v)
        for s, o, h, low, c, v in rising()
    ]
    whole, young, odd = (inputs({"SPY": bars}) for bars in (rising(), rising(230), wild))
    expected = without_count(index_trend.run(whole, TREND, SCAN))
    assert expected == without_count(index_trend.run(young, TREND, SCAN))
    assert expected == without_count(index_trend.run(odd, TREND, SCAN))


def test_the_price_floor_reads_the_close_as_traded() -> None:
    split = inputs({"SPY": rising()})
    traded = replace(split, panel=replace(split.panel, unsplit={"SPY": 49_900}))
    (row,) = index_trend.run(traded, TREND, SCAN).rows
    assert [("PRICE_BELOW_MIN", "4.9900")] == [(each.code, each.observed) for each in row.reasons]


def mean(values: Sequence[int], n: int) -> Fraction | None:
    """Mean of the last *n* closes in USD, rounded half-even to 6 decimals."""
    if len(values) < n:
        return None
    return Fraction(round(Fraction(sum(values[-n:]) * 100, n)), 10**6)


@settings(max_examples=80, deadline=None)
@given(walks(), st.sampled_from([20, 55, 200]))
def test_a_candidate_is_what_the_rules_say_when_they_are_read_from_the_bars_alone(
    made: Walk, length: int
) -> None:
    config = TREND.model_copy(update={"high_bars": length})
    (row,) = index_trend.run(inputs({"SPY": made.bars}), config, SCAN).rows
    closes = [bar[4] for bar in made.bars]
    close, sma50, sma200 = Fraction(closes[-1], 10_000), mean(closes, 50), mean(closes, 200)
    is_new = len(closes) > length and closes[-1] >= max(closes[-1 - length : -1])
    expected = {
        "HISTORY_SHORT": len(closes) < 200,
        "TREND_BELOW_SMA200": sma200 is None or close <= sma200,
        "TREND_NOT_RISING": sma50 is None or sma200 is None or sma50 <= sma200,
        "TREND_NO_NEW_HIGH": not is_new,
    }
    assert expected == {code: code in codes(row) for code in expected}
    if row.levels is not None and "LEVELS_INVALID" not in codes(row):
        plan = row.levels
        assert 0 < plan.stop < plan.entry_ref < plan.r1 < plan.r2
        assert plan.stop < plan.limit_cap < plan.r1
        assert plan.entry_ref - plan.stop >= Decimal("0.015") * plan.entry_ref
        assert plan.limit_cap - plan.stop <= Decimal("0.08") * plan.limit_cap
        assert ("UNIT_RISK_TOO_WIDE" in codes(row)) == (
            plan.entry_ref - plan.stop > Decimal("0.08") * plan.entry_ref
        )
    assert (row.verdict is ScanVerdict.CANDIDATE) == (not row.reasons) == (row.rank is not None)


# What becomes of it -----------------------------------------------------------------------------------------


def bought(**changes: Any) -> ManagedPosition:
    """100 shares at the plan that was worked out above: stop 60.63, r1 67.83, r2 72.63, level 62.96."""
    levels = judged(rising()).levels
    assert levels is not None
    plan = PositionPlan(
        initial_stop=levels.stop,
        **levels.model_dump(exclude={"stop"}),
        r1_fraction=TREND.r1_fraction,
        r2_fraction=TREND.r2_fraction,
        trail_fraction=TREND.trail_fraction,
        time_stop_sessions=TREND.time_stop_sessions,
    )
    fields: dict[str, Any] = {
        "position_id": "pos_1",
        "symbol": "SPY",
        "quantity": Decimal(100),
        "average_entry": Decimal("63.030000"),
        "entered_at": OPEN,
        "plan": plan,
        "stop": levels.stop,
    }
    return ManagedPosition(**(fields | changes))


def seen(last: str, held: int = 1) -> MarketView:
    return MarketView(now=CLOSE, phase=Phase.NORMAL, last=Decimal(last), sessions_held=held)


@pytest.mark.parametrize(
    ("last", "stop", "basis"),
    [
        ("67.82", "60.63", StopBasis.PLANNED),
        ("67.83", "63.03", StopBasis.BREAKEVEN),
        # 72.63 less half of the way from the level to r2, 9.67: 67.795, rounded down.
        ("72.63", "67.79", StopBasis.TRAIL),
        ("80.00", "75.16", StopBasis.TRAIL),
    ],
)
def test_nothing_is_sold_at_a_target_and_the_stop_follows(last: str, stop: str, basis: StopBasis) -> None:
    result = manage(bought(), seen(last), ExitConfig())
    assert ((), ()) == (result.trims, result.exits)
    assert (Decimal(stop), basis) == (result.stop, result.basis)


def test_what_has_not_seen_its_first_target_after_120_sessions_is_sold() -> None:
    def sold(held: int, **changes: Any) -> list[str]:
        return [each.reason for each in manage(bought(**changes), seen("64.00", held), ExitConfig()).exits]

    assert [] == sold(120)
    assert ["EXIT_TIME"] == sold(121)
    assert [] == sold(121, r1_touched=True)
