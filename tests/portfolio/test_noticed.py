"""Small promises that a changed line once broke unnoticed."""

from decimal import Decimal

import pytest

from portfolio.conflicts import standing_of
from portfolio.correlation import Correlations, _ratio
from portfolio.decide import run
from portfolio.exposure import measure, plus
from portfolio.limits import portfolio_config
from portfolio.modulation import modulate, modulation_of, throttle
from portfolio.shadow import clones
from portfolio.sizing import PPM
from portfolio.sleeves import Use, cap_findings, parse_sleeves
from schemas.book import Leg, OrderState, PositionPlan
from schemas.reasons.ledger import ReadFaultCode
from schemas.regime import RegimeLabel
from schemas.strategy_registry import REGISTRY
from tests.portfolio.books import (
    CORE,
    D,
    P,
    book,
    decision_inputs,
    intent,
    order,
    position,
    returns_of,
    sharing,
    sleeve,
    snapshot,
    usd,
)

SIM = portfolio_config("SIM")
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
        SIM,
        sharing(shadows={SHADOW: CORE}),
    )
    rooms = [row.before for each in made.verdicts for row in each.room if row.cap == "LIMIT_SECTOR"]
    assert [usd("29500")] * 2 == rooms


def test_a_sector_with_an_unknown_worth_has_no_room_and_is_no_fault_of_the_arbiter() -> None:
    held = book([position("BBB", 10)])
    made = run(
        decision_inputs(intent("AAA"), book=held, marks={"AAA": usd("50")}, sectors={"AAA": "X", "BBB": "X"}),
        SIM,
    )
    (row,) = made.verdicts
    assert "ARBITER_ERROR" not in {found.code for found in row.reasons}
    assert [None] == [room.before for room in row.room if room.cap == "LIMIT_SECTOR"]


def test_a_snapshot_of_another_session_is_told_with_the_session_that_was_due() -> None:
    made = run(decision_inputs(intent("AAA"), snapshot=snapshot(closed_session=D)), SIM)
    assert ("PORTFOLIO_SNAPSHOT_STALE", D.isoformat(), P.isoformat(), "session") in [
        (row.code, row.observed, row.threshold, row.detail) for row in made.batch.findings
    ]


@pytest.mark.parametrize("drawdown", ["-1.000001", "1.000001"])
def test_a_fall_of_more_than_everything_is_no_fall_whatever_its_sign(drawdown: str) -> None:
    made = run(decision_inputs(intent("AAA"), snapshot=snapshot(drawdown=drawdown)), SIM)
    assert "PORTFOLIO_SNAPSHOT_INVALID" in made.batch.codes


def test_an_overlap_without_a_size_has_no_quantity_before_it() -> None:
    held = book([position("AAA", strategy_id="EXTERNAL")])
    made = run(decision_inputs(intent("AAA"), book=held, snapshot=snapshot(None)), SIM)
    (row,) = made.verdicts
    assert [("S2_SYMBOL_OVERLAP", None, 0)] == [
        (each.rule, each.quantity_before, each.quantity_after) for each in row.conflicts
    ]


@pytest.mark.parametrize(("cov", "expected"), [(3, 2), (5, 2), (7, 4), (9, 4), (11, 6)])
def test_a_correlation_that_lies_exactly_between_two_is_the_even_one(cov: int, expected: int) -> None:
    assert expected == _ratio(60, cov, 2 * PPM, 2 * PPM)


def test_returns_of_different_sessions_are_a_callers_fault_and_named() -> None:
    with pytest.raises(AssertionError, match=r"^returns of different sessions$"):
        Correlations({"AAA": (1, 2), "BBB": (1,)})


def test_the_group_that_a_batch_is_compared_with_is_made_once() -> None:
    kept = Correlations(returns_of(["AAA", "BBB", "CCC"]))
    kept.mean_abs("AAA", ["BBB"])
    first = kept._group
    kept.mean_abs("CCC", ["BBB"])
    assert first is kept._group


def test_without_a_book_a_shadow_is_blocked_like_its_original() -> None:
    made = run(
        decision_inputs(intent("AAA"), book=ReadFaultCode.MISSING), SIM, sharing(shadows={SHADOW: CORE})
    )
    assert [CORE, SHADOW] == [row.strategy_id for row in made.verdicts]
    assert [0, 0] == [row.q2 for row in made.verdicts]


def test_what_is_unknown_stays_so_whatever_is_added() -> None:
    assert plus(None, usd("5")) is None
    assert usd("7") == plus(usd("2"), usd("5"))


def test_a_modulation_that_takes_nothing_gives_no_reason() -> None:
    asked = modulation_of(ReadFaultCode.MISSING, P, SIM.limits, guarded=False)
    asked = asked.model_copy(update={"risk": Decimal(1), "modulated": asked.base})
    assert asked.reasons
    assert (10, ()) == modulate(
        10, asked, symbol="AAA", price=usd("50"), equity=usd("100000"), gross=usd("0")
    )


def test_a_stressed_market_is_told_by_its_label() -> None:
    *_, (first, *_) = throttle(RegimeLabel.STRESSED, 0.9)
    assert ("STRESSED_REGIME", "STRESSED") == (first.code, first.observed)


def test_a_stop_that_rests_and_an_entry_that_filled_sold_nothing() -> None:
    rows = [order("BBB", leg=Leg.STOP, stop=usd("45"), state=OrderState.LIVE)]
    done = order("BBB", filled=usd("100"), state=OrderState.FILLED, ord_id="ord_done")
    held = book([position("BBB", 100)], rows, ended_today=(done,))
    made = run(decision_inputs(intent("AAA"), book=held, marks={"AAA": usd("50"), "BBB": usd("50")}), SIM)
    assert usd("0") == made.sleeves.uses[0].pnl


def test_a_loss_is_written_in_full() -> None:
    uses = {CORE: Use(positions=0, gross=usd("0"))}
    capped = sharing(sleeves={CORE: sleeve(max_daily_loss=usd("1"))})
    (found,) = cap_findings(CORE, "AAA", capped, uses, {CORE: Decimal("-2E+3")})
    assert "-2000" == found.observed
