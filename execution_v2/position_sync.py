"""How book and broker differ in one symbol has one name, and no name asks for more shares than both sides hold.

Table 5.1 of execution.md as a pure function. What a row proposes can be carried out or not; the difference itself
holds up entries of its symbol, never an exit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from execution_v2.splits import split_quantity
from schemas.reasons.sync import SyncStatus

SEVERE_FRACTION: Final = Decimal("0.25")
"""Of the larger quantity: from here on a mismatch is severe (5.1)."""
CASH_DRIFT_FRACTION: Final = Decimal("0.001")
"""Of equity: more cash than this on one side only is reported (5.1)."""
SIMPLE_RATIOS: Final = (2, 3, 4, 5, 10, 20)
"""Splits as they are declared, new for one old, or the inverse."""
ZERO: Final = Decimal(0)


class SyncAction(StrEnum):
    """What a row asks for."""

    NONE = "none"
    READ_AGAIN = "read_again"
    IMPORT_FILLS = "import_fills"
    APPLY_SPLIT = "apply_split"
    COVER = "cover"
    CLOSE_OURS = "close_ours"
    BOOK_AND_PROTECT = "book_and_protect"
    COUNT = "count"
    PROTECT_LESSER = "protect_lesser"
    REPORT = "report"


class Floor(StrEnum):
    """The worst that the row says of the book's health."""

    YELLOW = "YELLOW"
    ORANGE = "ORANGE"
    RED = "RED"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncFacts:
    """One symbol on both sides, at aligned instants; quantities signed.

    Attributes:
        ours: all strategies together.
        broker: by the latest read; None: it failed.
        before: by the read before that one, far enough away; None: there was none, or it failed.
        unbooked: sum of the broker's executions of own orders that no record of ours holds yet.
        young: what our newest records changed, newest last, each younger than the grace of the broker's read.
        split: (new, old) of a split known to be effective today; None: there is none.
        awaited: (new, old) of a split of today that the market's facts tell of and nobody has booked.
        has_own_order: an order of this book in the symbol was found at the broker, and no record of ours named it.
    """

    symbol: str
    ours: Decimal
    broker: Decimal | None
    before: Decimal | None = None
    unbooked: Decimal = ZERO
    young: Sequence[Decimal] = ()
    split: tuple[int, int] | None = None
    awaited: tuple[int, int] | None = None
    has_own_order: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRow:
    """One symbol's status and what it asks for.

    Attributes:
        protect: shares that a stop of ours should cover; None: whatever the book holds, as ever.
        ratio: (new, old) of the split that applies or is suspected.
    """

    symbol: str
    status: SyncStatus
    ours: Decimal
    broker: Decimal | None
    action: SyncAction
    floor: Floor | None = None
    protect: Decimal | None = None
    ratio: tuple[int, int] | None = None

    @property
    def freezes(self) -> bool:
        """Whether nothing is entered in the symbol."""
        return self.status in FREEZING

    @property
    def wants_evidence(self) -> bool:
        """Whether files that prove it are kept."""
        return self.status not in _PLAIN


FREEZING: Final = frozenset(
    {
        SyncStatus.SPLIT_SUSPECTED,
        SyncStatus.PHANTOM,
        SyncStatus.RECOVERED,
        SyncStatus.EXTERNAL,
        SyncStatus.QTY_MISMATCH,
        SyncStatus.QTY_MISMATCH_SEVERE,
        SyncStatus.SIGN_MISMATCH,
        SyncStatus.UNKNOWN,
    }
)
_PLAIN: Final = frozenset(
    {SyncStatus.IN_SYNC, SyncStatus.LAGGING, SyncStatus.SPLIT_APPLIED, SyncStatus.RESIDUAL_FRACTION}
)
_ASKS: Final[dict[SyncStatus, tuple[SyncAction, Floor | None]]] = {
    SyncStatus.IN_SYNC: (SyncAction.NONE, None),
    SyncStatus.LAGGING: (SyncAction.READ_AGAIN, None),
    SyncStatus.FILLS_MISSING: (SyncAction.IMPORT_FILLS, Floor.YELLOW),
    SyncStatus.SPLIT_APPLIED: (SyncAction.APPLY_SPLIT, None),
    SyncStatus.SPLIT_SUSPECTED: (SyncAction.COVER, Floor.ORANGE),
    SyncStatus.PHANTOM: (SyncAction.CLOSE_OURS, Floor.ORANGE),
    SyncStatus.RECOVERED: (SyncAction.BOOK_AND_PROTECT, Floor.ORANGE),
    SyncStatus.EXTERNAL: (SyncAction.COUNT, Floor.ORANGE),
    SyncStatus.QTY_MISMATCH: (SyncAction.PROTECT_LESSER, Floor.ORANGE),
    SyncStatus.QTY_MISMATCH_SEVERE: (SyncAction.PROTECT_LESSER, Floor.RED),
    SyncStatus.SIGN_MISMATCH: (SyncAction.PROTECT_LESSER, Floor.RED),
    SyncStatus.RESIDUAL_FRACTION: (SyncAction.REPORT, None),
    SyncStatus.UNKNOWN: (SyncAction.NONE, None),
}
assert set(_ASKS) | {SyncStatus.CASH_DRIFT} == set(SyncStatus), "a status that asks for nothing known"


