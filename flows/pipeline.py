"""A session from its morning to its seal, in one process; the command line and the Prefect flows both call this.

Entry stages fail closed: one that refuses leaves its file out, and no entry is tried. Exits stay open: cycles and
close run all the same. What refused is told, and decides the exit code, at the end.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flows import alerts, audit, outbox, pages, risk, telemetry, telling
from flows.blocked import blocked_summary
from flows.changed import morning_changed
from flows.day import Day, sealed
from flows.stages import close, cycle, opening, premarket, slots
from flows.stages.opening import Session
from flows.stages.slots import Slot
from flows.world import World
from ledger.artifacts import Written
from schemas.errors import AvwapError
from schemas.reasons.edge import EdgeCode
from schemas.reasons.ledger import LedgerCode

CLOSE_AFTER = timedelta(minutes=20)
STOPS_EVERYTHING = frozenset({LedgerCode.FENCE_LOST, LedgerCode.LOCK_BUSY, LedgerCode.LEDGER_UNAVAILABLE})
"""Refusals after which this process may not, or cannot, do anything more for the book."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What became of one stage: the file it wrote or verified, or why it refused."""

    stage: str
    written: Written | None = None
    error: AvwapError | None = None


@dataclass(slots=True)
class Outcome:
    """What a run of a session did, stage by stage."""

    day: Day
    steps: list[Step] = field(default_factory=list)
    seal: str | None = None

    @property
    def refused(self) -> Sequence[Step]:
        return [step for step in self.steps if step.error is not None]

    @property
    def exit_code(self) -> int:
        """0, or the gravest refusal's."""
        return max((step.error.exit_code for step in self.refused if step.error is not None), default=0)

    def attempt(self, stage: str, run: Callable[[], Written | None]) -> bool:
        """Run one stage; a refusal is recorded, not raised, so that exits and the close go on (L2, L3).

        A stage that had nothing to write leaves no step.
        """
        try:
            written = run()
            if written is not None:
                self.steps.append(Step(stage=stage, written=written))
        except AvwapError as error:
            if error.code in STOPS_EVERYTHING:
                raise
            # Settings that changed are one fault, however many files were made under those before.
            if error.code != EdgeCode.CONFIG_CHANGED or not self._is_refused(EdgeCode.CONFIG_CHANGED):
                self.steps.append(Step(stage=stage, error=error))
            return False
        except Exception as error:  # noqa: BLE001  # the stage edge, a boundary of architecture.md 7
            failed = AvwapError(
                EdgeCode.STAGE_REFUSED,
                f"{stage}: {type(error).__name__}: {error}",
                safe="no entry rests on this stage; positions keep their stops",
                next="report this with the session's folder: it is a fault of ours",
            )
            failed.__cause__ = error
            self.steps.append(Step(stage=stage, error=failed))
            return False
        return True

    def _is_refused(self, code: str) -> bool:
        return any(step.error is not None and step.error.code == code for step in self.steps)


PREMARKET: tuple[tuple[str, Callable[[Day], Written]], ...] = (
    ("market", premarket.market),
    ("regime", premarket.regime),
    ("scan", premarket.scan),
    ("candidates", premarket.candidates),
    ("decisions", premarket.decisions),
    ("enforcement", premarket.enforcement),
)
ENTRY_STAGES = frozenset({"market", "scan", "candidates", "enforcement"})
"""Stages that entries rest on. The regime is a measurement (L2); decisions bind by gate 10, where they bind."""


def directly(name: str, run: Callable[[], None]) -> None:
    """Take a step as it comes; the Prefect flows take it as a task of that name."""
    del name
    run()


def run_morning(day: Day, world: World, session: Session, outcome: Outcome) -> bool:
    """What waited for the session, the book as it opens, and what the broker shows. Returns whether all is sound."""
    opening.take_pending(day, session)
    sound = outcome.attempt("book", lambda: opening.book(day))
    return outcome.attempt("observe", lambda: opening.observe(day, world)) and sound


