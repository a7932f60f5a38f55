"""One object has one spelling: the bytes are a function of the values, on every machine.

UTF-8 JSON, keys sorted at every depth, no insignificant blanks, one trailing newline. An artifact has one
top-level key per line and, in a list directly under it, one element per line, so that a diff names the row::

    {
    "rows":[
    {"codes":["BELOW_AVWAP"],"symbol":"AAPL"},
    {"codes":[],"symbol":"MSFT"}
    ],
    "schema":"scan"
    }

Floats are spelled as Python's ``repr`` spells them (shortest text that reads back as the same float). The
standard library's encoder is the definition. orjson is ten times faster, spells small floats otherwise and turns
NaN into null in silence, so its work is taken where the two cannot differ, corrected where they do, and held
against the value wherever it might not be what was meant (ADR 16).
"""

import hashlib
import json
import math
import re
from bisect import bisect
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, NoReturn

import orjson

if TYPE_CHECKING:
    from pydantic import BaseModel

ABSENT: Final = "<absent>"
"""Stands in a ``Difference`` for a key or element that one side lacks."""


class Malformed(ValueError):
    """Bytes that are not the JSON we write, or a value that may not be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first place where two documents part: a JSON pointer ("" is the whole) and both values there."""

    pointer: str
    expected: Any
    actual: Any


_compact = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"), check_circular=False
).encode


def artifact_bytes(obj: Mapping[str, Any], finite: Collection[str] = ()) -> bytes:
    """The canonical bytes of an artifact. *finite*: keys below which no float is NaN or infinite, as the caller knows.

    Errors: ``Malformed`` for NaN, infinities, -0.0, and keys that are no text.
    """
    if not all(isinstance(key, str) for key in obj):
        raise Malformed("/: a key is no text")
    lines = [_line(key) + b":" + _member(obj[key], key in finite) for key in sorted(obj)]
    return b"{\n" + b",\n".join(lines) + b"\n}\n" if lines else b"{}\n"


def line_bytes(obj: Mapping[str, Any]) -> bytes:
    """*obj* on one line, for a journal. Errors as ``artifact_bytes``."""
    return _line(obj) + b"\n"


def parse(data: bytes) -> Any:
    """The value of *data*, which may be spelled freely. Errors: ``Malformed`` for what JSON or we forbid."""
    return _loads(data, object_pairs_hook=_no_twins, parse_float=_finite)


def parse_canonical(data: bytes) -> dict[str, Any]:
    """The object whose ``artifact_bytes`` are *data*. Errors: ``Malformed``, naming the first byte amiss."""
    return _demand(data, _again)


def parse_canonical_line(data: bytes) -> dict[str, Any]:
    """The object whose ``line_bytes`` are *data*, newline included. Errors as ``parse_canonical``."""
    return _demand(data, line_bytes)


def plain(fact: "BaseModel") -> dict[str, Any]:
    """*fact* as JSON values: decimals, dates and instants as their one text, floats as floats."""
    as_written: frozenset[str] = getattr(fact, "AS_WRITTEN", frozenset())
    if not as_written:
        return fact.model_dump(mode="json", by_alias=True)
    found = fact.model_dump(mode="json", by_alias=True, exclude=set(as_written))
    return found | {name: getattr(fact, name) for name in as_written}


def digest(data: bytes) -> str:
    """sha256 of *data*, 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def first_difference(expected: Any, actual: Any, pointer: str = "") -> Difference | None:
    """Where two JSON values first part, in the order of the bytes; ``None`` if their bytes are equal."""
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for key in sorted({*expected, *actual}):
            here = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            if found := first_difference(expected.get(key, ABSENT), actual.get(key, ABSENT), here):
                return found
        return None
    if isinstance(expected, list) and isinstance(actual, list):
        for at, (left, right) in enumerate(zip(expected, actual, strict=False)):
            if found := first_difference(left, right, f"{pointer}/{at}"):
                return found
        short = min(len(expected), len(actual))
        if len(expected) == len(actual):
            return None
        left = expected[short] if short < len(expected) else ABSENT
        right = actual[short] if short < len(actual) else ABSENT
        return Difference(pointer=f"{pointer}/{short}", expected=left, actual=right)
    # 1, 1.0 and true are equal in Python and three spellings on disk.
    if expected == actual and _kind(expected) == _kind(actual):
        return None
    return Difference(pointer=pointer, expected=expected, actual=actual)


def _kind(value: Any) -> str:
    return "bool" if isinstance(value, bool) else "float" if isinstance(value, float) else ""


def _member(value: Any, is_finite: bool) -> bytes:
    if isinstance(value, (list, tuple)) and value:
        return b"[\n" + b",\n".join(_lines(value, is_finite)) + b"\n]"
    return _line(value)


def _line(value: Any) -> bytes:
    return _lines((value,), is_finite=False)[0]


_BREAK: Final = orjson.Fragment(b"\n")
"""Put between elements it marks where one ends, a comma on each side: compact JSON has no line break of its own."""
_FAST: Final = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_MINUS_ZERO: Final = re.compile(rb"-0\.0[,}\]]")
_SIGNS: Final = (re.compile(rb"0\.0000"), re.compile(rb"e-[0-9]"))
"""What a float below 1e-4 cannot do without in orjson's spelling: 0.00001, 1e-6."""
_TINY: Final = re.compile(rb"[0-9](?:\.[0-9]+)?e-[0-9]+")
_SMALL: Final = re.compile(rb"0\.0000[0-9]+")
_ALIKE: Final = all(
    orjson.dumps(each).decode() == repr(each)
    for each in (0.1 + 0.2, 0.0001, 1e15, 1e16, 1.5e16, 1e22, 123456789.125, 1.7976931348623157e308)
)
"""orjson changed its spelling of 1e16 once. A release that does so again is slow, and moves no byte."""


