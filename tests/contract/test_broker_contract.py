"""Every adapter keeps the same promises: what is confirmed is held, what is refused says why, what is read is whole.

The simulated adapter, Alpaca's over the protocol server, and on request Alpaca's over a real paper account, where each
test that fails says what differs.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from execution_v2.broker.port import (
    CancelOrder,
    Confirmed,
    Found,
    LookUp,
    NotFound,
    ReadFailed,
    Rejected,
    ReplaceOrder,
    Seen,
    Unresolved,
)
from schemas.book import Side
from schemas.observations import BrokerOrder
from schemas.reasons.execution import BrokerCode, LineCode
from tests.contract.places import ASKED_FOR_PAPER, PLACES, SYMBOL, Place, seen

FAR = Decimal("1.00")
"""A price at which nobody sells: an order that rests."""


@pytest.fixture(params=sorted(PLACES))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Each place where an order may rest and be taken back."""
    with PLACES[request.param](tmp_path) as opened:
        yield opened


@pytest.fixture(params=sorted(set(PLACES) - {"paper"}))
def floor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Each place where orders fill as the tape says; a real account's do not wait for a test."""
    with PLACES[request.param](tmp_path) as opened:
        yield opened


def order_of(outcome: object) -> BrokerOrder:
    assert isinstance(outcome, Confirmed), outcome
    return outcome.order


def found(place: Place, **by: str) -> BrokerOrder:
    answer = place.broker.lookup(LookUp(**by))
    assert isinstance(answer, Found), answer
    return answer.order


def reason(outcome: object) -> str:
    assert isinstance(outcome, Rejected), outcome
    return outcome.reason


def bought(floor: Place, quantity: int = 100) -> BrokerOrder:
    return order_of(floor.broker.submit(floor.order("buy", Side.BUY, quantity, limit="51.00")))


def end(place: Place, order: BrokerOrder) -> None:
    """Cancel *order* and wait until it shows as ended: a broker may take its time."""
    outcome = place.broker.cancel(CancelOrder(order_id=order.order_id))
    assert isinstance(outcome, Confirmed) or outcome == Unresolved(cause=LineCode.CANCEL_PENDING, sent="yes")
    place.until(lambda: not found(place, order_id=order.order_id).is_working)
    assert "cancelled" == found(place, order_id=order.order_id).status


@pytest.mark.skipif(
    not ASKED_FOR_PAPER, reason="AVWAP_CONTRACT_PAPER=1 compares a paper account: runbooks/alpaca.md"
)
def test_a_paper_account_is_among_the_places_when_asked_for() -> None:
    assert "paper" in PLACES


# --- orders that rest: every place -----------------------------------------------------------------


def test_a_resting_order_is_held_as_it_was_sent_and_found_by_both_ids(place: Place) -> None:
    assert place.broker.capabilities().places_orders
    sent = place.order("rest", Side.BUY, 1, limit=FAR)
    order = order_of(place.broker.submit(sent))
    for each in (
        order,
        found(place, client_order_id=sent.client_order_id),
        found(place, order_id=order.order_id),
    ):
        assert (sent.client_order_id, place.symbol, Side.BUY, Decimal(1), FAR, Decimal(0)) == (
            each.client_order_id,
            each.symbol,
            each.side,
            each.quantity,
            each.limit,
            each.filled,
        )
        assert each.is_working
    assert order.order_id in {row.order_id for row in seen(place.broker.open_orders())}
    end(place, order)
    assert order.order_id not in {row.order_id for row in seen(place.broker.open_orders())}
    assert order.order_id in {row.order_id for row in seen(place.broker.closed_orders(place.session))}


def test_a_client_id_is_taken_once(place: Place) -> None:
    sent = place.order("twice", Side.BUY, 1, limit=FAR)
    order = order_of(place.broker.submit(sent))
    assert BrokerCode.DUPLICATE_CLIENT_ID == reason(place.broker.submit(sent))
    mine = [row for row in seen(place.broker.open_orders()) if row.client_order_id == sent.client_order_id]
    assert [order.order_id] == [row.order_id for row in mine]
    end(place, order)
    assert BrokerCode.DUPLICATE_CLIENT_ID == reason(place.broker.submit(sent))


def test_an_id_that_nobody_sent_is_not_found(place: Place) -> None:
    assert NotFound() == place.broker.lookup(LookUp(client_order_id=place.name("nobody")))


def test_an_ended_order_is_not_working_and_cannot_be_ended_again(place: Place) -> None:
    order = order_of(place.broker.submit(place.order("over", Side.BUY, 1, limit=FAR)))
    end(place, order)
    assert BrokerCode.NOT_WORKING == reason(place.broker.cancel(CancelOrder(order_id=order.order_id)))


def test_a_replaced_order_has_one_working_successor_under_the_new_id(place: Place) -> None:
    old = order_of(place.broker.submit(place.order("old", Side.BUY, 1, limit=FAR)))
    place.until(lambda: found(place, order_id=old.order_id).status == "open")
    request = ReplaceOrder(
        order_id=old.order_id, client_order_id=place.name("new"), quantity=Decimal(1), limit=FAR * 2
    )
    new = order_of(place.broker.replace(request))
    place.until(lambda: found(place, order_id=old.order_id).status == "replaced")
    assert new.order_id != old.order_id
    assert (request.client_order_id, FAR * 2) == (new.client_order_id, new.limit)
    working = {row.order_id for row in seen(place.broker.open_orders())}
    assert new.order_id in working
    assert old.order_id not in working
    assert new.order_id == found(place, order_id=old.order_id).replaced_by
    end(place, new)


