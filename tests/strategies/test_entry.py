"""Every check of a cycle, on its boundary, and break and hold on two bars."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from schemas.candidates import EntryModel
from strategies.config import EntryConfig
from strategies.entry import Quote, SlotBar, boh, check_entry, entry_limit, planned_stop
from tests.strategies.plans import OPEN, intent, usd

CONFIG = EntryConfig()
LATER = OPEN + timedelta(minutes=5)


def codes(ref: str | None, **changes: object) -> list[str]:
    """Codes of the plan at 100 (stop 95, r1 105, cap 103) against a reference price."""
    quote = Quote(ref=None if ref is None else Decimal(ref))
    return [finding.code for finding in check_entry(intent(**changes), quote, LATER, CONFIG)]


def test_at_the_price_of_the_plan_nothing_speaks_against_it() -> None:
    assert [] == codes("100.00")


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ("103.00", []),
        ("103.01", ["PRICE_DRIFT", "LIMIT_ABOVE_CAP"]),
        ("97.00", []),
        ("96.99", ["PRICE_DRIFT"]),
        ("95.00", ["PRICE_DRIFT", "PRICE_BELOW_STOP"]),
        ("105.00", ["PRICE_DRIFT", "PRICE_BEYOND_R1", "LIMIT_ABOVE_CAP"]),
    ],
)
def test_price_checks_are_exact_on_their_boundaries(ref: str, expected: list[str]) -> None:
    assert expected == codes(ref)


def test_a_stop_farther_than_eight_percent_below_the_limit_is_too_wide() -> None:
    """Limit 100.10: 8% is 8.008, so a stop of 92.09 is 8.01 away and 92.10 is 8.00 away."""
    assert [] == codes("100.00", stop="92.10")
    assert ["UNIT_RISK_TOO_WIDE"] == codes("100.00", stop="92.09")


def test_from_valid_until_on_the_intent_is_stale() -> None:
    wish = intent()
    last = wish.valid_until - timedelta(microseconds=1)
    assert () == check_entry(wish, Quote(ref=Decimal(100)), last, CONFIG)
    found = check_entry(wish, Quote(ref=Decimal(100)), wish.valid_until, CONFIG)
    assert ["STALE_INTENT"] == [finding.code for finding in found]


def test_without_a_price_or_with_an_old_one_nothing_is_judged_on_it() -> None:
    assert ["QUOTE_STALE"] == codes(None)
    old = Quote(ref=Decimal(1), age_s=Decimal("15.001"))
    assert ["QUOTE_STALE"] == [each.code for each in check_entry(intent(), old, LATER, CONFIG)]


@pytest.mark.parametrize(
    ("bid", "ask", "expected"),
    [
        ("99.75", "100.25", []),
        ("99.74", "100.25", ["SPREAD_TOO_WIDE"]),
        (None, "100.25", ["SPREAD_TOO_WIDE"]),
    ],
)
def test_a_spread_that_is_asked_must_be_known_and_at_most_50_bps(
    bid: str | None, ask: str, expected: list[str]
) -> None:
    sides: dict[str, Any] = {"bid": None if bid is None else Decimal(bid), "ask": Decimal(ask)}
    quote = Quote(ref=Decimal("100.25"), spread_asked=True, **sides)
    assert expected == [each.code for each in check_entry(intent(), quote, LATER, CONFIG)]
    asked_of_nobody = Quote(ref=Decimal("100.25"), **sides)
    assert () == check_entry(intent(), asked_of_nobody, LATER, CONFIG)


def test_the_limit_is_ten_basis_points_above_the_reference_and_never_above_the_cap() -> None:
    assert usd("100.10") == entry_limit(Decimal("100.00"), intent(), CONFIG)
    assert usd("103.00") == entry_limit(Decimal("102.95"), intent(), CONFIG)


def test_a_limit_at_the_level_is_the_level() -> None:
    wish = intent(model=EntryModel.LIMIT_AT_LEVEL, entry_ref="98")
    assert usd("98.00") == entry_limit(Decimal("97.50"), wish, CONFIG)


def test_the_planned_stop_gives_way_to_a_price_that_came_near_it() -> None:
    """0.985 * 96.00 = 94.56, below the plan's 95.00."""
    assert usd("95.00") == planned_stop(Decimal("100.00"), intent(), CONFIG)
    assert usd("94.56") == planned_stop(Decimal("96.00"), intent(), CONFIG)


def hold(first: str, last: str, volume: int = 800, average: str | None = "1000") -> tuple[bool, list[str]]:
    bars = [
        SlotBar(start_at=OPEN, close=Decimal(first), volume=volume),
        SlotBar(start_at=OPEN + timedelta(minutes=10), close=Decimal(last), volume=1),
    ]
    verdict = boh(bars, Decimal("98.00"), None if average is None else Decimal(average), CONFIG, "AAA")
    return verdict.confirmed, [finding.code for finding in verdict.findings]


def test_the_break_is_strict_and_the_hold_is_not() -> None:
    assert (True, []) == hold("98.01", "98.00")
    assert (False, ["BOH_NOT_CONFIRMED"]) == hold("98.00", "99.00")
    assert (False, ["BOH_NOT_CONFIRMED"]) == hold("98.01", "97.99")


def test_only_the_volume_of_the_breaking_bar_counts() -> None:
    assert (False, ["BOH_VOLUME_LOW"]) == hold("98.01", "98.00", volume=799)
    assert (True, ["BOH_VOLUME_UNCHECKED"]) == hold("98.01", "98.00", volume=0, average=None)
    assert (True, ["BOH_VOLUME_UNCHECKED"]) == hold("98.01", "98.00", volume=0, average="0")


def test_any_number_of_bars_but_two_decides_nothing() -> None:
    for count in (0, 1, 3):
        bars = [SlotBar(start_at=OPEN, close=Decimal(200), volume=10**6)] * count
        verdict = boh(bars, Decimal(98), None, CONFIG, "AAA")
        assert not verdict.confirmed
        assert ["BOH_BAR_COUNT"] == [finding.code for finding in verdict.findings]
