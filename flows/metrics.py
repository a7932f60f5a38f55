"""What a monitor is told of a book is read off its files: the newest day's artifacts, and the week's reliability.

Nothing is measured here. Names are those of execution.md 14 under the prefix ``avwap_``; a file that cannot be read
costs its own numbers and is named in ``avwap_metrics_absent``.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from flows.day import Day
from flows.house import House
from flows.metrics_text import Family, counter, gauge, ratio, sample
from flows.metrics_week import of_week
from flows.reliability import measure
from flows.replay_range import chosen
from flows.status import state_of
from ledger import layout
from ledger.artifacts import Loaded, ReadFault, read_file
from ledger.journal import parse_chain
from schemas.attribution import Attribution
from schemas.base import SessionDate
from schemas.errors import AvwapError
from schemas.header import Artifact
from schemas.lifecycle import Lifecycle
from schemas.order_events import RouterDecided
from schemas.parity import Parity
from schemas.reconciliation import Reconciliation, ReconciliationStatus
from schemas.replay import ReplayVerdict
from schemas.snapshot import Snapshot
from schemas.trades import Trades

SCHEMA_VERSION: Final = 1
"""Of names, labels and meanings; raised when one that exists changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """A part whose numbers are missing, and why."""

    part: str
    code: str


A = TypeVar("A", bound=Artifact)
Of = dict[str, str]


def of_day(day: Day) -> tuple[Family, ...]:
    """Every family of a session of a book: its close, its trades, and the week that it lies in."""
    of: Of = {"book": day.book_id}
    absent: list[Absent] = []
    families = [
        *_snapshot(_seen(day, "snapshot", Snapshot, absent), of),
        *_trades(_seen(day, "trades", Trades, absent), of),
        *_checks(day, absent, of),
        *_router(day, absent, of),
        *_state(day, absent, of),
    ]
    try:
        monday = day.session - timedelta(days=day.session.weekday())
        week = measure(day.house, day.book_id, monday).reliability
    except AvwapError as error:
        absent.append(Absent(part="reliability", code=error.code))
    else:
        families += of_week(week, {**of, "week": week.week})
    return (
        gauge(
            "avwap_metrics_schema_version", "Version of these names and meanings", sample(SCHEMA_VERSION, {})
        ),
        gauge(
            "avwap_metrics_session",
            "1: the session that the day's numbers are of",
            sample(1, {**of, "session": day.session.isoformat()}),
        ),
        gauge(
            "avwap_metrics_absent",
            "1: numbers that are missing, and the code of why",
            *(sample(1, {**of, "part": each.part, "code": each.code}) for each in absent),
        ),
        *families,
    )


def newest_sealed(house: House, book_id: str) -> SessionDate:
    """The session whose close is done last. Errors: ``UsageFault`` BOOK_UNKNOWN, SESSION_NOT_SEALED."""
    return chosen(house, book_id, None, None)[0][-1]


def _seen(day: Day, stage: str, model: type[A], absent: list[Absent]) -> A | None:
    found = day.read(f"{stage}.json", model)
    if isinstance(found, Loaded):
        return found.artifact
    absent.append(Absent(part=stage, code=found.code))
    return None


def _snapshot(found: Snapshot | None, of: Of) -> Iterator[Family]:
    if found is None:
        return
    for name, help_, value in (
        ("equity_usd", "Equity at the close; absent if it cannot be proved", found.equity),
        ("cash_usd", "Cash at the close", found.cash),
        ("peak_equity_usd", "Highest equity at a close", found.peak_equity),
        ("drawdown_ratio", "Drawdown from the peak, a fraction", found.drawdown),
        ("drawdown_max_ratio", "Deepest drawdown so far, a fraction", found.drawdown_max),
        ("volatility20_ratio", "Volatility of 20 sessions, a year's", found.volatility20),
        ("session_return_ratio", "Return of the session", found.session_return),
        ("exposure_gross_usd", "Sum of absolute notionals", found.exposure.gross),
        ("exposure_net_usd", "Sum of signed notionals", found.exposure.net),
        ("exposure_gross_ratio", "Gross exposure by equity", found.exposure.gross_fraction),
        ("positions", "Positions held at the close", len(found.positions)),
        (
            "positions_without_stop",
            "Of them, those that no stop protects",
            sum(p.stop is None for p in found.positions),
        ),
        ("entries_today", "Entries of the session", found.entries_today),
        ("realised_net_usd", "Realised in the session, after fees", found.pnl_session.realised_net),
        (
            "unrealised_change_usd",
            "Change of the unrealised profit in the session",
            found.pnl_session.unrealised,
        ),
        ("fees_usd", "Fees of the session", found.pnl_session.fees),
        ("snapshot_complete", "1: equity is known and its proof holds", int(found.complete)),
        ("snapshot_findings", "Findings of the close", len(found.findings)),
    ):
        yield gauge(f"avwap_{name}", help_, sample(value, of))


