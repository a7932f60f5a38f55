"""Nothing of a session's morning knows what came after P: another future gives the same bytes (L1)."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from flows.house import House
from flows.pipeline import Outcome, run_premarket
from flows.stages.opening import open_session
from flows.world import open_world
from market.calendar import EPOCH, Calendar
from market.rows import NULL, Rows
from tests.chain.days import BOOK, HELD_DAY, Ground, house_at, market_of

MORNING: Final = (
    "observations/market.json",
    "regime.json",
    "scan.json",
    "candidates.json",
    "decisions.json",
    "enforcement.json",
)


def _later(rows: Rows, calendar: Calendar) -> np.ndarray:
    return rows.day > calendar.previous(HELD_DAY).toordinal() - EPOCH


def without_a_future(rows: Rows, calendar: Calendar) -> Rows:
    return rows.take(~_later(rows, calendar))


def with_everything_doubled(rows: Rows, calendar: Calendar) -> Rows:
    values = rows.values.copy()
    values[:, _later(rows, calendar)] *= 2
    return _with(rows, values)


def with_a_crash_on_the_day(rows: Rows, calendar: Calendar) -> Rows:
    values = rows.values.copy()
    prices = values[:4, _later(rows, calendar)]
    values[:4, _later(rows, calendar)] = np.maximum(prices // 1000 * 100, 10_000)
    return _with(rows, values)


def with_holes(rows: Rows, calendar: Calendar) -> Rows:
    values = rows.values.copy()
    values[:, _later(rows, calendar) & (rows.code % 2 == 0)] = NULL
    return _with(rows, values)


def _with(rows: Rows, values: np.ndarray) -> Rows:
    return Rows(
        symbols=rows.symbols,
        code=rows.code,
        day=rows.day,
        values=values,
        known_at=rows.known_at,
        vintage=rows.vintage,
    )


def morning_of(house: House, ground: Ground) -> dict[str, bytes]:
    """Every file of the morning of HELD_DAY, made in *house*."""
    day = ground.day(house, HELD_DAY)
    world = open_world(house, BOOK)
    outcome = Outcome(day)
    run_premarket(day, world, open_session(day, world, None), outcome)
    assert [] == outcome.refused
    return {name: house.disk.read(day.path(name)) for name in MORNING}


@pytest.fixture(scope="module")
def known(tiny_ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The morning on the market as it is; it wishes for something, or the test would prove little."""
    home = tiny_ground.fresh(tmp_path_factory.mktemp("known") / "home", HELD_DAY)
    made = morning_of(tiny_ground.house(home), tiny_ground)
    assert b'"authorised":[\n' in made["enforcement.json"]
    return made


@pytest.mark.parametrize(
    "future",
    [without_a_future, with_everything_doubled, with_a_crash_on_the_day, with_holes],
    ids=lambda future: future.__name__,
)
def test_another_future_changes_no_byte_of_the_morning(
    future: Callable[[Rows, Calendar], Rows], known: dict[str, bytes], tiny_ground: Ground, tmp_path: Path
) -> None:
    market = market_of(tmp_path / "market", future)
    found = morning_of(house_at(market, tiny_ground.fresh(tmp_path / "home", HELD_DAY)), tiny_ground)
    assert known == found


def test_another_past_does_change_them(known: dict[str, bytes], tiny_ground: Ground, tmp_path: Path) -> None:
    def otherwise(rows: Rows, calendar: Calendar) -> Rows:
        values = rows.values.copy()
        values[4, rows.day == calendar.previous(HELD_DAY).toordinal() - EPOCH] += 100
        return _with(rows, values)

    market = market_of(tmp_path / "market", otherwise)
    found = morning_of(house_at(market, tiny_ground.fresh(tmp_path / "home", HELD_DAY)), tiny_ground)
    assert {"observations/market.json", "scan.json"} <= {
        name for name in MORNING if known[name] != found[name]
    }
