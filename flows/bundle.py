"""An evidence archive is a function of its members: the same files give the same bytes, and one other byte shows.

Plain ustar, members sorted by path, no times and no owners; ``sha256sums`` is read by ``sha256sum -c``. What is read is
written again and compared, so that a byte in a header or a padding counts like one in a file.
"""

import io
import tarfile
from collections.abc import Mapping
from typing import Final

from ledger.canonical import digest

SUMS: Final = "sha256sums"
INDEX: Final = "evidence.json"
MODE: Final = 0o644
NAME_MAX: Final = 100
"""Characters of a member's path: what one header of the format holds."""


class NoBundle(Exception):
    """The bytes are no archive that this program wrote; the text says why."""


def packed(members: Mapping[str, bytes]) -> bytes:
    """The archive of *members* (path -> bytes), their ``sha256sums`` added."""
    assert SUMS not in members, "the sums are made here"
    assert all(len(path.encode()) <= NAME_MAX for path in members), "a path is too long for the format"
    whole = {**members, SUMS: sums(members)}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(whole):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(whole[path]), MODE
            archive.addfile(entry, io.BytesIO(whole[path]))
    return out.getvalue()


def unpacked(data: bytes) -> dict[str, bytes]:
    """Path -> bytes of every member, the sums included; nothing is written anywhere.

    Errors: ``NoBundle`` for what is no archive of plain files, each named once.
    """
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for entry in archive:
                file = archive.extractfile(entry) if entry.isreg() else None
                if file is None or entry.name in found:
                    raise NoBundle(f"{entry.name!r} is no plain file, or is there twice")
                entry.name.encode()  # a name that is no text could not be told
                found[entry.name] = file.read()
    except (tarfile.TarError, EOFError, ValueError, UnicodeError) as error:
        raise NoBundle(str(error) or "it ends too early") from error
    if not found:
        raise NoBundle("it holds no file")
    if any(len(path.encode()) > NAME_MAX for path in found):
        raise NoBundle("a name in it is longer than any of ours")
    return found


def sums(members: Mapping[str, bytes]) -> bytes:
    """One line per member, as ``sha256sum`` writes them."""
    return "".join(f"{digest(members[path])}  {path}\n" for path in sorted(members)).encode()


def parting(data: bytes, again: bytes) -> int:
    """The first byte at which two texts differ; the length of the shorter if one begins with the other."""
    most = min(len(data), len(again))
    return next((at for at in range(most) if data[at] != again[at]), most)
