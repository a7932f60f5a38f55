"""A seal names every file of a day and the seal before it, and is written once."""

import hashlib
from pathlib import Path

import pytest

from ledger import layout
from ledger.artifacts import Loaded, ReadFault, read
from ledger.canonical import artifact_bytes, digest, parse_canonical
from ledger.disk import LocalDisk
from ledger.faulty import FaultyDisk, SimulatedCrash
from ledger.seal import last_sealed, listing, read_manifest, seal, sessions_of
from schemas.errors import ArtifactDivergence
from schemas.reasons.ledger import ReadFaultCode
from tests.ledger.days import BOOK, FIRST, SECOND, SESSIONS, THIRD, Sighting, context, live_through, make_book

DAY = layout.day(BOOK, FIRST)


def test_a_seal_lists_every_file_of_the_day_but_itself_and_the_report(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path)
    disk.write(layout.report(BOOK, FIRST), b"<html>")
    sealed = live_through(disk, FIRST)
    expected = [
        "cycles/0935/stops.json",
        "decisions.json",
        "decisions.r2.json",
        "journal.jsonl",
        "observations/account.json",
        "scan.json",
    ]
    assert expected == [each.path for each in sealed.manifest.files]
    for each in sealed.manifest.files:
        data = (tmp_path / DAY / each.path).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (each.sha256, each.bytes)
    assert digest(disk.read(f"{DAY}/manifest.json")) == sealed.digest


def test_the_first_seal_of_a_book_names_none_and_each_later_one_the_one_before(tmp_path: Path) -> None:
    disk = make_book(tmp_path)
    manifests = []
    for session in SESSIONS:
        loaded = read_manifest(disk, BOOK, session)
        assert isinstance(loaded, Loaded)
        manifests.append(loaded.artifact)
    assert manifests[0].previous is None
    for earlier, later in zip(SESSIONS, manifests[1:], strict=False):
        assert later.previous is not None
        assert earlier == later.previous.session_date
        assert digest(disk.read(layout.manifest(BOOK, earlier))) == later.previous.sha256


def test_the_newest_seal_before_a_day_may_be_some_sessions_back(tmp_path: Path) -> None:
    disk = make_book(tmp_path, 1)
    disk.write(f"{layout.day(BOOK, SECOND)}/scan.json", b"{}\n")
    found = last_sealed(disk, BOOK, THIRD)
    assert found is not None
    assert FIRST == found.session_date
    assert last_sealed(disk, BOOK, FIRST) is None
    assert (FIRST, SECOND) == sessions_of(disk, BOOK)
    assert () == sessions_of(disk, "ALPACA_PAPER")


def test_sealing_again_is_verified(tmp_path: Path) -> None:
    disk = make_book(tmp_path, 1)
    assert "verified" == seal(disk, context(), None).written.status


@pytest.mark.parametrize("late", ["scan.r2.json", "observations/late.json"])
def test_a_file_that_came_after_the_seal_makes_sealing_again_a_divergence(tmp_path: Path, late: str) -> None:
    disk = make_book(tmp_path, 1)
    disk.write(f"{DAY}/{late}", b"{}\n")
    with pytest.raises(ArtifactDivergence):
        seal(disk, context(), None)


def test_one_day_has_one_seal_wherever_and_whenever_it_is_made(tmp_path: Path) -> None:
    first = live_through(LocalDisk(tmp_path / "here"), FIRST)
    second = live_through(LocalDisk(tmp_path / "there" / "deeper"), FIRST)
    assert first.digest == second.digest


def test_a_manifest_vouches_for_itself(tmp_path: Path) -> None:
    disk = make_book(tmp_path, 1)
    path = layout.manifest(BOOK, FIRST)
    document = parse_canonical(disk.read(path))
    disk.write(path, artifact_bytes({**document, "config_sha256": "d" * 64}))
    found = read_manifest(disk, BOOK, FIRST)
    assert isinstance(found, ReadFault)
    assert ReadFaultCode.DIGEST_MISMATCH == found.code
    assert f"{path} /content_sha256" == found.finding.subject


def test_an_unsealed_day_has_no_manifest(tmp_path: Path) -> None:
    found = read_manifest(LocalDisk(tmp_path), BOOK, FIRST)
    assert isinstance(found, ReadFault)
    assert ReadFaultCode.MISSING == found.code


def test_a_reader_can_hold_a_file_to_the_seal(tmp_path: Path) -> None:
    disk = make_book(tmp_path, 1)
    loaded = read_manifest(disk, BOOK, FIRST)
    assert isinstance(loaded, Loaded)
    sealed = listing(BOOK, FIRST, loaded.artifact)
    path = layout.artifact(BOOK, FIRST, "scan")
    assert isinstance(read(disk, path, Sighting, BOOK, FIRST, sealed=sealed), Loaded)
    disk.write(path, disk.read(path).replace(b"AAPL", b"AAPM"))
    found = read(disk, path, Sighting, BOOK, FIRST, sealed=sealed)
    assert isinstance(found, ReadFault)
    assert ReadFaultCode.DIGEST_MISMATCH == found.code


@pytest.mark.parametrize("power_loss", [False, True])
def test_a_day_that_dies_at_any_step_and_starts_again_comes_to_the_same_seal(
    tmp_path: Path, power_loss: bool
) -> None:
    counted = FaultyDisk(tmp_path / "count", power_loss=power_loss)
    whole = live_through(counted, FIRST)
    journal = layout.journal(BOOK, FIRST)
    for step in range(1, counted.steps + 1):
        root = tmp_path / str(step)
        with pytest.raises(SimulatedCrash):
            live_through(FaultyDisk(root, crash_at=step, power_loss=power_loss), FIRST)
        again = live_through(LocalDisk(root), FIRST)
        kept = {each.path: each for each in again.manifest.files}
        torn = kept.pop("journal.torn", None)
        assert {each.path: each for each in whole.manifest.files} == kept, f"died at step {step}"
        assert counted.read(journal) == LocalDisk(root).read(journal)
        assert torn is not None or whole.digest == again.digest
