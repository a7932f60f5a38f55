"""``avwap operator``: what only a person may say of an order, journaled with who, why and on what evidence."""

from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from flows import console
from flows.commands import states
from flows.commands.options import Book, Home, Json, house, who_and_why
from schemas.errors import UsageFault
from schemas.reasons.edge import EdgeCode

app = typer.Typer(no_args_is_help=True, help="Acts of a person that no rule may take over.")
states.register(app)


def _amount(text: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or found <= 0:
        raise typer.BadParameter(f"{text!r} is no number above 0")
    return found


Quantity = Annotated[
    Decimal | None, typer.Option("--qty", parser=_amount, metavar="N", help="Shares that no record tells of.")
]
Price = Annotated[Decimal | None, typer.Option("--price", parser=_amount, metavar="USD", help="Their price.")]


@app.callback()
def operator() -> None:
    """Acts of a person that no rule may take over."""


@app.command()
def resolve(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="Its id, the front of it, or its client id.")],
    book: Book,
    outcome: Annotated[str, typer.Option("--outcome", help="filled, cancelled, never_sent or live.")],
    evidence: Annotated[str, typer.Option("--evidence", help="What you saw, and where; journaled.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; journaled.")],
    qty: Quantity = None,
    price: Price = None,
    order_id: Annotated[
        str | None,
        typer.Option(
            "--order-id", metavar="ID", help="With live: the broker's own id, as its list shows it."
        ),
    ] = None,
    operator: Annotated[str, typer.Option("--operator", help="Who; journaled.", envvar="USER")] = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Say how a FROZEN order ended, or that it works; the next cycle goes on from it.

    Example: `avwap operator resolve --book ALPACA_PAPER ord_61f0a7 --outcome filled --qty 100 --price 50.12
    --evidence "trade confirmation 8812" --operator jo --reason "the fill never reached us"`

    A stop that the broker lists as working while looking it up fails:
    `avwap operator resolve --book ALPACA_PAPER ord_61f0a7 --outcome live --order-id 904837e3-3b76
    --evidence "list of open orders, 10:02" --operator jo --reason "look-ups answer 504"`
    """
    from flows.resolving import OUTCOMES, Statement
    from flows.resolving import resolve as state

    if outcome not in OUTCOMES:
        raise UsageFault(
            EdgeCode.USAGE,
            f"--outcome {outcome}: it is filled, cancelled, never_sent or live",
            safe="nothing was changed",
            next="avwap operator resolve --help shows what each takes",
        )
    who_and_why("how an order ended", operator, reason)
    if not evidence.strip():
        raise UsageFault(
            EdgeCode.USAGE,
            "how an order ended is journaled with the evidence for it",
            safe="nothing was changed",
            next="give --evidence: what you saw, and where",
        )
    said = Statement(
        outcome=outcome,
        quantity=qty,
        price=price,
        operator=operator,
        reason=reason,
        evidence=evidence,
        order_id=order_id,
    )
    wrote = state(house(home), book, order, said)
    console.emit({"book": book, "order": order, "wrote": wrote}, as_json, lambda: console.notes(wrote))


def _shares(text: str) -> Decimal:
    found = Decimal(text) if text.isdecimal() else None
    if found is None:
        raise typer.BadParameter(f"{text!r} is no whole number of shares")
    return found


@app.command()
def accept(
    symbol: Annotated[
        str, typer.Argument(metavar="SYMBOL", help="A symbol in which book and broker differ.")
    ],
    book: Book,
    qty: Annotated[
        Decimal,
        typer.Option("--qty", parser=_shares, metavar="N", help="Shares that the broker holds, in all."),
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why; journaled.")],
    price: Price = None,
    strategy: Annotated[
        str | None, typer.Option("--strategy", help="Whose shares differ, where several hold the symbol.")
    ] = None,
    operator: Annotated[str, typer.Option("--operator", help="Who; journaled.", envvar="USER")] = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Take the broker's quantity of a symbol for ours; stops follow it, and its quarantine ends once both agree.

    Example: `avwap operator accept --book ALPACA_PAPER AAPL --qty 80 --operator jo --reason "20 sold by hand"`
    """
    from flows.accepting import Accepted
    from flows.accepting import accept as take

    who_and_why("a quantity", operator, reason)
    said = Accepted(
        symbol=symbol.upper(),
        quantity=qty,
        price=price,
        strategy_id=strategy,
        operator=operator,
        reason=reason,
    )
    wrote = take(house(home), book, said)
    console.emit({"book": book, "symbol": said.symbol, "wrote": wrote}, as_json, lambda: console.notes(wrote))


@app.command()
def takeover(
    book: Book,
    reason: Annotated[str, typer.Option("--reason", help="Why; journaled.")],
    operator: Annotated[str, typer.Option("--operator", help="Who; journaled.", envvar="USER")] = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Speak for a book from this machine: its stops are sent anew, as they stand, so that the old one sees it.

    Example: `avwap operator takeover --book ALPACA_PAPER --operator jo --reason "the old machine is gone"`

    Run it where the book's folder lies now, in the hours of the exchange. If it dies, run it again with the same words.
    """
    from flows.taking_over import take_over, told, unseen

    who_and_why("where a book lives", operator, reason)
    taken = take_over(house(home), book, operator, reason)
    body = {
        "book": book,
        "epoch": taken.epoch,
        "raised": taken.raised,
        "reissued": [{"symbol": o.symbol, "client_order_id": o.client_order_id} for o in taken.reissued],
        "left": [{"symbol": row.symbol, "order": row.name, "reason": row.reason} for row in taken.left],
    }
    fault = unseen(book, taken)
    if fault is not None:
        raise fault
    console.emit(body, as_json, lambda: console.notes(told(taken)))


def _signed(text: str) -> Decimal:
    try:
        found = Decimal(text).quantize(Decimal("0.000001")) if text.strip("+-0.") else Decimal("NaN")
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or not found or found != Decimal(text):
        raise typer.BadParameter(f"{text!r} is no amount of USD other than 0, with six decimals at most")
    return found


@app.command("book-cash")
def book_cash(
    book: Book,
    amount: Annotated[
        Decimal,
        typer.Option(
            "--amount",
            parser=_signed,
            metavar="USD",
            help="What came to the account; -12.50 for what left it.",
        ),
    ],
    reason: Annotated[str, typer.Option("--reason", help="What it was, and how you know; journaled.")],
    force: Annotated[
        bool, typer.Option("--force", help="Although the account's cash does not speak for it.")
    ] = False,
    operator: Annotated[str, typer.Option("--operator", help="Who; journaled.", envvar="USER")] = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Book cash that no record explains: a transfer, a fee, what a sale by hand brought. It is a flow, no result.

    The account is read first. Refused is what would not bring the book nearer to it, and what a cycle books itself.

    Example: `avwap operator book-cash --book ALPACA_PAPER --amount 1012.40 --operator jo
    --reason "20 AAPL sold by hand, confirmation 8812"`
    """
    from flows.booking import Cash
    from flows.booking import book_cash as take

    who_and_why("cash", operator, reason)
    wrote = take(house(home), book, Cash(amount=amount, operator=operator, reason=reason, force=force))
    body = {"book": book, "amount": f"{amount:f}", "wrote": wrote}
    console.emit(body, as_json, lambda: console.notes(wrote))
