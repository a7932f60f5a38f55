"""The gap of a position in regular-session seconds, from its fill's own time to its stop's confirmation."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from execution_v2 import coverage
from execution_v2.broker.alpaca_config import AlpacaConfig
from execution_v2.broker.books import AlpacaAccess, adapter_for
from execution_v2.broker.port import CancelOrder
from execution_v2.reduce import empty_state, fold_records
from market.calendar import Calendar
from schemas.book import Leg, OrderState
from schemas.events import (
    CycleEnded,
    OrderEnded,
    OrderOperatorResolved,
    OrderResolved,
    OrderUnresolved,
    StopCovered,
)
from simulation.alpaca_server import KEY_ID, SECRET_KEY, AlpacaServer
from simulation.config import IntradayConfig
from simulation.fault_plan import Fault
from simulation.seeds.line import Clock
from tests.execution_v2.watched import DAY, HOURS, Watched, events

OPEN, CLOSE = HOURS.open_at(DAY), HOURS.close_at(DAY)


def rows(made: Watched) -> tuple[StopCovered, ...]:
    return coverage.fold(empty_state(), made.journal.records, (), OPEN, CLOSE)


def test_an_entry_whose_stop_stands_at_once_has_no_gap() -> None:
    made = Watched()
    result = made.cycle(5)
    assert ((), []) == (rows(made), events(result, "stop.covered"))


def test_the_gap_runs_from_the_fill_to_the_stops_confirmation() -> None:
    made = Watched(volume=1_000)  # filled in part; its stop is placed when the rest is cancelled, 5 s later
    result = made.cycle(5)
    (row,) = rows(made)
    fill = next(r for r in made.journal.records if r.event == "order.filled")
    placed = next(r for r in made.journal.records if r.event == "stop.placed")
    assert round((placed.ts - fill.ts).total_seconds(), 2) == row.gap_s == row.longest_s
    assert row.open_since is None
    assert [row] == [StopCovered.model_validate(data) for data in events(result, "stop.covered")]


END_AT, LEARNT_AT = 37, 40
"""Minutes of the session: 10:07 and 10:10 in New York."""


def cancelled_there(made: Watched) -> None:
    (order,) = made.exchange.open_orders()
    made.exchange.cancel(CancelOrder(order_id=order.order_id), made.at(END_AT))


def rejected_there(made: Watched) -> None:
    (order,) = made.exchange.open_orders()
    assert made.exchange.kill(order.order_id, made.at(END_AT))


@contextmanager
def at_the_port(made: Watched) -> Iterator[None]:
    yield


@contextmanager
def without_the_stream(made: Watched) -> Iterator[None]:
    made.door = made.faulty({"updates#*": Fault.STREAM_DOWN})
    yield


@dataclass(frozen=True, slots=True)
class Waits:
    """The exchange's clock as Alpaca's adapter wants it."""

    clock: Clock

    def now(self) -> datetime:
        return self.clock.now()

    def sleep(self, seconds: float) -> None:
        self.clock.wait(seconds)


def _never() -> NoReturn:
    raise AssertionError("another book's broker was asked for")


@contextmanager
def over_the_protocol(made: Watched) -> Iterator[None]:
    """The exchange behind HTTP and websocket, and Alpaca's adapter in front of them."""
    with AlpacaServer(made.exchange, made.clock.now) as server:
        config = AlpacaConfig(
            url_override=server.url,
            data_url_override=server.data_url,
            stream_url_override=server.stream_url,
        )
        access = AlpacaAccess(
            config=config,
            key_id=SecretStr(KEY_ID),
            secret_key=SecretStr(SECRET_KEY),
            calendar=Calendar(2025, 2027),
            clock=Waits(made.clock),
        )
        doors = adapter_for("ALPACA_PAPER", simulated=_never, alpaca=lambda: access)
        made.door, made.feed = doors.broker, doors.feed
        try:
            yield
        finally:
            doors.close()


