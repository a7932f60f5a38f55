"""A tick is put on record where somebody relies on what it changed, and not where it changed nothing."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from execution_v2 import tick
from execution_v2.broker.port import CancelOrder
from execution_v2.lifecycle import LifecycleConfig
from execution_v2.sync import Observed
from execution_v2.tick import take
from schemas.events import TickTaken
from schemas.lifecycle import Lifecycle, LifecycleState
from schemas.tick import Tick, TickKind
from tests.execution_v2.watched import DAY, Watched, armed
from tests.simulation.world import CONFIG

TENDER = replace(CONFIG, lifecycle=LifecycleConfig(throttled_max=Decimal("0.010000")))


def spot(*, throttled: int) -> list[tuple[str, ...]]:
    """What a SPOT records of ``clean``: BEGIN found a slow line well again, then *throttled* were turned away."""
    made = Watched(config=TENDER)
    slow = LifecycleState(state=Lifecycle.THROTTLED, since=made.at(0), causes=("API_PRESSURE",))
    made.journal.append(
        [("tick.taken", made.at(0), None, armed(made.at(0)).model_copy(update={"lifecycle": slow}))]
    )
    desk = made.desk(5)
    observed = Observed(at={}, is_whole=True, frozen=frozenset(), foreign=())
    take(desk, TickKind.BEGIN, observed)
    assert ("API_PRESSURE",) == desk.fold.lifecycle.clean
    desk.tally.requests, desk.tally.throttled = 10, throttled
    before = len(desk.records)
    take(desk, TickKind.SPOT, observed)
    told = [TickTaken.model_validate(row.data) for row in desk.records[before:] if row.event == "tick.taken"]
    return [row.lifecycle.clean for row in told]


def test_a_cause_that_a_spot_sees_again_is_recorded_and_its_clean_cycle_begins_anew() -> None:
    assert [()] == spot(throttled=5)


def test_a_spot_that_sees_nothing_new_leaves_no_record() -> None:
    assert [] == spot(throttled=0)


def test_a_tick_that_fails_enters_nothing_and_the_stop_is_placed_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Watched(more=("BBB",))
    made.cycle(5)
    held = made.stops()
    for order in made.exchange.open_orders():
        made.broker.cancel(CancelOrder(order_id=order.order_id))
    assert [] == made.stops()

    def fail(*_: object) -> Tick:
        raise ValueError("a fault of ours")

    monkeypatch.setattr(tick, "tick_of", fail)
    result = made.cycle(10)
    assert held == made.stops()
    told = [r.data for r in result.records if r.event == "entries.blocked"]
    assert {"codes": ["TICK_FAILED"]} in told
    assert [] == [r for r in result.records if r.event == "entry.authorised"]


def test_an_age_that_rounds_to_nothing_has_no_sign() -> None:
    made = Watched()
    made.cycle(5)
    desk = made.desk(10)
    desk.ports.broker.fills(DAY)
    row = next(s for s in desk.tally.sightings(desk.at - timedelta(microseconds=1)) if s.source == "fills")
    assert "0.0" == str(row.age_s)
