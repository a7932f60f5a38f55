"""Two processes that would move one order on cannot both: the second finds another version, and sends nothing.

An SQLite table beside the book's journals, written after the journal and before the effect (execution.md 3.5). It
can be lost, behind or broken: the journals make it anew; until then nothing is entered, and exits go on.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple, fields, replace
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

from execution_v2.index import IndexRow, compare, row_of
from schemas.base import SessionDate
from schemas.book import ENDED, BookState, Order
from schemas.errors import Denied
from schemas.reasons.ledger import LedgerCode

BUSY_S: Final = 5.0
_COLUMNS: Final = tuple(each.name for each in fields(IndexRow))
_CREATE: Final = (
    "CREATE TABLE IF NOT EXISTS intents (ord_id TEXT PRIMARY KEY, intent_id TEXT NOT NULL, leg TEXT NOT NULL, "
    "revision INTEGER NOT NULL, attempt INTEGER NOT NULL, send_no INTEGER NOT NULL, "
    "client_order_id TEXT NOT NULL UNIQUE, order_id TEXT, state TEXT NOT NULL, version INTEGER NOT NULL, "
    "quantity TEXT NOT NULL, filled TEXT NOT NULL, session TEXT NOT NULL, last_seq INTEGER NOT NULL) WITHOUT ROWID"
)
# In small letters: sqlite3 knows a change by comparing with "insert" in the process's locale, and in a Turkish one the
# small I of INSERT is another letter; then no transaction begins and no row is counted.
_INSERT: Final = f"insert into intents values ({', '.join('?' * len(_COLUMNS))})"
_UPDATE: Final = (
    f"update intents set {', '.join(f'{name} = ?' for name in _COLUMNS)} "
    "WHERE ord_id = ? AND version = ? AND state = ?"
)
_WORKING: Final = f"SELECT * FROM intents WHERE state NOT IN ({', '.join('?' * len(ENDED))}) OR session = ?"

Settled = Literal["EQUAL", "FOLLOWED", "REBUILT", "UNUSABLE"]


class IntentIndex:
    """The rows of one book. Attributes: trouble: why it cannot be used, or empty."""

    def __init__(self, path: Path) -> None:
        """Open or create the table at *path*; no state of it is an error."""
        self.trouble = ""
        self._known: dict[str, tuple[int, str]] = {}
        self._db: sqlite3.Connection | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute(_CREATE)
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)

    def move(self, orders: Iterable[Order], session: SessionDate, seq: int) -> None:
        """Take over what the record *seq* made of *orders*, in one transaction.

        Errors: ``Denied`` CAS_LOST if a row is not as this process left it: another one moved it on, and what the
        record announced may not be sent. A database that fails is no error: ``trouble`` says why.
        """
        if self._db is None:
            return
        rows = []
        for order in orders:
            before = self._known.get(order.ord_id)
            rows.append((before, row_of(order, 1 if before is None else before[0] + 1, session, seq)))
        try:
            self._db.execute("BEGIN IMMEDIATE")
            claimed: list[IndexRow] = []
            for before, row in rows:
                mine = self._claim(before, row)
                if mine is None:
                    self._db.execute("ROLLBACK")
                    raise _lost(row)
                claimed.append(mine)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._give_up(error)
            return
        self._known.update({row.ord_id: (row.version, row.state) for row in claimed})

    def settle(
        self, state: BookState, session: SessionDate, journals: Callable[[], Mapping[str, IndexRow]]
    ) -> Settled:
        """Make the rows agree with the fold *state* as *session*'s cycle begins.

        A row that is missing or behind follows the fold. One that the fold does not know, or that is ahead of it,
        is no work of these journals: all rows are made anew from *journals*.
        """
        if self._db is None:
            return "UNUSABLE"
        orders = {order.ord_id: order for order in (*state.orders, *state.ended_today)}
        try:
            query = self._db.execute(_WORKING, (*sorted(ENDED), session.isoformat()))
            rows = _made(query)
            self._known = {row.ord_id: (row.version, row.state) for row in rows.values()}
            if not set(rows) <= set(orders):
                return self.rebuild(journals())
            behind = [o for name, o in orders.items() if name not in rows or _differs(o, rows[name])]
        except sqlite3.Error as error:
            self._give_up(error)
            return "UNUSABLE"
        if not behind:
            return "EQUAL"
        try:
            self.move(behind, session, 0)
        except Denied:
            # Somebody writes it at this moment, or a client id has two owners: the journals decide.
            return self.rebuild(journals())
        return "UNUSABLE" if self.trouble else "FOLLOWED"

    def rebuild(self, rows: Mapping[str, IndexRow]) -> Settled:
        """Put *rows* in place of all that is there."""
        if self._db is None:
            return "UNUSABLE"
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("delete from intents")
            self._db.executemany(_INSERT, [astuple(row) for row in rows.values()])
            self._db.execute("COMMIT")
            self._known = {row.ord_id: (row.version, row.state) for row in rows.values()}
        except sqlite3.Error as error:
            self._give_up(error)
            return "UNUSABLE"
        return "REBUILT"

    def rows(self) -> dict[str, IndexRow]:
        """Every row, by order; empty if the table cannot be read, and then ``trouble`` says why."""
        if self._db is None:
            return {}
        try:
            return _made(self._db.execute("SELECT * FROM intents"))
        except sqlite3.Error as error:
            self._give_up(error)
            return {}

    def close(self) -> None:
        """Let go of the file."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _claim(self, before: tuple[int, str] | None, row: IndexRow) -> IndexRow | None:
        assert self._db is not None, "asked of an open index only"
        if before is None:
            query = self._db.execute("SELECT version, state FROM intents WHERE ord_id = ?", (row.ord_id,))
            known = query.fetchone()
            if (
                known is not None and known[1] in ENDED
            ):  # ended in an earlier session, and sent again in this one
                before, row = known, replace(row, version=known[0] + 1)
        try:
            if before is None:
                made = self._db.execute(_INSERT, astuple(row))
            else:
                made = self._db.execute(_UPDATE, (*astuple(row), row.ord_id, *before))
        except sqlite3.IntegrityError:
            return None
        return row if made.rowcount == 1 else None

    def _give_up(self, error: Exception) -> None:
        self.trouble = str(error)
        self.close()


def _made(found: Iterable[tuple[Any, ...]]) -> dict[str, IndexRow]:
    rows = (IndexRow(**dict(zip(_COLUMNS, row, strict=True))) for row in found)
    return {row.ord_id: row for row in rows}


def _differs(order: Order, row: IndexRow) -> bool:
    ours = row_of(order, row.version, SessionDate(date.fromisoformat(row.session)), row.last_seq)
    return bool(compare({row.ord_id: ours}, {row.ord_id: row}))


def _lost(row: IndexRow) -> Denied:
    return Denied(
        LedgerCode.CAS_LOST,
        f"{row.ord_id}: another process moved this order on before its {row.state} could be claimed",
        safe="nothing was sent; the order counts as live and is looked up by the next cycle",
        next="see that one process runs the book: avwap status shows who holds its lock",
    )
