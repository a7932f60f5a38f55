"""Whatever changed is found, and the file in which it changed is named."""

import os
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledger import layout
from ledger.artifacts import encode, write
from ledger.canonical import artifact_bytes, digest, parse_canonical
from ledger.disk import LocalDisk
from ledger.journal import Journal
from ledger.memo import Memo
from ledger.seal import last_sealed, seal
from ledger.verify import Report, verify
from schemas.header import InputRef
from schemas.reasons.ledger import LedgerCode, ReadFaultCode
from tests.ledger.days import (
    BOOK,
    EVENTS,
    FIRST,
    MODELS,
    SECOND,
    SESSIONS,
    THIRD,
    Choice,
    Opened,
    at,
    context,
    live_through,
    make_book,
    sighting,
)

FULL = bool(os.environ.get("AVWAP_FULL"))
SAMPLE = 25
"""Bytes of each file that are flipped in the gate; AVWAP_FULL=1 flips each of them."""


def check(disk: LocalDisk, **kwargs: object) -> Report:
    arguments = {"first": None, "last": None, "models": MODELS, "events": EVENTS, **kwargs}
    return verify(disk, BOOK, **arguments)  # type: ignore[arg-type]


def found(disk: LocalDisk, **kwargs: object) -> list[tuple[str, str, str]]:
    return [(fault.code, fault.path, fault.pointer) for fault in check(disk, **kwargs).faults]


def day(name: str, session: object = FIRST) -> str:
    return f"{BOOK}/{session}/{name}"


def edit(disk: LocalDisk, path: str, **changes: object) -> None:
    disk.write(path, artifact_bytes({**parse_canonical(disk.read(path)), **changes}))


@pytest.fixture
def disk(tmp_path: Path) -> LocalDisk:
    return make_book(tmp_path)


@pytest.fixture
def memo(disk: LocalDisk) -> Iterator[Memo]:
    kept = Memo(disk.root / layout.index(BOOK))
    yield kept
    kept.close()


def test_a_sound_book_has_no_faults(disk: LocalDisk) -> None:
    report = check(disk)
    assert () == report.faults
    assert (SESSIONS, ()) == (report.sessions, report.unsealed)
    assert 3 * 7 == report.files
    assert report.bytes == sum(len(disk.read(path)) for path in disk.list(BOOK))


def test_threads_and_a_range_change_only_what_is_looked_at(disk: LocalDisk) -> None:
    assert check(disk) == check(disk, jobs=3)
    assert (SECOND,) == check(disk, first=SECOND, last=SECOND).sessions
    assert () == check(disk, first=SECOND, last=SECOND).faults
    assert () == verify(disk, "ALPACA_PAPER", None, None, MODELS).sessions


def test_a_progress_is_told_after_each_session(disk: LocalDisk) -> None:
    told: list[object] = []
    check(disk, progress=told.append)
    assert list(SESSIONS) == told


# --- bytes ----------------------------------------------------------------------------------------


def test_a_flip_of_any_byte_of_a_sealed_day_is_detected_and_located(disk: LocalDisk, memo: Memo) -> None:
    """With a memo that knows every file by heart, so that it is shown not to hide anything.

    In the gate a seeded sample over every file; in full every byte, with a low bit and with a high one.
    """
    for _ in range(2):
        assert () == check(disk, memo=memo).faults
    paths = disk.list(layout.day(BOOK, THIRD))
    sizes = {path: len(disk.read(path)) for path in paths}
    chance = random.Random(20160603)
    sample = [(path, chance.randrange(sizes[path]), 1 << chance.randrange(8)) for path in paths * SAMPLE]
    every = [(path, byte, mask) for path in paths for byte in range(sizes[path]) for mask in (0x01, 0x80)]
    flips = every if FULL else sample
    for path, byte, mask in flips:
        whole = disk.read(path)
        changed = bytearray(whole)
        changed[byte] ^= mask
        (disk.root / path).write_bytes(bytes(changed))
        faults = check(disk, first=THIRD, last=THIRD, memo=memo).faults
        (disk.root / path).write_bytes(whole)
        where = f"byte {byte} of {path} with {mask:#x}: {faults}"
        assert [path] == [fault.path for fault in faults], where
        assert faults[0].pointer or faults[0].detail, where
    assert () == check(disk, memo=memo).faults


