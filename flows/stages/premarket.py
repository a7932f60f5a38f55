"""From the bars known at 08:30 to the entries authorised for the session: six stages, each from files alone."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from flows.day import Day, StageRefused
from ledger import layout
from ledger.artifacts import Loaded, ReadFault, Written, read
from ledger.journal import parse_chain
from ledger.seal import read_manifest
from schemas.candidates import Candidates
from schemas.decisions import Decisions
from schemas.errors import Corrupt, Denied
from schemas.header import Artifact, Finding, InputRef
from schemas.market import MarketObservation
from schemas.observations import (
    AccountObservation,
    AcknowledgedObservation,
    CalendarObservation,
    ClockObservation,
    ControlObservation,
    MetricsObservation,
    OrdersObservation,
    PositionsObservation,
    SleevePnlObservation,
)
from schemas.reasons.gates import RecordCode
from schemas.reasons.ledger import ReadFaultCode
from schemas.reasons.market import DayCode
from schemas.reconciliation import Reconciliation, ReconciliationStatus
from schemas.regime import Regime
from schemas.scan import Scan
from schemas.snapshot import Snapshot
from schemas.strategy_registry import S2_INDEX_TREND

if TYPE_CHECKING:
    from market.contract import ContractResult
    from market.panel import Panel
    from schemas.book import BookState
    from strategies.scan import ScanInputs

A = TypeVar("A", bound=Artifact)
Keep = Callable[[Day, str, Artifact, Sequence[InputRef]], Written]
"""What is done with a stage's artifact: written once, or beside the one that it corrects."""

MARKET = "observations/market.json"
BOOK = "observations/book.json"
ACCOUNT = "observations/account.json"
POSITIONS = "observations/positions.json"
ORDERS = "observations/orders.json"
CLOCK = "observations/clock.json"
CONTROL = "observations/control.json"
CALENDAR = "observations/calendar.json"
ACKNOWLEDGED = "observations/acknowledged.json"
METRICS = "observations/metrics.json"
SLEEVE_PNL = "observations/sleeve_pnl.json"
SIMULATED = frozenset({"SIM"})
"""Books whose exchange is our own: its calendar is the library's, and two ways to check it are all there are."""


def market(day: Day) -> Written:
    """Judge the bars of D's market snapshot and record what was found, data_version included."""
    from flows.held import held_actions

    refs = [ref for ref in (day.ref(CALENDAR), day.ref(ACKNOWLEDGED)) if ref is not None]
    held = held_actions(day, day.house.panel(day.session))
    return day.write(MARKET, judged(day).observation.model_copy(update={"held_actions": held}), refs)


def judged(day: Day) -> "ContractResult":
    """The data contract of D: its panel, beside the calendar and the acknowledgements that the morning recorded.

    Errors: ``StageRefused`` if one of those files cannot be read; one that is not there was not recorded.
    """
    calendar = _recorded(day, "market", CALENDAR, CalendarObservation)
    lifted = _recorded(day, "market", ACKNOWLEDGED, AcknowledgedObservation)
    return day.house.contract(
        day.session,
        simulated=day.book_id in SIMULATED,
        broker=calendar.artifact.sessions if calendar is not None and calendar.artifact.ok else None,
        acknowledged=lifted.artifact.acknowledged if lifted is not None else (),
    )


def _recorded(day: Day, stage: str, name: str, model: type[A]) -> Loaded[A] | None:
    """What the morning recorded under *name*; None: nothing. Errors: ``StageRefused`` if it is unreadable."""
    found = day.read(name, model)
    if isinstance(found, Loaded):
        return found
    if found.code is ReadFaultCode.MISSING:
        return None
    raise StageRefused(stage, day, (found.finding,))


def _market(day: Day, stage: str) -> "tuple[Loaded[MarketObservation], Panel]":
    """The recorded contract and the panel that it was made from. Errors: ``StageRefused``."""
    seen = day.need(stage, MARKET, MarketObservation)
    panel = day.house.panel(day.session)
    if panel.data_version != seen.artifact.data_version:
        raise StageRefused(
            stage,
            day,
            (
                Finding(
                    code=DayCode.DAY_SNAPSHOT_CORRUPT,
                    subject=day.path(MARKET),
                    observed=panel.data_version,
                    threshold=seen.artifact.data_version,
                    detail="the store no longer holds the bars that were judged this morning",
                ),
            ),
        )
    return seen, panel


