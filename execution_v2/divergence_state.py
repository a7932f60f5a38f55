"""What stands can be wrong without any record being so: it is looked for in the shadow's state, and what was measured.

Pure. Positions against the last comparison, races of a replacement, orders that nobody explains, gaps, contradictions.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from execution_v2.divergence import (
    ROWS,
    SEVERE,
    Found,
    Row,
    contradiction_row,
    gap_row,
    position_row,
)
from execution_v2.position_sync import Floor
from execution_v2.reduce import Fold
from execution_v2.transitions import WORKING
from schemas.book import Leg, Side
from schemas.cycle import CycleKind
from schemas.events import CycleBegan, OrderFilled, RebuildDecided, SyncChecked
from schemas.journal import JournalRecord
from schemas.reasons.execution import SyncCode
from schemas.reasons.sync import OrphanCode, SyncStatus
from schemas.tick import Contradicting, DivergenceCategory

C = DivergenceCategory
_COMPARED: Final = frozenset(
    {
        SyncStatus.FILLS_MISSING,
        SyncStatus.SPLIT_SUSPECTED,
        SyncStatus.PHANTOM,
        SyncStatus.RECOVERED,
        SyncStatus.QTY_MISMATCH,
        SyncStatus.QTY_MISMATCH_SEVERE,
        SyncStatus.SIGN_MISMATCH,
        SyncCode.SYMBOL_MISSING_BROKER,
    }
)
"""Findings about shares of ours, past their grace; shares that others brought (EXTERNAL) are no error of our fold."""
_EXPLAINED: Final = frozenset(
    {OrphanCode.REPLACEMENT_FOUND, OrphanCode.PROTECTION_CANDIDATE, OrphanCode.EXIT_CANDIDATE}
)
"""Own orders without a record that a position of ours accounts for."""
_WEIGHS: Final[Mapping[str, Row]] = {Floor.RED: SEVERE, Floor.ORANGE: ROWS[C.POSITION]}
"""Where the comparison itself said how bad its difference is, its word stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request that left: the client id of its order, and the newest record at that moment."""

    client_order_id: str
    after_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a cycle knows beside its records.

    Attributes: gaps (regular seconds that a position has lain uncovered, the open gaps alone, by position id),
    contradictions (as the tick carries them), sent (requests of this cycle), is_corrupt (the journal broke in its
    middle).
    """

    gaps: Mapping[str, float] = field(default_factory=dict)
    contradictions: tuple[Contradicting, ...] = ()
    sent: tuple[Sent, ...] = ()
    is_corrupt: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """One symbol in the last comparison. *row*: how the difference weighs where the comparison said so itself."""

    broker: Decimal
    row: Row | None
    seq: int


