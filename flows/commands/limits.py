"""The command that tells every limit of a book: value, used, left, whose."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import typer

from flows import console
from flows.commands.options import Book, Home, Json, dated, house

When = Annotated[
    date | None,
    dated("A session of the book; default its newest."),
]


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command("limits")(limits)


def limits(book: Book, on: When = None, home: Home = None, as_json: Json = False) -> None:
    """Every limit of a book and of its sleeves: value, used, left, whose, and the setting it comes from.

    Example: `avwap limits --book SIM --date 2016-06-01`
    """
    from flows.limits import of_book

    body = of_book(house(home), book, on)
    console.emit(_plain(body), as_json, lambda: _tell(body))


def _plain(value: Any) -> Any:
    """Numbers as text with all their digits, for ``--json``."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return format(value, "f") if isinstance(value, Decimal) else value


def _tell(body: dict[str, Any]) -> None:
    equity = "unknown" if body["equity"] is None else f"{body['equity']:,.2f} USD"
    console.note(f"{body['book']} as of {body['as_of']} of {body['session']}; equity {equity}")
    console.OUT.print()
    columns = ("limit", "value", "unit", "used", "left", "whose", "source")
    shown = [
        {
            **row,
            "value": "none set"
            if row["value"] is None and row["used"] is not None
            else _number(row, "value"),
            "used": _number(row, "used"),
            "left": _number(row, "left"),
            "source": row["source"].removeprefix(f"books.{body['book']}."),
        }
        for row in body["limits"]
    ]
    console.table(
        "Limits",
        columns,
        ([row[c] for c in columns] for row in shown),
        right=("value", "used", "left"),
        whole=("limit",),
    )
    console.rows("Locks", body["locks"])
    console.rows("Switches that stop entries", body["switches"])
    for fault in body["faults"]:
        console.note(f"blocked  {fault}")


def _number(row: dict[str, Any], name: str) -> str:
    """A number as its unit is read: cents, counts, or percent of something."""
    value = row[name]
    if value is None:
        return "-"
    if row["unit"].startswith("USD"):
        return f"{value:,.2f}"
    return f"{value:.2%}" if row["unit"].startswith("of ") else f"{value}"
