"""Gate 2: any one source stops entries, and a source that cannot be read counts as set."""

from execution_v2.gates.facts import EnforcementConfig, EntryOrder, GateFacts, finding
from schemas.header import Finding
from schemas.observations import ControlObservation
from schemas.reasons.gates import KillSwitchCode


def sources(control: ControlObservation | None, book_id: str, killed: bool) -> tuple[Finding, ...]:
    """Which sources are set, as far as they can be read. *killed*: the journal's own."""
    found: list[Finding] = []
    if control is not None and control.kill_env:
        found.append(finding(KillSwitchCode.KILL_SWITCH_ENV, book_id, True))
    if control is not None and control.kill_file is not None:
        found.append(finding(KillSwitchCode.KILL_SWITCH_FILE, book_id, control.kill_file))
    if killed:
        found.append(finding(KillSwitchCode.KILL_SWITCH_PERSISTED, book_id, True))
    return tuple(found)


def check_book(facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:  # noqa: ARG001
    """Environment, file in either place (an empty one counts), and the journal."""
    control, book, book_id = facts.control, facts.book, facts.book_id
    found = list(sources(control, book_id, book is not None and book.killed))
    unreadable = KillSwitchCode.KILL_SWITCH_UNREADABLE
    if control is None:
        found.append(finding(unreadable, book_id, detail="control was not observed"))
    elif control.kill_unreadable is not None:
        found.append(finding(unreadable, book_id, detail=control.kill_unreadable))
    if book is None:
        found.append(finding(unreadable, book_id, detail="the journal's state is unknown"))
    return tuple(found)


def check(entry: EntryOrder, facts: GateFacts, config: EnforcementConfig) -> tuple[Finding, ...]:  # noqa: ARG001
    """The same answer for every entry."""
    return check_book(facts, config)
