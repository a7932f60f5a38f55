"""Prefect schedules, retries, shows and alerts; every task only calls the stage edges, and the ledger is the record.

The same functions run under ``avwap day``; both ways give one seal. Tasks retry where a stage is idempotent: not
the cycle, whose calls leave the house. Nothing relies on Prefect for mutual exclusion: the book's lock does that.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from prefect import flow, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows import pipeline, stories
from flows.acting import acting, check_ready
from flows.clocks import WallClock
from flows.day import Day, open_day, sealed
from flows.house import House
from flows.pipeline import Outcome
from flows.run import catch_up, session_for_cycle
from flows.settings import load
from flows.stages import opening, slots
from flows.stages.opening import Guard, Session
from flows.timely import check_close, check_morning, check_playable, cycle_due, is_stepped
from flows.world import World
from ledger import layout
from market.calendar import NEW_YORK
from schemas.errors import UsageFault
from schemas.reasons.edge import EdgeCode

NOT_A_SESSION = "NOT_A_SESSION"
NOT_DUE = "NOT_DUE"
RETRIES = 2
RETRY_DELAY_S = 5


opened: Final[dict[str | None, House]] = {}
"""Houses that the runs of this process share, by home; one that is put in, on a clock of its own, is used as it is."""


def _house(home: str | None) -> House:
    if home not in opened:
        opened[home] = House(load(None if home is None else Path(home)))
    return opened[home]


def scheduled_on(home: str | None = None) -> datetime:
    """When this run was meant to start, in New York: a late run still belongs to its own day and slot."""
    due = flow_run.scheduled_start_time or (_house(home).time or WallClock()).now()
    return due.astimezone(NEW_YORK)


def _day(book: str, on: str | None, home: str | None) -> Day | None:
    wanted = date.fromisoformat(on) if on else scheduled_on(home).date()
    try:
        return open_day(_house(home), book, wanted)
    except UsageFault as fault:
        if fault.code == EdgeCode.NOT_A_SESSION:
            return None
        raise


def _due(day: Day, name: str | None, home: str | None) -> slots.Slot | None:
    """The cycle of that *name*, or the one scheduled: of a book that has no clock of its own."""
    if name is not None:
        return next((each for each in slots.slots(day) if each.name == name), None)
    return slots.due(day, scheduled_on(home))


def _show(outcome: Outcome, name: str, before: int) -> list[dict[str, str]]:
    """The steps that a task added, as rows; shown in Prefect's UI if it can be reached, and never required."""
    day = outcome.day
    rows = [stories.step_row(step) for step in outcome.steps[before:]]
    key = f"{day.book_id}-{day.session}-{name}".lower().replace("_", "-")
    with suppress(Exception):  # a window, not the record: a picture that fails never fails a trading day
        table = stories.of_stage(day, name) or rows
        create_table_artifact(key=key, table=table, description=f"{name}, {day.book_id} {day.session}")
        folder = (day.house.root / day.book_id / day.session.isoformat()).absolute()
        create_link_artifact(
            key=f"{key}-files", link=folder.as_uri(), link_text=f"{day.book_id} {day.session}"
        )
        if name == "close":
            _show_report(day, key, folder)
    return rows


def _show_report(day: Day, key: str, folder: Path) -> None:
    """The page of the session as markdown, every table of it, and a link to the page itself."""
    from analytics.report_text import markdown
    from flows.pages import page

    link = (folder / layout.REPORT).as_uri()
    create_link_artifact(key=f"{key}-report", link=link, link_text=f"report of {day.book_id} {day.session}")
    told = f"{markdown(page(day))}\n[{layout.REPORT}]({link})\n"
    create_markdown_artifact(key=f"{key}-tables", markdown=told, description=f"{day.book_id} {day.session}")


@task(cache_policy=NO_CACHE, persist_result=True, result_serializer="json")
def stage(outcome: Outcome, name: str, run: Callable[[], None]) -> list[dict[str, str]]:
    """One coarse step of a session; its result is the list of files that it wrote or verified."""
    before = len(outcome.steps)
    run()
    return _show(outcome, name, before)


def _step(outcome: Outcome, name: str, run: Callable[[], None], *, idempotent: bool = True) -> None:
    """Run a step as a task. Only what writes once is retried; calls that leave the house never are."""
    retries = RETRIES if idempotent else 0
    stage.with_options(name=name, task_run_name=name, retries=retries, retry_delay_seconds=RETRY_DELAY_S)(
        outcome, name, run
    )


def _result(outcome: Outcome) -> dict[str, Any]:
    return {
        "book": outcome.day.book_id,
        "session": outcome.day.session.isoformat(),
        "seal": outcome.seal,
        "exit_code": outcome.exit_code,
        "refused": [stories.step_row(step) for step in outcome.refused],
    }


def _ended(outcome: Outcome) -> dict[str, Any] | State[Any]:
    """What a flow returns: its result, or a failed state that says which stage refused and why."""
    result = _result(outcome)
    if not outcome.refused:
        return result
    said = "; ".join(f"{row['stage']}: {row['result']}" for row in result["refused"])
    return Failed(message=said, data=None, name="REFUSED")


