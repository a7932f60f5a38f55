"""Every attempt at an entry is counted once, let pass, reduced or refused; its reasons each where they bound."""

from collections import Counter
from typing import Final

from analytics.reliability_measures import rate
from schemas.events import EntriesEnforced, EntryDenied
from schemas.journal import JournalRecord
from schemas.lifecycle import Lifecycle, LifecycleState
from schemas.posture import PostureState
from schemas.reasons.lifecycle import LifecycleCause
from schemas.reliability import Clamp, Denial, Rate

CLAMPING: Final = frozenset({"posture", "lifecycle"})
"""Gates that answer for what is known, and not for the entry."""
MORNING: Final = "morning"
CYCLE: Final = "cycle"


_OF_POSTURE: Final = frozenset({LifecycleCause.POSTURE_YELLOW, LifecycleCause.WARM_UP})
"""Causes of THROTTLED by which the posture itself takes from an entry's size, and is named for it."""


class Attempts:
    """Attempts at entries while records arrive.

    ``posture``, ``lifecycle``: those that hold; whoever reads the ticks sets them.
    """

    def __init__(self, posture: PostureState, lifecycle: LifecycleState) -> None:
        self.attempts = 0
        self.clamped = 0
        self.denied = 0
        self.posture = posture
        self.lifecycle = lifecycle
        self._refused: Counter[str] = Counter()
        self._reduced: Counter[str] = Counter()
        self._denials: Counter[tuple[str, str, str]] = Counter()
        self._morning: EntriesEnforced | None = None

    def take(self, record: JournalRecord) -> None:
        """One record; those of other kinds change nothing."""
        match record.event:
            case "entries.enforced":
                self._morning = EntriesEnforced.model_validate(record.data)
            case "entry.authorised":
                self._authorised()
            case "entry.denied":
                self._denied(EntryDenied.model_validate(record.data))
            case _:
                pass

    def close(self) -> None:
        """A session is over: the enforcement of its morning that stood last is the one that counts."""
        if self._morning is not None:
            for row in self._morning.blocked:
                self._denials[MORNING, "", row.code] += row.entries
        self._morning = None

    def clamps(self) -> tuple[Rate, tuple[Clamp, ...]]:
        """(of all attempts those refused or reduced by what was known, one row per reason)."""
        names = sorted(self._refused.keys() | self._reduced.keys())
        rows = tuple(Clamp(reason=n, refused=self._refused[n], reduced=self._reduced[n]) for n in names)
        return rate(self.clamped, self.attempts), rows

    def denials(self) -> tuple[Rate, tuple[Denial, ...]]:
        """(of all attempts those refused, one row per phase, gate and code)."""
        rows = tuple(
            Denial(phase=phase, gate=gate, code=code, entries=n)
            for (phase, gate, code), n in sorted(self._denials.items())
        )
        return rate(self.denied, self.attempts), rows

    def _authorised(self) -> None:
        self.attempts += 1
        reasons = self._reducing()
        self.clamped += bool(reasons)
        self._reduced.update(reasons)

    def _reducing(self) -> set[str]:
        """What makes an entry smaller now: the posture by its worst cause, THROTTLED by each of its own."""
        found = {worst(self.posture)} if self.posture.factor < 1 else set()
        if self.lifecycle.state is Lifecycle.THROTTLED:
            found |= {c for c in self.lifecycle.causes if not found or c not in _OF_POSTURE}
        return found

    def _denied(self, told: EntryDenied) -> None:
        self.attempts += 1
        self.denied += 1
        said = [(row.gate, finding.code) for row in told.gates if not row.passed for finding in row.findings]
        for gate, code in dict.fromkeys(said) or {("", told.code): None}:
            self._denials[CYCLE, gate, code] += 1
        reasons = {code for gate, code in said if gate in CLAMPING}
        self.clamped += bool(reasons)
        self._refused.update(reasons)


def worst(posture: PostureState) -> str:
    """The worst cause that holds a posture; empty without one."""
    return posture.causes[0] if posture.causes else ""
