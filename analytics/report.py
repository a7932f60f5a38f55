"""A day is one page: what was seen, decided, done and earned, in the order in which it happened.

A function of the day's artifacts and nothing else: the same day gives the same bytes. A stage that left no
artifact is named as absent; the page never fails for it. It lies outside every seal.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from analytics import report_book, report_tables
from analytics.report_chart import Chart, equity_chart
from analytics.report_facts import DayFacts, Table, money, percent
from schemas.reasons.analytics import AttributionCode, TradeCode

__all__ = ["DayFacts", "Page", "page_of", "render", "render_page"]
TABLES: Final[tuple[Callable[[DayFacts], Table], ...]] = (
    report_tables.regime,
    report_tables.market,
    report_tables.candidates,
    report_tables.decisions,
    report_tables.entries,
    report_tables.posture,
    report_book.positions,
    report_tables.stops,
    report_tables.trips,
    report_book.exposure,
    report_book.strategies,
    report_book.exit_reasons,
    report_book.risk_reasons,
    report_tables.profit,
    report_book.reconciliation,
    report_tables.checks,
)
"""In the order of the day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A finished drawing. source: a data URI, so that the page needs nothing beside itself."""

    source: str
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What any page of ours is made of, from its head down."""

    title: str
    lines: Sequence[str]
    alarms: Sequence[str]
    tables: Sequence[Table]
    tiles: Sequence[tuple[str, str, str]] = ()
    """Name, value, and where the value is from (a link; empty: nowhere)."""
    charts: Sequence[Chart] = ()
    series: str = ""
    """Where the drawings are from."""
    figure: Figure | None = None


def render(day: DayFacts) -> str:
    """The page of *day*."""
    return render_page(page_of(day))


def page_of(day: DayFacts) -> Page:
    """What the page of *day* is made of."""
    return Page(
        title=f"{day.book_id} {day.session_date.isoformat()}",
        lines=_lines(day),
        alarms=_alarms(day),
        tiles=_tiles(day),
        charts=[] if (chart := equity_chart(day.history, day.labels)) is None else [chart],
        series="snapshot.json" if day.snapshot is not None else "",
        tables=[table(day) for table in TABLES],
    )


def render_page(page: Page) -> str:
    """One self-contained HTML page: no outside resource, readable in light and dark; its script only sorts."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    template = environment.from_string(
        files("analytics").joinpath("report.html.j2").read_text(encoding="utf-8")
    )
    return template.render(page=page)


def _lines(day: DayFacts) -> list[str]:
    lines = []
    if day.regime is not None:
        label = day.regime.label or "no label"
        lines.append(f"Regime at the close of {day.regime.data_session.isoformat()}: {label}")
    if day.decisions is not None and (made := day.decisions.modulation) is not None:
        lines.append(
            f"Risk modulation {made.policy}: quantities times {made.risk.normalize():f}, "
            f"counts times {made.new_positions.normalize():f}"
        )
    if day.seal is not None:
        lines.append(f"Seal {day.seal}")
    return lines


def _alarms(day: DayFacts) -> list[str]:
    """What a person must look at, in words."""
    alarms = []
    if day.market is not None and day.market.blocked:
        codes = ", ".join(sorted({finding.code for finding in day.market.findings}))
        alarms.append(f"The data contract blocked new entries: {codes}")
    for name, proof in (("Snapshot", day.snapshot), ("Attribution", day.attribution)):
        if proof is not None and not proof.complete:
            alarms.append(f"{name} is not complete: {', '.join(f.code for f in proof.findings)}")
    for finding in day.attribution.findings if day.attribution is not None else ():
        if finding.code == AttributionCode.ANALYTICS_FAILED:
            alarms.append(f"{finding.code} {finding.subject}: {finding.detail}")
    for finding in day.trades.findings if day.trades is not None else ():
        if finding.code == TradeCode.SHARES_WITHOUT_FILL:
            shares = f"{finding.threshold} shares, then {finding.observed}"
            alarms.append(f"Shares came or left without a fill: {finding.detail} ({shares})")
    for name, check in (("Reconciliation", day.reconciliation), ("Parity", day.parity)):
        if check is not None and check.status in ("DIFFERENT", "UNKNOWN"):
            alarms.append(f"{name}: {check.status.lower()}")
    return alarms


def _tiles(day: DayFacts) -> list[tuple[str, str, str]]:
    now = day.snapshot
    if now is None:
        return []
    return [
        (name, value, f"snapshot.json#/{pointer}")
        for name, value, pointer in (
            ("Equity", money(now.equity), "equity"),
            ("Return", percent(now.session_return), "session_return"),
            ("Drawdown", percent(now.drawdown), "drawdown"),
            ("Cash", money(now.cash), "cash"),
            ("Gross exposure", percent(now.exposure.gross_fraction), "exposure/gross_fraction"),
            ("Realised net", money(now.pnl_session.realised_net), "pnl_session/realised_net"),
            ("Unrealised change", money(now.pnl_session.unrealised), "pnl_session/unrealised"),
            ("Positions", str(len(now.positions)), "positions"),
        )
    ]
