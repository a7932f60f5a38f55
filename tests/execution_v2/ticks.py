"""Ticks for tests: one of a cycle that knows everything and in which nothing is wrong."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from schemas.tick import Sighting, Source, Tick, TickKind


def quiet(**changes: Any) -> Tick:
    """A BEGIN tick of an ordinary cycle."""
    made = Tick(
        kind=TickKind.BEGIN,
        at=datetime(2026, 3, 9, 14, 0, tzinfo=UTC),
        is_first=False,
        active_s=300,
        sightings=tuple(Sighting(source=s, is_on=True, age_s=1.0, error_rate=0.0) for s in Source),
        has_positions=True,
        is_in_sync=True,
        has_synced=True,
        unknown_orders=0,
        unknown_oldest_s=None,
        ambiguous_symbols=0,
        frozen_orders=0,
        gave_up=0,
        gap_s=0,
        gap_breaches=0,
        is_covered=True,
        verdict=None,
        equity=Decimal("100000"),
        net_flows=Decimal(0),
        is_held=False,
        is_released=True,
        is_breaker_open=False,
        quotes_asked=0,
        quotes_answered=0,
        requests=5,
        throttled=0,
        may_arm=True,
    )
    return made.model_copy(update=changes)
