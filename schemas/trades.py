"""Fills become matches of lots, lots become round trips; every share and cent of a session is in one of them.

Quantities of lots are signed (long > 0). Fees count in the session in which they were paid; a round trip
shows the same fees once more, on its own account, when it closes.
"""

from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from schemas.base import Amount, Fact, Instant, Measure4, Measure6, Price, SessionDate, Shares
from schemas.book import Side
from schemas.header import Artifact, Finding
from schemas.reasons.scan import ExitEventType


class Direction(StrEnum):
    """Which way a position faces."""

    LONG = "long"
    SHORT = "short"


class Fill(Fact):
    """The canonical fill (strategy.md 9.1). Order of work: (executed_at, symbol, execution_id)."""

    fill_id: str
    execution_id: str
    order_id: str
    """Our ``ord_`` id of the order that was filled."""
    decision_id: str | None
    intent_id: str
    position_id: str
    strategy_id: str
    sleeve_id: str
    symbol: str
    side: Side
    quantity: Shares
    price: Price
    fee: Amount
    executed_at: Instant
    session_date: SessionDate
    arrival_price: Price | None
    reason: str
    source: str


class Lot(Fact):
    """What is left of one opening fill, on today's split basis."""

    fill_id: str
    strategy_id: str
    sleeve_id: str
    quantity: Shares
    """Signed."""
    price: Amount
    fee: Amount
    """The part of the fill's fee that still belongs to these shares."""
    opened_at: Instant
    opened_session: SessionDate


class Match(Fact):
    """One piece of a closing fill against one lot. ``gross = (exit - entry) * quantity * sign(lot)``."""

    entry_fill_id: str
    exit_fill_id: str
    quantity: Shares
    entry_price: Amount
    exit_price: Price
    gross: Amount
    fee_in: Amount
    fee_out: Amount


class TradeTally(Fact):
    """What a position has summed up since it opened, on today's split basis; a round trip is read off it."""

    quantity_opened: Shares
    entry_notional: Amount
    quantity_closed: Shares
    exit_notional: Amount
    gross: Amount
    """Realised so far, fractions of a split paid in cash included."""
    fees_in: Amount
    """Fees of the entries, whole."""
    fees_out: Amount
    dividends: Amount
    transfers: Amount = Decimal("0.000000")
    """Cost of the shares that came without a fill, less that of those that left so."""
    shares_in: Shares = Decimal(0)
    """Came without a fill; they are in ``quantity_opened`` and ``entry_notional`` too."""
    shares_out: Shares = Decimal(0)
    """Left without a fill: nobody knows for how much."""
    slippage_entry: Amount | None
    """Sum of quantity times slippage in bps over the entries; null once one came without an arrival price."""
    slippage_exit: Amount | None
    slippage_usd: Amount | None
    high: Amount | None
    """Highest price of bars inside the holding (strategy.md 9.3); null before any bar counts."""
    low: Amount | None
    exit_high: Amount | None
    """Highest exit price so far; it counts beside the bars, never without one."""
    exit_low: Amount | None
    high_on: SessionDate | None = None
    """Session that set ``high``, the first that did; null as well where it was set before sessions were kept."""
    low_on: SessionDate | None = None
    exit_high_on: SessionDate | None = None
    exit_low_on: SessionDate | None = None
    stopped_at: Instant | None = None
    """When a stop first sold."""
    sessions_held: int
    """Sessions on which it was held, the first and the last included."""
    exit_reasons: tuple[str, ...]
    """In order of first use."""
    events: int
    """Exit events told so far; the next one's sequence is one more."""


class OpenTrade(Fact):
    """A position that is not flat: its lots, and what it has summed up so far."""

    trade_id: str
    position_id: str
    strategy_id: str
    sleeve_id: str
    symbol: str
    intent_id: str
    decision_id: str | None
    direction: Direction
    entered_at: Instant
    entry_session: SessionDate
    initial_stop: Price | None
    lots: tuple[Lot, ...]
    """Oldest first, none empty."""
    matches: tuple[Match, ...]
    tally: TradeTally


