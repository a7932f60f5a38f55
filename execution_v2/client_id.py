"""An order's client id is made of what the order is, so two processes that plan one order name it alike.

``aw1-<own6>-<epoch3>-<yyyymmdd>-<leg><rev3><att1>-<digest16>``: 46 characters of ``[a-z0-9-]`` (3.4).
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from schemas.book import Leg
from schemas.ids import content_id

LENGTH: Final = 46
EPOCHS: Final = 16**3
"""So many epochs fit into an id; each takeover between hosts takes one."""


def own_prefix(book_id: str, deployment_id: str) -> str:
    """What every client id of this book starts with, whatever its epoch."""
    return f"aw1-{content_id('', book_id, deployment_id)[:6]}-"


def client_order_id(
    prefix: str, session: date, leg: Leg, revision: int, attempt: int, ord_id: str, *, epoch: int
) -> str:
    """The client id of one order. *session*: that of its first send; *epoch*: the book's (``BookState.epoch``)."""
    assert 0 <= epoch < EPOCHS, f"epoch {epoch} does not fit into an id"
    assert 0 <= revision < 16**3, "more than 4095 orders of one leg: a loop without a budget (L4)"
    assert 1 <= attempt < 16, "more than 15 attempts of one order: a loop without a budget (L4)"
    kind = f"{leg.value.lower()}{revision:03x}{attempt:x}"
    made = f"{prefix}{epoch:03x}-{session:%Y%m%d}-{kind}-{digest_of(ord_id)}"
    assert len(made) == LENGTH, f"a client id of {len(made)} characters: {made}"
    return made


def digest_of(ord_id: str) -> str:
    """The part of an order's id that its client id carries."""
    return ord_id.removeprefix("ord_")[:16]


def digest_of_client_id(client_id: str) -> str:
    """The same part, read from a client id."""
    return client_id.rpartition("-")[2]


def is_own(prefix: str, client_id: str) -> bool:
    """Whether an order at the broker is this book's."""
    return client_id.startswith(prefix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a client id says of its order."""

    epoch: int
    leg: Leg
    revision: int
    attempt: int
    digest: str


_FORM: Final = re.compile(
    r"aw1-[0-9a-f]{6}-(?P<epoch>[0-9a-f]{3})-[0-9]{8}-"
    r"(?P<leg>[estx])(?P<revision>[0-9a-f]{3})(?P<attempt>[0-9a-f])-(?P<digest>[0-9a-f]{16})"
)


def named_by(client_id: str) -> Named | None:
    """What *client_id* says; None if it is not of this form."""
    found = _FORM.fullmatch(client_id)
    if found is None:
        return None
    return Named(
        epoch=int(found["epoch"], 16),
        leg=Leg(found["leg"].upper()),
        revision=int(found["revision"], 16),
        attempt=int(found["attempt"], 16),
        digest=found["digest"],
    )


def epoch_of(prefix: str, client_id: str) -> int | None:
    """The epoch under which an order of this book was sent; None: it is not this book's, or of no form of ours."""
    named = named_by(client_id) if is_own(prefix, client_id) else None
    return None if named is None else named.epoch
