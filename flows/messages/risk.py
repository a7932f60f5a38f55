"""What the regime did to the day's sizes, told to people in the lines that the attribution's own template gives."""

from analytics.risk_operator import operator_lines
from flows.day import Day
from flows.messages.made import made
from flows.summary import escaped
from ledger.artifacts import Loaded
from schemas.attribution import Attribution
from schemas.outbox import Message, MessageKind


def risk_summary(day: Day) -> Message | None:
    """The message about ``risk_summary`` in *day*'s ``attribution.json``; None where file or section is not."""
    found = day.read("attribution.json", Attribution)
    if not isinstance(found, Loaded):
        return None
    lines = [escaped(line) for line in operator_lines(found.artifact)]
    if not lines:
        return None
    name = f"{day.book_id} {day.session}"
    return made(
        day,
        MessageKind.RISK_SUMMARY,
        (found.ref,),
        f"{name} risk: {lines[0]}",
        ([f"*{name}: what the regime did to sizes*"], lines),
    )
