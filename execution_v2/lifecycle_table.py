"""Which state a cause means, what each state allows, and which moves there are: the table, and nothing beside it.

Execution.md 10. Nothing here knows of ticks; ``lifecycle_causes`` finds what holds, ``lifecycle`` takes the step.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

from schemas.lifecycle import Lifecycle
from schemas.reasons.lifecycle import LifecycleCause, LifecycleReason

C, R, S = LifecycleCause, LifecycleReason, Lifecycle

CAUSES: Final[Mapping[Lifecycle, tuple[LifecycleCause, ...]]] = {
    S.EMERGENCY: (C.KILL_SWITCH, C.OPERATOR_EMERGENCY, C.JOURNAL_CORRUPT, C.DD_BREACH),
    S.DEGRADED: (
        C.POSTURE_RED,
        C.FEED_STALE,
        C.OBSERVATION_INCOMPLETE,
        C.LEDGER_UNAVAILABLE,
        C.BROKER_CIRCUIT_OPEN,
        C.RECONCILE_FAILED,
    ),
    S.PAUSED: (C.OPERATOR_PAUSE, C.LOSS_LIMIT, C.CONSEC_LOSS),
    S.THROTTLED: (C.POSTURE_YELLOW, C.WARM_UP, C.API_PRESSURE),
}
"""Rows 1 to 4: the state that a cause means, worst first."""
assert [c for row in CAUSES.values() for c in row] == list(C), "a cause without its row, or out of its order"

TIMED: Final = frozenset({*CAUSES[S.DEGRADED], *CAUSES[S.THROTTLED]})
"""Causes that end by themselves, with one whole cycle that does not show them."""
ANSWERED: Final = frozenset({C.OPERATOR_EMERGENCY, C.JOURNAL_CORRUPT, C.DD_BREACH})
"""Causes that only a person's ``ack`` ends; lifting the kill switch is the answer to KILL_SWITCH."""
RANK: Final[Mapping[Lifecycle, int]] = {
    state: {S.EMERGENCY: 3, S.DEGRADED: 2, S.PAUSED: 1}.get(state, 0) for state in S
}
"""A worse state outranks a lesser one; a lesser one's causes wait."""
STARTED: Final = frozenset({S.READY, S.ACTIVE, S.THROTTLED})
"""States that the first cycle of a session takes back to INIT."""

_MOVES: Final[frozenset[tuple[Lifecycle, Lifecycle, str]]] = frozenset(
    {
        *((state, S.EMERGENCY, c) for state in S if state is not S.EMERGENCY for c in CAUSES[S.EMERGENCY]),
        *((state, S.DEGRADED, c) for state in S if RANK[state] < 2 for c in CAUSES[S.DEGRADED]),
        *((state, S.PAUSED, c) for state in S if RANK[state] < 1 for c in CAUSES[S.PAUSED]),
        *((S.ACTIVE, S.THROTTLED, c) for c in CAUSES[S.THROTTLED]),
        *((state, S.INIT, R.SESSION_OPENED) for state in STARTED),
        (S.INIT, S.READY, R.REBUILD_RELEASED),
        (S.READY, S.ACTIVE, R.ARMED),
        (S.READY, S.THROTTLED, R.ARMED),
        (S.THROTTLED, S.ACTIVE, R.THROTTLE_CLEARED),
        (S.DEGRADED, S.PAUSED, R.DEGRADE_CLEARED),
        (S.DEGRADED, S.READY, R.DEGRADE_CLEARED),
        (S.PAUSED, S.READY, R.PAUSE_CLEARED),
        (S.EMERGENCY, S.DEGRADED, R.EMERGENCY_CLEARED),
        (S.EMERGENCY, S.PAUSED, R.EMERGENCY_CLEARED),
        (S.EMERGENCY, S.READY, R.EMERGENCY_CLEARED),
    }
)


class Action(StrEnum):
    """What an order would do, as a state asks."""

    INCREASE = "INCREASE"
    REDUCE = "REDUCE"
    CANCEL = "CANCEL"


def is_legal(before: Lifecycle, after: Lifecycle, reason: str) -> bool:
    """Whether the table has that move for that reason."""
    return (before, after, reason) in _MOVES


def allows(state: Lifecycle, action: Action) -> bool:
    """What *state* lets pass: whatever lowers exposure always, what raises it only while the book is at work."""
    return action is not Action.INCREASE or state in (S.ACTIVE, S.THROTTLED)


def of(state: Lifecycle, causes: Collection[str]) -> list[str]:
    """Those of *causes* that mean *state*, worst first."""
    return [str(c) for c in CAUSES[state] if c in causes]


def worst(causes: Collection[str]) -> Lifecycle | None:
    """The worst state that *causes* mean, of EMERGENCY, DEGRADED and PAUSED; None: they mean none of them."""
    return next((state for state in _HOLDING if any(c in causes for c in CAUSES[state])), None)


_HOLDING: Final = (S.EMERGENCY, S.DEGRADED, S.PAUSED)


def ordered(causes: Collection[str]) -> tuple[str, ...]:
    """*causes* in the order of the table."""
    return tuple(name for name in _ORDER if name in causes) if causes else ()


_ORDER: Final = tuple(c.value for c in C)
