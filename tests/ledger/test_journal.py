"""Every line names the one before it; only an unfinished last line may be wrong, and it is set aside."""

import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical import Malformed
from ledger.disk import LocalDisk
from ledger.faulty import FaultyDisk, SimulatedCrash
from ledger.journal import Entry, Journal, JournalCorrupt, fold, parse_chain
from schemas.errors import Corrupt, Denied
from schemas.journal import ZEROS, JournalRecord
from tests.ledger.days import Sent
from tests.ledger.values import objects, texts

PATH = "SIM/2016-06-01/journal.jsonl"
TORN = "SIM/2016-06-01/journal.torn"
NOW = datetime(2016, 6, 1, 13, 35, tzinfo=UTC)


def entry(number: int, event: str = "order.sent") -> Entry:
    return (event, NOW, "0935", {"n": number})


def journal_of(root: Path, lines: int) -> tuple[LocalDisk, bytes]:
    disk = LocalDisk(root)
    Journal.open(disk, PATH).append([entry(n) for n in range(lines)])
    return disk, disk.read(PATH)


def test_a_line_is_typed_out_and_names_the_hash_of_the_line_before(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path)
    journal = Journal.open(disk, PATH)
    sent = Sent(symbol="AAPL", price=Decimal("96"))
    journal.append([("order.sent", NOW, "0935", sent), ("cycle.ended", NOW, None, {})])
    first = (
        '{"cycle":"0935","data":{"price":"96.0000","symbol":"AAPL"},"event":"order.sent",'
        f'"prev":"{"0" * 64}","seq":1,"ts":"2016-06-01T13:35:00Z"}}\n'
    ).encode()
    prev = hashlib.sha256(first).hexdigest()
    second = (
        f'{{"cycle":null,"data":{{}},"event":"cycle.ended","prev":"{prev}","seq":2,"ts":"2016-06-01T13:35:00Z"}}\n'
    ).encode()
    assert first + second == disk.read(PATH)
    assert hashlib.sha256(second).hexdigest() == journal.tail


def test_an_empty_journal_has_no_records_and_a_tail_of_zeros(tmp_path: Path) -> None:
    journal = Journal.open(LocalDisk(tmp_path), PATH)
    assert ([], ZEROS, b"") == (list(journal.records), journal.tail, journal.torn)
    assert () == journal.append([])
    assert not LocalDisk(tmp_path).exists(PATH)


def test_what_was_appended_is_there_after_opening_again(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path)
    journal = Journal.open(disk, PATH)
    made = journal.append([entry(1), entry(2)]) + journal.append([entry(3)])
    again = Journal.open(disk, PATH)
    assert made == tuple(journal.records) == tuple(again.records)
    assert journal.tail == again.tail
    assert [1, 2, 3] == [record.seq for record in again.records]
    again.append([entry(4)])
    assert 4 == len(Journal.open(disk, PATH).records)


@given(batches=st.lists(st.lists(st.tuples(texts().filter(bool), objects()), max_size=3), max_size=4))
def test_any_batches_of_any_payloads_make_one_chain(batches: list[list[tuple[str, dict[str, Any]]]]) -> None:
    journal = Journal(Collecting(), PATH, parse_chain(b"", PATH), None)
    for batch in batches:
        journal.append([(event, NOW, None, data) for event, data in batch])
    chain = parse_chain(Collecting.data, PATH, ZEROS)
    assert tuple(journal.records) == chain.records
    assert journal.tail == chain.tail
    assert [data for batch in batches for _, data in batch] == [record.data for record in chain.records]


class Collecting(LocalDisk):
    """A disk in memory, for thousands of journals."""

    data = b""

    def __init__(self) -> None:
        super().__init__(Path())
        Collecting.data = b""

    def append(self, path: str, data: bytes) -> None:
        Collecting.data += data


def test_a_journal_may_go_on_from_a_carried_state(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path)
    (first,) = Journal.open(disk, PATH, genesis="a" * 64).append([entry(1)])
    assert "a" * 64 == first.prev
    assert 1 == len(Journal.open(disk, PATH, genesis="a" * 64).records)
    with pytest.raises(JournalCorrupt, match="line 1"):
        Journal.open(disk, PATH)


def test_one_batch_is_one_append_and_one_fsync(tmp_path: Path) -> None:
    disk = FaultyDisk(tmp_path)
    journal = Journal.open(disk, PATH)
    journal.append([entry(0)])
    before = disk.steps
    journal.append([entry(1)])
    one = disk.steps - before
    journal.append([entry(n) for n in range(100)])
    assert one == disk.steps - before - one


def test_a_torn_last_line_is_set_aside_at_every_length(tmp_path: Path) -> None:
    _, data = journal_of(tmp_path / "whole", 2)
    second = data.index(b"\n") + 1
    for length in range(1, len(data) - second):
        disk = LocalDisk(tmp_path / str(length))
        disk.write(PATH, data[: second + length])
        journal = Journal.open(disk, PATH)
        assert data[second : second + length] == journal.torn
        assert data[:second] == disk.read(PATH)
        assert journal.torn + b"\n" == disk.read(TORN)
        assert b"" == Journal.open(disk, PATH).torn
        journal.append([entry(7)])
        assert 2 == len(Journal.open(disk, PATH).records)


