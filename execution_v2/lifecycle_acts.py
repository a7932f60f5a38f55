"""A person's act is taken where its condition holds, and folded into the lifecycle as it was journaled.

``refused`` judges before the record is written; ``operated`` and ``switched`` are what the record then does. The next
tick draws the conclusion: a fold never moves a book from one state to another.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from execution_v2.adjusted import ACCEPT
from execution_v2.closings import RESUME
from execution_v2.lifecycle_table import ANSWERED, CAUSES, ordered
from schemas.events import KillSet, OperatorAct
from schemas.lifecycle import Lifecycle, LifecycleState
from schemas.reasons.lifecycle import LifecycleCause, OperateCode

PAUSE: Final = "pause"
ACK: Final = "ack"
EMERGENCY: Final = "emergency"
FLATTEN: Final = "flatten"
VERBS: Final = (PAUSE, RESUME, ACK, EMERGENCY, FLATTEN)
"""The operator's verbs that concern the lifecycle."""
assert ACCEPT not in VERBS, "a quantity is no matter of the lifecycle"

_C: Final = LifecycleCause
_NO_RESUME: Final = (*CAUSES[Lifecycle.EMERGENCY], *CAUSES[Lifecycle.DEGRADED], _C.LOSS_LIMIT)
"""Causes that a resume does not end: with one of them it would only seem to have been taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why an act is not taken, and what to do instead, ``{book}`` standing for the book's id."""

    code: OperateCode
    why: str
    next: str


def operated(state: LifecycleState, act: OperatorAct) -> LifecycleState:
    """*state* after a person's act; verbs of other matters change nothing."""
    fields: dict[str, Any] = {}
    if act.verb == PAUSE:
        fields = {"paused": True}
    elif act.verb == RESUME:
        ended = {_C.OPERATOR_PAUSE, _C.CONSEC_LOSS}
        fields = {"paused": False, "causes": tuple(c for c in state.causes if c not in ended)}
    elif act.verb == EMERGENCY:
        rest = tuple(c for c in state.acked if c != _C.OPERATOR_EMERGENCY)
        fields = {"operator_emergency": True, "acked": rest}
    elif act.verb == FLATTEN and _is_emergency(state):
        fields = {"flatten": True}
    elif act.verb == ACK and act.subject is not None:
        fields = _answered(state, act.subject)
    return state.model_copy(update=fields) if fields else state


def switched(state: LifecycleState, record: KillSet) -> LifecycleState:
    """*state* after the kill switch was set or lifted: lifting it answers for KILL_SWITCH, setting it voids that."""
    if record.on:
        acked = tuple(c for c in state.acked if c != _C.KILL_SWITCH)
    elif _C.KILL_SWITCH in state.causes:
        acked = ordered({*state.acked, _C.KILL_SWITCH})
    else:
        return state
    return state.model_copy(update={"acked": acked})


def ack_needed(state: LifecycleState) -> tuple[str, ...]:
    """Causes that wait for a person's ``ack``, worst first."""
    held = {*state.causes, *((_C.OPERATOR_EMERGENCY,) if state.operator_emergency else ())}
    return ordered({c for c in held if c in ANSWERED and c not in state.acked})


def refused(
    verb: str,
    subject: str | None,
    state: LifecycleState,
    *,
    posture_acks: Collection[str],
    has_losses: bool,
    is_flat: bool,
) -> Refusal | None:
    """Why *verb* of *subject* is not taken now; None: it is.

    posture_acks: what the posture and the comparison wait for. has_losses: a run of losses is counted.
    """
    if verb == PAUSE and state.paused:
        return Refusal(
            code=OperateCode.ALREADY_PAUSED,
            why="the book is paused, and stays so until a person resumes it",
            next="avwap operator resume --book {book} lets it go on",
        )
    if verb == RESUME:
        return _resume_refused(state, has_losses=has_losses)
    if verb == EMERGENCY and state.operator_emergency:
        return Refusal(
            code=OperateCode.ALREADY_EMERGENCY,
            why="an emergency was declared, and nobody has acknowledged that it is over",
            next=f"avwap operator ack --book {{book}} --cause {_C.OPERATOR_EMERGENCY}, once it is",
        )
    if verb == FLATTEN:
        return _flatten_refused(state, is_flat=is_flat)
    needed = (*ack_needed(state), *(each for each in posture_acks if each not in ack_needed(state)))
    if verb == ACK and subject not in needed:
        return _ack_refused(state, subject, needed)
    return None


