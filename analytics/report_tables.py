"""Each stage of the day is one table, and a stage without an artifact is a table that says so."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from analytics import report_posture
from analytics.posture_history import History
from schemas.attribution import Attribution
from schemas.base import SessionDate
from schemas.book import Leg
from schemas.candidates import Candidates
from schemas.cycle import Execution, Stops
from schemas.decisions import Decisions
from schemas.enforcement import Enforcement
from schemas.header import Finding
from schemas.market import MarketObservation
from schemas.parity import Parity
from schemas.reconciliation import Reconciliation
from schemas.regime import Regime
from schemas.scan import Scan
from schemas.snapshot import Snapshot
from schemas.trades import Trades

NOTHING: Final = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFacts:
    """A day's artifacts as far as they exist. executions, stops: in the order of the cycles.

    posture: of this session alone. history: snapshots up to this one, oldest first. seal: digest of the day's manifest.
    """

    book_id: str
    session_date: SessionDate
    seal: str | None = None
    market: MarketObservation | None = None
    regime: Regime | None = None
    scan: Scan | None = None
    candidates: Candidates | None = None
    decisions: Decisions | None = None
    enforcement: Enforcement | None = None
    executions: Sequence[Execution] = ()
    stops: Sequence[Stops] = ()
    trades: Trades | None = None
    snapshot: Snapshot | None = None
    reconciliation: Reconciliation | None = None
    attribution: Attribution | None = None
    parity: Parity | None = None
    posture: History | None = None
    history: Sequence[Snapshot] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Text cells by row; numbers: the columns that are aligned as such."""

    title: str
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    numbers: frozenset[str] = frozenset()
    notes: Sequence[str] = ()


def money(amount: Decimal | None) -> str:
    """USD with two decimals and thousands apart."""
    return NOTHING if amount is None else f"{amount:,.2f}".replace("-", "−")


def percent(fraction: Decimal | float | None) -> str:
    """A fraction as per cent, two decimals."""
    return NOTHING if fraction is None else f"{fraction:.2%}".replace("-", "−")


def _plain(value: object) -> str:
    return NOTHING if value is None or value == "" else str(value)


def _codes(findings: Iterable[Finding]) -> str:
    return ", ".join(dict.fromkeys(finding.code for finding in findings)) or NOTHING


def _absent(title: str, name: str) -> Table:
    return Table(title=title, notes=(f"{name} was not written.",))


def market(day: DayFacts) -> Table:
    """How many symbols the data contract set aside, and why."""
    if day.market is None:
        return _absent("Market data", "observations/market.json")
    seen = day.market
    return Table(
        title="Market data",
        columns=("Code", "Effect", "Symbols", "Liquid"),
        rows=[(row.code, row.effect, f"{row.symbols:,}", f"{row.liquid:,}") for row in seen.counts],
        numbers=frozenset(("Symbols", "Liquid")),
        notes=(
            f"{seen.symbols:,} symbols, {seen.members:,} members, {seen.liquid_members:,} of them liquid.",
            f"{sum(len(group.symbols) for group in seen.quarantined):,} symbols are quarantined.",
        ),
    )


def regime(day: DayFacts) -> Table:
    """The label, its measures and the votes."""
    if day.regime is None:
        return _absent("Regime", "regime.json")
    found = day.regime
    measures = found.measures
    return Table(
        title="Regime",
        columns=("Label", "Confidence", "Volatility", "Drawdown", "Trend", "Breadth", "Reasons"),
        rows=[
            (
                _plain(found.label),
                _plain(found.confidence),
                percent(measures.vol20),
                percent(measures.drawdown63),
                percent(measures.trend),
                percent(measures.breadth),
                _codes(found.reasons),
            )
        ],
        numbers=frozenset(("Confidence", "Volatility", "Drawdown", "Trend", "Breadth")),
    )


def candidates(day: DayFacts) -> Table:
    """What the scan let through, strategy by strategy, best first."""
    if day.candidates is None:
        return _absent("Candidates", "candidates.json")
    notes = []
    if day.scan is not None:
        counts = day.scan.counts
        notes.append(
            f"{counts.scanned:,} scanned, {counts.full:,} in full, {counts.passed:,} passed every gate."
        )
    if day.candidates.reasons:
        notes.append(_codes(day.candidates.reasons))
    return Table(
        title="Candidates",
        columns=("Rank", "Symbol", "Strategy", "Tier", "Anchor", "Trend score", "Close", "USD a day"),
        rows=[
            (
                str(row.rank),
                row.symbol,
                row.strategy_id,
                row.tier or NOTHING,
                row.anchor or NOTHING,
                NOTHING if row.trend_score is None else f"{row.trend_score:.2f}".replace("-", "−"),
                money(row.close),
                f"{row.adv_usd20:,.0f}",
            )
            for row in day.candidates.candidates
        ],
        numbers=frozenset(("Rank", "Trend score", "Close", "USD a day")),
        notes=notes,
    )


def decisions(day: DayFacts) -> Table:
    """What the portfolio allowed of each intent."""
    if day.decisions is None:
        return _absent("Decisions", "decisions.json")
    batch = day.decisions.batch
    notes = [f"{batch.allowed} allowed, {batch.resized} resized, {batch.blocked} blocked."]
    if batch.codes:
        notes.append(f"No intent could be allowed: {', '.join(batch.codes)}.")
    return Table(
        title="Decisions",
        columns=("Symbol", "Strategy", "Verdict", "Wanted", "Allowed", "Notional", "Risk", "Reasons"),
        rows=[
            (
                row.symbol,
                row.strategy_id,
                row.verdict,
                _plain(row.q0),
                str(row.q2),
                money(row.notional),
                money(row.risk),
                _codes(row.reasons),
            )
            for row in day.decisions.verdicts
        ],
        numbers=frozenset(("Wanted", "Allowed", "Notional", "Risk")),
        notes=notes,
    )


