"""The store keeps every bar as it was received, once: vintages are appended, never rewritten.

``MARKET/bars/<year>.v<vintage>.parquet`` hold integer ticks (1e-4 USD, delta encoded) sorted by (symbol,
session_date); ``MARKET/<kind>/v<vintage>.json`` hold corporate actions, membership, sectors and earnings;
``MARKET/manifest.json``, written last, lists them with their digests. What the manifest does not list does not
exist, so a crash leaves nothing half done.
"""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from filelock import FileLock, Timeout
from pydantic import ValidationError

from ledger import canonical
from ledger.disk import Disk, LocalDisk
from market.calendar import EPOCH
from market.facts import KINDS, MarketFact, dated, identity, sort_new
from market.merge import merge
from market.rows import FIELDS, NULL, Int32, Rows, concatenated, microseconds
from schemas.errors import Corrupt, Denied, UsageFault
from schemas.market import FactKind, StoreFile, StoreManifest, Vintage
from schemas.reasons.ledger import LedgerCode
from schemas.reasons.market import MarketFault

MANIFEST: Final = "MARKET/manifest.json"
PRICE_COLUMNS: Final = ("open_e4", "high_e4", "low_e4", "close_e4")
Progress = Callable[[int, int], None]
"""Called with (rows done, rows in all)."""


def silent(done: int, total: int) -> None:
    """A progress that shows nothing."""


