"""Only this module authorises an entry: every gate of the phase is asked, the first to fail is the verdict.

``judge`` is asked for one entry, before the open (E) and again before each send (S). ``run`` is the stage of
phase E: entries in the order of deciding, each authorised one reserving its slot, gross and cash before the
next. No exit comes here: ``EntryOrder`` is the only thing that a gate can be asked about (L3).
"""

from collections.abc import Mapping
from dataclasses import InitVar, dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from execution_v2.gates.facts import EnforcementConfig, EntryOrder, GateFacts, Phase
from execution_v2.gates.risk_per_trade import risk_of
from execution_v2.gates.table import GATES
from execution_v2.sleeve_facts import before_the_open, sleeve_pnl
from portfolio import exposure as exposures
from portfolio.arbiter import NO_PEERS, Peers, size_at
from portfolio.batch import candidates_fault, is_drawn_down, sizing_equity
from portfolio.decide import adv_shares20, arbitrated
from portfolio.modulation import asked
from portfolio.moment import Moment, moment_of
from portfolio.sizing import wish_of
from portfolio.sleeves import use_by_sleeve
from schemas.base import down
from schemas.book import BookState
from schemas.candidates import Candidates, TradeIntent
from schemas.decisions import Decisions, Modulation
from schemas.enforcement import AuthorisedEntry, Enforcement, RefusedEntry, Reserved
from schemas.events import GateVerdict
from schemas.observations import AccountFacts, ControlObservation
from schemas.reasons.gates import RecordCode
from schemas.reasons.ledger import ReadFaultCode
from schemas.regime import Regime
from schemas.snapshot import Snapshot

