"""Wherever a process dies, the next one ends with the same orders, positions, stops and cash (crash law)."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from execution_v2.broker.port import ReadFailed, Unresolved
from ledger.disk import LocalDisk
from ledger.faulty import FaultyDisk, SimulatedCrash
from schemas.book import BookState
from simulation.adapter import SimBroker
from tests.simulation.world import DAYS, LIQUID, Want, World, bar

BARS = {
    ("AAA", DAYS[0]): bar("50.10", "53.20", "49.50", "52.80"),  # entered, and r1 on the same day
    ("BBB", DAYS[0]): bar("20.05", "20.40", "19.80", "20.30", volume=4_000),  # filled in part
    ("CCC", DAYS[0]): bar("30.00", "30.10", "28.00", "28.50"),  # entered and stopped out
    ("DDD", DAYS[0]): bar("40.00", "40.10", "39.80", "40.00"),  # costs more than its limit: missed
    ("AAA", DAYS[1]): bar("53.00", "57.00", "52.90", "56.50"),  # r2, then the trail
    ("BBB", DAYS[1]): bar("18.00", "18.20", "17.50", "17.90"),  # gaps through its stop
}
WANTS = {
    DAYS[0]: [
        Want(symbol="AAA"),
        Want(symbol="BBB", ref="20.00", stop="19.00", r1="22.00", r2="24.00", level="20.00", rank=2),
        Want(symbol="CCC", ref="30.00", stop="28.20", r1="32.00", r2="34.00", level="30.00", rank=3),
        Want(symbol="DDD", ref="40.00", stop="38.20", r1="43.00", r2="45.00", level="40.00", rank=4),
    ]
}
FULL = bool(os.environ.get("AVWAP_FULL"))


def world(disk: LocalDisk, **over: Any) -> World:
    """Two sessions in which everything happens once."""
    return World(disk=disk, bars=BARS, wants=WANTS, adv=dict.fromkeys(("AAA", "BBB", "CCC"), LIQUID), **over)


def outcome_of(made: World) -> dict[str, Any]:
    """What must be equal after a restart: how often a thing was said may differ."""
    state = made.state(DAYS[1])
    account = made.exchange.state
    return {
        "cash": state.cash,
        "positions": state.positions,
        "orders": [order.model_copy(update={"sends": 1}) for order in state.orders],
        "stop_outs": state.stop_outs,
        "sold": sorted(fills_of(made)),
        "account cash": account.cash,
        "holdings": account.holdings,
        "working": sorted(account.orders_open(), key=lambda order: order.order_id),
    }


def fills_of(made: World) -> Iterator[tuple[str, ...]]:
    """Every fill that the book knows, whole."""
    for day in DAYS[:2]:
        for record in made.journal(day).records:
            if record.event == "order.filled":
                yield tuple(str(record.data[key]) for key in sorted(record.data))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The end of a run that nothing disturbed."""
    made = world(LocalDisk(tmp_path_factory.mktemp("whole")))
    made.run(*DAYS[:2])
    return outcome_of(made)


def steps_of(root: Path) -> int:
    disk = FaultyDisk(root)
    world(disk).run(*DAYS[:2])
    return disk.steps


def test_the_two_sessions_hold_every_kind_of_event(tmp_path: Path) -> None:
    made = world(LocalDisk(tmp_path))
    made.run(*DAYS[:2])
    reasons = [row[15] for row in fills_of(made)]
    said = {r.event for day in DAYS[:2] for r in made.journal(day).records}
    assert {"order.replaced", "order.cancelling", "stop.ratcheted"} <= said
    assert {"ENTRY", "STOP_INITIAL", "TRIM_R1", "TRIM_R2"} <= {r for row in fills_of(made) for r in row}, (
        reasons
    )


