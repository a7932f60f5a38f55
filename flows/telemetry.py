"""Each morning's enforcement leaves one line in the journal: what it rested on, what it let pass, and what it blocked.

The line is appended once for a file's digest, before the first cycle; a morning that made no file says why. What a
cycle then sends or denies is told by its own records, gate by gate.
"""

from collections import Counter
from typing import Final

from flows.day import Day
from flows.stages.opening import Session
from ledger.artifacts import Loaded, ReadFault
from schemas.enforcement import Enforcement
from schemas.events import BlockedBy, EntriesEnforced

ENFORCED: Final = "entries.enforced"


def record_enforcement(day: Day, session: Session) -> EntriesEnforced:
    """Append the line about *day*'s ``enforcement.json`` as it reads now, unless it is there already."""
    told = told_of(day.read("enforcement.json", Enforcement))
    known = [
        EntriesEnforced.model_validate(each.data)
        for each in session.journal.records
        if each.event == ENFORCED
    ]
    if told not in known:
        # The morning's own instant, not the machine's: a second run of it says the same.
        session.journal.append([(ENFORCED, day.house.calendar.cut_at(day.session), None, told)])
    return told


def told_of(found: Loaded[Enforcement] | ReadFault) -> EntriesEnforced:
    """The line about an enforcement, or about why there is none."""
    if isinstance(found, ReadFault):
        return EntriesEnforced(fault=found.code)
    made, header = found.artifact, found.header
    return EntriesEnforced(
        file=found.ref,
        inputs=header.inputs,
        config_sha256=header.config_sha256,
        code_version=header.code_version,
        decision_enforced=made.decision_enforced,
        authorised=len(made.authorised),
        refused=len(made.refused),
        blocked=tuple(
            BlockedBy(code=code, entries=count)
            for code, count in sorted(Counter(row.code for row in made.refused).items())
        ),
        book_codes=tuple(dict.fromkeys(finding.code for row in made.book_gates for finding in row.findings)),
    )
