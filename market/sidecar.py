"""The sidecar is the store in the shape that kernels read: derived, memory-mapped, and thrown away at will.

It lies under ``MARKET/sidecar/<digest>/``, the digest being that of the manifest and the calendar, so that
a stale one cannot be met. It is built in a temporary folder and renamed. One row per (symbol, session,
revision), sorted by (symbol, session, arrival): dates that are no session are kept apart, and of several
rows in one revision the last in canonical order stays, flagged.

**Arrival** is the first session whose cut (08:30 New York) a row was known by; a row without ``known_at``
arrives at the session after its date. **data_version** of D chains the arrivals up to D::

    version(k) = sha256(version(k-1) + session + sha256(rows arrived at k) + sha256(facts arrived at k))

Rows enter the digest in canonical order as fixed-width records (symbol, day, five values, known_at), so
neither the order in a file, nor the order of files, nor a row that arrives later can change it. It is
looked up, not computed.
"""

import hashlib
import json
import os
import shutil
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ledger import canonical
from market.calendar import Calendar
from market.facts import F, MarketFact, Told, identity
from market.facts import arrival as arrival_of
from market.rows import FIELDS, NULL, Bools, Int32, Int64, Rows, UInt8, microseconds
from market.store import BarStore
from schemas.errors import Denied
from schemas.market import CorporateAction, EarningsEvent, FactKind, Membership, SectorLine
from schemas.reasons.ledger import LedgerCode