def test_a_changed_byte_names_both_digests_and_where_it_breaks_the_form(disk: LocalDisk) -> None:
    sealed = disk.read(day("scan.json"))
    changed = sealed.replace(b'"96.0000"', b'"96,0000"', 1)
    disk.write(day("scan.json"), changed)
    (fault,) = check(disk).faults
    assert (LedgerCode.SEAL_BROKEN, day("scan.json"), "/rows/0/close") == (
        fault.code,
        fault.path,
        fault.pointer,
    )
    assert (digest(sealed), digest(changed)) == (fault.expected, fault.actual)


def test_a_changed_byte_of_a_journal_names_the_line(disk: LocalDisk) -> None:
    path = day("journal.jsonl")
    disk.write(path, disk.read(path).replace(b'"AAPL"', b'"AAPM"'))
    (fault,) = check(disk).faults
    assert (LedgerCode.SEAL_BROKEN, path) == (fault.code, fault.path)
    assert "line 3: names" in fault.detail


def test_a_changed_byte_that_keeps_the_form_says_so_in_bytes(disk: LocalDisk) -> None:
    disk.write(day("scan.json"), disk.read(day("scan.json")).replace(b"AAPL", b"AAPLE"))
    (fault,) = check(disk).faults
    assert (
        f"{len(disk.read(day('scan.json')))} bytes, {len(disk.read(day('scan.json'))) - 1} were sealed"
        == fault.detail
    )


def test_a_changed_manifest_is_its_own_fault_and_breaks_the_chain_after_it(disk: LocalDisk) -> None:
    edit(disk, day("manifest.json", SECOND), config_sha256="d" * 64)
    expected = [
        (ReadFaultCode.DIGEST_MISMATCH, day("manifest.json", SECOND), "/content_sha256"),
        (LedgerCode.CHAIN_BROKEN, day("manifest.json", THIRD), "/previous/sha256"),
    ]
    assert expected == found(disk)


def test_a_file_that_came_after_the_seal_is_unlisted(disk: LocalDisk) -> None:
    data = encode(sighting("AAPL"), context(), [])
    disk.write(day("late.json"), data)
    assert [(LedgerCode.FILE_UNLISTED, day("late.json"), "")] == found(disk)


def test_a_file_that_is_gone_is_missing_once(disk: LocalDisk) -> None:
    (disk.root / day("scan.json")).unlink()
    assert [(LedgerCode.FILE_MISSING, day("scan.json"), "")] == found(disk)


def test_the_report_and_unfinished_writes_are_outside_the_seal(disk: LocalDisk) -> None:
    disk.write(layout.report(BOOK, FIRST), b"<html>")
    (disk.root / day(".scan.json.tmp~")).write_bytes(b"left by a crash")
    assert [] == found(disk)


# --- contracts ------------------------------------------------------------------------------------


def seal_over(disk: LocalDisk, **files: bytes) -> None:
    """A sealed first session of exactly *files* (``__`` in a name is a slash): the seal itself is sound."""
    for name, data in files.items():
        path, _, ending = name.rpartition("_")
        disk.write(day(f"{path.replace('__', '/')}.{ending}"), data)
    seal(disk, context(), None)


