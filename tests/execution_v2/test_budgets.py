"""Nothing is asked, carried or sent without a bound, and no answer is believed more than it says."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from execution_v2.broker.port import Confirmed, Found, LookUp, ReadFailed, Rejected, Seen, Unresolved
from execution_v2.desk import Desk
from execution_v2.ports import Ports
from execution_v2.resolve import ask, find_in_flight, follow
from execution_v2.send import cancel, retry_after_s
from ledger.disk import LocalDisk
from schemas.book import OrderState, RiskClass, TimeInForce
from schemas.cycle import CycleKind
from tests.simulation.world import CONFIG, DAYS, Want, World, bar, usd

QUIET = bar("50.10", "51.00", "49.50", "50.80")
THIN = {"AAA": usd("1000000")}
"""Costs 20 bps, and the limit leaves 10: the entry stays open at the exchange."""


@dataclass
class Line:
    """A line to the simulated exchange that answers as told, and counts."""

    broker: Any
    answers: dict[str, Callable[..., Any]] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.broker, name)

        def call(*args: Any) -> Any:
            self.asked[name] = self.asked.get(name, 0) + 1
            told = self.answers.get(name)
            return real(*args) if told is None else told(real, *args)

        return call


def lost(real: Callable[..., Any], *args: Any) -> Unresolved:
    """It arrives, and the answer does not."""
    real(*args)
    return Unresolved(cause="READ_TIMEOUT")


def mute(_real: Callable[..., Any], *_args: Any) -> ReadFailed:
    return ReadFailed(cause="READ_TIMEOUT")


def world(root: Path, *days: Any, **over: Any) -> World:
    bars = {("AAA", DAYS[n]): row for n, row in enumerate(days or (QUIET, QUIET, QUIET))}
    return World(disk=LocalDisk(root), bars=bars, wants={DAYS[0]: (Want(),)}, wrap_broker=Line, **over)


def causes(made: World, day: Any) -> list[tuple[str, str]]:
    return [
        (str(r.data["state"]), str(r.data["cause"]))
        for r in made.journal(day).records
        if r.event == "order.unresolved"
    ]


def test_an_order_nobody_answers_for_is_frozen_after_three_cycles_then_asked_after_once_a_cycle(
    tmp_path: Path,
) -> None:
    made = world(tmp_path, adv=THIN)
    made.outside.answers = {"submit": lost, "lookup": mute}
    made.run(DAYS[0])
    assert 10 == made.outside.asked["lookup"]  # five in each of two cycles
    state = made.run(DAYS[1], until="0930")
    assert [("FROZEN", "CARRIED")] == causes(made, DAYS[1])
    assert [OrderState.FROZEN] == [order.state for order in state.orders]
    before = made.outside.asked["lookup"]
    made.run(DAYS[1])
    assert before + 2 == made.outside.asked["lookup"]
    made.outside.answers = {}
    state = made.run(DAYS[2], until="0930")
    assert ((), ()) == (state.orders, state.quarantined)
    assert [OrderState.EXPIRED] == [order.state for order in state.ended_today]


def test_a_proof_of_absence_needs_a_list_of_orders_that_was_read(tmp_path: Path) -> None:
    states = []
    for listed in (True, False):
        made = world(tmp_path / str(listed), adv=THIN)
        made.outside.answers = {"submit": lambda real, request: Unresolved(cause="READ_TIMEOUT")}
        if not listed:
            made.outside.answers["open_orders"] = mute
            made.outside.answers["positions"] = mute
        made.run(DAYS[0], until="0930")
        made.outside.answers.pop("positions", None)
        desk = desk_of(made)
        order = sent(made, desk)
        find_in_flight(desk)
        states.append(desk.known(order.ord_id).state)
    assert [OrderState.NEVER_SENT, OrderState.SUBMIT_UNKNOWN] == states


def test_an_end_is_not_believed_before_its_fills_are_read(tmp_path: Path) -> None:
    made = world(tmp_path, bar("50.10", "51.00", "49.50", "50.80", volume=1_000), QUIET)

    def then_no_fills(real: Any, request: Any) -> Any:
        made.outside.answers["fills"] = mute
        return real(request)

    made.outside.answers = {"submit": then_no_fills}
    made.run(DAYS[0], until="0935")
    assert ("CANCEL_UNKNOWN", "FILLS_UNREAD") in causes(made, DAYS[0])
    assert () == made.state(DAYS[0]).positions
    made.outside.answers = {}
    made.run(DAYS[0])
    state = made.state(DAYS[0])
    held = {name: quantity for name, (quantity, _) in made.exchange.state.holdings.items()}
    assert held == {p.symbol: p.quantity for p in state.positions}
    assert held == {o.symbol: o.quantity for o in state.orders if o.stop is not None}
    assert "PARTIAL_CANCELLED" in {o.state for o in state.ended_today}
    assert [] == [r for r in made.journal(DAYS[0]).records if r.event == "order.contradicted"]


def test_a_broker_that_says_we_ask_too_much_is_left_alone_and_the_order_is_looked_up(tmp_path: Path) -> None:
    made = world(tmp_path)

    def throttled(real: Any, request: Any) -> Any:
        real(request)
        return Rejected(reason="RATE_LIMITED", raw="7")

    made.outside.answers = {"submit": throttled}
    made.run(DAYS[0], until="0935")
    ids = [order.client_order_id for order in made.exchange.state.orders.values()]
    assert len(ids) == len(set(ids)) == 2  # the entry and its stop, each once
    assert [Decimal(150)] == [p.quantity for p in made.state(DAYS[0]).positions]


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [
        ("", 3.0),
        ("12", 12.0),
        ("0", 0.0),
        ("900", 30.0),
        ("Retry-After: 12", 3.0),
    ],
)
def test_a_wait_is_what_the_broker_names_and_at_most_30_seconds(raw: str, seconds: float) -> None:
    assert seconds == retry_after_s(raw)


def test_fills_without_an_execution_id_are_told_apart_by_what_had_filled_before(tmp_path: Path) -> None:
    made = world(tmp_path)

    def nameless(real: Any, since: Any) -> Any:
        seen = real(since)
        rows = []
        for row in seen.value:
            half = Decimal(row.quantity // 2)
            for part in (half, row.quantity - half):
                rows.append(row.model_copy(update={"execution_id": "", "quantity": part}))
        return replace(seen, value=tuple(rows))

    made.outside.answers = {"fills": nameless}
    state = made.run(DAYS[0])
    assert [Decimal(150)] == [p.quantity for p in state.positions]
    assert 2 == len(state.executions)


def test_an_ended_order_that_is_open_at_the_broker_is_frozen_and_one_proved_absent_is_taken_back(
    tmp_path: Path,
) -> None:
    made = world(tmp_path, adv=THIN)
    made.run(DAYS[0], until="0930")
    for end, expected in (
        (OrderState.CANCELLED, OrderState.FROZEN),
        (OrderState.NEVER_SENT, OrderState.LIVE),
    ):
        desk = desk_of(made)
        order = sent(made, desk)
        desk.fold.ended[order.ord_id] = desk.fold.orders.pop(order.ord_id).model_copy(update={"state": end})
        from execution_v2.resolve import look_after_reopened

        listed = made.sim.open_orders()
        assert isinstance(listed, Seen)
        look_after_reopened(desk, listed.value)
        assert expected is desk.known(order.ord_id).state
        assert ["AAA"] == list(desk.fold.quarantined)


# -- time that passes within a cycle ------------------------------------------------------------------------


def test_no_entry_goes_out_after_180_seconds_and_nothing_after_270(tmp_path: Path) -> None:
    made = world(tmp_path, adv=THIN)
    made.run(DAYS[0], until="0930")
    clock = Clock(made.at)
    desk = desk_of(made, clock)
    allowed = []
    for seconds in (180, 181, 270, 271):
        clock.at = made.at + timedelta(seconds=seconds)
        allowed.append((desk.has_time(RiskClass.INCREASE), desk.has_time(RiskClass.REDUCE)))
    assert [(True, True), (False, True), (False, True), (False, False)] == allowed
    order = sent(made, desk_of(made))
    desk.fold.orders[order.ord_id] = order
    assert order == cancel(desk, order, "FOR_EXIT")
    assert ([order.ord_id], None) == (desk.carried, made.outside.asked.get("cancel"))


def test_an_order_is_asked_after_for_15_seconds_and_five_times_in_one_cycle(tmp_path: Path) -> None:
    made = world(tmp_path, adv=THIN)
    made.run(DAYS[0], until="0930")
    made.outside.answers = {"lookup": mute}
    for pace, expected in ((0.0, 5), (6.0, 2)):
        clock = Clock(made.at)
        desk = desk_of(made, clock, pace)
        made.outside.asked = {}
        for _ in range(3):
            assert isinstance(ask(desk, LookUp(client_order_id="aw1-x")), ReadFailed)
        assert expected == made.outside.asked["lookup"]


def test_an_answer_with_less_filled_than_known_changes_nothing_and_is_told_once(tmp_path: Path) -> None:
    made = world(tmp_path, adv=THIN)
    made.run(DAYS[0], until="0930")
    desk = desk_of(made)
    order = sent(made, desk)
    desk.fold.orders[order.ord_id] = order.model_copy(
        update={"filled": Decimal(10), "state": OrderState.PARTIAL}
    )
    seen = made.sim.lookup(LookUp(client_order_id=order.client_order_id))
    assert isinstance(seen, Found)
    for _ in range(2):
        follow(desk, order.ord_id, seen.order.model_copy(update={"status": "cancelled"}))
    assert OrderState.PARTIAL is desk.known(order.ord_id).state
    assert ["STALE_EVENT"] == [r.data["code"] for r in desk.records if r.event == "order.contradicted"]


@pytest.mark.parametrize(("tif", "ended"), [("day", True), ("gtc", False)])
def test_done_for_day_ends_a_day_order_and_no_other(tif: str, ended: bool, tmp_path: Path) -> None:
    made = world(tmp_path, adv=THIN)
    made.run(DAYS[0], until="0930")
    desk = desk_of(made)
    order = sent(made, desk)
    seen = made.sim.lookup(LookUp(client_order_id=order.client_order_id))
    assert isinstance(seen, Found)
    told = seen.order.model_copy(update={"status": "done_for_day", "time_in_force": TimeInForce(tif)})
    follow(desk, order.ord_id, told)
    assert ended == (desk.known(order.ord_id).state is OrderState.EXPIRED)


@dataclass
class Clock:
    at: datetime


def desk_of(made: World, clock: Clock | None = None, pace: float = 0.0) -> Desk:
    """A desk at the entries' slot of the first day; with *clock*, of an intraday cycle whose pauses take *pace*."""
    kind = CycleKind.ENTRIES if clock is None else CycleKind.INTRADAY
    inputs = replace(made.inputs(DAYS[0], "0935", CycleKind.ENTRIES), kind=kind)

    def pause(_seconds: float) -> None:
        if clock is not None:
            clock.at += timedelta(seconds=pace)

    ports = Ports(
        broker=made.outside,
        feed=made.outside,
        journal=made.journal(DAYS[0]),
        now=lambda: made.at if clock is None else clock.at,
        pause=pause,
    )
    return Desk(inputs, ports, CONFIG)


def sent(made: World, desk: Desk) -> Any:
    """An entry that the exchange holds open, unless the line lost it, sent from *desk*."""
    from execution_v2 import orders as planned
    from execution_v2.send import request_of
    from schemas.events import OrderConfirmed, OrderSubmitting

    intent = desk.inputs.candidates.intents[0]  # type: ignore[union-attr]
    row = desk.inputs.enforcement.authorised[0]  # type: ignore[union-attr]
    made.at = made.at + timedelta(minutes=5) if made.at.minute == 30 else made.at
    order = planned.entry(
        desk, intent, row, quantity=Decimal(10), limit=usd("50.11"), stop=usd("47"), ref=usd("50.10")
    )
    desk.note(("order.submitting", OrderSubmitting(order=order)))
    outcome = made.outside.submit(request_of(order))
    if isinstance(outcome, Confirmed):
        desk.note(("order.confirmed", OrderConfirmed(ord_id=order.ord_id, order_id=outcome.order.order_id)))
    return desk.known(order.ord_id)
