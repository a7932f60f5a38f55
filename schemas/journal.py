"""A journal line announces one change of state before it happens, and names the line before it."""

from functools import cached_property
from typing import Final

from pydantic import Field, JsonValue

from schemas.base import Fact, Instant
from schemas.events import EVENTS

ZEROS: Final = "0" * 64
"""What the first record of a journal names when nothing came before it."""


class JournalRecord(Fact):
    """One line of ``journal.jsonl``."""

    seq: int = Field(ge=1, description="1 for the first line, then one more each")
    prev: str = Field(pattern=r"^[0-9a-f]{64}$", description="sha256 of the line before, with its newline")
    ts: Instant
    event: str = Field(min_length=1, description="what happened: the name of the schema of data")
    cycle: str | None = Field(description="slot of the execution cycle, null outside cycles")
    data: dict[str, JsonValue] = Field(description="ids and payload, as the event's own schema says")

    @cached_property
    def typed(self) -> Fact:
        """The payload as its event's model, judged once however many folds read the record.

        Errors: ``KeyError`` for an event that nobody declared; ``ValidationError``.
        """
        return EVENTS[self.event].model_validate(self.data)
