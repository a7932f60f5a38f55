"""Commands that read: why, chart, show, status, verify, reconcile. None of them sends anything."""

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

from flows import console
from flows.commands.options import Book, Home, Json, On, as_date, dated, drawing_kind, house
from schemas.errors import Corrupt, UsageFault
from schemas.reasons.edge import EdgeCode
from schemas.reasons.ledger import ReadFaultCode

if TYPE_CHECKING:
    from ledger.check import Fault

First = Annotated[
    date | None,
    typer.Option(
        "--from", parser=as_date, metavar="YYYY-MM-DD", help="First date; default the book's first."
    ),
]
Last = Annotated[
    date | None,
    typer.Option("--to", parser=as_date, metavar="YYYY-MM-DD", help="Last date; default the book's last."),
]

VIEWED: Final = "SIM"
"""The book whose morning is drawn when none is named: a drawing acts on nothing, so it may have a default."""


def register(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    for command in (why, chart, show, status, verify, reconcile):
        app.command(command.__name__)(command)


def why(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="A ticker, as in the store.")],
    book: Book,
    on: On,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Every verdict on a symbol in a session, stage by stage; the scan's measures are recomputed where it kept none.

    Example: `avwap why --book SIM --date 2016-06-01 AAPL`
    """
    from flows.day import past_day
    from flows.why import explain

    day = past_day(house(home), book, on)
    told = explain(day, symbol.upper())
    console.emit(told, as_json, lambda: _tell_why(told))


def _tell_why(told: dict[str, Any]) -> None:
    console.note(f"{told['symbol']} in {told['book']} on {told['session']}: {told['verdict']}")
    console.note(f"snapshot  {told['snapshot']}")
    if told["measured"]["has_bar_at_data_session"] is False:
        console.note(
            f"no bar    at {told['data_session']}: there is nothing to measure, and every measured gate fails"
        )
    console.OUT.print()
    for section in told["sections"]:
        console.rows(section["title"], section["rows"])


def chart(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="A ticker, as in the store.")],
    on: On,
    book: Book = VIEWED,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="A .svg or .png file; default SYMBOL-DATE.svg, here."),
    ] = None,
    bars: Annotated[int, typer.Option("--bars", min=1, max=520, help="How many of the last bars.")] = 120,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Draw a symbol as a session's scan saw it: candles, volume, each anchored VWAP, entry, stop and targets.

    Example: `avwap chart AAPL --date 2016-06-01 --out aapl.png`
    """
    from flows.chart import render
    from flows.day import past_day

    name = symbol.upper()
    file = out or Path(f"{name.replace('/', '_')}-{on}.svg")
    kind = drawing_kind(file, "nothing was drawn", f"name it {name}.svg, for instance")
    day = past_day(house(home), book, on)
    file.write_bytes(render(day, name, bars, kind))
    console.emit({"wrote": str(file)}, as_json, lambda: console.note(f"wrote    {file}"))


def show(
    file: Annotated[str, typer.Argument(metavar="FILE", help="An artifact, or a journal.")],
    as_json: Json = False,
) -> None:
    """Pretty-print an artifact or a journal. Of one that was revised it says which file stands now.

    Example: `avwap show ledger/SIM/2016-06-01/decisions.json`
    """
    from ledger.canonical import Malformed, parse_canonical, parse_canonical_line

    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise UsageFault(
            EdgeCode.FILE_UNREADABLE,
            f"{file}: {error.strerror}",
            safe="nothing was changed",
            next="give the path of an artifact, as ledger/SIM/2016-06-01/decisions.json",
        ) from error
    try:
        if file.endswith(".jsonl"):
            parsed: Any = [parse_canonical_line(line + b"\n") for line in data.split(b"\n") if line]
        else:
            parsed = parse_canonical(data)
    except Malformed as error:
        raise Corrupt(
            ReadFaultCode.CORRUPT,
            f"{file}: {error}",
            safe="nothing was changed",
            next="avwap verify names every fault of its book",
        ) from error
    later = _later_edition(file)
    if as_json:
        more = {} if later is None else {"superseded_by": later}
        console.emit({"file": file, "content": parsed, **more}, True, lambda: None)
        return
    console.OUT.print_json(json.dumps(parsed, ensure_ascii=False), highlight=console.OUT.is_terminal)
    if later is not None:  # beside the JSON, which a pipe may be reading
        console.ERR.print(f"note     {later} supersedes this file", highlight=False, markup=False)


def _later_edition(file: str) -> str | None:
    """The revision of *file* that stands now, if another does."""
    from ledger import layout

    if not file.endswith(".json"):
        return None
    first, number = layout.split_revision(file)
    later = None
    while Path(layout.revision(first, number + 1)).is_file():
        number += 1
        later = layout.revision(first, number)
    return later


