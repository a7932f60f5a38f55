"""What the book owns after the close, and whose the money was: the snapshot and the attribution as tables."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from analytics.report_facts import NOTHING, DayFacts, Table, absent, money, percent, refs, shown
from schemas.trades import RoundTrip

ZERO: Final = Decimal(0)


def positions(day: DayFacts) -> Table:
    """Every open position with its stop, what it risks, and how many of its shares a stop covers."""
    if day.snapshot is None:
        return absent("Open positions", "snapshot.json")
    covered = {row.position_id: row.covered for row in day.stops[-1].positions} if day.stops else {}
    held = day.snapshot.positions
    return Table(
        title="Open positions",
        source="snapshot.json",
        refs=refs("snapshot.json", "/positions", len(held)),
        columns=(
            "Symbol", "Strategy", "Shares", "Covered", "Average", "Mark", "Notional", "Unrealised", "Stop", "Open risk",
        ),
        rows=[
            (
                row.symbol,
                row.strategy_id,
                str(row.quantity),
                shown(covered.get(row.position_id)),
                money(row.average_price),
                money(row.mark),
                money(row.notional),
                money(row.unrealised),
                money(row.stop),
                money(row.open_risk),
            )
            for row in held
        ],
        numbers=frozenset(
            ("Shares", "Covered", "Average", "Mark", "Notional", "Unrealised", "Stop", "Open risk")
        ),
        notes=(
            ("Covered: shares that a working stop would sell, as the last cycle left them.",)
            if held
            else ("Nothing is held.",)
        ),
    )  # fmt: skip


def exposure(day: DayFacts) -> Table:
    """Gross and net exposure of the book, of each strategy and of each sleeve."""
    if day.snapshot is None:
        return absent("Exposure", "snapshot.json")
    now = day.snapshot
    whole = now.exposure

    def row(kind: str, name: str, gross: Decimal, net: Decimal) -> tuple[str, ...]:
        share = gross / now.equity if now.equity else None
        return (kind, name, money(gross), money(net), percent(share))

    return Table(
        title="Exposure",
        source="snapshot.json",
        refs=[
            "snapshot.json#/exposure",
            *refs("snapshot.json", "/exposure/by_strategy", len(whole.by_strategy)),
            *refs("snapshot.json", "/exposure/by_sleeve", len(whole.by_sleeve)),
        ],
        columns=("Of", "Name", "Gross", "Net", "Gross of equity"),
        rows=[
            row("book", day.book_id, whole.gross, whole.net),
            *(row("strategy", each.name, each.gross, each.net) for each in whole.by_strategy),
            *(row("sleeve", each.name, each.gross, each.net) for each in whole.by_sleeve),
        ],
        numbers=frozenset(("Gross", "Net", "Gross of equity")),
    )


def strategies(day: DayFacts) -> Table:
    """The day's money by strategy; it adds up to the book's."""
    if day.attribution is None:
        return absent("Profit and loss by strategy", "attribution.json")
    told = day.attribution
    return Table(
        title="Profit and loss by strategy",
        source="attribution.json",
        refs=[*refs("attribution.json", "/by_strategy", len(told.by_strategy)), "attribution.json#/total"],
        columns=("Strategy", "Realised", "Fees", "Dividends", "Unrealised", "Net", "Gross", "Contribution"),
        rows=[
            (
                row.name,
                money(row.realised_gross),
                money(row.fees),
                money(row.dividends),
                money(row.unrealised_change),
                money(row.net),
                money(row.gross_exposure),
                percent(row.contribution),
            )
            for row in (*told.by_strategy, told.total)
        ],
        numbers=frozenset(("Realised", "Fees", "Dividends", "Unrealised", "Net", "Gross", "Contribution")),
    )


def exit_reasons(day: DayFacts) -> Table:
    """The closed trades of the day by why they were closed."""
    if day.trades is None:
        return absent("Closed trades by reason", "trades.json")
    return by_reason(day.trades.closed, "trades.json")


def by_reason(trips: Iterable[RoundTrip], source: str) -> Table:
    """*trips* by why they were closed. One of several reasons is in a group of its own: sums stay sums."""
    groups: dict[str, list[Decimal]] = {}
    for trip in trips:
        groups.setdefault(", ".join(trip.exit_reasons) or NOTHING, []).append(trip.net)
    return Table(
        title="Closed trades by reason",
        source=source,
        columns=("Reasons", "Trades", "Won", "Net"),
        rows=[
            (name, str(len(nets)), str(sum(net > 0 for net in nets)), money(sum(nets, ZERO)))
            for name, nets in sorted(groups.items())
        ],
        numbers=frozenset(("Trades", "Won", "Net")),
        notes=() if groups else ("No position was closed.",),
    )


def risk_reasons(day: DayFacts) -> Table:
    """What each reason took from the sizes of the morning; a section that exists while its flag is on."""
    told = day.attribution.risk_summary if day.attribution is not None else None
    if told is None:
        return Table(
            title="Sizes by reason", notes=("Not written: E3_RISK_ATTRIBUTION_SUMMARY_WRITE is off.",)
        )
    pointer = "/risk_summary/by_reason"
    return Table(
        title="Sizes by reason",
        source="attribution.json",
        refs=refs("attribution.json", pointer, len(told.by_reason)),
        columns=("Reason", "Decisions", "Notional", "Of it alone"),
        rows=[
            (row.code, str(row.decisions), money(row.delta_notional), money(row.delta_notional_exclusive))
            for row in told.by_reason
        ],
        numbers=frozenset(("Decisions", "Notional", "Of it alone")),
        notes=(f"All reasons together: {money(told.delta_notional)}.",),
    )


def reconciliation(day: DayFacts) -> Table:
    """The book beside its broker, symbol by symbol."""
    if day.reconciliation is None:
        return absent("Reconciliation", "reconciliation.json")
    told = day.reconciliation
    return Table(
        title="Reconciliation",
        source="reconciliation.json",
        refs=refs("reconciliation.json", "/rows", len(told.rows)),
        columns=("Symbol", "Ours", "Broker's", "Our average", "Broker's average", "In stops", "Codes"),
        rows=[
            (
                row.symbol,
                shown(row.quantity_internal),
                shown(row.quantity_broker),
                money(row.average_internal),
                money(row.average_broker),
                shown(row.stop_quantity),
                ", ".join(row.codes) or NOTHING,
            )
            for row in told.rows
        ],
        numbers=frozenset(("Ours", "Broker's", "Our average", "Broker's average", "In stops")),
        notes=(
            (
                f"{told.status}: cash ours {money(told.cash_internal)}, broker's {money(told.cash_broker)}, "
                f"difference {money(told.cash_difference)}."
            ),
        ),
    )
