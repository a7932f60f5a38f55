"""A range is one page: how it went, by the measures that others use too, each with the definition beside it.

A function of the range's snapshots and trades: the same files give the same bytes. Definitions: ``analytics.measures``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from analytics import measures
from analytics.measures import of_returns, of_trips
from analytics.report import Page
from analytics.report_book import by_reason
from analytics.report_chart import equity_chart, line_chart
from analytics.report_facts import NOTHING, Table, money, percent, shown
from schemas.base import SessionDate
from schemas.snapshot import Snapshot
from schemas.trades import RoundTrip

ROLLING: Final = 20
DEEPEST: Final = 10
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SESSIONS: Final = "#sessions"
TRADES: Final = "#closed-trades"
OF_RETURNS: Final = (
    ("cumulative_return", "%", "Π(1+r) − 1"),
    ("annual_return", "%", "(Π(1+r))^(252/n) − 1, by sessions"),
    ("annual_volatility", "%", "standard deviation (n − 1) · √252"),
    ("sharpe", "", "mean / standard deviation · √252"),
    ("sortino", "", "mean · 252 / (√mean(min(r, 0)²) · √252)"),
    ("max_drawdown", "%", "deepest fall from a peak, the start counted as one"),
    ("calmar", "", "annual_return / max_drawdown"),
    ("omega", "", "sum of gains / sum of losses"),
    ("tail_ratio", "", "95th percentile / 5th, without signs"),
    ("value_at_risk", "%", "5th percentile"),
    ("conditional_value_at_risk", "%", "mean of the lowest 5%"),
    ("stability", "", "R² of the cumulative log return on time"),
    ("beta", "", "covariance with the benchmark / its variance"),
    ("alpha", "%", "(1 + mean(r − beta · b))^252 − 1"),
    ("exposure", "%", "share of sessions with something held at the close"),
)
OF_TRIPS: Final = (
    ("profit_factor", "", "sum of net wins / sum of net losses"),
    ("win_rate", "%", "wins / all trades, flat ones counted"),
    ("payoff_ratio", "", "mean win / mean loss"),
    ("expectancy_r", "", "mean multiple of the risk at entry"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A closed trade, and where it stands: number *place* among those that its session closed."""

    session: SessionDate
    place: int
    trip: RoundTrip


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetFacts:
    """What was kept of a range, oldest first.

    missing: sessions of the range without a snapshot that reads. benchmark: its return in each session of *history*,
    or None. labels: of the regime that governed each session.
    """

    book_id: str
    first: date
    last: date
    history: Sequence[Snapshot]
    trades: Sequence[Trade]
    missing: Sequence[date] = ()
    benchmark_name: str = ""
    benchmark: Mapping[date, float] | None = None
    labels: Mapping[date, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fall:
    """From a peak to the next close at or above it. peak: None: the start; end: None: not yet."""

    peak: date | None
    trough: date
    end: date | None
    depth: float
    sessions: int


def page_of(facts: SheetFacts) -> Page:
    """What the tear sheet of *facts* is made of."""
    known = [(shot.closed_session, shot) for shot in facts.history if shot.session_return is not None]
    days = [day for day, _ in known]
    returns = [float(shot.session_return) for _, shot in known if shot.session_return is not None]
    rolled = measures.rolling_volatility(returns, ROLLING)
    last = facts.history[-1]
    whole = equity_chart(facts.history, facts.labels)
    rolling = line_chart(days, rolled, f"Volatility of the last {ROLLING} sessions, a year's worth")
    return Page(
        title=f"{facts.book_id} {facts.first.isoformat()} to {facts.last.isoformat()}",
        lines=[
            f"{len(facts.history)} sessions closed, {len(facts.trades)} trades closed.",
            f"Benchmark: {facts.benchmark_name or 'none'}. Returns of one session, 252 a year, no risk-free rate.",
        ],
        alarms=_alarms(facts, len(returns)),
        tiles=[
            ("Equity", money(last.equity), f"{_file(last.closed_session, 'snapshot')}#/equity"),
            ("Return", percent(measures.cumulative_return(returns)), SESSIONS),
            ("Deepest fall", percent(measures.max_drawdown(returns)), "#drawdowns"),
            ("Trades", str(len(facts.trades)), TRADES),
        ],
        charts=[chart for chart in (whole, rolling) if chart is not None],
        series=SESSIONS,
        tables=[
            _returns(facts, days, returns),
            _trips(facts.trades),
            _months(days, returns),
            _falls(falls(days, returns)),
            by_reason([each.trip for each in facts.trades], TRADES),
            _strategies(facts.trades),
            _trades(facts.trades),
            _sessions(facts.history),
        ],
    )


def falls(days: Sequence[date], returns: Sequence[float]) -> list[Fall]:
    """Every time below a peak, deepest first, then oldest first."""
    found: list[Fall] = []
    peak: date | None = None
    begun: int | None = None
    depths = measures.drawdowns(returns)
    for at, (day, depth) in enumerate(zip(days, depths, strict=True)):
        if depth > 0.0:
            begun = at if begun is None else begun
        else:
            if begun is not None:
                found.append(_fall(days, depths, peak, begun, at))
                begun = None
            peak = day
    if begun is not None:
        found.append(_fall(days, depths, peak, begun, None))
    return sorted(found, key=lambda fall: -fall.depth)


def _fall(
    days: Sequence[date], depths: Sequence[float], peak: date | None, begun: int, end: int | None
) -> Fall:
    below = range(begun, len(days) if end is None else end)
    trough = max(below, key=lambda at: depths[at])
    return Fall(
        peak=peak,
        trough=days[trough],
        end=None if end is None else days[end],
        depth=depths[trough],
        sessions=len(below),
    )


def months(days: Sequence[date], returns: Sequence[float]) -> dict[int, dict[int, float]]:
    """Compounded return by year and month; month 0 is the year."""
    found: dict[int, dict[int, float]] = {}
    for day, value in zip(days, returns, strict=True):
        year = found.setdefault(day.year, {})
        for month in (0, day.month):
            year[month] = (1.0 + year.get(month, 0.0)) * (1.0 + value) - 1.0
    return found


def _alarms(facts: SheetFacts, counted: int) -> list[str]:
    alarms = []
    if facts.missing:
        alarms.append(
            f"Sessions without a snapshot that reads, and so in no measure: {len(facts.missing)}, "
            f"the first {min(facts.missing)}."
        )
    # A book's first close has nothing before it to have earned a return on: that is no fault.
    unknown = sum(shot.previous_session is not None for shot in facts.history) - counted
    if unknown > 0:
        alarms.append(f"Sessions without a return, and so in no measure: {unknown}.")
    return alarms


def _returns(facts: SheetFacts, days: Sequence[date], returns: Sequence[float]) -> Table:
    series = facts.benchmark
    beside = None if series is None or any(day not in series for day in days) else [series[d] for d in days]
    held = [bool(shot.exposure.gross > 0) for shot in facts.history]
    return _measures("Returns", of_returns(returns, beside, held), OF_RETURNS, SESSIONS)


def _trips(trades: Iterable[Trade]) -> Table:
    return _measures("Round trips", of_trips(each.trip for each in trades), OF_TRIPS, TRADES)


def _measures(title: str, found: object, told: Sequence[tuple[str, str, str]], source: str) -> Table:
    return Table(
        title=title,
        source=source,
        columns=("Measure", "Value", "Definition"),
        rows=[(name, _value(getattr(found, name), unit), text) for name, unit, text in told],
        numbers=frozenset(("Value",)),
    )


def _value(value: float | None, unit: str) -> str:
    if unit == "%":
        return percent(value)
    return NOTHING if value is None else f"{value:,.2f}".replace("-", "−")


def _months(days: Sequence[date], returns: Sequence[float]) -> Table:
    found = months(days, returns)
    return Table(
        title="Months",
        source=SESSIONS,
        columns=("Year", *MONTHS, "Whole"),
        rows=[
            (str(year), *(percent(row[month]) if month in row else "" for month in (*range(1, 13), 0)))
            for year, row in sorted(found.items())
        ],
        numbers=frozenset((*MONTHS, "Whole")),
    )


def _falls(found: Sequence[Fall]) -> Table:
    return Table(
        title="Drawdowns",
        source=SESSIONS,
        columns=("Peak", "Trough", "Back", "Depth", "Sessions below"),
        rows=[
            (
                "the start" if fall.peak is None else fall.peak.isoformat(),
                fall.trough.isoformat(),
                "not yet" if fall.end is None else fall.end.isoformat(),
                percent(fall.depth),
                str(fall.sessions),
            )
            for fall in found[:DEEPEST]
        ],
        numbers=frozenset(("Depth", "Sessions below")),
        notes=(f"The deepest {min(DEEPEST, len(found))} of {len(found)}.",) if found else ("None.",),
    )


def _strategies(trades: Sequence[Trade]) -> Table:
    names = sorted({each.trip.strategy_id for each in trades})
    own = {name: [each.trip for each in trades if each.trip.strategy_id == name] for name in names}
    told = {name: of_trips(trips) for name, trips in own.items()}
    return Table(
        title="Closed trades by strategy",
        source=TRADES,
        columns=("Strategy", "Trades", "Net", "Win rate", "Profit factor", "Expectancy R"),
        rows=[
            (
                name,
                str(found.trades),
                money(sum((trip.net for trip in own[name]), Decimal(0))),
                percent(found.win_rate),
                _value(found.profit_factor, ""),
                _value(found.expectancy_r, ""),
            )
            for name, found in told.items()
        ],
        numbers=frozenset(("Trades", "Net", "Win rate", "Profit factor", "Expectancy R")),
        notes=("Open positions are not in it; `avwap explain` adds up to the book's whole money.",),
    )


def _trades(trades: Sequence[Trade]) -> Table:
    return Table(
        title="Closed trades",
        refs=[f"{_file(each.session, 'trades')}#/closed/{each.place}" for each in trades],
        columns=("Closed", "Symbol", "Strategy", "Sessions", "Shares", "Net", "R", "MAE", "MFE", "Reasons"),
        rows=[
            (
                each.session.isoformat(),
                each.trip.symbol,
                each.trip.strategy_id,
                str(each.trip.sessions_held),
                str(each.trip.quantity),
                money(each.trip.net),
                _value(each.trip.r_multiple, ""),
                money(each.trip.mae),
                money(each.trip.mfe),
                ", ".join(each.trip.exit_reasons),
            )
            for each in trades
        ],
        numbers=frozenset(("Sessions", "Shares", "Net", "R", "MAE", "MFE")),
        notes=() if trades else ("No position was closed.",),
    )


def _sessions(history: Sequence[Snapshot]) -> Table:
    return Table(
        title="Sessions",
        refs=[_file(shot.closed_session, "snapshot") for shot in history],
        columns=("Session", "Equity", "Return", "Drawdown", "Gross", "Positions", "Entries"),
        rows=[
            (
                shot.closed_session.isoformat(),
                money(shot.equity),
                percent(shot.session_return),
                percent(shot.drawdown),
                percent(shot.exposure.gross_fraction),
                shown(len(shot.positions)),
                shown(shot.entries_today),
            )
            for shot in history
        ],
        numbers=frozenset(("Equity", "Return", "Drawdown", "Gross", "Positions", "Entries")),
    )


def _file(session: date, stage: str) -> str:
    """The address of a stage's file, from the folder in which sheets of a book lie."""
    return f"../{session.isoformat()}/{stage}.json"
