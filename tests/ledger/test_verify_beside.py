"""What lies beside the days is under no seal, and is judged as well as bytes without one can be."""

from pathlib import Path

import pytest

from ledger.artifacts import write
from ledger.canonical import digest
from ledger.disk import LocalDisk
from schemas.header import InputRef
from schemas.reasons.ledger import ReadFaultCode
from tests.ledger.days import THIRD, context, make_book, sighting
from tests.ledger.test_verify import check, day, edit, found


@pytest.fixture
def disk(tmp_path: Path) -> LocalDisk:
    return make_book(tmp_path)


def test_a_broken_measure_beside_the_days_is_named(disk: LocalDisk) -> None:
    disk.write("SIM/rolling/3D/2016-06-03.json", b"{}")
    disk.write("SIM/rolling/3D/2016-06-30.json", b"of no session")
    assert [(ReadFaultCode.CORRUPT, "SIM/rolling/3D/2016-06-03.json", "")] == found(disk)


@pytest.mark.parametrize(
    "path", ["SIM/rolling/3D/2016-06-03.json", "SIM/reliability/2016-W22.json", "SIM/replay/2016-06-03.json"]
)
def test_a_flipped_byte_of_what_lies_beside_the_days_is_found(disk: LocalDisk, path: str) -> None:
    earlier = InputRef(path=day("scan.json"), sha256=digest(disk.read(day("scan.json"))))
    write(disk, path, sighting("AAPL"), context(THIRD), [earlier])
    files = check(disk).files
    assert (3 * 7 + 1, []) == (files, found(disk))
    whole = disk.read(path)
    for n, code, pointer in (
        (0, ReadFaultCode.CORRUPT, ""),
        (whole.index(earlier.sha256.encode()), ReadFaultCode.STALE_INPUT, "/inputs/0/sha256"),
    ):
        other = b"1" if whole[n : n + 1] == b"0" else b"0"
        disk.write(path, whole[:n] + other + whole[n + 1 :])
        assert [(code, path, pointer)] == found(disk)


def test_a_weeks_file_of_another_week_is_told(disk: LocalDisk) -> None:
    path = "SIM/reliability/2016-W22.json"
    write(disk, path, sighting("AAPL"), context(THIRD), [])
    edit(disk, path, session_date="2016-06-13")
    assert [(ReadFaultCode.DATE_MISMATCH, path, "/session_date")] == found(disk)
    disk.write("SIM/reliability/2016-W30.json", b"of no session")
    assert [(ReadFaultCode.DATE_MISMATCH, path, "/session_date")] == found(disk)
