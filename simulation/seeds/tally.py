"""What a run met is counted from its journal, so that a report of many runs is their sum."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from schemas.events import EntryDenied, TickTaken
from schemas.journal import JournalRecord
from schemas.tick import TickKind

_CLAMPS: Final = ("POSTURE_", "LIFECYCLE_")
"""How the codes begin of denials that gates 12 and 13 make."""


@dataclass(slots=True)
class Tally:
    """What a run met."""

    cycles: int = 0
    steps: int = 0
    """Requests and journal records."""
    orders: int = 0
    entries: int = 0
    """Entries that were authorised."""
    crashes: int = 0
    takeovers: int = 0
    ambiguous: Counter[str] = field(default_factory=Counter)
    """Unknown outcomes, by the state that each came to."""
    faults: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    postures: Counter[str] = field(default_factory=Counter)
    """Cycles that ended in each ..."""
    states: Counter[str] = field(default_factory=Counter)
    """... and in each state of the lifecycle."""
    divergences: Counter[str] = field(default_factory=Counter)
    """Told, by category."""
    clamps: Counter[str] = field(default_factory=Counter)
    """Entries that posture or lifecycle denied, by code."""
    acts: Counter[str] = field(default_factory=Counter)
    """What the operator did, by verb."""
    calls_max: int = 0
    gap_s_max: float = 0.0
    debt_max: float = 0.0
    over_cap: Decimal = Decimal(-1)
    """The largest exposure at a send, less its cap, as a fraction of the cap; never above 0."""

    def told(self, record: JournalRecord) -> None:
        """Take one record in."""
        match record.event:
            case "tick.taken":
                taken = TickTaken.model_validate(record.data)
                self.debt_max = max(self.debt_max, taken.posture.debt)
                if taken.tick.kind is TickKind.END:
                    self.postures[taken.posture.posture] += 1
                    self.states[taken.lifecycle.state] += 1
            case "divergence.found":
                self.divergences[str(record.data["category"])] += 1
            case "entry.authorised":
                self.entries += 1
            case "entry.denied":
                code = EntryDenied.model_validate(record.data).code
                self.clamps[code] += code.startswith(_CLAMPS)

    def add(self, other: "Tally") -> None:
        """Take another run's tally in."""
        for name in ("cycles", "steps", "orders", "entries", "crashes", "takeovers"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in (
            "ambiguous", "faults", "checks", "postures", "states", "divergences", "clamps", "acts"
        ):  # fmt: skip
            getattr(self, name).update(getattr(other, name))
        for name in ("calls_max", "gap_s_max", "debt_max", "over_cap"):
            setattr(self, name, max(getattr(self, name), getattr(other, name)))