@pytest.mark.parametrize("end", [cancelled_there, rejected_there])
@pytest.mark.parametrize("line", [at_the_port, without_the_stream, over_the_protocol])
def test_a_stop_that_the_broker_ended_between_cycles_counts_as_gone_from_its_own_end(
    end: Callable[[Watched], None], line: Callable[[Watched], AbstractContextManager[None]]
) -> None:
    made = Watched()
    with line(made):
        made.cycle(5)
        assert () == rows(made)
        end(made)
        result = made.cycle(LEARNT_AT)
    assert [] == events(result, "position.failed")
    placed = next(r for r in result.records if r.event == "stop.placed")
    (row,) = rows(made)
    # Three minutes that nobody saw, and what the new stop took to be confirmed.
    assert (placed.ts - made.at(END_AT)).total_seconds() == pytest.approx(row.gap_s, abs=0.01)
    assert 180 == pytest.approx(row.gap_s, abs=1.0)
    assert (made.at(END_AT), None) == (row.closed_since, row.open_since)


def test_an_end_between_two_sessions_counts_from_the_open() -> None:
    made = Watched()
    made.cycle(5)
    (stop,) = made.orders(Leg.STOP)
    ended = OrderEnded(
        ord_id=stop.ord_id, state=OrderState.CANCELLED, cause="VENUE_ENDED", ended_at=made.at(-60)
    )
    held = made.state.model_copy(
        update={
            "positions": tuple(
                p.model_copy(update={"entered_at": made.at(-900)}) for p in made.state.positions
            )
        }
    )
    (record,) = made.journal.append([("order.ended", made.at(10), "0940", ended)])
    (row,) = coverage.fold(held, [record], (), OPEN, CLOSE)
    assert (OPEN, 600.0) == (row.open_since, row.longest_s)


def test_a_broker_whose_clock_is_ahead_ends_nothing_later_than_we_hear_of_it() -> None:
    made = Watched()
    made.cycle(5)
    (stop,) = made.orders(Leg.STOP)
    before = made.state
    ended = OrderEnded(
        ord_id=stop.ord_id, state=OrderState.CANCELLED, cause="VENUE_ENDED", ended_at=made.at(12)
    )
    (record,) = made.journal.append([("order.ended", made.at(10), "0940", ended)])
    (row,) = coverage.fold(before, [record], (), OPEN, CLOSE)
    assert made.at(10) == row.open_since


def test_an_end_that_is_learnt_after_a_gap_that_it_began_before_counts_once() -> None:
    made = Watched()
    made.cycle(5)
    (stop,) = made.orders(Leg.STOP)
    before = made.state
    frozen = OrderUnresolved(ord_id=stop.ord_id, state=OrderState.FROZEN, cause="MISSING_AT_BROKER")
    there = OrderResolved(ord_id=stop.ord_id, state=OrderState.LIVE, order_id=stop.order_id, cause="ARRIVED")
    ended = OrderEnded(
        ord_id=stop.ord_id, state=OrderState.CANCELLED, cause="VENUE_ENDED", ended_at=made.at(37)
    )
    records = made.journal.append(
        [
            ("order.unresolved", made.at(40), "1010", frozen),
            ("order.resolved", made.at(45), "1015", there),
            ("order.ended", made.at(45), "1015", ended),
            ("cycle.ended", made.at(46), "1015", CycleEnded(slot="1015", carried=())),
        ]
    )
    (row,) = coverage.fold(before, records, (), OPEN, CLOSE)
    assert (made.at(37), 0.0, 540.0) == (row.open_since, row.gap_s, row.longest_s)
    # ... and the same told in two parts, as two cycles tell it.
    told = coverage.fold(before, records[:2], (), OPEN, CLOSE)
    assert (row,) == coverage.fold(fold_records(before, records[:2]), records[2:], told, OPEN, CLOSE)


