"""What Alpaca writes is read strictly into our facts, and what it does not say plainly is never taken for good news.

Pure: JSON values in, facts out. An unknown status word is a working order, an unreadable value is ``Malformed``.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from market.calendar import NEW_YORK
from schemas.base import SessionDate
from schemas.book import OrderType, Side, TimeInForce
from schemas.market import ActionKind
from schemas.observations import (
    WORKING,
    AccountFacts,
    AssetFacts,
    BrokerFill,
    BrokerOrder,
    BrokerPosition,
    CorporateEvent,
    OrderUpdate,
    QuoteFacts,
    SessionHours,
)
from schemas.reasons.execution import BrokerCode

Json = Mapping[str, Any]
STATUSES: Final[Mapping[str, str]] = {
    "new": "open",
    "partially_filled": "open",
    "accepted": "accepted",
    "pending_new": "accepted",
    "accepted_for_bidding": "accepted",
    "held": "accepted",
    "done_for_day": "accepted",
    "stopped": "accepted",
    "suspended": "accepted",
    "calculated": "accepted",
    "pending_cancel": "pending_cancel",
    "pending_replace": "pending_replace",
    "filled": "filled",
    "canceled": "cancelled",
    "replaced": "replaced",
    "expired": "expired",
    "rejected": "rejected",
}
"""Alpaca's word -> ours. A word that is not here is ``accepted``: it may fill, and cannot be replaced."""
_TYPES: Final = {
    "market": OrderType.MARKET,
    "limit": OrderType.LIMIT,
    "stop": OrderType.STOP,
    "stop_limit": OrderType.STOP,  # never ours: what a person placed still holds its shares
    "trailing_stop": OrderType.STOP,
}
_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL, "sell_short": Side.SELL}
_ENDED_AT: Final = ("filled_at", "canceled_at", "expired_at", "replaced_at", "failed_at")
_PRICE: Final = Decimal("0.0001")
_AMOUNT: Final = Decimal("0.000001")
_SAYS: Final = (
    ("client_order_id must be unique", BrokerCode.DUPLICATE_CLIENT_ID),
    ("day trad", BrokerCode.DAY_TRADE_REJECTED),
    ("buying power", BrokerCode.INSUFFICIENT_BUYING_POWER),
    ("wash trade", BrokerCode.OPPOSITE_SIDE_ORDER),
    ("opposite side", BrokerCode.OPPOSITE_SIDE_ORDER),
    ("insufficient qty", BrokerCode.INSUFFICIENT_QTY_HELD),
    ("held_for_orders", BrokerCode.INSUFFICIENT_QTY_HELD),
    ("stop price must", BrokerCode.STOP_THROUGH_MARKET),
    ("not tradable", BrokerCode.NOT_TRADABLE),
    ("not active", BrokerCode.NOT_TRADABLE),
    ("halted", BrokerCode.NOT_TRADABLE),
    ("market is closed", BrokerCode.NOT_TRADABLE),
)
"""Part of the broker's message, in lower case -> our reason; the first that fits."""
_SAYS_OF_AN_ORDER: Final = ("cancelable", "not found", "not open", "replace", "already", "pending", "filled")


UNREADABLE: Final = (ValueError, OverflowError)
"""What reading an answer may raise: ours, a fact's own refusal, an instant that no calendar holds."""


class Malformed(ValueError):
    """A value that is not what the interface promises."""


def refusal(status: int, body: Any, *, is_new: bool) -> BrokerCode | None:
    """Which refusal an HTTP *status* with its JSON *body* proves; None: it proves none.

    *is_new*: a new order was sent, not a change of one.
    """
    if status == 429:
        return BrokerCode.RATE_LIMITED
    if status == 401:
        return BrokerCode.AUTH_FAILED
    if not isinstance(body, Mapping) or (status not in {400, 403, 422} and (is_new or status != 404)):
        return None
    said = message(body).lower()
    if status == 403 and "code" not in body and said.startswith("forbidden"):
        return BrokerCode.AUTH_FAILED
    for part, code in _SAYS:
        if part in said:
            return code
    if not is_new and (status == 404 or any(part in said for part in _SAYS_OF_AN_ORDER)):
        return BrokerCode.NOT_WORKING
    return BrokerCode.BROKER_REJECTED


def message(body: Any) -> str:
    """The broker's own words, on one line."""
    return " ".join(str(body.get("message", "")).split())[:200] if isinstance(body, Mapping) else ""


