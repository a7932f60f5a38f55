"""Analytics follow unknown orders by records alone, and the execution plane's own fold says the same of each."""

from collections.abc import Sequence
from datetime import timedelta

from analytics.reliability import SessionLog, WeekInputs
from analytics.reliability import run as measure
from analytics.reliability_unknown import UNKNOWN, Unknowns
from execution_v2 import transitions
from execution_v2.reduce import Fold, empty_state, fold_records
from ledger.journal import Journal
from ledger.layout import journal as path_of
from market.calendar import Calendar
from schemas.base import SessionDate
from schemas.events import TickTaken
from schemas.journal import JournalRecord
from simulation.seeds.market import BOOK, FIRST
from simulation.seeds.run import Run

CALENDAR = Calendar()


def test_on_a_faulty_exchange_the_same_orders_are_unknown_after_every_cycle() -> None:
    met = sum(_followed(seed) for seed in range(5))
    assert met > 4, "seeds in which nothing was unknown prove nothing"


def _followed(seed: int) -> int:
    """Episodes of *seed*, whose unknown orders are compared cycle by cycle."""
    run = Run(seed, CALENDAR)
    run.go()
    logs: list[SessionLog] = []
    state, followed = empty_state(), Unknowns((), CALENDAR.open_at(FIRST))
    for session in CALENDAR.sessions(FIRST, FIRST + timedelta(days=10)):
        if not run.disk.exists(path_of(BOOK, SessionDate(session))):
            continue
        records = Journal.open(run.disk, path_of(BOOK, session)).records
        fold = Fold(state)
        for record in records:
            fold.apply(record)
            followed.take(record)
            if record.event == "cycle.ended":
                unknown = {name for name, order in fold.orders.items() if order.state in UNKNOWN}
                assert unknown == set(followed.open), (session, record.seq)
        state = fold_records(state, records)
        logs.append(_log(session, records))
    week = measure(WeekInputs(week="2025-W01", logs=logs, opening=None))
    ticks = [
        TickTaken.model_validate(r.data).tick for log in logs for r in log.records if r.event == "tick.taken"
    ]
    assert sum(tick.active_s for tick in ticks) == sum(row.seconds.numerator for row in week.postures)
    assert [each.after for each in week.transitions], "a book that trades has left INIT"
    assert (len(followed.episodes), len(followed.open)) == (week.ambiguity.wall.count, week.ambiguity.open)
    assert week.ambiguity.active.sum <= week.ambiguity.wall.sum
    return len(followed.episodes)


def _log(session: SessionDate, records: Sequence[JournalRecord]) -> SessionLog:
    open_at, close_at = CALENDAR.open_at(session), CALENDAR.close_at(session)
    return SessionLog(session=session, open_at=open_at, close_at=close_at, records=records)


def test_both_planes_mean_the_same_by_unknown() -> None:
    assert transitions.UNKNOWN == UNKNOWN
