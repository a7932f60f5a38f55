"""One entry and all that a gate may know: ``good()`` passes every gate in every book, each test breaks one thing."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from execution_v2.enforce import Authorised, Refused, judge
from execution_v2.gates.facts import EnforcementConfig, EntryOrder, GateFacts, Phase, SendMoment
from execution_v2.protections import Protections
from portfolio.exposure import measure
from portfolio.limits import Sleeve
from portfolio.sleeves import Sharing, use_by_sleeve
from schemas.book import Leg, PositionPlan, Side, TimeInForce
from schemas.lifecycle import Lifecycle, LifecycleState
from schemas.observations import ClockFacts, QuoteFacts
from schemas.posture import PostureState
from schemas.reasons.ledger import ReadFaultCode
from tests.portfolio.books import CORE, D, P, book, config_with, control, order, position, usd

BOOK: Final = "ALPACA_LIVE"  # the one book that every gate asks
MARKS: Final = {"AAA": usd("50"), "HELD": usd("50")}
OPEN_AT: Final = datetime(2016, 6, 2, 13, 30, tzinfo=UTC)
CLOSE_AT: Final = datetime(2016, 6, 2, 20, 0, tzinfo=UTC)
NOW: Final = OPEN_AT + timedelta(minutes=5)
PLAN: Final = PositionPlan(
    initial_stop=usd("45"),
    level=usd("50"),
    entry_ref=usd("50"),
    limit_cap=usd("51"),
    r1=usd("55"),
    r1_fraction=usd("0.5"),
    r2=usd("60"),
    r2_fraction=usd("0.5"),
    trail_fraction=usd("0.5"),
)
SLEEVE: Final = Sleeve(
    sleeve_id=CORE,
    max_daily_loss=usd("2000"),
    max_gross_exposure=usd("100000"),
    max_concurrent_positions=10,
)
CONFIG: Final = EnforcementConfig(
    portfolio=config_with(BOOK),
    sharing=Sharing(sleeves={CORE: SLEEVE}),
    allowlist=("AAA",),
    phase_c=True,
    live_enable_date=D.isoformat(),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One entry and all that a gate may know; ``good()`` passes every gate."""

    entry: EntryOrder
    facts: GateFacts
    config: EnforcementConfig

    def entry_with(self, **over: Any) -> "World":
        return replace(self, entry=replace(self.entry, **over))

    def facts_with(self, **over: Any) -> "World":
        return replace(self, facts=replace(self.facts, **over))

    def control_with(self, **over: Any) -> "World":
        assert self.facts.control is not None
        return self.facts_with(control=self.facts.control.model_copy(update=over))

    def config_with(self, **over: Any) -> "World":
        return replace(self, config=self.config.model_copy(update=over))

    def more_with(self, positions: tuple[Any, ...] = (), orders: tuple[Any, ...] = ()) -> "World":
        """With these besides what the book has."""
        assert self.facts.book is not None
        return self.book_with(
            positions=(*self.facts.book.positions, *positions), orders=(*self.facts.book.orders, *orders)
        )

    def moment_with(self, **over: Any) -> "World":
        assert self.facts.moment is not None
        return self.facts_with(moment=replace(self.facts.moment, **over))

    def clock_with(self, **over: Any) -> "World":
        assert self.facts.moment is not None
        if self.facts.moment.clock is None:
            return self  # already worse
        return self.moment_with(clock=self.facts.moment.clock.model_copy(update=over))

    def at(self, now: datetime) -> "World":
        """The same, later or earlier: everything is read afresh."""
        quote = QuoteFacts(symbol="AAA", last=usd("50"), as_of=now)
        read = dict.fromkeys(("account", "positions", "orders"), now)
        return self.clock_with(now=now).moment_with(now=now, quote=quote, observed_at=read)

    def sleeve_with(self, **caps: Any) -> "World":
        """With other caps of the strategy's sleeve."""
        sharing = self.config.sharing
        sleeve = sharing.sleeves.get(CORE, SLEEVE).model_copy(update=caps)
        return self.config_with(sharing=sharing.model_copy(update={"sleeves": {CORE: sleeve}}))

    def overlapping(self) -> "World":
        """Where strategies may share a symbol."""
        return self.config_with(sharing=self.config.sharing.model_copy(update={"allow_symbol_overlap": True}))

    def protections_with(self, **rules: Any) -> "World":
        """With these rules over the whole book."""
        return self.config_with(protections=Protections.model_validate({"book": rules}))

    def limits_with(self, **over: Any) -> "World":
        limits = self.config.limits.model_copy(update=over)
        return self.config_with(portfolio=self.config.portfolio.model_copy(update={"limits": limits}))

    def book_with(self, **over: Any) -> "World":
        assert self.facts.book is not None
        state = self.facts.book.model_copy(update=over)
        cash = None if self.facts.exposure is None else self.facts.exposure.cash
        exposure = measure(state, MARKS, D, cash=cash)
        uses = use_by_sleeve(exposure, self.config.sharing)
        return self.facts_with(book=state, exposure=exposure, sleeve_uses=uses)

    def judged(self, phase: Phase = Phase.S) -> Authorised | Refused:
        facts = self.facts if phase is Phase.S else replace(self.facts, moment=None)
        return judge(self.entry, facts, self.config, phase)


def good() -> World:
    state = book([position("HELD", 10)], [order("HELD", 10, leg=Leg.STOP, stop=usd("45"))])
    return World(
        entry=EntryOrder(
            intent_id="int_AAA",
            decision_id="dec_AAA",
            strategy_id=CORE,
            sleeve_id=CORE,
            symbol="AAA",
            side=Side.BUY,
            rank=1,
            quantity=Decimal(10),
            limit=usd("50.00"),
            limit_cap=usd("50.50"),
            stop=usd("46.80"),
            time_in_force=TimeInForce.DAY,
        ),
        facts=GateFacts(
            book_id=BOOK,
            session_date=D,
            data_session=P,
            control=control(),
            book=state,
            exposure=measure(state, MARKS, D),
            marks=MARKS,
            equity=usd("100000"),
            buying_power=usd("100000"),
            decisions=ReadFaultCode.MISSING,  # not asked while decisions do not bind
            candidates_fault=None,
            enforcement_fault=None,
            observed={"account": D, "positions": D, "orders": D},
            record=(),
            sleeve_uses=use_by_sleeve(measure(state, MARKS, D), CONFIG.sharing),
            sleeve_pnl={CORE: Decimal(0)},
            sleeve_faults=(),
            entry_strategies=frozenset({CORE}),
            moment=SendMoment(
                now=NOW,
                open_at=OPEN_AT,
                close_at=CLOSE_AT,
                clock=ClockFacts(now=NOW, is_open=True, session_date=D, open_at=OPEN_AT, close_at=CLOSE_AT),
                observed_at={"account": NOW, "positions": NOW, "orders": NOW},
                quote=QuoteFacts(symbol="AAA", last=usd("50"), as_of=NOW),
                restricted=False,
                held_up=frozenset(),
                foreign=(),
                sessions=(P, D),
                posture=PostureState(),
                lifecycle=LifecycleState(state=Lifecycle.ACTIVE),
            ),
        ),
        config=CONFIG,
    )
