"""A watched session after its entry, beside a shadow, and ways to lie about it."""

from collections.abc import Sequence
from typing import Any

from execution_v2.divergence_state import Measured
from execution_v2.reduce import empty_state
from execution_v2.shadow import Shadow
from schemas.base import Fact
from schemas.book import BookState
from schemas.events import (
    EntryAuthorised,
)
from schemas.journal import JournalRecord
from schemas.tick import (
    Divergence,
    DivergenceCategory,
    Posture,
)
from tests.execution_v2.watched import Watched
from tests.simulation.world import BOOK

C = DivergenceCategory
Entry = tuple[str, Fact]


class Shadowed:
    """A watched session after its entry, and a shadow that has checked it as a cycle does when it begins."""

    def __init__(self, *, reads_disk: bool = False) -> None:
        self.day = Watched()
        for minute in (5, 10, 15, 20):
            if not self.day.held:
                self.day.cycle(minute)
        assert self.day.held, "a book that enters nothing has nothing to lie about"
        self.journal = self.day.journal
        self.lost: set[int] = set()
        self.shadow = Shadow(BOOK, empty_state(), self.records, reread=self.bytes if reads_disk else None)
        self.flipped: tuple[bytes, bytes] | None = None
        assert self.check() == ()
        self.seen = len(self.records())

    def records(self) -> Sequence[JournalRecord]:
        return [record for record in self.journal.records if record.seq not in self.lost]

    def bytes(self) -> bytes:
        disk: Any = self.journal._disk
        data: bytes = disk.read(self.journal.path)
        return data if self.flipped is None else data.replace(*self.flipped)

    def note(self, *rows: Entry, cycle: str | None = "1000") -> None:
        """Write *rows* into the journal, as a cycle would."""
        now = self.day.clock.now()
        self.journal.append([(event, now, cycle, data) for event, data in rows])

    def check(self, state: BookState | None = None, measured: Measured | None = None) -> Sequence[Divergence]:
        return self.shadow.check(state or self.day.state, measured).divergences

    def found(self, **facts: Any) -> list[tuple[C, Posture, bool]]:
        """Category, clamp and whether a person is needed, of each finding."""
        measured = Measured(**facts) if facts else None
        return [(row.category, row.clamp, row.needs_ack) for row in self.check(measured=measured)]


def authorised(made: Shadowed) -> EntryAuthorised:
    row = next(r for r in made.records() if r.event == "entry.authorised")
    return EntryAuthorised.model_validate(row.data)
