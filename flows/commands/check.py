"""Judging bars, and letting one finding pass by name."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows import console
from flows.commands.options import Book, Home, Json, On, as_date, dated, house
from schemas.errors import UsageFault
from schemas.reasons.edge import EdgeCode

if TYPE_CHECKING:
    from flows.house import House
    from schemas.check import CheckReport


def register(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.command("check")(check)
    app.command("acknowledge")(acknowledge)


def check(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE|SESSION", help="A CSV or Parquet file of bars, or a session of the store."
        ),
    ] = None,
    on: Annotated[
        date | None,
        dated("The same as SESSION."),
    ] = None,
    actions: Annotated[
        Path | None,
        typer.Option("--actions", metavar="FILE", help="Corporate actions that belong to the file."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="Where the report goes; default ledger/MARKET/checks."),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Judge a file of bars on the morning after each of its sessions, without importing it; or one morning of the
    store. Writes a report as JSON and Markdown. Exit 3 if a morning would be blocked for entries.

    Example: `avwap data check us_daily.parquet`, `avwap data check 2016-09-02`
    """
    session = on
    if what is not None and not Path(what).exists():
        try:
            session = as_date(what)
        except typer.BadParameter:
            session = None
    if (what is None) == (on is None) or (session is None and not Path(what or "").is_file()):
        told = (
            f"{what} is neither a file nor a date"
            if what is not None and on is None
            else "nothing, or two things"
        )
        raise UsageFault(
            EdgeCode.USAGE,
            f"data check wants one file or one session: {told}",
            safe="nothing was written",
            next="avwap data check us_daily.parquet, or avwap data check 2016-09-02",
        )
    unfit = None
    if session is not None and actions is not None:
        unfit = "--actions belong to a file; a session has the store's own"
    elif out is not None and out.exists() and not out.is_dir():
        unfit = f"--out {out} is a file, a folder is wanted"
    if unfit is not None:
        raise UsageFault(
            EdgeCode.USAGE, unfit, safe="nothing was written", next="leave that option out, or correct it"
        )
    at = house(home)
    if session is not None:
        report, name = _of_session(at, session)
    else:
        report, name = _of_file(at, Path(what or ""), actions, quiet=as_json)
    _finish(at, report, name, out, as_json)


def _of_session(at: "House", session: date) -> "tuple[CheckReport, str]":
    from flows.checking import check_morning
    from flows.day import open_day

    report = check_morning(open_day(at, "SIM", session))
    return report, f"{session}-{report.sha256[:8]}"


def _of_file(at: "House", path: Path, actions: Path | None, *, quiet: bool) -> "tuple[CheckReport, str]":
    from flows.checking import check_file
    from flows.progress import bar

    with bar(f"checking {path.name}", 100, quiet=quiet) as step:

        def told(done: int, total: int, what: str) -> None:
            step(int(100 * done / total) if total else 100, what)

        report = check_file(at, path, actions, told)
    return report, f"{path.stem}-{report.sha256[:8]}"


def _finish(at: "House", report: "CheckReport", name: str, out: Path | None, as_json: bool) -> None:
    from flows.checking import keep

    wrote = keep(at, report, name, out)
    body = report.model_dump(mode="json")
    # Every symbol is in the file; a pipe that wants them all reads them there.
    del body["found"]
    console.emit({**body, "wrote": wrote}, as_json, lambda: _tell(report, wrote))
    raise typer.Exit(3 if report.days else 0)


def _tell(report: "CheckReport", wrote: list[str]) -> None:
    from flows.checking import CODE_COLUMNS, DAYS_SHOWN, code_rows, day_rows

    console.note(
        f"{report.subject}: {report.rows:,} rows of {report.symbols:,} symbols, judged on {report.mornings:,} "
        f"mornings after {report.first} to {report.last}"
    )
    if report.set_aside:
        rows = ((each.reason, each.rows, ", ".join(each.examples)) for each in report.set_aside)
        console.table("Set aside", ("reason", "rows", "for example"), rows, right=("rows",))
    days = day_rows(report)
    console.table(
        "Days", ("morning", "code", "subject", "observed", "threshold", "detail"), days[:DAYS_SHOWN]
    )
    if len(days) > DAYS_SHOWN:
        console.note(f"{len(days) - DAYS_SHOWN} more findings of days are in the report")
    console.table("Symbols", CODE_COLUMNS, code_rows(report), right=CODE_COLUMNS[2:6])
    for path in wrote:
        console.note(f"wrote    {path}")
    verdict = f"{len(report.days)} of {report.mornings} mornings are BLOCKED for entries"
    console.note(verdict if report.days else f"none of {report.mornings} mornings is blocked for entries")


def acknowledge(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="Whose quarantine.")],
    code: Annotated[str, typer.Argument(metavar="CODE", help="Which finding, as data check names it.")],
    book: Book,
    on: On,
    who: Annotated[str, typer.Option("--who", help="Who looked at the bars; recorded.")],
    why: Annotated[str, typer.Option("--why", help="Why they are right; recorded.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Let one quarantine of one symbol pass for one session that was not judged yet. A blocked day is never lifted.

    Example: `avwap data acknowledge GE BARS_SPIKE --book SIM --date 2016-06-01 --who jo --why "traded there, see tape"`
    """
    from flows.acknowledge import acknowledge as record

    path, made = record(house(home), book, symbol, code, on, who, why)
    status = "written" if made else "there already"

    def render() -> None:
        console.note(f"{status:<9} {path}")
        console.note(f"{symbol} passes {code} on {on} in {book}; every other finding stands")

    console.emit({"book": book, "session": str(on), "path": path, "status": status}, as_json, render)