def test_a_sealed_file_that_breaks_its_contract_is_named_with_its_pointer(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path)
    good = parse_canonical(encode(sighting("AAPL"), context(), []))
    seal_over(
        disk,
        a_json=artifact_bytes({**good, "rows": [{"symbol": "A", "close": "1.00001", "slope": None}]}),
        b_json=artifact_bytes({**good, "schema": "unheard of"}),
        c_json=artifact_bytes({**good, "schema_version": 7}),
        d_json=b"{}",
        e_json=encode(sighting("AAPL"), context(SECOND), []),
        f_json=encode(sighting("AAPL"), context(book_id="ALPACA_PAPER"), []),
        g_jsonl=b'{"a":1}\n{"b": 2}\n',
    )
    expected = [
        (ReadFaultCode.SCHEMA_INVALID, day("a.json"), "/rows/0/close"),
        (ReadFaultCode.SCHEMA_INVALID, day("b.json"), "/schema"),
        (ReadFaultCode.VERSION_UNSUPPORTED, day("c.json"), "/schema_version"),
        (ReadFaultCode.CORRUPT, day("d.json"), ""),
        (ReadFaultCode.DATE_MISMATCH, day("e.json"), "/session_date"),
        (ReadFaultCode.BOOK_MISMATCH, day("f.json"), "/book_id"),
        (ReadFaultCode.CORRUPT, day("g.jsonl"), ""),
    ]
    assert expected == found(disk)


def test_what_was_received_keeps_its_own_spelling_but_must_be_readable(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path)
    seal_over(
        disk,
        observations__orders_json=b'[{"id": 1, "qty": 1.50}]',
        observations__page_html=b"<html>\xff",
        observations__torn_json=b'{"cash": ',
        cycles__0935__evidence__clock_json=b'{"timestamp": "x"}',
        observations__book_json=encode(sighting(), context(), []).replace(b'"scan"', b'"scan" '),
    )
    expected = [
        (ReadFaultCode.CORRUPT, day("observations/book.json"), ""),
        (ReadFaultCode.CORRUPT, day("observations/torn.json"), ""),
    ]
    assert expected == found(disk)


def test_a_sealed_journal_is_chained_spelt_and_typed(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path)
    journal = Journal.open(disk, day("journal.jsonl"))
    journal.append([("order.sent", at(FIRST, 14), None, {"symbol": "AAPL", "price": "1"})])
    journal.append([("order.sent", at(FIRST, 14), None, {"symbol": "AAPL"})])
    seal(disk, context(), None)
    (fault,) = check(disk).faults
    assert (ReadFaultCode.SCHEMA_INVALID, "/data/price") == (fault.code, fault.pointer)
    assert "line 2: order.sent" in fault.detail
    (fault,) = check(disk, events={}).faults
    assert ("/event", "order.sent") == (fault.pointer, fault.actual)
    assert [] == found(disk, events=None)


def test_a_torn_line_of_a_day_under_way_is_told(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path)
    Journal.open(disk, day("journal.jsonl")).append([("order.sent", at(FIRST, 14), None, {})])
    disk.append(day("journal.jsonl"), b'{"cycle"')
    report = check(disk, events=None)
    assert (FIRST,) == report.unsealed
    assert [LedgerCode.JOURNAL_TORN_TAIL] == [fault.code for fault in report.faults]


# --- links and chains -----------------------------------------------------------------------------


def test_an_input_that_is_not_what_was_read_is_stale_at_its_pointer(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path)
    wrong = [
        InputRef(path=day("gone.json"), sha256="a" * 64),
        InputRef(path=day("scan.json"), sha256="b" * 64),
    ]
    write(disk, day("scan.json"), sighting("AAPL"), context(), [])
    write(disk, day("decisions.json"), Choice(symbols=()), context(), wrong)
    seal(disk, context(), None)
    expected = [
        (ReadFaultCode.STALE_INPUT, day("decisions.json"), "/inputs/0/sha256"),
        (ReadFaultCode.STALE_INPUT, day("decisions.json"), "/inputs/1/sha256"),
    ]
    assert expected == found(disk)


