"""Each fault at the port by one example, what it does to the answer and what to the exchange; a seed repeats itself."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from execution_v2.broker.port import (
    CancelOrder,
    Confirmed,
    Denied,
    Found,
    LookUp,
    NotFound,
    ReadFailed,
    Rejected,
    ReplaceOrder,
    Seen,
    SubmitOrder,
    Unresolved,
)
from execution_v2.send import retry_after_s
from schemas.book import OrderType, Side, TimeInForce
from simulation.fault_plan import POSSIBLE, Fault, FaultPlan, Place
from simulation.faults import TIMEOUT_S, FaultyBroker
from tests.simulation.floor_world import Pit, pathed
from tests.simulation.world import DAYS, bar, usd

F = Fault
FLAT = bar("50.00", "50.00", "50.00", "50.00", 7_800_000)
LOOK = LookUp(client_order_id="b")


class Line:
    """A pit that is reached through a faulty broker."""

    def __init__(self, script: Mapping[Place, Fault], **plan: Any) -> None:
        self.pit = Pit(pathed(FLAT, FLAT, FLAT, FLAT, FLAT)).at(0, 1)
        self.broker = FaultyBroker(
            self.pit.broker,
            FaultPlan(script=script, **plan),
            lambda: self.pit.now,
            self.wait,
            self.pit.exchange,
        )

    def wait(self, seconds: float) -> None:
        self.pit.now += timedelta(seconds=seconds)

    def buy(self, name: str = "b", quantity: int = 100, limit: str = "49.00") -> Any:
        return self.broker.submit(_order(name, Side.BUY, quantity, limit=usd(limit)))

    def stop(self, name: str = "s", quantity: int = 100, at: str = "45.00") -> Any:
        return self.broker.submit(_order(name, Side.SELL, quantity, stop=usd(at)))

    def held(self, quantity: int = 100) -> "Line":
        self.pit.buy("own", quantity, limit="51.00")
        return self

    @property
    def names(self) -> set[str]:
        """Client ids of every order that the exchange knows."""
        return set(self.pit.exchange.state.by_client)

    def counted(self) -> dict[Fault, int]:
        return dict(self.broker.counts)


def _order(name: str, side: Side, quantity: int, **prices: Decimal) -> SubmitOrder:
    is_stop = "stop" in prices
    return SubmitOrder(
        client_order_id=name,
        symbol="AAA",
        side=side,
        quantity=Decimal(quantity),
        order_type=OrderType.STOP if is_stop else OrderType.LIMIT,
        time_in_force=TimeInForce.GTC if is_stop else TimeInForce.DAY,
        **prices,
    )


@pytest.mark.parametrize(
    ("fault", "arrives", "sent", "waits"),
    [
        (F.REQUEST_LOST, False, "maybe", True),
        (F.ACCEPTED_504, True, "yes", False),
        (F.ACK_LOST, True, "maybe", True),
        (F.BODY_CUT, True, "yes", False),
    ],
)
def test_an_unanswered_request_is_unresolved_whether_it_arrived_or_not(
    fault: Fault, arrives: bool, sent: str, waits: bool
) -> None:
    line = Line({"submit": fault})
    before = line.pit.now
    answer = line.buy()
    assert isinstance(answer, Unresolved)
    assert sent == answer.sent
    assert arrives == ("b" in line.names)
    assert timedelta(seconds=TIMEOUT_S if waits else 0) == line.pit.now - before
    assert {fault: 1} == line.counted()


def test_a_refused_connection_never_left() -> None:
    line = Line({"submit": F.NOT_SENT})
    assert isinstance(line.buy(), Denied)
    assert set() == line.names


def test_a_late_arrival_lands_after_the_caller_gave_up() -> None:
    line = Line({"submit": F.LATE_ARRIVAL})
    assert isinstance(line.buy(), Unresolved)
    assert isinstance(line.broker.lookup(LOOK), NotFound)
    line.wait(5)
    assert isinstance(line.broker.lookup(LOOK), Found)


@pytest.mark.parametrize("fault", [F.RESET, F.STALL])
def test_a_reset_or_a_stall_leaves_open_whether_it_arrived(fault: Fault) -> None:
    arrived = set()
    for seed in range(12):
        line = Line({"submit": fault}, seed=seed)
        assert isinstance(line.buy(), Unresolved)
        arrived.add("b" in line.names)
    assert {True, False} == arrived


def test_a_request_delivered_twice_makes_one_order() -> None:
    line = Line({"submit": F.DUPLICATE_ACK, "submit#2": F.DUPLICATE_ID})
    assert isinstance(line.buy("b"), Confirmed)
    second = line.buy("c")
    assert isinstance(second, Rejected)
    assert "DUPLICATE_CLIENT_ID" == second.reason
    assert {"b", "c"} == line.names


def test_a_429_names_its_time_and_nothing_arrives() -> None:
    line = Line({"submit": F.RATE_LIMITED})
    answer = line.buy()
    assert isinstance(answer, Rejected)
    assert "RATE_LIMITED" == answer.reason
    assert 1 <= retry_after_s(answer.raw) <= 5
    assert set() == line.names


def test_a_burst_of_held_shares_ends() -> None:
    line = Line({"submit": F.HELD_BURST}, seed=1).held()
    answers = [line.stop(f"s{n}") for n in range(4)]
    refused = [each for each in answers if isinstance(each, Rejected)]
    assert {"INSUFFICIENT_QTY_HELD"} == {each.reason for each in refused[:1]}
    assert isinstance(answers[3], (Confirmed, Rejected))
    assert 1 <= line.counted()[F.HELD_BURST] <= 3
    assert any(isinstance(each, Confirmed) for each in answers)


def test_a_partial_fill_and_then_a_rejection() -> None:
    line = Line({"submit": F.PARTIAL_THEN_REJECT})
    assert isinstance(line.buy(), Confirmed)
    order = line.pit.order("b")
    assert "rejected" == order.status
    assert 0 < order.filled < order.quantity


def test_a_fill_after_the_cancel_was_acknowledged() -> None:
    line = Line({"cancel": F.FILL_AFTER_CANCEL_ACK})
    line.buy()
    answer = line.broker.cancel(CancelOrder(order_id=line.pit.order("b").order_id))
    assert isinstance(answer, Confirmed)
    assert ("cancelled", 0) == (answer.order.status, answer.order.filled)
    assert line.pit.order("b").filled > 0


def test_a_cancel_comes_too_late_for_an_order_that_filled() -> None:
    line = Line({"cancel": F.FILLED_BEFORE_CANCEL})
    line.buy()
    answer = line.broker.cancel(CancelOrder(order_id=line.pit.order("b").order_id))
    assert isinstance(answer, Rejected)
    assert "NOT_WORKING" == answer.reason
    assert "filled" == line.pit.order("b").status


def _replace(line: Line) -> Any:
    request = ReplaceOrder(
        order_id=line.pit.order("s").order_id,
        client_order_id="s2",
        quantity=Decimal(100),
        stop=usd("46.00"),
    )
    return line.broker.replace(request)


def test_the_old_stop_fills_before_its_replacement_arrives() -> None:
    line = Line({"replace": F.REPLACE_FILLS_FIRST}).held()
    line.stop()
    assert isinstance(_replace(line), Rejected)
    assert "filled" == line.pit.order("s").status


def test_a_replacement_is_accepted_and_rejected_afterwards() -> None:
    line = Line({"replace": F.REPLACE_REJECTED_LATER}).held()
    line.stop()
    answer = _replace(line)
    assert isinstance(answer, Confirmed)
    assert "accepted" == answer.order.status
    found = line.broker.lookup(LookUp(client_order_id="s2"))
    assert isinstance(found, Found)
    assert "rejected" == found.order.status
    assert "open" == line.pit.order("s").status
    again = _replace(line)
    assert isinstance(again, Rejected)
    assert "DUPLICATE_CLIENT_ID" == again.reason


def test_a_halt_lasts_and_is_lifted() -> None:
    line = Line({"submit": F.HALT})
    assert isinstance(line.buy(limit="51.00"), Confirmed)
    assert "open" == line.pit.order("b").status
    line.wait(1_900)
    line.broker.positions()
    assert "filled" == line.pit.order("b").status


def test_reads_fail_grow_old_are_empty_or_end_half_way() -> None:
    script: dict[Place, Fault] = {
        "positions#2": F.STALE_OLD,
        "positions#3": F.STALE_FRESH,
        "positions#4": F.EMPTY,
        "positions#5": F.READ_FAILED,
        "open_orders#2": F.PARTIAL_PAGE,
        "lookup": F.NOT_SEEN_YET,
    }
    line = Line(script)
    first = line.broker.positions()
    assert isinstance(first, Seen)
    line.held().wait(1)
    old, fresh, empty = (line.broker.positions() for _ in range(3))
    assert first == old
    assert isinstance(fresh, Seen)
    assert isinstance(empty, Seen)
    assert ((), line.pit.now) == (fresh.value, fresh.as_of)
    assert () == empty.value
    assert isinstance(line.broker.positions(), ReadFailed)
    line.buy("b")
    line.buy("c")
    assert isinstance(line.broker.lookup(LOOK), NotFound)
    whole, half = line.broker.open_orders(), line.broker.open_orders()
    assert isinstance(whole, Seen)
    assert isinstance(half, Seen)
    assert whole.value[:1] == half.value


def test_the_clock_is_off_by_at_most_90_seconds() -> None:
    line = Line({"clock": F.CLOCK_SKEW})
    skewed = line.broker.clock()
    assert isinstance(skewed, Seen)
    assert 0 < abs((skewed.value.now - line.pit.now).total_seconds()) <= 90


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (F.UPDATES_LATE, ([], ["new b", "fill b"])),
        (F.UPDATES_DOUBLED, (["new b", "fill b", "new b", "fill b"], [])),
        (F.UPDATES_REORDERED, (["fill b", "new b"], [])),
        (F.STREAM_MUTE, ([], [])),
        (F.STREAM_DOWN, (None, None)),
    ],
)
def test_the_stream_is_late_doubled_reordered_mute_or_down(
    fault: Fault, expected: tuple[list[str] | None, list[str] | None]
) -> None:
    line = Line({"updates#1": fault}, seed=3)
    line.buy(limit="51.00")
    heard = []
    for _ in range(2):
        seen = line.broker.updates()
        said = (
            [f"{u.event} {u.order.client_order_id}" for u in seen.value] if isinstance(seen, Seen) else None
        )
        heard.append(said)
    assert expected[0] == heard[0]
    if fault not in (F.STREAM_MUTE, F.STREAM_DOWN):  # these two may last for some calls
        assert expected[1] == heard[1]


def test_an_update_may_be_dropped() -> None:
    counts = set()
    for seed in range(12):
        line = Line({"updates": F.UPDATES_DROPPED}, seed=seed)
        line.buy(limit="51.00")
        seen = line.broker.updates()
        assert isinstance(seen, Seen)
        counts.add(len(seen.value))
    assert {1, 2} == counts


def test_a_script_names_calls_by_number_operation_and_symbol() -> None:
    line = Line({2: F.NOT_SENT, "submit/AAA#3": F.RATE_LIMITED, "positions#*": F.READ_FAILED})
    kinds = [type(line.buy(name)) for name in "abcd"]
    assert [Confirmed, Denied, Rejected, Confirmed] == kinds
    assert all(isinstance(line.broker.positions(), ReadFailed) for _ in range(3))


def _session(seed: int) -> tuple[list[str], dict[Fault, int]]:
    """Everything heard in three sessions of a caller that is disturbed at every fifth call."""
    line = Line({}, seed=seed, rate=0.2)
    heard: list[str] = []
    for day in range(3):
        for minute in range(2, 390, 30):
            line.pit.at(day, minute)
            name = f"{day}-{minute}"
            heard.append(repr(line.buy(f"b{name}", 10, "50.50")))
            heard.append(repr(line.stop(f"s{name}", 10)))
            for order in line.pit.exchange.open_orders()[:2]:
                request = ReplaceOrder(
                    order_id=order.order_id, client_order_id=f"r{name}{order.order_id}", quantity=Decimal(10)
                )
                heard.append(repr(line.broker.replace(request)))
                heard.append(repr(line.broker.cancel(CancelOrder(order_id=order.order_id))))
            for op in ("account", "positions", "open_orders", "updates", "clock"):
                heard.append(repr(getattr(line.broker, op)()))
            heard.append(repr(line.broker.fills(DAYS[0])))
            heard.append(repr(line.broker.quotes(("AAA",))))
            heard.append(repr(line.broker.lookup(LookUp(client_order_id=f"b{name}"))))
    return heard, line.counted()


def test_one_seed_is_one_run_and_seeds_together_reach_every_fault() -> None:
    assert _session(7) == _session(7)
    reached: set[Fault] = set()
    for seed in range(25):
        reached |= set(_session(seed)[1])
    assert set(F) == reached


def test_every_fault_can_happen_somewhere() -> None:
    assert set(F) == {fault for kinds in POSSIBLE.values() for fault in kinds}