class BarStore:
    """The market store of the data root *root*. *disk* writes it; by default the local disk."""

    def __init__(self, root: Path, disk: Disk | None = None) -> None:
        self.root = root
        self.disk: Disk = disk if disk is not None else LocalDisk(root)

    def manifest_bytes(self) -> bytes:
        """The manifest as it lies on disk; that of an empty store if there is none."""
        try:
            return self.disk.read(MANIFEST)
        except FileNotFoundError:
            return canonical.artifact_bytes(canonical.plain(StoreManifest()))

    def manifest(self) -> StoreManifest:
        """What the store holds. Errors: ``Corrupt(STORE_CORRUPT)``."""
        data = self.manifest_bytes()
        try:
            return StoreManifest.model_validate(canonical.parse_canonical(data))
        except (canonical.Malformed, ValidationError) as error:
            raise _corrupt(MANIFEST, str(error)) from error

    def rows(self) -> Rows:
        """Every bar of every vintage, in canonical order, each file checked against its digest."""
        parts = [
            _from_parquet(self._checked(file), vintage.number)
            for vintage in self.manifest().vintages
            if vintage.kind == "bars"
            for file in vintage.files
        ]
        return concatenated(parts)

    def facts(self, kind: FactKind) -> tuple[tuple[int, MarketFact], ...]:
        """Every fact of *kind* with the number of its vintage, sorted by (identity, vintage)."""
        model = KINDS[kind].file
        found: list[tuple[int, MarketFact]] = [
            (vintage.number, fact)
            for vintage in self.manifest().vintages
            if vintage.kind == kind
            for file in vintage.files
            for fact in getattr(model.model_validate(canonical.parse_canonical(self._checked(file))), kind)
        ]
        return tuple(sorted(found, key=lambda each: (identity(each[1]), each[0])))

    def check(self) -> int:
        """Read every file against its digest; the number of bytes. Errors: ``Corrupt(STORE_CORRUPT)``."""
        return sum(len(self._checked(file)) for vintage in self.manifest().vintages for file in vintage.files)

    def append_bars(
        self,
        rows: Rows,
        source: str,
        *,
        source_sha256: str = "",
        known_at: datetime | None = None,
        progress: Progress = silent,
    ) -> tuple[int, int]:
        """Add the rows that are not there yet, as one vintage.

        Args: rows: canonical. known_at: when we first held them; None: 20 min after each close is assumed.
        Returns: (rows added, rows already present).
        Errors: ``UsageFault(IMPORT_RESTATES)`` if a row contradicts the store and does not say when it became
        known; nothing is written then. ``Denied(STORE_BUSY)`` while another import runs.
        """
        if known_at is not None:
            rows = rows.dated(microseconds(known_at))
        with self._alone():
            manifest, held = self.manifest(), self.rows()
            return self._append(manifest, held, rows, (source, source_sha256, known_at), progress)

    def append_restatements(
        self,
        restate: Callable[[Rows], Rows],
        source: str,
        *,
        source_sha256: str = "",
        progress: Progress = silent,
    ) -> tuple[int, int]:
        """Add the rows that *restate* makes of all rows in the store, as one vintage; each says when it became
        known. Returns and errors as ``append_bars``.
        """
        with self._alone():
            manifest, held = self.manifest(), self.rows()
            return self._append(manifest, held, restate(held), (source, source_sha256, None), progress)

    def append_facts(
        self,
        kind: FactKind,
        facts: Sequence[MarketFact],
        source: str,
        *,
        source_sha256: str = "",
        known_at: datetime | None = None,
    ) -> tuple[int, int]:
        """Add the facts that are news, as one vintage. Returns: (added, already present).

        Args: known_at: when we first held those that do not say it themselves.
        Errors: ``UsageFault(IMPORT_RESTATES)`` if a fact contradicts the store without saying since when.
        """
        if known_at is not None:
            facts = [f if f.known_at else f.model_copy(update={"known_at": known_at}) for f in facts]
        with self._alone():
            manifest = self.manifest()
            fresh, against = sort_new(facts, [fact for _, fact in self.facts(kind)])
            if against:
                raise _restates([(f.symbol, dated(f).toordinal() - EPOCH) for f in against])
            if fresh:
                number = len(manifest.vintages) + 1
                held = KINDS[kind].file.model_validate({kind: sorted(fresh, key=_order)})
                data = canonical.artifact_bytes(canonical.plain(held))
                file = self._write(f"MARKET/{kind}/v{number:04d}.json", data, len(fresh))
                vintage = Vintage(
                    number=number, kind=kind.value, source=source, source_sha256=source_sha256,
                    known_at=known_at, files=(file,),
                )  # fmt: skip
                self._write_manifest(manifest, vintage)
        return len(fresh), len(facts) - len(fresh)

    def _append(
        self,
        manifest: StoreManifest,
        held: Rows,
        rows: Rows,
        told: tuple[str, str, datetime | None],
        progress: Progress,
    ) -> tuple[int, int]:
        """*told*: source, its sha256, known_at of the whole."""
        outcome = merge(held, rows)
        if outcome.conflicts:
            raise _restates(outcome.conflicts)
        fresh = outcome.fresh
        if len(fresh):
            number = len(manifest.vintages) + 1
            files = self._write_years(fresh, number, told[0], progress)
            vintage = Vintage(
                number=number, kind="bars", source=told[0], source_sha256=told[1], known_at=told[2],
                files=files,
            )  # fmt: skip
            self._write_manifest(manifest, vintage)
        return len(fresh), outcome.present

    def _write_years(self, rows: Rows, number: int, source: str, progress: Progress) -> tuple[StoreFile, ...]:
        year = rows.day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
        files, done = [], 0
        for each in np.unique(year).tolist():
            part = rows.take(year == each).compact()
            path = f"MARKET/bars/{each}.v{number:04d}.parquet"
            files.append(self._write(path, _to_parquet(part, source), len(part)))
            done += len(part)
            progress(done, len(rows))
        return tuple(files)

    def _write(self, path: str, data: bytes, rows: int) -> StoreFile:
        self.disk.write(path, data)
        return StoreFile(path=path, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data), rows=rows)

    def _write_manifest(self, before: StoreManifest, vintage: Vintage) -> None:
        after = StoreManifest(vintages=(*before.vintages, vintage))
        self.disk.write(MANIFEST, canonical.artifact_bytes(canonical.plain(after)))

    def _checked(self, file: StoreFile) -> bytes:
        try:
            data = self.disk.read(file.path)
        except FileNotFoundError as error:
            raise _corrupt(file.path, "the manifest lists it and it is gone") from error
        found = hashlib.sha256(data).hexdigest()
        if found != file.sha256:
            raise _corrupt(file.path, f"sha256 is {found[:12]}…, the manifest says {file.sha256[:12]}…")
        return data

    def _alone(self) -> AbstractContextManager[Any]:
        """One import at a time; the operating system frees the lock with the process."""
        folder = self.root / "MARKET"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return FileLock(folder / "import.lock").acquire(timeout=0)
        except Timeout as error:
            raise Denied(
                MarketFault.STORE_BUSY,
                "another import is writing to this market store",
                safe="nothing was changed",
                next="run the same command again when it has ended",
            ) from error
        except OSError as error:
            raise Denied(
                LedgerCode.LEDGER_UNAVAILABLE,
                f"cannot write to the market store: {error.strerror}",
                safe="nothing was changed",
                next="give this user write access to the data root, then run the same command again",
            ) from error


