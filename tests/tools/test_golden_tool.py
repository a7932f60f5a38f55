"""A changed byte is listed by file and JSON pointer; what only follows from it is counted."""

from pathlib import Path

import pytest

from tools import golden

DAY = "SIM/2016-11-22"
ONE = b'{\n"inputs":[\n{"path":"a","sha256":"00"}\n],\n"rows":[\n{"stop":"9.50"},\n{"stop":"7.00"}\n]\n}\n'
LINES = b'{"event":"stop.ratcheted","prev":"00","seq":1}\n{"event":"cycle.ended","prev":"11","seq":2}\n'


def test_equal_files_list_nothing() -> None:
    assert [] == golden.listing({"a.json": ONE}, {"a.json": ONE})
    assert [] == golden.listing(golden.kept(), golden.kept())


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (b"9.50", b"9.51", "a.json /rows/0/stop: '9.50' -> '9.51'"),
        (b'{"stop":"7.00"}', b'{"stop":"7.00","x":1}', "a.json /rows/1/x: <absent> -> 1"),
        (b',\n{"stop":"7.00"}', b"", 'a.json /rows/1: {"stop":"7.00"} -> <absent>'),
        (b'"00"', b'"01"', "a.json: 1 digests or sizes that follow"),
    ],
)
def test_a_changed_value_is_named_by_its_pointer(old: bytes, new: bytes, line: str) -> None:
    assert [line] == golden.listing({"a.json": ONE}, {"a.json": ONE.replace(old, new, 1)})


def test_every_changed_pointer_of_a_file_is_counted_and_the_first_few_are_listed() -> None:
    old = b'{\n"rows":[1,2,3,4,5,6,7,8]\n}\n'
    lines = golden.listing(
        {"a.json": old}, {"a.json": old.replace(b"[1,2,3,4,5,6,7,8]", b"[0,0,0,0,0,0,0,0]")}
    )
    assert golden.POINTERS_MAX + 1 == len(lines)
    assert "a.json: and 2 pointers more" == lines[-1]


def test_a_journal_names_line_and_key_and_its_chain_follows() -> None:
    new = LINES.replace(b"stop.ratcheted", b"stop.placed").replace(b'"11"', b'"22"')
    assert [
        "journal.jsonl /0/event: 'stop.ratcheted' -> 'stop.placed'",
        "journal.jsonl: 1 digests or sizes that follow",
    ] == golden.listing({"journal.jsonl": LINES}, {"journal.jsonl": new})


def test_a_configuration_that_every_file_repeats_is_told_once() -> None:
    old, new = b'{\n"config_sha256":"aa"\n}\n', b'{\n"config_sha256":"bb"\n}\n'
    files = ("a.json", "b.json", "c.json")
    assert ["3 files /config_sha256: 'aa' -> 'bb'"] == golden.listing(
        dict.fromkeys(files, old), dict.fromkeys(files, new)
    )


def test_a_file_that_came_or_went_and_another_spelling_of_one_value_are_changes() -> None:
    assert [f"a.json /: '{len(ONE)} bytes' -> <absent>"] == golden.listing({"a.json": ONE}, {})
    (line,) = golden.listing({"a.json": ONE}, {"a.json": ONE + b"\n"})
    assert line.startswith("a.json byte ")


@pytest.mark.parametrize("name", [f"{DAY}/scan.json", f"{DAY}/journal.jsonl", f"{DAY}/manifest.json"])
def test_any_flipped_digit_of_a_golden_is_listed(name: str) -> None:
    files = golden.kept()
    data = files[name]
    for at in [at for at, byte in enumerate(data) if byte in b"01234567"][:: max(1, len(data) // 40)]:
        flipped = data[:at] + bytes([data[at] + 1]) + data[at + 1 :]
        (first, *_) = golden.listing({name: data}, {name: flipped})
        assert first.startswith(name)


def test_rewriting_replaces_the_folder_and_reads_back(tmp_path: Path) -> None:
    golden.rewrite({f"{DAY}/a.json": ONE, f"{DAY}/b.json": ONE}, tmp_path)
    golden.rewrite({f"{DAY}/a.json": ONE}, tmp_path)
    assert {f"{DAY}/a.json": ONE} == golden.kept(tmp_path)