def test_an_input_outside_the_book_is_asked_about_or_counted(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path)
    outside = InputRef(path="MARKET/snapshot", sha256="a" * 64)
    write(disk, day("scan.json"), sighting("AAPL"), context(), [outside])
    assert (1, ()) == (check(disk).unresolved_inputs, check(disk).faults)
    asked = check(disk, resolve=lambda ref: ref.sha256 if ref == outside else None)
    assert (0, ()) == (asked.unresolved_inputs, asked.faults)
    stale = (ReadFaultCode.STALE_INPUT, day("scan.json"), "/inputs/0/sha256")
    assert [stale] == found(disk, resolve=lambda ref: None)
    assert [stale] == found(disk, resolve=lambda ref: "b" * 64)


def test_an_input_of_a_session_outside_the_range_is_looked_up(disk: LocalDisk) -> None:
    earlier = InputRef(path=day("scan.json"), sha256=digest(disk.read(day("scan.json"))))
    write(disk, "SIM/rolling/3D/2016-06-03.json", sighting("AAPL"), context(THIRD), [earlier])
    assert [] == found(disk, first=THIRD, last=THIRD)
    (disk.root / day("scan.json")).unlink()
    stale = (ReadFaultCode.STALE_INPUT, "SIM/rolling/3D/2016-06-03.json", "/inputs/0/sha256")
    assert [stale] == found(disk, first=THIRD, last=THIRD)


def test_a_revision_that_names_no_predecessor_is_told(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path)
    plain = encode(Choice(symbols=()), context(), [])
    seal_over(disk, decisions_json=plain, decisions__x_json=plain)
    disk = LocalDisk(tmp_path / "other")
    disk.write(day("decisions.json"), plain)
    disk.write(day("decisions.r2.json"), plain)
    disk.write(
        day("decisions.r3.json"), encode(Choice(symbols=()), context(), [], supersedes="decisions.r2.json")
    )
    seal(disk, context(), None)
    expected = [
        (ReadFaultCode.STALE_INPUT, day("decisions.r2.json"), "/supersedes"),
        (ReadFaultCode.STALE_INPUT, day("decisions.r3.json"), "/inputs"),
    ]
    assert expected == found(disk)


def test_a_seal_taken_out_of_the_chain_is_missed_by_the_next(disk: LocalDisk) -> None:
    (disk.root / day("manifest.json", SECOND)).unlink()
    expected = [
        (LedgerCode.CHAIN_BROKEN, day("manifest.json", THIRD), "/previous/session_date"),
        (LedgerCode.CHAIN_BROKEN, day("journal.jsonl", THIRD), "/data/prev_tail"),
    ]
    assert expected == found(disk)
    assert (SECOND,) == check(disk).unsealed


def test_a_whole_day_taken_out_is_missed_by_the_next(disk: LocalDisk) -> None:
    for path in disk.list(layout.day(BOOK, SECOND)):
        (disk.root / path).unlink()
    os.rename(disk.root / layout.day(BOOK, SECOND), disk.root / "gone")
    expected = [
        (LedgerCode.CHAIN_BROKEN, day("manifest.json", THIRD), "/previous/session_date"),
        (LedgerCode.CHAIN_BROKEN, day("journal.jsonl", THIRD), "/data/prev_tail"),
    ]
    assert expected == found(disk, last=THIRD)


def test_a_day_resealed_after_a_change_is_betrayed_by_the_next(disk: LocalDisk) -> None:
    """Somebody who edits a file and makes its day's seal anew still has every later seal against him."""
    edit(disk, day("scan.json", SECOND), rows=[])
    (disk.root / day("manifest.json", SECOND)).unlink()
    seal(disk, context(SECOND), last_sealed(disk, BOOK, SECOND))
    codes = found(disk)
    assert (LedgerCode.CHAIN_BROKEN, day("manifest.json", THIRD), "/previous/sha256") in codes
    assert (ReadFaultCode.STALE_INPUT, day("decisions.json", SECOND), "/inputs/0/sha256") in codes


def test_a_first_session_that_names_an_earlier_seal_is_told(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path)
    live_through(disk, SECOND)
    disk.write(layout.day(BOOK, FIRST) + "/scan.json", encode(sighting(), context(FIRST), []))
    seal(disk, context(FIRST), None)
    expected = (LedgerCode.CHAIN_BROKEN, day("manifest.json", SECOND), "/previous")
    assert [expected] == found(disk)