def _trades(found: Trades | None, of: Of) -> Iterator[Family]:
    if found is None:
        return
    closed = found.closed
    yield counter("avwap_fills_total", "Fills of the session", sample(len(found.fills), of))
    yield counter("avwap_round_trips_total", "Positions closed in the session", sample(len(closed), of))
    wins, paid = sum(each.net > 0 for each in closed), sum(each.complete for each in closed)
    count = len(closed)
    yield from ratio(
        "avwap_round_trip_win_ratio",
        "Round trips of the session that earned something after fees, of all",
        [(wins, count, wins / count if count else None, of)],
    )
    yield from ratio(
        "avwap_round_trip_complete_ratio",
        "Round trips of the session whose every share has a fill, of all",
        [(paid, count, paid / count if count else None, of)],
    )
    yield gauge(
        "avwap_round_trip_net_usd",
        "Net of the session's round trips, by strategy",
        *(
            sample(
                sum(each.net for each in closed if each.strategy_id == strategy), {**of, "strategy": strategy}
            )
            for strategy in sorted({each.strategy_id for each in closed})
        ),
    )
    events = Counter(each.event_type.value for each in found.exit_events)
    yield counter(
        "avwap_exit_events_total",
        "Exit events of the session, by type",
        *(sample(count, {**of, "type": kind}) for kind, count in sorted(events.items())),
    )


def _checks(day: Day, absent: list[Absent], of: Of) -> Iterator[Family]:
    """What the day's own comparisons came to, and its last replay."""
    books = _seen(day, "reconciliation", Reconciliation, absent)
    if books is not None:
        yield gauge(
            "avwap_reconciliation_status",
            "1: what comparing book and broker at the close came to",
            *(sample(int(books.status is each), {**of, "status": each}) for each in ReconciliationStatus),
        )
        yield gauge(
            "avwap_reconciliation_findings", "Differences at the close", sample(len(books.findings), of)
        )
        yield gauge(
            "avwap_reconciliation_cash_difference_usd",
            "Cash, broker less ours",
            sample(books.cash_difference, of),
        )
    added = _seen(day, "attribution", Attribution, absent)
    if added is not None:
        yield gauge(
            "avwap_attribution_residual_usd", "Change of equity less its parts", sample(added.residual, of)
        )
    again = _seen(day, "parity", Parity, absent)
    if again is not None:
        yield gauge(
            "avwap_parity_differences", "Exits that the rules derive otherwise", sample(len(again.rows), of)
        )
    path = layout.replay(day.book_id, day.session)
    verdict = read_file(day.house.disk, path, ReplayVerdict, day.book_id, day.session)
    if isinstance(verdict, ReadFault):
        absent.append(Absent(part="replay", code=verdict.code))
        return
    yield gauge(
        "avwap_replay_identical",
        "1: recomputed to the same bytes",
        sample(int(verdict.artifact.identical), of),
    )


def _state(day: Day, absent: list[Absent], of: Of) -> Iterator[Family]:
    try:
        state = state_of(day.house, day.book_id, day.session)
    except AvwapError as error:
        absent.append(Absent(part="state", code=error.code))
        return
    yield gauge(
        "avwap_lifecycle_state",
        "1: the state after the session's last record",
        *(sample(int(state.lifecycle.state is each), {**of, "state": each}) for each in Lifecycle),
    )
    yield gauge(
        "avwap_orders_live",
        "Orders that may be live, by state",
        *(
            sample(count, {**of, "state": name})
            for name, count in sorted(Counter(each.state.value for each in state.orders).items())
        ),
    )


def _router(day: Day, absent: list[Absent], of: Of) -> Iterator[Family]:
    try:
        path = day.path(layout.JOURNAL)
        records = parse_chain(day.house.disk.read(path), path).records
    except (AvwapError, FileNotFoundError) as error:
        code = error.code if isinstance(error, AvwapError) else "MISSING"
        absent.append(Absent(part="journal", code=code))
        return
    told = (RouterDecided.model_validate(each.data) for each in records if each.event == "router.decided")
    counts = Counter((each.decision, each.reason) for each in told)
    yield counter(
        "avwap_router_decision_total",
        "What the router wanted done in the session",
        *(
            sample(count, {**of, "decision": decision, "reason": reason})
            for (decision, reason), count in sorted(counts.items())
        ),
    )
