"""Every order of a book is what its journals say; the index is compared with them, and made anew from them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from execution_v2.index import compare, moves, rows_of
from execution_v2.store import IntentIndex
from flows import indexing
from flows.house import House
from flows.settings import book_of
from ledger import layout
from ledger.lock import BookLock
from schemas.book import ENDED, Order
from schemas.errors import Corrupt, UsageFault
from schemas.journal import JournalRecord
from schemas.reasons.edge import EdgeCode
from schemas.reasons.ledger import LedgerCode

_NAMES: Final = ("ord_id", "successor_ord_id")
_TOLD: Final = (
    "state",
    "cause",
    "reason",
    "code",
    "quantity",
    "price",
    "order_id",
    "evidence",
    "operator",
    "detail",
)


def listed(house: House, book_id: str, *, working: bool) -> list[dict[str, str]]:
    """Every order, newest first, as rows of text; with *working* only those that may still fill."""
    book_of(book_id)
    newest: dict[str, tuple[Order, str]] = {}
    for order, session, _ in moves(indexing.journals(house, book_id)):
        newest.pop(order.ord_id, None)
        newest[order.ord_id] = (order, session.isoformat())
    return [
        {
            "order": order.ord_id,
            "session": session,
            "symbol": order.symbol,
            "leg": order.leg.value,
            "state": order.state.value,
            "side": order.side.value,
            "shares": f"{order.quantity:f}",
            "filled": f"{order.filled:f}",
            "price": f"{order.limit or order.stop or ''}",
            "sends": str(order.sends),
            "carried": str(order.carries),
            "client id": order.client_order_id,
        }
        for order, session in reversed(newest.values())
        if not working or order.state not in ENDED
    ]


def shown(house: House, book_id: str, name: str) -> dict[str, Any]:
    """One order, by its id, the front of it, or its client id: what it is, and every record that names it.

    Errors: ``UsageFault`` ORDER_UNKNOWN.
    """
    book_of(book_id)
    known = {order.ord_id: order for order, _, _ in moves(indexing.journals(house, book_id))}
    order = one_of(known, book_id, name)
    told = [
        {
            "session": session.isoformat(),
            "seq": str(record.seq),
            "at": f"{record.ts:%Y-%m-%dT%H:%M:%SZ}",
            "cycle": record.cycle or "",
            "event": record.event,
            "detail": _detail(record),
        }
        for session, records in indexing.journals(house, book_id)
        for record in records
        if order.ord_id in _named_by(record)
    ]
    return {"book": book_id, "order": order.model_dump(mode="json"), "records": told}


def one_of(known: Mapping[str, Order], book_id: str, name: str) -> Order:
    """The order of *known* that *name* means. Errors: ``UsageFault`` ORDER_UNKNOWN if it means none, or several."""
    found = [o for o in known.values() if name in (o.ord_id, o.client_order_id)]
    found = found or [o for o in known.values() if name and o.ord_id.startswith(name)]
    if len(found) == 1:
        return found[0]
    raise UsageFault(
        EdgeCode.ORDER_UNKNOWN,
        f"{name!r} names {'several orders' if found else 'no order'} of {book_id}",
        safe="nothing was changed",
        next=f"avwap intents list --book {book_id} shows every order with its id",
    )


def differences(house: House, book_id: str) -> dict[str, Any]:
    """How the index differs from the journals; nothing is changed. Errors: ``Corrupt`` INDEX_DIFFERS if it does."""
    book_of(book_id)
    rows = rows_of(indexing.journals(house, book_id))
    index = _existing(house, book_id)
    found = compare(rows, {} if index is None else index.rows())
    trouble = "" if index is None else index.trouble
    if index is not None:
        index.close()
    if found or trouble:
        first = (
            trouble or f"{found[0].ord_id} {found[0].field}: {found[0].index} instead of {found[0].journal}"
        )
        raise Corrupt(
            LedgerCode.INDEX_DIFFERS,
            f"the index of {book_id} differs from its journals in {len(found)} places; the first: {first}",
            safe="the journals are right; nothing was changed",
            next=f"avwap intents rebuild --book {book_id} makes it anew from them",
        )
    return {"book": book_id, "orders": len(rows), "differences": []}


def rebuilt(house: House, book_id: str) -> dict[str, Any]:
    """Make the index anew from the journals, and say what it had said otherwise."""
    book_of(book_id)
    rows = rows_of(indexing.journals(house, book_id))
    if not rows and not house.root.joinpath(book_id).is_dir():
        return {"book": book_id, "orders": 0, "differences": [], "set_aside": ""}
    with BookLock(house.root, book_id).acquire("avwap intents rebuild"):
        index = indexing.opened(house, book_id)
        found, aside = compare(rows, index.rows()), ""
        if index.trouble:
            aside = _set_aside(house, book_id)
            index = indexing.opened(house, book_id)
        index.rebuild(rows)
        left = compare(rows, index.rows())
        trouble = index.trouble
        index.close()
    if left or trouble:
        raise Corrupt(
            LedgerCode.INDEX_DIFFERS,
            f"the index of {book_id} cannot be made: {trouble or left[0]}",
            safe="the journals are whole; nothing is entered until the index can be used",
            next="see that its disk has space and may be written, then run this again",
        )
    rows_told = [asdict(row) for row in found]
    return {"book": book_id, "orders": len(rows), "differences": rows_told, "set_aside": aside}


def _existing(house: House, book_id: str) -> IntentIndex | None:
    path = house.root / layout.index(book_id)
    return indexing.opened(house, book_id) if path.exists() else None


def _set_aside(house: House, book_id: str) -> str:
    """Rename a file that is no database any more; what belongs to it is of no use without it."""
    path = house.root / layout.index(book_id)
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    broken = path.with_name(f"{path.name}.broken")
    path.replace(broken)
    return f"{book_id}/{broken.name}"


def _named_by(record: JournalRecord) -> set[str]:
    names = {str(record.data[key]) for key in _NAMES if key in record.data}
    for key in ("order", "successor"):
        inner = record.data.get(key)
        if isinstance(inner, dict):
            names.add(str(inner["ord_id"]))
    return names


def _detail(record: JournalRecord) -> str:
    inner = record.data.get("order") or record.data.get("successor")
    data = {**inner, "state": ""} if isinstance(inner, dict) else record.data
    return " ".join(f"{key}={data[key]}" for key in _TOLD if data.get(key))