def _lines(values: Sequence[Any], is_finite: bool) -> list[bytes]:
    """Each of *values* as compact JSON."""
    if not _ALIKE:
        return [_defined(value) for value in values]
    marked = [_BREAK] * (2 * len(values) - 1)
    marked[::2] = values
    try:
        whole = orjson.dumps(marked, option=_FAST)
    except TypeError:  # a great integer, text that UTF-8 cannot hold, or no JSON value at all
        return [_defined(value) for value in values]
    if _MINUS_ZERO.search(whole):  # found in text alone it does no harm: the definition knows
        return [_defined(value) for value in values]
    pieces = whole.split(b"\n")
    lines = [piece[1:-1] for piece in pieces]
    ends = list(accumulate(len(piece) + 1 for piece in pieces))
    for at in {bisect(ends, found.start()) for sign in _SIGNS for found in sign.finditer(whole)}:
        lines[at] = _respelled(lines[at], values[at])
    if not is_finite:
        empty = [at for at, line in enumerate(lines) if b"null" in line]
        again = orjson.loads(b"[" + b",".join([lines[at] for at in empty]) + b"]")
        for at, said in zip(empty, again, strict=True):
            if said != values[at]:  # read back, a null that was NaN is no NaN
                lines[at] = _defined(values[at])
    return lines


def _respelled(line: bytes, value: Any) -> bytes:
    """*line*, its floats below 1e-4 as Python spells them."""
    if b"\\" in line:  # a quote may stand in a text, and the count below would lose its way
        return _defined(value)
    if b"e-" in line:
        line = _TINY.sub(_spelled, line)
    return _SMALL.sub(_spelled, line)


def _spelled(found: re.Match[bytes]) -> bytes:
    line, start = found.string, found.start()
    is_number = (
        line[start - 1 : start] in (b"", b":", b",", b"[", b"-") and line.count(b'"', 0, start) % 2 == 0
    )
    return repr(float(found[0])).encode() if is_number else found[0]


def _defined(value: Any) -> bytes:
    _check_writable(value, "")
    try:
        return _compact(value).encode()
    except UnicodeEncodeError as error:
        raise Malformed(f"text that UTF-8 cannot hold: {error.reason}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise Malformed(f"not a JSON value: {error}") from error


def _check_writable(value: Any, pointer: str) -> None:
    """The two things the encoder would let pass: a key that is no text, and -0.0 beside 0.0."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise Malformed(f"{pointer or '/'}: the key {key!r} is no text")
            if item.__class__ is not str:
                _check_writable(item, f"{pointer}/{key}")
    elif isinstance(value, (list, tuple)):
        for item in value:
            if item.__class__ is not str:
                _check_writable(item, pointer)
    elif value.__class__ is float and value == 0.0 and math.copysign(1.0, value) < 0:
        raise Malformed(f"{pointer or '/'}: -0.0 and 0.0 are one value and must be one spelling")


def _again(parsed: dict[str, Any]) -> bytes:
    return artifact_bytes(parsed, finite=parsed)  # JSON has no word for what is not


def _demand(data: bytes, spell: Any) -> dict[str, Any]:
    # No hook for duplicate keys or infinities: neither survives being spelled again.
    try:
        value = orjson.loads(data)
        if isinstance(value, dict) and spell(value) == data:
            return value
    except (orjson.JSONDecodeError, Malformed):
        pass  # said below by the parser that names the place
    value = _loads(data)
    if not isinstance(value, dict):
        raise Malformed("not a JSON object")
    again = spell(value)
    if again != data:
        at = next((i for i, (a, b) in enumerate(zip(data, again, strict=False)) if a != b), None)
        where = min(len(data), len(again)) if at is None else at
        line = data.count(b"\n", 0, where) + 1
        raise Malformed(f"not in canonical form at byte {where} (line {line})")
    return value


def _loads(data: bytes, **hooks: Any) -> Any:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"not UTF-8 at byte {error.start}") from error
    try:
        return json.loads(text, parse_constant=_no_constant, **hooks)
    except json.JSONDecodeError as error:
        raise Malformed(f"not JSON at line {error.lineno} column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise Malformed("nested too deeply") from error
    except Malformed:
        raise
    except ValueError as error:  # an integer longer than the interpreter converts
        raise Malformed(str(error)) from error


def _no_constant(name: str) -> NoReturn:
    raise Malformed(f"{name} is no JSON value")


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        keys = [key for key, _ in pairs]
        twin = next(key for key in keys if keys.count(key) > 1)
        raise Malformed(f"the key {twin!r} comes twice in one object")
    return made


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise Malformed(f"{text} is beyond any float")
    return number
