"""A gap is every second of the regular session in which fewer shares are covered than are held; the journal tells all.

A pure fold (execution.md 8.4). A fill counts from its own time, a stop from its confirmation to the broker's own end of
it, however late we learn of that. A stop of unknown fate covers nothing here, though it may sell. A trim's shares are
covered while its sell works, which its window bounds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from execution_v2.desk import Desk
from execution_v2.each import failed
from execution_v2.reduce import Fold
from execution_v2.transitions import covers
from schemas.book import BookState, Leg, Position
from schemas.events import OrderEnded, OrderFilled, StopCovered
from schemas.journal import JournalRecord
from schemas.reasons.execution import CycleFault

_SALES: Final = (Leg.STOP, Leg.TRIM, Leg.EXIT)


@dataclass(slots=True, kw_only=True)
class _Gap:
    position: Position
    ended_s: float = 0.0
    longest_s: float = 0.0
    open_since: datetime | None = None
    closed_since: datetime | None = None
    closed_at: datetime | None = None
    """The last gap that ended, from when to when."""


def fold(
    before: BookState,
    records: Iterable[JournalRecord],
    told: Iterable[StopCovered],
    open_at: datetime,
    close_at: datetime,
) -> tuple[StopCovered, ...]:
    """How every position that had a gap stands after *records*, by position id.

    Args:
        before: the book before the first of *records*.
        told: how each stood then; none of a position that was never uncovered in this session.
        open_at, close_at: only seconds between them count.
    """
    gaps = _Gaps(before, told, open_at, close_at)
    for record in records:
        gaps.take(record)
    return gaps.rows()


class _Gaps:
    """The fold under way."""

    def __init__(
        self, before: BookState, told: Iterable[StopCovered], open_at: datetime, close_at: datetime
    ) -> None:
        self._book = Fold(before)
        self._open_at, self._close_at = open_at, close_at
        self._at = open_at
        self._is_new = True
        held = {position.position_id: position for position in before.positions}
        self._gaps = {
            row.position_id: _Gap(
                position=held[row.position_id],
                ended_s=row.gap_s,
                longest_s=row.longest_s,
                open_since=row.open_since,
                closed_since=row.closed_since,
                closed_at=row.closed_at,
            )
            for row in told
            if row.position_id in held
        }

    def take(self, record: JournalRecord) -> None:
        """One record, and what it changes about the cover of whom it names; before the first one, everybody's."""
        if self._is_new:
            self._is_new = False
            for position in self._book.positions.values():
                self._judge(position, record.ts)
        self._book.apply(record)
        self._at = max(self._at, record.ts)
        if not record.event.startswith(("order.", "action.")):
            return
        at = _happened_at(record)
        name = self._whose(record)
        held = self._book.positions.get(name)
        if held is not None:
            self._judge(held, at)
        elif name in self._gaps:
            self._close(self._gaps[name], at)

    def _whose(self, record: JournalRecord) -> str:
        """Position that the record is about; empty when it names none."""
        told = record.data.get("position_id")
        announced = record.data.get("order")
        order = self._book.order(str(record.data.get("ord_id")))
        if isinstance(announced, dict):
            told = announced.get("position_id")
        return str(told or (order.position_id if order is not None else ""))

    def rows(self) -> tuple[StopCovered, ...]:
        """As events, by position id; those without any gap are left out."""
        return tuple(
            self._row(gap) for _, gap in sorted(self._gaps.items()) if gap.longest_s or gap.open_since
        )

    def _judge(self, position: Position, at: datetime) -> None:
        gap = self._gaps.get(position.position_id)
        if self._is_covered(position):
            if gap is not None:
                self._close(gap, at)
        else:
            if gap is None:
                gap = self._gaps[position.position_id] = _Gap(position=position)
            if gap.open_since is None:
                self._open(gap, max(at, position.entered_at, self._open_at))

    def _open(self, gap: _Gap, at: datetime) -> None:
        """A gap begins. One that began before the last one ended, as is learnt of late, takes that one up."""
        gap.open_since = at
        if gap.closed_at is not None and gap.closed_since is not None and at <= gap.closed_at:
            gap.ended_s -= self._seconds(gap.closed_since, gap.closed_at)
            gap.open_since = min(at, gap.closed_since)
            gap.closed_since = gap.closed_at = None

    def _close(self, gap: _Gap, at: datetime) -> None:
        if gap.open_since is not None:
            seconds = self._seconds(gap.open_since, at)
            gap.ended_s += seconds
            gap.longest_s = max(gap.longest_s, seconds)
            gap.closed_since, gap.closed_at = gap.open_since, at
            gap.open_since = None

    def _is_covered(self, position: Position) -> bool:
        orders = self._book.orders_of(position.position_id, *_SALES)
        covered = sum((o.quantity - o.filled for o in orders if covers(o)), Decimal(0))
        return bool(covered >= position.quantity)

    def _seconds(self, since: datetime, until: datetime) -> float:
        return regular_seconds(since, until, self._open_at, self._close_at)

    def _row(self, gap: _Gap) -> StopCovered:
        longest = gap.longest_s
        if gap.open_since is not None:
            longest = max(longest, self._seconds(gap.open_since, self._at))
        return StopCovered(
            position_id=gap.position.position_id,
            strategy_id=gap.position.strategy_id,
            sleeve_id=gap.position.sleeve_id,
            symbol=gap.position.symbol,
            gap_s=round(gap.ended_s, 2),
            longest_s=round(longest, 2),
            open_since=gap.open_since,
            closed_since=gap.closed_since,
            closed_at=gap.closed_at,
        )


def _happened_at(record: JournalRecord) -> datetime:
    """When what *record* tells came about: a fill and an end at the broker do so before we hear of them."""
    if record.event == "order.filled":
        return OrderFilled.model_validate(record.data).executed_at
    if record.event == "order.ended":
        ended = OrderEnded.model_validate(record.data).ended_at
        # No later than we know it: the broker's clock is not ours.
        return record.ts if ended is None else min(ended, record.ts)
    return record.ts


def regular_seconds(since: datetime, until: datetime, open_at: datetime, close_at: datetime) -> float:
    """Seconds between two instants that lie in the session; never negative."""
    return max(0.0, (min(until, close_at) - max(since, open_at)).total_seconds())


def tell(desk: Desk) -> None:
    """Journal every gap that this cycle saw begin, grow or end; one that is open at its end is a finding."""
    inputs = desk.inputs
    rows = fold(inputs.state, desk.records, inputs.gaps, inputs.open_at, inputs.close_at)
    news = [row for row in rows if row not in inputs.gaps]
    if news:
        desk.note(*(("stop.covered", row) for row in news))
    for row in rows:
        if row.open_since is not None and inputs.open_at <= desk.at < inputs.close_at:
            failed(desk, row.position_id, CycleFault.PROTECTION_GAP, f"uncovered since {row.open_since}")
