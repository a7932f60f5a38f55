"""``avwap metrics``: a book's numbers for a monitor, as the Prometheus text format writes them."""

import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from flows import console
from flows.commands.options import Book, Home, Json, dated, house


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command("metrics")(metrics)


def metrics(
    book: Book,
    on: Annotated[date | None, dated("A session; default: the newest that is sealed.")] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write there, at once or not at all; default: print."),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """The day's artifacts and the week's reliability as Prometheus text, for a textfile collector.

    Example: `avwap metrics --book SIM --out metrics/avwap.prom`
    """
    from flows.day import past_day
    from flows.metrics import SCHEMA_VERSION, newest_sealed, of_day
    from flows.metrics_text import text

    at = house(home)
    day = past_day(at, book, newest_sealed(at, book) if on is None else on)
    families = of_day(day)
    told = text(families)
    body = {
        "book": book,
        "session": day.session.isoformat(),
        "schema_version": SCHEMA_VERSION,
        "families": [
            {
                "name": each.name,
                "kind": each.kind,
                "samples": [
                    {"suffix": part.suffix, "labels": dict(part.labels), "value": str(part.value)}
                    for part in each.samples
                ],
            }
            for each in families
        ],
    }
    if out is None:
        console.emit(body, as_json, lambda: _print(told))
        return
    beside = out.with_name(f".{out.name}.tmp")  # a collector reads at any moment: never half a file
    beside.write_text(told, encoding="utf-8")
    beside.replace(out)
    console.emit(
        {**body, "wrote": str(out)},
        as_json,
        lambda: console.note(f"wrote    {out}: {told.count(chr(10))} lines"),
    )


def _print(told: str) -> None:
    sys.stdout.write(told)
