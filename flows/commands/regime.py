"""``avwap regime``: what kind of market past closes were, in runs and as a drawing."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows import console
from flows.commands.options import Home, Json, as_date, drawing_kind, house

if TYPE_CHECKING:
    from analytics.regime_history import Run
    from flows.regimes import Labelled


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command("regime")(regime)


def regime(
    first: Annotated[
        date, typer.Option("--from", parser=as_date, metavar="YYYY-MM-DD", help="First close to label.")
    ],
    last: Annotated[
        date, typer.Option("--to", parser=as_date, metavar="YYYY-MM-DD", help="Last close to label.")
    ],
    benchmark: Annotated[
        str | None,
        typer.Option("--benchmark", metavar="SYMBOL", help="Stands for the market; default as configured."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Also draw it: a .svg or .png file.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Label past closes, each from what was known the morning after it; a second run adds nothing.

    Example: `avwap regime --from 2015-06-01 --to 2016-12-30 --out regime.svg`
    """
    from analytics.regime_history import changes_by_year, counts, runs
    from flows.progress import bar
    from flows.regimes import label, sessions_of
    from ledger import layout

    if out is not None:
        kind = drawing_kind(out, "nothing was started", "name the file regime.svg, for instance")
    at = house(home)
    symbol = benchmark or at.settings.benchmark
    sessions = sessions_of(at, first, last)
    with bar("labelling", len(sessions), quiet=as_json) as step:
        made = label(at, sessions, symbol, step)
    history = [record.regime for record in made.records]
    if out is not None:
        from analytics.regime_chart import draw

        out.write_bytes(draw(made.records, at.settings.regime, kind))
    found = runs(history)
    body = {
        "benchmark": symbol,
        "from": str(sessions[0]),
        "to": str(sessions[-1]),
        "sessions": len(sessions),
        "counts": counts(history),
        "changes_by_year": changes_by_year(history),
        "runs": [_run(run) for run in found],
        "log": layout.regime_log(),
        "added": made.added,
        "torn_bytes_set_aside": made.torn,
        "drawing": None if out is None else str(out),
    }
    console.emit(body, as_json, lambda: _tell(body, found, made, str(at.root / layout.regime_log())))


def _run(run: "Run") -> dict[str, Any]:
    return {
        "from": str(run.first),
        "to": str(run.last),
        "sessions": run.sessions,
        "label": run.label,
        "confidence": run.confidence,
        "codes": list(run.codes),
    }


def _tell(body: dict[str, Any], found: "tuple[Run, ...]", made: "Labelled", log: str) -> None:
    console.table(
        "Regimes",
        ("from", "to", "sessions", "label", "confidence", "codes, most frequent first"),
        (
            (r.first, r.last, r.sessions, r.label or "SKIPPED", _between(r.confidence), ", ".join(r.codes))
            for r in found
        ),
        right=("sessions",),
    )
    total = body["sessions"]
    console.table(
        "Counts",
        ("label", "sessions", "share"),
        ((name, f"{n:,}", f"{n / total:.1%}") for name, n in body["counts"].items()),
        right=("sessions", "share"),
    )
    years = ", ".join(f"{year}: {n}" for year, n in body["changes_by_year"].items())
    console.note(f"closes   {total:,} of {body['benchmark']}, {body['from']} to {body['to']}")
    console.note(f"changes  {years}")
    if made.torn:
        console.note(
            f"torn     {made.torn} bytes of a last line that was never finished lie beside it, as .torn"
        )
    console.note(
        f"wrote    {made.added:,} lines to {log}" if made.added else f"verified nothing new for {log}"
    )
    if body["drawing"]:
        console.note(f"wrote    {body['drawing']}")


def _between(confidence: tuple[float, float] | None) -> str | None:
    if confidence is None:
        return None
    least, most = confidence
    return f"{least:.1f}" if least == most else f"{least:.1f} to {most:.1f}"
