"""A protective stop exists at every price, and the plan around it is always in order."""

from decimal import Decimal

import numpy as np
import pytest
from numba import njit

from strategies.config import EntryConfig, ScanConfig
from strategies.entry import Quote, check_entry, entry_limit, planned_stop, unit_risk_max
from strategies.layout import NULL
from strategies.measures import parameters
from strategies.ticks import ceil_tick, floor_tick, levels, rhe, rhe_tick
from tests.strategies.plans import OPEN, intent

FIRST, LAST, STEP = 10_000, 50_000_000, 100  # 1.00 to 5,000.00 USD in ticks of 0.01, e4


def plan(close: int, avwap: int, *, fractal: int = NULL, low5: int = 0, atr14: int = 0) -> list[int]:
    """level, entry_ref, stop, r1, r2, limit_cap; avwap and atr14 q6, prices e4, pivots at the close."""
    low5 = low5 or close
    return list(
        levels(avwap, close, fractal, low5, close * 100, atr14, close, close, parameters(ScanConfig()))
    )


def test_a_plan_worked_by_hand() -> None:
    """Close 50.00, avwap 49.00, fractal low 48.50, ATR 1.00.

    Bases: 0.995 * 48.50 = 48.2575 and 0.997 * 49.00 = 48.853, the lower is 48.2575; close - ATR = 49.00;
    0.985 * 50 = 49.25. Stop = down(48.2575) = 48.25, risk 1.75, r1 = 51.75, r2 = 53.50.
    Cap = min(51.50, 51.74, 48.25/0.92 = 52.44) = 51.50.
    """
    expected = [490_000, 500_000, 482_500, 517_500, 535_000, 515_000]
    assert expected == plan(500_000, 49_000_000, fractal=485_000, atr14=1_000_000)


def test_without_a_base_below_the_entry_the_lowest_low_of_five_bars_serves() -> None:
    """Avwap and fractal low above a close of 50.00; the lowest low of 5 is 49.00: 0.997 * 49 = 48.853."""
    assert 488_500 == plan(500_000, 60_000_000, fractal=600_000, low5=490_000)[2]


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [(5, 2, 2), (7, 2, 4), (-5, 2, -2), (-7, 2, -4), (8, 3, 3), (-8, 3, -3)],
)
def test_half_goes_to_the_even_neighbour(numerator: int, denominator: int, expected: int) -> None:
    assert expected == rhe(numerator, denominator)


@pytest.mark.parametrize(
    ("function", "price", "expected"),
    [
        (floor_tick, 123_456, 123_400),
        (ceil_tick, 123_456, 123_500),
        (rhe_tick, 123_450, 123_400),
        (rhe_tick, 123_550, 123_600),
        (floor_tick, 9_999, 9_999),
        (ceil_tick, 9_999, 9_999),
        (floor_tick, 10_099, 10_000),
    ],
)
def test_the_tick_is_a_cent_from_one_dollar_on(function: object, price: int, expected: int) -> None:
    assert expected == function(price, 1)  # type: ignore[operator]


@njit
def first_fault(p: np.ndarray, first: int, last: int, step: int) -> int:
    """The first price of a grid of plans at which a promise of strategy.md 2.5 is broken, or 0."""
    for close in range(first, last + 1, step):
        for below in (0, 10_000, 60_000):  # the avwap so many ppm below the close
            for atr in (0, 15_000, 50_000):  # ATR in ppm of the close
                avwap = close * 100 - close * 100 * below // 1_000_000
                atr14 = close * 100 * atr // 1_000_000
                plan = levels(avwap, close, NULL, close, close * 100, atr14, close, close, p)
                _, ref, stop, r1, r2, cap = plan
                if not 0 < stop < ref < r1 < r2:
                    return close
                if 1000 * (ref - stop) < 15 * ref or 1000 * (ref - stop) > 80 * ref:
                    return close
                if not stop < cap < r1 or 100 * (cap - stop) > 8 * cap:
                    return close
    return 0


def test_at_every_tick_from_1_to_5000_the_plan_is_in_order_and_its_risk_bounded() -> None:
    """0 < stop < entry < r1 < r2; the stop 1.5% to 8% away; paying the cap keeps the risk within 8%."""
    assert 0 == first_fault(parameters(ScanConfig()), FIRST, LAST, STEP)


@pytest.mark.parametrize("dollars", [1, 1.01, 1.99, 3, 5, 9.99, 25.37, 100, 333.33, 999.99, 2500, 5000])
@pytest.mark.parametrize("moved_ppm", [-29_000, -10_000, -1, 0, 1, 7_000, 20_000, 29_000])
def test_whatever_may_be_entered_can_be_protected(dollars: float, moved_ppm: int) -> None:
    """strategy.md 6.6: stop' <= 0.985 * ref, and limit - stop' within the widest risk."""
    config = EntryConfig()
    close = round(dollars * 100) * 100
    for below, atr in ((0, 0), (20_000, 15_000), (60_000, 50_000)):
        level, ref, stop, r1, r2, cap = plan(
            close, close * 100 * (1_000_000 - below) // 1_000_000, atr14=close * atr // 10_000
        )
        e4 = {"level": level, "entry_ref": ref, "stop": stop, "r1": r1, "r2": r2, "limit_cap": cap}
        wish = intent(**{name: Decimal(price).scaleb(-4) for name, price in e4.items()})
        now_at = (Decimal(close).scaleb(-4) * (1_000_000 + moved_ppm) / 1_000_000).quantize(Decimal("0.01"))
        if check_entry(wish, Quote(ref=now_at), OPEN, config):
            continue
        limit, lower = entry_limit(now_at, wish, config), planned_stop(now_at, wish, config)
        assert 0 < lower <= Decimal("0.985") * now_at
        assert limit - lower <= unit_risk_max(limit, config)
        assert limit <= wish.entry.limit_cap