def order(row: Any) -> BrokerOrder:
    """One order, working or ended. Errors: ``Malformed``."""
    fields = _mapping(row, "an order")
    status = STATUSES.get(_text(fields, "status"), "accepted")
    return BrokerOrder(
        order_id=_text(fields, "id"),
        client_order_id=_text(fields, "client_order_id"),
        symbol=_text(fields, "symbol"),
        side=_word(fields, "side", _SIDES),
        order_type=_word(fields, "type" if fields.get("type") else "order_type", _TYPES),
        # What ends with the day under any other name (opg, cls, ioc, fok) is a day's order to us.
        time_in_force=TimeInForce.GTC
        if _text(fields, "time_in_force") in {"gtc", "gtd"}
        else TimeInForce.DAY,
        quantity=shares(fields, "qty"),
        filled=shares(fields, "filled_qty"),
        limit=_price_or_none(fields, "limit_price"),
        stop=_price_or_none(fields, "stop_price"),
        status=status,
        replaced_by=fields.get("replaced_by") or None,
        replaces=fields.get("replaces") or None,
        ended_at=None if status in WORKING else _ended_at(fields),
    )


def ended_on(row: Json) -> date:
    """New York date on which an order ended. Errors: ``Malformed`` where no instant says it."""
    ended = _ended_at(row)
    if ended is None:
        raise Malformed(f"order {row.get('id')}: ended, and no instant says when")
    return ended.astimezone(NEW_YORK).date()


def _ended_at(row: Json) -> datetime | None:
    """When an order ended: of its instants the last, for one cancelled may have filled in part; or its last change."""
    ends = [instant(row, name) for name in _ENDED_AT if row.get(name)]
    if not ends and row.get("updated_at"):
        ends = [instant(row, "updated_at")]
    return max(ends, default=None)


def position(row: Any) -> BrokerPosition:
    """One holding, short ones negative. Errors: ``Malformed``, for a fraction of a share too."""
    fields = _mapping(row, "a position")
    quantity = shares(fields, "qty")
    if fields.get("side") == "short" and quantity > 0:
        quantity = -quantity
    average = number(fields, "avg_entry_price").quantize(_AMOUNT)
    return BrokerPosition(symbol=_text(fields, "symbol"), quantity=quantity, average_price=average)


def account(row: Any) -> AccountFacts:
    """The account. Any block that the broker names makes it restricted."""
    fields = _mapping(row, "an account")
    blocks = ("trading_blocked", "account_blocked", "trade_suspended_by_user")
    status = str(fields.get("status", "ACTIVE")).upper()
    trades = fields.get("daytrade_count")
    return AccountFacts(
        equity=number(fields, "equity").quantize(_AMOUNT),
        cash=number(fields, "cash").quantize(_AMOUNT),
        buying_power=number(fields, "buying_power").quantize(_AMOUNT),
        restricted=any(fields.get(name) not in (False, None) for name in blocks) or status != "ACTIVE",
        day_trades=None if trades is None else int(shares(fields, "daytrade_count")),
    )


def asset(row: Any) -> AssetFacts:
    """Whether a symbol can be traded; of halts the broker says nothing here."""
    fields = _mapping(row, "an asset")
    is_active = str(fields.get("status", "")).lower() == "active"
    return AssetFacts(
        symbol=_text(fields, "symbol"), is_tradable=fields.get("tradable") is True and is_active
    )


def clock(row: Any) -> tuple[datetime, bool]:
    """The broker's instant, and whether it says that the market is open."""
    fields = _mapping(row, "a clock")
    return instant(fields, "timestamp"), fields.get("is_open") is True


def hours(row: Any) -> SessionHours:
    """One session of the broker's calendar, its times being New York's."""
    fields = _mapping(row, "a session")
    try:
        day = date.fromisoformat(_text(fields, "date"))
        opens = datetime.fromisoformat(f"{day}T{_text(fields, 'open')}").replace(tzinfo=NEW_YORK)
        closes = datetime.fromisoformat(f"{day}T{_text(fields, 'close')}").replace(tzinfo=NEW_YORK)
    except ValueError as error:
        raise Malformed(f"a session that is none: {error}") from error
    # The broker's own statement of a session: comparing it with our calendar is what it is read for.
    return SessionHours(session=SessionDate(day), open_at=opens, close_at=closes)


def fill(row: Json, client_order_id: str) -> BrokerFill:
    """One execution of the account's activities; *client_order_id*: of its order, which they do not name."""
    at = instant(row, "transaction_time")
    return BrokerFill(
        execution_id=_text(row, "id"),
        order_id=_text(row, "order_id"),
        client_order_id=client_order_id,
        symbol=_text(row, "symbol"),
        side=_word(row, "side", _SIDES),
        quantity=shares(row, "qty"),
        price=number(row, "price").quantize(_PRICE),
        fee=number(row, "fee").quantize(_AMOUNT) if row.get("fee") is not None else Decimal(0),
        executed_at=at,
        session_date=SessionDate(at.astimezone(NEW_YORK).date()),
    )