def regime(day: Day) -> Written:
    """Label the market at the close of P."""
    import numpy as np

    from analytics import regime as stage
    from analytics.regime_panel import inputs_of
    from market.contract import quarantined_codes

    seen, panel = _market(day, "regime")
    quarantined = quarantined_codes(seen.artifact)
    found = np.fromiter((s in quarantined for s in panel.symbols), np.bool_, len(panel.symbols))
    inputs = inputs_of(panel, found)
    return day.write("regime.json", stage.run(inputs, day.house.settings.regime), (seen.ref,))


def scan(day: Day) -> Written:
    """Every symbol's verdict, and why not; and every fund's, while the index trend is enabled."""
    from strategies import index_trend
    from strategies import scan as stage

    seen, _ = _market(day, "scan")
    settings, inputs = day.house.settings, scan_inputs(day)
    found = stage.run(inputs, settings.scan)
    if S2_INDEX_TREND in settings.candidates.strategies_enabled:
        trend = index_trend.run(inputs, settings.trend, settings.scan)
        found = found.model_copy(update={"trend": trend})
    refs = [ref for ref in (seen.ref, day.ref(METRICS)) if ref is not None]
    return day.write("scan.json", found, refs)


def scan_inputs(day: Day) -> "ScanInputs":
    """What the scan of *day* may know: its panel, and the data contract judged on it."""
    from strategies.scan import ScanInputs

    panel, contract = day.house.panel(day.session), judged(day)
    metrics = _recorded(day, "scan", METRICS, MetricsObservation)
    return ScanInputs(
        panel=panel,
        quarantine=contract.quarantine,
        warnings=contract.warnings,
        blocking=tuple(str(code) for code in contract.blocking),
        blocked_symbols=panel.blocking_symbols(),
        metrics=None if metrics is None else metrics.artifact,
    )


def candidates(day: Day) -> Written:
    """The ranked candidates and one intent for each; an empty list says why it is empty."""
    from strategies import candidates as stage

    scanned = day.need("candidates", "scan.json", Scan)
    calendar, settings = day.house.calendar, day.house.settings
    inputs = stage.CandidateInputs(
        book_id=day.book_id,
        session_date=day.session,
        open_at=calendar.open_at(day.session),
        close_at=calendar.close_at(day.session),
        sleeves={name: row.sleeve_id for name, row in settings.sharing(day.book_id).sleeves.items()},
    )
    artifact = stage.run(scanned.artifact, inputs, settings.candidates, settings.trend)
    return day.write("candidates.json", artifact, (scanned.ref,))


def decisions(day: Day, keep: Keep = Day.write) -> Written:
    """ALLOW, RESIZE or BLOCK for every intent, against the book of this morning."""
    from flows.guard import guarded
    from flows.peers import rebased, returns, sectors
    from portfolio import decide
    from portfolio.batch import DecisionInputs

    wished = day.need("decisions", "candidates.json", Candidates)
    seen = day.need("decisions", MARKET, MarketObservation)
    clock = day.need("decisions", CLOCK, ClockObservation)
    facts, felt = _Facts(day), _regime(day)
    stated = _stated(day)
    panel, named = day.house.panel(day.session), _named(facts.state, wished.artifact)
    inputs = DecisionInputs(
        book_id=day.book_id,
        session_date=day.session,
        data_session=day.previous,
        now=clock.artifact.as_of,
        candidates=wished.artifact,
        day_blocked=tuple(str(code) for code in judged(day).blocking),
        snapshot=facts.snapshot,
        snapshot_sealed=facts.sealed,
        book=facts.book,
        account=facts.account,
        marks=marks(day, named),
        reconciliation=facts.reconciliation,
        unsettled=facts.unsettled(day),
        rebased=rebased(panel, named),
        sectors=sectors(panel, named),
        returns=returns(panel, named),
        stated_pnl=None if stated is None else stated.artifact.text,
        regime=None if felt is None else or_code(felt),
    )
    settings = day.house.settings
    artifact = decide.run(inputs, settings.books[day.book_id], settings.sharing(day.book_id), guarded)
    refs = (wished.ref, seen.ref, *facts.refs, *_refs(felt), *_refs(stated))
    return keep(day, "decisions.json", artifact, refs)


