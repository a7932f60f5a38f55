"""The life of an order, cell by cell: what each record makes of each state; every other pair is refused and told.

The grid was typed from the table of execution.md 3.2. ``.`` is a refusal, ``=`` the same state with the record taken.
"""

from decimal import Decimal
from typing import Any

import pytest

from execution_v2.reduce import Fold
from execution_v2.transitions import covers, is_claimed, is_settled
from schemas.base import Fact
from schemas.book import Order, OrderState
from schemas.events import (
    OrderCancelling,
    OrderConfirmed,
    OrderEnded,
    OrderOperatorResolved,
    OrderRejected,
    OrderReplaced,
    OrderReplaceRejected,
    OrderReplacing,
    OrderResolved,
    OrderSubmitting,
    OrderUnresolved,
    SyncChecked,
)
from schemas.header import Finding
from schemas.reasons.execution import OrderCause
from tests.execution_v2.test_reduce import fill, holding, record
from tests.portfolio.books import order

SHORT = {
    "CR": "CREATED", "SU": "SUBMITTING", "S?": "SUBMIT_UNKNOWN", "LI": "LIVE", "PA": "PARTIAL", "RP": "REPLACING",
    "R?": "REPLACE_UNKNOWN", "CA": "CANCELLING", "C?": "CANCEL_UNKNOWN", "FZ": "FROZEN", "FI": "FILLED",
    "CD": "CANCELLED", "PC": "PARTIAL_CANCELLED", "RD": "REPLACED", "RJ": "REJECTED", "EX": "EXPIRED",
    "NS": "NEVER_SENT", "DN": "DENIED",
}  # fmt: skip
GRID = """
    sync ack  rej  unkS unkR unkC frz  seen abs  cxl? rpl? rpld rprj cxld expd rjtd part full oper live
CR  SU   LI   RJ   .    .    .    .    LI   NS   .    .    .    LI   .    .    RJ   PA   FI   .   .
SU  .    LI   RJ   S?   .    .    .    LI   NS   .    .    .    LI   .    .    RJ   PA   FI   .   .
S?  .    LI   RJ   =    .    .    FZ   LI   NS   .    .    RD   LI   CD   EX   RJ   PA   FI   .   .
LI  .    .    RJ   .    .    .    FZ   .    .    CA   RP   RD   .    CD   EX   RJ   PA   FI   .   .
PA  .    =    RJ   .    .    .    FZ   =    .    CA   .    RD   =    PC   EX   RJ   =    FI   .   .
RP  .    LI   .    .    R?   .    .    LI   .    .    .    RD   LI   CD   EX   .    =    FI   .   .
R?  .    LI   .    .    =    .    FZ   LI   .    CA   .    RD   LI   CD   EX   .    =    FI   .   .
CA  .    .    RJ   .    .    C?   .    .    .    .    .    .    .    CD   EX   RJ   =    FI   .   .
C?  .    LI   .    .    .    =    FZ   LI   .    .    .    RD   LI   CD   EX   .    =    FI   .   .
FZ  .    LI   RJ   .    .    .    .    LI   .    CA   .    RD   LI   CD   EX   RJ   PA   FI   CD   LI
FI  .    .    .    .    .    .    FZ   .    .    .    .    .    .    .    .    .    =    =    .   .
CD  .    .    .    .    .    .    FZ   .    .    .    .    .    .    .    .    .    =    =    .   .
PC  .    .    .    .    .    .    FZ   .    .    .    .    .    .    .    .    .    =    =    .   .
RD  .    .    .    .    .    .    FZ   .    .    .    .    .    .    .    .    .    =    =    .   .
RJ  .    .    .    .    .    .    FZ   .    .    .    .    .    .    .    .    .    =    =    .   .
EX  .    .    .    .    .    .    FZ   .    .    .    .    .    .    .    .    .    =    =    .   .
NS  SU   LI   .    .    .    .    .    LI   .    .    .    .    LI   .    .    .    PA   FI   .   .
DN  .    .    .    .    .    .    .    .    .    .    .    .    .    .    .    .    =    =    .   .
"""
NAMES, *ROWS = [line.split() for line in GRID.strip().splitlines()]
CELLS = [(row[0], name, cell) for row in ROWS for name, cell in zip(NAMES, row[1:], strict=True)]


def standing(state: OrderState, **over: Any) -> Order:
    """An entry of 40; a partly filled one has 10."""
    filled = Decimal(10) if state in (OrderState.PARTIAL, OrderState.PARTIAL_CANCELLED) else Decimal(0)
    return order("AAA", 40, state=state).model_copy(update={"filled": filled, **over})


def said_live(ord_id: str) -> OrderOperatorResolved:
    """A person says that it works."""
    return OrderOperatorResolved(
        ord_id=ord_id, state=OrderState.LIVE, order_id="xo_1", operator="jo", reason="r", evidence="e"
    )


