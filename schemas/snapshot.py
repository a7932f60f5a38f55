"""A snapshot is the book at a close, proved: what it owns and what it earned give one equity, in Decimal."""

from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from schemas.base import Amount, Fact, Fraction6, Fraction9, Measure6, Price, SessionDate, Shares
from schemas.header import Artifact, Finding


class MarkSource(StrEnum):
    """Where a position's mark is from."""

    OFFICIAL_CLOSE = "official_close"
    LAST = "last"
    """An earlier session's mark, carried (``MARK_STALE``)."""
    FILL = "fill"
    """No close was ever seen: the latest opening fill's price."""


class PositionMark(Fact):
    """One position at the close. notional = quantity * mark; unrealised = lots * mark - cost."""

    position_id: str
    strategy_id: str
    sleeve_id: str
    symbol: str
    quantity: Shares
    average_price: Amount
    """cost / quantity, half-even at scale 6; for reading, the money is in ``cost``."""
    cost: Amount
    """Sum of lot price times signed quantity."""
    mark: Price
    mark_source: MarkSource
    mark_session: SessionDate
    mark_age: int
    """Sessions since the mark's own; above 5 the book's equity is null."""
    notional: Amount
    unrealised: Amount
    stop: Price | None
    """Price of the tightest working protective stop; None: none works."""
    open_risk: Amount | None
    """What is lost from the mark to the stop, >= 0; None without a stop."""


class ExposureRow(Fact):
    """Exposure under one heading."""

    name: str
    gross: Amount
    net: Amount


class Exposure(Fact):
    """gross = sum of abs(quantity * mark), net = sum of quantity * mark, USD and as fractions of equity."""

    gross: Amount
    net: Amount
    gross_fraction: Fraction6 | None
    net_fraction: Fraction6 | None
    by_strategy: tuple[ExposureRow, ...]
    by_sleeve: tuple[ExposureRow, ...]


class PnL(Fact):
    """realised_net = realised_gross - fees + dividends. Of a session, ``unrealised`` is the change."""

    realised_gross: Amount
    fees: Amount
    dividends: Amount
    realised_net: Amount
    unrealised: Amount
    cash_movements: Amount
    """Cash without a fill that belongs to no strategy (``EXTERNAL``)."""
    transfers: Amount = Decimal("0.000000")
    """Cost of shares that came without a fill, less that of those that left so; no cash moved."""


class EquityProof(Fact):
    """Equity reached by two roads; ``difference`` must be 0.

    assets = cash + sum of quantity * mark, from the book. sources = starting capital + flows + realised net +
    unrealised + cash movements + transfers, from the trades.
    """

    assets: Amount
    sources: Amount
    difference: Amount


class Snapshot(Artifact):
    """``snapshot.json``, one per book and session."""

    SCHEMA: ClassVar[str] = "avwap.snapshot"
    STAGE: ClassVar[str] = "snapshot"

    closed_session: SessionDate
    """The session at whose close this stands; the header's own date."""
    previous_session: SessionDate | None
    """That of the snapshot that this one continues; None in the first."""

    starting_capital: Amount
    net_flows: Amount
    """Since inception, without the starting capital."""
    flows: Amount
    """Of this session."""
    cash: Amount
    equity: Amount | None
    """None when unprovable: a mark older than 5 sessions."""
    equity_previous: Amount | None

    exposure: Exposure
    positions: tuple[PositionMark, ...]
    """Sorted by (symbol, strategy_id)."""

    pnl_session: PnL
    pnl_total: PnL

    session_return: Fraction9 | None
    """equity / (equity_previous + flows) - 1."""
    returns: tuple[Fraction9, ...]
    """The last 20 at most, oldest first, this session's included: ``volatility20`` is read from them."""
    peak_equity: Amount
    drawdown: Fraction9 | None
    """1 - equity / peak_equity, never negative; None with equity."""
    drawdown_max: Fraction9
    volatility20: Measure6 | None
    entries_today: int

    proof: EquityProof
    findings: tuple[Finding, ...]
    complete: bool
    """False if equity is unknown or its proof fails: decisions then allow nothing new."""
