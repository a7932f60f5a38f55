"""A disk that shows only what was recorded and keeps what is written in memory: where a replay works."""

from collections.abc import Callable

from ledger.disk import Disk


class Overlay:
    """A view of *base* in which, below *folder*, only files that *keeps* says so are there; writes stay here."""

    def __init__(self, base: Disk, folder: str, keeps: Callable[[str], bool]) -> None:
        self._base = base
        self._folder = f"{folder}/"
        self._keeps = keeps
        self.made: dict[str, bytes] = {}
        """Path -> bytes of every file written."""

    def _shows(self, path: str) -> bool:
        return not path.startswith(self._folder) or self._keeps(path.removeprefix(self._folder))

    def read(self, path: str) -> bytes:
        if path in self.made:
            return self.made[path]
        if not self._shows(path):
            raise FileNotFoundError(path)
        return self._base.read(path)

    def exists(self, path: str) -> bool:
        return path in self.made or (self._shows(path) and self._base.exists(path))

    def list(self, folder: str) -> tuple[str, ...]:
        there = {path for path in self._base.list(folder) if self._shows(path)}
        made = {path for path in self.made if path.startswith(f"{folder}/")}
        return tuple(sorted(there | made))

    def folders(self, folder: str) -> tuple[str, ...]:
        return self._base.folders(folder)

    def write(self, path: str, data: bytes) -> None:
        self.made[path] = data

    def append(self, path: str, data: bytes) -> None:
        self.made[path] = (self.read(path) if self.exists(path) else b"") + data
