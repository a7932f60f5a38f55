"""State is the fold of the journal: the table holds for every event, a fill is booked once, both folds agree."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution_v2.client_id import client_order_id, is_own, own_prefix
from execution_v2.reduce import Fold, empty_state, fold_records, reduce, state_digest
from execution_v2.transitions import IN_FLIGHT, NEXT, is_allowed
from ledger.canonical import plain
from ledger.disk import LocalDisk
from schemas.base import Fact
from schemas.book import ENDED, BookState, Leg, Order, OrderState
from schemas.errors import Corrupt
from schemas.events import (
    AccountFunded,
    KillSet,
    OrderConfirmed,
    OrderEnded,
    OrderFilled,
    OrderSubmitting,
    OrderUnresolved,
)
from schemas.ids import ord_id
from schemas.journal import ZEROS, JournalRecord
from tests.portfolio.books import D, book, order, usd
from tests.simulation.world import DAYS, Want, World, bar

NOW = datetime(2016, 6, 2, 14, 0, tzinfo=UTC)
EVERY_STATE = st.sampled_from(sorted(OrderState))


def record(event: str, data: Fact, seq: int = 1) -> JournalRecord:
    return JournalRecord(seq=seq, prev=ZEROS, ts=NOW, event=event, cycle="0935", data=plain(data))


def entry(state: OrderState = OrderState.LIVE, quantity: int = 40) -> Order:
    return order("AAA", quantity, state=state)


def fill(execution: str, quantity: int, **over: object) -> OrderFilled:
    wanted = entry()
    fields: dict[str, object] = {
        "ord_id": wanted.ord_id,
        "fill_id": f"fil_{execution}",
        "execution_id": execution,
        "decision_id": None,
        "intent_id": wanted.intent_id,
        "position_id": wanted.position_id,
        "strategy_id": wanted.strategy_id,
        "sleeve_id": wanted.sleeve_id,
        "symbol": "AAA",
        "side": "buy",
        "quantity": Decimal(quantity),
        "price": usd("50.00"),
        "fee": usd("0.10"),
        "executed_at": NOW,
        "session_date": D,
        "arrival_price": None,
        "reason": "ENTRY",
    }
    return OrderFilled.model_validate(fields | over)


def holding(*orders: Order) -> BookState:
    """A book with these orders, ended or not."""
    return book(
        orders=[o for o in orders if o.state not in ENDED],
        ended_today=tuple(o for o in orders if o.state in ENDED),
    )


def state_of(state: BookState) -> OrderState:
    (found,) = (*state.orders, *state.ended_today)
    return found.state


@given(before=EVERY_STATE, after=EVERY_STATE)
def test_an_order_moves_only_as_the_table_allows(before: OrderState, after: OrderState) -> None:
    state = holding(entry(before))
    fold = Fold(state)
    ended = OrderEnded(ord_id=entry().ord_id, state=after, cause="VENUE_ENDED")
    fold.apply(record("order.ended", ended))
    if is_allowed(before, after):
        assert (after, []) == (state_of(fold.freeze()), fold.refused)
    elif (before, after) == (OrderState.PARTIAL, OrderState.PARTIAL):
        assert state == fold.freeze()
    else:
        assert state == fold.freeze()
        assert [("order.ended", before)] == [(row.event, row.state) for row in fold.refused]


@given(first=st.integers(1, 39), state=st.sampled_from(sorted(NEXT)))
def test_a_fill_is_booked_once_in_every_state_and_never_lost(first: int, state: OrderState) -> None:
    fold = Fold(holding(entry(state)))
    for execution, quantity in (("x1", first), ("x1", first), ("x2", 40 - first), ("x2", 40 - first)):
        fold.apply(record("order.filled", fill(execution, quantity)))
    after = fold.freeze()
    assert usd("97999.80") == after.cash  # 100,000 - 40 * 50.00 - 2 * 0.10
    assert [Decimal(40)] == [p.quantity for p in after.positions]
    late = state in ENDED and state is not OrderState.NEVER_SENT
    assert (state if late else OrderState.FILLED) is state_of(after)


def test_an_average_entry_is_the_mean_of_its_fills_at_six_decimals() -> None:
    fold = Fold(holding(entry()))
    fold.apply(record("order.filled", fill("x1", 10, price=usd("50.00"))))
    fold.apply(record("order.filled", fill("x2", 20, price=usd("50.0101"))))
    assert usd("50.006733") == fold.freeze().positions[0].average_entry


def test_more_shares_than_were_ordered_are_booked_and_reported() -> None:
    fold = Fold(holding(entry()))
    fold.apply(record("order.filled", fill("x1", 41)))
    assert Decimal(41) == fold.freeze().positions[0].quantity
    assert ["41 of 40 filled"] == [row.detail for row in fold.refused]


def test_a_position_is_gone_when_it_is_flat_and_remembered_if_its_stop_did_it() -> None:
    stop = order("AAA", 40, leg=Leg.STOP, stop=usd("47"), reason="STOP_INITIAL", state=OrderState.LIVE)
    fold = Fold(holding(entry(), stop))
    fold.apply(record("order.filled", fill("x1", 40)))
    sold = fill("x2", 40, ord_id=stop.ord_id, side="sell", reason="STOP_INITIAL", price=usd("46.99"))
    fold.apply(record("order.filled", sold))
    assert ((), [("AAA", D)]) == (
        fold.freeze().positions,
        [(out.symbol, out.session_date) for out in fold.freeze().stop_outs],
    )


def test_an_entry_counts_from_its_announcement_and_not_once_it_provably_never_left() -> None:
    fold = Fold(book())
    fold.apply(record("order.submitting", OrderSubmitting(order=entry())))
    assert ("int_AAA",) == fold.freeze().entry_intents_today
    unknown = OrderUnresolved(ord_id=entry().ord_id, state=OrderState.SUBMIT_UNKNOWN, cause="FOUND_AT_LOAD")
    fold.apply(record("order.unresolved", unknown))
    assert ("int_AAA",) == fold.freeze().entry_intents_today
    never = {"ord_id": entry().ord_id, "state": "NEVER_SENT", "order_id": None, "cause": "NOT_FOUND_PROOF"}
    fold.apply(JournalRecord(seq=1, prev=ZEROS, ts=NOW, event="order.resolved", cycle=None, data={**never}))
    assert () == fold.freeze().entry_intents_today


def test_capital_and_kill_switch_are_folded() -> None:
    fold = Fold(empty_state())
    fold.apply(record("account.funded", AccountFunded(amount=usd("100000"), genesis=True)))
    fold.apply(record("account.funded", AccountFunded(amount=usd("-500"), genesis=False)))
    fold.apply(record("kill.set", KillSet(on=True, operator="ann", reason="drill")))
    state = fold.freeze()
    assert (usd("100000"), usd("-500"), usd("99500"), True) == (
        state.starting_capital,
        state.net_flows,
        state.cash,
        state.killed,
    )


def test_an_event_that_nobody_declared_is_corruption_and_not_ignored() -> None:
    unknown = JournalRecord(seq=7, prev=ZEROS, ts=NOW, event="order.imagined", cycle=None, data={})
    with pytest.raises(Corrupt, match=r"record 7: unknown event 'order\.imagined'"):
        Fold(empty_state()).apply(unknown)


def test_a_confirmation_of_an_order_that_nobody_announced_changes_nothing_and_is_reported() -> None:
    fold = Fold(book())
    fold.apply(record("order.confirmed", OrderConfirmed(ord_id="ord_x", order_id="b")))
    assert (book(), 1) == (fold.freeze(), len(fold.refused))


def test_one_record_at_a_time_and_all_at_once_give_one_state_hash_for_hash(tmp_path: Path) -> None:
    bars = {
        ("AAA", DAYS[0]): bar("50.10", "53.20", "49.50", "52.80"),
        ("AAA", DAYS[1]): bar("53.00", "57.00", "52.90", "56.50"),
    }
    made = World(disk=LocalDisk(tmp_path), bars=bars, wants={DAYS[0]: [Want()]})
    live = made.run(*DAYS[:2])
    records = [r for day in DAYS[:2] for r in made.journal(day).records]
    slow = empty_state()
    for each in records:
        slow = reduce(slow, each)
    assert state_digest(live) == state_digest(slow) == state_digest(fold_records(empty_state(), records))
    assert live == BookState.model_validate_json(live.model_dump_json())


def test_every_state_in_flight_has_its_unknown_and_may_become_it() -> None:
    assert all(is_allowed(state, unknown) for state, unknown in IN_FLIGHT.items())


def test_a_client_id_says_what_the_order_is_in_46_characters() -> None:
    prefix = own_prefix("SIM", "main")
    name = ord_id("int_00", "S", 3, 1)
    made = client_order_id(prefix, DAYS[0], Leg.STOP, 3, 1, name, epoch=0)
    assert (46, f"{prefix}000-20260302-s0031-{name[4:20]}") == (len(made), made)
    assert is_own(prefix, made)
    assert not is_own(own_prefix("ALPACA_PAPER", "main"), made)
