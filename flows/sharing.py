"""How strategies share a book is said in one place at a time; what cannot be meant is kept as a fault, not guessed.

``S2_SLEEVES_JSON`` or ``S2_SLEEVES_FILE`` replaces the book's own table. A fault blocks entries in the morning; it
never keeps a process from starting, for exits need none of this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from portfolio.limits import Sleeve
from portfolio.sleeves import Sharing, parse_sleeves, shadow_faults


@dataclass(frozen=True, slots=True, kw_only=True)
class FileText:
    """A file's text, or why there is none; neither, if no file was named."""

    text: str | None = None
    fault: str | None = None


def read_text(home: Path, name: str | None) -> FileText:
    """The text of the file *name*, looked for in *home*."""
    if not name:
        return FileText()
    try:
        return FileText(text=(home / name).read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        return FileText(fault="S2_SLEEVES_FILE: not UTF-8")
    except OSError as error:
        return FileText(fault=f"S2_SLEEVES_FILE: {error.strerror}")


def sharing_of(
    table: Mapping[str, Sleeve],
    given: str | None,
    file: FileText,
    *,
    allow_unsleeved: bool,
    allow_symbol_overlap: bool,
    shadows: str | None,
) -> Sharing:
    """What the settings come to. *table*: the book's own sleeves; *given*: ``S2_SLEEVES_JSON``, empty as if unset."""
    sleeves: Mapping[str, Sleeve] = table
    faults: tuple[str, ...] = ()
    if given and (file.text is not None or file.fault is not None):
        sleeves = {}
        faults = ("S2_SLEEVES_JSON and S2_SLEEVES_FILE are both set: which one is meant?",)
    elif file.fault is not None:
        sleeves, faults = {}, (file.fault,)
    elif given or file.text is not None:
        name = "S2_SLEEVES_JSON" if given else "S2_SLEEVES_FILE"
        sleeves, found = parse_sleeves(given or file.text or "")
        faults = tuple(f"{name} {fault}" for fault in found)
    pairs, wrong = _shadows(shadows or "")
    return Sharing(
        sleeves=dict(sleeves),
        faults=(*faults, *wrong),
        allow_unsleeved=allow_unsleeved,
        allow_symbol_overlap=allow_symbol_overlap,
        shadows=pairs,
    )


def _shadows(text: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """``SHADOW=ORIGINAL,…`` as a table, and its faults; with a fault, no shadow is decided."""
    found: dict[str, str] = {}
    faults: list[str] = []
    for part in (each.strip() for each in text.split(",") if each.strip()):
        shadow, _, original = (each.strip() for each in part.partition("="))
        if not shadow or not original:
            faults.append(f"SHADOW_STRATEGY_IDS {part}: SHADOW=ORIGINAL is wanted")
        elif shadow in found:
            faults.append(f"SHADOW_STRATEGY_IDS {shadow}: stated twice")
        else:
            found[shadow] = original
    faults += [f"SHADOW_STRATEGY_IDS {fault}" for fault in shadow_faults(found)]
    return ({}, tuple(faults)) if faults else (found, ())
