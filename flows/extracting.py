"""What a day says of one symbol is an extract of its files: journal lines as they stand, and rows with their place.

A journal line belongs to a symbol if it names it, or one of the ids that some line gives to it (order, position,
intent, decision, trade).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ledger import layout
from ledger.canonical import Malformed, artifact_bytes, parse

JOURNAL: Final = "extract/journal.jsonl"
ROWS: Final = "extract/rows.json"
ID: Final = re.compile(r"(ord|pos|int|dec|fil|trd|exv|ev|tkt)_[0-9a-f]{20}")


def extract(day: Mapping[str, bytes], symbol: str) -> dict[str, bytes]:
    """The extract of *day* (path in the ledger -> bytes), by name in the archive."""
    rows = [row for path in sorted(day) if path.endswith(".json") for row in _rows(path, day[path], symbol)]
    lines = [
        line
        for path in sorted(day)
        if path.endswith(f"/{layout.JOURNAL}")
        for line in _lines(day[path], symbol)
    ]
    return {JOURNAL: b"".join(lines), ROWS: artifact_bytes({"rows": rows, "symbol": symbol})}


def _rows(path: str, data: bytes, symbol: str) -> Iterator[dict[str, Any]]:
    """Elements of a file's lists, and members that are no list, that name *symbol*."""
    found = _parsed(data)
    if not isinstance(found, dict):
        return
    for key, value in sorted(found.items()):
        parts = enumerate(value) if isinstance(value, list) else [(None, value)]
        for at, part in parts:
            if symbol in _texts(part):
                yield {"file": path, "pointer": f"/{key}" + ("" if at is None else f"/{at}"), "value": part}


def _lines(journal: bytes, symbol: str) -> Iterator[bytes]:
    lines = [line for line in journal.splitlines(keepends=True) if line.endswith(b"\n")]
    parsed = [_parsed(line) for line in lines]
    wanted = {symbol, *(each for value in parsed for each in _ids(value, symbol))}
    for line, value in zip(lines, parsed, strict=True):
        if not wanted.isdisjoint(_texts(value)):
            yield line


def _ids(value: Any, symbol: str) -> Iterator[str]:
    """The ids in objects whose own ``symbol`` it is."""
    if isinstance(value, dict):
        if value.get("symbol") == symbol:
            yield from (text for text in _texts(value) if ID.fullmatch(text))
        else:
            for part in value.values():
                yield from _ids(part, symbol)
    elif isinstance(value, list):
        for part in value:
            yield from _ids(part, symbol)


def _texts(value: Any) -> set[str]:
    """Every text in *value*, keys included: an object may be keyed by symbol."""
    if isinstance(value, str):
        return {value}
    if isinstance(value, dict):
        return set(value).union(*map(_texts, value.values()))
    return set().union(*map(_texts, value)) if isinstance(value, list) else set()


def _parsed(data: bytes) -> Any:
    try:
        return parse(data)
    except Malformed:
        return None  # a damaged file is packed as it is, and told as a fault
