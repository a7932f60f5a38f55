"""No threshold of the contract is decoration: moved past a defect, each one changes what is said of it."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from market.calendar import Calendar
from market.config import ContractConfig
from market.contract import ContractResult
from schemas.reasons.market import BarCode, DayCode
from tests.market.test_contract import D, P, around, flat, many, scaled, with_bar
from tests.market.worlds import Row, judged, rows_of, steady, store_with

Change = Callable[[list[Row]], list[Row]]


def flats(count: int) -> Change:
    def change(rows: list[Row]) -> list[Row]:
        for at in range(-10, -10 + count):
            rows = with_bar(rows, at, open=50.0, high=50.0, low=50.0, close=50.0)
        return rows

    return change


def zeros(rows: list[Row]) -> list[Row]:
    for at in (-9, -8, -7):
        rows = with_bar(rows, at, volume=0)
    return rows


def printed(rows: list[Row]) -> list[Row]:
    """One print at 1.5 times the price, come back to 1.08 times it."""
    return scaled(scaled(rows, -12, 1.5), -11, 0.72)


def halved(rows: list[Row], volume: int = 1_000_000) -> list[Row]:
    return with_bar(scaled(rows, -10, 0.5), -10, volume=volume)


SYMBOL: list[tuple[str, object, Change, BarCode, str, str]] = [
    ("gaps_year_max", 4, lambda r: r[:20] + r[24:], BarCode.BARS_GAP, "Q", "W"),
    ("zero_volume_max", 3, zeros, BarCode.BARS_VOLUME_ZERO, "Q", "W"),
    ("flat_max", 3, flats(3), BarCode.BARS_FLAT, "Q", ""),
    ("outlier_max", "0.46", lambda r: scaled(r, -4, 1.45), BarCode.BARS_OUTLIER, "Q", ""),
    ("reverted_max", "0.05", printed, BarCode.BARS_REVERTED, "Q", ""),
    ("spike_max", "2", lambda r: with_bar(r, -10, high=90.0), BarCode.BARS_SPIKE, "Q", ""),
    ("residue_close_max", "0.10", lambda r: scaled(r, -10, 0.46), BarCode.BARS_SPLIT_RESIDUE, "", "Q"),
    ("residue_open_max", "0.001", halved, BarCode.BARS_SPLIT_RESIDUE, "Q", ""),
    ("residue_volume_max", "20", lambda r: halved(r, 15_000_000), BarCode.BARS_SPLIT_RESIDUE, "", "Q"),
]


def effect(result: ContractResult, code: BarCode, symbol: str = "AAA") -> str:
    if code in result.quarantine.get(symbol, ()):
        return "Q"
    return "W" if code in result.warnings.get(symbol, ()) else ""


@pytest.fixture(scope="module")
def sessions(calendar: Calendar) -> list[date]:
    return list(calendar.sessions(date(2016, 1, 4), P))


@pytest.mark.parametrize(
    ("setting", "value", "change", "code", "before", "after"), SYMBOL, ids=[row[0] for row in SYMBOL]
)
def test_a_threshold_of_a_symbol_moves_its_verdict(
    tmp_path: Path, calendar: Calendar, sessions: list[date],
    setting: str, value: object, change: Change, code: BarCode, before: str, after: str,
) -> None:  # fmt: skip
    rows = change(steady("AAA", sessions))
    if (
        setting == "residue_close_max"
    ):  # the open near 1/2, the close at 0.46: only the close's tolerance speaks
        rows = with_bar(rows, -10, open=25.2, high=25.3)
    store = store_with(tmp_path, around(rows, sessions))
    assert before == effect(judged(store, calendar, D), code)
    moved = judged(store, calendar, D, config=ContractConfig.model_validate({setting: value}))
    assert after == effect(moved, code)


@pytest.mark.parametrize(
    ("setting", "value", "restated"),
    [
        ("restated_close_max", "0.5", {"close": 50.9, "high": 51.2}),
        ("restated_volume_max", "0.5", {"volume": 1_300_000}),
    ],
    ids=["close", "volume"],
)  # fmt: skip
def test_a_threshold_of_restatements_moves_its_verdict(
    tmp_path: Path, calendar: Calendar, sessions: list[date],
    setting: str, value: str, restated: dict[str, float],
) -> None:  # fmt: skip
    rows = around(steady("AAA", sessions), sessions)
    store = store_with(tmp_path, rows)
    late = rows_of([with_bar(rows, 30, **restated)[30]])
    store.append_bars(late, "late", known_at=datetime(2016, 9, 1, 3, tzinfo=UTC))
    assert "" != effect(judged(store, calendar, D), BarCode.BARS_RESTATED)
    moved = judged(store, calendar, D, config=ContractConfig.model_validate({setting: value}))
    assert "" == effect(moved, BarCode.BARS_RESTATED)


def short(world: dict[str, list[Row]]) -> None:
    for name in list(world)[:3]:
        world[name] = world[name][:-1]


def stale(world: dict[str, list[Row]]) -> None:
    for name in list(world)[:3]:
        world[name][-1] = (name, P, *world[name][-2][2:])


def leap(world: dict[str, list[Row]]) -> None:
    world |= {name: scaled(rows, -1, 0.75) if name != "SPY" else rows for name, rows in world.items()}


def twins(world: dict[str, list[Row]]) -> None:
    names = list(world)
    world |= {name: [(name, *row[1:]) for row in world[names[0]]] for name in names[1:3]}


def half_missing(world: dict[str, list[Row]]) -> None:
    for name in list(world)[:12]:
        world[name] = world[name][:-3] + world[name][-2:]


def nothing(world: dict[str, list[Row]]) -> None:
    assert world


DAY: list[tuple[str, object, Callable[[dict[str, list[Row]]], None], DayCode, bool]] = [
    ("coverage_min", "0.5", short, DayCode.DAY_COVERAGE_LOW, True),
    ("quarantine_max", "0.5", short, DayCode.DAY_QUARANTINE_HIGH, True),
    ("symbols_min", 4, short, DayCode.DAY_COVERAGE_LOW, True),
    ("stale_feed_max", "0.5", stale, DayCode.DAY_STALE_FEED, True),
    ("identical_max", "0.5", twins, DayCode.DAY_IDENTICAL_SERIES, True),
    ("leap_max", "0.30", leap, DayCode.DAY_MOVE_IMPLAUSIBLE, True),
    ("move_share_max", "1", leap, DayCode.DAY_MOVE_IMPLAUSIBLE, True),
    ("benchmark_move_max", "0", leap, DayCode.DAY_MOVE_IMPLAUSIBLE, True),
    ("present_min", "0.1", half_missing, DayCode.DAY_CALENDAR_DISAGREEMENT, True),
    ("calendar_ahead_days", 366, nothing, DayCode.DAY_CALENDAR_DISAGREEMENT, False),
]


@pytest.mark.parametrize(("setting", "value", "change", "code", "before"), DAY, ids=[row[0] for row in DAY])
def test_a_threshold_of_the_day_moves_its_verdict(
    tmp_path: Path, sessions: list[date], setting: str, value: object,
    change: Callable[[dict[str, list[Row]]], None], code: DayCode, before: bool,
) -> None:  # fmt: skip
    world = many(sessions)
    change(world)
    store, calendar = store_with(tmp_path, flat(world)), Calendar(2014, 2016)
    assert before == (code in judged(store, calendar, D).blocking)
    moved = judged(store, calendar, D, config=ContractConfig.model_validate({setting: value}))
    assert before != (code in moved.blocking)


@pytest.mark.parametrize(
    ("setting", "value"), [("price_min", "100"), ("adv_shares_min", 10**9), ("adv_usd_min", 10**12)]
)
def test_a_floor_moves_who_is_liquid(
    tmp_path: Path, calendar: Calendar, sessions: list[date], setting: str, value: object
) -> None:
    store = store_with(tmp_path, flat(many(sessions)))
    assert 21 == judged(store, calendar, D).observation.liquid_members
    config = ContractConfig.model_validate({setting: value})
    assert 0 == judged(store, calendar, D, config=config).observation.liquid_members


def test_every_threshold_is_moved_by_a_test_here() -> None:
    moved = {row[0] for row in SYMBOL} | {row[0] for row in DAY}
    moved |= {"restated_close_max", "restated_volume_max", "price_min", "adv_shares_min", "adv_usd_min"}
    assert set(ContractConfig.model_fields) == moved


@pytest.mark.parametrize(
    "wrong", [{"outlier_max": "0.40001"}, {"flat_max": -1}, {"spike_max": "0.9"}, {"residue_open_max": 1}]
)
def test_a_threshold_that_cannot_be_meant_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ContractConfig.model_validate(wrong)
    assert Decimal("0.4000") == ContractConfig().outlier_max
