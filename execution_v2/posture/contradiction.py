"""Agreement has to be seen: a comparison that was not made neither accuses nor acquits."""

from collections.abc import Mapping
from dataclasses import dataclass

from execution_v2.posture.config import PostureConfig
from schemas.base import quantise
from schemas.posture import PostureState
from schemas.tick import ContradictionGrade, Tick, TickKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far the accounts of one thing agree, and for how long. Fields as in ``PostureState``."""

    severity: float
    streak: int
    mismatch_streak: int
    agreed: int
    agreed_cycles: int
    agreed_syncs: int
    blind: int


def follow(before: PostureState, tick: Tick, config: PostureConfig, *, is_new: bool) -> Agreement:
    """What this tick adds to the past. *is_new*: it begins a cycle, and the one before came to its end.

    A SPOT counts nothing: it can be taken any number of times, and does no more than note what is worse.
    """
    severities = _severities(config)
    worst = max((severities[row.grade] for row in tick.contradictions), default=0.0)
    differs = worst >= config.severity_c2
    agrees = tick.has_synced and not differs
    begins, counts = tick.kind is TickKind.BEGIN, tick.kind is not TickKind.SPOT

    streak, mismatch = before.streak, before.mismatch_streak
    if counts:
        streak += 1 if differs else -1 if agrees else 0
        mismatch = 0 if tick.is_in_sync else min(mismatch + 1, config.mismatch_max)
    agreed = min(before.agreed + counts, config.agreed_ticks) if agrees else 0
    cycles = min(before.agreed_cycles + is_new, config.severity_cycles) if agrees else 0
    faded = before.severity
    if is_new and agrees:
        faded = 0.0 if cycles >= config.severity_cycles else faded / 2
    syncs = min(before.agreed_syncs + is_new, config.syncs_min) if tick.is_in_sync else 0
    return Agreement(
        severity=quantise(max(worst, faded), 6) or 0.0,
        streak=min(max(streak, 0), config.streak_max),
        mismatch_streak=mismatch,
        agreed=agreed,
        agreed_cycles=cycles,
        agreed_syncs=syncs,
        blind=_blind(before.blind, tick, begins=begins, ends=tick.kind is TickKind.END),
    )


def _blind(before: int, tick: Tick, *, begins: bool, ends: bool) -> int:
    """Cycles without positions: counted where one begins, and never more than once within it."""
    if tick.has_positions:
        return 0 if begins or ends else before
    return before + 1 if begins else max(before, 1)


def _severities(config: PostureConfig) -> Mapping[ContradictionGrade, float]:
    return {
        ContradictionGrade.C1: config.severity_c1,
        ContradictionGrade.C2: config.severity_c2,
        ContradictionGrade.C3: config.severity_c3,
    }
