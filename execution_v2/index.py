"""The index says of every order ever announced what the journals say, one row each; the journals are right.

Rows and their comparison, without a database (execution.md 3.5). ``store`` keeps them in SQLite.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields

from execution_v2.reduce import Fold, empty_state
from schemas.base import SessionDate
from schemas.book import Order
from schemas.journal import JournalRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRow:
    """One order, as the record *last_seq* of *session* left it. ``version`` counts the records that moved it."""

    ord_id: str
    intent_id: str
    leg: str
    revision: int
    attempt: int
    send_no: int
    client_order_id: str
    order_id: str | None
    state: str
    version: int
    quantity: str
    filled: str
    session: str
    last_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where index and journals differ; ``None``: no such row there."""

    ord_id: str
    field: str
    journal: str | None
    index: str | None


def row_of(order: Order, version: int, session: SessionDate, seq: int) -> IndexRow:
    """The row of *order* after the record *seq* of *session*."""
    return IndexRow(
        ord_id=order.ord_id,
        intent_id=order.intent_id,
        leg=order.leg,
        revision=order.revision,
        attempt=order.attempt,
        send_no=order.sends,
        client_order_id=order.client_order_id,
        order_id=order.order_id,
        state=order.state,
        version=version,
        quantity=f"{order.quantity:f}",
        filled=f"{order.filled:f}",
        session=session.isoformat(),
        last_seq=seq,
    )


def moves(
    journals: Iterable[tuple[SessionDate, Iterable[JournalRecord]]],
) -> Iterator[tuple[Order, SessionDate, JournalRecord]]:
    """Every order as each record of *journals*, oldest session first, left it."""
    fold = Fold(empty_state())
    for session, records in journals:
        for record in records:
            fold.apply(record)
            for order in fold.touched.values():
                yield order, session, record
            fold.touched.clear()


def rows_of(journals: Iterable[tuple[SessionDate, Iterable[JournalRecord]]]) -> dict[str, IndexRow]:
    """Every order that *journals*, oldest session first, ever announced, by id."""
    rows: dict[str, IndexRow] = {}
    for order, session, record in moves(journals):
        known = rows.get(order.ord_id)
        version = 1 if known is None else known.version + 1
        rows[order.ord_id] = row_of(order, version, session, record.seq)
    return rows


def compare(journal: Mapping[str, IndexRow], index: Mapping[str, IndexRow]) -> tuple[Difference, ...]:
    """What differs between the rows of the journals and those of the index, by order.

    Versions are left out: they count how often a row was moved on, and a repair is a move.
    """
    found: list[Difference] = []
    for name in sorted(set(journal) | set(index)):
        ours, theirs = journal.get(name), index.get(name)
        if ours is None or theirs is None:
            state = (None if ours is None else ours.state, None if theirs is None else theirs.state)
            found.append(Difference(ord_id=name, field="row", journal=state[0], index=state[1]))
            continue
        for each in fields(IndexRow):
            a, b = getattr(ours, each.name), getattr(theirs, each.name)
            if each.name not in ("version", "last_seq", "session") and a != b:
                found.append(Difference(ord_id=name, field=each.name, journal=_text(a), index=_text(b)))
    return tuple(found)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
