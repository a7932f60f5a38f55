"""A working stop is exchanged for its successor in one step; until the venue says so both count, and one may live.

The protocol of execution.md 7. On intraday bars an accepted request is not yet a replaced order: the old one is read
until it says so. On daily bars the venue's answer is the fact. How an exchange ended is told where it was not plain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from execution_v2.attempts import SENDS_MAX
from execution_v2.broker.port import Confirmed, Denied, Found, LookUp, Outcome, Rejected, ReplaceOrder
from execution_v2.desk import Desk
from execution_v2.resolve import adopt, follow, never_sent, replaced, resolve, unresolved
from execution_v2.risk_class import Reduction
from execution_v2.send import cause_of, heed
from execution_v2.transitions import IN_FLIGHT, UNKNOWN, WORKING
from schemas.book import ENDED, Order, OrderState, RiskClass
from schemas.events import OrderReplaceRejected, OrderReplacing, ReplaceEnded
from schemas.journal import JournalRecord
from schemas.observations import BrokerOrder
from schemas.reasons.execution import BrokerCode, OrderCause, ReplaceTerminal, RouteCode

_UNPROVEN: Final = frozenset(
    {BrokerCode.DUPLICATE_CLIENT_ID, BrokerCode.NOT_WORKING, BrokerCode.RATE_LIMITED}
)
"""Refusals of a replace that say nothing of the old order: it may have filled, or the successor arrived."""
POINTS_MAX: Final = 4
"""Points of ambiguity at which an exchange is given up (execution.md 7)."""
RESENDS_MAX: Final = 1
MINUTE: Final = timedelta(seconds=60)
ABORTS: Final[Mapping[RouteCode, ReplaceTerminal]] = {
    RouteCode.EXPOSURE_ENVELOPE: ReplaceTerminal.ABORT_ENVELOPE,
    RouteCode.WOULD_LOOSEN: ReplaceTerminal.ABORT_WOULD_LOOSEN,
    RouteCode.NO_CHANGE_BELOW_TICK: ReplaceTerminal.ABORT_NO_CHANGE,
    RouteCode.BUDGET_SPENT: ReplaceTerminal.ABORT_BUDGET_WINDOW,
    RouteCode.REPLACE_NOT_READY: ReplaceTerminal.ABORT_NOT_READY,
}
"""What a replace comes to that the router kept from being sent; the old order is untouched."""
_POINTS: Final = {
    OrderState.SUBMIT_UNKNOWN: 2,
    OrderState.REPLACE_UNKNOWN: 2,
    OrderState.CANCEL_UNKNOWN: 1,
}


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One exchange under way: since when, at which record of the cycle it began, and how often it asked."""

    began: datetime
    first: int
    asked: int
    queries: int = 0


def begun(desk: Desk) -> Exchange:
    """The start of an exchange, from which its points, queries and seconds are counted."""
    desk.tick()
    return Exchange(began=desk.at, first=len(desk.records), asked=_asked(desk))


def replace(desk: Desk, old: Order, successor: Reduction) -> Order:
    """Exchange a working stop for its successor in one step; gives the order that now stands."""
    if not desk.passes_time:
        return _at_once(desk, old, successor.order)
    exchange, new = begun(desk), successor.order
    for _ in range(1 + RESENDS_MAX):
        if not _has_budget(desk, exchange):
            break
        _send(desk, exchange, old, new)
        before, after = desk.known(old.ord_id), desk.known(new.ord_id)
        if before.state is not OrderState.LIVE or after.state is not OrderState.NEVER_SENT:
            break
        old, new = before, after.model_copy(update={"sends": after.sends + 1, "state": OrderState.CREATED})
    if desk.fold.order(new.ord_id) is None:
        return old
    ended(desk, exchange, old, new, _terminal(desk, old, new))
    return desk.known(new.ord_id) if new.ord_id in desk.fold.orders else desk.known(old.ord_id)


