"""A reconciliation lays our positions beside the broker's. A failed read is never an empty one."""

from enum import StrEnum
from typing import ClassVar

from schemas.base import Amount, Fact, Shares
from schemas.header import Artifact, Finding


class ReconciliationStatus(StrEnum):
    """``UNKNOWN``: the broker could not be read, so nothing was compared."""

    CLEAN = "CLEAN"
    DIFFERENT = "DIFFERENT"
    UNKNOWN = "UNKNOWN"


class ReconciliationRow(Fact):
    """One symbol on both sides, all strategies together. None: not held on this side, or not read."""

    symbol: str
    quantity_internal: Shares | None
    quantity_broker: Shares | None
    average_internal: Amount | None
    average_broker: Amount | None
    stop_quantity: Shares | None
    """Shares that the broker's open orders would sell at a stop; None if orders were not read."""
    codes: tuple[str, ...]
    """In order of precedence; empty when both sides agree."""


class Reconciliation(Artifact):
    """``reconciliation.json``: written on clean days too."""

    SCHEMA: ClassVar[str] = "avwap.reconciliation"
    STAGE: ClassVar[str] = "reconciliation"

    status: ReconciliationStatus
    rows: tuple[ReconciliationRow, ...]
    """Sorted by symbol."""
    cash_internal: Amount
    cash_broker: Amount | None
    cash_difference: Amount | None
    """Broker less ours."""
    findings: tuple[Finding, ...]
    """Sorted by (code's precedence, subject)."""
