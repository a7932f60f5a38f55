"""What a morning may enter, told once: each authorised entry with its most and its stop, each refusal by its code."""

from typing import Final

from flows.blocked import by_code
from flows.day import Day
from flows.messages.made import made
from flows.summary import escaped
from ledger.artifacts import Loaded
from schemas.enforcement import AuthorisedEntry, Enforcement
from schemas.outbox import Message, MessageKind

ENTRIES_TOLD: Final = 12
"""Entries with a line each; the rest are in the file."""


def enforcement_summary(day: Day) -> Message | None:
    """The message about *day*'s ``enforcement.json``; None without the file, or where nobody asked for an entry."""
    found = day.read("enforcement.json", Enforcement)
    if not isinstance(found, Loaded) or not (found.artifact.authorised or found.artifact.refused):
        return None
    did = found.artifact
    name = f"{day.book_id} {day.session}"
    bound = "decisions bind" if did.decision_enforced else "decisions do not bind"
    held = did.reserved
    lines = [_line(row) for row in did.authorised[:ENTRIES_TOLD]]
    if len(did.authorised) > ENTRIES_TOLD:
        lines.append(f"… and {len(did.authorised) - ENTRIES_TOLD} more")
    room = (
        f"reserved {held.gross:,.2f} USD gross, {held.risk:,.2f} USD at risk"
        if did.authorised
        else "nothing reserved"
    )
    return made(
        day,
        MessageKind.ENFORCEMENT_SUMMARY,
        (found.ref,),
        f"{name}: {len(did.authorised)} entries authorised, {len(did.refused)} refused; {bound}",
        ([f"*{name}: what may be entered*, {bound}", room], lines, by_code(did.refused)),
    )


def _line(row: AuthorisedEntry) -> str:
    return (
        f"*{escaped(row.symbol)}* at most {row.quantity:,} at {row.limit:,.2f}, stop {row.stop:,.2f}, "
        f"risk {row.risk:,.2f} USD"
    )
