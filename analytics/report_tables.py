"""Each stage of the day is one table, and a stage without an artifact is a table that says so."""

from decimal import Decimal

from analytics import report_posture
from analytics.report_facts import NOTHING, DayFacts, Table, absent, codes, money, percent, refs, shown
from schemas.book import Leg

__all__ = ["NOTHING", "DayFacts", "Table", "money", "percent"]


def market(day: DayFacts) -> Table:
    """How many symbols the data contract set aside, and why."""
    if day.market is None:
        return absent("Market data", "observations/market.json")
    seen = day.market
    return Table(
        title="Market data",
        source="observations/market.json",
        refs=refs("observations/market.json", "/counts", len(seen.counts)),
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
        return absent("Regime", "regime.json")
    found = day.regime
    measures = found.measures
    return Table(
        title="Regime",
        source="regime.json",
        columns=("Label", "Confidence", "Volatility", "Drawdown", "Trend", "Breadth", "Reasons"),
        rows=[
            (
                shown(found.label),
                shown(found.confidence),
                percent(measures.vol20),
                percent(measures.drawdown63),
                percent(measures.trend),
                percent(measures.breadth),
                codes(found.reasons),
            )
        ],
        numbers=frozenset(("Confidence", "Volatility", "Drawdown", "Trend", "Breadth")),
    )


def candidates(day: DayFacts) -> Table:
    """What the scan let through, strategy by strategy, best first."""
    if day.candidates is None:
        return absent("Candidates", "candidates.json")
    notes = []
    if day.scan is not None:
        counts = day.scan.counts
        notes.append(
            f"{counts.scanned:,} scanned, {counts.full:,} in full, {counts.passed:,} passed every gate."
        )
    if day.candidates.reasons:
        notes.append(codes(day.candidates.reasons))
    return Table(
        title="Candidates",
        source="candidates.json",
        refs=refs("candidates.json", "/candidates", len(day.candidates.candidates)),
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
        return absent("Decisions", "decisions.json")
    batch = day.decisions.batch
    notes = [f"{batch.allowed} allowed, {batch.resized} resized, {batch.blocked} blocked."]
    if batch.codes:
        notes.append(f"No intent could be allowed: {', '.join(batch.codes)}.")
    return Table(
        title="Decisions",
        source="decisions.json",
        refs=refs("decisions.json", "/verdicts", len(day.decisions.verdicts)),
        columns=("Symbol", "Strategy", "Verdict", "Wanted", "Allowed", "Notional", "Risk", "Reasons"),
        rows=[
            (
                row.symbol,
                row.strategy_id,
                row.verdict,
                shown(row.q0),
                str(row.q2),
                money(row.notional),
                money(row.risk),
                codes(row.reasons),
            )
            for row in day.decisions.verdicts
        ],
        numbers=frozenset(("Wanted", "Allowed", "Notional", "Risk")),
        notes=notes,
    )


def entries(day: DayFacts) -> Table:
    """What became of every entry: refused by a gate, denied in a cycle, or sent."""
    rows: list[tuple[str, ...]] = []
    places: list[str] = []
    if day.enforcement is not None:
        places += refs("enforcement.json", "/refused", len(day.enforcement.refused))
        rows += [(r.symbol, "refused", str(r.quantity), NOTHING, r.code) for r in day.enforcement.refused]
    for cycle in day.executions:
        name = f"cycles/{cycle.slot}/execution.json"
        places += refs(name, "/denied", len(cycle.denied))
        places += [f"{name}#/orders/{n}" for n, line in enumerate(cycle.orders) if line.leg is Leg.ENTRY]
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
        source="enforcement.json",
        refs=places,
        columns=("Symbol", "Outcome", "Shares", "Limit", "Reason"),
        rows=[tuple(shown(cell) for cell in row) for row in rows],
        numbers=frozenset(("Shares", "Limit")),
        notes=() if rows else ("No entry was refused, denied or sent.",),
    )


def stops(day: DayFacts) -> Table:
    """How every position is protected after the last cycle."""
    if not day.stops:
        return absent("Stops", "cycles/<slot>/stops.json")
    last = day.stops[-1]
    name = f"cycles/{last.slot}/stops.json"
    return Table(
        title="Stops",
        source=name,
        refs=refs(name, "/positions", len(last.positions)),
        columns=("Symbol", "Strategy", "Held", "Covered", "Before", "After", "Basis", "Reason"),
        rows=[
            (
                row.symbol,
                row.strategy_id,
                str(row.quantity),
                str(row.covered),
                money(row.stop_before),
                money(row.stop_after),
                shown(row.basis),
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
        source="journal.jsonl",
        columns=("Posture", "Held for", "Share", "By"),
        rows=[tuple(shown(cell) for cell in row) for row in report_posture.rows(day.posture)],
        numbers=frozenset(("Held for", "Share")),
        notes=tuple(report_posture.notes(day.posture)),
    )


def trips(day: DayFacts) -> Table:
    """Positions that were closed."""
    if day.trades is None:
        return absent("Closed trades", "trades.json")
    return Table(
        title="Closed trades",
        source="trades.json",
        refs=refs("trades.json", "/closed", len(day.trades.closed)),
        columns=(
            "Symbol",
            "Strategy",
            "Sessions",
            "Shares",
            "Entry",
            "Exit",
            "Net",
            "R",
            "MAE",
            "MFE",
            "Reasons",
        ),
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
                money(trip.mae),
                money(trip.mfe),
                ", ".join(trip.exit_reasons),
            )
            for trip in day.trades.closed
        ],
        numbers=frozenset(("Sessions", "Shares", "Entry", "Exit", "Net", "R", "MAE", "MFE")),
        notes=(
            ("MAE and MFE: the worst and the best price inside the holding, against the entry, USD a share.",)
            if day.trades.closed
            else ("No position was closed.",)
        ),
    )


def profit(day: DayFacts) -> Table:
    """Whose the day's money was."""
    if day.attribution is None:
        return absent("Profit and loss by symbol", "attribution.json")
    told = day.attribution
    ordered = sorted(
        enumerate(told.rows), key=lambda r: (-abs(r[1].net), r[1].symbol or "", r[1].strategy_id)
    )
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
        for _, row in ordered
    ]
    return Table(
        title="Profit and loss by symbol",
        source="attribution.json",
        refs=[f"attribution.json#/rows/{n}" for n, _ in ordered],
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
    places: list[str] = []
    if day.snapshot is not None:
        proof = day.snapshot.proof
        rows.append(
            ("Equity by two roads", f"difference {money(proof.difference)}", codes(day.snapshot.findings))
        )
        places.append("snapshot.json#/proof")
    if day.reconciliation is not None:
        rows.append(("Book and broker", day.reconciliation.status, codes(day.reconciliation.findings)))
        places.append("reconciliation.json#/status")
    if day.parity is not None:
        told = ", ".join(dict.fromkeys(row.code for row in day.parity.rows)) or NOTHING
        rows.append(("Exits derived again", day.parity.status, told))
        places.append("parity.json#/status")
    return Table(
        title="Checks",
        refs=places,
        columns=("Check", "Result", "Codes"),
        rows=rows,
        numbers=frozenset(("Result",)),
    )
