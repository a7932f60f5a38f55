"""A cause is a measured fact over a stated limit; a number that nobody could read shows none, and ends none either."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import Field, field_validator

from schemas.base import Fact, Fraction6, SessionDate
from schemas.book import LossRun
from schemas.lifecycle import LifecycleState
from schemas.posture import PostureState
from schemas.reasons.gates import RecordCode
from schemas.reasons.lifecycle import LifecycleCause
from schemas.tick import Posture, Tick

_Limit = Annotated[Fraction6, Field(gt=0, le=1)]
_Count = Annotated[int, Field(ge=1)]


class LifecycleConfig(Fact):
    """Limits of the lifecycle: starting values that nobody has calibrated yet. A loss limit that is null is off."""

    dd_breach_fraction: _Limit | None = Decimal("0.200000")
    """Fall of equity from its peak, as a fraction of the peak, that is an emergency."""
    day_loss_fraction: _Limit | None = Decimal("0.030000")
    """Loss of a session, as a fraction of the equity that it began with, that pauses the book for its rest."""
    losses_max_strategy: _Count | None = 5
    """Losing positions in a row, of one strategy ..."""
    losses_max_book: _Count | None = 8
    """... and of all of them, after which the book waits for a person."""
    throttled_max: _Limit = Decimal("0.050000")
    """Share of a cycle's requests that the broker may answer by 429 before entries slow down."""
    throttled_factor: _Limit = Decimal("0.500000")
    """Size factor of an entry while THROTTLED."""
    auto_arm: bool = True
    """READY becomes ACTIVE by itself; false: a book that is watched and protected, and enters nothing."""
    kill_off_resumes: bool = True
    """An emergency that the kill switch alone made ends with it; false: somebody has to resume besides.

    Only where no money is at stake (SIM, ALPACA_PAPER); ``for_book`` turns it off elsewhere.
    """

    @field_validator(
        "dd_breach_fraction", "day_loss_fraction", "losses_max_strategy", "losses_max_book", mode="before"
    )
    @classmethod
    def _off(cls, given: Any) -> Any:
        """A file has no null: a limit that nobody wants is spelled ``off`` there."""
        return None if given == "off" else given

    def for_book(self, book_id: str) -> "LifecycleConfig":
        """These limits as *book_id* may have them."""
        if book_id in ("SIM", "ALPACA_PAPER") or not self.kill_off_resumes:
            return self
        return self.model_copy(update={"kill_off_resumes": False})


@dataclass(frozen=True, slots=True, kw_only=True)
class BookFacts:
    """What the book itself says at a tick.

    Attributes:
        session_date: the session that the tick is of.
        loss_runs: losing positions in a row (``BookState.loss_runs``).
        killed: a journaled KILL_ON without KILL_OFF.
        is_flat: no position is held.
    """

    session_date: SessionDate
    loss_runs: Sequence[LossRun]
    killed: bool
    is_flat: bool


def seen(
    now: LifecycleState, tick: Tick, posture: PostureState, facts: BookFacts, config: LifecycleConfig
) -> set[str]:
    """Every cause that this tick shows.

    *now*: the state with its equity, session and counters as of this tick, whatever its state is.
    """
    c, level = LifecycleCause, posture.posture
    is_corrupt = tick.is_corrupt or RecordCode.JOURNAL_CORRUPT in tick.record_faults
    shown = (
        (c.KILL_SWITCH, bool(tick.killed_by) or facts.killed),
        (c.OPERATOR_EMERGENCY, now.operator_emergency),
        (c.JOURNAL_CORRUPT, is_corrupt),
        (c.DD_BREACH, _fell(now.peak, tick.equity, config.dd_breach_fraction)),
        (c.POSTURE_RED, level is Posture.RED),
        (c.FEED_STALE, tick.quotes_asked > 0 and not tick.quotes_answered),
        (c.OBSERVATION_INCOMPLETE, tick.is_held),
        (c.LEDGER_UNAVAILABLE, RecordCode.LEDGER_UNAVAILABLE in tick.record_faults),
        (c.BROKER_CIRCUIT_OPEN, tick.is_breaker_open),
        (c.RECONCILE_FAILED, now.unsynced >= UNSYNCED_MAX),
        (c.OPERATOR_PAUSE, now.paused),
        (c.LOSS_LIMIT, _fell(now.day_start, tick.equity, config.day_loss_fraction)),
        (c.CONSEC_LOSS, _has_lost(facts.loss_runs, config)),
        (c.POSTURE_YELLOW, level in (Posture.YELLOW, Posture.ORANGE)),
        (c.WARM_UP, posture.warm_up > 0),
        (c.API_PRESSURE, tick.throttled > config.throttled_max * tick.requests),
    )
    return {cause.value for cause, is_seen in shown if is_seen}


UNSYNCED_MAX: Final = 2
"""Cycles running without a completed comparison of positions; then it counts as failed."""


def _fell(top: Decimal | None, equity: Decimal | None, fraction: Decimal | None) -> bool:
    """Whether *equity* lies that far below *top*; nothing had, nothing lost."""
    if fraction is None or top is None or equity is None or top <= 0:
        return False
    return top - equity >= fraction * top


def _has_lost(runs: Sequence[LossRun], config: LifecycleConfig) -> bool:
    for run in runs:
        limit = config.losses_max_strategy if run.strategy_id else config.losses_max_book
        if limit is not None and run.losses >= limit:
            return True
    return False
