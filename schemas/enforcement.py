"""Enforcement says which entries may be tried in a session, and which gate refused each of the others.

It opens nothing by itself: before each send the gates are asked again, on fresh facts. No exit appears here,
since no gate is ever asked about one.
"""

from typing import ClassVar

from schemas.base import Amount, Fact, Price, Shares
from schemas.book import Side, TimeInForce
from schemas.decisions import Modulation
from schemas.events import GateVerdict
from schemas.header import Artifact


class AuthorisedEntry(Fact):
    """An entry that every gate of the phase let pass; it holds its slot for the session."""

    intent_id: str
    decision_id: str | None
    """None only while decisions do not bind and there is none."""
    strategy_id: str
    sleeve_id: str
    symbol: str
    side: Side
    rank: int
    sequence: int
    """Position in the order of judging, from 1."""
    quantity: Shares
    """The most that a cycle may send."""
    limit: Price
    """The sizing price at the tick; a cycle states its own limit, never above *limit_cap*."""
    limit_cap: Price
    stop: Price
    time_in_force: TimeInForce
    notional: Amount
    """Reserved gross and cash: quantity * limit."""
    risk: Amount
    """Reserved risk: quantity * (limit - stop)."""
    gates: tuple[GateVerdict, ...]


class RefusedEntry(Fact):
    """An entry that a gate refused; it reserves nothing."""

    intent_id: str
    decision_id: str | None
    strategy_id: str
    sleeve_id: str
    symbol: str
    side: Side
    rank: int
    sequence: int
    quantity: Shares
    gate: str
    """The first failing gate."""
    code: str
    """Its first finding's code: the verdict."""
    gates: tuple[GateVerdict, ...]


class Reserved(Fact):
    """What the authorised entries hold for the session, USD and counts."""

    entries: int
    gross: Amount
    cash: Amount
    risk: Amount


class Enforcement(Artifact):
    """``enforcement.json``, phase E."""

    SCHEMA: ClassVar[str] = "avwap.enforcement"
    STAGE: ClassVar[str] = "enforcement"
    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"modulation"})

    decision_enforced: bool
    """Whether decisions bind (``PORTFOLIO_DECISION_ENFORCE``)."""
    book_gates: tuple[GateVerdict, ...]
    """The gates that ask nothing of a single entry, judged once, even when there is none."""
    authorised: tuple[AuthorisedEntry, ...]
    """In arbitration order (rank order within a strategy)."""
    refused: tuple[RefusedEntry, ...]
    """In arbitration order."""
    reserved: Reserved
    modulation: Modulation | None = None
    """What sized the entries here, where decisions do not bind and E2 is on; else None, and left out of the bytes."""
