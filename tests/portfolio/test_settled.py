"""After an action a symbol waits until book and broker show one thing; an action-free difference is not asked here."""

from decimal import Decimal

import pytest

from portfolio.decide import run
from portfolio.limits import portfolio_config
from portfolio.settled import unsettled
from schemas.book import Leg, OrderType, Side, TimeInForce
from schemas.decisions import Verdict
from schemas.observations import BrokerOrder, BrokerPosition
from schemas.reasons.portfolio import IntentCode
from tests.portfolio.books import book, decision_inputs, intent, order, position, usd


def shown(symbol: str, quantity: int) -> BrokerPosition:
    return BrokerPosition(symbol=symbol, quantity=Decimal(quantity), average_price=usd("50"))


def stop_at(symbol: str, quantity: int, price: str, side: Side = Side.SELL) -> BrokerOrder:
    return BrokerOrder(
        order_id="x", client_order_id="y", symbol=symbol, side=side, order_type=OrderType.STOP,
        time_in_force=TimeInForce.GTC, quantity=Decimal(quantity), filled=Decimal(0), stop=usd(price), status="open",
    )  # fmt: skip


OURS = book([position("AAA", 200)], [order("AAA", 200, leg=Leg.STOP, stop=usd("23.50"))])
AGREED = stop_at("AAA", 200, "23.50")
ACTED = {"AAA": {"AAA"}, "NEW": {"OLD", "NEW"}}


@pytest.mark.parametrize(
    ("positions", "orders", "expected"),
    [
        ((shown("AAA", 200),), (AGREED,), {}),
        ((shown("AAA", 100),), (AGREED,), {"AAA": "the book holds 200, the broker 100"}),
        ((), (AGREED,), {"AAA": "the broker 0"}),
        (None, None, {"AAA": "the broker 0"}),
        ((shown("AAA", 200),), (stop_at("AAA", 100, "23.50"),), {"AAA": "stops"}),
        ((shown("AAA", 200),), (stop_at("AAA", 200, "47.00"),), {"AAA": "stops"}),
        ((shown("AAA", 200),), (), {"AAA": "stops"}),
        ((shown("AAA", 200), shown("BBB", 7)), (AGREED, stop_at("BBB", 7, "1.00")), {}),
        ((shown("AAA", 200), shown("OLD", 5)), (AGREED,), {"NEW": "OLD: the book holds 0, the broker 5"}),
    ],
)
def test_shares_and_stops_must_agree_in_symbols_with_an_action(
    positions: tuple[BrokerPosition, ...] | None,
    orders: tuple[BrokerOrder, ...] | None,
    expected: dict[str, str],
) -> None:
    found = unsettled(OURS, positions, orders, ACTED)
    assert list(expected) == list(found)
    assert all(expected[symbol] in found[symbol] for symbol in found)


def test_a_position_still_booked_under_the_old_name_is_not_settled() -> None:
    assert ["NEW"] == list(unsettled(book([position("OLD", 5)]), (shown("NEW", 5),), (), ACTED))


def test_an_unsettled_symbol_is_blocked_and_the_others_are_not() -> None:
    wishes = (intent("AAA", rank=1), intent("BBB", rank=2))
    decided = run(decision_inputs(*wishes, unsettled={"AAA": "differs"}), portfolio_config("SIM"))
    blocked, allowed = decided.verdicts
    assert (Verdict.BLOCK, Verdict.ALLOW) == (blocked.verdict, allowed.verdict)
    assert [(IntentCode.QUANTITIES_UNSETTLED, "differs")] == [
        (f.code, f.detail) for f in blocked.reasons if f.code in set(IntentCode)
    ]
