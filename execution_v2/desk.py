"""A cycle writes each change down before it believes it: one journal, one live fold, one instant at a time.

Who sends (``send``, ``replace``) and who finds out (``resolve``) do it through this desk.
"""

from execution_v2.broker.port import Clock, Seen
from execution_v2.client_id import own_prefix
from execution_v2.ports import CycleConfig, CycleInputs, Ports
from execution_v2.reduce import Fold
from schemas.base import Fact
from schemas.book import Order
from schemas.cycle import CycleKind
from schemas.events import OrderFilled
from schemas.ids import fill_id
from schemas.journal import JournalRecord
from schemas.observations import BrokerFill, ClockFacts

Event = tuple[str, Fact]


class Desk:
    """One cycle's hands: the live fold, the journal, and the doors.

    Attributes: fold (the state as of the last record), at (the instant that records carry: on daily bars that of
    the cycle, on intraday bars the moment), records (this cycle's), blind (reads that failed, by name), carried
    (work left for the next cycle, in order).
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

    def pause(self, seconds: float) -> None:
        """Wait, and look at the clock again."""
        self.ports.pause(seconds)
        self.tick()

    def tick(self) -> None:
        """Look at the clock, where time passes within a cycle."""
        if self.inputs.kind is CycleKind.INTRADAY:
            self.at = self.ports.now()

    def carry(self, what: str) -> None:
        """Leave *what* for the next cycle, once."""
        if what not in self.carried:
            self.carried.append(what)

    def clock(self) -> ClockFacts | None:
        """What the broker's clock says in this cycle, asked once and only where an entry needs it; None: unread."""
        if self._clock is None:
            self._clock = self.ports.broker.clock()
        return self._clock.value if isinstance(self._clock, Seen) else None

    def import_fills(self) -> None:
        """Book every execution of the session that is not booked yet, each once, in their order."""
        fills = self.ports.broker.fills(self.inputs.session_date)
        if not isinstance(fills, Seen):
            self.blind.add("fills")
            return
        for fill in fills.value:
            if fill.execution_id not in self.fold.booked:
                order = self.by_client_id(fill.client_order_id)
                if order is not None:
                    self.note(("order.filled", self._fill(order, fill)))

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
        )
