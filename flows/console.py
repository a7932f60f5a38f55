"""What a person reads at the prompt: tables, and refusals that say what, why, what is safe and what next.

With ``--json`` a command prints one JSON object and nothing else on standard output.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from schemas.errors import AvwapError
from schemas.reasons.edge import EdgeCode

PIPE_COLUMNS = 160
"""A pipe has no width of its own; rows that fold at 80 columns are hard to search in."""
GAP = 2
"""Blanks between two columns."""
OUT = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE_COLUMNS)
ERR = Console(stderr=True, soft_wrap=True)


def emit(result: dict[str, Any], as_json: bool, render: Callable[[], None]) -> None:
    """Print *result* as JSON, or call *render* for a person."""
    if as_json:
        sys.stdout.write(json.dumps(result, sort_keys=True, default=str, ensure_ascii=False) + "\n")
    else:
        render()


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> None:
    """One titled table; columns in *right* are numbers and align right, those in *whole* are never broken in two."""
    grid = Table(
        title=title, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False
    )
    for column in columns:
        justify: JustifyMethod = "right" if column in right else "left"
        grid.add_column(column, justify=justify, overflow="fold", no_wrap=column in whole)
    empty = True
    for row in rows:
        empty = False
        # As Text: a vendor's "[/x]" in a cell is text, no markup.
        grid.add_row(*(Text("-" if cell is None else str(cell)) for cell in row))
    if empty:
        OUT.print(Text(title, style="bold"), Text("  none", style="dim"), sep="")
    else:
        OUT.print(grid)
    OUT.print()


def note(text: str) -> None:
    """One plain line, never folded: a digest or a path is there to be copied."""
    OUT.print(text, highlight=False, markup=False, soft_wrap=True)


def notes(lines: Iterable[str]) -> None:
    """Each of *lines* as ``note`` prints it."""
    for line in lines:
        note(line)


def refuse(error: AvwapError, as_json: bool, what: str = "") -> int:
    """Say an error in four lines and return its exit code."""
    if as_json:
        body = {
            "error": error.code,
            "why": error.message,
            "safe": error.safe,
            "next": error.next,
            "exit": error.exit_code,
        }
        sys.stdout.write(json.dumps(body, sort_keys=True, ensure_ascii=False) + "\n")
        return error.exit_code
    head = {2: "usage", 3: "refused", 4: "corrupt"}.get(error.exit_code, "failed")
    for label, text in (
        (head, what or error.code),
        ("why", error.message),
        ("safe", error.safe),
        ("next", error.next),
    ):
        if text:
            suffix = f"   (exit {error.exit_code})" if label == head else ""
            ERR.print(Text(f"{label:<8} ", style="bold red" if label == head else "bold"), end="")
            ERR.print(Text(text + suffix), highlight=False)
    return error.exit_code


def from_os_error(error: OSError) -> AvwapError:
    """A file system's no, said like any other refusal."""
    return AvwapError(
        EdgeCode.FILE_UNREADABLE,
        f"{error.filename or 'a file'}: {error.strerror or error}",
        safe="nothing half-written is visible",
        next="check that the path exists and that this user may read and write it",
    )


def rows(title: str, found: Sequence[dict[str, str]]) -> None:
    """A table from rows that share their keys; numbers align right."""
    if not found:
        table(title, (), ())
        return
    columns = list(found[0])
    numeric = [
        c for c in columns if all(_is_number(row[c]) for row in found) and any(row[c] for row in found)
    ]
    table(title, columns, ([row[c] for c in columns] for row in found), right=numeric)


def fitted(title: str, found: Sequence[dict[str, str]], gives_way: Sequence[str]) -> None:
    """As ``rows``; where the window is too narrow, columns of *gives_way* are left out, the first first, and named."""
    kept, left = fitting(found, OUT.width, gives_way)
    rows(title, kept)
    if left:
        note(f"left out  {', '.join(left)}: the window is narrow; --json has them")


def fitting(
    found: Sequence[dict[str, str]], width: int, gives_way: Sequence[str]
) -> tuple[list[dict[str, str]], tuple[str, ...]]:
    """(*found* without what *width* columns cannot hold, the names left out)."""
    kept = list(found[0]) if found else []
    left: list[str] = []
    for name in gives_way:
        if sum(_width(found, each) + GAP for each in kept) - GAP <= width:
            break
        kept.remove(name)
        left.append(name)
    return [{name: row[name] for name in kept} for row in found], tuple(left)


def _width(found: Sequence[dict[str, str]], name: str) -> int:
    return max(len(name), *(len(row[name]) for row in found))


def _is_number(cell: str) -> bool:
    return (
        not cell
        or cell == "-"
        or cell.replace(",", "").replace("%", "").lstrip("+-").replace(".", "", 1).isdigit()
    )
