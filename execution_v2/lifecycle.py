"""A book is held by its worst cause, and moves on one step at a tick, when the last cause of its state has ended.

Execution.md 10, as one pure step. What tightens comes first, and a SPOT tick does nothing else. EMERGENCY is left by a
person's word alone: each of its causes waits for one.
"""

from decimal import Decimal
from typing import Any, Final

from execution_v2.lifecycle_causes import BookFacts, LifecycleConfig, seen
from execution_v2.lifecycle_table import RANK, STARTED, TIMED, is_legal, of, ordered, worst
from ledger.canonical import artifact_bytes, digest, plain
from schemas.lifecycle import Lifecycle, LifecycleChanged, LifecycleState
from schemas.posture import PostureState
from schemas.reasons.lifecycle import LifecycleCause, LifecycleReason
from schemas.tick import Posture, Tick, TickKind

__all__ = ["BookFacts", "LifecycleConfig", "flattens", "size_factor", "step"]

FLAT_READS: Final = 2
"""Reads in a row that see every own position covered, or none, before an emergency may end."""
_VOIDED: Final = frozenset({LifecycleCause.JOURNAL_CORRUPT, LifecycleCause.DD_BREACH})
"""Seen again after its acknowledgement, it is another one."""


def step(
    before: LifecycleState, tick: Tick, posture: PostureState, facts: BookFacts, config: LifecycleConfig
) -> tuple[LifecycleState, LifecycleChanged | None]:
    """The state after *tick*, and the transition that it made; None: it stays where it is.

    *posture*: as this same tick left it.
    """
    fields = {**_money(before, tick, facts), **_counts(before, tick)}
    found = seen(before.model_copy(update=fields), tick, posture, facts, config)
    fields |= _kept(before, tick, found, is_new_session=fields["session"] != before.session)
    move = _move(before, fields["causes"], fields["flat_reads"], tick, posture, facts)
    if move is None:
        fields["since"] = tick.at if before.since is None else before.since
        fields["emergency_causes"] = _emergency(before.state, before, fields["causes"])
        return before.model_copy(update=fields), None
    after, reason = move
    if before.state is Lifecycle.EMERGENCY:
        after, left = _left_emergency(before, fields["causes"], config)
        fields |= left
    fields["emergency_causes"] = _emergency(after, before, fields["causes"])
    assert is_legal(before.state, after, reason), f"{before.state} -> {after} by {reason} is not in the table"
    now = before.model_copy(update={**fields, "state": after, "since": tick.at, "reason": str(reason)})
    changed = LifecycleChanged(
        before=before.state,
        after=after,
        reason=str(reason),
        causes=now.causes,
        inputs_sha256=digest(artifact_bytes(plain(tick))),
        seconds_in_previous=_seconds(before, tick),
    )
    return now, changed


def size_factor(state: LifecycleState, config: LifecycleConfig) -> Decimal:
    """What the state takes from an entry's size; the least of it, posture's and warm-up's counts.

    A state that enters nothing takes nothing: refusing is gate 13's.
    """
    return config.throttled_factor if state.state is Lifecycle.THROTTLED else Decimal(1)


def flattens(state: LifecycleState) -> bool:
    """Whether every own position is sold now: a person wants it, and the book is in EMERGENCY."""
    return state.flatten and state.state is Lifecycle.EMERGENCY


def _money(before: LifecycleState, tick: Tick, facts: BookFacts) -> dict[str, Any]:
    """Peak, day's start and last equity: first moved by what was paid in or out, which is no gain and no loss."""
    flow = tick.net_flows - before.flows

    def moved(value: Decimal | None) -> Decimal | None:
        return None if value is None else value + flow

    peak, start, last = moved(before.peak), moved(before.day_start), moved(before.equity)
    if before.session != facts.session_date:
        start = last
    if tick.equity is not None:
        last = tick.equity
        peak = last if peak is None else max(peak, last)
        start = last if start is None else start
    return {
        "peak": peak,
        "day_start": start,
        "equity": last,
        "flows": tick.net_flows,
        "session": facts.session_date,
    }


def _counts(before: LifecycleState, tick: Tick) -> dict[str, Any]:
    """Reads that saw all covered, and cycles that compared nothing; before an entry only what is worse counts."""
    is_safe = tick.has_positions and tick.is_covered
    if tick.kind is TickKind.SPOT:
        return {"flat_reads": before.flat_reads if is_safe else 0, "unsynced": before.unsynced}
    missed = before.unsynced + 1 if tick.kind is TickKind.BEGIN else before.unsynced
    return {
        "flat_reads": min(before.flat_reads + 1, FLAT_READS) if is_safe else 0,
        "unsynced": 0 if tick.has_synced else missed,
    }