def test_a_gap_that_is_open_at_the_end_of_a_cycle_is_a_finding_and_stays_open() -> None:
    made = Watched(rules=IntradayConfig())
    made.door = made.faulty({"submit#2": Fault.REQUEST_LOST, "lookup#*": Fault.READ_FAILED})
    result = made.cycle(5)
    assert ["PROTECTION_GAP"] == [str(row["code"]) for row in events(result, "position.failed")]
    (row,) = rows(made)
    assert row.open_since is not None
    made.door = made.broker
    made.cycle(10)
    (row,) = rows(made)
    assert row.open_since is None
    assert row.gap_s > 200


def test_seconds_outside_the_regular_session_do_not_count() -> None:
    made = Watched()
    made.door = made.faulty({"submit#2": Fault.REQUEST_LOST, "lookup#*": Fault.READ_FAILED})
    made.cycle(375)
    (row,) = rows(made)
    assert row.open_since is not None
    made.door = made.broker
    made.cycle(500)
    (row,) = rows(made)
    assert row.gap_s <= (CLOSE - made.at(375)).total_seconds()


@settings(max_examples=20, deadline=None)
@given(cut=st.integers(0, 60), lost=st.booleans())
def test_cut_anywhere_the_fold_comes_to_the_same(cut: int, lost: bool) -> None:
    made = Watched(volume=1_000)
    if lost:
        made.door = made.faulty({"submit#2": Fault.REQUEST_LOST, "lookup#*": Fault.READ_FAILED})
    for minute in (5, 10, 15):
        made.cycle(minute)
    records = made.journal.records
    at = min(cut, len(records))
    first = coverage.fold(empty_state(), records[:at], (), OPEN, CLOSE)
    middle = fold_records(empty_state(), records[:at])
    both = coverage.fold(middle, records[at:], first, OPEN, CLOSE)
    whole = rows(made)
    assert {r.position_id: (r.gap_s, r.open_since) for r in whole} == {
        r.position_id: (r.gap_s, r.open_since) for r in both
    }


@given(seconds=st.integers(-30_000, 30_000))
def test_a_gap_is_never_negative_nor_longer_than_the_session(seconds: int) -> None:
    made = coverage.regular_seconds(OPEN, OPEN + timedelta(seconds=seconds), OPEN, CLOSE)
    assert 0 <= made <= (CLOSE - OPEN).total_seconds()


def said_live(made: Watched, minute: float, order_id: str) -> None:
    (stop,) = made.orders(Leg.STOP)
    said = OrderOperatorResolved(
        ord_id=stop.ord_id, state=OrderState.LIVE, order_id=order_id, operator="jo", reason="r", evidence="e"
    )
    made.journal.append([("order.operator_resolved", made.at(minute), None, said)])


@pytest.mark.parametrize("is_there", [True, False])
def test_a_stop_that_a_person_says_works_covers_as_soon_as_a_list_shows_it(is_there: bool) -> None:
    lost = Fault.ACK_LOST if is_there else Fault.REQUEST_LOST
    made = Watched()
    made.door = made.faulty({"submit#2": lost, "lookup#*": Fault.READ_FAILED})
    for minute in (5, 10, 15):
        made.cycle(minute)
    (stop,) = made.orders(Leg.STOP)
    assert OrderState.FROZEN is stop.state
    working = [o for o in made.exchange.open_orders() if o.stop is not None]
    said_live(made, 17, working[0].order_id if is_there else "xo_mistaken")
    (row,) = rows(made)
    assert row.open_since is not None, "a person's word alone covers nothing"
    made.cycle(20)
    (row,) = rows(made)
    (stop,) = made.orders(Leg.STOP)
    assert is_there == (row.open_since is None)
    assert (OrderState.LIVE, not is_there) == (stop.state, stop.is_stated)
    assert len(working) == len(made.stops()), "and no second stop beside it"