def event(name: str, mine: Order) -> tuple[str, Fact]:
    """The record that carries the event of a column."""
    it, cause = mine.ord_id, OrderCause.VENUE_ENDED
    heir = mine.model_copy(update={"ord_id": "ord_heir", "client_order_id": "aw1-heir", "replaces": it})

    def unknown(state: OrderState) -> tuple[str, Fact]:
        return "order.unresolved", OrderUnresolved(ord_id=it, state=state, cause=OrderCause.CARRIED)

    def ended(state: OrderState) -> tuple[str, Fact]:
        return "order.ended", OrderEnded(ord_id=it, state=state, cause=cause)

    def resolved(state: OrderState) -> tuple[str, Fact]:
        return "order.resolved", OrderResolved(ord_id=it, state=state, order_id="xo_1", cause=cause)

    found: dict[str, tuple[str, Fact]] = {
        "sync": ("order.submitting", OrderSubmitting(order=mine)),
        "ack": ("order.confirmed", OrderConfirmed(ord_id=it, order_id="xo_1")),
        "rej": ("order.rejected", OrderRejected(ord_id=it, reason="BROKER_REJECTED", raw="")),
        "unkS": unknown(OrderState.SUBMIT_UNKNOWN),
        "unkR": unknown(OrderState.REPLACE_UNKNOWN),
        "unkC": unknown(OrderState.CANCEL_UNKNOWN),
        "frz": unknown(OrderState.FROZEN),
        "seen": resolved(OrderState.LIVE),
        "abs": resolved(OrderState.NEVER_SENT),
        "cxl?": ("order.cancelling", OrderCancelling(ord_id=it, cause=cause)),
        "rpl?": ("order.replacing", OrderReplacing(ord_id=it, successor=heir)),
        "rpld": (
            "order.replaced",
            OrderReplaced(ord_id=it, successor_ord_id=heir.ord_id, successor_order_id="xo_2"),
        ),
        "rprj": (
            "order.replace_rejected",
            OrderReplaceRejected(ord_id=it, successor_ord_id=heir.ord_id, reason="BROKER_REJECTED"),
        ),
        "cxld": ended(OrderState.CANCELLED),
        "expd": ended(OrderState.EXPIRED),
        "rjtd": ended(OrderState.REJECTED),
        "part": ("order.filled", fill("x1", 5)),
        "full": ("order.filled", fill("x1", 40 - int(mine.filled))),
        "oper": (
            "order.operator_resolved",
            OrderOperatorResolved(
                ord_id=it, state=OrderState.CANCELLED, operator="jo", reason="r", evidence="e"
            ),
        ),
        "live": ("order.operator_resolved", said_live(it)),
    }
    return found[name]


def test_the_grid_has_a_row_for_every_state() -> None:
    assert set(OrderState) == {OrderState(SHORT[row[0]]) for row in ROWS}


@pytest.mark.parametrize(("state", "name", "cell"), CELLS, ids=lambda value: value)
def test_a_record_makes_of_a_state_what_the_table_says(state: str, name: str, cell: str) -> None:
    before = OrderState(SHORT[state])
    mine = standing(before)
    heir = standing(OrderState.CREATED, ord_id="ord_heir", client_order_id="aw1-heir", replaces=mine.ord_id)
    fold = Fold(holding(mine, *([heir] if name in ("rpld", "rprj") else [])))
    kind, fact = event(name, mine)
    fold.apply(record(kind, fact))
    after = fold.order(mine.ord_id)
    assert after is not None
    expected = before if cell in (".", "=") else OrderState(SHORT[cell])
    assert expected is after.state
    assert (cell == ".") == bool([row for row in fold.refused if row.ord_id == mine.ord_id])


def test_absence_ends_a_frozen_order_only_if_nobody_ever_saw_it() -> None:
    absent = OrderResolved(
        ord_id=standing(OrderState.FROZEN).ord_id, state=OrderState.NEVER_SENT, order_id=None, cause="x"
    )
    states = {}
    for came_from in (OrderState.SUBMIT_UNKNOWN, OrderState.CANCEL_UNKNOWN, OrderState.LIVE):
        fold = Fold(holding(standing(OrderState.FROZEN, frozen_from=came_from)))
        fold.apply(record("order.resolved", absent))
        (found,) = (*fold.orders.values(), *fold.ended.values())
        states[came_from] = found.state
    frozen = OrderState.FROZEN
    expected = [OrderState.NEVER_SENT, frozen, frozen]
    assert expected == list(states.values())


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (OrderState.NEVER_SENT, "PROOF_OVERTURNED"),
        (OrderState.CANCELLED, "FILL_AFTER_END"),
        (OrderState.EXPIRED, "FILL_AFTER_END"),
    ],
)
def test_a_fill_of_an_ended_order_is_booked_told_and_its_symbol_waits_for_a_sync(
    state: OrderState, code: str
) -> None:
    fold = Fold(holding(standing(state)))
    fold.apply(record("order.filled", fill("x1", 40)))
    assert [code] == [row.code for row in fold.contradicted]
    assert {"AAA": code} == {name: row.code for name, row in fold.quarantined.items()}
    assert [Decimal(40)] == [p.quantity for p in fold.positions.values()]
    assert (standing(state).intent_id in fold.entry_intents) == (state is OrderState.NEVER_SENT)
    differs = Finding(code="QTY_MISMATCH", subject="AAA", observed="0", threshold="40")
    unread = Finding(code="OBSERVATION_FAILED", subject="positions", observed=None, threshold=None)
    for findings, kept in (((differs,), 1), ((unread,), 1), ((), 0)):
        fold.apply(record("sync.checked", SyncChecked(status="x", findings=findings)))
        assert kept == len(fold.quarantined)


