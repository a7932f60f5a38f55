"""Attribution says whose the day's money was; its rows add up to the change of equity, to the last digit."""

from decimal import Decimal
from typing import ClassVar

from schemas.base import Amount, Fact, Fraction9
from schemas.header import Artifact, Finding
from schemas.risk_attribution import RiskEvent, RiskSummary


class AttributionRow(Fact):
    """One strategy's symbol. net = realised_gross - fees + dividends + cash_movements + transfers
    + unrealised_change.
    """

    strategy_id: str
    sleeve_id: str
    symbol: str | None
    """None in the row of cash movements that belong to nobody (strategy ``EXTERNAL``)."""
    realised_gross: Amount
    fees: Amount
    dividends: Amount
    cash_movements: Amount
    transfers: Amount = Decimal("0.000000")
    unrealised_change: Amount
    net: Amount
    gross_exposure: Amount
    net_exposure: Amount
    contribution: Fraction9 | None
    """net / (equity_previous + flows)."""


class AttributionTotal(Fact):
    """The sum of rows under one heading; the contribution is the sum of the rows' own."""

    name: str
    realised_gross: Amount
    fees: Amount
    dividends: Amount
    cash_movements: Amount
    transfers: Amount = Decimal("0.000000")
    unrealised_change: Amount
    net: Amount
    gross_exposure: Amount
    net_exposure: Amount
    contribution: Fraction9 | None


class Attribution(Artifact):
    """``attribution.json``."""

    SCHEMA: ClassVar[str] = "avwap.attribution"
    STAGE: ClassVar[str] = "attribution"
    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"risk_events", "risk_summary"})

    equity: Amount | None
    equity_previous: Amount | None
    flows: Amount
    equity_change: Amount | None
    """equity - equity_previous - flows: what the rows must add up to."""
    rows: tuple[AttributionRow, ...]
    """Sorted by (strategy_id, sleeve_id, symbol)."""
    by_strategy: tuple[AttributionTotal, ...]
    """By abs(net), largest first, then by name."""
    by_sleeve: tuple[AttributionTotal, ...]
    total: AttributionTotal
    residual: Amount | None
    """equity_change - total.net; 0 or ``ATTRIBUTION_RESIDUAL``. Never spread over rows."""
    session_return: Fraction9 | None
    rounding_residual: Fraction9 | None
    """session_return - sum of contributions: scale 9 alone, at most (rows + 1) halves of 1e-9."""
    findings: tuple[Finding, ...]
    complete: bool
    """Whether the rows add up; a section below that failed does not change that."""
    risk_events: tuple[RiskEvent, ...] | None = None
    """In the order of deciding. Null, and left out of the bytes, while E3_RISK_ATTRIBUTION_WRITE is off."""
    risk_summary: RiskSummary | None = None
    """Likewise, of E3_RISK_ATTRIBUTION_SUMMARY_WRITE."""