def _stated(day: Day) -> Loaded[SleevePnlObservation] | None:
    """What this morning was told of the sleeves' profit; None: nothing. Errors: ``StageRefused``."""
    return _recorded(day, "decisions", SLEEVE_PNL, SleevePnlObservation)


def enforcement(day: Day, keep: Keep = Day.write) -> Written:
    """Which entries may be tried today, and which gate refused each of the others."""
    from execution_v2 import enforce
    from flows.peers import peers

    wished = day.need("enforcement", "candidates.json", Candidates)
    seen = day.need("enforcement", MARKET, MarketObservation)  # its marks are of the bars that were judged
    decided = day.read("decisions.json", Decisions)
    control = day.read(CONTROL, ControlObservation)
    stated = _stated(day)
    facts = _Facts(day)
    felt = None if day.house.settings.portfolio_decision_enforce else _regime(day)
    named = _named(facts.state, wished.artifact)
    inputs = enforce.EnforcementInputs(
        book_id=day.book_id,
        session_date=day.session,
        data_session=day.previous,
        candidates=wished.artifact,
        decisions=as_decided(decided),
        snapshot=facts.snapshot,
        book=facts.book,
        account=facts.account,
        control=or_code(control),
        marks=marks(day, named),
        observed=facts.observed,
        record=record_faults(day),
        stated_pnl=None if stated is None else stated.artifact.text,
        regime=None if felt is None else or_code(felt),
        peers=peers(day.house.panel(day.session), named),
    )
    artifact = enforce.run(inputs, day.house.settings.enforcement(day.book_id))
    refs = [wished.ref, seen.ref, *facts.refs, *_refs(decided, control, felt, stated)]
    return keep(day, "enforcement.json", artifact, refs)


def record_faults(day: Day) -> tuple[RecordCode, ...]:
    """What is wrong with the journal of D, read whole: an entry that cannot be put on record is not one."""
    path = layout.journal(day.book_id, day.session)
    try:
        if not day.house.disk.exists(path):
            return (RecordCode.LEDGER_UNAVAILABLE,)
        parse_chain(day.house.disk.read(path), path)
    except Corrupt:
        return (RecordCode.JOURNAL_CORRUPT,)
    except Denied:
        return (RecordCode.LEDGER_UNAVAILABLE,)
    return ()


def _regime(day: Day) -> Loaded[Regime] | ReadFault | None:
    """The regime of D where E2 is on; None where it is off, so that no decision knows of it."""
    return day.read("regime.json", Regime) if day.house.settings.e2_regime_risk_modulation else None


def _refs(*found: Loaded[Any] | ReadFault | None) -> list[InputRef]:
    """Those of *found* that were read, as inputs."""
    return [each.ref for each in found if isinstance(each, Loaded)]