def _premarket(day: Day, world: World, guard: Guard, outcome: Outcome) -> tuple[Session, bool]:
    opened: list[Session] = []
    _step(outcome, "open", lambda: opened.append(opening.open_session(day, world, guard)))
    sound = pipeline.run_premarket(day, world, opened[0], outcome, partial(_step, outcome))
    return opened[0], sound


@flow(
    name="premarket", flow_run_name="premarket-{book}-{date}", persist_result=True, result_serializer="json"
)
def premarket(book: str, date: str | None = None, home: str | None = None) -> Any:
    """The close of P if it was missed, then market data to enforcement. *date*: default the scheduled day."""
    day = _day(book, date, home)
    if day is None:
        return Completed(name=NOT_A_SESSION, message="the exchange does not trade on this day")
    outcome = Outcome(day)
    with acting(day.house, book, f"premarket {day.session}") as (world, guard):
        # Before anything is caught up: a run that comes on another day must leave no trace of it.
        check_morning(day, world)
        is_new = sealed(day) is None
        if is_new:
            check_ready(day.house, day)
        for result in catch_up(day.house, day, world, guard) if is_new else ():
            outcome.steps += result.outcome.refused if result.outcome is not None else []
        _premarket(day, world, guard, outcome)
    return _ended(outcome)


@flow(name="cycle", flow_run_name="cycle-{book}-{date}-{slot}", persist_result=True, result_serializer="json")
def cycle(book: str, date: str | None = None, slot: str | None = None, home: str | None = None) -> Any:
    """One cycle; one that the book does not have, or not now, is NOT_DUE.

    *slot*: HHMM, default the scheduled time's. At a broker it is the one due by the exchange's clock, which must have
    been heard: a run that comes late is of the slot it comes in, and *date* and *slot* only name what is expected.
    """
    if not is_stepped(book):
        return _cycle_at_broker(book, date, slot, home)
    day = _day(book, date, home)
    if day is None:
        return Completed(name=NOT_A_SESSION, message="the exchange does not trade on this day")
    due = _due(day, slot, home)
    if due is None:
        wanted = slot or f"{scheduled_on(home):%H%M}"
        return Completed(name=NOT_DUE, message=f"{book} has no cycle at {wanted} on {day.session}")
    with acting(day.house, book, f"cycle {day.session} {due.name}") as (world, guard):
        return _cycled(day, due, world, guard)


def _cycle_at_broker(book: str, on: str | None, slot: str | None, home: str | None) -> Any:
    house = _house(home)
    with acting(house, book, "cycle now due") as (world, guard):
        try:
            expected = None if on is None else date.fromisoformat(on)
            day, due = cycle_due(house, book, world, expected, slot)
        except UsageFault as fault:
            if fault.code in (EdgeCode.NOT_DUE, EdgeCode.NOT_A_SESSION):
                return Completed(name=str(fault.code), message=fault.message)
            raise
        return _cycled(day, due, world, guard)


def _cycled(day: Day, due: slots.Slot, world: World, guard: Guard) -> Any:
    outcome = Outcome(day)
    session = session_for_cycle(day.house, day, world, guard)
    _step(outcome, due.name, lambda: pipeline.run_cycle(day, world, session, due, outcome), idempotent=False)
    return _ended(outcome)


@flow(
    name="postclose", flow_run_name="postclose-{book}-{date}", persist_result=True, result_serializer="json"
)
def postclose(book: str, date: str | None = None, home: str | None = None) -> Any:
    """Final observation to seal and report. Scheduled twice; the one that is not due completes as NOT_DUE."""
    day = _day(book, date, home)
    if day is None:
        return Completed(name=NOT_A_SESSION, message="the exchange does not trade on this day")
    if date is None and not pipeline.is_postclose_due(day, scheduled_on(home)):
        return Completed(
            name=NOT_DUE, message=f"{day.session} closes at {day.house.calendar.close_at(day.session)}"
        )
    outcome = Outcome(day)
    with acting(day.house, book, f"postclose {day.session}") as (world, guard):
        check_close(day, world)
        session = opening.resume_session(day, guard)
        _step(outcome, "close", lambda: pipeline.run_close(day, world, session, outcome))
    return _ended(outcome)


@flow(name="day", flow_run_name="day-{book}-{date}", persist_result=True, result_serializer="json")
def day(book: str, date: str, home: str | None = None) -> Any:
    """The whole chain for one book and session; the seal is that of ``avwap day``."""
    on = _day(book, date, home)
    if on is None:
        return Completed(name=NOT_A_SESSION, message="the exchange does not trade on this day")
    outcome = Outcome(on)
    with acting(on.house, book, f"day {on.session}") as (world, guard):
        check_playable(on, world)
        check_ready(on.house, on)
        session, sound = _premarket(on, world, guard, outcome)
        for slot in slots.slots(on):

            def one(slot: slots.Slot = slot) -> None:
                pipeline.run_cycle(on, world, session, slot, outcome, entries=sound)

            _step(outcome, slot.name, one, idempotent=False)
        _step(outcome, "close", lambda: pipeline.run_close(on, world, session, outcome))
    return _ended(outcome)
