"""Every effect is recorded before it leaves, and what came of it after: nobody else talks to the broker.

The desk sends what it is given and believes no answer more than it says: an answer that proves nothing leaves
the order live, in full, until a look-up settles it (L5, L6). Entries come as ``Authorised``, all else as
``Reduction``.
"""

from collections.abc import Sequence
from typing import Final

from execution_v2.attempts import SENDS_MAX
from execution_v2.broker.port import (
    CancelOrder,
    Clock,
    Confirmed,
    Denied,
    Found,
    LookUp,
    LookUpAnswer,
    NotFound,
    Outcome,
    ReadFailed,
    Rejected,
    ReplaceOrder,
    Seen,
    SubmitOrder,
    Unresolved,
)
from execution_v2.client_id import own_prefix
from execution_v2.enforce import Authorised
from execution_v2.gates.facts import Phase
from execution_v2.ports import CycleConfig, CycleInputs, Ports
from execution_v2.reduce import Fold
from execution_v2.risk_class import Reduction
from execution_v2.stop_facts import stop_event, stop_fact
from execution_v2.transitions import IN_FLIGHT, UNKNOWN
from schemas.base import Fact
from schemas.book import ENDED, Leg, Order, OrderState
from schemas.events import (
    OrderCancelling,
    OrderConfirmed,
    OrderEnded,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    OrderReplaceRejected,
    OrderReplacing,
    OrderResolved,
    OrderSubmitting,
    OrderUnresolved,
)
from schemas.ids import fill_id
from schemas.journal import JournalRecord
from schemas.observations import BrokerFill, BrokerOrder, ClockFacts
from schemas.reasons.execution import BrokerCode, OrderCause, StopCode

Event = tuple[str, Fact]

CANCELS_MAX: Final = 3
"""Cancels of one order in a row, while the broker shows it still open (execution.md 7)."""

_ENDS: Final = {
    "cancelled": OrderState.CANCELLED,
    "expired": OrderState.EXPIRED,
    "rejected": OrderState.REJECTED,
}
"""A broker's word for an order that ended without a fill."""


