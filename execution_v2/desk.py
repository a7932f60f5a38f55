"""A cycle writes each change down before it believes it: one journal, one live fold, one instant at a time.

Who sends (``send``, ``replace``) and who finds out (``resolve``) do it through this desk.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from execution_v2.broker.port import Clock, Seen
from execution_v2.client_id import own_prefix
from execution_v2.ports import CycleConfig, CycleInputs, Ports
from execution_v2.reduce import Fold
from execution_v2.shadow import Shadow
from execution_v2.tally import Tally
from execution_v2.transitions import is_settled
from schemas.base import Fact
from schemas.book import Order, Position, RiskClass
from schemas.cycle import CycleKind
from schemas.events import OrderContradicted, OrderFilled, StopCovered, SyncChecked
from schemas.ids import fill_id
from schemas.journal import JournalRecord
from schemas.observations import BrokerFill, BrokerOrder, ClockFacts
from schemas.reasons.execution import ContradictionCode
from schemas.reasons.gates import RecordCode
from schemas.tick import Verdict

Event = tuple[str, Fact]


@dataclass(slots=True, kw_only=True)
class Asked:
    """Look-ups of one order in one cycle: since when, and how many."""

    since: datetime
    count: int = 0


class Desk:
    """One cycle's hands: the live fold, the journal, and the doors.

    Attributes: fold (the state as of the last record), at (the instant that records carry: on daily bars that of the
    cycle, on intraday bars the moment), records (this cycle's), blind (reads that failed, by name), carried (work
    left for the next cycle, in order), asked (look-ups by order), heard (orders that a look-up found), shown (working
    orders as the broker listed them last, by its id), kept (evidence of this cycle, by its id), caps (shares of a
    position that its stop may cover, where fewer than we hold are known to be there), ratios (new and old of a split
    that is suspected, by symbol), tally (what was asked and how it was answered), synced (the last comparison with
    the broker), gaps (coverage as it was counted last), verdict
    (what the shadow fold of this cycle, made by its first tick, said last).
    """

    def __init__(self, inputs: CycleInputs, ports: Ports, config: CycleConfig) -> None:
        self.inputs = inputs
        self.at = ports.now()
        self.tally = Tally(ports.broker, ports.feed, lambda: self.at, self._newest)
        self.ports = replace(ports, broker=self.tally, feed=self.tally)
        self.config = config
        self.fold = Fold(inputs.state)
        self.prefix = own_prefix(inputs.book_id, config.execution.deployment_id)
        self.records: list[JournalRecord] = []
        self._by_event: dict[str, list[JournalRecord]] = {}
        self.blind: set[str] = set()
        self.carried: list[str] = []
        self.asked: dict[str, Asked] = {}
        self.heard: set[str] = set()
        self.is_deaf = False
        self.shown: dict[str, BrokerOrder] = {}
        self.kept: set[str] = set()
        self.caps: dict[str, Decimal] = {}
        self.ratios: dict[str, tuple[int, int]] = {}
        self.synced: SyncChecked | None = None
        self.gaps: tuple[StopCovered, ...] | None = None
        self.verdict: Verdict | None = None
        self.shadow: Shadow | None = None
        self.is_judged = False
        self.began_at = self.at
        self._stale: set[str] = set()
        self._clock: Clock | None = None

    def note(self, *events: Event) -> None:
        """Journal *events* in one append, fold them, and claim what they made of orders; then they may happen.

        What the table refuses, and what contradicts an end, is journaled too. Errors: ``Denied`` CAS_LOST.
        """
        entries = [(event, self.at, self.inputs.slot, data) for event, data in events]
        self.synced = next((data for _, data in events if isinstance(data, SyncChecked)), self.synced)
        for record in self.ports.journal.append(entries):
            self.records.append(record)
            self._by_event.setdefault(record.event, []).append(record)
            self.fold.apply(record)
        moved, self.fold.touched = self.fold.touched, {}
        if moved and self.ports.index is not None:
            self.ports.index.move(moved.values(), self.inputs.session_date, self.records[-1].seq)
        refused, self.fold.refused = self.fold.refused, []
        told, self.fold.contradicted = self.fold.contradicted, []
        rows: list[Event] = [("order.illegal_transition", row) for row in refused]
        rows += [("order.contradicted", row) for row in told]
        if rows:
            self.note(*rows)

    def told(self, event: str) -> Sequence[JournalRecord]:
        """This cycle's records of *event*, oldest first."""
        return self._by_event.get(event, ())

    def pause(self, seconds: float) -> None:
        """Wait, and look at the clock again."""
        self.ports.pause(seconds)
        self.tick()

    def _newest(self) -> int:
        return self.records[-1].seq if self.records else 0

    @property
    def passes_time(self) -> bool:
        """Whether time passes within this cycle: on intraday bars alone."""
        return self.inputs.kind is CycleKind.INTRADAY

    def tick(self) -> None:
        """Look at the clock, where time passes within a cycle."""
        if self.passes_time:
            self.at = self.ports.now()

    def has_time(self, risk: RiskClass) -> bool:
        """Whether this cycle may still send an order of that class; always, where time stands still within it."""
        self.tick()
        config = self.config.execution
        increases = risk is RiskClass.INCREASE
        bound = config.increase_seconds_max if increases else config.reduce_seconds_max
        return (self.at - self.began_at).total_seconds() <= bound

    def record_faults(self) -> tuple[RecordCode, ...] | None:
        """What gate 3 is to know of the record; None: nothing was written yet in this cycle."""
        fault = self.ports.record_fault()
        if fault is not None:
            return (fault,)
        return () if self.records else None

    def stale(self, order: Order, detail: str) -> None:
        """An answer older than what is known changes nothing, and is told once per order and cycle."""
        if order.ord_id not in self._stale:
            self._stale.add(order.ord_id)
            told = OrderContradicted(
                ord_id=order.ord_id, state=order.state, code=ContradictionCode.STALE_EVENT, detail=detail
            )
            self.note(("order.contradicted", told))

    def carry(self, what: str) -> None:
        """Leave *what* for the next cycle, once."""
        if what not in self.carried:
            self.carried.append(what)

    def clock(self) -> ClockFacts | None:
        """What the broker's clock says in this cycle, asked once and only where an entry needs it; None: unread."""
        if self._clock is None:
            self._clock = self.ports.broker.clock()
        return self._clock.value if isinstance(self._clock, Seen) else None

    def import_fills(self, *, earlier_only: bool = False) -> None:
        """Book every execution that is not booked yet, each once, in their order.

        On intraday bars from the session before on: a stop may have filled after its last cycle. *earlier_only*:
        those of before this session alone.
        """
        before = self.fold.previous_session if self.passes_time else None
        fills = self.ports.broker.fills(before or self.inputs.session_date)
        if not isinstance(fills, Seen):
            self.blind.add("fills")
            return
        filled: dict[str, Decimal] = {}
        for fill in fills.value:
            total = filled[fill.order_id] = filled.get(fill.order_id, Decimal(0)) + fill.quantity
            # A broker that names no execution still says which shares of its order these are.
            key = fill.execution_id or f"{fill.order_id}#{total:f}"
            order = None if self.fold.is_booked(key) else self.by_client_id(fill.client_order_id)
            if earlier_only and fill.session_date >= self.inputs.session_date:
                continue
            if order is not None and not is_settled(order):  # what a person stated is not booked twice
                named = fill.model_copy(update={"execution_id": key})
                self.note(("order.filled", self._fill(order, named)))

    def import_older(self, order: Order) -> None:
        """Book the fills of one order that are older than what ``import_fills`` reads, and not booked yet.

        Their ids are forgotten by then: what is booked is the order's first shares, in the order of time.
        """
        fills = self.ports.broker.fills(order.session_date)
        if not isinstance(fills, Seen):
            self.blind.add("fills")
            return
        total = Decimal(0)
        for fill in fills.value:
            if fill.client_order_id == order.client_order_id and not is_settled(order):
                total += fill.quantity
                if total > order.filled and not self.fold.is_booked(fill.execution_id):
                    self.note(("order.filled", self._fill(order, fill)))

    def coverable(self, position: Position) -> Decimal:
        """Shares of *position* that a stop may cover in this cycle."""
        return min(
            Decimal(position.quantity), self.caps.get(position.position_id, Decimal(position.quantity))
        )

    def known(self, ord_id: str) -> Order:
        """An order that was announced, as it stands."""
        order = self.fold.order(ord_id)
        assert order is not None, f"{ord_id} was never announced"
        return order

    def by_client_id(self, client_id: str) -> Order | None:
        """The order of that client id, working or ended in this session."""
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
            order_id=fill.order_id,
        )