def sync_row(facts: SyncFacts) -> SyncRow:
    """Name the difference of one symbol, first match.

    IN_SYNC if and only if both quantities were read and equal, and no split is awaited.
    """
    status, ratio = _status(facts)
    action, floor = _ASKS[status]
    protect = None
    if facts.broker is not None and action in (SyncAction.PROTECT_LESSER, SyncAction.COVER):
        # What both sides hold: of opposite signs nothing, for any order could cross zero.
        same = facts.ours * facts.broker > 0
        protect = min(abs(facts.ours), abs(facts.broker)) if same else ZERO
    return SyncRow(
        symbol=facts.symbol,
        status=status,
        ours=facts.ours,
        broker=facts.broker,
        action=action,
        floor=floor,
        protect=protect,
        ratio=ratio,
    )


def _status(facts: SyncFacts) -> tuple[SyncStatus, tuple[int, int] | None]:
    ours, broker = facts.ours, facts.broker
    if broker is None:
        return SyncStatus.UNKNOWN, None
    if facts.awaited is not None and ours and broker:
        # Prices are on the new basis today and our shares on the old: that both sides still agree is no comfort.
        return SyncStatus.SPLIT_SUSPECTED, facts.awaited
    if ours == broker:
        return SyncStatus.IN_SYNC, None
    if _lags(ours, broker, facts.young):
        return SyncStatus.LAGGING, None
    if facts.unbooked and ours + facts.unbooked == broker:
        return SyncStatus.FILLS_MISSING, None
    if facts.split is not None and (
        is_split(ours, broker, *facts.split) or is_split(broker, ours, *facts.split)
    ):  # one side has applied it, and the other has not yet
        return SyncStatus.SPLIT_APPLIED, facts.split
    if not broker:
        # One empty answer may be a failing broker's: only a second one far enough away makes it a fact.
        return (SyncStatus.PHANTOM if facts.before == 0 else SyncStatus.UNKNOWN), None
    if 0 < abs(broker) - abs(ours) < 1 and ours * broker >= 0:
        return SyncStatus.RESIDUAL_FRACTION, None
    return _unexplained(facts, broker)


def _unexplained(facts: SyncFacts, broker: Decimal) -> tuple[SyncStatus, tuple[int, int] | None]:
    ours = facts.ours
    if not ours:
        return (SyncStatus.RECOVERED if facts.has_own_order else SyncStatus.EXTERNAL), None
    if ours * broker < 0:
        return SyncStatus.SIGN_MISMATCH, None
    ratio = _simple_ratio(ours, broker)
    if ratio is not None:
        return SyncStatus.SPLIT_SUSPECTED, ratio
    larger = max(abs(ours), abs(broker))
    is_severe = abs(ours - broker) >= SEVERE_FRACTION * larger
    return (SyncStatus.QTY_MISMATCH_SEVERE if is_severe else SyncStatus.QTY_MISMATCH), None


def _lags(ours: Decimal, broker: Decimal, young: Sequence[Decimal]) -> bool:
    """Whether the broker stands where we stood before some of our newest records."""
    total = ZERO
    for change in reversed(young):
        total += change
        if total and ours - total == broker:
            return True
    return False


def is_split(ours: Decimal, broker: Decimal, new: int, old: int) -> bool:
    """Whole shares after the split, or with the fraction that is still to be paid in cash."""
    whole = split_quantity(ours, new, old)
    return broker == whole or (ours * broker > 0 and broker * old == ours * new)


def _simple_ratio(ours: Decimal, broker: Decimal) -> tuple[int, int] | None:
    for each in SIMPLE_RATIOS:
        if broker == ours * each:
            return each, 1
        if broker * each == ours:
            return 1, each
    return None


def cash_drifts(ours: Decimal, broker: Decimal, equity: Decimal) -> bool:
    """Whether cash differs by more than a thousandth of *equity*; without equity any difference does."""
    return abs(broker - ours) > CASH_DRIFT_FRACTION * max(ZERO, equity)
