"""A remedy sells shares that nobody can explain, so every question is asked of it that no exit is ever asked.

Gated remedy of execution.md 5.2. Pure: what is decided here is sent elsewhere, or only told. It can lower a position
towards what the book says, and never raise one.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from execution_v2.config import ExecutionConfig
from execution_v2.position_sync import SyncRow
from schemas.reasons.sync import RemedyCode, SyncStatus

REMEDIABLE: Final = frozenset(
    {SyncStatus.QTY_MISMATCH, SyncStatus.QTY_MISMATCH_SEVERE, SyncStatus.SIGN_MISMATCH, SyncStatus.EXTERNAL}
)
"""Differences that a remedy is asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemedyFacts:
    """What a remedy depends on; a fact that is not known is None and denies.

    Attributes:
        has_fence: this process speaks for the book.
        has_unknown_order: an order of the symbol is unknown, or frozen as one that fits no rule.
        is_killed: a kill switch is set; None: it could not be read.
        is_emergency: the book's lifecycle is EMERGENCY; None: unknown.
        drawdown: fall of equity below the book's capital, as a fraction; None: unknown.
        price: the last price of the symbol, USD; None: unknown.
        of_symbol, of_session: remedies sent in this session.
    """

    has_fence: bool
    has_unknown_order: bool
    is_killed: bool | None
    is_emergency: bool | None
    drawdown: Decimal | None
    price: Decimal | None
    of_symbol: int
    of_session: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What becomes of it: *quantity* shares to sell, 0 unless REMEDY_PLANNED or REMEDY_SENT."""

    code: RemedyCode
    quantity: Decimal


def remedy(row: SyncRow, facts: RemedyFacts, config: ExecutionConfig) -> Remedy:
    """Decide about one difference.

    Returns: the first no, in the order of ``RemedyCode``; else REMEDY_PLANNED in mode ``plan``, or REMEDY_SENT in
    mode ``execute``, which says that the caller sends the sale now.
    """
    if config.remedy_mode == "off":
        return Remedy(code=RemedyCode.REMEDY_OFF, quantity=Decimal(0))
    excess = _excess(row)
    denied = next((code for code, is_so in _questions(row, facts, config, excess) if is_so), None)
    if denied is not None:
        return Remedy(code=denied, quantity=Decimal(0))
    if config.remedy_mode == "plan":
        return Remedy(code=RemedyCode.REMEDY_PLANNED, quantity=excess)
    if not (config.remedy_operator and config.remedy_reason):
        return Remedy(code=RemedyCode.REMEDY_DENIED_OPERATOR, quantity=Decimal(0))
    return Remedy(code=RemedyCode.REMEDY_SENT, quantity=excess)


def _questions(
    row: SyncRow, facts: RemedyFacts, config: ExecutionConfig, excess: Decimal
) -> list[tuple[RemedyCode, bool]]:
    """(code, whether it denies), in the order of the codes."""
    too_many = (
        facts.of_symbol >= config.remedies_symbol_max or facts.of_session >= config.remedies_session_max
    )
    return [
        (RemedyCode.REMEDY_DENIED_FENCE, not facts.has_fence),
        (RemedyCode.REMEDY_DENIED_UNKNOWN_ORDER, facts.has_unknown_order),
        (RemedyCode.REMEDY_DENIED_KILL_SWITCH, facts.is_killed is not False),
        (RemedyCode.REMEDY_DENIED_LIFECYCLE, facts.is_emergency is not False),
        (
            RemedyCode.REMEDY_DENIED_DRAWDOWN,
            facts.drawdown is None or facts.drawdown >= config.remedy_drawdown_max,
        ),
        (RemedyCode.REMEDY_DENIED_NOT_OURS, not row.ours),
        (RemedyCode.REMEDY_DENIED_WOULD_RAISE, excess <= 0),
        (RemedyCode.REMEDY_DENIED_COUNT, too_many),
        (
            RemedyCode.REMEDY_DENIED_NOTIONAL,
            facts.price is None or excess * facts.price > config.remedy_max_usd,
        ),
    ]


def _excess(row: SyncRow) -> Decimal:
    """Shares that a sale would bring the broker's side down by to ours; 0 where only a buy could, or none held long."""
    if row.broker is None or row.ours <= 0 or row.broker <= row.ours:
        return Decimal(0)
    return row.broker - row.ours
