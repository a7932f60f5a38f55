"""A book's lifecycle, tick by tick: ticks that show exactly the causes that a test names, and nothing else wrong."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from execution_v2.lifecycle import BookFacts, LifecycleConfig, step
from execution_v2.lifecycle_acts import operated, switched
from schemas.base import SessionDate
from schemas.book import LossRun
from schemas.events import KillSet, OperatorAct
from schemas.lifecycle import Lifecycle, LifecycleChanged, LifecycleState
from schemas.posture import PostureState
from schemas.reasons.lifecycle import LifecycleCause
from schemas.tick import Posture, Tick, TickKind
from tests.execution_v2.ticks import quiet

C, S, T = LifecycleCause, Lifecycle, TickKind
DAY: Final = SessionDate(date(2024, 3, 5))
AT: Final = datetime(2024, 3, 5, 14, 30, tzinfo=UTC)
CONFIG: Final = LifecycleConfig()
LIVE: Final = CONFIG.for_book("ALPACA_LIVE")
START: Final = Decimal("100000.000000")
CLASSES: Final = {
    "1": (C.KILL_SWITCH, C.OPERATOR_EMERGENCY, C.JOURNAL_CORRUPT, C.DD_BREACH),
    "2": (
        C.POSTURE_RED,
        C.FEED_STALE,
        C.OBSERVATION_INCOMPLETE,
        C.LEDGER_UNAVAILABLE,
        C.BROKER_CIRCUIT_OPEN,
        C.RECONCILE_FAILED,
    ),
    "3": (C.OPERATOR_PAUSE, C.LOSS_LIMIT, C.CONSEC_LOSS),
    "4": (C.POSTURE_YELLOW, C.WARM_UP, C.API_PRESSURE),
}
"""Rows 1 to 4 of execution.md 10, typed."""
MEANT: Final = {"1": S.EMERGENCY, "2": S.DEGRADED, "3": S.PAUSED, "4": S.THROTTLED}


def tick(kind: TickKind = T.BEGIN, shown: Collection[str] = (), **over: Any) -> Tick:
    """A good tick that shows those of *shown* which a tick can show."""
    fields: dict[str, Any] = {
        "kind": kind,
        "at": AT,
        "sightings": (),
        "has_synced": C.RECONCILE_FAILED not in shown,
        "record_faults": tuple(c for c in shown if c in (C.LEDGER_UNAVAILABLE, C.JOURNAL_CORRUPT)),
        "equity": START,
        "is_held": C.OBSERVATION_INCOMPLETE in shown,
        "is_released": C.OBSERVATION_INCOMPLETE not in shown,
        "is_breaker_open": C.BROKER_CIRCUIT_OPEN in shown,
        "quotes_asked": 3,
        "quotes_answered": 0 if C.FEED_STALE in shown else 3,
        "requests": 40,
        "throttled": 3 if C.API_PRESSURE in shown else 2,
        "killed_by": ("KILL_SWITCH_FILE",) if C.KILL_SWITCH in shown else (),
    }
    return quiet(**{**fields, **over})


def posture(shown: Collection[str] = ()) -> PostureState:
    """RED or YELLOW where *shown* says so."""
    level = Posture.YELLOW if C.POSTURE_YELLOW in shown else Posture.GREEN
    level = Posture.RED if C.POSTURE_RED in shown else level
    return PostureState(posture=level, warm_up=2 if C.WARM_UP in shown else 0)


def facts(shown: Collection[str] = (), **over: Any) -> BookFacts:
    """The book's own word on *shown*."""
    runs = (LossRun(strategy_id="S1", losses=5),) if C.CONSEC_LOSS in shown else ()
    return BookFacts(**{"session_date": DAY, "loss_runs": runs, "killed": False, "is_flat": False, **over})


def before(state: Lifecycle, held: Iterable[str], shown: Collection[str] = (), **over: Any) -> LifecycleState:
    """*state*, held by *held*, such that the next good tick shows *shown* and takes no longer over the rest."""
    causes = tuple(c for c in C if c in {*held})
    day_start = START / Decimal("0.96") if C.LOSS_LIMIT in shown else START
    fields: dict[str, Any] = {
        "state": state,
        "since": AT - timedelta(seconds=300),
        "causes": tuple(str(c) for c in causes),
        "peak": START * 2 if C.DD_BREACH in shown else START,
        "day_start": day_start.quantize(Decimal("0.000001")),
        "equity": START,
        "session": DAY,
        "flat_reads": 2,
        "unsynced": 2 if C.RECONCILE_FAILED in shown else 0,
        "emergency_causes": tuple(str(c) for c in causes if c in CLASSES["1"])
        if state is S.EMERGENCY
        else (),
        "operator_emergency": C.OPERATOR_EMERGENCY in shown,
        "paused": C.OPERATOR_PAUSE in shown,
    }
    return LifecycleState(**{**fields, **over})


def moved(
    state: LifecycleState, kind: TickKind, shown: Collection[str] = (), **over: Any
) -> tuple[LifecycleState, LifecycleChanged | None]:
    """One tick. *over*: of the tick."""
    return step(state, tick(kind, shown, **over), posture(shown), facts(shown), CONFIG)


@dataclass
class Book:
    """A lifecycle that lives on: cycles of two ticks, acts of a person, sessions."""

    config: LifecycleConfig = CONFIG
    state: LifecycleState = field(default_factory=LifecycleState)
    at: datetime = AT
    day: SessionDate = DAY
    is_first: bool = True
    equity: Decimal | None = START
    flows: Decimal = Decimal(0)
    moves: list[tuple[str, str, str]] = field(default_factory=list)

    def take(self, kind: TickKind, shown: Collection[str] = (), **over: Any) -> "Book":
        """One tick that shows *shown*. *over*: of the tick, and ``is_flat``, ``loss_runs`` of the book."""
        mine = {name: over.pop(name) for name in ("is_flat", "loss_runs", "killed") if name in over}
        fields = {
            "at": self.at,
            "is_first": self.is_first,
            "equity": self.equity,
            "net_flows": self.flows,
            **over,
        }
        self.state, changed = step(
            self.state,
            tick(kind, shown, **fields),
            posture(shown),
            facts(shown, session_date=self.day, **mine),
            self.config,
        )
        if changed is not None:
            self.moves.append((str(changed.before), str(changed.after), changed.reason))
        return self

    def cycle(self, shown: Collection[str] = (), **over: Any) -> "Book":
        """BEGIN and END, both showing *shown*; then the next slot."""
        self.take(T.BEGIN, shown, **over).take(T.END, shown, **over)
        self.at += timedelta(seconds=300)
        self.is_first = False
        return self

    def night(self) -> "Book":
        """To the next session's first cycle."""
        self.day = SessionDate(self.day + timedelta(days=1))
        self.at, self.is_first = self.at + timedelta(hours=18), True
        return self

    def act(self, verb: str, subject: str | None = None) -> "Book":
        """A person's act, as it is folded."""
        self.state = operated(
            self.state, OperatorAct(verb=verb, operator="jo", reason="why", subject=subject)
        )
        return self

    def kill(self, *, on: bool) -> "Book":
        """The switch's record, as it is folded."""
        self.state = switched(self.state, KillSet(on=on, operator="jo", reason="why"))
        return self


def active(config: LifecycleConfig = CONFIG) -> Book:
    """A book at work, in its third cycle."""
    made = Book(config=config).cycle().cycle()
    assert made.state.state is S.ACTIVE
    made.moves.clear()
    return made
