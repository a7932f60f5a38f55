"""``avwap notify``: what the house has to say to people, whether it was said, and who is missing."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from flows import console
from flows.commands.options import Book, Home, Json, On, house
from schemas.errors import UsageFault
from schemas.reasons.edge import EdgeCode

if TYPE_CHECKING:
    from flows.day import Day
    from flows.outbox import Entry
    from flows.slack.flush import Flushed
    from schemas.outbox import Message

app = typer.Typer(no_args_is_help=True, help="Messages to people: read one, see which wait, send them.")

FLUSH_S: Final = 60.0
_REASONS: Final = ("code", "detail", "until")


class Kind(StrEnum):
    """Which message of a session."""

    SCAN = "scan"
    BLOCKED = "blocked"
    ENFORCEMENT = "enforcement"
    EXECUTION = "execution"
    DAILY = "daily"
    RISK = "risk"


@app.command("preview")
def preview(
    book: Book,
    on: On,
    kind: Annotated[Kind, typer.Option("--kind", "-k", help="What it is to be about.")] = Kind.SCAN,
    blocked: Annotated[bool, typer.Option("--blocked", help="The same as --kind blocked.")] = False,
    blocks: Annotated[bool, typer.Option("--blocks", help="As Slack gets it, in JSON.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Print a message about a session as its files tell it now; nothing is written or sent.

    Example: `avwap notify preview --book SIM --date 2016-06-01 --kind daily`; with `--blocked`, what was blocked
    """
    from flows.day import past_day
    from flows.outbox import outbox_of
    from flows.slack.blocks import payload

    day = past_day(house(home), book, on)
    about = Kind.BLOCKED if blocked else kind
    found = _messages(day, about)
    if not found:
        why = {
            Kind.BLOCKED: "no entry was blocked that anyone needs to hear of",
            Kind.RISK: "the session's attribution has no summary of risk",
            Kind.EXECUTION: "nothing was filled and nothing went wrong",
        }.get(about, "nobody asked for an entry")
        body: dict[str, Any] = {"message": None, "state": "nothing to tell"}
        console.emit(body, as_json, lambda: console.note(why))
        return
    known = {entry.message.id: entry.state for entry in outbox_of(day.house, day.book_id).entries()}
    states = [known.get(message.id, "not in the outbox") for message in found]
    rows: list[dict[str, Any]] = [
        {"message": message.model_dump(mode="json"), "state": state}
        | ({"slack": payload(message)} if blocks else {})
        for message, state in zip(found, states, strict=True)
    ]
    body = rows[0] if about is not Kind.EXECUTION else {"messages": rows}

    def render() -> None:
        for message, state in zip(found, states, strict=True):
            _tell_message(message, state)
            if blocks:
                from ledger.canonical import artifact_bytes

                console.note(artifact_bytes(payload(message)).decode())

    console.emit(body, as_json, render)


def _messages(day: "Day", kind: Kind) -> "tuple[Message, ...]":
    """The messages of *kind* as the files of *day* give them."""
    from flows.blocked import blocked_summary
    from flows.messages.daily import daily_summary
    from flows.messages.enforcement import enforcement_summary
    from flows.messages.risk import risk_summary
    from flows.summary import scan_summary

    if kind is Kind.EXECUTION:
        from flows.messages.execution import execution_alerts
        from ledger import layout
        from ledger.journal import parse_chain

        path = layout.journal(day.book_id, day.session)
        data = day.house.disk.read(path) if day.house.disk.exists(path) else b""
        return execution_alerts(day, parse_chain(data, path).records)
    made = {
        Kind.SCAN: scan_summary,
        Kind.BLOCKED: blocked_summary,
        Kind.ENFORCEMENT: enforcement_summary,
        Kind.DAILY: daily_summary,
        Kind.RISK: risk_summary,
    }[kind](day)
    return () if made is None else (made,)


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
    from flows.outbox import outbox_of
    from flows.settings import book_of

    outbox = outbox_of(house(home), book_of(book))
    found = [entry for entry in outbox.entries() if entry.message.id.startswith(message)]
    if len(found) != 1:
        raise UsageFault(
            EdgeCode.USAGE,
            f"{message}: {len(found) or 'no'} messages of {book} begin so",
            safe="nothing was changed",
            next=f"avwap notify status --book {book} lists them",
        )
    (entry,) = found
    body = {"message": entry.message.model_dump(mode="json"), "state": entry.state, "said": dict(entry.told)}
    console.emit(body, as_json, lambda: _tell_message(entry.message, _state(entry)))