def test_setting_aside_may_die_at_any_step_and_loses_no_torn_byte(tmp_path: Path) -> None:
    _, data = journal_of(tmp_path / "whole", 2)
    counted = FaultyDisk(tmp_path / "count")
    LocalDisk(tmp_path / "count").write(PATH, data[:-9])
    Journal.open(counted, PATH)
    for step in range(1, counted.steps + 1):
        root = tmp_path / str(step)
        LocalDisk(root).write(PATH, data[:-9])
        with pytest.raises(SimulatedCrash):
            Journal.open(FaultyDisk(root, crash_at=step), PATH)
        again = Journal.open(LocalDisk(root), PATH)
        assert 1 == len(again.records)
        assert data[data.index(b"\n") + 1 : -9] in LocalDisk(root).read(TORN)


def test_a_journal_that_dies_while_appending_keeps_whole_lines_from_the_front(tmp_path: Path) -> None:
    for step in range(1, 40):
        root = tmp_path / str(step)
        journal_of(root, 1)
        journal = Journal.open(FaultyDisk(root, crash_at=step), PATH)
        try:
            journal.append([entry(1), entry(2)])
        except SimulatedCrash:
            again = Journal.open(LocalDisk(root), PATH)
            assert [0, 1, 2][: len(again.records)] == [record.data["n"] for record in again.records]
            assert len(again.records) >= 1
        else:
            assert step > 5
            return
    raise AssertionError("an append takes fewer than 40 steps")


def broken_line(data: bytes) -> int | None:
    try:
        parse_chain(data, PATH, ZEROS)
    except JournalCorrupt as error:
        return error.line
    return None


@pytest.mark.parametrize("line", [1, 2, 3])
def test_a_changed_byte_before_the_last_newline_is_a_break_with_its_line(tmp_path: Path, line: int) -> None:
    _, data = journal_of(tmp_path, 3)
    lines = data.splitlines(keepends=True)
    start = sum(len(each) for each in lines[: line - 1])
    for at in range(start, start + len(lines[line - 1]) - 1):
        changed = bytearray(data)
        changed[at] ^= 0x01
        # A line that still reads shows only in what its successor names; the last one has none but the seal.
        allowed = {line, line + 1} if line < 3 else {line, None}
        assert broken_line(bytes(changed)) in allowed, at


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda rows: rows[1:], 1),
        (lambda rows: [rows[0], rows[2]], 2),
        (lambda rows: [rows[0], rows[0], *rows[1:]], 2),
        (lambda rows: [rows[1], rows[0], rows[2]], 1),
        (lambda rows: [*rows[:2], b"\n", rows[2]], 3),
        (lambda rows: [*rows, b"{}\n"], 4),
        (lambda rows: [*rows, rows[2].replace(b'"seq":3', b'"seq": 4')], 4),
    ],
)
def test_lines_lost_added_swapped_or_misspelt_are_a_break(tmp_path: Path, spoil: Any, line: int) -> None:
    disk, data = journal_of(tmp_path, 3)
    disk.write(PATH, b"".join(spoil(data.splitlines(keepends=True))))
    before = disk.read(PATH)
    with pytest.raises(Corrupt, match=f"JOURNAL_CORRUPT: {PATH} line {line}:") as caught:
        Journal.open(disk, PATH)
    assert 4 == caught.value.exit_code
    assert before == disk.read(PATH)
    assert not disk.exists(TORN)


def test_the_guard_is_asked_before_each_append_and_nothing_is_added_when_it_refuses(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path)
    answers = [None, Denied("FENCE_LOST", "another process holds the book"), None]

    def guard() -> None:
        if error := answers.pop(0):
            raise error

    journal = Journal.open(disk, PATH, guard=guard)
    journal.append([entry(1)])
    with pytest.raises(Denied, match="FENCE_LOST"):
        journal.append([entry(2)])
    assert 1 == len(Journal.open(disk, PATH).records)
    journal.append([entry(2)])
    assert [1, 2] == [record.data["n"] for record in Journal.open(disk, PATH).records]


def test_after_a_failed_append_only_opening_again_says_what_arrived(tmp_path: Path) -> None:
    disk = FaultyDisk(tmp_path)
    journal = Journal.open(disk, PATH)
    journal.append([entry(1)])
    disk._steps.full_at = disk.steps
    with pytest.raises(Denied, match="No space left"):
        journal.append([entry(2)])
    disk.heal()
    with pytest.raises(Denied, match="LEDGER_UNAVAILABLE"):
        journal.append([entry(2)])
    again = Journal.open(disk, PATH)
    assert b"" == again.torn
    again.append([entry(2)])
    assert [1, 2] == [record.data["n"] for record in Journal.open(disk, PATH).records]


def test_a_payload_that_cannot_be_written_adds_nothing(tmp_path: Path) -> None:
    journal = Journal.open(LocalDisk(tmp_path), PATH)
    with pytest.raises(Malformed):
        journal.append([entry(1), ("order.sent", NOW, None, {"x": float("nan")})])
    assert not LocalDisk(tmp_path).exists(PATH)
    assert [] == list(journal.records)


def test_state_is_a_fold_over_the_records(tmp_path: Path) -> None:
    disk, _ = journal_of(tmp_path, 4)

    def total(state: int, record: JournalRecord) -> int:
        number = record.data["n"]
        assert isinstance(number, int)
        return state * 10 + number

    records = Journal.open(disk, PATH).records
    assert 123 == fold(records, total, 0)
    assert fold(records, total, 0) == fold(records[2:], total, fold(records[:2], total, 0))
