"""Two processes cannot both act for one book, and the death of one frees it for the other."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger.canonical import parse
from ledger.disk import LocalDisk
from ledger.journal import Journal
from ledger.lock import BookLock
from schemas.errors import Denied
from tests.ledger.days import BOOK, FIRST, at

HOLD = """
import sys
from pathlib import Path
from ledger.lock import BookLock
from schemas.errors import Denied
try:
    with BookLock(Path(sys.argv[1]), "SIM").acquire("another process") as fence:
        print("held", fence.token, flush=True)
        sys.stdin.readline()
except Denied as error:
    print(error.code, error.message, flush=True)
    sys.exit(error.exit_code)
print("released", flush=True)
"""


@contextmanager
def another_process(root: Path) -> Iterator[subprocess.Popen[str]]:
    """A real process that holds the lock until it gets a line, or exits at once if it is refused."""
    command = [sys.executable, "-c", HOLD, str(root)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env={**os.environ}) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_book_held_by_another_process_is_refused_at_once_naming_the_holder(tmp_path: Path) -> None:
    with another_process(tmp_path) as process:
        assert "held 1" == said(process)
        with pytest.raises(Denied) as caught, BookLock(tmp_path, BOOK).acquire("this process"):
            pass
        assert ("LOCK_BUSY", 3) == (caught.value.code, caught.value.exit_code)
        assert f"'another process' (pid {process.pid}, fence 1)" in caught.value.message
        process.communicate("go\n", timeout=30)
    with BookLock(tmp_path, BOOK).acquire("this process") as fence:
        assert 2 == fence.token


def test_the_other_process_is_refused_while_this_one_holds_the_book(tmp_path: Path) -> None:
    with BookLock(tmp_path, BOOK).acquire("this process"), another_process(tmp_path) as process:
        out, _ = process.communicate(timeout=30)
        assert 3 == process.returncode
        assert out.startswith("LOCK_BUSY SIM is held by 'this process'")


def test_a_killed_holder_frees_the_book_at_once(tmp_path: Path) -> None:
    with another_process(tmp_path) as process:
        assert "held 1" == said(process)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
    with BookLock(tmp_path, BOOK).acquire("this process") as fence:
        assert 2 == fence.token
        fence.check()


def test_two_books_do_not_hold_each_other_up(tmp_path: Path) -> None:
    with BookLock(tmp_path, "SIM").acquire("one"), BookLock(tmp_path, "ALPACA_PAPER").acquire("two") as fence:
        assert 1 == fence.token


def hold_and_fail(root: Path, expected: int) -> None:
    with BookLock(root, BOOK).acquire("this process") as fence:
        assert expected == fence.token
        raise RuntimeError("a stage failed")


def test_the_token_rises_with_each_holder_and_an_error_inside_releases_the_book(tmp_path: Path) -> None:
    for expected in (1, 2, 3):
        with pytest.raises(RuntimeError, match="a stage failed"):
            hold_and_fail(tmp_path, expected)


def test_a_holder_that_was_overtaken_finds_out_before_it_writes(tmp_path: Path) -> None:
    """The lock file was removed under it, so that a second process could lock a new one: the fence tells."""
    disk = LocalDisk(tmp_path)
    path = "SIM/2016-06-01/journal.jsonl"
    with BookLock(tmp_path, BOOK).acquire("this process") as fence:
        journal = Journal.open(disk, path, guard=fence.check)
        journal.append([("cycle.began", at(FIRST, 14), "1000", {})])
        (tmp_path / "SIM" / "lock.flock").unlink()
        with another_process(tmp_path) as process:
            assert "held 2" == said(process)
            with pytest.raises(Denied, match="FENCE_LOST: SIM: 'this process' held fence 1") as caught:
                journal.append([("cycle.ended", at(FIRST, 14), "1000", {})])
            assert 3 == caught.value.exit_code
    assert 1 == len(Journal.open(disk, path).records)


@pytest.mark.parametrize("claim", [b"", b"{", b"\xff\n", b'{"fence":"x"}\n'])
def test_an_unreadable_claim_holds_up_nobody(tmp_path: Path, claim: bytes) -> None:
    LocalDisk(tmp_path).write("SIM/lock", claim)
    with BookLock(tmp_path, BOOK).acquire("this process") as fence:
        assert 1 == fence.token
        fence.check()
        LocalDisk(tmp_path).write("SIM/lock", claim)
        with pytest.raises(Denied, match="FENCE_LOST"):
            fence.check()


def test_the_claim_names_fence_owner_and_process(tmp_path: Path) -> None:
    with BookLock(tmp_path, BOOK).acquire("avwap cycle 2016-06-01 0935"):
        expected = {"book_id": BOOK, "fence": 1, "owner": "avwap cycle 2016-06-01 0935", "pid": os.getpid()}
        assert expected == parse(LocalDisk(tmp_path).read("SIM/lock"))


def test_a_ledger_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "SIM").write_bytes(b"a file where the book's folder should be")
    with pytest.raises(Denied, match="LEDGER_UNAVAILABLE"), BookLock(tmp_path, BOOK).acquire("this process"):
        pass
