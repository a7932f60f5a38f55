"""What must hold whatever happens is checked at every request, at every cycle's end, and when all is quiet.

Each check is an invariant of execution.md 1.4, asked of the exchange's own books where they know better than ours. A
violation names the invariant and what was found; the run ends there, and its seed reproduces it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Protocol

from execution_v2.broker.port import CancelOrder, ReplaceOrder, SubmitOrder
from execution_v2.client_id import is_own
from execution_v2.reduce import Fold, state_digest
from execution_v2.transitions import UNKNOWN
from portfolio.limits import LimitsConfig
from schemas.base import SessionDate, down
from schemas.book import ENDED, BookState, Leg, Order, OrderState, Side
from schemas.journal import JournalRecord
from schemas.observations import BrokerOrder
from simulation.order_rules import is_successor
from simulation.seeds.laws import Laws
from simulation.venue import rest_of

ZERO: Final = Decimal(0)
CALLS_MAX: Final = 600
"""Requests of one cycle to everybody outside: far above what six symbols need, far below a loop."""
PAUSED_MAX_S: Final = 300.0
"""Seconds that one cycle may wait in all: its own budgets end it at 270, and the request under way after that."""


_LEAVING: Final = frozenset({"pending_cancel", "pending_replace"})
"""Statuses of an order that may still sell and will not stay: no cover to count on, and no sale to make beside it."""


class Violated(BaseException):
    """An invariant does not hold. Attributes: invariant (``I2``), found.

    A BaseException: a cycle guards its positions from each other, and no guard of ours may survive this.
    """

    def __init__(self, invariant: str, found: str) -> None:
        super().__init__(invariant, found)
        self.invariant = invariant
        self.found = found

    def __str__(self) -> str:
        return f"{self.invariant}: {self.found}"


class Truth(Protocol):
    """The exchange's own books, as nobody but a checker may see them."""

    def holdings(self) -> Mapping[str, Decimal]: ...

    def orders(self) -> Iterable[BrokerOrder]: ...

    def cash(self) -> Decimal: ...

    def last(self, symbol: str) -> Decimal | None: ...