_ONLY_HERE: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorised:
    """An entry that every gate of *phase* let pass. Only one of S may be sent; only ``judge`` makes one."""

    entry: EntryOrder
    phase: Phase
    gates: tuple[GateVerdict, ...]
    made_by: InitVar[object]

    def __post_init__(self, made_by: object) -> None:
        assert made_by is _ONLY_HERE, "only enforce.judge authorises an entry"
        assert all(row.passed for row in self.gates), "authorised past a failing gate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An entry that gate *gate* refused first, with *code*; ``gates`` holds every gate's answer."""

    entry: EntryOrder
    phase: Phase
    gate: str
    code: str
    gates: tuple[GateVerdict, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnforcementInputs:
    """What phase E rests on: recorded files and observations of D, each as read or why not.

    ``marks``: last known close per symbol on the basis of D, USD. ``observed``: session date of each
    observation (``account``, ``positions``, ``orders``); a failed one is None. ``regime``: asked for where E2 is
    on and decisions do not bind. Else as ``DecisionInputs``.
    """

    book_id: str
    session_date: date
    data_session: date
    candidates: Candidates | ReadFaultCode
    decisions: Decisions | ReadFaultCode
    snapshot: Snapshot | ReadFaultCode
    book: BookState | ReadFaultCode
    account: AccountFacts | ReadFaultCode
    control: ControlObservation | ReadFaultCode
    marks: Mapping[str, Decimal]
    observed: Mapping[str, date | None]
    record: tuple[RecordCode, ...] | None
    """What is wrong with the session's journal; None where nobody looked."""
    stated_pnl: str | None = None
    """``S2_DAILY_PNL_JSON`` as this morning recorded it; None: not given."""
    regime: Regime | ReadFaultCode | None = None
    peers: Peers = NO_PEERS
    """Sectors and correlations, for the size of an intent alone."""


def judge(
    entry: EntryOrder, facts: GateFacts, config: EnforcementConfig, phase: Phase
) -> Authorised | Refused:
    """Ask every gate of *phase* about *entry*; the first failing one in table order is the verdict."""
    assert isinstance(entry, EntryOrder), "L3: a gate was asked about something that is no entry"
    gates = tuple(
        GateVerdict(gate=gate.name, phase=phase, passed=not findings, findings=findings)
        for gate in GATES
        if phase in gate.phases
        for findings in (gate.check(entry, facts, config),)
    )
    failed = next((row for row in gates if not row.passed), None)
    if failed is None:
        return Authorised(entry=entry, phase=phase, gates=gates, made_by=_ONLY_HERE)
    return Refused(entry=entry, phase=phase, gate=failed.gate, code=failed.findings[0].code, gates=gates)


def run(inputs: EnforcementInputs, config: EnforcementConfig) -> Enforcement:
    """Authorise the session's entries, or say of each which gate refused it; a fault refuses all of them."""
    facts = facts_of(inputs, config)
    authorised: list[AuthorisedEntry] = []
    refused: list[RefusedEntry] = []
    for sequence, entry in enumerate(_entries(inputs, facts, config), start=1):
        result = judge(entry, facts, config, Phase.E)
        if isinstance(result, Refused):
            refused.append(_refused_row(result, sequence))
            continue
        row = _authorised_row(result, sequence)
        authorised.append(row)
        facts = _reserve(facts, row, config)
    return Enforcement(
        decision_enforced=config.decision_enforce,
        book_gates=_book_gates(facts_of(inputs, config), config),
        authorised=tuple(authorised),
        refused=tuple(refused),
        reserved=Reserved(
            entries=len(authorised),
            gross=sum((row.notional for row in authorised), Decimal(0)),
            cash=sum((row.notional for row in authorised), Decimal(0)),
            risk=sum((row.risk for row in authorised), Decimal(0)),
        ),
        modulation=_modulation(inputs, config),
    )


def facts_of(inputs: EnforcementInputs, config: EnforcementConfig) -> GateFacts:
    """The gates' facts before anything is reserved; whatever could not be read is None."""
    book = None if isinstance(inputs.book, ReadFaultCode) else inputs.book
    account = None if isinstance(inputs.account, ReadFaultCode) else inputs.account
    exposure = None
    if book is not None:
        cash = None if account is None else account.cash
        exposure = exposures.measure(book, inputs.marks, inputs.session_date, cash=cash)
    earned = sleeve_pnl(config.sharing, before_the_open(book, inputs.marks), inputs.stated_pnl)
    return GateFacts(
        book_id=inputs.book_id,
        session_date=inputs.session_date,
        data_session=inputs.data_session,
        control=None if isinstance(inputs.control, ReadFaultCode) else inputs.control,
        book=book,
        exposure=exposure,
        marks=inputs.marks,
        equity=None if account is None else account.equity,
        buying_power=None if account is None else account.buying_power,
        decisions=inputs.decisions,
        candidates_fault=candidates_fault(
            inputs.candidates, inputs.book_id, inputs.session_date, inputs.data_session
        ),
        enforcement_fault=None,
        observed=inputs.observed,
        record=inputs.record,
        sleeve_uses=None if exposure is None else use_by_sleeve(exposure, config.sharing),
        sleeve_pnl=earned.by_sleeve,
        sleeve_faults=earned.faults,
        entry_strategies=strategies_of(inputs.candidates),
        moment=None,
    )


def strategies_of(candidates: Candidates | ReadFaultCode) -> frozenset[str] | None:
    """Strategies that wish for an entry; None if the wishes could not be read."""
    if isinstance(candidates, ReadFaultCode):
        return None
    return frozenset(intent.strategy_id for intent in candidates.intents)


def _entries(
    inputs: EnforcementInputs, facts: GateFacts, config: EnforcementConfig
) -> tuple[EntryOrder, ...]:
    if isinstance(inputs.candidates, ReadFaultCode) or facts.candidates_fault is not None:
        return ()
    adv, modulation = adv_shares20(inputs.candidates), _modulation(inputs, config)
    moment = None
    if facts.exposure is not None:
        moment = moment_of(facts.exposure, config.sharing, inputs.peers.sectors)
    return tuple(
        _entry(intent, adv.get(intent.symbol), inputs, moment, config, modulation)
        for intent in arbitrated(inputs.candidates.intents)
    )


def _entry(
    intent: TradeIntent,
    adv: Decimal | None,
    inputs: EnforcementInputs,
    moment: Moment | None,
    config: EnforcementConfig,
    modulation: Modulation | None,
) -> EntryOrder:
    """The entry of *intent* at its sizing price: what was decided if decisions bind, else its own size."""
    decision = None if isinstance(inputs.decisions, ReadFaultCode) else inputs.decisions.of(intent.intent_id)
    wish = wish_of(intent, adv, config.portfolio)
    quantity = Decimal(0)
    if config.decision_enforce:
        quantity = Decimal(0) if decision is None else decision.q2
    else:
        # Alone: *moment* holds the book as it was before this session's first reservation.
        equity = sizing_equity(inputs.snapshot, inputs.account)
        if equity is not None and moment is not None and wish.is_sizable:
            sized = size_at(
                wish,
                intent.strategy_id,
                moment,
                equity=equity,
                config=config.portfolio,
                sharing=config.sharing,
                peers=inputs.peers,
                modulation=modulation,
                shared_risk={},
            )
            quantity = Decimal(sized.q2)
    return EntryOrder(
        intent_id=intent.intent_id,
        decision_id=None if decision is None else decision.decision_id,
        strategy_id=intent.strategy_id,
        sleeve_id=intent.sleeve_id,
        symbol=intent.symbol,
        side=intent.side,
        rank=intent.rank,
        quantity=quantity,
        limit=down(wish.price),
        limit_cap=intent.entry.limit_cap,
        stop=intent.stop_plan.initial_stop,
        time_in_force=intent.time_in_force,
    )


def _modulation(inputs: EnforcementInputs, config: EnforcementConfig) -> Modulation | None:
    """What lowers an intent's own size; what was decided has been through it already."""
    book, guarded = config.portfolio, is_drawn_down(inputs.snapshot, config.portfolio)
    regime = None if config.decision_enforce else inputs.regime
    return asked(regime, inputs.data_session, book.limits, guarded=guarded)


def _book_gates(facts: GateFacts, config: EnforcementConfig) -> tuple[GateVerdict, ...]:
    return tuple(
        GateVerdict(gate=gate.name, phase=Phase.E, passed=not findings, findings=findings)
        for gate in GATES
        if gate.check_book is not None and Phase.E in gate.phases
        for findings in (gate.check_book(facts, config),)
    )


def _reserve(facts: GateFacts, row: AuthorisedEntry, config: EnforcementConfig) -> GateFacts:
    assert facts.exposure is not None, "authorised against an unknown exposure"
    exposure = facts.exposure.after(
        intent_id=row.intent_id,
        strategy_id=row.strategy_id,
        symbol=row.symbol,
        quantity=int(row.quantity),
        price=row.limit,
    )
    return replace(facts, exposure=exposure, sleeve_uses=use_by_sleeve(exposure, config.sharing))


def _authorised_row(result: Authorised, sequence: int) -> AuthorisedEntry:
    entry = result.entry
    assert entry.limit is not None, "gate 19 demands a limit"
    assert entry.stop is not None, "gate 6 demands a stop"
    return AuthorisedEntry(
        intent_id=entry.intent_id,
        decision_id=entry.decision_id,
        strategy_id=entry.strategy_id,
        sleeve_id=entry.sleeve_id,
        symbol=entry.symbol,
        side=entry.side,
        rank=entry.rank,
        sequence=sequence,
        quantity=entry.quantity,
        limit=entry.limit,
        limit_cap=entry.limit_cap,
        stop=entry.stop,
        time_in_force=entry.time_in_force,
        notional=entry.quantity * entry.limit,
        risk=risk_of(entry),
        gates=result.gates,
    )


def _refused_row(result: Refused, sequence: int) -> RefusedEntry:
    entry = result.entry
    return RefusedEntry(
        intent_id=entry.intent_id,
        decision_id=entry.decision_id,
        strategy_id=entry.strategy_id,
        sleeve_id=entry.sleeve_id,
        symbol=entry.symbol,
        side=entry.side,
        rank=entry.rank,
        sequence=sequence,
        quantity=entry.quantity,
        gate=result.gate,
        code=result.code,
        gates=result.gates,
    )
