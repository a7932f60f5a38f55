"""What a range is explained from: a book's closed days up to its end, and what was decided. Nothing is written."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from analytics import risk_activation
from analytics.attribution_path import Closed
from analytics.explain import ExplainInputs, run
from analytics.risk_activation import Decided
from analytics.risk_events import RiskInputs, events, seen_of
from flows import risk
from flows.day import Day, StageRefused, open_day
from flows.guard import guarded
from flows.house import House
from flows.settings import book_of, opens
from ledger import layout
from ledger.artifacts import Loaded, ReadFault
from ledger.seal import sessions_of
from portfolio.decide import Caught
from schemas.activation import Activation
from schemas.attribution import Attribution
from schemas.base import SessionDate
from schemas.decisions import Decisions
from schemas.errors import UsageFault
from schemas.explanation import Explanation
from schemas.header import Artifact, Finding
from schemas.reasons.analytics import AttributionCode as Code
from schemas.reasons.edge import EdgeCode
from schemas.reasons.ledger import ReadFaultCode
from schemas.regime import Regime
from schemas.risk_attribution import RiskEvent
from schemas.snapshot import Snapshot
from schemas.trades import Trades

A = TypeVar("A", bound=Artifact)
Step = Callable[[int, str], None]


def silent(done: int, what: str) -> None:
    """Show no progress."""
    del done, what


@dataclass(frozen=True, slots=True, kw_only=True)
class Morning:
    """A session that was decided; ``events`` None: they could not be derived, for the reason in ``finding``."""

    day: Day
    decisions: Decisions
    inputs: RiskInputs
    events: tuple[RiskEvent, ...] | None
    finding: Finding | None


def sessions(house: House, book_id: str, last: date) -> tuple[SessionDate, ...]:
    """The book's sessions up to *last* that have a journal, oldest first. Errors: ``UsageFault`` BOOK_UNKNOWN."""
    book_of(book_id)
    every = sessions_of(house.disk, book_id) if house.root.joinpath(book_id).is_dir() else ()
    return tuple(each for each in every if each <= last and house.disk.exists(layout.journal(book_id, each)))


def _check_order(first: date, last: date) -> None:
    if last < first:
        raise UsageFault(
            EdgeCode.USAGE,
            f"the range ends on {last}, before it begins on {first}",
            safe="nothing was changed",
            next="give --from the earlier of the two",
        )


def explain(house: House, book_id: str, first: date, last: date, step: Step = silent) -> Explanation:
    """The sessions of *book_id* from *first* to *last*, explained.

    Errors: ``UsageFault`` USAGE for a range that ends before it begins, SESSION_NOT_OPEN where no session of it was
    closed; ``StageRefused`` for a file that is there and cannot be trusted.
    """
    _check_order(first, last)
    history: list[Closed] = []
    findings: list[Finding] = []
    known = sessions(house, book_id, last)
    for n, session in enumerate(known, start=1):
        found = _closed(open_day(house, book_id, session), is_first=n == 1)
        if isinstance(found, Closed):
            history.append(found)
        elif found is not None:
            findings.append(found)
        step(n, session.isoformat())
    begin = next((at for at, row in enumerate(history) if row.session >= first), None)
    if begin is None:
        raise _nothing(house, book_id, first, last, history)
    mornings = [morning(open_day(house, book_id, row.session)) for row in history[begin:]]
    told = [each for each in mornings if each is not None]
    return run(
        ExplainInputs(
            history=history,
            first=begin,
            decided=[(each.decisions, each.events) for each in told],
            findings=(*findings, *(each.finding for each in told if each.finding is not None)),
        )
    )


def activation(house: House, book_id: str, first: date, last: date) -> tuple[Activation, tuple[Finding, ...]]:
    """Both sides of modulation over the mornings from *first* to *last*, and why some of them are not told.

    Errors: as ``explain``; SESSION_NOT_OPEN where nothing was decided.
    """
    _check_order(first, last)
    days, left, capital = [], [], None
    for session in (each for each in sessions(house, book_id, last) if each >= first):
        day = open_day(house, book_id, session)
        told, made = morning(day), _there(day, "trades.json", Trades)
        at_close = _there(day, "snapshot.json", Snapshot)
        if told is None or made is None or at_close is None:
            continue
        if told.events is None:
            assert told.finding is not None, "what could not be derived says why"
            left.append(told.finding)
            continue
        capital = at_close.starting_capital
        days.append(
            Decided(
                session=session,
                regime=seen_of(told.inputs.asked),
                decisions=told.decisions,
                events=told.events,
                closed=made.closed,
            )
        )
    if capital is None:
        raise _nothing(house, book_id, first, last, [])
    return risk_activation.run(days, capital), tuple(left)


def morning(day: Day) -> Morning | None:
    """What was decided on the morning of *day*; None where nothing was. Errors: ``StageRefused``."""
    decided = _there(day, "decisions.json", Decisions)
    if decided is None:
        return None
    before = day.sibling(day.previous).read("snapshot.json", Snapshot)
    felt = None if decided.modulation is not None else day.read("regime.json", Regime)
    drawdown = before.artifact.drawdown if isinstance(before, Loaded) else None
    inputs = risk.risk_inputs(day, decided, felt, drawdown)
    made = guarded(lambda: events(inputs))
    if not isinstance(made, Caught):
        return Morning(day=day, decisions=decided, inputs=inputs, events=made, finding=None)
    why = f"what the regime took off is not told: {made.kind}: {made.detail}"
    finding = Finding(code=Code.ANALYTICS_FAILED, subject=day.session.isoformat(), detail=why)
    return Morning(day=day, decisions=decided, inputs=inputs, events=None, finding=finding)


def _there(day: Day, name: str, model: type[A]) -> A | None:
    """A file of *day*, None if there is none. Errors: ``StageRefused`` if there is one that cannot be trusted."""
    found = day.read(name, model)
    if isinstance(found, Loaded):
        return found.artifact
    if found.code is ReadFaultCode.MISSING:
        return None
    raise StageRefused("explain", day, (found.finding,))


def _closed(day: Day, *, is_first: bool) -> Closed | Finding | None:
    """The close of *day*; a finding where it has none; None for the folder that a book begins with."""
    made, at_close = _there(day, risk.FILE, Attribution), _there(day, "snapshot.json", Snapshot)
    if made is not None and at_close is not None:
        return Closed(session=day.session, snapshot=at_close, attribution=made)
    if is_first and at_close is not None:
        return None
    missing = day.read(
        risk.FILE if made is None else "snapshot.json", Attribution if made is None else Snapshot
    )
    assert isinstance(missing, ReadFault), "what is not there reads as a fault"
    return missing.finding


def _nothing(house: House, book_id: str, first: date, last: date, history: list[Closed]) -> UsageFault:
    closed = (
        f"its closed sessions up to then are {history[0].session} to {history[-1].session}" if history else ""
    )
    return UsageFault(
        EdgeCode.SESSION_NOT_OPEN,
        f"{book_id} closed no session from {first} to {last} below {house.root}",
        safe="nothing was changed",
        next=closed or f"{opens(book_id, first)}, or name another --home",
    )
