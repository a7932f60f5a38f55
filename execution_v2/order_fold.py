"""What records do to orders: the transition table moves them, and a record that contradicts an end is told.

The half of the fold that knows no money. ``reduce.Fold`` adds cash, positions and results.
"""

from typing import Any, Final

from execution_v2.position_sync import FREEZING
from execution_v2.transitions import FILL_MOVES, IN_FLIGHT, UNKNOWN, is_allowed, is_claimed, is_settled
from schemas.book import ENDED, BookState, Leg, Order, OrderState, Position, Quarantined
from schemas.events import (
    IllegalTransition,
    OrderCancelling,
    OrderConfirmed,
    OrderContradicted,
    OrderEnded,
    OrderFilled,
    OrderOperatorResolved,
    OrderRejected,
    OrderReplaced,
    OrderReplaceRejected,
    OrderReplacing,
    OrderResolved,
    OrderSubmitting,
    OrderUnresolved,
    ReplaceEnded,
    SyncChecked,
)
from schemas.reasons.execution import ContradictionCode, OrderCause, ReplaceTerminal, SyncCode
from schemas.reasons.sync import SyncStatus

S = OrderState

QUARANTINING: Final = FREEZING | {SyncCode.UNCLASSIFIED_ORPHAN}
"""Findings of a comparison that hold up a symbol until a later one agrees; the last needs a person besides."""
_GIVEN_UP: Final = frozenset({ReplaceTerminal.GAVE_UP_OLD_MAYBE_LIVE, ReplaceTerminal.GAVE_UP_NEW_MAYBE_LIVE})
STATED: Final = "operator:"
"""Starts the execution id of a fill that a person stated; the broker's own ids never do."""