FORMAT: Final = "2"
ARRAYS: Final = (
    "key",
    "session",
    *FIELDS,
    "arrival",
    "flag",
    "odd",
    "phantom_code",
    "phantom_day",
    "phantom_arrival",
)
PRICE_NULL: Final = -1
"""A missing price in the flat arrays; never positive, so no rule can take it for good. A missing volume is
0."""
DUPLICATE_SAME: Final = 1
DUPLICATE_DIFFERS: Final = 2
RECORD: Final = np.dtype([("symbol", "S10"), ("day", "<i4"), ("values", "<i8", (5,)), ("known_at", "<i8")])
NO_VERSION: Final = hashlib.sha256(b"").hexdigest()
SYMBOL_SHIFT: Final = 20
"""Bits that a session's number takes in ``key``: a million sessions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """The store's bars as flat arrays, memory-mapped copy-on-write (writing never reaches the file).

    Rows are n; ``session`` numbers the calendar's sessions; prices 1e-4 USD as traded, ``PRICE_NULL`` if
    missing.
    key: symbol position << 20 | session. flag: 0, ``DUPLICATE_SAME`` or ``DUPLICATE_DIFFERS``.
    plain: no row is odd: then the rows serve every D as they lie.
    odd: the rows that do not serve every D: told late, or one of several revisions of their bar; sorted.
    symbols: every symbol with a bar, and every one that a symbol change hands a history to.
    phantom_*: rows on dates that are no session (symbol position, day since 1970, arrival).
    """

    folder: Path
    symbols: tuple[str, ...]
    plain: bool
    key: Int64
    session: Int32
    open: Int64
    high: Int64
    low: Int64
    close: Int64
    volume: Int64
    arrival: Int32
    flag: UInt8
    odd: Int64
    phantom_code: Int32
    phantom_day: Int32
    phantom_arrival: Int32
    actions: tuple[Told[CorporateAction], ...]
    """(arrival, vintage, action), by symbol, ex_date, kind and vintage; the other facts likewise."""
    membership: tuple[Told[Membership], ...]
    sectors: tuple[Told[SectorLine], ...]
    earnings: tuple[Told[EarningsEvent], ...]
    retold: frozenset[str]
    """Kinds of facts in which some fact was told more than once."""
    versions: tuple[tuple[int, str], ...]
    """(arrival, sha256) in order."""

    def data_version(self, session_index: int) -> str:
        """20 hex digits that name what was known at the cut of the session numbered *session_index*."""
        at = bisect_right(self.versions, session_index, key=lambda each: each[0])
        return (self.versions[at - 1][1] if at else NO_VERSION)[:20]

    def remapped(self) -> dict[str, Int64]:
        """The five value arrays once more, to be written to: a mapping of their own, or a copy of what is in memory."""
        return {
            name: _mapped(self.folder / f"{name}.npy", len(self.key))
            if isinstance(getattr(self, name).base, np.memmap)
            else np.array(getattr(self, name))
            for name in FIELDS
        }


def open_sidecar(store: BarStore, calendar: Calendar) -> Sidecar:
    """The sidecar of the store's present manifest, built if it is not there.

    Errors: ``Corrupt(STORE_CORRUPT)`` if a file of the store is not what the manifest says, when building.
    """
    name = _digest(store.manifest_bytes(), calendar)
    folder = store.root / "MARKET" / "sidecar" / name
    found = _load(folder)
    if found is None:
        _build(store, calendar, folder)
        found = _load(folder)
    assert found is not None, "a sidecar just built can be read"
    return found


def _digest(manifest: bytes, calendar: Calendar) -> str:
    whole = FORMAT.encode() + hashlib.sha256(manifest).digest() + calendar.fingerprint.encode()
    return hashlib.sha256(whole).hexdigest()[:20]


def _load(folder: Path) -> Sidecar | None:
    """The sidecar in *folder*, or ``None`` if it is absent or damaged: then it is made again."""
    try:
        meta = json.loads((folder / "meta.json").read_bytes())
        arrays: dict[str, Any] = {}
        for name in ARRAYS:
            path = folder / f"{name}.npy"
            if path.stat().st_size != meta["bytes"][name]:
                return None
            arrays[name] = _mapped(path, meta["rows"][name])
        symbols = tuple((folder / "symbols.txt").read_text("ascii").split())
    except (OSError, ValueError, KeyError):
        return None
    return Sidecar(
        folder=folder,
        symbols=symbols,
        plain=meta["plain"],
        actions=_told(meta, FactKind.ACTIONS, CorporateAction),
        membership=_told(meta, FactKind.MEMBERSHIP, Membership),
        sectors=_told(meta, FactKind.SECTORS, SectorLine),
        earnings=_told(meta, FactKind.EARNINGS, EarningsEvent),
        retold=frozenset(meta["retold"]),
        versions=tuple((a, version) for a, version in meta["versions"]),
        **arrays,
    )


def _told(meta: dict[str, Any], kind: FactKind, model: type[F]) -> tuple[Told[F], ...]:
    return tuple((a, v, model.model_validate(record)) for a, v, record in meta["facts"].get(kind, ()))


def _mapped(path: Path, rows: int) -> Any:
    """Copy-on-write, so that every caller's array has one type for the compiler. An empty file cannot be
    mapped."""
    return np.load(path, mmap_mode="c" if rows else None).view(np.ndarray)


def _build(store: BarStore, calendar: Calendar, folder: Path) -> None:
    rows = store.rows()
    facts = {
        kind: [(arrival_of(fact, calendar), vintage, fact) for vintage, fact in store.facts(kind)]
        for kind in FactKind
    }
    days = np.array(calendar.days, np.int32)
    arrival = _arrivals(rows, days, calendar)
    at = np.minimum(np.searchsorted(days, rows.day), len(days) - 1).astype(np.int32)
    on_session = days[at] == rows.day
    versions = _versions(rows, arrival, facts, calendar)
    heirs = {
        f.new_symbol for _, _, f in facts[FactKind.ACTIONS] if isinstance(f, CorporateAction) and f.new_symbol
    }
    rows = rows.against(tuple(sorted(heirs.union(rows.symbols))))
    arrays = _flat(rows.take(on_session), at[on_session], arrival[on_session])
    phantom = rows.take(~on_session)
    arrays |= {
        "phantom_code": phantom.code, "phantom_day": phantom.day, "phantom_arrival": arrival[~on_session],
    }  # fmt: skip
    key = arrays["key"]
    again = np.zeros(len(key), np.bool_)
    again[1:] = key[1:] == key[:-1]
    again[:-1] |= again[1:]
    arrays["odd"] = np.flatnonzero(again | (arrays["arrival"] != arrays["session"] + 1))
    meta = {
        "plain": not len(arrays["odd"]),
        "rows": {name: len(arrays[name]) for name in ARRAYS},
        "facts": {k: [[a, v, canonical.plain(each)] for a, v, each in told] for k, told in facts.items()},
        "retold": [
            k for k, told in facts.items() if len({identity(each) for _, _, each in told}) < len(told)
        ],
        "versions": versions,
    }
    _write(folder, arrays, rows.symbols, meta)


def _arrivals(rows: Rows, days: Int32, calendar: Calendar) -> Int32:
    """Number of the first session whose cut each row was known by; never that of its own date or earlier."""
    on_time = np.searchsorted(days, rows.day, "right").astype(np.int32)
    stated = rows.known_at != NULL
    if not stated.any():
        return on_time
    cuts = np.array([microseconds(calendar.cut_at(calendar.at(i))) for i in range(len(days))], np.int64)
    told = np.searchsorted(cuts, rows.known_at, "left").astype(np.int32)
    return np.where(stated, np.maximum(on_time, told), on_time).astype(np.int32)


def _flat(rows: Rows, session: Int32, arrival: Int32) -> dict[str, npt.NDArray[Any]]:
    """One row per (symbol, session, revision): of several, the last in canonical order, flagged."""
    key = (rows.code.astype(np.int64) << SYMBOL_SHIFT) | session
    again = (
        (key[1:] == key[:-1])
        & (rows.known_at[1:] == rows.known_at[:-1])
        & (rows.vintage[1:] == rows.vintage[:-1])
    )
    differs = again & (rows.values[:, 1:] != rows.values[:, :-1]).any(axis=0)
    last: Bools = np.ones(len(key), np.bool_)
    last[:-1] = ~again
    group: Int64 = np.cumsum(last) - last  # the number of the revision each row belongs to
    flag = np.zeros(int(last.sum()), np.uint8)
    np.maximum.at(flag, group[1:][again], np.uint8(DUPLICATE_SAME))
    np.maximum.at(flag, group[1:][differs], np.uint8(DUPLICATE_DIFFERS))
    kept = rows.take(last)
    values = np.where(kept.values == NULL, PRICE_NULL, kept.values)
    values[-1] = np.maximum(values[-1], 0)
    arrays: dict[str, npt.NDArray[Any]] = dict(zip(FIELDS, values, strict=True))
    arrays |= {"key": key[last], "session": session[last], "arrival": arrival[last], "flag": flag}
    # Within one bar arrival grows with known_at, so canonical order is already the order of arrival.
    return arrays


def _versions(
    rows: Rows,
    arrival: Int32,
    facts: Mapping[FactKind, list[tuple[int, int, MarketFact]]],
    calendar: Calendar,
) -> list[tuple[int, str]]:
    order = np.argsort(arrival, kind="stable")
    records = np.empty(len(rows), RECORD)
    records["symbol"] = np.array(rows.symbols, "S10")[rows.code[order]] if len(rows) else b""
    records["day"] = rows.day[order]
    records["values"] = rows.values[:, order].T
    records["known_at"] = rows.known_at[order]
    sorted_arrival = arrival[order]
    texts: dict[int, list[bytes]] = {}
    for kind, told in facts.items():
        # An action's line stands alone: data versions of before there were other kinds stay what they were.
        mark = b"" if kind is FactKind.ACTIONS else kind.encode() + b" "
        for at, _, fact in told:
            texts.setdefault(at, []).append(mark + canonical.line_bytes(canonical.plain(fact)))
    chain, made = b"", []
    for at in sorted({*np.unique(sorted_arrival).tolist(), *texts}):
        if at >= len(calendar.days):
            break  # known only after the calendar's end: no session will see it
        lo, hi = np.searchsorted(sorted_arrival, [at, at + 1])
        bars = hashlib.sha256(records[lo:hi].tobytes()).digest()
        beside = hashlib.sha256(b"".join(texts.get(at, []))).digest()
        session = calendar.at(at).isoformat().encode()
        link = hashlib.sha256(chain + session + bars + beside)
        chain = link.digest()
        made.append((at, link.hexdigest()))
    return made


def _write(
    folder: Path, arrays: dict[str, npt.NDArray[Any]], symbols: tuple[str, ...], meta: dict[str, Any]
) -> None:
    building = folder.parent / f".building-{os.getpid()}"
    try:
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        sizes = {}
        for name in ARRAYS:
            path = building / f"{name}.npy"
            np.save(path, np.ascontiguousarray(arrays[name]))
            sizes[name] = path.stat().st_size
        (building / "symbols.txt").write_text("\n".join(symbols), "ascii")
        (building / "meta.json").write_text(json.dumps({**meta, "bytes": sizes}), "ascii")
        for old in folder.parent.iterdir():
            if old != building and not old.name.startswith(".building-"):
                shutil.rmtree(old, ignore_errors=True)  # of an earlier manifest, or damaged
        os.replace(building, folder)
    except OSError as error:
        if not (folder / "meta.json").exists():  # else another process built the same bytes meanwhile
            raise Denied(
                LedgerCode.LEDGER_UNAVAILABLE,
                f"cannot build the market sidecar: {error.strerror}",
                safe="the market store itself is unchanged",
                next="make room and write access under MARKET/sidecar of the data root, then run again",
            ) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
