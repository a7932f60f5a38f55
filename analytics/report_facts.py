"""What a page is made of is plain facts and text cells: each cell that is a number knows which file it came from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from analytics.posture_history import History
from schemas.attribution import Attribution
from schemas.base import SessionDate
from schemas.candidates import Candidates
from schemas.cycle import Execution, Stops
from schemas.decisions import Decisions
from schemas.enforcement import Enforcement
from schemas.header import Finding
from schemas.market import MarketObservation
from schemas.parity import Parity
from schemas.reconciliation import Reconciliation
from schemas.regime import Regime
from schemas.scan import Scan
from schemas.snapshot import Snapshot
from schemas.trades import Trades

NOTHING: Final = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFacts:
    """A day's artifacts as far as they exist. executions, stops: in the order of the cycles.

    posture: of this session alone. history: snapshots up to this one, oldest first. labels: of the regime that governed
    each of those sessions. seal: digest of the day's manifest.
    """

    book_id: str
    session_date: SessionDate
    seal: str | None = None
    market: MarketObservation | None = None
    regime: Regime | None = None
    scan: Scan | None = None
    candidates: Candidates | None = None
    decisions: Decisions | None = None
    enforcement: Enforcement | None = None
    executions: Sequence[Execution] = ()
    stops: Sequence[Stops] = ()
    trades: Trades | None = None
    snapshot: Snapshot | None = None
    reconciliation: Reconciliation | None = None
    attribution: Attribution | None = None
    parity: Parity | None = None
    posture: History | None = None
    history: Sequence[Snapshot] = ()
    labels: Mapping[date, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Text cells by row.

    numbers: the columns that are aligned as such. source: the file that the table is from, relative to the page.
    refs: by row, ``file#pointer`` of the JSON value that it is from; empty: all rows are from the source.
    """

    title: str
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    numbers: frozenset[str] = frozenset()
    notes: Sequence[str] = ()
    source: str = ""
    refs: Sequence[str] = ()


def money(amount: Decimal | None) -> str:
    """USD with two decimals and thousands apart."""
    return NOTHING if amount is None else f"{amount:,.2f}".replace("-", "−")


def percent(fraction: Decimal | float | None) -> str:
    """A fraction as per cent, two decimals."""
    return NOTHING if fraction is None else f"{fraction:.2%}".replace("-", "−")


def shown(value: object) -> str:
    """*value* as text; a dash for nothing."""
    return NOTHING if value is None or value == "" else str(value)


def codes(findings: Iterable[Finding]) -> str:
    """The codes of *findings*, each once."""
    return ", ".join(dict.fromkeys(finding.code for finding in findings)) or NOTHING


def refs(name: str, pointer: str, rows: int) -> list[str]:
    """The addresses of *rows* values of one list in the file *name*."""
    return [f"{name}#{pointer}/{n}" for n in range(rows)]


def absent(title: str, name: str) -> Table:
    """What stands where a stage left no file."""
    return Table(title=title, notes=(f"{name} was not written.",))