def entries(day: DayFacts) -> Table:
    """What became of every entry: refused by a gate, denied in a cycle, or sent."""
    rows: list[tuple[str, ...]] = []
    if day.enforcement is not None:
        rows += [(r.symbol, "refused", str(r.quantity), NOTHING, r.code) for r in day.enforcement.refused]
    for cycle in day.executions:
        rows += [(r.symbol, "denied", NOTHING, NOTHING, r.code) for r in cycle.denied]
        rows += [
            (
                line.symbol,
                line.state.lower(),
                f"{line.filled} of {line.quantity}",
                money(line.limit),
                line.cause,
            )
            for line in cycle.orders
            if line.leg is Leg.ENTRY
        ]
    return Table(
        title="Entries",
        columns=("Symbol", "Outcome", "Shares", "Limit", "Reason"),
        rows=[tuple(_plain(cell) for cell in row) for row in rows],
        numbers=frozenset(("Shares", "Limit")),
        notes=() if rows else ("No entry was refused, denied or sent.",),
    )


def stops(day: DayFacts) -> Table:
    """How every position is protected after the last cycle."""
    if not day.stops:
        return _absent("Stops", "cycles/<slot>/stops.json")
    last = day.stops[-1]
    return Table(
        title="Stops",
        columns=("Symbol", "Strategy", "Held", "Covered", "Before", "After", "Basis", "Reason"),
        rows=[
            (
                row.symbol,
                row.strategy_id,
                str(row.quantity),
                str(row.covered),
                money(row.stop_before),
                money(row.stop_after),
                _plain(row.basis),
                row.reason,
            )
            for row in last.positions
        ],
        numbers=frozenset(("Held", "Covered", "Before", "After")),
        notes=(f"As the cycle of slot {last.slot} left them.",),
    )


def posture(day: DayFacts) -> Table:
    """How much was known, by the time that each posture held, and what it held back."""
    if day.posture is None:
        return Table(title="Posture", notes=("No journal that reads whole tells of it.",))
    return Table(
        title="Posture",
        columns=("Posture", "Held for", "Share", "By"),
        rows=[tuple(_plain(cell) for cell in row) for row in report_posture.rows(day.posture)],
        numbers=frozenset(("Held for", "Share")),
        notes=tuple(report_posture.notes(day.posture)),
    )


def trips(day: DayFacts) -> Table:
    """Positions that were closed."""
    if day.trades is None:
        return _absent("Closed trades", "trades.json")
    return Table(
        title="Closed trades",
        columns=("Symbol", "Strategy", "Sessions", "Shares", "Entry", "Exit", "Net", "R", "Reasons"),
        rows=[
            (
                trip.symbol,
                trip.strategy_id,
                str(trip.sessions_held),
                str(trip.quantity),
                money(trip.average_entry),
                money(trip.average_exit),
                money(trip.net),
                NOTHING if trip.r_multiple is None else f"{trip.r_multiple:.2f}".replace("-", "−"),
                ", ".join(trip.exit_reasons),
            )
            for trip in day.trades.closed
        ],
        numbers=frozenset(("Sessions", "Shares", "Entry", "Exit", "Net", "R")),
        notes=() if day.trades.closed else ("No position was closed.",),
    )


def profit(day: DayFacts) -> Table:
    """Whose the day's money was."""
    if day.attribution is None:
        return _absent("Profit and loss by symbol", "attribution.json")
    told = day.attribution
    rows = [
        (
            row.symbol or NOTHING,
            row.strategy_id,
            money(row.realised_gross),
            money(row.fees),
            money(row.dividends),
            money(row.unrealised_change),
            money(row.net),
            percent(row.contribution),
        )
        for row in sorted(told.rows, key=lambda r: (-abs(r.net), r.symbol or "", r.strategy_id))
    ]
    return Table(
        title="Profit and loss by symbol",
        columns=("Symbol", "Strategy", "Realised", "Fees", "Dividends", "Unrealised", "Net", "Contribution"),
        rows=rows,
        numbers=frozenset(("Realised", "Fees", "Dividends", "Unrealised", "Net", "Contribution")),
        notes=(
            f"The rows add up to {money(told.total.net)}; unexplained: {money(told.residual)}.",
            *_transferred(told.total.transfers),
        ),
    )


def _transferred(amount: Decimal) -> tuple[str, ...]:
    return (
        (f"Shares without a fill, at cost: {money(amount)}; in Net, and in no other column.",)
        if amount
        else ()
    )


def checks(day: DayFacts) -> Table:
    """Whether the day adds up."""
    rows: list[tuple[str, str, str]] = []
    if day.snapshot is not None:
        proof = day.snapshot.proof
        rows.append(
            ("Equity by two roads", f"difference {money(proof.difference)}", _codes(day.snapshot.findings))
        )
    if day.reconciliation is not None:
        rows.append(("Book and broker", day.reconciliation.status, _codes(day.reconciliation.findings)))
    if day.parity is not None:
        codes = ", ".join(dict.fromkeys(row.code for row in day.parity.rows)) or NOTHING
        rows.append(("Exits derived again", day.parity.status, codes))
    return Table(title="Checks", columns=("Check", "Result", "Codes"), rows=rows)


TABLES: Final[tuple[Callable[[DayFacts], Table], ...]] = (
    regime,
    market,
    candidates,
    decisions,
    entries,
    posture,
    stops,
    trips,
    profit,
    checks,
)
"""In the order of the day."""
