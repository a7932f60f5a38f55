"""A session's files are made under one configuration; who changed it meanwhile is told so once, and what to do.

Only a file's digest is kept of the settings that it was made under, so both digests are told, and no key.
"""

from typing import TYPE_CHECKING, Final

from ledger.canonical import Malformed, parse_canonical
from schemas.errors import Denied
from schemas.reasons.edge import EdgeCode

if TYPE_CHECKING:
    from flows.day import Day

_FIRST: Final = tuple(
    f"observations/{name}.json" for name in ("book", "calendar", "account", "market", "clock")
)
"""What a morning writes before all else, and all of it short."""


def config_of(data: bytes) -> str | None:
    """The digest of the settings that an artifact was made under; None: *data* is none."""
    try:
        found = parse_canonical(data).get("config_sha256")
    except Malformed:
        return None
    return found if isinstance(found, str) else None


def morning_changed(day: "Day") -> Denied | None:
    """CONFIG_CHANGED if *day* was begun under other settings than those of now; None if not, or if it was not begun."""
    disk = day.house.disk
    path = next((each for each in map(day.path, _FIRST) if disk.exists(each)), None)
    return None if path is None else file_changed(day, path)


def file_changed(day: "Day", path: str) -> Denied | None:
    """The same of one file of *day*."""
    disk, now = day.house.disk, day.house.config_sha256
    then = config_of(disk.read(path)) if disk.exists(path) else None
    if then is None or then == now:
        return None
    book, on = day.book_id, day.session
    return Denied(
        EdgeCode.CONFIG_CHANGED,
        f"{path} was made under configuration {then[:12]}…, the present one is {now[:12]}…: "
        "avwap.toml, a flag or a file that it names changed since this session began",
        safe="no file was overwritten; positions keep their stops, and cycles and the close go on",
        next="put the settings back as they were and run this again; the next session opens under the new ones"
        if day.cycles()
        else "put the settings back as they were and run this again; to enter by the new ones today, "
        f"avwap decide --book {book} --date {on} --revise, then avwap enforce --book {book} --date {on} --revise",
    )
