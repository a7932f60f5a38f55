"""What a morning blocked, told to people in a few lines: where decisions bind, and where the whole book is shut.

Where they do not bind, a refused entry is a full book's ordinary day, and nobody is called for it.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from flows.day import Day
from flows.messages.made import clipped
from flows.summary import escaped
from ledger.artifacts import Loaded
from schemas.enforcement import Enforcement, RefusedEntry
from schemas.ids import content_id
from schemas.outbox import HEADLINE_CHARS_MAX, Message, MessageKind

SYMBOLS_TOLD: Final = 8
"""Symbols named of each code; the rest are in the file."""


def blocked_summary(day: Day) -> Message | None:
    """The message about *day*'s ``enforcement.json``; None if nobody needs to hear of it, or there is none.

    A morning without a file is told by the scan's summary and by the stage that refused.
    """
    found = day.read("enforcement.json", Enforcement)
    if not isinstance(found, Loaded):
        return None
    made, ref = found.artifact, found.ref
    book = [finding for row in made.book_gates for finding in row.findings]
    if not book and not (made.refused and made.decision_enforced):
        return None
    kind = MessageKind.ENTRIES_BLOCKED
    bound = "decisions bind" if made.decision_enforced else "decisions do not bind"
    name = f"{day.book_id} {day.session}"
    text = f"{name}: {len(made.refused)} entries blocked, {len(made.authorised)} authorised; {bound}"
    shut = [f"*book*: `{f.code}` {escaped(f.detail)}".rstrip() for f in book]
    passed = ", ".join(escaped(row.symbol) for row in made.authorised[:SYMBOLS_TOLD])
    tail = [f"authorised: {passed}" if passed else "*nothing was authorised*"]
    sections = ([f"*{name}: entries blocked*, {bound}"], shut, by_code(made.refused), tail)
    return Message(
        id=content_id("msg_", day.book_id, day.session, kind.value, [ref.path, ref.sha256]),
        kind=kind,
        book_id=day.book_id,
        session_date=day.session,
        sources=(ref,),
        text=text[:HEADLINE_CHARS_MAX],
        blocks=tuple(clipped(lines) for lines in sections if lines),
    )


def by_code(refused: Iterable[RefusedEntry]) -> list[str]:
    """One line for each code, the most frequent first: how many, and the best ranked of them."""
    rows: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in refused:
        rows[row.code, row.gate].append(row.symbol)
    lines = []
    for (code, gate), symbols in sorted(rows.items(), key=lambda item: (-len(item[1]), item[0])):
        named = ", ".join(escaped(symbol) for symbol in symbols[:SYMBOLS_TOLD])
        more = f" and {len(symbols) - SYMBOLS_TOLD} more" if len(symbols) > SYMBOLS_TOLD else ""
        lines.append(f"{len(symbols)} `{code}` ({gate}): {named}{more}")
    return lines
