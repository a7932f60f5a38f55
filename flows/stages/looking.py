"""Before the bars are judged, what the outside says of them is recorded, each once."""

from collections.abc import Callable
from typing import Final

from pydantic import ValidationError

from execution_v2.broker.port import ReadFailed
from flows.day import Day
from flows.stages import metrics
from flows.stages.premarket import ACKNOWLEDGED, CALENDAR, MARKET
from flows.world import World
from ledger import layout
from ledger.artifacts import ReadFault
from ledger.canonical import Malformed, parse_canonical_line
from market.calendar import CALENDAR_BACK
from schemas.errors import Corrupt
from schemas.header import Artifact
from schemas.observations import AcknowledgedObservation, Acknowledgement, CalendarObservation
from schemas.reasons.ledger import ReadFaultCode

ACKNOWLEDGEMENTS: Final = "acknowledged"
"""Folder under ``control/``: one file for each quarantine that an operator lets pass, ``<D>.<SYMBOL>.<CODE>.json``."""


def look(day: Day, world: World) -> None:
    """Record what the data contract asks of the outside, before it judges: the broker's calendar around D, and what
    an operator acknowledged. Each once; once D's bars were judged, nothing more (``market.json`` rests on it)."""
    if day.ref(MARKET) is not None:
        return
    world.clock.step(day.house.calendar.cut_at(day.session))
    first = day.house.calendar.previous(day.session, CALENDAR_BACK)

    def calendar() -> Artifact:
        seen = world.broker.calendar(first, day.session)
        return CalendarObservation(
            ok=not isinstance(seen, ReadFailed),
            as_of=world.clock.now() if isinstance(seen, ReadFailed) else seen.as_of,
            first=first,
            last=day.session,
            sessions=() if isinstance(seen, ReadFailed) else seen.value,
            cause=seen.cause if isinstance(seen, ReadFailed) else None,
        )

    once(day, CALENDAR, CalendarObservation, calendar)
    metrics.look_up(day, world.clock.now())
    told = acknowledged(day)
    if told:
        once(
            day,
            ACKNOWLEDGED,
            AcknowledgedObservation,
            lambda: AcknowledgedObservation(acknowledged=told),
        )


def acknowledged(day: Day) -> tuple[Acknowledgement, ...]:
    """What an operator acknowledged for D, by (symbol, code). Errors: ``Corrupt`` for a record that is none."""
    folder = layout.control(day.book_id, ACKNOWLEDGEMENTS)
    found = []
    for path in day.house.disk.list(folder):
        if not path.rsplit("/", 1)[-1].startswith(f"{day.session}."):
            continue
        try:
            found.append(Acknowledgement.model_validate(parse_canonical_line(day.house.disk.read(path))))
        except (Malformed, ValidationError) as error:
            raise Corrupt(
                ReadFaultCode.SCHEMA_INVALID,
                f"{path} is no acknowledgement: {error}",
                safe="no entry rests on it; positions keep their stops",
                next=f"move {path} away and acknowledge again",
            ) from error
    return tuple(sorted(found, key=lambda each: (each.symbol, each.code)))


def once(day: Day, name: str, model: type[Artifact], make: Callable[[], Artifact]) -> None:
    """Record an observation that is not there yet."""
    if isinstance(day.read(name, model), ReadFault):
        day.write(name, make(), ())
