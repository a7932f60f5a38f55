"""An evidence archive is checked by itself, wherever it is; a byte of it that was touched, whichever, is found."""

import json
import random
import subprocess
from pathlib import Path

import pytest

from flows import bundle
from flows.evidencing import check
from schemas.errors import Corrupt
from tests.flows.worlds import DAY, NEXT, SEALED, avwap, dated, refused

MAKE = ("evidence", "--book", "SIM", "--date", str(SEALED))


def archive(home: Path, file: Path, *more: str) -> bytes:
    said = avwap(home, *MAKE, "--out", str(file), *more)
    assert 0 == said.code, said.err
    return file.read_bytes()


@pytest.fixture(scope="module")
def made(ready: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return archive(ready, tmp_path_factory.mktemp("evidence") / "day.tar", "--symbol", "spy")


def is_found(data: bytes) -> bool:
    try:
        return bool(check(data).faults)
    except Corrupt:
        return True


def test_a_day_is_packed_to_the_same_bytes_again(home: Path, made: bytes, tmp_path: Path) -> None:
    assert made == archive(home, tmp_path / "again.tar", "--symbol", "SPY")


def test_an_archive_is_checked_where_no_ledger_is(
    made: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("day.tar").write_bytes(made)
    body = avwap(None, "evidence", "verify", "day.tar", "--json").body
    assert (True, [], "SIM", str(SEALED)) == (body["intact"], body["altered"], body["book"], body["session"])
    assert ([], True, "SPY") == (
        body["index"]["faults"],
        body["index"]["replay"]["identical"],
        body["index"]["symbol"],
    )
    assert 0 == avwap(None, "evidence", "verify", "day.tar", "--sha256", body["sha256"]).code
    assert 4 == avwap(None, "evidence", "verify", "day.tar", "--sha256", "0" * 64).code


def test_the_sums_are_those_that_sha256sum_reads(made: bytes, tmp_path: Path) -> None:
    (tmp_path / "day.tar").write_bytes(made)
    subprocess.run(["tar", "xf", "day.tar"], cwd=tmp_path, check=True)
    subprocess.run(["sha256sum", "--quiet", "-c", bundle.SUMS], cwd=tmp_path, check=True)


def test_the_extract_of_a_symbol_holds_its_lines_as_they_stand_in_the_journal(made: bytes) -> None:
    found = bundle.unpacked(made)
    journal = found[f"{DAY}/journal.jsonl"].splitlines()
    lines = found["extract/journal.jsonl"].splitlines()
    assert lines == [line for line in journal if line in set(lines)]
    named = [line for line in journal if b'"SPY"' in line]
    assert set(named) <= set(lines)
    assert len(lines) < len(journal)
    rows = json.loads(found["extract/rows.json"])["rows"]
    assert {f"SIM/{SEALED}/scan.json"} <= {row["file"] for row in rows}


def test_a_byte_that_was_touched_is_found_wherever_it_lies(made: bytes) -> None:
    chosen = random.Random(4).sample(range(len(made)), 40)
    starts = [at for at in range(0, len(made), 512) if made[at + 257 : at + 262] == b"ustar"]
    chosen += [start + at for start in starts[::6] for at in (0, 100, 124, 136, 148, 156, 265, 500)]
    missed = []
    for at in chosen:
        touched = bytearray(made)
        touched[at] ^= 1 << (at % 8)
        if not is_found(bytes(touched)):
            missed.append(at)
    assert [] == missed


@pytest.mark.parametrize("cut", [0, 1, 511, 512, 4096, -512, -1])
def test_an_archive_that_was_cut_or_added_to_is_found(made: bytes, cut: int) -> None:
    assert is_found(made[:cut])
    assert is_found(made + made[:512])


def test_a_member_altered_with_its_sum_is_found_by_the_index(made: bytes) -> None:
    members = {path: data for path, data in bundle.unpacked(made).items() if path != bundle.SUMS}
    path = f"{DAY}/snapshot.json"
    members[path] = members[path].replace(b'"complete":true', b'"complete":false')
    again = check(bundle.packed(members))
    assert ("SEAL_BROKEN", path) in {(each.code, each.path) for each in again.faults}


def test_a_member_altered_with_its_sum_and_its_index_breaks_the_seal_that_is_packed(made: bytes) -> None:
    members = {path: data for path, data in bundle.unpacked(made).items() if path != bundle.SUMS}
    path = f"{DAY}/snapshot.json"
    before = bundle.sums({path: members[path]}).split()[0]
    changed = members[path].replace(b'"entries_today":0', b'"entries_today":1')
    assert changed != members[path]
    members[path] = changed
    members[bundle.INDEX] = members[bundle.INDEX].replace(before, bundle.sums({path: changed}).split()[0])
    again = check(bundle.packed(members))
    assert {("DIGEST_MISMATCH", bundle.INDEX)} == {(each.code, each.path) for each in again.faults}
    assert again.faults[0].pointer.startswith("/faults")


def test_a_member_that_the_index_does_not_name_is_found(made: bytes) -> None:
    members = {path: data for path, data in bundle.unpacked(made).items() if path != bundle.SUMS}
    again = check(bundle.packed({**members, "ledger/SIM/note.txt": b"nothing of ours"}))
    assert ("FILE_UNLISTED", "ledger/SIM/note.txt") in {(each.code, each.path) for each in again.faults}


def test_a_damaged_day_is_packed_as_it_is_and_its_fault_is_stated(home: Path, tmp_path: Path) -> None:
    path = home / DAY / "decisions.json"
    path.write_bytes(path.read_bytes()[:-2])
    checked = check(archive(home, tmp_path / "day.tar"))
    assert () == checked.faults
    assert checked.index is not None
    assert ("SEAL_BROKEN", f"SIM/{SEALED}/decisions.json") in {
        (each.code, each.path) for each in checked.index.faults
    }
    assert not checked.index.replay.identical


def test_a_day_under_way_is_packed_without_a_seal(home: Path, tmp_path: Path) -> None:
    assert 0 == avwap(home, *dated("premarket", "SIM", NEXT)).code
    file = tmp_path / "open.tar"
    assert 0 == avwap(home, "evidence", "--book", "SIM", "--date", str(NEXT), "--out", str(file)).code
    checked = check(file.read_bytes())
    assert () == checked.faults
    assert checked.index is not None
    assert (None, "SESSION_NOT_SEALED") == (checked.index.seal_sha256, checked.index.replay.why_not)


def test_what_cannot_be_packed_or_checked_is_said_in_four_lines(home: Path, tmp_path: Path) -> None:
    refused(avwap(home, *MAKE, "--symbol", "NOSUCH"), 2, "SYMBOL_NOT_SCANNED", "usage")
    refused(avwap(home, "evidence", "--book", "SIM"), 2, "USAGE", "usage")
    refused(avwap(home, "evidence", "--book", "SIM", "--date", "2016-03-12"), 2, "NOT_A_SESSION", "usage")
    refused(avwap(None, "evidence", "verify", str(tmp_path / "none.tar")), 2, "FILE_UNREADABLE", "usage")
    (tmp_path / "x.tar").write_bytes(b"no archive")
    refused(avwap(None, "evidence", "verify", str(tmp_path / "x.tar")), 4, "CORRUPT", "corrupt")
    refused(avwap(None, "evidence", "verify", str(tmp_path / "x.tar"), "--sha256", "12"), 2, "USAGE", "usage")
    refused(avwap(home, *MAKE, "--out", str(tmp_path / "x.tar")), 2, "USAGE", "usage")
    assert b"no archive" == (tmp_path / "x.tar").read_bytes()