class OrderFold:
    """Orders while records arrive. Read ``orders`` (possibly live), ``ended`` (of the session) and ``positions``.

    Attributes: refused and contradicted (what whoever folds live journals: moves that the table forbids, and
    late news of an ended order), quarantined (symbol -> why nothing is entered until a comparison agrees),
    touched (every order as the records since the last look left it, by ord_id), gave_up (orders whose replacement
    was given up while their fate was unknown, until it is known), known_external (symbols of others' shares that a
    person acknowledged, while a comparison finds them).
    """

    def __init__(self, state: BookState) -> None:
        self.positions = {p.position_id: p for p in state.positions}
        self.orders = {o.ord_id: o for o in state.orders}
        self.ended = {o.ord_id: o for o in state.ended_today}
        self.entry_intents = set(state.entry_intents_today)
        self.quarantined = {row.symbol: row for row in state.quarantined}
        self.gave_up = set(state.gave_up)
        self.known_external = set(state.known_external)
        self.refused: list[IllegalTransition] = []
        self.contradicted: list[OrderContradicted] = []
        self.touched: dict[str, Order] = {}
        self._ids_of: dict[str, dict[str, None]] = {}
        """Every order that was once of a position: which of them still is, ``orders`` says."""
        for order in state.orders:
            self._ids_of.setdefault(order.position_id, {})[order.ord_id] = None

    def order(self, ord_id: str) -> Order | None:
        """The order, working or ended in this session."""
        return self.orders.get(ord_id) or self.ended.get(ord_id)

    def orders_of(self, position_id: str, *legs: Leg) -> tuple[Order, ...]:
        """Possibly-live orders of a position, by id; of *legs* only, if any are named."""
        known = (self.orders.get(ord_id) for ord_id in self._ids_of.get(position_id, ()))
        found = [o for o in known if o is not None and o.position_id == position_id]
        return tuple(sorted((o for o in found if not legs or o.leg in legs), key=order_key))

    # -- one method per event -------------------------------------------------------------------------------

    def _submitting(self, data: OrderSubmitting) -> None:
        order = data.order
        known = self.order(order.ord_id)
        if known is not None and not self._may(known, S.SUBMITTING, "order.submitting"):
            return
        self._keep(order.model_copy(update={"state": S.SUBMITTING}))
        self._count(order)
        if order.leg is Leg.ENTRY:
            self.entry_intents.add(order.intent_id)

    def _confirmed(self, data: OrderConfirmed) -> None:
        order = self.order(data.ord_id)
        if (
            order is not None and is_claimed(order) and order.state in _HELD
        ):  # a person said so, and now it is seen
            self._keep(order.model_copy(update={"is_stated": False, "order_id": data.order_id}))
            return
        self._to(data.ord_id, S.LIVE, "order.confirmed", order_id=data.order_id)

    def _rejected(self, data: OrderRejected) -> None:
        self._to(data.ord_id, S.REJECTED, "order.rejected")

    def _unresolved(self, data: OrderUnresolved) -> None:
        order = self.order(data.ord_id)
        changes: dict[str, Any] = {}
        if order is not None:
            carries = order.carries + (data.cause == OrderCause.CARRIED)
            changes["carries"] = carries
            if data.state is S.FROZEN:
                changes["frozen_from"] = order.state
        if self._to(data.ord_id, data.state, "order.unresolved", **changes) and data.state is S.FROZEN:
            self._quarantine(data.ord_id, data.cause)

    def _resolved(self, data: OrderResolved) -> None:
        order = self.order(data.ord_id)
        if order is not None and data.state is S.NEVER_SENT and _was_seen(order):
            self._refuse(data.ord_id, order.state, "order.resolved", "it was seen once: absence ends nothing")
            return
        extra: dict[str, Any] = {} if data.order_id is None else {"order_id": data.order_id}
        self._to(data.ord_id, data.state, "order.resolved", **extra)
        if order is not None and order.leg is Leg.ENTRY and data.state is S.NEVER_SENT:
            self.entry_intents.discard(order.intent_id)  # a proven absence does not count (gate 9)

    def _replacing(self, data: OrderReplacing) -> None:
        successor = data.successor
        known = self.order(successor.ord_id)
        if known is not None and not self._may(known, S.CREATED, "order.replacing"):
            return
        if self._to(data.ord_id, S.REPLACING, "order.replacing"):
            self._keep(successor.model_copy(update={"state": S.CREATED}))
            self._count(successor)

    def _replaced(self, data: OrderReplaced) -> None:
        if self._to(data.ord_id, S.REPLACED, "order.replaced"):
            successor = data.successor_order_id
            self._to(data.successor_ord_id, S.LIVE, "order.replaced", order_id=successor)

    def _replace_rejected(self, data: OrderReplaceRejected) -> None:
        self._to(data.ord_id, S.LIVE, "order.replace_rejected")
        self._to(data.successor_ord_id, S.REJECTED, "order.replace_rejected")

    def _cancelling(self, data: OrderCancelling) -> None:
        self._to(data.ord_id, S.CANCELLING, "order.cancelling")

    def _ended(self, data: OrderEnded) -> None:
        self._to(data.ord_id, data.state, "order.ended")

    def _operator_resolved(self, data: OrderOperatorResolved) -> None:
        order = self.order(data.ord_id)
        if order is not None and order.state is not S.FROZEN:
            self._refuse(
                data.ord_id, order.state, "order.operator_resolved", "a person speaks of a FROZEN order only"
            )
            return
        named: dict[str, Any] = {} if data.order_id is None else {"order_id": data.order_id}
        self._to(data.ord_id, data.state, "order.operator_resolved", is_stated=True, **named)

    def _sync_checked(self, data: SyncChecked) -> None:
        """Where book and broker agree on a symbol, what put it into quarantine is over; a difference begins one."""
        if any(row.code == SyncCode.OBSERVATION_FAILED for row in data.findings):
            return
        self.known_external &= {row.subject for row in data.findings if row.code == SyncStatus.EXTERNAL}
        kept = {row.subject for row in data.findings}
        kept |= {order.symbol for order in self.orders.values() if order.state is S.FROZEN}
        kept |= {name for name, row in self.quarantined.items() if row.code == SyncCode.UNCLASSIFIED_ORPHAN}
        self.quarantined = {name: row for name, row in self.quarantined.items() if name in kept}
        for row in data.findings:
            known = self.quarantined.get(row.subject)
            if row.code in QUARANTINING and (known is None or known.code != SyncCode.UNCLASSIFIED_ORPHAN):
                self.quarantined[row.subject] = Quarantined(symbol=row.subject, code=row.code)

    def _fill_order(self, order: Order, data: OrderFilled) -> None:
        filled = order.filled + data.quantity
        if filled > order.quantity:
            self._refuse(order.ord_id, order.state, "order.filled", f"{filled} of {order.quantity} filled")
        if order.state in ENDED:
            self._late(order, data)
        state, changes = order.state, dict[str, Any](filled=filled, order_id=order.order_id or data.order_id)
        if data.execution_id.startswith(STATED):
            pass  # the record after it, of the same append, says how the order ended
        elif filled >= order.quantity:
            # An end stays the end that it was: a late fill is booked, and changes no history.
            state = S.FILLED if is_allowed(state, S.FILLED) else state
        elif state in FILL_MOVES:
            state = S.PARTIAL
        if state is not order.state:
            changes |= _certain(order, state)
        if is_claimed(order):
            changes["is_stated"] = False
        self._keep(order.model_copy(update={"state": state, **changes}))

    def _late(self, order: Order, data: OrderFilled) -> None:
        """A fill of an order that had ended: booked like any other, and its symbol waits for a comparison."""
        overturned = order.state is S.NEVER_SENT
        code = ContradictionCode.PROOF_OVERTURNED if overturned else ContradictionCode.FILL_AFTER_END
        if overturned and order.leg is Leg.ENTRY:
            self.entry_intents.add(order.intent_id)
        detail = f"{order.state}, then {data.quantity} filled"
        self._contradict(order, code, detail)

    # -- the leaves -----------------------------------------------------------------------------------------

    def _count(self, order: Order) -> None:
        held = self.positions.get(order.position_id)
        name = _COUNTERS.get(order.leg)
        if held is not None and name is not None:
            self._hold(held, **{name: max(getattr(held, name), order.revision + 1)})

    def _hold(self, position: Position, **changes: Any) -> None:
        self.positions[position.position_id] = position.model_copy(update=changes)

    def _keep(self, order: Order) -> None:
        self.orders.pop(order.ord_id, None)
        self.ended.pop(order.ord_id, None)
        (self.ended if order.state in ENDED else self.orders)[order.ord_id] = order
        self.touched[order.ord_id] = order
        self._ids_of.setdefault(order.position_id, {})[order.ord_id] = None
        if order.state not in UNKNOWN:
            self.gave_up.discard(order.ord_id)

    def _replace_ended(self, data: ReplaceEnded) -> None:
        if data.terminal in _GIVEN_UP:
            for name in (data.ord_id, data.successor_ord_id):
                order = None if name is None else self.order(name)
                if order is not None and order.state in UNKNOWN:
                    self.gave_up.add(order.ord_id)

    def _to(self, ord_id: str, state: OrderState, event: str, **changes: Any) -> bool:
        order = self.order(ord_id)
        if order is None:
            self._refuse(ord_id, S.CREATED, event, "nobody announced this order")
            return False
        if state is S.LIVE and order.filled:
            state = S.PARTIAL
        if state is S.CANCELLED and order.filled:
            state = S.PARTIAL_CANCELLED
        if order.state is S.PARTIAL and state is S.PARTIAL:
            self._keep(order.model_copy(update=changes))
            return True
        if not self._may(order, state, event):
            return False
        if is_claimed(order) and state not in _OURS:
            changes = {"is_stated": False, **changes}
        if state not in UNKNOWN:
            changes = {**_certain(order, state), **changes}
        self._overturn(order, state)
        order = order.model_copy(update={"state": state, **changes})
        self._keep(order)
        held = self.positions.get(order.position_id)
        if order.leg is Leg.STOP and state in _HELD and held is not None:
            self._hold(held, stop_price=order.stop, stop_basis=order.basis)
        return True

    def _overturn(self, order: Order, state: OrderState) -> None:
        """The broker holds what was proved absent, or shows open what had ended."""
        if order.state is S.NEVER_SENT and state in _HELD:
            if order.leg is Leg.ENTRY:
                self.entry_intents.add(order.intent_id)
            self._contradict(order, ContradictionCode.PROOF_OVERTURNED, f"the broker shows it {state}")

    def _may(self, order: Order, to: OrderState, event: str) -> bool:
        if is_allowed(order.state, to):
            return True
        self._refuse(order.ord_id, order.state, event, f"{order.state} cannot become {to}")
        return False

    def _refuse(self, ord_id: str, state: OrderState, event: str, detail: str) -> None:
        self.refused.append(IllegalTransition(ord_id=ord_id, state=state, event=event, detail=detail))

    def _contradict(self, order: Order, code: ContradictionCode, detail: str) -> None:
        self.contradicted.append(
            OrderContradicted(ord_id=order.ord_id, state=order.state, code=code, detail=detail)
        )
        self._quarantine(order.ord_id, code)

    def _quarantine(self, ord_id: str, code: str) -> None:
        order = self.order(ord_id)
        if order is not None:
            self.quarantined[order.symbol] = Quarantined(symbol=order.symbol, code=code)


def _was_seen(order: Order) -> bool:
    """Whether a FROZEN order was once known to be at the broker: then no absence proves that it never was."""
    return order.state is S.FROZEN and order.frozen_from is not S.SUBMIT_UNKNOWN


def order_key(order: Order) -> tuple[str, str]:
    """Orders by symbol, then id."""
    return order.symbol, order.ord_id


def _certain(order: Order, state: OrderState) -> dict[str, Any]:
    """What a definite answer wipes out: the cycles that an unknown was carried through, and what it was before.

    Of an order that a person ended and the broker shows open that is kept: its stated fills are not booked again.
    """
    is_kept = is_settled(order) and order.state is S.FROZEN and state not in ENDED
    return {"carries": 0, "frozen_from": order.frozen_from if is_kept else None}


_HELD: Final = frozenset({S.LIVE, S.PARTIAL})
_OURS: Final = UNKNOWN | IN_FLIGHT.keys()
"""Where an order comes by what we did or did not hear, and not by the broker's word."""
_COUNTERS: Final = {Leg.STOP: "stops_sent", Leg.TRIM: "trims_sent", Leg.EXIT: "exits_sent"}
