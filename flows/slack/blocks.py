"""A message becomes what Slack takes: Block Kit, with a text for whoever sees no blocks, proved against its limits.

A pure function: the same message gives the same bytes, so that one sent twice can be known for one. Limits are those
of Slack's reference for ``chat.postMessage`` and for blocks.
"""

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from flows.slack.redact import redacted_tree
from schemas.outbox import BLOCK_CHARS_MAX, Message, Severity

BLOCKS_MAX: Final = 50
TEXT_CHARS_MAX: Final = 4000
"""Of the text beside the blocks; a longer one is cut by Slack, wherever that is."""
ELEMENTS_MAX: Final = 10
BLOCK_ID_CHARS_MAX: Final = 255
EVENT: Final = "avwap_message"
"""The event type of a message's metadata, whose payload holds its id."""
MARKS: Final = {Severity.CRITICAL: "CRITICAL ", Severity.WARNING: "WARNING ", Severity.NOTICE: ""}
_ENTITY: Final = re.compile(r"&(?!(?:amp|lt|gt);)")
_CUT: Final = re.compile(r"&[a-z]{0,3}$")
_MARKUP: Final = re.compile(r"[<>]")


def payload(message: Message, secrets: tuple[str, ...] = (), left_out: int = 0) -> dict[str, Any]:
    """The body of ``chat.postMessage`` but for the channel.

    *secrets*: values that must not stand in it. *left_out*: notices that were dropped since the last one.
    """
    kept = message.blocks[: BLOCKS_MAX - 1]
    sections = list(kept)
    if len(message.blocks) > len(kept):
        sections[-1] = f"… and {len(message.blocks) - len(kept) + 1} more sections"
    about = f"{message.severity.value} · {message.kind.value} · {message.book_id} {message.session_date} · {message.id}"
    if left_out:
        about += f" · {left_out} older notice{'' if left_out == 1 else 's'} not sent"
    body = {
        "text": MARKS[message.severity] + whole(message.text),
        "blocks": [
            {
                "type": "section",
                "block_id": f"{message.id}.{n}",
                "text": {"type": "mrkdwn", "text": whole(section), "verbatim": True},
            }
            for n, section in enumerate(sections)
        ]
        + [
            {
                "type": "context",
                "block_id": f"{message.id}.about",
                "elements": [{"type": "mrkdwn", "text": about, "verbatim": True}],
            }
        ],
        "metadata": {"event_type": EVENT, "event_payload": {"id": message.id}},
        "client_msg_id": client_id(message.id),
        "unfurl_links": False,
        "unfurl_media": False,
    }
    return dict(redacted_tree(body, secrets))


def client_id(message_id: str) -> str:
    """The id of a message in the form that Slack asks of a client's: a UUID, the same for the same message."""
    return str(UUID(bytes=sha256(message_id.encode()).digest()[:16], version=4))


def whole(text: str) -> str:
    """*text* without the half of an escape that a cut has left at its end."""
    return _CUT.sub("", text)


def faults(body: dict[str, Any]) -> tuple[str, ...]:
    """Every limit of Slack's that *body* breaks, in the order of its parts; empty when it can be sent."""
    return tuple(_faults(body))


def _faults(body: dict[str, Any]) -> Iterator[str]:
    yield from _text("text", body["text"], TEXT_CHARS_MAX)
    blocks = body["blocks"]
    if not 1 <= len(blocks) <= BLOCKS_MAX:
        yield f"blocks: {len(blocks)}, of 1 to {BLOCKS_MAX}"
    names = [block["block_id"] for block in blocks]
    if len(set(names)) != len(names):
        yield "blocks: a block_id stands twice"
    for n, block in enumerate(blocks):
        if len(block["block_id"]) > BLOCK_ID_CHARS_MAX:
            yield f"blocks/{n}/block_id: longer than {BLOCK_ID_CHARS_MAX}"
        parts = block["elements"] if block["type"] == "context" else [block["text"]]
        if len(parts) > ELEMENTS_MAX:
            yield f"blocks/{n}/elements: {len(parts)}, of at most {ELEMENTS_MAX}"
        for part in parts:
            yield from _text(f"blocks/{n}", part["text"], BLOCK_CHARS_MAX)


def _text(where: str, text: str, most: int) -> Iterator[str]:
    if not 1 <= len(text) <= most:
        yield f"{where}: {len(text)} characters, of 1 to {most}"
    if _MARKUP.search(text) or _ENTITY.search(text):
        yield f"{where}: a character that Slack reads as markup is not spelled out"
