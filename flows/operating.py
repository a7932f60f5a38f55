"""What a person decides of a book as a whole is judged on what its journals say, and journaled; the next tick obeys.

``pause``, ``resume``, ``ack``, ``emergency`` and ``flatten``. An act whose condition does not hold is refused, and
nothing is written. What was decided since the session ended, and waits for the next one, counts as said.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from execution_v2.closings import RESUME
from execution_v2.lifecycle_acts import (
    ACK,
    EMERGENCY,
    FLATTEN,
    PAUSE,
    ack_needed,
    operated,
    refused,
    switched,
)
from flows.house import House
from flows.settings import book_of
from flows.stages.opening import PENDING
from flows.status import latest_state
from flows.switch import journal_now
from ledger import layout
from ledger.canonical import parse_canonical_line
from schemas.book import BookState
from schemas.errors import Denied
from schemas.events import KillSet, OperatorAct
from schemas.lifecycle import Lifecycle, LifecycleState
from schemas.reasons.lifecycle import LifecycleCause
from schemas.reasons.sync import SyncStatus

FOLLOWS: Final = {
    PAUSE: "nothing is entered from the next look on, at the latest in the next cycle; stops and exits go on",
    RESUME: "the book goes on with the next cycle, by way of READY; a count of losses starts again at nothing",
    ACK: "the next cycle takes it in",
    EMERGENCY: "entries that work are cancelled in the next cycle; stops and exits go on; nothing is sold for it",
    FLATTEN: "every own position is sold from the next cycle on, cycle by cycle, until none is left",
}
"""Verb -> what comes of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What a person says. *subject*: of an ``ack``, what is acknowledged."""

    verb: str
    operator: str
    reason: str
    subject: str | None = None


def operate(house: House, book_id: str, said: Act) -> list[str]:
    """Journal *said* for the next tick of *book_id*; returns what was written, one line each.

    Errors: ``Denied`` with the code of ``OperateCode`` if its condition does not hold; LOCK_BUSY while a process acts
    for the book; ``UsageFault`` for a book without a session.
    """
    book_of(book_id)
    _, book, _ = latest_state(house, book_id)
    waiting = _waiting(house, book_id)
    state = _as_said(book.lifecycle, waiting)
    found = refused(
        said.verb,
        said.subject,
        state,
        posture_acks=_others(book, waiting),
        has_losses=bool(book.loss_runs) and not any(_is(row, RESUME) for row in waiting),
        is_flat=not book.positions,
    )
    if found is not None:
        raise Denied(
            found.code,
            f"{said.verb} of {book_id}: {found.why}",
            safe="nothing was changed; stops and exits go on in every state",
            next=found.next.format(book=book_id),
        )
    act = OperatorAct(
        verb=said.verb,
        operator=said.operator,
        reason=said.reason,
        subject=_resumed(state, book) if said.verb == RESUME else said.subject,
        detail=str(state.state),
    )
    wrote = journal_now(
        house, book_id, [("operator.acted", act)], datetime.now(UTC), f"avwap operator {said.verb}"
    )
    return [wrote, *_told(book_id, said, state, book)]


def _waiting(house: House, book_id: str) -> list[OperatorAct | KillSet]:
    """Acts that wait for the next session, oldest first."""
    path = layout.control(book_id, PENDING)
    if not house.disk.exists(path):
        return []
    models: dict[str, type[OperatorAct | KillSet]] = {"operator.acted": OperatorAct, "kill.set": KillSet}
    lines = [parse_canonical_line(line + b"\n") for line in house.disk.read(path).split(b"\n") if line]
    return [models[line["event"]].model_validate(line["data"]) for line in lines if line["event"] in models]


def _as_said(state: LifecycleState, waiting: list[OperatorAct | KillSet]) -> LifecycleState:
    for row in waiting:
        state = switched(state, row) if isinstance(row, KillSet) else operated(state, row)
    return state


def _is(row: OperatorAct | KillSet, verb: str) -> bool:
    return isinstance(row, OperatorAct) and row.verb == verb


def _others(book: BookState, waiting: list[OperatorAct | KillSet]) -> tuple[str, ...]:
    """What waits for an acknowledgement beside the lifecycle's causes: posture, divergences, others' shares."""
    said = {row.subject for row in waiting if isinstance(row, OperatorAct) and row.verb == ACK}
    said |= {*book.acks}
    shares = (
        f"{SyncStatus.EXTERNAL}:{row.symbol}"
        for row in book.quarantined
        if row.code == SyncStatus.EXTERNAL and row.symbol not in book.known_external
    )
    return tuple(each for each in (*book.posture.ack_needed, *shares) if each not in said)


def _resumed(state: LifecycleState, book: BookState) -> str:
    """What a resume ends, worst first."""
    by_losses = book.loss_runs or LifecycleCause.CONSEC_LOSS in state.causes
    ended = ((LifecycleCause.OPERATOR_PAUSE, state.paused), (LifecycleCause.CONSEC_LOSS, by_losses))
    return ",".join(cause for cause, is_ended in ended if is_ended)


def _told(book_id: str, said: Act, state: LifecycleState, book: BookState) -> list[str]:
    held = f" by {', '.join(state.causes)}" if state.causes else ""
    told = [f"was      {state.state}{held}"]
    if said.verb == RESUME and book.loss_runs:
        runs = ", ".join(f"{run.strategy_id or 'book'} {run.losses}" for run in book.loss_runs)
        told.append(f"losses   {runs} in a row; the count starts again at nothing")
    told.append(f"follows  {FOLLOWS[said.verb]}")
    if said.verb == ACK and state.state is Lifecycle.EMERGENCY:
        left = [each for each in (*ack_needed(state), *_others(book, [])) if each != said.subject]
        rest = f"{', '.join(left)} still wait for one" if left else "nothing else waits for one"
        told.append(
            f"note     {rest}; avwap operator resume --book {book_id} once the book is PAUSED, if it shall go on"
        )
    if said.verb == EMERGENCY:
        told.append(
            f"note     avwap kill on --book {book_id} stops entries at this moment, without waiting for a cycle"
        )
    return told
