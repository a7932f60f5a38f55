"""``avwap reliability``: how long things were unknown, uncovered or held back in one week, and out of how many."""

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows import console
from flows.commands.options import Book, Home, Json, house

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flows.reliability import Measured
    from ledger.artifacts import Written
    from schemas.reliability import Rate, Reliability, Spread

Row = tuple[object, ...]


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command("reliability")(reliability)


def _monday(text: str) -> date:
    from flows.reliability import monday_of

    try:
        return monday_of(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no week; the forms are 2026-W13 and 2026-03-27") from None


def reliability(
    week: Annotated[
        date,
        typer.Option("--week", parser=_monday, metavar="WEEK", help="An ISO week, 2026-W13, or a day in it."),
    ],
    book: Book = "SIM",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Count one week of a book's journals; the file is written when the last session of the week is sealed.

    Example: `avwap reliability --book ALPACA_PAPER --week 2026-W13`
    """
    from flows.reliability import keep, measure
    from ledger.canonical import plain

    at = house(home)
    measured = measure(at, book, week)
    written = keep(at, measured)
    body: dict[str, Any] = {
        "book": book,
        "week": measured.reliability.week,
        "file": None if written is None else written.path,
        "status": "printed" if written is None else written.status,
        "waits_for": [str(each) for each in measured.waits_for],
        "reliability": plain(measured.reliability),
    }
    console.emit(body, as_json, lambda: _tell(measured, written))


def _tell(measured: "Measured", written: "Written | None") -> None:
    found = measured.reliability
    for title, columns, rows in (
        ("Unknown orders, seconds", _SPREAD, _unknown(found)),
        ("Per cycle", _SPREAD, _per_cycle(found)),
        ("Ratios", ("what", "numerator", "denominator", "ratio"), _ratios(found)),
        ("Posture, active seconds", ("posture", "cause", "seconds", "of", "share"), _postures(found)),
        ("Counts", ("what", "which", "count"), _counted(found)),
    ):
        console.table(title, columns, rows, right=tuple(set(columns) - _TEXT))
    gaps = found.gaps
    console.note(
        f"uncovered {gaps.sum_s:,.2f} s in all, {gaps.max_s:,.2f} s the longest gap, "
        f"{gaps.positions} positions, {gaps.open} open"
    )
    ran = found.cycles
    first, last = found.sessions[0], found.sessions[-1]
    console.note(f"cycles    {ran.began:,} began, {ran.ended:,} ended, {ran.missed:,} missed")
    console.note(f"sessions  {len(found.sessions)} of {measured.book_id}, {first} to {last}")
    if written is None:
        waiting = ", ".join(str(each) for each in measured.waits_for)
        console.note(f"printed   only: {waiting} not sealed yet; the week's file is written after that")
    else:
        console.note(f"{written.status:<9} {written.path}")


_SPREAD = ("what", "count", "sum", "mean", "p95", "max", "open")
_TEXT = {"what", "which", "of", "posture", "cause"}


def _spread(name: str, of: "Spread", open_: int | None = None) -> Row:
    return (name, of.count, _number(of.sum), _number(of.mean), _number(of.p95), _number(of.max), open_)


def _unknown(found: "Reliability") -> "Iterator[Row]":
    for row in (found.ambiguity, *found.ambiguity_by_leg):
        name = "all legs" if row is found.ambiguity else f"leg {row.leg or 'not known'}"
        yield _spread(f"{name}, by the clock", row.wall, row.open)
        yield _spread(f"{name}, regular session", row.active, row.open)


def _per_cycle(found: "Reliability") -> "Iterator[Row]":
    yield _spread("intents unknown at its end", found.surface.intents)
    yield _spread("symbols unknown at its end", found.surface.symbols)
    yield _spread("requests to the broker", found.cycles.requests)


def _ratios(found: "Reliability") -> "Iterator[Row]":
    yield _rate("replaces with an ambiguous point", found.replaces.ambiguous)
    yield _rate("replaces given up", found.replaces.gave_up)
    yield _rate("attempts at an entry refused", found.denied)
    yield _rate("attempts refused or reduced by posture or lifecycle", found.clamped)
    yield _rate("comparisons of positions that agreed", found.in_sync)


def _rate(name: str, of: "Rate") -> Row:
    return (name, f"{of.numerator:,}", f"{of.denominator:,}", None if of.value is None else f"{of.value:.2%}")


def _postures(found: "Reliability") -> "Iterator[Row]":
    for row in found.postures:
        name, seconds, total, share = _rate(row.posture, row.seconds)
        yield (name, row.cause or None, seconds, total, share)


def _counted(found: "Reliability") -> "Iterator[Row]":
    for each in found.divergences:
        yield ("divergence", f"{each.category}, {each.distinct} distinct", each.found)
    for count in found.replaces.terminals:
        yield ("replace ended", count.name, count.count)
    for clamp in found.clamps:
        yield (
            "entry clamp",
            f"{clamp.reason}: {clamp.refused} refused, {clamp.reduced} reduced",
            clamp.refused + clamp.reduced,
        )
    for denial in found.denials:
        yield (
            "entry denied",
            " ".join(filter(None, (denial.phase, denial.gate, denial.code))),
            denial.entries,
        )
    for moved in found.transitions:
        yield ("lifecycle", f"{moved.before} -> {moved.after} {moved.reason}", moved.count)
    for move in found.illegal:
        yield ("illegal transition", f"{move.event} in {move.state}", move.count)
    for count in found.contradictions:
        yield ("contradiction", count.name, count.count)
    for orphan in found.orphans:
        yield ("orphan", f"{orphan.action} {orphan.code}", orphan.count)
    for count in found.syncs:
        yield ("sync", count.name, count.count)


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:,.2f}"
