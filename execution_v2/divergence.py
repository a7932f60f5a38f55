"""What replay finds to differ has a name, a severity and a clamp, and the same difference has the same id every time.

The table of execution.md 11 as data. A clamp works on entries alone: it goes into the tick, posture reads it there,
and no exit ever does.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from schemas.ids import content_id
from schemas.tick import ContradictionGrade, Divergence, DivergenceCategory, Posture, Verdict

C = DivergenceCategory

COUNT_MAX: Final = 3
"""Repetitions of one divergence that weigh; more say nothing new."""
GRAVITY_MAX: Final = 3.0
GAP_ERROR_S: Final = 60
"""Seconds uncovered from which on a position's gap is a divergence (execution.md 8.4) ..."""
GAP_RED_S: Final = 330
"""... and from which on it is as bad as any (9.4)."""
SEVERE_FRACTION: Final = Decimal("0.25")
"""Of the larger quantity: from here on a difference of positions is severe."""
TEXT_MAX: Final = 400
"""Characters of what was expected or found that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How much one category weighs and what it allows, where that does not depend on the case."""

    severity: float
    clamp: Posture
    needs_ack: bool = False


ROWS: Final[dict[C, Row]] = {
    C.LEDGER_GAP: Row(severity=1.0, clamp=Posture.RED, needs_ack=True),
    C.CORRUPT: Row(severity=1.0, clamp=Posture.RED, needs_ack=True),
    C.STATE_HASH: Row(severity=1.0, clamp=Posture.RED, needs_ack=True),
    C.NONDETERMINISM: Row(severity=1.0, clamp=Posture.RED, needs_ack=True),
    C.POSITION: Row(severity=0.6, clamp=Posture.ORANGE),
    C.ORPHAN: Row(severity=0.9, clamp=Posture.ORANGE),
    C.ILLEGAL_TRANSITION: Row(severity=0.7, clamp=Posture.ORANGE),
    C.DECISION: Row(severity=0.7, clamp=Posture.ORANGE),
    C.REPLACE_RACE: Row(severity=0.6, clamp=Posture.ORANGE),
    C.CONTRADICTION: Row(severity=0.6, clamp=Posture.ORANGE),
    C.PROTECTION_GAP: Row(severity=0.0, clamp=Posture.ORANGE),
    C.STALE_VERDICT: Row(severity=0.5, clamp=Posture.ORANGE),
    C.UNKNOWN: Row(severity=0.5, clamp=Posture.ORANGE),
}
assert set(ROWS) == set(C), "a category without a row"
SEVERE: Final = Row(severity=1.0, clamp=Posture.RED)
"""POSITION of another sign or of a quarter and more, CONTRADICTION of grade C3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One difference before it has its id.

    Attributes: subject (what it is about: an ord_id, a symbol, a position, a record), row (None: the category's),
    pointer (where, inside the record or the state), seq (the record that shows it).
    """

    category: C
    subject: str
    expected: str
    actual: str
    pointer: str = ""
    seq: int | None = None
    row: Row | None = None

    def named(self, book_id: str, count: int = 1) -> Divergence:
        """As it is recorded; *count*: how often it occurred."""
        row = self.row or ROWS[self.category]
        return Divergence(
            divergence_id=divergence_id(book_id, self.category, self.subject),
            category=self.category,
            severity=row.severity,
            clamp=row.clamp,
            needs_ack=row.needs_ack,
            ord_id=self.subject if self.subject.startswith("ord_") else None,
            seq=self.seq,
            pointer=self.pointer,
            expected=self.expected[:TEXT_MAX],
            actual=self.actual[:TEXT_MAX],
            count=count,
        )


def divergence_id(book_id: str, category: C, subject: str) -> str:
    """Id of a difference: what recurs has the same one, and is acknowledged by it."""
    return content_id("div_", book_id, category.value, subject)


def gap_row(seconds: float) -> Row | None:
    """How a coverage gap of that many regular seconds weighs; None up to the error line."""
    if seconds <= GAP_ERROR_S:
        return None
    clamp = Posture.RED if seconds > GAP_RED_S else Posture.ORANGE
    return Row(severity=round(min(1.0, seconds / GAP_RED_S), 4), clamp=clamp)


def contradiction_row(grade: ContradictionGrade) -> Row | None:
    """How a contradiction weighs; None for C1, which lies within what rounding and fees explain."""
    if grade is ContradictionGrade.C1:
        return None
    return SEVERE if grade is ContradictionGrade.C3 else ROWS[C.CONTRADICTION]


def position_row(ours: Decimal, broker: Decimal) -> Row | None:
    """How two signed quantities of one symbol that differ weigh; None if they do not."""
    if ours == broker:
        return None
    is_severe = ours * broker < 0 or abs(ours - broker) >= SEVERE_FRACTION * max(abs(ours), abs(broker))
    return SEVERE if is_severe else ROWS[C.POSITION]


def stale(book_id: str, seq: int | None = None) -> Divergence:
    """What stands where no readable verdict of this cycle does: never good, whatever the last one said."""
    found = Found(
        category=C.STALE_VERDICT,
        subject="verdict",
        seq=seq,
        expected="a verdict of this cycle",
        actual="none",
    )
    return found.named(book_id)


def standing(verdict: Verdict | None, book_id: str) -> tuple[Divergence, ...]:
    """The divergences that are open in this cycle: those of its verdict, or that there is none."""
    return (stale(book_id),) if verdict is None else verdict.divergences


def gravity(divergences: Iterable[Divergence]) -> float:
    """G of execution.md 11: how much the open divergences weigh together, 0 to 3."""
    total: float = sum(row.severity * min(row.count, COUNT_MAX) for row in divergences)
    return min(GRAVITY_MAX, round(total, 4))
