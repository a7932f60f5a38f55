"""Prices reach us through one door, and a read that failed is its own answer: never an empty one.

``Seen`` and ``ReadFailed`` are what any outside read can say; the broker port speaks them too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, Protocol, TypeVar

from schemas.base import SessionDate
from schemas.observations import BarFacts, IntradayBarFacts, QuoteFacts

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(Generic[T]):
    """The read succeeded: *value* was so at *as_of* (UTC). An empty value really is empty."""

    as_of: datetime
    value: T
    answer: Literal["seen"] = "seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFailed:
    """The read failed; nothing is known, and nothing may be concluded (L6)."""

    cause: str
    answer: Literal["read_failed"] = "read_failed"


Quotes = Seen[tuple[QuoteFacts, ...]] | ReadFailed
"""Sorted by symbol; a symbol without a known price has no row."""
DayBars = Seen[tuple[BarFacts, ...]] | ReadFailed
"""Sorted by symbol; a symbol whose bar is not finished, or that did not trade, has no row."""

IntradayBars = Seen[tuple[IntradayBarFacts, ...]] | ReadFailed
"""Sorted by (symbol, start_at): closed bars alone; a slot without a trade has no row."""


class Feed(Protocol):
    """Where prices come from. No method raises for what the outside does."""

    def quotes(self, symbols: Sequence[str]) -> Quotes:
        """Last known prices of *symbols*, USD as traded."""
        ...

    def day_bars(self, symbols: Sequence[str], session: SessionDate) -> DayBars:
        """Finished bars of *session*, as traded."""
        ...

    def bars(
        self, symbols: Sequence[str], seconds: int, first: SessionDate, last: SessionDate
    ) -> IntradayBars:
        """Closed bars of *seconds* (60, 300 or 600) in the sessions *first* to *last*, as traded."""
        ...