def _is_emergency(state: LifecycleState) -> bool:
    return state.state is Lifecycle.EMERGENCY or state.operator_emergency


def _answered(state: LifecycleState, subject: str) -> dict[str, Any]:
    """What the acknowledgement of *subject* changes: a drawdown's also starts the peak anew."""
    fields: dict[str, Any] = {}
    if subject in ANSWERED and subject in state.causes:
        fields["acked"] = ordered({*state.acked, subject})
    if subject == _C.DD_BREACH:
        fields["peak"] = None
    if subject == _C.OPERATOR_EMERGENCY:
        fields["operator_emergency"] = False
    return fields


def _resume_refused(state: LifecycleState, *, has_losses: bool) -> Refusal | None:
    holding = [str(c) for c in _NO_RESUME if c in state.causes]
    if state.operator_emergency and _C.OPERATOR_EMERGENCY not in holding:
        holding.insert(0, str(_C.OPERATOR_EMERGENCY))
    if holding:
        is_one = len(holding) == 1
        is_answered = all(name in state.acked for name in holding)
        return Refusal(
            code=OperateCode.RESUME_CAUSE_ACTIVE,
            why=f"{', '.join(holding)} still {'holds' if is_one else 'hold'}; "
            f"a resume does not end {'it' if is_one else 'them'}",
            next="the next cycle takes the answer in; resume after it"
            if is_answered
            else "runbooks/codes-lifecycle.md says what ends each; resume after that",
        )
    if state.paused or has_losses or _C.CONSEC_LOSS in state.causes:
        return None
    return Refusal(
        code=OperateCode.NOTHING_TO_RESUME,
        why="nobody paused the book, and it counts no losses in a row, so nothing waits for a person",
        next="avwap status --book {book} shows what else holds entries up",
    )


def _flatten_refused(state: LifecycleState, *, is_flat: bool) -> Refusal | None:
    if not _is_emergency(state):
        return Refusal(
            code=OperateCode.FLATTEN_NEEDS_EMERGENCY,
            why=f"the book is {state.state}: everything is sold in an EMERGENCY only",
            next="avwap operator emergency --book {book} declares one; then flatten",
        )
    if state.flatten:
        return Refusal(
            code=OperateCode.ALREADY_FLATTENING,
            why="every own position is being sold, cycle by cycle, until none is left",
            next="avwap status --book {book} shows what is left",
        )
    if is_flat:
        return Refusal(
            code=OperateCode.NOTHING_TO_FLATTEN,
            why="the book holds no position",
            next="avwap status --book {book} shows what it waits for",
        )
    return None


def _ack_refused(state: LifecycleState, subject: str | None, needed: tuple[str, ...]) -> Refusal:
    waits = f"what waits for one: {', '.join(needed)}" if needed else "nothing waits for one"
    if subject == _C.KILL_SWITCH and subject in state.causes:
        return Refusal(
            code=OperateCode.ACK_NOT_NEEDED,
            why="lifting the kill switch is its acknowledgement",
            next="avwap kill off --book {book}, with who and why",
        )
    return Refusal(
        code=OperateCode.ACK_NOT_NEEDED,
        why=f"{subject} waits for no acknowledgement; {waits}",
        next="avwap status --book {book} shows what holds it, and what each cause asks for",
    )
