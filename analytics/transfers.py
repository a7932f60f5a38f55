"""Shares that came or went without a fill are transfers: as many as the book's fold made of them, and at no price.

The record states the quantity after it. What it changed is read in the journal's order, as the fold reads it; a sale
that arrives after a record took its shares out says how they left, and takes the place of that much of the record.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from analytics.lots import ZERO
from schemas.book import Side
from schemas.events import ActionApplied, OrderFilled, PositionAdjusted
from schemas.journal import JournalRecord
from schemas.trades import Trades


@dataclass(slots=True, kw_only=True)
class Transfer:
    """One ``position.adjusted``.

    shares: signed, positive in. told: fills of its position that were recorded before it; it comes after them.
    after_split: a split of the symbol was recorded before it.
    """

    data: PositionAdjusted
    shares: Decimal
    told: frozenset[str]
    after_split: bool


@dataclass(slots=True)
class _Position:
    """What the fold holds of one position while the journal goes on."""

    held: Decimal = ZERO
    gone_before: bool = False
    out: Transfer | None = None
    """The last transfer that took shares out in this session."""


class Reading:
    """The transfers of a session, in the journal's order, and the sales of shares that an earlier session's took out.

    ``paid``: ids of those fills. Their cash came, and no lot was left to close. ``after_split``: ids of the fills that
    were recorded after a split of their symbol.
    """

    def __init__(
        self, records: Iterable[JournalRecord], filled: Mapping[int, OrderFilled], previous: Trades | None
    ) -> None:
        """*filled*: the fills among *records*, by their number."""
        self.transfers: list[Transfer] = []
        self.paid: set[str] = set()
        self.after_split: set[str] = set()
        self._positions: dict[str, _Position] = {}
        self._seen: set[str] = set()
        self._split: set[str] = set()
        self._told: dict[str, set[str]] = {}
        if previous is not None:
            self._carry(previous)
        for record in records:
            if record.event == "order.filled":
                self._fill(filled[record.seq])
            elif record.event == "action.applied":
                self._action(ActionApplied.model_validate(record.data))
            elif record.event == "position.adjusted":
                self._adjust(PositionAdjusted.model_validate(record.data))

    def _carry(self, previous: Trades) -> None:
        self._seen.update(fill.fill_id for fill in previous.fills)
        for trade in previous.open_trades:
            row = self._of(trade.position_id)
            row.held = sum((lot.quantity for lot in trade.lots), ZERO)
            row.gone_before = trade.tally.shares_out > 0
        for trip in previous.closed:
            self._of(trip.position_id).gone_before |= trip.shares_out > 0

    def _of(self, position_id: str) -> _Position:
        return self._positions.setdefault(position_id, _Position())

    def _fill(self, data: OrderFilled) -> None:
        if data.fill_id in self._seen:
            return
        self._seen.add(data.fill_id)
        row = self._of(data.position_id)
        self._told.setdefault(data.position_id, set()).add(data.fill_id)
        if data.symbol in self._split:
            self.after_split.add(data.fill_id)
        if data.side is Side.BUY:
            row.held += data.quantity
        elif data.quantity <= row.held:
            row.held -= data.quantity
        elif row.out is not None:
            row.out.shares += data.quantity
        elif row.gone_before:
            self.paid.add(data.fill_id)
        else:
            row.held -= data.quantity

    def _action(self, data: ActionApplied) -> None:
        if data.ratio_num is not None and data.symbol is not None:
            self._split.add(data.symbol)
        if data.event_id in self._seen or data.position_id is None or data.quantity_after is None:
            return
        self._seen.add(data.event_id)
        row = self._of(data.position_id)
        row.held = data.quantity_after

    def _adjust(self, data: PositionAdjusted) -> None:
        if data.event_id in self._seen:
            return
        self._seen.add(data.event_id)
        row = self._of(data.position_id)
        told = self._told.get(data.position_id, set())
        transfer = Transfer(
            data=data,
            shares=data.quantity_after - row.held,
            told=frozenset(told),
            after_split=data.symbol in self._split,
        )
        row.held = data.quantity_after
        row.out = transfer if transfer.shares < 0 else row.out
        self.transfers.append(transfer)


def due(pending: list[Transfer], booked: set[str], *, before_splits: bool) -> list[Transfer]:
    """Those of *pending*, taken out of it, whose turn it is once the fills *booked* are booked."""
    if not pending:
        return []
    ready = [t for t in pending if t.told <= booked and not (before_splits and t.after_split)]
    pending[:] = [t for t in pending if t not in ready]
    return ready
