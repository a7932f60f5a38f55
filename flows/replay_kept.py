"""A verdict on a recomputed day is kept beside the days, with what each category counted then and the time before."""

from collections import Counter
from datetime import date
from typing import Any

from flows.house import House
from flows.replay import Replayed
from ledger import layout
from ledger.canonical import Malformed, line_bytes, parse_canonical_line


def save(house: House, verdict: Replayed) -> str:
    """Keep the verdict beside the days, outside every seal; returns its path."""
    path = layout.replay(verdict.book_id, date.fromisoformat(verdict.session))
    rows = [
        {
            "category": each.category,
            "safety": each.safety,
            "file": each.file,
            "pointer": each.pointer,
            "expected": _shown(each.expected),
            "actual": _shown(each.actual),
        }
        for each in verdict.divergences
    ]
    body = {
        "book_id": verdict.book_id,
        "session_date": verdict.session,
        "files": verdict.files,
        "identical": verdict.identical,
        "same_build": verdict.same_build,
        "taken": list(verdict.taken),
        "divergences": rows,
        "counts": _counts(house, path, verdict),
    }
    house.disk.write(path, line_bytes(body))
    return path


def _counts(house: House, path: str, verdict: Replayed) -> dict[str, dict[str, int]]:
    """Divergences by category: of this recomputation, and of the one of the same day that was kept before it."""
    now = Counter(each.safety.value for each in verdict.divergences if each.safety is not None)
    before: Counter[str] = Counter()
    if house.disk.exists(path):
        try:
            kept = parse_canonical_line(house.disk.read(path))
        except Malformed:
            kept = {}  # a verdict is outside every seal, and an unreadable one counts nothing
        before.update(str(row["safety"]) for row in kept.get("divergences", ()) if row.get("safety"))
    return {name: {"now": now[name], "before": before[name]} for name in sorted({*now, *before})}


def _shown(value: Any) -> Any:
    return value if isinstance(value, (str, int, bool, type(None))) else str(value)[:400]
