"""At a gate's very edge: as much as was decided passes, one share more does not; covered whole is covered."""

from dataclasses import replace
from decimal import Decimal

from execution_v2.gates import decision, quarantine
from portfolio.decide import run
from portfolio.limits import portfolio_config
from schemas.book import Leg, OrderState
from tests.execution_v2.gate_world import PLAN, good
from tests.portfolio.books import decision_inputs, intent, order, position, usd


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
