"""The order stream hastens and proves nothing: whatever the order of its messages, and with repeats, the end is one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from execution_v2.broker.port import CancelOrder, LookUp, ReadFailed, ReplaceOrder, Seen, Unresolved, Updates
from execution_v2.desk import Desk
from execution_v2.hearing import listen
from execution_v2.orders import sale
from execution_v2.ports import CycleInputs, Ports
from execution_v2.reduce import state_digest
from execution_v2.resolve import find_in_flight
from execution_v2.risk_class import reduction
from ledger.journal import Journal
from ledger.memory import MemoryDisk
from schemas.book import BookState, Leg, Order, OrderState
from schemas.cycle import CycleKind
from schemas.events import OrderReplacing
from schemas.observations import BrokerOrder, OrderUpdate
from tests.execution_v2.test_budgets import QUIET, world
from tests.simulation.world import CONFIG, DAYS, World, bar, usd


@dataclass
class Race:
    """A request on the wire whose answer was lost: what we hold, what is true, and what the stream may say."""

    made: World
    inputs: CycleInputs
    messages: Sequence[OrderUpdate]

    def after(self, told: Sequence[OrderUpdate]) -> BookState:
        """The book once *told* was heard, one message at a look, and the cycle asked after the rest."""
        left = list(told)
        self.made.outside.answers = {"updates": lambda _real: self._next(left)}
        desk = desk_with(self.made, self.inputs)
        while left:
            listen(desk)
        find_in_flight(desk)
        assert [] == [r for r in desk.records if r.event == "order.illegal_transition"]
        return desk.fold.freeze()

    def _next(self, left: list[OrderUpdate]) -> Updates:
        return Seen(as_of=self.made.at, value=(left.pop(0),))


def desk_with(made: World, inputs: CycleInputs) -> Desk:
    ports = Ports(
        broker=made.outside,
        feed=made.outside,
        journal=Journal.open(MemoryDisk(), "SIM/journal.jsonl"),
        now=lambda: made.at,
        pause=lambda seconds: None,
    )
    return Desk(inputs, ports, CONFIG)


def told(made: World, order: BrokerOrder, status: str, **over: Any) -> OrderUpdate:
    return OrderUpdate(event=status, order=order.model_copy(update={"status": status, **over}), at=made.at)


def shown(made: World, order: Order) -> BrokerOrder:
    answer = made.sim.lookup(LookUp(client_order_id=order.client_order_id))
    return answer.order  # type: ignore[union-attr]


def race(made: World, begin: Callable[[Desk], Sequence[OrderUpdate]]) -> Race:
    """The race that *begin* starts at the first desk; what it journaled is what later ones find."""
    day = DAYS[1]
    inputs = replace(made.inputs(day, "0930-2", CycleKind.OPEN), kind=CycleKind.INTRADAY)
    first = desk_with(made, inputs)
    messages = begin(first)
    return Race(made=made, inputs=replace(inputs, state=first.fold.freeze()), messages=messages)


def replacing(made: World, stop: str) -> Race:
    """The stop of the first day is to be raised."""

    def begin(desk: Desk) -> Sequence[OrderUpdate]:
        (old,) = [o for o in made.state(DAYS[0]).orders if o.leg is Leg.STOP]
        (held,) = made.state(DAYS[0]).positions
        wish = sale(
            desk,
            held,
            Leg.STOP,
            held.quantity,
            "STOP_RATCHET",
            stop=usd(stop),
            basis="x",
            replaces=old.ord_id,
        )
        bounded = reduction(wish, [held], made.state(DAYS[0]).orders, instead_of=old)
        assert bounded is not None
        new = bounded.order
        before = shown(made, old)
        desk.fold = type(desk.fold)(made.state(DAYS[0]))
        desk.note(("order.replacing", OrderReplacing(ord_id=old.ord_id, successor=new)))
        request = ReplaceOrder(
            order_id=before.order_id,
            client_order_id=new.client_order_id,
            quantity=new.quantity,
            stop=new.stop,
        )
        made.sim.replace(request)
        now = shown(made, old)
        stale = [told(made, before, "pending_replace"), told(made, before, "open", filled=usd("0"))]
        if now.status == "replaced":
            return [*stale, told(made, now, "replaced"), told(made, shown(made, new), "open")]
        heir = now.model_copy(update={"client_order_id": new.client_order_id, "filled": usd("0")})
        return [*stale, told(made, now, "filled"), told(made, heir, "rejected")]

    return race(made, begin)


def orders_of(permuted: Sequence[OrderUpdate]) -> list[tuple[OrderUpdate, ...]]:
    """Every order of the messages with one of them told twice."""
    return [each for twice in permuted for each in permutations([*permuted, twice])]


@pytest.mark.parametrize(
    ("opened", "expected"), [("50.60", {"REPLACED", "LIVE"}), ("45.00", {"FILLED", "NEVER_SENT"})]
)
def test_every_order_of_the_messages_of_a_replace_race_gives_one_end(
    opened: str, expected: set[str], tmp_path: Path
) -> None:
    made = world(tmp_path, QUIET, bar(opened, "51.00", "44.00", "45.00" if opened < "46" else "50.50"))
    made.run(DAYS[0])
    made.at = made.inputs(DAYS[1], "0930", CycleKind.OPEN).open_at
    made.sim.positions()  # the open is played
    found = replacing(made, "48.00")
    ends = {state_digest(found.after(each)): found.after(each) for each in orders_of(found.messages)}
    silent = found.after(())
    assert {state_digest(silent)} == set(ends)
    stops = [o for o in (*silent.orders, *silent.ended_today) if o.leg is Leg.STOP]
    assert expected == {order.state.value for order in stops}


def test_every_order_of_the_messages_of_a_partly_filled_and_cancelled_entry_gives_one_end(
    tmp_path: Path,
) -> None:
    made = world(tmp_path, QUIET, bar("50.10", "51.00", "49.50", "50.80", volume=1_000))
    made.wants = {DAYS[1]: made.wants[DAYS[0]]}
    made.run(DAYS[0])
    made.run(DAYS[1], until="0930")
    made.outside.answers = {"cancel": _as_lost, "lookup": lambda real, request: ReadFailed(cause="x")}
    made.run(DAYS[1], until="0935")
    (entry,) = [o for o in made.state(DAYS[1]).orders if o.leg is Leg.ENTRY]
    assert OrderState.CANCEL_UNKNOWN is entry.state
    now = shown(made, entry)
    inputs = replace(made.inputs(DAYS[1], "0940", CycleKind.OPEN), kind=CycleKind.INTRADAY)
    messages = [
        told(made, now, "open", filled=usd("0")),
        told(made, now, "open"),
        told(made, now, "pending_cancel"),
        told(made, now, "cancelled"),
    ]
    found = Race(made=made, inputs=inputs, messages=messages)
    digests = {state_digest(found.after(each)) for each in orders_of(messages)}
    assert {state_digest(found.after(()))} == digests
    assert "PARTIAL_CANCELLED" in {o.state for o in found.after(()).ended_today}


def _as_lost(real: Callable[..., Any], request: CancelOrder) -> Unresolved:
    real(request)
    return Unresolved(cause="READ_TIMEOUT")


def test_a_stream_that_is_down_is_asked_once_in_a_cycle_and_never_on_daily_bars(tmp_path: Path) -> None:
    made = world(tmp_path)
    made.run(DAYS[0])
    assert "updates" not in made.outside.asked
    inputs = replace(made.inputs(DAYS[1], "0930", CycleKind.OPEN), kind=CycleKind.INTRADAY)
    desk = desk_with(made, inputs)
    for _ in range(3):
        listen(desk)
    assert 1 == made.outside.asked["updates"]


def test_a_message_about_an_order_that_is_not_ours_asks_nothing(tmp_path: Path) -> None:
    made = world(tmp_path)
    made.run(DAYS[0])
    (stop,) = [o for o in made.state(DAYS[0]).orders if o.leg is Leg.STOP]
    foreign = shown(made, stop).model_copy(update={"client_order_id": "theirs"})
    inputs = replace(made.inputs(DAYS[1], "0930", CycleKind.OPEN), kind=CycleKind.INTRADAY)
    desk = desk_with(made, inputs)
    seen: Updates = Seen(as_of=made.at, value=(told(made, foreign, "filled"),))
    made.outside.answers = {"updates": lambda _real: seen}
    before = dict(made.outside.asked)
    listen(desk)
    assert {"updates": 1} == {
        name: count - before.get(name, 0)
        for name, count in made.outside.asked.items()
        if count != before.get(name, 0)
    }
    assert [] == desk.records
