"""A crash is a step at which everything stops: dying at each in turn proves that a restart loses nothing.

The stand-in behind the store door, product code like the rest.
"""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from ledger.disk import LocalDisk, Posix


class SimulatedCrash(BaseException):
    """The process dies here. A BaseException, so that no handler of ours can survive it."""


class FaultyDisk(LocalDisk):
    """A ``LocalDisk`` that dies, or fills up, at a chosen step; ``steps`` says how many there have been.

    Every primitive has a step before it and one after it; a write of data has a third in its middle, which
    leaves half of the data behind. A fault-free run counts the steps; a crash suite dies at each of 1..N.

    Args:
        root: the data root.
        crash_at: the step at which ``SimulatedCrash`` is raised, and by every call from then on.
        full_at: the step from which anything that takes space raises ENOSPC, until ``heal()``.
        read_only: every change raises EROFS, until ``heal()``.
        power_loss: the machine dies, not only the process, and what was not fsynced is lost: data since the
            last fsync of its file, names since the last fsync of their folder.
    """

    def __init__(
        self,
        root: Path,
        *,
        crash_at: int | None = None,
        full_at: int | None = None,
        read_only: bool = False,
        power_loss: bool = False,
    ) -> None:
        self._steps = _Steps(crash_at=crash_at, full_at=full_at, read_only=read_only, power_loss=power_loss)
        super().__init__(root, self._steps)

    @property
    def steps(self) -> int:
        """Steps so far; frozen at the crash."""
        return self._steps.count

    def heal(self) -> None:
        """Space is free and the disk writable again. After a crash, make a new disk, as a restart does."""
        self._steps.full_at = None
        self._steps.read_only = False

    def read(self, path: str) -> bytes:
        self._steps.still_alive()
        return super().read(path)

    def exists(self, path: str) -> bool:
        self._steps.still_alive()
        return super().exists(path)

    def list(self, folder: str) -> tuple[str, ...]:
        self._steps.still_alive()
        return super().list(folder)

    def folders(self, folder: str) -> tuple[str, ...]:
        self._steps.still_alive()
        return super().folders(folder)


class _Steps:
    """Primitives that count themselves and fail on demand."""

    def __init__(
        self, *, crash_at: int | None, full_at: int | None, read_only: bool, power_loss: bool
    ) -> None:
        self.count = 0
        self.full_at = full_at
        self.read_only = read_only
        self._crash_at = crash_at
        self._power_loss = power_loss
        self._dead = False
        self._real = Posix()
        self._unsynced = _Unsynced()
        self._open: dict[int, Path] = {}

    def still_alive(self) -> None:
        if self._dead:
            raise SimulatedCrash("this process died already")

    def mkdir(self, path: Path) -> None:
        def act() -> None:
            self._real.mkdir(path)
            self._unsynced.named(path)

        self._around(act, takes_space=True)

    def create(self, path: Path) -> int:
        return self._opened(path, self._real.create, kept=0)

    def open_end(self, path: Path) -> int:
        return self._opened(path, self._real.open_end, kept=path.stat().st_size if path.exists() else 0)

    def write(self, handle: int, data: bytes) -> None:
        half = len(data) // 2
        self._step()
        self._refuse()
        self._real.write(handle, data[:half])
        self._step()
        self._refuse(takes_space=True)
        self._real.write(handle, data[half:])
        self._step()

    def fsync(self, handle: int) -> None:
        def act() -> None:
            self._real.fsync(handle)
            self._unsynced.data_kept(self._open[handle])

        self._around(act)

    def close(self, handle: int) -> None:
        # No step of its own, and allowed to the dead: a process that ends closes its files.
        self._open.pop(handle, None)
        self._real.close(handle)

    def rename(self, source: Path, target: Path) -> None:
        def act() -> None:
            replaced = target.read_bytes() if target.exists() else None
            self._real.rename(source, target)
            self._unsynced.renamed(source, target, replaced)

        self._around(act)

    def fsync_folder(self, path: Path) -> None:
        def act() -> None:
            self._real.fsync_folder(path)
            self._unsynced.names_kept(path)

        self._around(act)

    def truncate(self, path: Path, size: int) -> None:
        self._around(lambda: self._real.truncate(path, size))

    def remove(self, path: Path) -> None:
        self._around(lambda: self._real.remove(path))

    def _opened(self, path: Path, opener: Callable[[Path], int], *, kept: int) -> int:
        is_new = not path.exists()
        self._step()
        self._refuse(takes_space=is_new)
        handle = opener(path)
        self._open[handle] = path
        self._unsynced.opened(path, kept, is_new=is_new)
        try:
            self._step()
        except SimulatedCrash:
            self.close(handle)  # a suite of thousands of crashes must not run out of handles
            raise
        return handle

    def _around(self, act: Callable[[], None], *, takes_space: bool = False) -> None:
        self._step()
        self._refuse(takes_space=takes_space)
        act()
        self._step()

    def _step(self) -> None:
        self.still_alive()
        self.count += 1
        if self.count == self._crash_at:
            self._dead = True
            if self._power_loss:
                self._unsynced.lose()
            raise SimulatedCrash(f"died at step {self.count}")

    def _refuse(self, *, takes_space: bool = False) -> None:
        if self.read_only:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        if takes_space and self.full_at is not None and self.count >= self.full_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class _Unsynced:
    """What a machine that loses power forgets: bytes since a file's fsync, names since their folder's."""

    def __init__(self) -> None:
        self._kept_sizes: dict[Path, int] = {}
        self._names: dict[Path, bytes | None] = {}

    def named(self, path: Path) -> None:
        self._names.setdefault(path, None)

    def opened(self, path: Path, kept: int, *, is_new: bool) -> None:
        self._kept_sizes.setdefault(path, kept)
        if is_new:
            self.named(path)

    def data_kept(self, path: Path) -> None:
        self._kept_sizes.pop(path, None)

    def renamed(self, source: Path, target: Path, replaced: bytes | None) -> None:
        self._names.pop(source, None)
        self._names.setdefault(target, replaced)
        if source in self._kept_sizes:
            self._kept_sizes[target] = self._kept_sizes.pop(source)

    def names_kept(self, folder: Path) -> None:
        for path in [each for each in self._names if each.parent == folder]:
            del self._names[path]

    def lose(self) -> None:
        for path, size in self._kept_sizes.items():
            if path.is_file():
                os.truncate(path, min(size, path.stat().st_size))
        for path, replaced in self._names.items():
            if replaced is not None:
                path.write_bytes(replaced)
            elif path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
