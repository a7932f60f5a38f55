"""One session of one book: its dates, its paths, and the one way to write and to read its files."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from flows.changed import file_changed
from flows.house import House
from flows.settings import book_of, opens
from ledger import artifacts, layout
from ledger.artifacts import Context, Loaded, ReadFault, Written
from ledger.canonical import digest
from schemas.base import SessionDate
from schemas.errors import ArtifactDivergence, Denied, UsageFault
from schemas.header import Artifact, Finding, InputRef
from schemas.reasons.edge import EdgeCode
from schemas.reasons.ledger import ReadFaultCode

A = TypeVar("A", bound=Artifact)


class StageRefused(Denied):
    """A stage that cannot prove its input wrote nothing; entries are blocked, exits do not read it."""

    def __init__(self, stage: str, day: "Day", findings: Sequence[Finding]) -> None:
        first = findings[0]
        span = f"--from {day.session} --to {day.session}"
        super().__init__(
            first.code,
            f"{first.subject}: {first.detail or first.code}"
            + (f" (wanted {first.threshold}, found {first.observed})" if first.threshold is not None else ""),
            safe="nothing was written; positions keep their stops, exits do not read this file",
            next=f"avwap day --book {day.book_id} --date {day.session} runs the stages that are missing"
            if first.code == ReadFaultCode.MISSING
            else f"avwap verify --book {day.book_id} {span} names every fault",
        )
        self.stage = stage
        self.findings = tuple(findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A session D of a book; P is the session before."""

    house: House
    book_id: str
    session: SessionDate
    previous: SessionDate

    @property
    def ctx(self) -> Context:
        return Context(
            book_id=self.book_id, session_date=self.session, config_sha256=self.house.config_sha256
        )

    @property
    def is_intraday(self) -> bool:
        """Whether the session is watched inside the day."""
        return self.house.settings.is_intraday(self.book_id)

    def path(self, name: str) -> str:
        """The path of a file of this day: ``scan.json``, ``observations/book.json``."""
        return f"{layout.day(self.book_id, self.session)}/{name}"

    def write(self, name: str, artifact: Artifact, inputs: Sequence[InputRef]) -> Written:
        """Write a file of this day once; one that was revised must say what its latest revision says.

        Errors: ``ArtifactDivergence``; ``Denied`` CONFIG_CHANGED where the settings are what differs.
        """
        house, path = self.house, self.path(name)
        head = artifacts.head(house.disk, path)
        try:
            if head != path:
                return artifacts.restate(house.disk, path, artifact, self.ctx, inputs)
            return artifacts.write(house.disk, path, artifact, self.ctx, inputs, house.held)
        except ArtifactDivergence as parted:
            raise file_changed(self, head) or parted from parted

    def revise(self, name: str, artifact: Artifact, inputs: Sequence[InputRef]) -> Written:
        """Write a correction of a file of this day beside it."""
        return artifacts.revise(self.house.disk, self.path(name), artifact, self.ctx, inputs)

    def read(self, name: str, model: type[A]) -> Loaded[A] | ReadFault:
        """Read a file of this day fail-closed."""
        house = self.house
        return artifacts.read(house.disk, self.path(name), model, self.book_id, self.session, held=house.held)

    def seen(self, name: str, model: type[A]) -> A | None:
        """As ``read``, for whoever only tells of it: None if it is not there or cannot be read."""
        found = self.read(name, model)
        return found.artifact if isinstance(found, Loaded) else None

    def need(self, stage: str, name: str, model: type[A]) -> Loaded[A]:
        """As ``read``, for a stage that can do nothing without it. Errors: ``StageRefused``."""
        found = self.read(name, model)
        if isinstance(found, ReadFault):
            raise StageRefused(stage, self, (found.finding,))
        return found

    def ref(self, name: str) -> InputRef | None:
        """A file of this day as an input, in its latest revision, or None if it is not there."""
        path = self.path(name)
        if not self.house.disk.exists(path):
            return None
        path = artifacts.head(self.house.disk, path) if name.endswith(".json") else path
        return InputRef(path=path, sha256=digest(self.house.disk.read(path)))

    def cycles(self) -> Sequence[str]:
        """Names of the recorded cycles in the order in which they ran: 0930, 0935, 0935-2, 1600."""
        names = self.house.disk.folders(self.path("cycles"))
        return sorted(names, key=lambda name: (name[:4], int(name[5:] or 1)))

    def sibling(self, session: SessionDate) -> "Day":
        """Another session of the same book."""
        return Day(
            house=self.house,
            book_id=self.book_id,
            session=session,
            previous=self.house.calendar.previous(session),
        )


def open_day(house: House, book_id: str, on: date) -> Day:
    """The day of *on*. Errors: ``UsageFault`` NOT_A_SESSION."""
    session = house.calendar.session(on)
    if session is None:
        raise UsageFault(
            EdgeCode.NOT_A_SESSION,
            f"{on} is no session of the New York Stock Exchange",
            safe="nothing was started",
            next=f"the session before is {house.calendar.previous(on)}, the one after {house.calendar.next(on)}",
        )
    return Day(house=house, book_id=book_id, session=session, previous=house.calendar.previous(session))


def past_day(house: House, book_id: str, on: date) -> Day:
    """The day of *on*, for a command that only reads it. Errors: as ``open_day``, BOOK_UNKNOWN, SESSION_NOT_OPEN."""
    day = open_day(house, book_of(book_id), on)
    if not house.disk.list(layout.day(book_id, day.session)):
        raise UsageFault(
            EdgeCode.SESSION_NOT_OPEN,
            f"{book_id} has no file of {day.session} below {house.root}",
            safe="nothing was changed",
            next=f"{opens(book_id, day.session)}, or name another --home",
        )
    return day


def sealed(day: Day) -> str | None:
    """The seal of D, if it has one."""
    path = layout.manifest(day.book_id, day.session)
    return digest(day.house.disk.read(path)) if day.house.disk.exists(path) else None
