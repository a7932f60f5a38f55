"""Records of a reliable and of an unreliable week, in a few words."""

from collections.abc import Sequence
from datetime import timedelta

from analytics.reliability import SessionLog, WeekInputs, run
from schemas.base import Fact, SessionDate
from schemas.book import BookState, Leg, OrderState
from schemas.events import (
    EntryAuthorised,
    EntryDenied,
    GateVerdict,
    OrderConfirmed,
    OrderSubmitting,
    OrderUnresolved,
    ReplaceEnded,
    StopCovered,
    TickTaken,
)
from schemas.header import Finding
from schemas.journal import JournalRecord
from schemas.lifecycle import LifecycleState
from schemas.posture import PostureState
from schemas.reliability import Reliability
from schemas.tick import Posture, TickKind
from tests.analytics.journal_of import CORE, DAYS, at, journal, order
from tests.execution_v2.ticks import quiet

SESSION_MINUTES = 390
Told = Fact | tuple[str, Fact]


def measured(
    *days: Sequence[Told], opening: BookState | None = None, before: Sequence[Sequence[Told]] = ()
) -> Reliability:
    """The week whose sessions have these records, a minute apart from the opening on; *before*: sessions before it."""
    logs = [log(day, journal(day, *told)) for day, told in zip(DAYS, (*before, *days), strict=False)]
    split = len(before)
    return run(WeekInputs(week="2024-W10", logs=logs[split:], opening=opening, before=logs[:split]))


def log(day: SessionDate, records: Sequence[JournalRecord]) -> SessionLog:
    close_at = at(day) + timedelta(minutes=SESSION_MINUTES)
    return SessionLog(session=day, open_at=at(day), close_at=close_at, records=records)


def sent(symbol: str, leg: Leg = Leg.ENTRY) -> OrderSubmitting:
    """An order of *symbol*; its id says both."""
    made = order(DAYS[0], leg, "SENT", symbol=symbol)
    return OrderSubmitting(order=made.model_copy(update={"ord_id": f"ord_{leg}_{symbol}"}))


def unknown(symbol: str, leg: Leg = Leg.ENTRY, state: str = "SUBMIT_UNKNOWN") -> OrderUnresolved:
    return OrderUnresolved(ord_id=f"ord_{leg}_{symbol}", state=OrderState(state), cause="ANSWER_LOST")


def confirmed(symbol: str, leg: Leg = Leg.ENTRY) -> OrderConfirmed:
    return OrderConfirmed(ord_id=f"ord_{leg}_{symbol}", order_id="1")


def replaced(terminal: str, points: int = 0) -> ReplaceEnded:
    return ReplaceEnded(
        ord_id="ord_1",
        successor_ord_id=None,
        position_id="pos_1",
        symbol="ABC",
        terminal=terminal,
        points=points,
        queries=points,
        wall_s=1.0,
    )


def cover(position: str, gap_s: float, longest_s: float, open_minute: int | None = None) -> StopCovered:
    """*open_minute*: since when it lies open, in minutes after Monday's opening."""
    return StopCovered(
        position_id=position,
        strategy_id=CORE,
        sleeve_id=CORE,
        symbol="ABC",
        gap_s=gap_s,
        longest_s=longest_s,
        open_since=None if open_minute is None else at(DAYS[0], open_minute),
    )


def denied(*said: tuple[str, str], code: str = "CODE") -> EntryDenied:
    """Refused by each (gate, code) of *said*, or before any gate by *code*."""
    gates = tuple(
        GateVerdict(gate=gate, phase="S", passed=False, findings=(Finding(code=each, subject="ABC"),))
        for gate, each in said
    )
    return EntryDenied(
        intent_id="int_1",
        strategy_id=CORE,
        sleeve_id=CORE,
        symbol="ABC",
        code=said[0][1] if said else code,
        findings=(),
        gates=gates,
    )


def authorised() -> EntryAuthorised:
    return EntryAuthorised(
        intent_id="int_1",
        strategy_id=CORE,
        sleeve_id=CORE,
        symbol="ABC",
        quantity=10,
        limit="10.0000",
        stop="9.0000",
        gates=(),
    )


def held(posture: str, *causes: str, factor: float | None = None) -> PostureState:
    usual = {"GREEN": 1.0, "YELLOW": 0.5}.get(posture, 0.0)
    return PostureState(posture=Posture(posture), causes=causes, factor=usual if factor is None else factor)


def ticked(
    kind: str,
    posture: PostureState,
    lifecycle: LifecycleState | None = None,
    *,
    active_s: int = 0,
    requests: int = 0,
) -> TickTaken:
    """A tick after which *posture* holds, and *lifecycle*; all else in order."""
    tick = quiet(
        kind=TickKind(kind), at=at(DAYS[0]), active_s=active_s, sightings=(), equity=None, requests=requests
    )
    return TickTaken(slot="0935", tick=tick, posture=posture, lifecycle=lifecycle or LifecycleState())