def ended(desk: Desk, exchange: Exchange, old: Order, new: Order | None, terminal: ReplaceTerminal) -> None:
    """Tell how an exchange ended; on daily bars a plain one is not worth a line."""
    count = points(desk.records[exchange.first :])
    if not desk.passes_time and terminal is ReplaceTerminal.DONE_REPLACED and not count:
        return
    told = ReplaceEnded(
        ord_id=old.ord_id,
        successor_ord_id=None if new is None else new.ord_id,
        position_id=old.position_id,
        symbol=old.symbol,
        terminal=terminal,
        points=count,
        queries=exchange.queries + _asked(desk) - exchange.asked,
        wall_s=round((desk.at - exchange.began).total_seconds(), 2),
    )
    desk.note(("replace.ended", told))


def points(records: Sequence[JournalRecord]) -> int:
    """How ambiguous it was: a request without an answer, an end before its fills, news that contradicts."""
    total = 0
    for record in records:
        if record.event == "order.unresolved" and record.data["cause"] != OrderCause.CARRIED:
            total += _POINTS.get(OrderState(str(record.data["state"])), 0)
        elif record.event in ("order.contradicted", "order.illegal_transition"):
            total += 1
    return total


def has_room(desk: Desk, symbol: str) -> bool:
    """Whether the window of replaces has room for one more of *symbol*; always on daily bars."""
    if not desk.passes_time:
        return True
    config = desk.config.execution
    sent = desk.told("order.replacing")
    mine = [
        record for record in sent if OrderReplacing.model_validate(record.data).successor.symbol == symbol
    ]
    recent = [record for record in sent if desk.at - record.ts < MINUTE]
    of_symbol = [record for record in mine if desk.at - record.ts < MINUTE]
    return (
        len(mine) < config.replaces_per_cycle_symbol_max
        and len(of_symbol) < config.replaces_per_minute_symbol_max
        and len(recent) < config.replaces_per_minute_max
    )


def _has_budget(desk: Desk, exchange: Exchange) -> bool:
    if not desk.has_time(RiskClass.REDUCE):
        return False
    spent = (desk.at - exchange.began).total_seconds()
    return spent <= desk.config.execution.replace_seconds_max and (
        points(desk.records[exchange.first :]) < POINTS_MAX
    )


def _send(desk: Desk, exchange: Exchange, old: Order, new: Order) -> None:
    """One request, and what came of it."""
    outcome = _asked_for(desk, old, new)
    if isinstance(outcome, Confirmed):
        _await(desk, exchange, old, new, outcome.order)
    elif isinstance(outcome, (Rejected, Denied)) and cause_of(outcome) not in _UNPROVEN:
        _refused(desk, old, new, cause_of(outcome))
    else:
        unresolved(desk, old, OrderState.REPLACE_UNKNOWN, cause_of(outcome))
        heed(desk, outcome)
        desk.pause(desk.config.execution.query_pauses_s[0])
        heir = _look(desk, exchange, LookUp(client_order_id=new.client_order_id))
        if heir is not None and heir.status in ("accepted", "open"):
            _await(desk, exchange, old, new, heir)  # it arrived, which does not say that it stands
        else:
            resolve(desk, desk.known(old.ord_id))


def _await(desk: Desk, exchange: Exchange, old: Order, new: Order, taken: BrokerOrder) -> None:
    """The venue took the request: read both orders until one of them is no more."""
    most = desk.config.execution.replace_queries_max
    for pause in desk.config.execution.query_pauses_s:
        desk.pause(pause)
        if exchange.queries >= most or not _has_budget(desk, exchange):
            break
        found = _look(desk, exchange, LookUp(order_id=old.order_id))
        if found is not None and found.status == "replaced":
            replaced(desk, old, new, taken)
            return
        if found is not None and not found.is_working:
            follow(desk, old.ord_id, found)
            _after_end(desk, exchange, old, new)
            return
        if found is None or found.status != "open" or exchange.queries >= most:
            continue  # under way, or unread
        # Open, as if nothing had been asked: either the venue changed its mind, or this is old news.
        heir = _look(desk, exchange, LookUp(client_order_id=new.client_order_id))
        if heir is not None and heir.status == "rejected":
            _refused(desk, old, new, BrokerCode.BROKER_REJECTED)
            return
        if heir is not None and heir.filled:
            replaced(desk, old, new, heir)  # its shares were sold: it must have come alive
            return
    unresolved(desk, old, OrderState.REPLACE_UNKNOWN, OrderCause.CARRIED)
    desk.carry(old.ord_id)


