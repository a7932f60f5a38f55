"""Commands that run sessions: the demo, a day, a range."""

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows import console
from flows.commands.options import Book, Home, Json, On, as_date, house

if TYPE_CHECKING:
    from flows.pipeline import Outcome
    from flows.run import SessionResult


def register(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.command("demo")(demo)
    app.command("day")(day)
    app.command("run")(run)


def demo(
    sessions: Annotated[
        int, typer.Option("--sessions", min=2, max=250, help="How many sessions to play.")
    ] = 63,
    prefect: Annotated[bool, typer.Option(help="Run the last session once more through Prefect.")] = True,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Play a simulated quarter on a made-up market, and seal its last day twice alike.

    Example: `avwap demo`
    """
    from flows.demo import play

    raise typer.Exit(play(home, sessions, prefect, as_json))


def outcome_rows(outcome: "Outcome") -> list[dict[str, str]]:
    """Every stage of a run, as rows."""
    from flows.stories import step_row

    return [step_row(step) for step in outcome.steps]


def result_dict(result: "SessionResult") -> dict[str, Any]:
    """A session's result, for ``--json``."""
    body: dict[str, Any] = {
        "book": result.day.book_id,
        "session": result.day.session.isoformat(),
        "seal": result.seal,
        "exit": result.exit_code,
    }
    if result.outcome is not None:
        body["steps"] = outcome_rows(result.outcome)
    if result.replayed is not None:
        body["replayed"] = {
            "identical": result.replayed.identical,
            "taken": list(result.replayed.taken),
            "divergences": [str(each) for each in result.replayed.divergences],
        }
    return body


def day(
    book: Book,
    on: On,
    bars: Annotated[
        str | None, typer.Option("--bars", metavar="FILE", help="Import these bars first.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Run the whole chain for one session; a sealed one is recomputed and compared.

    Example: `avwap day --book SIM --date 2016-06-01`
    """
    from flows.acting import ready_day
    from flows.day import open_day
    from flows.run import run_range
    from flows.settings import operable

    at = house(home)
    if bars is not None:
        from flows.commands.data import bring_in

        open_day(at, operable(book), on)
        bring_in(at, bars, "bars", None, as_json=as_json, quiet=as_json)
    ready_day(at, book, on)  # a range of no session would be told in other words
    result = run_range(at, book, on, on, lambda _: None, f"avwap day {on}").results[-1]
    console.emit(result_dict(result), as_json, lambda: _tell_day(result))
    raise typer.Exit(result.exit_code)


def _tell_day(result: "SessionResult") -> None:
    from flows import stories

    if result.replayed is not None:
        tell_replay(result)
        return
    for _, title, tell in stories.STORY:
        console.rows(title, tell(result.day))
    assert result.outcome is not None
    tell_refusals(result.outcome)
    folder = result.day.house.root / result.day.book_id / result.day.session.isoformat()
    console.note(f"wrote    {folder}")
    console.note(f"seal     {result.seal or 'none: the session could not be sealed'}")


def tell_refusals(outcome: "Outcome") -> None:
    """Each stage that refused, in the four lines of a refusal."""
    for step in outcome.refused:
        assert step.error is not None
        console.refuse(step.error, False, f"{step.stage} for {outcome.day.book_id} {outcome.day.session}")


def tell_replay(result: "SessionResult") -> None:
    """What recomputing a sealed session gave."""
    replayed = result.replayed
    assert replayed is not None
    if replayed.identical:
        console.note(f"verified {replayed.session}: {replayed.files} files recomputed, every byte the same")
        if replayed.taken:
            console.note(f"taken    as recorded, for the morning was revised: {', '.join(replayed.taken)}")
        console.note(f"seal     {result.seal}")
    console.table(
        "Divergences",
        ("where", "category", "file", "pointer", "recorded", "now"),
        (
            (d.category, d.safety or "", d.file, d.pointer, str(d.expected)[:60], str(d.actual)[:60])
            for d in replayed.divergences
        ),
    )


def run(
    book: Book,
    first: Annotated[date, typer.Option("--from", parser=as_date, metavar="YYYY-MM-DD", help="First date.")],
    last: Annotated[date, typer.Option("--to", parser=as_date, metavar="YYYY-MM-DD", help="Last date.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Run every session of a range, in order; sealed ones are recomputed and compared.

    Example: `avwap run --book SIM --from 2016-06-01 --to 2016-12-30`
    """
    from flows.progress import sessions_bar
    from flows.run import run_range

    at = house(home)
    with sessions_bar(at, first, last, quiet=as_json) as told:
        done = run_range(at, book, first, last, told, f"avwap run {first} {last}")
    body = {
        "book": book,
        "exit": done.exit_code,
        "sessions": [result_dict(result) for result in done.results],
    }
    console.emit(body, as_json, lambda: _tell_range(done.results))
    raise typer.Exit(done.exit_code)


def _tell_range(results: "list[SessionResult]") -> None:
    from flows import stories

    run_now = [result for result in results if result.outcome is not None]
    again = [result for result in results if result.replayed is not None]
    refused = [result for result in run_now if result.outcome and result.outcome.refused]
    diverged = [result for result in again if result.replayed and not result.replayed.identical]
    for result in refused[:5]:
        assert result.outcome is not None
        tell_refusals(result.outcome)
    for result in diverged[:5]:
        tell_replay(result)
    console.table(
        "Sessions",
        ("run", "refused a stage", "recomputed", "diverged"),
        [(len(run_now), len(refused), len(again), len(diverged))],
        right=("run", "refused a stage", "recomputed", "diverged"),
    )
    if results:
        final = results[-1]
        console.rows(f"Book at the close of {final.day.session}", stories.equity(final.day))
        console.note(f"seal     {final.seal or 'none: the last session could not be sealed'}")
