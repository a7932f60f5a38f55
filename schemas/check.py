"""What a check of bars found lies beside the store as one file: every morning, every code, every symbol.

It is no artifact of a book: it names no book, and nothing rests on it.
"""

from datetime import date
from typing import Literal

from schemas.base import Fact, SessionDate
from schemas.header import Finding
from schemas.reasons.market import BarCode, SetAside


class CheckedSymbol(Fact):
    """One symbol that carried one code with one effect (Q quarantines, W warns) on at least one morning.

    mornings: on how many; first, last: which. latest: the session of the defect, as the first such morning saw
    it; None where a code has none.
    """

    symbol: str
    code: BarCode
    effect: Literal["Q", "W"]
    mornings: int
    first: SessionDate
    last: SessionDate
    latest: SessionDate | None


class CheckedCode(Fact):
    """One code with one effect over all mornings.

    symbols: how many carried it; liquid: of those, how many were a liquid member on some morning. mornings: on
    how many some symbol did; times: sum over the symbols. examples: up to five, liquid ones first.
    """

    code: BarCode
    effect: Literal["Q", "W"]
    symbols: int
    liquid: int
    mornings: int
    times: int
    examples: tuple[CheckedSymbol, ...]


class CheckedDay(Fact):
    """A morning on which every entry would be blocked, and by what."""

    session_date: SessionDate
    findings: tuple[Finding, ...]


class RowsSetAside(Fact):
    """Rows of a file that are no bars at all."""

    reason: SetAside
    rows: int
    examples: tuple[str, ...]


class CheckReport(Fact):
    """The data contract over the mornings after each session from *first* to *last*.

    subject: the file's name, or the store's snapshot. sha256: of the file; of a snapshot, its data_version.
    infos: what was written down and blocks nothing; observed: on how many mornings.
    """

    format: Literal["avwap.market.check/1"] = "avwap.market.check/1"
    subject: str
    sha256: str
    rows: int
    symbols: int
    columns_ignored: tuple[str, ...] = ()
    set_aside: tuple[RowsSetAside, ...] = ()
    first: date
    last: date
    mornings: int
    config_sha256: str
    codes: tuple[CheckedCode, ...]
    days: tuple[CheckedDay, ...]
    infos: tuple[Finding, ...]
    found: tuple[CheckedSymbol, ...]
