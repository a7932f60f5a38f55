"""``avwap compare-modulation``: what risk modulation would have done to a range of sessions, as one page."""

import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows import console
from flows.commands.options import Home, Json, as_date, house
from schemas.errors import UsageFault
from schemas.reasons.edge import EdgeCode

if TYPE_CHECKING:
    from analytics.comparison import Comparison
    from analytics.report_tables import Table


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command("compare-modulation")(compare_modulation)


def compare_modulation(
    first: Annotated[date, typer.Option("--from", parser=as_date, metavar="YYYY-MM-DD", help="First date.")],
    last: Annotated[date, typer.Option("--to", parser=as_date, metavar="YYYY-MM-DD", help="Last date.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The page to write.")] = Path(
        "modulation.html"
    ),
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Keep both runs' ledgers in this folder.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Run a range twice on the simulated exchange, without and with risk modulation, and put both on one page.

    Example: `avwap compare-modulation --from 2016-03-01 --to 2016-12-30 --out modulation.html`
    """
    from analytics.comparison_page import render
    from flows.comparison import compare
    from flows.progress import bar

    if out.suffix != ".html" or not out.absolute().parent.is_dir():
        raise UsageFault(
            EdgeCode.USAGE,
            f"--out {out}: a page is a file that ends in .html, in a folder that is there",
            safe="nothing was started",
            next="name the file modulation.html, for instance",
        )
    at = house(home)
    total = 2 * len(at.calendar.sessions(first, last)) if first <= last else 0
    with ExitStack() as stack:
        step = stack.enter_context(bar("sessions", total, quiet=as_json))
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="avwap-compare-")))
        compared = compare(at, first, last, folder, step)
    out.write_text(render(compared), encoding="utf-8")
    console.emit(_body(compared, out, keep), as_json, lambda: _tell(compared, out, keep))


def _body(compared: "Comparison", out: Path, keep: Path | None) -> dict[str, Any]:
    from analytics.comparison import lowered, measures, of_labels

    return {
        "book": compared.book_id,
        "from": str(compared.plain[0].snapshot.closed_session),
        "to": str(compared.plain[-1].snapshot.closed_session),
        "sessions": len(compared.plain),
        "without": _plain(asdict(measures(compared.plain))),
        "with": _plain(asdict(measures(compared.modulated))),
        "lowered": _plain(asdict(lowered(compared.modulated))),
        "by_label": [asdict(row) for row in of_labels(compared)],
        "alike": dict(compared.alike),
        "page": str(out),
        "kept": None if keep is None else str(keep),
    }


def _plain(told: dict[str, Any]) -> dict[str, Any]:
    """Money as its text, all else as it is."""
    return {key: v if isinstance(v, (int, float, type(None))) else format(v, "f") for key, v in told.items()}


def _tell(compared: "Comparison", out: Path, keep: Path | None) -> None:
    from analytics.comparison_page import labels_table, measures_table

    for table in (measures_table(compared), labels_table(compared)):
        _show(table)
    total = len(compared.plain)
    alike = ", ".join(f"{name} in {count}" for name, count in compared.alike.items())
    console.note(f"the same in both runs, of {total} sessions: {alike}")
    if keep is not None:
        console.note(f"kept     {keep}")
    console.note(f"wrote    {out}")


def _show(table: "Table") -> None:
    console.table(table.title, tuple(table.columns), table.rows, right=tuple(table.numbers))
