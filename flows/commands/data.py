"""Bringing market data in, and judging it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows import console
from flows.commands import check, fetch
from flows.commands.options import Home, Json, On, house
from schemas.errors import UsageFault
from schemas.reasons.edge import EdgeCode

if TYPE_CHECKING:
    from flows.house import House
    from market.imports import ImportReport

app = typer.Typer(no_args_is_help=True, help="Bring bars in, judge them, name a snapshot.")
check.register(app)
fetch.register(app)
KINDS = ("bars", "actions", "membership", "sectors", "earnings", "restatements")
INSTANTS = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"]


def bring_in(
    at: "House", file: str, kind: str, known_at: datetime | None, *, as_json: bool, quiet: bool
) -> "ImportReport":
    """Import *file* with a progress bar. Errors: ``UsageFault``, and then nothing has changed."""
    from flows.progress import bar
    from market.fact_imports import import_facts, import_restatements
    from market.imports import import_bars
    from schemas.market import FactKind

    if known_at is not None and known_at.tzinfo is None:
        known_at = known_at.replace(tzinfo=UTC)  # as the option's help says, whatever zone this machine is in
    if kind in tuple(FactKind):
        with bar(f"importing {Path(file).name}", 1, quiet=quiet):
            return import_facts(at.root, Path(file), FactKind(kind), known_at=known_at)
    with bar(f"importing {Path(file).name}", 100, quiet=as_json or quiet) as step:

        def told(done: int, total: int) -> None:
            step(int(100 * done / total) if total else 100, f"{done:,} of {total:,} rows")

        if kind == "restatements":
            return import_restatements(at.root, Path(file), progress=told)
        return import_bars(at.root, Path(file), known_at=known_at, progress=told)


@app.command("import")
def import_(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="A CSV or Parquet file; of bars: symbol, date, open, high, low, close, volume.",
        ),
    ],
    kind: Annotated[str, typer.Option("--kind", help=f"{', '.join(KINDS)}.")] = "bars",
    known_at: Annotated[
        datetime | None,
        typer.Option(
            "--known-at",
            formats=INSTANTS,
            metavar="INSTANT",
            help="Instant at which rows that do not say it became known; UTC unless it has an offset.",
        ),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Import bars, or facts beside them. Rows are kept as received; the data contract judges them per session.

    Example: `avwap data import us_daily.parquet`

    Example: `avwap data import --kind membership sp500_membership_intervals.csv`
    """
    if kind not in KINDS:
        raise UsageFault(
            EdgeCode.USAGE,
            f"--kind {kind}: the kinds are {', '.join(KINDS)}",
            safe="the store is unchanged",
            next="choose one of them",
        )
    if kind == "restatements" and known_at is not None:
        raise UsageFault(
            EdgeCode.USAGE,
            "--known-at does not go with --kind restatements: its rows say since when (file_date_later)",
            safe="the store is unchanged",
            next="leave --known-at out, or import whole corrected bars with it",
        )
    at = house(home)
    report = bring_in(at, file, kind, known_at, as_json=as_json, quiet=as_json)
    console.emit(report_dict(report), as_json, lambda: _tell_import(report))


def report_dict(report: "ImportReport") -> dict[str, Any]:
    """An import's report, for ``--json``."""
    return {
        "kind": report.kind,
        "rows_read": report.rows_read,
        "rows_added": report.rows_added,
        "rows_present": report.rows_present,
        "symbols": report.symbols,
        "first": str(report.first),
        "last": str(report.last),
        "columns_ignored": list(report.columns_ignored),
        "set_aside": [{"reason": str(r), "rows": n, "examples": list(e)} for r, n, e in report.set_aside],
    }


def _tell_import(report: "ImportReport") -> None:
    console.note(
        f"read {report.rows_read:,} {report.kind} rows of {report.symbols:,} symbols, {report.first} to {report.last}: "
        f"{report.rows_added:,} added, {report.rows_present:,} were there already"
    )
    if report.columns_ignored:
        console.note(f"ignored columns: {', '.join(report.columns_ignored)}")
    if report.set_aside:
        console.table(
            "Set aside",
            ("reason", "rows", "for example"),
            ((r, n, ", ".join(e)) for r, n, e in report.set_aside),
        )


@app.command("snapshot")
def snapshot(on: On, home: Home = None, as_json: Json = False) -> None:
    """Name what was known on the morning of a session: the data version that its artifacts carry.

    Example: `avwap data snapshot --date 2016-06-01`
    """
    from flows.day import open_day

    at = house(home)
    panel = at.panel(open_day(at, "SIM", on).session)
    rows = int((panel.hi - panel.lo).sum())
    body = {
        "session": str(on),
        "data_version": panel.data_version,
        "symbols": len(panel.symbols),
        "rows": rows,
        "first": str(panel.sessions[0]),
        "last": str(panel.data_session),
    }
    console.emit(
        body, as_json, lambda: console.rows("Market snapshot", [{k: str(v) for k, v in body.items()}])
    )
