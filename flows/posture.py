"""How much a book knows and what it may do, said so that a person woken at night need read nothing else first.

The lines are a function of the panel that ``execution.json`` keeps: what holds it, since when, what unlocks next, and
what to type, if there is anything to type.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from execution_v2 import panel
from execution_v2.panel import Panel
from execution_v2.posture.config import PostureConfig
from flows.house import House
from flows.words import ENTRIES, RUNBOOKS, SAFE, URGENT, words
from ledger.canonical import plain
from schemas.book import BookState
from schemas.lifecycle import Ending, Holding, Lifecycle, LifecycleView
from schemas.posture import PostureView
from schemas.reasons.posture import RecoveryCode
from schemas.tick import Posture

LABEL: Final = 10
"""Columns of a line's first word."""
NOT_TICKED: Final = "no cycle has judged yet how much the book knows; nothing is entered before one has"
SHUT: Final = (Posture.ORANGE, Posture.RED)
AT_WORK: Final = (Lifecycle.ACTIVE, Lifecycle.THROTTLED)
PAGES: Final = ("runbooks/posture.md", "runbooks/lifecycle.md")
NOBODY: Final = "nobody has to do anything"


def of_book(house: House, book_id: str, state: BookState) -> dict[str, Any]:
    """``{"posture", "lifecycle", "told"}`` of a book: both views, null before its first tick, and their lines."""
    config = house.settings.posture
    found = panel.of(state, book_id, config)
    return {
        "posture": None if found.posture is None else plain(found.posture),
        "lifecycle": None if found.lifecycle is None else plain(found.lifecycle),
        "told": told(found, config),
    }


def told(found: Panel, config: PostureConfig) -> list[str]:
    """Lines of a panel, for a person."""
    if found.posture is None or found.lifecycle is None:
        return [_line("posture", NOT_TICKED)]
    return [
        _lead(found.posture, found.lifecycle),
        *_of_posture(found.posture, config),
        *_of_lifecycle(found.lifecycle),
        *_to_do(found.posture, found.lifecycle),
        *_to_read(found.posture, found.lifecycle),
    ]


def to_do(codes: Iterable[str], commands: Sequence[str]) -> list[str]:
    """What waits for a person: what to look at now, then what to type; a line that says so if nothing does."""
    pages: dict[str, list[str]] = {}
    for code in dict.fromkeys(codes):
        if code in URGENT:
            pages.setdefault(URGENT[code], []).append(code)
    urgent = [f"look now: {', '.join(found)}, {page}" for page, found in pages.items()]
    return [*urgent, *commands] or [NOBODY]


def unlocks(view: PostureView) -> list[str]:
    """What the next rung waits for, and how long it and full size take at best; empty where nothing is held back."""
    if view.next_rung is None:
        return [f"full size in {_cycles(view.eta_full_cycles)} at best"] if view.eta_full_cycles else []
    missing = [f"{row.cond} (now {row.have}, needs {row.need})" for row in view.unlock if not row.ok]
    lines = [f"{view.next_rung} after {view.needed} healthy cycles in a row, {view.healthy_count} so far"]
    return [*lines, *(f"not met: {each}" for each in missing), _at_best(view)]


def _lead(posture: PostureView, lifecycle: LifecycleView) -> str:
    """What of the two matters now: whether anything is entered, and that nothing else is held up."""
    shut = [str(posture.posture)] if posture.posture in SHUT else []
    shut += [str(lifecycle.state)] if lifecycle.state not in AT_WORK else []
    if shut:
        return _line("entries", f"NONE, {' and '.join(shut)}; {SAFE}")
    slow = [str(posture.posture)] if posture.size_factor < 1 else []
    slow += [str(lifecycle.state)] if lifecycle.state is Lifecycle.THROTTLED else []
    if slow:
        return _line("entries", f"smaller, {' and '.join(slow)}; {SAFE}")
    return _line("entries", f"as planned; {SAFE}")