def status(book: Book, home: Home = None, as_json: Json = False) -> None:
    """Whether it enters and why not, what ends that, positions and their cover, unknown orders, budgets, cycles, locks.

    Example: `avwap status --book SIM`
    """
    from flows.status import of_book

    body = of_book(house(home), book)

    def render() -> None:
        console.rows("Book", [body["book"]])
        console.notes(body["told"])
        console.OUT.print()
        console.fitted("Positions", body["positions"], ("targets", "strategy", "since"))
        console.rows("Orders that may be live", body["orders"])
        for title, name in (
            ("Orders of unknown fate", "unknown"),
            ("Symbols held up", "quarantine"),
            ("Circuits that are not closed", "breaker"),
        ):
            if body[name]:
                console.rows(title, body[name])
        console.rows("Budgets", body["budgets"])
        console.rows("Cycles", body["cycles"])
        console.rows("Switches", body["switches"])
        console.rows("Locks", body["locks"])
        if body["failed"]:
            console.rows("Measures that failed at the last close; nothing waits for them", body["failed"])
        if body["round_trips"]:
            console.fitted(
                "Positions closed last", body["round_trips"], ("whole", "exit bps", "strategy", "sessions")
            )
        for kept in body["evidence"]:
            console.note("EVIDENCE_REF " + " ".join(f"{name}={text}" for name, text in kept.items()))

    console.emit(body, as_json, render)


def verify(
    book: Book,
    first: First = None,
    last: Last = None,
    home: Home = None,
    as_json: Json = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Judge every schema again, whatever an earlier run found.")
    ] = False,
) -> None:
    """Check seals, chains, bytes, schemas and links of a book; name each fault with file and pointer.

    Example: `avwap verify --book SIM --from 2016-06-01 --to 2016-12-30`
    """
    from flows.audit import audit

    report, faults = audit(house(home), book, first, last, fresh=fresh, quiet=as_json)
    body = {
        "book": book,
        "sessions": len(report.sessions),
        "files": report.files,
        "bytes": report.bytes,
        "judged": report.judged,
        "unsealed": [str(each) for each in report.unsealed],
        "faults": [fault_dict(fault) for fault in faults],
    }

    def render() -> None:
        console.table(
            "Faults",
            ("code", "file", "pointer", "expected", "found", "detail"),
            ((f.code, f.path, f.pointer, _short(f.expected), _short(f.actual), f.detail) for f in faults),
        )
        console.note(
            f"{'FAULTY' if faults else 'sound'}    {len(report.sessions)} sessions, {report.files:,} files, "
            f"{report.bytes:,} bytes, {report.judged:,} schemas judged now, {len(report.unsealed)} sessions unsealed"
        )

    console.emit(body, as_json, render)
    raise typer.Exit(4 if faults else 0)


def fault_dict(fault: "Fault") -> dict[str, Any]:
    """A fault, for ``--json``."""
    return {
        "code": str(fault.code),
        "path": fault.path,
        "pointer": fault.pointer,
        "expected": fault.expected,
        "actual": fault.actual,
        "detail": fault.detail,
    }


def _short(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 24 else f"{text[:23]}…"


def reconcile(
    book: Book,
    on: Annotated[
        date | None,
        dated("A closed session; default: the broker now."),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Our positions, cash and stops beside the broker's: as they are now, or as of a session's close.

    Nothing is sent and nothing of the book is changed. Exit 3 if anything differs, or could not be read.

    Example: `avwap reconcile --book ALPACA_PAPER`, or `avwap reconcile --book SIM --date 2016-06-01`
    """
    if on is None:
        _reconcile_now(book, home, as_json)
    from flows.day import past_day
    from schemas.reconciliation import Reconciliation

    day = past_day(house(home), book, on)
    found = day.need("reconciliation", "reconciliation.json", Reconciliation).artifact
    body = found.model_dump(mode="json")

    def render() -> None:
        console.rows(
            "Positions",
            [
                {
                    "symbol": r.symbol,
                    "ours": "" if r.quantity_internal is None else f"{r.quantity_internal:f}",
                    "broker": "" if r.quantity_broker is None else f"{r.quantity_broker:f}",
                    "stops": "" if r.stop_quantity is None else f"{r.stop_quantity:f}",
                    "codes": ", ".join(r.codes),
                }
                for r in found.rows
            ],
        )
        broker = "unread" if found.cash_broker is None else f"{found.cash_broker:,.2f}"
        console.note(f"{found.status}: cash ours {found.cash_internal:,.2f}, broker {broker}")

    console.emit(body, as_json, render)
    raise typer.Exit(0 if found.status == "CLEAN" else 3)


def _reconcile_now(book: str, home: Path | None, as_json: bool) -> NoReturn:
    from flows.reconciling import is_clean, now_at

    told = now_at(house(home), book)

    def render() -> None:
        console.rows(f"{book} beside its broker", told["rows"])
        console.note(f"as of    {told['as_of']}")
        cash = told["cash"]
        console.note(f"cash     ours {cash['ours']}, broker {cash['broker'] or 'unread'}: {cash['status']}")
        for due in told["due"]:
            console.note(f"due      {due}: the next cycle books it")
        for symbol in told["uncovered"]:
            console.note(
                f"no stop  {symbol}: fewer shares are in working sells than are held; the next cycle covers them"
            )
        for name, cause in told["unread"].items():
            console.note(f"unread   {name}: {cause}; a failed read is no empty one")

    console.emit(told, as_json, render)
    raise typer.Exit(0 if is_clean(told) else 3)
