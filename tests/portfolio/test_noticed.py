"""Small promises that a changed line once broke unnoticed."""

from decimal import Decimal

import pytest

from portfolio.conflicts import standing_of
from portfolio.decide import run
from portfolio.exposure import measure
from portfolio.limits import portfolio_config
from portfolio.shadow import clones
from portfolio.sleeves import parse_sleeves
from schemas.book import PositionPlan
from schemas.strategy_registry import REGISTRY
from tests.portfolio.books import CORE, D, book, decision_inputs, intent, position, sharing, usd

SHADOW = "S1_AVWAP_SHADOW"
PLAN = PositionPlan(
    entry_ref=usd("50"),
    limit_cap=usd("50.50"),
    level=usd("47.50"),
    initial_stop=usd("46.80"),
    r1=usd("52"),
    r2=usd("54"),
    r1_fraction=Decimal("0.5"),
    r2_fraction=Decimal("0.5"),
    trail_fraction=Decimal("0.5"),
    time_stop_sessions=None,
)


def test_an_entry_in_a_symbol_that_is_held_adds_to_what_is_held() -> None:
    held = measure(book([position("AAA", 10)]), {"AAA": usd("50")}, D)
    after = held.after(intent_id="i", strategy_id=CORE, symbol="AAA", quantity=3, price=usd("40"))
    assert (usd("500"), usd("620")) == (held.of("AAA"), after.of("AAA"))
    assert usd("620") == after.parts[CORE, "AAA"] == after.gross


def test_a_clone_carries_the_shadows_version_of_the_model() -> None:
    wish = intent("AAA").model_copy(update={"model_version": "an older one"})
    ((clone, original),) = clones([wish], {SHADOW: CORE})
    assert (SHADOW, REGISTRY[SHADOW].model_version) == (clone.strategy_id, clone.model_version)
    assert intent("AAA").intent_id == original


@pytest.mark.parametrize(
    ("row", "shown"), [("5", "5"), ("[0.5]", '["0.5"]'), ("NaN", '"NaN"'), ("null", "null")]
)
def test_what_is_no_object_of_caps_is_shown_as_it_was_written(row: str, shown: str) -> None:
    wanted = f"{CORE}: an object of caps is wanted, not {shown}"
    assert ({}, (wanted,)) == parse_sleeves(f'{{"{CORE}": {row}}}')


def test_without_a_working_stop_the_plans_stop_says_what_a_position_risks() -> None:
    marks = {"AAA": usd("50")}
    planned = standing_of(book([position("AAA", 10).model_copy(update={"plan": PLAN})]), marks)["AAA"]
    assert usd("32") == planned.risk
    bare = standing_of(book([position("AAA", 10)]), marks)["AAA"]
    assert bare.risk is None


def test_a_shadow_meets_the_sector_that_the_book_has_in_use() -> None:
    made = run(
        decision_inputs(
            intent("AAA"),
            book=book([position("BBB", 10)]),
            marks={"AAA": usd("50"), "BBB": usd("50")},
            sectors={"AAA": "X", "BBB": "X"},
        ),
        portfolio_config("SIM"),
        sharing(shadows={SHADOW: CORE}),
    )
    rooms = [row.before for each in made.verdicts for row in each.room if row.cap == "LIMIT_SECTOR"]
    assert [usd("29500")] * 2 == rooms
