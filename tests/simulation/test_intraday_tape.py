"""A day's path is written down: its corners by hand, a half day's too, and recorded bars keep their session."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np

from market.calendar import Calendar
from market.feeds.port import IntradayBars
from market.rows import microseconds
from schemas.base import SessionDate
from simulation.intraday_tape import Halt, PathTape, recorded
from simulation.path import Leg, day_bars, legs, regrouped
from simulation.tape import DictTape
from tests.simulation.floor_world import HOURS, five, pathed
from tests.simulation.world import DAYS, bar, usd

OPEN = HOURS.open_at(DAYS[0])


def test_a_rising_day_goes_to_its_low_first_and_a_falling_one_to_its_high() -> None:
    rising = pathed(bar("50.00", "52.00", "49.00", "51.00")).bars("AAA", DAYS[0])
    falling = pathed(bar("51.00", "52.00", "49.00", "50.00")).bars("AAA", DAYS[0])
    assert 78 == len(rising)
    assert [usd("50.00"), usd("49.00"), usd("52.00")] == [rising[at].open for at in (0, 26, 52)]
    assert [usd("51.00"), usd("52.00"), usd("49.00")] == [falling[at].open for at in (0, 26, 52)]
    assert (usd("51.00"), usd("50.00")) == (rising[-1].close, falling[-1].close)


def test_a_half_day_is_the_same_path_over_42_bars() -> None:
    calendar = Calendar(2025, 2025)
    friday = SessionDate(date(2025, 11, 28))
    days = DictTape(bars={("AAA", friday): bar("50.00", "52.00", "49.00", "51.00", 4_200)})
    bars = PathTape(days, calendar).bars("AAA", friday)
    assert 42 == len(bars)
    assert datetime(2025, 11, 28, 18, 0, tzinfo=UTC) == bars[-1].end_at == calendar.close_at(friday)
    assert {100} == {each.volume for each in bars}


def test_inside_a_bar_the_path_has_three_legs() -> None:
    start = microseconds(OPEN)
    third = 100_000_000
    expected = (
        Leg(start, start + third, 500_000, 490_000),
        Leg(start + third, start + 2 * third, 490_000, 520_000),
        Leg(start + 2 * third, start + 3 * third, 520_000, 510_000),
    )
    assert expected == legs(five(0, 0, "50.00", "52.00", "49.00", "51.00"))


def test_a_level_is_reached_at_the_first_microsecond_at_which_the_price_is_there() -> None:
    leg = Leg(0, 3, 100, 0)
    assert 2 == leg.first(50, falling=True, since=0)
    assert leg.price(2) == 34
    assert leg.first(50, falling=False, since=0) == 0
    assert leg.first(50, falling=False, since=2) is None


def test_a_halt_leaves_its_bars_out() -> None:
    halt = Halt(symbol="AAA", first=OPEN + timedelta(minutes=10), until=OPEN + timedelta(minutes=20))
    bars = pathed(bar("50.00", "52.00", "49.00", "51.00"), halts=(halt,)).bars("AAA", DAYS[0])
    assert 76 == len(bars)
    assert OPEN + timedelta(minutes=20) == bars[2].start_at


def test_a_day_in_minutes_joins_to_its_day_in_fives() -> None:
    prices = (usd("50.00"), usd("52.00"), usd("49.00"), usd("51.00"))
    minutes = day_bars(prices, 390_000, OPEN, HOURS.close_at(DAYS[0]), 60)
    fives = tuple(regrouped(minutes, OPEN, 300))
    assert 78 == len(fives)
    assert (usd("49.00"), usd("52.00")) == (min(b.low for b in fives), max(b.high for b in fives))
    assert {5_000} == {each.volume for each in fives}


def test_recorded_bars_outside_a_session_are_left_out_and_a_day_is_their_union() -> None:
    starts = [OPEN - timedelta(minutes=5), OPEN, OPEN + timedelta(minutes=5)]
    rows = [
        (1, 9, 1, 1, 7),
        (500_000, 510_000, 490_000, 505_000, 10),
        (505_000, 520_000, 500_000, 515_000, 20),
    ]
    found = IntradayBars(
        symbols=("AAA",),
        code=np.zeros(3, np.int32),
        start_at=np.array([microseconds(each) for each in starts], np.int64),
        interval_s=300,
        values=np.array(rows, np.int64).T,
    )
    tape = recorded(found, HOURS)
    assert 2 == len(tape.bars("AAA", DAYS[0]))
    assert bar("50.00", "52.00", "49.00", "51.50", 30) == tape.bar("AAA", DAYS[0])
    assert Decimal("51.50") == tape.close_before("AAA", DAYS[1])
