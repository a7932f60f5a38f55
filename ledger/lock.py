"""One process at a time acts for a book, and one that was overtaken finds out before it acts.

The operating system holds the lock and frees it with the process, however that dies, so there is no
heartbeat to wait for. Behind it stands a fencing token: each holder writes a number one higher than the last
and looks, before each effect, whether it is still the one on disk. The token stays out of every sealed byte:
two ways of running one day give one seal.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger import layout
from ledger.canonical import Malformed, line_bytes, parse_canonical_line
from ledger.disk import Disk, LocalDisk
from schemas.errors import Denied
from schemas.reasons.ledger import LedgerCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """The right to act for a book, as long as ``check`` agrees."""

    book_id: str
    token: int
    owner: str
    disk: Disk

    def check(self) -> None:
        """Raise ``Denied`` FENCE_LOST if another process has taken the book. Made to be a journal's guard."""
        found = _read(self.disk, self.book_id)
        if (found.get("fence"), found.get("owner"), found.get("pid")) != (
            self.token,
            self.owner,
            os.getpid(),
        ):
            raise Denied(
                LedgerCode.FENCE_LOST,
                f"{self.book_id}: {self.owner!r} held fence {self.token}, now {found.get('owner')!r} holds "
                f"{found.get('fence')}",
                safe="this process writes and sends nothing more; the holder sends the exits",
                next=f"avwap status --book {self.book_id}",
            )


@dataclass(frozen=True, slots=True)
class BookLock:
    """The lock of one book. Args: root: the data root; book_id."""

    root: Path
    book_id: str

    @contextmanager
    def acquire(self, owner: str) -> Iterator[Fence]:
        """Hold the book, or be refused at once.

        Args:
            owner: who asks, in words for a person ("avwap cycle 2026-03-09 0935").
        Errors: ``Denied`` LOCK_BUSY, naming the holder; or LEDGER_UNAVAILABLE, if the disk does not answer.
        """
        from filelock import FileLock, Timeout

        disk = LocalDisk(self.root)
        folder = self.root / layout.book(self.book_id)
        held = FileLock(folder / "lock.flock", timeout=0)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held.acquire()
        except Timeout:
            raise self._busy(disk) from None
        except OSError as error:
            raise Denied(
                LedgerCode.LEDGER_UNAVAILABLE,
                f"cannot lock {self.book_id}: {os.strerror(error.errno) if error.errno else error}",
                safe="nothing was started",
                next="give this user write access to the ledger folder, then run the same command again",
            ) from error
        try:
            yield self._raise_fence(disk, owner)
        finally:
            held.release()

    def holder(self) -> str | None:
        """Who acts for the book at this moment, or ``None``. Asking takes nothing away from anybody."""
        from filelock import FileLock, Timeout

        if not (self.root / layout.book(self.book_id) / "lock.flock").exists():
            return None
        held = FileLock(self.root / layout.book(self.book_id) / "lock.flock", timeout=0)
        try:
            held.acquire()
        except Timeout:
            return str(_read(LocalDisk(self.root), self.book_id).get("owner"))
        held.release()
        return None

    def _raise_fence(self, disk: Disk, owner: str) -> Fence:
        token = int(_read(disk, self.book_id).get("fence", 0)) + 1
        claim = {"book_id": self.book_id, "fence": token, "owner": owner, "pid": os.getpid()}
        disk.write(layout.lock(self.book_id), line_bytes(claim))
        return Fence(book_id=self.book_id, token=token, owner=owner, disk=disk)

    def _busy(self, disk: Disk) -> Denied:
        found = _read(disk, self.book_id)
        return Denied(
            LedgerCode.LOCK_BUSY,
            f"{self.book_id} is held by {found.get('owner', 'a process that is just starting')!r} "
            f"(pid {found.get('pid')}, fence {found.get('fence')})",
            safe="nothing was started and nothing was touched",
            next="wait for it to end; the lock is freed with its process, even a killed one",
        )


def _read(disk: Disk, book_id: str) -> dict[str, Any]:
    """The last claim. An unreadable one counts as none: no broken file may hold up an exit (L3).

    The numbers then start again, which is safe: a claim is the number, the owner and the process together.
    """
    path = layout.lock(book_id)
    try:
        found = parse_canonical_line(disk.read(path))
    except (FileNotFoundError, Malformed):
        return {}
    return found if isinstance(found.get("fence"), int) else {}
