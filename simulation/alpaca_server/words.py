"""Whatever the exchange knows is said in the vendor's words: every field that its client wants, numbers as strings.

Pure: facts in, JSON values out.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from market.calendar import NEW_YORK
from schemas.base import SessionDate
from schemas.book import Side
from schemas.market import ActionKind
from schemas.observations import (
    AccountFacts,
    BrokerFill,
    BrokerOrder,
    BrokerPosition,
    CorporateEvent,
    OrderUpdate,
)
from simulation.alpaca_server.history import History, order_uuid, uuid_of
from simulation.bar_pages import stamp
from simulation.tape import Hours

Json = dict[str, Any]
ACCOUNT: Final = uuid_of("account", "SIM")
CREATED: Final = "2016-01-04T14:30:00Z"
_STATUSES: Final = {
    "accepted": "accepted",
    "pending_replace": "pending_replace",
    "pending_cancel": "pending_cancel",
    "filled": "filled",
    "cancelled": "canceled",
    "replaced": "replaced",
    "expired": "expired",
    "rejected": "rejected",
}
_ENDS: Final = ("filled_at", "expired_at", "canceled_at", "failed_at", "replaced_at")
_ACTIVITIES: Final = {
    ActionKind.SPLIT: "SPLIT",
    ActionKind.STOCK_DIVIDEND: "SPLIT",
    ActionKind.CASH_DIVIDEND: "DIV",
    ActionKind.SYMBOL_CHANGE: "NC",
    ActionKind.SPIN_OFF: "SPIN",
    ActionKind.MERGER: "MA",
    ActionKind.DELISTING: "REORG",
}


def text(number: Decimal) -> str:
    """*number* without an exponent and without zeros at its end."""
    told = format(number, "f")
    return told.rstrip("0").rstrip(".") if "." in told else told


def status(order: BrokerOrder, *, is_open: bool) -> str:
    """The vendor's word. *is_open*: the market; an order waits for it ``accepted``, and in it ``pending_new``."""
    if order.status == "open":
        return "partially_filled" if order.filled else "new"
    if order.status == "accepted" and is_open:
        return "pending_new"
    return _STATUSES[order.status]


def order(row: BrokerOrder, history: History, *, is_open: bool) -> Json:
    """An order as it stands, or stood."""
    life = history.life(row)
    average = history.average(row)
    ends = {name: stamp(life.ends[name]) if name in life.ends else None for name in _ENDS}
    is_over = not row.is_working
    return {
        "id": order_uuid(row.order_id),
        "client_order_id": row.client_order_id,
        "created_at": stamp(life.submitted_at),
        "updated_at": stamp(life.updated_at),
        "submitted_at": stamp(life.submitted_at),
        **(ends if is_over else dict.fromkeys(_ENDS)),
        "replaced_by": None if row.replaced_by is None else order_uuid(row.replaced_by),
        "replaces": None if row.replaces is None else order_uuid(row.replaces),
        "asset_id": uuid_of("asset", row.symbol),
        "symbol": row.symbol,
        "asset_class": "us_equity",
        "notional": None,
        "qty": text(row.quantity),
        "filled_qty": text(row.filled),
        "filled_avg_price": None if average is None else text(average),
        "order_class": "",
        "order_type": row.order_type.value,
        "type": row.order_type.value,
        "side": row.side.value,
        "time_in_force": row.time_in_force.value,
        "limit_price": None if row.limit is None else text(row.limit),
        "stop_price": None if row.stop is None else text(row.stop),
        "status": status(row, is_open=is_open),
        "extended_hours": False,
        "legs": None,
        "trail_percent": None,
        "trail_price": None,
        "hwm": None,
        "subtag": None,
        "source": None,
        "position_intent": "buy_to_open" if row.side is Side.BUY else "sell_to_close",
    }


def update(told: OrderUpdate, history: History, *, is_open: bool) -> Json:
    """One message of the order stream."""
    made: Json = {
        "event": told.event,
        "timestamp": stamp(told.at),
        "at": stamp(told.at),
        "order": order(told.order, history, is_open=is_open),
    }
    if told.execution_id is not None and told.price is not None and told.quantity is not None:
        made |= {
            "execution_id": uuid_of("execution", told.execution_id),
            "price": text(told.price),
            "qty": text(told.quantity),
        }
    if told.position_quantity is not None:
        made["position_qty"] = text(told.position_quantity)
    return {"stream": "trade_updates", "data": made}


def position(row: BrokerPosition, price: Decimal, close: Decimal, free: Decimal) -> Json:
    """A holding. *price*: of the moment, *close*: the last one before, USD; *free*: shares that no order holds."""
    worth, cost = row.quantity * price, row.quantity * row.average_price
    gain = worth - cost
    moved = price - close
    return {
        "asset_id": uuid_of("asset", row.symbol),
        "symbol": row.symbol,
        "exchange": "NASDAQ",
        "asset_class": "us_equity",
        "asset_marginable": False,
        "qty": text(row.quantity),
        "qty_available": text(free),
        "avg_entry_price": text(row.average_price),
        "side": "long",
        "market_value": text(worth),
        "cost_basis": text(cost),
        "unrealized_pl": text(gain),
        "unrealized_plpc": _share(gain, cost),
        "unrealized_intraday_pl": text(row.quantity * moved),
        "unrealized_intraday_plpc": _share(moved, close),
        "current_price": text(price),
        "lastday_price": text(close),
        "change_today": _share(moved, close),
    }


