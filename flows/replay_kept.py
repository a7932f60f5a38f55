"""A verdict on a recomputed day is kept beside the days, with what each category counted then and the time before."""

from collections import Counter
from datetime import date
from typing import Any

from flows.house import House
from flows.replay import Replayed
from ledger import layout
from ledger.artifacts import Context, encode
from ledger.canonical import Malformed, digest, parse
from schemas.header import InputRef
from schemas.replay import ReplayDivergence, ReplayTally, ReplayVerdict


def artifact_of(verdict: Replayed, before: "Counter[str] | None" = None) -> ReplayVerdict:
    """The verdict as it is kept. *before*: divergences by category in the one that it replaces, if any."""
    earlier = Counter[str]() if before is None else before
    now = Counter(each.safety.value for each in verdict.divergences if each.safety is not None)
    return ReplayVerdict(
        files=verdict.files,
        identical=verdict.identical,
        same_build=verdict.same_build,
        taken=verdict.taken,
        divergences=tuple(
            ReplayDivergence(
                category=each.category,
                safety=each.safety,
                file=each.file,
                pointer=each.pointer,
                expected=_shown(each.expected),
                actual=_shown(each.actual),
            )
            for each in verdict.divergences
        ),
        counts={name: ReplayTally(now=now[name], before=earlier[name]) for name in sorted({*now, *earlier})},
    )


def save(house: House, verdict: Replayed) -> str:
    """Keep the verdict beside the days, outside every seal, in place of the one before; returns its path."""
    session = date.fromisoformat(verdict.session)
    path, seal = layout.replay(verdict.book_id, session), layout.manifest(verdict.book_id, session)
    ctx = Context(book_id=verdict.book_id, session_date=session, config_sha256=house.config_sha256)
    sealed = InputRef(path=seal, sha256=digest(house.disk.read(seal)))
    house.disk.write(path, encode(artifact_of(verdict, _before(house, path)), ctx, (sealed,)))
    return path


def _before(house: House, path: str) -> "Counter[str]":
    if not house.disk.exists(path):
        return Counter()
    try:
        kept = parse(house.disk.read(path))
    except Malformed:
        return Counter()  # a verdict is outside every seal, and an unreadable one counts nothing
    rows = kept.get("divergences") if isinstance(kept, dict) else None
    found = rows if isinstance(rows, list) else []
    return Counter(str(row["safety"]) for row in found if isinstance(row, dict) and row.get("safety"))


def _shown(value: Any) -> str | int | bool | None:
    return value if isinstance(value, (str, int, bool, type(None))) else str(value)[:400]
