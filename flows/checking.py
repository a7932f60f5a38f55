"""Bars are judged before they are believed: a whole file without importing it, or one morning of the store.

A file goes into a temporary store, and the data contract judges the morning after each of its sessions, in one
pass over them. Nothing of the data root is read for it but the settings, so that a file is judged alike everywhere.
"""

import hashlib
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flows.day import Day
from flows.house import House
from flows.stages import premarket
from ledger import layout
from ledger.canonical import artifact_bytes, plain
from ledger.disk import LocalDisk
from schemas.check import CheckReport, RowsSetAside
from schemas.errors import UsageFault
from schemas.header import Finding
from schemas.reasons.market import MarketFault

if TYPE_CHECKING:
    from market.imports import ImportReport
    from market.tally import Tally
    from schemas.base import SessionDate

CHECKS: Final = "checks"
"""Folder of the market store that reports go to; nothing reads them back."""
DAYS_SHOWN: Final = 60
Progress = Callable[[int, int, str], None]
"""Told (done, in all, what is at hand)."""


def check_file(house: House, path: Path, actions: Path | None, progress: Progress) -> CheckReport:
    """Judge the file *path*, with the corporate actions of the file *actions* if there is one.

    Errors: ``UsageFault`` as an import's, and IMPORT_UNREADABLE for a file without one usable row.
    """
    from market.contract import ContractInputs, judge
    from market.fact_imports import import_facts
    from market.imports import import_bars
    from market.panel import load_panel
    from market.sidecar import open_sidecar
    from market.store import BarStore
    from market.tally import Tally
    from schemas.market import FactKind

    with tempfile.TemporaryDirectory(prefix="avwap-check-") as folder:
        root = Path(folder)
        took = import_bars(root, path, progress=lambda done, total: progress(done, total, "rows"))
        if took.first is None or took.last is None:
            raise UsageFault(
                MarketFault.IMPORT_UNREADABLE,
                f"{path.name} has {took.rows_read:,} rows, and none with a usable symbol and date",
                safe="nothing was written",
                next="avwap data check --help names the columns that a file needs",
            )
        if actions is not None:
            import_facts(root, actions, FactKind.ACTIONS)
        store = BarStore(root)
        sidecar = open_sidecar(store, house.calendar)
        mornings = _mornings(house, path, took)
        tally = Tally(sidecar.symbols)
        for done, morning in enumerate(mornings, 1):
            panel = load_panel(
                store, house.calendar, morning, benchmark=house.settings.benchmark, sidecar=sidecar
            )
            inputs = ContractInputs(panel=panel, calendar=house.calendar, simulated=True)
            tally.add(panel, judge(inputs, house.settings.contract))
            progress(done, len(mornings), f"the morning of {morning}")
    aside = tuple(RowsSetAside(reason=r, rows=n, examples=e) for r, n, e in took.set_aside)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    made = _report(house, tally, path.name, digest, rows=took.rows_read, symbols=took.symbols)
    return made.model_copy(update={"columns_ignored": took.columns_ignored, "set_aside": aside})


def check_morning(day: Day) -> CheckReport:
    """The one morning of *day*, judged on the store as it was known then."""
    from market.contract import ContractInputs, judge
    from market.tally import Tally

    house, panel = day.house, day.house.panel(day.session)
    inputs = ContractInputs(
        panel=panel,
        calendar=house.calendar,
        simulated=day.book_id in premarket.SIMULATED,
    )
    tally = Tally(panel.symbols)
    tally.add(panel, judge(inputs, house.settings.contract))
    rows = int((panel.hi - panel.lo).sum())
    subject = f"the store on the morning of {day.session}"
    return _report(house, tally, subject, panel.data_version, rows=rows, symbols=len(panel.symbols))


def _mornings(house: House, path: Path, took: "ImportReport") -> "list[SessionDate]":
    """The morning after each session of the file that a panel can be made for."""
    from market.panel import SESSIONS_BACK

    assert took.first is not None, "a file with rows has a first date"
    assert took.last is not None, "and a last one"
    calendar = house.calendar
    found = [
        calendar.next(each)
        for each in calendar.sessions(took.first, took.last)
        if (calendar.index(each) or 0) >= SESSIONS_BACK
    ]
    if not found:
        raise UsageFault(
            MarketFault.CALENDAR_OUT_OF_RANGE,
            f"{path.name} holds {took.first} to {took.last}: no session that the calendar knows {SESSIONS_BACK} before",
            safe="nothing was written",
            next=f"choose a file with sessions from {calendar.at(SESSIONS_BACK)} on",
        )
    return found


