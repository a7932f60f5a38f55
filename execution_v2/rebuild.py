"""A cycle acts on orders and positions only once it knows whose they are; until then it holds, and stops go on.

Restart rebuild of execution.md 4, in every cycle on intraday bars: OBSERVE, MATCH, RESOLVE, CLASSIFY, VERIFY, RELEASE.
A clean end before makes it a fast check. Made again on the same reads it decides the same, and does nothing more.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from execution_v2 import reconcile, remedies, sync
from execution_v2.actions import import_events
from execution_v2.broker.port import Found, LookUp, Orders
from execution_v2.client_id import epoch_of, is_own
from execution_v2.desk import Desk
from execution_v2.findings import keep_orphan, keep_row
from execution_v2.hearing import listen
from execution_v2.known_splits import book_known
from execution_v2.orphans import ZERO, OrphanAction, OrphanFacts, Verdict, classify, in_order, with_claims
from execution_v2.protect import set_stop
from execution_v2.reconcile import Seeing, held, waiting
from execution_v2.resolve import find_in_flight, follow, identify, look_after_missing, look_after_reopened
from execution_v2.send import cancel
from execution_v2.take_in import owner, take_in
from market.feed import ReadFailed, Seen
from schemas.book import Leg, OrderState
from schemas.errors import Denied
from schemas.events import RebuildDecided, RebuildReleased, SyncChecked
from schemas.header import Finding
from schemas.observations import BrokerOrder
from schemas.reasons.execution import SyncCode
from schemas.reasons.ledger import LedgerCode
from schemas.reasons.sync import OrphanCode, SyncStatus

T = TypeVar("T")
ORPHANS_MAX: Final = 50
"""Own orders without a record that one cycle acts on; more are a fault of another kind, and wait."""
_PLAIN: Final = frozenset({OrphanCode.KNOWN_WORKING_ORDER, OrphanCode.FOREIGN_ORDER})
_FREEZING: Final = frozenset({OrphanAction.FREEZE, OrphanAction.HOLD})


def find_out(desk: Desk) -> sync.Observed:
    """Everything up to RELEASE. Errors: ``Denied`` FENCE_LOST if the broker shows an own order of a higher epoch."""
    _again(desk, "events", lambda: import_events(desk))
    broker = desk.ports.broker
    if waiting(desk):
        fills = _read(desk, lambda: broker.fills(desk.inputs.session_date))
        book_known(desk, _read(desk, broker.positions), fills)
    working = _read(desk, broker.open_orders)
    _speak_for_the_book(desk, working)
    listen(desk)  # also where nothing is awaited: whether the stream can be heard is evidence
    find_in_flight(desk)
    _again(desk, "fills", desk.import_fills)
    for order in tuple(desk.fold.orders.values()):
        if order.state in (OrderState.LIVE, OrderState.PARTIAL):
            identify(desk, order)
    if isinstance(working, Seen) and "fills" not in desk.blind:
        desk.shown = {row.order_id: row for row in working.value}
        look_after_missing(desk, working.value)
        look_after_reopened(desk, working.value)
    seeing = Seeing(
        account=_read(desk, broker.account),
        working=working,
        closed=_read(desk, lambda: broker.closed_orders(desk.inputs.session_date)),
        positions=_read(desk, broker.positions),
        found=set(),
    )
    _speak_for_the_book(desk, seeing.closed)
    failed = _failed(desk, seeing)
    if failed:
        return _hold(desk, seeing, failed)
    _match(desk, seeing)
    _confirm(desk, seeing)
    verdicts = _settle(desk, seeing)
    return _release(desk, seeing, verdicts)


def _read(desk: Desk, call: Callable[[], Seen[T] | ReadFailed]) -> Seen[T] | ReadFailed:
    """Ask until it is answered, a few times, a second apart."""
    config = desk.config.execution
    answer = call()
    for _ in range(config.observe_tries - 1):
        if isinstance(answer, Seen):
            break
        desk.pause(config.observe_pause_s)
        answer = call()
    return answer


def _again(desk: Desk, name: str, work: Callable[[], None]) -> None:
    """The same, of what is imported as it is read."""
    config = desk.config.execution
    work()
    for _ in range(config.observe_tries - 1):
        if name not in desk.blind:
            break
        desk.pause(config.observe_pause_s)
        desk.blind.discard(name)
        work()


def _speak_for_the_book(desk: Desk, orders: Orders) -> None:
    """An own order of a higher epoch than ours, working or ended, says that another host speaks for the book now."""
    for order in orders.value if isinstance(orders, Seen) else ():
        epoch = epoch_of(desk.prefix, order.client_order_id)
        if epoch is not None and epoch > desk.fold.epoch:
            raise Denied(
                LedgerCode.FENCE_LOST,
                f"the broker shows {order.client_order_id}, of epoch {epoch}, and this host is at {desk.fold.epoch}: "
                "another host took the book over",
                safe="nothing was sent, and nothing will be from here; the other host looks after stops and exits",
                next="take the schedules away here; the book's cycles run where it lives now, and only there",
            )


def _failed(desk: Desk, seeing: Seeing) -> list[str]:
    reads = {
        "account": seeing.account,
        "closed_orders": seeing.closed,
        "orders": seeing.working,
        "positions": seeing.positions,
    }
    failed = [name for name, read in reads.items() if not isinstance(read, Seen)]
    return sorted([*failed, *desk.blind])


def _hold(desk: Desk, seeing: Seeing, failed: list[str]) -> sync.Observed:
    """A failed read is not an empty one: nothing is decided about orders or quantities, and nothing is entered."""
    findings = tuple(Finding(code=SyncCode.OBSERVATION_FAILED, subject=name) for name in failed)
    desk.note(("sync.checked", SyncChecked(status=findings[0].code, findings=findings)))
    return sync.Observed(
        at=_instants(seeing), is_whole=False, frozen=frozenset(), foreign=_foreign(desk, seeing)
    )


def _match(desk: Desk, seeing: Seeing) -> None:
    """Own orders that ended without a record of ours, and filled: they are booked, and their shares are ours."""
    assert isinstance(seeing.closed, Seen), "a read that failed holds the rebuild"
    strangers = [
        order
        for order in in_order(seeing.closed.value)
        if order.filled and is_own(desk.prefix, order.client_order_id) and _state(desk, order) is None
    ]
    if not strangers:
        return
    fills = desk.ports.broker.fills(desk.inputs.session_date)
    today = {fill.client_order_id for fill in fills.value} if isinstance(fills, Seen) else set()
    for order in strangers:
        if order.client_order_id in today:
            _book(desk, seeing, order, SyncStatus.RECOVERED)


def _book(desk: Desk, seeing: Seeing, order: BrokerOrder, reason: str) -> str:
    """Give *order* its record, and book what it filled; the id of that record."""
    before = held(desk).get(order.symbol, 0)
    name = take_in(desk, order, reason).ord_id
    if order.filled:
        desk.import_fills()
        if not before and held(desk).get(order.symbol):
            seeing.found.add(order.symbol)
        follow(desk, name, order)
    return name


def _confirm(desk: Desk, seeing: Seeing) -> None:
    """Where the sides differ, or a sale of ours works against nothing, positions are read once more, later."""
    first = seeing.latest or {}
    ours = held(desk)
    differ = any(ours.get(name, 0) != first.get(name, 0) for name in {*ours, *first})
    assert isinstance(seeing.working, Seen), "a read that failed holds the rebuild"
    naked = any(
        is_own(desk.prefix, order.client_order_id)
        and _state(desk, order) is None
        and not first.get(order.symbol)
        for order in seeing.working.value
    )
    if differ or naked:
        desk.pause(desk.config.execution.confirm_spread_s)
        seeing.again = desk.ports.broker.positions()
        seeing.fills = desk.ports.broker.fills(desk.inputs.session_date)


def _settle(desk: Desk, seeing: Seeing) -> tuple[Verdict, ...]:
    """Act on orphans one by one, each judged on what is true after the one before; the verdicts of the end."""
    done: dict[str, Verdict] = {}
    for _ in range(ORPHANS_MAX):
        verdict = next(
            (v for v in _judge(desk, seeing) if v.code not in _PLAIN and v.order.order_id not in done), None
        )
        if verdict is None:
            break
        works = _works(desk, verdict.order)
        if works is False:
            _leave_out(seeing, verdict.order)
            continue
        if works:
            done[verdict.order.order_id] = verdict
            _carry_out(desk, seeing, verdict)
        else:
            done[verdict.order.order_id] = replace(verdict, action=OrphanAction.HOLD)
            desk.carry(verdict.order.client_order_id)
    return tuple(done.values())


def _works(desk: Desk, order: BrokerOrder) -> bool | None:
    """Whether an own order of a list really works: the list may be older than it says. None: nobody could tell."""
    if not is_own(desk.prefix, order.client_order_id):
        return True
    answer = desk.ports.broker.lookup(LookUp(order_id=order.order_id))
    return answer.order.is_working if isinstance(answer, Found) else None


def _leave_out(seeing: Seeing, order: BrokerOrder) -> None:
    assert isinstance(seeing.working, Seen), "a read that failed holds the rebuild"
    rest = tuple(row for row in seeing.working.value if row.order_id != order.order_id)
    seeing.working = replace(seeing.working, value=rest)


def _judge(desk: Desk, seeing: Seeing) -> tuple[Verdict, ...]:
    """Every order that works at the broker, in its stable order."""
    assert isinstance(seeing.working, Seen), "a read that failed holds the rebuild"
    config = desk.config.execution
    working = in_order(seeing.working.value)
    own = frozenset(o.order_id for o in working if is_own(desk.prefix, o.client_order_id))
    verdicts = []
    for order in working:
        facts = OrphanFacts(
            is_own=order.order_id in own,
            state=_state(desk, order),
            is_flat_twice=reconcile.is_gone(desk, seeing, order.symbol),
            succeeds=_succeeds(desk, order),
            has_owner=owner(desk, order) is not None,
            position=(seeing.latest or {}).get(order.symbol, ZERO),
        )
        verdicts.append(classify(order, with_claims(order, facts, working, own), config.orphan_entry))
    return tuple(verdicts)


def _carry_out(desk: Desk, seeing: Seeing, verdict: Verdict) -> None:
    order = verdict.order
    kept = keep_orphan(desk, seeing, verdict)
    decided = RebuildDecided(
        client_order_id=order.client_order_id,
        order_id=order.order_id,
        symbol=order.symbol,
        quantity=order.quantity,
        row=verdict.row,
        action=verdict.action,
        code=verdict.code,
        evidence_id=kept,
    )
    desk.note(("rebuild.decided", decided))
    if verdict.action not in (OrphanAction.ADOPT, OrphanAction.CANCEL):
        return
    name = _book(desk, seeing, order, verdict.code)
    if verdict.action is OrphanAction.CANCEL:
        known = desk.known(name)
        if known.state in (OrderState.LIVE, OrderState.PARTIAL):
            cancel(desk, known, verdict.code)
        working = desk.ports.broker.open_orders()
        if isinstance(working, Seen):
            seeing.working = working


def _release(desk: Desk, seeing: Seeing, verdicts: tuple[Verdict, ...]) -> sync.Observed:
    """Name what differs, do what that asks for, and let the cycle go on."""
    rows = reconcile.compare(desk, seeing)
    findings = reconcile.findings_of(desk, rows, seeing.account)
    assert isinstance(seeing.working, Seen), "a read that failed holds the rebuild"
    findings += sync.stop_findings(desk, seeing.working.value)
    frozen = [verdict for verdict in verdicts if verdict.action in _FREEZING]
    findings += [_orphan(verdict) for verdict in frozen]
    foreign = _foreign(desk, seeing)
    findings += [
        Finding(code=OrphanCode.FOREIGN_ORDER, subject=o.symbol, observed=o.order_id) for o in foreign
    ]
    status = findings[0].code if findings else SyncStatus.IN_SYNC
    desk.note(("sync.checked", SyncChecked(status=status, findings=tuple(findings))))
    for row in rows:
        if row.wants_evidence:
            keep_row(desk, seeing, row)
    reconcile.act(desk, rows)
    for cover in reconcile.covers(desk, seeing, rows):
        desk.caps[cover.position_id] = cover.quantity
        # A stop that the broker will not take here is no reason to sell: the quantity itself is in doubt.
        set_stop(desk, cover.position_id, cover.price, cover.quantity, cover.basis)
    for row in rows:
        remedies.consider(desk, seeing, row)
    desk.note(("rebuild.released", RebuildReleased(findings=tuple(findings))))
    return sync.Observed(
        at=_instants(seeing),
        is_whole=True,
        frozen=frozenset(row.symbol for row in rows if row.freezes) | {v.order.symbol for v in frozen},
        foreign=foreign + tuple(v.order for v in frozen if v.code is OrphanCode.ORPHAN_ENTRY),
        external=reconcile.external(desk, seeing, rows),
    )


def _orphan(verdict: Verdict) -> Finding:
    return Finding(code=verdict.code, subject=verdict.order.symbol, observed=verdict.order.client_order_id)


def _foreign(desk: Desk, seeing: Seeing) -> tuple[BrokerOrder, ...]:
    working = seeing.working.value if isinstance(seeing.working, Seen) else ()
    return tuple(order for order in in_order(working) if not is_own(desk.prefix, order.client_order_id))


def _instants(seeing: Seeing) -> dict[str, datetime]:
    found = {} if seeing.as_of is None else {"positions": seeing.as_of}
    return found | ({"orders": seeing.working.as_of} if isinstance(seeing.working, Seen) else {})


def _state(desk: Desk, order: BrokerOrder) -> OrderState | None:
    known = desk.by_client_id(order.client_order_id)
    return None if known is None else known.state


def _succeeds(desk: Desk, order: BrokerOrder) -> bool:
    """Whether it stands in the place of a stop that we know."""
    stops = (o for o in (*desk.fold.orders.values(), *desk.fold.ended.values()) if o.leg is Leg.STOP)
    return order.replaces is not None and any(stop.order_id == order.replaces for stop in stops)