def test_a_journal_that_carries_over_from_another_is_told(tmp_path: Path) -> None:
    disk = make_book(tmp_path, 1)
    live_through(disk, SECOND, carried="e" * 64)
    assert [(LedgerCode.CHAIN_BROKEN, day("journal.jsonl", SECOND), "/data/prev_tail")] == found(disk)
    assert 1 == len(found(disk, first=SECOND))


def test_a_day_left_behind_unsealed_is_passed_over_by_the_chains(tmp_path: Path) -> None:
    disk = make_book(tmp_path, 1)
    Journal.open(disk, day("journal.jsonl", SECOND)).append([("order.sent", at(SECOND, 14), None, {})])
    live_through(disk, THIRD, carried=Journal.open(disk, day("journal.jsonl")).tail)
    report = check(disk, events=None)
    assert ((SECOND,), ()) == (report.unsealed, report.faults)


# --- the memo -------------------------------------------------------------------------------------


def test_a_second_verification_judges_nothing_again(disk: LocalDisk, memo: Memo) -> None:
    """Of 18 files under seals 16 are judged: the three accounts are the same bytes."""
    first, second = check(disk, memo=memo), check(disk, memo=memo)
    assert (16, 0) == (first.judged, second.judged)
    assert replace(first, judged=0) == second
    assert "" == memo.trouble


def test_the_memo_outlives_its_process_and_can_be_lost(disk: LocalDisk, memo: Memo) -> None:
    check(disk, memo=memo)
    memo.close()
    again = Memo(disk.root / layout.index(BOOK))
    assert 0 == check(disk, memo=again).judged
    again.close()
    (disk.root / layout.index(BOOK)).unlink()
    fresh = Memo(disk.root / layout.index(BOOK))
    assert 16 == check(disk, memo=fresh).judged
    fresh.close()


def test_other_rules_are_not_covered_by_what_the_memo_knows(disk: LocalDisk, memo: Memo) -> None:
    check(disk, memo=memo)
    other = check(disk, memo=memo, events={**EVENTS, "order.sent": Opened})
    assert 16 == other.judged
    assert {ReadFaultCode.SCHEMA_INVALID} == {fault.code for fault in other.faults}
    assert 16 == check(disk, memo=memo, events=None).judged


def test_a_file_with_a_fault_is_never_remembered(disk: LocalDisk, memo: Memo) -> None:
    disk.write(day("late.json"), b"{}")
    assert found(disk, memo=memo) == found(disk, memo=memo)
    assert 2 == len(found(disk, memo=memo))


def test_bytes_valid_under_one_name_are_judged_again_under_another(disk: LocalDisk, memo: Memo) -> None:
    check(disk, memo=memo)
    disk.write(day("account.json"), disk.read(day("observations/account.json")))
    expected = [
        (LedgerCode.FILE_UNLISTED, day("account.json"), ""),
        (ReadFaultCode.CORRUPT, day("account.json"), ""),
    ]
    assert expected == found(disk, memo=memo)


@pytest.mark.parametrize(
    "spoil", [b"this is no database at all, but long enough to be read as one" * 20, b""]
)
def test_a_broken_index_costs_time_and_nothing_else(disk: LocalDisk, spoil: bytes) -> None:
    (disk.root / layout.index(BOOK)).write_bytes(spoil)
    memo = Memo(disk.root / layout.index(BOOK))
    assert () == check(disk, memo=memo).faults
    assert bool(spoil) == bool(memo.trouble)
    memo.close()


def test_an_index_that_cannot_be_opened_costs_time_and_nothing_else(disk: LocalDisk) -> None:
    memo = Memo(disk.root / "no such folder" / "index.sqlite")
    assert () == check(disk, memo=memo).faults
    assert "unable to open" in memo.trouble
