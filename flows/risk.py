"""Risk attribution is written where its flag is on, and a failure of it is a finding: nothing waits for it.

A file that is there already keeps the sections that it has, so that a close that is run again says what it said.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from flows.day import Day
from flows.guard import guarded
from flows.settings import Settings
from ledger import artifacts, layout
from ledger.artifacts import Loaded, ReadFault, Written
from ledger.seal import sessions_of
from portfolio.decide import Caught
from schemas.attribution import Attribution
from schemas.base import SessionDate
from schemas.decisions import Decisions
from schemas.errors import AvwapError
from schemas.header import Finding, InputRef
from schemas.reasons.analytics import AttributionCode as Code
from schemas.reasons.ledger import ReadFaultCode
from schemas.regime import Regime
from schemas.risk_attribution import RiskEvent, RiskSummary
from schemas.snapshot import Snapshot

if TYPE_CHECKING:
    from analytics.risk_events import RiskInputs

EVENTS: Final = "risk_events"
SUMMARY: Final = "risk_summary"
FLAGS: Final[Mapping[str, str]] = {
    EVENTS: "e3_risk_attribution_write",
    SUMMARY: "e3_risk_attribution_summary_write",
}
"""Section of ``attribution.json`` -> the setting that asks for it."""
FILE: Final = "attribution.json"
_KEY: Final = b'"risk_summary":'


def wanted(day: Day) -> tuple[str, ...]:
    """The sections that the attribution of *day* shall have: those of the file that is there, else as is set."""
    made = day.seen(FILE, Attribution)
    if made is not None:
        return recorded(made)
    return tuple(name for name, flag in FLAGS.items() if getattr(day.house.settings, flag))


def recorded(made: Attribution) -> tuple[str, ...]:
    """The sections that *made* has, or was to have and could not be given."""
    failed = {found.subject for found in made.findings if found.code == Code.ANALYTICS_FAILED}
    return tuple(name for name in FLAGS if getattr(made, name) is not None or name in failed)


def as_recorded(day: Day) -> Settings:
    """The settings of *day*'s house with the flags as its attribution shows them to have been."""
    made, settings = day.seen(FILE, Attribution), day.house.settings
    if made is None:
        return settings
    had = recorded(made)
    return settings.model_copy(update={flag: name in had for name, flag in FLAGS.items()})


def with_section(
    artifact: Attribution, name: str, day: Day, before: Snapshot
) -> tuple[Attribution, Sequence[InputRef]]:
    """*artifact* with the section *name*, and the files that it was made from; or with a finding that says why not.

    A session in which nothing was decided, since it was missed, has no such section.
    """
    decided = day.read("decisions.json", Decisions)
    if isinstance(decided, ReadFault):
        if decided.code is ReadFaultCode.MISSING:
            return artifact, ()
        return _failed(artifact, name, f"decisions.json: {decided.code}"), ()
    felt = None if decided.artifact.modulation is not None else day.read("regime.json", Regime)
    inputs = risk_inputs(day, decided.artifact, felt, before.drawdown)
    made = guarded(lambda: _section(name, inputs))
    refs = (decided.ref, felt.ref) if isinstance(felt, Loaded) else (decided.ref,)
    if isinstance(made, Caught):
        return _failed(artifact, name, f"{made.kind}: {made.detail}"), refs
    return artifact.model_copy(update={name: made}), refs


def risk_inputs(
    day: Day, decided: Decisions, felt: Loaded[Regime] | ReadFault | None, drawdown: Decimal | None
) -> "RiskInputs":
    """What the morning of *day* is taken apart from. *felt* None: the decisions have their regime themselves.
    *drawdown*: at the close before.
    """
    from analytics.risk_events import RiskInputs

    regime: Regime | ReadFaultCode = ReadFaultCode.MISSING
    if isinstance(felt, Loaded):
        regime = felt.artifact
    elif felt is not None:
        regime = felt.code
    return RiskInputs(
        session_date=day.session,
        decisions=decided,
        regime=regime,
        drawdown=drawdown,
        limits=day.house.settings.books[day.book_id].limits,
    )


def _section(name: str, inputs: "RiskInputs") -> "tuple[RiskEvent, ...] | RiskSummary":
    from analytics.risk_events import events, seen_of
    from analytics.risk_summary import summary

    found = events(inputs)
    return found if name == EVENTS else summary(found, seen_of(inputs.asked))


def _failed(artifact: Attribution, name: str, why: str) -> Attribution:
    finding = Finding(code=Code.ANALYTICS_FAILED, subject=name, detail=why)
    return artifact.model_copy(update={"findings": (*artifact.findings, finding)})


def windows(day: Day) -> tuple[int, ...]:
    """The windows that are asked for, in sessions."""
    from analytics.rolling import WINDOWS

    return WINDOWS if day.house.settings.e3_risk_attribution_rolling_write else ()


def write_rolling(day: Day, window: int) -> Written | None:
    """The window of *window* sessions that ends with *day*; None where there are too few, or *day* has no summary.

    Errors: ``AvwapError`` ANALYTICS_FAILED, whatever it was; nothing waits for these files.
    """
    made = guarded(lambda: _written(day, window))
    if isinstance(made, Caught):
        raise AvwapError(
            Code.ANALYTICS_FAILED,
            f"the {window} sessions to {day.session} were not summed: {made.kind}: {made.detail}",
            safe="the session is closed and sealed; no stage reads these files",
            next=f"avwap verify --book {day.book_id} if a file is damaged; else report this with the session's folder",
        )
    return made


def _written(day: Day, window: int) -> Written | None:
    from analytics import rolling

    found = _daily(day, window)
    if not found or found[-1][0] != day.session:
        return None
    made = rolling.run([(session, said) for session, said, _ in found], window)
    if made is None:
        return None
    path = layout.rolling(day.book_id, window, day.session)
    return artifacts.write(day.house.disk, path, made, day.ctx, [ref for _, _, ref in found])


def _daily(day: Day, most: int) -> list[tuple[SessionDate, RiskSummary, InputRef]]:
    """The last *most* sessions up to *day* that have a summary, oldest first."""
    disk = day.house.disk
    found: list[tuple[SessionDate, RiskSummary, InputRef]] = []
    for session in reversed(sessions_of(disk, day.book_id)):
        path = layout.artifact(day.book_id, session, "attribution")
        if len(found) == most:
            break
        # The bytes tell at once of a day without one: a book may be years older than the flag.
        if session > day.session or not disk.exists(path) or _KEY not in disk.read(path):
            continue
        read = day.sibling(session).need("rolling", FILE, Attribution)
        if read.artifact.risk_summary is not None:
            found.append((session, read.artifact.risk_summary, read.ref))
    return found[::-1]
