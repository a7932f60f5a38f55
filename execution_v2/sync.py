"""What the broker holds outranks what we wrote; a difference stops entries of its symbol, and no exit.

Thin: what a daily cycle can meet (execution.md 4.2, 5.1; codes of strategy.md 9.8). Quantities are compared
by symbol, since a broker knows nothing of strategies.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from execution_v2.broker.port import Account, Orders, Positions
from execution_v2.client_id import digest_of, digest_of_client_id, is_own
from execution_v2.desk import Desk
from market.feed import Seen
from schemas.book import Leg, Order, OrderState, OrderType, Position, RiskClass, Side
from schemas.events import OrderConfirmed, OrderSubmitting, SyncChecked
from schemas.header import Finding
from schemas.ids import ord_id
from schemas.observations import BrokerOrder
from schemas.reasons.execution import SyncCode

CASH_TOLERANCE_USD: Final = Decimal("0.01")
_FREEZING: Final = frozenset(
    {
        SyncCode.SYMBOL_MISSING_INTERNAL,
        SyncCode.SYMBOL_MISSING_BROKER,
        SyncCode.QTY_MISMATCH,
        SyncCode.SIGN_MISMATCH,
        SyncCode.STOP_QTY_MISMATCH,
        SyncCode.ORPHAN_ENTRY,
        SyncCode.UNCLASSIFIED_ORPHAN,
    }
)
"""Findings that hold up entries of their symbol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What a cycle saw of the account when it began.

    ``at``: instant of each read that succeeded, by name. ``is_whole``: all of them did, the fills' and the events'
    too. ``frozen``: symbols that nothing is entered in. ``foreign``: working orders that no record of ours names;
    they count in the worst case, and are never touched. ``external``: shares that no order of ours bought; they
    count likewise.
    """

    at: Mapping[str, datetime]
    is_whole: bool
    frozen: frozenset[str]
    foreign: tuple[BrokerOrder, ...]
    external: tuple[Position, ...] = ()


def check(desk: Desk, account: Account, positions: Positions, working: Orders) -> Observed:
    """Compare, journal what differs, and take in or end own orders that no record of ours names."""
    findings: list[Finding] = []
    findings += _reads(desk, account, positions, working)
    if isinstance(positions, Seen):
        findings += _quantities(desk, {row.symbol: row.quantity for row in positions.value})
    if isinstance(account, Seen) and isinstance(positions, Seen):
        findings += _cash(desk, account.value.cash)
    foreign: list[BrokerOrder] = []
    orphans: list[tuple[SyncCode, BrokerOrder]] = []
    if isinstance(working, Seen):
        findings += stop_findings(desk, working.value)
        known = {o.client_order_id for o in (*desk.fold.orders.values(), *desk.fold.ended.values())}
        for order in working.value:
            if not is_own(desk.prefix, order.client_order_id):
                foreign.append(order)
                findings.append(_finding(SyncCode.FOREIGN_ORDER, order.symbol, order.order_id, None))
            elif order.client_order_id not in known:
                orphans.append((_classify(desk, order), order))
        findings += [_finding(code, order.symbol, order.client_order_id, None) for code, order in orphans]
    status = findings[0].code if findings else "IN_SYNC"
    desk.note(("sync.checked", SyncChecked(status=status, findings=tuple(findings))))
    for code, order in orphans:
        if code is SyncCode.PROTECTION_CANDIDATE:
            _adopt(desk, order)
    reads = {"positions": positions, "orders": working}
    at = {name: read.as_of for name, read in reads.items() if isinstance(read, Seen)}
    return Observed(
        at=at,
        is_whole=len(at) == len(reads) and not desk.blind,
        frozen=frozenset(row.subject for row in findings if row.code in _FREEZING),
        foreign=tuple(foreign + [order for code, order in orphans if code is SyncCode.ORPHAN_ENTRY]),
    )


def _reads(desk: Desk, account: Account, positions: Positions, working: Orders) -> list[Finding]:
    """A failed read is not an empty one: it is said, and nothing is concluded from it."""
    reads = {"account": account, "positions": positions, "orders": working}
    failed = [name for name, read in reads.items() if not isinstance(read, Seen)]
    return [
        _finding(SyncCode.OBSERVATION_FAILED, name, None, None) for name in (*failed, *sorted(desk.blind))
    ]


def _quantities(desk: Desk, broker: dict[str, Decimal]) -> list[Finding]:
    ours: dict[str, Decimal] = defaultdict(Decimal)
    for position in desk.fold.positions.values():
        ours[position.symbol] += position.quantity
    findings = []
    for symbol in sorted(set(ours) | set(broker)):
        mine, theirs = ours.get(symbol, Decimal(0)), broker.get(symbol, Decimal(0))
        if mine == theirs:
            continue
        if not mine:
            code = SyncCode.SYMBOL_MISSING_INTERNAL
        elif not theirs:
            code = SyncCode.SYMBOL_MISSING_BROKER
        else:
            code = SyncCode.SIGN_MISMATCH if mine * theirs < 0 else SyncCode.QTY_MISMATCH
        findings.append(_finding(code, symbol, theirs, mine))
    return findings


def _cash(desk: Desk, cash: Decimal) -> list[Finding]:
    if abs(cash - desk.fold.cash) <= CASH_TOLERANCE_USD:
        return []
    return [_finding(SyncCode.CASH_MISMATCH, desk.inputs.book_id, cash, desk.fold.cash)]


def stop_findings(desk: Desk, working: Iterable[BrokerOrder]) -> list[Finding]:
    """Working stops that we know, compared by quantity and price of the remainder."""
    listed = {order.order_id: order for order in working}
    findings = []
    for order in sorted(desk.fold.orders.values(), key=lambda o: (o.symbol, o.ord_id)):
        theirs = listed.get(order.order_id or "")
        if order.leg is not Leg.STOP or order.state is not OrderState.LIVE or theirs is None:
            continue
        if (theirs.quantity, theirs.stop) != (order.quantity, order.stop):
            findings.append(
                _finding(SyncCode.STOP_QTY_MISMATCH, order.symbol, theirs.quantity, order.quantity)
            )
    return findings


def _classify(desk: Desk, order: BrokerOrder) -> SyncCode:
    """Which row of the orphan table an own order without a record of ours falls into."""
    if order.side is Side.BUY:
        return SyncCode.ORPHAN_ENTRY
    if order.order_type is OrderType.STOP and _owner(desk, order) is not None:
        return SyncCode.PROTECTION_CANDIDATE
    return SyncCode.UNCLASSIFIED_ORPHAN


def _owner(desk: Desk, order: BrokerOrder) -> Order | None:
    """The stop that this client id names, if it is one of an uncovered position of ours."""
    for position in desk.fold.positions.values():
        if position.symbol != order.symbol or desk.fold.orders_of(position.position_id, Leg.STOP):
            continue
        for revision in range(position.stops_sent + 2):
            name = ord_id(position.intent_id, Leg.STOP.value, revision, 1)
            names_it = digest_of(name) == digest_of_client_id(order.client_order_id)
            if names_it and desk.fold.order(name) is None and order.quantity <= position.quantity:
                return _stop(desk, position, revision, name, order)
    return None


def _stop(desk: Desk, position: Position, revision: int, name: str, order: BrokerOrder) -> Order:
    return Order(
        ord_id=name,
        client_order_id=order.client_order_id,
        leg=Leg.STOP,
        revision=revision,
        attempt=1,
        risk_class=RiskClass.REDUCE,
        state=OrderState.CREATED,
        strategy_id=position.strategy_id,
        sleeve_id=position.sleeve_id,
        intent_id=position.intent_id,
        decision_id=position.decision_id,
        position_id=position.position_id,
        symbol=position.symbol,
        side=Side.SELL,
        order_type=OrderType.STOP,
        time_in_force=order.time_in_force,
        quantity=order.quantity,
        filled=Decimal(0),
        stop=order.stop,
        reason=SyncCode.PROTECTION_CANDIDATE,
        session_date=desk.inputs.session_date,
    )


def _adopt(desk: Desk, order: BrokerOrder) -> None:
    """An own stop that the journal lost protects its position again, instead of a second one (row 6)."""
    stop = _owner(desk, order)
    if stop is not None:
        confirmed = OrderConfirmed(ord_id=stop.ord_id, order_id=order.order_id)
        desk.note(("order.submitting", OrderSubmitting(order=stop)), ("order.confirmed", confirmed))


def _finding(code: str, subject: str, observed: object, threshold: object) -> Finding:
    return Finding(code=code, subject=subject, observed=_text(observed), threshold=_text(threshold))


def _text(value: object) -> str | None:
    if value is None:
        return None
    return format(value, "f") if isinstance(value, Decimal) else str(value)