@dataclass(slots=True)
class Watch:
    """The checks of one run.

    Attributes: prefix (of own client ids), limits, is_synced (whether what the journal holds would survive the power),
    checks (how often each invariant was asked), worst (the largest exposure over its cap, a fraction).
    """

    prefix: str
    limits: LimitsConfig
    truth: Truth
    is_synced: Callable[[], bool]
    checks: Counter[str] = field(default_factory=Counter)
    worst: Decimal = ZERO
    marks: dict[str, Decimal] = field(default_factory=dict)
    """The prices that this cycle was shown last: what its caps were reckoned with."""
    stops: dict[str, tuple[str, Decimal]] = field(default_factory=dict)
    """Intent -> its symbol and the tightest stop that ever stood for it, on the basis of the day."""
    on_the_way: dict[str, tuple[str, str, Decimal]] = field(default_factory=dict)
    """Client id -> (symbol, intent, price) of stops that were sent and not seen at the exchange yet."""
    sent: dict[str, tuple[str, Leg]] = field(default_factory=dict)
    """Client id -> (intent, leg) of every own order that was ever sent."""
    entered: dict[SessionDate, set[str]] = field(default_factory=dict)
    """Intents with an entry sent, by session."""
    no_entry: str | None = None
    """Why nothing may be bought in this slot."""
    bare: dict[str, str] = field(default_factory=dict)
    """Symbol -> the stop that this process ended while shares were held that nothing else covers."""
    told_ended: set[str] = field(default_factory=set)
    """Orders of which a cancel was answered as done, truly or not."""
    rebased: set[str] = field(default_factory=set)
    """Symbols split since a stop was sent for them last: one that the broker kept as it was is ended first."""

    laws: Laws = field(init=False)
    """Of posture and lifecycle."""

    def hold(self, invariant: str, holds: bool, found: str) -> None:
        """Check one."""
        self.checks[invariant] += 1
        if not holds:
            raise Violated(invariant, found)

    # -- before a request leaves -----------------------------------------------------------------------------

    def asked(self, calls: int, paused_s: float) -> None:
        """A request is about to be made: so many were, and so long was waited, in this cycle."""
        self.hold("I3", calls <= CALLS_MAX, f"{calls} requests in one cycle")
        self.hold("I3", paused_s <= PAUSED_MAX_S, f"{paused_s:.0f} s of waiting in one cycle")

    def submit(self, request: SubmitOrder, fold: Fold, session: SessionDate, equity: Decimal) -> None:
        """An order is about to be sent."""
        order = self._announced(request.client_order_id, fold)
        self.hold("I9", self.is_synced(), f"{request.client_order_id} sent before its record was synced")
        if any(o.client_order_id == request.client_order_id for o in self.truth.orders()):
            return  # the venue takes an id once: whoever sends it again changes nothing
        if request.side is Side.BUY:
            self._entry(request, order, session, equity)
        else:
            self._sale(order, request.quantity, None, fold)
            ended = self.bare.pop(request.symbol, None)
            if request.stop is not None:
                may_be_bare = ended is None or request.symbol in self.rebased
                self.hold("I3", may_be_bare, f"{request.symbol}: nothing stood between {ended} and this stop")
                self.rebased.discard(request.symbol)
                self._stop(request.client_order_id, order, request.stop)
        self.sent[request.client_order_id] = (order.intent_id, order.leg)

    def replace(self, request: ReplaceOrder, fold: Fold) -> None:
        """A working order is about to be exchanged."""
        new = self._announced(request.client_order_id, fold)
        old = next((o for o in self.truth.orders() if o.order_id == request.order_id), None)
        self.hold("I9", self.is_synced(), f"{request.client_order_id} sent before its record was synced")
        self.hold(
            "I12",
            old is None or is_own(self.prefix, old.client_order_id),
            f"a foreign order is replaced: {old}",
        )
        self.bare.pop(new.symbol, None)  # a stop that ended for this one: its shares are to be taken over
        is_taken = any(o.client_order_id == request.client_order_id for o in self.truth.orders())
        if is_taken or old is None or not old.is_working:
            return  # the venue refuses it, whoever sends it late
        if request.stop is not None:
            self._stop(request.client_order_id, new, request.stop)
        self._sale(new, request.quantity, new.replaces, fold)
        self.sent[request.client_order_id] = (new.intent_id, new.leg)

    def cancel(self, request: CancelOrder) -> None:
        """A working order is about to be ended."""
        order = next((o for o in self.truth.orders() if o.order_id == request.order_id), None)
        self.hold(
            "I12",
            order is None or is_own(self.prefix, order.client_order_id),
            f"a foreign order is cancelled: {order}",
        )
        if order is not None and order.is_working and order.stop is not None:
            rest = self._covered(order.symbol, but=order.order_id)
            if rest < self.truth.holdings().get(order.symbol, ZERO):
                self.bare[order.symbol] = order.client_order_id

    def _announced(self, client_order_id: str, fold: Fold) -> Order:
        known = [*fold.orders.values(), *fold.ended.values()]
        order = next((o for o in known if o.client_order_id == client_order_id), None)
        self.hold("I9", order is not None, f"{client_order_id} was never journaled")
        assert order is not None
        return order

    def _entry(self, request: SubmitOrder, order: Order, session: SessionDate, equity: Decimal) -> None:
        rivals = [
            o
            for o in self.truth.orders()
            if (o.is_working or o.filled)
            and o.side is Side.BUY
            and o.client_order_id != request.client_order_id
            and self.sent.get(o.client_order_id) == (order.intent_id, Leg.ENTRY)
        ]
        self.hold("I2", not rivals, f"{order.intent_id}: a second entry beside {rivals}")
        self.hold("gates", self.no_entry is None, f"{order.symbol} is bought, and {self.no_entry}")
        today = self.entered.setdefault(session, set())
        today.add(order.intent_id)
        most = self.limits.entries_per_day_max
        self.hold("I4", len(today) <= most, f"{len(today)} entries on {session}, {most} are allowed")
        self.laws.entry(request.symbol, order.intent_id, request.quantity)
        assert request.limit is not None, "an entry is a limit order"
        self._exposure(request.symbol, request.quantity * request.limit, equity)

    def _exposure(self, symbol: str, added: Decimal, equity: Decimal) -> None:
        worth: dict[str, Decimal] = {}
        for name, quantity in self.truth.holdings().items():
            worth[name] = quantity * self._mark(name)
        for order in self.truth.orders():
            if order.is_working and order.side is Side.BUY:
                price = max(self._mark(order.symbol), order.limit or ZERO)
                worth[order.symbol] = worth.get(order.symbol, ZERO) + (order.quantity - order.filled) * price
        worth[symbol] = worth.get(symbol, ZERO) + added
        cap = min(self.limits.gross_abs_max_usd, self.limits.gross_pct_max * equity)
        total = sum(worth.values(), ZERO)
        self.worst = max(
            self.worst, total / cap - 1, worth[symbol] / (self.limits.symbol_pct_max * equity) - 1
        )
        self.hold("I4", self.worst <= 0, f"{symbol}: {total} of {cap} gross, {worth[symbol]} in it")

    def _mark(self, symbol: str) -> Decimal:
        return self.marks.get(symbol) or self.truth.last(symbol) or ZERO

    def _sale(self, order: Order, quantity: Decimal, instead_of: str | None, fold: Fold) -> None:
        held = sum((p.quantity for p in fold.positions.values() if p.symbol == order.symbol), ZERO)
        others = [
            o
            for o in fold.orders.values()
            if o.symbol == order.symbol
            and o.side is Side.SELL
            and o.ord_id not in (order.ord_id, instead_of)
            # A successor in a PATCH is counted on the order that it replaces until then.
            and o.state is not OrderState.CREATED
        ]
        claimed = sum((o.quantity - o.filled for o in others), ZERO)
        self.hold(
            "I13",
            claimed + quantity <= held,
            f"{order.symbol}: {quantity} sold beside {claimed} possibly live, {held} held",
        )
        old = None if instead_of is None else fold.order(instead_of)
        there = self._may_sell(order.symbol, but=None if old is None else old.order_id)
        held = self.truth.holdings().get(order.symbol, ZERO) + self._unheard(order.symbol, fold)
        self.hold(
            "I13",
            there + quantity <= held,
            f"{order.symbol}: {quantity} sold beside {there} that work there, {held} held there",
        )

    def _unheard(self, symbol: str, fold: Fold) -> Decimal:
        """Shares sold at the exchange that the book cannot know of yet: a cancel was confirmed before its fill."""
        booked = {o.client_order_id: o.filled for o in (*fold.orders.values(), *fold.ended.values())}
        sales = (o for o in self.truth.orders() if (o.symbol, o.side) == (symbol, Side.SELL))
        return sum((max(ZERO, o.filled - booked.get(o.client_order_id, o.filled)) for o in sales), ZERO)

    def _sales(self, symbol: str, *, but: str | None) -> list[BrokerOrder]:
        """Sells of *symbol* that work at the exchange, other than order *but*."""
        working = (o for o in self.truth.orders() if o.is_working and o.order_id != but)
        return [o for o in working if (o.symbol, o.side) == (symbol, Side.SELL)]

    def _covered(self, symbol: str, *, but: str | None) -> Decimal:
        """Shares that sells at the exchange stay to cover; of one under exchange its successor's."""
        return sum((rest_of(o) for o in self._sales(symbol, but=but) if o.status not in _LEAVING), ZERO)

    def _may_sell(self, symbol: str, *, but: str | None) -> Decimal:
        """Shares that sells at the exchange may still bring, the leaving ones too.

        An order under exchange and its successor never both sell: the greater of the two counts, once. One that the
        exchange said was cancelled is none to who believed it, though it may fill after that (a fault of the plan).
        """
        sales = [o for o in self._sales(symbol, but=but) if o.order_id not in self.told_ended]
        after = {o.replaces: rest_of(o) for o in sales if is_successor(o)}
        stand = [o for o in sales if not is_successor(o)]
        return sum((max(rest_of(o), after.get(o.order_id, ZERO)) for o in stand), ZERO)

    # -- at a cycle's end ------------------------------------------------------------------------------------

    def cycle_ended(self, live: BookState, folded: BookState, calls: int, paused_s: float) -> None:
        """One cycle came to its end."""
        self.asked(calls, paused_s)
        self.hold("I10", state_digest(live) == state_digest(folded), "the journal folds to another state")
        self._stops()

    def covered(self, excused: frozenset[str], invariant: str = "I3") -> None:
        """Every share at the exchange has its stop or its sale; *excused*: symbols with a stated reason.

        *invariant*: I1 where something holds entries back: it may hold back nothing else.
        """
        for symbol, quantity in self.truth.holdings().items():
            if symbol in excused:
                continue
            working = [
                o for o in self.truth.orders() if o.is_working and o.symbol == symbol and o.side is Side.SELL
            ]
            covered = sum((o.quantity - o.filled for o in working), ZERO)
            self.hold(invariant, covered >= quantity, f"{symbol}: {covered} of {quantity} covered")

    def _stops(self) -> None:
        """Stops that came to stand at the exchange since they were sent are what the next one may not fall below."""
        arrived = [o for o in self.truth.orders() if o.client_order_id in self.on_the_way]
        for order in arrived:
            symbol, intent, price = self.on_the_way.pop(order.client_order_id)
            if order.status != "rejected":
                self.stops[intent] = (symbol, max(price, self.stops.get(intent, (symbol, ZERO))[1]))

    def told(self, record: JournalRecord) -> None:
        """The journal says something: of an exit that is carried, that its stop may stand again."""
        if record.event == "stop.held":
            self.bare.pop(str(record.data["symbol"]), None)

    def split(self, symbol: str, num: int, den: int) -> None:
        """*num* new shares for *den* old ones: every stop of *symbol* is worth as much less."""
        self.rebased.add(symbol)
        for intent, (name, price) in self.stops.items():
            if name == symbol:
                self.stops[intent] = (name, down(price * den / num))

    def _stop(self, client_order_id: str, order: Order, price: Decimal) -> None:
        self._stops()
        stood = self.stops.get(order.intent_id)
        self.hold(
            "I14",
            stood is None or price >= stood[1],
            f"{order.symbol}: a stop at {price} where {stood} stood",
        )
        self.on_the_way[client_order_id] = (order.symbol, order.intent_id, price)

    # -- when all is quiet -----------------------------------------------------------------------------------

    def quiet(self, state: BookState, leaving: frozenset[str]) -> None:
        """Nothing is disturbed any more: book and exchange agree, share by share and cent by cent.

        *leaving*: symbols in whose thin market an exit is still selling, below where a stop could stand.
        """
        ours: dict[str, Decimal] = {}
        for position in state.positions:
            ours[position.symbol] = ours.get(position.symbol, ZERO) + position.quantity
        theirs = dict(self.truth.holdings())
        self.hold("I5", ours == theirs, f"book {ours}, exchange {theirs}")
        self.hold("I5", state.cash == self.truth.cash(), f"cash {state.cash}, {self.truth.cash()}")
        unknown = [o.ord_id for o in state.orders if o.state in UNKNOWN]
        self.hold("I3", not unknown, f"still unknown: {unknown}")
        at_exchange = {o.client_order_id for o in self.truth.orders() if o.is_working}
        own = {c for c in at_exchange if is_own(self.prefix, c)}
        live = {o.client_order_id for o in state.orders if o.state not in ENDED}
        self.hold("I5", own == live, f"working there {sorted(own)}, here {sorted(live)}")
        self.covered(leaving)
