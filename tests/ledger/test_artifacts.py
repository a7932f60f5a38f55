"""Written once; corrected only beside; read as a valid object or as a named fault."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated, ClassVar

import pytest
from pydantic import Field
from typing_extensions import TypedDict

from ledger import layout
from ledger.artifacts import (
    Held,
    Loaded,
    ReadFault,
    encode,
    read,
    write,
    write_once,
)
from ledger.canonical import artifact_bytes, digest, parse_canonical
from ledger.disk import LocalDisk
from schemas.errors import ArtifactDivergence
from schemas.header import Artifact, InputRef
from schemas.reasons.ledger import ReadFaultCode
from tests.ledger.days import BOOK, FIRST, SECOND, Choice, Sighting, context, sighting, write_scan

SCAN = layout.artifact(BOOK, FIRST, "scan")
DECISIONS = layout.artifact(BOOK, FIRST, "decisions")
C = ReadFaultCode


@pytest.fixture
def disk(tmp_path: Path) -> LocalDisk:
    return LocalDisk(tmp_path)


def decide(disk: LocalDisk, *symbols: str) -> Choice:
    """Write decisions made from a scan, and return them."""
    choice = Choice(symbols=symbols)
    write(disk, DECISIONS, choice, context(), [write_scan(disk, FIRST).ref])
    return choice


def edit(disk: LocalDisk, path: str, **changes: object) -> None:
    """Change top-level keys of an artifact on disk, in canonical form: somebody else's doing."""
    disk.write(path, artifact_bytes({**parse_canonical(disk.read(path)), **changes}))


def fault(disk: LocalDisk, path: str = SCAN, **kwargs: object) -> ReadFault:
    model = Choice if "decisions" in path else Sighting
    found = read(disk, path, model, BOOK, FIRST, **kwargs)  # type: ignore[arg-type]
    assert isinstance(found, ReadFault)
    assert found.code == found.finding.code
    return found


def good(disk: LocalDisk, path: str = DECISIONS, **kwargs: object) -> Loaded[Choice]:
    found = read(disk, path, Choice, BOOK, FIRST, **kwargs)  # type: ignore[arg-type]
    assert isinstance(found, Loaded), found
    return found


# --- writing --------------------------------------------------------------------------------------


class Switched(Choice):
    """One field that a feature adds, and one that is always there."""

    SCHEMA: ClassVar[str] = "switched"
    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"feature"})
    always: int | None = None
    feature: int | None = None


def test_a_feature_that_is_off_leaves_no_trace_and_is_read_back_as_off(disk: LocalDisk) -> None:
    off, on = Switched(symbols=("AAPL",)), Switched(symbols=("AAPL",), feature=0)
    for made, told in ((off, {"always"}), (on, {"always", "feature"})):
        data = encode(made, context(), ())
        assert told == parse_canonical(data).keys() & {"always", "feature"}
        disk.write(DECISIONS, data)
        found = read(disk, DECISIONS, Switched, BOOK, FIRST)
        assert isinstance(found, Loaded)
        assert made == found.artifact


def test_the_bytes_of_an_artifact_are_header_and_payload_side_by_side(disk: LocalDisk) -> None:
    ref = InputRef(path="SIM/x", sha256="a" * 64)
    expected = (
        "{\n"
        '"book_id":"SIM",\n'
        '"code_version":"4",\n'
        f'"config_sha256":"{"c" * 64}",\n'
        '"inputs":[\n'
        f'{{"path":"SIM/x","sha256":"{"a" * 64}"}}\n'
        "],\n"
        '"rows":[\n'
        '{"close":"96.0000","slope":0.0125,"symbol":"AAPL"}\n'
        "],\n"
        '"schema":"sighting",\n'
        '"schema_version":1,\n'
        '"session_date":"2016-06-01",\n'
        '"stage":"scan"\n'
        "}\n"
    )
    assert expected.encode() == encode(sighting("AAPL"), context(), [ref])


def test_inputs_are_sorted_whatever_the_order_in_which_they_were_read() -> None:
    refs = [InputRef(path=name, sha256="a" * 64) for name in "bca"]
    assert encode(sighting(), context(), refs) == encode(sighting(), context(), refs[::-1])


