"""One value has one spelling, and the spelling is frozen."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.canonical import (
    ABSENT,
    Malformed,
    artifact_bytes,
    digest,
    first_difference,
    line_bytes,
    parse,
    parse_canonical,
    parse_canonical_line,
    plain,
)
from schemas.base import Fact, Instant, Measure4, Price, SessionDate, Shares
from tests.ledger.values import json_values, measures, objects, texts

SPELLINGS = (artifact_bytes, line_bytes)


def test_an_artifact_has_one_key_per_line_and_one_row_per_line() -> None:
    expected = (
        "{\n"
        '"a":{"deep":[1,{"k":null}],"x":true},\n'
        '"empty":[],\n'
        '"none":{},\n'
        '"rows":[\n'
        '{"close":"96.0000","symbol":"ÄPFEL"},\n'
        "[1,2]\n"
        "],\n"
        '"z":"text"\n'
        "}\n"
    )
    value = {
        "z": "text",
        "rows": [{"symbol": "ÄPFEL", "close": "96.0000"}, [1, 2]],
        "none": {},
        "empty": [],
        "a": {"x": True, "deep": [1, {"k": None}]},
    }
    assert expected.encode() == artifact_bytes(value)


def test_a_journal_line_is_one_compact_line() -> None:
    assert b'{"a":[1,2],"b":"\\n"}\n' == line_bytes({"b": "\n", "a": [1, 2]})


# Typed by hand: these spellings are on disk for ever.
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", 0.1),
        ("0.30000000000000004", 0.1 + 0.2),
        ("1.0", 1.0),
        ("0.0", 0.0),
        ("1e-05", 0.00001),
        ("0.0001", 0.0001),
        ("1e+16", 1e16),
        ("1000000000000000.0", 1e15),
        ("-2.5", -2.5),
        ("5e-324", 5e-324),
        ("1.7976931348623157e+308", 1.7976931348623157e308),
    ],
)
def test_the_spelling_of_a_float_is_frozen(text: str, value: float) -> None:
    assert f'{{"x":{text}}}\n'.encode() == line_bytes({"x": value})


@given(number=st.floats(allow_nan=False, allow_infinity=False))
@example(number=1e-5)
@example(number=9.999999e-5)
@example(number=1e-6)
@example(number=-1.5e-7)
@example(number=1e-10)
@example(number=10.00001)
@example(number=100000.00002)
def test_every_float_is_spelled_as_python_spells_it_wherever_it_stands(number: float) -> None:
    if repr(number) == "-0.0":
        return
    text = repr(number).encode()
    assert b'{"x":' + text + b"}\n" == line_bytes({"x": number})
    expected = b'{\n"rows":[\n' + text + b",\n[0," + text + b',{"n":null,"x":' + text + b"}]\n]\n}\n"
    for finite in ((), ("rows",)):
        assert expected == artifact_bytes({"rows": [number, [0, number, {"n": None, "x": number}]]}, finite)


@pytest.mark.parametrize(
    "text",
    ["x:0.00001,", ",1e-6]", "[-0.0]", "-0.0", "a,\n,b", "null", "pre-open", '",\n,"', "0.00001", "1e-06"],
)
def test_text_that_looks_like_a_number_stays_as_it_is(text: str) -> None:
    rows = [{"text": text, "x": 1e-6}, [text, 0.00002, text], text]
    shown = "".join(
        f"{',' if at else ''}\n{json.dumps(row, ensure_ascii=False, separators=(',', ':'))}"
        for at, row in enumerate(rows)
    )
    for finite in ((), ("rows",)):
        assert f'{{\n"rows":[{shown}\n]\n}}\n'.encode() == artifact_bytes({"rows": rows}, finite)
    assert {"rows": rows} == parse_canonical(artifact_bytes({"rows": rows}))


@given(value=objects())
def test_the_fast_spelling_is_the_definitions(value: dict[str, Any]) -> None:
    slow = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    assert slow.encode() + b"\n" == line_bytes(value)


def test_the_definition_alone_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    value = {"rows": [{"b": 1e-6, "a": None, "c": "ä\x07"}, 1e16, [0.00001]], "z": 0.1 + 0.2}
    fast = artifact_bytes(value)
    monkeypatch.setattr("ledger.canonical._ALIKE", False)
    assert fast == artifact_bytes(value)


@pytest.mark.parametrize("spell", SPELLINGS)
@given(value=objects())
@example(value={"": "", "\x7f": "\u2028", "😀": [[], {}, [{}]]})
@example(value={"rows": [0.0, 1e22, 123456789012345678901234567890]})
def test_what_is_written_reads_back_equal(
    spell: Callable[[dict[str, Any]], bytes], value: dict[str, Any]
) -> None:
    assert value == parse(spell(value))


@pytest.mark.parametrize("spell", SPELLINGS)
@given(value=objects())
def test_reading_and_writing_again_gives_the_same_bytes(
    spell: Callable[[dict[str, Any]], bytes], value: dict[str, Any]
) -> None:
    data = spell(value)
    assert data == spell(parse(data))


@given(value=objects())
def test_the_order_in_which_keys_were_set_leaves_no_trace(value: dict[str, Any]) -> None:
    backwards = dict(reversed(list(value.items())))
    assert artifact_bytes(value) == artifact_bytes(backwards)


@given(value=objects(), at=st.integers(min_value=0), byte=st.integers(0, 255))
def test_no_other_bytes_pass_for_canonical_unless_they_hold_another_value(
    value: dict[str, Any], at: int, byte: int
) -> None:
    data = bytearray(artifact_bytes(value))
    data[at % len(data)] = byte
    try:
        found = parse_canonical(bytes(data))
    except Malformed:
        return
    assert bytes(data) == artifact_bytes(found)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), -0.0])
@pytest.mark.parametrize(
    "place", [lambda bad: {"x": bad}, lambda bad: bad, lambda bad: [None, bad], lambda bad: [bad, "x"]]
)
def test_a_number_with_no_spelling_of_its_own_is_refused(bad: float, place: Callable[[float], Any]) -> None:
    for spell in SPELLINGS:
        for rows in ([place(bad)], [{"x": None}, place(bad), {}], place(bad)):
            with pytest.raises(Malformed):
                spell({"rows": rows})


@pytest.mark.parametrize(
    "bad",
    [
        {1: "a"},
        {"a": {None: 1}},
        {"a": {1.5}},
        {"a": Decimal(1)},
        {"a": "\ud800"},
        {"a": date(2016, 6, 1)},
        {"\ud800": 1},
    ],
)
def test_a_value_that_json_would_bend_is_refused(bad: Any) -> None:
    for spell in SPELLINGS:
        with pytest.raises(Malformed):
            spell(bad)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"a":NaN}', "NaN is no JSON value"),
        (b'{"a":-Infinity}', "-Infinity is no JSON value"),
        (b'{"a":1e999}', "beyond any float"),
        (b'{"a":1,"a":1}', "'a' comes twice"),
        (b'{"a":\xff}', "not UTF-8 at byte 5"),
        (b'{"a":', "not JSON at line 1 column 6"),
        (b"[" * 100_000, "nested too deeply"),
        (b"1" * 5000, "limit"),
    ],
)
def test_bytes_that_are_not_our_json_are_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        parse(data)


@pytest.mark.parametrize(
    "data",
    [
        b'{\n"a":1\n}',  # no last newline
        b'{\n"a":1\n}\n\n',
        b'{"a":1}\n',  # a line, not an artifact
        b'{\n"b":1,\n"a":1\n}\n',
        b'{\n"a": 1\n}\n',
        b'{\n"a":1.10\n}\n',
        b'{\n"a":"\\u00e4"\n}\n',
        b'{\n"a":1,\n"a":1\n}\n',
        b'{\n"a":-0.0\n}\n',
        b'{\n"a":1e999\n}\n',
        b"[]\n",
        b"\xef\xbb\xbf{}\n",
    ],
)
def test_another_spelling_of_a_value_is_not_canonical(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_canonical(data)


def test_a_misspelling_is_located_by_byte_and_line() -> None:
    with pytest.raises(Malformed, match=r"not in canonical form at byte 13 \(line 3\)"):
        parse_canonical(b'{\n"a":1,\n"b": 2\n}\n')


def test_a_line_is_canonical_with_its_newline_only() -> None:
    assert {"a": 1} == parse_canonical_line(b'{"a":1}\n')
    with pytest.raises(Malformed):
        parse_canonical_line(b'{"a":1}')


class Sample(Fact):
    price: Price
    shares: Shares
    slope: Measure4 | None
    at: Instant
    day: SessionDate


def test_a_fact_becomes_plain_values_in_their_one_text() -> None:
    sample = Sample(price="96", shares=7, slope=0.125, at="2016-06-01T09:30:00-04:00", day="2016-06-01")
    expected = {
        "price": "96.0000",
        "shares": "7",
        "slope": 0.125,
        "at": "2016-06-01T13:30:00Z",
        "day": "2016-06-01",
    }
    assert expected == plain(sample)
    assert sample == Sample.model_validate(parse(artifact_bytes(plain(sample))))


def test_the_digest_is_the_sha256_that_every_machine_knows() -> None:
    assert "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" == digest(b"")


@pytest.mark.parametrize(
    ("expected", "actual", "pointer", "left", "right"),
    [
        ({"a": 1}, {"a": 2}, "/a", 1, 2),
        ({"rows": [{"x": 1}, {"x": 2}]}, {"rows": [{"x": 1}, {"x": 3}]}, "/rows/1/x", 2, 3),
        ({"a": [1]}, {"a": [1, 2]}, "/a/1", ABSENT, 2),
        ({"a": [1, 2]}, {"a": [1]}, "/a/1", 2, ABSENT),
        ({"a": 1}, {}, "/a", 1, ABSENT),
        ({"a/b~c": 1}, {"a/b~c": 2}, "/a~1b~0c", 1, 2),
        ({"a": 1}, {"a": 1.0}, "/a", 1, 1.0),
        ({"a": 1}, {"a": True}, "/a", 1, True),
        ({"a": {}}, {"a": []}, "/a", {}, []),
        ({"b": 1, "a": 1}, {"b": 2, "a": 2}, "/a", 1, 2),
    ],
)
def test_the_first_difference_is_named(
    expected: Any, actual: Any, pointer: str, left: Any, right: Any
) -> None:
    found = first_difference(expected, actual)
    assert found is not None
    assert (pointer, left, right) == (found.pointer, found.expected, found.actual)
    assert type(left) is type(found.expected)


@given(left=json_values(), right=json_values())
def test_there_is_a_difference_exactly_when_the_bytes_differ(left: Any, right: Any) -> None:
    same = line_bytes({"x": left}) == line_bytes({"x": right})
    assert same == (first_difference(left, right) is None)


@given(number=measures())
def test_a_float_keeps_every_bit(number: float) -> None:
    assert number.hex() == parse(line_bytes({"x": number}))["x"].hex()


@given(text=texts())
def test_text_is_written_as_itself_and_not_as_escapes(text: str) -> None:
    assert json.dumps(text, ensure_ascii=False).encode() in line_bytes({"x": text})