def _kept(before: LifecycleState, tick: Tick, found: set[str], *, is_new_session: bool) -> dict[str, Any]:
    """The causes that hold after this tick, those that may be dropped at its cycle's END, and the answers kept."""
    held = set(before.causes)
    if tick.kind is TickKind.BEGIN:
        clean = {name for name in held if name in TIMED and name not in found}
    else:
        clean = {name for name in before.clean if name not in found}
    causes = held | found
    acked = {name for name in before.acked if name in held and not (name in found and name in _VOIDED)}
    if tick.kind is not TickKind.SPOT:
        causes -= _ended(before, tick, found, acked, is_new_session=is_new_session)
    if tick.kind is TickKind.END:
        causes -= clean
        clean = set()
    return {"causes": ordered(causes), "clean": ordered(clean), "acked": ordered(acked & causes)}


def _ended(
    before: LifecycleState, tick: Tick, found: set[str], acked: set[str], *, is_new_session: bool
) -> set[str]:
    """Causes that no clock ends, and that are over."""
    c = LifecycleCause
    over = {
        c.KILL_SWITCH: c.KILL_SWITCH in acked,
        c.OPERATOR_EMERGENCY: True,
        c.JOURNAL_CORRUPT: c.JOURNAL_CORRUPT in acked,
        c.DD_BREACH: c.DD_BREACH in acked and tick.equity is not None,
        c.OPERATOR_PAUSE: True,
        c.LOSS_LIMIT: is_new_session,
    }
    return {name for name in before.causes if name not in found and over.get(LifecycleCause(name), False)}


def _move(
    before: LifecycleState,
    causes: tuple[str, ...],
    flat_reads: int,
    tick: Tick,
    posture: PostureState,
    facts: BookFacts,
) -> tuple[Lifecycle, str] | None:
    """(state, reason) of the transition that *tick* makes; None: it makes none."""
    state, bad = before.state, worst(causes)
    if bad is not None and RANK[bad] > RANK[state]:
        return bad, of(bad, causes)[0]
    if tick.kind is TickKind.BEGIN and tick.is_first and state in STARTED:
        return Lifecycle.INIT, LifecycleReason.SESSION_OPENED
    slow = of(Lifecycle.THROTTLED, causes)
    if state is Lifecycle.ACTIVE and slow:
        return Lifecycle.THROTTLED, slow[0]
    if tick.kind is TickKind.SPOT:
        return None
    rest = bad or Lifecycle.READY
    if state is Lifecycle.EMERGENCY:
        is_over = bad is not state and flat_reads >= FLAT_READS and (facts.is_flat or not before.flatten)
        return (rest, LifecycleReason.EMERGENCY_CLEARED) if is_over else None
    if RANK[state]:
        reason = _CLEARED[state]
        return None if bad is state else (rest, reason)
    return _on_the_way(state, is_slow=bool(slow), tick=tick, posture=posture.posture)


_CLEARED: Final = {
    Lifecycle.DEGRADED: LifecycleReason.DEGRADE_CLEARED,
    Lifecycle.PAUSED: LifecycleReason.PAUSE_CLEARED,
}


def _on_the_way(
    state: Lifecycle, *, is_slow: bool, tick: Tick, posture: Posture
) -> tuple[Lifecycle, str] | None:
    """From INIT to work, one step at a time."""
    if state is Lifecycle.INIT:
        return (Lifecycle.READY, LifecycleReason.REBUILD_RELEASED) if tick.is_released else None
    if state is Lifecycle.READY:
        may = tick.may_arm and posture in (Posture.GREEN, Posture.YELLOW)
        return (Lifecycle.THROTTLED if is_slow else Lifecycle.ACTIVE, LifecycleReason.ARMED) if may else None
    if state is Lifecycle.THROTTLED and not is_slow:
        return Lifecycle.ACTIVE, LifecycleReason.THROTTLE_CLEARED
    return None


def _left_emergency(
    before: LifecycleState, causes: tuple[str, ...], config: LifecycleConfig
) -> tuple[Lifecycle, dict[str, Any]]:
    """Where an emergency that is over leads, and what it leaves: a person resumes, but for a mere kill switch."""
    by_switch_alone = before.emergency_causes == (LifecycleCause.KILL_SWITCH,)
    paused = before.paused or not (config.kill_off_resumes and by_switch_alone)
    held = ordered({*causes, LifecycleCause.OPERATOR_PAUSE}) if paused else causes
    left = {"flatten": False, "paused": paused, "causes": held}
    return worst(held) or Lifecycle.READY, left


def _emergency(state: Lifecycle, before: LifecycleState, causes: tuple[str, ...]) -> tuple[str, ...]:
    if state is not Lifecycle.EMERGENCY:
        return ()
    return ordered({*before.emergency_causes, *of(Lifecycle.EMERGENCY, causes)})


def _seconds(before: LifecycleState, tick: Tick) -> int | None:
    """Across cycles a clock that was set back counts nothing."""
    return None if before.since is None else max(0, int((tick.at - before.since).total_seconds()))
