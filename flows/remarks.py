"""What a step found besides its files is said where it was run: nobody opens a file to learn that a read failed."""

from collections import Counter

from flows.day import Day
from schemas.cycle import Execution, Stops
from schemas.enforcement import Enforcement
from schemas.reasons.sync import SyncStatus

Rows = list[dict[str, str]]


def of_cycle(day: Day, folder: str) -> Rows:
    """What waits, differs or was refused in the cycle that wrote *folder* (``0935-2``); none on an ordinary day."""
    ran = day.seen(f"cycles/{folder}/execution.json", Execution)
    stops = day.seen(f"cycles/{folder}/stops.json", Stops)
    found: list[tuple[str, str, str]] = []
    for line in stops.positions if stops is not None else ():
        if line.quantity > line.covered:
            found.append(("uncovered", line.reason, f"{line.symbol}: {line.covered} of {line.quantity}"))
    if ran is not None:
        for check in ran.sync:
            if check.status != SyncStatus.IN_SYNC:
                told = [("comparison", each.code, each.subject) for each in check.findings]
                found += told or [("comparison", check.status, "")]
        found += [("fault", each.code, each.symbol) for each in ran.faults]
        found += [("unknown", "", name) for name in ran.unresolved]
        found += [("carried", "", name) for name in ran.carried]
        found += [("entries blocked", code, "") for code in ran.blocked]
        found += [("entry refused", each.code, each.symbol) for each in ran.denied]
    return [{"found": what, "code": code, "of": whom} for what, code, whom in found]


def of_morning(day: Day) -> str:
    """How many entries the morning lets through, and why the others are not: one line."""
    made = day.seen("enforcement.json", Enforcement)
    if made is None:
        return "entries  none: enforcement.json cannot be read"
    codes = Counter(each.code for each in made.refused)
    why = ", ".join(f"{code} {count}" for code, count in sorted(codes.items()))
    return (
        f"entries  {len(made.authorised)} may be tried, {len(made.refused)} refused{': ' if why else ''}{why}"
    )
