"""At a gate's very edge: as much as was decided passes, one share more does not; covered whole is covered."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from execution_v2.gates import decision, envelope, freshness, quarantine, repetition, risk_per_trade
from portfolio.decide import run
from portfolio.limits import portfolio_config
from schemas.book import Leg, OrderState, Side
from tests.execution_v2.gate_cases import foreign
from tests.execution_v2.gate_world import NOW, PLAN, good
from tests.portfolio.books import D, P, decision_inputs, intent, order, position, usd


def test_one_share_more_than_was_allowed_is_refused_with_both_numbers() -> None:
    wish = intent("AAA")
    decided = run(decision_inputs(wish), portfolio_config("SIM"))
    world = good().facts_with(decisions=decided).config_with(decision_enforce=True)
    entry = replace(world.entry, intent_id=wish.intent_id, quantity=Decimal(156))
    assert () == decision.check(entry, world.facts, world.config)
    (found,) = decision.check(replace(entry, quantity=Decimal(157)), world.facts, world.config)
    assert ("DECISION_BLOCKED", "AAA", "157", "156", "more than was allowed") == (
        found.code, found.subject, found.observed, found.threshold, found.detail,
    )  # fmt: skip


def test_a_position_whose_every_share_has_a_stop_is_protected_and_one_bare_share_is_not() -> None:
    for covered, codes in ((10, []), (9, ["SYMBOL_UNPROTECTED"])):
        world = good().more_with(
            positions=(position("AAA", 10).model_copy(update={"plan": PLAN}),),
            orders=(order("AAA", covered, leg=Leg.STOP, stop=usd("45"), state=OrderState.LIVE),),
        )
        found = quarantine.check(world.entry, world.facts, world.config)
        assert codes == [row.code for row in found]


def test_an_old_observation_shows_its_age_beside_the_limit_and_hides_no_other() -> None:
    old = {"account": NOW, "positions": NOW - timedelta(seconds=61), "orders": NOW - timedelta(seconds=62)}
    world = (
        good().moment_with(observed_at=old).facts_with(observed={"account": P, "positions": D, "orders": D})
    )
    found = freshness.check(world.entry, world.facts, world.config)
    assert [
        (P.isoformat(), D.isoformat(), "account"),
        ("61.000000", "60", "positions, seconds"),
        ("62.000000", "60", "orders, seconds"),
    ] == [(row.observed, row.threshold, row.detail) for row in found]


def test_a_stop_that_is_no_price_is_shown_as_it_was_given() -> None:
    world = good().entry_with(stop=Decimal("-1.50"))
    (found,) = risk_per_trade.check(world.entry, world.facts, world.config)
    assert ("STOP_MISSING", "-1.50") == (found.code, found.observed)


def test_a_stranger_s_order_of_either_side_is_in_the_way_and_named_by_its_side() -> None:
    for side, other in ((Side.BUY, Side.SELL), (Side.SELL, Side.BUY)):
        world = good().entry_with(side=side).moment_with(foreign=(foreign(other), foreign(side)))
        found = envelope.check(world.entry, world.facts, world.config)
        # While their buy works, the broker refuses the stop that this entry would need.
        assert [(str(other), "theirs"), (str(side), "theirs")] == [
            (row.detail, row.observed) for row in found
        ]


def test_only_orders_of_the_intent_itself_show_that_it_came_to_nothing() -> None:
    def codes(intent: str) -> list[str]:
        missed = order("AAA", state=OrderState.CANCELLED, intent_id=intent)
        world = good().book_with(entry_intents_today=("int_AAA",), ended_today=(missed,))
        return [row.code for row in repetition.check(world.entry, world.facts, world.config)]

    assert "int_AAA" == good().entry.intent_id
    assert [] == codes("int_AAA"), (
        "every order of it ended without a share: another attempt is no second entry"
    )
    assert ["DUPLICATE_INTENT"] == codes("int_of_another"), "that order says nothing of this intent"
