"""A file appears whole or not at all, and what was announced as kept is kept."""

import errno
import os
import stat
from pathlib import Path

import pytest

from ledger.disk import LocalDisk, Posix
from ledger.faulty import FaultyDisk, SimulatedCrash
from schemas.errors import Denied

OLD, NEW = b"what was there before\n", b"what is there now, and longer\n"


class Traced(Posix):
    """The real primitives, writing down what they are asked."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def mkdir(self, path: Path) -> None:
        self.calls.append(f"mkdir {path.name}")
        super().mkdir(path)

    def create(self, path: Path) -> int:
        self.calls.append(f"create {path.name}")
        return super().create(path)

    def open_end(self, path: Path) -> int:
        self.calls.append(f"open_end {path.name}")
        return super().open_end(path)

    def write(self, handle: int, data: bytes) -> None:
        self.calls.append(f"write {len(data)}")
        super().write(handle, data)

    def fsync(self, handle: int) -> None:
        self.calls.append("fsync")
        super().fsync(handle)

    def rename(self, source: Path, target: Path) -> None:
        self.calls.append(f"rename {source.name} {target.name}")
        super().rename(source, target)

    def fsync_folder(self, path: Path) -> None:
        self.calls.append(f"fsync_folder {path.name}")
        super().fsync_folder(path)


def test_a_write_goes_to_a_temporary_name_first_and_syncs_file_then_folder(tmp_path: Path) -> None:
    traced = Traced()
    LocalDisk(tmp_path, traced).write("SIM/a.json", b"12")
    expected = [
        "mkdir SIM",
        f"fsync_folder {tmp_path.name}",
        "create .a.json.tmp~",
        "write 2",
        "fsync",
        "rename .a.json.tmp~ a.json",
        "fsync_folder SIM",
    ]
    assert expected == traced.calls


def test_an_append_syncs_the_folder_only_when_it_made_the_file(tmp_path: Path) -> None:
    traced = Traced()
    disk = LocalDisk(tmp_path, traced)
    disk.append("j", b"1\n")
    assert ["open_end j", "write 2", "fsync", f"fsync_folder {tmp_path.name}"] == traced.calls
    disk.append("j", b"2\n")
    assert ["open_end j", "write 2", "fsync"] == traced.calls[4:]
    assert b"1\n2\n" == disk.read("j")


def test_what_is_written_is_read_listed_and_found(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path)
    for path in ("SIM/b/z.json", "SIM/a.json", "SIM/b/c/d.json", "OTHER/x"):
        disk.write(path, path.encode())
    (tmp_path / "SIM" / ".a.json.tmp~").write_bytes(b"left by a crash")
    assert ("SIM/a.json", "SIM/b/c/d.json", "SIM/b/z.json") == disk.list("SIM")
    assert ("OTHER", "SIM") == disk.folders("")
    assert ("b",) == disk.folders("SIM")
    assert b"SIM/a.json" == disk.read("SIM/a.json")
    assert disk.exists("SIM/a.json")
    assert not disk.exists("SIM/b")
    assert () == disk.list("NONE") == disk.folders("NONE")
    with pytest.raises(FileNotFoundError):
        disk.read("SIM/none")


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "", "a//b", "./a"])
def test_a_path_that_leaves_the_root_is_a_callers_bug(tmp_path: Path, path: str) -> None:
    with pytest.raises(AssertionError, match="leaves the data root"):
        LocalDisk(tmp_path).read(path)


def count_steps(root: Path, act: str, power_loss: bool) -> int:
    disk = FaultyDisk(root, power_loss=power_loss)
    getattr(disk, act)("SIM/f", NEW)
    return disk.steps


@pytest.mark.parametrize("power_loss", [False, True])
def test_a_write_that_dies_at_any_step_leaves_the_old_file_or_the_new(
    tmp_path: Path, power_loss: bool
) -> None:
    seen = set()
    before = LocalDisk(tmp_path)
    before.write("SIM/f", OLD)
    for step in range(1, count_steps(tmp_path, "write", power_loss) + 1):
        before.write("SIM/f", OLD)
        with pytest.raises(SimulatedCrash):
            FaultyDisk(tmp_path, crash_at=step, power_loss=power_loss).write("SIM/f", NEW)
        seen.add(before.read("SIM/f"))
        assert ("SIM/f",) == before.list("SIM")
    assert {OLD, NEW} == seen


@pytest.mark.parametrize("power_loss", [False, True])
def test_a_first_write_that_dies_at_any_step_leaves_nothing_or_the_file(
    tmp_path: Path, power_loss: bool
) -> None:
    seen = set()
    for step in range(1, count_steps(tmp_path / "count", "write", power_loss) + 1):
        root = tmp_path / str(step)
        with pytest.raises(SimulatedCrash):
            FaultyDisk(root, crash_at=step, power_loss=power_loss).write("SIM/f", NEW)
        left = LocalDisk(root)
        seen.add(left.read("SIM/f") if left.exists("SIM/f") else None)
        LocalDisk(root).write("SIM/f", NEW)  # and a restart is not in its way
        assert ("SIM/f",) == left.list("SIM")
    assert {None, NEW} == seen


@pytest.mark.parametrize("power_loss", [False, True])
def test_an_append_that_dies_leaves_a_beginning_of_what_it_added(tmp_path: Path, power_loss: bool) -> None:
    before = LocalDisk(tmp_path)
    before.write("SIM/f", OLD)
    seen = set()
    for step in range(1, count_steps(tmp_path, "append", power_loss) + 1):
        before.write("SIM/f", OLD)
        with pytest.raises(SimulatedCrash):
            FaultyDisk(tmp_path, crash_at=step, power_loss=power_loss).append("SIM/f", NEW)
        seen.add(before.read("SIM/f"))
    torn = set() if power_loss else {OLD + NEW[: len(NEW) // 2]}
    assert {OLD, OLD + NEW} | torn == seen


def test_without_its_fsync_a_write_would_lose_what_it_announced(tmp_path: Path) -> None:
    """The power cut of the stand-in can tell: otherwise the tests above would prove nothing."""
    disk = FaultyDisk(tmp_path, power_loss=True)
    disk._do.fsync = lambda handle: None  # type: ignore[method-assign]
    disk.write("f", NEW)
    disk._steps._crash_at = disk.steps + 1
    with pytest.raises(SimulatedCrash):
        disk.write("g", NEW)
    assert b"" == LocalDisk(tmp_path).read("f")


def test_what_was_written_before_a_power_cut_is_there_after_it(tmp_path: Path) -> None:
    whole = FaultyDisk(tmp_path / "count", power_loss=True)
    whole.write("SIM/f", NEW)
    disk = FaultyDisk(tmp_path / "cut", power_loss=True, crash_at=whole.steps + 1)
    disk.write("SIM/f", NEW)
    with pytest.raises(SimulatedCrash):
        disk.append("SIM/g", NEW)
    assert NEW == LocalDisk(tmp_path / "cut").read("SIM/f")


def test_after_its_death_a_process_does_nothing_more(tmp_path: Path) -> None:
    disk = FaultyDisk(tmp_path, crash_at=1)
    for act in (
        lambda: disk.write("f", NEW),
        lambda: disk.append("f", NEW),
        lambda: disk.read("f"),
        lambda: disk.exists("f"),
        lambda: disk.list("SIM"),
        lambda: disk.folders("SIM"),
    ):
        with pytest.raises(SimulatedCrash):
            act()
    assert 1 == disk.steps


def refusal(disk: LocalDisk, act: str) -> Denied | None:
    try:
        getattr(disk, act)("SIM/f", NEW)
    except Denied as error:
        return error
    return None


@pytest.mark.parametrize("act", ["write", "append"])
def test_a_disk_that_fills_up_at_any_step_shows_nothing_half_written(tmp_path: Path, act: str) -> None:
    before = LocalDisk(tmp_path)
    before.write("SIM/f", OLD)
    whole = NEW if act == "write" else OLD + NEW
    refusals = []
    for step in range(1, count_steps(tmp_path, act, False) + 1):
        before.write("SIM/f", OLD)
        disk = FaultyDisk(tmp_path, full_at=step)
        refused = refusal(disk, act)
        assert (whole if refused is None else OLD) == before.read("SIM/f")
        assert [] == [name for name in os.listdir(tmp_path / "SIM") if name.endswith("~")]
        if refused is not None:
            refusals.append(refused)
        disk.heal()
        assert refusal(disk, act) is None
    assert {"LEDGER_UNAVAILABLE"} == {each.code for each in refusals}
    assert f"cannot {act}" in refusals[0].message
    assert "No space left on device" in refusals[0].message
    assert "free space" in refusals[0].next


@pytest.mark.parametrize("act", ["write", "append"])
def test_a_read_only_disk_refuses_clearly_and_stays_as_it_was(tmp_path: Path, act: str) -> None:
    before = LocalDisk(tmp_path)
    before.write("SIM/f", OLD)
    disk = FaultyDisk(tmp_path, read_only=True)
    with pytest.raises(Denied, match=r"LEDGER_UNAVAILABLE: cannot .* SIM/f: Read-only file system") as caught:
        getattr(disk, act)("SIM/f", NEW)
    assert 3 == caught.value.exit_code
    with pytest.raises(Denied):
        getattr(disk, act)("NEW/f", NEW)
    assert OLD == disk.read("SIM/f")
    assert ("SIM",) == before.folders("")


def test_a_disk_that_does_not_answer_is_not_a_missing_file(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path)
    disk.write("SIM/f/g", OLD)
    with pytest.raises(Denied, match="LEDGER_UNAVAILABLE: cannot read SIM/f"):
        disk.read("SIM/f")


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind the superuser")
def test_a_folder_without_write_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(Denied, match=os.strerror(errno.EACCES)):
            LocalDisk(tmp_path).write("SIM/f", NEW)
    finally:
        tmp_path.chmod(stat.S_IRWXU)
