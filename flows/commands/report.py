"""``avwap report``: a session or a range as a page to read, or as text."""

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from flows import console
from flows.commands.options import Book, Home, Json, as_date, house
from schemas.errors import UsageFault
from schemas.reasons.edge import EdgeCode

if TYPE_CHECKING:
    from analytics.report import Page
    from flows.house import House
    from ledger.artifacts import Written


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command("report")(report)


def report(
    book: Book,
    on: Annotated[
        date | None,
        typer.Option("--date", "-d", parser=as_date, metavar="YYYY-MM-DD", help="The page of one session."),
    ] = None,
    first: Annotated[
        date | None,
        typer.Option("--from", parser=as_date, metavar="YYYY-MM-DD", help="First session of a tear sheet."),
    ] = None,
    last: Annotated[
        date | None,
        typer.Option(
            "--to", parser=as_date, metavar="YYYY-MM-DD", help="Last session; default the book's last."
        ),
    ] = None,
    as_text: Annotated[bool, typer.Option("--text", help="Print the tables; write nothing.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Render the page of a session again, or the tear sheet of a range, and say where it lies.

    Example: `avwap report --book SIM --date 2016-06-01`, or `--from 2016-01-04 --to 2016-12-30`
    """
    if (on is None) == (first is None and last is None):
        raise UsageFault(
            EdgeCode.USAGE,
            "a session or a range is wanted: --date, or --from and --to",
            safe="nothing was written",
            next=f"avwap report --book {book} --date 2016-06-01, or --from 2016-01-04 --to 2016-12-30",
        )
    if as_text and as_json:
        raise UsageFault(
            EdgeCode.USAGE,
            "--text and --json cannot both be printed",
            safe="nothing was written",
            next="leave one of them away",
        )
    at = house(home)
    if on is not None:
        page, write = _of_day(at, book, on)
    else:
        page, write = _of_range(at, book, first, last, quiet=as_json or as_text)
    if as_text:
        from analytics.report_text import text

        typer.echo(text(page), nl=False)
        return
    path = write().path
    console.emit({"wrote": path}, as_json, lambda: console.note(f"wrote    {at.root / path}"))


def _of_day(at: "House", book: str, on: date) -> "tuple[Page, Callable[[], Written]]":
    from flows.day import past_day
    from flows.pages import page, write

    day = past_day(at, book, on)
    made = page(day)
    return made, lambda: write(day, made)


def _of_range(
    at: "House", book: str, first: date | None, last: date | None, *, quiet: bool
) -> "tuple[Page, Callable[[], Written]]":
    from flows import reporting
    from flows.progress import bar

    chosen = reporting.sessions(at, book, first, last)
    with bar("reading", len(chosen), quiet=quiet) as step:
        made = reporting.sheet(at, book, chosen, step)
    return made, lambda: reporting.write(at, book, made, chosen[0], chosen[-1])
