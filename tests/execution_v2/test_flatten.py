"""A person has everything sold: in an EMERGENCY alone, in each cycle until nothing is held; and nothing is bought."""

from typing import Any

from schemas.events import KillSet, OperatorAct
from schemas.lifecycle import LifecycleState
from simulation.fault_plan import Fault
from tests.execution_v2.watched import Watched, events
from tests.simulation.world import usd


def bought(**over: Any) -> Watched:
    """161 shares with their stop at 47.00."""
    made = Watched(**over)
    made.cycle(0)
    made.cycle(5)
    assert [(161, usd("47.00"))] == made.stops()
    return made


def say(made: Watched, *verbs: str) -> None:
    """A person's acts, as the edge journals them."""
    rows = [OperatorAct(verb=verb, operator="jo", reason="out") for verb in verbs]
    made.journal.append([("operator.acted", made.clock.now(), None, row) for row in rows])


def state(made: Watched) -> LifecycleState:
    return made.state.lifecycle


def test_an_emergency_keeps_what_is_held_with_its_stop() -> None:
    made = bought()
    say(made, "emergency")
    made.cycle(10)
    assert ("EMERGENCY", 161, [(161, usd("47.00"))]) == (state(made).state, made.held, made.stops())


def test_with_the_wish_everything_is_sold_in_the_next_cycle() -> None:
    made = bought()
    say(made, "emergency", "flatten")
    made.cycle(10)
    assert (0, [], ("EXIT_OPERATOR_FLATTEN", 161)) == (made.held, made.working(), made.fills()[-1])
    assert () == made.state.positions


def test_what_one_cycle_could_not_sell_is_covered_and_sold_in_the_next() -> None:
    made = bought()
    say(made, "emergency", "flatten")
    made.exchange.halt("AAA", made.at(9))
    made.cycle(10)
    assert (161, [(161, usd("47.00"))]) == (made.held, made.stops())
    made.exchange.resume("AAA", made.at(12))
    made.cycle(15)
    assert (0, []) == (made.held, made.working())


def test_a_dead_feed_holds_it_up_as_little_as_any_exit() -> None:
    made = bought()
    say(made, "emergency", "flatten")
    made.door = made.faulty({"quotes#*": Fault.READ_FAILED, "bars#*": Fault.READ_FAILED})
    made.cycle(10)
    assert 0 == made.held


def test_the_wish_outside_an_emergency_sells_nothing() -> None:
    made = bought()
    say(made, "flatten")
    made.cycle(10)
    assert (161, False) == (made.held, state(made).flatten)


def test_once_all_is_sold_a_persons_word_ends_it_and_nothing_is_bought_before_another() -> None:
    made = bought()
    say(made, "emergency", "flatten")
    made.cycle(10)
    say(made, "ack")  # of nothing: a word without its subject ends nothing
    made.cycle(15)
    assert "EMERGENCY" == state(made).state
    row = OperatorAct(verb="ack", operator="jo", reason="out", subject="OPERATOR_EMERGENCY")
    made.journal.append([("operator.acted", made.clock.now(), None, row)])
    made.cycle(20)
    assert ("PAUSED", False, ("OPERATOR_PAUSE",)) == (
        state(made).state,
        state(made).flatten,
        state(made).causes,
    )
    assert 0 == made.held


def test_every_transition_is_one_record_with_its_reason() -> None:
    made = bought()
    made.journal.append(
        [("kill.set", made.clock.now(), None, KillSet(on=True, operator="jo", reason="look"))]
    )
    (told,) = events(made.cycle(10), "lifecycle.changed")
    assert ("ACTIVE", "EMERGENCY", "KILL_SWITCH") == (told["before"], told["after"], told["reason"])
