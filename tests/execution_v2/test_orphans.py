"""Each row of the orphan table by an order that falls into it, and no order falls through."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution_v2.orphans import (
    OrphanAction,
    OrphanFacts,
    classify,
    in_order,
    reduces,
    tightest,
    with_claims,
)
from schemas.book import ENDED, OrderState, OrderType, Side, TimeInForce
from schemas.observations import BrokerOrder
from schemas.reasons.sync import OrphanCode


def order(**over: Any) -> BrokerOrder:
    """A sell stop for 100 AAA at 47."""
    facts: dict[str, Any] = {
        "order_id": "b1",
        "client_order_id": "aw1-x-1",
        "symbol": "AAA",
        "side": Side.SELL,
        "order_type": OrderType.STOP,
        "time_in_force": TimeInForce.GTC,
        "quantity": Decimal(100),
        "filled": Decimal(0),
        "stop": Decimal(47),
        "status": "open",
    }
    return BrokerOrder(**(facts | over))


STOP = order()
EXIT = order(order_type=OrderType.LIMIT, stop=None, limit=Decimal(50))
BUY = order(side=Side.BUY, order_type=OrderType.LIMIT, stop=None, limit=Decimal(50))
HELD = OrphanFacts(position=Decimal(100))

ROWS = [
    (
        1,
        OrphanAction.HOLD,
        OrphanCode.OBSERVATION_INCOMPLETE,
        STOP,
        OrphanFacts(is_whole=False, is_own=False),
    ),
    (
        2,
        OrphanAction.IGNORE,
        OrphanCode.FOREIGN_ORDER,
        STOP,
        OrphanFacts(is_own=False, state=OrderState.LIVE),
    ),
    (
        3,
        OrphanAction.ADOPT,
        OrphanCode.KNOWN_WORKING_ORDER,
        BUY,
        OrphanFacts(state=OrderState.SUBMIT_UNKNOWN),
    ),
    (
        4,
        OrphanAction.FREEZE,
        OrphanCode.LEDGER_BROKER_CONTRADICTION,
        STOP,
        OrphanFacts(state=OrderState.CANCELLED, position=Decimal(100)),
    ),
    (
        5,
        OrphanAction.ADOPT,
        OrphanCode.REPLACEMENT_FOUND,
        STOP,
        OrphanFacts(position=Decimal(100), succeeds=True),
    ),
    (6, OrphanAction.ADOPT, OrphanCode.PROTECTION_CANDIDATE, STOP, HELD),
    (
        7,
        OrphanAction.ADOPT,
        OrphanCode.DUPLICATE_PROTECTION,
        STOP,
        OrphanFacts(position=Decimal(100), claimed=Decimal(1)),
    ),
    (
        7,
        OrphanAction.CANCEL,
        OrphanCode.DUPLICATE_PROTECTION,
        STOP,
        OrphanFacts(position=Decimal(100), claimed=Decimal(1), is_tightest=False, succeeds=True),
    ),
    (8, OrphanAction.ADOPT, OrphanCode.EXIT_CANDIDATE, EXIT, HELD),
    (9, OrphanAction.CANCEL, OrphanCode.REDUCE_WITHOUT_POSITION, STOP, OrphanFacts(is_flat_twice=True)),
    (9, OrphanAction.CANCEL, OrphanCode.REDUCE_WITHOUT_POSITION, EXIT, OrphanFacts(is_flat_twice=True)),
    (10, OrphanAction.CANCEL, OrphanCode.ORPHAN_ENTRY, BUY, HELD),
    (10, OrphanAction.CANCEL, OrphanCode.ORPHAN_ENTRY, BUY, OrphanFacts()),
    (10, OrphanAction.CANCEL, OrphanCode.ORPHAN_ENTRY, STOP, OrphanFacts(position=Decimal(-100))),
    (11, OrphanAction.FREEZE, OrphanCode.UNCLASSIFIED_ORPHAN, STOP, OrphanFacts()),
    (
        11,
        OrphanAction.FREEZE,
        OrphanCode.UNCLASSIFIED_ORPHAN,
        EXIT,
        OrphanFacts(position=Decimal(100), claimed=Decimal(1)),
    ),
    (
        11,
        OrphanAction.FREEZE,
        OrphanCode.UNCLASSIFIED_ORPHAN,
        STOP,
        OrphanFacts(position=Decimal(100), has_owner=False),
    ),
]


@pytest.mark.parametrize(("row", "action", "code", "what", "facts"), ROWS)
def test_an_order_falls_into_its_row(
    row: int, action: OrphanAction, code: OrphanCode, what: BrokerOrder, facts: OrphanFacts
) -> None:
    verdict = classify(what, facts)
    assert (row, action, code) == (verdict.row, verdict.action, verdict.code)


def test_every_row_of_the_table_has_a_case() -> None:
    assert set(range(1, 12)) == {row for row, *_ in ROWS}


def test_an_entry_nobody_recorded_may_be_left_and_its_symbol_frozen() -> None:
    verdict = classify(BUY, OrphanFacts(), "freeze")
    assert (OrphanAction.FREEZE, OrphanCode.ORPHAN_ENTRY) == (verdict.action, verdict.code)


def test_the_stop_that_an_order_succeeds_claims_nothing_besides_it() -> None:
    old, new = order(order_id="b1"), order(order_id="b2", replaces="b1", stop=Decimal(48))
    facts = with_claims(new, OrphanFacts(position=Decimal(100), succeeds=True), (old, new), {"b1", "b2"})
    assert 5 == classify(new, facts).row


def test_of_two_stops_the_higher_is_kept_and_a_strangers_stop_is_not_ours_to_weigh() -> None:
    low, high = order(order_id="b1"), order(order_id="b2", stop=Decimal(48))
    strange = order(order_id="b3", client_order_id="by hand", stop=Decimal(49))
    working, own = (low, high, strange), {"b1", "b2"}
    verdicts = {o.order_id: classify(o, with_claims(o, HELD, working, own)) for o in (low, high)}
    assert {"b1": OrphanAction.CANCEL, "b2": OrphanAction.ADOPT} == {k: v.action for k, v in verdicts.items()}


def test_of_equal_stops_the_first_by_client_id_is_kept() -> None:
    first, second = order(order_id="b9", client_order_id="a"), order(order_id="b1", client_order_id="b")
    assert first is tightest((second, first))


orders = st.builds(
    order,
    order_id=st.sampled_from(["b1", "b2", "b3"]),
    client_order_id=st.sampled_from(["a", "b", "c"]),
    symbol=st.sampled_from(["AAA", "BBB"]),
    side=st.sampled_from(Side),
    order_type=st.sampled_from(OrderType),
    quantity=st.integers(1, 200).map(Decimal),
    replaces=st.sampled_from([None, "b1", "b2"]),
)
facts = st.builds(
    OrphanFacts,
    is_whole=st.booleans(),
    is_own=st.booleans(),
    state=st.sampled_from([None, None, *OrderState]),
    position=st.integers(-200, 200).map(Decimal),
    is_flat_twice=st.booleans(),
    claimed=st.integers(0, 200).map(Decimal),
    succeeds=st.booleans(),
    has_owner=st.booleans(),
    is_tightest=st.booleans(),
)


@given(order=orders, known=facts)
def test_every_order_has_one_verdict_and_what_is_cancelled_is_ours_and_unknown(
    order: BrokerOrder, known: OrphanFacts
) -> None:
    verdict = classify(order, known)
    assert 1 <= verdict.row <= 11
    assert verdict == classify(order, known)
    if verdict.action is OrphanAction.CANCEL:
        assert (True, True, None) == (known.is_whole, known.is_own, known.state)
    if verdict.row in (5, 6, 8):
        assert reduces(order, known.position)
        assert order.quantity + known.claimed <= abs(known.position)
    if known.is_whole and known.is_own and known.state is not None:
        assert (verdict.row == 4) is (known.state in ENDED)


@given(st.lists(orders, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_judgement_does_not_depend_on_the_brokers(found: list[BrokerOrder], chance: Any) -> None:
    shuffled = list(found)
    chance.shuffle(shuffled)
    key = [(o.symbol, o.client_order_id, o.order_id) for o in in_order(found)]
    assert key == [(o.symbol, o.client_order_id, o.order_id) for o in in_order(shuffled)] == sorted(key)
