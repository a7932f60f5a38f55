"""Break and hold on bars that are whole, with the averages of earlier sessions."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from schemas.observations import IntradayBarFacts
from strategies.config import EntryConfig
from strategies.hold import (
    Tape,
    average_volume,
    by_session,
    check_hold,
    check_level,
    relative_volume,
    slot_bars,
)
from tests.portfolio.books import intent, usd

CONFIG = EntryConfig()
TODAY = date(2026, 3, 31)
OPEN = datetime(2026, 3, 31, 13, 30, tzinfo=UTC)


def five(number: int, close: str = "50.50", volume: int = 1_000, day: int = 0) -> IntradayBarFacts:
    """The 5-minute bar *number* of the session *day* days before today."""
    price = usd(close)
    return IntradayBarFacts(
        symbol="AAA",
        start_at=OPEN - timedelta(days=day) + timedelta(minutes=5 * number),
        seconds=300,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=Decimal(volume),
    )


def tape(*bars: IntradayBarFacts) -> Tape:
    days = {TODAY - timedelta(days=back): OPEN - timedelta(days=back) for back in range(30)}
    return Tape(bars=by_session(bars), opens=days)


def earlier(volume: int, sessions: int = 5, bars: int = 6) -> list[IntradayBarFacts]:
    return [five(n, volume=volume, day=day) for day in range(1, sessions + 1) for n in range(bars)]


def reasons(made: Tape, ref: str = "50.60", minute: int = 20) -> tuple[list[str], list[str]]:
    found = check_hold(intent(), usd(ref), made, TODAY, OPEN + timedelta(minutes=minute), CONFIG)
    return [row.code for row in found[0]], [row.code for row in found[1]]


def test_a_slot_is_made_of_its_two_parts_and_of_nothing_less() -> None:
    bars = [five(0, "50.10", 7), five(1, "50.20", 5), five(2), five(4), five(5)]
    assert [(0, usd("50.20"), 12), (20, usd("50.50"), 2_000)] == [
        ((bar.start_at - OPEN).seconds // 60, bar.close, bar.volume) for bar in slot_bars(bars, OPEN)
    ]


def test_an_average_needs_five_sessions_and_takes_twenty_at_most() -> None:
    slot = timedelta(0)
    assert average_volume(tape(*earlier(100, sessions=4)), TODAY, slot, CONFIG) is None
    assert Decimal(200) == average_volume(tape(*earlier(100)), TODAY, slot, CONFIG)
    old = [five(n, volume=9_999, day=day) for day in range(21, 26) for n in range(2)]
    assert Decimal(200) == average_volume(tape(*earlier(100, sessions=20), *old), TODAY, slot, CONFIG)


def test_the_relative_volume_compares_the_same_minutes() -> None:
    made = tape(*earlier(100), *(five(n, volume=80) for n in range(4)))
    assert Decimal("0.8") == relative_volume(made, TODAY, timedelta(minutes=20), CONFIG)


def test_a_break_that_holds_on_volume_is_confirmed() -> None:
    assert ([], []) == reasons(tape(*earlier(1_000), *(five(n, "50.50") for n in range(4))))


def test_everything_that_is_wrong_is_said_at_once() -> None:
    level = str(intent().entry.level)
    below = str((Decimal(level) * Decimal("0.99")).quantize(Decimal("0.01")))
    made = tape(*earlier(1_000), *(five(n, below, 10) for n in range(3)))
    found, _ = reasons(made, ref=below, minute=15)
    assert ["ENTRY_TOO_EARLY", "BOH_BAR_COUNT", "RVOL_LOW", "PRICE_BELOW_LEVEL"] == found


def test_a_missing_part_of_the_newest_slot_is_no_decision_and_an_older_bar_is_no_stand_in() -> None:
    made = tape(*earlier(1_000), *(five(n) for n in range(7)))
    assert ["BOH_BAR_COUNT"] == [code for code in reasons(made, minute=40)[0] if code != "RVOL_LOW"]


def test_without_bars_and_without_averages_it_says_so() -> None:
    assert "BARS_INTRADAY_MISSING" in reasons(tape())[0]
    found = reasons(tape(*(five(n) for n in range(4))))
    assert ([], ["BOH_VOLUME_UNCHECKED", "RVOL_UNAVAILABLE"]) == found


def test_an_average_that_is_required_and_missing_refuses() -> None:
    config = EntryConfig(boh_volume_required=True)
    made = tape(*(five(n) for n in range(4)))
    found, _ = check_hold(intent(), usd("50.60"), made, TODAY, OPEN + timedelta(minutes=20), config)
    assert ["BOH_VOLUME_UNCHECKED"] == [row.code for row in found]


def test_a_wish_at_the_level_waits_above_it() -> None:
    level = Decimal(intent().entry.level)
    assert ["PRICE_ABOVE_LEVEL"] == [row.code for row in check_level(intent(), level + usd("0.01"))]
    assert () == check_level(intent(), level)


@given(present=st.sets(st.integers(0, 77)))
def test_every_slot_has_both_parts(present: set[int]) -> None:
    made = slot_bars([five(n) for n in sorted(present)], OPEN)
    expected = [n for n in range(0, 78, 2) if {n, n + 1} <= present]
    assert expected == [(bar.start_at - OPEN).seconds // 300 for bar in made]