class RoundTrip(Fact):
    """A position from flat to flat (strategy.md 9.2), on the split basis of its exit session."""

    trade_id: str
    position_id: str
    strategy_id: str
    sleeve_id: str
    symbol: str
    intent_id: str
    decision_id: str | None
    direction: Direction
    entered_at: Instant
    exited_at: Instant
    entry_session: SessionDate
    exit_session: SessionDate
    sessions_held: int
    quantity: Shares
    """Opened in all, unsigned."""
    average_entry: Amount
    average_exit: Amount | None
    """Null when nothing was sold: every share went in a split's fraction."""
    gross: Amount
    fees_in: Amount
    fees_out: Amount
    dividends: Amount
    net: Amount
    """gross - fees_in - fees_out + dividends."""
    transfers: Amount = Decimal("0.000000")
    """As in the tally: the book lost or gained so much with shares that no fill explains. Not in ``net``."""
    shares_in: Shares = Decimal(0)
    shares_out: Shares = Decimal(0)
    complete: bool = True
    """False if shares came or left without a fill: the figures are those of the fills alone, and no R is given."""
    slippage_entry_bps: Measure4 | None
    """Against the arrival price, quantity-weighted; positive is a cost, already inside the price."""
    slippage_exit_bps: Measure4 | None
    slippage_usd: Amount | None
    initial_stop: Price | None
    unit_risk: Amount | None
    """R: average entry less initial stop, by direction; null unless > 0."""
    r_multiple: Measure6 | None
    mae: Amount | None
    """Signed, per share: the worst price inside the holding against the average entry."""
    mfe: Amount | None
    mae_session: SessionDate | None = None
    """Session of that price, as exact as ``resolution`` allows; the first, where two are alike."""
    mfe_session: SessionDate | None = None
    seconds_to_stop: int | None = None
    """From the first entry to the first share that a stop sold; null if none did."""
    stop_efficiency: Measure6 | None
    resolution: str
    """``daily``: excursions come from daily bars."""
    exit_reasons: tuple[str, ...]
    matches: tuple[Match, ...]


class Realised(Fact):
    """What one strategy realised in one symbol in this session. Fees: all that were paid, entries' too."""

    strategy_id: str
    sleeve_id: str
    symbol: str | None
    gross: Amount
    fees: Amount
    dividends: Amount
    cash_movements: Amount
    """Cash without a fill that belongs to no position: strategy ``EXTERNAL``, symbol null."""
    transfers: Amount = Decimal("0.000000")
    """Cost of shares that came without a fill, less that of those that left so."""


class ExitEvent(Fact):
    """One thing that happened to the way out of a position (strategy.md 9.5), derived from the journal."""

    event_id: str
    event_type: ExitEventType
    strategy_id: str
    sleeve_id: str
    symbol: str
    position_id: str
    trade_id: str
    intent_id: str | None
    order_id: str | None
    sequence: int
    at: Instant
    session_date: SessionDate
    phase: str
    """The cycle's slot in whose records the event stands; ``broker`` outside any cycle."""
    quantity: Shares
    price: Price | None
    stop_before: Price | None
    stop_after: Price | None
    stop_basis: str | None
    reason: str
    average_entry: Amount | None
    high_water: Price | None
    source: str


class Trades(Artifact):
    """``trades.json``: the session's fills, what they closed, what stays open, and every exit event."""

    SCHEMA: ClassVar[str] = "avwap.trades"
    STAGE: ClassVar[str] = "trades"

    fills: tuple[Fill, ...]
    """In order of work."""
    closed: tuple[RoundTrip, ...]
    """Sorted by (symbol, strategy_id, trade_id)."""
    open_trades: tuple[OpenTrade, ...]
    """Sorted by (symbol, strategy_id, position_id)."""
    realised: tuple[Realised, ...]
    """Sorted by (strategy_id, sleeve_id, symbol); one row per key that moved."""
    exit_events: tuple[ExitEvent, ...]
    """Sorted by (symbol, position_id, sequence)."""
    findings: tuple[Finding, ...]
