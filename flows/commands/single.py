"""One stage at a time, from its files: what an operator reruns by hand."""

from datetime import date
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows import console
from flows.commands.options import Book, Home, Json, On, dated, house, who_and_why
from schemas.errors import AvwapError, UsageFault
from schemas.reasons.edge import EdgeCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from flows.day import Day
    from flows.house import House
    from flows.stages.opening import Session
    from ledger.artifacts import Written


def register(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    for command in (premarket, scan, decide, enforce, cycle, close):
        app.command(command.__name__)(command)


def _tell(
    day: "Day",
    names: "tuple[str, ...]",
    written: "list[Written]",
    as_json: bool,
    then: "Callable[[], None] | None" = None,
    **more: Any,
) -> None:
    body = {
        "book": day.book_id,
        "session": str(day.session),
        **more,
        "wrote": [{"path": w.path, "sha256": w.sha256, "status": w.status} for w in written],
    }

    def render() -> None:
        from flows import stories

        for stage, title, tell in stories.STORY:
            if stage in names:
                console.rows(title, tell(day))
        if then is not None:
            then()
        for each in written:
            console.note(f"{each.status:<9} {each.path}")

    console.emit(body, as_json, render)


def _stage(
    book: str,
    on: Any,
    home: Any,
    as_json: bool,
    names: tuple[str, ...],
    *runs: "Callable[[Day], Written]",
) -> None:
    from flows import stories
    from flows.acting import acting, ready_day

    at = house(home)
    day = ready_day(at, book, on)
    with acting(at, book, f"avwap {names[0]} {on}"):
        written = [run(day) for run in runs]
    told: dict[str, Any] = {name: stories.of_stage(day, name) for name in names} if as_json else {}
    _tell(day, names, written, as_json, **told)


def premarket(book: Book, on: On, home: Home = None, as_json: Json = False) -> None:
    """Open the session and run every stage up to the enforcement.

    Example: `avwap premarket --book SIM --date 2016-06-01`
    """
    from flows import pipeline, remarks, stories
    from flows.acting import acting, ready_day
    from flows.commands.run import outcome_rows, tell_refusals
    from flows.day import sealed
    from flows.run import catch_up
    from flows.stages import opening
    from flows.timely import check_morning

    at = house(home)
    day = ready_day(at, book, on)
    outcome = pipeline.Outcome(day)
    with acting(at, book, f"avwap premarket {on}") as (world, guard):
        check_morning(day, world)
        if sealed(day) is None:
            catch_up(at, day, world, guard)
        session = opening.open_session(day, world, guard)
        pipeline.run_premarket(day, world, session, outcome)

    def render() -> None:
        console.rows("Stages", outcome_rows(outcome))
        if held := stories.held_actions(day):
            console.rows("Held positions with a corporate action today", held)
        console.note(remarks.of_morning(day))
        tell_refusals(outcome)

    console.emit({"session": str(day.session), "steps": outcome_rows(outcome)}, as_json, render)
    raise typer.Exit(outcome.exit_code)


def scan(
    book: Book,
    on: On,
    top: Annotated[int, typer.Option("--top", min=0, help="How many of the best to list; 0 for none.")] = 20,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Also write the candidates as CSV.")
    ] = None,
    watchlist: Annotated[
        Path | None,
        typer.Option(
            "--watchlist", metavar="FILE", help="Also write them as a list that TradingView imports."
        ),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Judge the bars, scan every symbol of the session's snapshot, and rank what passed.

    A session that was scanned before is scanned again and compared with what it wrote.

    Example: `avwap scan --book SIM --date 2016-06-01 --top 20 --csv candidates.csv --watchlist avwap.txt`
    """
    from flows import exports, listing
    from flows.acting import acting, ready_day
    from flows.stages import looking
    from flows.stages import premarket as stages
    from schemas.scan import Scan

    if csv is not None and csv == watchlist:
        raise UsageFault(
            EdgeCode.USAGE,
            f"--csv and --watchlist both name {csv}",
            safe="nothing was started",
            next="give each a file of its own",
        )
    at = house(home)
    day = ready_day(at, book, on)
    with acting(at, book, f"avwap scan {on}") as (world, _):
        looking.look(day, world)
        written = [run(day) for run in (stages.market, stages.scan, stages.candidates)]
    found = day.need("scan", "scan.json", Scan).artifact
    saved = []
    if csv is not None:
        csv.write_text(exports.candidates_csv(found, day.session), encoding="utf-8", newline="")
        saved.append(str(csv))
    if watchlist is not None:
        text = exports.watchlist(exports.candidate_symbols(found), day.session)
        watchlist.write_text(text, encoding="utf-8", newline="")
        saved.append(str(watchlist))
    more = {**listing.told(found, top), "saved": saved}
    _tell(day, ("scan",), written, as_json, lambda: listing.tell(found, top), **more)
    if not as_json:
        for name in saved:
            console.note(f"wrote     {name}")


Revise = Annotated[
    bool,
    typer.Option(
        "--revise", help="Once more, by the settings of now, as a revision beside the file. Before any cycle."
    ),
]
Who = Annotated[str, typer.Option("--operator", help="With --revise: who; journaled.", envvar="USER")]
Why = Annotated[str, typer.Option("--reason", help="With --revise: why; journaled.")]


def decide(
    book: Book,
    on: On,
    revise: Revise = False,
    operator: Who = "",
    reason: Why = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Decide every intent of candidates.json against this morning's book.

    Example: `avwap decide --book SIM --date 2016-06-01`

    Once more, after a setting was changed: `avwap decide --book SIM --date 2016-06-01 --revise --operator jo
    --reason "three entries a day this week"`, and then `avwap enforce` in the same way; until then nothing is entered.
    """
    from flows.stages import premarket as stages

    if revise:
        _revised(book, on, home, as_json, "decisions", operator, reason)
        return
    _no_reason(reason)
    _stage(book, on, home, as_json, ("decisions",), stages.decisions)


def enforce(
    book: Book,
    on: On,
    revise: Revise = False,
    operator: Who = "",
    reason: Why = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Put every intent through the gates and say which may be tried today.

    Example: `avwap enforce --book SIM --date 2016-06-01`

    Once more, after the decisions were revised or a limit was changed: `avwap enforce --book SIM --date 2016-06-01
    --revise --operator jo --reason "decisions revised"`
    """
    from flows.stages import premarket as stages

    if revise:
        _revised(book, on, home, as_json, "enforcement", operator, reason)
        return
    _no_reason(reason)
    _stage(book, on, home, as_json, ("enforcement",), stages.enforcement)


def _no_reason(reason: str) -> None:
    """Words that nobody would ever read: most likely ``--revise`` was forgotten."""
    if reason:
        raise UsageFault(
            EdgeCode.USAGE,
            "--reason goes with --revise: a first edition needs none",
            safe="nothing was started",
            next="add --revise, or leave --reason out",
        )


def _revised(book: str, on: Any, home: Any, as_json: bool, stage: str, operator: str, reason: str) -> None:
    from flows import outbox, stories, telemetry
    from flows.acting import acting
    from flows.blocked import blocked_summary
    from flows.day import past_day
    from flows.revising import COMMAND, Words
    from flows.revising import revise as write
    from flows.settings import operable

    who_and_why("a revision", operator, reason)
    at = house(home)
    day = past_day(at, operable(book), on)
    words = Words(operator=operator.strip(), reason=reason.strip())
    with acting(at, book, f"avwap {COMMAND[stage]} {on} --revise") as (_, guard):
        made, session = write(day, stage, words, guard)
        written = [made]
        if stage == "enforcement":
            telemetry.record_enforcement(day, session)
            if (blocked := blocked_summary(day)) is not None:
                written.append(outbox.post(day, blocked))

    def then() -> None:
        if stage == "decisions":
            again = f"avwap enforce --book {book} --date {day.session} --revise"
            console.note(f"next      {again}: until then nothing is entered")

    told = {stage: stories.of_stage(day, stage)} if as_json else {}
    _tell(day, (stage,), written, as_json, then, **told)


def cycle(
    book: Book,
    on: Annotated[
        date | None,
        dated("A session of the SIM book; else today's."),
    ] = None,
    slot: Annotated[
        str | None,
        typer.Option(
            "--slot", metavar="HHMM", help="One of the session's cycles; at a broker the one due now."
        ),
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Show what it would send; send nothing, change nothing.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Run one execution cycle of an open session; one that died is resumed as HHMM-2.

    Example: `avwap cycle --book SIM --date 2016-06-01 --slot 0935`

    At a broker, the one that is due now: `avwap cycle --book ALPACA_PAPER`. A look at what it would do:
    `avwap cycle --book ALPACA_PAPER --plan`; with DRY_RUN set, every cycle is one.
    """
    from flows import remarks
    from flows.acting import acting
    from flows.run import session_for_cycle
    from flows.settings import operable
    from flows.stages import cycle as cycles
    from flows.timely import check_known, cycle_due, is_stepped

    at = house(home)
    check_known(at, operable(book), on, slot)
    if plan or at.settings.dry_run:
        _planned(at, book, on, slot, as_json)
        return
    what = f"{on} {slot}" if is_stepped(book) else "now due"
    with acting(at, book, f"avwap cycle {what}") as (world, guard):
        day, due = cycle_due(at, book, world, on, slot)
        session = session_for_cycle(at, day, world, guard)
        written = list(cycles.cycle(day, world, session, due))
        untold = _tell_changes(day, session, written)

    found = remarks.of_cycle(day, PurePosixPath(written[0].path).parent.name)

    def line() -> None:
        if found:
            console.rows("Besides", found)
        if world.host is not None:
            console.note(f"broker   {world.host}")
        for fault in world.faults:
            console.note(f"line     {fault}: nothing is entered over it")
        if untold is not None:
            console.note(f"untold   {untold.message}; {untold.next}")

    more: dict[str, Any] = {"found": found}
    if untold is not None:
        more["untold"] = untold.code
    if world.host is not None:
        more |= {"broker": world.host, "line_faults": list(world.faults)}
    _tell(day, ("fills",), written, as_json, line, slot=due.name, **more)


def _tell_changes(day: "Day", session: "Session", written: "list[Written]") -> AvwapError | None:
    """Queue what changed of posture and lifecycle, and add it to *written*; returns why it could not be queued."""
    from flows.alerts import post_changes

    try:
        made = post_changes(day, session.journal.records)
    except AvwapError as error:
        return error
    if made is not None:
        written.append(made)
    return None


def _planned(at: "House", book: str, on: date | None, slot: str | None, as_json: bool) -> None:
    """What a cycle would send, without its lock."""
    from dataclasses import replace

    from flows.dry import copied, plan_in, shown
    from flows.timely import cycle_due
    from flows.world import open_world

    copy = copied(at, book)
    world = open_world(copy, book)
    try:
        day, due = cycle_due(copy, book, world, on, slot)
        made = plan_in(replace(day, house=at), day, due, world)
    finally:
        world.close()
    rows = shown(made.wished)

    def render() -> None:
        console.rows(f"Would be sent by {book} in its cycle {due.name} of {day.session}", rows)
        console.note(f"{len(rows)} requests planned, none sent" if rows else "nothing would be sent")
        console.note(f"wrote    {made.written.path}, marked dry_run")

    body = {
        "book": book,
        "session": str(day.session),
        "slot": due.name,
        "dry_run": True,
        "would_send": list(made.wished),
        "wrote": [made.written.path],
    }
    console.emit(body, as_json, render)


def close(book: Book, on: On, home: Home = None, as_json: Json = False) -> None:
    """Close the session: trades, snapshot, reconciliation, attribution, parity, seal, report.

    Example: `avwap close --book SIM --date 2016-06-01`
    """
    from flows import pipeline
    from flows.acting import acting
    from flows.commands.run import outcome_rows, tell_refusals
    from flows.day import past_day
    from flows.settings import operable
    from flows.stages import opening
    from flows.timely import check_close

    at = house(home)
    day = past_day(at, operable(book), on)
    outcome = pipeline.Outcome(day)
    with acting(at, book, f"avwap close {on}") as (world, guard):
        check_close(day, world)
        session = opening.resume_session(day, guard)
        pipeline.run_close(day, world, session, outcome)

    def render() -> None:
        console.rows("Stages", outcome_rows(outcome))
        tell_refusals(outcome)
        console.note(f"seal     {outcome.seal or 'none: the session could not be sealed'}")

    console.emit(
        {"session": str(day.session), "seal": outcome.seal, "steps": outcome_rows(outcome)}, as_json, render
    )
    raise typer.Exit(outcome.exit_code)
