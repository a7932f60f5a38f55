"""Sessions in order, one process per book: what is sealed is recomputed and compared, what is not is run."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from flows.acting import acting, check_ready, ready_day
from flows.day import Day, open_day, sealed
from flows.house import House
from flows.pipeline import Outcome, run_day, run_morning
from flows.replay import Replayed, replay
from flows.stages.opening import Session, open_session, resume_session
from flows.timely import check_playable
from flows.world import World
from ledger import layout
from ledger.seal import last_sealed
from schemas.errors import UsageFault
from schemas.reasons.edge import EdgeCode

Told = Callable[["SessionResult"], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionResult:
    """One session of a range: run now (``outcome``), or sealed before and recomputed (``replayed``)."""

    day: Day
    seal: str | None
    outcome: Outcome | None = None
    replayed: Replayed | None = None

    @property
    def exit_code(self) -> int:
        if self.replayed is not None:
            return 0 if self.replayed.identical else 4
        return self.outcome.exit_code if self.outcome is not None else 0


@dataclass(slots=True)
class Range:
    """What became of a range of sessions."""

    results: list[SessionResult] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        return max((result.exit_code for result in self.results), default=0)


def run_session(house: House, day: Day, world: World, guard: Callable[[], None]) -> SessionResult:
    """One session: recomputed and compared if it is sealed, run (or resumed) if it is not."""
    before = sealed(day)
    if before is not None:
        return SessionResult(day=day, seal=before, replayed=replay(house, day))
    check_playable(day, world)
    check_ready(house, day)
    outcome = run_day(day, world, guard)
    return SessionResult(day=day, seal=outcome.seal, outcome=outcome)


def catch_up(house: House, day: Day, world: World, guard: Callable[[], None]) -> tuple[SessionResult, ...]:
    """Sessions between the last seal and D, run without entries: stops work, the close is kept, nothing new."""
    newest = last_sealed(house.disk, day.book_id, day.session)
    if newest is None:
        return ()
    made = []
    for session in house.calendar.sessions(house.calendar.next(newest.session_date), day.previous):
        missed = day.sibling(session)
        outcome = run_day(missed, world, guard, entries=False)
        made.append(SessionResult(day=missed, seal=outcome.seal, outcome=outcome))
    return tuple(made)


def session_for_cycle(house: House, day: Day, world: World, guard: Callable[[], None]) -> Session:
    """The session of *day* as its morning opened it.

    At a broker, where a morning may never have come, it is opened now: nothing is entered without its files, and exits
    wait for none of them (L3). Errors: ``UsageFault`` SESSION_NOT_OPEN in the simulated book.
    """
    if world.is_stepped or house.disk.exists(layout.journal(day.book_id, day.session)):
        return resume_session(day, guard, is_salvaged=True)
    check_ready(house, day)
    catch_up(house, day, world, guard)
    session = open_session(day, world, guard)
    run_morning(day, world, session, Outcome(day))
    return session


def run_range(house: House, book_id: str, first: date, last: date, told: Told, owner: str) -> Range:
    """Every session from *first* to *last*; stops at the first that could not be sealed.

    Errors: ``UsageFault`` for an empty range or a book that cannot be run; ``Denied`` LOCK_BUSY.
    """
    sessions = house.calendar.sessions(first, last)
    if not sessions:
        raise UsageFault(
            EdgeCode.NOT_A_SESSION,
            f"no session of the exchange lies between {first} and {last}"
            + (": the range ends before it begins" if last < first else ""),
            safe="nothing was started",
            next=f"the next one is {house.calendar.next(last)}"
            if first <= last
            else "give the earlier date to --from, the later one to --to",
        )
    start = ready_day(house, book_id, sessions[0])
    done = Range()
    with acting(house, book_id, owner) as (world, guard):
        if sealed(start) is None:
            check_playable(start, world)
            for missed in catch_up(house, start, world, guard):
                done.results.append(missed)
                told(missed)
        for session in sessions:
            result = run_session(house, open_day(house, book_id, session), world, guard)
            done.results.append(result)
            told(result)
            if result.seal is None:
                break
    return done
