"""A disk in memory dies like a real one: at a chosen step, and what was not fsynced is gone with the power.

For simulations of many thousand runs, which a file system would only slow down. ``ledger.faulty`` is the same idea on
real files.
"""

from typing import Final

from ledger.faulty import SimulatedCrash

APPEND_STEPS: Final = 4
"""Before the first byte, half way, written but not synced, synced."""


class MemoryDisk:
    """Files by path, for one machine that may lose its power.

    Attributes: steps (so far), crash_at (the step at which ``SimulatedCrash`` is raised; None: never), power_loss
    (a crash loses what was not synced), syncs (False: a planted fault, an append that forgets its fsync).
    After a crash call ``restart``.
    """

    def __init__(self) -> None:
        self.steps = 0
        self.crash_at: int | None = None
        self.power_loss = False
        self.syncs = True
        self._files: dict[str, bytearray] = {}
        self._synced: dict[str, int] = {}

    @property
    def is_synced(self) -> bool:
        """Whether a loss of power now would lose nothing."""
        return all(self._synced.get(path) == len(data) for path, data in self._files.items())

    def restart(self) -> None:
        """The machine is up again: what it had not kept is gone, and nothing else is."""
        self.crash_at = None
        if self.power_loss:
            for path, data in tuple(self._files.items()):
                kept = self._synced.get(path)
                if kept is None:
                    del self._files[path]
                else:
                    del data[kept:]
        self._synced = {path: len(data) for path, data in self._files.items()}

    def read(self, path: str) -> bytes:
        """The file's bytes. Errors: ``FileNotFoundError``."""
        if path not in self._files:
            raise FileNotFoundError(path)
        return bytes(self._files[path])

    def exists(self, path: str) -> bool:
        """Whether a file is there."""
        return path in self._files

    def list(self, folder: str) -> tuple[str, ...]:
        """Every file below *folder*, sorted."""
        return tuple(sorted(path for path in self._files if path.startswith(f"{folder}/")))

    def folders(self, folder: str) -> tuple[str, ...]:
        """The names of the folders directly in *folder*, sorted."""
        start = f"{folder}/" if folder else ""
        rests = (path[len(start) :] for path in self._files if path.startswith(start))
        return tuple(sorted({rest.split("/", 1)[0] for rest in rests if "/" in rest}))

    def write(self, path: str, data: bytes) -> None:
        """Put *data* at *path*, at once or not at all."""
        self._step()
        self._files[path] = bytearray(data)
        self._synced[path] = len(data)
        self._step()

    def append(self, path: str, data: bytes) -> None:
        """Add *data* to the end of *path*."""
        half = len(data) // 2
        self._step()
        file = self._files.setdefault(path, bytearray())
        file += data[:half]
        self._step()
        file += data[half:]
        self._step()
        if self.syncs:
            self._synced[path] = len(file)
        self._step()

    def _step(self) -> None:
        self.steps += 1
        if self.crash_at is not None and self.steps >= self.crash_at:
            raise SimulatedCrash(f"died at step {self.steps}")