def _after_end(desk: Desk, exchange: Exchange, old: Order, new: Order) -> None:
    """The old order ended by itself: its successor never came alive, or a look-up finds it."""
    if desk.known(old.ord_id).state not in ENDED:
        unresolved(desk, old, OrderState.REPLACE_UNKNOWN, OrderCause.FILLS_UNREAD)
        desk.carry(old.ord_id)
        return
    heir = _look(desk, exchange, LookUp(client_order_id=new.client_order_id))
    if heir is not None and heir.status != "rejected":
        adopt(desk, new.ord_id, heir, OrderCause.VENUE_ENDED)
    elif desk.known(old.ord_id).state is OrderState.FILLED or heir is not None:
        never_sent(desk, new.ord_id, OrderCause.VENUE_ENDED)
    else:
        desk.carry(new.ord_id)  # CREATED, and looked up when the next cycle begins


def _look(desk: Desk, exchange: Exchange, request: LookUp) -> BrokerOrder | None:
    exchange.queries += 1
    answer = desk.ports.broker.lookup(request)
    return answer.order if isinstance(answer, Found) else None


def _terminal(desk: Desk, old: Order, new: Order) -> ReplaceTerminal:
    before, after = desk.known(old.ord_id), desk.known(new.ord_id)
    if before.state in UNKNOWN or before.state in IN_FLIGHT or after.state is OrderState.CREATED:
        return ReplaceTerminal.GAVE_UP_NEW_MAYBE_LIVE
    if before.state is OrderState.REPLACED or after.state in WORKING:
        return ReplaceTerminal.DONE_REPLACED
    if before.state is OrderState.FILLED:
        return ReplaceTerminal.DONE_FILLED_BEFORE_REPLACE
    return ReplaceTerminal.DONE_OLD_KEPT if before.state in WORKING else ReplaceTerminal.DONE_CANCELLED_ONLY


def _asked(desk: Desk) -> int:
    return sum(row.count for row in desk.asked.values())


def _at_once(desk: Desk, old: Order, successor: Order) -> Order:
    """On daily bars: the answer is the fact, and what is unanswered is looked up."""
    new = _exchanged(desk, old, successor)
    if new.state is OrderState.NEVER_SENT and new.sends < SENDS_MAX:
        before = desk.known(old.ord_id)
        if before.state is OrderState.LIVE:
            new = _exchanged(desk, before, new.model_copy(update={"sends": new.sends + 1}))
    return new if new.ord_id in desk.fold.orders else desk.known(old.ord_id)


def _exchanged(desk: Desk, old: Order, new: Order) -> Order:
    outcome = _asked_for(desk, old, new)
    if isinstance(outcome, Confirmed):
        replaced(desk, old, new, outcome.order)
    elif isinstance(outcome, (Rejected, Denied)) and cause_of(outcome) not in _UNPROVEN:
        _refused(desk, old, new, cause_of(outcome))
    else:
        unresolved(desk, old, OrderState.REPLACE_UNKNOWN, cause_of(outcome))
        resolve(desk, desk.known(old.ord_id))
    return desk.known(new.ord_id)


def _asked_for(desk: Desk, old: Order, new: Order) -> Outcome:
    assert old.order_id is not None, "a working order has the broker's id"
    desk.note(("order.replacing", OrderReplacing(ord_id=old.ord_id, successor=new)))
    request = ReplaceOrder(
        order_id=old.order_id,
        client_order_id=new.client_order_id,
        quantity=new.quantity,
        limit=new.limit,
        stop=new.stop,
    )
    return desk.ports.broker.replace(request)


def _refused(desk: Desk, old: Order, new: Order, reason: str) -> None:
    refused = OrderReplaceRejected(ord_id=old.ord_id, successor_ord_id=new.ord_id, reason=reason)
    desk.note(("order.replace_rejected", refused))
