"""State is a fold of the journal: one record, one change, and a record the table forbids changes nothing.

``reduce`` is the pure form; ``Fold`` is the same on a mutable inside, for thousands of records and for the
live cycle. Both give one ``BookState``, hash for hash (I10).
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from typing import Any, Final

from execution_v2.adjusted import ACCEPT, adjusted_in
from execution_v2.closings import RESUME, added, closing, counted, kept, opened
from execution_v2.lifecycle_acts import ACK, operated, switched
from execution_v2.order_fold import OrderFold, order_key
from execution_v2.splits import split_order, split_price, split_quantity
from ledger.canonical import artifact_bytes, digest, plain
from schemas.base import SessionDate, down
from schemas.book import BookState, Leg, OrderState, Position, PositionPlan, Side, StopOut, Ticked
from schemas.errors import Corrupt
from schemas.events import (
    EVENTS,
    AccountFunded,
    ActionApplied,
    EpochRaised,
    KillSet,
    OperatorAct,
    OrderFilled,
    PositionAdjusted,
    PositionMarked,
    SessionOpened,
    TickTaken,
)
from schemas.journal import JournalRecord
from schemas.market import ActionKind
from schemas.reasons.ledger import LedgerCode
from schemas.reasons.sync import SyncStatus
from schemas.tick import TickKind
from strategies.exits import StopBasis

_SIX: Final = Decimal("0.000001")
ZERO: Final = Decimal(0)


def empty_state() -> BookState:
    """A book before its first record."""
    return BookState(
        session_date=None,
        starting_capital=ZERO,
        net_flows=ZERO,
        cash=ZERO,
        positions=(),
        orders=(),
        ended_today=(),
        entry_intents_today=(),
        stop_outs=(),
        executions=(),
    )


def state_digest(state: BookState) -> str:
    """sha256 of the canonical bytes of *state*."""
    return digest(artifact_bytes(plain(state)))


def reduce(state: BookState, record: JournalRecord) -> BookState:
    """The state after *record*."""
    fold = Fold(state)
    fold.apply(record)
    return fold.freeze()


def fold_records(state: BookState, records: Iterable[JournalRecord]) -> BookState:
    """The state after all of *records*, oldest first."""
    fold = Fold(state)
    for record in records:
        fold.apply(record)
    return fold.freeze()


class Fold(OrderFold):
    """A book's state while records arrive: its orders, and what fills and events make of cash and positions."""

    def __init__(self, state: BookState) -> None:
        super().__init__(state)
        self.session: SessionDate | None = state.session_date
        self.starting_capital = state.starting_capital
        self.net_flows = state.net_flows
        self.cash = state.cash
        self.stop_outs = list(state.stop_outs)
        self.booked = set(state.executions)
        self.booked_before = set(state.executions_before)
        self.previous_session = state.previous_session
        self.killed = state.killed
        self.results = {row.strategy_id: row for row in state.results}
        self.closings = list(state.closings)
        self.loss_runs = list(state.loss_runs)
        self.acks = set(state.acks)
        self.posture, self.lifecycle, self.ticked = state.posture, state.lifecycle, state.ticked
        self.epoch = state.epoch
        self._frozen: BookState | None = state

    def apply(self, record: JournalRecord) -> None:
        """Take one record. Errors: ``Corrupt`` for an event that nobody declared."""
        if record.event not in EVENTS:
            raise Corrupt(LedgerCode.JOURNAL_CORRUPT, f"record {record.seq}: unknown event {record.event!r}")
        take = _TAKES.get(record.event)
        if take is not None:
            self._frozen = None
            take(self, record.typed)

    def freeze(self) -> BookState:
        """The state as a fact."""
        if self._frozen is None:
            self._frozen = BookState(
                session_date=self.session,
                starting_capital=self.starting_capital,
                net_flows=self.net_flows,
                cash=self.cash,
                positions=tuple(sorted(self.positions.values(), key=lambda p: (p.symbol, p.strategy_id))),
                orders=tuple(sorted(self.orders.values(), key=order_key)),
                ended_today=tuple(sorted(self.ended.values(), key=order_key)),
                entry_intents_today=tuple(sorted(self.entry_intents)),
                stop_outs=tuple(self.stop_outs),
                executions=tuple(sorted(self.booked)),
                executions_before=tuple(sorted(self.booked_before)),
                previous_session=self.previous_session,
                killed=self.killed,
                results=tuple(row for _, row in sorted(self.results.items())),
                closings=tuple(self.closings),
                loss_runs=tuple(self.loss_runs),
                quarantined=tuple(row for _, row in sorted(self.quarantined.items())),
                gave_up=tuple(sorted(self.gave_up)),
                acks=tuple(sorted(self.acks)),
                known_external=tuple(sorted(self.known_external)),
                posture=self.posture,
                lifecycle=self.lifecycle,
                ticked=self.ticked,
                epoch=self.epoch,
            )
        return self._frozen

    def is_booked(self, event_id: str) -> bool:
        """Whether an execution or a corporate event was booked, in this session or the one before."""
        return event_id in self.booked or event_id in self.booked_before

    # -- one method per event -------------------------------------------------------------------------------

    def _session_opened(self, data: SessionOpened) -> None:
        carried, self.session = self.session, data.session_date
        self.ended.clear()
        self.entry_intents.clear()
        self.booked_before, self.booked = self.booked, set()
        self.previous_session = carried
        self.stop_outs = [s for s in self.stop_outs if s.session_date in (carried, data.session_date)]
        self.closings = kept(self.closings, data.session_date)
        self.results = opened(self.results, self.positions.values())

    def _account_funded(self, data: AccountFunded) -> None:
        self.cash += data.amount
        if data.genesis:
            self.starting_capital += data.amount
        else:
            self.net_flows += data.amount

    def _filled(self, data: OrderFilled) -> None:
        if self.is_booked(data.execution_id):
            return
        self.booked.add(data.execution_id)
        notional = data.quantity * data.price
        cash = -notional - data.fee if data.side is Side.BUY else notional - data.fee
        self.cash += cash
        order = self.order(data.ord_id)
        if order is None:
            self._refuse(data.ord_id, OrderState.CREATED, "order.filled", "a fill nobody announced")
        else:
            self._fill_order(order, data)
        if data.side is Side.BUY:
            self._grow(data, cash, None if order is None else order.plan)
        else:
            self._shrink(data, cash, None if order is None else order.leg)

    def _grow(self, data: OrderFilled, cash: Decimal, plan: PositionPlan | None) -> None:
        held = self.positions.get(data.position_id)
        if held is None:
            self.positions[data.position_id] = Position(
                position_id=data.position_id,
                strategy_id=data.strategy_id,
                sleeve_id=data.sleeve_id,
                intent_id=data.intent_id,
                decision_id=data.decision_id,
                symbol=data.symbol,
                quantity=data.quantity,
                quantity_opened=data.quantity,
                average_entry=data.price,
                entered_at=data.executed_at,
                entry_session=data.session_date,
                plan=plan,
                cash_flow=cash,
            )
            return
        total = held.quantity + data.quantity
        cost = held.average_entry * held.quantity + data.price * data.quantity
        self._hold(
            held,
            quantity=total,
            quantity_opened=held.quantity_opened + data.quantity,
            average_entry=(cost / total).quantize(_SIX),
            cash_flow=held.cash_flow + cash,
        )

    def _shrink(self, data: OrderFilled, cash: Decimal, leg: Leg | None) -> None:
        held = self.positions.get(data.position_id)
        if held is None or held.quantity < data.quantity:
            have = ZERO if held is None else held.quantity
            self._refuse(data.ord_id, OrderState.FILLED, "order.filled", f"sold {data.quantity} of {have}")
            return
        left = held.quantity - data.quantity
        if left:
            self._hold(held, quantity=left, cash_flow=held.cash_flow + cash)
            return
        by_stop = leg is Leg.STOP or data.reason == "EXIT_STOP"
        self._close(held, held.cash_flow + cash, data.session_date, by_stop=by_stop)
        if by_stop:
            out = StopOut(strategy_id=data.strategy_id, symbol=data.symbol, session_date=data.session_date)
            self.stop_outs = sorted(
                [*self.stop_outs, out], key=lambda s: (s.session_date, s.symbol, s.strategy_id)
            )

    def _close(self, held: Position, net: Decimal, session: SessionDate | None, *, by_stop: bool) -> None:
        assert session is not None, "a position ended before the book's first session"
        del self.positions[held.position_id]
        row = closing(held, net, session, by_stop=by_stop)
        self.results = added(self.results, row)
        self.closings.append(row)
        self.loss_runs = counted(self.loss_runs, row)

    def _marked(self, data: PositionMarked) -> None:
        held = self.positions.get(data.position_id)
        if held is not None:
            self._hold(
                held, high_water=data.high_water, r1_touched=data.r1_touched, r2_touched=data.r2_touched
            )

    def _action(self, data: ActionApplied) -> None:
        if self.is_booked(data.event_id):
            return
        self.booked.add(data.event_id)
        self.cash += data.cash
        held = self.positions.get(data.position_id) if data.position_id else None
        if held is not None:
            self._hold(held, cash_flow=held.cash_flow + data.cash)
            held = self.positions[held.position_id]
        if held is not None and data.kind == ActionKind.DELISTING:
            self._close(held, held.cash_flow, self.session, by_stop=False)
            return
        if data.new_symbol is not None:
            self._rename(data, data.new_symbol)
            return
        if held is None or data.ratio_num is None or data.ratio_den is None:
            return
        assert data.quantity_after is not None, "a split without its quantity"
        ratio = partial(split_price, data.ratio_num, data.ratio_den)
        if not data.quantity_after:
            self._close(held, held.cash_flow, self.session, by_stop=False)
            return
        plan = held.plan and held.plan.model_copy(
            update={
                name: down(ratio(getattr(held.plan, name)))
                for name in ("initial_stop", "level", "entry_ref", "limit_cap", "r1", "r2")
            }
        )
        stop, basis = held.stop_price, held.stop_basis
        if basis == StopBasis.SPLIT_AWAITED:
            basis = StopBasis.PLANNED  # it was placed on the new basis
        elif stop is not None:
            stop = down(ratio(stop))
        self._hold(
            held,
            quantity=data.quantity_after,
            quantity_opened=split_quantity(held.quantity_opened, data.ratio_num, data.ratio_den),
            average_entry=ratio(held.average_entry).quantize(_SIX),
            high_water=None if held.high_water is None else down(ratio(held.high_water)),
            stop_price=stop,
            stop_basis=basis,
            plan=plan,
        )
        for order in self.orders_of(held.position_id):
            self._keep(split_order(order, data.ratio_num, data.ratio_den))

    def _adjusted(self, data: PositionAdjusted) -> None:
        """The broker's quantity is ours; what is gone brought no price, and what came cost no cash of this book."""
        if self.is_booked(data.event_id):
            return
        self.booked.add(data.event_id)
        held = self.positions.get(data.position_id)
        if held is None:
            if data.quantity_after > 0:
                self.positions[data.position_id] = adjusted_in(data, self.session)
        elif not data.quantity_after:
            self._close(held, held.cash_flow, self.session, by_stop=False)
        else:
            opened = held.quantity_opened + max(ZERO, data.quantity_after - held.quantity)
            self._hold(held, quantity=data.quantity_after, quantity_opened=opened)

    def _rename(self, data: ActionApplied, name: str) -> None:
        """The company goes by *name*: its position, that one's orders, and the cooldown after a stop-out."""
        held = self.positions.get(data.position_id or "")
        if held is not None:
            self._hold(held, symbol=name)
            for order in self.orders_of(held.position_id):
                self._keep(order.model_copy(update={"symbol": name}))
        outs = [
            s.model_copy(update={"symbol": name}) if s.symbol == data.symbol else s for s in self.stop_outs
        ]
        self.stop_outs = sorted(outs, key=lambda s: (s.session_date, s.symbol, s.strategy_id))
        self.closings = [
            c.model_copy(update={"symbol": name}) if c.symbol == data.symbol else c for c in self.closings
        ]

    def _acted(self, data: OperatorAct) -> None:
        self.loss_runs = [] if data.verb == RESUME else self.loss_runs
        self.lifecycle = operated(self.lifecycle, data)
        if data.verb == ACK and data.subject is not None:
            kind, _, symbol = data.subject.partition(":")
            if kind == SyncStatus.EXTERNAL:
                self.known_external.add(symbol)
            else:
                self.acks.add(data.subject)
        if data.verb == ACCEPT and data.subject is not None:
            self.quarantined.pop(data.subject, None)

    def _ticked(self, data: TickTaken) -> None:
        assert self.session is not None, "a tick before the book's first session"
        self.posture, self.lifecycle = data.posture, data.lifecycle
        self.acks.clear()
        last, tick = self.ticked, data.tick
        opens = last is None or last.session_date != self.session
        begins = tick.kind is TickKind.BEGIN or last is None
        self.ticked = Ticked(
            slot=data.slot,
            kind=tick.kind,
            began_at=tick.at if begins or last is None else last.began_at,
            first_slot=data.slot if opens or last is None else last.first_slot,
            session_date=self.session,
        )

    def _epoch_raised(self, data: EpochRaised) -> None:
        self.epoch = max(self.epoch, data.epoch)

    def _kill(self, data: KillSet) -> None:
        self.killed = data.on
        self.lifecycle = switched(self.lifecycle, data)


_TAKES: Final[dict[str, Callable[[Fold, Any], None]]] = {
    "session.opened": Fold._session_opened,
    "account.funded": Fold._account_funded,
    "order.submitting": Fold._submitting,
    "order.confirmed": Fold._confirmed,
    "order.rejected": Fold._rejected,
    "order.unresolved": Fold._unresolved,
    "order.resolved": Fold._resolved,
    "order.replacing": Fold._replacing,
    "order.replaced": Fold._replaced,
    "order.replace_rejected": Fold._replace_rejected,
    "order.cancelling": Fold._cancelling,
    "order.ended": Fold._ended,
    "order.filled": Fold._filled,
    "order.operator_resolved": Fold._operator_resolved,
    "replace.ended": Fold._replace_ended,
    "tick.taken": Fold._ticked,
    "sync.checked": Fold._sync_checked,
    "position.marked": Fold._marked,
    "action.applied": Fold._action,
    "position.adjusted": Fold._adjusted,
    "kill.set": Fold._kill,
    "epoch.raised": Fold._epoch_raised,
    "operator.acted": Fold._acted,
}
"""Events that change state; the others only tell."""