def _report(
    house: House, tally: "Tally", subject: str, digest: str, *, rows: int, symbols: int
) -> CheckReport:
    return CheckReport(
        subject=subject,
        sha256=digest,
        rows=rows,
        symbols=symbols,
        first=tally.first,
        last=tally.last,
        mornings=tally.mornings,
        config_sha256=house.config_sha256,
        codes=tally.codes(),
        days=tuple(tally.days),
        infos=tally.infos(),
        found=tally.found(),
    )


def keep(house: House, report: CheckReport, name: str, out: Path | None) -> list[str]:
    """Write *report* as JSON and as Markdown, into *out* or the data root; returns both paths."""
    folder = LocalDisk(out) if out is not None else house.disk
    before = "" if out is not None else f"{layout.market(CHECKS)}/"
    root = out if out is not None else house.root
    files = {"json": artifact_bytes(plain(report)), "md": as_markdown(report).encode()}
    for suffix, data in files.items():
        folder.write(f"{before}{name}.{suffix}", data)
    return [str(root / f"{before}{name}.{suffix}") for suffix in files]


def as_markdown(report: CheckReport) -> str:
    """The report for a person: the verdict first, then days, codes and what was set aside."""
    verdict = (
        f"**{len(report.days)} of {report.mornings} mornings would be blocked for entries.**"
        if report.days
        else f"None of {report.mornings} mornings would be blocked."
    )
    judged = f"{report.rows:,} rows of {report.symbols:,} symbols; the mornings after {report.first} to {report.last}."
    lines = [
        f"# Check of {report.subject}",
        "",
        f"{judged} {verdict}",
        "",
        f"sha256 or data version `{report.sha256}`, configuration `{report.config_sha256[:12]}`.",
        "Q takes a symbol out of the entries of a morning, W warns; `runbooks/codes-market.md` explains each code.",
    ]
    if report.columns_ignored:
        lines += ["", f"Ignored columns: {', '.join(report.columns_ignored)}."]
    lines += _table(
        "Set aside",
        ("reason", "rows", "for example"),
        [(each.reason, f"{each.rows:,}", "; ".join(each.examples)) for each in report.set_aside],
    )
    days = day_rows(report)
    lines += _table(
        "Days", ("morning", "code", "subject", "observed", "threshold", "detail"), days[:DAYS_SHOWN]
    )
    if len(days) > DAYS_SHOWN:
        lines += ["", f"{len(days) - DAYS_SHOWN} more in the JSON file beside this one."]
    return "\n".join([*lines, *_table("Symbols", CODE_COLUMNS, code_rows(report)), ""])


CODE_COLUMNS: Final = ("code", "effect", "symbols", "liquid", "mornings", "symbol-mornings", "for example")


def code_rows(report: CheckReport) -> list[tuple[object, ...]]:
    """A row for each code and effect; an example names the defect's session, or the first morning it was seen."""
    return [
        (
            each.code,
            each.effect,
            f"{each.symbols:,}",
            f"{each.liquid:,}",
            f"{each.mornings:,}",
            f"{each.times:,}",
            ", ".join(f"{row.symbol} {row.latest or row.first}" for row in each.examples),
        )
        for each in report.codes
    ]


def day_rows(report: CheckReport) -> list[tuple[object, ...]]:
    """A row for each finding that blocks, with the mornings that it was the same on; then what only informs."""
    same: dict[Finding, list[date]] = {}
    for day in report.days:
        for finding in day.findings:
            about_itself = finding.subject == str(day.session_date)
            key = finding.model_copy(update={"subject": "the morning"}) if about_itself else finding
            same.setdefault(key, []).append(day.session_date)
    rows: list[tuple[object, ...]] = [
        (_span(on), f.code, f.subject, f.observed, f.threshold, f.detail) for f, on in same.items()
    ]
    infos = [
        (f"{f.observed} mornings", f.code, f.subject, None, None, f"blocks nothing: {f.detail}")
        for f in report.infos
    ]
    return [*rows, *infos]


def _span(mornings: list[date]) -> str:
    if len(mornings) == 1:
        return str(mornings[0])
    return f"{mornings[0]} to {mornings[-1]}, {len(mornings)} mornings"


def _table(title: str, columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> list[str]:
    """The lines of a Markdown table; of an empty one, that there is nothing."""
    if not rows:
        return ["", f"## {title}", "", "Nothing."]
    cells = [["-" if c is None or c == "" else str(c).replace("|", "\\|") for c in row] for row in rows]
    body = ["| " + " | ".join(row) + " |" for row in [list(columns), ["---"] * len(columns), *cells]]
    return ["", f"## {title}", "", *body]