def _to_parquet(rows: Rows, source: str) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = pa.array(rows.symbols, pa.string())
    columns: dict[str, Any] = {
        "symbol": pa.DictionaryArray.from_arrays(pa.array(rows.code), names),
        "session_date": pa.array(rows.day, pa.int32()).cast(pa.date32()),
    }
    for name, values in zip((*PRICE_COLUMNS, "volume"), rows.values, strict=True):
        columns[name] = pa.array(values, pa.int64(), mask=values == NULL)
    known = pa.array(rows.known_at, pa.int64(), mask=rows.known_at == NULL)
    columns["known_at"] = known.cast(pa.timestamp("us", "UTC"))
    columns["source"] = pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(len(rows), np.int8)), pa.array([source], pa.string())
    )
    delta = ("session_date", *PRICE_COLUMNS, "volume")
    buffer = BytesIO()
    pq.write_table(
        pa.table(columns),
        buffer,
        compression="zstd",
        use_dictionary=["symbol", "source"],
        column_encoding=dict.fromkeys(delta, "DELTA_BINARY_PACKED"),
    )
    return buffer.getvalue()


def _from_parquet(data: bytes, vintage: int) -> Rows:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(BytesIO(data), read_dictionary=["symbol"])
    symbol = table["symbol"].combine_chunks()
    if isinstance(symbol, pa.ChunkedArray):
        symbol = symbol.unify_dictionaries().chunk(0)
    names = symbol.dictionary.to_pylist()
    order = sorted(range(len(names)), key=names.__getitem__)
    rank = np.empty(len(names), np.int32)
    rank[order] = np.arange(len(names), dtype=np.int32)
    known = table["known_at"].cast(pa.int64()).fill_null(NULL).to_numpy()
    values = [table[name].fill_null(NULL).to_numpy() for name in (*PRICE_COLUMNS, "volume")]
    assert len(values) == len(FIELDS), "one column per field"
    return Rows(
        symbols=tuple(names[at] for at in order),
        code=rank[symbol.indices.to_numpy()],
        day=_days(table["session_date"]),
        values=np.stack(values),
        known_at=known.astype(np.int64),
        vintage=np.full(len(known), vintage, np.int32),
    )


def _days(column: Any) -> Int32:
    import pyarrow as pa

    days: Int32 = column.cast(pa.int32()).to_numpy().astype(np.int32)
    return days


def _order(fact: MarketFact) -> tuple[Any, ...]:
    return (*identity(fact), canonical.line_bytes(canonical.plain(fact)))


def _restates(conflicts: Sequence[tuple[str, int]]) -> UsageFault:
    shown = ", ".join(f"{symbol} {date.fromordinal(day + EPOCH)}" for symbol, day in conflicts[:3])
    more = " …" if len(conflicts) > 3 else ""
    return UsageFault(
        MarketFault.IMPORT_RESTATES,
        f"{len(conflicts)} rows differ from what the store already holds: {shown}{more}",
        safe="the store is unchanged",
        next="say when the new values became known (known_at); past days then keep what was known on them",
    )


def _corrupt(path: str, why: str) -> Corrupt:
    return Corrupt(
        MarketFault.STORE_CORRUPT,
        f"{path}: {why}",
        safe="positions keep their exits; no new entries are made from this store",
        next="restore the file from a backup of the data root, or import the source files into a new one",
    )
