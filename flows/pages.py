"""The page of a session is rendered after its seal and outside it: it can be made again on any day."""

from typing import TypeVar

from analytics import report
from analytics.posture_history import History
from flows.day import Day
from flows.posture_log import history
from ledger import layout
from ledger.artifacts import Written
from ledger.canonical import digest
from ledger.seal import sessions_of
from schemas.attribution import Attribution
from schemas.candidates import Candidates
from schemas.cycle import Execution, Stops
from schemas.decisions import Decisions
from schemas.enforcement import Enforcement
from schemas.errors import AvwapError
from schemas.header import Artifact
from schemas.market import MarketObservation
from schemas.parity import Parity
from schemas.reconciliation import Reconciliation
from schemas.regime import Regime
from schemas.scan import Scan
from schemas.snapshot import Snapshot
from schemas.trades import Trades

HISTORY_SESSIONS = 252
A = TypeVar("A", bound=Artifact)


def render_report(day: Day) -> Written:
    """Write ``report.html`` of *day*, over an earlier rendering: it is a view, and no record."""
    return write(day, page(day))


def page(day: Day) -> report.Page:
    """What the page of *day* is made of."""
    return report.page_of(facts(day))


def write(day: Day, made: report.Page) -> Written:
    """Write *made* as the page of *day*."""
    path, data = layout.report(day.book_id, day.session), report.render_page(made).encode()
    day.house.disk.write(path, data)
    return Written(path=path, sha256=digest(data), status="written")


def facts(day: Day) -> report.DayFacts:
    """What the page shows, from the files of the day; what cannot be read is absent, and named so on the page."""

    def found(name: str, model: type[A], of: Day = day) -> A | None:
        return of.seen(name, model)

    cycles = day.cycles()
    executions = [found(f"cycles/{name}/execution.json", Execution) for name in cycles]
    stops = [found(f"cycles/{name}/stops.json", Stops) for name in cycles]
    earlier = [each for each in sessions_of(day.house.disk, day.book_id) if each <= day.session]
    path = [found("snapshot.json", Snapshot, day.sibling(each)) for each in earlier[-HISTORY_SESSIONS:]]
    regimes = [
        (each, found("regime.json", Regime, day.sibling(each))) for each in earlier[-HISTORY_SESSIONS:]
    ]
    return report.DayFacts(
        book_id=day.book_id,
        session_date=day.session,
        seal=None if (sealed := day.ref(layout.MANIFEST)) is None else sealed.sha256,
        market=found("observations/market.json", MarketObservation),
        regime=found("regime.json", Regime),
        scan=found("scan.json", Scan),
        candidates=found("candidates.json", Candidates),
        decisions=found("decisions.json", Decisions),
        enforcement=found("enforcement.json", Enforcement),
        executions=[each for each in executions if each is not None],
        stops=[each for each in stops if each is not None],
        trades=found("trades.json", Trades),
        snapshot=found("snapshot.json", Snapshot),
        reconciliation=found("reconciliation.json", Reconciliation),
        attribution=found("attribution.json", Attribution),
        parity=found("parity.json", Parity),
        posture=_posture(day),
        history=[each for each in path if each is not None],
        labels={on: each.label.value for on, each in regimes if each is not None and each.label is not None},
    )


def _posture(day: Day) -> History | None:
    """What the session's journal says of its posture; None: it has none that reads whole."""
    try:
        return history(day.house, day.book_id, day.session, day.session)
    except AvwapError:
        return None
