"""Two whole sessions are kept byte for byte, so that no change of bytes goes unseen or unnamed.

    python -m tools.golden     plays the week of ``tools.prove_day`` anew, lists what differs, rewrites the files

A listing names file, JSON pointer, old and new value. Digests that only follow from a change elsewhere (of
inputs, of the journal's chain, under the seal) are counted, not listed.
"""

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ledger import layout
from ledger.canonical import ABSENT, Malformed, first_difference, line_bytes, parse
from schemas.header import CODE_VERSION
from tools.prove_day import BOOK, EARLY_CLOSE, ORDINARY, play

FOLDER: Final = Path(__file__).resolve().parent.parent / "tests" / "golden"
PINNED: Final = (ORDINARY, EARLY_CLOSE)
POINTERS_MAX: Final = 6
"""Listed per file; the rest is counted."""
SHARED: Final = ("/config_sha256", "/code_version")
"""Header values that all files of a run repeat: told once, with the number of files."""
VALUE_CHARS_MAX: Final = 100
FOLLOWS: Final = re.compile(
    r"(/\d+)?(/inputs/\d+/sha256|/prev|/files/\d+/(sha256|bytes)|/content_sha256|/previous/sha256)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One place where a file is no longer what was kept."""

    file: str
    pointer: str
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{self.file} {self.pointer or '/'}: {_shown(self.old)} -> {_shown(self.new)}"


def made(home: Path) -> dict[str, bytes]:
    """Play the week below *home*; name -> bytes of every sealed file of the pinned sessions, and their seals."""
    results = play(home)
    disk = results[0].day.house.disk
    return {
        path: disk.read(path)
        for session in PINNED
        for path in disk.list(layout.day(BOOK, session))
        if not path.endswith(layout.REPORT)
    }


def kept(folder: Path = FOLDER) -> dict[str, bytes]:
    """Name -> bytes of the goldens."""
    files = (path for path in (folder / BOOK).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def listing(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[str]:
    """What differs, a line each, files by name; empty if every byte is the same."""
    lines: list[str] = []
    shared: dict[str, list[str]] = {}
    for name in sorted({*old, *new}):
        if old.get(name) == new.get(name):
            continue
        found = changes(name, old.get(name), new.get(name))
        for each in found:
            if each.pointer in SHARED:
                shared.setdefault(str(replace(each, file="")), []).append(name)
        own = [each for each in found if each.pointer not in SHARED]
        told = [each for each in own if not FOLLOWS.fullmatch(each.pointer)]
        lines += [str(change) for change in told[:POINTERS_MAX]]
        if len(told) > POINTERS_MAX:
            lines.append(f"{name}: and {len(told) - POINTERS_MAX} pointers more")
        if len(told) < len(own):
            lines.append(f"{name}: {len(own) - len(told)} digests or sizes that follow")
    repeated = [
        f"{names[0] if len(names) == 1 else f'{len(names)} files'}{change}"
        for change, names in shared.items()
    ]
    return repeated + lines


def changes(name: str, old: bytes | None, new: bytes | None) -> tuple[Change, ...]:
    """Every pointer at which two versions of the file *name* differ; at least one if any byte does."""
    if old is None or new is None:
        told = [None if each is None else f"{len(each)} bytes" for each in (old, new)]
        return (Change(file=name, pointer="", old=told[0] or ABSENT, new=told[1] or ABSENT),)
    try:
        before, after = _value(name, old), _value(name, new)
    except Malformed:
        return (_first_byte(name, old, new),)
    found = tuple(
        Change(file=name, pointer=pointer, old=was, new=now)
        for pointer, was, now in _differences(before, after, "")
    )
    # Bytes that differ and values that do not: the spelling changed.
    return found or (() if old == new else (_first_byte(name, old, new),))


def _value(name: str, data: bytes) -> Any:
    return [parse(line) for line in data.splitlines()] if name.endswith(".jsonl") else parse(data)


def _first_byte(name: str, old: bytes, new: bytes) -> Change:
    at = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    line = old.count(b"\n", 0, at) + 1
    return Change(file=name, pointer=f"byte {at} (line {line})", old=old[at : at + 20], new=new[at : at + 20])


def _differences(old: Any, new: Any, pointer: str) -> Iterator[tuple[str, Any, Any]]:
    """All of what ``first_difference`` names the first of."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            here = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            yield from _differences(old.get(key, ABSENT), new.get(key, ABSENT), here)
    elif isinstance(old, list) and isinstance(new, list):
        for at in range(max(len(old), len(new))):
            was = old[at] if at < len(old) else ABSENT
            now = new[at] if at < len(new) else ABSENT
            yield from _differences(was, now, f"{pointer}/{at}")
    elif (parting := first_difference(old, new, pointer)) is not None:
        yield parting.pointer, parting.expected, parting.actual


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return repr(value)
    text = (
        value
        if value == ABSENT
        else line_bytes(value).decode().rstrip()
        if isinstance(value, dict)
        else repr(value)
    )
    return text if len(text) <= VALUE_CHARS_MAX else text[: VALUE_CHARS_MAX - 1] + "…"


def code_version(files: Mapping[str, bytes]) -> str | None:
    """The behaviour version that the seals of *files* name; ``None`` without files."""
    seals = [parse(files[name])["code_version"] for name in sorted(files) if name.endswith(layout.MANIFEST)]
    return seals[-1] if seals else None


def rewrite(files: Mapping[str, bytes], folder: Path = FOLDER) -> None:
    """Replace the goldens in *folder* by *files*."""
    shutil.rmtree(folder / BOOK, ignore_errors=True)
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def main(arguments: Sequence[str]) -> int:
    """Rewrite the goldens and tell every change."""
    if arguments:
        print("refused  python -m tools.golden takes no argument", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="avwap-golden-") as home:
        new = made(Path(home))
    old = kept()
    lines = listing(old, new)
    print("\n".join(lines) or "no byte differs")
    before = code_version(old)
    if lines and before == CODE_VERSION:
        print(f"code_version {before} did not rise: it must, if a day sealed by a release would now differ")
    elif lines:
        print(f"code_version {before} -> {CODE_VERSION}")
    rewrite(new)
    size = sum(map(len, new.values()))
    print(f"{len(new)} files, {size:,} bytes under {FOLDER.relative_to(FOLDER.parent.parent)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
