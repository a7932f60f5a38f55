"""The vendor says no in its own words: a status, a code, a message, and sometimes what stands in the way."""

from decimal import Decimal
from typing import Any, Final

from execution_v2.broker.port import Rejected
from schemas.book import OrderType, Side
from schemas.observations import BrokerOrder
from schemas.reasons.execution import BrokerCode
from simulation.account import AccountState
from simulation.alpaca_server.history import order_uuid
from simulation.alpaca_server.words import text
from simulation.loopback import Answer, json_answer
from simulation.venue import rest_of

FORBIDDEN: Final = 40310000
UNPROCESSABLE: Final = 42210000
INVALID: Final = 40010001


class Refusal(Exception):
    """A request that the vendor refuses; *answer* is what it says."""

    def __init__(self, status: int, code: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.answer: Answer = json_answer(status, {"code": code, "message": message, **more})


def not_found(what: str) -> Refusal:
    """404."""
    return Refusal(404, 40410000, f"{what} not found")


def unauthorised() -> Refusal:
    """401."""
    return Refusal(401, 40110000, "request is not authorized")


def duplicate() -> Refusal:
    """Our id was used before: whoever sees this looks the order up."""
    return Refusal(422, INVALID, "client_order_id must be unique")


def held(symbol: str, asked: Decimal, owned: Decimal, claims: list[BrokerOrder]) -> Refusal:
    """The shares are spoken for by *claims*, which are sell orders."""
    claimed = sum(map(rest_of, claims), Decimal(0))
    free = max(owned - claimed, Decimal(0))
    return Refusal(
        403,
        FORBIDDEN,
        f"insufficient qty available for order (requested: {text(asked)}, available: {text(free)})",
        symbol=symbol,
        available=text(free),
        existing_qty=text(owned),
        held_for_orders=text(claimed),
        related_orders=[order_uuid(order.order_id) for order in claims],
    )


def of_order(no: Rejected, symbol: str, side: Side, quantity: Decimal, state: AccountState) -> Refusal:
    """What the exchange's *no* to a new order, or to a replacement of one, is called."""
    working = state.working(symbol)
    match no.reason:
        case BrokerCode.DUPLICATE_CLIENT_ID:
            return duplicate()
        case BrokerCode.INSUFFICIENT_QTY_HELD:
            sells = [order for order in working if order.side is Side.SELL]
            return held(symbol, quantity, state.quantity(symbol), sells)
        case BrokerCode.INSUFFICIENT_BUYING_POWER:
            return Refusal(403, FORBIDDEN, "insufficient buying power", buying_power=text(state.cash))
        case BrokerCode.OPPOSITE_SIDE_ORDER:
            against = next(order for order in working if order.side is not side)
            kind = "limit" if against.order_type is OrderType.LIMIT else "market/stop"
            return Refusal(
                403,
                FORBIDDEN,
                "potential wash trade detected. use complex orders",
                reject_reason=f"opposite side {kind} order exists",
                existing_order_id=order_uuid(against.order_id),
            )
        case BrokerCode.STOP_THROUGH_MARKET:
            said = no.raw if no.raw.startswith("stop price must") else f"stop price must be beyond: {no.raw}"
            return Refusal(422, UNPROCESSABLE, said)
        case BrokerCode.NOT_TRADABLE:
            return Refusal(422, UNPROCESSABLE, f"asset {symbol} is not tradable")
        case BrokerCode.DAY_TRADE_REJECTED:
            return Refusal(403, 40310100, "trade denied due to pattern day trading protection")
        case BrokerCode.NOT_WORKING:
            return Refusal(422, UNPROCESSABLE, f"order cannot be replaced: {no.raw}")
        case _ if "restricted" in no.raw:
            return Refusal(403, FORBIDDEN, no.raw)
        case _:
            return Refusal(422, UNPROCESSABLE, no.raw)
