"""Parity: the exit rules, asked again with the day's facts, answer what was recorded, or a row says where."""

from enum import StrEnum
from typing import ClassVar

from schemas.base import Fact, Scalar
from schemas.header import Artifact, Finding


class ParityStatus(StrEnum):
    """``NOTHING_HELD``: no position and no fill, so nothing to derive."""

    EQUAL = "EQUAL"
    DIFFERENT = "DIFFERENT"
    NOTHING_HELD = "NOTHING_HELD"


class ParityRow(Fact):
    """One difference between what the rules yield and what was recorded."""

    code: str
    position_id: str
    strategy_id: str
    sleeve_id: str
    symbol: str
    derived: Scalar
    recorded: Scalar
    detail: str = ""


class Parity(Artifact):
    """``parity.json``."""

    SCHEMA: ClassVar[str] = "avwap.parity"
    STAGE: ClassVar[str] = "parity"

    status: ParityStatus
    positions: int
    """Positions derived and compared."""
    exits: int
    """Exits among them that both sides agree on, trims included."""
    rows: tuple[ParityRow, ...]
    """Sorted by (symbol, strategy_id, precedence of the code)."""
    findings: tuple[Finding, ...]
    """What kept a position from being derived: a bar that was not recorded."""
