"""What a person woken at night is told is read off the book's fold: what holds it, what ends that, what to type."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from execution_v2.lifecycle_acts import ack_needed
from execution_v2.lifecycle_table import ANSWERED, CAUSES, ordered
from execution_v2.posture.config import PostureConfig
from execution_v2.posture.view import view
from schemas.book import BookState
from schemas.lifecycle import Ending, Holding, Lifecycle, LifecycleState, LifecycleView
from schemas.posture import PostureState, PostureView
from schemas.reasons.lifecycle import LifecycleCause
from schemas.reasons.posture import PostureCode
from schemas.reasons.sync import SyncStatus

_C: Final = LifecycleCause
_MEANS: Final = {cause: state for state, causes in CAUSES.items() for cause in causes}
_RESUMED: Final = frozenset({_C.OPERATOR_PAUSE, _C.CONSEC_LOSS})
_WHO: Final = '--operator NAME --reason "WHY"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Both views of one moment; None: no tick has judged the book yet."""

    posture: PostureView | None = None
    lifecycle: LifecycleView | None = None


UNTOLD: Final = Panel()


def of(state: BookState, book_id: str, config: PostureConfig) -> Panel:
    """The panel of a book as *state* leaves it."""
    if state.ticked is None:
        return UNTOLD
    told = lifecycle_view(state.lifecycle, state.posture, book_id, said=state.acks)
    return Panel(posture=view(state.posture, config), lifecycle=told)


def lifecycle_view(
    state: LifecycleState, posture: PostureState, book_id: str, said: Collection[str] = ()
) -> LifecycleView:
    """What is told of *state*; its commands are those of *posture* too, each once.

    said: what was acknowledged since the last tick, and is not asked for again.
    """
    held = set(state.causes) | ({_C.OPERATOR_EMERGENCY} if state.operator_emergency else set())
    rows = tuple(_holding(LifecycleCause(name), state, book_id) for name in ordered(held))
    typed = [row.command for row in rows if row.command is not None and not row.is_answered]
    # A resume is refused while anything stands that it does not end: it is typed last.
    acts = [line for line in typed if " resume " not in line]
    acts += posture_commands(posture, book_id, said={*said, *state.acked})
    if state.state is Lifecycle.EMERGENCY:
        acts += [] if _resumes_itself(state) else [_resume(book_id)]
    acts += [line for line in typed if " resume " in line]
    return LifecycleView(
        state=state.state,
        since=state.since,
        reason=state.reason,
        causes=rows,
        ack_needed=ack_needed(state),
        commands=tuple(dict.fromkeys(acts)),
    )


def posture_commands(posture: PostureState, book_id: str, said: Collection[str] = ()) -> list[str]:
    """What a person types to end what only a person ends: acknowledgements, orders without a fate, others' shares."""
    acts = [_ack(name, book_id) for name in posture.ack_needed if name not in said]
    for floor in posture.floors:
        if floor.code == PostureCode.FROZEN:
            acts.append(
                f"avwap operator resolve --book {book_id} ORDER --outcome filled|cancelled|never_sent|live "
                f'--evidence "WHAT YOU SAW" {_WHO}'
            )
        if floor.code == PostureCode.EXTERNAL:
            named = floor.subject.split(" and ")[0].split(", ")
            shares = (f"{SyncStatus.EXTERNAL}:{symbol}" for symbol in named)
            acts += [_ack(each, book_id) for each in shares if each not in said]
    return acts


def _holding(cause: LifecycleCause, state: LifecycleState, book_id: str) -> Holding:
    ending, command = Ending.ITSELF, None
    if cause is _C.LOSS_LIMIT:
        ending = Ending.NEXT_SESSION
    elif cause is _C.KILL_SWITCH:
        ending, command = Ending.PERSON, f"avwap kill off --book {book_id} {_WHO}"
    elif cause in ANSWERED:
        ending, command = Ending.PERSON, _ack(cause, book_id)
    elif cause in _RESUMED:
        ending, command = Ending.PERSON, _resume(book_id)
    is_over = cause is _C.OPERATOR_EMERGENCY and not state.operator_emergency
    return Holding(
        cause=cause,
        means=_MEANS[cause],
        ending=ending,
        is_answered=cause in state.acked or is_over,
        command=command,
    )


def _resumes_itself(state: LifecycleState) -> bool:
    """A kill switch alone may end without a resume; whether it does is the settings' to say, and the next look's."""
    return state.emergency_causes == (_C.KILL_SWITCH,) and not state.paused


def _ack(name: str, book_id: str) -> str:
    return f"avwap operator ack --book {book_id} --cause {name} {_WHO}"


def _resume(book_id: str) -> str:
    return f"avwap operator resume --book {book_id} {_WHO}"