def test_an_order_that_expires_with_a_fill_keeps_both() -> None:
    fold = Fold(holding(standing(OrderState.PARTIAL)))
    fold.apply(record(*event("expd", standing(OrderState.PARTIAL))))
    (ended,) = fold.ended.values()
    assert (OrderState.EXPIRED, Decimal(10)) == (ended.state, ended.filled)


def test_three_carried_cycles_are_counted_and_any_answer_starts_the_count_again() -> None:
    fold = Fold(holding(standing(OrderState.SUBMIT_UNKNOWN)))
    mine = standing(OrderState.SUBMIT_UNKNOWN)
    for count in (1, 2):
        fold.apply(record(*event("unkS", mine)))
        assert count == fold.orders[mine.ord_id].carries
    fold.apply(record(*event("frz", mine)))
    frozen = fold.orders[mine.ord_id]
    assert (OrderState.FROZEN, OrderState.SUBMIT_UNKNOWN, 3) == (
        frozen.state,
        frozen.frozen_from,
        frozen.carries,
    )
    fold.apply(record(*event("seen", mine)))
    assert (0, None) == (fold.orders[mine.ord_id].carries, fold.orders[mine.ord_id].frozen_from)


def test_a_person_states_a_fill_and_an_end_and_the_brokers_own_word_is_not_booked_again() -> None:
    mine = standing(OrderState.FROZEN, frozen_from=OrderState.SUBMIT_UNKNOWN)
    fold = Fold(holding(mine))
    fold.apply(record("order.filled", fill("operator:x:15", 15)))
    fold.apply(record(*event("oper", mine)))
    (ended,) = fold.ended.values()
    assert (OrderState.PARTIAL_CANCELLED, Decimal(15), True) == (ended.state, ended.filled, ended.is_stated)
    assert ([], []) == (fold.refused, fold.contradicted)


def claimed(**over: Any) -> Fold:
    """A FROZEN order that a person said works."""
    mine = standing(OrderState.FROZEN, frozen_from=OrderState.SUBMIT_UNKNOWN, **over)
    fold = Fold(holding(mine))
    fold.apply(record(*event("live", mine)))
    return fold


def only(fold: Fold) -> Order:
    (found,) = (*fold.orders.values(), *fold.ended.values())
    return found


def test_an_order_that_a_person_says_works_is_live_and_covers_once_the_broker_shows_it() -> None:
    fold = claimed()
    mine = only(fold)
    assert (OrderState.LIVE, "xo_1", 0, True) == (mine.state, mine.order_id, mine.carries, is_claimed(mine))
    assert not covers(mine)
    fold.apply(record(*event("ack", mine)))
    assert (OrderState.LIVE, True, False) == (only(fold).state, covers(only(fold)), only(fold).is_stated)
    assert [] == fold.refused


@pytest.mark.parametrize("name", ["part", "full", "cxld", "expd", "rjtd"])
def test_what_the_broker_says_of_a_claimed_order_ends_the_claim(name: str) -> None:
    fold = claimed()
    fold.apply(record(*event(name, only(fold))))
    assert not only(fold).is_stated
    assert [] == fold.refused


@pytest.mark.parametrize("name", ["cxl?", "rpl?", "frz"])
def test_what_we_ask_of_a_claimed_order_proves_nothing(name: str) -> None:
    fold = claimed()
    fold.apply(record(*event(name, only(fold))))
    (mine,) = (o for o in fold.orders.values() if o.ord_id == standing(OrderState.LIVE).ord_id)
    assert is_claimed(mine)
    assert not covers(mine)


def test_an_order_that_a_person_ended_stays_so_when_the_broker_shows_it_open() -> None:
    mine = standing(OrderState.FROZEN, frozen_from=OrderState.SUBMIT_UNKNOWN)
    fold = Fold(holding(mine))
    fold.apply(record("order.filled", fill("operator:x:15", 15)))
    for name in ("oper", "frz", "seen"):
        fold.apply(record(*event(name, mine)))
    assert OrderState.PARTIAL is only(fold).state
    assert is_settled(only(fold)), "its stated fills would be booked again"