def test_no_account_buys_more_than_it_can_pay(place: Place) -> None:
    power = seen(place.broker.account()).buying_power
    sent = place.order("rich", Side.BUY, int(power / place.price) * 2 + 2, limit=place.price)
    assert BrokerCode.INSUFFICIENT_BUYING_POWER == reason(place.broker.submit(sent))


def test_reads_are_sorted_and_the_calendar_holds_the_session(place: Place) -> None:
    orders = [order_of(place.broker.submit(place.order(name, Side.BUY, 1, limit=FAR))) for name in ("b", "a")]
    rows = seen(place.broker.open_orders())
    assert sorted((row.symbol, row.client_order_id) for row in rows) == [
        (row.symbol, row.client_order_id) for row in rows
    ]
    positions = seen(place.broker.positions())
    assert sorted(row.symbol for row in positions) == [row.symbol for row in positions]
    assert place.session in {row.session for row in seen(place.broker.calendar(place.session, place.session))}
    for order in orders:
        end(place, order)


def test_the_clock_tells_the_hours_of_its_session(place: Place) -> None:
    clock = seen(place.broker.clock())
    assert (place.session, True) == (clock.session_date, clock.open_at < clock.close_at)
    assert clock.is_open == (clock.open_at <= clock.now < clock.close_at)


def test_a_symbol_that_trades_can_be_traded(place: Place) -> None:
    assert [(place.symbol, True)] == [
        (row.symbol, row.is_tradable) for row in seen(place.broker.assets([place.symbol]))
    ]


def test_a_stream_says_what_it_can(place: Place) -> None:
    first = place.broker.updates()
    order = order_of(place.broker.submit(place.order("told", Side.BUY, 1, limit=FAR)))
    if not place.broker.capabilities().stream:
        assert isinstance(first, ReadFailed)
        return
    told: set[str] = set()

    def has_told() -> bool:
        answer = place.broker.updates()
        if isinstance(answer, Seen):
            told.update(row.order.client_order_id for row in answer.value)
        return order.client_order_id in told

    place.until(has_told)
    assert order.client_order_id in told
    end(place, order)


# --- orders that fill: where the tape is ours ---------------------------------------------------------


def test_a_bought_share_is_an_execution_a_holding_and_less_cash(floor: Place) -> None:
    before = seen(floor.broker.account()).cash
    order = bought(floor)
    fills = seen(floor.broker.fills(floor.session))
    assert {(order.order_id, order.client_order_id, SYMBOL, Side.BUY, floor.session)} == {
        (row.order_id, row.client_order_id, row.symbol, row.side, row.session_date) for row in fills
    }
    assert 100 == sum(row.quantity for row in fills)
    assert len(fills) == len({row.execution_id for row in fills})
    spent = sum((row.quantity * row.price + row.fee for row in fills), Decimal(0))
    assert before - spent == seen(floor.broker.account()).cash
    assert [(SYMBOL, 100)] == [(row.symbol, row.quantity) for row in seen(floor.broker.positions())]
    assert ("filled", 100) == (
        (row := found(floor, order_id=order.order_id)).status,
        row.filled,
    )


def test_a_stop_protects_what_is_held_and_follows_by_replacement(floor: Place) -> None:
    bought(floor)
    old = order_of(floor.broker.submit(floor.order("stop", Side.SELL, 100, stop="47.00")))
    floor.until(lambda: found(floor, order_id=old.order_id).status == "open")
    request = ReplaceOrder(
        order_id=old.order_id,
        client_order_id=floor.name("stop2"),
        quantity=Decimal(100),
        stop=Decimal("48.00"),
    )
    assert floor.broker.capabilities().patch_stop
    new = order_of(floor.broker.replace(request))
    assert (Decimal("48.00"), 100) == (new.stop, new.quantity)
    floor.until(lambda: found(floor, order_id=old.order_id).status == "replaced")
    assert [new.order_id] == [row.order_id for row in seen(floor.broker.open_orders())]


def test_shares_held_by_a_stop_are_sold_by_no_other_order(floor: Place) -> None:
    bought(floor)
    order_of(floor.broker.submit(floor.order("stop", Side.SELL, 100, stop="47.00")))
    assert floor.broker.capabilities().holds_shares
    outcome = floor.broker.submit(floor.order("more", Side.SELL, 1, limit="50.00"))
    assert BrokerCode.INSUFFICIENT_QTY_HELD == reason(outcome)


def test_a_buy_against_a_working_stop_is_refused_as_such(floor: Place) -> None:
    bought(floor)
    order_of(floor.broker.submit(floor.order("stop", Side.SELL, 100, stop="47.00")))
    assert floor.broker.capabilities().opposite_side_rule
    outcome = floor.broker.submit(floor.order("again", Side.BUY, 1, limit="51.00"))
    assert BrokerCode.OPPOSITE_SIDE_ORDER == reason(outcome)


def test_a_stop_above_the_market_is_refused_as_such(floor: Place) -> None:
    bought(floor)
    outcome = floor.broker.submit(floor.order("stop", Side.SELL, 100, stop="55.00"))
    assert BrokerCode.STOP_THROUGH_MARKET == reason(outcome)


def test_a_filled_order_can_be_neither_ended_nor_replaced(floor: Place) -> None:
    order = bought(floor)
    assert BrokerCode.NOT_WORKING == reason(floor.broker.cancel(CancelOrder(order_id=order.order_id)))
    request = ReplaceOrder(
        order_id=order.order_id, client_order_id=floor.name("late"), quantity=Decimal(1), limit=FAR
    )
    assert BrokerCode.NOT_WORKING == reason(floor.broker.replace(request))


def test_a_quote_has_the_price_of_the_moment(floor: Place) -> None:
    (quote,) = seen(floor.feed.quotes([SYMBOL]))
    assert Decimal("49") < quote.last < Decimal("52")
    assert quote.as_of <= floor.now()
