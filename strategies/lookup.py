"""Where a symbol stands in a scan, whichever of its two lists holds it; light enough for any command."""

from dataclasses import dataclass

from schemas.scan import Scan, ScanRow, ScanVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A symbol's verdict with its ordered codes; ``row`` only for a symbol past G2-G6."""

    verdict: ScanVerdict
    codes: tuple[str, ...]
    row: ScanRow | None


def standing_of(scan: Scan, symbol: str) -> Standing | None:
    """The verdict on *symbol*, or ``None`` if the snapshot does not hold it."""
    for row in scan.rows:
        if row["symbol"] == symbol:
            return Standing(verdict=row["verdict"], codes=tuple(row["codes"]), row=row)
    for group in scan.others:
        if symbol in group["symbols"]:
            return Standing(verdict=group["verdict"], codes=tuple(group["codes"]), row=None)
    return None