def test_writing_the_same_again_is_verified_and_touches_nothing(disk: LocalDisk) -> None:
    first = write_scan(disk, FIRST)
    before = (disk.root / SCAN).stat()
    again = write_scan(disk, FIRST)
    assert ("written", "verified") == (first.status, again.status)
    assert first.ref == again.ref == InputRef(path=SCAN, sha256=digest(disk.read(SCAN)))
    assert before.st_mtime_ns == (disk.root / SCAN).stat().st_mtime_ns


def test_writing_something_else_names_the_first_difference_and_overwrites_nothing(disk: LocalDisk) -> None:
    write_scan(disk, FIRST)
    before = disk.read(SCAN)
    with pytest.raises(ArtifactDivergence) as caught:
        write(disk, SCAN, sighting("AAPL", "ORCL"), context(), [])
    error = caught.value
    assert (SCAN, "/rows/1/symbol", "MSFT", "ORCL") == (
        error.path,
        error.pointer,
        error.expected,
        error.actual,
    )
    assert 4 == error.exit_code
    assert before == disk.read(SCAN)


def test_writing_over_a_truncated_file_is_a_divergence_too(disk: LocalDisk) -> None:
    write_scan(disk, FIRST)
    disk.write(SCAN, disk.read(SCAN)[:40])
    with pytest.raises(ArtifactDivergence, match=r"40 bytes \(not JSON"):
        write_scan(disk, FIRST)


def test_an_observation_is_kept_as_received(disk: LocalDisk) -> None:
    received = b'{"b": 1.10, "a": null}'
    assert "written" == write_once(disk, "SIM/account.json", received).status
    assert received == disk.read("SIM/account.json")


# --- reading --------------------------------------------------------------------------------------


def test_a_good_file_is_read_with_its_header_and_reference(disk: LocalDisk) -> None:
    choice = decide(disk, "AAPL")
    loaded = good(disk)
    assert choice == loaded.artifact
    assert (BOOK, FIRST, "decisions", 2) == (
        loaded.header.book_id,
        loaded.header.session_date,
        loaded.header.stage,
        loaded.header.schema_version,
    )
    assert digest(disk.read(DECISIONS)) == loaded.ref.sha256


def test_no_file_is_missing(disk: LocalDisk) -> None:
    assert C.MISSING == fault(disk).code


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b"AAPL", b"AA\xffL"),
        lambda data: data.replace(b'"rows":[', b'"rows": ['),
        lambda data: data.replace(b"0.0125", b"NaN"),
        lambda data: b"[]\n",
    ],
)
def test_bytes_that_are_not_canonical_json_are_corrupt(
    disk: LocalDisk, spoil: Callable[[bytes], bytes]
) -> None:
    write_scan(disk, FIRST)
    disk.write(SCAN, spoil(disk.read(SCAN)))
    found = fault(disk)
    assert C.CORRUPT == found.code
    assert found.finding.detail


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"rows": 7}, "/rows"),
        ({"rows": [{"symbol": "A", "close": "1.00005", "slope": None}]}, "/rows/0/close"),
        ({"rows": [{"symbol": "A", "close": "1.0000", "slope": 0.00001}]}, "/rows/0/slope"),
        ({"rows": [{"symbol": "A", "close": "1,0000", "slope": None}]}, "/rows/0/close"),
        ({"rows": [{"symbol": "A", "close": "1e999999", "slope": None}]}, "/rows/0/close"),
        ({"rows": [{"symbol": "A", "close": "1.0000", "slope": 1e308}]}, "/rows/0/slope"),
        ({"unknown": 1}, "/unknown"),
        ({"schema": "choice"}, "/schema"),
        ({"config_sha256": "short"}, "/config_sha256"),
        ({"inputs": [{"path": "x"}]}, "/inputs/0/sha256"),
    ],
)
def test_a_broken_contract_is_schema_invalid_at_its_pointer(
    disk: LocalDisk, changes: dict[str, object], pointer: str
) -> None:
    write_scan(disk, FIRST)
    edit(disk, SCAN, **changes)
    found = fault(disk)
    assert C.SCHEMA_INVALID == found.code
    assert f"{SCAN} {pointer}" == found.finding.subject


