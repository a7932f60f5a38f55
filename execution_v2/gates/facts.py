"""What a gate may know: one entry, recorded facts, and configuration; no exit has a type that fits here.

A fact that could not be had is ``None`` or a read fault; the gate that needs it then refuses.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from pydantic import model_validator

from execution_v2.protections import Protections
from portfolio.exposure import Exposure
from portfolio.limits import LimitsConfig, PortfolioConfig
from portfolio.sleeves import Sharing, Use
from schemas.base import Fact, Scalar
from schemas.book import BookState, Side, TimeInForce
from schemas.decisions import Decisions
from schemas.header import Finding
from schemas.lifecycle import LifecycleState
from schemas.observations import AssetFacts, BrokerOrder, ClockFacts, ControlObservation, QuoteFacts
from schemas.posture import PostureState
from schemas.reasons.gates import RecordCode
from schemas.reasons.ledger import ReadFaultCode

OBSERVATIONS_ASKED: Final = ("account", "positions", "orders")
"""Observations without which no entry is judged."""


class Phase(StrEnum):
    """When the gates are asked: before the open for the session, and again before each send."""

    E = "E"
    S = "S"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryOrder:
    """One entry as it would be sent: a limit order. Prices in USD; whether they are sane, gate 19 asks."""

    intent_id: str
    decision_id: str | None
    strategy_id: str
    sleeve_id: str
    symbol: str
    side: Side
    rank: int
    quantity: Decimal
    limit: Decimal | None
    limit_cap: Decimal
    stop: Decimal | None
    """The planned protective stop; in a cycle stop' of strategy.md 4.2."""
    time_in_force: TimeInForce
    scaled_to_zero: bool = False
    """The size factor leaves no share of it; ``quantity`` is then the unscaled one, for the other gates to judge."""

    @property
    def is_priced(self) -> bool:
        """Whether quantity and limit are numbers to reckon with; gate 19 refuses an entry without."""
        return self.limit is not None and self.limit.is_finite() and self.quantity.is_finite()

    @property
    def notional(self) -> Decimal:
        """quantity * limit, USD; 0 unless priced."""
        return self.quantity * self.limit if self.is_priced and self.limit is not None else Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SendMoment:
    """What is known only in a cycle, just before a send.

    Attributes:
        now: the cycle's instant.
        open_at, close_at: the session's hours by our calendar.
        clock: the broker's clock and hours; None: not read.
        observed_at: instant of each observation, by name; one that is not here has no age.
        quote: of the entry's symbol; None: there is none.
        restricted: whether the broker bars the account from trading; None: unknown.
        held_up: symbols in which book and broker differ; None: they were not compared.
        foreign: working orders at the broker that no record of ours names.
        sessions: the session and those before it, oldest first; empty: unknown.
        asset: whether the entry's symbol can be traded now; None: the broker did not say, or was not asked.
        assets_asked: whether it was asked. Daily-bar cycles do not ask; where one asked, no answer is a no.
        day_trades: of the last five sessions as the broker counts them; None: it does not report them.
        breaker_open: whether the broker failed so often of late that nothing is added until it answers again.
        posture, lifecycle: as of this moment's tick; None: no tick judged it.
        size_factor: what is left of a quantity under both.
        entries_in_cycle: entries authorised in this cycle so far.
    """

    now: datetime
    open_at: datetime
    close_at: datetime
    clock: ClockFacts | None
    observed_at: Mapping[str, datetime]
    quote: QuoteFacts | None
    restricted: bool | None
    held_up: frozenset[str] | None
    foreign: tuple[BrokerOrder, ...]
    sessions: tuple[date, ...]
    asset: AssetFacts | None = None
    assets_asked: bool = False
    day_trades: int | None = None
    breaker_open: bool = False
    posture: PostureState | None = None
    lifecycle: LifecycleState | None = None
    size_factor: Decimal = Decimal(1)
    entries_in_cycle: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFacts:
    """The recorded facts of the moment.

    Attributes:
        session_date, data_session: D, and P, the session before it.
        control: what the operator's switches said; None: could not be read.
        book: fold of the journal; None: unknown.
        exposure: worst case of the book now, reservations included; None: unknown.
        marks: last known price per symbol.
        equity, buying_power: the account's, as observed today; None: unknown.
        decisions: ``decisions.json`` of D as read, or why not.
        candidates_fault, enforcement_fault: why that file may not be used; None: good. The latter in S only.
        observed: session date of each observation read; a name that is not here, or None, was not observed.
        record: what is wrong with the journal; None: nobody looked.
        sleeve_uses: what each sleeve has in use, as *exposure* counts it; None: unknown.
        sleeve_pnl: profit of the session by sleeve_id, USD; None, or not here: unknown.
        sleeve_faults: what is wrong with the profit that a person stated.
        entry_strategies: strategies that wish for an entry in this session; None: unknown.
        moment: what only a cycle knows; None in phase E.
    """

    book_id: str
    session_date: date
    data_session: date
    control: ControlObservation | None
    book: BookState | None
    exposure: Exposure | None
    marks: Mapping[str, Decimal]
    equity: Decimal | None
    buying_power: Decimal | None
    decisions: Decisions | ReadFaultCode
    candidates_fault: ReadFaultCode | None
    enforcement_fault: ReadFaultCode | None
    observed: Mapping[str, date | None]
    record: tuple[RecordCode, ...] | None
    sleeve_uses: Mapping[str, Use] | None
    sleeve_pnl: Mapping[str, Decimal | None]
    sleeve_faults: tuple[str, ...]
    entry_strategies: frozenset[str] | None
    moment: SendMoment | None


class EnforcementConfig(Fact):
    """What the gates read of the settings; decisions and gates share one table of limits."""

    portfolio: PortfolioConfig
    sharing: Sharing = Sharing()
    """How strategies share the book; left out, by the book's own sleeves, nothing unsleeved, no overlap."""
    decision_enforce: bool = False
    """``PORTFOLIO_DECISION_ENFORCE``: on, only what was allowed may be entered, and no more of it."""
    allowlist: tuple[str, ...] | None = None
    """``ALLOWLIST_SYMBOLS``: None: not set."""
    phase_c: bool = False
    """``PHASE_C``: on, the live book enters one symbol of one strategy on one date."""
    live_enable_date: str | None = None
    """``LIVE_ENABLE_DATE_NY``, as written: gate 4 says what is wrong with it."""
    quote_age_s_max: Decimal = Decimal(15)
    observation_age_s_max: Decimal = Decimal(60)
    protections: Protections = Protections()

    @model_validator(mode="before")
    @classmethod
    def _own_sleeves(cls, given: Any) -> Any:
        """The sleeves that the book's own configuration states, where nothing else is said."""
        portfolio = given.get("portfolio") if isinstance(given, dict) else None
        if isinstance(portfolio, PortfolioConfig) and "sharing" not in given:
            return {**given, "sharing": Sharing(sleeves=portfolio.sleeves)}
        return given

    @property
    def limits(self) -> LimitsConfig:
        """The book's limits."""
        return self.portfolio.limits


Check = Callable[[EntryOrder, GateFacts, EnforcementConfig], tuple[Finding, ...]]
BookCheck = Callable[[GateFacts, EnforcementConfig], tuple[Finding, ...]]


def finding(
    code: StrEnum, subject: str, observed: object = None, threshold: object = None, detail: str = ""
) -> Finding:
    """A gate's finding; numbers and dates as text, None for what could not be read."""
    return Finding(
        code=code, subject=subject, observed=_plain(observed), threshold=_plain(threshold), detail=detail
    )


def _plain(value: object) -> Scalar:
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, date) else str(value)
