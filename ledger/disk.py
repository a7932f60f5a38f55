"""A file appears whole or not at all, and stays: every write is one fixed sequence of small, testable steps.

``LocalDisk`` is the one implementation of the store door. It reaches the file system through ``Primitives``
only, so that ``FaultyDisk``, which counts those steps and dies at the n-th, tests the order that is used.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from schemas.errors import Denied
from schemas.reasons.ledger import LedgerCode

TEMPORARY_SUFFIX: Final = ".tmp~"
"""Ends the name of a write under way. Left behind by a crash, it is no file of the ledger: never listed."""


class Disk(Protocol):
    """The store door. Paths are POSIX text relative to the data root; OSErrors become LEDGER_UNAVAILABLE."""

    def read(self, path: str) -> bytes:
        """The file's bytes. Errors: ``FileNotFoundError`` if there is none."""

    def exists(self, path: str) -> bool:
        """Whether a file is there."""

    def list(self, folder: str) -> tuple[str, ...]:
        """Every file below *folder*, at any depth, as paths from the root, sorted; empty without a folder."""

    def folders(self, folder: str) -> tuple[str, ...]:
        """The names of the folders directly in *folder*, sorted; empty if there is none."""

    def write(self, path: str, data: bytes) -> None:
        """Put *data* at *path* at once or not at all, durably, replacing what was there."""

    def append(self, path: str, data: bytes) -> None:
        """Add *data* to the end of *path*, durably; a failure other than death leaves the file as it was."""


class Primitives(Protocol):
    """What a file system does in one step. Every method may raise OSError."""

    def mkdir(self, path: Path) -> None: ...
    def create(self, path: Path) -> int: ...
    def open_end(self, path: Path) -> int: ...
    def write(self, handle: int, data: bytes) -> None: ...
    def fsync(self, handle: int) -> None: ...
    def close(self, handle: int) -> None: ...
    def rename(self, source: Path, target: Path) -> None: ...
    def fsync_folder(self, path: Path) -> None: ...
    def truncate(self, path: Path, size: int) -> None: ...
    def remove(self, path: Path) -> None: ...


class Posix:
    """The primitives of the operating system."""

    def mkdir(self, path: Path) -> None:
        os.mkdir(path)

    def create(self, path: Path) -> int:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)

    def open_end(self, path: Path) -> int:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, handle: int, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]

    def fsync(self, handle: int) -> None:
        os.fsync(handle)

    def close(self, handle: int) -> None:
        os.close(handle)

    def rename(self, source: Path, target: Path) -> None:
        os.replace(source, target)

    def fsync_folder(self, path: Path) -> None:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def truncate(self, path: Path, size: int) -> None:
        os.truncate(path, size)

    def remove(self, path: Path) -> None:
        os.remove(path)


class LocalDisk:
    """A data root on a local file system. A path that leaves the root is a caller's bug: AssertionError."""

    def __init__(self, root: Path, primitives: Primitives | None = None) -> None:
        self.root = root
        self._do: Primitives = primitives or Posix()

    def read(self, path: str) -> bytes:
        with _answered("read", path, absent_is_ours=False):
            return self._at(path).read_bytes()

    def exists(self, path: str) -> bool:
        with _answered("look at", path):
            return self._at(path).is_file()

    def list(self, folder: str) -> tuple[str, ...]:
        with _answered("list", folder):
            top = self._at(folder)
            below = (Path(parent, name) for parent, _, names in os.walk(top, onerror=_loud) for name in names)
            found = (each.relative_to(self.root).as_posix() for each in below)
            return tuple(sorted(each for each in found if not each.endswith(TEMPORARY_SUFFIX)))

    def folders(self, folder: str) -> tuple[str, ...]:
        with _answered("list", folder):
            top = self._at(folder) if folder else self.root
            names = (each.name for each in os.scandir(top) if each.is_dir()) if top.is_dir() else ()
            return tuple(sorted(names))

    def write(self, path: str, data: bytes) -> None:
        target = self._at(path)
        temporary = target.with_name(f".{target.name}{TEMPORARY_SUFFIX}")
        with _answered("write", path):
            self._make_folder(target.parent)
            try:
                self._fill(self._do.create(temporary), data)
                self._do.rename(temporary, target)
            except OSError:
                with contextlib.suppress(OSError):
                    self._do.remove(temporary)
                raise
            self._do.fsync_folder(target.parent)

    def append(self, path: str, data: bytes) -> None:
        target = self._at(path)
        with _answered("append to", path):
            self._make_folder(target.parent)
            before = target.stat().st_size if target.exists() else None
            try:
                self._fill(self._do.open_end(target), data)
                if before is None:
                    self._do.fsync_folder(target.parent)
            except OSError:
                # Half a line in the middle of a journal would be a break; at its end it is only torn.
                with contextlib.suppress(OSError):
                    if before is None:
                        self._do.remove(target)
                    else:
                        self._do.truncate(target, before)
                raise

    def _fill(self, handle: int, data: bytes) -> None:
        try:
            self._do.write(handle, data)
            self._do.fsync(handle)
        finally:
            self._do.close(handle)

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        with contextlib.suppress(FileExistsError):  # another process, another book: both want it there
            self._do.mkdir(folder)
        self._do.fsync_folder(folder.parent)

    def _at(self, path: str) -> Path:
        parts = path.split("/")
        assert not {"", ".", ".."} & set(parts), f"{path!r} leaves the data root"
        return self.root.joinpath(*parts)


def _loud(error: OSError) -> None:
    """An unreadable folder is not an empty one (L6); a missing one is."""
    if not isinstance(error, FileNotFoundError):
        raise error


@contextlib.contextmanager
def _answered(verb: str, path: str, *, absent_is_ours: bool = True) -> Iterator[None]:
    """Turn an OSError into the one error of this door."""
    try:
        yield
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not absent_is_ours:
            raise
        why = os.strerror(error.errno) if error.errno else str(error)
        cures = {
            errno.ENOSPC: "free space on the ledger's disk, then run the same command again",
            errno.EDQUOT: "raise the quota of the ledger's disk, then run the same command again",
            errno.EROFS: "mount the ledger's disk writable, then run the same command again",
            errno.EACCES: "give this user write access to the ledger folder, then run the same command again",
        }
        raise Denied(
            LedgerCode.LEDGER_UNAVAILABLE,
            f"cannot {verb} {path}: {why}",
            safe="nothing half-written is visible; what was on disk before is untouched",
            next=cures.get(error.errno or 0, "repair the ledger's disk, then run the same command again"),
        ) from error