def run_premarket(
    day: Day,
    world: World,
    session: Session,
    outcome: Outcome,
    step: Callable[[str, Callable[[], None]], None] = directly,
) -> bool:
    """Every stage from the morning's observations to the enforcement, and the message about them.

    A morning that was begun under other settings is not gone on with: its files would rest on two. Returns whether
    entries may be tried.
    """
    changed = morning_changed(day)
    if changed is not None:
        opening.take_pending(day, session)
        outcome.steps.append(Step(stage="premarket", error=changed))
        return False
    sound = True

    def morning() -> None:
        nonlocal sound
        sound &= run_morning(day, world, session, outcome)

    step("observe", morning)
    for name, run in PREMARKET:

        def one(name: str = name, run: Callable[[Day], Written] = run) -> None:
            nonlocal sound
            sound &= outcome.attempt(name, lambda: run(day)) or name not in ENTRY_STAGES

        step(name, one)
    telemetry.record_enforcement(day, session)
    # Part of no entry: a message that cannot be kept is a refusal to be seen, and stops nothing (L2).
    outcome.attempt("notify", lambda: outbox.post_summary(day))
    blocked = blocked_summary(day)
    if blocked is not None:
        outcome.attempt("notify", lambda: outbox.post(day, blocked))
    outcome.attempt("notify", lambda: telling.morning(day))
    return sound


def run_cycle(
    day: Day, world: World, session: Session, slot: Slot, outcome: Outcome, *, entries: bool = True
) -> None:
    """One cycle, resumed if an earlier process died in it; under DRY_RUN a plan of it, beside the day."""
    if day.house.settings.dry_run:
        from flows.dry import plan

        outcome.steps.append(Step(stage=f"dry {slot.name}", written=plan(day, slot, entries=entries).written))
        return
    for written in cycle.cycle(day, world, session, slot, entries=entries):
        outcome.steps.append(
            Step(stage=written.path.removesuffix(".json").split("/", 2)[-1], written=written)
        )
    # After all that a trade waits for: a message that cannot be kept is seen, and holds up nothing (L2).
    outcome.attempt("notify", lambda: alerts.post_changes(day, session.journal.records))
    outcome.attempt("notify", lambda: telling.cycle(day, session.journal.records))


def run_close(day: Day, world: World, session: Session, outcome: Outcome) -> None:
    """From the final observation to the seal; a report that fails blocks nothing."""
    world.clock.step(day.house.calendar.close_at(day.session) + CLOSE_AFTER)
    if day.is_intraday:
        run_cycle(day, world, session, slots.last_look(day), outcome)
    outcome.attempt("close", lambda: close.observe(day, world, session))
    for stage, run in close.stages(day):
        outcome.attempt(stage, lambda run=run: run(day, session))  # type: ignore[misc]
    if outcome.attempt("seal", lambda: close.close_seal(day).written):
        outcome.seal = sealed(day)
        outcome.attempt("verify", lambda: audit.check_seal(day))
        for window in risk.windows(day):
            outcome.attempt(f"rolling {window}D", lambda window=window: risk.write_rolling(day, window))  # type: ignore[misc]
        outcome.attempt("report", lambda: pages.render_report(day))
    outcome.attempt("notify", lambda: telling.close(day))


def run_day(
    day: Day, world: World, guard: Callable[[], None] | None = None, *, entries: bool = True
) -> Outcome:
    """The whole chain for one session. *entries* False, for one that was missed: cycles and close, no scan.

    At a broker a missed session's cycles are missed for good: what happened in it is booked by its last look.
    """
    outcome = Outcome(day)
    session = opening.open_session(day, world, guard)
    sound = (run_premarket if entries else run_morning)(day, world, session, outcome) and entries
    for slot in slots.slots(day) if world.is_stepped else ():
        run_cycle(day, world, session, slot, outcome, entries=sound)
    run_close(day, world, session, outcome)
    return outcome


def is_postclose_due(day: Day, now: datetime) -> bool:
    """Whether the close of *day* lies at least twenty minutes, and less than an hour, before *now*."""
    passed = now - day.house.calendar.close_at(day.session)
    return CLOSE_AFTER <= passed < timedelta(hours=1)
