"""``avwap notify``: what the house has to say to people, and whether it was said. Nothing here sends anything."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows import console
from flows.commands.options import Book, Home, Json, On, house
from schemas.errors import UsageFault
from schemas.reasons.edge import EdgeCode

if TYPE_CHECKING:
    from flows.outbox import Entry
    from schemas.outbox import Message

app = typer.Typer(no_args_is_help=True, help="Messages to people: read one, or see which wait.")


@app.command("preview")
def preview(
    book: Book,
    on: On,
    blocked: Annotated[bool, typer.Option("--blocked", help="The one about blocked entries.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Print the message about a session's scan as its files tell it now; nothing is written or sent.

    Example: `avwap notify preview --book SIM --date 2016-06-01`, or with `--blocked` what its gates blocked
    """
    from flows.blocked import blocked_summary
    from flows.day import past_day
    from flows.outbox import Outbox
    from flows.summary import scan_summary

    day = past_day(house(home), book, on)
    message = blocked_summary(day) if blocked else scan_summary(day)
    if message is None:
        body: dict[str, Any] = {"message": None, "state": "nothing to tell"}
        console.emit(body, as_json, lambda: console.note("no entry was blocked that anyone needs to hear of"))
        return
    known = {entry.message.id: entry.state for entry in Outbox(day.house.disk, day.book_id).entries()}
    state = known.get(message.id, "not in the outbox")
    body = {"message": message.model_dump(mode="json"), "state": state}
    console.emit(body, as_json, lambda: _tell_message(message, state))


def _tell_message(message: "Message", state: str) -> None:
    console.note(message.text)
    for block in message.blocks:
        console.note("")
        console.note(block)
    console.note("")
    console.note(f"message  {message.id}, {state}")


@app.command("show")
def show(
    message: Annotated[
        str, typer.Argument(metavar="MESSAGE", help="Its id, as `avwap notify status` has it.")
    ],
    book: Book,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Print a message that was kept: a morning's, or one about a change of posture or lifecycle.

    Example: `avwap notify show --book SIM msg_5b0c2f6a1d`
    """
    from flows.outbox import Outbox
    from flows.settings import book_of

    at = house(home)
    outbox = Outbox(at.disk, book_of(book))
    found = [entry for entry in outbox.entries() if entry.message.id.startswith(message)]
    if len(found) != 1:
        raise UsageFault(
            EdgeCode.USAGE,
            f"{message}: {len(found) or 'no'} messages of {book} begin so",
            safe="nothing was changed",
            next=f"avwap notify status --book {book} lists them",
        )
    (entry,) = found
    body = {"message": entry.message.model_dump(mode="json"), "state": entry.state}
    console.emit(body, as_json, lambda: _tell_message(entry.message, entry.state))


@app.command("status")
def status(
    book: Book,
    last: Annotated[int, typer.Option("--last", min=1, help="How many of the newest to list.")] = 20,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """List the newest messages of a book and what became of each; the whole outbox is checked.

    Example: `avwap notify status --book SIM`
    """
    from flows.outbox import PENDING, Outbox
    from flows.settings import book_of

    at = house(home)
    outbox = Outbox(at.disk, book_of(book))
    entries, torn = outbox.entries(), outbox.torn()
    pending = sum(entry.state == PENDING for entry in entries)
    body: dict[str, Any] = {
        "book": book,
        "outbox": outbox.path,
        "messages": len(entries),
        "pending": pending,
        "torn_bytes": torn,
        "client": None,
        "newest": [_row(entry) for entry in entries[-last:]],
    }

    def render() -> None:
        console.rows("Messages", body["newest"])
        console.note(f"outbox   {at.root / outbox.path}: {len(entries):,} messages, {pending:,} pending")
        if torn:
            console.note(
                f"torn     {torn} bytes of a line that was never finished; the next message sets them aside"
            )
        if pending:
            console.note("client   none in this version: pending messages wait here, and nothing is sent")

    console.emit(body, as_json, render)


def _row(entry: "Entry") -> dict[str, str]:
    message = entry.message
    return {
        "session": message.session_date.isoformat(),
        "kind": message.kind.value,
        "severity": message.severity.value,
        "state": entry.state,
        "id": message.id,
        "text": message.text,
    }
