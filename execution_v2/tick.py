"""A tick is measured, judged, journaled and then in force: posture and lifecycle move at no other place.

``derive`` is pure, and what the shadow fold derives again; ``take`` does it at the desk.
"""

from typing import Final

from execution_v2 import lifecycle
from execution_v2.desk import Desk
from execution_v2.divergence_state import Measured
from execution_v2.lifecycle_causes import BookFacts
from execution_v2.measure import base_of, contradictions, kind_now, open_gaps, tick_of
from execution_v2.ports import CycleConfig
from execution_v2.posture import control
from execution_v2.reduce import Fold
from execution_v2.shadow import Shadow
from execution_v2.sync import Observed
from schemas.base import Fact
from schemas.events import EntriesBlocked, PostureChanged, TickTaken
from schemas.lifecycle import LifecycleChanged, LifecycleState
from schemas.posture import PostureState
from schemas.reasons.execution import CycleFault
from schemas.reasons.gates import RecordCode
from schemas.reasons.lifecycle import LifecycleCause
from schemas.tick import Tick, TickKind

_FAULTS: Final = (AssertionError, ArithmeticError, LookupError, TypeError, ValueError)
"""What a fault of ours can raise; what the journal or another process says (``Denied``) is no such fault."""


def derive(
    before: Fold, tick: Tick, config: CycleConfig
) -> tuple[PostureState, LifecycleState, LifecycleChanged | None]:
    """Where *tick* leads from *before*, which stays as it is."""
    assert before.session is not None, "a tick before the book's first session"
    posture = control.step(
        before.posture,
        tick,
        config.posture,
        acks=frozenset(before.acks),
        drawn_down=LifecycleCause.DD_BREACH in before.lifecycle.causes,
    )
    facts = BookFacts(
        session_date=before.session,
        loss_runs=before.loss_runs,
        killed=before.killed,
        is_flat=not before.positions,
    )
    state, changed = lifecycle.step(before.lifecycle, tick, posture, facts, config.lifecycle)
    return posture, state, changed


def _shadow_of(desk: Desk) -> Shadow:
    """The second fold of a cycle; where nobody gives it the session's records it sees the cycle's own alone."""
    inputs, ports = desk.inputs, desk.ports

    def step(before: Fold, taken: TickTaken) -> tuple[PostureState, LifecycleState]:
        posture, state, _ = derive(before, taken.tick, desk.config)
        return posture, state

    if inputs.carried is None or ports.records is None:
        return Shadow(inputs.book_id, inputs.state, lambda: desk.records, is_whole=False, step=step)
    return Shadow(inputs.book_id, inputs.carried, ports.records, reread=ports.reread, step=step)


def take(desk: Desk, kind: TickKind, observed: Observed) -> None:
    """Judge what is known now; before an entry only what got worse is recorded.

    A tick that fails stops entries of its cycle, and nothing else: stops and exits come after it (L3).
    """
    try:
        _take(desk, kind, observed)
        desk.is_judged = True
    except _FAULTS:
        desk.is_judged = False
        desk.note(("entries.blocked", EntriesBlocked(codes=(CycleFault.TICK_FAILED,))))


def _take(desk: Desk, kind: TickKind, observed: Observed) -> None:
    kind = kind_now(desk, kind)
    _look_into_the_record(desk, kind)
    tick = tick_of(desk, kind, observed, desk.verdict)
    was, state_was = desk.fold.posture, desk.fold.lifecycle
    posture, state, changed = derive(desk.fold, tick, desk.config)
    moved = posture.posture is not was.posture
    same_causes = (state.causes, state.clean) == (state_was.causes, state_was.clean)
    if kind is TickKind.SPOT and same_causes and _binding(posture) == _binding(was):
        return
    taken = TickTaken(slot=base_of(desk.inputs.slot), tick=tick, posture=posture, lifecycle=state)
    told: list[tuple[str, Fact]] = [("tick.taken", taken)]
    if moved:
        move = PostureChanged(
            before=was.posture,
            after=posture.posture,
            causes=posture.causes,
            debt=posture.debt,
            terms=posture.terms,
            factor=posture.factor,
        )
        told.append(("posture.changed", move))
    if changed is not None:
        told.append(("lifecycle.changed", changed))
    desk.note(*told)


def _binding(state: PostureState) -> tuple[object, ...]:
    """What of a posture somebody may rely on until the next tick."""
    return state.posture, state.factor, state.healthy, state.ack_needed


def _look_into_the_record(desk: Desk, kind: TickKind) -> None:
    """The shadow's verdict of this moment; what it finds anew is told once."""
    measured = Measured(
        gaps=open_gaps(desk, kind),
        contradictions=contradictions(desk),
        sent=tuple(desk.tally.sent),
        is_corrupt=RecordCode.JOURNAL_CORRUPT in (desk.record_faults() or ()),
    )
    if desk.shadow is None:
        desk.shadow = _shadow_of(desk)
    desk.verdict = desk.shadow.check(desk.fold.freeze(), measured, kind)
    news = desk.shadow.news(desk.verdict)
    if news:
        desk.note(*(("divergence.found", row) for row in news))