def test_another_version_is_unsupported_before_its_payload_is_judged(disk: LocalDisk) -> None:
    write_scan(disk, FIRST)
    edit(disk, SCAN, schema_version=9, rows="in a form of the future")
    found = fault(disk)
    assert (C.VERSION_UNSUPPORTED, 9, 1) == (found.code, found.finding.observed, found.finding.threshold)


def test_a_file_of_another_date_is_a_date_mismatch(disk: LocalDisk) -> None:
    write(disk, SCAN, sighting("AAPL"), context(SECOND), [])
    found = fault(disk)
    assert (C.DATE_MISMATCH, "2016-06-02") == (found.code, found.finding.observed)


def test_a_file_of_another_book_is_a_book_mismatch(disk: LocalDisk) -> None:
    write(disk, SCAN, sighting("AAPL"), context(book_id="ALPACA_PAPER"), [])
    found = fault(disk)
    assert (C.BOOK_MISMATCH, "ALPACA_PAPER") == (found.code, found.finding.observed)


def test_a_digest_that_the_caller_did_not_expect_is_a_mismatch(disk: LocalDisk) -> None:
    write_scan(disk, FIRST)
    assert C.DIGEST_MISMATCH == fault(disk, expected_sha256="0" * 64).code
    assert C.DIGEST_MISMATCH == fault(disk, sealed={SCAN: "0" * 64}).code
    assert C.DIGEST_MISMATCH == fault(disk, sealed={}).code
    assert isinstance(read(disk, SCAN, Sighting, BOOK, FIRST, sealed={SCAN: digest(disk.read(SCAN))}), Loaded)


def test_an_input_that_changed_since_makes_a_file_stale(disk: LocalDisk) -> None:
    decide(disk, "AAPL")
    edit(disk, SCAN, rows=[])
    found = fault(disk, DECISIONS)
    assert C.STALE_INPUT == found.code
    assert f"{DECISIONS} /inputs/0/sha256" == found.finding.subject
    assert digest(disk.read(SCAN)) == found.finding.observed
    assert f"made from another {SCAN}" == found.finding.detail


def test_an_input_that_is_gone_makes_a_file_stale(disk: LocalDisk) -> None:
    decide(disk, "AAPL")
    (disk.root / SCAN).unlink()
    assert f"{SCAN} is gone" == fault(disk, DECISIONS).finding.detail


def test_an_input_outside_the_disk_is_vouched_for_by_the_caller(disk: LocalDisk) -> None:
    outside = InputRef(path="MARKET/snapshot", sha256="d" * 64)
    write(disk, DECISIONS, Choice(symbols=()), context(), [outside])
    assert C.STALE_INPUT == fault(disk, DECISIONS).code
    assert Choice(symbols=()) == good(disk, known_inputs={"MARKET/snapshot": "d" * 64}).artifact
    assert C.STALE_INPUT == fault(disk, DECISIONS, known_inputs={"MARKET/snapshot": "e" * 64}).code


def test_of_two_faults_the_earlier_code_is_told(disk: LocalDisk) -> None:
    write(disk, SCAN, sighting("AAPL"), context(SECOND, "ALPACA_PAPER"), [])
    assert C.DATE_MISMATCH == fault(disk, expected_sha256="0" * 64).code


# --- where things lie -----------------------------------------------------------------------------


def test_every_path_is_a_function_of_book_session_and_name() -> None:
    assert "SIM/2016-06-01" == layout.day("SIM", FIRST)
    assert "SIM/2016-06-01/cycles/0935-2" == layout.cycle("SIM", FIRST, "0935-2")
    assert "SIM/2016-06-01/cycles/0935/observations" == layout.observations("SIM", FIRST, "0935")
    assert "SIM/2016-06-01/observations" == layout.observations("SIM", FIRST)
    assert "SIM/2016-06-01/journal.jsonl" == layout.journal("SIM", FIRST)
    assert "SIM/2016-06-01/manifest.json" == layout.manifest("SIM", FIRST)
    assert "SIM/2016-06-01/report.html" == layout.report("SIM", FIRST)
    assert "SIM/rolling/20D/2016-06-01.json" == layout.rolling("SIM", 20, FIRST)
    assert "SIM/replay/2016-06-01.json" == layout.replay("SIM", FIRST)
    assert "SIM/control/KILL_SWITCH" == layout.control("SIM", layout.KILL_SWITCH)
    beside = (layout.outbox("SIM"), layout.index("SIM"), layout.lock("SIM"), layout.exchange("SIM"))
    assert ("SIM/outbox.jsonl", "SIM/index.sqlite", "SIM/lock", "SIM/exchange.jsonl") == beside
    assert ("MARKET", "MARKET/bars", "MARKET/regime.jsonl") == (
        layout.market(),
        layout.market("bars"),
        layout.regime_log(),
    )


