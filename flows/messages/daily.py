"""The day in one message, from the files of its close: equity, profit, trades, positions with stops, reconciliation.

A file that is missing or unsound is named; a figure that is unknown is said to be so, and never told as 0.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from flows.day import Day
from flows.messages.made import Sources, made
from flows.summary import escaped
from ledger.artifacts import ReadFault
from schemas.attribution import Attribution
from schemas.outbox import Message, MessageKind, Severity
from schemas.reconciliation import Reconciliation, ReconciliationStatus
from schemas.snapshot import PositionMark, Snapshot
from schemas.trades import RoundTrip, Trades

ROWS_TOLD: Final = 15
"""Positions, and trades, with a line each; the rest are in the files."""


def daily_summary(day: Day) -> Message:
    """The message of *day*'s close."""
    sources = Sources(day)
    read = sources.read
    book = read("snapshot.json", Snapshot)
    did = read("trades.json", Trades)
    compared = read("reconciliation.json", Reconciliation)
    whose = read("attribution.json", Attribution)
    name = f"{day.book_id} {day.session}"
    sections = (
        [f"*{name}: the day*", *_equity(book)],
        _trades(did),
        _positions(book),
        _compared(compared),
        _whose(whose),
    )
    is_sound = (
        isinstance(book, Snapshot)
        and book.complete
        and not isinstance(did, ReadFault)
        and isinstance(compared, Reconciliation)
        and compared.status is ReconciliationStatus.CLEAN
        and all(row.stop is not None for row in book.positions)
    )
    return made(
        day,
        MessageKind.DAILY_SUMMARY,
        sources.refs,
        _headline(name, book, compared),
        sections,
        severity=Severity.NOTICE if is_sound else Severity.WARNING,
    )


def _headline(name: str, book: Snapshot | ReadFault, compared: Reconciliation | ReadFault) -> str:
    if isinstance(book, ReadFault):
        return f"{name}: no snapshot ({book.code})"
    equity = "equity not known" if book.equity is None else f"equity {book.equity:,.2f} USD"
    made_today = book.pnl_session.realised_net + book.pnl_session.unrealised
    open_now = f"{len(book.positions)} position{'' if len(book.positions) == 1 else 's'}"
    told = compared.code if isinstance(compared, ReadFault) else compared.status
    return f"{name}: {equity}, {made_today:+,.2f} USD{_share(book.session_return)}, {open_now}, broker {told}"


def _equity(book: Snapshot | ReadFault) -> list[str]:
    if isinstance(book, ReadFault):
        return [f"*no snapshot*: `{book.code}` {escaped(book.path)}"]
    pnl = book.pnl_session
    lines = [
        f"equity {_usd(book.equity)}{_share(book.session_return)}, cash {_usd(book.cash)}",
        f"realised {pnl.realised_net:+,.2f}, unrealised {pnl.unrealised:+,.2f}, of it fees {-pnl.fees:+,.2f} USD",
    ]
    if pnl.cash_movements or book.flows:
        lines.append(
            f"cash that no fill explains {pnl.cash_movements:+,.2f}, paid in or out {book.flows:+,.2f} USD"
        )
    fall = "not known" if book.drawdown is None else f"{book.drawdown:.2%}"
    gross = "not known" if book.exposure.gross_fraction is None else f"{book.exposure.gross_fraction:.1%}"
    lines.append(f"below the peak {fall}, deepest {book.drawdown_max:.2%}; gross exposure {gross}")
    if not book.complete:
        codes = ", ".join(f"`{escaped(found.code)}`" for found in book.findings)
        lines.append(f"*equity is not proved*, so nothing new is allowed: {codes}")
    return lines


def _trades(did: Trades | ReadFault) -> list[str]:
    if isinstance(did, ReadFault):
        return [f"*no trades file*: `{did.code}` {escaped(did.path)}"]
    fills = f"{len(did.fills)} fill{'' if len(did.fills) == 1 else 's'}"
    lines = [f"*trades*: {fills}, {len(did.closed)} closed"]
    return lines + _most([_trade(trip) for trip in did.closed])


def _trade(trip: RoundTrip) -> str:
    rest = "" if trip.r_multiple is None else f", {trip.r_multiple:+.2f} R"
    why = ", ".join(f"`{escaped(reason)}`" for reason in trip.exit_reasons)
    held = f"in {trip.sessions_held} session{'' if trip.sessions_held == 1 else 's'}"
    return f"{escaped(trip.symbol)} {trip.net:+,.2f} USD{rest} {held} ({why or 'no exit fill'})"


def _positions(book: Snapshot | ReadFault) -> list[str]:
    if isinstance(book, ReadFault):
        return []
    if not book.positions:
        return ["*positions*: none"]
    bare = sum(row.stop is None for row in book.positions)
    head = f"*positions*: {len(book.positions)}" + (
        f", *{bare} without a stop*" if bare else ", each with a stop"
    )
    # Those without a stop first: the list may be cut.
    rows = sorted(book.positions, key=lambda row: row.stop is not None)
    return [head, *_most([_position(row) for row in rows])]


def _position(row: PositionMark) -> str:
    stop = "*no stop*" if row.stop is None else f"stop {row.stop:,.2f}"
    risk = "" if row.open_risk is None else f", at risk {row.open_risk:,.2f} USD"
    return (
        f"{escaped(row.symbol)} {row.quantity:,} at {row.mark:,.2f}, {row.unrealised:+,.2f} USD, {stop}{risk}"
    )


def _compared(found: Reconciliation | ReadFault) -> list[str]:
    if isinstance(found, ReadFault):
        return [f"*not compared with the broker*: `{found.code}`"]
    parted = [row for row in found.rows if row.codes]
    cash = (
        "cash not read"
        if found.cash_difference is None
        else f"cash differs by {found.cash_difference:,.2f} USD"
    )
    lines = [f"*broker*: {found.status}, {len(found.rows)} symbols compared, {cash}"]
    return lines + _most(
        [f"{escaped(row.symbol)} {', '.join(f'`{escaped(code)}`' for code in row.codes)}" for row in parted]
    )


def _whose(found: Attribution | ReadFault) -> list[str]:
    if isinstance(found, ReadFault):
        return [f"*no attribution*: `{found.code}`"]
    moved = [row for row in found.by_strategy if row.net]
    if not moved:
        return []
    return ["*by strategy*: " + ", ".join(f"{escaped(row.name)} {row.net:+,.2f} USD" for row in moved)]


def _most(lines: Sequence[str]) -> list[str]:
    left = len(lines) - ROWS_TOLD
    return [*lines[:ROWS_TOLD], f"… and {left} more"] if left > 0 else list(lines)


def _usd(amount: Decimal | None) -> str:
    return "not known" if amount is None else f"{amount:,.2f} USD"


def _share(part: Decimal | None) -> str:
    return "" if part is None else f" ({part:+.2%})"
