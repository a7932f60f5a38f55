"""Facts beside the bars come in four kinds and go one way: kept as told, in force by what was known.

A fact is about a date (an ex-date, the start of a membership). One that does not say when it became known is
assumed known at ``EVENING`` of the day before that date, a sector table on the evening of its own.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, TypeVar

from market.calendar import EPOCH, Calendar
from schemas.base import Fact
from schemas.market import (
    ActionFile,
    CorporateAction,
    EarningsEvent,
    EarningsFile,
    FactKind,
    Membership,
    MembershipFile,
    SectorFile,
    SectorLine,
)

EVENING: Final = time(22, tzinfo=UTC)
"""After the close of any session in New York, before midnight there, in summer and in winter."""
MarketFact = CorporateAction | Membership | SectorLine | EarningsEvent
F = TypeVar("F", CorporateAction, Membership, SectorLine, EarningsEvent)
Told = tuple[int, int, F]
"""(arrival, vintage, fact): arrival is the number of the first session whose cut it was known by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How one kind is read, stored and told apart.

    dated: the field with the date that a fact is about. identity: facts equal in these fields are tellings of
    one fact, of which the latest known counts. evening: days from that date to the assumed evening.
    aliases: column names of real files -> ours.
    """

    model: type[Fact]
    file: type[Fact]
    dated: str
    identity: tuple[str, ...]
    evening: int = -1
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def needed(self) -> tuple[str, ...]:
        """Columns that a file of this kind must have."""
        return tuple(name for name, about in self.model.model_fields.items() if about.is_required())


KINDS: Final[Mapping[FactKind, Kind]] = {
    FactKind.ACTIONS: Kind(
        model=CorporateAction, file=ActionFile, dated="ex_date", identity=("symbol", "ex_date", "kind")
    ),
    FactKind.MEMBERSHIP: Kind(
        model=Membership, file=MembershipFile, dated="start", identity=("symbol", "start"),
        aliases={"start_date": "start", "end_date": "end"},
    ),
    FactKind.SECTORS: Kind(
        model=SectorLine, file=SectorFile, dated="as_of", identity=("symbol", "as_of"), evening=0
    ),
    FactKind.EARNINGS: Kind(
        model=EarningsEvent, file=EarningsFile, dated="date", identity=("symbol", "date")
    ),
}  # fmt: skip
_OF: Final = {kind.model: kind for kind in KINDS.values()}


def identity(fact: MarketFact) -> tuple[Any, ...]:
    """What makes two tellings one fact; sortable within a kind."""
    return tuple(getattr(fact, name) for name in _OF[type(fact)].identity)


def dated(fact: MarketFact) -> date:
    """The date that *fact* is about."""
    found: date = getattr(fact, _OF[type(fact)].dated)
    return found


def known_since(fact: MarketFact) -> datetime:
    """When *fact* became known: as it says itself, else by the assumption of its kind."""
    if fact.known_at is not None:
        return fact.known_at
    day = dated(fact) + timedelta(days=_OF[type(fact)].evening)
    return datetime.combine(day, EVENING)


def arrival(fact: MarketFact, calendar: Calendar) -> int:
    """Number of the first session whose cut *fact* was known by; that of no session if the calendar ends first."""
    known = known_since(fact)
    index = bisect_left(calendar.days, known.date().toordinal() - EPOCH - 1)
    while index < len(calendar.days) and calendar.cut_at(calendar.at(index)) < known:
        index += 1
    return index


def in_force(told: Iterable[Told[F]], session_index: int) -> tuple[F, ...]:
    """Of *told* those known at the cut, each in its latest telling.

    One vintage may hold several facts of one identity (two dividends on one day): then all of them count.
    """
    latest: dict[tuple[Any, ...], tuple[int, int]] = {}
    known = [(each, identity(each[2])) for each in told if each[0] <= session_index]
    for (since, vintage, _), name in known:
        latest[name] = max(latest.get(name, (since, vintage)), (since, vintage))
    return tuple(fact for (since, vintage, fact), name in known if latest[name] == (since, vintage))


def sort_new(
    facts: Iterable[MarketFact], there: Iterable[MarketFact]
) -> tuple[tuple[MarketFact, ...], tuple[MarketFact, ...]]:
    """Of *facts* those that say something new beside *there*, and those of them that contradict it undated.

    A fact is no news if a telling of it says the same: any telling if it does not say when it became known,
    else the latest one known by then. An undated one that differs from every telling contradicts.
    """
    tellings: dict[tuple[Any, ...], list[MarketFact]] = {}
    for each in there:
        tellings.setdefault(identity(each), []).append(each)
    fresh = []
    for fact in dict.fromkeys(facts):
        before = tellings.get(identity(fact), [])
        if fact.known_at is not None:
            known = [each for each in before if known_since(each) <= fact.known_at]
            latest = max(map(known_since, known), default=None)
            before = [each for each in known if known_since(each) == latest]
        if not any(_undated(each) == _undated(fact) for each in before):
            fresh.append(fact)
    return tuple(fresh), tuple(f for f in fresh if f.known_at is None and identity(f) in tellings)


def _undated(fact: MarketFact) -> MarketFact:
    return fact if fact.known_at is None else fact.model_copy(update={"known_at": None})