class Desk:
    """One cycle's hands: the live fold, the journal, and the doors.

    Attributes: fold (the state as of the last record), at (the cycle's instant), records (this cycle's),
    blind (reads that failed, by name), carried (work left for the next cycle, in order).
    """

    def __init__(self, inputs: CycleInputs, ports: Ports, config: CycleConfig) -> None:
        self.inputs = inputs
        self.ports = ports
        self.config = config
        self.fold = Fold(inputs.state)
        self.at = ports.now()
        self.prefix = own_prefix(inputs.book_id, config.execution.deployment_id)
        self.records: list[JournalRecord] = []
        self.blind: set[str] = set()
        self.carried: list[str] = []
        self._clock: Clock | None = None

    def note(self, *events: Event) -> None:
        """Journal *events* in one append, and fold them. What the table refuses is journaled too."""
        entries = [(event, self.at, self.inputs.slot, data) for event, data in events]
        for record in self.ports.journal.append(entries):
            self.records.append(record)
            self.fold.apply(record)
        refused, self.fold.refused = self.fold.refused, []
        if refused:
            self.note(*(("order.illegal_transition", row) for row in refused))

    def carry(self, what: str) -> None:
        """Leave *what* for the next cycle, once."""
        if what not in self.carried:
            self.carried.append(what)

    def clock(self) -> ClockFacts | None:
        """What the broker's clock says in this cycle, asked once and only where an entry needs it; None: unread."""
        if self._clock is None:
            self._clock = self.ports.broker.clock()
        return self._clock.value if isinstance(self._clock, Seen) else None

    # -- sending ---------------------------------------------------------------------------------------------

    def enter(self, authorised: Authorised, order: Order) -> Order:
        """Send an entry that every gate let pass on the facts of this cycle."""
        entry = authorised.entry
        assert authorised.phase is Phase.S, "authorised for the session is not authorised to be sent"
        assert (order.intent_id, order.quantity, order.limit) == (
            entry.intent_id,
            entry.quantity,
            entry.limit,
        ), "an entry other than the one that was authorised"
        return self._submit(order)

    def reduce(self, reduction: Reduction) -> Order:
        """Send what can only lower exposure; at once a second time if the first provably never left."""
        order = self._submit(reduction.order)
        if order.state is OrderState.NEVER_SENT and order.sends < SENDS_MAX:
            order = self._submit(order.model_copy(update={"sends": order.sends + 1}))
        return order

    def replace(self, old: Order, successor: Reduction) -> Order:
        """Exchange a working stop for its successor in one step; gives the order that now stands."""
        new = self._replace(old, successor.order)
        if new.state is OrderState.NEVER_SENT and new.sends < SENDS_MAX:
            before = self._known(old.ord_id)
            if before.state is OrderState.LIVE:
                new = self._replace(before, new.model_copy(update={"sends": new.sends + 1}))
        return new if new.ord_id in self.fold.orders else self._known(old.ord_id)

    def _replace(self, old: Order, new: Order) -> Order:
        assert old.order_id is not None, "a working order has the broker's id"
        self.note(("order.replacing", OrderReplacing(ord_id=old.ord_id, successor=new)))
        request = ReplaceOrder(
            order_id=old.order_id,
            client_order_id=new.client_order_id,
            quantity=new.quantity,
            limit=new.limit,
            stop=new.stop,
        )
        self._after_replace(old, new, self.ports.broker.replace(request))
        return self._known(new.ord_id)

    def cancel(self, order: Order, cause: str) -> Order:
        """End a working order; its fills are read before the end is believed."""
        for _ in range(CANCELS_MAX):
            order = self._cancel(order, cause)
            if order.state not in (OrderState.LIVE, OrderState.PARTIAL):
                break
        return order

    def _cancel(self, order: Order, cause: str) -> Order:
        assert order.order_id is not None, "a working order has the broker's id"
        self.note(("order.cancelling", OrderCancelling(ord_id=order.ord_id, cause=cause)))
        outcome = self.ports.broker.cancel(CancelOrder(order_id=order.order_id))
        if isinstance(outcome, Confirmed):
            if outcome.order.filled > self._known(order.ord_id).filled:
                self.import_fills()
            if self._known(order.ord_id).state not in ENDED:
                ended = OrderEnded(ord_id=order.ord_id, state=OrderState.CANCELLED, cause=cause)
                self.note(("order.ended", ended))
        else:
            self._unresolved(order, OrderState.CANCEL_UNKNOWN, _cause(outcome))
            self.resolve(self._known(order.ord_id), cause)
        return self._known(order.ord_id)

    def _submit(self, order: Order) -> Order:
        self.note(("order.submitting", OrderSubmitting(order=order)))
        request = SubmitOrder(
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            quantity=order.quantity,
            order_type=order.order_type,
            time_in_force=order.time_in_force,
            limit=order.limit,
            stop=order.stop,
        )
        outcome = self.ports.broker.submit(request)
        if isinstance(outcome, Confirmed):
            confirmed = OrderConfirmed(ord_id=order.ord_id, order_id=outcome.order.order_id)
            self.note(("order.confirmed", confirmed), *stop_fact(self.fold, order))
            self._follow(order.ord_id, outcome.order)
        elif isinstance(outcome, Rejected) and outcome.reason != BrokerCode.DUPLICATE_CLIENT_ID:
            refused = OrderRejected(ord_id=order.ord_id, reason=outcome.reason, raw=outcome.raw)
            self.note(("order.rejected", refused))
        elif isinstance(outcome, Denied):
            self._never_sent(order.ord_id, outcome.code)
        else:  # a used client id proves that an order arrived, never that it was refused
            self._unresolved(order, OrderState.SUBMIT_UNKNOWN, _cause(outcome))
            self.resolve(self._known(order.ord_id))
        return self._known(order.ord_id)

    def _after_replace(self, old: Order, new: Order, outcome: Outcome) -> None:
        if isinstance(outcome, Confirmed):
            self._replaced(old, new, outcome.order)
        elif isinstance(outcome, (Rejected, Denied)) and _cause(outcome) not in _UNPROVEN:
            refused = OrderReplaceRejected(
                ord_id=old.ord_id, successor_ord_id=new.ord_id, reason=_cause(outcome)
            )
            self.note(("order.replace_rejected", refused))
        else:
            self._unresolved(old, OrderState.REPLACE_UNKNOWN, _cause(outcome))
            self.resolve(self._known(old.ord_id))

    # -- finding out -----------------------------------------------------------------------------------------

    def find_in_flight(self) -> None:
        """What the process before left on the wire is unknown, and is looked up before anything else."""
        for order in tuple(self.fold.orders.values()):
            unknown = IN_FLIGHT.get(order.state)
            if unknown is not None:
                self._unresolved(order, unknown, OrderCause.FOUND_AT_LOAD)
        for order in tuple(self.fold.orders.values()):
            if order.state in UNKNOWN:
                self.resolve(order)
        for order in tuple(self.fold.orders.values()):
            # A successor whose predecessor was settled in the record before the process died.
            if order.state is OrderState.CREATED:
                self._resolve_successor(order)

    def resolve(self, order: Order, cause: str = OrderCause.VENUE_ENDED) -> None:
        """Look an unknown order up until it is settled or the budget is spent; then it is carried."""
        if order.state is OrderState.REPLACE_UNKNOWN:
            self._resolve_replace(order)
        elif order.order_id is not None:
            answer = self._ask(LookUp(order_id=order.order_id))
            if isinstance(answer, Found):
                self._adopt(order.ord_id, answer.order, cause)
        else:
            answer = self._ask(LookUp(client_order_id=order.client_order_id))
            if isinstance(answer, Found):
                self._adopt(order.ord_id, answer.order, cause)
            elif isinstance(answer, NotFound):
                self._never_sent(order.ord_id, OrderCause.NOT_FOUND_PROOF)
        if self._known(order.ord_id).state in UNKNOWN:
            self.carry(order.ord_id)

    def _resolve_replace(self, old: Order) -> None:
        orders = (*self.fold.orders.values(), *self.fold.ended.values())
        heirs = [o for o in orders if o.replaces == old.ord_id]
        assert heirs, "a replace without a successor"
        new = max(heirs, key=lambda o: o.revision)
        found = self._ask(LookUp(client_order_id=new.client_order_id))
        if isinstance(found, Found):
            self._replaced(old, new, found.order)
            return
        assert old.order_id is not None, "a replaced order has the broker's id"
        before = self._ask(LookUp(order_id=old.order_id))
        if isinstance(found, NotFound) and isinstance(before, Found) and before.order.status != "replaced":
            if new.state not in ENDED:
                self._never_sent(new.ord_id, OrderCause.NOT_FOUND_PROOF)
            self._adopt(old.ord_id, before.order, OrderCause.VENUE_ENDED)

    def _resolve_successor(self, new: Order) -> None:
        found = self._ask(LookUp(client_order_id=new.client_order_id))
        if isinstance(found, Found):
            self._adopt(new.ord_id, found.order, OrderCause.VENUE_ENDED)
        elif isinstance(found, NotFound):
            self._never_sent(new.ord_id, OrderCause.NOT_FOUND_PROOF)

    def _ask(self, request: LookUp) -> LookUpAnswer:
        """An answer that counts: found, or not found with proof (3.3); ReadFailed for neither."""
        config = self.config.execution
        answer: LookUpAnswer = ReadFailed(cause="not asked")
        absent, spread = 0, 0.0
        for pause in config.query_pauses_s[: config.queries_max]:
            self.ports.pause(pause)
            answer = self.ports.broker.lookup(request)
            if isinstance(answer, Found):
                return answer
            if isinstance(answer, NotFound):
                spread += pause if absent else 0.0
                absent += 1
        if absent < config.not_found_min or spread < config.not_found_spread_s:
            return ReadFailed(cause="no proof of absence")
        fills = self.ports.broker.fills(self.inputs.session_date)
        named = request.client_order_id or request.order_id
        if isinstance(fills, ReadFailed) or any(
            named in (fill.client_order_id, fill.order_id) for fill in fills.value
        ):
            return ReadFailed(cause="the fills do not agree")
        return NotFound()

    def _adopt(self, ord_id: str, order: BrokerOrder, cause: str) -> None:
        """Believe a look-up: the order stands as the broker shows it."""
        if self._known(ord_id).state in UNKNOWN or self._known(ord_id).state is OrderState.CREATED:
            was_sent = self._known(ord_id).order_id is not None
            resolved = OrderResolved(
                ord_id=ord_id, state=OrderState.LIVE, order_id=order.order_id, cause=OrderCause.ARRIVED
            )
            fact = () if was_sent else stop_fact(self.fold, self._known(ord_id))
            self.note(("order.resolved", resolved), *fact)
        self._follow(ord_id, order, cause)

    def _follow(self, ord_id: str, order: BrokerOrder, cause: str = OrderCause.VENUE_ENDED) -> None:
        """Take over fills first, then the end that the broker shows."""
        if order.filled > self._known(ord_id).filled:
            self.import_fills()
        end = _ENDS.get(order.status)
        if end is not None and self._known(ord_id).state not in ENDED:
            self.note(("order.ended", OrderEnded(ord_id=ord_id, state=end, cause=cause)))

    def look_after_missing(self, working: Sequence[BrokerOrder]) -> None:
        """An order that we hold for working and the broker does not list has ended there: ask how."""
        listed = {order.order_id for order in working}
        for order in tuple(self.fold.orders.values()):
            is_working = order.state in (OrderState.LIVE, OrderState.PARTIAL)
            if is_working and order.order_id is not None and order.order_id not in listed:
                answer = self._ask(LookUp(order_id=order.order_id))
                if isinstance(answer, Found):
                    self._follow(order.ord_id, answer.order)
                    if order.leg is Leg.STOP and self._known(order.ord_id).state is not OrderState.FILLED:
                        self.note(("stop.lost", stop_event(self.fold, order, StopCode.STOP_LOST)))
                else:
                    self.carry(order.ord_id)

    def import_fills(self) -> None:
        """Book every execution of the session that is not booked yet, each once, in their order."""
        fills = self.ports.broker.fills(self.inputs.session_date)
        if not isinstance(fills, Seen):
            self.blind.add("fills")
            return
        for fill in fills.value:
            if fill.execution_id not in self.fold.booked:
                order = self._by_client_id(fill.client_order_id)
                if order is not None:
                    self.note(("order.filled", self._fill(order, fill)))

    # -- the leaves ------------------------------------------------------------------------------------------

    def _replaced(self, old: Order, new: Order, found: BrokerOrder) -> None:
        replaced = OrderReplaced(
            ord_id=old.ord_id, successor_ord_id=new.ord_id, successor_order_id=found.order_id
        )
        self.note(("order.replaced", replaced), *stop_fact(self.fold, new))
        self._follow(new.ord_id, found)

    def _never_sent(self, ord_id: str, cause: str) -> None:
        absent = OrderResolved(ord_id=ord_id, state=OrderState.NEVER_SENT, order_id=None, cause=cause)
        self.note(("order.resolved", absent))

    def _unresolved(self, order: Order, state: OrderState, cause: str) -> None:
        self.note(("order.unresolved", OrderUnresolved(ord_id=order.ord_id, state=state, cause=cause)))

    def _known(self, ord_id: str) -> Order:
        order = self.fold.order(ord_id)
        assert order is not None, f"{ord_id} was never announced"
        return order

    def _by_client_id(self, client_id: str) -> Order | None:
        orders = (*self.fold.orders.values(), *self.fold.ended.values())
        return next((order for order in orders if order.client_order_id == client_id), None)

    def _fill(self, order: Order, fill: BrokerFill) -> OrderFilled:
        return OrderFilled(
            ord_id=order.ord_id,
            fill_id=fill_id(self.inputs.book_id, fill.symbol, fill.execution_id),
            execution_id=fill.execution_id,
            decision_id=order.decision_id,
            intent_id=order.intent_id,
            position_id=order.position_id,
            strategy_id=order.strategy_id,
            sleeve_id=order.sleeve_id,
            symbol=fill.symbol,
            side=fill.side,
            quantity=fill.quantity,
            price=fill.price,
            fee=fill.fee,
            executed_at=fill.executed_at,
            session_date=fill.session_date,
            arrival_price=order.arrival_price,
            reason=order.reason,
        )


def _cause(outcome: Outcome) -> str:
    match outcome:
        case Rejected(reason=reason):
            return reason
        case Denied(code=code):
            return code
        case Unresolved(cause=cause):
            return cause
        case _:
            return ""


_UNPROVEN: Final = frozenset({BrokerCode.DUPLICATE_CLIENT_ID, BrokerCode.NOT_WORKING})
"""Refusals of a replace that say nothing of the old order: it may have filled, or the successor arrived."""
