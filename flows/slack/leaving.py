"""Sending stands at the end of a stage, after its files: it takes seconds at most, a failure is a line in the outbox.

Only what a person has to put right, a token or a channel that Slack refuses, is told as a refusal.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from flows.clocks import Time, WallClock
from flows.day import Day
from flows.house import House
from flows.outbox import outbox_of
from flows.settings import Settings
from flows.slack.answers import Sender
from flows.slack.flush import Flush, Flushed
from flows.slack.lanes import lane_of, queue
from ledger import layout
from schemas.errors import Denied, Rejected, UsageFault
from schemas.outbox import Delivery
from schemas.reasons.messages import MessageCode

TOKEN: Final = "SLACK_BOT_TOKEN"


def is_told(settings: Settings, book_id: str) -> bool:
    """Whether people hear of *book_id* by themselves."""
    return settings.slack.channel is not None and book_id in settings.slack.books


def after_stage(day: Day) -> None:
    """Send what waits, for as long as a stage may give to it. Errors: ``Rejected`` SLACK_REFUSED, ``UsageFault``."""
    settings = day.house.settings
    if not is_told(settings, day.book_id) or settings.dry_run:
        return
    try:
        done = flush_book(day.house, day.book_id, settings.slack.stage_s)
    except Denied as busy:
        if busy.code == MessageCode.FLUSH_BUSY:
            return  # another process is sending these very messages
        raise
    refuse_refused(day.book_id, done)


def flush_book(house: House, book_id: str, seconds: float, *, dead: bool = False) -> Flushed:
    """Send what waits in the outbox of *book_id*, for *seconds* at most. *dead*: its dead letters once more too.

    Errors: ``UsageFault`` SLACK_OFF if no channel or no token is set; ``Denied`` FLUSH_BUSY; as ``Outbox.note``.
    """
    line = line_of(house.settings)
    if not (house.root / layout.book(book_id)).is_dir():
        return Flushed()  # a mistyped --home must not become a folder
    time: Time = WallClock()  # Slack lives by the wall, whatever the book lives by
    with _sending(house, book_id):
        outbox = outbox_of(house, book_id)
        for entry in outbox.entries() if dead else ():
            if entry.state == Delivery.DEAD:
                outbox.note(entry.message.id, Delivery.REQUEUED, time.now())
        return Flush(
            outbox=outbox,
            sender=line,
            config=house.settings.slack,
            time=time,
            secrets=secrets_of(house.settings),
        ).run(seconds)


def plan(house: House, book_id: str, *, dead: bool = False) -> list[dict[str, str]]:
    """What a flush would do now, message by message, and what it would not do; nothing is written."""
    now = WallClock().now()
    entries = outbox_of(house, book_id).entries()
    found = queue(entries, house.settings.slack, now)
    again = [entry for entry in entries if dead and entry.state == Delivery.DEAD]
    rows = [(entry, "send") for entry in (*found.due, *again)]
    rows += [(entry, f"drop: {code}") for entry, code in found.drops]
    return [
        {
            "do": do,
            "lane": lane_of(entry.message).name.lower(),
            "id": entry.message.id,
            "text": entry.message.text,
        }
        for entry, do in rows
    ]


def line_of(settings: Settings) -> Sender:
    """The line to the channel that is set. Errors: ``UsageFault`` SLACK_OFF."""
    token, slack = settings.slack_bot_token, settings.slack
    if slack.channel is None or token is None or not token.get_secret_value().strip():
        missing = "no channel is set" if slack.channel is None else f"{TOKEN} is not in the environment"
        raise UsageFault(
            MessageCode.SLACK_OFF,
            f"{missing}: nothing can be sent",
            safe="messages wait in the outbox; no stage reads it",
            next=f'set channel = "C0123456789" in [slack] of avwap.toml, and {TOKEN} in the environment',
        )
    from flows.slack.client import SlackLine

    return SlackLine(token.get_secret_value().strip(), slack.channel, slack.url_override)


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """The values of every secret that the house was given."""
    found = (
        settings.slack_bot_token,
        settings.apca_api_key_id,
        settings.apca_api_secret_key,
        settings.live_confirm_token,
    )
    return tuple(each.get_secret_value().strip() for each in found if each is not None)


def refuse_refused(book_id: str, done: Flushed) -> None:
    """Say that Slack refused token or channel, if it did. Errors: ``Rejected`` SLACK_REFUSED."""
    if done.refusal is not None:
        raise Rejected(
            MessageCode.SLACK_REFUSED,
            f"Slack refused the token or the channel: {done.refusal.detail}",
            safe=f"{done.waiting} messages wait in the outbox; trading reads none of them",
            next=f"put {TOKEN} or channel of [slack] right, then avwap notify flush --book {book_id}",
        )


@contextmanager
def _sending(house: House, book_id: str) -> Iterator[None]:
    """Be the only one that sends: two would send each message twice."""
    from filelock import FileLock, Timeout

    place = house.root / f"{layout.outbox(book_id).removesuffix('.jsonl')}.sending.flock"
    place.parent.mkdir(parents=True, exist_ok=True)
    held = FileLock(place, timeout=0)
    try:
        held.acquire()
    except Timeout:
        raise Denied(
            MessageCode.FLUSH_BUSY,
            f"another process sends the messages of {book_id}",
            safe="nothing was changed",
            next="wait for it to end; the lock is freed with its process",
        ) from None
    try:
        yield
    finally:
        held.release()
