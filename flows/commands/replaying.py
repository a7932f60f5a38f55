"""``avwap replay``: one session, a range, or a whole book, recomputed from its recordings and compared byte by byte."""

from collections import Counter
from datetime import date
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from flows import console
from flows.commands.look import First, Last, fault_dict
from flows.commands.options import Book, Home, Json, dated, house
from schemas.errors import UsageFault
from schemas.reasons.edge import EdgeCode

if TYPE_CHECKING:
    from flows.house import House
    from flows.replay_range import ReplayedRange
    from ledger.check import Fault
    from ledger.verify import Report

SHOWN_MAX: Final = 40
"""Divergences that a person is shown; ``--json`` has all of them."""
VALUE_MAX: Final = 60


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command("replay")(replay)


def replay(
    book: Book,
    on: Annotated[date | None, dated("One session; default: the whole range.")] = None,
    first: First = None,
    last: Last = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, max=32, help="Processes; default: one for each core.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Recompute sealed sessions from their recordings and compare every byte; a range is verified too.

    Without a date: every sealed session of the book. Exit 4 if a byte differs.

    Example: `avwap replay --book SIM --date 2016-06-01`, or `avwap replay --book SIM --from 2016-01-04 --to 2016-12-30`
    """
    at = house(home)
    if on is None:
        _range(at, book, first, last, jobs, as_json)
        return
    if first is not None or last is not None:
        raise UsageFault(
            EdgeCode.USAGE,
            "--date names one session, --from and --to name a range",
            safe="nothing was recomputed",
            next="give the one or the other",
        )
    _session(at, book, on, as_json)


def _session(at: "House", book: str, on: date, as_json: bool) -> None:
    from flows.commands.run import result_dict, tell_replay
    from flows.day import past_day, sealed
    from flows.replay import replay as recompute
    from flows.replay_kept import save
    from flows.run import SessionResult

    day = past_day(at, book, on)
    verdict = recompute(at, day)
    path = save(at, verdict)
    result = SessionResult(day=day, seal=sealed(day), replayed=verdict)

    def render() -> None:
        tell_replay(result)
        console.note(f"wrote    {path}")

    console.emit({**result_dict(result), "wrote": path}, as_json, render)
    raise typer.Exit(result.exit_code)


def _range(
    at: "House", book: str, first: date | None, last: date | None, jobs: int | None, as_json: bool
) -> None:
    from flows.audit import audit
    from flows.progress import bar
    from flows.replay_range import ReplayedRange, Verdict, chosen, jobs_for, replay_range

    sessions, unsealed = chosen(at, book, first, last)
    processes = jobs_for(jobs, len(sessions))
    began, done = perf_counter(), 0
    with bar("recomputing", len(sessions), quiet=as_json) as step:

        def told(verdict: Verdict) -> None:
            nonlocal done
            done += 1
            step(done, verdict.session)

        verdicts = replay_range(at, book, sessions, processes, told)
    seconds = perf_counter() - began
    found = ReplayedRange(verdicts=verdicts, unsealed=unsealed, jobs=processes)
    report, faults = audit(at, book, sessions[0], sessions[-1], fresh=False, quiet=as_json)
    body = range_dict(book, found, faults)
    console.emit(body, as_json, lambda: _tell(found, report, faults, seconds))
    raise typer.Exit(max(found.exit_code, 4 if faults else 0))


def range_dict(book: str, found: "ReplayedRange", faults: "tuple[Fault, ...]") -> dict[str, Any]:
    """A range's verdict, for ``--json``."""
    return {
        "book": book,
        "sessions": len(found.verdicts),
        "files": sum(each.files for each in found.recomputed),
        "identical": len(found.recomputed) - len(found.diverged),
        "diverged": [each.session for each in found.diverged],
        "divergences": _divergences(found),
        "refused": [
            {"session": each.session, "error": each.code, "why": each.why, "next": each.next}
            for each in found.refused
        ],
        "unsealed": [each.isoformat() for each in found.unsealed],
        "faults": [fault_dict(each) for each in faults],
        "jobs": found.jobs,
    }


def _divergences(found: "ReplayedRange") -> list[dict[str, Any]]:
    return [
        {
            "session": verdict.session,
            "category": each.category,
            "safety": each.safety,
            "file": each.file,
            "pointer": each.pointer,
            "expected": each.expected,
            "actual": each.actual,
        }
        for verdict in found.recomputed
        for each in verdict.divergences
    ]


def _tell(found: "ReplayedRange", report: "Report", faults: "tuple[Fault, ...]", seconds: float) -> None:
    rows = _divergences(found)
    names = ("session", "category", "safety", "file", "pointer", "expected", "actual")
    if rows:
        console.table(
            "Divergences",
            names,
            (
                [str("" if row[name] is None else row[name])[:VALUE_MAX] for name in names]
                for row in rows[:SHOWN_MAX]
            ),
        )
        by_category = Counter(str(row["safety"] or row["category"]) for row in rows)
        counted = ", ".join(f"{name} {count}" for name, count in sorted(by_category.items()))
        console.note(f"in all    {len(rows):,}: {counted}; the replay's file of each session has them")
    if found.refused:
        refusals = [(each.session, each.code, each.why, each.next) for each in found.refused]
        console.table("Not recomputed", ("session", "code", "why", "next"), refusals[:SHOWN_MAX])
    for fault in faults[:SHOWN_MAX]:
        console.note(f"fault     {fault.code} {fault.path} {fault.pointer} {fault.detail}".rstrip())
    files = sum(each.files for each in found.recomputed)
    columns = ("sessions", "identical", "diverged", "not recomputed", "unsealed", "files", "faults")
    same = len(found.recomputed) - len(found.diverged)
    counts = (
        len(found.verdicts), same, len(found.diverged), len(found.refused), len(found.unsealed),
        f"{files:,}", len(faults),
    )  # fmt: skip
    console.table("Replay", columns, [counts], right=columns)
    word = "verified" if not (faults or found.exit_code) else "FAULTY"
    console.note(
        f"{word:<9} {len(found.verdicts)} sessions recomputed in {seconds:,.1f} s by {found.jobs} processes "
        f"({len(found.verdicts) / seconds:,.1f} a second); {report.bytes:,} bytes under their seals"
    )
