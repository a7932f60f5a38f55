"""A correction lies beside what it corrects, everybody reads the latest, and what rested on the older one is stale."""

from pathlib import Path

import pytest

from ledger import layout
from ledger.artifacts import Loaded, ReadFault, read, read_chain, restate, revise, write
from ledger.canonical import digest, parse_canonical
from ledger.disk import LocalDisk
from schemas.errors import ArtifactDivergence
from tests.ledger.days import BOOK, FIRST, Choice, context, write_scan
from tests.ledger.test_artifacts import DECISIONS, SCAN, C, decide, edit, fault, good

ENFORCED = layout.artifact(BOOK, FIRST, "enforcement")


@pytest.fixture
def disk(tmp_path: Path) -> LocalDisk:
    return LocalDisk(tmp_path)


def test_a_correction_lies_beside_the_file_that_it_supersedes(disk: LocalDisk) -> None:
    decide(disk, "AAPL")
    first = disk.read(DECISIONS)
    second = revise(disk, DECISIONS, Choice(symbols=("MSFT",)), context(), [])
    third = revise(disk, DECISIONS, Choice(symbols=()), context(), [])
    assert ("SIM/2016-06-01/decisions.r2.json", "revised") == (second.path, second.status)
    assert ("SIM/2016-06-01/decisions.r3.json", "revised") == (third.path, third.status)
    assert first == disk.read(DECISIONS)
    document = parse_canonical(disk.read(third.path))
    assert "decisions.r2.json" == document["supersedes"]
    assert [{"path": second.path, "sha256": second.sha256}] == document["inputs"]


def test_readers_take_the_latest_revision(disk: LocalDisk) -> None:
    decide(disk, "AAPL")
    scan = write_scan(disk, FIRST).ref
    written = revise(disk, DECISIONS, Choice(symbols=("MSFT",)), context(), [scan])
    loaded = good(disk)
    assert Choice(symbols=("MSFT",)) == loaded.artifact
    assert written.ref == loaded.ref
    assert "decisions.json" == loaded.header.supersedes


def test_the_same_correction_made_twice_is_one_revision(disk: LocalDisk) -> None:
    decide(disk, "AAPL")
    for status in ("revised", "verified", "verified"):
        written = revise(disk, DECISIONS, Choice(symbols=("MSFT",)), context(), [])
        assert (status, "SIM/2016-06-01/decisions.r2.json") == (written.status, written.path)


def test_a_chain_whose_first_file_changed_is_not_read(disk: LocalDisk) -> None:
    decide(disk, "AAPL")
    revise(disk, DECISIONS, Choice(symbols=("MSFT",)), context(), [])
    revise(disk, DECISIONS, Choice(symbols=()), context(), [])
    edit(disk, DECISIONS, symbols=["ORCL"])
    found = fault(disk, DECISIONS)
    assert C.STALE_INPUT == found.code
    assert "SIM/2016-06-01/decisions.r2.json /inputs/0/sha256" == found.finding.subject


def test_a_chain_that_names_no_predecessor_is_not_read(disk: LocalDisk) -> None:
    decide(disk, "AAPL")
    revise(disk, DECISIONS, Choice(symbols=("MSFT",)), context(), [])
    edit(disk, "SIM/2016-06-01/decisions.r2.json", inputs=[])
    assert "the chain has no link" == fault(disk, DECISIONS).finding.detail
    edit(disk, "SIM/2016-06-01/decisions.r2.json", supersedes="scan.json")
    assert "SIM/2016-06-01/decisions.r2.json /supersedes" == fault(disk, DECISIONS).finding.subject


def test_a_chain_whose_first_file_is_gone_is_not_read(disk: LocalDisk) -> None:
    decide(disk, "AAPL")
    revise(disk, DECISIONS, Choice(symbols=("MSFT",)), context(), [])
    (disk.root / DECISIONS).unlink()
    assert C.STALE_INPUT == fault(disk, DECISIONS).code


def test_what_was_made_from_a_file_that_was_revised_since_is_stale(disk: LocalDisk) -> None:
    decide(disk, "AAPL")
    made = write(disk, ENFORCED, Choice(symbols=("AAPL",)), context(), [good(disk).ref])
    assert isinstance(read(disk, ENFORCED, Choice, BOOK, FIRST), Loaded)
    later = revise(disk, DECISIONS, Choice(symbols=("MSFT",)), context(), [])
    found = read(disk, ENFORCED, Choice, BOOK, FIRST)
    assert isinstance(found, ReadFault)
    assert C.STALE_INPUT == found.code
    assert (f"{ENFORCED} /inputs/0/sha256", DECISIONS, later.path) == (
        found.finding.subject,
        found.finding.threshold,
        found.finding.observed,
    )
    again = revise(disk, ENFORCED, Choice(symbols=("MSFT",)), context(), [good(disk).ref])
    now = read(disk, ENFORCED, Choice, BOOK, FIRST)
    assert isinstance(now, Loaded)
    assert again.ref == now.ref
    assert made.sha256 == digest(disk.read(ENFORCED))


def test_a_revised_file_computed_again_is_held_against_its_latest_revision(disk: LocalDisk) -> None:
    decide(disk, "AAPL")
    scan = write_scan(disk, FIRST).ref
    later = revise(disk, DECISIONS, Choice(symbols=("MSFT",)), context(), [scan])
    again = restate(disk, DECISIONS, Choice(symbols=("MSFT",)), context(), [scan])
    assert ("verified", later.path, later.sha256) == (again.status, again.path, again.sha256)
    with pytest.raises(ArtifactDivergence) as caught:
        restate(disk, DECISIONS, Choice(symbols=("AAPL",)), context(), [scan])
    assert later.path in str(caught.value)


def test_a_chain_reads_whatever_became_of_its_inputs_and_not_without_its_links(disk: LocalDisk) -> None:
    decide(disk, "AAPL")
    later = revise(disk, DECISIONS, Choice(symbols=("MSFT",)), context(), [write_scan(disk, FIRST).ref])
    edit(disk, SCAN, config_sha256="0" * 64)
    assert C.STALE_INPUT == fault(disk, DECISIONS).code
    found = read_chain(disk, DECISIONS, Choice, BOOK, FIRST)
    assert isinstance(found, Loaded)
    assert later.ref == found.ref
    edit(disk, DECISIONS, symbols=["ORCL"])
    assert isinstance(read_chain(disk, DECISIONS, Choice, BOOK, FIRST), ReadFault)
