"""A long stop never moves down, and every rule of section 6 at a figure worked by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.book import PositionPlan
from schemas.reasons.scan import ExitEventType
from strategies.config import ExitConfig
from strategies.exits import (
    ExitPlanResult,
    ManagedPosition,
    MarketView,
    Phase,
    StopBasis,
    manage,
    phase_at,
)
from strategies.swings import Bar, daily_swing_low, intraday_higher_low
from tests.strategies.plans import usd

CONFIG = ExitConfig()
ENTERED = datetime(2016, 9, 16, 13, 35, tzinfo=UTC)
NOON = ENTERED + timedelta(hours=2)
OPEN = datetime(2016, 9, 16, 13, 30, tzinfo=UTC)
CLOSE = datetime(2016, 9, 16, 20, 0, tzinfo=UTC)


def held(**changes: Any) -> ManagedPosition:
    """100 shares at 100.00: level 98, stop 95, r1 105, r2 110, half of level to r2 given back."""
    plan = {
        "initial_stop": usd("95"),
        "level": usd("98"),
        "entry_ref": usd("100"),
        "limit_cap": usd("103"),
        "r1": usd("105"),
        "r1_fraction": Decimal("0.500000"),
        "r2": usd("110"),
        "r2_fraction": Decimal("0.500000"),
        "trail_fraction": Decimal("0.500000"),
        "time_stop_sessions": changes.pop("time_stop_sessions", None),
    }
    fields: dict[str, Any] = {
        "position_id": "pos_1",
        "symbol": "AAA",
        "quantity": Decimal(100),
        "average_entry": Decimal("100.000000"),
        "entered_at": ENTERED,
        "plan": PositionPlan(**plan),
        "stop": usd("95"),
    }
    return ManagedPosition(**(fields | changes))


def seen(last: str | None, **changes: Any) -> MarketView:
    fields: dict[str, Any] = {
        "now": NOON,
        "phase": Phase.NORMAL,
        "last": None if last is None else Decimal(last),
    }
    return MarketView(**(fields | changes))


def days(*lows: str) -> tuple[Bar, ...]:
    return tuple(Bar(low=Decimal(low), high=Decimal(low) + 2) for low in lows)


def fives(*lows: str, first: datetime = ENTERED) -> tuple[Bar, ...]:
    return tuple(
        Bar(low=Decimal(low), high=Decimal(low) + 1, start_at=first + timedelta(minutes=5 * k))
        for k, low in enumerate(lows)
    )


def types(result: ExitPlanResult) -> list[ExitEventType]:
    return [event.event_type for event in result.events]


prices = st.integers(1, 40_000).map(lambda cents: Decimal(cents) / 100)
bars = st.lists(prices, max_size=12).map(
    lambda lows: tuple(Bar(low=low, high=low, start_at=ENTERED) for low in lows)
)


@given(
    stop=st.none() | prices.map(lambda price: price.quantize(Decimal("0.0001"))),
    view=st.builds(
        MarketView,
        now=st.just(NOON),
        phase=st.sampled_from(Phase),
        last=st.none() | prices,
        highs=st.lists(prices, max_size=4).map(tuple),
        daily=bars,
        intraday=bars,
        sessions_held=st.integers(0, 5),
    ),
    r1_touched=st.booleans(),
    r2_touched=st.booleans(),
    high_water=st.none() | prices,
)
def test_a_long_stop_never_moves_down_and_is_never_absent(
    stop: Decimal | None, view: MarketView, r1_touched: bool, r2_touched: bool, high_water: Decimal | None
) -> None:
    position = held(stop=stop, r1_touched=r1_touched, r2_touched=r2_touched, high_water=high_water)
    result = manage(position, view, CONFIG)
    assert result.stop >= (Decimal("0.01") if stop is None else stop)
    assert result.r1_touched >= r1_touched
    assert result.r2_touched >= r2_touched
    assert sum(sale.quantity for sale in (*result.trims, *result.exits)) <= position.quantity
    if result.exits:
        assert result.stop == (position.plan.initial_stop if stop is None else stop)


@given(lasts=st.lists(prices, min_size=1, max_size=8))
def test_a_stop_rises_along_any_walk_of_prices(lasts: list[Decimal]) -> None:
    position, trail = held(), [usd("95")]
    for last in lasts:
        result = manage(position, MarketView(now=NOON, phase=Phase.NORMAL, last=last), CONFIG)
        trail.append(result.stop)
        position = held(
            stop=result.stop,
            r1_touched=result.r1_touched,
            r2_touched=result.r2_touched,
            high_water=result.high_water,
        )
    assert sorted(trail) == trail


def test_at_the_stop_everything_is_sold() -> None:
    result = manage(held(), seen("95.00"), CONFIG)
    assert [(ExitEventType.EXIT_STOP, Decimal(100))] == [(s.reason, s.quantity) for s in result.exits]
    assert () == manage(held(), seen("95.01"), CONFIG).exits


def test_a_position_without_a_stop_is_still_sold_at_its_planned_one() -> None:
    assert 1 == len(manage(held(stop=None), seen("94.00"), CONFIG).exits)


def test_a_position_without_a_stop_gets_its_planned_one() -> None:
    result = manage(held(stop=None), seen("100.00"), CONFIG)
    assert (usd("95"), StopBasis.PLANNED) == (result.stop, result.basis)
    assert [ExitEventType.STOP_INITIAL] == types(result)


def test_the_first_target_trims_half_and_lifts_the_stop_to_breakeven() -> None:
    result = manage(held(quantity=Decimal(101)), seen("105.00"), CONFIG)
    assert [(ExitEventType.TRIM_R1, Decimal(50))] == [(s.reason, s.quantity) for s in result.trims]
    assert (usd("100"), StopBasis.BREAKEVEN) == (result.stop, result.basis)
    assert [ExitEventType.TRIM_R1, ExitEventType.STOP_RATCHET] == types(result)
    again = manage(held(stop=usd("100"), r1_touched=True), seen("105.00"), CONFIG)
    assert () == again.trims


def test_breakeven_is_rounded_up_to_the_tick() -> None:
    position = held(average_entry=Decimal("100.001234"), r1_touched=True)
    assert usd("100.01") == manage(position, seen("104.00"), CONFIG).stop


def test_after_the_second_target_half_of_the_way_is_given_back_from_the_high() -> None:
    """High 112.00, way from level 98 to r2 110 is 12.00: the stop trails at 112 - 6 = 106.00."""
    position = held(quantity=Decimal(50), r1_touched=True, stop=usd("100"))
    result = manage(position, seen("111.00", highs=(Decimal("112.00"),)), CONFIG)
    assert [(ExitEventType.TRIM_R2, Decimal(25))] == [(s.reason, s.quantity) for s in result.trims]
    assert (usd("106.00"), StopBasis.TRAIL) == (result.stop, result.basis)
    assert Decimal("112.00") == result.high_water


def test_both_targets_in_one_cycle_trim_one_after_the_other() -> None:
    result = manage(held(), seen("111.00"), CONFIG)
    assert [Decimal(50), Decimal(25)] == [sale.quantity for sale in result.trims]


def test_one_share_is_not_trimmed_but_its_stop_goes_to_breakeven() -> None:
    result = manage(held(quantity=Decimal(1)), seen("105.00"), CONFIG)
    assert () == result.trims
    assert result.r1_touched
    assert usd("100") == result.stop


def test_breakeven_waits_until_it_lies_below_the_market() -> None:
    result = manage(held(r1_touched=True), seen("99.50"), CONFIG)
    assert usd("95") == result.stop
    assert [ExitEventType.STOP_HELD] == types(result)


def test_outside_the_session_nothing_is_trimmed_and_the_touch_is_kept_for_later() -> None:
    result = manage(held(), seen("105.00", phase=Phase.OUTSIDE), CONFIG)
    assert () == result.trims
    assert not result.r1_touched


@pytest.mark.parametrize(("sessions", "sold"), [(3, 0), (4, 1)])
def test_a_time_stop_of_three_sells_in_the_fourth_session_after_the_entry(sessions: int, sold: int) -> None:
    view = seen("101.00", sessions_held=sessions)
    assert sold == len(manage(held(time_stop_sessions=3), view, CONFIG).exits)
    assert () == manage(held(time_stop_sessions=3, r1_touched=True), view, CONFIG).exits


def test_the_latest_intact_daily_swing_low_not_the_lowest_carries_the_stop() -> None:
    """Swing lows 96.00 and 97.00, both intact: 97.00 - max(0.10, 5 bps) = 96.90."""
    daily = days("99", "96", "98", "97", "98.5")
    result = manage(held(), seen("100.00", daily=daily), CONFIG)
    assert (usd("96.90"), StopBasis.DAILY_SWING_LOW) == (result.stop, result.basis)


def test_five_basis_points_of_a_high_price_are_more_than_ten_cents() -> None:
    assert Decimal("399.80") == daily_swing_low(days("450", "400", "450"), CONFIG).proposal


def test_a_broken_swing_low_is_passed_over_for_an_older_intact_one() -> None:
    assert Decimal("94.90") == daily_swing_low(days("99", "95", "98", "97", "98", "96"), CONFIG).proposal


def test_an_equal_later_low_leaves_a_swing_low_intact_and_equal_neighbours_make_none() -> None:
    assert Decimal("94.90") == daily_swing_low(days("99", "95", "98", "95"), CONFIG).proposal
    assert None is daily_swing_low(days("99", "95", "95", "98"), CONFIG).proposal


def test_a_stop_nearer_than_one_and_a_half_percent_is_refused() -> None:
    """98.51 below an entry of 100.00 is 1.49% away; 98.50 is exactly 1.5% away and passes."""
    near = manage(held(), seen("101.00", daily=days("99.9", "98.61", "99.9")), CONFIG)
    assert [ExitEventType.STOP_TOO_CLOSE, ExitEventType.STOP_HELD] == types(near)
    assert usd("98.50") == manage(held(), seen("101.00", daily=days("99.9", "98.60", "99.9")), CONFIG).stop


def test_above_the_entry_the_distance_is_measured_from_the_last_price() -> None:
    """Proposal 102.40, entry 100: (104 - 102.40)/104 = 1.54% passes; from a last of 103.90 it is 1.44%."""
    daily = days("104", "102.50", "103.5")
    assert usd("102.40") == manage(held(), seen("104.00", daily=daily), CONFIG).stop
    assert ExitEventType.STOP_TOO_CLOSE in types(manage(held(), seen("103.90", daily=daily), CONFIG))


def test_a_proposal_at_the_market_is_refused() -> None:
    result = manage(held(), seen("96.90", daily=days("99", "97", "98")), CONFIG)
    assert [ExitEventType.STOP_NOT_BELOW_MARKET, ExitEventType.STOP_HELD] == types(result)


HIGHER_LOWS = ("100", "98", "99", "98.2", "99.5", "99.4")


def test_the_latest_intact_higher_low_of_five_minute_bars_comes_before_the_daily_one() -> None:
    """Swing lows 98.00, then 98.20 above it: 98.20 - 0.10."""
    view = seen("101.00", intraday=fives(*HIGHER_LOWS), daily=days("99", "96", "98"))
    result = manage(held(), view, CONFIG)
    assert (usd("98.10"), StopBasis.INTRADAY_HL) == (result.stop, result.basis)


def test_in_early_trend_the_daily_structure_is_asked_first() -> None:
    view = seen("101.00", phase=Phase.EARLY_TREND, intraday=fives(*HIGHER_LOWS), daily=days("99", "96", "98"))
    result = manage(held(), view, CONFIG)
    assert (usd("95.90"), StopBasis.DAILY_SWING_LOW) == (result.stop, result.basis)


def test_a_higher_low_that_broke_yields_nothing_even_after_a_recovery() -> None:
    broken = fives(*HIGHER_LOWS, "98.1", "99", "99.5")
    swing = intraday_higher_low(broken, CONFIG)
    assert (None, Decimal("98.2")) == (swing.proposal, swing.invalidated)
    assert ExitEventType.STOP_INVALIDATED in types(manage(held(), seen("101.00", intraday=broken), CONFIG))


def test_five_bars_are_no_intraday_structure() -> None:
    assert None is intraday_higher_low(fives(*HIGHER_LOWS[:5]), CONFIG).proposal


def test_a_young_position_waits_for_its_own_bars() -> None:
    """Entered 13:35: 1,200 s and four bars are there at 13:55."""
    view = seen("101.00", now=ENTERED + timedelta(seconds=1199), intraday=fives(*HIGHER_LOWS))
    result = manage(held(), view, CONFIG)
    assert [ExitEventType.STOP_TOO_EARLY, ExitEventType.STOP_HELD] == types(result)
    assert ENTERED + timedelta(minutes=20) == result.not_before


def test_bars_from_before_the_entry_do_not_count_as_its_own() -> None:
    early = fives(*HIGHER_LOWS, first=ENTERED - timedelta(minutes=15))
    result = manage(held(), seen("101.00", intraday=early), CONFIG)
    assert ExitEventType.STOP_TOO_EARLY in types(result)


def test_the_opening_noise_gives_a_naked_position_a_stop_but_ratchets_none() -> None:
    view = seen("101.00", phase=Phase.OPEN_NOISE, daily=days("99", "97", "98"))
    assert usd("95") == manage(held(), view, CONFIG).stop
    assert usd("96.90") == manage(held(stop=None), view, CONFIG).stop


@pytest.mark.parametrize("phase", [Phase.CLOSE_PROTECT, Phase.OUTSIDE])
def test_near_the_close_and_outside_no_structure_is_asked(phase: Phase) -> None:
    view = seen("101.00", phase=phase, daily=days("99", "97", "98"))
    assert usd("95") == manage(held(), view, CONFIG).stop


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (-1, Phase.OUTSIDE),
        (0, Phase.OPEN_NOISE),
        (15, Phase.EARLY_TREND),
        (60, Phase.NORMAL),
        (359, Phase.NORMAL),
        (360, Phase.CLOSE_PROTECT),
        (390, Phase.OUTSIDE),
    ],
)
def test_phases_follow_the_actual_open_and_close(minutes: int, expected: Phase) -> None:
    assert expected is phase_at(OPEN + timedelta(minutes=minutes), OPEN, CLOSE)