def event(row: Json, session: SessionDate) -> CorporateEvent:
    """What an activity other than a trade did. Ratios are not stated there: a split without one moves no shares."""
    kind = _text(row, "activity_type").upper()
    stated = row.get("net_amount")
    symbol = row.get("symbol")
    return CorporateEvent(
        event_id=_text(row, "id"),
        kind=_kind(kind),
        symbol=str(symbol) if symbol else None,
        cash=Decimal(0) if stated is None else number(row, "net_amount").quantize(_AMOUNT),
        at=datetime.combine(session, datetime.min.time(), NEW_YORK) + timedelta(hours=4),
        session_date=session,
    )


def _kind(activity: str) -> str:
    if activity.startswith("DIV"):
        return ActionKind.CASH_DIVIDEND
    named = {"SPLIT": ActionKind.SPLIT, "SPIN": ActionKind.SPIN_OFF, "MA": ActionKind.MERGER}
    return named.get(activity, activity.lower())


def update(message_data: Any) -> OrderUpdate:
    """One message of the stream; an event by a name that we do not know keeps it."""
    fields = _mapping(message_data, "an update")
    row = _mapping(fields.get("order"), "the order of an update")
    at = "timestamp" if fields.get("timestamp") else "at"
    stated = instant(fields, at) if fields.get(at) else instant(row, "updated_at")
    is_trade = fields.get("price") is not None and fields.get("qty") is not None
    held = fields.get("position_qty")
    return OrderUpdate(
        event=_text(fields, "event"),
        order=order(row),
        execution_id=fields.get("execution_id") or None,
        quantity=shares(fields, "qty") if is_trade else None,
        price=number(fields, "price").quantize(_PRICE) if is_trade else None,
        position_quantity=None if held is None else shares(fields, "position_qty"),
        at=stated,
    )


def quote(symbol: str, row: Any) -> QuoteFacts | None:
    """The latest quote; ``last`` is the middle of both sides, or the one side there is. None: neither."""
    fields = _mapping(row, "a quote")
    bid, ask = (number(fields, name).quantize(_PRICE) for name in ("bp", "ap"))
    sides = [price for price in (bid, ask) if price > 0]
    if not sides:
        return None
    return QuoteFacts(
        symbol=symbol,
        last=(sum(sides, Decimal(0)) / len(sides)).quantize(_PRICE),
        bid=bid if bid > 0 else None,
        ask=ask if ask > 0 else None,
        as_of=instant(fields, "t"),
    )


def number(row: Json, name: str) -> Decimal:
    """A finite number, written as a string or as a JSON number."""
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise Malformed(f"{name} is no number")
    try:
        found = Decimal(str(value))
    except InvalidOperation as error:
        raise Malformed(f"{name} = {str(value)[:40]!r} is no number") from error
    if not found.is_finite() or abs(found) >= Decimal("1e15"):
        raise Malformed(f"{name} = {str(value)[:40]!r} is out of range")
    return found


def shares(row: Json, name: str) -> Decimal:
    """Whole shares. A fraction is nothing that this book can hold or sell."""
    found = number(row, name)
    if found != found.to_integral_value():
        raise Malformed(f"{name} = {found} of {row.get('symbol')}: fractions of a share are not supported")
    return found.quantize(Decimal(1))


def instant(row: Json, name: str) -> datetime:
    """An instant with its offset."""
    try:
        found = datetime.fromisoformat(_text(row, name))
    except ValueError as error:
        raise Malformed(f"{name} = {str(row.get(name))[:40]!r} is no instant") from error
    if found.tzinfo is None:
        raise Malformed(f"{name} = {found} has no offset")
    return found


def rows(body: Any) -> list[Json]:
    """A JSON array of objects. Errors: ``Malformed``."""
    if not isinstance(body, list):
        raise Malformed("no list")
    return [_mapping(row, "an object in a list") for row in body]


def _mapping(row: Any, what: str) -> Json:
    if not isinstance(row, Mapping):
        raise Malformed(f"not {what}")
    return row


def _text(row: Json, name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise Malformed(f"{name} is missing")
    return value


def _word(row: Json, name: str, known: Mapping[str, Any]) -> Any:
    word = _text(row, name)
    if word not in known:
        raise Malformed(f"{name} = {word[:40]!r} is none that we know")
    return known[word]


def _price_or_none(row: Json, name: str) -> Decimal | None:
    return None if row.get(name) is None else number(row, name).quantize(_PRICE)