def _state(entry: "Entry") -> str:
    said = " ".join(str(entry.told[name]) for name in _REASONS if name in entry.told)
    return f"{entry.state} ({said})" if said else entry.state


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
    from flows.outbox import outbox_of
    from flows.settings import book_of
    from schemas.outbox import Delivery

    at = house(home)
    outbox = outbox_of(at, book_of(book))
    entries, torn = outbox.entries(), outbox.torn()
    slack = at.settings.slack
    counts = {state.value: sum(entry.state == state for entry in entries) for state in Delivery}
    waiting = sum(entry.is_waiting for entry in entries)
    body: dict[str, Any] = {
        "book": book,
        "outbox": outbox.path,
        "messages": len(entries),
        "pending": counts["pending"],
        "waiting": waiting,
        "states": {state: count for state, count in counts.items() if count},
        "torn_bytes": torn,
        "client": None if slack.channel is None else "slack",
        "channel": slack.channel,
        "has_token": at.settings.slack_bot_token is not None,
        "newest": [_row(entry) for entry in entries[-last:]],
    }

    def render() -> None:
        console.rows("Messages", body["newest"])
        console.note(f"outbox   {at.root / outbox.path}: {len(entries):,} messages, {waiting:,} pending")
        if counts["dead"]:
            console.note(
                f"dead     {counts['dead']:,} refused for good: avwap notify flush --book {book} --dead"
            )
        if torn:
            console.note(
                f"torn     {torn} bytes of a line that was never finished; the next message sets them aside"
            )
        if slack.channel is None:
            console.note("client   none is set: pending messages wait here, and nothing is sent")
        else:
            token = "" if body["has_token"] else "; SLACK_BOT_TOKEN is not in the environment"
            by = "after each stage" if book in slack.books else "by avwap notify flush alone"
            console.note(f"client   Slack, channel {slack.channel}, {by}{token}")

    console.emit(body, as_json, render)


def _row(entry: "Entry") -> dict[str, str]:
    message = entry.message
    return {
        "session": message.session_date.isoformat(),
        "kind": message.kind.value,
        "severity": message.severity.value,
        "state": entry.state,
        "reason": str(entry.told.get("code", "")),
        "id": message.id,
        "text": message.text,
    }


@app.command("flush")
def flush(
    book: Book,
    seconds: Annotated[
        float, typer.Option("--seconds", min=1, max=3600, help="Longest time it takes.")
    ] = FLUSH_S,
    dead: Annotated[bool, typer.Option("--dead", help="Dead letters too: each is tried once more.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent; send nothing.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Send what waits in the outbox of a book; exit 1 if something is left, 3 if Slack refuses token or channel.

    Example: `avwap notify flush --book ALPACA_PAPER --dry-run`
    """
    from flows.settings import book_of
    from flows.slack import leaving

    at = house(home)
    book_of(book)
    if dry_run:
        _tell_plan(leaving.plan(at, book, dead=dead), as_json)
        return
    done = leaving.flush_book(at, book, seconds, dead=dead)
    leaving.refuse_refused(book, done)
    console.emit(_flushed(book, done), as_json, lambda: _tell_flushed(book, done))
    if done.waiting:
        raise typer.Exit(1)


def _flushed(book: str, done: "Flushed") -> dict[str, Any]:
    return {
        "book": book,
        "sent": done.sent,
        "found": done.found,
        "duplicates": done.duplicates,
        "coalesced": done.coalesced,
        "dead": done.dead,
        "waiting": done.waiting,
        "trouble": done.trouble,
        "held_until": None if done.held_until is None else done.held_until.isoformat(),
    }


def _tell_flushed(book: str, done: "Flushed") -> None:
    found = f", {done.found} of them found there already" if done.found else ""
    console.note(f"sent     {done.sent}{found}")
    if done.duplicates or done.coalesced:
        console.note(f"dropped  {done.duplicates} said already, {done.coalesced} notices for newer ones")
    if done.dead:
        console.note(f"dead     {done.dead}: avwap notify status --book {book} has the reasons")
    if done.trouble:
        console.note(f"trouble  {done.trouble}")
    if done.held_until is not None:
        console.note(f"held     Slack asked to be left alone until {done.held_until:%H:%M:%S} UTC")
    console.note(f"waiting  {done.waiting}" + (": the same command again sends them" if done.waiting else ""))


def _tell_plan(rows: list[dict[str, str]], as_json: bool) -> None:
    def render() -> None:
        console.rows("Would be sent, in this order", rows)
        console.note("nothing was sent or written")

    console.emit({"would": rows}, as_json, render)


@app.command("deadman")
def deadman(
    book: Book,
    on: Annotated[
        datetime | None,
        typer.Option("--at", formats=["%Y-%m-%dT%H:%M:%SZ"], help="As of then (UTC); default: now."),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Raise an alarm for each stage that left nothing by its deadline, once; exit 3 for as long as one is missing.

    It needs no lock and no broker: let cron ask every five minutes, best on another machine that sees the same files.

    Example: `avwap notify deadman --book ALPACA_PAPER`
    """
    from flows.settings import book_of
    from flows.watching import watch

    at = house(home)
    found = watch(at, book_of(book), on)
    rows = [
        {
            "session": each.day.session.isoformat(),
            "stage": each.stage,
            "due": f"{each.due_at:%Y-%m-%dT%H:%M:%SZ}",
            "missing": each.missing,
        }
        for each in found.absent
    ]
    body = {
        "book": book,
        "at": f"{found.at:%Y-%m-%dT%H:%M:%SZ}",
        "absent": rows,
        "new": found.new,
        "sent": found.sent,
    }

    def render() -> None:
        if not rows:
            console.note(f"{book}: every stage that is due by {body['at']} has left its files")
            return
        console.rows("Absent", rows)
        console.note(f"alarms   {found.new} new, {found.sent} messages sent")
        if found.trouble:
            console.note(f"trouble  {found.trouble}")

    console.emit(body, as_json, render)
    if rows:
        raise typer.Exit(3)