class Standing:
    """What the records of the cycle so far leave to be compared with the state. Fed after each is folded."""

    def __init__(self) -> None:
        self._passes_time = False
        self._compared: dict[str, _Compared] = {}
        self._compared_at: datetime | None = None
        self._since: dict[str, Decimal] = {}
        self._orphans: dict[str, Found] = {}
        self._doubted: set[str] = set()

    def take(self, record: JournalRecord) -> None:
        """Remember what *record* says of positions and orders at the broker."""
        match record.event:
            case "cycle.began":
                self._passes_time = CycleBegan.model_validate(record.data).kind == CycleKind.INTRADAY
            case "sync.checked":
                self._synced(record, SyncChecked.model_validate(record.data))
            case "order.filled":
                self._filled(OrderFilled.model_validate(record.data))
            case "rebuild.decided":
                self._judged(record, RebuildDecided.model_validate(record.data))

    def check(self, book: Fold, measured: Measured) -> Iterator[Found]:
        """Everything that stands wrong now."""
        yield from self._positions(book)
        yield from self._orphans.values()
        yield from _unclassified(book, self._doubted)
        yield from _races(book)
        for told in measured.contradictions:
            row = contradiction_row(told.grade)
            if row is not None:
                subject = f"{told.subject}:{told.code}"
                yield _found(C.CONTRADICTION, subject, "C0", f"{told.grade} {told.code}", row=row)
        for name, seconds in sorted(measured.gaps.items()):
            row = gap_row(seconds)
            if row is not None:
                yield _found(C.PROTECTION_GAP, name, "covered", f"{seconds:.0f} s uncovered", row=row)

    def _synced(self, record: JournalRecord, data: SyncChecked) -> None:
        if any(row.code == SyncCode.OBSERVATION_FAILED for row in data.findings):
            return  # nothing was compared, and nothing is concluded
        made = {}
        for row in data.findings:
            # A second look inside a cycle knows no grace: what it finds is the next comparison's to say.
            if row.code not in _COMPARED or row.observed is None or (self._passes_time and not row.detail):
                continue
            broker = Decimal(str(row.observed))
            made[row.subject] = _Compared(broker=broker, row=_WEIGHS.get(row.detail), seq=record.seq)
        self._compared, self._compared_at, self._since = made, record.ts, {}

    def _filled(self, data: OrderFilled) -> None:
        if self._compared_at is not None and data.executed_at > self._compared_at:
            signed = data.quantity if data.side is Side.BUY else -data.quantity
            self._since[data.symbol] = self._since.get(data.symbol, Decimal(0)) + signed

    def _judged(self, record: JournalRecord, data: RebuildDecided) -> None:
        if data.code not in _EXPLAINED:
            self._doubted.add(data.symbol)
            self._orphans[data.client_order_id] = _found(
                C.ORPHAN, data.client_order_id, "a record of it", f"{data.code} {data.symbol}", seq=record.seq
            )

    def _positions(self, book: Fold) -> Iterator[Found]:
        """Shares as folded, less what was filled since, against what the broker showed; what is booked is explained."""
        for symbol, told in sorted(self._compared.items()):
            ours = sum((p.quantity for p in book.positions.values() if p.symbol == symbol), Decimal(0))
            ours -= self._since.get(symbol, Decimal(0))
            row = position_row(ours, told.broker)
            if row is not None:
                yield _found(
                    C.POSITION,
                    symbol,
                    format(told.broker, "f"),
                    format(ours, "f"),
                    row=told.row or row,
                    seq=told.seq,
                    pointer="/positions",
                )


def _unclassified(book: Fold, told: Collection[str]) -> Iterator[Found]:
    """Symbols that wait for a person because of an order that nobody could place."""
    for symbol, row in sorted(book.quarantined.items()):
        if row.code == SyncCode.UNCLASSIFIED_ORPHAN and symbol not in told:
            yield _found(C.ORPHAN, symbol, "no such order", row.code, pointer="/quarantined")


def _races(book: Fold) -> Iterator[Found]:
    """Replacements that were given up and are open, and legs of which two are known to work."""
    for name in sorted(book.gave_up):
        order = book.order(name)
        state = "unknown" if order is None else order.state
        yield _found(C.REPLACE_RACE, name, "a known end", f"given up, {state}", pointer="/gave_up")
    entries: dict[str, str] = {}
    for order in book.orders.values():
        old = None if order.replaces is None else book.orders.get(order.replaces)
        if old is not None and old.state in WORKING and order.state in WORKING:
            yield _found(C.REPLACE_RACE, order.ord_id, f"one of it and {old.ord_id}", "both work")
        if order.leg is Leg.ENTRY:
            other = entries.setdefault(order.intent_id, order.ord_id)
            if other != order.ord_id:
                yield _found(
                    C.REPLACE_RACE, max(order.ord_id, other), f"one of it and {other}", "both may work"
                )


def _found(
    category: C,
    subject: str,
    expected: str,
    actual: str,
    *,
    row: Row | None = None,
    seq: int | None = None,
    pointer: str = "",
) -> Found:
    return Found(
        category=category,
        subject=subject,
        expected=expected,
        actual=actual,
        row=row,
        seq=seq,
        pointer=pointer,
    )
