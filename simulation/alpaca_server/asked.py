"""A request is what its client wrote, read strictly: what is not traded here is refused, and never guessed."""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from execution_v2.broker.port import ReplaceOrder, SubmitOrder
from market.calendar import NEW_YORK
from schemas.book import OrderType, Side, TimeInForce
from schemas.observations import BrokerOrder
from simulation.alpaca_server.refusals import INVALID, UNPROCESSABLE, Refusal
from simulation.venue import rest_of

CLIENT_ID_MAX: Final = 128
_LIMIT_MAX: Final = 500
_LIMIT_DEFAULT: Final = 50
_SYMBOL_MAX: Final = 12


def fields(body: bytes) -> dict[str, Any]:
    """The JSON object of a body, numbers as they were written. Errors: ``Refusal``."""
    try:
        found = json.loads(body or b"{}", parse_float=Decimal, parse_int=Decimal)
    except ValueError:
        raise Refusal(400, INVALID, "request body format is invalid") from None
    if not isinstance(found, dict):
        raise Refusal(400, INVALID, "request body format is invalid")
    return {name: value for name, value in found.items() if value is not None}


def new_order(given: Mapping[str, Any], made_up: str) -> SubmitOrder:
    """A new order; *made_up* is its client id if it names none. Errors: ``Refusal``."""
    _only_simple(given)
    if "qty" not in given:
        raise _invalid("qty or notional is required")
    order_type = _word(given, "type", OrderType)
    limit, stop = _number(given, "limit_price"), _number(given, "stop_price")
    wanted = {OrderType.LIMIT: (limit, "limit"), OrderType.STOP: (stop, "stop")}.get(order_type)
    if wanted is not None and wanted[0] is None:
        raise _invalid(f"{wanted[1]} orders require a {wanted[1]} price")
    if (limit is not None and order_type is not OrderType.LIMIT) or (
        stop is not None and order_type is not OrderType.STOP
    ):
        raise _invalid(f"{order_type.value} orders take no other price")
    return SubmitOrder(
        client_order_id=client_id(given) or made_up,
        symbol=_symbol(given),
        side=_word(given, "side", Side),
        quantity=_shares(given),
        order_type=order_type,
        time_in_force=_word(given, "time_in_force", TimeInForce),
        limit=limit,
        stop=stop,
    )


def replacement(given: Mapping[str, Any], old: BrokerOrder, made_up: str) -> ReplaceOrder:
    """The successor of *old*; what is not named stays as it is. Errors: ``Refusal``."""
    if given.get("time_in_force", old.time_in_force.value) != old.time_in_force.value:
        raise Refusal(422, UNPROCESSABLE, "time_in_force cannot be replaced at this exchange")
    if "trail" in given:
        raise Refusal(422, UNPROCESSABLE, "trail is for trailing stops only")
    limit, stop = _number(given, "limit_price"), _number(given, "stop_price")
    if limit is not None and old.limit is None:
        raise Refusal(422, UNPROCESSABLE, f"limit_price cannot be set on a {old.order_type.value} order")
    if stop is not None and old.stop is None:
        raise Refusal(422, UNPROCESSABLE, f"stop_price cannot be set on a {old.order_type.value} order")
    quantity = _shares(given) if "qty" in given else rest_of(old)
    same = (quantity, limit or old.limit, stop or old.stop) == (rest_of(old), old.limit, old.stop)
    if same:
        raise Refusal(422, UNPROCESSABLE, "order parameters are not changed")
    return ReplaceOrder(
        order_id=old.order_id,
        client_order_id=client_id(given) or made_up,
        quantity=quantity,
        limit=limit,
        stop=stop,
    )


def client_id(given: Mapping[str, Any]) -> str | None:
    """Our id. Errors: ``Refusal``."""
    found = given.get("client_order_id")
    if found is None:
        return None
    if not isinstance(found, str) or not 0 < len(found) <= CLIENT_ID_MAX:
        raise _invalid(f"client_order_id must be no more than {CLIENT_ID_MAX} characters")
    return found


def limit_of(query: Mapping[str, str], name: str = "limit", most: int = _LIMIT_MAX) -> int:
    """How many rows a listing wants. Errors: ``Refusal``."""
    told = query.get(name, str(min(_LIMIT_DEFAULT, most)))
    if not told.isdigit() or not 1 <= int(told) <= most:
        raise _invalid(f"{name} must be between 1 and {most}")
    return int(told)


def one_of(query: Mapping[str, str], name: str, known: tuple[str, ...]) -> str:
    """A word of *known*, the first if none is given. Errors: ``Refusal``."""
    found = query.get(name, known[0])
    if found not in known:
        raise _invalid(f"invalid {name}: {found}")
    return found


def instant(query: Mapping[str, str], name: str) -> datetime | None:
    """An RFC 3339 instant or a date, its midnight in New York. Errors: ``Refusal``."""
    if name not in query:
        return None
    # A plus sign that was not escaped arrives as a blank: vendors' clients send both.
    told = query[name].replace(" ", "+")
    try:
        found = datetime.fromisoformat(told)
    except ValueError:
        raise _invalid(f"invalid {name}: {told}") from None
    return found.replace(tzinfo=NEW_YORK) if found.tzinfo is None else found


def _only_simple(given: Mapping[str, Any]) -> None:
    if given.get("order_class", "simple") not in ("", "simple"):
        raise Refusal(422, UNPROCESSABLE, "only simple orders are traded at this exchange")
    if "notional" in given:
        raise Refusal(422, UNPROCESSABLE, "notional orders are not traded at this exchange")
    if given.get("extended_hours", False) is not False:
        raise Refusal(422, UNPROCESSABLE, "extended hours are not traded at this exchange")


def _symbol(given: Mapping[str, Any]) -> str:
    found = given.get("symbol")
    if not isinstance(found, str) or not 0 < len(found) <= _SYMBOL_MAX:
        raise _invalid("symbol is required")
    return found


def _shares(given: Mapping[str, Any]) -> Decimal:
    found = _number(given, "qty")
    if found is None or found <= 0:
        raise _invalid("qty must be > 0")
    if found != found.to_integral_value():
        raise Refusal(422, UNPROCESSABLE, "fractional orders are not traded at this exchange")
    return found.quantize(Decimal(1))


def _number(given: Mapping[str, Any], name: str) -> Decimal | None:
    value = given.get(name)
    if value is None:
        return None
    try:
        found = Decimal(value) if isinstance(value, (str, Decimal)) else Decimal("NaN")
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or abs(found) >= Decimal("1e9"):
        raise _invalid(f"{name} is not a number")
    return found


def _word(given: Mapping[str, Any], name: str, known: Any) -> Any:
    if name not in given:
        raise _invalid(f"{name} is required")
    words = [each.value for each in known]
    if given[name] not in words:
        raise Refusal(
            422, UNPROCESSABLE, f"{name} {given[name]!s:.40} is not traded here: {', '.join(words)}"
        )
    return known(given[name])


def _invalid(message: str) -> Refusal:
    return Refusal(422, INVALID, message)