def _of_posture(view: PostureView, config: PostureConfig) -> Iterator[str]:
    size = "" if view.size_factor in (0, 1) else f"; sizes times {view.size_factor:g}"
    yield _line("posture", f"{view.posture}: {ENTRIES[view.posture]}{size}")
    if view.since is not None:
        yield _line("since", f"{view.since:%Y-%m-%d %H:%M:%S} UTC, {_minutes(view.age_s)} of open market")
    if view.posture is Posture.GREEN:
        if view.warm_up_left:
            left = f"{view.warm_up_left} cycles of warm-up after RED; full size in {view.eta_full_cycles} at best"
            yield _line("warm-up", left)
        return
    yield from _why(view)
    yield from _doubts(view, config)
    yield _line("unlocks", f"{view.next_rung}, when all of these hold in {view.needed} cycles running:")
    for row in view.unlock:
        have = f"ok       {row.cond}: {row.have}"
        yield _line("", have if row.ok else f"MISSING  {row.cond}: now {row.have}, needs {row.need}")
    yield _line("so far", f"{view.healthy_count} of {view.needed} such cycles; {_at_best(view)}")


def _why(view: PostureView) -> Iterator[str]:
    """Every floor with its subject; where none holds as much, the ladder, and what had brought the posture down."""
    label = "why"
    if view.causes and view.causes[0] == RecoveryCode.RECOVERING:
        was = f"; it was {', '.join(view.entered_by)}" if view.entered_by else ""
        only = "nothing holds it but an acknowledgement" if view.operator_ack_required else None
        yield _line(label, f"RECOVERING: {only or words(RecoveryCode.RECOVERING)}{was}")
        label = ""
    for floor in view.floors:
        subject = f" ({floor.subject})" if floor.subject else ""
        yield _line(label, f"{floor.code}{subject}: {words(floor.code)} [{floor.posture}]")
        label = ""


def _doubts(view: PostureView, config: PostureConfig) -> Iterator[str]:
    parts = sorted(((value, name) for name, value in view.debt_terms.items() if value), reverse=True)
    summed = " = " + " + ".join(f"{name} {value:.2f}" for value, name in parts) if parts else ""
    bands = f"YELLOW {config.band_yellow:g}, ORANGE {config.band_orange:g}, RED {config.band_red:g}"
    yield _line("debt", f"{view.debt:.2f}{summed}; bands: {bands}")


def _of_lifecycle(view: LifecycleView) -> Iterator[str]:
    yield _line("lifecycle", f"{view.state}: {ENTRIES[view.state]}")
    if view.since is not None:
        why = "" if view.reason is None else f", by {view.reason}: {words(view.reason)}"
        yield _line("since", f"{view.since:%Y-%m-%d %H:%M:%S} UTC{why}")
    label = "held by"
    for row in view.causes:
        yield _line(label, f"{row.cause} [{row.means}]: {words(row.cause)}; {ended_by(row)}")
        label = ""


def ended_by(row: Holding) -> str:
    """What ends a cause, in words."""
    if row.is_answered:
        return "a person has answered; the next cycle takes it in"
    if row.ending is Ending.PERSON:
        return "only a person ends it"
    if row.ending is Ending.NEXT_SESSION:
        return "the next session ends it"
    return "ends by itself"


def _to_do(posture: PostureView, lifecycle: LifecycleView) -> Iterator[str]:
    commands = lifecycle.commands
    lead, *rest = to_do(_codes(posture, lifecycle), commands)
    yield _line("to do", lead)
    for each in rest:
        yield _line("", each)
    if len(commands) > 1 and " resume " in commands[-1]:
        yield _line("", "once each cause is found and gone; the resume is taken after the next cycle")
    elif commands and " ack " in commands[0]:
        yield _line("", "once its cause is found and gone; an acknowledgement lifts nothing that still holds")


def _to_read(posture: PostureView, lifecycle: LifecycleView) -> Iterator[str]:
    codes = _codes(posture, lifecycle)
    if codes:
        yield _line(
            "read", ", ".join(dict.fromkeys((*(RUNBOOKS[c] for c in codes if c in RUNBOOKS), *PAGES)))
        )


def _codes(posture: PostureView, lifecycle: LifecycleView) -> list[str]:
    return [*posture.causes, *(row.cause for row in lifecycle.causes)]


def _at_best(view: PostureView) -> str:
    best, full = _cycles(view.eta_cycles), _cycles(view.eta_full_cycles)
    said = " and acknowledged" if view.operator_ack_required else ""
    return f"if all is well{said} from now on, {best} to {view.next_rung} and {full} to full size"


def _cycles(count: int) -> str:
    return "1 cycle" if count == 1 else f"{count} cycles"


def _minutes(seconds: int) -> str:
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def _line(label: str, text: str) -> str:
    return f"{label:<{LABEL}}{text}"