def account(facts: AccountFacts) -> Json:
    """A cash account."""
    equity, cash, power = text(facts.equity), text(facts.cash), text(facts.buying_power)
    worth = text(facts.equity - facts.cash)
    return {
        "id": ACCOUNT,
        "account_number": "SIM000000001",
        "status": "ACTIVE",
        "crypto_status": "INACTIVE",
        "currency": "USD",
        "buying_power": power,
        "regt_buying_power": power,
        "daytrading_buying_power": "0",
        "effective_buying_power": power,
        "non_marginable_buying_power": power,
        "options_buying_power": "0",
        "cash": cash,
        "accrued_fees": "0",
        "portfolio_value": equity,
        "pattern_day_trader": False,
        "trading_blocked": facts.restricted,
        "transfers_blocked": False,
        "account_blocked": False,
        "trade_suspended_by_user": False,
        "created_at": CREATED,
        "multiplier": "1",
        "shorting_enabled": False,
        "equity": equity,
        "last_equity": equity,
        "long_market_value": worth,
        "short_market_value": "0",
        "position_market_value": worth,
        "initial_margin": "0",
        "maintenance_margin": "0",
        "last_maintenance_margin": "0",
        "sma": "0",
        "daytrade_count": facts.day_trades or 0,
        "options_approved_level": 0,
        "options_trading_level": 0,
    }


def asset(symbol: str, *, is_tradable: bool) -> Json:
    """A share, of which fractions, margin and short sales are not to be had."""
    return {
        "id": uuid_of("asset", symbol),
        "class": "us_equity",
        "exchange": "NASDAQ",
        "symbol": symbol,
        "name": f"{symbol} common stock",
        "status": "active",
        "tradable": is_tradable,
        "marginable": False,
        "shortable": False,
        "easy_to_borrow": False,
        "fractionable": False,
        "attributes": [],
    }


def fill(row: BrokerFill, before: Decimal, asked: Decimal) -> Json:
    """An execution among the account's activities.

    *before*: shares of its order filled earlier; *asked*: all that it is for. ``fee``: the vendor books fees by the
    day and in entries of their own; here each execution names its own.
    """
    total = before + row.quantity
    is_all = total == asked
    return {
        "activity_type": "FILL",
        "id": activity_id(row.executed_at, row.execution_id),
        "transaction_time": stamp(row.executed_at),
        "type": "fill" if is_all else "partial_fill",
        "price": text(row.price),
        "qty": text(row.quantity),
        "side": row.side.value,
        "symbol": row.symbol,
        "leaves_qty": text(asked - total),
        "cum_qty": text(total),
        "order_id": order_uuid(row.order_id),
        "order_status": "filled" if is_all else "partially_filled",
        "fee": text(row.fee),
    }


def event(row: CorporateEvent) -> Json:
    """Anything else that happened to the account."""
    return {
        "activity_type": _ACTIVITIES[ActionKind(row.kind)],
        "id": activity_id(row.at, row.event_id),
        "date": row.session_date.isoformat(),
        "net_amount": text(row.cash),
        "description": row.kind,
        "symbol": row.symbol,
        "status": "executed",
    }


def activity_id(at: datetime, name: str) -> str:
    """Ids of activities sort by their instant, as the vendor's do."""
    return f"{at.astimezone(UTC):%Y%m%d%H%M%S%f}"[:17] + f"::{uuid_of('execution', name)}"


def clock(now: datetime, hours: Hours) -> Json:
    """The instant, and what it is followed by."""
    day = now.astimezone(NEW_YORK).date()
    near = hours.sessions(day, day + timedelta(days=10))
    is_open = any(hours.open_at(each) <= now < hours.close_at(each) for each in near)
    opens = next((hours.open_at(each) for each in near if hours.open_at(each) > now), now)
    closes = next((hours.close_at(each) for each in near if hours.close_at(each) > now), now)
    told = [moment.astimezone(NEW_YORK).isoformat() for moment in (now, opens, closes)]
    return {"timestamp": told[0], "is_open": is_open, "next_open": told[1], "next_close": told[2]}


def session(day: SessionDate, hours: Hours) -> Json:
    """One line of the calendar, its times New York's."""
    opens, closes = (at.astimezone(NEW_YORK) for at in (hours.open_at(day), hours.close_at(day)))
    return {
        "date": day.isoformat(),
        "open": f"{opens:%H:%M}",
        "close": f"{closes:%H:%M}",
        "session_open": "0400",
        "session_close": "2000",
    }


def _share(part: Decimal, whole: Decimal) -> str:
    return text((part / whole).quantize(Decimal("0.000001"))) if whole else "0"
