"""What a book closed last and which evidence its cycles kept are told with the file to read on in.

Read as they lie: a file that is missing or damaged gives no row here, and `avwap verify` names it.
"""

from collections.abc import Iterator
from datetime import date
from typing import Final

from flows.house import House
from ledger import layout
from ledger.artifacts import Loaded, read_file
from ledger.canonical import Malformed, digest, parse
from ledger.seal import sessions_of
from schemas.trades import RoundTrip, Trades

SUMMARY: Final = "summary.json"
SUMS: Final = "sha256sums"

Row = dict[str, str]


def round_trips(house: House, book_id: str, session: date) -> list[Row]:
    """Positions closed in the newest session up to *session* that has a ``trades.json``; empty if none was closed."""
    for each in reversed(sessions_of(house.disk, book_id)):
        path = layout.artifact(book_id, each, "trades")
        if each <= session and house.disk.exists(path):
            found = read_file(house.disk, path, Trades, book_id, each)
            return [_trip(trip) for trip in found.artifact.closed] if isinstance(found, Loaded) else []
    return []


def _trip(trip: RoundTrip) -> Row:
    return {
        "symbol": trip.symbol,
        "strategy": trip.strategy_id,
        "closed": trip.exit_session.isoformat(),
        "sessions": str(trip.sessions_held),
        "net": f"{trip.net:,.2f}",
        "R": _number(trip.r_multiple, 2),
        "MAE": _number(trip.mae, 2),
        "MFE": _number(trip.mfe, 2),
        "exit bps": _number(trip.slippage_exit_bps, 1),
        "why": " ".join(trip.exit_reasons),
        "whole": "yes" if trip.complete else "no: shares without a fill",
    }


def _number(value: object, places: int) -> str:
    return "-" if value is None else f"{value:,.{places}f}"


def evidence(house: House, book_id: str, session: date) -> list[Row]:
    """The evidence of *session*, in the order of its cycles, each as its ``EVIDENCE_REF`` line names it."""
    folder = layout.day(book_id, session)
    return [
        row
        for path in house.disk.list(f"{folder}/cycles")
        if path.endswith(f"/{SUMMARY}") and "/evidence/" in path
        for row in _kept(house, path)
    ]


def _kept(house: House, path: str) -> Iterator[Row]:
    folder = path.removesuffix(f"/{SUMMARY}")
    try:
        told = parse(house.disk.read(path))
    except Malformed:
        return
    if not isinstance(told, dict):
        return
    sums = f"{folder}/{SUMS}"
    yield {
        "mode": str(told.get("mode", "")),
        "symbol": str(told.get("symbol", "")),
        "reason": str(told.get("reason", "")),
        "action": str(told.get("action", "")),
        "id": str(told.get("evidence_id", "")),
        "sha256": digest(house.disk.read(sums)) if house.disk.exists(sums) else "",
        "path": folder,
    }
