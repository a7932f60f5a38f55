"""A stored range is recomputed by several processes, each of which opens the market once and takes what is next.

Sessions are independent: each rests on its own recordings and on what earlier seals say. A session that cannot be
recomputed is told, and holds up none of the others.
"""

import gc
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context
from typing import Final

from execution_v2.broker.recorded import RecordingEnded, ReplayDiverged
from flows.day import open_day
from flows.house import House
from flows.replay import Replayed, replay
from flows.replay_kept import save
from flows.settings import Settings, book_of, opens
from ledger import layout
from ledger.seal import sessions_of
from schemas.base import SessionDate
from schemas.errors import AvwapError, UsageFault
from schemas.reasons.edge import EdgeCode
from schemas.reasons.ledger import ReadFaultCode

JOBS_MAX: Final = 32
"""Processes at most: each holds the market mapped, and a disk serves only so many readers."""
WORTH_A_PROCESS: Final = 4
"""Sessions for which starting one more process pays: a start costs about as much as these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A session that could not be recomputed, in the words of its error."""

    session: str
    code: str
    why: str
    next: str
    exit_code: int


Verdict = Replayed | Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedRange:
    """Every sealed session of a range, oldest first, and those that have no seal yet."""

    verdicts: tuple[Verdict, ...]
    unsealed: tuple[SessionDate, ...]
    jobs: int

    @property
    def recomputed(self) -> tuple[Replayed, ...]:
        return tuple(each for each in self.verdicts if isinstance(each, Replayed))

    @property
    def diverged(self) -> tuple[Replayed, ...]:
        return tuple(each for each in self.recomputed if not each.identical)

    @property
    def refused(self) -> tuple[Refusal, ...]:
        return tuple(each for each in self.verdicts if isinstance(each, Refusal))

    @property
    def exit_code(self) -> int:
        """4 if anything diverged, else that of the worst refusal."""
        return max((4 if self.diverged else 0, *(each.exit_code for each in self.refused)))


def chosen(
    house: House, book_id: str, first: date | None, last: date | None
) -> tuple[tuple[SessionDate, ...], tuple[SessionDate, ...]]:
    """(the book's sealed sessions from *first* to *last*, those without a seal).

    Errors: ``UsageFault`` SESSION_NOT_SEALED if none is sealed, BOOK_UNKNOWN.
    """
    book_of(book_id)
    known = sessions_of(house.disk, book_id) if house.root.joinpath(book_id).is_dir() else ()
    mine = [each for each in known if (first or each) <= each <= (last or each)]
    done = tuple(each for each in mine if house.disk.exists(layout.manifest(book_id, each)))
    if not done:
        span = f" between {first or known[0]} and {last or known[-1]}" if known else ""
        raise UsageFault(
            EdgeCode.SESSION_NOT_SEALED,
            f"{book_id} has no sealed session{span} below {house.root}",
            safe="nothing was changed",
            next=f"it has {known[0]} to {known[-1]}"
            if known
            else f"{opens(book_id, 'YYYY-MM-DD')}, or name another --home",
        )
    return done, tuple(each for each in mine if each not in done)


def jobs_for(wanted: int | None, sessions: int) -> int:
    """Processes to run: as wanted, else one for each core that this process may use; never more than pay."""
    most = len(os.sched_getaffinity(0)) if wanted is None else wanted
    return max(1, min(most, JOBS_MAX, sessions if wanted else -(-sessions // WORTH_A_PROCESS)))


def replay_range(
    house: House, book_id: str, sessions: Sequence[SessionDate], jobs: int, told: Callable[[Verdict], None]
) -> tuple[Verdict, ...]:
    """Recompute *sessions*, keep each verdict, and tell it when it is there; verdicts come in their order."""
    with _verdicts(house, book_id, sessions, jobs) as coming:
        found = []
        for verdict in coming:
            told(verdict)
            found.append(verdict)
    return tuple(found)


@contextmanager
def _verdicts(
    house: House, book_id: str, sessions: Sequence[SessionDate], jobs: int
) -> Iterator[Iterable[Verdict]]:
    if jobs == 1:
        yield (_one(house, book_id, session) for session in sessions)
        return
    # A server without threads imports once, and every worker is a copy of it: a copy of this process could hang.
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__, "flows.stages.close", "market.sidecar", "market.panel"])
    _ = house.sidecar  # built here, if it must be, and then only mapped
    with ProcessPoolExecutor(jobs, context, _settle, (house.settings, book_id, gc.get_threshold())) as pool:
        yield pool.map(_work, sessions)


_HOME: list[tuple[House, str]] = []
"""In a worker: the house that it opened, and the book."""


def _settle(settings: Settings, book_id: str, collecting: tuple[int, int, int]) -> None:
    gc.set_threshold(*collecting)
    _HOME.append((House(settings), book_id))


def _work(session: date) -> Verdict:
    house, book_id = _HOME[0]
    return _one(house, book_id, session)


def _one(house: House, book_id: str, session: date) -> Verdict:
    try:
        verdict = replay(house, open_day(house, book_id, session))
        save(house, verdict)
    except AvwapError as error:
        return _refusal(session, error.code, error.message, error.next, error.exit_code)
    except (OSError, AssertionError, RecordingEnded, ReplayDiverged) as error:
        # What a person did to the files may break what our code rests on: this session is told, the others go on.
        again = f"avwap verify --book {book_id} --from {session} --to {session} names what is wrong with its files"
        return _refusal(session, ReadFaultCode.CORRUPT, f"{type(error).__name__}: {error}", again, 4)
    return verdict


def _refusal(session: date, code: str, why: str, next_: str, exit_code: int) -> Refusal:
    return Refusal(session=session.isoformat(), code=code, why=why, next=next_, exit_code=exit_code)