class _Facts:
    """What decisions and gates read of the book's morning: each fact, or why it cannot be used."""

    def __init__(self, day: Day) -> None:
        from schemas.book import Book

        self.refs: list[InputRef] = []
        book = self._take(day.read(BOOK, Book))
        self.state: BookState | None = book.state if isinstance(book, Book) else None
        self.book = book.state if isinstance(book, Book) else book
        account = self._take(day.read(ACCOUNT, AccountObservation))
        self.account = (
            account if isinstance(account, ReadFaultCode) else account.account or ReadFaultCode.MISSING
        )
        positions = self._take(day.read(POSITIONS, PositionsObservation))
        orders = self._take(day.read(ORDERS, OrdersObservation))
        self.positions = (
            None if isinstance(positions, ReadFaultCode) or not positions.ok else positions.positions
        )
        self.orders = None if isinstance(orders, ReadFaultCode) or not orders.ok else orders.orders
        clock = self._take(day.read(CLOCK, ClockObservation))
        self.observed: dict[str, date | None] = {
            name: day.session if not isinstance(seen, ReadFaultCode) and seen.ok else None
            for name, seen in (("account", account), ("positions", positions), ("orders", orders))
        }
        told = None if isinstance(clock, ReadFaultCode) else clock.clock
        self.observed["clock"] = None if told is None else told.session_date
        sealed = self._seal(day)
        self.sealed = sealed is not None
        self.snapshot = self._take(self._sealed(day, "snapshot.json", Snapshot, sealed))
        self.reconciliation = self._reconciliation(day, sealed)

    def unsettled(self, day: Day) -> Mapping[str, str]:
        """Symbols with a recent corporate action in which book and broker disagree this morning, and how."""
        from flows.held import names_of_recent
        from portfolio.settled import unsettled

        names = names_of_recent(day.house.panel(day.session), day.house.calendar)
        return {} if self.state is None else unsettled(self.state, self.positions, self.orders, names)

    def _take(self, found: Loaded[A] | ReadFault) -> A | ReadFaultCode:
        if isinstance(found, ReadFault):
            return found.code
        self.refs.append(found.ref)
        return found.artifact

    def _seal(self, day: Day) -> Mapping[str, str] | None:
        """Path and digest of each file that the seal of P names; None: P is not sealed."""
        manifest = read_manifest(day.house.disk, day.book_id, day.previous)
        if not isinstance(manifest, Loaded):
            return None
        folder = layout.day(day.book_id, day.previous)
        return {f"{folder}/{file.path}": file.sha256 for file in manifest.artifact.files}

    def _sealed(
        self, day: Day, name: str, model: type[A], sealed: Mapping[str, str] | None
    ) -> Loaded[A] | ReadFault:
        """A file of P, read against the seal of P: unsealed, it proves nothing."""
        path = f"{layout.day(day.book_id, day.previous)}/{name}"
        return read(day.house.disk, path, model, day.book_id, day.previous, sealed=sealed)

    def _reconciliation(
        self, day: Day, sealed: Mapping[str, str] | None
    ) -> ReconciliationStatus | ReadFaultCode | None:
        name = "reconciliation.json"
        if sealed is None or f"{layout.day(day.book_id, day.previous)}/{name}" not in sealed:
            return None
        found = self._take(self._sealed(day, name, Reconciliation, sealed))
        return found if isinstance(found, ReadFaultCode) else found.status


def as_decided(found: Loaded[Decisions] | ReadFault) -> Decisions | ReadFaultCode:
    """The decisions, or why they cannot be used: a verdict that was changed by hand is DIGEST_MISMATCH."""
    if isinstance(found, Loaded) and not found.artifact.is_intact:
        return ReadFaultCode.DIGEST_MISMATCH
    return or_code(found)


def or_code(found: Loaded[A] | ReadFault) -> A | ReadFaultCode:
    """The artifact, or the code of why it cannot be used."""
    return found.code if isinstance(found, ReadFault) else found.artifact


def _named(state: "BookState | None", wished: Candidates) -> set[str]:
    """Every symbol that is held, worked or wished for."""
    symbols = {intent.symbol for intent in wished.intents}
    if state is not None:
        symbols |= {p.symbol for p in state.positions} | {o.symbol for o in state.orders}
    return symbols


def called(day: Day, symbols: set[str]) -> set[str]:
    """*symbols*, and what those of them that change their name for D's session are called from its open on."""
    panel = day.house.panel(day.session)
    return symbols | {panel.current(symbol) for symbol in symbols}


def marks(day: Day, symbols: set[str]) -> Mapping[str, Decimal]:
    """Last close on the basis of D, USD, of those of *symbols* that have one."""
    panel = day.house.panel(day.session)
    closes = ((symbol, panel.last_close_e4(panel.current(symbol))) for symbol in sorted(symbols))
    return {symbol: Decimal(close).scaleb(-4) for symbol, close in closes if close is not None}
