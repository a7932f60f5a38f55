"""``avwap intents``: every order of a book, what became of it record by record, and its index made anew."""

from typing import Annotated, Any

import typer

from flows import console
from flows.commands.options import Book, Home, Json, house

GIVES_WAY = ("client id", "session", "sends", "carried")
"""Columns in the order in which a narrow window loses them; one order is shown with all of them."""

app = typer.Typer(no_args_is_help=True, help="List the orders of a book, show one, or make their index anew.")


@app.command("list")
def list_orders(
    book: Book,
    working: Annotated[bool, typer.Option("--working", help="Only orders that may still fill.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Every order that the book ever announced, newest first, with its state.

    Example: `avwap intents list --book SIM --working`
    """
    from flows.intents import listed

    rows = listed(house(home), book, working=working)
    title = f"Orders of {book}{' that may still fill' if working else ''}"
    console.emit({"book": book, "orders": rows}, as_json, lambda: console.fitted(title, rows, GIVES_WAY))


@app.command()
def show(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="Its id, the front of it, or its client id.")],
    book: Book,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """One order, and every record of the journals that names it, oldest first.

    Example: `avwap intents show --book SIM ord_61f0a7`
    """
    from flows.intents import shown

    told = shown(house(home), book, order)

    def render() -> None:
        facts = [{"field": key, "value": value} for key, value in told["order"].items() if key != "plan"]
        console.rows(f"Order {told['order']['ord_id']}", facts)
        console.rows("Its records", told["records"])

    console.emit(told, as_json, render)


@app.command()
def rebuild(
    book: Book,
    check: Annotated[bool, typer.Option("--check", help="Compare only; exit 4 if they differ.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Make the index of orders anew from the journals, and say what it had said otherwise.

    Example: `avwap intents rebuild --book SIM --check`
    """
    from flows.intents import differences, rebuilt

    told: dict[str, Any] = (differences if check else rebuilt)(house(home), book)

    def render() -> None:
        if told["differences"]:
            console.rows("What the index had said otherwise", told["differences"])
        if told.get("set_aside"):
            console.note(f"aside    {told['set_aside']}: it was no database any more")
        console.note(f"{'agree   ' if check else 'rebuilt '} {told['orders']} orders of {book}")

    console.emit(told, as_json, render)
