"""``avwap posture``: how much a book knows now, and how that went in past sessions, as a table and as a drawing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows import console
from flows.commands.look import First, Last
from flows.commands.options import Book, Home, Json, drawing_kind, house

if TYPE_CHECKING:
    from analytics.posture_history import Change, History

app = typer.Typer(no_args_is_help=True, help="How much a book knows, and what it may do on that.")


@app.command("show")
def show(book: Book, home: Home = None, as_json: Json = False) -> None:
    """Say whether a book enters, why not, what unlocks next, and what to type, if there is anything to type.

    Example: `avwap posture show --book SIM`
    """
    from flows.posture import of_book
    from flows.status import latest_state

    at = house(home)
    session, state, _ = latest_state(at, book)
    found = {"book": book, "session": str(session), **of_book(at, book, state)}
    console.emit(found, as_json, lambda: console.notes(found["told"]))


@app.command("history")
def history(
    book: Book,
    first: First = None,
    last: Last = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Also draw it: a .svg or .png file.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also how each session opens, is released and arms.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """List every change of posture and lifecycle with its cause and how long it held, and entries it held back.

    Example: `avwap posture history --book ALPACA_PAPER --from 2026-03-02 --to 2026-03-06 --plot posture.svg`

    Time is open market: nights count nothing, in the table and in the drawing.
    """
    from flows.posture_log import bands, body
    from flows.posture_log import history as read

    kind = None
    if plot is not None:
        kind = drawing_kind(plot, "nothing was drawn", "name the file posture.svg, for instance", "--plot")
    at = house(home)
    found = read(at, book, first, last)
    told: dict[str, Any] = body(book, found)
    told["drawing"] = None if plot is None else str(plot)
    if plot is not None and kind is not None:
        from analytics.posture_plot import draw

        title = f"{book}: what was known, {told['from']} to {told['to']}"
        plot.write_bytes(draw(found, title, bands(at), kind))
    console.emit(told, as_json, lambda: _tell(told, found, every=every))


def _tell(told: dict[str, Any], found: "History", *, every: bool) -> None:
    from analytics.report_posture import duration
    from flows.words import ROUTINE

    shown = [
        (row, of["words"])
        for row, of in zip(found.changes, told["changes"], strict=True)
        if every or row.what == "posture" or row.causes[0] not in ROUTINE
    ]
    console.table(
        "Changes",
        ("at, UTC", "what", "from", "to", "held for", "by", "in words"),
        (
            (
                f"{row.at:%Y-%m-%d %H:%M:%S}",
                row.what,
                row.before,
                row.after,
                _held(row),
                _by(row),
                said,
            )
            for row, said in shown
        ),
        right=("held for",),
        whole=("at, UTC",),
    )
    total = sum(told["seconds"]["posture"].values())
    console.table(
        "Time of open market",
        ("what", "which", "time", "share"),
        (
            (what, name or "no cause", duration(seconds), f"{seconds / total:.1%}")
            for what, rows in told["seconds"].items()
            for name, seconds in rows.items()
            if seconds
        ),
        right=("time", "share"),
    )
    if found.clamped:
        console.table(
            "Entries held back",
            ("at, UTC", "symbol", "outcome", "by"),
            (
                (f"{row.at:%Y-%m-%d %H:%M:%S}", row.symbol, of["outcome"], ", ".join(row.codes))
                for row, of in zip(found.clamped, told["clamped"], strict=True)
            ),
        )
    if found.divergences:
        console.table("Divergences that replay found", ("category", "found"), found.divergences.items())
    console.note(f"sessions {told['sessions']:,} of {told['book']}, {told['from']} to {told['to']}")
    console.note(f"worst    {told['worst']}; {len(found.clamped):,} entries held back")
    if left := len(found.changes) - len(shown):
        console.note(f"besides  {left:,} moves that every session makes as it opens: --all lists them")
    if told["drawing"]:
        console.note(f"wrote    {told['drawing']}")


def _held(row: "Change") -> str:
    from analytics.report_posture import duration

    return f"{duration(row.active_s)}{' so far' if row.is_open else ''}"


def _by(row: "Change") -> str:
    shown = ", ".join(row.causes[:3])
    return f"{shown} and {len(row.causes) - 3} more" if len(row.causes) > 3 else shown
