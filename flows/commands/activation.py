"""``avwap explain --activation``: both sides of modulation by the regime, as a sheet for a person to review."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from flows import console
from schemas.errors import UsageFault
from schemas.reasons.edge import EdgeCode

if TYPE_CHECKING:
    from flows.house import House


def tell_activation(
    at: "House", book: str, first: date, last: date, out: Path | None, *, as_json: bool
) -> None:
    """Print the sheet, and write it to *out* if that is given. Errors: as ``flows.explaining.activation``; USAGE."""
    from analytics.activation_sheet import sheet
    from flows.explaining import activation
    from ledger.canonical import plain

    if out is not None and out.suffix != ".md":
        raise UsageFault(
            EdgeCode.USAGE,
            f"--out {out}: the sheet is a file that ends in .md",
            safe="nothing was written",
            next="name it review.md, for instance",
        )
    found, left = activation(at, book, first, last)
    text = sheet(book, found)
    if out is not None:
        out.write_text(text, encoding="utf-8")
    body = {
        "book": book,
        "activation": plain(found),
        "findings": [plain(each) for each in left],
        "file": None if out is None else str(out),
    }

    def tell() -> None:
        console.notes(text.splitlines())
        console.notes(f"finding  {each.code} {each.subject}: {each.detail}" for each in left)
        if out is not None:
            console.note(f"wrote    {out}")

    console.emit(body, as_json, tell)
