"""Somebody looks after the book now and then: answers what waits for an answer, and sometimes stops what goes well.

What the verbs of ``avwap operator`` would refuse is not journaled here either.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from execution_v2.closings import RESUME
from execution_v2.lifecycle_acts import ACK, EMERGENCY, FLATTEN, PAUSE, ack_needed, refused
from schemas.base import Fact
from schemas.book import BookState
from schemas.events import KillSet, OperatorAct
from schemas.reasons.lifecycle import LifecycleCause
from simulation.chance import Chance

CARE: Final = (0.3, 0.6, 0.9)
"""Probabilities that somebody looks at a slot; a seed has one of them."""
WHIM: Final = (0.0, 0.0, 0.01, 0.03)
"""Likewise that they stop something without need."""
NAME: Final = "jo"
STOPS: Final = (PAUSE, PAUSE, EMERGENCY, "kill")


class Person:
    """The operator of one seed. *acts*: what was journaled, by verb."""

    def __init__(self, seed: int) -> None:
        self._chance = Chance(seed, "person")
        self._care = self._chance.pick(CARE)
        self._whim = self._chance.pick(WHIM)
        self.acts: Counter[str] = Counter()

    def looks(self, book: BookState, *, switched: bool, quiet: bool) -> list[tuple[str, Fact]]:
        """What they journal before a slot. *switched*: the kill switch is set outside; *quiet*: nothing is stopped."""
        said: list[tuple[str, Fact]] = []
        stops = self._chance.happens(self._whim)
        if stops and not quiet:
            said += self._stop(book)
        elif self._chance.happens(self._care):
            said += self._help(book, switched=switched)
        self.acts.update(row.verb if isinstance(row, OperatorAct) else "kill" for _, row in said)
        return said

    def _stop(self, book: BookState) -> Iterator[tuple[str, Fact]]:
        verb = self._chance.pick(STOPS)
        if verb == "kill":
            yield "kill.set", KillSet(on=True, operator=NAME, reason="to be sure")
        elif self._may(verb, None, book):
            yield "operator.acted", _act(verb)

    def _help(self, book: BookState, *, switched: bool) -> Iterator[tuple[str, Fact]]:
        state = book.lifecycle
        if not switched and (book.killed or LifecycleCause.KILL_SWITCH in state.causes):
            yield "kill.set", KillSet(on=False, operator=NAME, reason="looked at it")
        if self._may(FLATTEN, None, book) and self._chance.happens(0.1):
            yield "operator.acted", _act(FLATTEN)
        for subject in (*ack_needed(state), *book.posture.ack_needed):
            yield "operator.acted", _act(ACK, subject)
        if self._may(RESUME, None, book):
            yield "operator.acted", _act(RESUME)

    @staticmethod
    def _may(verb: str, subject: str | None, book: BookState) -> bool:
        found = refused(
            verb,
            subject,
            book.lifecycle,
            posture_acks=book.posture.ack_needed,
            has_losses=bool(book.loss_runs),
            is_flat=not book.positions,
        )
        return found is None


def _act(verb: str, subject: str | None = None) -> OperatorAct:
    return OperatorAct(verb=verb, operator=NAME, reason="looked at it", subject=subject)