@pytest.mark.parametrize("book", ["", "sim", "../SIM", "SIM/2016", "9SIM"])
def test_a_misspelt_book_is_never_a_path(book: str) -> None:
    with pytest.raises(AssertionError, match="no book id"):
        layout.day(book, FIRST)


@pytest.mark.parametrize("slot", ["935", "0960", "0935-0", "0935/..", ""])
def test_a_misspelt_slot_is_never_a_path(slot: str) -> None:
    with pytest.raises(AssertionError, match="no cycle slot"):
        layout.cycle("SIM", FIRST, slot)


def test_a_revision_and_its_first_edition_name_each_other() -> None:
    assert ("a/decisions.json", 2) == layout.split_revision(layout.revision("a/decisions.json", 2))
    assert ("a/decisions.json", 1) == layout.split_revision(layout.revision("a/decisions.json", 1))


def test_only_dates_name_sessions() -> None:
    assert date(2016, 6, 1) == layout.session_of("2016-06-01")
    assert [None] * 4 == [
        layout.session_of(name) for name in ("rolling", "20160601", "2016-13-01", "control")
    ]


# --- held in memory -------------------------------------------------------------------------------


def test_what_a_process_holds_is_not_judged_again_and_only_for_the_same_bytes(disk: LocalDisk) -> None:
    held = Held()
    decide(disk, "AAPL")
    first, again = good(disk, held=held), good(disk, held=held)
    assert first.artifact is again.artifact
    edit(disk, DECISIONS, symbols=["MSFT"])
    other = good(disk, held=held)
    assert (("AAPL",), ("MSFT",)) == (again.artifact.symbols, other.artifact.symbols)


def test_what_is_held_covers_no_broken_byte_no_other_day_and_no_stale_input(disk: LocalDisk) -> None:
    held = Held()
    decide(disk, "AAPL")
    good(disk, held=held)
    other = read(disk, DECISIONS, Choice, BOOK, SECOND, held=held)
    assert isinstance(other, ReadFault)
    assert C.DATE_MISMATCH == other.code
    edit(disk, SCAN, rows=[])
    assert C.STALE_INPUT == fault(disk, DECISIONS, held=held).code
    disk.write(DECISIONS, disk.read(DECISIONS)[:-1])
    assert C.CORRUPT == fault(disk, DECISIONS, held=held).code


def test_only_an_artifact_whose_memory_is_its_file_is_held_by_its_writer(disk: LocalDisk) -> None:
    held = Held()
    seen = sighting("AAPL")
    sha256 = write(disk, SCAN, seen, context(), [], held).sha256
    assert None is held.recall(sha256, Sighting)


def test_an_artifact_whose_memory_is_its_file_is_read_as_it_was_written(disk: LocalDisk) -> None:
    held, path = Held(), layout.artifact(BOOK, FIRST, "lines")
    lines = Lines(rows=({"close": "96.0000", "slope": 0.00001}, {"close": "1.0000", "slope": None}))
    written = write(disk, path, lines, context(), [], held)
    known = held.recall(written.sha256, Lines)
    fresh = read(disk, path, Lines, BOOK, FIRST)
    assert isinstance(fresh, Loaded)
    assert known == (fresh.header, fresh.artifact)
    assert b'{"close":"96.0000","slope":1e-05},\n' in disk.read(path)


class Line(TypedDict):
    close: str
    slope: Annotated[float | None, Field(allow_inf_nan=False)]


class Lines(Artifact):
    SCHEMA: ClassVar[str] = "lines"
    STAGE: ClassVar[str] = "scan"
    AS_WRITTEN: ClassVar[frozenset[str]] = frozenset({"rows"})
    rows: tuple[Line, ...]