@pytest.mark.timeout(900)  # all of it, AVWAP_FULL, takes minutes
@pytest.mark.parametrize("power_loss", [False, True])
def test_a_crash_at_any_step_of_the_disk_changes_no_end(
    power_loss: bool, tmp_path: Path, expected: dict[str, Any]
) -> None:
    total = steps_of(tmp_path / "counted")
    stride = 1 if FULL else 13
    first = 1 if not power_loss or FULL else 4
    for at in range(first, total + 1, stride):
        root = tmp_path / f"crash-{at}"
        with pytest.raises(SimulatedCrash):
            world(FaultyDisk(root, crash_at=at, power_loss=power_loss)).run(*DAYS[:2])
        again = world(LocalDisk(root))
        again.run(*DAYS[:2])
        assert expected == outcome_of(again), f"died at step {at} of {total}"
        shutil.rmtree(root)


class Lossy:
    """A line to the broker that loses one thing: the request or the answer of the n-th call of some kind."""

    def __init__(self, broker: SimBroker, op: str, at: int, what: str) -> None:
        self.broker, self.op, self.at, self.what, self.seen = broker, op, at, what, 0

    def __getattr__(self, name: str) -> Any:
        ask = getattr(self.broker, name)
        if name != self.op:
            return ask

        def call(*args: Any) -> Any:
            self.seen += 1
            if self.seen != self.at:
                return ask(*args)
            if self.what == "answer":
                ask(*args)
            if name in ("submit", "replace", "cancel"):
                return Unresolved(cause="READ_TIMEOUT")
            return ReadFailed(cause="READ_TIMEOUT")

        return call


SENDS = [("submit", at) for at in range(1, 10)] + [(op, at) for op in ("replace", "cancel") for at in (1, 2)]


@pytest.mark.parametrize("what", ["request", "answer"])
@pytest.mark.parametrize(("op", "at"), SENDS)
def test_an_unanswered_request_is_looked_up_and_never_sent_under_another_id(
    op: str, at: int, what: str, tmp_path: Path, expected: dict[str, Any]
) -> None:
    made = world(LocalDisk(tmp_path), wrap_broker=lambda broker: Lossy(broker, op, at, what))
    made.run(*DAYS[:2])
    assert made.outside.seen >= at, "no such call in these sessions: the test proves nothing"
    found = outcome_of(made)
    ids = [order.client_order_id for order in made.exchange.state.orders.values()]
    assert len(set(ids)) == len(ids), "two orders of one id"
    never_left = {
        str(r.data["ord_id"])
        for day in DAYS[:2]
        for r in made.journal(day).records
        if r.event == "order.resolved" and r.data["state"] == "NEVER_SENT"
    }
    entries = {
        str(r.data["order"]["ord_id"])  # type: ignore[index, call-overload]
        for day in DAYS[:2]
        for r in made.journal(day).records
        if r.event == "order.submitting" and r.data["order"]["leg"] == "E"  # type: ignore[index, call-overload]
    }
    if never_left & entries:  # lawful: an increase whose fate was unknown may not come at all
        assert set(found["holdings"]) <= set(expected["holdings"])
        assert_covered(made, made.state(DAYS[1]))
    else:
        assert expected == found


@pytest.mark.parametrize(
    "op", ["account", "positions", "open_orders", "fills", "events", "quotes", "day_bars"]
)
@pytest.mark.parametrize("at", [1, 2, 3, 4, 5, 6])
def test_a_failed_read_is_never_an_empty_one(op: str, at: int, tmp_path: Path) -> None:
    made = world(LocalDisk(tmp_path), wrap_broker=lambda broker: Lossy(broker, op, at, "request"))
    state = made.run(*DAYS[:2])
    assert_covered(made, state)
    assert not [r for day in DAYS[:2] for r in made.journal(day).records if r.event == "position.failed"]


def assert_covered(made: World, state: BookState) -> None:
    stops = {o.symbol: o.quantity for o in made.exchange.state.orders_open() if o.stop is not None}
    held = {symbol: quantity for symbol, (quantity, _) in made.exchange.state.holdings.items()}
    assert held == stops, "held at the exchange without its stop"
    assert held == {p.symbol: p.quantity for p in state.positions}, "book and exchange differ"
