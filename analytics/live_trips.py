"""Whose shares a record moves, its position says; strategy and symbol say it only where that name is of no use.

A trip that is its intent's second bears an ordinal in its id, which no record knows. It is found by its intent.
"""

from collections.abc import Iterator

from analytics.trip import Trip
from schemas.events import ActionApplied, PositionAdjusted
from schemas.trades import Fill


class LiveTrips:
    """The trips that hold shares, by position."""

    def __init__(self) -> None:
        self._trips: dict[str, Trip] = {}
        self._named: dict[tuple[str, str], dict[str, Trip]] = {}
        """By strategy and symbol: one of many is found without asking each."""

    def __iter__(self) -> Iterator[Trip]:
        """By symbol, strategy and position."""
        return iter(sorted(self._trips.values(), key=lambda t: (t.symbol, t.strategy_id, t.position_id)))

    def add(self, trip: Trip) -> None:
        """It holds shares."""
        self._trips[trip.position_id] = trip
        self._named.setdefault((trip.strategy_id, trip.symbol), {})[trip.position_id] = trip

    def remove(self, trip: Trip) -> None:
        """It holds none any more."""
        del self._trips[trip.position_id]
        del self._named[trip.strategy_id, trip.symbol][trip.position_id]

    def rename(self, trip: Trip, symbol: str) -> None:
        """It goes on under another symbol."""
        self.remove(trip)
        trip.symbol = symbol
        self.add(trip)

    def of_fill(self, fill: Fill) -> Trip | None:
        """The trip that *fill* goes on with."""
        return self._trips.get(fill.position_id) or self._only(fill.strategy_id, fill.symbol, fill.intent_id)

    def of_transfer(self, data: PositionAdjusted) -> Trip | None:
        """The trip whose shares *data* changes; None for a position that it opens."""
        found = self._trips.get(data.position_id)
        return found if found or not data.quantity_before else self._only(data.strategy_id, data.symbol)

    def of_action(self, action: ActionApplied) -> Trip | None:
        """The trip that *action* is about."""
        if action.symbol is None:
            return None
        return self._trips.get(action.position_id or "") or self._only(action.strategy_id, action.symbol)

    def _only(self, strategy: str, symbol: str, intent: str | None = None) -> Trip | None:
        """The one trip of *strategy* in *symbol*, of *intent* if given; None for none, or for more than one."""
        named = self._named.get((strategy, symbol), {})
        found = [t for t in named.values() if intent in (None, t.intent_id)]
        return found[0] if len(found) == 1 else None
