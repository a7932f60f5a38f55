"""``avwap operator pause|resume|ack|emergency|flatten``: a person's word on a book as a whole."""

from typing import Annotated

import typer

from flows import console
from flows.commands.options import Book, Home, Json, house, who_and_why

Reason = Annotated[str, typer.Option("--reason", help="Why; journaled.")]
Operator = Annotated[str, typer.Option("--operator", help="Who; journaled.", envvar="USER")]
Cause = Annotated[
    str,
    typer.Option(
        "--cause",
        metavar="CODE|ID",
        help="DD_BREACH, CONTRADICTION_C3, JOURNAL_CORRUPT, OPERATOR_EMERGENCY, EXTERNAL:SYMBOL, or a divergence's id.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    for command in (pause, resume, ack, emergency, flatten):
        app.command()(command)


def pause(
    book: Book, reason: Reason, operator: Operator = "", home: Home = None, as_json: Json = False
) -> None:
    """Let a book enter nothing until a person resumes it; stops and exits go on.

    Example: `avwap operator pause --book ALPACA_PAPER --operator jo --reason "earnings week, I am away"`
    """
    _act("pause", book, reason, operator, home, as_json)


def resume(
    book: Book, reason: Reason, operator: Operator = "", home: Home = None, as_json: Json = False
) -> None:
    """Let a book go on that a person, the end of an emergency, or a run of losses has paused.

    Example: `avwap operator resume --book ALPACA_PAPER --operator jo --reason "the week is over"`

    Refused with RESUME_CAUSE_ACTIVE while anything holds the book that a resume does not end.
    """
    _act("resume", book, reason, operator, home, as_json)


def ack(
    book: Book,
    cause: Cause,
    reason: Reason,
    operator: Operator = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Say that a person has looked at what only a person can end; `avwap status` lists what waits for it.

    Example: `avwap operator ack --book ALPACA_PAPER --cause DD_BREACH --operator jo --reason "sizes halved"`

    DD_BREACH starts the peak at the equity of the next look. A kill switch is lifted with `avwap kill off` instead.
    """
    _act("ack", book, reason, operator, home, as_json, cause)


def emergency(
    book: Book, reason: Reason, operator: Operator = "", home: Home = None, as_json: Json = False
) -> None:
    """Declare an emergency: entries end, positions keep their stops, and only a person's word ends it.

    Example: `avwap operator emergency --book ALPACA_PAPER --operator jo --reason "fills that nobody ordered"`
    """
    _act("emergency", book, reason, operator, home, as_json)


def flatten(
    book: Book, reason: Reason, operator: Operator = "", home: Home = None, as_json: Json = False
) -> None:
    """Sell every own position of a book in an EMERGENCY, cycle by cycle, until none is left.

    Example: `avwap operator flatten --book ALPACA_PAPER --operator jo --reason "out until it is understood"`

    It cannot be taken back. Shares of others in the account are not touched.
    """
    _act("flatten", book, reason, operator, home, as_json)


def _act(
    verb: str,
    book: str,
    reason: str,
    operator: str,
    home: Home,
    as_json: bool,
    subject: str | None = None,
) -> None:
    from flows.operating import Act, operate

    who_and_why(f"{'an' if verb[0] in 'ae' else 'a'} {verb}", operator, reason)
    said = Act(verb=verb, operator=operator.strip(), reason=reason.strip(), subject=subject)
    wrote = operate(house(home), book, said)
    console.emit(
        {"book": book, "verb": verb, "subject": subject, "wrote": wrote},
        as_json,
        lambda: console.notes(wrote),
    )
